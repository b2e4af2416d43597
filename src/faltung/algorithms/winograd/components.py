"""Complex numbers: seen as a real problem with a channel for each component, real and imaginary.

The transforms are real, so they take both components apart.  Components of a channel follow each other: in the samples,
the transformed taps and the sums.  Images, kernels and outputs stay as they are, and their dtypes complex; a problem
seen like this is known by them.
"""

from __future__ import annotations

from dataclasses import replace

from ...compiler.elements import ELEMENTS
from ...problem.problem import Number, Problem


def components(p: Problem) -> int:
    """Components of a number: 2 where numbers are complex."""
    return ELEMENTS[p.image_dtype].planes


def by_components(p: Problem) -> Problem:
    """A problem whose channels and sums are components."""
    count = components(p)
    if count == 1:
        return p
    real = {"complex64": "float32", "complex128": "float64"}[p.accumulator_dtype]
    return replace(p, channels_in=count * p.channels_in, channels_out=count * p.channels_out, accumulator_dtype=real)


def whole(p: Problem) -> Problem:
    """Undo `by_components`."""
    count = components(p)
    if count == 1:
        return p
    return replace(p, channels_in=p.channels_in // count, channels_out=p.channels_out // count,
                   accumulator_dtype=p.image_dtype)


def component(number: Number, which: int) -> float:
    """One component of a number."""
    return float((number.real, number.imag)[which])
