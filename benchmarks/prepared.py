"""Exact integers beside floats, banks of kernels beside single ones, many images beside one: whole calls and plans.

Run as ``python -m benchmarks.prepared [threads]``; minima of interleaved calls, in ms.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from scipy import signal

import faltung as ft

ROUNDS = 7


def minima_ms(calls: list[Callable[[], Any]]) -> list[float]:
    """Shortest time of each call; all take turns, and one that overflows counts too."""
    found = [float("inf")] * len(calls)
    for _ in range(ROUNDS + 1):
        for number, call in enumerate(calls):
            start = time.perf_counter()
            with suppress(OverflowError):
                call()
            found[number] = min(found[number], (time.perf_counter() - start) * 1e3)
    return found


def integers() -> None:
    """A million samples of int64 by a hundred thousand taps; where no sum fits, until that is found."""
    rng = np.random.default_rng(2)
    print(f"{'bits':>9} {'call':>8} {'plan':>8} {'float64':>8} {'scipy':>8}  call and plan, times the float64 call")
    for bits in ((8, 8), (15, 15), (22, 22), (40, 5), (40, 40), (52, 52), (62, 62)):
        x, k = (rng.integers(-(2**each), 2**each, size) for each, size in zip(bits, (10**6, 10**5), strict=True))
        plan, real = ft.plan(ft.convolve, ft.Like(x.shape, "int64"), k), [x.astype(float), k.astype(float)]
        times = minima_ms([lambda x=x, k=k: ft.convolve(x, k), lambda x=x, plan=plan: plan(x),
                           lambda real=real: ft.convolve(*real), lambda real=real: signal.oaconvolve(*real)])
        row = " ".join(f"{each:8.1f}" for each in times)
        ratios = " ".join(f"{each / times[2]:.1f}" for each in times[:2])
        print(f"{bits[0] + 1:>4} x {bits[1] + 1:<2} {row}  {ratios}", flush=True)


def banks() -> None:
    """So many kernels against one image: in one call, one by one, as a layer; then with plans."""
    rng = np.random.default_rng(3)
    print(f"{'image':>6} {'kernel':>6} {'count':>5} {'call':>8} {'singles':>8} {'layer':>8} {'plan':>8} {'plans':>8}")
    for n, extent, count in ((256, 3, 8), (256, 7, 16), (512, 15, 16), (512, 31, 16), (1024, 64, 4)):
        x = rng.standard_normal((1, n, n), np.float32)
        w = rng.standard_normal((count, extent, extent), np.float32)
        plan = ft.plan(ft.correlate, ft.Like(x.shape), w, "same", axes=(1, 2))
        plans = [ft.plan(ft.correlate, ft.Like((n, n)), each, "same") for each in w]
        _row(n, extent, count, [
            lambda x=x, w=w: ft.correlate(x, w, "same", axes=(1, 2)),
            lambda x=x, w=w: [ft.correlate(x[0], each, "same") for each in w],
            lambda x=x, w=w: ft.conv(x[None], w[:, None], padding="same"),
            lambda x=x, plan=plan: plan(x), lambda x=x, plans=plans: [each(x[0]) for each in plans]])


def images() -> None:
    """So many images against one kernel: in one call, and one by one; then with a plan."""
    rng = np.random.default_rng(4)
    print(f"{'image':>6} {'kernel':>6} {'count':>5} {'call':>8} {'singles':>8} {'plan':>8} {'single':>8}")
    for n, extent, count in ((64, 5, 64), (256, 15, 8), (64, 31, 64), (256, 31, 8)):
        x, k = rng.standard_normal((count, n, n), np.float32), rng.standard_normal((extent, extent), np.float32)
        plan = ft.plan(ft.correlate, ft.Like(x.shape), k, "same", axes=(1, 2))
        one = ft.plan(ft.correlate, ft.Like((n, n)), k, "same")
        _row(n, extent, count, [
            lambda x=x, k=k: ft.correlate(x, k, "same", axes=(1, 2)),
            lambda x=x, k=k: [ft.correlate(each, k, "same") for each in x],
            lambda x=x, plan=plan: plan(x), lambda x=x, one=one: [one(each) for each in x]])


def _row(n: int, extent: int, count: int, calls: list[Callable[[], Any]]) -> None:
    print(f"{n:>6} {extent:>6} {count:>5} " + " ".join(f"{each:8.2f}" for each in minima_ms(calls)), flush=True)


def main() -> None:
    """All of them."""
    ft.set_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    integers()
    banks()
    images()


if __name__ == "__main__":
    main()
