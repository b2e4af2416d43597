"""`direct`: the definition itself, in register tiles; complete in every parameter."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from ...compiler.elements import ELEMENTS
from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from .frame import DirectRecipe
from .schedule import promising, shared_cycles
from .stages import parts, staged

if TYPE_CHECKING:
    from .executable import Direct

NAME = "direct"
TIMED = 5
"""So many recipes are timed."""
ORDER_CYCLES = 2.0
"""To order a kernel, for each tap."""
_BYTES = ("uint8", "bool")


def applies(problem: Problem) -> str | None:
    """None: `direct` computes every problem."""
    return None


def error_bound(problem: Problem) -> float:
    """The published ``c``: |error| <= c * u * max|x| * sum|k|, one rounding for each term and two more."""
    return float(problem.terms * ELEMENTS[problem.accumulator_dtype].planes + 2)


def predicted_cycles(problem: Problem, output: View, machine: Machine, threads: int) -> float:
    """Predicted cycles until so many threads have done all, without building anything; the kernel is ordered by one."""
    ordered = not all(part.frame.by_taps for part in parts(problem, output, machine, threads))
    return known_cycles(problem, output, machine, threads) + ordered * ORDER_CYCLES * prod(problem.kernel_shape)


def known_cycles(problem: Problem, output: View, machine: Machine, threads: int) -> float:
    """The same where the kernel was ordered beforehand."""
    return sum(shared_cycles(part.frame, threads) for part in parts(problem, output, machine, threads))


def least_cycles(problem: Problem, machine: Machine) -> float:
    """A lower bound on `predicted_cycles`, quickly: the multiply-adds alone."""
    element = ELEMENTS[problem.accumulator_dtype]
    if any(step > 1 for step in problem.image_dilation):  # how many taps meet an output is not the same for all
        return 0.0
    together = machine.vector_bytes // element.size * (4 if machine.has_dot and problem.image_dtype in _BYTES else 1)
    return problem.multiply_adds * element.planes**2 / together / machine.vectors_per_cycle


def workspace_bytes(problem: Problem, output: View, machine: Machine, threads: int) -> int:
    """Peak workspace of one call, without building anything."""
    return max(part.frame.most_bytes for part in parts(problem, output, machine, threads)) * threads


def recipes(problem: Problem, output: View, machine: Machine) -> list[str]:
    """A few recipes that are worth to be timed, as text, the one that is predicted to be the fastest first."""
    found = list(staged(problem, output))
    if len(found) > 1 or found[0][0].is_empty:
        return []
    return [str(recipe) for recipe in promising(found[0][1], machine, TIMED)]


def build(problem: Problem, output: View, machine: Machine, threads: int, recipe: str = "") -> Direct:
    """Compile (or load from the disk's cache) all that the problem needs; ``recipe`` is one of `recipes`."""
    from .executable import Direct

    return Direct(problem, output, machine, threads, recipe)


__all__ = ["NAME", "DirectRecipe", "applies", "build", "error_bound", "known_cycles", "least_cycles", "parts",
           "predicted_cycles", "recipes", "workspace_bytes"]
