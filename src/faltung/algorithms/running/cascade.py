"""Boxes of three axes and more: one after the other, the leading axes first, a slab at a time.

A box is the product of its axes.  Sums along a leading axis are sums of rows, whatever the axis: so each takes a pass
of its own, with a kernel of one column, from the image (or the pass before) into a slab of sums that stays in a cache;
the last two axes then go from the slab to the outputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ...compiler.memory import Workspace
from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from ..direct.counts import round_up
from ..separable.executable import Packed
from .axes import cascade_cycles, leading, passes, tap_of
from .executable import Running
from .frame import RunningRecipe
from .structure import constants

LEAST_PLANES = 16
"""A slab has no fewer, or as many as the kernel: what neighbouring outputs share is to pay."""

SHIFT_BYTES = 64
"""Before the slabs: how far the first of them is shifted."""


class CascadeRecipe(NamedTuple):
    """How `running` sums along more than two axes: batch elements and planes of a slab, and how each pass runs."""

    elements: int
    planes: int
    passes: tuple[RunningRecipe, ...]

    @property
    def algorithm(self) -> str:
        """Name of the algorithm that this is a recipe of."""
        return "running"


class Steps(NamedTuple):
    """Where the outputs of a pass lie: elements between neighbours along each axis."""

    counts: tuple[int, ...]

    def strides(self) -> tuple[int, ...]:
        """As `View.strides`."""
        return self.counts


class Slab(NamedTuple):
    """Sums behind a pass, (elements, groups, *spatial); its planes do not collide in the caches."""

    shape: tuple[int, ...]
    dtype: str
    planes: int
    """Axis of the planes."""

    @property
    def steps(self) -> tuple[int, ...]:
        """Elements from one index to the next: from plane to plane, an odd number of cache lines."""
        steps, step, line = [], 1, 64 // np.dtype(self.dtype).itemsize
        for axis in reversed(range(len(self.shape))):
            if axis == self.planes:
                step = line * (-(-step // line) | 1)
            steps.append(step)
            step *= self.shape[axis]
        return tuple(reversed(steps))

    @property
    def size_bytes(self) -> int:
        """Memory of the slab."""
        return round_up(self.steps[0] * self.shape[0] * np.dtype(self.dtype).itemsize, 64)

    def view(self, raw: Any, place: int) -> Any:
        """The slab in memory that begins at a place."""
        size = np.dtype(self.dtype).itemsize
        return np.ndarray(self.shape, self.dtype, raw, place, tuple(step * size for step in self.steps))


class Cascade:
    """The executable: one of `Running` for each pass."""

    def __init__(self, problem: Problem, output: View, machine: Machine, threads: int) -> None:
        self.problem, self.output = problem, output
        self.leads, every = leading(problem), passes(problem)
        self.predicted_cycles = cascade_cycles(problem, machine)
        self.middles = [self._middle_shape(number) for number in range(len(self.leads))]
        self.elements, self.planes = self._slab(every, machine)
        self.slabs = [Slab(self._cut(shape), each.output_dtype, 2 + self.leads[0])
                      for shape, each in zip(self.middles, every[:-1], strict=True)]
        self.workspace = Workspace(SHIFT_BYTES + sum(slab.size_bytes for slab in self.slabs))
        self.passes = [self._build(number, each, machine, threads) for number, each in enumerate(every)]
        taps = [np.full(each.kernel_shape, tap_of(each.output_dtype, each.kernel[0]), each.kernel_dtype)
                for each in every[:-1]]
        self.taps: list[Any] = [run.pack(each) for run, each in zip(self.passes, taps, strict=False)]
        self.grown = prod(tap_of(each.output_dtype, each.kernel[0]) for each in every[:-1])
        self.recipe = CascadeRecipe(self.elements, self.planes, tuple(run.recipe for run in self.passes))

    # --- slabs

    def _middle_shape(self, number: int) -> tuple[int, ...]:
        """Sums behind a pass, of a whole batch axis: (batch, groups, *spatial)."""
        p, done = self.problem, self.leads[:number + 1]
        return (*(p.batch or (1,))[-1:], p.groups,
                *(p.output[axis] if axis in done else p.image[axis] for axis in range(p.ndim)))

    def _slab(self, every: list[Problem], machine: Machine) -> tuple[int, int]:
        """Elements of the last batch axis and planes of the first leading axis that share the second-level cache."""
        p = self.problem
        count, planes = (p.batch or (1,))[-1], p.output[self.leads[0]] if self.leads else 1
        if not self.leads:
            return count, planes
        largest = max(prod(shape[1:]) * np.dtype(each.output_dtype).itemsize
                      for shape, each in zip(self.middles, every[:-1], strict=True))
        room = machine.l2_bytes // 2
        elements = min(count, max(1, room // largest))
        least = min(LEAST_PLANES, p.kernel[self.leads[0]])
        return elements, planes if elements > 1 else min(planes, max(least, room * planes // largest))

    def _cut(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The part of a middle's shape that one slab has."""
        first = 2 + self.leads[0]
        return (self.elements, *shape[1:first], self.planes, *shape[first + 1:])

    def _build(self, number: int, each: Problem, machine: Machine, threads: int) -> Running:
        p, last = self.problem, number == len(self.leads)
        lead = len(p.batch) - 1 if p.batch else 0
        extents = list(each.batch[lead + 1 if p.batch else 0:])
        whole = None
        if self.leads and number:
            place = self.leads[0] + (not last)
            extents[place] = self.planes
        cut = replace(each, batch=(self.elements, *extents))
        if number == 0 and self.leads and self.planes < each.output[0]:
            whole, cut = cut, replace(cut, output=(self.planes, cut.output[1]))
        return Running(cut, self._steps(number), machine, threads, whole)

    def _steps(self, number: int) -> Steps:
        p = self.problem
        if number == len(self.leads):
            steps, lead = self.output.strides(), len(p.batch)
            spatial = steps[lead + 2:]
            return Steps((steps[lead - 1] if lead else 0, *spatial[:-2], *steps[lead:lead + 2], *spatial[-2:]))
        steps = self.slabs[number].steps
        axis = 2 + self.leads[number]
        return Steps((*(step for at, step in enumerate(steps[:-1]) if at != axis), 0, 0, steps[axis], 1))

    # --- the protocol

    @property
    def workspace_bytes(self) -> int:
        """Peak workspace of one call."""
        return self.workspace.size_bytes + sum(run.workspace_bytes for run in self.passes)

    def pack(self, kernel: Any) -> Packed | None:
        """The taps of every kernel as the last pass wants them; None if some differ."""
        values = constants(self.problem, kernel)
        if values is None:
            return None
        last = self.passes[-1]
        shape = last.problem.kernel_shape
        values = (values / values.dtype.type(self.grown)).astype(values.dtype)
        return last.pack(np.broadcast_to(values.reshape(*shape[:2], 1, 1, 1), shape))

    def pack_bias(self, bias: Any) -> Any:
        """Bring a bias into the sums' dtype."""
        return self.passes[-1].pack_bias(bias)

    def run(self, image: Any, kernel: Packed, bias: Any, out: Any, threads: int) -> bool:
        """Fill ``out``; whether an integer output overflowed."""
        out = self.output(out)
        if not self.problem.batch:
            image, out = image[None], out[None]
        buffer = self.workspace.borrow()
        try:
            middles, overflowed = self._middles(buffer[1]), False
            for index in np.ndindex(*self.problem.batch[:-1]):
                for first in starts(image.shape[len(index)], self.elements):
                    part = slice(first, first + self.elements)
                    overflowed |= self._element(image[index][part], kernel, bias, out[index][part], threads, buffer,
                                                middles)
            return overflowed
        finally:
            self.workspace.give_back(buffer)

    def _middles(self, raw: Any) -> list[Any]:
        found, place = [], SHIFT_BYTES
        for slab in self.slabs:
            found.append(slab.view(raw, place))
            place += slab.size_bytes
        return found

    def _element(self, image: Any, kernel: Packed, bias: Any, out: Any, threads: int, buffer: tuple[int, Any],
                 middles: list[Any]) -> bool:
        ndim, overflowed, last = self.problem.ndim, False, self.passes[-1]
        shift = buffer[1][:8].view(np.int64)
        for first, part in self._parts(out):
            seen = image[:, :, 0]
            if self.leads:
                shift[0] = first * self.problem.stride[self.leads[0]]
            for run, taps, axis, middle in zip(self.passes, self.taps, self.leads, middles, strict=False):
                order = (*(at for at in range(ndim + 1) if at != 2 + axis), 2 + axis, ndim + 1)
                run.run(seen.transpose(order)[..., None, None, :, :], taps, None, middle, threads, buffer[0])
                seen = middle
            order = (0, *range(2, ndim), 1, ndim, ndim + 1)
            overflowed |= last.run(seen.transpose(order)[..., None, :, :], kernel, bias, part, threads)
        return overflowed

    def _parts(self, out: Any) -> Iterator[tuple[int, Any]]:
        """The first plane of each slab, and its outputs."""
        if not self.leads:
            yield 0, out
            return
        axis = 3 + self.leads[0]
        for first in starts(out.shape[axis], self.planes):
            yield first, out[(slice(None),) * axis + (slice(first, first + self.planes),)]

    def ir(self) -> str:
        """The LLVM IR of every pass."""
        return "\n".join(run.ir() for run in self.passes)

    def assembly(self) -> str:
        """The machine code of every pass, as assembly."""
        return "\n".join(run.assembly() for run in self.passes)


def starts(extent: int, part: int) -> Iterator[int]:
    """Where parts of one size begin; the last is shifted back."""
    for first in range(0, extent, part):
        yield min(first, extent - part)
