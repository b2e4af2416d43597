"""Which positions outside the image a stage looks at, and what stands there."""

from __future__ import annotations

from ...problem.border import map_index
from .frame import Frame


def outside(frame: Frame) -> list[tuple[int, int]]:
    """For each axis, how many positions before and behind the image are ever looked at."""
    p = frame.problem
    found = []
    for n, out, start, s, reach in zip(p.image, p.output, p.start, p.stride, frame.reach, strict=True):
        last = start + (out - 1) * s + reach
        found.append((max(0, -start), max(0, last - n + 1)))
    return found


def border_tables(frame: Frame) -> list[int]:
    """The index that each position outside the image stands for, axis after axis; -1 is the constant border."""
    return [cell for axis in range(frame.problem.ndim) for cell in border_table(frame, axis)]


def border_table(frame: Frame, axis: int) -> list[int]:
    """The same for one axis: positions before the image, and those behind it."""
    extent, (before, behind) = frame.problem.image[axis], outside(frame)[axis]
    return [mapped(frame, axis, position) for position in [*range(-before, 0), *range(extent, extent + behind)]]


def mapped(frame: Frame, axis: int, position: int) -> int:
    """The index that a position stands for, or -1 for the constant border."""
    p = frame.problem
    images = frame.stage.interleaved if axis == p.ndim - 1 else 1
    pixel, image = divmod(position, images)
    found = map_index(pixel, p.image[axis] // images, *p.border[axis])
    return -1 if found is None else found * images + image
