"""A problem as matrix products, and the geometry of the program that computes them.

``out[r, c] = sum over t of rows[r, t] * columns[t, c]``: neighbouring columns lie side by side in a vector, a number of
a row is the same for all of them.
"""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import NamedTuple

from ...compiler.elements import ELEMENTS, Element
from ...lazy import cached_property
from ...machine import Machine
from ...problem.problem import Problem
from ..phases import Phase, phases

NAME = "pointwise"


class Matrices(NamedTuple):
    """The extents of the products, all of which have the same.

    ``columns_of``
        "pixels" - of one image: rows are output channels (of all phases), and there are as many ``heads`` as images and
        groups;
        "kernels" - output channels: rows are all pixels of all images of the batch, heads the groups (and phases);
        "images" - of the batch: rows are output channels, heads the groups.
    ``outer``, ``inner``
        The terms of a sum: so many stretches of so many numbers.
    """

    columns_of: str
    heads: int
    rows: int
    columns: int
    outer: int
    inner: int

    @property
    def terms(self) -> int:
        """Products that one output sums."""
        return self.outer * self.inner


class PointwiseRecipe(NamedTuple):
    """How `pointwise` runs.

    ``tile``
        Rows and vectors of columns of one register tile.
    ``block``
        Terms that are summed at a time: the columns are packed for so many.
    ``group``
        Panels of columns that are packed at a time.
    ``shares``
        Into how many parts rows and panels are parted for the work items.
    """

    tile: tuple[int, int]
    vector_bytes: int
    block: int
    group: int
    shares: tuple[int, int] = (1, 1)

    @property
    def algorithm(self) -> str:
        """Name of the algorithm that this is a recipe of."""
        return NAME


def parts(p: Problem) -> list[Phase]:
    """The phases of a problem, of one tap each and as large as the image; or the problem itself."""
    return phases(p) if is_parted(p) else [Phase(p, (slice(None),) * p.ndim, (slice(None),) * p.ndim)]


def is_parted(p: Problem) -> bool:
    """Whether an image is dilated, as that of a transposed layer is whose kernel is as large as its stride."""
    return any(step > 1 for step in p.image_dilation)


def weaves(p: Problem, strides: tuple[int, ...]) -> bool:
    """Whether phases are computed together, and their outputs woven: where rows are long, and lie in line."""
    return (is_parted(p) and strides[-1] == 1 and p.image_dilation[-1] <= WOVEN
            and p.output[-1] >= LONG_ROW and prod(p.image) >= 8 * LONG_ROW)


def matrices(p: Problem, strides: tuple[int, ...]) -> Matrices:
    """See a problem that `pointwise` serves as products of matrices; ``strides`` are the output's."""
    batch, pixels = prod(p.batch), prod(p.output)
    if is_parted(p):
        count, pixels = prod(p.image_dilation), prod(p.image)
        if weaves(p, strides):
            return Matrices("pixels", batch * p.groups, p.channels_out * count, pixels, 1, p.channels_in)
        return Matrices("kernels", p.groups * count, batch * pixels, p.channels_out, 1, p.channels_in)
    # what lies side by side in the output should do so in a vector
    if pixels > 1 and not _in_line(p, strides):
        return Matrices("kernels", p.groups, batch * pixels, p.channels_out, 1, p.channels_in)
    if pixels > 1:
        return Matrices("pixels", batch * p.groups, p.channels_out, pixels, 1, p.channels_in)
    by_images = len(p.batch) == 1 and strides[0] == 1 != strides[2] * (p.channels_out > 1)
    sides = (p.channels_out, batch) if by_images else (batch, p.channels_out)
    outer, inner = p.channels_in, prod(p.kernel)
    if inner < STRETCH:
        outer, inner = 1, p.terms
    return Matrices("images" if by_images else "kernels", p.groups, *sides, outer, inner)


def _in_line(p: Problem, strides: tuple[int, ...]) -> bool:
    """Whether the pixels of an output follow each other, and no channels lie between them."""
    steps = [(step, extent) for step, extent in zip(strides[len(p.batch) + 2:], p.output, strict=True) if extent > 1]
    even = all(step == inner * extent for (step, _), (inner, extent) in pairwise(steps))
    return even and (steps[-1][0] == 1 or p.channels_out == 1)


STRETCH = 64
"""Shorter stretches are copied into one line."""

WOVEN, LONG_ROW = 4, 16
"""Most phases along the last axis that are woven, and the shortest rows of outputs."""

STRIDES = 8
"""Up to so many, strided rows are read by whole vectors."""


class Frame:
    """Everything about a problem and its recipe that the generator needs as numbers."""

    def __init__(self, problem: Problem, strides: tuple[int, ...], recipe: PointwiseRecipe, machine: Machine) -> None:
        self.parts = parts(problem)
        self.problem, self.recipe, self.machine = self.parts[0].problem, recipe, machine
        self.matrices = matrices(problem, strides)
        self.woven = problem.image_dilation[-1] if weaves(problem, strides) else 0
        self.accumulator = self.target = ELEMENTS[problem.accumulator_dtype]
        axis = {"pixels": -1, "kernels": len(problem.batch) + 1, "images": 0}[self.matrices.columns_of]
        self.column_stride = strides[axis]

    @property
    def key(self) -> str:
        """What the program is made from."""
        p = self.problem
        return (f"{NAME} {self.matrices} {self.recipe} {self.column_stride} {p.output_dtype} {p.bias} {p.activation} "
                f"{(p.output, p.stride) if self.by_rows else ''} {(self.woven, p.output[-1]) if self.woven else ''}")

    @property
    def element(self) -> Element:
        """Of all arrays."""
        return self.accumulator

    @cached_property
    def lanes(self) -> int:
        """Lanes of a vector."""
        return self.recipe.vector_bytes // self.element.size

    # --- rows

    @property
    def packs_rows(self) -> bool:
        """Whether a block of rows lies in order, term by term; else its rows are read where they lie."""
        return self.matrices.columns_of == "pixels"

    @property
    def row_blocks(self) -> int:
        """Register tiles that cover the rows; the last is shifted back, not cut."""
        return -(-self.matrices.rows // self.recipe.tile[0])

    @cached_property
    def row_starts(self) -> tuple[int, ...]:
        """First row of each block."""
        return starts(self.matrices.rows, self.recipe.tile[0])

    @property
    def kernel_made(self) -> int:
        """Outputs that the kernel of one group, or phase, makes of a pixel."""
        return self.matrices.rows if self.packs_rows else self.matrices.columns

    @cached_property
    def kernel_blocks(self) -> tuple[int, tuple[int, ...]]:
        """How many output channels lie side by side in a packed kernel, and the first of each block."""
        return (self.recipe.tile[0], self.row_starts) if self.packs_rows else (self.pitch, self.panel_starts)

    # --- columns

    @property
    def packs_columns(self) -> bool:
        """Whether the program packs them; a kernel's are packed before."""
        return self.matrices.columns_of != "kernels"

    @property
    def turns_columns(self) -> bool:
        """Whether the terms of a column lie side by side in memory, and not the columns."""
        return self.matrices.columns_of == "images"

    @cached_property
    def by_rows(self) -> bool:
        """Whether the pixels that are read do not follow each other: each row of the image has its own place."""
        p = self.problem
        return self.matrices.columns_of == "pixels" and p.image != p.output and p.stride[-1] <= STRIDES

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Vectors of each panel: as even as may be, the wider ones first."""
        vectors, most = -(-self.matrices.columns // self.lanes), self.recipe.tile[1]
        count = -(-vectors // most)
        if not self.packs_columns:
            return (most,) * count
        each, more = divmod(vectors, count)
        return (each + 1,) * more + (each,) * (count - more)

    @property
    def pitch(self) -> int:
        """Columns of a packed panel."""
        return max(self.widths) * self.lanes

    @cached_property
    def columns_cut(self) -> bool:
        """Whether there are fewer columns than lanes; else the last panel is shifted back."""
        return self.matrices.columns < self.widths[-1] * self.lanes

    @cached_property
    def panel_starts(self) -> tuple[int, ...]:
        """First column of each panel."""
        found, start = [], 0
        for width in self.widths:
            found.append(max(0, min(start, self.matrices.columns - width * self.lanes)))
            start += width * self.lanes
        return tuple(found)

    # --- terms

    @cached_property
    def stretches(self) -> tuple[int, int]:
        """Stretches and numbers of each that make one block of terms."""
        m, block = self.matrices, self.recipe.block
        if m.inner > block:
            return 1, -(-m.inner // -(-m.inner // block))
        return -(-m.outer // -(-m.outer // max(1, block // m.inner))), m.inner

    @cached_property
    def blocks(self) -> tuple[int, int]:
        """Blocks of terms along the stretches, and along each."""
        (outer, inner), m = self.stretches, self.matrices
        return -(-m.outer // outer), -(-m.inner // inner)

    # --- workspace: a thread's packed panels, then its totals

    @property
    def panel_bytes(self) -> int:
        """Of one packed panel; panels begin a little apart from multiples of the page."""
        return prod(self.stretches) * self.pitch * self.element.size + 2 * self.recipe.vector_bytes

    @property
    def share_blocks(self) -> int:
        """Most blocks of rows of one work item."""
        return -(-self.row_blocks // self.recipe.shares[0])

    @property
    def share_panels(self) -> int:
        """Most panels of one work item."""
        return -(-len(self.widths) // self.recipe.shares[1])

    @property
    def totals_bytes(self) -> int:
        """Of one tile's totals, in double precision."""
        return self.recipe.tile[0] * self.pitch * 8 if prod(self.blocks) > 1 else 0

    @property
    def totals_place(self) -> int:
        """Where the totals begin in a thread's workspace."""
        return self.recipe.group * self.panel_bytes if self.packs_columns else 0

    @property
    def scratch_bytes(self) -> int:
        """Bytes of workspace that one thread needs."""
        return -(-(self.totals_place + self.recipe.group * self.share_blocks * self.totals_bytes) // 64) * 64

    @property
    def items(self) -> int:
        """Work items of a whole run."""
        rows, panels = self.recipe.shares
        return self.matrices.heads * rows * panels


def starts(extent: int, block: int) -> tuple[int, ...]:
    """First index of each block: the last one is shifted back, so that every block is whole."""
    return tuple(min(i * block, max(0, extent - block)) for i in range(-(-extent // block)))
