"""An algorithm for kernels of equal taps, made from `direct`: for tests of how the planner treats such algorithms."""

from __future__ import annotations

from typing import Any

import numpy as np

from faltung.algorithms import direct
from faltung.algorithms.direct.executable import Direct
from faltung.machine import Machine
from faltung.problem.layout import View
from faltung.problem.problem import Problem

NAME = "equal"
REASON = "its taps differ"
error_bound, applies = direct.error_bound, direct.applies


def unsuited(problem: Problem, kernel: np.ndarray) -> str | None:
    """Why a kernel does not suit, or None."""
    return None if np.all(kernel == kernel.flat[0]) else REASON


def predicted_cycles(problem: Problem, output: View, machine: Machine, threads: int) -> float:
    """Less than any other, so that it is always tried first."""
    return 0.0


def build(problem: Problem, output: View, machine: Machine, threads: int) -> Any:
    """Make the executable."""
    return Equal(problem, output, machine, threads)


class Equal(Direct):
    """The sums of `direct`, for kernels that suit; counts its runs."""

    runs = 0

    def pack(self, kernel: Any) -> Any:
        """None for kernels that do not suit."""
        return super().pack(kernel) if unsuited(self.parts[0].phase.problem, kernel) is None else None

    def run(self, *operands: Any) -> bool:
        """Count, and run."""
        Equal.runs += 1
        return super().run(*operands)
