"""From a score map to places: local maxima, sub-pixel positions, and which of several overlapping boxes stays."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod

import numpy as np

Array = np.ndarray
Place = tuple[int, ...]


def local_maxima(scores: Array, least: float) -> Array:
    """Places whose score is at least ``least`` and no neighbour's is larger; NaN is no score.

    Parameters
    ----------
    scores : ndarray
        Larger is better.
    least : float

    Returns
    -------
    ndarray, shape (places, axes)
        Best first; equal scores in the order of their places.

    Examples
    --------
    >>> local_maxima(np.array([0.1, 0.9, 0.2, 0.8, np.nan]), 0.5)
    array([[1],
           [3]])
    """
    places = np.argwhere(scores >= least)
    values = scores[tuple(places.T)]
    kept = np.ones(len(places), bool)
    limit = np.array(scores.shape)
    for step in product((-1, 0, 1), repeat=scores.ndim):
        if any(step):
            beside = places + step
            inside = ((beside >= 0) & (beside < limit)).all(axis=1)
            beside = np.clip(beside, 0, limit - 1)
            kept &= ~(inside & (scores[tuple(beside.T)] > values))
    places, values = places[kept], values[kept]
    return places[np.argsort(-values, kind="stable")]


def sub_sample(scores: Array, place: Place) -> tuple[float, ...]:
    """Where the quadratic through a maximum and its neighbours has its top.

    With differences ``g`` and second differences ``H`` of the 3 x ... x 3 neighbourhood the top lies ``-H**-1 g`` away;
    axis by axis where that is no top or further than one sample, and not at all at the edge or beside NaN.
    """
    ndim = scores.ndim
    at = np.array(place)
    steps = np.eye(ndim, dtype=int)

    def look(offset: Array) -> float:
        index = at + offset
        inside = all(0 <= i < n for i, n in zip(index, scores.shape, strict=True))
        return float(scores[tuple(index)]) if inside else np.nan

    here = look(np.zeros(ndim, int))
    ahead, behind = (np.array([look(sign * step) for step in steps]) for sign in (1, -1))
    slope, bend = (ahead - behind) / 2, ahead - 2 * here + behind
    usable = np.isfinite(slope) & np.isfinite(bend) & (bend < 0)
    alone = np.where(usable, -slope / np.where(usable, bend, -1), 0)
    shift = np.clip(alone, -0.5, 0.5)
    if usable.all() and ndim > 1:
        curve = np.diag(bend)
        for i in range(ndim):
            for j in range(i):
                corners = [look(a * steps[i] + b * steps[j]) * a * b for a in (1, -1) for b in (1, -1)]
                curve[i, j] = curve[j, i] = sum(corners) / 4
        if np.isfinite(curve).all() and (np.linalg.eigvalsh(curve) < 0).all():
            whole = -np.linalg.solve(curve, slope)
            shift = whole if (np.abs(whole) <= 1).all() else shift
    return tuple(float(value) for value in at + shift)


class Kept:
    """The boxes that stay; one that overlaps a better one, or lies too near, is refused."""

    def __init__(self, min_distance: float | None, overlap: float) -> None:
        self.min_distance, self.overlap = min_distance, overlap
        self.starts: list[Sequence[float]] = []
        self.stops: list[Sequence[float]] = []

    def admit(self, start: Sequence[float], extents: Sequence[int]) -> bool:
        """Keep a box unless a kept one stands in its way."""
        low, high = np.array(start, float), np.array(start, float) + extents
        if self.starts:
            lows, highs = np.array(self.starts), np.array(self.stops)
            if self.min_distance is not None:
                distance = np.sqrt((((lows + highs) - (low + high)) ** 2).sum(axis=1)) / 2
                if (distance < self.min_distance).any():
                    return False
            else:
                shared = np.prod(np.maximum(np.minimum(highs, high) - np.maximum(lows, low), 0), axis=1)
                union = np.prod(highs - lows, axis=1) + prod(extents) - shared
                if (shared > self.overlap * union).any():
                    return False
        self.starts.append(low.tolist())
        self.stops.append(high.tolist())
        return True
