"""How problems of one and of three axes are seen: as problems of two.

A signal is an image of one row.  Of a volume, each plane of outputs is an image of the batch, and the planes that it
looks at are so many times the channels: along that axis nothing is transformed.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ...problem.border import map_index
from ...problem.problem import Problem, Side
from .components import by_factors, components

BEFORE, BEHIND, NOTHING, ABOVE, BELOW = range(-1, -6, -1)
"""What stands where no sample of the image does: the constants before and behind its rows, zeros that no output
needs, and the constants above its first plane and below its last."""

FILLS = 5


class Depth(NamedTuple):
    """The third axis of a volume: its extents and steps, as in the problem."""

    image: int
    taps: int
    output: int
    start: int
    stride: int
    dilation: int
    border: tuple[Side, Side]

    @property
    def marks(self) -> tuple[int, ...]:
        """Which plane of the image each tap meets, for each plane of outputs."""
        found = []
        for o, t in product(range(self.output), range(self.taps)):
            position = self.start + o * self.stride + t * self.dilation
            mapped = map_index(position, self.image, *self.border)
            found.append(mapped if mapped is not None else ABOVE if position < 0 else BELOW)
        return tuple(found)


class Seen(NamedTuple):
    """A problem of two axes, the strides of its output in elements, and what became of a third one."""

    problem: Problem
    strides: tuple[int, ...]
    depth: Depth | None = None


def taps_seen(p: Problem) -> tuple[int, int]:
    """Taps along the two axes."""
    down, across = (1, *p.kernel)[-2:]
    return down, across


def reach(p: Problem, axis: int) -> int:
    """How far the last tap lies behind the first along an axis."""
    return (p.kernel[axis] - 1) * p.kernel_dilation[axis]


def first_sample(p: Problem, axis: int) -> int:
    """The first sample that the first output could look at."""
    return -(-p.start[axis] // p.image_dilation[axis])


def span(p: Problem, axis: int, outputs: int) -> int:
    """Samples from the first to the last that so many neighbouring outputs look at."""
    last = p.start[axis] + (outputs - 1) * p.stride[axis] + reach(p, axis)
    return last // p.image_dilation[axis] - first_sample(p, axis) + 1


def filters_seen(p: Problem, tile: tuple[int, int]) -> list[tuple[int, int, int, int, int]]:
    """Of the two axes, what `filtering` asks for."""
    strides, dilations = (1, *p.stride)[-2:], (1, *p.image_dilation)[-2:]
    starts = (start % dilation for start, dilation in zip((0, *p.start)[-2:], dilations, strict=True))
    return [*zip(tile, taps_seen(p), strides, dilations, starts, strict=True)]


def outputs_reach(p: Problem, axis: int) -> int:
    """How far the last output looks behind the first."""
    return (p.output[axis] - 1) * p.stride[axis]


def channels_seen(p: Problem) -> int:
    """Channels in, and planes of taps."""
    return p.channels_in * prod(p.kernel[:-2])


def see(p: Problem, strides: tuple[int, ...]) -> Seen:
    """See a problem of one to three axes as one of two, and of real factors."""
    p, strides = by_factors(p), tuple(components(p) * step for step in strides)
    if p.ndim == 1:
        return Seen(replace(p, image=(1, *p.image), kernel=(1, *p.kernel), output=(1, *p.output), start=(0, *p.start),
                            stride=(1, *p.stride), kernel_dilation=(1, *p.kernel_dilation),
                            image_dilation=(1, *p.image_dilation), border=((0, 0), *p.border)),
                    (*strides[:-1], 0, strides[-1]))
    if p.ndim == 2:
        return Seen(p, strides)
    leading = len(p.batch)
    plain = replace(without_depth(p), batch=(*p.batch, p.output[0]), channels_in=p.kernel[0] * p.channels_in)
    by_plane = strides[leading + 2]
    return Seen(plain, (*strides[:leading], by_plane, *strides[leading:leading + 2], *strides[leading + 3:]),
                Depth(p.image[0], p.kernel[0], p.output[0], p.start[0], p.stride[0], p.kernel_dilation[0], p.border[0]))


def without_depth(p: Problem) -> Problem:
    """Two axes of a volume's three."""
    return replace(p, **{name: getattr(p, name)[1:] for name in (
        "image", "kernel", "output", "start", "stride", "kernel_dilation", "image_dilation", "border")})


def see_array(p: Problem, array: Any) -> Any:
    """An image or output of the original problem ``p``, with the axes of the one of two."""
    if p.ndim == 1:
        return array[..., None, :]
    return array if p.ndim == 2 else np.moveaxis(array, -3, len(p.batch))


def see_kernel(p: Problem, kernel: Any) -> Any:
    """The kernel, planes of taps before the channels in, its taps in line."""
    if p.ndim == 3:
        kernel = np.moveaxis(kernel, 3, 2)
    return kernel.reshape(p.groups, p.channels_out, channels_seen(p), prod(p.kernel[-2:]))
