"""What is done to images most, against OpenCV, scikit-image and scipy.ndimage.

Run as ``python -m benchmarks.images [--quick]``: a Markdown table of medians over interleaved rounds, in ms.  Whatever
is not installed is left out.  All work on one picture of smooth noise; scikit-image gives floats back, the others the
dtype of the picture.  OpenCV and ndimage are checked against faltung's result first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import faltung as ft

from .interleaved import median_ms
from .matching import load, scene

BUDGET_S = 1.0
"""For each line of the table."""
PAUSE_S = 1e-4
Call = Callable[[np.ndarray], Any]


@dataclass(frozen=True)
class Case:
    """One operation: how each tool is asked for it, and how far the results may lie apart."""

    name: str
    ours: Call
    peers: dict[str, Call] = field(default_factory=dict)
    near: float = 2.5
    """Grey values of 255: of 8 bits OpenCV blurs in fixed point, and ndimage cuts the fractions off after each axis."""


def cases() -> list[Case]:
    return [_blur(sigma) for sigma in (1.0, 4.0)] + [_sharpen(), _edges(), _pyramid()]


def _blur(sigma: float) -> Case:
    extent = 2 * int(np.ceil(4 * sigma)) + 1
    peers: dict[str, Call] = {}
    if cv2 := load("cv2"):
        peers["OpenCV"] = lambda x: cv2.GaussianBlur(x, (extent, extent), sigma)
    if filters := load("skimage.filters"):
        peers["scikit-image"] = lambda x: filters.gaussian(x, sigma, mode="mirror", truncate=extent // 2 / sigma,
                                                           preserve_range=True)
    if ndimage := load("scipy.ndimage"):
        peers["ndimage"] = lambda x: ndimage.gaussian_filter(x, sigma, mode="mirror", radius=extent // 2)
    return Case(f"blur, sigma {sigma:g}", lambda x: ft.images.blur(x, sigma), peers)


def _sharpen() -> Case:
    """By the unsharp mask, sigma 2 and amount 1."""
    peers: dict[str, Call] = {}
    if cv2 := load("cv2"):
        # Both in one step each, as one writes it; of 8 bits the blur is rounded before it is taken off.
        peers["OpenCV"] = lambda x: cv2.addWeighted(x, 2, cv2.GaussianBlur(x, (17, 17), 2), -1, 0)
    if filters := load("skimage.filters"):
        peers["scikit-image"] = lambda x: filters.unsharp_mask(x, 2, 1, preserve_range=True)
    return Case("sharpen, sigma 2", lambda x: ft.images.sharpen(x, 1, 2), peers, near=3)


def _edges() -> Case:
    """The magnitude of Sobel's slopes, in float32, as grey values per pixel."""
    peers: dict[str, Call] = {}
    if cv2 := load("cv2"):
        def edges(x: np.ndarray) -> Any:
            return cv2.magnitude(*(cv2.Sobel(x, cv2.CV_32F, dx, 1 - dx, scale=1 / 8) for dx in (0, 1)))

        peers["OpenCV"] = edges
    if filters := load("skimage.filters"):
        peers["scikit-image"] = lambda x: filters.sobel(x, mode="mirror") / np.sqrt(2)
    if ndimage := load("scipy.ndimage"):
        peers["ndimage"] = lambda x: np.hypot(*(ndimage.sobel(x, axis, np.float32, mode="mirror") / 8
                                                for axis in (0, 1)))
    return Case("edges, sobel", lambda x: ft.images.edges(x).magnitude, peers)


def _pyramid() -> Case:
    """Five halvings, gaussian."""
    peers: dict[str, Call] = {}
    if cv2 := load("cv2"):
        def halved(x: np.ndarray) -> Any:
            for _ in range(5):
                x = cv2.pyrDown(x)
            return x

        peers["OpenCV"] = halved
    if load("skimage.transform"):
        transform = load("skimage.transform")
        peers["scikit-image"] = lambda x: list(transform.pyramid_gaussian(x, 5, preserve_range=True))[-1]
    return Case("pyramid, 5 levels", lambda x: ft.images.pyramid(x, 6)[-1], peers)


def set_threads(count: int) -> None:
    """For all that listen; scikit-image and ndimage have one thread always."""
    ft.set_threads(count)
    if cv2 := load("cv2"):
        cv2.setNumThreads(count)


def line(case: Case, picture: np.ndarray, threads: int, names: list[str]) -> str:
    inner = (slice(32, -32),) * 2 if not case.name.startswith("pyramid") else (slice(4, -4),) * 2
    wanted = np.asarray(case.ours(picture), np.float64)[inner]
    scale = 1 if picture.dtype == np.uint8 else 255
    # scikit-image scales integers to 0..1 in its sobel, and has another bell in its pyramid: the time alone is shown.
    for name, peer in case.peers.items():
        apart = scale * np.abs(np.asarray(peer(picture), np.float64)[inner] - wanted).max()
        if name != "scikit-image" and apart > case.near:
            raise SystemExit(f"{case.name}: {name} is {apart:.2f} grey values away")
    calls = [case.ours, *case.peers.values()]
    # each timed call follows one that is not: none pays for what another tool left in the caches
    times = median_ms([lambda call=call: call(picture) for call in calls], BUDGET_S, least=5, pause_s=PAUSE_S)
    by_name = dict(zip(case.peers, times[1:], strict=True))
    cells = [f"{by_name[name]:.3g}" if name in by_name else "" for name in names]
    best = f"{min(times[1:]) / times[0]:.2f}" if by_name else ""
    first = f"| {case.name} | {len(picture)} | {picture.dtype} | {threads} | {times[0]:.3g} | "
    return f"{first}{' | '.join(cells)} | {best} |"


def main() -> None:
    names = ["OpenCV", "scikit-image", "ndimage"]
    print(f"| operation | pixels | dtype | threads | faltung | {' | '.join(names)} | best peer / faltung |")
    print("|" + " --- |" * (6 + len(names)))
    for size in (512,) if "--quick" in sys.argv else (512, 2048):
        for dtype in ("uint8", "float32"):
            picture = scene(size, dtype)
            for threads in (1, 2):
                set_threads(threads)
                for case in cases():
                    print(line(case, picture, threads, names), flush=True)


if __name__ == "__main__":
    main()
