"""Which tile, register tile and strips suit a problem, what they cost, and how far sums may be wrong."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from math import prod

from ...machine import Machine
from ...problem.problem import Problem
from .frame import Frame, WinogradRecipe
from .linear import programs
from .matrices import growth

TILES = {1: (1,), 2: (3,), 3: (2, 4), 4: (3,), 5: (2, 4), 7: (2,)}
"""For each number of taps along an axis, the outputs of a tile that are worth a look."""

OUTSIDE = 64
"""Columns outside the image that are made one by one."""

REGISTER_TILES = {32: ((8, 3), (13, 2), (12, 2), (10, 2), (9, 3), (6, 4), (7, 3), (26, 1), (16, 1), (8, 1)),
                  16: ((6, 2), (5, 2), (4, 2), (4, 3), (12, 1), (8, 1))}
"""Channels and vectors of the register tiles that fit so many registers."""

ITEMS = 4
"""Work items that each thread should find."""

LONGEST_BYTES = 2.0
"""Most transformed samples of a strip, in second-level caches, where one row of tiles does not need more."""


# ---------------------------------------------------------------- cycles

CALL_CYCLES = 25_000.0
"""Python's share of a call."""

STREAM_BYTES, SHARED_BYTES, SHARED_CACHE = 5.0, 14.0, 1 << 24
"""Bytes per cycle from memory and from the shared cache, and how much that one may be counted on to hold."""


def cycles(frame: Frame) -> float:
    """Predicted cycles of one thread: every strip's samples, products and sums, and the kernel as it is read."""
    p, recipe, size = frame.problem, frame.recipe, frame.size
    transforms = p.channels_in * _samples_cycles(frame) * recipe.shares + p.channels_out * _sums_cycles(frame)
    taps = frame.channel_blocks * frame.products * frame.tap_plane * size
    stream = taps / (SHARED_BYTES if taps <= SHARED_CACHE else STREAM_BYTES) if frame.streams else 0.0
    samples, sums = (frame.products * plane * size for plane in (frame.sample_plane, frame.sum_plane))
    far = samples + sums > frame.machine.l2_bytes
    whole, rest = divmod(frame.all_rows, recipe.rows)
    work = sum(count * max(stream, _products_cycles(frame, rows, far=far))
               for count, rows in ((whole, recipe.rows), (1, rest)) if rows)
    # what does not fit the second-level cache is written to the shared one, and read from there
    moved = 2 * samples * recipe.shares + 3 * frame.rounds * sums if far else 0.0
    return CALL_CYCLES + p.groups * (frame.all_rows * transforms + work + frame.strips * (400.0 + moved / SHARED_BYTES))


def _vector_cycles(frame: Frame, lanes: int) -> float:
    """Cycles of one multiply-add: vectors of 64 bytes go through in two halves."""
    return max(0.5, lanes * frame.size / 64)


def _products_cycles(frame: Frame, rows: int, *, far: bool) -> float:
    """All products of a strip of so many rows."""
    p, channels = frame.problem, frame.recipe.channels
    total = 0.0
    for parts in frame.register_tiles:
        if parts[0].first < rows * frame.tiles[1]:
            each = sum(_vector_cycles(frame, part.lanes) for part in parts)
            turn = max(channels * each, each + 0.6 * channels, 4.0)
            total += p.channels_in * turn + channels * each * 2.5 + 24.0
    read = frame.sample_plane * frame.size / SHARED_BYTES / frame.recipe.blocks if far else 0.0
    return frame.products * frame.channel_blocks * max(total, read)


def _samples_cycles(frame: Frame) -> float:
    """A row of tiles of one channel in."""
    down, across = frame.filters
    line = frame.columns[1] / frame.lanes * _vector_cycles(frame, frame.lanes)
    rows = line * (len(frame.programs[0].samples.steps) + 2.0 * down.n)
    each = sum(_vector_cycles(frame, piece.lanes) for piece in frame.row_pieces)
    columns = down.n * each * (len(frame.programs[1].samples.steps) + 3.0 * across.n + 2.5 * across.m)
    return 0.7 * rows + 0.8 * columns + 6.0 * down.n + 40.0


def _sums_cycles(frame: Frame) -> float:
    """A row of tiles of one channel out."""
    down, across = frame.filters
    each = sum(_vector_cycles(frame, piece.lanes) for piece in frame.row_pieces)
    one = across.n * (len(frame.programs[0].outputs.steps) + 1.5 * down.n)
    other = down.m * (len(frame.programs[1].outputs.steps) + 7.0 * across.m)
    return 0.45 * each * (one + other) + 0.8 * frame.products + 50.0


def kernel_cycles(frame: Frame) -> float:
    """Bring a kernel into order and transform it, at every call whose kernel is not known beforehand."""
    p, (down, across) = frame.problem, frame.filters
    pairs = p.groups * p.channels_in * frame.channel_blocks * frame.recipe.channels
    each = _vector_cycles(frame, frame.lanes) / frame.lanes
    steps = across.r * len(frame.programs[0].taps.steps) + down.n * len(frame.programs[1].taps.steps)
    written = frame.products * pairs * frame.size
    far = written / (SHARED_BYTES if written <= SHARED_CACHE else STREAM_BYTES) * 2 if frame.streams else 0.0
    return pairs * (each * (steps + 2.0 * frame.products) + prod(p.kernel) * 0.8) + far + 40_000.0


def least_cycles(problem: Problem, machine: Machine) -> float:
    """A lower bound on what any recipe needs, from the products of the largest tiles alone."""
    tiles = [max(TILES.get(r, (1,))) for r in problem.kernel]
    products = prod(m + r - 1 for m, r in zip(tiles, problem.kernel, strict=True)) / prod(tiles)
    outputs = prod(problem.output) * prod(problem.batch) * problem.groups
    size = 8 if problem.accumulator_dtype == "float64" else 4
    return products * outputs * problem.channels_in * problem.channels_out * size / 64


# ---------------------------------------------------------------- the choice

@lru_cache(maxsize=256)
def choose(problem: Problem, strides: tuple[int, ...], machine: Machine, threads: int) -> Frame:
    """The cheapest tile on one thread, since bits depend on it; then the strips that suit so many threads."""
    one = _best(problem, strides, machine, _tiles(problem), 1)
    return one if threads == 1 else _best(problem, strides, machine, [one.recipe.tile], threads)


def _tiles(problem: Problem) -> list[tuple[int, int]]:
    down, across = (TILES[r] for r in problem.kernel)
    return list(zip(down, across, strict=True) if down == across else product(down, across))


def _best(problem: Problem, strides: tuple[int, ...], machine: Machine, tiles: list[tuple[int, int]],
          threads: int) -> Frame:
    frames = [Frame(problem, strides, recipe, machine) for tile in tiles
              for recipe in _recipes(problem, tile, machine, threads)]
    return min(frames, key=lambda frame: shared_cycles(frame, threads) + kernel_cycles(frame) * 0.01)


def shared_cycles(frame: Frame, threads: int) -> float:
    """Predicted cycles until so many threads have done all items."""
    return cycles(frame) * -(-frame.items // threads) / frame.items


def _recipes(problem: Problem, tile: tuple[int, int], machine: Machine, threads: int) -> Iterator[WinogradRecipe]:
    """Register tiles that part the channels evenly, with each number of rows worth a look."""
    shapes = REGISTER_TILES[32 if machine.registers > 16 else 16]
    seen = set()
    for channels, vectors in shapes:
        blocks = -(-problem.channels_out // channels)
        even = -(-problem.channels_out // blocks)
        if (even, vectors) not in seen:
            seen.add((even, vectors))
            for rows in _rows(problem, tile, machine, threads):
                yield WinogradRecipe(tile, rows, even, vectors, 1)
                if threads > 1 and rows * problem.groups >= prod(problem.batch) * -(-problem.output[0] // tile[0]):
                    yield WinogradRecipe(tile, rows, even, vectors, 1, min(threads, blocks))


def _rows(problem: Problem, tile: tuple[int, int], machine: Machine, threads: int) -> list[int]:
    """Rows of tiles of a strip: even parts of all, as many as fit the cache."""
    size = 8 if problem.accumulator_dtype == "float64" else 4
    down, across = (-(-out // m) for out, m in zip(problem.output, tile, strict=True))
    all_rows = prod(problem.batch) * down
    one = size * problem.channels_in * across * prod(m + r - 1 for m, r in zip(tile, problem.kernel, strict=True))
    most = max(1, int(LONGEST_BYTES * machine.l2_bytes / one))
    found = set()
    for wished in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32):
        if wished <= most:
            parts = -(-all_rows // min(wished, all_rows))
            if threads > 1 and parts > 1:
                parts = -(-parts // threads) * threads
            found.add(-(-all_rows // parts))
    return sorted(found)


# ---------------------------------------------------------------- errors

def error_bound(problem: Problem) -> float:
    """The published ``c``: |error| <= c * u * max|x| * sum|k|; that of the largest tile, whichever is chosen.

    To first order, each step ``k`` of a computation adds ``u`` times what magnitudes can have become by then, which
    `growth` bounds; a term meets the roundings of each transform along both axes, of the sum over the channels, and of
    the bias (Higham, "Accuracy and Stability", section 3).
    """
    return max(_bound(problem, tile) for tile in _tiles(problem))


def _bound(problem: Problem, tile: tuple[int, int]) -> float:
    steps = sum(one.roundings for m, r in zip(tile, problem.kernel, strict=True) for one in programs(m, r))
    factor = prod(growth(m, r) for m, r in zip(tile, problem.kernel, strict=True))
    return 1.01 * factor * (problem.channels_in + steps + 2)
