"""Sums of boxes, one program of `running` for each: the first writes the outputs, the others add to them."""

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
from ...problem.promotion import is_integer
from ..running.cascade import Steps, starts
from ..running.executable import Running
from ..running.schedule import stage_of
from ..separable.executable import Packed
from .structure import CENTRE_APART, Box, Part, apart, may_cancel, parts_of

KNOWN = 8
"""Ways to part a kernel whose programs are kept."""

LEAST_ROWS = 32
"""A slab has no fewer rows: tall boxes share sums of theirs."""

SHIFT_BYTES = 64
"""Before the sums: how far a slab is shifted."""


class BoxesRecipe(NamedTuple):
    """How boxes are summed: the most there may be, rows of a slab, and whether sums are kept beside the outputs."""

    algorithm: str
    most: int
    rows: int
    apart: bool


class PackedBoxes(NamedTuple):
    """The programs of a kernel's boxes, and their taps; how outputs that are not finite are summed again."""

    runs: tuple[Running, ...]
    taps: tuple[Packed, ...]
    again: PackedBoxes | None = None


class Boxes:
    """The executable: the boxes of a slab of rows after each other, so that the slab stays in the cache.

    Sums are added up in the outputs themselves, or beside them where those are of another dtype or not side by side;
    then a kernel of one tap finishes them.
    """

    def __init__(self, name: str, most: int, problem: Problem, output: View, machine: Machine, threads: int,
                 predicted_cycles: float) -> None:
        self.problem, self.output, self.machine, self.threads, self.most = problem, output, machine, threads, most
        self.predicted_cycles = predicted_cycles
        p, steps = problem, output.strides()
        self.apart = p.output_dtype != p.accumulator_dtype or stage_of(p, output).output_strides[-1] != 1
        item = np.dtype(p.accumulator_dtype).itemsize
        room, row_bytes = machine.l2_bytes // 2, p.output[-1] * item
        self.pixels = bool(p.batch) and steps[len(p.batch) - 1] == 1 < p.batch[-1]
        whole = prod(p.output_shape) * item <= room
        self.kept = len(p.batch) if whole else int(self.pixels)
        leads = prod(p.batch[len(p.batch) - self.kept:]) * p.groups * p.channels_out
        height = p.output[0] if p.ndim == 2 else 1
        self.rows = height if whole else min(height, max(LEAST_ROWS, room // (leads * row_bytes)))
        self.sums_shape = (*p.batch[len(p.batch) - self.kept:], p.groups, p.channels_out,
                           *((self.rows,) if p.ndim == 2 else ()), p.output[-1])
        self.workspace = Workspace(SHIFT_BYTES + self.apart * prod(self.sums_shape) * item)
        self.recipe = BoxesRecipe(name, most, self.rows, self.apart)
        self._known: dict[tuple[Box, ...], tuple[Running, ...]] = {}
        whole_box = Box((0,) * p.ndim, p.kernel)
        self._shown = self._runs((whole_box,))
        self.finish = self._finishing() if self.apart else None
        self.ones: Any = self.finish and self.finish.pack(np.ones(self.finish.problem.kernel_shape,
                                                                  p.accumulator_dtype))

    # --- programs

    def _part(self, box: Box, *, adds: bool, last: bool) -> Running:
        """The program of one box."""
        p = self.problem
        part = replace(
            p, batch=p.batch[len(p.batch) - self.kept:], kernel=box.extents,
            start=tuple(a + b * d for a, b, d in zip(p.start, box.first, p.kernel_dilation, strict=True)))
        if self.apart or not last:
            part = replace(part, bias=False, activation=None, output_dtype=p.accumulator_dtype,
                           overflow="wrap" if p.accumulator_dtype.startswith("int") else "proven")
        return self._slab(part, Steps(self._sums_steps() if self.apart else self._out_steps()), adds=adds)

    def _slab(self, part: Problem, steps: Steps, *, adds: bool = False) -> Running:
        whole = None
        if part.ndim == 2 and self.rows < part.output[0]:
            whole, part = part, replace(part, output=(self.rows, part.output[1]))
        return Running(part, steps, self.machine, self.threads, whole, adds=adds)

    def _finishing(self) -> Running:
        """What turns sums that lie apart into outputs."""
        p, ones = self.problem, (1,) * self.problem.ndim
        shape = self.sums_shape[-p.ndim:]
        # each output channel has sums of its own: to this program they are groups
        last = replace(p, batch=self.sums_shape[:self.kept], groups=p.groups * p.channels_out, channels_out=1,
                       image=shape, kernel=ones, output=shape, start=(0,) * p.ndim, stride=ones, kernel_dilation=ones,
                       border=(("edge", "edge"),) * p.ndim, image_dtype=p.accumulator_dtype,
                       kernel_dtype=p.accumulator_dtype)
        steps = self._out_steps()
        step = steps[self.kept + (p.channels_out > 1)]
        return Running(last, Steps((*steps[:self.kept], step, 0, *steps[self.kept + 2:])), self.machine, self.threads)

    def _out_steps(self) -> tuple[int, ...]:
        return self.output.strides()[len(self.problem.batch) - self.kept:]

    def _sums_steps(self) -> tuple[int, ...]:
        return tuple(step // np.dtype(self.problem.accumulator_dtype).itemsize for step in self._sums(None).strides)

    def _sums(self, raw: Any) -> Any:
        """Memory as sums, (batch, groups, channels, *spatial), pixels side by side where the outputs' are."""
        shape, dtype, at = self.sums_shape, self.problem.accumulator_dtype, self.kept - 1
        lying = (*shape[:at], *shape[at + 1:], shape[at]) if self.pixels else shape
        sums: Any = np.ndarray(lying, dtype, raw, 0 if raw is None else SHIFT_BYTES)
        return np.moveaxis(sums, -1, at) if self.pixels else sums

    def _runs(self, boxes: tuple[Box, ...]) -> tuple[Running, ...]:
        found = self._known.get(boxes)
        if found is None:
            last = len(boxes) - 1
            found = tuple(self._part(box, adds=at > 0, last=at == last) for at, box in enumerate(boxes))
            if len(self._known) >= KNOWN:
                self._known = {}  # in one step: other threads may be looking
            self._known[boxes] = found
        return found

    # --- the protocol

    @property
    def workspace_bytes(self) -> int:
        """Peak workspace of one call: no box is larger than the kernel."""
        boxes, again = self.most, 0
        if may_cancel(self.problem) and not is_integer(self.problem.image_dtype):
            boxes += CENTRE_APART
            again = prod(self.sums_shape) * (np.dtype(self.problem.accumulator_dtype).itemsize + 1)
        return self.workspace.size_bytes + boxes * self._shown[0].workspace_bytes + again

    def pack(self, kernel: Any) -> PackedBoxes | None:
        """The boxes' taps; None if there are too many boxes."""
        parts = parts_of(self.problem, kernel, self.most)
        if parts is None:
            return None
        packed, others = self._packed(parts), apart(self.problem, kernel, parts)
        return packed._replace(again=self._packed(others)) if packed and others else packed

    def _packed(self, parts: tuple[Part, ...]) -> PackedBoxes | None:
        runs = self._runs(tuple(part.box for part in parts))
        taps = [run.pack(part.taps) for run, part in zip(runs, parts, strict=True)]
        packed = tuple(each for each in taps if each is not None)
        return PackedBoxes(runs, packed) if len(packed) == len(runs) else None

    def pack_bias(self, bias: Any) -> Any:
        """Bring a bias into the sums' dtype."""
        return np.ascontiguousarray(bias, self.problem.accumulator_dtype)

    def run(self, image: Any, kernel: PackedBoxes, bias: Any, out: Any, threads: int) -> bool:
        """Fill ``out``; whether an integer output overflowed."""
        p, seen = self.problem, self.output(out)
        buffer = self.workspace.borrow()
        try:
            sums = self._sums(buffer[1]) if self.apart else None
            flags = [self._slabs(image[index], kernel, bias, seen[index], sums, threads, buffer)
                     for index in np.ndindex(*p.batch[:len(p.batch) - self.kept])]
            return any(flags)
        finally:
            self.workspace.give_back(buffer)

    def _slabs(self, image: Any, kernel: PackedBoxes, bias: Any, out: Any, sums: Any, threads: int,
               buffer: tuple[int, Any]) -> bool:
        shift, overflowed = buffer[1][:8].view(np.int64), False
        for first, part in self._parts(out):
            shift[0] = first * self.problem.stride[0]
            target = part if sums is None else sums
            flags = self._sum(image, kernel, bias, target, threads, buffer[0])
            if flags & 2 and kernel.again is not None:
                before = target.copy()
                self._sum(image, kernel.again, bias, target, threads, buffer[0])
                np.copyto(target, before, where=np.isfinite(before))
            overflowed |= bool(flags & 1)
            if self.finish is not None:
                overflowed |= self.finish.run(_as_groups(sums, self.kept), self.ones, bias, part, threads)
        return overflowed

    def _sum(self, image: Any, kernel: PackedBoxes, bias: Any, target: Any, threads: int, shift: int) -> int:
        """All boxes of a slab; flags of `Running`."""
        flags, last = 0, len(kernel.runs) - 1
        for at, (run, taps) in enumerate(zip(kernel.runs, kernel.taps, strict=True)):
            added = bias if not self.apart and at == last else None
            flags |= run.flags(image, taps, added, target, threads, shift)
        return flags

    def _parts(self, out: Any) -> Iterator[tuple[int, Any]]:
        """The first row of each slab, and its outputs; the last slab is shifted back."""
        if self.problem.ndim == 1:
            yield 0, out
            return
        axis, height = self.kept + 2, self.problem.output[0]
        for first in starts(height, self.rows):
            yield first, out[(slice(None),) * axis + (slice(first, first + self.rows),)]

    def ir(self) -> str:
        """The LLVM IR of the boxes met so far, or of one as large as the kernel."""
        return "\n".join(run.ir() for runs in list(self._known.values())[-1:] for run in runs)

    def assembly(self) -> str:
        """The machine code of the same, as assembly."""
        return "\n".join(run.assembly() for runs in list(self._known.values())[-1:] for run in runs)


def _as_groups(sums: Any, kept: int) -> Any:
    """Sums of (batch, groups, channels, ...) as images of as many groups: (batch, groups * channels, 1, ...)."""
    return sums.reshape(*sums.shape[:kept], -1, 1, *sums.shape[kept + 2:])
