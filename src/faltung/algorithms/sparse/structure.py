"""Find out how many taps of a kernel are zero."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...problem.problem import Problem

MOST, SHARE = 64, 0.6
"""Taps that are not zero: at most so many, and at most such a share of all."""


def most_kept(problem: Problem) -> int:
    """How many taps of a kernel may be something else than zero."""
    return min(MOST, int(SHARE * problem.terms))


def kept(problem: Problem, kernel: Any) -> np.ndarray | None:
    """Indices of the taps that are not zero in every kernel; None if these are too many."""
    taps = kernel.reshape(-1, problem.terms)
    most = most_kept(problem)
    if np.count_nonzero(taps[0]) > most:
        return None
    found = np.flatnonzero((taps != 0).any(0))
    return found if len(found) <= most else None
