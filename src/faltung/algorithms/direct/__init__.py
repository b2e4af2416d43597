"""`direct`: the definition itself, in register tiles; complete in every parameter."""

from __future__ import annotations

from ...compiler.elements import ELEMENTS
from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from .executable import Direct
from .frame import DirectRecipe
from .schedule import shared_cycles
from .stages import parts

NAME = "direct"


def applies(problem: Problem) -> str | None:
    """None: `direct` computes every problem."""
    return None


def error_bound(problem: Problem) -> float:
    """The published ``c``: |error| <= c * u * max|x| * sum|k|, one rounding for each term and two more."""
    return float(problem.terms * ELEMENTS[problem.accumulator_dtype].planes + 2)


def predicted_cycles(problem: Problem, output: View, machine: Machine, threads: int) -> float:
    """Predicted cycles until so many threads have done all, without building anything."""
    return sum(shared_cycles(part.frame, threads) for part in parts(problem, output, machine, threads))


def build(problem: Problem, output: View, machine: Machine, threads: int) -> Direct:
    """Compile (or load from the disk's cache) all that the problem needs."""
    return Direct(problem, output, machine, threads)


__all__ = ["NAME", "Direct", "DirectRecipe", "applies", "build", "error_bound", "parts", "predicted_cycles"]
