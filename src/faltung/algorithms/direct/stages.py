"""From a problem to stages: phases without image dilation, two spatial axes or more, and a recipe for each."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from ..phases import Phase, phases
from .frame import Frame, Stage
from .schedule import choose


@dataclass(frozen=True)
class Part:
    """One phase of the problem: its stage and recipe, the kernel's taps it uses."""

    phase: Phase
    frame: Frame


def parts(problem: Problem, output: View, machine: Machine, threads: int) -> list[Part]:
    """Part the problem into stages and choose a recipe for each."""
    strides = output.strides()
    leading = len(problem.batch) + 2
    found = []
    for phase in phases(problem):
        offset, steps = 0, list(strides)
        for axis, taken in enumerate(phase.outputs):
            offset += taken.start * strides[leading + axis]
            steps[leading + axis] *= taken.step
        stage = _stage(_without_taps(phase.problem) if phase.is_empty else phase.problem, tuple(steps), offset)
        found.append(Part(phase, choose(stage, machine, threads)))
    return found


def _without_taps(problem: Problem) -> Problem:
    """Sums of nothing, as the image of one zero, repeated, under one tap: the epilogue still applies."""
    ones = (1,) * problem.ndim
    return replace(problem, channels_in=1, image=ones, kernel=ones, start=(0,) * problem.ndim,
                   border=(("edge", "edge"),) * problem.ndim, image_dtype=problem.accumulator_dtype)


def _stage(problem: Problem, strides: tuple[int, ...], offset: int) -> Stage:
    leading = len(problem.batch) + 2
    axes: tuple[int | None, ...] = tuple(range(leading, leading + problem.ndim))
    missing = 2 - problem.ndim
    if missing > 0:
        one, zero = (1,) * missing, (0,) * missing
        problem = replace(
            problem, image=one + problem.image, kernel=one + problem.kernel, output=one + problem.output,
            start=zero + problem.start, stride=one + problem.stride,
            kernel_dilation=one + problem.kernel_dilation, image_dilation=one + problem.image_dilation,
            border=((0, 0),) * missing + problem.border)
        axes = (None,) * missing + axes
        strides = strides[:leading] + zero + strides[leading:]
    return Stage(problem, axes, strides, offset)
