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
    p, cells = frame.problem, []
    for axis, (extent, sides, (before, behind)) in enumerate(zip(p.image, p.border, outside(frame), strict=True)):
        images = frame.stage.interleaved if axis == p.ndim - 1 else 1
        for position in [*range(-before, 0), *range(extent, extent + behind)]:
            pixel, image = divmod(position, images)
            mapped = map_index(pixel, extent // images, *sides)
            cells.append(-1 if mapped is None else mapped * images + image)
    return cells
