"""Complex numbers: seen as a real problem with a channel for each real factor of a number.

The transforms are real, so they take both components of a number apart.  Products of complex numbers are three real
ones, of components and their sums (see `gauss`): so each channel becomes three, which follow each other in the
transformed samples and in the sums.  Images, kernels and outputs stay as they are, and their dtypes complex; by these
a problem seen like this is known.
"""

from __future__ import annotations

from dataclasses import replace

from ...compiler.elements import ELEMENTS
from ...problem.problem import Number, Problem


def components(p: Problem) -> int:
    """Components of a number: 2 where numbers are complex."""
    return ELEMENTS[p.image_dtype].planes


def factors(p: Problem) -> int:
    """Real factors of a number: its components, and their sum."""
    return 3 if components(p) == 2 else 1


def by_factors(p: Problem) -> Problem:
    """A problem whose channels are factors."""
    count = factors(p)
    if count == 1:
        return p
    real = {"complex64": "float32", "complex128": "float64"}[p.accumulator_dtype]
    return replace(p, channels_in=count * p.channels_in, channels_out=count * p.channels_out, accumulator_dtype=real)


def whole(p: Problem) -> Problem:
    """Undo `by_factors`."""
    count = factors(p)
    if count == 1:
        return p
    return replace(p, channels_in=p.channels_in // count, channels_out=p.channels_out // count,
                   accumulator_dtype=p.image_dtype)


def component(number: Number, which: int) -> float:
    """One component of a number."""
    return float((number.real, number.imag)[which])
