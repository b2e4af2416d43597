"""How long animations take, and how large they are: `python -m benchmarks.animations` draws 200 steps of each scene."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import faltung as ft
from faltung.show.grids import Arithmetic
from faltung.show.numbers import Numbers
from faltung.show.overlap import Overlap
from faltung.show.scene import Scene
from faltung.show.sliding import Sliding

STEPS, WIDTH = 200, 800
GIF_SECONDS, GIF_BYTES, PAGE_BYTES = 10.0, 5e6, 1e6


def scenes() -> dict[str, Scene]:
    """Scenes of so many steps and more."""
    rng = np.random.default_rng(5)
    image = rng.integers(0, 256, (16, 16), np.uint8)
    return {
        "two functions": Overlap("box", "triangle", shifts=np.linspace(-1.6, 1.6, STEPS)),
        "a signal": Sliding(rng.integers(-3, 4, STEPS), [1, 2, 3, 2, 1]),
        "an image": Numbers(image, ft.kernels.named("sobel")),
        "a large kernel": Numbers(image, ft.kernels.named("gaussian:sigma=1,size=7"), size=(16, 16)),
        "a layer": Arithmetic((15, 15), (3, 3), padding=1),
    }


def main() -> int:
    """Print a table; exit status 1 if a promise is not kept."""
    print(f"{STEPS} steps, {WIDTH} pixels wide")
    missed = 0
    suffixes = (".gif", ".html", *([".mp4"] if shutil.which("ffmpeg") else []))
    with tempfile.TemporaryDirectory() as folder:
        for name, scene in scenes().items():
            # One that has fewer goes on from its start.
            steps = [number % scene.steps for number in range(STEPS)]
            for suffix in suffixes:
                begin = time.process_time(), time.perf_counter()
                path = ft.show.animate(scene, Path(folder) / f"a{suffix}", width=WIDTH, steps=steps)
                # Of the processor: it draws on one thread, and others on the machine do not count.
                seconds, passed = time.process_time() - begin[0], time.perf_counter() - begin[1]
                size = path.stat().st_size
                bad = (suffix == ".gif" and (seconds > GIF_SECONDS or size > GIF_BYTES)) or (
                    suffix == ".html" and size > PAGE_BYTES)
                missed |= bad
                print(f"{name:<15} {suffix:<6} {seconds:6.1f} s, {passed:5.1f} s passed {size / 1e6:7.2f} MB"
                      f"{'  too much' if bad else ''}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
