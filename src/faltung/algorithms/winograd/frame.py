"""The recipe, and the geometry that follows from it: tiles, strips of them, and how they lie in memory.

A *tile* makes ``m`` by ``m`` outputs from ``n`` by ``n`` samples; neighbouring tiles of a row lie in neighbouring
lanes.  Rows of tiles of all images form one list; a work item takes a *strip* of them, of one group.

Outputs and samples of a tile stand a dilation ``d`` apart.  The first ``d`` tiles of a row begin at its first ``d``
outputs and make ``m d`` of them together; so do the next.  In other words, a vector of tiles that all are neighbours
looks at neighbours, ``d`` columns further for each sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import NamedTuple

from ...compiler.elements import ELEMENTS
from ...compiler.values import vector
from ...lazy import cached_property
from ...machine import Machine
from ...problem.border import map_index
from ...problem.problem import Problem
from .components import components, factors
from .linear import Programs, programs
from .matrices import Filtering, filtering
from .seen import BEFORE, BEHIND, NOTHING, Depth, filters_seen, first_sample, span

NAME = "winograd"

APART_BYTES = 64
"""What parts planes beyond their size, so that planes whose size is a power of two do not share cache sets."""

CELLS = 3
"""Of a row of samples in the table of a strip: its address, and the steps to the next channel and column."""


class WinogradRecipe(NamedTuple):
    """Outputs of a tile; rows of tiles in a strip; the register tile; channels out of one round; who shares a strip."""

    tile: tuple[int, int]
    rows: int
    channels: int
    vectors: int
    blocks: int
    """Blocks of so many channels are multiplied before their outputs are transformed back."""
    shares: int = 1
    """Work items that part the blocks of one strip; each transforms the samples again."""
    turned: bool = False
    """Whether lanes are channels out, for which so many tiles, not vectors of them, share each load of taps."""

    @property
    def algorithm(self) -> str:
        """Name of the algorithm that this is a recipe of."""
        return NAME


class Piece(NamedTuple):
    """Neighbours that are worked on together: the first, and how many lanes."""

    first: int
    lanes: int


def pieces(count: int, lanes: int) -> list[Piece]:
    """Cover ``count`` by vectors of at most ``lanes``; the last is moved back, or too long if it is the only one."""
    found = [Piece(first, lanes) for first in range(0, count - lanes + 1, lanes)]
    return found if count % lanes == 0 else [*found, last_piece(count, lanes)]


def last_piece(count: int, lanes: int) -> Piece:
    """The last of `pieces`."""
    rest = count % lanes
    wide = max(2, 1 << (rest - 1).bit_length()) if rest else lanes
    return Piece(count - wide if count >= wide else count - rest, wide)


def register_tiles(count: int, lanes: int, vectors: int) -> list[list[Piece]]:
    """Cover ``count`` by vectors, in even groups of at most so many; the last vector is as short as may be."""
    parts = [Piece(first, lanes) for first in range(0, count, lanes)]
    parts[-1] = Piece(parts[-1].first, last_lanes(count, lanes))
    groups = -(-len(parts) // vectors)
    each = -(-len(parts) // groups)
    return [parts[first:first + each] for first in range(0, len(parts), each)]


def stored_together(tiles: int) -> int:
    """Sums of so many tiles of a channel are stored as one power of two; what is too much, others overwrite."""
    return 1 << (tiles - 1).bit_length()


def last_lanes(count: int, lanes: int) -> int:
    """Lanes of the last of the vectors that cover ``count``."""
    rest = count - (count - 1) // lanes * lanes
    return max(min(2, lanes), 1 << (rest - 1).bit_length())


def tiles_along(p: Problem, axis: int, m: int) -> int:
    """Tiles of so many outputs along an axis; with dilation, as many in each of its phases."""
    return parted(p.output[axis], m, p.kernel_dilation[axis])


def products_along(p: Problem, axis: int, m: int) -> int:
    """Products of a tile of so many outputs along an axis."""
    dilation = p.image_dilation[axis]
    return p.stride[axis] * (m - 1) + p.kernel[axis] + 1 - dilation


def parted(count: int, m: int, step: int) -> int:
    """Tiles of ``m``, a step apart, that cover so many."""
    return -(-count // (m * step)) * step


class Row(NamedTuple):
    """How the tiles of one row are transformed: so many runs of so many tiles, each as the same pieces."""

    runs: int
    tiles: int
    pieces: list[Piece]
    step: int
    """Outputs from a piece to the next, for each of its lanes."""

    @property
    def end(self) -> int:
        """Behind the last lane."""
        last = self.pieces[-1]
        return (self.runs - 1) * self.tiles + last.first + last.lanes


def row_of(p: Problem, m: int, lanes: int) -> Row:
    """One run of all, whose vectors are woven; or, where the dilation does not part a vector, a run of each ``d``."""
    tiles, step = tiles_along(p, 1, m), p.kernel_dilation[1]
    if lanes % step == 0:
        return Row(1, tiles, pieces(tiles, lanes), m)
    return Row(tiles // step, step, pieces(step, lanes), 1)


def rows_together(p: Problem, m: int, lanes: int, *rows: int) -> int:
    """How many rows of tiles share a vector, if they part all these numbers of rows evenly; 1: none do."""
    tiles = tiles_along(p, 1, m)
    if tiles > lanes:
        return 1
    count = lanes // tiles
    even = count * tiles == lanes and m & (m - 1) == 0 and all(number % count == 0 for number in rows)
    return count if even and prod(p.kernel_dilation) == 1 else 1


def seen_columns(p: Problem) -> tuple[int, int]:
    """The first column of the image that is read, and how many: what outputs look at and the border repeats."""
    first = first_sample(p, 1)
    behind = first + span(p, 1, p.output[1])
    seen = [map_index(x, p.image[1], *p.border[1]) for x in (*range(first, min(behind, 0)),
                                                             *range(max(first, p.image[1]), behind))]
    used = [x for x in seen if x is not None]
    inside = range(max(first, 0), min(behind, p.image[1]))
    used += [inside[0], inside[-1]] if inside else []
    return (min(used), max(used) + 1 - min(used)) if used else (0, 0)


def size_of(problem: Problem) -> int:
    """Bytes of one number."""
    return ELEMENTS[problem.accumulator_dtype].size


class Numbers:
    """The accumulator's numbers in the vectors of a machine."""

    problem: Problem
    machine: Machine

    @property
    def size(self) -> int:
        """Bytes of one number."""
        return size_of(self.problem)

    @property
    def element(self) -> str:
        """Type of one number."""
        return ELEMENTS[self.problem.accumulator_dtype].ir

    @property
    def lanes(self) -> int:
        """Numbers of a vector."""
        return self.machine.vector_bytes // self.size

    def kind(self, lanes: int) -> str:
        """Type of a vector."""
        return vector(self.element, lanes)


@dataclass(frozen=True)
class Frame(Numbers):
    """A problem with two axes, its recipe, the output's strides in elements, and a volume's third axis."""

    problem: Problem
    strides: tuple[int, ...]
    recipe: WinogradRecipe
    machine: Machine
    depth: Depth | None = None

    @property
    def planes(self) -> int:
        """Planes of a volume that an output looks at."""
        return 1 if self.depth is None else self.depth.taps

    @cached_property
    def components(self) -> int:
        """Components of a number."""
        return components(self.problem)

    @cached_property
    def factors(self) -> int:
        """Real factors of a number, each of which is a channel of the problem."""
        return factors(self.problem)

    # --- tiles

    @cached_property
    def filters(self) -> tuple[Filtering, Filtering]:
        """F(m, r) along both axes."""
        down, across = (filtering(*one) for one in filters_seen(self.problem, self.recipe.tile))
        return down, across

    @cached_property
    def programs(self) -> tuple[Programs, Programs]:
        """Their transforms."""
        down, across = (programs(*one) for one in filters_seen(self.problem, self.recipe.tile))
        return down, across

    @cached_property
    def products(self) -> int:
        """Products of a tile."""
        return self.filters[0].n * self.filters[1].n

    @cached_property
    def tiles(self) -> tuple[int, int]:
        """Rows of tiles of one image, and tiles of a row."""
        down, across = (tiles_along(self.problem, axis, m) for axis, m in enumerate(self.recipe.tile))
        return down, across

    @cached_property
    def all_rows(self) -> int:
        """Rows of tiles of all images."""
        return prod(self.problem.batch) * self.tiles[0]

    @property
    def strips(self) -> int:
        """How many strips there are of one group."""
        return -(-self.all_rows // self.recipe.rows)

    @property
    def items(self) -> int:
        """How many work items there are."""
        return self.problem.groups * self.strips * self.recipe.shares

    @cached_property
    def row(self) -> Row:
        """How the tiles of one row are transformed."""
        return row_of(self.problem, self.recipe.tile[1], self.lanes)

    @cached_property
    def together(self) -> int:
        """Rows of tiles whose transforms share a vector: short ones, where whole vectors of them fill all strips."""
        return rows_together(self.problem, self.recipe.tile[1], self.lanes, self.recipe.rows, self.all_rows)

    @cached_property
    def register_tiles(self) -> list[list[Piece]]:
        """How the tiles of a strip are multiplied: vectors that share each broadcast, or tiles that share each tap."""
        lanes = 1 if self.recipe.turned else self.lanes
        return register_tiles(self.recipe.rows * self.tiles[1], lanes, self.recipe.vectors)

    # --- memory, in elements

    @cached_property
    def pitch(self) -> int:
        """From one channel's tiles to the next."""
        stored = (self.recipe.rows - 1) * self.tiles[1] + self.row.end
        if self.recipe.turned:
            return max(stored, *(parts[0].first + stored_together(len(parts)) for parts in self.register_tiles))
        read = self.register_tiles[-1][-1]
        return -(-max(stored, read.first + read.lanes) // self.lanes) * self.lanes

    @property
    def apart(self) -> int:
        """Elements of `APART_BYTES`."""
        return APART_BYTES // self.size

    @property
    def sample_plane(self) -> int:
        """From one product's samples to the next."""
        return self.problem.channels_in * self.pitch + self.apart

    @property
    def sum_plane(self) -> int:
        """From one product's sums to the next."""
        return self.recipe.blocks * self.recipe.channels * self.pitch + self.apart

    @property
    def tap_plane(self) -> int:
        """From one product's taps to the next."""
        return self.problem.channels_in * self.recipe.channels // self.factors + self.apart

    @property
    def block_bytes(self) -> int:
        """The transformed taps of one block of channels out."""
        return self.products * self.tap_plane * self.size

    @property
    def all_blocks(self) -> int:
        """Blocks of channels out of all groups."""
        return self.problem.groups * self.channel_blocks

    @property
    def streams(self) -> bool:
        """Whether the transformed taps of a group are too many for the second-level cache, at every strip again."""
        return self.channel_blocks * self.block_bytes > self.machine.l2_bytes // 2

    @property
    def channel_blocks(self) -> int:
        """Blocks of channels out of one group."""
        return -(-self.problem.channels_out // self.recipe.channels)

    @property
    def rounds(self) -> int:
        """Rounds of one strip, those of all shares."""
        return -(-self.channel_blocks // self.recipe.blocks)

    @cached_property
    def columns(self) -> tuple[int, int]:
        """See `seen_columns`."""
        return seen_columns(self.problem)

    @cached_property
    def origin(self) -> int:
        """The position that stands first in a line of the buffer."""
        return min(first_sample(self.problem, 1), self.columns[0])

    @cached_property
    def line(self) -> int:
        """Elements of a line of the buffer: what the row's vectors load."""
        one, dilation = self.filters[1], self.problem.kernel_dilation[1]
        loaded = one.step * self.row.end + max(one.span, one.step) * dilation + self.row.pieces[-1].lanes
        whole = max(first_sample(self.problem, 1) + loaded, sum(self.columns)) - self.origin
        return -(-whole // self.lanes) * self.lanes + self.apart

    @cached_property
    def row_table(self) -> list[int]:
        """For each position that rows of tiles look at: the row of the image, `BEFORE`, `BEHIND` or `NOTHING`."""
        p, (down, _), first = self.problem, self.tiles, first_sample(self.problem, 0)
        positions = range(first, first + span(p, 0, down * self.recipe.tile[0]))
        found = []
        for number, y in enumerate(positions):
            mapped = map_index(y, p.image[0], *p.border[0]) if number < span(p, 0, p.output[0]) else NOTHING
            found.append(mapped if mapped is not None else BEFORE if y < 0 else BEHIND)
        return found

    # --- workspace of one thread, in bytes

    @cached_property
    def places(self) -> dict[str, int]:
        """Where each part of the workspace begins; "end" is its size."""
        n, span_down, rows = self.filters[0].n, self.filters[0].span, self.recipe.rows
        sizes = {"samples": self.products * self.sample_plane * self.size,
                 "sums": self.products * self.sum_plane * self.size,
                 "lines": self.components * rows * n * self.line * self.size,
                 "copies": self.components * span_down * max(1, self.columns[1]) * self.size,
                 "seen": rows * self.planes * span_down * CELLS * 8, "made": rows * 2 * 8}
        found, at = {}, 0
        for name, size in sizes.items():
            found[name] = at
            at += -(-size // 64) * 64
        found["end"] = at + 64
        return found

