"""Measure this machine's table of rates: seconds of work, kept in a file for all processes to come.

Peaks, bandwidths and what it takes to wake a worker are measured by themselves.  Each algorithm then computes a few
problems of each class; how long that takes, over what it predicted, is its factor in this class.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import log2
from statistics import median
from typing import Any

import numpy as np

from ..compiler.threads import get_threads
from ..machine import Machine, detect
from ..problem.layout import Layout, View
from ..problem.problem import Problem
from . import calibrate, documents, factors
from .candidates import Setting, cycles, is_structured
from .measuring import least_seconds, measure
from .planner import ALGORITHMS, ORACLE
from .ways import Way

BUDGET_S = 0.04
SLOWEST_S, HOPELESS = 0.03, 12.0
"""A method predicted to take longer, or so many times as long as the best, is not asked."""

EASIER = ("rank", "boxes")
"""Sums of several terms: the kernel of ones that is measured has one only, and takes less than they predict."""

TURNS = 10


def run(tell: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Measure everything, keep it, and use it from now on.

    Parameters
    ----------
    tell : callable
        Hears what is measured next.

    Returns
    -------
    dict
        The table: see `factors`.
    """
    machine = detect()
    tell("peaks and bandwidths")
    peak = {dtype: calibrate.best_flops(dtype) for dtype in ("float32", "float64")}
    found: dict[str, Any] = {"clock": peak["float32"] / operations_per_cycle(machine), "peak": peak,
                             "copy": _bandwidths(machine)}
    factors.use({"clock": found["clock"], "factors": {}})
    ratios: dict[str, list[float]] = {}
    for problem in _probes():
        tell(f"{factors.class_of(problem)}, kernel {problem.kernel}, {problem.accumulator_dtype}")
        for name, ratio in _ratios(problem, machine):
            ratios.setdefault(f"{name} {factors.class_of(problem)}", []).append(ratio)
    found["factors"] = {**_unmeasured(found["clock"]),
                        **{name: min(max(median(each), 0.2), 5.0) for name, each in ratios.items()}}
    tell("threads")
    found["serial_cycles"] = _serial_cycles(machine)
    found["fft"] = _fft_flops(machine)
    with contextlib.suppress(OSError):  # what cannot be written serves this process only
        documents.write(factors.file(), factors.KIND, found)
    return factors.use(found)


def _unmeasured(clock: float) -> dict[str, float]:
    """The default factors, for what is not measured here; they turn cycles of another clock into the same seconds."""
    known = factors.defaults()
    return {name: factor * clock / known["clock"] for name, factor in known["factors"].items()}


def operations_per_cycle(machine: Machine) -> float:
    """Operations of float32 that algorithms count a cycle."""
    return machine.vector_bytes / 4 * 2.0 * machine.vectors_per_cycle


def _bandwidths(machine: Machine) -> dict[str, float]:
    """Bytes a second, read plus written, of copying within each cache, and in memory."""
    sizes = {"L1": machine.l1_bytes // 4, "L2": machine.l2_bytes // 4, "memory": 32 << 20}
    found = {}
    for level, size in sizes.items():
        turns = max(1, (4 << 20) // size)
        copy = calibrate.copying(size, turns)
        found[level] = 2.0 * size * turns / least_seconds({level: copy}, BUDGET_S)[level]
    return found


# ---------------------------------------------------------------- problems

def plain(image: tuple[int, ...], kernel: tuple[int, ...], dtype: str = "float32",
          channels: tuple[int, int] = (1, 1)) -> Problem:
    """A correlation that gives as many outputs as there are samples, zeros outside."""
    ones = (1,) * len(image)
    return Problem((), 1, *channels, image, kernel, image, tuple(-(k // 2) for k in kernel), ones, ones, ones,
                   ((0, 0),) * len(image), dtype, dtype, dtype, dtype)


def identity(problem: Problem) -> Layout:
    """The layout in which arrays already have the engine's axes."""
    image, kernel, output = (View(shape, shape, tuple(range(len(shape)))) for shape in (
        problem.image_shape, problem.kernel_shape, problem.output_shape))
    return Layout(image, kernel, output)


def _probes() -> Iterator[Problem]:
    for dtype in ("float32", "float64"):
        yield from (plain((200_000,), (taps,), dtype) for taps in (33, 400, 3000))
        yield from (plain((512, 512), (size, size), dtype) for size in (5, 11, 25))
        yield from (plain((48, 48, 64), (size,) * 3, dtype) for size in (3, 7))
        yield plain((56, 56), (3, 3), dtype, (64, 64))
        yield plain((14, 14), (3, 3), dtype, (128, 128))
        yield plain((28, 28), (5, 5), dtype, (32, 32))
        for size in (3, 15):
            yield replace(plain((56, 56), (size, size), dtype), groups=32)


def _ratios(problem: Problem, machine: Machine) -> Iterator[tuple[str, float]]:
    """Each algorithm that is worth it: measured seconds over predicted ones."""
    layout = identity(problem)
    setting = Setting(problem, layout.output, machine, known=True)
    serving = {name: each for name, each in ALGORITHMS.items()
               if name != ORACLE and name.rstrip("0123456789") not in EASIER and each.applies(problem) is None}
    predicted = {name: factors.seconds(cycles(name, each, setting)) for name, each in serving.items()}
    least = min(seconds for name, seconds in predicted.items() if not is_structured(serving[name]))
    ways = [Way(name, serving[name], setting) for name, seconds in predicted.items()
            if seconds < min(SLOWEST_S, HOPELESS * least)]
    if ways:
        for name, seconds in measure(ways, layout, budget=BUDGET_S).items():
            yield name, seconds / predicted[name]


# ---------------------------------------------------------------- threads and transforms

def _serial_cycles(machine: Machine) -> float:
    """The least work that is done sooner by two threads than by one, as the algorithm predicts it."""
    default = float(factors.defaults()["serial_cycles"])
    if get_threads() < 2:
        return default
    for rows in (8, 16, 32, 64, 128, 256):
        problem = plain((rows, 512), (3, 3))
        layout = identity(problem)
        executable = ALGORITHMS["direct"].build(problem, layout.output, machine, 2)
        image, out = np.ones(problem.image_shape, np.float32), np.empty(problem.output_shape, np.float32)
        packed = executable.pack(np.ones(problem.kernel_shape, np.float32))

        def compute(threads: int) -> None:
            for _ in range(TURNS):
                executable.run(image, packed, None, out, threads)  # noqa: B023

        time.sleep(0.001)
        taken = least_seconds({"1": lambda: compute(1), "2": lambda: compute(2)}, BUDGET_S)
        if taken["2"] < 0.85 * taken["1"]:
            return float(min(max(executable.predicted_cycles, default / 4), default * 4))
    return default


def _fft_flops(machine: Machine) -> float:
    """Operations a second of the transforms, 2.5 n log2 n for each, there and back, in a whole correlation."""
    problem = plain((480, 480), (33, 33))
    way = Way("fourier", ALGORITHMS["fourier"], Setting(problem, identity(problem).output, machine))
    seconds = measure([way], identity(problem), budget=BUDGET_S)["fourier"]
    samples = 512 * 512
    return 2 * 2.5 * samples * log2(samples) / seconds
