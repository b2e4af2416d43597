"""Algorithms as candidates for a problem: what each would cost, and why one does not serve.

An algorithm is a module (see `algorithms`).  Beyond what all have, one may have

``unsuited(problem, kernel) -> str | None``
    It serves kernels of a certain structure only; why these taps (engine-shaped) do not have it, or None.
    Then its ``pack(kernel)`` returns None for such a kernel.
``least_cycles(problem, machine) -> float``
    A lower bound on ``predicted_cycles`` that takes microseconds: what cannot win is not asked further.  Where that
    one takes no longer, a bound would only be asked as well.
``known_cycles(problem, output, machine, threads) -> float``
    ``predicted_cycles`` without what a kernel takes before it can be used, where that is much.  It counts for known
    kernels, and for single ones even if they are not known: there it is little, and a plan gives the bits of the
    call that it stands for.
``recipes(problem, output, machine) -> list[str]``
    Several recipes that are worth to be timed, as text; ``build`` then takes one as ``recipe=``.
``workspace_bytes(problem, output, machine, threads) -> int``
    Peak workspace, without building anything.
``WATCHES = True``
    It tells which integer sums do not fit, even beyond 64 bits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import Any, NamedTuple

from ..machine import Machine
from ..problem.layout import View
from ..problem.problem import Problem
from . import factors
from .exact import needs_guard
from .guarded import settled_bytes, watches

SHRINK = (1, 2, 4, 8, 16, 32, 64)
"""Parts of the second-level cache that an algorithm is told to make do with, until its workspace fits."""

PROBE_CYCLES, PROBED_CYCLES = 4000.0, 4.0
"""Asking a kernel for its structure, and each of its taps: a gradient's kernel may have as many as the image."""


class Setting(NamedTuple):
    """Where candidates compete: the problem, the output's view, the machine, and what workspace may take."""

    problem: Problem
    output: View
    machine: Machine
    threads: int = 1
    max_workspace: int | None = None
    known: bool = False
    """Whether the kernel is known before the call."""
    reserved_bytes: int = 0
    """Of the workspace, what is taken before any algorithm runs."""

    def known_cycles(self, algorithm: Any) -> float | None:
        """Predicted cycles on one thread without what a kernel takes beforehand; None if that is little, or counts."""
        p = self.problem
        counts = not self.known and p.groups * p.channels_in * p.channels_out > 1
        return None if counts or not hasattr(algorithm, "known_cycles") else float(algorithm.known_cycles(*self[:3], 1))


@dataclass(frozen=True, slots=True)
class Candidate:
    """One algorithm for one problem; all but ``name`` and ``reason`` are None where it cannot serve."""

    name: str
    reason: str | None = None
    """Why it cannot serve, or why another is chosen; None for one that is chosen."""
    serves: bool = True
    seconds: float | None = None
    """Predicted time on one thread."""
    workspace_bytes: int | None = None
    error_bound: float | None = None


def probe_cycles(problem: Problem) -> float:
    """What it takes to ask a kernel; for known ones it is counted too, or the call would choose otherwise."""
    return PROBE_CYCLES + PROBED_CYCLES * prod(problem.kernel_shape)


def is_structured(algorithm: Any) -> bool:
    """Whether an algorithm serves kernels of a certain structure only."""
    return hasattr(algorithm, "unsuited")


def cycles(name: str, algorithm: Any, setting: Setting) -> float:
    """Predicted cycles on one thread, corrected by what was measured: bits must not depend on how many there are."""
    found = setting.known_cycles(algorithm)
    if found is None:
        found = float(algorithm.predicted_cycles(*setting[:3], 1))
    return found * factors.factor(name, setting.problem)


def least_cycles(name: str, algorithm: Any, setting: Setting) -> float:
    """A quick lower bound on `cycles`."""
    least = getattr(algorithm, "least_cycles", None)
    if least is None:
        return 0.0
    return float(least(setting.problem, setting.machine)) * factors.factor(name, setting.problem)


def workspace_bytes(algorithm: Any, setting: Setting) -> int:
    """Peak workspace of one call, all threads together."""
    p, output, machine, threads = setting[:4]
    ask = getattr(algorithm, "workspace_bytes", None)
    own = algorithm.build(p, output, machine, threads).workspace_bytes if ask is None else ask(
        p, output, machine, threads)
    return int(own) + bytes_beside(algorithm, setting)


def bytes_beside(algorithm: Any, setting: Setting) -> int:
    """Workspace beside an algorithm's own: what is reserved, and what sums take that it cannot watch (see `exact`)."""
    settles = needs_guard(setting.problem) and not watches(algorithm)
    return setting.reserved_bytes + (settled_bytes(*setting[:3]) if settles else 0)


class Fit(NamedTuple):
    """A machine and number of threads with which an algorithm's workspace fits, or its least workspace."""

    setting: Setting | None
    least_bytes: int


def fit(algorithm: Any, setting: Setting) -> Fit:
    """Make an algorithm do with ``max_workspace``: smaller blocks, as if the cache were smaller, and fewer threads.

    How small blocks are is decided for one thread, so that bits do not depend on the number of threads.
    """
    if setting.max_workspace is None:
        return Fit(setting, 0)
    least, used = None, partial(workspace_bytes, algorithm)
    for part in SHRINK:
        machine = replace(setting.machine, l2_bytes=setting.machine.l2_bytes // part)
        one = setting._replace(machine=machine, threads=1)
        needed = used(one)
        least = needed if least is None else min(least, needed)
        if needed > setting.max_workspace:
            continue
        fitting = (one._replace(threads=count) for count in range(setting.threads, 0, -1))
        return Fit(next(each for each in fitting if each.threads == 1 or used(each) <= setting.max_workspace), needed)
    assert least is not None
    return Fit(None, least)
