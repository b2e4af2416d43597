"""Problems turned inside out, with many taps and few outputs, as gradients by a kernel are: recipe and geometry.

The taps are parted into tiles of ``p`` by ``p``.  F(r, p) makes all ``r`` by ``r`` outputs' share of one such tile from
``n`` by ``n`` samples, ``n = r + p - 1``, and the products of all tiles are summed before one transform back.  Lanes
are the batch (the channels of the layer's image), which a product meets as it meets the channels out.

Outputs a stride ``d`` apart (the layer's dilation) meet tiles of taps ``d`` apart; the first ``d`` tiles begin at the
first ``d`` taps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ...lazy import cached_property
from ...machine import Machine
from ...problem.border import map_index
from ...problem.problem import Problem
from .frame import APART_BYTES, NAME, Numbers, Piece, parted, register_tiles
from .linear import Programs, programs
from .seen import BEFORE, BEHIND, NOTHING, outputs_reach

SIDES = ("samples", "taps")


class InsideRecipe(NamedTuple):
    """Taps of a tile; rows of tiles in a strip; the register tile; blocks of one round; who shares the channels out."""

    taps: tuple[int, int]
    rows: int
    channels: int
    vectors: int
    blocks: int
    shares: int = 1

    @property
    def algorithm(self) -> str:
        """Name of the algorithm that this is a recipe of."""
        return NAME


class Axis(NamedTuple):
    """What stands at each position that an operand's tiles look at: an index, or a constant's number below zero."""

    marks: tuple[int, ...]

    @property
    def inside(self) -> tuple[int, int, int]:
        """The longest run of neighbours: its place, its first index, and its length."""
        best, place = (0, 0, 0), 0
        while place < len(self.marks):
            count = 1
            while place + count < len(self.marks) and self.marks[place + count] == self.marks[place] + count >= count:
                count += 1
            if self.marks[place] >= 0 and count > best[2]:
                best = (place, self.marks[place], count)
            place += count
        return best


class Operand(NamedTuple):
    """The image or the kernel, as strips of it are gathered: so many channels side by side."""

    name: str
    channels: int
    rows: Axis
    columns: Axis
    extents: tuple[int, int]
    """Positions that a tile looks at."""


@dataclass(frozen=True)
class InsideFrame(Numbers):
    """A problem with two axes and a batch of one axis, its recipe, and the output's strides in elements."""

    problem: Problem
    strides: tuple[int, ...]
    recipe: InsideRecipe
    machine: Machine
    planes: int = 1
    """Planes of the kernel that each channel has: they are counted as channels in."""

    # --- tiles

    @cached_property
    def programs(self) -> tuple[Programs, Programs]:
        """The transforms along both axes."""
        (r, s), (p, q) = self.problem.output, self.recipe.taps
        return programs(r, p), programs(s, q)

    @cached_property
    def extents(self) -> tuple[int, int]:
        """Samples, and products, of a tile along each axis."""
        down, across = (r + p - 1 for r, p in zip(self.problem.output, self.recipe.taps, strict=True))
        return down, across

    @property
    def products(self) -> int:
        """Products of a tile."""
        return self.extents[0] * self.extents[1]

    @cached_property
    def tiles(self) -> tuple[int, int]:
        """Rows of tiles of one channel, and tiles of a row."""
        return tiles_of(self.problem, self.recipe.taps)

    @property
    def all_rows(self) -> int:
        """Rows of tiles of all channels that are summed."""
        return self.problem.channels_in * self.tiles[0]

    @property
    def strips(self) -> int:
        """How many strips they make."""
        return -(-self.all_rows // self.recipe.rows)

    @property
    def strip_tiles(self) -> int:
        """Tiles of a whole strip."""
        return self.recipe.rows * self.tiles[1]

    @property
    def items(self) -> int:
        """How many work items there are."""
        return self.problem.groups * self.recipe.shares

    @cached_property
    def register_tiles(self) -> list[list[Piece]]:
        """How the batch is multiplied: vectors that share each broadcast."""
        return register_tiles(self.problem.batch[0], self.lanes, self.recipe.vectors)

    # --- operands

    @cached_property
    def operands(self) -> tuple[Operand, Operand]:
        """The image and the kernel."""
        p, taps = self.problem, self.recipe.taps
        axes = []
        for axis in range(2):
            total = self.tiles[axis] * taps[axis] + outputs_reach(p, axis)
            needed = p.kernel[axis] + outputs_reach(p, axis)
            axes.append(Axis(tuple(
                _mark(p.start[axis] + at, p.image[axis], p.border[axis]) if at < needed else NOTHING
                for at in range(total))))
        own = [Axis(tuple(at if at < k else NOTHING for at in range(count * t)))
               for k, count, t in zip(p.kernel, self.tiles, taps, strict=True)]
        return (Operand(SIDES[0], p.batch[0], axes[0], axes[1], self.extents),
                Operand(SIDES[1], p.channels_out, own[0], own[1], taps))

    # --- memory, in elements

    @property
    def apart(self) -> int:
        """Elements of `APART_BYTES`."""
        return APART_BYTES // self.size

    @cached_property
    def pitch(self) -> int:
        """From one tile's samples to the next."""
        return -(-self.problem.batch[0] // self.lanes) * self.lanes

    @property
    def channel_blocks(self) -> int:
        """Blocks of channels out."""
        return -(-self.problem.channels_out // self.recipe.channels)

    @property
    def tap_pitch(self) -> int:
        """From one tile's taps to the next."""
        return self.channel_blocks * self.recipe.channels

    def plane(self, side: str) -> int:
        """From one product's samples or taps to the next."""
        return self.strip_tiles * (self.pitch if side == SIDES[0] else self.tap_pitch) + self.apart

    @property
    def share_blocks(self) -> int:
        """Blocks of one share."""
        return -(-self.channel_blocks // self.recipe.shares)

    @property
    def kept_blocks(self) -> int:
        """Blocks whose sums are kept: of a round if there is but one strip, else all of a share."""
        return self.recipe.blocks if self.strips == 1 else self.share_blocks

    @property
    def sum_plane(self) -> int:
        """From one product's sums to the next."""
        return self.kept_blocks * self.recipe.channels * self.pitch + self.apart

    def ring(self, side: Operand) -> tuple[int, int]:
        """Lines of gathered samples that are kept, and columns of one."""
        return 1 << (self.extents[0] * self.problem.stride[0] - 1).bit_length(), len(side.columns.marks)

    @cached_property
    def places(self) -> dict[str, int]:
        """Where each part of a thread's workspace begins, in bytes; "end" is its size."""
        sizes = {name: self.products * self.plane(name) for name in SIDES}
        sizes["sums"] = self.products * self.sum_plane
        most = [self.ring(side) for side in self.operands]
        sizes["ring"] = max(lines * columns for lines, columns in most) * self.lanes
        sizes["lines"] = max(self.extents[0] * columns for _, columns in most) * self.lanes
        found, at = {}, 0
        for name, count in sizes.items():
            found[name] = at
            at += -(-count * self.size // 64) * 64 + 64
        found["end"] = at
        return found


def tiles_of(p: Problem, taps: tuple[int, int]) -> tuple[int, int]:
    """Rows of tiles of one channel, and tiles of a row."""
    down, across = map(parted, p.kernel, taps, p.stride)
    return down, across


def _mark(position: int, extent: int, sides: tuple[object, object]) -> int:
    mapped = map_index(position, extent, *sides)  # type: ignore[arg-type]
    return mapped if mapped is not None else BEFORE if position < 0 else BEHIND
