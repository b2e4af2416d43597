"""What a recipe costs, in predicted cycles of one thread, and at least what any recipe with a tile does."""

from __future__ import annotations

from functools import lru_cache
from math import gcd, prod
from typing import NamedTuple

from ...compiler.elements import ELEMENTS
from ...machine import Machine
from ...problem.problem import Problem
from .counts import LONG, band_of, held_rows, off_the_page, pixel_pitch, round_up, shifts_registers
from .frame import Frame, Stage
from .tiles import (
    LONG_KERNEL,
    Shape,
    Tile,
    block_of,
    channel_tiles,
    comes_in_bands,
    fitting,
    is_straight,
    most_unrolled,
    pixel_caps,
    room_of,
)

READ_AGAIN = 30.0
"""Bytes of a packed image that tiles read in a cycle from the second-level cache, once more for each block of output
channels."""

WRITE_LINE = 3.0
"""Cycles to write a cache line, or a part of one, where those of neighbouring lanes lie far apart."""

MULTIPLY = {"int32": 2.0, "int64": 4.0}
"""How many times as long as in floating point it takes to multiply and add: these are several instructions."""


class Loops(NamedTuple):
    """What a tile runs through, whatever its shape: terms, a plane of the kernel, and where its rows stand."""

    terms: int
    rows: int
    columns: int
    step: int
    """Stride down the rows, without what it has in common with the dilation, ``apart``."""
    apart: int
    across: int
    """Stride along a row."""
    widens: bool
    """Whether samples are widened when they are loaded, where they lie."""
    size: int
    """Bytes of an output."""
    lanes: int
    planes: int
    scattered: bool
    """Whether the channels of an output lie apart."""
    machine: Machine
    pace: float
    """Cycles of the multiply-adds of one tap and one sum."""
    each: float
    """Cycles of a vector that is loaded."""
    load: float
    """The same of pixels, which may lie askew."""

    def image_rows(self, rows: int, chunk: int) -> int:
        """How many rows of the image so many rows of outputs look at, under so many rows of taps."""
        return rows * chunk - max(0, rows - self.apart) * max(0, chunk - self.step)

    def held_rows(self, rows: int, chunk: int) -> int:
        """How many of them are held in registers at once."""
        return held_rows(rows, chunk, self.step, self.apart)


def _loops(stage: Stage, machine: Machine, dot: int) -> Loops:
    p = stage.problem
    step, apart = p.stride[-2], p.kernel_dilation[-2]
    element, common, columns = ELEMENTS[p.accumulator_dtype], gcd(step, apart), p.kernel[-1]
    work = 1.0 if dot > 1 else MULTIPLY.get(p.accumulator_dtype, 1.0)
    each = 1.0 / machine.vectors_per_cycle
    return Loops(p.terms, p.kernel[-2], columns, step // common, apart // common, p.stride[-1],
                 p.image_dtype != p.accumulator_dtype, ELEMENTS[p.output_dtype].itemsize,
                 machine.vector_bytes // element.size, element.planes, stage.output_strides[-1 - p.ndim] != 1, machine,
                 element.planes * work * each, each, _load_cycles(columns, machine))


def _load_cycles(columns: int, machine: Machine) -> float:
    """One that crosses a cache line is loaded twice: all that are askew, if they are as long as a line."""
    return (1.0 if columns == 1 else 2.0 if machine.vector_bytes == 64 else 1.5) / machine.vectors_per_cycle


# ---------------------------------------------------------------- one tile

def _pixel_cycles(on: Loops, shape: Shape, chunk: int, *, straight: bool) -> float:
    """All taps of a tile of pixels, its stores included."""
    (m, r, v), planes = shape, on.planes
    sums = m * r * v * planes
    # rows share weights of a chunk, or weights rows, in registers, if there are any left; else most are on the stack
    left = on.machine.registers // planes - m * r * v
    kept = r == 1 or m * chunk + v <= left or on.held_rows(r, chunk) * v < left
    loads = planes * (on.image_rows(r, chunk) * v * on.load / chunk + (m if kept else m * r + m - 1) / 2)
    tap = max(_busy(on, sums), loads) + 2.0 / (chunk * on.columns if straight else chunk)
    return on.terms * tap + sums * 2.0 + 20


@lru_cache(maxsize=256)
def _pixel_turns(allowed: tuple[int, Shape, int], rows: int, step: int, apart: int, planes: int, registers: int,
                 load: float, pace: float) -> list[tuple[Tile, int, int, int, int, int, int, float]]:
    """All tiles of pixels, and of each what `_pixel_cycles` tells whatever the problem's extents are.

    ``allowed`` is what `pixel_caps` says.  A tile's shape comes first, then its sums, its chunk, how many multiply-adds
    of a column are unrolled, and cycles of a tap.  They are many, so `_pixel_cycles` is written out.
    """
    (most, caps, together), found = allowed, []
    for shape, most_rows in fitting(most, planes, caps, together):
        m, r, v = shape
        # chunks of rows that are nearly even: a short one at the end would share few loads
        chunk = -(-rows // -(-rows // most_rows))
        sums, seen, left = m * r * v * planes, r * chunk, registers // planes - m * r * v
        if r > apart and chunk > step:
            seen -= (r - apart) * (chunk - step)
        kept = r == 1 or m * chunk + v <= left or held_rows(r, chunk, step, apart) * v < left
        loads = planes * (seen * v * load / chunk + (m if kept else m * r + m - 1) / 2)
        turn = max(sums * pace, 4.0 * planes, loads)
        found.append((Tile("pixels", shape, chunk), m, r, v, sums, chunk, m * r * v * chunk, turn))
    return found


def _row_cycles(on: Loops, shape: Shape) -> float:
    """The same where each row of pixels is loaded once and shifted: two units shift, load and multiply side by side."""
    _, r, v = shape
    rows, shared = on.image_rows(r, on.rows), (on.columns - 1) // on.lanes
    vectors = rows * (v + 1 + shared) * on.across
    shifts = rows * (v + shared) * (min(on.columns, on.lanes) - 2 + on.across) + vectors * on.widens
    if on.rows == 1 and on.across == 1 and not on.widens:  # every second one is loaded
        shifts //= 2
        vectors += shifts
    begin = 2.0 * rows + 20 if on.rows == 1 else 1.5 * rows + 10
    return max(on.terms * _busy(on, r * v), shifts, 2.0 * vectors) + begin + r * v * 2.0


def _channel_cycles(on: Loops, shape: Shape, *, straight: bool, woven: int = 1) -> float:
    """The same of a tile of channels; if so many are woven, their outputs are stored in groups."""
    (m, r, q), planes = shape, on.planes
    sums = m * r * q * planes
    loads = (m * on.each + r * q / 2) * planes
    stream = _stream(on, m)
    tap = max(sums * on.pace, 4.0 * planes, loads, stream) + 0.02 * stream + 0.4 / (on.columns if straight else 1)
    # lines of 64 bytes that the outputs lie in, those of all phases together; rows begin anywhere
    lines = on.scattered * m * on.lanes * r * ((q * woven - 1) * on.size / 64 + 1) / woven
    return on.terms * tap + sums * (5.0 if woven > 1 else 8.0) + lines * WRITE_LINE + 20


def _stream(on: Loops, vectors: int) -> float:
    """Cycles of so many vectors of a kernel, which stream from the second-level cache, or from behind it."""
    tap_bytes = vectors * on.machine.vector_bytes * on.planes
    return tap_bytes / (24.0 if 2 * on.terms * tap_bytes <= on.machine.l2_bytes else 12.0)


def _busy(on: Loops, sums: int) -> float:
    """Cycles of the multiply-adds of one tap: a sum can be added to every 4 cycles only."""
    return max(sums * on.pace, 4.0 * on.planes)


def _tap_cycles(on: Loops, p: Problem, shape: Shape, chunk: int) -> float:
    """The same where lanes are taps."""
    m, r, q = shape
    # cycles of a vector; one that crosses a cache line is loaded twice
    pixels = 2 + 0.5 * q if shifts_registers(p, q, on.machine.vector_bytes) else q
    loads = (m + on.image_rows(r, chunk) / chunk * pixels) * 1.5 / on.machine.vectors_per_cycle
    lanes = on.machine.vector_bytes // ELEMENTS[p.accumulator_dtype].size
    rows = prod(p.kernel[:-1]) * p.channels_in
    vectors = -(-p.kernel[-1] // lanes) * rows
    # every tile reads its channels of the kernel and a row of the image anew, if they are not at hand
    seen = (m + 1) * prod(p.kernel[-2:]) * on.machine.vector_bytes // lanes
    far = seen > on.machine.l1_bytes and not comes_in_bands(p, on.machine)
    stream = far * (m + 1) * on.machine.vector_bytes / 20.0
    blocks = rows / band_of(p, lanes) if p.terms // lanes >= LONG and p.accumulator_dtype == "float32" else 0.0
    total = vectors * max(m * r * q / on.machine.vectors_per_cycle, loads, stream, 4.0) + rows * 4.0
    return total + m * r * q * (12.0 + 6.0 * blocks) + 20


# ---------------------------------------------------------------- a recipe

def cycles(frame: Frame) -> float:
    """Predicted cycles of one thread: multiply-adds, loads and stores of the tiles, and the packing."""
    if frame.cost is None:
        p, packing = frame.problem, packing_cycles(frame) * frame.channel_items
        block = sum(_block_cycles(one) * one.share for one in frame.tiled) + packing
        frame.cost = block * prod(frame.blocks) * prod(p.batch) * p.groups
    return frame.cost


def packing_cycles(frame: Frame) -> float:
    """Cycles that the image of one block takes to be packed."""
    p, planes, packed = frame.problem, frame.accumulator.planes, 0.0
    if frame.recipe.packed:
        rows = prod(frame.packed_extents[:-1])
        if frame.recipe.band:
            rows = -(-p.kernel[-2] // frame.recipe.band) * frame.band_rows(frame.recipe.band)
        packed = p.channels_in * planes * rows * (
            12 + frame.packed_extents[-1] * _copy_cycles(frame.phases, frame.recipe.vector_bytes // frame.packed.size))
    if frame.inner is not frame:
        packed += p.channels_in * planes * prod(frame.inner.packed_extents) * 0.5
    return packed


def with_kernel(frame: Frame) -> float:
    """Predicted cycles, with those that bring a long kernel into order, which no one keeps."""
    return cycles(frame) + _kernel_cycles(frame.problem, frame.recipe.lanes)


def _kernel_cycles(p: Problem, lanes: str) -> float:
    return p.groups * p.channels_out * p.terms * 1.0 if lanes != "taps" and prod(p.kernel) >= LONG_KERNEL else 0.0


def _copy_cycles(phases: int, lanes: int) -> float:
    """Cycles of one sample that is packed."""
    return 1.5 / lanes if phases <= 2 else 1.5


def _block_cycles(frame: Frame) -> float:
    """Cycles of the tiles of one block."""
    p, recipe, on = frame.problem, frame.recipe, _loops(frame.stage, frame.machine, frame.recipe.dot)
    *outer, height, width = recipe.block
    count = frame.channel_blocks * prod(outer) * -(-height // frame.tile_rows) * -(-width // frame.tile_columns)
    if frame.by_taps:
        return count * _tap_cycles(on, p, recipe.tile, recipe.chunk)
    if recipe.lanes == "rows":  # blocks of a row have no tile in common
        share = -(-p.output[-1] // frame.tile_columns) / (-(-width // frame.tile_columns) * frame.blocks[-1])
        return count * share * _row_cycles(on, recipe.tile)
    one = (_pixel_cycles(on, recipe.tile, recipe.chunk, straight=recipe.columns_unrolled) if frame.by_pixels else
           _channel_cycles(on, recipe.tile, straight=recipe.columns_unrolled, woven=frame.woven))
    again = frame.channel_blocks - 1
    return count * one + (again * frame.packed_bytes / READ_AGAIN if again else 0.0)


# ---------------------------------------------------------------- a tile, before its block is known

class Bounds:
    """Lower bounds on `with_kernel` for the tiles of a stage, each in a microsecond or two.

    They know all of a tile's own cycles, count the tiles as if a row were one block, and pack every sample once.
    """

    def __init__(self, stage: Stage, machine: Machine, dot: int = 1) -> None:
        self.stage, self.machine, self.dot = stage, machine, dot
        self.problem = p = stage.problem
        self.room = room_of(p, machine)
        self.on = _loops(stage, machine, dot)
        element = ELEMENTS[p.accumulator_dtype]
        self.lanes = machine.vector_bytes // element.size
        self.copied = machine.vector_bytes if dot > 1 else self.lanes
        self.outer = prod(p.output[:-2])
        self.height, self.width = p.output[-2:]
        self.batch = prod(p.batch)
        self.leads = self.batch * p.groups
        # taps that are multiplied together
        self.dotted = (dot - 1) * (p.kernel_dilation[-1] // dot)
        self.size = 1 if dot > 1 else element.size
        self.reach = [(k - 1) * d for k, d in zip(p.kernel, p.kernel_dilation, strict=True)]
        # blocks overlap by what a kernel reaches, or leave out what a stride skips
        spans = [min((out - 1) * s + r + 1, out * (r + 1))
                 for out, s, r in zip(p.output, p.stride, self.reach, strict=True)]
        rows = p.channels_in * element.planes * prod(spans[:-1])
        self.packing = {lanes: rows * (12 + spans[-1] * _copy_cycles(phases, self.copied))
                        for lanes, phases in (("pixels", p.stride[-1]), ("channels", 1))}
        self.seen = rows * spans[-1] * self.size
        self.kernel = _kernel_cycles(p, "")
        self.straight = most_unrolled(p)

    def least_of_all(self) -> float:
        """At least so many cycles with any tile: the multiply-adds alone."""
        outputs = self.leads * self.problem.channels_out * self.outer * self.height * self.width
        return outputs / self.lanes * self.on.planes * self.on.terms * self.on.pace

    def pixels(self) -> list[tuple[float, Tile]]:
        """All tiles of pixels, with at least so many cycles."""
        p, on, lanes, height, width = self.problem, self.on, self.lanes, self.height, self.width
        leads, outer, outputs, kernel, straight = self.leads, self.outer, p.channels_out, self.kernel, self.straight
        terms, packing, seen_again, found = on.terms, self.packing["pixels"], self.seen / READ_AGAIN, []
        for tile, m, r, v, sums, chunk, unrolled, turn in _pixel_turns(
                pixel_caps(p, self.machine), on.rows, on.step, on.apart, on.planes, self.machine.registers, on.load,
                on.pace):
            tap = turn + 2.0 / (chunk * on.columns if unrolled <= straight else chunk)
            blocks = -(-outputs // m)
            count = blocks * outer * -(-height // r) * -(-width // (v * lanes))
            found.append((leads * (count * (terms * tap + sums * 2.0 + 20) + packing + (blocks - 1) * seen_again)
                          + kernel, tile))
        return found

    def channels(self) -> list[tuple[float, Tile]]:
        """The same for tiles of channels; `_channel_cycles` is written out, too."""
        each = channel_tiles(self.problem, self.machine)
        if not each:
            return []
        p, on, lanes, height, width = self.problem, self.on, self.lanes, self.height, self.width
        leads, outer, outputs, kernel, planes = self.leads, self.outer, p.channels_out, self.kernel, on.planes
        terms, packing, seen, pace, found = on.terms, self.packing["channels"], self.seen, on.pace, []
        streams = [_stream(on, m) for m in range(5)]
        for tile in each:
            m, r, q = tile.shape
            sums, stream, blocks = m * r * q * planes, streams[m], -(-outputs // (m * lanes))
            tap = max(sums * pace, 4.0 * planes, (m * on.each + r * q / 2) * planes, stream) + 0.02 * stream + (
                0.4 / on.columns)
            lines = on.scattered * m * lanes * r * ((q - 1) * on.size / 64 + 1)
            one = terms * tap + sums * 8.0 + lines * WRITE_LINE + 20
            count = outer * -(-height // r) * -(-width // q)
            found.append((leads * (blocks * count * one + packing + (blocks - 1) * seen / READ_AGAIN) + kernel, tile))
        return found

    def least(self, tile: Tile) -> float:
        """At least so many cycles; see `pixels` for those."""
        p, (m, r, v) = self.problem, tile.shape
        if tile.lanes == "rows":
            tiles = self.outer * -(-self.height // r) * -(-self.width // (v * self.lanes))
            return self.leads * tiles * _row_cycles(self.on, tile.shape)
        if tile.lanes == "taps":
            one = _tap_cycles(self.on, p, tile.shape, tile.chunk)
            return self.leads * -(-p.channels_out // m) * self.outer * -(-self.height // r) * one
        return self._segments(tile)

    def cycles(self, tile: Tile) -> float:
        """What `cycles` tells of a tile of pixels or of channels with its block, without a frame."""
        p, (m, r, v), pixels = self.problem, tile.shape, tile.lanes == "pixels"
        block, reach, size = block_of(p, self.room, tile), self.reach, self.size
        straight = is_straight(p, self.machine, tile, self.straight)
        if pixels:
            phases, columns = p.stride[-1], v * self.lanes
            one = _pixel_cycles(self.on, tile.shape, tile.chunk, straight=straight)
        else:
            phases, columns, m = 1, v, m * self.lanes
            one = _channel_cycles(self.on, tile.shape, straight=straight)
        *outer, height, width = block
        channel_blocks = -(-p.channels_out // m)
        cost = channel_blocks * prod(outer) * -(-height // r) * -(-width // columns) * one
        *extents, extent = [(b - 1) * s + r + 1 for b, s, r in zip(block, p.stride, reach, strict=True)]
        extent += self.dotted
        if channel_blocks > 1:
            shift = -p.start[-1] % phases
            held = round_up(pixel_pitch(extent, max(width, columns), reach[-1] + self.dotted, shift, phases),
                            self.copied) if pixels else extent
            plane = off_the_page(held * phases * prod(extents), size, self.machine.vector_bytes)
            again = round_up(p.channels_in * plane * self.on.planes * size + self.machine.vector_bytes, 64)
            cost += (channel_blocks - 1) * again / READ_AGAIN
        packed = p.channels_in * self.on.planes * prod(extents) * (12 + extent * _copy_cycles(phases, self.copied))
        blocks = prod([-(-out // b) for out, b in zip(p.output, block, strict=True)])
        return (cost + packed) * blocks * self.batch * p.groups

    def _segments(self, tile: Tile) -> float:
        """The same for segments, which run down the rows of a folded line."""
        p, (m, r, v), on = self.problem, tile.shape, self.on
        common = gcd(p.stride[-1], p.kernel_dilation[-1])
        on = on._replace(rows=on.columns, columns=1, step=p.stride[-1] // common, apart=p.kernel_dilation[-1] // common,
                         load=_load_cycles(1, on.machine))
        one = _pixel_cycles(on, tile.shape, tile.chunk, straight=True)
        lines, pieces, blocks = prod(p.output[:-1]), -(-p.output[-1] // tile.block[-1]), -(-p.channels_out // m)
        packed = (tile.block[-1] - 1) * p.stride[-1] + self.reach[-1] + 1
        copies = p.channels_in * on.planes * (12 + packed * (_copy_cycles(1, self.copied) + 0.5))
        count = tile.block[-1] // (r * v * self.lanes)
        return self.leads * lines * pieces * (blocks * count * one + copies) + self.kernel
