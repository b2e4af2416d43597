"""``faltung kernels fit``: the kernel that best turns one picture into another."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import images, kernels
from ..errors import ImageError, KernelError
from ..kernels.describing import table
from . import words

Pixels = npt.NDArray[Any]
ILL_CONDITIONED = 1e6
"""Above it the picture before does not tell the taps apart."""


def run(options: argparse.Namespace) -> int:
    """Fit, print the taps and how sure they are, and write them on request."""
    if len(options.operands) != 2:
        raise KernelError("kernels: fit needs two pictures, as in: faltung kernels fit before.png after.png --size 5")
    target = None if options.output is None else _target(options.output)
    before, after = (read(Path(operand)) for operand in options.operands)
    found = kernels.fit(before, after, words.steps("--size", options.size), ridge=options.ridge)
    print(f"{'x'.join(map(str, found.kernel.shape))} {found.kernel.dtype}\n\n{table(found.kernel)}\n")
    print(f"residual  {found.residual:.4g} ({100 * found.relative_residual:.3g} % of the picture after)")
    print(f"condition {found.condition:.3g}{_advice(found.condition)}")
    print(f"nearest   {found.nearest.text} (likeness {found.nearest.score:.4f} of 1)")
    if target is not None:
        images.write(target, found.kernel)
    return 0


def _target(output: str) -> Path:
    target = Path(output)
    if target.suffix.lower() != ".npy":
        raise ImageError(f"kernels: {target}: the taps are written as .npy, which --kernel reads; name such a file")
    images.check_writable(target, (1,), np.float64)
    return target


def read(path: Path) -> Pixels:
    """One number for each pixel: a filter treats all colours alike, so it does the same to their mean."""
    pixels = images.read(path)
    if pixels.ndim != 3 or path.suffix.lower() == ".npy":
        return pixels
    colours = pixels.shape[2] - (pixels.shape[2] in (2, 4))
    return np.asarray(pixels[:, :, :colours].mean(axis=2, dtype=np.float64))


def _advice(condition: float) -> str:
    return "" if condition <= ILL_CONDITIONED else "; the picture before tells the taps apart badly: add --ridge 1e-4"
