"""The loaded program of a problem turned inside out, and how it is called."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from ...compiler import jit
from ...compiler.memory import Workspace
from ...compiler.threads import run_items
from ...lazy import cached_property
from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from . import fallback
from .inside_frame import InsideFrame
from .inside_recipe import choose, cycles


def _emit(frame: InsideFrame) -> str:
    """Write the program; the generator is imported only where no object is found on the disk."""
    from .inside_program import emit_program

    return emit_program(frame)


class InsideOut:
    """The executable of one problem with many taps and few outputs."""

    def __init__(self, problem: Problem, output: View, machine: Machine, threads: int,
                 frame: InsideFrame | None = None) -> None:
        self.problem, self.output, self.machine = problem, output, machine
        self.frame = fr = frame or choose(problem, output.strides(), machine, threads)
        self.recipe = fr.recipe
        library = jit.load(f"winograd {fr!r}", machine, ("entry",), lambda: _emit(fr))
        pointer, integer = ctypes.c_void_p, ctypes.c_int64
        self._entry = library.function("entry", None, *[pointer] * 3, integer, integer)
        self.participants = min(threads, fr.items)
        self._workspace = Workspace(fr.places["end"] * self.participants)
        self.rows = np.array([mark for side in fr.operands for mark in side.rows.marks], np.int64)
        self.fills = self._fills()
        self.predicted_cycles = cycles(fr)

    def _fills(self) -> Any:
        """Lines of constants: before the image, behind it, and zeros."""
        values = [0.0 if isinstance(side, str) else float(side.real) for side in self.problem.border[0]]
        longest = max(side.columns.inside[2] for side in self.frame.operands)
        found = np.zeros((3, longest), self.problem.accumulator_dtype)
        found[:2] = np.array(values)[:, None]
        return found

    @property
    def workspace_bytes(self) -> int:
        """Peak workspace of one call, all threads together."""
        return self._workspace.size_bytes + fallback.workspace_bytes(
            fallback.one_element(self.problem), self.machine)

    def pack(self, kernel: Any) -> Any:
        """The kernel itself, if its rows are lines of memory: it is read where it lies."""
        return _by_lines(kernel)

    def pack_bias(self, bias: Any) -> Any:
        """No problem of this kind has a bias."""
        return bias

    def run(self, image: Any, kernel: Any, bias: Any, out: Any, threads: int) -> bool:
        """Fill ``out``; nothing can overflow."""
        fr, places, image = self.frame, self.output(out), _by_lines(image)
        status = np.zeros((self.problem.groups, self.problem.batch[0]), np.int64)
        buffer = self._workspace.borrow()
        context = np.array([
            image.ctypes.data, kernel.ctypes.data, places.ctypes.data, self.rows.ctypes.data, self.fills.ctypes.data,
            buffer[0], status.ctypes.data, *image.strides, *kernel.strides], np.int64)
        try:
            run_items(self._entry, context.ctypes.data, fr.items, min(threads, self.participants))
        finally:
            self._workspace.give_back(buffer)
        if status.any():
            self._run_directly(status, image, kernel, places)
        return False

    # --- what is not finite

    @cached_property
    def _directly(self) -> Any:
        """The definition for one index of the batch, of one group."""
        return fallback.build(fallback.one_element(self.problem), self.machine)

    def _run_directly(self, status: Any, image: Any, kernel: Any, places: Any) -> None:
        executable = self._directly
        sums = np.empty((1, self.problem.channels_out, *self.problem.output), self.problem.output_dtype)
        for group in np.flatnonzero(status.any(axis=1)):
            packed = executable.pack(kernel[group:group + 1])
            for index in np.flatnonzero(status[group]):
                executable.run(image[index, group:group + 1], packed, None, sums, 1)
                places[index, group] = sums[0]

    # --- what a plan tells

    def ir(self) -> str:
        """The LLVM IR of the program."""
        return _emit(self.frame)

    def assembly(self) -> str:
        """Its machine code, as assembly."""
        return jit.assembly(_emit(self.frame), self.machine)


def _by_lines(array: Any) -> Any:
    """The array itself if the numbers of its rows lie side by side, or a copy in which they do."""
    return array if array.strides[-1] == array.itemsize else np.ascontiguousarray(array)
