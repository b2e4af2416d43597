"""The loaded machine code of a problem, and how it is called."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...compiler import jit
from ...compiler.memory import aligned
from ...compiler.seen import Bare
from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from ..direct.executable import Program
from ..direct.packing import pack_bias
from .frame import SparseFrame
from .schedule import cycles, frame_of
from .structure import kept, known_factors, twins

PATTERNS = 8
"""So many patterns of one problem have code of their own; all others share the code that reads a table."""


class Pattern(NamedTuple):
    """What code is made from: places of taps, and what it makes use of of their values (see `structure`)."""

    places: tuple[int, ...] = ()
    factors: tuple[int, ...] = ()
    twins: tuple[int, ...] = ()


ANY = Pattern()


def _emit(frame: SparseFrame) -> str:
    """Write a frame's program; the generator is imported only where no object is found on the disk."""
    from .program import emit_program

    return emit_program(frame)


class Sparse:
    """The executable: a program for each of the first few patterns, and one for any other."""

    def __init__(self, problem: Problem, output: View, machine: Machine, threads: int) -> None:
        self.frame = frame_of(problem, output, machine, threads)
        self.recipe, self.threads = self.frame.recipe, threads
        self.predicted_cycles = cycles(self.frame)
        self.workspace_bytes = self.frame.scratch_bytes * min(threads, self.frame.items)
        self._programs: dict[Pattern, Program] = {}

    def _of(self, pattern: Pattern) -> SparseFrame:
        return SparseFrame(self.frame.stage, self.recipe, self.frame.machine, *pattern)

    def _program(self, pattern: Pattern) -> Program:
        found = self._programs.get(pattern)
        if found is None:
            if len(self._programs) >= PATTERNS:
                pattern = ANY
            found = self._programs[pattern] = Program(self._of(pattern), self.threads, _emit)
        return found

    def pack(self, kernel: Any) -> tuple[Program, np.ndarray] | None:
        """The program of a kernel's pattern, and its tables; None if too many taps are not zero."""
        frame, p = self.frame, self.frame.problem
        taps = kernel.reshape(p.groups, p.terms)[:, frame.order]
        chosen = kept(p, taps)
        if chosen is None:
            return None
        tables = aligned((p.groups, 2, 1 + p.terms, 2), "int64")
        values = tables.view(p.accumulator_dtype)
        for number, which in enumerate((chosen, np.arange(p.terms))):
            entries = slice(1, 1 + len(which))
            tables[:, number, 0, 0] = len(which)
            tables[:, number, entries, 0] = frame.places[frame.order[which]]
            values[:, number, entries, values.shape[-1] // 2] = taps[:, which]
        factors = known_factors(p, taps[:, chosen])
        return self._program(Pattern(tuple(chosen.tolist()), factors, twins(p, taps[:, chosen], factors))), tables

    def pack_bias(self, bias: Any) -> Any:
        """Bring a bias of shape (groups,) into the sums' dtype."""
        return pack_bias(self.frame, bias)

    def run(self, image: Any, kernel: tuple[Program, np.ndarray], bias: Any, out: Any, threads: int) -> bool:
        """Fill ``out``; whether an integer output overflowed."""
        program, tables = kernel
        return bool(program.run(image, tables, bias, out, threads))

    def bare(self, image: Any, kernel: tuple[Program, np.ndarray], bias: Any) -> Bare | None:
        """What one call is on one thread, if it is no more than to enter a program."""
        return kernel[0].bare(image, kernel[1], bias)

    def _shown(self) -> list[SparseFrame]:
        return [self._of(pattern) for pattern in list(self._programs) or [ANY]]

    def ir(self) -> str:
        """The LLVM IR of every program."""
        return "\n".join(_emit(frame) for frame in self._shown())

    def assembly(self) -> str:
        """The machine code of every program, as assembly."""
        return "\n".join(jit.assembly(_emit(frame), frame.machine) for frame in self._shown())
