"""The loaded program, and how it is called; rows of tiles that are not finite are summed directly."""

from __future__ import annotations

import ctypes
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from ...compiler import jit
from ...compiler.memory import Workspace
from ...compiler.threads import run_items
from ...compiler.transpose import transpose_blocks
from ...lazy import cached_property
from ...machine import Machine
from ...problem.border import map_index
from ...problem.layout import View
from ...problem.problem import Problem
from .. import direct
from .costs import cycles
from .frame import Frame
from .recipe import choose

NO_BIAS = np.zeros(1)


def _emit(frame: Frame) -> str:
    """Write the program; the generator is imported only where no object is found on the disk."""
    from .program import emit_program

    return emit_program(frame)


class Packed:
    """A transformed kernel in memory that goes back to its executable: the next one finds its pages warm."""

    def __init__(self, memory: Workspace, first: int) -> None:
        self._memory, self.buffer = memory, memory.borrow()
        self.address = self.buffer[0] + first
        self.taps: Any = None

    def __del__(self) -> None:
        self._memory.give_back(self.buffer)


class Winograd:
    """The executable of one problem."""

    def __init__(self, problem: Problem, output: View, machine: Machine, threads: int,
                 frame: Frame | None = None) -> None:
        self.problem, self.output, self.machine = problem, output, machine
        self.frame = fr = frame or choose(problem, output.strides(), machine, threads)
        self.recipe = fr.recipe
        library = jit.load(f"winograd {fr!r}", machine, ("entry", "taps"), lambda: _emit(fr))
        pointer, integer = ctypes.c_void_p, ctypes.c_int64
        self._entry = library.function("entry", None, *[pointer] * 3, integer, integer)
        self._taps = library.function("taps", None, pointer, pointer, integer)
        self.participants = min(threads, fr.items)
        self._workspace = Workspace(fr.places["end"] * self.participants)
        # held for as long as their addresses are
        self.rows, self.fills = np.array(fr.row_table, np.int64), self._fills()
        self.predicted_cycles = cycles(fr)
        self._kernels = Workspace((self._turned[0] + fr.kernel_elements) * fr.size)

    @cached_property
    def _turned(self) -> tuple[int, tuple[int, ...]]:
        """Elements (whole lines of the cache) and shape of a kernel whose channels out are the innermost axis."""
        p, width = self.problem, self.recipe.channels
        shape = (p.groups, self.frame.channel_blocks, p.channels_in, prod(p.kernel), width)
        return -(-prod(shape) // 16) * 16, shape

    def _fills(self) -> Any:
        """Rows of constants: before the image, behind it, and zeros."""
        values = [0.0 if isinstance(side, str) else float(side.real) for side in self.problem.border[0]]
        found = np.zeros((3, max(1, self.frame.columns[1])), self.problem.accumulator_dtype)
        found[:2] = np.array(values)[:, None]
        return found

    @property
    def workspace_bytes(self) -> int:
        """Peak workspace of one call, all threads together."""
        return self._workspace.size_bytes

    # --- kernels

    def pack(self, kernel: Any) -> Packed:
        """Transform a kernel; its taps themselves are kept for rows that are summed directly."""
        p, fr = self.problem, self.frame
        width, count = fr.recipe.channels, fr.channel_blocks
        flat = kernel.reshape(p.groups, p.channels_out, p.channels_in, prod(p.kernel))
        size, shape = self._turned
        packed = Packed(self._kernels, size * fr.size)
        taps = packed.buffer[1].view(p.accumulator_dtype)[:prod(shape)].reshape(shape)
        even = count * width == p.channels_out
        if not (even and transpose_blocks(taps, flat, [block * width for block in range(count)], self.machine)):
            target = np.moveaxis(taps, -1, 2)
            for block in range(count):
                part = flat[:, block * width:(block + 1) * width]
                target[:, block, :part.shape[1]] = part
                target[:, block, part.shape[1]:] = 0
        self._taps(packed.buffer[0], packed.address, p.groups * count)
        packed.taps = taps
        return packed

    def pack_bias(self, bias: Any) -> Any:
        """Bring a bias into the sums' dtype."""
        return np.array(bias, self.problem.accumulator_dtype).reshape(self.problem.groups, self.problem.channels_out)

    # --- runs

    def run(self, image: Any, kernel: Packed, bias: Any, out: Any, threads: int) -> bool:
        """Fill ``out``; nothing can overflow."""
        fr, places = self.frame, self.output(out)
        status = np.zeros((self.problem.groups, fr.all_rows), np.int64)
        participants = min(threads, self.participants)
        buffer = self._workspace.borrow()
        context = np.array([
            image.ctypes.data, places.ctypes.data, kernel.address,
            (NO_BIAS if bias is None else bias).ctypes.data, self.rows.ctypes.data, self.fills.ctypes.data,
            buffer[0], status.ctypes.data, *image.strides], np.int64)
        try:
            run_items(self._entry, context.ctypes.data, fr.items, participants)
        finally:
            self._workspace.give_back(buffer)
        if status.any():
            self._run_directly(status, image, kernel.taps, bias, places)
        return False

    # --- what is not finite

    @cached_property
    def _directly(self) -> Any:
        """The definition for one row of tiles of one group, its border made already."""
        p, fr = self.problem, self.frame
        height, taps = min(fr.recipe.tile[0], p.output[0]), p.kernel
        extents = (height + taps[0] - 1, p.output[1] + taps[1] - 1)
        row = replace(p, batch=(), groups=1, image=extents, output=(height, p.output[1]), start=(0, 0),
                      border=((0, 0), (0, 0)))
        shape = row.output_shape
        return direct.build(row, View(shape, shape, tuple(range(len(shape)))), self.machine, 1)

    def _run_directly(self, status: Any, image: Any, taps: Any, bias: Any, places: Any) -> None:
        p, executable = self.problem, self._directly
        m, height = self.frame.recipe.tile[0], min(self.frame.recipe.tile[0], p.output[0])
        sums = np.empty((1, p.channels_out, height, p.output[1]), p.output_dtype)
        for group in np.flatnonzero(status.any(axis=1)):
            kernel = np.moveaxis(taps[group], -1, 1).reshape(-1, p.channels_in, *p.kernel)[:p.channels_out]
            packed = executable.pack(kernel[None])
            added = None if bias is None else executable.pack_bias(bias[group])
            for row in np.flatnonzero(status[group]):
                number, strip = divmod(int(row), self.frame.tiles[0])
                lead = (*np.unravel_index(number, p.batch), group) if p.batch else (group,)
                # the last row is moved back: what it writes beyond its own is a direct sum as well
                top = strip * m
                first = min(top, p.output[0] - height)
                executable.run(self._gathered(image[lead], first, height)[None], packed, added, sums, 1)
                places[(*lead, slice(None), slice(top, first + height))] = sums[0, :, top - first:]

    def _gathered(self, image: Any, first: int, height: int) -> Any:
        """What some rows of outputs look at, border included."""
        p = self.problem
        rows, columns = (np.array([_or_side(map_index(x, n, *sides), x) for x in range(at, at + count)])
                         for n, sides, at, count in (
                             (p.image[0], p.border[0], p.start[0] + first, height + p.kernel[0] - 1),
                             (p.image[1], p.border[1], p.start[1], p.output[1] + p.kernel[1] - 1)))
        found = np.zeros((p.channels_in, len(rows), len(columns)), p.accumulator_dtype)
        inside = np.flatnonzero(rows >= 0)[:, None], np.flatnonzero(columns >= 0)
        found[(slice(None), *inside)] = image[(slice(None), rows[inside[0]], columns[inside[1]])]
        # later axes win, as in `numpy.pad`
        for axis, index in enumerate((rows, columns)):
            for side, value in enumerate(p.border[axis]):
                if not isinstance(value, str):
                    found[(slice(None),) * (axis + 1) + (index == -1 - side,)] = value
        return found

    # --- what a plan tells

    def ir(self) -> str:
        """The LLVM IR of the program."""
        return _emit(self.frame)

    def assembly(self) -> str:
        """Its machine code, as assembly."""
        return jit.assembly(_emit(self.frame), self.machine)


def _or_side(mapped: int | None, position: int) -> int:
    """The index that stands at a position; -1 and -2 are constants before and behind."""
    return mapped if mapped is not None else -1 if position < 0 else -2
