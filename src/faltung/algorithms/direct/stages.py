"""From a problem to stages: phases without image dilation, two spatial axes or more, and a recipe for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ...compiler.memory import NO_BIAS
from ...compiler.seen import Bare
from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from ..phases import Phase, phases
from .frame import Frame, Stage
from .schedule import choose, named
from .woven import neighbours, weave

MOST_INTERLEAVED = 5


class Part(NamedTuple):
    """One phase of the problem, or all: its stage and recipe, the kernel's taps it uses."""

    phase: Phase
    frame: Frame


def parts(problem: Problem, output: View, machine: Machine, threads: int, recipe: str = "") -> list[Part]:
    """Part the problem into stages and choose a recipe for each; ``recipe`` is the text of one to take instead."""
    found = list(staged(problem, output))
    if recipe:
        return [Part(phase, named(stage, machine, threads, recipe)) for phase, stage in found]
    if len(found) > 1 and not any(phase.is_empty for phase, _ in found):
        stages = tuple(stage for _, stage in found)
        frame = weave(stages, neighbours(problem, stages), machine, threads)
        if frame is not None:
            return [Part(Phase(problem, (slice(None),) * problem.ndim, (slice(None),) * problem.ndim), frame)]
    return [Part(phase, choose(stage, machine, threads)) for phase, stage in found]


def staged(problem: Problem, output: View) -> Iterator[tuple[Phase, Stage]]:
    """The problem's phases, each as a stage."""
    strides = output.strides()
    leading = len(problem.batch) + 2
    for phase in phases(problem):
        offset, steps = 0, list(strides)
        for axis, taken in enumerate(phase.outputs):
            offset += taken.start * strides[leading + axis]
            steps[leading + axis] *= taken.step
        plain = _without_taps(phase.problem) if phase.is_empty else phase.problem
        yield phase, _stage(plain, tuple(steps), offset)


def _without_taps(problem: Problem) -> Problem:
    """Sums of nothing, as the image of one zero, repeated, under one tap: the epilogue still applies."""
    ones = (1,) * problem.ndim
    return replace(problem, channels_in=1, image=ones, kernel=ones, start=(0,) * problem.ndim,
                   border=(("edge", "edge"),) * problem.ndim, image_dtype=problem.accumulator_dtype)


def _stage(problem: Problem, strides: tuple[int, ...], offset: int) -> Stage:
    axes: tuple[int | None, ...] = tuple(range(len(problem.batch) + 2 + problem.ndim))
    problem, axes, strides = _innermost_batch(problem, axes, strides)
    leading = len(problem.batch) + 2
    missing = 2 - problem.ndim
    if missing > 0:
        one, zero = (1,) * missing, (0,) * missing
        problem = replace(
            problem, image=one + problem.image, kernel=one + problem.kernel, output=one + problem.output,
            start=zero + problem.start, stride=one + problem.stride,
            kernel_dilation=one + problem.kernel_dilation, image_dilation=one + problem.image_dilation,
            border=((0, 0),) * missing + problem.border)
        axes = axes[:leading] + (None,) * missing + axes[leading:]
        strides = strides[:leading] + zero + strides[leading:]
    return _interleave(Stage(problem, axes, strides, offset))


def _innermost_batch(problem: Problem, axes: tuple[int | None, ...],
                     strides: tuple[int, ...]) -> tuple[Problem, tuple[int | None, ...], tuple[int, ...]]:
    """Make the last batch axis an image axis under one tap, if it lies innermost in memory: lanes then run along it."""
    last = len(problem.batch) - 1
    if last < 0 or problem.batch[last] <= MOST_INTERLEAVED or strides[last] != 1 or strides[-1] == 1:
        return problem, axes, strides
    grown = replace(
        problem, batch=problem.batch[:-1], image=(*problem.image, problem.batch[-1]), kernel=(*problem.kernel, 1),
        output=(*problem.output, problem.batch[-1]), start=(*problem.start, 0), stride=(*problem.stride, 1),
        kernel_dilation=(*problem.kernel_dilation, 1), image_dilation=(*problem.image_dilation, 1),
        border=(*problem.border, (0, 0)))
    return grown, (*axes[:last], *axes[last + 1:], axes[last]), (*strides[:last], *strides[last + 1:], strides[last])


def _interleave(stage: Stage) -> Stage:
    """See images whose pixels lie side by side (the channels of a photograph) as one wider image.

    Then taps stand that many pixels apart, and rows are read and written as they lie in memory.
    """
    p, strides = stage.problem, stage.output_strides
    count, last = (p.batch[-1], len(p.batch) - 1) if p.batch else (1, 0)
    fits = (1 < count <= MOST_INTERLEAVED and p.groups == p.channels_in == p.channels_out == 1 == p.stride[-1]
            and strides[last] == 1 and strides[-1] == count)
    if not fits:
        return stage
    merged = replace(
        p, batch=p.batch[:-1], image=(*p.image[:-1], p.image[-1] * count),
        output=(*p.output[:-1], p.output[-1] * count), start=(*p.start[:-1], p.start[-1] * count),
        kernel_dilation=(*p.kernel_dilation[:-1], p.kernel_dilation[-1] * count))
    axes = (*stage.image_axes[:last], *stage.image_axes[last + 1:-1], last)
    return Stage(merged, axes, (*strides[:last], *strides[last + 1:-1], 1), stage.output_offset, count)


def side_by_side(stage: Stage, image: Any) -> Any:
    """The image itself if its pixels are interleaved as the program expects, or a copy in which they are."""
    if is_side_by_side(stage, image):
        return image
    last = len(stage.problem.batch)
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(image, last, -1)), -1, last)


def is_side_by_side(stage: Stage, image: Any) -> bool:
    """Whether the image can be read as it lies."""
    last, step, count = len(stage.problem.batch), image.itemsize, stage.interleaved
    return count == 1 or (image.strides[last] == step and image.strides[-1] == step * count)


def bare(owner: Any, stage: Stage, image: Any, entry: Callable[..., int], taps: Any, bias: Any,
         behind: Callable[[int], tuple[int, ...]]) -> Bare | None:
    """What one call of ``entry`` is on one thread; None if the image would have to be copied first.

    ``behind`` says which integers follow the addresses of the owner's tables and of its workspace, which it is told.
    """
    if not is_side_by_side(stage, image):
        return None
    scratch, busy, _ = owner.workspace.keep()
    return Bare(entry, taps, NO_BIAS if bias is None else bias, (owner.tables_address, scratch, *behind(scratch)), busy,
                owner)


def copied_bytes(problem: Problem, output: View, image: Any) -> int:
    """Bytes of the copy that `side_by_side` makes; 0 where the image is read as it lies."""
    return 0 if all(is_side_by_side(stage, image) for _, stage in staged(problem, output)) else int(image.nbytes)
