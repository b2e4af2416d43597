"""Long rows are cut: neighbouring parts of equal width that look at nothing outside the image are a batch.

What is left at both ends is computed for itself.  Tiles stand where they would stand uncut, so no bit changes.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ...machine import Machine
from ...problem.problem import Problem
from .frame import Frame, products_along, size_of
from .seen import Seen, first_sample, reach, span

CACHE_SHARE = 0.5
"""Of the second-level cache, for the transformed samples of one part."""

SHORTEST = 48
"""Tiles of a part at least: a whole register tile of most machines."""


class Cut(NamedTuple):
    """Outputs of a row from ``first`` on: so many parts of one width, or (0) a single one, which is no batch."""

    first: int
    width: int
    parts: int = 0

    @property
    def end(self) -> int:
        """The first output behind."""
        return self.first + self.width * max(1, self.parts)

    def see(self, seen: Seen) -> Seen:
        """The problem of these outputs alone."""
        p, depth = seen.problem, seen.depth
        start = p.start[1] + self.first * p.stride[1]
        if not self.parts:
            return seen._replace(problem=replace(p, start=(p.start[0], start), output=(p.output[0], self.width)))
        at, width = _axis(seen), span(p, 1, self.width)
        part = replace(p, batch=(*p.batch[:at], self.parts, *p.batch[at:]), image=(p.image[0], width),
                       output=(p.output[0], self.width), start=(p.start[0], -(-start % p.image_dilation[1])))
        return Seen(part, _inserted(seen.strides, at, self.width * seen.strides[-1]), depth)

    def see_image(self, seen: Seen, image: Any) -> Any:
        """What these outputs look at: all, or parts that overlap."""
        p = seen.problem
        if not self.parts:
            return image
        step, dilation = p.stride[1], p.image_dilation[1]
        first = first_sample(p, 1) + self.first * step // dilation
        return self._parted(seen, image[..., first:], self.width * step // dilation, span(p, 1, self.width))

    def see_output(self, seen: Seen, places: Any) -> Any:
        """These outputs."""
        places = places[..., self.first:self.end]
        return self._parted(seen, places, self.width, self.width) if self.parts else places

    def _parted(self, seen: Seen, array: Any, step: int, width: int) -> Any:
        return strided(array, _axis(seen), self.parts, step, width)


def strided(array: Any, at: int, count: int, step: int, width: int) -> Any:
    """So many parts of rows, ``step`` columns apart and ``width`` wide, along a new axis before axis ``at``."""
    at %= array.ndim
    shape = (*array.shape[:at], count, *array.shape[at:-1], width)
    strides = _inserted(array.strides, at, step * array.strides[-1])
    return np.lib.stride_tricks.as_strided(array, shape, strides, writeable=array.flags.writeable)


def _axis(seen: Seen) -> int:
    """Where the axis of the parts goes: behind the batch, and before a volume's planes."""
    return len(seen.problem.batch) - (seen.depth is not None)


def _inserted(strides: tuple[int, ...], at: int, step: int) -> tuple[int, ...]:
    return (*strides[:at], step, *strides[at:])


def cuts(p: Problem, tile: tuple[int, int], machine: Machine) -> list[Cut]:
    """How the rows of a problem of two axes are cut; the longest part comes first."""
    samples = prod(products_along(p, axis, m) for axis, m in enumerate(tile)) * p.channels_in * size_of(p)
    least = -(-SHORTEST // p.kernel_dilation[1]) * p.kernel_dilation[1]
    tiles = int(CACHE_SHARE * machine.l2_bytes / samples) // least * least
    width = max(least, tiles) * tile[1]
    # outputs that look at nothing outside
    low, left = -(p.start[1] // p.stride[1]), p.image[1] * p.image_dilation[1] - p.start[1] - reach(p, 1) - 1
    high = left // p.stride[1] + 1
    first = max(0, -(-low // width)) * width
    count = (min(high, p.output[1]) - first) // width
    if count < 2:
        return [Cut(0, p.output[1])]
    middle = Cut(first, width, count)
    ends = [Cut(0, first), Cut(middle.end, p.output[1] - middle.end)]
    return [middle, *(end for end in ends if end.width)]


class Part(NamedTuple):
    """Outputs, and the frame that they are computed in."""

    cut: Cut
    frame: Frame


def once(parts: tuple[Part, ...]) -> bool:
    """Whether every transformed tap is read once in a call."""
    return len(parts) == 1 and parts[0].frame.strips == 1
