"""`reference`: the definition as plain loops, for checking every other algorithm; slow."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..errors import PlanError
from ..machine import Machine
from ..problem.layout import View
from ..problem.problem import Problem

NAME = "reference"

WATCHES = True
"""Its integers have no end."""


class ReferenceRecipe(NamedTuple):
    """Nothing is left to decide."""

    @property
    def algorithm(self) -> str:
        """Name of the algorithm that this is a recipe of."""
        return NAME


def applies(problem: Problem) -> str | None:
    """None: the definition computes every problem."""
    return None


def error_bound(problem: Problem) -> float:
    """Sums are taken in double precision and rounded once; in double precision itself, one rounding a term."""
    return float(problem.terms + 2) if problem.accumulator_dtype in ("float64", "complex128") else 2.0


def predicted_cycles(problem: Problem, output: View, machine: Machine, threads: int) -> float:
    """Predicted cycles, however many threads."""
    return _cycles(problem)


def _cycles(problem: Problem) -> float:
    """Each product takes microseconds."""
    return 3e4 * problem.multiply_adds


class Reference:
    """The executable: calls the oracle."""

    recipe = ReferenceRecipe()
    workspace_bytes = 0

    def __init__(self, problem: Problem, output: View) -> None:
        self.problem, self.output = problem, output
        self.predicted_cycles = _cycles(problem)

    def pack(self, kernel: Any) -> Any:
        """Keep a copy of the kernel."""
        return kernel.copy()

    def pack_bias(self, bias: Any) -> Any:
        """Keep a copy of the bias."""
        return bias.copy()

    def run(self, image: Any, kernel: Any, bias: Any, out: Any, threads: int) -> bool:
        """Fill ``out``; an overflow raises here."""
        from .. import reference

        self.output(out)[...] = reference.correlate(self.problem, image, kernel, bias)
        return False

    def ir(self) -> str:
        """Refuse: nothing is generated."""
        raise PlanError('plan: method="reference" generates no code; use method="direct" to see some')

    assembly = ir


def build(problem: Problem, output: View, machine: Machine, threads: int) -> Reference:
    """Make the executable."""
    return Reference(problem, output)
