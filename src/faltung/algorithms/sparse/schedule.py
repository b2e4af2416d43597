"""How a problem is cut into tiles and blocks, and what it costs."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, lru_cache
from math import prod

from ...compiler.elements import ELEMENTS
from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from ..direct.costs import MULTIPLY
from ..direct.counts import begun_rows
from ..direct.frame import Frame, Stage
from ..direct.schedule import shared
from ..direct.stages import _stage
from ..direct.tiles import Shape, Tile, block_of, finished, reads_rows, room_of, row_tiles
from .frame import SparseFrame, SparseRecipe, watches
from .structure import most_kept

TAP_CYCLES = {"image": 0.6, "line": 0.6, "wide line": 1.2}
"""Of a tap for each vector of outputs; on a line no load serves two, and vectors of 64 bytes cross a cache line."""

WATCH_CYCLES = 1.0
"""Of a packed vector that is watched."""

SHIFTED = 0.5
"""Of the time of products of integers: usually some of them are shifts, or shared by several taps."""

FARTHEST = 64
"""Pixels from the first to the last that an output looks at along a row, where it is read where it lies."""

BESIDE = 6
"""Taps that take as long as to read a row once more."""

WIDE_CYCLES = 4.0
"""Of a vector of 64 bytes more: `direct` reads images under small kernels where they lie, and packing shows."""


@lru_cache(maxsize=256)
def down_recipe(stage: Stage, machine: Machine, threads: int, count: int) -> SparseRecipe | None:
    """How so many taps are summed down the rows of an image that is read where it lies; None if it cannot be.

    That hangs on nothing else, for sums are added in another order there.
    """
    p = stage.problem
    element, begun, far = ELEMENTS[p.accumulator_dtype], begun_rows(p), (p.kernel[-1] - 1) * p.kernel_dilation[-1]
    if not count or element.kind != "f" or begun == 1 or far > FARTHEST or not reads_rows(p, machine):
        return None
    tiles = list(row_tiles(p, machine, machine.vector_bytes // element.size, count))
    # a strip reads so many rows beside its own; to pack is quicker where that is much beside the sums
    if not tiles or BESIDE * (begun - 1) > count * tiles[-1].shape[1]:
        return None
    return SparseRecipe(*shared(Frame(stage, finished(stage, machine, tiles[-1]), machine), threads).recipe)


def frame_of(problem: Problem, output: View, machine: Machine, threads: int) -> SparseFrame:
    """The program of any pattern: its tiles, and blocks that are shared among threads."""
    stage = _stage(problem, output.strides(), 0)
    recipe = finished(stage, _roomy(machine), _tile(stage.problem, machine))
    return SparseFrame(stage, SparseRecipe(*shared(Frame(stage, recipe, machine), threads).recipe), machine)


def _tile(p: Problem, machine: Machine) -> Tile:
    lanes = machine.vector_bytes // ELEMENTS[p.accumulator_dtype].size
    sums = 24 if machine.registers > 16 else 12
    vectors = min(sums // 6 if p.output[-2] > 1 else sums, -(-p.output[-1] // lanes))
    return Tile("pixels", (1, min(sums // vectors, p.output[-2]), vectors))


@cache
def _roomy(machine: Machine) -> Machine:
    """Rows above and below a block are packed for it again: the taller it is, the better."""
    return replace(machine, l2_bytes=2 * machine.l2_bytes)


def predicted_cycles(problem: Problem, output: View, machine: Machine) -> float:
    """Predicted cycles of one thread, without a frame."""
    p = _stage(problem, output.strides(), 0).problem
    tile = _tile(p, machine)
    return _cycles(p, machine, tile.shape, block_of(p, room_of(p, _roomy(machine)), tile))


def cycles(frame: SparseFrame) -> float:
    """The same of a frame, for kernels of as many taps as may be."""
    return _cycles(frame.problem, frame.machine, frame.recipe.tile, frame.recipe.block)


def _cycles(p: Problem, machine: Machine, tile: Shape, block: tuple[int, ...]) -> float:
    (_, rows, vectors), element, wide = tile, ELEMENTS[p.accumulator_dtype], machine.vector_bytes == 64
    lanes = machine.vector_bytes // element.size
    kind = "image" if rows > 1 else "wide line" if wide else "line"
    turn = rows * vectors * TAP_CYCLES[kind] * max(1.0, MULTIPLY.get(p.accumulator_dtype, 1.0) * SHIFTED)
    each = 2.0 + (WIDE_CYCLES if wide else 0.0)
    tiles = prod(block[:-2]) * -(-block[-2] // rows) * -(-block[-1] // (vectors * lanes))
    # as `packing_cycles` has it
    *outer, width = [(b - 1) * s + (k - 1) * d + 1 for b, s, k, d in zip(
        block, p.stride, p.kernel, p.kernel_dilation, strict=True)]
    packing = p.channels_in * element.planes * prod(outer) * (12 + width * (1.5 / lanes))
    watching = prod(outer) * width / lanes * WATCH_CYCLES if watches(p) else 0.0
    work = tiles * (most_kept(p) * turn + rows * vectors * each + 20) + packing + watching
    blocks = prod([-(-out // b) for out, b in zip(p.output, block, strict=True)])
    return work * blocks * prod(p.batch) * p.groups
