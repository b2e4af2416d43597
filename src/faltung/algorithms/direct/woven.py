"""All phases of a dilated image as one stage: it is packed once, and outputs that are neighbours are stored together.

Phase by phase, the image would be packed as often as there are phases, and every so-manyth output stored alone.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from itertools import accumulate
from math import prod

from ...compiler.elements import ELEMENTS
from ...lazy import cached_property
from ...machine import Machine
from ...problem.problem import Problem
from .counts import round_up
from .frame import DirectRecipe, Frame, Stage
from .schedule import choose, shared
from .tiles import UNROLLED_FMAS, Tile, finished, is_straight, most_rows, most_unrolled

MOST_WOVEN = 4
"""Most phases along the last axis."""


class PhaseFrame(Frame):
    """One phase: its tiles read what was packed for all."""

    def __init__(self, stage: Stage, recipe: DirectRecipe, whole: Frame) -> None:
        super().__init__(stage, recipe, whole.machine)
        self.whole = whole

    @cached_property
    def pitches(self) -> tuple[int, ...]:
        """Of the image that was packed."""
        return self.whole.pitches

    @cached_property
    def plane_pitch(self) -> int:
        """Of the image that was packed."""
        return self.whole.plane_pitch

    @property
    def offset_bytes(self) -> int:
        """From the beginning of a packed block to the first sample that this phase looks at."""
        shifts = [own - first for own, first in zip(self.problem.start, self.whole.problem.start, strict=True)]
        return sum(n * pitch for n, pitch in zip(shifts, (*self.pitches, 1), strict=True)) * self.packed.size

    @property
    def woven(self) -> int:
        """How many phases make neighbours along the last axis."""
        return self.whole.woven

    @cached_property
    def share(self) -> float:
        """Of the tiles of a phase with the most outputs: the others are left out."""
        return prod(self.problem.output[:-1]) / prod(self.whole.problem.output[:-1])


class WovenFrame(Frame):
    """The phases together.

    `problem` has the most outputs that a phase has, and a kernel that reaches as far as all of theirs.
    """

    def __init__(self, stages: tuple[Stage, ...], woven: int, recipe: DirectRecipe, machine: Machine) -> None:
        super().__init__(_around(stages), recipe._replace(phases=len(stages)), machine)
        self.stages, self._woven = stages, woven

    @property
    def woven(self) -> int:
        """How many phases, one after the other, make neighbours along the last axis."""
        return self._woven

    def with_recipe(self, recipe: DirectRecipe) -> Frame:
        """The same with another recipe."""
        return WovenFrame(self.stages, self.woven, recipe, self.machine)

    @property
    def key(self) -> str:
        """What the program is made from."""
        return f"{self.recipe.algorithm} {self.woven} of {self.stages!r} {self.recipe!r}"

    @cached_property
    def tiled(self) -> tuple[PhaseFrame, ...]:
        """The phases."""
        made = []
        for stage in self.stages:
            p, recipe = stage.problem, self.recipe
            if not self.by_pixels and recipe.tile[2] == self.problem.output[-1]:  # as wide as its rows
                *block, _ = recipe.block
                recipe = recipe._replace(tile=(*recipe.tile[:2], p.output[-1]), block=(*block, p.output[-1]))
            rows = p.kernel[-2] if self.by_pixels else 1
            chunk = -(-rows // -(-rows // max(1, min(most_rows(p), UNROLLED_FMAS // self.sums))))
            straight = is_straight(p, self.machine, Tile(recipe.lanes, recipe.tile, chunk), most_unrolled(p))
            made.append(PhaseFrame(stage, recipe._replace(chunk=chunk, columns_unrolled=straight), self))
        return tuple(made)

    # --- outputs

    @property
    def column_step(self) -> int:
        """Elements from one output to the next along the last axis."""
        return self.stage.output_strides[-1] // self.woven

    @property
    def missing(self) -> int:
        """Outputs that a row lacks, if it had as many of each phase as of the first."""
        return sum(self.problem.output[-1] - stage.problem.output[-1] for stage in self.stages[:self.woven])

    def is_short(self, axis: int, phase: int) -> bool:
        """Whether a phase has fewer outputs along an axis than the first."""
        return self.stages[phase].problem.output[axis] < self.problem.output[axis]

    # --- a thread's workspace: the packed image, then the sums of one tile, phase by phase

    @property
    def sums(self) -> int:
        """Vectors of sums that one tile of one phase has."""
        m, r, v = self.recipe.tile
        return m * r * v

    @property
    def sums_bytes(self) -> int:
        """The room they take."""
        return self.sums * self.recipe.vector_bytes

    @cached_property
    def scratch_bytes(self) -> int:
        """Bytes of workspace that one thread needs."""
        return self.packed_bytes + round_up(self.woven * self.sums_bytes, 64)

    # --- the packed kernel: one phase after the other

    @cached_property
    def leaves_out(self) -> bool:
        """Whether any of the phases does."""
        return any(one.leaves_out for one in self.tiled)

    @property
    def kernel_bytes(self) -> int:
        """Bytes of all phases."""
        return self.kernel_starts[-1]

    @cached_property
    def kernel_starts(self) -> tuple[int, ...]:
        """First byte of each phase, and the number of all."""
        sizes = [one.problem.groups * one.channel_blocks * one.block_bytes for one in self.tiled]
        return tuple(accumulate(sizes, initial=0))


def _around(stages: tuple[Stage, ...]) -> Stage:
    """A stage that looks at all that the phases do, and has as many outputs as the first, which has most."""
    problems = [stage.problem for stage in stages]
    first = problems[0]
    axes = range(first.ndim)
    start = tuple(min(p.start[axis] for p in problems) for axis in axes)
    reach = (max(p.start[axis] + (p.kernel[axis] - 1) * p.kernel_dilation[axis] for p in problems) for axis in axes)
    kernel = tuple(last - begin + 1 for last, begin in zip(reach, start, strict=True))
    return stages[0]._replace(problem=replace(first, start=start, kernel=kernel, kernel_dilation=(1,) * first.ndim))


@lru_cache(maxsize=512)
def weave(stages: tuple[Stage, ...], woven: int, machine: Machine, threads: int) -> WovenFrame | None:
    """All phases as one program, its tile the one that suits the phase of most taps; None if they are better alone.

    Tiles of phases that are woven take turns, so the cache has to hold the taps of all of them.
    """
    if not _fits(stages, woven):
        return None
    around = _around(stages)
    largest = max(stages, key=lambda stage: stage.problem.terms)
    recipe = choose(largest._replace(problem=replace(largest.problem, output=around.problem.output)), machine, 1).recipe
    if recipe.lanes not in ("pixels", "channels"):
        return None
    found = finished(around, machine, Tile(recipe.lanes, recipe.tile))
    frame = WovenFrame(stages, woven, found, machine)
    if sum(one.block_bytes for one in frame.tiled[:woven]) > machine.l2_bytes * 3 // 4:
        return None
    made = shared(frame, threads)
    assert isinstance(made, WovenFrame)
    return made


def _fits(stages: tuple[Stage, ...], woven: int) -> bool:
    """Whether phases look at neighbours, of which real floats are made, and few are woven."""
    p = stages[0].problem
    floats = p.accumulator_dtype in ("float32", "float64") and ELEMENTS[p.output_dtype].kind == "f"
    plain = ELEMENTS[p.output_dtype].planes == 1 and stages[0].interleaved == 1
    steps = {step for stage in stages for step in stage.problem.stride}
    return floats and plain and steps == {1} and 0 < woven <= MOST_WOVEN and all(
        stage.problem.output[-1] + 1 >= p.output[-1] for stage in stages)


def neighbours(problem: Problem, stages: tuple[Stage, ...]) -> int:
    """How many phases make neighbours along the last axis; 0 where it is not the problem's, or some have no outputs."""
    plain = set(problem.stride) == {1} and all(stage.problem.ndim == max(2, problem.ndim) for stage in stages)
    return problem.image_dilation[-1] if plain and problem.output[-1] >= problem.image_dilation[-1] else 0
