"""Problems of one and of three axes turned inside out, as problems of two whose summed channels have planes.

Of a volume, each plane of outputs is a problem of its own, which sums over the planes of the kernel as over channels.
A long line of taps is cut: neighbouring parts that meet nothing outside the image are such planes, and both ends are
problems of their own, whose sums are added.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from ...problem.problem import Problem
from .parts import strided
from .seen import Depth, outputs_reach, see, without_depth

LONGEST = 512
"""Taps of a part: the same on every machine, since the order of the sums depends on it."""

NO_DEPTH = Depth(1, 1, 1, 0, 1, 1, (0, 0))


class InsidePart(NamedTuple):
    """A problem of two axes, and which taps of the kernel's rows it sums: so many parts of so many."""

    problem: Problem
    first: int
    width: int
    parts: int = 0
    """0: one part, which is no plane."""
    depth: Depth = NO_DEPTH
    """Planes, and which of the image they meet for each plane of outputs."""

    @property
    def planes(self) -> int:
        """Planes of the kernel that each channel has."""
        return max(1, self.parts) if self.depth is NO_DEPTH else self.depth.taps

    @property
    def marks(self) -> list[list[int]]:
        """For each plane of outputs, the planes of the image that those of the kernel meet."""
        if self.depth is NO_DEPTH:
            return [list(range(self.planes))]
        taps, marks = self.depth.taps, list(self.depth.marks)
        return [marks[first:first + taps] for first in range(0, len(marks), taps)]

    def see_image(self, image: Any, start: int) -> Any:
        """The image of the original problem, which begins to be read at ``start``; planes come before rows."""
        if self.depth is not NO_DEPTH:
            return image
        image = image[..., None, :] if image.ndim == 4 else image
        if not self.parts:
            return image[..., None, :, :]
        return strided(image[..., start + self.first:], -2, self.parts, self.width, self.problem.image[1])

    def see_kernel(self, kernel: Any) -> Any:
        """The kernel's own taps of this part, likewise."""
        if self.depth is not NO_DEPTH:
            return kernel
        kernel = kernel[..., None, :] if kernel.ndim == 4 else kernel
        kernel = kernel[..., self.first:]
        return strided(kernel, -2, max(1, self.parts), self.width, self.width)


def inside_parts(p: Problem) -> tuple[InsidePart, ...]:
    """How a problem is parted."""
    if p.ndim == 3:
        depth = Depth(p.image[0], p.kernel[0], p.output[0], p.start[0], p.stride[0], p.kernel_dilation[0], p.border[0])
        plain = replace(without_depth(p), channels_in=p.channels_in * p.kernel[0])
        return (InsidePart(plain, 0, p.kernel[2], 0, depth),)
    p = see(p, (0,) * len(p.output_shape)).problem
    taps = p.kernel[1]
    if p.kernel[0] > 1 or p.output[0] > 1:
        return (InsidePart(p, 0, taps),)
    # taps that no output puts outside the image
    low, high = -p.start[1], min(taps, p.image[1] - p.start[1] - outputs_reach(p, 1))
    first = max(0, -(-low // LONGEST)) * LONGEST
    count = (high - first) // LONGEST
    if count < 2:
        return (InsidePart(p, 0, taps),)
    width, end = LONGEST + outputs_reach(p, 1), first + count * LONGEST
    middle = replace(p, channels_in=p.channels_in * count, image=(1, width), kernel=(1, LONGEST), start=(0, 0))
    ends = [InsidePart(replace(p, kernel=(1, behind - at), start=(0, p.start[1] + at)), at, behind - at)
            for at, behind in ((0, first), (end, taps)) if behind > at]
    return (InsidePart(middle, first, LONGEST, count), *ends)
