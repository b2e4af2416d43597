"""From a problem to a plan: which algorithm, built for this machine."""

from __future__ import annotations

from math import prod
from typing import Any

from ..algorithms import definition, direct, fourier
from ..compiler.threads import get_threads
from ..errors import PlanError
from ..machine import Machine, detect
from ..problem.layout import Layout
from ..problem.problem import Problem
from .plan import Plan

ALGORITHMS: dict[str, Any] = {"direct": direct, "fourier": fourier, "reference": definition}

LARGE_KERNEL = 150
"""Kernels with fewer taps are summed directly without asking what the transform would cost."""


def candidates(problem: Problem) -> dict[str, str | None]:
    """Every algorithm, with the reason why it cannot serve the problem, or None."""
    return {name: algorithm.applies(problem) for name, algorithm in ALGORITHMS.items()}


def make_plan(problem: Problem, layout: Layout, *, function: str = "plan", method: str = "auto",
              threads: int | None = None, kernel: Any = None, bias: Any = None) -> Plan:
    """Plan a problem.

    Parameters
    ----------
    problem, layout : Problem, Layout
        What to compute, and how the caller's arrays are seen.
    function : str
        Name that errors carry.
    method : {"auto", "direct", "fourier", "reference"}
        Which algorithm; "auto" takes the fastest.
    threads : int, optional
        Most threads that a call may use; None follows `get_threads` at each call.
    kernel, bias : ndarray, optional
        The caller's kernel and bias, if they are known: they are packed once.
    """
    machine, most = detect(), threads or get_threads()
    name = _fastest(problem, layout, machine) if method == "auto" else method
    if name not in ALGORITHMS:
        raise PlanError(f'{function}: method "{method}" is not known; use "auto", "direct", "fourier" or "reference"')
    reason = ALGORITHMS[name].applies(problem)
    if reason is not None:
        raise PlanError(f'{function}: method "{name}" cannot serve this problem: {reason}; use method="auto"')
    return Plan(problem, layout, ALGORITHMS[name], machine, remake=_remake, function=function, method=method,
                threads=threads, most_threads=most, kernel=kernel, bias=bias)


def _remake(problem: Problem, layout: Layout, function: str, method: str, threads: int | None, kernel: Any,
            bias: Any) -> Plan:
    """Make a plan anew from what its pickle holds."""
    return make_plan(problem, layout, function=function, method=method, threads=threads, kernel=kernel, bias=bias)


def _fastest(problem: Problem, layout: Layout, machine: Machine) -> str:
    """The algorithm that is predicted to need the fewest cycles on one thread: bits must not depend on their number."""
    if prod(problem.kernel) < LARGE_KERNEL or fourier.applies(problem) is not None:
        return "direct"
    cycles = direct.predicted_cycles(problem, layout.output, machine, 1)
    return "fourier" if fourier.predicted_cycles(problem) < cycles else "direct"
