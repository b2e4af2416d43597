"""`running`: kernels all of whose taps are equal, at a cost that hardly grows with them.

Rows are summed down the image from heads, a middle that several outputs share, and tails (see `passes`); windows along
a line from windows of half the length.  Every output is the sum of its own samples and no others: nothing is ever taken
off again, so that errors do not grow along a line, and a NaN or an infinity reaches exactly its own outputs.
Boxes of more axes are summed axis by axis (`cascade`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from ..separable import reason_against
from .axes import cascade_cycles
from .frame import RunningRecipe
from .schedule import cycles
from .structure import constants

if TYPE_CHECKING:
    from .cascade import Cascade
    from .executable import Running

NAME = "running"


def applies(problem: Problem) -> str | None:
    """None, or why no kernel of the problem can be summed so."""
    lone = problem.kernel.count(1) == len(problem.kernel)
    return reason_against(problem, "the kernel has one tap only" if lone else None)


def error_bound(problem: Problem) -> float:
    """The published ``c``: |error| <= c * u * max|x| * sum|k|: a rounding for each sample of a line, and two more."""
    return float(sum(problem.kernel) + 2 + problem.ndim)


def predicted_cycles(problem: Problem, output: View, machine: Machine, threads: int) -> float:
    """Predicted cycles of one thread, without building anything."""
    return (cascade_cycles if problem.ndim > 2 else cycles)(problem, machine)


def unsuited(problem: Problem, kernel: Any) -> str | None:
    """None, or that these taps are not all equal."""
    return None if constants(problem, kernel) is not None else "its taps are not all equal"


def build(problem: Problem, output: View, machine: Machine, threads: int) -> Running | Cascade:
    """Make the executable."""
    if problem.ndim > 2:
        from .cascade import Cascade

        return Cascade(problem, output, machine, threads)
    from .executable import Running

    return Running(problem, output, machine, threads)


__all__ = ["NAME", "RunningRecipe", "applies", "build", "error_bound", "predicted_cycles", "unsuited"]
