"""`direct`: the definition itself, in register tiles; complete in every parameter."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...compiler import jit
from ...compiler.dtypes import ELEMENTS
from ...compiler.memory import Workspace, aligned
from ...compiler.threads import pool
from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from ..phases import Phase, phases
from .frame import DirectRecipe, Frame, Stage
from .pack import border_tables
from .program import emit_program
from .schedule import choose, cycles

NAME = "direct"


def applies(problem: Problem) -> str | None:
    """None: `direct` computes every problem."""
    return None


def error_bound(problem: Problem) -> float:
    """The published ``c``: |error| <= c * u * max|x| * sum|k|, one rounding for each term and two more."""
    planes = ELEMENTS[problem.accumulator_dtype].planes
    return float(problem.terms * planes + 2)


@dataclass(frozen=True)
class Part:
    """One phase of the problem: its stage and recipe, the kernel's taps it uses."""

    phase: Phase
    frame: Frame


def parts(problem: Problem, output: View, machine: Machine, threads: int) -> list[Part]:
    """Part the problem into stages and choose a recipe for each."""
    strides = output.strides()
    leading = len(problem.batch) + 2
    found = []
    for phase in phases(problem):
        offset, steps = 0, list(strides)
        for axis, taken in enumerate(phase.outputs):
            offset += taken.start * strides[leading + axis]
            steps[leading + axis] *= taken.step
        stage = _stage(_without_taps(phase.problem) if phase.is_empty else phase.problem, tuple(steps), offset)
        found.append(Part(phase, choose(stage, machine, threads)))
    return found


def _without_taps(problem: Problem) -> Problem:
    """Sums of nothing, as the image of one zero, repeated, under one tap: the epilogue still applies."""
    ones = (1,) * problem.ndim
    return replace(problem, channels_in=1, image=ones, kernel=ones, start=(0,) * problem.ndim,
                   border=(("edge", "edge"),) * problem.ndim, image_dtype=problem.accumulator_dtype)


def _stage(problem: Problem, strides: tuple[int, ...], offset: int) -> Stage:
    leading = len(problem.batch) + 2
    axes: tuple[int | None, ...] = tuple(range(leading, leading + problem.ndim))
    missing = 2 - problem.ndim
    if missing > 0:
        one, zero = (1,) * missing, (0,) * missing
        problem = replace(
            problem, image=one + problem.image, kernel=one + problem.kernel, output=one + problem.output,
            start=zero + problem.start, stride=one + problem.stride,
            kernel_dilation=one + problem.kernel_dilation, image_dilation=one + problem.image_dilation,
            border=((0, 0),) * missing + problem.border)
        axes = (None,) * missing + axes
        strides = strides[:leading] + zero + strides[leading:]
    return Stage(problem, axes, strides, offset)


class _Program:
    """The loaded machine code of one part, its border tables and its workspace."""

    def __init__(self, part: Part, threads: int) -> None:
        self.part, frame = part, part.frame
        self.what = f"direct {frame.stage!r} {frame.recipe!r}"
        library = jit.load(self.what, frame.machine, ("entry",), lambda: emit_program(frame))
        pointer, array = ctypes.c_void_p, ctypes.py_object
        self.entry = library.function("entry", ctypes.c_int64, array, array, *[pointer] * 6, ctypes.c_int64)
        self.tables = np.array(border_tables(frame), np.int64)
        self.tables_address = self.tables.ctypes.data
        self.workspace = Workspace(frame.scratch_bytes * threads)
        self.participants = min(threads, frame.items)
        self.zero = np.zeros((1,) * (len(frame.problem.batch) + 2 + len(part.phase.taps)),
                             frame.problem.accumulator_dtype) if part.phase.is_empty else None

    def run(self, image: Any, kernel: int, bias: int, out: Any, threads: int) -> int:
        if self.zero is not None:
            image = np.broadcast_to(self.zero, (*image.shape[:len(self.part.frame.problem.batch) + 1],
                                                *self.zero.shape[len(self.part.frame.problem.batch) + 1:]))
        participants = min(threads, self.participants)
        workers = pool(participants) if participants > 1 else None
        buffer = self.workspace.borrow()
        try:
            if workers is None:
                return int(self.entry(image, out, kernel, bias, self.tables_address, buffer[0], None, None, 1))
            workers.wake(participants - 1)
            return int(self.entry(image, out, kernel, bias, self.tables_address, buffer[0],
                                  workers.address, workers.run_address, participants))
        finally:
            self.workspace.give_back(buffer)


@dataclass(frozen=True)
class Packed:
    """A kernel (or a bias) in the order in which each program reads it."""

    arrays: tuple[Any, ...]
    addresses: tuple[int, ...]


class Direct:
    """The executable: one program for each phase of the problem."""

    def __init__(self, problem: Problem, output: View, machine: Machine, threads: int) -> None:
        self.parts = parts(problem, output, machine, threads)
        self.programs = [_Program(part, threads) for part in self.parts]
        self.recipe = self.parts[0].frame.recipe

    def pack(self, kernel: Any) -> Packed:
        """Bring a kernel of the problem's shape into the order in which each program reads it."""
        arrays = tuple(_pack_kernel(part, kernel) for part in self.parts)
        return Packed(arrays, tuple(array.ctypes.data for array in arrays))

    def pack_bias(self, bias: Any) -> Packed:
        """Bring a bias of shape (groups * channels_out,) into blocks of output channels."""
        arrays = tuple(_pack_bias(part.frame, bias) for part in self.parts)
        return Packed(arrays, tuple(array.ctypes.data for array in arrays))

    def run(self, image: Any, kernel: Packed, bias: Packed | None, out: Any, threads: int) -> bool:
        """Fill ``out``; whether an integer output overflowed."""
        if len(self.programs) == 1:
            return bool(self.programs[0].run(image, kernel.addresses[0], bias.addresses[0] if bias else 0, out, threads))
        flags = [program.run(image, kernel.addresses[i], bias.addresses[i] if bias else 0, out, threads)
                 for i, program in enumerate(self.programs)]
        return any(flags)

    def ir(self) -> str:
        """The LLVM IR of every program."""
        return "\n".join(emit_program(part.frame) for part in self.parts)

    def assembly(self) -> str:
        """The machine code of every program, as assembly."""
        return "\n".join(jit.assembly(emit_program(part.frame), part.frame.machine) for part in self.parts)

    @property
    def workspace_bytes(self) -> int:
        """Peak workspace of one call."""
        return max(program.workspace.size_bytes for program in self.programs)

    @property
    def predicted_cycles(self) -> float:
        """Predicted cycles of one thread."""
        return sum(cycles(part.frame) for part in self.parts)


def _pack_kernel(part: Part, kernel: Any) -> Any:
    frame, p = part.frame, part.frame.problem
    leading = (slice(None),) * 3
    if part.phase.is_empty:
        kernel = np.zeros((p.groups, p.channels_out, 1, 1), p.accumulator_dtype)
    elif part.phase.taps and any(taps.start or taps.step != 1 for taps in part.phase.taps):
        kernel = kernel[(*leading, *part.phase.taps)]
    if frame.recipe.dot > 1:
        kernel = _in_fours(kernel)
    flat = kernel.reshape(p.groups, p.channels_out, p.channels_in, -1)
    order = frame.tap_order()
    if order != sorted(order):
        flat = flat[..., order]
    return _by_blocks(frame, flat, (p.channels_in, flat.shape[-1]))


def _in_fours(kernel: Any) -> Any:
    """Four 8-bit taps of a row as one 32-bit number, the row padded with zeros."""
    taps = kernel.shape[-1]
    padded = np.zeros((*kernel.shape[:-1], -(-taps // 4) * 4), np.int8)
    padded[..., :taps] = kernel
    return padded.view(np.int32)


def _pack_bias(frame: Frame, bias: Any) -> Any:
    p = frame.problem
    return _by_blocks(frame, np.asarray(bias).reshape(p.groups, p.channels_out), ())


def _by_blocks(frame: Frame, values: Any, inner: tuple[int, ...]) -> Any:
    """Order (groups, channels_out, *inner) as [group][block][*inner][channel of the block]."""
    width, count = frame.tile_channels, frame.channel_blocks
    packed = aligned((values.shape[0], count, *inner, width), frame.problem.accumulator_dtype)
    target = np.moveaxis(packed, -1, 2)
    if width * count == values.shape[1]:
        target[...] = values.reshape(values.shape[0], count, width, *inner)
    elif count == 1:
        packed[...] = 0
        target[:, 0, :values.shape[1]] = values
    else:
        for block, start in enumerate(frame.channel_starts):
            target[:, block] = values[:, start:start + width]
    return _planar(packed) if frame.accumulator.planes == 2 and frame.recipe.lanes == "channels" else packed


def _planar(packed: Any) -> Any:
    """All real parts of a block's channels, then all imaginary ones."""
    planes = aligned((*packed.shape[:-1], 2, packed.shape[-1]), packed.real.dtype)
    planes[..., 0, :], planes[..., 1, :] = packed.real, packed.imag
    return planes


def build(problem: Problem, output: View, machine: Machine, threads: int) -> Direct:
    """Compile (or load from the disk's cache) all that the problem needs."""
    return Direct(problem, output, machine, threads)


__all__ = ["NAME", "Direct", "DirectRecipe", "applies", "build", "error_bound"]
