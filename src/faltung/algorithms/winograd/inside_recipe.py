"""Which strips and register tiles suit a problem turned inside out, what they cost, and how far sums may be wrong."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import prod

from ...machine import Machine, fake
from ...problem.problem import Problem
from .costs import CALL_CYCLES, PART_CYCLES, SHARED_BYTES, vector_cycles
from .inside_frame import InsideFrame, InsideRecipe, Operand, tiles_of
from .inside_parts import inside_parts
from .linear import programs
from .matrices import growth

REGISTER_TILES = {32: ((8, 3), (13, 2), (12, 2), (10, 2), (9, 3), (6, 4), (7, 3), (26, 1), (16, 1), (8, 1)),
                  16: ((6, 2), (5, 2), (4, 2), (4, 3), (12, 1), (8, 1))}
"""Channels and vectors of the register tiles that fit so many registers."""

TAPS = {1: 1, 2: 3, 3: 4, 4: 3, 5: 4, 7: 2}
"""For each number of outputs along an axis, the taps of a tile."""

NOWHERE = fake("sse2")
"""Where no machine is asked for."""

STRIP_TILES = 128
"""Tiles whose products are summed before they are added to those of other strips: so errors stay those of few terms."""


def strip_rows(problem: Problem) -> int:
    """Rows of tiles of a strip: the same on every machine, since the order of the sums depends on it."""
    taps = [TAPS[r] for r in problem.output]
    down, across = tiles_of(problem, (taps[0], taps[1]))
    all_rows = problem.channels_in * down
    strips = -(-all_rows // max(1, STRIP_TILES // across))
    return -(-all_rows // strips)


def repeats_what_it_reads(problem: Problem) -> bool:
    """Whether the border's columns repeat none but columns that are read for themselves."""
    return all(_repeats_what_it_reads(part.problem) for part in inside_parts(problem))


def _repeats_what_it_reads(problem: Problem) -> bool:
    rows, taps = strip_rows(problem), (TAPS[problem.output[0]], TAPS[problem.output[1]])
    columns = InsideFrame(problem, (), InsideRecipe(taps, rows, 1, 1, 1), NOWHERE).operands[0].columns
    _, first, count = columns.inside
    return all(first <= mark < first + count for mark in columns.marks if mark >= 0)


def error_bound(problem: Problem) -> float:
    """The published ``c``, as in `recipe.error_bound`: a term meets the sum of its strip, and those of all strips."""
    parts = inside_parts(problem)
    tile = [(r, TAPS[r]) for r in parts[0].problem.output]
    steps = sum(one.roundings for r, p in tile for one in programs(r, p))
    longest, strips = 0, len(parts) - 1
    for part in parts:
        down, across = tiles_of(part.problem, (tile[0][1], tile[1][1]))
        rows = strip_rows(part.problem)
        longest, strips = max(longest, rows * across), strips + -(-part.problem.channels_in * down // rows)
    return 1.01 * prod(growth(r, p) for r, p in tile) * (longest + strips + steps + 2)


def all_cycles(problem: Problem, strides: tuple[int, ...], machine: Machine, threads: int) -> float:
    """Predicted cycles of one thread, of all parts for all planes of outputs."""
    planes = problem.output[0] if problem.ndim == 3 else 1
    frames = choose_all(problem, strides, machine, threads)
    return planes * sum(cycles(frame) for frame in frames) - (planes * len(frames) - 1) * (CALL_CYCLES - PART_CYCLES)


# ---------------------------------------------------------------- cycles

def _vector_cycles(frame: InsideFrame, lanes: int) -> float:
    return vector_cycles(frame.machine, lanes, frame.size)


def cycles(frame: InsideFrame) -> float:
    """Predicted cycles of one thread: both operands' transforms, the products, and the outputs."""
    p, recipe = frame.problem, frame.recipe
    samples, taps = (_operand_cycles(frame, side) for side in frame.operands)
    channels, products = recipe.channels, 0.0
    kept = 5.0 if frame.strips > 1 else 2.5
    for parts in frame.register_tiles:
        each = sum(_vector_cycles(frame, part.lanes) for part in parts)
        turn = max(channels * each, each + 0.6 * channels, 4.0)
        products += frame.strip_tiles * turn + channels * each * kept + 30.0
    work = frame.all_rows / recipe.rows * frame.products * frame.channel_blocks * products
    # what leaves the second-level cache: all operands once, sums at every strip if there are several
    kept_sums = 2.0 * frame.strips * p.channels_out * frame.pitch if frame.strips > 1 else 0.0
    moved = frame.size * frame.products * (3.0 * frame.all_rows * frame.tiles[1] * (frame.pitch + frame.tap_pitch)
                                           + kept_sums)
    outputs = p.channels_out * -(-p.batch[0] // frame.lanes) * (2.0 * frame.products + 8.0 * prod(p.output))
    whole = frame.all_rows * (samples * recipe.shares + taps)
    far = frame.places["end"] > frame.machine.l2_bytes
    return CALL_CYCLES + p.groups * (whole + max(work, moved / SHARED_BYTES if far else 0.0) + outputs)


def _operand_cycles(frame: InsideFrame, side: Operand) -> float:
    """A row of tiles of all channels."""
    is_image = side is frame.operands[0]
    down, across = (one.samples if is_image else one.taps for one in frame.programs)
    lanes = min(frame.lanes, side.channels)
    each, columns = _vector_cycles(frame, lanes), len(side.columns.marks)
    turned = frame.recipe.taps[0] * columns * (lanes.bit_length() + 3.0) * each
    rows = columns * each * (len(down.steps) + side.extents[0] + 2.0 * frame.extents[0])
    steps = len(across.steps) + side.extents[1] + 2.0 * frame.extents[1]
    return -(-side.channels // lanes) * (turned + rows + frame.extents[0] * frame.tiles[1] * each * steps)


def least_cycles(problem: Problem, machine: Machine) -> float:
    """A lower bound on what any recipe needs."""
    p = problem
    size = 8 if p.accumulator_dtype == "float64" else 4
    products = float(prod(p.kernel[:-2]) * prod(p.output[:-2]))
    products *= prod(k / TAPS[r] * (r + TAPS[r] - 1) for k, r in zip(p.kernel[-2:], p.output[-2:], strict=True))
    return products * p.channels_in * p.channels_out * p.batch[0] * p.groups * size / (
        machine.vector_bytes * machine.vectors_per_cycle)


# ---------------------------------------------------------------- the choice

@lru_cache(maxsize=256)
def choose_all(problem: Problem, strides: tuple[int, ...], machine: Machine, threads: int) -> tuple[InsideFrame, ...]:
    """The frames of all parts of a problem of one to three axes."""
    plain = (*strides[:3], *(0, 0, *strides[3:])[-2:])
    return tuple(choose(part.problem, plain, machine, threads, part.planes) for part in inside_parts(problem))


@lru_cache(maxsize=256)
def choose(problem: Problem, strides: tuple[int, ...], machine: Machine, threads: int, planes: int = 1) -> InsideFrame:
    """The cheapest register tile; several threads part the channels out."""
    frames = [InsideFrame(problem, strides, recipe, machine, planes) for recipe in _recipes(problem, machine, threads)]
    return min(frames, key=lambda frame: cycles(frame) * -(-frame.items // threads) / frame.items)


def _recipes(problem: Problem, machine: Machine, threads: int) -> Iterator[InsideRecipe]:
    rows, taps = strip_rows(problem), (TAPS[problem.output[0]], TAPS[problem.output[1]])
    for channels, vectors in REGISTER_TILES[32 if machine.registers > 16 else 16]:
        blocks = -(-problem.channels_out // channels)
        even = -(-problem.channels_out // blocks)
        for shares in {1, min(blocks, -(-threads // problem.groups))}:
            frame = InsideFrame(problem, (), InsideRecipe(taps, rows, even, vectors, 1, shares), machine)
            together = 1 if frame.strips == 1 else frame.share_blocks
            yield frame.recipe._replace(blocks=together)
