"""The loaded machine code of a problem, and how it is called."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...compiler import jit
from ...compiler.calling import python_function
from ...compiler.memory import NO_BIAS, Workspace, address, aligned
from ...compiler.seen import Bare
from ...compiler.threads import team
from ...lazy import cached_property
from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from ..direct.borders import border_tables
from ..direct.stages import bare, side_by_side
from .frame import Form, Frame
from .ranks import Terms, terms_of
from .rounding import rounds_small
from .schedule import Schedule, schedule
from .structure import form_of

KNOWN = 4
"""Kernels whose lines are remembered: the same one is often passed again."""


def _emit(frame: Frame) -> str:
    """Write a frame's program; the generator is imported only where no object is found on the disk."""
    from .program import emit_program

    return emit_program(frame)


class Packed(NamedTuple):
    """The taps of every kernel as the programs read them, and the form that all have."""

    form: Form
    taps: np.ndarray
    again: Form | None = None
    """The form in which blocks are summed anew whose outputs are not finite; None if none ever are."""
    again_taps: Any = None


class _Program:
    """The machine code for one form of the taps."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        library = jit.load(f"separable {frame.stage!r} {frame.recipe!r} {frame.form!r}", frame.machine, ("entry",),
                           lambda: _emit(frame))
        self.entry = python_function(library, "entry", 4, 7)


class Separable:
    """The executable: one program for each form that kernels turn out to have."""

    def __init__(self, problem: Problem, output: View, machine: Machine, threads: int, rank: int = 1) -> None:
        self.problem, self.machine, self.rank = problem, machine, rank
        self.schedule: Schedule = schedule(problem, output, machine, rank)
        self.recipe, self.predicted_cycles = self.schedule.recipe, self.schedule.cycles
        frames = [self._frame(form) for form in self._forms]
        self.items = frames[0].items
        self.participants = min(threads, self.items)
        self.status_place = max(frame.scratch_bytes for frame in frames) * self.participants
        self.workspace = Workspace(self.status_place + frames[0].status_bytes)
        self.tables = np.array(border_tables(frames[0]), np.int64)  # type: ignore[arg-type]
        self.tables_address = address(self.tables)
        self._known: dict[bytes, Packed] = {}
        self._programs: dict[Form, _Program] = {}

    @property
    def workspace_bytes(self) -> int:
        """Peak workspace of one call."""
        return self.workspace.size_bytes

    @cached_property
    def _forms(self) -> tuple[Form, ...]:
        """For any lines; of a sum of products, for any kernel too."""
        p, rank = self.schedule.stage.problem, self.rank
        plain = Form((("plain",) * p.ndim,) * rank, p.accumulator_dtype)
        return (plain,) if rank == 1 else (plain, plain._replace(terms=plain.terms[:1], whole=True))

    def _frame(self, form: Form) -> Frame:
        recipe = self.recipe._replace(rows=1) if form.whole else self.recipe
        return Frame(self.schedule.stage, recipe, form, self.machine)

    def _program(self, form: Form) -> _Program:
        found = self._programs.get(form)
        if found is None:
            found = self._programs[form] = _Program(self._frame(form))
        return found

    # --- operands

    def pack(self, kernel: Any) -> Packed | None:
        """Find the lines of every kernel; None if one is no product, or no sum of so few."""
        key = kernel.tobytes()
        known = self._known.get(key)
        if known is not None:
            return known
        found = terms_of(self.schedule.stage.problem, kernel, self.rank)
        if found is None:
            return None
        if len(self._known) >= KNOWN:
            self._known = {}  # in one step: other threads may be looking
        made = self._known[key] = self._pack(kernel, found)
        return made

    def _pack(self, kernel: Any, found: list[Terms]) -> Packed:
        dtype, plain = self.problem.accumulator_dtype, self._forms[0]
        forms = {form_of(terms, dtype) for terms in found}
        form = forms.pop() if len(forms) == 1 else plain._replace(terms=plain.terms[:len(found[0])])
        small = rounds_small(self.problem, kernel)
        form = form._replace(small=small)
        taps = self._rows(form, [[np.concatenate([*lines, self._beside(lines[0], dtype)]) for lines in terms]
                                 for terms in found])
        if self.rank == 1:
            return Packed(form, taps, form._replace(terms=plain.terms), taps)
        whole = self._forms[1]._replace(small=small)
        one = np.ones(1, dtype)
        rows = [[np.concatenate([one, each.ravel(), self._beside(one, dtype)])]
                for each in kernel.reshape(-1, self.problem.terms).astype(dtype)]
        return Packed(form, taps, whole, self._rows(whole, rows))

    def _rows(self, form: Form, kernels: list[list[Any]]) -> Any:
        """The taps of every kernel in a row, those of each term where its programs look for them."""
        dtype = np.dtype(form.compute)
        packed = aligned((len(kernels), len(kernels[0]), self._frame(form).term_bytes // dtype.itemsize), dtype)
        for row, terms in zip(packed, kernels, strict=True):
            for place, taps in zip(row, terms, strict=True):
                place[:len(taps)] = taps
        return packed

    def _beside(self, line: Any, dtype: str) -> Any:
        """What a line of sums holds before and behind the image, where the border is a constant."""
        made = np.zeros(2, dtype)
        with np.errstate(all="ignore"):
            for at, side in enumerate(self.schedule.stage.problem.border[-1]):
                if not isinstance(side, str):
                    for tap in line.astype(dtype):
                        made[at] += tap * made.dtype.type(side.real)
        return made

    def pack_bias(self, bias: Any) -> Any:
        """Bring a bias into the sums' dtype."""
        return np.ascontiguousarray(bias, self.problem.accumulator_dtype)

    # --- runs

    def run(self, image: Any, kernel: Packed, bias: Any, out: Any, threads: int) -> bool:
        """Fill ``out``; whether an integer output overflowed."""
        image = side_by_side(self.schedule.stage, image)
        program = self._program(kernel.form)
        buffer = self.workspace.borrow()
        arrays = (image, out, kernel.taps, NO_BIAS if bias is None else bias)
        places = (self.tables_address, buffer[0], buffer[0] + self.status_place)
        try:
            flags = program.entry(*arrays, *places, *team(min(threads, self.participants)), -1)
            if flags & 2:
                assert kernel.again is not None
                status = buffer[1][self.status_place:self.status_place + self.items]
                again, arrays = self._program(kernel.again), (*arrays[:2], kernel.again_taps, arrays[3])
                for item in np.flatnonzero(status).tolist():
                    flags |= again.entry(*arrays, *places, 0, 0, 1, item)
        finally:
            self.workspace.give_back(buffer)
        return bool(flags & 1)

    def bare(self, image: Any, kernel: Packed, bias: Any) -> Bare | None:
        """What one call is on one thread, if it is no more than to enter a program."""
        return bare(self, self.schedule.stage, image, self._program(kernel.form).entry, kernel.taps, bias,
                    lambda scratch: (scratch + self.status_place, 0, 0, 1, -1))

    # --- what it tells

    def _shown(self) -> list[Frame]:
        forms = list(self._programs) or self._forms[:1]
        return [self._frame(form) for form in forms]

    def ir(self) -> str:
        """The LLVM IR of every program."""
        return "\n".join(_emit(frame) for frame in self._shown())

    def assembly(self) -> str:
        """The machine code of every program, as assembly."""
        return "\n".join(jit.assembly(_emit(frame), frame.machine) for frame in self._shown())
