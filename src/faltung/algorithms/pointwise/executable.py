"""The loaded program of a problem, and how it is called."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from ...compiler import jit
from ...compiler.calling import python_function
from ...compiler.memory import NO_BIAS, Workspace, address, aligned
from ...compiler.threads import team
from ...compiler.turned import transpose_blocks
from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from .frame import Frame
from .operands import Operands
from .recipe import choose, predicted_cycles


def _emit(frame: Frame) -> str:
    """Write the program; the generator is imported only where no object is found on the disk."""
    from .program import emit_program

    return emit_program(frame)


class Pointwise:
    """The executable of one problem."""

    def __init__(self, problem: Problem, output: View, machine: Machine, threads: int,
                 frame: Frame | None = None) -> None:
        self.problem, self.output = problem, output
        self.frame = fr = frame or choose(problem, output.strides(), machine, threads)
        self.recipe, self.predicted_cycles = fr.recipe, predicted_cycles(fr)
        self.operands = Operands(fr)
        symbols = ("entry", "order") if self.operands.orders_kernel else ("entry",)
        library = jit.load(fr.key, machine, symbols, lambda: _emit(fr))
        self._entry = python_function(library, "entry", 4, 5)
        if self.operands.orders_kernel:
            self._order = library.function("order", None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
        self._participants = min(threads, fr.items)
        self._workspace = Workspace(fr.scratch_bytes * self._participants)

    @property
    def workspace_bytes(self) -> int:
        """Workspace of one call, all threads together, even if an operand must be copied first."""
        return workspace_bytes(self.frame, self._participants)

    # --- operands

    def pack(self, kernel: Any) -> Any:
        """Bring a kernel into order: blocks of rows, or panels of columns; or leave it where it lies."""
        fr, p = self.frame, self.problem
        if not self.operands.orders_kernel:
            return self.operands.in_line(kernel.reshape(*kernel.shape[:2], p.channels_in, -1))
        width, starts = fr.kernel_blocks
        flat = self._in_phases(kernel).reshape(-1, fr.kernel_made, 1, fr.matrices.terms)
        packed = aligned((len(flat), len(starts), 1, fr.matrices.terms, width), p.accumulator_dtype)
        if fr.kernel_made < width:
            packed[:, 0, 0, :, :fr.kernel_made] = np.moveaxis(flat[:, :, 0], 1, -1)
            packed[..., fr.kernel_made:] = 0
        elif not transpose_blocks(packed, flat, starts, fr.machine):
            if flat.strides[1] != flat.itemsize:
                flat = np.moveaxis(np.ascontiguousarray(np.moveaxis(flat, 1, -1)), -1, 1)
            for group in range(len(flat)):
                self._order(address(flat[group]), address(packed[group]), flat.strides[3])
        return packed

    def _in_phases(self, kernel: Any) -> Any:
        """The taps of each phase, as kernels or as output channels of their own."""
        fr = self.frame
        if len(fr.parts) == 1:
            return kernel
        return np.stack([kernel[(..., *part.taps)] for part in fr.parts], 2 if fr.woven else 1)

    def pack_bias(self, bias: Any) -> Any:
        """A copy, for each row or column, with room for a last vector that reads too far."""
        made = np.asarray(bias, self.problem.accumulator_dtype).reshape(-1)
        if self.frame.woven:
            made = np.repeat(made, len(self.frame.parts))
        found = np.zeros(len(made) + self.frame.pitch, made.dtype)
        found[:len(made)] = made
        return found

    # --- runs

    def run(self, image: Any, kernel: Any, bias: Any, out: Any, threads: int) -> bool:
        """Fill ``out``; nothing can overflow."""
        tables = self.operands.tables(image, kernel, out, self.output)
        if tables.copies:
            image = self.operands.see(image)
        buffer = self._workspace.borrow()
        try:
            self._entry(image, kernel, out, NO_BIAS if bias is None else bias, tables.address, buffer[0],
                        *team(min(threads, self._participants)))
        finally:
            self._workspace.give_back(buffer)
        return False

    # --- what a plan tells

    def ir(self) -> str:
        """The LLVM IR."""
        return _emit(self.frame)

    def assembly(self) -> str:
        """The machine code, as assembly."""
        return jit.assembly(_emit(self.frame), self.frame.machine)


def workspace_bytes(frame: Frame, threads: int) -> int:
    """Peak workspace of one call: what the threads pack, and a copy of an image that cannot be read where it lies."""
    return frame.scratch_bytes * threads + Operands(frame).copy_bytes
