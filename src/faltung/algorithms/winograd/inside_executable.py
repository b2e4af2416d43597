"""The loaded programs of a problem turned inside out, and how they are called."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...compiler import jit
from ...compiler.calling import items_function
from ...compiler.memory import Workspace, address
from ...compiler.threads import run_items
from ...lazy import cached_property
from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from . import fallback
from .inside_frame import InsideFrame
from .inside_parts import InsidePart, inside_parts
from .inside_recipe import all_cycles, choose_all
from .loaded import numbers
from .seen import BEFORE, FILLS


def _emit(frame: InsideFrame) -> str:
    """Write the program; the generator is imported only where no object is found on the disk."""
    from .inside_program import emit_program

    return emit_program(frame)


class _Loaded:
    """The program of one part."""

    def __init__(self, part: InsidePart, frame: InsideFrame, threads: int) -> None:
        self.part, self.frame, self.problem = part, frame, frame.problem
        library = jit.load(f"winograd {frame!r}", frame.machine, ("entry",), lambda: _emit(frame))
        self._entry = items_function(library)
        self.participants = min(threads, frame.items)
        self._workspace = Workspace(frame.places["end"] * self.participants)
        marks = [mark for side in frame.operands for mark in side.rows.marks]
        self.rows = np.array([marks + planes for planes in part.marks], np.int64)
        self.fills = self._fills()

    def _fills(self) -> Any:
        """Lines of constants, as `seen` numbers them."""
        longest = max(side.columns.inside[2] for side in self.frame.operands)
        found = np.zeros((FILLS, longest), self.problem.accumulator_dtype)
        found[:2] = numbers(self.problem.border[0])[:, None]
        found[3:] = numbers(self.part.depth.border)[:, None]
        return found

    @property
    def workspace_bytes(self) -> int:
        """Workspace of one call, all threads together."""
        return self._workspace.size_bytes

    def run(self, image: Any, kernel: Any, places: Any, plane: int, threads: int) -> None:
        """Fill one plane of outputs."""
        status = np.zeros((self.problem.groups, self.problem.batch[0]), np.int64)
        buffer = self._workspace.borrow()
        context = np.array([
            address(image), address(kernel), address(places), address(self.rows[plane]),
            address(self.fills), buffer[0], address(status), *image.strides, *kernel.strides], np.int64)
        try:
            run_items(self._entry, address(context), self.frame.items, min(threads, self.participants))
        finally:
            self._workspace.give_back(buffer)
        if status.any():
            self._run_directly(status, image, kernel, places, self.part.marks[plane])

    # --- what is not finite

    @cached_property
    def _directly(self) -> Any:
        """The definition for one index of the batch, of one group."""
        return fallback.build(fallback.one_element(self.problem), self.frame.machine)

    def _run_directly(self, status: Any, image: Any, kernel: Any, places: Any, marks: list[int]) -> None:
        executable, p = self._directly, self.problem
        sums = np.empty((1, p.channels_out, *p.output), p.output_dtype)
        for group in np.flatnonzero(status.any(axis=1)):
            packed = executable.pack(kernel[group].reshape(1, *p.kernel_shape[1:]))
            for index in np.flatnonzero(status[group]):
                seen = self._planes(image[index, group], marks)
                executable.run(seen.reshape(1, p.channels_in, *p.image), packed, None, sums, 1)
                places[index, group] = sums[0]

    def _planes(self, image: Any, marks: list[int]) -> Any:
        """The planes that those of the kernel meet, constants among them."""
        seen = image[:, [max(mark, 0) for mark in marks]]
        for at, mark in enumerate(marks):
            if mark < 0:
                seen[:, at] = self.fills[BEFORE - mark, 0]
        return seen


class InsideOut:
    """The executable of one problem with many taps and few outputs."""

    def __init__(self, problem: Problem, output: View, machine: Machine, threads: int,
                 frames: tuple[InsideFrame, ...] = ()) -> None:
        self.problem, self.output, self.machine = problem, output, machine
        frames = frames or choose_all(problem, output.strides(), machine, threads)
        self.parts = [_Loaded(part, frame, threads)
                      for part, frame in zip(inside_parts(problem), frames, strict=True)]
        self.frame, self.recipe = frames[0], frames[0].recipe
        self.predicted_cycles = all_cycles(problem, output.strides(), machine, threads)

    @property
    def workspace_bytes(self) -> int:
        """Workspace of all parts, all threads together."""
        own = sum(part.workspace_bytes for part in self.parts) + fallback.sums_bytes(self.problem, len(self.parts))
        return own + max(fallback.workspace_bytes(fallback.one_element(part.problem), self.machine)
                         for part in self.parts)

    def pack(self, kernel: Any) -> Any:
        """The kernel itself, if its rows are lines of memory: it is read where it lies."""
        return _by_lines(kernel)

    def pack_bias(self, bias: Any) -> Any:
        """No problem of this kind has a bias."""
        return bias

    def run(self, image: Any, kernel: Any, bias: Any, out: Any, threads: int) -> bool:
        """Fill ``out``; nothing can overflow."""
        places, image, start = self.output(out), _by_lines(image), self.problem.start[-1]
        if self.problem.ndim == 1:
            places = places[..., None, :]
        if self.problem.ndim < 3:
            places = places[..., None, :, :]
        for plane in range(places.shape[3]):
            wanted = places[:, :, :, plane]
            for number, part in enumerate(self.parts):
                made = wanted if number == 0 else np.empty_like(places)[:, :, :, plane]
                part.run(part.part.see_image(image, start), part.part.see_kernel(kernel), made, plane, threads)
                if number:
                    wanted += made
        return False

    # --- what a plan tells

    def ir(self) -> str:
        """The LLVM IR of all programs."""
        return "\n".join(_emit(part.frame) for part in self.parts)

    def assembly(self) -> str:
        """Their machine code, as assembly."""
        return "\n".join(jit.assembly(_emit(part.frame), self.machine) for part in self.parts)


def _by_lines(array: Any) -> Any:
    """The array itself if the numbers of its rows lie side by side, or a copy in which they do."""
    return array if array.strides[-1] == array.itemsize else np.ascontiguousarray(array)
