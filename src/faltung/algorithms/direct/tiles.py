"""Which register tiles are worth a look for a stage, and the block of outputs that suits each."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import product
from math import prod
from typing import NamedTuple

from ...compiler.elements import ELEMENTS, Element, limits
from ...machine import Machine
from ...problem.problem import Problem, Side
from .counts import band_of, begun_rows, held_bytes, round_up, sees_many_zeros, vectors_seen
from .frame import DirectRecipe, Stage

LONGEST_LINE, WIDEST_ROW, TALLEST_BLOCK = 1024, 4096, 128
"""Bounds of a block: short pieces of a line let reading and writing overlap; whole rows suit the prefetcher."""

LONG_KERNEL = 96
"""Taps from which a kernel is long."""

UNROLLED_FMAS = 192
"""Most multiply-adds in one straight piece of code: enough to hide the loop, few enough to compile quickly."""

SLIDING_FMAS = 512
"""Most multiply-adds in the code of a tile that runs down the rows: about twice as many as it has turns to begin."""

STRIP_COLUMNS, STRIP_ROWS = 1024, 32
WIDE_STRIP_ROWS, WIDE_VECTORS, FLAT = (8, 4), 2, 5
"""Such a tile runs down so many rows, fewer of images wider than that: rows are best read as they lie.

Those are narrow, too, and still lower where no more rows of sums are begun than the last number.
"""

MOST_BEGUN, NARROW_COLUMNS = 12, 256
"""Vectors of sums that are begun, where there are several side by side; more gained only on images this narrow."""

ROWS_LEFT_OUT = 4
"""Most rows of taps that are unrolled together where many see zeros outside: they are left out together."""

PAST_STRIP_ROWS, LIGHT, LEAST_PAST = 8, 9, 3
"""Strips whose outputs go past the caches, most terms of a sum that takes less than its store, and least vectors."""

FAR = 8
"""Images and outputs that fill more than so many second-level caches are read like wide ones."""

MOST_EDGES = (3, 6)
"""Most tiles of a row with code of their own; under one row of taps, that is short."""

LONGEST_REACH = 128
"""Pixels behind the first that such a tile looks at: so many vectors of a row have room in registers."""

Shape = tuple[int, int, int]


class Tile(NamedTuple):
    """A register tile and the kernel rows that are unrolled together (see `DirectRecipe`).

    The block is empty where it is yet to be found: see `finished`.
    """

    lanes: str
    shape: Shape
    chunk: int = 1
    block: tuple[int, ...] = ()


def tiles(stage: Stage, machine: Machine) -> Iterator[Tile]:
    """Every tile worth a look, from the table of good shapes that fit the registers."""
    p = stage.problem
    yield from pixel_tiles(p, machine)
    yield from channel_tiles(p, machine)
    yield from other_tiles(stage, machine)


def other_tiles(stage: Stage, machine: Machine) -> Iterator[Tile]:
    """Those whose lanes are neither pixels nor channels."""
    p = stage.problem
    element = ELEMENTS[p.accumulator_dtype]
    lanes = machine.vector_bytes // element.size
    if sums_by_rows(p, machine):
        yield from row_tiles(p, machine, lanes, p.terms)
    if sums_by_taps(stage, lanes):
        yield from _tap_tiles(p, machine)
    if prod(p.kernel[:-1]) == 1 and p.kernel[-1] >= 8 and lanes * element.size >= 16:
        yield from _segment_tiles(p, machine, lanes, element)


def candidates(stage: Stage, machine: Machine) -> Iterator[DirectRecipe]:
    """The recipes of all tiles."""
    return (finished(stage, machine, tile) for tile in tiles(stage, machine))


def finished(stage: Stage, machine: Machine, tile: Tile, room: Room | None = None) -> DirectRecipe:
    """Make a tile a recipe: with its block, or the largest one whose packed image has room in the L2 cache.

    What is packed serves all output channels, until `schedule` parts them among threads.
    """
    p, (lanes, shape, chunk, block) = stage.problem, tile
    size = machine.vector_bytes
    channels = shape[0] * (size // ELEMENTS[p.accumulator_dtype].size if lanes == "channels" else 1)
    blocks = -(-p.channels_out // channels)
    if lanes == "rows":
        return DirectRecipe(lanes, size, shape, block, channel_blocks=blocks, packed=False,
                            past_caches=goes_past_caches(p, machine, shape[2]))
    if block:
        if lanes == "taps":
            band = band_of(p, size // ELEMENTS[p.accumulator_dtype].size) if comes_in_bands(p, machine) else 0
            return DirectRecipe(lanes, size, shape, block, chunk, channel_blocks=blocks,
                                packed=not reads_in_place(p, machine), band=band)
        return DirectRecipe(lanes, size, shape, block, chunk, channel_blocks=blocks)
    straight = is_straight(p, machine, tile, most_unrolled(p))
    return DirectRecipe(lanes, size, shape, block_of(p, room or room_of(p, machine), tile), chunk, straight, blocks)


# ---------------------------------------------------------------- shapes

def pixel_tiles(p: Problem, machine: Machine) -> list[Tile]:
    """Tiles of pixels."""
    rows = p.kernel[-2]
    # chunks of rows that are nearly even: a short one at the end would share few loads
    return [Tile("pixels", shape, -(-rows // -(-rows // most))) for shape, most in pixel_shapes(p, machine)]


def pixel_shapes(p: Problem, machine: Machine) -> tuple[tuple[Shape, int], ...]:
    """Shapes of tiles of pixels, and of each, most rows of taps that are unrolled together."""
    most, caps, rows = pixel_caps(p, machine)
    return fitting(most, ELEMENTS[p.accumulator_dtype].planes, caps, rows)


def pixel_caps(p: Problem, machine: Machine) -> tuple[int, Shape, int]:
    """Registers for the sums of such a tile, how large it may be, and most rows of taps that are unrolled together."""
    vectors = -(-p.output[-1] // (machine.vector_bytes // ELEMENTS[p.accumulator_dtype].size))
    return (machine.registers - (4 if machine.registers > 16 else 3),
            (min(8, p.channels_out), min(8, p.output[-2]), min(8, vectors)), most_rows(p))


def most_rows(p: Problem) -> int:
    """Most rows of taps that are unrolled together, however small the tile."""
    return ROWS_LEFT_OUT if sees_many_zeros(p) else UNROLLED_FMAS


@cache
def fitting(most: int, planes: int, caps: Shape, rows: int) -> tuple[tuple[Shape, int], ...]:
    """Tiles of pixels no larger than these caps that fit so many registers; of each, most rows of taps together."""
    # with many channels there is enough to fill the registers: planning need not look at less
    least = min(most, prod(caps) * planes) if caps[0] == 8 else 0
    sizes = [[size for size in (1, 2, 3, 4, 6, 8) if size <= cap] for cap in caps]
    return tuple(((m, r, v), max(1, min(rows, UNROLLED_FMAS // (m * r * v * planes**2)))) for m, r, v in product(*sizes)
                 if least < 2 * m * r * v * planes <= 2 * (most - (v - 1) * planes))


def channel_tiles(p: Problem, machine: Machine) -> tuple[Tile, ...]:
    """Tiles of channels, if there are enough of these."""
    element = ELEMENTS[p.accumulator_dtype]
    lanes = machine.vector_bytes // element.size
    if p.channels_out < max(4, lanes // 2):
        return ()
    return _channels_fitting(machine.registers - 2, element.planes, min(4, -(-p.channels_out // lanes)),
                             min(4, p.output[-2]), p.output[-1])


@lru_cache(maxsize=256)
def _channels_fitting(most: int, planes: int, vectors: int, rows: int, width: int) -> tuple[Tile, ...]:
    """Tiles of no more vectors, rows and columns that fit so many registers."""
    widest = min(width, most)
    widths = _even_widths(width, widest)
    return tuple(Tile("channels", (m, r, q)) for m in range(1, vectors + 1) for r in range(1, rows + 1)
                 for q in (widths if r == 1 else widths[-1:])
                 if (m * r * q + m) * planes <= most and (r == 1 or q == widest))


def _even_widths(extent: int, widest: int) -> list[int]:
    """Of all widths that need as many tiles for a row, the narrowest, which wastes least."""
    return sorted({-(-extent // -(-extent // width)) for width in range(1, widest + 1)})


def sums_by_rows(p: Problem, machine: Machine) -> bool:
    """Whether taps may be summed row by row: small kernels on planes of their own."""
    return p.terms > 1 and p.terms * begun_rows(p) <= SLIDING_FMAS and reads_rows(p, machine)


def reads_rows(p: Problem, machine: Machine) -> bool:
    """Whether tiles that run down the rows can read an image: planes of their own, read without a stride."""
    element, source = ELEMENTS[p.accumulator_dtype], ELEMENTS[p.image_dtype]
    single = p.ndim == 2 and p.channels_in == p.channels_out == 1 and p.stride[-1] <= 2 and element.planes == 1
    narrow = (p.kernel[-1] - 1) * p.kernel_dilation[-1] <= LONGEST_REACH
    plain = source.kind in "fiub" and source.size <= element.size
    return single and narrow and plain and machine.vector_bytes == 64 and has_plain_border(p)


def row_tiles(p: Problem, machine: Machine, lanes: int, terms: int) -> Iterator[Tile]:
    """Tiles as high as their blocks, which are whole rows but for long lines; packed, they would fit the cache too.

    So many terms are summed, if not all taps of the kernel are.
    """
    begun, wide = begun_rows(p), p.output[-2] > 1 and (p.image[-1] > STRIP_COLUMNS or _comes_from_far(p, machine))
    row_bytes = min(p.output[-1], WIDEST_ROW) * p.stride[-1] * p.stride[-2] * ELEMENTS[p.accumulator_dtype].size
    room = machine.l2_bytes // 4 // row_bytes - begun
    for v in (1, 2, 3, 4, 6)[:5 if begun == 1 else 4]:
        past = p.output[-2] > 1 and goes_past_caches(p, machine, v)
        most_rows = PAST_STRIP_ROWS if past else WIDE_STRIP_ROWS[begun <= FLAT] if wide else STRIP_ROWS
        if wide and not past and begun > 1 and v > WIDE_VECTORS:
            break
        r = even(p.output[-2], max(1, min(most_rows, room)), 1)
        fits = v * (begun + 2 * p.stride[-1]) + 2 <= machine.registers and v * terms * begun <= SLIDING_FMAS
        fits = fits and (1 in (v, begun) or v * begun <= MOST_BEGUN or p.image[-1] <= NARROW_COLUMNS)
        if fits and (v - 1) * lanes < p.output[-1] and _few_edges(p, v, lanes):
            width = round_up(WIDEST_ROW, v * lanes)
            yield Tile("rows", (1, r, v), 1, (r, min(p.output[-1], width)))


def _comes_from_far(p: Problem, machine: Machine) -> bool:
    """Whether a tile waits for memory: of many planes, unless each fits the first-level cache."""
    return held_bytes(p) > FAR * machine.l2_bytes and prod(p.image) * ELEMENTS[p.image_dtype].size > machine.l1_bytes


def goes_past_caches(p: Problem, machine: Machine, vectors: int) -> bool:
    """Whether rows of outputs are stored past the caches: of images, light sums whose rows are whole cache lines.

    Where a strip ends inside a line, its parts are written one after the other, which can take four times as long.
    """
    size = ELEMENTS[p.output_dtype].size
    whole = p.output[-1] * size % 64 == 0 and size == ELEMENTS[p.accumulator_dtype].size and vectors >= LEAST_PAST
    return machine.stores_past_caches(held_bytes(p)) and (prod(p.output[:-1]) == 1 or (whole and p.terms <= LIGHT))


def _few_edges(p: Problem, vectors: int, lanes: int) -> bool:
    """Whether only a few tiles of a row see the border: each has code of its own."""
    columns = vectors * lanes
    farthest = p.image[-1] - p.start[-1] - vectors_seen(p, vectors, lanes) * lanes
    step = columns * p.stride[-1]
    inside = max(0, farthest // step - max(0, -(p.start[-1] // step)) + 1)
    return -(-p.output[-1] // columns) - inside <= MOST_EDGES[begun_rows(p) == 1]


def has_plain_border(p: Problem) -> bool:
    """Whether what the problem reads outside the image is copies of it on all sides, or one constant of its type."""
    sides, element = sides_outside(p), ELEMENTS[p.image_dtype]
    fills = [complex(side).real for side in sides if not isinstance(side, str)]
    if not fills:
        return True
    return len(sides) == 1 and (p.image_dtype == p.accumulator_dtype or _holds(element, fills[0]))


def _holds(element: Element, number: float) -> bool:
    """Whether a number is surely one of the element's."""
    low, high = (-(1 << 11), 1 << 11) if element.kind == "f" else limits(element)
    return number.is_integer() and low <= number <= high


def sums_by_taps(stage: Stage, lanes: int) -> bool:
    """Whether the lanes may be taps: long rows of them, few outputs, and an epilogue that does nothing."""
    p = stage.problem
    few = p.output[-1] <= 16 and prod(p.output) <= 1024 and stage.interleaved == 1
    plain = p.accumulator_dtype in ("float32", "float64") and not p.bias and p.activation is None
    plain = plain and ELEMENTS[p.output_dtype].planes == 1
    return few and plain and 2 * p.kernel[-1] >= lanes and prod(p.kernel) >= LONG_KERNEL and lanes > 1


def _tap_tiles(p: Problem, machine: Machine) -> Iterator[Tile]:
    """Tiles of whole rows of outputs; a block holds all outputs."""
    chunk = 1 if comes_in_bands(p, machine) else min(4, p.kernel[-2])
    for m, r in product((1, 2, 3, 4), range(1, min(8, p.output[-2]) + 1)):
        if m <= p.channels_out and m * r * p.output[-1] + m + 1 <= machine.registers:
            yield Tile("taps", (m, r, p.output[-1]), 1, p.output)
            # beside sums and weights there must be room for the image, and for what a compiler moves forward
            if chunk > 1 and m * (r * p.output[-1] + chunk) + 6 < machine.registers:
                yield Tile("taps", (m, r, p.output[-1]), chunk, p.output)


def comes_in_bands(p: Problem, machine: Machine) -> bool:
    """Whether lanes of taps pack the image a band of kernel rows at a time."""
    return p.ndim == 2 and p.kernel[-2] > 1 and not reads_in_place(p, machine)


def reads_in_place(p: Problem, machine: Machine) -> bool:
    """Whether lanes of taps need not pack the image: planes that a few masks make as good as packed ones."""
    plain = p.image_dtype == p.accumulator_dtype and p.ndim == 2 and p.kernel_dilation[-1] == 1
    near = (p.output[-1] - 1) * p.stride[-1] <= machine.vector_bytes // ELEMENTS[p.accumulator_dtype].size
    return plain and near and has_plain_border(p) and machine.vector_bytes == 64


def sides_outside(p: Problem) -> set[Side]:
    """What stands where the problem reads outside the image."""
    axes = zip(p.border, p.image, p.start, p.output, p.stride, p.kernel, p.kernel_dilation, strict=True)
    return {side for pair, extent, start, out, stride, taps, dilation in axes
            if start < 0 or start + (out - 1) * stride + (taps - 1) * dilation >= extent for side in pair}


def _segment_tiles(p: Problem, machine: Machine, lanes: int, element: Element) -> Iterator[Tile]:
    """Tiles that cut a long line into segments; both copies of a block fit half of the second-level cache."""
    reach = (p.kernel[-1] - 1) * p.kernel_dilation[-1] + 1
    room = machine.l2_bytes // 4 // (p.channels_in * element.itemsize)
    for m, r, v in product((1, 2, 4), (4, 6, 8, 12, 16), (1, 2)):
        if m > p.channels_out or m * r * v * element.planes > machine.registers - 4:
            continue
        columns = v * lanes
        longest = min((room // columns - reach) // p.stride[-1], p.output[-1] // columns)
        segment = min(longest, max(4 * reach, 256)) // r * r
        if segment * p.stride[-1] < reach // 4 or segment < max(r, 16):
            continue
        block = (*[1] * (p.ndim - 1), segment * columns)
        chunk = max(1, min(p.kernel[-1], UNROLLED_FMAS // (m * r * v * element.planes**2)))
        yield Tile("segments", (m, r, v), chunk, block)


# ---------------------------------------------------------------- blocks and straight code

def most_unrolled(p: Problem) -> int:
    """Up to which product of a tile's shape and chunk the taps of a kernel's row are unrolled."""
    most = UNROLLED_FMAS * (2 if p.kernel[-1] <= 3 else 1)
    return most // (p.kernel[-1] * ELEMENTS[p.accumulator_dtype].planes**2)


def is_straight(p: Problem, machine: Machine, tile: Tile, most: int) -> bool:
    """Whether the taps of a kernel's row are unrolled; ``most`` is what `most_unrolled` says."""
    m, r, q = tile.shape
    if m * r * q * tile.chunk > most:
        return False
    if tile.lanes == "pixels":
        return True
    # a tile of channels and the scalars of unrolled taps have to fit the registers
    scalars = r * _columns_met(q, p.stride[-1], p.kernel[-1], p.kernel_dilation[-1])
    return (m * (r * q + 1) + scalars) * ELEMENTS[p.accumulator_dtype].planes <= machine.registers


@lru_cache(maxsize=1024)
def _columns_met(outputs: int, stride: int, taps: int, dilation: int) -> int:
    """How many columns of a row neighbouring outputs see: they share most of them."""
    return len({x * stride + t * dilation for x in range(outputs) for t in range(taps)})


class Room(NamedTuple):
    """What bounds a block of a stage, whatever its tile."""

    samples: int
    """Samples of each channel that have room in the cache."""
    reach: tuple[int, ...]
    """Positions that one output sees along each axis."""
    caps: tuple[int, ...]
    lanes: int
    """Of a vector of pixels."""


def room_of(p: Problem, machine: Machine) -> Room:
    """How large blocks may be."""
    element = ELEMENTS[p.accumulator_dtype]
    samples = machine.l2_bytes // _share_of_cache(p, machine, element) // (p.channels_in * element.itemsize)
    widest = LONGEST_LINE if prod(p.output[:-1]) == 1 else WIDEST_ROW
    return Room(samples, tuple([(k - 1) * d + 1 for k, d in zip(p.kernel, p.kernel_dilation, strict=True)]),
                (*[TALLEST_BLOCK] * (p.ndim - 1), widest), machine.vector_bytes // element.size)


def block_of(p: Problem, room: Room, tile: Tile) -> tuple[int, ...]:
    """The largest block of whole tiles that there is room for."""
    samples, reach, caps, lanes = room
    _, rows, columns = tile.shape
    output, stride = p.output, p.stride
    extents = [*[1] * (len(output) - 2), rows, columns * lanes if tile.lanes == "pixels" else columns]
    block = list(map(min, extents, output))
    packed = [(b - 1) * s + r for b, s, r in zip(block, stride, reach, strict=True)]
    for axis in _growth(len(output)):
        packed[axis] = 1
        wished = (max(1, samples // prod(packed)) - reach[axis]) // stride[axis] + 1
        block[axis] = even(output[axis], min(wished, caps[axis]), extents[axis])
        packed[axis] = (block[axis] - 1) * stride[axis] + reach[axis]
    return tuple(block)


def _share_of_cache(p: Problem, machine: Machine, element: Element) -> int:
    """Which part of the second-level cache a packed block may fill.

    Taps that stay there as well cost a block nothing, and the smaller it is, the nearer it stays.  Others are fetched
    anew for each block, so there are to be few.
    """
    if p.channels_out == 1:
        return 4
    return 8 if 4 * p.channels_out * p.terms * element.itemsize <= machine.l2_bytes else 2


@cache
def _growth(ndim: int) -> tuple[int, ...]:
    """Axes in the order in which a block grows: the last, the one before it, then the outer ones evenly."""
    return ndim - 1, ndim - 2, *reversed(range(ndim - 2))


def even(extent: int, wished: int, tile: int) -> int:
    """A block of about ``wished`` or less that parts the extent evenly and holds whole tiles."""
    if wished >= extent or tile >= extent:
        return extent
    least = -(-extent // max(wished, tile))
    best, fewest = extent, 0
    # a few more blocks, if less is computed twice; each costs about as much as a tile
    for count in range(least, least + min(least, 3)):
        block = -(-extent // (count * tile)) * tile
        if not fewest or count * (block + tile) < fewest:
            best, fewest = block, count * (block + tile)
    return min(extent, best)
