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
from .frame import SparseFrame, SparseRecipe
from .schedule import cycles, down_recipe, frame_of
from .structure import kept, known_factors, twins

PATTERNS = 8
"""So many patterns of one problem have code of their own; all others share the code that reads a table."""


class Pattern(NamedTuple):
    """What code is made from: places of taps, and what it makes use of of their values (see `structure`)."""

    places: tuple[int, ...] = ()
    factors: tuple[int, ...] = ()
    twins: tuple[int, ...] = ()
    by_rows: bool = False
    down: bool = False
    """Whether the image is read where it lies."""


ANY = Pattern()


class Taps(NamedTuple):
    """A kernel in the order of the program that it is summed by; and if that reads images where they lie, its taps."""

    program: Program
    operand: np.ndarray
    kept: np.ndarray | None = None
    values: np.ndarray | None = None


def _emit(frame: SparseFrame) -> str:
    """Write a frame's program; the generator is imported only where no object is found on the disk."""
    if frame.recipe.packed:
        from .program import emit_program

        return emit_program(frame)
    from .down import emit_down

    return emit_down(frame)


class Sparse:
    """The executable: a program for each of the first few patterns, and one for any other."""

    def __init__(self, problem: Problem, output: View, machine: Machine, threads: int) -> None:
        self.frame = frame_of(problem, output, machine, threads)
        self.recipe, self.threads = self.frame.recipe, threads
        self.predicted_cycles = cycles(self.frame)
        self.workspace_bytes = self.frame.scratch_bytes * min(threads, self.frame.items)
        self._programs: dict[Pattern, Program] = {}
        widest = self._down(1)
        if widest is not None:
            self.workspace_bytes = max(self.workspace_bytes, self.frame.with_recipe(widest).scratch_bytes * threads)

    def _of(self, pattern: Pattern) -> SparseFrame:
        down = self._down(len(pattern.places)) if pattern.down else None
        return SparseFrame(self.frame.stage, down or self.recipe, self.frame.machine, *pattern[:3],
                           by_rows=pattern.by_rows)

    def _down(self, count: int) -> SparseRecipe | None:
        return down_recipe(self.frame.stage, self.frame.machine, self.threads, count)

    def _program(self, pattern: Pattern) -> Program:
        if pattern not in self._programs and len(self._programs) >= PATTERNS:
            pattern = ANY
        found = self._programs.get(pattern)
        if found is None:
            found = self._programs[pattern] = Program(self._of(pattern), self.threads, _emit)
        return found

    def pack(self, kernel: Any) -> Taps | None:
        """The program of a kernel's pattern, and what it reads; None if too many taps are not zero."""
        p = self.frame.problem
        taps = kernel.reshape(p.groups, p.terms)
        chosen = kept(p, taps)
        if chosen is None:
            return None
        if self._down(len(chosen)) is None:
            return self._tables(taps, chosen)
        values = taps[:, chosen]
        program = self._program(Pattern(tuple(chosen.tolist()), by_rows=True, down=True))
        if program.frame.recipe.packed:
            return self._tables(taps, chosen, by_rows=True)
        weights = aligned(values.shape, p.accumulator_dtype)
        weights[...] = values
        return Taps(program, weights, chosen, values)

    def _tables(self, taps: Any, chosen: np.ndarray, *, by_rows: bool = False) -> Taps:
        """A program for packed images, and its tables."""
        frame, p = self._of(Pattern(by_rows=True)) if by_rows else self.frame, self.frame.problem
        order = frame.order
        taps, chosen = taps[:, order], np.flatnonzero(np.isin(order, chosen))
        tables = aligned((p.groups, 2, 1 + p.terms, 2), "int64")
        values = tables.view(p.accumulator_dtype)
        for number, which in enumerate((chosen, np.arange(p.terms))):
            entries = slice(1, 1 + len(which))
            tables[:, number, 0, 0] = len(which)
            tables[:, number, entries, 0] = frame.places[order[which]]
            values[:, number, entries, values.shape[-1] // 2] = taps[:, which]
        factors = known_factors(p, taps[:, chosen])
        pattern = Pattern(tuple(chosen.tolist()), factors, twins(p, taps[:, chosen], factors), by_rows)
        return Taps(self._program(pattern), tables)

    def _from_blocks(self, kernel: Taps) -> Taps:
        """The same sums in the same order, for images that cannot be read where they lie."""
        p = self.frame.problem
        if kernel.values is None or kernel.kept is None:
            return kernel
        taps = np.zeros((p.groups, p.terms), kernel.values.dtype)
        taps[:, kernel.kept] = kernel.values
        return self._tables(taps, kernel.kept, by_rows=True)

    def pack_bias(self, bias: Any) -> Any:
        """Bring a bias of shape (groups,) into the sums' dtype."""
        return pack_bias(self.frame, bias)

    def run(self, image: Any, kernel: Taps, bias: Any, out: Any, threads: int) -> bool:
        """Fill ``out``; whether an integer output overflowed."""
        if not kernel.program.reads(image):
            kernel = self._from_blocks(kernel)
        told = bool(kernel.program.run(image, kernel.operand, bias, out, threads))
        if told and kernel.kept is not None and self.frame.watches:  # perhaps of what is not finite
            kernel = self._from_blocks(kernel)
            return bool(kernel.program.run(image, kernel.operand, bias, out, threads))
        return told

    def bare(self, image: Any, kernel: Taps, bias: Any) -> Bare | None:
        """What one call is on one thread, if it is no more than to enter a program."""
        return kernel.program.bare(image, kernel.operand, bias) if kernel.program.reads(image) else None

    def _shown(self) -> list[SparseFrame]:
        return [self._of(pattern) for pattern in list(self._programs) or [ANY]]

    def ir(self) -> str:
        """The LLVM IR of every program."""
        return "\n".join(_emit(frame) for frame in self._shown())

    def assembly(self) -> str:
        """The machine code of every program, as assembly."""
        return "\n".join(jit.assembly(_emit(frame), frame.machine) for frame in self._shown())
