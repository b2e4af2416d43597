"""The geometry of one generated program: blocks, lines and scratch memory, all known constants."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from ...compiler.elements import ELEMENTS, Element, element_on
from ...lazy import cached_property
from ...machine import Machine
from ...problem.problem import Problem
from ..direct.counts import round_up
from ..direct.frame import Stage

ENTRY_BYTES = 24
"""Of each row that a block looks at: where its columns begin, where they do in the array, and the step there."""

ROWS = 4
"""Rows of outputs that are summed down together: each row of the image is loaded once for all of them."""

DOWN_VECTORS, ACROSS_VECTORS = 2, 4
"""Vectors side by side in a register tile, where there are 32 registers; half as many elsewhere."""


WAY_BYTES, CACHE_LINE = 4096, 64
"""Of the first-level cache: memory that is so many bytes apart falls into the same set of lines; bytes of one."""


class Form(NamedTuple):
    """What is known of the lines of taps, for each term of the sum one for each axis, and the dtype of the sums.

    A line is "plain", or "even" or "odd": equal or opposite when it is turned around, so that samples are
    added or subtracted before they are multiplied.
    """

    terms: tuple[tuple[str, ...], ...]
    compute: str
    small: bool = False
    """Whether sums are known to be so small that they are rounded in a short way (see `rounding`)."""
    whole: bool = False
    """Whether the kernel's own rows are the terms, each under a row of the image: the definition, for any kernel."""

    def kinds(self, axis: int) -> tuple[str, ...]:
        """The different kinds of lines along an axis."""
        return tuple(dict.fromkeys(term[axis] for term in self.terms))


class SeparableRecipe(NamedTuple):
    """How `separable` runs.

    Outputs of a work item, rows that are summed together, bytes of a vector; the most terms of a sum, whether what
    the next tile needs is fetched from memory while one is summed, and whether outputs are stored to memory directly.
    """

    block: tuple[int, ...]
    rows: int
    vector_bytes: int
    rank: int = 1
    fetches: bool = False
    past_caches: bool = False

    @property
    def algorithm(self) -> str:
        """Name of the algorithm that this is a recipe of."""
        return "separable" if self.rank == 1 else f"rank{self.rank}"


class Frame:
    """Everything about a stage with two axes or more, its recipe and its form that the generator needs as numbers."""

    def __init__(self, stage: Stage, recipe: SeparableRecipe, form: Form, machine: Machine) -> None:
        self.stage, self.recipe, self.form, self.machine = stage, recipe, form, machine

    @property
    def problem(self) -> Problem:
        """The stage's problem."""
        return self.stage.problem

    @cached_property
    def source(self) -> Element:
        """Element of the image array."""
        return element_on(self.problem.image_dtype, self.machine.isa)

    @cached_property
    def accumulator(self) -> Element:
        """Element of sums and taps."""
        return ELEMENTS[self.form.compute]

    @cached_property
    def target(self) -> Element:
        """Element of the output array."""
        return element_on(self.problem.output_dtype, self.machine.isa)

    @property
    def lanes(self) -> int:
        """Lanes of one vector of sums."""
        return self.recipe.vector_bytes // self.accumulator.size

    # --- blocks

    @property
    def leads(self) -> tuple[int, ...]:
        """Extents of what is filtered independently: batch, groups, channels out."""
        return (*self.problem.batch, self.problem.groups, self.problem.channels_out)

    @cached_property
    def blocks(self) -> tuple[int, ...]:
        """Blocks along each axis."""
        return tuple(-(-out // b) for out, b in zip(self.problem.output, self.recipe.block, strict=True))

    @cached_property
    def items(self) -> int:
        """Work items of a whole run."""
        return prod(self.leads) * prod(self.blocks)

    # --- terms: products of lines whose sum the kernel is

    @property
    def terms(self) -> int:
        """How many there are."""
        return self.problem.kernel[0] if self.form.whole else len(self.form.terms)

    @property
    def term_pitch(self) -> int:
        """Elements from the lines of one term to those of the next, as they are summed across."""
        return self.phases * self.phase_pitch if self.phases > 1 else self.recipe.rows * self.line_pitch

    @cached_property
    def reach(self) -> tuple[int, ...]:
        """Positions from the first to the last that one output looks at, along each axis."""
        p = self.problem
        return tuple((k - 1) * d for k, d in zip(p.kernel, p.kernel_dilation, strict=True))

    @cached_property
    def extents(self) -> tuple[int, ...]:
        """Positions that a block looks at, along each axis."""
        return tuple((b - 1) * s + r + 1
                     for b, s, r in zip(self.recipe.block, self.problem.stride, self.reach, strict=True))

    # --- lines: sums of one row of outputs, before they are filtered along it

    @cached_property
    def line_pitch(self) -> int:
        """Elements from one line to the next, room for a vector that reads too far included."""
        held = round_up(max(self.extents[-1], self.reach[-1] + self.lanes), self.lanes) + self.lanes
        return held + (self.lanes if held * self.accumulator.size % 1024 == 0 else 0)

    @property
    def phases(self) -> int:
        """Strided columns are parted by their index modulo this, so that they can be read by vectors."""
        return self.problem.stride[-1]

    @cached_property
    def phase_pitch(self) -> int:
        """Elements from one phase of a line to the next."""
        if self.phases == 1:
            return self.line_pitch
        held = -(-self.extents[-1] // self.phases)
        last = self.reach[-1] // self.phases
        return round_up(max(held, last + self.lanes), self.lanes)

    # --- passes down: one for each axis but the last, from rows to fewer of them

    @property
    def last(self) -> int:
        """The axis whose pass gives the lines that are summed across."""
        return self.problem.ndim - 2

    def rows(self, axis: int) -> int:
        """Outputs along an axis that one pass sums together."""
        return self.recipe.rows if axis == self.last else min(ROWS, self.recipe.block[axis])

    def seen_rows(self, axis: int) -> int:
        """Rows that a pass looks at for these: of the last axis, those of a whole block."""
        if axis == self.last:
            return self.extents[axis]
        return (self.rows(axis) - 1) * self.problem.stride[axis] + self.reach[axis] + 1

    def places_behind(self, axis: int) -> int:
        """How many rows stand at each position along an axis: one for each place along the axes behind it."""
        return prod(self.extents[axis + 1:-1])

    def source_of(self, axis: int) -> Element:
        """Element of the rows that a pass looks at: the image's, or sums of the pass before."""
        return self.accumulator if axis else self.source

    def weights_before(self, axis: int) -> int:
        """Bytes of one term's taps along the axes before; whole, of the one that copies a row."""
        return (axis if self.form.whole else sum(self.problem.kernel[:axis])) * self.accumulator.size

    @property
    def rows_ahead(self) -> int:
        """Rows of the image behind those of a tile that are fetched while it is summed: what the next one adds."""
        return self.recipe.rows * self.problem.stride[0] if self.recipe.fetches and self.last == 0 else 0

    # --- scratch memory: entries, constant rows, rows that had to be copied, lines, phases; slabs and their entries

    @cached_property
    def row_bytes(self) -> int:
        """A row of a block, as it lies in the image: an odd number of cache lines, so that rows do not collide."""
        lines = -(-self.extents[-1] * self.source.itemsize // 64)
        return 64 * (lines + 1 - lines % 2)

    @cached_property
    def colliding_bytes(self) -> int:
        """Rows of the image that are a multiple of this apart do not all fit the first-level cache; 0: any do.

        Where a slab is made of them, they are read once for a few outputs, and need not; nor where a stride leaves
        nothing that two outputs look at.
        """
        read_again = self.last == 0 and self.reach[0] >= self.problem.stride[0]
        rows = self.reach[0] + (self.recipe.rows - 1) * self.problem.stride[0] + 1 if read_again else 0
        return colliding_bytes(rows, self.machine)

    @cached_property
    def places(self) -> tuple[int, ...]:
        """Where each part of the scratch memory begins, and where all ends."""
        size, rows, last = self.accumulator.size, self.recipe.rows, self.last
        parts = [(self.extents[last] + self.rows_ahead) * ENTRY_BYTES,
                 2 * (last + 1) * self.row_bytes, self.seen_rows(0) * self.row_bytes,
                 self.terms * rows * self.line_pitch * size, (self.phases > 1) * self.terms * self.term_pitch * size]
        for axis in range(last):
            slab = self.rows(axis) * self.places_behind(axis) * self.line_pitch * size
            parts += [slab, self.seen_rows(axis) * ENTRY_BYTES]
        found = [0]
        for part in parts:
            found.append(found[-1] + round_up(part, 64))
        return tuple(found)

    @property
    def status_bytes(self) -> int:
        """A byte for each work item: whether some of its outputs are not finite."""
        return round_up(self.items, 64)

    @property
    def scratch_bytes(self) -> int:
        """Workspace of one thread."""
        return self.places[-1]

    # --- taps: those along each axis, and what stands before and behind a line

    @property
    def beside_place(self) -> int:
        """Where in a term's taps those stand that are beside lines."""
        return 1 + prod(self.problem.kernel) if self.form.whole else sum(self.problem.kernel)

    @cached_property
    def term_bytes(self) -> int:
        """Bytes of one term's taps, or of all that are whole."""
        return round_up((self.beside_place + 2) * self.accumulator.size, 64)

    @property
    def taps_bytes(self) -> int:
        """Bytes of one kernel's taps."""
        return self.term_bytes * len(self.form.terms)

    @property
    def watches(self) -> bool:
        """Whether sums may overflow where those of the definition do not, or differ where a sample is not finite."""
        if len(self.form.terms) > 1:
            return self.accumulator.kind == "f"
        paired = {"even", "odd"} & set(self.form.terms[0])
        return bool(paired) and self.source.kind == "f" and self.source.size == self.accumulator.size


def colliding_bytes(rows: int, machine: Machine) -> int:
    """So many rows that are a multiple of this apart do not all fit the first-level cache; 0: they do anyway."""
    groups = (rows - 1) // (machine.l1_bytes // WAY_BYTES)
    return WAY_BYTES >> (groups.bit_length() - 1) if groups > 0 else 0
