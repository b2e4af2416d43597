"""Which tile and block suit a stage on a machine: a short list of candidates and what each would cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import product
from math import prod

from ...compiler.elements import ELEMENTS, Element
from ...machine import Machine
from ...problem.problem import Problem, Side
from .frame import DirectRecipe, Frame, Stage, round_up

LONGEST_LINE, WIDEST_ROW, TALLEST_BLOCK = 1024, 4096, 128
"""Bounds of a block: short pieces of a line let reading and writing overlap; whole rows suit the prefetcher."""

LONG_KERNEL = 96
"""Taps from which a kernel is long."""

ITEMS = 4
"""Work items that each thread should find, to even out what they cost."""

UNROLLED_FMAS = 192
"""Most multiply-adds in one straight piece of code: enough to hide the loop, few enough to compile quickly."""


def candidates(stage: Stage, machine: Machine) -> Iterator[DirectRecipe]:
    """Every recipe worth a look, the tiles from the table of good shapes that fit the registers."""
    p = stage.problem
    element = ELEMENTS[p.accumulator_dtype]
    lanes = machine.vector_bytes // element.size
    for tile in _pixel_tiles(p, machine, lanes, element.planes):
        yield _with_block(stage, machine, "pixels", tile)
    if p.channels_out >= max(4, lanes // 2):
        for tile in _channel_tiles(p, machine, lanes, element.planes):
            yield _with_block(stage, machine, "channels", tile)
    if sums_by_taps(stage, lanes):
        yield from _tap_recipes(stage, machine)
    if prod(p.kernel[:-1]) == 1 and p.kernel[-1] >= 8 and lanes * element.size >= 16:
        yield from _segment_recipes(p, machine, lanes, element)


def sums_by_taps(stage: Stage, lanes: int) -> bool:
    """Whether the lanes may be taps: long rows of them, few outputs, and an epilogue that does nothing."""
    p = stage.problem
    few = p.output[-1] <= 16 and prod(p.output) <= 1024 and stage.interleaved == 1
    plain = p.accumulator_dtype in ("float32", "float64") and not p.bias and p.activation is None
    return few and plain and 2 * p.kernel[-1] >= lanes and prod(p.kernel) >= LONG_KERNEL and lanes > 1


def _tap_recipes(stage: Stage, machine: Machine) -> Iterator[DirectRecipe]:
    """Tiles of whole rows of outputs; a block holds all outputs."""
    p, packed = stage.problem, not reads_in_place(stage, machine)
    for m, r in product((1, 2, 3, 4), range(1, min(8, p.output[-2]) + 1)):
        if m <= p.channels_out and m * r * p.output[-1] + m + 1 <= machine.registers:
            for chunk in {1, min(4, p.kernel[-2])}:
                if m * (r * p.output[-1] + chunk) + 1 <= machine.registers:
                    tile = m, r, p.output[-1]
                    yield DirectRecipe("taps", machine.vector_bytes, tile, p.output, chunk, packed=packed)


def reads_in_place(stage: Stage, machine: Machine) -> bool:
    """Whether lanes of taps need not pack the image: planes that a few masks make as good as packed ones."""
    p = stage.problem
    plain = p.image_dtype == p.accumulator_dtype and p.ndim == 2 and p.kernel_dilation[-1] == 1
    near = (p.output[-1] - 1) * p.stride[-1] <= machine.vector_bytes // ELEMENTS[p.accumulator_dtype].size
    sides = sides_outside(p)
    constant = len(sides) <= 1 and not any(isinstance(side, str) for side in sides)
    return plain and near and constant and machine.vector_bytes == 64


def sides_outside(p: Problem) -> set[Side]:
    """What stands where the problem reads outside the image."""
    axes = zip(p.border, p.image, p.start, p.output, p.stride, p.kernel, p.kernel_dilation, strict=True)
    return {side for pair, extent, start, out, stride, taps, dilation in axes
            if start < 0 or start + (out - 1) * stride + (taps - 1) * dilation >= extent for side in pair}


def _segment_recipes(p: Problem, machine: Machine, lanes: int, element: Element) -> Iterator[DirectRecipe]:
    """Recipes that cut a long line into segments; both copies of a block fit half of the second-level cache."""
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
        yield DirectRecipe("segments", machine.vector_bytes, (m, r, v), block, chunk)


def _pixel_tiles(p: Problem, machine: Machine, lanes: int, planes: int) -> Iterator[tuple[int, int, int]]:
    most = machine.registers - (4 if machine.registers > 16 else 3)
    largest = min(8, p.channels_out) * min(8, p.output[-2]) * min(8, -(-p.output[-1] // lanes)) * planes
    for m, r, v in product((1, 2, 3, 4, 6, 8), (1, 2, 3, 4, 6, 8), (1, 2, 3, 4, 6, 8)):
        fits = m * r * v * planes + (v - 1) * planes <= most
        # with many channels there is enough to fill the registers: planning need not look at less
        fits = fits and (p.channels_out < 8 or m * r * v * planes * 2 > min(most, largest))
        if not fits or m > p.channels_out or r > p.output[-2] or (v - 1) * lanes >= p.output[-1]:
            continue
        yield m, r, v


def _channel_tiles(p: Problem, machine: Machine, lanes: int, planes: int) -> Iterator[tuple[int, int, int]]:
    most = machine.registers - 2
    for m in (1, 2, 3, 4):
        if (m - 1) * lanes >= p.channels_out:
            continue
        # of all widths that need as many tiles for a row, the narrowest wastes least
        widths = {-(-p.output[-1] // tiles) for tiles in range(1, p.output[-1] + 1)}
        for r, q in product((1, 2, 3, 4), sorted(width for width in widths if width <= most)):
            if r <= p.output[-2] and (m * r * q + m) * planes <= most and (r == 1 or q == min(p.output[-1], most)):
                yield m, r, q


def _pixels_held(p: Problem, tile: tuple[int, int, int]) -> int:
    """Scalars that unrolled taps keep in registers: neighbouring taps share most of them."""
    _, rows, columns = tile
    offsets = {q * p.stride[-1] + t * p.kernel_dilation[-1] for q in range(columns) for t in range(p.kernel[-1])}
    return rows * len(offsets)


def _even(extent: int, wished: int, tile: int) -> int:
    """A block near ``wished`` that parts the extent evenly and holds whole tiles."""
    wished = max(min(wished, extent), min(tile, extent))
    count = -(-extent // wished)
    return min(extent, round_up(-(-extent // count), min(tile, extent)))


def _with_block(stage: Stage, machine: Machine, lanes: str, tile: tuple[int, int, int]) -> DirectRecipe:
    """Give a tile the largest block whose packed image fits half of the second-level cache."""
    p = stage.problem
    element = ELEMENTS[p.accumulator_dtype]
    width = tile[2] * (machine.vector_bytes // element.size if lanes == "pixels" else 1)
    extents = [1] * (p.ndim - 2) + [tile[1], width]
    budget = machine.l2_bytes // (2 if p.channels_out > 1 else 4) // (p.channels_in * element.itemsize)
    block = [min(e, out) for e, out in zip(extents, p.output, strict=True)]
    for axis in _growth(p):
        rest = prod(_packed(p, block, other) for other in range(p.ndim) if other != axis)
        room = max(1, budget // rest)
        wished = (room - (p.kernel[axis] - 1) * p.kernel_dilation[axis] - 1) // p.stride[axis] + 1
        cap = (LONGEST_LINE if prod(p.output[:-1]) == 1 else WIDEST_ROW) if axis == p.ndim - 1 else TALLEST_BLOCK
        block[axis] = _even(p.output[axis], min(wished, cap), extents[axis])
    unrolled = tile[0] * tile[1] * tile[2] * element.planes**2
    chunk = max(1, min(p.kernel[-2], UNROLLED_FMAS // unrolled)) if lanes == "pixels" else 1
    straight = unrolled * chunk * p.kernel[-1] <= UNROLLED_FMAS * (2 if p.kernel[-1] <= 3 else 1)
    if lanes == "channels":
        held = (tile[0] * (tile[1] * tile[2] + 1) + _pixels_held(p, tile)) * element.planes
        straight = straight and held <= machine.registers
    return DirectRecipe(lanes, machine.vector_bytes, tile, tuple(block), chunk, straight)


def _packed(p: Problem, block: list[int], axis: int) -> int:
    return (block[axis] - 1) * p.stride[axis] + (p.kernel[axis] - 1) * p.kernel_dilation[axis] + 1


def _growth(p: Problem) -> list[int]:
    """Axes in the order in which a block grows: the last, the one before it, then the outer ones evenly."""
    return [p.ndim - 1, p.ndim - 2, *reversed(range(p.ndim - 2))]


def cycles(frame: Frame) -> float:
    """Predicted cycles of one thread: multiply-adds, loads and stores of the tiles, and the packing."""
    p, planes = frame.problem, frame.accumulator.planes
    work, recipe = _block_cycles(frame.inner), frame.recipe
    copied = recipe.vector_bytes // frame.packed.size
    packed = p.channels_in * planes * prod(frame.packed_extents[:-1]) * (
        12 + frame.packed_extents[-1] * (1.5 / copied if frame.phases <= 2 else 1.5))
    if not recipe.packed:
        packed = 0.0
    if frame.inner is not frame:
        packed += p.channels_in * planes * prod(frame.inner.packed_extents) * 0.5
    return (work + packed * frame.channel_items) * prod(frame.blocks) * prod(p.batch) * p.groups


def _block_cycles(frame: Frame) -> float:
    """Cycles of the tiles of one block."""
    p, recipe = frame.problem, frame.recipe
    planes = frame.accumulator.planes
    if frame.by_taps:
        return _tap_cycles(frame)
    m, r, v = recipe.tile
    fmas = m * r * v * planes * planes
    tile = [1] * (p.ndim - 2) + [frame.tile_rows, frame.tile_columns]
    tiles = frame.channel_blocks * prod(-(-b // t) for b, t in zip(recipe.block, tile, strict=True))
    per_cycle = 1.0 if recipe.vector_bytes == 64 else 2.0
    # a sum can be added to every 4 cycles only
    busy = max(fmas / per_cycle, fmas * 4 / (m * r * v * planes))
    tap = max(busy, _loads_per_tap(frame) / 2)
    if frame.recipe.lanes == "channels":
        # the kernel's vectors stream from the second-level cache, or from behind it
        bytes_per_cycle = 24.0 if 2 * frame.block_bytes <= frame.machine.l2_bytes else 12.0
        stream = frame.tap_bytes / bytes_per_cycle
        tap = max(tap, stream) + 0.02 * stream
    inner = p.kernel[-1] * (recipe.chunk if frame.by_pixels else 1) if recipe.columns_unrolled else (
        recipe.chunk if frame.by_pixels else 1)
    tap += (2.0 if frame.by_pixels else 0.4) / max(1, inner)
    store = m * r * v * planes * (2.0 if frame.by_pixels else 8.0)
    return tiles * (p.terms * tap + store + 20)


def _tap_cycles(frame: Frame) -> float:
    """The same where lanes are taps."""
    p, (m, r, q) = frame.problem, frame.recipe.tile
    wide = frame.recipe.vector_bytes == 64
    fmas = m * r * q * (1.0 if wide else 0.5)
    # half cycles of a vector; one that crosses a cache line is loaded twice
    shared = {row * p.stride[-2] + tap * p.kernel_dilation[-2] for row in range(r) for tap in range(frame.recipe.chunk)}
    pixels = 2 + 0.5 * q if frame.shifts_registers else q
    loads = (m + len(shared) / frame.recipe.chunk * pixels) * (1.5 if wide else 0.75)
    vectors = -(-p.kernel[-1] // frame.lanes) * prod(p.kernel[:-1]) * p.channels_in
    tiles = frame.channel_blocks * -(-p.output[-2] // r) * prod(p.output[:-2])
    rows = prod(p.kernel[:-1]) * p.channels_in
    return tiles * (vectors * max(fmas, loads, 4.0) + rows * 4.0 + m * r * q * 12.0 + 20)


def _loads_per_tap(frame: Frame) -> float:
    m, r, v = frame.recipe.tile
    planes = frame.accumulator.planes
    if frame.recipe.lanes == "channels":
        return float(m * (2 if frame.recipe.vector_bytes == 64 else 1) + r * v) * planes
    p, chunk = frame.problem, frame.recipe.chunk
    rows = len({row * p.stride[-2] + tap * p.kernel_dilation[-2] for row in range(r) for tap in range(chunk)})
    # half cycles of one vector; one that crosses a cache line is loaded twice
    moves = p.kernel[-1] > 1
    wide = frame.recipe.vector_bytes == 64
    each = (4.0 if moves else 2.0) if wide else (1.5 if moves else 1.0)
    # weights of a chunk stay in registers, if there are any left
    kept = m * r * v * planes + m * chunk * planes + v * planes <= frame.machine.registers
    return planes * (rows * v * each / chunk + (m if kept else m * r))


@lru_cache(maxsize=512)
def choose(stage: Stage, machine: Machine, threads: int) -> Frame:
    """The cheapest recipe and its geometry, its work parted finely enough for ``threads``."""
    frames = [Frame(stage, recipe, machine) for recipe in candidates(stage, machine)]
    dots = dot_stage(stage, machine)
    if dots is not None:
        apart = stage.problem.kernel_dilation[-1]
        frames += [Frame(dots, recipe._replace(dot=4, dot_step=apart), machine)
                   for recipe in candidates(dots, machine) if recipe.lanes == "pixels"]
    best = min(frames, key=_with_kernel)
    return Frame(best.stage, _share(best.stage, best.recipe, machine, threads), machine)


def _with_kernel(frame: Frame) -> float:
    """Predicted cycles, with those that bring a long kernel into order, which no one keeps."""
    p = frame.problem
    is_packed = not frame.by_taps and prod(p.kernel) >= LONG_KERNEL
    return cycles(frame) + (p.groups * p.channels_out * p.terms * 1.0 if is_packed else 0.0)


def dot_stage(stage: Stage, machine: Machine) -> Stage | None:
    """The stage with four taps of a row as one, if bytes can be multiplied four at a time there."""
    p = stage.problem
    fills = [side for pair in p.border for side in pair if not isinstance(side, str)]
    fits = (machine.has_dot and p.image_dtype in ("uint8", "bool") and (p.small_kernel or p.kernel_dtype == "int8")
            and p.accumulator_dtype in ("float32", "int32") and p.activation in (None, "relu", "relu6") and not p.bias
            and p.stride[-1] == 1 and p.kernel_dilation[-1] <= 5 and p.kernel[-1] > 1
            and all(fill == int(fill.real) and 0 <= fill.real < 256 for fill in fills))
    if not fits:
        return None
    groups = -(-p.kernel[-1] // 4)
    return stage._replace(problem=replace(
        p, kernel=(*p.kernel[:-1], groups), kernel_dilation=(*p.kernel_dilation[:-1], 4 * p.kernel_dilation[-1]),
        accumulator_dtype="int32"))


def shared_cycles(frame: Frame, threads: int) -> float:
    """Predicted cycles until so many threads have done all items."""
    return cycles(frame) * -(-frame.items // threads) / frame.items


def _share(stage: Stage, recipe: DirectRecipe, machine: Machine, threads: int) -> DirectRecipe:
    """Part the rows and the output channels until every thread has several items to take, unless one is quicker."""
    whole = recipe._replace(channel_blocks=Frame(stage, recipe, machine).channel_blocks)
    if threads == 1 or Frame(stage, whole, machine).items >= ITEMS * threads:
        return whole
    shared = [whole, *(_parted(stage, whole, machine, each * threads) for each in (1, ITEMS))]
    # of equals, the one with most items
    return min(reversed(shared), key=lambda one: shared_cycles(Frame(stage, one, machine), threads))


def _parted(stage: Stage, recipe: DirectRecipe, machine: Machine, wished: int) -> DirectRecipe:
    """Part the rows, and then the output channels, into about so many items."""
    frame = Frame(stage, recipe, machine)
    items, all_blocks, tile = frame.items, frame.channel_blocks, frame.tile_rows
    block = list(recipe.block)
    for axis in range(len(block) - 1):
        part = -(-wished // items)
        if part > 1 and block[axis] > tile:
            least = tile if axis == len(block) - 2 else 1
            block[axis] = _even(block[axis], max(tile, -(-block[axis] // part)), least)
            recipe = recipe._replace(block=tuple(block))
            items = Frame(stage, recipe, machine).items
    if items < wished and all_blocks > 1:
        shares = min(all_blocks, -(-wished // items))
        recipe = recipe._replace(channel_blocks=-(-all_blocks // shares))
    return recipe
