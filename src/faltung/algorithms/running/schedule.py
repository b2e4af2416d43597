"""How a problem is cut into blocks, and what it costs."""

from __future__ import annotations

from functools import lru_cache
from math import ceil, log2, prod

from ...compiler.elements import ELEMENTS
from ...machine import Machine
from ...problem.layout import Strided
from ...problem.problem import Problem
from ..direct.frame import Stage
from ..direct.stages import _stage
from ..separable.schedule import comes_from_memory
from ..separable.schedule import stage_of as plane_stage
from .frame import SUMMED, RunningRecipe, doublings, scans, sharing, sums_dtype

FEW_ROWS, MOST_ROWS = 4, 128
"""Rows whose sums share what they have in common; their lines have to stay in the second-level cache."""
BLOCK_ROWS, BLOCK_BYTES, LINE_BYTES = 32, 4096, 16384
"""Rows of a work item, and bytes of one of several lines, or of a single one."""
FETCHED_PART = 0.125
"""A tile's share of the second-level cache, at most, where what the next one needs is asked for in time."""
ROW_CYCLES = 35.0
"""What begins and ends a line of outputs."""
CALL_CYCLES = 2000.0


def stage_of(problem: Problem, output: Strided) -> Stage:
    """The problem with two axes, images whose pixels are interleaved seen as one."""
    return plane_stage(problem, output) if problem.ndim == 2 else _stage(problem, output.strides(), 0)


def recipe_of(stage: Stage, machine: Machine, *, shared: bool = False) -> RunningRecipe:
    """Choose blocks: the same for any number of threads.  Rows of a tile share sums if they are many, or have to."""
    p = stage.problem
    height, width = p.output
    # of few rows, each output sums its own, and a tile may be shifted back
    rows = min(FEW_ROWS if p.kernel[0] < SUMMED and not shared else _shared_rows(p), height)
    columns = _columns(p, rows)
    parts = ceil(width / columns)
    columns = min(width, -(-ceil(width / parts) // 16) * 16)
    block = (min(rows * max(1, BLOCK_ROWS // rows), height), columns)
    # there has to be a next tile, and what is fetched to stay in the second-level cache until then; sums of columns
    # alone go to a slab that stays there too
    fetches = rows < height and p.kernel[-1] > 1 and rows * BLOCK_BYTES <= machine.l2_bytes * FETCHED_PART
    return RunningRecipe(block, rows, machine.vector_bytes, fetches=fetches and comes_from_memory(p))


def _shared_rows(p: Problem) -> int:
    """Rows of outputs whose sums share what they have in common: in each class no more than all have a row of."""
    classes, taps = sharing(p)
    return min(classes * max(1, p.kernel[0] // taps), MOST_ROWS)


def _columns(p: Problem, rows: int) -> int:
    """Most outputs along a line: beside a block, as much as the kernel is long is summed again."""
    wished = (BLOCK_BYTES if rows > 1 else LINE_BYTES) // ELEMENTS[sums_dtype(p)].size
    return min(p.output[-1], -(-max(wished, 4 * p.kernel[-1] * p.kernel_dilation[-1]) // p.stride[-1]))


@lru_cache(maxsize=64)
def cycles(p: Problem, machine: Machine) -> float:
    """Predicted cycles of one thread."""
    rows, tile = (p.kernel[0], _shared_rows(p)) if p.ndim > 1 else (1, 1)
    vectors = prod(p.output_shape) * ELEMENTS[sums_dtype(p)].size / machine.vector_bytes
    down = 2.0 + 0.7 * rows if rows < SUMMED else _shared_cycles(p, tile)
    lines, lanes = prod(p.output_shape) / p.output[-1], machine.vector_bytes // ELEMENTS[sums_dtype(p)].size
    # of lines shorter than a vector, outputs are summed one by one
    alone = prod(p.output_shape) * (3.0 + 0.3 * rows) if p.output[-1] < lanes else 0.0
    # of strided outputs all columns are summed, and the outputs' own are picked
    picked = min(p.stride[-1], lanes) - 1.0
    each = 3.0 + picked + p.stride[-1] * (down + _across_cycles(p, lanes))
    again = 0.7 * (p.kernel[-1] - 1) / (_columns(p, tile) * p.stride[-1])
    return CALL_CYCLES + lines * ROW_CYCLES + alone + vectors * each * (1.0 + again)


def _shared_cycles(p: Problem, tile: int) -> float:
    """Of one vector of sums down many rows."""
    classes, taps = sharing(p)
    alike = max(1.0, tile / classes)
    # lines of many rows leave the first-level cache
    return (4.5 if tile < 20 else 9.0) + 2.0 * (taps - 1) + 2.0 * max(0.0, p.kernel[0] / alike - taps)


def _across_cycles(p: Problem, lanes: int) -> float:
    """Of one vector of outputs."""
    if scans(p, lanes):
        return 4.3 * log2(lanes)
    window, odd = doublings(p.kernel[-1])
    return 1.0 * window + 5.0 * len(odd)
