"""Find out how many taps of a kernel are zero."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...problem.problem import Problem

MOST, SHARE = 64, 0.6
"""Taps that are not zero: at most so many, and at most such a share of all."""


def most_kept(problem: Problem) -> int:
    """How many taps of a kernel may be something else than zero."""
    return min(MOST, int(SHARE * problem.terms))


def known_factors(problem: Problem, taps: Any) -> tuple[int, ...]:
    """Of each tap, (kernels, taps), its value where that is a power of two, or the opposite of one, and 0 elsewhere.

    Only sums in int64 ask for it: other products take no longer than sums.
    """
    if problem.accumulator_dtype != "int64":
        return (0,) * len(taps[0])
    first: list[int] = [int(tap) for tap in taps[0]]
    equal = (taps == taps[0]).all(0)
    return tuple(tap if same and abs(tap).bit_count() == 1 else 0 for tap, same in zip(first, equal, strict=True))


def twins(problem: Problem, taps: Any, factors: Sequence[int]) -> tuple[int, ...]:
    """Of each tap, (kernels, taps), which is the first with its absolute value, counted from 1; negative if opposite.

    Empty where no taps share a product.  Only sums in int64 ask for it, which are right in any order.  Taps that are
    part of the code need no product.
    """
    if problem.accumulator_dtype != "int64":
        return ()
    first: dict[bytes, int] = {}
    found = []
    for number, (values, factor) in enumerate(zip(taps.T.astype("int64"), factors, strict=True), 1):
        same, opposite = values.tobytes(), (-values).tobytes()
        found.append(first.get(same) or -first.get(opposite, 0) or number)
        if not factor:
            first.setdefault(same, number)
    return tuple(found) if any(abs(one) != number for number, one in enumerate(found, 1)) else ()


def kept(problem: Problem, kernel: Any) -> np.ndarray | None:
    """Indices of the taps that are not zero in every kernel; None if these are too many."""
    taps = kernel.reshape(-1, problem.terms)
    most = most_kept(problem)
    if np.count_nonzero(taps[0]) > most:
        return None
    found = np.flatnonzero((taps != 0).any(0))
    return found if len(found) <= most else None
