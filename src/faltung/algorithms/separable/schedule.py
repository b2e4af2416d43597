"""How a problem is cut into blocks, and what it costs."""

from __future__ import annotations

from dataclasses import replace
from math import ceil, prod
from typing import Any, NamedTuple

from ...compiler.elements import ELEMENTS
from ...machine import Machine
from ...problem.layout import Strided, View
from ...problem.problem import Problem
from ..direct.counts import held_bytes
from ..direct.frame import Stage
from ..direct.stages import _interleave
from .frame import ROWS, SeparableRecipe, colliding_bytes

ROW_CYCLES = 35.0
"""What begins and ends a row of outputs."""
CALL_CYCLES = 2000.0
"""Python's share of a call, and the rows that a block looks at."""
BLOCK_ROWS, BLOCK_BYTES = 32, 4096
"""Most rows of a work item, and bytes of a line of sums."""
SLAB_PART, SLAB_LINE_BYTES, SLAB_ROWS, SLAB_PLANES = 0.25, 2048, 64, 32
"""A slab's share of the second-level cache; bytes of its lines; most outputs along its axes, and along the first."""
FETCHED_BYTES = 12 << 20
"""Images and outputs of more bytes come from memory, and what is needed next is asked for in time."""
SLAB_ROW_CYCLES = 25.0
"""What begins and ends a row of a slab."""


class Schedule(NamedTuple):
    """The stage, the recipe, and predicted cycles of one thread."""

    stage: Stage
    recipe: SeparableRecipe
    cycles: float


def stage_of(problem: Problem, output: Strided) -> Stage:
    """The problem, images whose pixels are interleaved seen as one, and axes under one tap as batches."""
    axes = tuple(range(len(problem.batch) + 2 + problem.ndim))
    stage = _interleave(Stage(problem, axes, output.strides()))
    if stage.interleaved == 1:
        for axis in reversed(range(problem.ndim - 1)):
            if stage.problem.ndim > 2 and is_idle(problem, axis):
                stage = _as_batch(stage, axis)
    return stage


def is_idle(p: Problem, axis: int) -> bool:
    """Whether outputs and samples correspond one to one along an axis."""
    return (p.kernel[axis], p.stride[axis], p.start[axis]) == (1, 1, 0) and p.image[axis] == p.output[axis]


def _as_batch(stage: Stage, axis: int) -> Stage:
    """Make an axis under one tap the last of the batch's."""
    p, batch = stage.problem, len(stage.problem.batch)

    def without(values: tuple[Any, ...]) -> tuple[Any, ...]:
        return *values[:axis], *values[axis + 1:]

    def moved(values: tuple[Any, ...]) -> tuple[Any, ...]:
        at = batch + 2 + axis
        return *values[:batch], values[at], *values[batch:at], *values[at + 1:]

    grown = replace(
        p, batch=(*p.batch, p.image[axis]), image=without(p.image), kernel=without(p.kernel), output=without(p.output),
        start=without(p.start), stride=without(p.stride), kernel_dilation=without(p.kernel_dilation),
        image_dilation=without(p.image_dilation), border=without(p.border))
    return stage._replace(problem=grown, image_axes=moved(stage.image_axes),
                          output_strides=moved(stage.output_strides))


def schedule(problem: Problem, output: View, machine: Machine, rank: int = 1) -> Schedule:
    """Choose blocks: the same for any number of threads, for one whose outputs are not finite is summed anew."""
    stage = stage_of(problem, output)
    p = stage.problem
    block = block_of(p, machine)
    recipe = SeparableRecipe(block, tile_rows(p, machine, block), machine.vector_bytes, rank, comes_from_memory(p),
                             machine.stores_past_caches(held_bytes(p)))
    return Schedule(stage, recipe, cycles(p, machine, rank))


def tile_rows(p: Problem, machine: Machine, block: tuple[int, ...]) -> int:
    """Rows of a tile; under a stride half of them where more had to be copied, for all fall into the same sets."""
    rows, step = min(ROWS, block[-2]), p.stride[0]
    reach, row_bytes = (p.kernel[0] - 1) * p.kernel_dilation[0], p.image[-1] * ELEMENTS[p.image_dtype].itemsize

    def collide(count: int) -> bool:
        apart = colliding_bytes(reach + (count - 1) * step + 1, machine)
        return apart > 0 and row_bytes % apart == 0

    halves = p.ndim == 2 and rows > 1 and 1 < step <= reach
    return rows // 2 if halves and collide(rows) and not collide(rows // 2) else rows


def comes_from_memory(p: Problem) -> bool:
    """Whether images and outputs do not fit the caches."""
    return held_bytes(p) > FETCHED_BYTES


def block_of(p: Problem, machine: Machine) -> tuple[int, ...]:
    """Outputs of a work item along each axis."""
    size = ELEMENTS[p.accumulator_dtype].size
    width = p.output[-1]
    parts = ceil(width * size / (BLOCK_BYTES if p.ndim == 2 else SLAB_LINE_BYTES))
    columns = ceil(width / parts)
    if parts > 1:
        columns = min(width, -(-columns // 16) * 16)
    if p.ndim == 2:
        return min(p.output[0], BLOCK_ROWS), columns
    # one slab after another is made of rows of a few places along the axes before
    held = machine.l2_bytes * SLAB_PART / (ROWS * (columns + (p.kernel[-1] - 1) * p.kernel_dilation[-1]) * size)
    planes = p.output[1:-1]
    rows = [min(extent, ROWS) for extent in planes]
    for axis in reversed(range(len(planes))):
        reach = (p.kernel[axis + 1] - 1) * p.kernel_dilation[axis + 1]
        others = prod((rows[other] - 1) * p.stride[other + 1] + (p.kernel[other + 1] - 1) * p.kernel_dilation[other + 1]
                      + 1 for other in range(len(planes)) if other != axis)
        most = (int(held / others) - reach - 1) // p.stride[axis + 1] + 1
        rows[axis] = min(planes[axis], max(rows[axis], min(most, SLAB_ROWS)))
    return min(p.output[0], SLAB_PLANES), *rows, columns


def cycles(p: Problem, machine: Machine, rank: int = 1) -> float:
    """Predicted cycles of one thread."""
    size = ELEMENTS[p.accumulator_dtype].size
    outputs = prod(p.output_shape)
    vectors = outputs * size / machine.vector_bytes
    rows = outputs / p.output[-1]
    down, across = 5.0 + 0.85 * p.kernel[-2] * p.stride[-1], 0.9 * p.kernel[-1]
    if rank > 1:
        each = 10.0 + 0.66 * (p.kernel[-2] * p.stride[-1] + p.kernel[-1])
        return CALL_CYCLES + rank * (rows * ROW_CYCLES + vectors * each)
    if p.ndim == 2:
        return CALL_CYCLES + rows * ROW_CYCLES + vectors * (down + across)
    block, each, begun = block_of(p, machine), down + across, ROW_CYCLES
    for axis in range(p.ndim - 2):
        # rows of a slab for each of outputs, and columns between those that are asked for
        share = prod(((block[other] - 1) * p.stride[other] + (p.kernel[other] - 1) * p.kernel_dilation[other] + 1)
                     / block[other] for other in range(axis + 1, p.ndim - 1)) * p.stride[-1]
        each += share * (3.0 + 0.85 * p.kernel[axis])
        begun += share / p.stride[-1] * (SLAB_ROW_CYCLES + 2.0 * p.kernel[axis])
    return CALL_CYCLES + rows * begun + vectors * each
