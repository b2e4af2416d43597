"""Patterns and missing values: time and memory against OpenCV, scikit-image and astropy.

Run as ``python -m benchmarks.matching [--quick]``; whatever is not installed is left out.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

import faltung as ft
from benchmarks.interleaved import median_ms

CASES = [(512, 8), (512, 32), (1024, 16), (1024, 64), (2048, 32), (2048, 128), (4096, 8), (4096, 256)]
BUDGET_S = 2.0


def scene(size: int, dtype: str) -> np.ndarray:
    """Smooth noise, as a photograph has it."""
    noise = np.random.default_rng(0).normal(size=(size, size)).astype(np.float32)
    k = ft.kernels.gaussian(3, ndim=1).astype(np.float32)
    for axis in (0, 1):
        noise = ft.correlate(noise, k, "same", axes=axis, border="wrap")
    noise = (noise - noise.min()) / (noise.max() - noise.min())
    return np.rint(255 * noise).astype(np.uint8) if dtype == "uint8" else noise


def load(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        return None


def matching(cases: list[tuple[int, int]], threads: int) -> None:
    """Score maps on so many threads (scikit-image has but one)."""
    cv2, feature = load("cv2"), load("skimage.feature")
    ft.set_threads(threads)
    if cv2:
        cv2.setNumThreads(threads)
    print(f"{threads} thread{'s' * (threads > 1)}")
    print(f"{'image':>6} {'pattern':>8} {'dtype':>8} {'faltung':>10} {'masked':>10} {'OpenCV':>10} {'scikit':>10}   "
          "in ms, and their ratios to faltung")
    for size, extent in cases:
        for dtype in ("uint8", "float32"):
            image = scene(size, dtype)
            pattern = image[50 : 50 + extent, 60 : 60 + extent].copy()
            mask = np.ones(pattern.shape, np.uint8)
            mask[: extent // 2, : extent // 2] = 0
            calls: list[Callable[[], Any]] = [
                lambda x=image, t=pattern: ft.match(x, t),
                lambda x=image, t=pattern, m=mask: ft.match(x, t, mask=m),
            ]
            if cv2:
                calls.append(lambda x=image, t=pattern: cv2.matchTemplate(x, t, cv2.TM_CCOEFF_NORMED))
            if feature:
                calls.append(lambda x=image, t=pattern: feature.match_template(x, t))
            times = median_ms(calls, BUDGET_S)
            others = "".join(f"{value:>10.2f} " for value in times[1:])
            ratios = "  ".join(f"{value / times[0]:.2f}" for value in times[1:])
            print(f"{size:>6} {extent:>8} {dtype:>8} {times[0]:>10.2f} {others}  {ratios}", flush=True)


def missing() -> None:
    """A gaussian blur that leaves NaN out."""
    astropy = load("astropy.convolution")
    for size, sigma, dtype in ((512, 2.0, "float32"), (512, 2.0, "float64"), (1024, 4.0, "float64")):
        x = scene(size, "float32").astype(dtype)
        x[np.random.default_rng(1).random(x.shape) < 0.05] = np.nan
        k = ft.kernels.gaussian(sigma, ndim=2).astype(dtype)
        calls: list[Callable[[], Any]] = [lambda x=x, k=k: ft.convolve(x, k, "same", nan_policy="omit"),
                                          lambda x=x, k=k: ft.convolve(x, k, "same")]
        if astropy:
            calls.append(lambda x=x, k=k: astropy.convolve(x, k, boundary="fill", fill_value=0))
        times = median_ms(calls, BUDGET_S)
        print(f"NaN omitted, {size}x{size} {dtype}, gaussian {k.shape[0]}x{k.shape[1]}: "
              f"faltung {times[0]:.2f} ms (plain {times[1]:.2f})"
              + (f", astropy {times[2]:.2f} ms, {times[2] / times[0]:.1f} times" if astropy else ""), flush=True)


# ---------------------------------------------------------------- memory

_PEAK = """
import numpy as np
from benchmarks.matching import scene, ft
image = scene({size}, {dtype!r})
pattern = image[50 : 50 + {extent}, 60 : 60 + {extent}].copy()
{setup}
def resident(name):
    return int(open("/proc/self/status").read().split(name + ":")[1].split()[0])
match(image[:300, :300], pattern)
open("/proc/self/clear_refs", "w").write("5")  # forget the peak until now
before = resident("VmRSS")
match(image, pattern)
print(resident("VmHWM") - before)
"""
_SETUPS = {
    "faltung": "match = ft.match",
    "OpenCV": "import cv2\nmatch = lambda x, t: cv2.matchTemplate(x, t, cv2.TM_CCOEFF_NORMED)",
    "scikit-image": "from skimage.feature import match_template as match",
}


def memory(size: int = 4096, extent: int = 64) -> None:
    """Growth of the largest resident set, each in a process of its own."""
    for dtype in ("uint8", "float32"):
        grown = {}
        for name, setup in _SETUPS.items():
            code = _PEAK.format(size=size, dtype=dtype, extent=extent, setup=setup)
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
            if done.returncode == 0:
                grown[name] = int(done.stdout) / 1024
        print(f"memory, {size}x{size} {dtype}, pattern {extent}: "
              + ", ".join(f"{name} {value:.0f} MiB" for name, value in grown.items()), flush=True)


def main() -> None:
    quick = "--quick" in sys.argv
    for threads in (1, 2):
        matching([case for case in CASES if case[0] <= 1024] if quick else CASES, threads)
    missing()
    memory(2048 if quick else 4096)


if __name__ == "__main__":
    main()
