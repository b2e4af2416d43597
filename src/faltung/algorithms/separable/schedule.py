"""How a problem is cut into blocks, and what it costs."""

from __future__ import annotations

from math import ceil, prod
from typing import NamedTuple

from ...compiler.elements import ELEMENTS
from ...machine import Machine
from ...problem.border import fills
from ...problem.layout import View
from ...problem.problem import Problem
from ...problem.promotion import is_integer, promote
from ..direct.frame import Stage
from ..direct.stages import _interleave
from .frame import SeparableRecipe

ROWS = 4
"""Rows of outputs that are summed down together: each row of the image is loaded once for all of them."""
ROW_CYCLES = 35.0
"""What begins and ends a row of outputs."""
CALL_CYCLES = 2000.0
"""Python's share of a call, and the rows that a block looks at."""
BLOCK_ROWS, BLOCK_BYTES = 32, 4096
"""Most rows of a work item, and bytes of a line of sums."""


class Schedule(NamedTuple):
    """The stage, the recipe, and predicted cycles of one thread."""

    stage: Stage
    recipe: SeparableRecipe
    cycles: float


def sums_integers(problem: Problem) -> bool:
    """Whether the sums are integers, and so have to be exact."""
    return is_integer(promote(problem.image_dtype, problem.kernel_dtype, fills(problem.border)))


def stage_of(problem: Problem, output: View) -> Stage:
    """The problem with two axes, images whose pixels are interleaved seen as one."""
    axes = tuple(range(len(problem.batch) + 2 + problem.ndim))
    return _interleave(Stage(problem, axes, output.strides()))


def schedule(problem: Problem, output: View, machine: Machine) -> Schedule:
    """Choose blocks."""
    stage = stage_of(problem, output)
    p = stage.problem
    size = ELEMENTS[p.accumulator_dtype].size
    width = p.output[1]
    parts = ceil(width * size / BLOCK_BYTES)
    columns = ceil(width / parts)
    if parts > 1:
        columns = min(width, -(-columns // 16) * 16)
    # blocks are the same for any number of threads: one whose outputs are not finite is summed anew as a whole
    rows = min(p.output[0], BLOCK_ROWS)
    recipe = SeparableRecipe((rows, columns), min(ROWS, rows), machine.vector_bytes)
    return Schedule(stage, recipe, cycles(p, machine))


def cycles(p: Problem, machine: Machine) -> float:
    """Predicted cycles of one thread."""
    size = ELEMENTS[p.accumulator_dtype].size
    outputs = prod(p.output_shape)
    vectors = outputs * size / machine.vector_bytes
    rows = outputs / p.output[-1]
    return CALL_CYCLES + rows * ROW_CYCLES + vectors * (5.0 + 0.85 * p.kernel[0] * p.stride[1] + 0.9 * p.kernel[1])
