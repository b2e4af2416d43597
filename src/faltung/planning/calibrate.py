"""What the processor can do at most, measured: multiply-adds from registers, and copying memory."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from ..compiler import cache, jit
from ..compiler.emit import Module, constant, vector
from ..compiler.memory import aligned
from ..compiler.threads import get_threads
from ..machine import Machine, detect

TURNS = 200_000
COPY_BYTES = 64 << 20


def _emit_peak(machine: Machine, element: str, size: int) -> tuple[str, int]:
    """A loop of independent multiply-adds that never touches memory; operations of one turn."""
    lanes = machine.vector_bytes // size
    count = 24 if machine.registers > 16 else 12
    module, kind = Module(), vector(element, lanes)
    f = module.function("peak", "void", [("i64", "turns"), ("ptr", "numbers")], internal=False)
    turns, numbers = f.arguments
    a, b = f.load(kind, numbers), f.load(kind, f.at(numbers, machine.vector_bytes))
    with f.loop(0, turns, carry=[constant(kind, 1)] * count) as loop:
        loop.carry([f.fma(total, a, b) for total in loop.carried])
    assert loop.results is not None
    total = loop.results[0]
    for other in loop.results[1:]:
        total = f.value(f.add(total, other))
    f.store(total, numbers)
    f.finish()
    return module.text(), count * lanes * 2


def _all_at_once(work: Callable[[], object], threads: int) -> float:
    """Seconds until ``threads`` threads have each done the work; the median of several rounds."""
    rounds = []
    for _ in range(7):
        barrier = threading.Barrier(threads + 1)

        def turn(barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            work()

        crew = [threading.Thread(target=turn) for _ in range(threads)]
        for member in crew:
            member.start()
        barrier.wait()
        begin = time.perf_counter()
        for member in crew:
            member.join()
        rounds.append(time.perf_counter() - begin)
    return median(rounds)


def peak_flops(dtype: str = "float32", threads: int = 1) -> float:
    """Floating-point operations a second, a multiply-add counted as two, from registers alone."""
    peak, operations = _load_peak(dtype)
    numbers = [np.full(32, 0.5, dtype) for _ in range(threads)]
    free = iter(range(10**9))

    def work() -> None:
        peak(TURNS * 4, numbers[next(free) % threads].ctypes.data)

    return threads * TURNS * 4 * operations / _all_at_once(work, threads)


def best_flops(dtype: str) -> float:
    """The same for one thread, as the best of many short turns: what else runs meanwhile does not count."""
    peak, operations = _load_peak(dtype)
    numbers = np.full(32, 0.5, dtype)
    turns, best = TURNS // 10, float("inf")
    for _ in range(100):
        begin = time.perf_counter()
        peak(turns, numbers.ctypes.data)
        best = min(best, time.perf_counter() - begin)
    return turns * operations / best


def _load_peak(dtype: str) -> tuple[Any, int]:
    """The loop, and the operations of one turn."""
    machine = detect()
    element, size = {"float32": ("float", 4), "float64": ("double", 8)}[dtype]
    ir, operations = _emit_peak(machine, element, size)
    library = jit.load(f"peak {dtype}", machine, ("peak",), lambda: ir)
    return library.function("peak", None, ctypes.c_int64, ctypes.c_void_p), operations


def copying(size_bytes: int, turns: int) -> Callable[[], None]:
    """A call that copies the same bytes so many times, in generated code: a cache's speed, without Python's share."""
    machine = detect()
    step = 4 * machine.vector_bytes
    library = jit.load("copy", machine, ("copy",), lambda: _emit_copy(machine))
    run = library.function("copy", None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
    source, target = (aligned((size_bytes // step * step,), np.uint8) for _ in range(2))
    source[...] = 1
    return lambda: run(source.ctypes.data, target.ctypes.data, size_bytes // step, turns)


def _emit_copy(machine: Machine) -> str:
    """copy(source, target, pieces, turns): four vectors at a time."""
    module, kind, width = Module(), vector("i32", machine.vector_bytes // 4), machine.vector_bytes
    f = module.function("copy", "void", [("ptr", "source"), ("ptr", "target"), ("i64", "pieces"), ("i64", "turns")],
                        internal=False)
    source, target, pieces, turns = f.arguments
    with f.loop(0, turns), f.loop(0, pieces) as piece:
        begin = f.mul(piece.index, 4 * width)
        for offset in range(0, 4 * width, width):
            place = f.add(begin, offset)
            f.store(f.load(kind, f.at(source, place)), f.at(target, place))
    f.finish()
    return module.text()


def copy_bandwidth(threads: int = 1) -> float:
    """Bytes a second of copying a large array, reads plus writes."""
    pairs = [(np.ones(COPY_BYTES, np.uint8), np.ones(COPY_BYTES, np.uint8)) for _ in range(threads)]
    free = iter(range(10**9))

    def work() -> None:
        source, target = pairs[next(free) % threads]
        np.copyto(target, source)

    return threads * 2 * COPY_BYTES / _all_at_once(work, threads)


def measure() -> dict[str, str]:
    """Lines for `faltung doctor`: peaks and bandwidth for one thread and for all, and the cache's folder."""
    threads = get_threads()
    lines = {}
    for dtype in ("float32", "float64"):
        for count in sorted({1, threads}):
            lines[f"peak {dtype}, {count} thread{'s' * (count > 1)}"] = f"{peak_flops(dtype, count) / 1e9:.1f} GFLOP/s"
    for count in sorted({1, threads}):
        lines[f"copy, {count} thread{'s' * (count > 1)}"] = f"{copy_bandwidth(count) / 1e9:.1f} GB/s"
    lines["threads"] = str(threads)
    lines["object cache"] = f"{cache.folder()} ({cache.size_bytes():,} bytes)"
    return lines
