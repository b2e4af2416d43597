"""The loaded machine code of a problem, and how it is called."""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple

import numpy as np

from ...compiler import jit
from ...compiler.memory import Workspace, aligned
from ...compiler.threads import pool
from ...lazy import cached_property
from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from ..direct.borders import border_tables
from ..direct.stages import side_by_side
from .frame import Form, Frame
from .rounding import rounds_small
from .schedule import Schedule, schedule
from .structure import Lines, all_lines, form_of

KNOWN = 4
"""Kernels whose lines are remembered: the same one is often passed again."""

NO_BIAS = np.zeros(1)


def _emit(frame: Frame) -> str:
    """Write a frame's program; the generator is imported only where no object is found on the disk."""
    from .program import emit_program

    return emit_program(frame)


class Packed(NamedTuple):
    """The taps of every kernel as the programs read them, and the form that all have."""

    form: Form
    taps: np.ndarray


class _Program:
    """The machine code for one form of the taps."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        library = jit.load(f"separable {frame.stage!r} {frame.recipe!r} {frame.form!r}", frame.machine, ("entry",),
                           lambda: _emit(frame))
        pointer, array, integer = ctypes.c_void_p, ctypes.py_object, ctypes.c_int64
        self.entry = library.function("entry", integer, *[array] * 4, *[pointer] * 5, integer, integer)


class Separable:
    """The executable: one program for each form that kernels turn out to have."""

    def __init__(self, problem: Problem, output: View, machine: Machine, threads: int) -> None:
        self.problem, self.machine = problem, machine
        self.schedule: Schedule = schedule(problem, output, machine)
        self.recipe, self.predicted_cycles = self.schedule.recipe, self.schedule.cycles
        frame = self._frame(self._plain)
        self.items, self.taps_bytes = frame.items, frame.taps_bytes
        self.participants = min(threads, self.items)
        self.status_place = frame.scratch_bytes * self.participants
        self.workspace = Workspace(self.status_place + frame.status_bytes)
        self.tables = np.array(border_tables(frame), np.int64)  # type: ignore[arg-type]
        self._known: dict[bytes, Packed] = {}
        self._programs: dict[Form, _Program] = {}

    @property
    def workspace_bytes(self) -> int:
        """Peak workspace of one call."""
        return self.workspace.size_bytes

    @cached_property
    def _plain(self) -> Form:
        """What is known of any lines."""
        p = self.schedule.stage.problem
        return Form(("plain",) * p.ndim, p.accumulator_dtype)

    def _frame(self, form: Form) -> Frame:
        return Frame(self.schedule.stage, self.recipe, form, self.machine)

    def _program(self, form: Form) -> _Program:
        found = self._programs.get(form)
        if found is None:
            found = self._programs[form] = _Program(self._frame(form))
        return found

    # --- operands

    def pack(self, kernel: Any) -> Packed | None:
        """Find the lines of every kernel; None if one is no product."""
        p, dtype = self.schedule.stage.problem, self.problem.accumulator_dtype
        key = kernel.tobytes()
        known = self._known.get(key)
        if known is not None:
            return known
        found = all_lines(self.schedule.stage.problem, kernel)
        if found is None:
            return None
        forms = {form_of(lines, dtype) for lines in found}
        form = forms.pop() if len(forms) == 1 else self._plain
        form = form._replace(small=rounds_small(self.problem, kernel))
        packed = aligned((len(found), self.taps_bytes // np.dtype(dtype).itemsize), dtype)
        for row, lines in zip(packed, found, strict=True):
            row[:sum(p.kernel) + 2] = np.concatenate([*lines, self._beside(lines, dtype)])
        if len(self._known) >= KNOWN:
            self._known = {}  # in one step: other threads may be looking
        made = self._known[key] = Packed(form, packed)
        return made

    def _beside(self, lines: Lines, dtype: str) -> list[Any]:
        """What a line of sums holds before and behind the image, where the border is a constant."""
        made = []
        for side in self.schedule.stage.problem.border[-1]:
            total = np.dtype(dtype).type(0)
            if not isinstance(side, str):
                with np.errstate(all="ignore"):
                    for tap in lines[0].astype(dtype):
                        total += tap * np.dtype(dtype).type(side.real)
            made.append(total)
        return made

    def pack_bias(self, bias: Any) -> Any:
        """Bring a bias into the sums' dtype."""
        return np.ascontiguousarray(bias, self.problem.accumulator_dtype)

    # --- runs

    def run(self, image: Any, kernel: Packed, bias: Any, out: Any, threads: int) -> bool:
        """Fill ``out``; whether an integer output overflowed."""
        image = side_by_side(self.schedule.stage, image)
        program = self._program(kernel.form)
        participants = min(threads, self.participants)
        workers = pool(participants) if participants > 1 else None
        buffer = self.workspace.borrow()
        arrays = (image, out, kernel.taps, NO_BIAS if bias is None else bias)
        places = (self._tables_address, buffer[0], buffer[0] + self.status_place)
        try:
            if workers is None:
                flags = program.entry(*arrays, *places, None, None, 1, -1)
            else:
                workers.wake(participants - 1)
                flags = program.entry(*arrays, *places, workers.address, workers.run_address, participants, -1)
            if flags & 2:
                status = buffer[1][self.status_place:self.status_place + self.items]
                plain = self._program(kernel.form._replace(kinds=self._plain.kinds))
                for item in np.flatnonzero(status).tolist():
                    flags |= plain.entry(*arrays, *places, None, None, 1, item)
        finally:
            self.workspace.give_back(buffer)
        return bool(flags & 1)

    @cached_property
    def _tables_address(self) -> int:
        return int(self.tables.ctypes.data)

    # --- what it tells

    def _shown(self) -> list[Frame]:
        forms = list(self._programs) or [self._plain]
        return [self._frame(form) for form in forms]

    def ir(self) -> str:
        """The LLVM IR of every program."""
        return "\n".join(_emit(frame) for frame in self._shown())

    def assembly(self) -> str:
        """The machine code of every program, as assembly."""
        return "\n".join(jit.assembly(_emit(frame), frame.machine) for frame in self._shown())
