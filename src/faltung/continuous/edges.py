"""Where a function jumps, bends or has a jump in a higher derivative: found by looking ever closer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .series import UNIT, FloatArray

SAMPLES = 33
HIGHEST_ORDER = 4
"""A jump in the third derivative still shows in fourth differences; beyond, rounding hides it."""

SHRINKS = 0.5
"""Closer by a factor of 8 or more, ``difference / h^(order - 1)`` of a smooth function shrinks by as much."""

LOOKS = 3
"""So often it must not shrink before a place counts as an edge."""


def find_edge(sample: Callable[[FloatArray], FloatArray], low: float, high: float, scale: float) -> float | None:
    """Return where a derivative of order 0 to 3 jumps within (low, high), the lowest order first; None if nowhere.

    For ``order = 1 .. 4`` the greatest of the differences ``|D^order f|`` on a grid is taken, then a grid around
    it, and so on.  Across a jump of the derivative of ``order - 1`` such a difference falls only as
    ``h^(order - 1)``, elsewhere as ``h^order``: where the quotient stays, there is the edge.

    References
    ----------
    The idea of Pachon, Platte and Trefethen, "Piecewise-smooth chebfuns", IMA J. Numer. Anal. 30 (2010), section 4.
    """
    for order in range(1, HIGHEST_ORDER + 1):
        bracket = _closer(sample, low, high, scale, order)
        if bracket is None:
            continue
        start, stop = _bisected(sample, *bracket) if order == 1 else bracket
        place = simplest(start, stop)
        margin = 1e-9 * (high - low)
        # An edge at the very end is no edge, but a function that is not smooth up to its end.
        return place if low + margin < place < high - margin else None
    return None


def _closer(sample: Callable[[FloatArray], FloatArray], low: float, high: float, scale: float,
            order: int) -> tuple[float, float] | None:
    """Return the bracket of a jump in the derivative of ``order - 1``, as narrow as rounding allows."""
    before, looks = 0.0, 0
    noise = 64 * UNIT * 2**order * scale
    inset = (high - low) / (4 * SAMPLES)  # the ends belong to the neighbours
    start, stop = low + inset, high - inset
    while stop - start > 4 * SAMPLES * np.spacing(max(abs(start), abs(stop))):
        x = np.linspace(start, stop, SAMPLES)
        differences = np.abs(np.diff(sample(x), order))
        k = int(np.argmax(differences))
        if differences[k] <= noise:
            break
        strength = float(differences[k]) / float(x[1] - x[0]) ** (order - 1)
        if strength < SHRINKS * before:
            return None
        before, looks = strength, looks + 1
        start, stop = float(x[max(k - 1, 0)]), float(x[min(k + order + 1, SAMPLES - 1)])
    return (start, stop) if looks >= LOOKS else None


def _bisected(sample: Callable[[FloatArray], FloatArray], low: float, high: float) -> tuple[float, float]:
    """Return the neighbouring floats between which the function jumps."""
    left, right = sample(np.array([low, high]))
    while True:
        middle = low + (high - low) / 2
        if not low < middle < high:
            return low, high
        value = sample(np.array([middle]))[0]
        if abs(value - left) > abs(right - value):
            high, right = middle, value
        else:
            low, left = middle, value


def simplest(low: float, high: float) -> float:
    """Return the number of fewest decimals in [low, high].

    Examples
    --------
    >>> simplest(0.29999999999999993, 0.30000000000000004)
    0.3
    """
    middle = low + (high - low) / 2
    for digits in range(17):
        number = round(middle, digits)
        if low <= number <= high:
            return number
    return middle
