"""Measured over predicted time of each algorithm; what turns the cycles that algorithms predict into time."""

from __future__ import annotations

from ..problem.problem import Problem


def factor(name: str, problem: Problem) -> float:
    """Measured over predicted cycles of an algorithm, for problems of this class."""
    return 1.0


def seconds(cycles: float) -> float:
    """How long so many cycles take."""
    return cycles / 3e9
