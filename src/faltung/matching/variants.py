"""Patterns turned and scaled: cubic interpolation, and a mask for the corners that are empty then."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, cos, radians, sin
from typing import NamedTuple

import numpy as np

Array = np.ndarray


class Variant(NamedTuple):
    """A pattern as it looks turned by ``angle`` degrees and ``scale`` times as large; channels in front."""

    pattern: Array
    mask: Array | None
    angle: float
    scale: float


def variant(pattern: Array, mask: Array | None, angle: float, scale: float) -> Variant:
    """Turn and scale a pattern.

    Parameters
    ----------
    pattern : ndarray, shape (channels, K, ...)
    mask : ndarray, shape (K, ...), optional
    angle : float
        Degrees, from the last axis towards decreasing indices of the one before: anticlockwise as a picture is shown.
        Two axes only.
    scale : float
        Extents become ``round(scale * K)``.
    """
    if angle % 360 == 0 and scale == 1:
        return Variant(pattern, mask, angle, scale)
    wide = pattern.astype(np.float64)
    weights = None if mask is None else mask.astype(np.float64)
    if scale != 1:
        wide = _resize(wide, scale)
        weights = None if weights is None else np.clip(_resize(weights[np.newaxis], scale)[0], 0, None)
    if angle % 360:
        wide, weights = _turn(wide, weights, radians(angle % 360))
    kept = wide.astype(np.float32 if pattern.dtype.itemsize <= 2 or pattern.dtype == np.float32 else np.float64)
    return Variant(kept, weights, angle, scale)


def cubic(distance: Array) -> Array:
    """Keys's cubic convolution kernel, a = -1/2 (IEEE Trans. ASSP 29(6), 1981, equation 15).

    >>> cubic(np.array([0.0, 0.5, 1.0, 2.0]))
    array([1.    , 0.5625, 0.    , 0.    ])
    """
    d = np.abs(distance)
    near = (1.5 * d - 2.5) * d * d + 1
    far = ((-0.5 * d + 2.5) * d - 4) * d + 2
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def _resize(pattern: Array, scale: float) -> Array:
    """Scale every axis but the first; the kernel widens when the pattern shrinks, so that nothing is aliased."""
    for axis in range(1, pattern.ndim):
        weights = _resizing(pattern.shape[axis], max(1, round(scale * pattern.shape[axis])))
        pattern = np.moveaxis(np.tensordot(weights, pattern, (1, axis)), 0, axis)
    return pattern


def _resizing(extent: int, wanted: int) -> Array:
    """The matrix that resamples one axis; samples stand in the middle of their cells."""
    ratio = extent / wanted
    centres = (np.arange(wanted) + 0.5) * ratio - 0.5
    weights = cubic((centres[:, np.newaxis] - np.arange(extent)) / max(1.0, ratio))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _turn(pattern: Array, mask: Array | None, angle: float) -> tuple[Array, Array]:
    """Turn about the middle; the result has the bounding box of the turned one."""
    rows, columns = pattern.shape[1:]
    c, s = cos(angle), sin(angle)
    height = max(1, ceil(abs(rows * c) + abs(columns * s) - 1e-6))
    width = max(1, ceil(abs(columns * c) + abs(rows * s) - 1e-6))
    y, x = np.mgrid[:height, :width].astype(float)
    y, x = y - (height - 1) / 2, x - (width - 1) / 2
    row, column = y * c + x * s + (rows - 1) / 2, x * c - y * s + (columns - 1) / 2
    inside = (row >= -1e-6) & (row <= rows - 1 + 1e-6) & (column >= -1e-6) & (column <= columns - 1 + 1e-6)
    turned = _look(pattern, row, column)
    weights = inside.astype(np.float64)
    if mask is not None:
        weights *= np.clip(_look(mask[np.newaxis], row, column)[0], 0, None)
    return turned * (weights > 0), weights


def _look(pattern: Array, row: Array, column: Array) -> Array:
    """Cubic interpolation at given places; beyond the edge stands the edge."""
    top, left = np.floor(row).astype(int), np.floor(column).astype(int)
    total = np.zeros((pattern.shape[0], *row.shape))
    for i in range(-1, 3):
        for j in range(-1, 3):
            at = np.clip(top + i, 0, pattern.shape[1] - 1), np.clip(left + j, 0, pattern.shape[2] - 1)
            total += pattern[:, at[0], at[1]] * (cubic(row - top - i) * cubic(column - left - j))
    return total


def constant(variant: Variant) -> bool:
    """Whether nothing is left of a pattern's structure."""
    pattern = variant.pattern if variant.mask is None else variant.pattern[:, variant.mask > 0]
    flat = pattern.reshape(pattern.shape[0], -1)
    return flat.shape[1] == 0 or bool(np.all(flat.min(axis=1) == flat.max(axis=1)))


def fits(extents: Sequence[int], room: Sequence[int]) -> bool:
    """Whether a pattern is no larger than the image."""
    return all(extent <= n for extent, n in zip(extents, room, strict=True))
