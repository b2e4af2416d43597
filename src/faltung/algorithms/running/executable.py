"""The loaded machine code of a problem, and how it is called."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...compiler import jit
from ...compiler.calling import python_function
from ...compiler.memory import NO_BIAS, Workspace, address, aligned
from ...compiler.seen import Bare
from ...compiler.threads import team
from ...machine import Machine
from ...problem.layout import Strided
from ...problem.problem import Problem
from ..direct.borders import border_tables
from ..direct.stages import bare, side_by_side
from ..separable.executable import Packed
from ..separable.frame import Form
from ..separable.rounding import rounds_small
from .frame import RunningFrame, sums_dtype
from .schedule import cycles, recipe_of, stage_of
from .structure import constants


def _emit(frame: RunningFrame) -> str:
    """Write a frame's program; the generator is imported only where no object is found on the disk."""
    from .program import emit_program

    return emit_program(frame)


class Running:
    """The executable: one program for kernels of any one value.

    A problem that is a slab of a ``whole`` one computes as many of its rows as it has itself; which ones is told at
    each run.  One that ``adds`` adds to what the output, of the accumulator's dtype, holds before.
    """

    def __init__(self, problem: Problem, output: Strided, machine: Machine, threads: int,
                 whole: Problem | None = None, *, adds: bool = False) -> None:
        self.problem = problem
        stage = stage_of(problem, output)
        self.recipe, self.predicted_cycles = recipe_of(stage, machine, shared=adds), cycles(problem, machine)
        self.frame = frame = RunningFrame(stage, self.recipe, Form((("same", "same"),), sums_dtype(stage.problem)),
                                          machine, None if whole is None else stage_of(whole, output), adds=adds)
        self.participants = min(threads, frame.items)
        self.workspace = Workspace(frame.scratch_bytes * self.participants)
        self._entries: dict[bool, Any] = {}
        self.tables = np.array(border_tables(frame.widest), np.int64)  # type: ignore[arg-type]
        self.tables_address = address(self.tables)

    def _entry(self, *, small: bool) -> Any:
        """The program, for sums that are known to be small or for any."""
        found = self._entries.get(small)
        if found is None:
            frame = self._frame(small=small)
            key = f"running {frame.stage!r} {frame.recipe!r} {frame.form!r} {frame.whole!r} {frame.adds}"
            library = jit.load(key, frame.machine, ("entry",), lambda: _emit(frame))
            found = python_function(library, "entry", 4, 7)
            self._entries[small] = found
        return found

    def _frame(self, *, small: bool) -> RunningFrame:
        frame = self.frame
        return RunningFrame(frame.stage, frame.recipe, frame.form._replace(small=small), frame.machine, frame.whole,
                            adds=frame.adds)

    @property
    def workspace_bytes(self) -> int:
        """Peak workspace of one call."""
        return self.workspace.size_bytes

    def pack(self, kernel: Any) -> Packed | None:
        """The taps of every kernel, and sums of the constants beside the image; None if some taps differ."""
        values, frame = constants(self.problem, kernel), self.frame
        if values is None:
            return None
        taps, (sums, own) = frame.problem.kernel, (np.dtype(frame.form.compute), np.dtype(values.dtype))
        packed = aligned((len(values), frame.taps_bytes), np.uint8)
        if frame.scale != 1.0:
            values = values / own.type(frame.scale)
        for row, value in zip(packed, values[:, None], strict=True):
            row[taps[0] * sums.itemsize:][:own.itemsize] = value.view(np.uint8)
            row[sum(taps) * sums.itemsize:][:2 * sums.itemsize] = self._beside(sums).view(np.uint8)
        return Packed(frame.form._replace(small=rounds_small(self.problem, kernel)), packed)

    def _beside(self, dtype: Any) -> Any:
        """Sums of the constants before and behind the image."""
        made, frame = np.zeros(2, dtype), self.frame
        with np.errstate(all="ignore"):
            for at, side in enumerate(frame.problem.border[1]):
                one = dtype.type(0 if isinstance(side, str) else side.real) * dtype.type(frame.scale)
                for _ in range(frame.problem.kernel[0]):
                    made[at] += one
        return made

    def pack_bias(self, bias: Any) -> Any:
        """Bring a bias into the sums' dtype."""
        return np.ascontiguousarray(bias, self.problem.accumulator_dtype)

    def run(self, image: Any, kernel: Packed, bias: Any, out: Any, threads: int, shift: int = 0) -> bool:
        """Fill ``out``; whether an integer output overflowed.  ``shift`` is the address of a slab's shift."""
        return bool(self.flags(image, kernel, bias, out, threads, shift) & 1)

    def flags(self, image: Any, kernel: Packed, bias: Any, out: Any, threads: int, shift: int = 0) -> int:
        """As `run`: 1 if an integer output overflowed, and 2 if one that was added to is not finite."""
        image = side_by_side(self.frame.stage, image)
        entry, buffer = self._entry(small=kernel.form.small), self.workspace.borrow()
        try:
            return int(entry(image, out, kernel.taps, NO_BIAS if bias is None else bias, self.tables_address,
                             buffer[0], shift, *team(min(threads, self.participants)), -1))
        finally:
            self.workspace.give_back(buffer)

    def bare(self, image: Any, kernel: Packed, bias: Any) -> Bare | None:
        """What one call is on one thread, if it is no more than to enter the program."""
        return bare(self, self.frame.stage, image, self._entry(small=kernel.form.small), kernel.taps, bias,
                    lambda _: (0, 0, 0, 1, -1))

    def ir(self) -> str:
        """The LLVM IR of the program."""
        return _emit(self._frame(small=True in self._entries))

    def assembly(self) -> str:
        """The machine code of the program, as assembly."""
        return jit.assembly(self.ir(), self.frame.machine)
