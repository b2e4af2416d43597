"""The highest point of polynomial pieces: dense samples, then Newton's iteration on the slope."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.polynomial import legendre

from .series import FloatArray, bound, evaluate

SAMPLES_PER_DEGREE = 6
"""Between samples this dense in the angle, a polynomial rises by a factor of 1/cos(pi/12) at most (Bernstein)."""

ROUNDS = 6
"""Newton's steps: from a neighbouring sample, each doubles the digits."""


def highest(breakpoints: FloatArray, series: Sequence[FloatArray]) -> tuple[float, float]:
    """Return where the pieces are highest, and how high.

    The pieces that can be highest by their bound come first; the rest is not looked at.
    """
    best, place = -np.inf, 0.0
    tops = np.array([piece[0] + bound(piece[1:]) for piece in series])
    for number in np.argsort(-tops, kind="stable"):
        if tops[number] <= best:
            break
        low, high = breakpoints[number], breakpoints[number + 1]
        t, value = _highest_of(series[number])
        if value > best:
            best, place = value, float((low * (1 - t) + high * (1 + t)) / 2)
    return place, float(best)


def _highest_of(piece: FloatArray) -> tuple[float, float]:
    degree = len(piece) - 1
    if degree == 0:
        return -1.0, float(piece[0])
    count = SAMPLES_PER_DEGREE * degree + 1
    t = -np.cos(np.pi * np.arange(count) / (count - 1))
    values = evaluate(piece, t)
    edged = np.concatenate([[-np.inf], values, [-np.inf]])
    peaks = np.flatnonzero((edged[1:-1] >= edged[:-2]) & (edged[1:-1] >= edged[2:]))
    peaks = peaks[values[peaks] >= values.max() - 0.1 * np.ptp(values)]
    low, high = t[np.maximum(peaks - 1, 0)], t[np.minimum(peaks + 1, count - 1)]
    slope = legendre.legder(piece)
    bend = legendre.legder(slope) if degree > 1 else np.zeros(1)
    refined = t[peaks]
    for _ in range(ROUNDS):
        rise, turn = evaluate(slope, refined), evaluate(bend, refined)
        step = np.divide(-rise, turn, out=np.zeros_like(rise), where=turn < 0)
        refined = np.clip(refined + step, low, high)
    # A sample that is higher than what Newton found stays: ends, and peaks as flat as rounding.
    places = np.concatenate([t[peaks], refined])
    heights = np.concatenate([values[peaks], evaluate(piece, refined)])
    peak = int(np.argmax(heights))
    return float(places[peak]), float(heights[peak])
