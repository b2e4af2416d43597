"""How a problem is cut into tiles and blocks, and what it costs."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import prod

from ...compiler.elements import ELEMENTS
from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from ..direct.costs import MULTIPLY, packing_cycles
from ..direct.frame import Frame
from ..direct.schedule import shared
from ..direct.stages import _stage
from ..direct.tiles import Tile, finished
from .frame import SparseFrame, SparseRecipe
from .structure import most_kept

TAP_CYCLES = {"image": 0.6, "line": 0.6, "wide line": 1.2}
"""Of a tap for each vector of outputs; on a line no load serves two, and vectors of 64 bytes cross a cache line."""

WATCH_CYCLES = 1.0
"""Of a packed vector that is watched."""

SHIFTED = 0.5
"""Of the time of products of integers: usually some of them are shifts, or shared by several taps."""

WIDE_CYCLES = 4.0
"""Of a vector of 64 bytes more: `direct` reads images under small kernels where they lie, and packing shows."""


def frame_of(problem: Problem, output: View, machine: Machine, threads: int) -> SparseFrame:
    """The program of any pattern: its tiles, and blocks that are shared among threads."""
    stage = _stage(problem, output.strides(), 0)
    p = stage.problem
    lanes = machine.vector_bytes // ELEMENTS[p.accumulator_dtype].size
    sums = 24 if machine.registers > 16 else 12
    wished = sums // 6 if p.output[-2] > 1 else sums
    vectors = min(wished, -(-p.output[-1] // lanes))
    tile = Tile("pixels", (1, min(sums // vectors, p.output[-2]), vectors))
    frame = shared(Frame(stage, finished(stage, _roomy(machine), tile), machine), threads)
    return SparseFrame(stage, SparseRecipe(*frame.recipe), machine)


@cache
def _roomy(machine: Machine) -> Machine:
    """Rows above and below a block are packed for it again: the taller it is, the better."""
    return replace(machine, l2_bytes=2 * machine.l2_bytes)


def cycles(frame: SparseFrame) -> float:
    """Predicted cycles of one thread, for kernels of as many taps as may be."""
    p, (_, rows, vectors) = frame.problem, frame.recipe.tile
    extents = [1] * (p.ndim - 2) + [frame.tile_rows, frame.tile_columns]
    tiles = prod(-(-b // t) for b, t in zip(frame.recipe.block, extents, strict=True))
    kind = "image" if rows > 1 else "wide line" if frame.recipe.vector_bytes == 64 else "line"
    turn = rows * vectors * TAP_CYCLES[kind] * max(1.0, MULTIPLY.get(p.accumulator_dtype, 1.0) * SHIFTED)
    each = 2.0 + (WIDE_CYCLES if frame.recipe.vector_bytes == 64 else 0.0)
    block = tiles * (most_kept(p) * turn + rows * vectors * each + 20)
    watching = prod(frame.packed_extents) / frame.lanes * WATCH_CYCLES if frame.watches else 0.0
    return (block + packing_cycles(frame) + watching) * prod(frame.blocks) * prod(p.batch) * p.groups
