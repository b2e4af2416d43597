"""Coarse to fine: where to look at all, found in smaller versions of image and pattern."""

from __future__ import annotations

from math import nan

import numpy as np

from .. import operations
from .peaks import local_maxima
from .request import Operands
from .scores import score_maps
from .variants import Variant, constant

Array = np.ndarray
LEVELS, SMALLEST = 3, 8
KEPT_VARIANCE = 0.75
"""A level is used while the pattern keeps this part of its variance there: what is lost must not decide."""
MARGIN = 0.25
"""How much lower a coarse score may be than the threshold: half a coarse sample off the place, and detail lost."""
_BINOMIAL = np.array([1.0, 3.0, 3.0, 1.0]) / 8


def coarse_places(operands: Operands, score: str, least: float, method: str,
                  threads: int | None) -> list[tuple[slice, ...]] | None:
    """Ranges of places worth a look at full size; None if all are, because no smaller version is safe.

    Only for zncc and ncc with a threshold and without masks: their scores keep their meaning when detail is lost.
    """
    if score not in ("zncc", "ncc") or not np.isfinite(least) or not _plain(operands):
        return None
    small, factor = operands, 1
    for _ in range(LEVELS):
        if min(small.extents) < 2 * SMALLEST:
            break
        next_pattern = _half(small.pattern)
        if _variance(next_pattern) < KEPT_VARIANCE * _variance(operands.pattern):
            break
        small, factor = Operands(_half(small.image), next_pattern, None, None), 2 * factor
    if factor == 1 or constant(Variant(small.pattern, None, 0.0, 1.0)):
        return None
    scores = score_maps([small], score, nan, method, threads)[0]
    found = local_maxima(scores, least - MARGIN)
    return _ranges(found, factor, operands.places)


def _plain(operands: Operands) -> bool:
    return operands.mask is None and operands.image_mask is None


def _variance(pattern: Array) -> float:
    axes = tuple(range(1, pattern.ndim))
    return float(pattern.astype(np.float64).var(axis=axes).sum())


def _half(array: Array) -> Array:
    """Half the extents: each sample stands in the middle of two, smoothed by the binomial of four taps.

    Pattern and image begin alike, so an even place ``p`` of the image is place ``p / 2`` of the half.
    """
    result = array.astype(np.float32 if array.dtype.itemsize <= 2 or array.dtype == np.float32 else np.float64)
    for axis in range(1, array.ndim):
        taps = _BINOMIAL.astype(result.dtype)
        count = result.shape[axis] // 2
        result = operations.correlate(result, taps, "same", axes=axis, border="edge", stride=2, anchor=1)
        result = result[(*[slice(None)] * axis, slice(0, count))]
    return np.ascontiguousarray(result)


def _ranges(found: Array, factor: int, places: tuple[int, ...]) -> list[tuple[slice, ...]]:
    """Places around the coarse ones, two coarse samples to each side; overlapping ranges are merged greedily."""
    reach = 2 * factor
    ranges: list[tuple[slice, ...]] = []
    taken = np.zeros(tuple(-(-n // factor) for n in places), bool)
    for place in found:
        at = tuple(min(int(p), n - 1) for p, n in zip(place, taken.shape, strict=True))
        if taken[at]:
            continue
        taken[tuple(slice(max(0, p - 1), p + 2) for p in at)] = True
        centre = [min(p * factor, n - 1) for p, n in zip(at, places, strict=True)]
        ranges.append(tuple(slice(max(0, c - reach), min(n, c + reach + 1))
                            for c, n in zip(centre, places, strict=True)))
    return ranges
