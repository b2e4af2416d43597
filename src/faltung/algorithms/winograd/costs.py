"""What a recipe costs, in predicted cycles of one thread, and at least what any recipe with a register tile does.

All that depends on the tile alone is worked out once; a recipe then takes a few microseconds.
"""

from __future__ import annotations

from functools import lru_cache
from math import inf, prod
from typing import NamedTuple

from ...machine import Machine
from ...problem.problem import Problem
from . import frame as geometry
from .components import components, factors
from .frame import (
    APART_BYTES,
    Frame,
    WinogradRecipe,
    last_lanes,
    last_piece,
    seen_columns,
    size_of,
    stored_together,
    tiles_along,
)
from .linear import programs
from .matrices import filtering
from .parts import Part, once
from .seen import filters_seen

CALL_CYCLES, PART_CYCLES, PACK_CYCLES = 10_000.0, 5_000.0, 15_000.0
"""Python's share of a call, of each part of a row but one, and of a kernel that comes with it."""

ROUNDED = 1 - 1e-12
"""A bound that is as large as the cost may come out larger by roundings."""

SHARED_CACHE, SHARED_BYTES, MEMORY_BYTES = 1 << 24, 14.0, 10.0
"""Bytes that the shared cache may be counted on to hold; per cycle from it, unless `pace_of` knows; from memory."""

NEAR_BYTES = 400.0
"""Bytes per cycle that are waited for where a register tile's operands come from the second-level cache."""

SUMS_BYTES = 60.0
"""Bytes per cycle of sums that go to the second-level cache and come back."""

MOVED = 0.5
"""Cycles of one step of a transform of a whole vector, on average."""

COMPLEX = 2.0
"""Transforms of a complex number, in those of a real one: of two components, whose vectors leave fewer registers."""


class Pace(NamedTuple):
    """Bytes per cycle of taps fetched ahead, from memory and from the shared cache, and of all else in that cache."""

    memory: float
    stream: float
    shared: float


def pace_of(machine: Machine) -> Pace:
    """What was measured on a Zen 4, for processors like it, and on others."""
    is_zen = machine.vector_bytes == 64 and machine.wide_pipes == 1
    return Pace(7.0, 20.0, 40.0) if is_zen else Pace(5.0, SHARED_BYTES, SHARED_BYTES)


def vector_cycles(machine: Machine, lanes: int, size: int) -> float:
    """Cycles of one multiply-add of so many numbers."""
    return max(0.5, lanes * size / machine.vector_bytes / machine.vectors_per_cycle)


class Taps(NamedTuple):
    """A kernel's transformed taps, for so many channels of a register tile."""

    blocks: int
    stream_cycles: float
    """To read all from beyond the second-level cache, for each strip again; 0 where they fit it."""
    kernel_cycles: float
    """To turn a kernel into lanes and transform it, at every call whose kernel is not known beforehand."""
    kept_cycles: float
    """To write all beyond the second-level cache, where several strips read them."""


class Strips(NamedTuple):
    """All strips of so many rows of tiles, whatever the register tile."""

    whole: int
    rest: int
    """Rows of the last one, if it is shorter."""
    number: int
    vectors: int
    last_cycles: float
    """A multiply-add of the last vector, which may be shorter."""
    pitch: int
    samples: int
    """Bytes of transformed samples."""


class TileCosts:
    """Costs of recipes with the same tile."""

    def __init__(self, problem: Problem, tile: tuple[int, int], machine: Machine) -> None:
        self.problem, self.machine, p = problem, machine, problem
        axes = filters_seen(p, tile)
        self.down, self.across = (filtering(*one) for one in axes)
        self.programs = tuple(programs(*one) for one in axes)
        self.products = self.down.n * self.across.n
        self.size, self.components, self.factors = size_of(p), components(p), factors(p)
        self.apart = APART_BYTES // self.size
        self.lanes = machine.vector_bytes // self.size
        self.pace = pace_of(machine)
        self.transforms = COMPLEX if self.components > 1 else 1.0
        self.near = machine.vector_bytes / NEAR_BYTES
        self.traffic_cycles = self._traffic()
        self.full = vector_cycles(machine, self.lanes, self.size)
        self.row_tiles = tiles_along(p, 1, tile[1])
        self.all_rows = prod(p.batch) * tiles_along(p, 0, tile[0])
        # as `row_of` has it, of which only the last piece counts
        runs, run = 1, self.row_tiles
        if self.lanes % p.kernel_dilation[1]:
            runs, run = run // p.kernel_dilation[1], p.kernel_dilation[1]
        last = last_piece(run, self.lanes)
        self.row_end = (runs - 1) * run + last.first + last.lanes
        together = geometry.rows_together(p, tile[1], self.lanes, self.all_rows)
        self.row_cycles = MOVED / together if together > 1 else runs * -(-run // self.lanes) * MOVED
        self.summed = p.channels_in // self.factors
        self.samples_cycles = self.summed * self._samples()
        self.sums_cycles = p.channels_out // self.factors * self._sums()
        steps = self.across.r * len(self.programs[0].taps.steps) + self.down.n * len(self.programs[1].taps.steps)
        self.pair_cycles = 1.3 * self.full * (steps + 2.0 * self.products) + 5.0 * prod(p.kernel)
        self._taps: dict[int, Taps] = {}
        self._strips: dict[tuple[int, bool], Strips] = {}
        self._products: dict[tuple[int, int, bool], float] = {}

    def cycles(self, recipe: WinogradRecipe, most: float = inf) -> float:
        """Predicted cycles: every strip's samples, products and sums, and the kernel as it is read.

        Where they are surely more than ``most``, infinity will do.
        """
        shares, taps, strips = recipe.shares, self.taps(recipe.channels), self.strips(recipe.rows, recipe.turned)
        rounds = -(-taps.blocks // recipe.blocks)
        # of all shares, as if each had as many rounds as the largest
        uneven = -(-rounds // shares) * shares / rounds
        transforms = self.samples_cycles * shares + self.sums_cycles * uneven
        sums = (self.products * recipe.blocks * recipe.channels * strips.pitch + self.products * self.apart) * self.size
        read = moved = 0.0
        # sums are written to the second-level cache, and read from there
        near = 2 * rounds * sums / SUMS_BYTES if sums > self.machine.l1_bytes else 0.0
        if strips.samples + sums > self.machine.l2_bytes:
            read = strips.samples / self.products / self.pace.shared / recipe.blocks
            # what does not fit the second-level cache is written to the shared one, and read from there
            moved = 2 * strips.samples * shares + 3 * rounds * sums
        transforms, reads = self.all_rows * transforms, strips.number * (400.0 + near + moved / self.pace.shared)
        least = max(self.products_cycles(recipe), strips.number * taps.stream_cycles)
        reads += self.traffic_cycles
        if (CALL_CYCLES + self.problem.groups * (transforms + least + reads)) * ROUNDED > most:
            return inf
        products, work = self.products * taps.blocks, 0.0
        if strips.whole:
            each = max(self._register_tiles(recipe, recipe.rows), read)
            work = strips.whole * max(taps.stream_cycles, products * each)
        if strips.rest:
            work += max(taps.stream_cycles, products * max(self._register_tiles(recipe, strips.rest), read))
        return CALL_CYCLES + self.problem.groups * (transforms + uneven * work + reads)

    def least(self, recipe: WinogradRecipe, most_rows: int) -> float:
        """A lower bound on `cycles`, for the register tiles of a recipe: as if all were full."""
        strips, work = -(-self.all_rows // most_rows), self.products_cycles(recipe)
        return CALL_CYCLES + self.problem.groups * (
            self.all_rows * (self.samples_cycles + self.sums_cycles)
            + max(work, strips * self.taps(recipe.channels).stream_cycles) + strips * 400.0)

    def products_cycles(self, recipe: WinogradRecipe) -> float:
        """All products of a group, as if all register tiles were full."""
        channels, vectors, turned = recipe.channels, recipe.vectors, recipe.turned
        found = self._products.get((channels, vectors, turned))
        if found is None:
            tiles = self.all_rows * self.row_tiles
            if turned:
                work = tiles / vectors * self._turned_tile(channels, vectors)
            else:
                work = tiles / (vectors * self.lanes) * self._register_tile(channels, vectors * self.full)
            found = self._products[channels, vectors, turned] = self.products * self.taps(channels).blocks * work
        return found

    def least_of_all(self) -> float:
        """The same for register tiles of any size."""
        p = self.problem
        # as `_register_tile` has it, of any size
        products = self.products * p.channels_out * (self.summed + 0.5) * self.row_tiles / self.lanes * self.full
        return CALL_CYCLES + p.groups * self.all_rows * (self.samples_cycles + self.sums_cycles + products)

    def taps(self, channels: int) -> Taps:
        """What a kernel takes."""
        found = self._taps.get(channels)
        if found is None:
            found = self._taps[channels] = self._find_taps(channels)
        return found

    def _find_taps(self, channels: int) -> Taps:
        p, size, products = self.problem, self.size, self.products
        blocks = -(-p.channels_out // channels)
        pairs = p.channels_in * blocks * channels // self.factors
        stream = self._far(products * (pairs + blocks * self.apart) * size)
        pairs *= p.groups
        given, written = prod(p.kernel) * pairs * size, products * pairs * size
        return Taps(blocks, stream, pairs * self.pair_cycles / self.lanes + self._far(given) + PACK_CYCLES,
                    2 * self._far(written))

    def _far(self, size_bytes: int) -> float:
        """To read or write taps, beyond the second-level cache if there are many."""
        if size_bytes <= self.machine.l2_bytes // 2:
            return 0.0
        return size_bytes / (self.pace.stream if size_bytes <= SHARED_CACHE else self.pace.memory)

    # --- strips

    def strips(self, rows: int, turned: bool) -> Strips:
        """Strips of so many rows; the pitch from one channel's tiles to the next is that of `Frame`."""
        found = self._strips.get((rows, turned))
        if found is None:
            whole, rest = divmod(self.all_rows, rows)
            count, lanes = rows * self.row_tiles, 1 if turned else self.lanes
            vectors, last = -(-count // lanes), last_lanes(count, lanes)
            stored = (rows - 1) * self.row_tiles + self.row_end
            pitch = -(-max(stored, (vectors - 1) * lanes + last) // lanes) * lanes
            samples = self.products * (self.problem.channels_in * pitch + self.apart) * self.size
            found = self._strips[rows, turned] = Strips(whole, rest, whole + (rest > 0), vectors, vector_cycles(
                self.machine, last, self.size), pitch, samples)
        return found

    def _register_tiles(self, recipe: WinogradRecipe, rows: int) -> float:
        """All register tiles of the first so many rows of a strip, for one product and block of channels."""
        channels, strips = recipe.channels, self.strips(recipe.rows, recipe.turned)
        each = -(-strips.vectors // -(-strips.vectors // recipe.vectors))
        tiles = -(-strips.vectors // each)
        if recipe.turned:
            return self._turned_tiles(channels, each, rows * self.row_tiles, strips.vectors)
        used = -(-rows * self.row_tiles // (each * self.lanes))
        full = self._register_tile(channels, each * self.full) if tiles > 1 else 0.0
        if used < tiles:
            return used * full
        alone = strips.vectors - (tiles - 1) * each == 1
        last = strips.last_cycles if alone else (strips.vectors - (tiles - 1) * each) * self.full
        return (tiles - 1) * full + self._register_tile(channels, last)

    def _register_tile(self, channels: int, each: float) -> float:
        """All channels in of one register tile, whose vectors take so many cycles."""
        channels //= self.factors
        turn = max(channels * each, each + 0.6 * channels, 4.0) + each / self.full * self.near
        return self.factors * (self.summed * turn + channels * each * 0.5 + 10.0)

    def _turned_tiles(self, channels: int, each: int, count: int, whole: int) -> float:
        """The same with channels as lanes: register tiles of so many tiles each, of ``whole`` in a strip."""
        used = -(-count // each)
        last = min(each, whole - (used - 1) * each)
        return (used - 1) * self._turned_tile(channels, each) + self._turned_tile(channels, last)

    def _turned_tile(self, channels: int, tiles: int) -> float:
        """All channels in of so many tiles, and the sums turned into lanes again and stored."""
        vectors, steps = channels // self.factors // self.lanes, stored_together(tiles).bit_length() - 1
        turn = max(vectors * tiles * self.full, (vectors + tiles) * self.full, 4.0) + vectors * self.near
        stored = tiles * steps * self.full + 1.2 * self.lanes
        return self.factors * (self.summed * turn + vectors * stored + 10.0)

    # --- the image and the outputs of a group

    def _traffic(self) -> float:
        """To read the one, and to read and write the other, beyond the second-level cache if they are large."""
        p = self.problem
        moved = self.size * prod(p.batch) * (p.channels_in * prod(p.image) + 2 * p.channels_out * prod(p.output))
        if moved <= self.machine.l2_bytes:
            return 0.0
        return moved / (self.pace.shared if moved <= SHARED_CACHE else MEMORY_BYTES)

    # --- a row of tiles

    def _samples(self) -> float:
        """One channel in, all components."""
        down, across = self.down, self.across
        line = seen_columns(self.problem)[1] / self.lanes * MOVED
        rows = line * (len(self.programs[0].samples.steps) + (1.0 + self.components) * down.n)
        steps = len(self.programs[1].samples.steps) + 3.0 * across.n + 2.5 * across.step
        added = (self.factors - self.components) * across.n
        return self.transforms * (0.7 * rows + 0.8 * down.n * self.row_cycles * (steps + added) + 6.0 * down.n + 40.0)

    def _sums(self) -> float:
        """One channel out, all components."""
        down, across = self.down, self.across
        loaded = 1.5 * self.factors / self.components + self.factors - self.components
        one = across.n * (len(self.programs[0].outputs.steps) + loaded * down.n)
        other = down.m * (len(self.programs[1].outputs.steps) + (6.0 + self.components) * across.m)
        return self.transforms * (0.45 * self.row_cycles * (one + other) + 0.8 * self.products + 50.0)


@lru_cache(maxsize=512)
def tile_costs(problem: Problem, tile: tuple[int, int], machine: Machine) -> TileCosts:
    """The costs of a tile, kept for the search that follows a bound."""
    return TileCosts(problem, tile, machine)


def cycles(frame: Frame) -> float:
    """Predicted cycles of one thread."""
    return tile_costs(frame.problem, frame.recipe.tile, frame.machine).cycles(frame.recipe)


def all_cycles(parts: tuple[Part, ...]) -> float:
    """The same for all parts, in one call."""
    return sum(cycles(part.frame) for part in parts) - (len(parts) - 1) * (CALL_CYCLES - PART_CYCLES)


def kernel_cycles(parts: tuple[Part, ...]) -> float:
    """Turn a kernel into lanes and transform it, at every call whose kernel is not known beforehand."""
    frame = parts[0].frame
    taps = tile_costs(frame.problem, frame.recipe.tile, frame.machine).taps(frame.recipe.channels)
    return taps.kernel_cycles + taps.kept_cycles * (not once(parts))
