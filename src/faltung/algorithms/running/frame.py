"""The geometry of a program of running sums."""

from __future__ import annotations

from math import frexp, gcd, prod
from typing import NamedTuple

from ...compiler.elements import ELEMENTS, Element
from ...lazy import cached_property
from ...machine import Machine
from ...problem.problem import Problem
from ...problem.promotion import is_integer, magnitude
from ..direct.counts import round_up
from ..direct.frame import Stage
from ..separable.frame import Form, Frame, SeparableRecipe

VECTORS = 4
"""Vectors side by side: sums wait for each other, so several are under way."""

SUMMED = 8
"""Windows shorter than this are summed tap by tap; longer ones from windows of half the length."""


class RunningRecipe(SeparableRecipe):
    """How `running` runs: outputs of a work item, rows whose sums share what they have in common, bytes of a vector."""

    __slots__ = ()

    @property
    def algorithm(self) -> str:
        """Name of the algorithm that this is a recipe of."""
        return "running"


def doublings(taps: int) -> tuple[int, tuple[int, ...]]:
    """The window that is summed tap by tap, and for each doubling whether one tap more is added.

    >>> doublings(63), doublings(40), doublings(5)
    ((7, (1, 1, 1)), (5, (0, 0, 0)), (5, ()))
    """
    odd: list[int] = []
    while taps >= SUMMED:
        odd.append(taps % 2)
        taps //= 2
    return taps, tuple(reversed(odd))


LARGEST_SUM = (1 << 16) - 1


def sums_dtype(p: Problem) -> str:
    """Dtype of the sums: 16 bits for bytes, where no sum needs more, and the accumulator's elsewhere.

    The tap is kept where a line's taps would be, so they must have room for it.
    """
    sides = [side for axis in p.border for side in axis if not isinstance(side, str)]
    fits = prod(p.kernel) * 255 <= LARGEST_SUM and 2 * p.kernel[-1] >= ELEMENTS[p.accumulator_dtype].size
    if p.image_dtype == "uint8" and fits and all(side in range(256) for side in sides):
        return "uint16"
    return p.accumulator_dtype


EXACT = {4: 1 << 24, 8: 1 << 53}
"""Integers up to these are exact, in floating point of so many bytes."""

LEAST_SCANNED = 16
"""Shorter windows are doubled."""


def scans(p: Problem, lanes: int) -> bool:
    """Whether windows along a line are made of sums within vectors (see `scans`): neighbours, and longer than one."""
    return p.kernel_dilation[-1] == p.stride[-1] == 1 and p.kernel[-1] > max(lanes, LEAST_SCANNED)


class Sharing(NamedTuple):
    """Which rows of outputs see rows of the image in common: every ``classes``-th, ``taps`` of the kernel further.

    With stride s and dilation d, row ``q classes + c`` sums the rows ``c s + d (q taps + t)``, t from 0 on.
    """

    classes: int
    taps: int


def sharing(p: Problem) -> Sharing:
    """How rows of outputs share rows of the image."""
    common = gcd(p.stride[0], p.kernel_dilation[0])
    return Sharing(p.kernel_dilation[0] // common, p.stride[0] // common)


class Scans(NamedTuple):
    """Windows of ``taps`` samples along a line of ``extent``, made vector by vector (see `scans`)."""

    lanes: int
    extent: int
    taps: int
    size: int

    @property
    def vectors(self) -> int:
        """Vectors of the line."""
        return -(-self.extent // self.lanes)

    @property
    def inner(self) -> int:
        """Whole vectors between the first and the last that every window of a vector has."""
        return (self.taps - 1) // self.lanes - 1

    @property
    def rest(self) -> int:
        """The lane of the prefix that ends the window of lane 0."""
        return (self.taps - 1) % self.lanes

    @property
    def places(self) -> tuple[int, ...]:
        """Bytes before: the prefixes, sums of vectors, sums of several, sums of one more; and all of them."""
        held = [(self.vectors + 2) * self.lanes, *[self.vectors + (VECTORS + 2) * self.lanes + self.inner] * 3]
        return tuple(round_up(sum(held[:count]) * self.size, 64) for count in range(5))


class Finish(NamedTuple):
    """What a writer of outputs has to know."""

    accumulator: Element
    target: Element
    problem: Problem
    lanes: int
    machine: Machine


class RunningFrame(Frame):
    """Everything about a stage and its recipe that the generator needs as numbers.

    A stage may be a slab of a ``whole`` one: some of its rows, and a run says which.  Its outputs may be added to what
    the array holds: then each is computed once.
    """

    recipe: RunningRecipe

    def __init__(self, stage: Stage, recipe: RunningRecipe, form: Form, machine: Machine,
                 whole: Stage | None = None, *, adds: bool = False) -> None:
        super().__init__(stage, recipe, form, machine)
        self.whole, self.adds = whole, adds

    @property
    def widest(self) -> RunningFrame:
        """The frame of the whole stage, which looks as far as any slab."""
        return self if self.whole is None else RunningFrame(self.whole, self.recipe, self.form, self.machine)

    @property
    def finish(self) -> Finish:
        """Sums in the accumulator's dtype, as they are multiplied, finished and stored."""
        return Finish(ELEMENTS[self.problem.accumulator_dtype], self.target, self.problem, self.lanes,
                      self.machine)

    @cached_property
    def scans(self) -> Scans | None:
        """How windows along a line are made of sums within vectors; None: by doubling."""
        if not scans(self.problem, self.lanes):
            return None
        return Scans(self.lanes, self.extents[1], self.problem.kernel[1], self.accumulator.size)

    @property
    def exact(self) -> bool:
        """Whether sums of a whole line of integers are: modulo what integer registers hold, or in floating point."""
        p = self.problem
        if self.accumulator.kind != "f":
            return True
        # a border that applies is of the image's dtype, too
        return is_integer(p.image_dtype) and magnitude(p.image_dtype) * self.extents[1] * prod(
            p.kernel[:-1]) <= EXACT[self.accumulator.size]

    @property
    def last_width(self) -> int:
        """Outputs of the last block of a line, where it is not shifted back."""
        return (self.problem.output[1] - 1) % self.recipe.block[1] + 1

    @property
    def few(self) -> bool:
        """Whether so few rows are summed that each output takes all of its own, one by one."""
        return self.problem.kernel[0] < SUMMED and not self.adds

    @property
    def once(self) -> bool:
        """Whether no column of outputs is computed twice: the last block of a line is narrower, not shifted back."""
        return self.adds or self.scans is not None

    @property
    def watches(self) -> bool:
        """Whether it is told that an output is not finite: boxes may have cancelled."""
        return self.adds and self.source.kind == "f"

    @property
    def scale(self) -> float:
        """A power of two that samples are multiplied by: no sum of theirs is larger then than the largest of them."""
        if self.source.kind != "f" or self.source.size != self.accumulator.size:
            return 1.0
        return float(2.0 ** -frexp(prod(self.problem.kernel))[1])

    @property
    def colliding_bytes(self) -> int:
        """0: each tile reads a row once, so that it need not stay in any cache."""
        return 0

    @property
    def step(self) -> int:
        """Elements between neighbouring taps of a line."""
        return self.problem.kernel_dilation[1]

    @property
    def phases(self) -> int:
        """1: lines are never parted; of strided outputs all windows are summed."""
        return 1

    @cached_property
    def line_pitch(self) -> int:
        """Elements from one line to the next: vectors may read and write behind its end."""
        held = round_up(self.extents[1], self.lanes) + (max(VECTORS, self.problem.stride[1]) + 2) * self.lanes
        return held + (self.lanes if held * self.accumulator.size % 1024 == 0 else 0)

    @cached_property
    def places(self) -> tuple[int, ...]:
        """Where each part of the scratch memory begins, and where all ends: windows of one line come last."""
        before = super().places
        spare = self.scans.places[-1] if self.scans else self.line_pitch * self.accumulator.size
        return (*before, before[-1] + round_up(spare, 64))
