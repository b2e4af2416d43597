"""How fast this machine is, measured in less than a second: what turns predicted cycles and bytes into time."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from math import log2
from typing import NamedTuple

import numpy as np

from ..compiler import jit
from ..machine import Machine, detect
from ..operations import correlate, plan
from ..planning.calibrate import _emit_peak

SIZES = (1 << 18, 1 << 20, 1 << 22, 1 << 24, 1 << 26)
"""Bytes that are read and written while copying is measured: from the second-level cache to memory."""
ROUNDS = 5
PEAK_TURNS, PEAK_ROUNDS = 100_000, 30
"""A round of some milliseconds: long against waking a thread, short against the turns that others have."""


class Rates(NamedTuple):
    """What some threads of this machine do in a second, and what a call takes before it begins."""

    machine: str
    threads: int
    peak: float
    """Floating-point operations of float32, all threads together, a multiply-add counted as two."""
    cycles: float
    """The planner's cycles, of one thread: it counts one multiply-add of 64 bytes a cycle, or two of fewer."""
    copies: tuple[tuple[int, float], ...]
    """For arrays of so many bytes together: bytes read and written, all threads together."""
    call: float
    """Seconds that Python takes for a call."""

    def bandwidth(self, size_bytes: float) -> float:
        """Bytes a second for arrays of this many bytes together, between those that were measured.

        >>> Rates("", 1, 1e9, 1e9, ((1024, 8e9), (4096, 4e9)), 0.0).bandwidth(2048)
        6000000000.0
        """
        place = log2(max(size_bytes, 1))
        return float(np.interp(place, [log2(size) for size, _ in self.copies], [rate for _, rate in self.copies]))

    def peak_of(self, dtype: str) -> float:
        """Operations of an accumulator's dtype: vectors of wider numbers hold fewer; integers count as floats."""
        return self.peak * 4 / {"complex64": 4, "complex128": 8}.get(dtype, np.dtype(dtype).itemsize)

    def seconds(self, cycles: float, size_bytes: float) -> float:
        """Time of a call that takes so many cycles of each thread, and reads and writes so many bytes."""
        return self.call + cycles / self.cycles + size_bytes / self.bandwidth(size_bytes)


@cache
def measure(threads: int = 1) -> Rates:
    """Measure this machine, once for each number of threads."""
    machine = detect()
    peak = _peak(machine, threads)
    copies = tuple((size, _copying(size, threads)) for size in SIZES)
    if threads > 1:
        alone = measure(1)
        return alone._replace(threads=threads, peak=peak, copies=copies)
    return Rates(machine.name, threads, peak, peak / operations_per_cycle(machine), copies, _call())


def _peak(machine: Machine, threads: int) -> float:
    """Operations of float32 a second; the best of many short rounds, for other work on the machine comes and goes."""
    ir, operations = _emit_peak(machine, "float", 4)
    library = jit.load("peak float32", machine, ("peak",), lambda: ir)
    run = library.function("peak", None, ctypes.c_int64, ctypes.c_void_p)
    numbers = [np.full(32, 0.5, np.float32) for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        best = min(_timed(lambda: list(pool.map(lambda array: run(PEAK_TURNS, array.ctypes.data), numbers)))
                   for _ in range(PEAK_ROUNDS))
    return threads * PEAK_TURNS * operations / best


def operations_per_cycle(machine: Machine) -> float:
    """Operations of float32 that the planner counts a cycle."""
    lanes = machine.vector_bytes // 4
    return 2.0 * lanes * machine.vectors_per_cycle


def _copying(size: int, threads: int) -> float:
    """Bytes a second, all threads together; the best of some rounds."""
    each = max(size // 2 // threads, 1)
    turns = max(1, SIZES[-1] // size // 2)
    pairs = [(np.ones(each, np.uint8), np.ones(each, np.uint8)) for _ in range(threads)]

    def work(pair: tuple[np.ndarray, np.ndarray]) -> None:
        source, target = pair
        for _ in range(turns):
            np.copyto(target, source)

    with ThreadPoolExecutor(threads) as pool:
        best = min(_timed(lambda: list(pool.map(work, pairs))) for _ in range(ROUNDS))
    return 2.0 * each * threads * turns / best


def _call() -> float:
    """Seconds of a call with next to nothing to do; the least of some."""
    image, kernel = np.ones(8, np.float32), np.ones(1, np.float32)
    small = plan(correlate, image, kernel, method="direct")
    return min(_timed(lambda: small(image)) for _ in range(20))


def _timed(run: Callable[[], object]) -> float:
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin
