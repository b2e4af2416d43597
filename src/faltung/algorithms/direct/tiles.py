"""Which register tiles are worth a look for a stage, and the block of outputs that suits each."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import product
from math import prod
from typing import NamedTuple

from ...compiler.elements import ELEMENTS, Element, limits
from ...machine import Machine
from ...problem.problem import Problem, Side
from .frame import DirectRecipe, Frame, Stage, begun_rows, round_up, vectors_seen

LONGEST_LINE, WIDEST_ROW, TALLEST_BLOCK = 1024, 4096, 128
"""Bounds of a block: short pieces of a line let reading and writing overlap; whole rows suit the prefetcher."""

LONG_KERNEL = 96
"""Taps from which a kernel is long."""

UNROLLED_FMAS = 192
"""Most multiply-adds in one straight piece of code: enough to hide the loop, few enough to compile quickly."""

SLIDING_FMAS = 512
"""Most multiply-adds in the code of a tile that runs down the rows: about twice as many as it has turns to begin."""

STRIP_COLUMNS, STRIP_ROWS = 1024, (32, 8)
"""Such a tile runs down so many rows, fewer of images wider than that: rows are best read as they lie."""

MOST_EDGES = 3
"""Most tiles of a row with code of their own."""

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
    element = ELEMENTS[p.accumulator_dtype]
    lanes = machine.vector_bytes // element.size
    yield from _pixel_tiles(p, machine, lanes, element.planes)
    if p.channels_out >= max(4, lanes // 2):
        yield from _channel_tiles(p, machine, lanes, element.planes)
    if sums_by_rows(p, machine):
        yield from _row_tiles(p, machine, lanes)
    if sums_by_taps(stage, lanes):
        yield from _tap_tiles(p, machine)
    if prod(p.kernel[:-1]) == 1 and p.kernel[-1] >= 8 and lanes * element.size >= 16:
        yield from _segment_tiles(p, machine, lanes, element)


def candidates(stage: Stage, machine: Machine) -> Iterator[DirectRecipe]:
    """The recipes of all tiles."""
    return (finished(stage, machine, tile) for tile in tiles(stage, machine))


def finished(stage: Stage, machine: Machine, tile: Tile) -> DirectRecipe:
    """Make a tile a recipe: with its block, or the largest one whose packed image has room in the L2 cache.

    What is packed serves all output channels, until `schedule` parts them among threads.
    """
    recipe = _with_block(stage, machine, tile)
    return recipe._replace(channel_blocks=Frame(stage, recipe, machine).channel_blocks)


def _with_block(stage: Stage, machine: Machine, tile: Tile) -> DirectRecipe:
    lanes, shape, chunk, block = tile
    if lanes == "rows":
        return DirectRecipe(lanes, machine.vector_bytes, shape, block, packed=False)
    if block:
        packed = lanes != "taps" or not reads_in_place(stage.problem, machine)
        return DirectRecipe(lanes, machine.vector_bytes, shape, block, chunk, packed=packed)
    p = stage.problem
    straight = prod(shape) * chunk <= most_unrolled(p) and (lanes == "pixels" or _fits(p, machine, shape))
    return DirectRecipe(lanes, machine.vector_bytes, shape, _block(stage, machine, tile), chunk, straight)


# ---------------------------------------------------------------- shapes

def _pixel_tiles(p: Problem, machine: Machine, lanes: int, planes: int) -> Iterator[Tile]:
    most = machine.registers - (4 if machine.registers > 16 else 3)
    # with many channels there is enough to fill the registers: planning need not look at less
    largest = min(8, p.channels_out) * min(8, p.output[-2]) * min(8, -(-p.output[-1] // lanes)) * planes
    least = min(most, largest) if p.channels_out >= 8 else 0
    for shape, sums in _fitting(most, planes):
        m, r, v = shape
        if m <= p.channels_out and r <= p.output[-2] and (v - 1) * lanes < p.output[-1] and 2 * sums > least:
            most_rows = max(1, UNROLLED_FMAS // (sums * planes))
            # chunks of rows that are nearly even: a short one at the end would share few loads
            yield Tile("pixels", shape, -(-p.kernel[-2] // -(-p.kernel[-2] // most_rows)))


@cache
def _fitting(most: int, planes: int) -> tuple[tuple[Shape, int], ...]:
    """Tiles of pixels that fit so many registers, with the sums of each."""
    sizes = (1, 2, 3, 4, 6, 8)
    return tuple(((m, r, v), m * r * v * planes) for m, r, v in product(sizes, sizes, sizes)
                 if m * r * v * planes + (v - 1) * planes <= most)


def _channel_tiles(p: Problem, machine: Machine, lanes: int, planes: int) -> Iterator[Tile]:
    most = machine.registers - 2
    # of all widths that need as many tiles for a row, the narrowest wastes least
    widest = min(p.output[-1], most)
    widths = sorted({-(-p.output[-1] // -(-p.output[-1] // width)) for width in range(1, widest + 1)})
    for m in (1, 2, 3, 4):
        if (m - 1) * lanes >= p.channels_out:
            continue
        for r, q in product((1, 2, 3, 4), widths):
            if r <= p.output[-2] and (m * r * q + m) * planes <= most and (r == 1 or q == widest):
                yield Tile("channels", (m, r, q))


def sums_by_rows(p: Problem, machine: Machine) -> bool:
    """Whether taps may be summed row by row: small kernels on planes of their own, read without a stride."""
    element, source = ELEMENTS[p.accumulator_dtype], ELEMENTS[p.image_dtype]
    single = p.ndim == 2 and p.channels_in == p.channels_out == 1 and p.stride[-1] <= 2 and element.planes == 1
    small = p.terms > 1 and p.terms * begun_rows(p) <= SLIDING_FMAS and (p.kernel[-1] - 1) * p.kernel_dilation[-1] <= 64
    plain = source.kind in "fiub" and source.size <= element.size
    return single and small and plain and machine.vector_bytes == 64 and has_plain_border(p)


def _row_tiles(p: Problem, machine: Machine, lanes: int) -> Iterator[Tile]:
    """Tiles as high as their blocks, which are whole rows but for long lines; packed, they would fit the cache too."""
    begun, wide = begun_rows(p), p.image[-1] > STRIP_COLUMNS
    row_bytes = min(p.output[-1], WIDEST_ROW) * p.stride[-1] * p.stride[-2] * ELEMENTS[p.accumulator_dtype].size
    room = machine.l2_bytes // 4 // row_bytes - begun
    r = even(p.output[-2], max(1, min(STRIP_ROWS[wide], room)), 1)
    for v in (1, 2, 3, 4):
        fits = v * (begun + 2 * p.stride[-1]) + 2 <= machine.registers and v * p.terms * begun <= SLIDING_FMAS
        if fits and (v - 1) * lanes < p.output[-1] and _few_edges(p, v, lanes):
            width = round_up(WIDEST_ROW, v * lanes)
            yield Tile("rows", (1, r, v), 1, (r, min(p.output[-1], width)))


def _few_edges(p: Problem, vectors: int, lanes: int) -> bool:
    """Whether only a few tiles of a row see the border: each has code of its own."""
    columns = vectors * lanes
    farthest = p.image[-1] - p.start[-1] - vectors_seen(p, vectors, lanes) * lanes
    step = columns * p.stride[-1]
    inside = max(0, farthest // step - max(0, -(p.start[-1] // step)) + 1)
    return -(-p.output[-1] // columns) - inside <= MOST_EDGES


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
    for m, r in product((1, 2, 3, 4), range(1, min(8, p.output[-2]) + 1)):
        if m <= p.channels_out and m * r * p.output[-1] + m + 1 <= machine.registers:
            for chunk in {1, min(4, p.kernel[-2])}:
                if m * (r * p.output[-1] + chunk) + 1 <= machine.registers:
                    yield Tile("taps", (m, r, p.output[-1]), chunk, p.output)


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


def _fits(p: Problem, machine: Machine, shape: Shape) -> bool:
    """Whether a tile of channels and the scalars of unrolled taps fit the registers: neighbours share most of them."""
    m, r, q = shape
    offsets = {x * p.stride[-1] + t * p.kernel_dilation[-1] for x in range(q) for t in range(p.kernel[-1])}
    return (m * (r * q + 1) + r * len(offsets)) * ELEMENTS[p.accumulator_dtype].planes <= machine.registers


def _block(stage: Stage, machine: Machine, tile: Tile) -> tuple[int, ...]:
    p = stage.problem
    element = ELEMENTS[p.accumulator_dtype]
    width = tile.shape[2] * (machine.vector_bytes // element.size if tile.lanes == "pixels" else 1)
    extents = [1] * (p.ndim - 2) + [tile.shape[1], width]
    budget = machine.l2_bytes // _share_of_cache(p, machine, element) // (p.channels_in * element.itemsize)
    reach = [(k - 1) * d + 1 for k, d in zip(p.kernel, p.kernel_dilation, strict=True)]
    block = [min(e, out) for e, out in zip(extents, p.output, strict=True)]
    packed = [(b - 1) * s + r for b, s, r in zip(block, p.stride, reach, strict=True)]
    for axis in _growth(p):
        packed[axis] = 1
        wished = (max(1, budget // prod(packed)) - reach[axis]) // p.stride[axis] + 1
        cap = (LONGEST_LINE if prod(p.output[:-1]) == 1 else WIDEST_ROW) if axis == p.ndim - 1 else TALLEST_BLOCK
        block[axis] = even(p.output[axis], min(wished, cap), extents[axis])
        packed[axis] = (block[axis] - 1) * p.stride[axis] + reach[axis]
    return tuple(block)


def _share_of_cache(p: Problem, machine: Machine, element: Element) -> int:
    """Which part of the second-level cache a packed block may fill.

    Taps that stay there as well cost a block nothing, and the smaller it is, the nearer it stays.  Others are fetched
    anew for each block, so there are to be few.
    """
    if p.channels_out == 1:
        return 4
    return 8 if 4 * p.channels_out * p.terms * element.itemsize <= machine.l2_bytes else 2


def _growth(p: Problem) -> list[int]:
    """Axes in the order in which a block grows: the last, the one before it, then the outer ones evenly."""
    return [p.ndim - 1, p.ndim - 2, *reversed(range(p.ndim - 2))]


def even(extent: int, wished: int, tile: int) -> int:
    """A block of about ``wished`` or less that parts the extent evenly and holds whole tiles."""
    tile = min(tile, extent)
    least = -(-extent // max(min(wished, extent), tile))
    # a few more blocks, if less is computed twice; each costs about as much as a tile
    blocks = [(count, round_up(-(-extent // count), tile)) for count in range(least, least + min(least, 3))]
    return min(extent, min(blocks, key=lambda one: one[0] * (one[1] + tile))[1])
