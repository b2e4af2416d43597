"""Part a problem with image dilation (a transposed convolution) into plain ones, without inserted zeros.

Of the dilated image only every ``image_dilation``-th position holds a value.  So the taps that an
output meets depend on its index modulo the dilation alone: each such phase is a plain correlation of
the image with every so-manyth tap, and writes every so-manyth output.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import gcd
from typing import NamedTuple

from ..problem.problem import Problem


class Phase(NamedTuple):
    """A plain problem, the taps it uses and the outputs it writes; without taps its sums are zero."""

    problem: Problem
    taps: tuple[slice, ...]
    outputs: tuple[slice, ...]

    @property
    def is_empty(self) -> bool:
        """Whether no tap meets these outputs."""
        return 0 in self.problem.kernel


class _AxisPhase(NamedTuple):
    start: int
    kernel: int
    output: int
    stride: int
    kernel_dilation: int
    taps: slice
    outputs: slice


def phases(problem: Problem) -> list[Phase]:
    """Plain problems that together compute ``problem``; just itself where nothing is dilated."""
    if is_plain(problem):
        every = (slice(0, None, 1),) * problem.ndim
        return [Phase(problem, every, every)]
    per_axis = [_axis_phases(problem, axis) for axis in range(problem.ndim)]
    return [_combine(problem, parts) for parts in product(*per_axis)]


def is_plain(problem: Problem) -> bool:
    """Whether nothing is dilated, so that the problem is its only phase."""
    return problem.image_dilation == (1,) * problem.ndim and all(problem.output)


def problems_with_taps(problem: Problem) -> list[Problem]:
    """The problems of the phases in which any tap meets the image."""
    if is_plain(problem):
        return [problem] if all(problem.kernel) else []
    return [phase.problem for phase in phases(problem) if not phase.is_empty]


def _axis_phases(p: Problem, axis: int) -> list[_AxisPhase]:
    dilation, stride, step = p.image_dilation[axis], p.stride[axis], p.kernel_dilation[axis]
    outputs_apart, taps_apart = dilation // gcd(stride, dilation), dilation // gcd(step, dilation)
    found = []
    for first_output in range(min(outputs_apart, p.output[axis])):
        position = p.start[axis] + first_output * stride
        first_tap = next((t for t in range(taps_apart) if (position + t * step) % dilation == 0), None)
        count = 0 if first_tap is None else max(0, -(-(p.kernel[axis] - first_tap) // taps_apart))
        first_tap = first_tap or 0
        found.append(_AxisPhase(
            start=(position + first_tap * step) // dilation,
            kernel=count,
            output=-(-(p.output[axis] - first_output) // outputs_apart),
            stride=stride * outputs_apart // dilation,
            kernel_dilation=step * taps_apart // dilation,
            taps=slice(first_tap, None, taps_apart),
            outputs=slice(first_output, None, outputs_apart)))
    return found


def _combine(problem: Problem, parts: tuple[_AxisPhase, ...]) -> Phase:
    plain = replace(
        problem,
        start=tuple(part.start for part in parts),
        kernel=tuple(part.kernel for part in parts),
        output=tuple(part.output for part in parts),
        stride=tuple(part.stride for part in parts),
        kernel_dilation=tuple(part.kernel_dilation for part in parts),
        image_dilation=(1,) * problem.ndim)
    return Phase(plain, tuple(part.taps for part in parts), tuple(part.outputs for part in parts))
