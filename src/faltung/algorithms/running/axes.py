"""Boxes of three axes and more as problems with two: one for each pass of a `cascade`, and what they cost."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from math import frexp, prod

from ...compiler.elements import ELEMENTS
from ...machine import Machine
from ...problem.border import fills
from ...problem.problem import Problem, Side
from ..separable.schedule import is_idle
from .frame import LARGEST_SUM
from .schedule import cycles


def leading(p: Problem) -> list[int]:
    """The axes that take a pass of their own; those along which nothing is summed or moved are like a batch."""
    return [axis for axis in range(p.ndim - 2) if not is_idle(p, axis)]


def passes(p: Problem) -> list[Problem]:
    """Problems with two axes that sum along each leading axis, and along the last two."""
    leads, extents, found = leading(p), list(p.image), []
    dtype, gain = p.image_dtype, 1.0
    middle = _middle_dtype(p, leads)
    sums = "int32" if middle == "uint16" else p.accumulator_dtype
    for axis in leads:
        others = tuple(extents[at] for at in range(p.ndim - 1) if at != axis)
        found.append(replace(
            p, batch=(*p.batch, p.groups, *others), groups=1, channels_out=1, image=(extents[axis], extents[-1]),
            kernel=(p.kernel[axis], 1), output=(p.output[axis], extents[-1]), start=(p.start[axis], 0),
            stride=(p.stride[axis], 1), kernel_dilation=(p.kernel_dilation[axis], 1), image_dilation=(1, 1),
            border=(_times(p.border[axis], gain, dtype), ("edge", "edge")), image_dtype=dtype, kernel_dtype=sums,
            accumulator_dtype=sums, output_dtype=middle, overflow="wrap" if sums.startswith("int") else "proven",
            small_kernel=False, bias=False, activation=None))
        extents[axis], dtype = p.output[axis], middle
        gain *= p.kernel[axis] * tap_of(middle, p.kernel[axis])
    found.append(replace(
        p, batch=(*p.batch, *extents[:-2]), image=p.image[-2:], kernel=p.kernel[-2:], output=p.output[-2:],
        start=p.start[-2:], stride=p.stride[-2:], kernel_dilation=p.kernel_dilation[-2:], image_dilation=(1, 1),
        border=(_times(p.border[-2], gain, dtype), _times(p.border[-1], gain, dtype)), image_dtype=dtype))
    return found


def tap_of(dtype: str, taps: int) -> float:
    """The taps of a leading pass: a power of two that keeps floating sums as small as the samples."""
    return float(2.0 ** -frexp(taps)[1]) if dtype.startswith("float") else 1


def _middle_dtype(p: Problem, leads: list[int]) -> str:
    """Dtype of what lies between the passes."""
    fits = prod(p.kernel[axis] for axis in leads) * 255 <= LARGEST_SUM
    if p.image_dtype == "uint8" and fits and all(side in range(256) for side in fills(p.border)):
        return "uint16"
    return p.accumulator_dtype


def _times(sides: tuple[Side, Side], gain: float, dtype: str) -> tuple[Side, Side]:
    """What constants beside the image have become after the passes before."""
    def grown(side: Side) -> Side:
        if isinstance(side, str) or gain == 1:
            return side
        if dtype.startswith("float"):
            return side.real * gain
        bits = 8 * ELEMENTS[dtype].size
        wrapped = int(side.real) * int(gain) % (1 << bits)
        return wrapped - (1 << bits) * (dtype.startswith("int") and wrapped >> (bits - 1))

    return grown(sides[0]), grown(sides[1])


@lru_cache(maxsize=64)
def cascade_cycles(p: Problem, machine: Machine) -> float:
    """Predicted cycles of one thread."""
    return sum(cycles(each, machine) for each in passes(p))
