"""One-channel images under known kernels: gaussians, boxes, slopes, random ones, against OpenCV and scipy.ndimage.

Run as ``python -m benchmarks.known_kernels [--quick]``: a Markdown table of medians over interleaved rounds, in ms,
each timed call after one that is not; then the geometric means of peer's time / faltung's.  Every tool is asked in the
way that suits it best; faltung by plans with known kernels, as OpenCV's functions know theirs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import faltung as ft

from .interleaved import median_ms
from .matching import load, scene

BUDGET_S, PAUSE_S = 0.6, 1e-4
SLOW_SAMPLES = 4 << 20
"""Kernels' taps times pixels, in multiples of this, from which on ndimage's plain sums are left out."""

Call = Callable[[], Any]


@dataclass(frozen=True)
class Case:
    """A kernel, and what each peer does with it."""

    name: str
    kernel: np.ndarray
    opencv: Callable[[Any, np.ndarray], Call]
    ndimage: Callable[[Any, np.ndarray], Call] | None
    wide: bool = False
    """Whether results of bytes are kept as int16."""


def cases(*, quick: bool) -> Iterator[Case]:
    for sigma in (1.0, 4.0) if quick else (0.8, 1.0, 2.0, 4.0, 8.0):
        yield _gaussian(sigma)
    for extent in (3, 15) if quick else (3, 7, 15, 31, 63):
        yield _box(extent)
    yield _slope()
    yield _plain("laplacian", np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]]), wide=True)
    for extent in (3, 15) if quick else (3, 5, 7, 9, 15, 31, 63):
        values = np.random.default_rng(extent).random((extent, extent))
        yield _plain(f"random {extent}x{extent}", values / values.sum())


def _gaussian(sigma: float) -> Case:
    kernel = ft.kernels.gaussian(sigma, 2)
    extent = len(kernel)
    return Case(f"gaussian {sigma:g} ({extent}x{extent})", kernel,
                lambda cv2, x: lambda: cv2.GaussianBlur(x, (extent, extent), sigma),
                lambda ndimage, x: lambda: ndimage.gaussian_filter(x, sigma, mode="mirror", radius=extent // 2))


def _box(extent: int) -> Case:
    return Case(f"box {extent}x{extent}", np.full((extent, extent), 1 / extent**2),
                lambda cv2, x: lambda: cv2.blur(x, (extent, extent)),
                lambda ndimage, x: lambda: ndimage.uniform_filter(x, extent, mode="mirror"))


def _slope() -> Case:
    def opencv(cv2: Any, x: np.ndarray) -> Call:
        return lambda: cv2.Sobel(x, cv2.CV_16S if x.dtype == np.uint8 else -1, 1, 0, ksize=3)

    return Case("sobel", np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]), opencv,
                lambda ndimage, x: lambda: ndimage.sobel(x, 1, _output(x, wide=True), mode="mirror"), wide=True)


def _plain(name: str, kernel: np.ndarray, *, wide: bool = False) -> Case:
    def opencv(cv2: Any, x: np.ndarray) -> Call:
        depth = cv2.CV_16S if wide and x.dtype == np.uint8 else -1
        if name == "laplacian":
            return lambda: cv2.Laplacian(x, depth, ksize=1)
        taps = kernel.astype(np.float64 if x.dtype == np.float64 else np.float32)
        return lambda: cv2.filter2D(x, depth, taps)

    def ndimage(module: Any, x: np.ndarray) -> Call:
        return lambda: module.correlate(x, kernel, _output(x, wide=wide), mode="mirror")

    return Case(name, kernel, opencv, ndimage, wide)


def _output(x: np.ndarray, *, wide: bool) -> Any:
    return np.int16 if wide and x.dtype == np.uint8 else x.dtype


def ours(case: Case, x: np.ndarray) -> Call:
    """A plan with the kernel known, in the image's own precision; whole numbers stay whole for bytes."""
    kernel = case.kernel
    if x.dtype != np.uint8 or not case.wide:
        kernel = kernel.astype(np.float64 if x.dtype == np.float64 else np.float32)
    plan = ft.plan(ft.correlate, x, kernel, "same", border="reflect", overflow="saturate",
                   dtype=_output(x, wide=case.wide))
    return lambda: plan(x)


def line(case: Case, x: np.ndarray, threads: int, ratios: dict[str, list[float]]) -> str:
    cv2, ndimage = load("cv2"), load("scipy.ndimage")
    calls: dict[str, Call] = {"faltung": ours(case, x)}
    if cv2:
        calls["OpenCV"] = case.opencv(cv2, x)
    plain = case.name.startswith("random")
    if ndimage and case.ndimage and not (plain and x.size * case.kernel.size > 64 * SLOW_SAMPLES):
        calls["ndimage"] = case.ndimage(ndimage, x)
    inner = (slice(*([70, -70] if len(x) > 200 else [None])),) * 2
    wanted = np.asarray(calls["faltung"](), np.float64)[inner]
    if cv2:
        apart = np.abs(np.asarray(calls["OpenCV"](), np.float64)[inner] - wanted).max()
        if apart > (2.5 if x.dtype == np.uint8 else 1e-3):
            raise SystemExit(f"{case.name} {x.dtype}: OpenCV is {apart:g} away")
    times = dict(zip(calls, median_ms(list(calls.values()), BUDGET_S, least=3, pause_s=PAUSE_S), strict=True))
    for name, value in times.items():
        ratios.setdefault(name, []).append(value / times["faltung"])
    cells = " | ".join(f"{times[name]:.3g}" if name in times else "" for name in ("faltung", "OpenCV", "ndimage"))
    ratio = " | ".join(f"{times[name] / times['faltung']:.2f}" if name in times else "" for name in
                       ("OpenCV", "ndimage"))
    return f"| {case.name} | {len(x)} | {x.dtype} | {threads} | {cells} | {ratio} |"


def main() -> None:
    quick = "--quick" in sys.argv
    print("| kernel | pixels | dtype | threads | faltung | OpenCV | ndimage | OpenCV / faltung | ndimage / faltung |")
    print("|" + " --- |" * 9)
    ratios: dict[str, list[float]] = {}
    for size in (512,) if quick else (512, 2048, 4096):
        for dtype in ("float32", "float64", "uint8"):
            x = scene(size, "uint8" if dtype == "uint8" else "float32").astype(dtype)
            for threads in (1, 2):
                ft.set_threads(threads)
                if cv2 := load("cv2"):
                    cv2.setNumThreads(threads)
                for case in cases(quick=quick):
                    print(line(case, x, threads, ratios), flush=True)
    for name, values in ratios.items():
        if name != "faltung":
            print(f"geometric mean of {len(values)} against {name}: {np.exp(np.mean(np.log(values))):.2f}, "
                  f"least {min(values):.2f}")


if __name__ == "__main__":
    main()
