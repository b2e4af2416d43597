"""Signals and volumes against NumPy, SciPy and torch: whole calls, every operand new to the library.

Run as ``python -m benchmarks.signals [threads]``; medians of interleaved runs.  NumPy and SciPy's signal functions know
one thread only, so with two the ratios are what a user gets, not what the code is worth.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from scipy import ndimage, signal

import faltung as ft
from benchmarks.interleaved import median_ms

LENGTHS = (10**3, 10**4, 10**5, 10**6, 10**7)
TAPS = (3, 31, 63, 255, 1025, 10**4, 10**5)
VOLUMES = ((64, 3), (64, 7), (128, 5), (128, 11), (128, 21), (192, 9))
MOST_PRODUCTS = 2e9
"""More than these are not summed one by one by a peer: it would take seconds."""
BUDGET_S = 0.5

Calls = dict[str, Callable[[], Any]]


def lines(torch: Any) -> list[float]:
    """One-dimensional signals; the ratio of each case against the quickest peer."""
    rng, ratios = np.random.default_rng(0), []
    print(f"{'dtype':>8} {'samples':>9} {'taps':>7} {'ours ms':>9} {'method':>8} {'best peer ms':>24} {'ratio':>6}")
    for dtype in ("float32", "float64"):
        for n in LENGTHS:
            for taps in TAPS:
                if taps > n:
                    continue
                x, k = (rng.standard_normal(size).astype(dtype) for size in (n, taps))
                peers: Calls = {"oaconvolve": lambda x=x, k=k: signal.oaconvolve(x, k)}
                if n * taps < MOST_PRODUCTS:
                    peers["np.convolve"] = lambda x=x, k=k: np.convolve(x, k)
                if n <= 10**6:
                    peers["fftconvolve"] = lambda x=x, k=k: signal.fftconvolve(x, k)
                plan = ft.plan(ft.convolve, x, ft.Like(k.shape, dtype))
                ratios.append(_row(f"{dtype:>8} {n:>9} {taps:>7}", lambda x=x, k=k: ft.convolve(x, k), peers, plan))
    return ratios


def volumes(torch: Any) -> list[float]:
    """Three-dimensional volumes."""
    rng, ratios = np.random.default_rng(1), []
    print(f"{'dtype':>8} {'extent':>9} {'kernel':>7}")
    for dtype in ("float32", "float64"):
        for n, extent in VOLUMES:
            x, k = (rng.standard_normal((size,) * 3).astype(dtype) for size in (n, extent))
            tx, tk = (torch.from_numpy(array)[None, None] for array in (x, k))
            peers: Calls = {"fftconvolve": lambda x=x, k=k: signal.fftconvolve(x, k, "same"),
                            "oaconvolve": lambda x=x, k=k: signal.oaconvolve(x, k, "same")}
            if x.size * k.size < MOST_PRODUCTS:
                peers["ndimage"] = lambda x=x, k=k: ndimage.convolve(x, k, mode="constant")
                peers["torch"] = lambda tx=tx, tk=tk, p=extent // 2: torch.nn.functional.conv3d(tx, tk, padding=p)
            plan = ft.plan(ft.convolve, x, ft.Like(k.shape, dtype), "same")
            own = lambda x=x, k=k: ft.convolve(x, k, "same")  # noqa: E731 one of several calls
            ratios.append(_row(f"{dtype:>8} {n:>7}^3 {extent:>5}^3", own, peers, plan))
    return ratios


def integers() -> None:
    """Long sums of large integers, exact, beside the same in float64."""
    rng = np.random.default_rng(2)
    print("1,000,000 int64 samples, 100,000 taps; ms, and times the float64 call")
    for bits in (8, 15, 22):
        x, k = (rng.integers(-(2**bits), 2**bits, size) for size in (10**6, 10**5))
        real = [array.astype(float) for array in (x, k)]
        calls = [lambda x=x, k=k: ft.convolve(x, k), lambda real=real: ft.convolve(*real)]
        own, floats = median_ms(calls, 4 * BUDGET_S)
        print(f"{bits + 1:>3} bits {own:9.1f} {floats:9.1f} {own / floats:6.2f}", flush=True)


def _row(name: str, own: Callable[[], Any], peers: Calls, plan: Any) -> float:
    ours, *theirs = median_ms([own, *peers.values()], BUDGET_S)
    best, time = min(zip(peers, theirs, strict=True), key=lambda pair: pair[1])
    print(f"{name} {ours:9.3f} {plan.recipe.algorithm:>8} {best:>12} {time:11.3f} {time / ours:6.2f}", flush=True)
    return time / ours


def _mean(ratios: list[float]) -> float:
    return float(np.exp(np.mean(np.log(ratios))))


def main() -> None:
    """All of them."""
    torch = import_module("torch")
    threads = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    ft.set_threads(threads)
    torch.set_num_threads(threads)
    print(f"{threads} thread{'s' * (threads > 1)}")
    for what, ratios in (("lines", lines(torch)), ("volumes", volumes(torch))):
        print(f"{what}: geometric mean {_mean(ratios):.2f}, least {min(ratios):.2f}, "
              f"{sum(ratio >= 1 for ratio in ratios)} of {len(ratios)} at least even")
    integers()


if __name__ == "__main__":
    main()
