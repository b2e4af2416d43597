"""The loaded machine code of a problem, and how it is called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...compiler import jit
from ...compiler.calling import python_function
from ...compiler.memory import NO_BIAS, Workspace, address
from ...compiler.seen import Bare
from ...compiler.threads import team
from ...lazy import cached_property
from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from .borders import border_tables
from .costs import cycles
from .frame import Frame
from .packing import kernel_packer, pack_bias
from .stages import Part, bare, parts, side_by_side
from .woven import WovenFrame


def emitted(frame: Frame) -> str:
    """Write a frame's program; the generator is imported only where no object is found on the disk."""
    if isinstance(frame, WovenFrame):
        from .weaving import emit_woven

        return emit_woven(frame)
    from .program import emit_program

    return emit_program(frame)


class Program:
    """The loaded machine code of one frame, its border tables and its workspace."""

    def __init__(self, frame: Frame, threads: int, emit: Callable[[Any], str] = emitted) -> None:
        self.frame, self.threads = frame, threads
        library = jit.load(frame.key, frame.machine, ("entry",), lambda: emit(frame))
        self.entry = python_function(library, "entry", 4, 5)
        self.tables = np.array(border_tables(frame), np.int64)
        self.tables_address = address(self.tables)
        self.workspace = Workspace(frame.scratch_bytes * threads)
        self.participants, self.interleaved = min(threads, frame.items), frame.stage.interleaved > 1

    def run(self, image: Any, kernel: Any, bias: Any, out: Any, threads: int) -> int:
        """Run every work item; whether an integer output overflowed."""
        if self.interleaved:
            image = side_by_side(self.frame.stage, image)
        buffer = self.workspace.borrow()
        try:
            return self.entry(image, out, kernel, NO_BIAS if bias is None else bias, self.tables_address, buffer[0],
                              *team(min(threads, self.participants)))
        finally:
            self.workspace.give_back(buffer)

    def reads(self, image: Any) -> bool:
        """Whether it reads such an image: where it lies, rows have to be lines of memory."""
        return self.frame.recipe.packed or self.interleaved or image.strides[-1] == image.itemsize

    def bare(self, image: Any, kernel: Any, bias: Any) -> Bare | None:
        """What `run` does for such an image on one thread; None if that is more than to enter the program."""
        return bare(self, self.frame.stage, image, self.entry, kernel, bias, lambda _: (0, 0, 1))


class PartProgram(Program):
    """The program of one part, which packs its kernels."""

    def __init__(self, part: Part, threads: int) -> None:
        super().__init__(part.frame, threads)
        self.part, self.pack = part, kernel_packer(part)
        self.is_plain = part.frame.recipe.packed and not part.phase.is_empty

    def run(self, image: Any, kernel: Any, bias: Any, out: Any, threads: int) -> int:
        """Run every work item; whether an integer output overflowed."""
        if self.is_plain:
            return Program.run(self, image, kernel, bias, out, threads)
        if not self.reads(image):
            return self._packed.run(image, kernel, bias, out, threads)
        if self.part.phase.is_empty:  # outputs that no tap reaches see one zero
            image = np.broadcast_to(np.zeros((), self.frame.problem.accumulator_dtype), (1,) * image.ndim)
        return Program.run(self, image, kernel, bias, out, threads)

    def bare(self, image: Any, kernel: Any, bias: Any) -> Bare | None:
        """What `run` does for such an image on one thread; None if that is more than to enter the program."""
        return super().bare(image, kernel, bias) if self.reads(image) and not self.part.phase.is_empty else None

    @property
    def workspace_bytes(self) -> int:
        """Peak workspace of one call, even if the image must be packed after all."""
        return self.frame.most_bytes * self.threads

    @cached_property
    def _packed(self) -> PartProgram:
        """The same sums in the same order, for images whose rows are no lines of memory."""
        packed = Frame(self.frame.stage, self.frame.recipe._replace(packed=True), self.frame.machine)
        return PartProgram(self.part._replace(frame=packed), self.threads)


class Direct:
    """The executable: one program for each phase of the problem."""

    def __init__(self, problem: Problem, output: View, machine: Machine, threads: int, recipe: str = "") -> None:
        self.parts = parts(problem, output, machine, threads, recipe)
        self.programs = [PartProgram(part, threads) for part in self.parts]
        self.recipe = self.parts[0].frame.recipe
        self.alone = self.programs[0] if len(self.programs) == 1 and self.programs[0].is_plain else None

    def pack(self, kernel: Any) -> list[Any]:
        """Bring a kernel of the problem's shape into the order in which each program reads it."""
        return [program.pack(kernel) for program in self.programs]

    def pack_bias(self, bias: Any) -> list[Any]:
        """Bring a bias of shape (groups * channels_out,) into blocks of output channels."""
        return [pack_bias(part.frame, bias) for part in self.parts]

    def run(self, image: Any, kernel: list[Any], bias: list[Any] | None, out: Any, threads: int) -> bool:
        """Fill ``out``; whether an integer output overflowed."""
        if self.alone is not None:
            return Program.run(self.alone, image, kernel[0], None if bias is None else bias[0], out, threads) != 0
        overflowed = 0
        for number, program in enumerate(self.programs):
            overflowed |= program.run(image, kernel[number], None if bias is None else bias[number], out, threads)
        return bool(overflowed)

    def bare(self, image: Any, kernel: list[Any], bias: list[Any] | None) -> Bare | None:
        """What one call is on one thread, if it is no more than to enter a program."""
        one = len(self.programs) == 1
        return self.programs[0].bare(image, kernel[0], None if bias is None else bias[0]) if one else None

    def ir(self) -> str:
        """The LLVM IR of every program."""
        return "\n".join(emitted(part.frame) for part in self.parts)

    def assembly(self) -> str:
        """The machine code of every program, as assembly."""
        return "\n".join(jit.assembly(emitted(part.frame), part.frame.machine) for part in self.parts)

    @property
    def workspace_bytes(self) -> int:
        """Peak workspace of one call."""
        return max(program.workspace_bytes for program in self.programs)

    @property
    def predicted_cycles(self) -> float:
        """Predicted cycles of one thread."""
        return sum(cycles(part.frame) for part in self.parts)
