"""``faltung train kernel``: an unknown kernel, learned from a picture before and after it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from .. import images
from ..errors import DataError, KernelError
from ..kernels.describing import picture, table
from ..layers.kernel_learning import Frame, learn_kernel
from . import pictures, words
from .fit import read
from .kernels import shades

STEPS = 600


def run(options: argparse.Namespace) -> int:
    """Learn, show the kernel growing, and name the nearest of the catalogue."""
    if len(options.what) != 3:
        raise KernelError("train: kernel needs two pictures, as in: faltung train kernel before.png after.png --size 5")
    for name in ("data", "batch", "rate", "network", "seed", "test", "evaluate"):
        if getattr(options, name) is not None:
            raise DataError(f"train: --{name} is not for kernel; leave it out")
    if options.resume:
        raise DataError("train: --resume is not for kernel; leave it out")
    steps = STEPS if options.epochs is None else options.epochs
    if steps < 1:
        raise DataError(f"train: --epochs {steps} must be at least 1")
    folder = Path(options.output or "kernel-training")
    before, after = (read(Path(operand)) for operand in options.what[1:])
    frames = _Frames()
    learned = learn_kernel(before, after, words.steps("--size", options.size or "5"), steps=steps, on_step=frames.see)
    frames.see(learned.frames[-1], last=True)
    shape = "x".join(map(str, learned.kernel.shape))
    print(f"\n{shape} {learned.kernel.dtype}, after {learned.frames[-1].step} steps\n\n{table(learned.kernel)}\n")
    portion = 100 * learned.residuals[-1] / (learned.spread or 1)
    print(f"offset    {learned.offset:.4g}")
    print(f"residual  {learned.residuals[-1]:.4g} ({portion:.3g} % of the picture after)")
    print(f"nearest   {learned.nearest.text} (likeness {learned.nearest.score:.4f} of 1)")
    folder.mkdir(parents=True, exist_ok=True)
    images.write(folder / "kernel.npy", learned.kernel)
    written = ["kernel.npy"]
    if learned.kernel.ndim == 2:
        taps = np.stack([frame.kernel for frame in learned.frames])[:, None]
        pictures.kernels_png(folder / "growth.png", taps, columns=len(taps))
        written.append("growth.png")
    print(f"written to {folder}: {', '.join(written)}")
    return 0


class _Frames:
    """Small pictures of the kernel: one over the other on a terminal, at doubling steps elsewhere."""

    def __init__(self) -> None:
        self.lines, self.shown = 0, 0
        self.over = sys.stdout.isatty()

    def see(self, frame: Frame, *, last: bool = False) -> None:
        """Show a frame, if it is time for one."""
        doubled = frame.step & (frame.step - 1) == 0
        if not (doubled or last or (self.over and frame.step % 5 == 0)) or (self.shown == frame.step):
            return
        self.shown = frame.step
        drawn = picture(frame.kernel, shades=shades()).split("\n")
        # Lines are as many at each step, so that the next frame covers this one.
        drawn += [""] * (frame.kernel.shape[0] - len(drawn))
        text = [f"step {frame.step}: residual {frame.residual:.4g}", *drawn]
        up = f"\x1b[{self.lines}A" if self.over and self.lines else ""
        clear = "\x1b[K" if self.over else ""
        print(up + "\n".join(f"{line}{clear}" for line in text), flush=True)
        self.lines = len(text)
