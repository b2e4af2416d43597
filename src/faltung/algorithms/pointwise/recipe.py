"""Which register tile, block of terms and shares suit a problem, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import prod

from ...compiler.elements import ELEMENTS
from ...machine import Machine
from ...problem.problem import Problem
from .frame import Frame, Matrices, PointwiseRecipe, is_parted, matrices

ITEMS = 4
"""Work items that each thread should find, to even out what they cost."""

BLOCK = 1024
"""Most terms that are summed at a time: the sums of several blocks are added in double precision."""

CALL_CYCLES = 8_000.0
"""Python's share of a call."""

SHARED_BYTES, STORED_BYTES = 10.0, 40.0
"""Bytes per cycle from beyond the second-level cache, and what storing takes beside the sums."""


def error_bound(p: Problem) -> float:
    """The published ``c``: |error| <= c * u * max|x| * sum|k|, one rounding for each term of a block and a few more."""
    return float((p.terms if p.accumulator_dtype == "float64" else min(p.terms, BLOCK)) + 4)


def least_cycles(p: Problem, machine: Machine) -> float:
    """A lower bound on `predicted_cycles`: the multiply-adds alone."""
    lanes = machine.vector_bytes // ELEMENTS[p.accumulator_dtype].size
    return p.multiply_adds / lanes / machine.vectors_per_cycle


def predicted_cycles(frame: Frame) -> float:
    """Predicted cycles of one thread."""
    m, size, height = frame.matrices, frame.element.size, frame.recipe.tile[0]
    tiles = 0.0
    for width in set(frame.widths):
        sums = height * width
        totals = 4.0 * prod(frame.blocks) if frame.totals_bytes else 0.0
        tile = m.terms * _turn(frame, width) + sums * (2.0 + totals) + 20.0
        tiles += frame.row_blocks * frame.widths.count(width) * tile
    read = (m.rows + m.columns) * m.terms * size
    work = max(tiles, read / SHARED_BYTES if read > frame.machine.l2_bytes else 0.0)
    if frame.packs_columns:
        work += m.columns * m.terms * (0.5 if frame.turns_columns else 1.5 / frame.lanes)
    outputs = m.rows * m.columns
    scattered = frame.column_stride > 1 and m.columns > 1
    return CALL_CYCLES + m.heads * (work + outputs * (1.5 if scattered else size / STORED_BYTES))


def _turn(frame: Frame, width: int) -> float:
    """Cycles of one term of a register tile: a sum is ready after 4, and two numbers are loaded in one."""
    height, pace = frame.recipe.tile[0], frame.machine.vectors_per_cycle
    return max(height * width / pace, width / pace + height / 2, 4.0) + 0.2


@lru_cache(maxsize=512)
def choose(problem: Problem, strides: tuple[int, ...], machine: Machine, threads: int) -> Frame:
    """The cheapest recipe and its geometry; how the sums are taken is decided for one thread."""
    if threads > 1:
        one = choose(problem, strides, machine, 1)
        return _shared(problem, one, strides, threads)
    m = matrices(problem, strides)
    return min((Frame(problem, strides, recipe, machine) for recipe in _recipes(problem, m, machine)),
               key=predicted_cycles)


def _recipes(p: Problem, m: Matrices, machine: Machine) -> Iterator[PointwiseRecipe]:
    """Register tiles of every width, with as many rows as stay in registers, or a few less that cover all evenly."""
    size = ELEMENTS[p.accumulator_dtype].size
    lanes = machine.vector_bytes // size
    free = machine.registers - (1 if machine.isa == "avx512" else 2)
    for width in range(1, min(6, -(-m.columns // lanes)) + 1):
        # beside the sums there are a term's columns; rows that are read where they lie have a register each
        most = min((free - width) // width, m.rows, 14 if m.columns_of == "pixels" else 8)
        step = p.image_dilation[-1] if is_parted(p) and m.columns_of == "pixels" else 1
        heights = [h for h in range(max(1, most * 2 // 3), most + 1) if h % step == 0]
        if heights:
            height = min(reversed(heights), key=lambda h: -(-m.rows // h) * h)
            yield _recipe(m, machine, (height, width), size)


def _recipe(m: Matrices, machine: Machine, tile: tuple[int, int], size: int) -> PointwiseRecipe:
    panels = -(-m.columns * size // (tile[1] * machine.vector_bytes))
    panel_bytes = min(BLOCK, m.terms) * tile[1] * machine.vector_bytes
    # the rows are read once for all panels that are packed together; pixels stay in the first-level cache
    room = machine.l2_bytes // 2 if m.columns_of == "images" else machine.l1_bytes * 3 // 4
    group = max(1, min(panels, room // panel_bytes))
    return PointwiseRecipe(tile, machine.vector_bytes, BLOCK, group)


def _shared(problem: Problem, frame: Frame, strides: tuple[int, ...], threads: int) -> Frame:
    """Part the panels, or the rows where columns are turned, until every thread has several items to take."""
    wished = -(-ITEMS * threads // frame.matrices.heads)
    if frame.packs_columns and not frame.turns_columns:
        panels = min(len(frame.widths), wished)
        rows = min(frame.row_blocks, -(-wished // panels))
    else:
        # a share of turned columns packs them all itself: as few as there are threads
        rows, panels = min(frame.row_blocks, threads if frame.turns_columns else wished), 1
    shares = (_even(frame.row_blocks, rows), _even(len(frame.widths), panels))
    return Frame(problem, strides, frame.recipe._replace(shares=shares), frame.machine)


def _even(count: int, shares: int) -> int:
    """How many shares there are if all are as large as the first."""
    return -(-count // -(-count // shares))
