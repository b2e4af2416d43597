"""Measure the transforms that `fourier` generates, loads and stores included, beside those of SciPy and NumPy.

`python -m benchmarks.transforms` prints a Markdown table.  A tile of N by N real samples is read as rows and left
as a spectrum; the count is the usual one for real input, 2.5 n log2 n with n = N * N.  All on one thread.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.harness import no_collection
from benchmarks.report import table
from faltung.algorithms.fourier.columns import twiddles
from faltung.algorithms.fourier.plane import Plane
from faltung.algorithms.fourier.plane_code import PlaneCode
from faltung.algorithms.fourier.plane_program import emit_spectrum
from faltung.algorithms.fourier.tiles import Tiling
from faltung.compiler import jit
from faltung.compiler.emit import Module
from faltung.compiler.memory import aligned
from faltung.machine import detect
from faltung.problem.problem import Problem

TARGET = 25.0
"""GFLOP/s of float32 tiles of 64 and 128."""

ROUNDS, SECONDS = 25, 0.004


class Forward:
    """The forward transform of a tile of ``n`` by ``n`` samples: the code that transforms kernels of that size."""

    def __init__(self, n: int, dtype: str) -> None:
        self.plane = Plane((n, n), dtype, detect())
        text = self._program(n, dtype)
        library = jit.load(f"transform {text}", detect(), ("spectrum",), lambda: text)
        self.function = library.function("spectrum", None, *[ctypes.c_void_p] * 5)
        self.tile = aligned((n, n), dtype)
        self.tile[...] = np.random.default_rng(n).standard_normal((n, n))
        self.spectrum = aligned((self.plane.spectrum_bytes,), np.uint8)
        strip = aligned((self.plane.strip_bytes,), np.uint8)
        self.kept = (strip, *(twiddles(self.plane.splits(axis), dtype) for axis in (0, 1)))
        arrays = (self.tile, self.spectrum, *self.kept)
        self.addresses = [array.ctypes.data for array in arrays]

    def _program(self, n: int, dtype: str) -> str:
        """Write the functions for a kernel as large as the tile."""
        one, zero = (1, 1), (0, 0)
        problem = Problem((), 1, 1, 1, (n, n), (n, n), one, zero, one, one, one, ((0, 0), (0, 0)),
                          image_dtype=dtype, kernel_dtype=dtype, accumulator_dtype=dtype, output_dtype=dtype)
        module = Module()
        code = PlaneCode(self.plane, module)
        code.emit_strips()
        code.emit_part()
        emit_spectrum(module, code, Tiling(problem, (n, n)))
        return module.text()

    def __call__(self) -> None:
        self.function(*self.addresses)


def seconds(calls: list[Callable[[], object]]) -> list[float]:
    """Return the median time of each call; the calls take turns."""
    repeats = []
    for call in calls:
        start = time.perf_counter()
        call()
        call()
        repeats.append(max(1, int(2 * SECONDS / (time.perf_counter() - start))))
    samples: list[list[float]] = [[] for _ in calls]
    with no_collection():
        for _ in range(ROUNDS):
            for call, count, found in zip(calls, repeats, samples, strict=True):
                start = time.perf_counter()
                for _ in range(count):
                    call()
                found.append((time.perf_counter() - start) / count)
    return [median(found) for found in samples]


def measure() -> list[dict[str, Any]]:
    """Return for each tile its extent and dtype, and GFLOP/s of ours, of SciPy's (in the tile's dtype), of NumPy's."""
    import scipy.fft

    found = []
    for dtype in ("float32", "float64"):
        for n in (32, 64, 128, 256, 512):
            ours = Forward(n, dtype)
            tile, samples = ours.tile, n * n
            times = seconds([ours, lambda tile=tile: scipy.fft.rfft2(tile), lambda tile=tile: np.fft.rfft2(tile)])
            rates = [2.5 * samples * np.log2(samples) / t * 1e-9 for t in times]
            row = dict(zip(("faltung", "scipy", "numpy"), rates, strict=True))
            found.append({"extent": n, "dtype": dtype, "gflops": row, "verdict": _verdict(n, dtype, rates[0])})
    return found


def _verdict(n: int, dtype: str, rate: float) -> str:
    if dtype != "float32" or n not in (64, 128):
        return ""
    return "met" if rate >= TARGET else "MISSED"


def markdown(rows: list[dict[str, Any]]) -> str:
    """Return the table."""
    head = ["tile", "dtype", *(f"{name}, GFLOP/s" for name in rows[0]["gflops"]), f"{TARGET:g} wanted"]
    return table(head, ([f"{r['extent']}x{r['extent']}", r["dtype"], *(f"{rate:.1f}" for rate in r["gflops"].values()),
                         r["verdict"]] for r in rows))


def main() -> int:
    """Measure, print and save; return 1 if the target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transforms", description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("benchmarks/results"))
    options, rows = parser.parse_args(), measure()
    print(markdown(rows))
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "transforms.json").write_text(json.dumps(rows, indent=1) + "\n")
    return int(any(row["verdict"] == "MISSED" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
