"""Contact sheets: many small maps as one picture, on one scale of colours."""

from __future__ import annotations

from math import ceil
from typing import Any, NamedTuple

import numpy as np

from .panels import Array, Box
from .style import SCORES, SIGNED

MOST_MAPS, MOST_VALUES = 64, 1024
"""More are counted, not drawn."""
_FINE = 24
"""A small map is drawn with so many pixels at least, so that the gaps beside it can be narrow."""
_GAP = 0.08
"""Between maps, against their longer side."""


class Sheet(NamedTuple):
    """Maps side by side: ``pixels`` has NaN between them; ``corners`` are the maps' upper left pixels in it."""

    pixels: Array
    corners: tuple[tuple[int, int], ...]
    repeated: tuple[int, int]
    """Each value is so many pixels high, and so many wide."""
    shape: tuple[int, int]
    """Extents of a map."""
    total: int
    """Maps that there are; not all may be drawn."""

    def map(self, number: int) -> Array:
        """The values of a map, as they are drawn."""
        (top, left), (rows, columns), (tall, wide) = self.corners[number], self.shape, self.repeated
        return self.pixels[top : top + rows * tall : tall, left : left + columns * wide : wide]

    @property
    def side(self) -> int:
        """The longer side of a map, in pixels."""
        return max(extent * by for extent, by in zip(self.shape, self.repeated, strict=True))

    @property
    def is_signed(self) -> bool:
        """Whether there are values below zero."""
        return bool(np.nanmin(self.pixels) < 0)

    @property
    def limits(self) -> tuple[float, float]:
        """Values of the ends of the scale of colours."""
        finite = self.pixels[np.isfinite(self.pixels)]
        most = float(np.abs(finite).max(initial=0.0)) or 1.0
        return (-most if self.is_signed else 0.0), most

    @property
    def colours(self) -> str:
        """Name of the scale of colours."""
        return SIGNED if self.is_signed else SCORES


def planes(values: Array) -> Array:
    """What can be drawn of (channels, *space): images; the middle slices of volumes; single values as images of one."""
    if values.ndim == 1:
        return values[:, None, None]
    if values.ndim == 2:
        return values[:, None, :]
    while values.ndim > 3:
        values = values[:, values.shape[1] // 2]
    return values


def sheet(values: Array, room: Box, columns: int | None = None, most: int | None = None) -> Sheet:
    """Lay out the maps of (channels, *space) so that they fill a box as well as they can."""
    maps = planes(np.asarray(values, np.float64))
    count, (rows, wide) = len(maps), maps.shape[1:]
    shown = maps[: most or (MOST_VALUES if rows == wide == 1 else MOST_MAPS)]
    by = max(1, ceil(_FINE / max(rows, wide)))
    # The maps of a signal are strips, not lines.
    tall = max(by, wide * by // 6) if rows == 1 else by
    gap = max(1, round(_GAP * max(rows * tall, wide * by)))
    high, broad = rows * tall + gap, wide * by + gap
    columns = columns or max(range(1, len(shown) + 1), key=lambda many: _scale(len(shown), many, high, broad, room))
    lines = ceil(len(shown) / columns)
    pixels = np.full((lines * high - gap, columns * broad - gap), np.nan)
    corners = tuple((number // columns * high, number % columns * broad) for number in range(len(shown)))
    for (top, left), one in zip(corners, shown, strict=True):
        pixels[top : top + rows * tall, left : left + wide * by] = one.repeat(tall, 0).repeat(by, 1)
    return Sheet(pixels, corners, (tall, by), (rows, wide), count)


def _scale(count: int, columns: int, high: int, broad: int, room: Box) -> float:
    """How large the maps can be drawn in so many columns."""
    return min(room.width / (columns * broad), room.height / (ceil(count / columns) * high))


def short(value: float) -> str:
    """A value of a scale: three figures.

    >>> short(0.0), short(12.3456), short(-0.00123)[1:]
    ('0', '12.3', '0.00123')
    """
    return f"{value:.3g}".replace("-", "\N{MINUS SIGN}")


def as_pixels(image: Any) -> Array:
    """An image of (channels, *space) as Matplotlib takes it: grey from 0 to 1, or colours."""
    values = np.asarray(image, np.float64)
    low, high = float(values.min()), float(values.max())
    scaled = (values - low) / ((high - low) or 1.0)
    if len(values) == 3 and values.ndim == 3:
        return scaled.transpose(1, 2, 0)
    first: Array = planes(scaled)[0]
    return first
