"""What a training looks like: learning curve and confusion matrix in the terminal, kernels as PNG."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, isfinite, log, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import images
from ..layers.training import Epoch

Array = npt.NDArray[Any]
_WIDE = 8
"""Losses that differ by more are drawn by their logarithms."""
_MOST_CLASSES = 20
"""A larger table fits no terminal; the confusions are listed instead."""


def can_draw() -> bool:
    """Whether Matplotlib is there, for curve and matrix."""
    from importlib.util import find_spec

    return find_spec("matplotlib") is not None


# ---------------------------------------------------------------- in the terminal

def curve(history: Sequence[Epoch], width: int = 60, height: int = 10) -> str:
    """Draw the losses over the epochs with letters: ``*`` while learning, ``o`` on the test images.

    >>> print(curve([Epoch(1, 4.0, 0.5, 3.4, 0.6, 1.0), Epoch(2, 2.0, 0.7, 2.6, 0.7, 1.0)], 20, 4))
    loss (* learning, o test)
       4 |*
         |o
         |                   o
       2 |                   *
         +--------------------
          1                  2
    """
    series = {"*": [epoch.loss for epoch in history], "o": [epoch.test_loss for epoch in history]}
    values = [value for line in series.values() for value in line if isfinite(value)]
    low, high = min(values), max(values)
    # Losses fall by orders: their logarithms show what happens late.
    height_of = log if low > 0 and high > _WIDE * low else float
    top, depth = height_of(high), height_of(high) - height_of(low)
    room = [[" "] * width for _ in range(height)]
    for letter, line in series.items():
        for number, value in enumerate(line):
            if isfinite(value):
                column = round(number * (width - 1) / max(len(line) - 1, 1))
                row = round((top - height_of(value)) * (height - 1) / (depth or 1))
                room[row][column] = letter if room[row][column] in (" ", letter) else "@"
    ends = [f"{high:.3g}", f"{low:.3g}"]
    margin = max(4, *map(len, ends))
    labels = [ends[0], *[""] * (height - 2), ends[1]]
    lines = [f"{label:>{margin}} |{''.join(row)}".rstrip() for label, row in zip(labels, room, strict=True)]
    feet = f"{history[0].number}{history[-1].number:>{width - len(str(history[0].number))}}"
    return "\n".join(["loss (* learning, o test)", *lines, f"{'':{margin}} +{'-' * width}", f"{'':{margin}}  {feet}"])


def confusion(counts: Array, classes: Sequence[str]) -> str:
    """Write a confusion matrix: what it is downwards, what it was taken for to the right.

    >>> print(confusion(np.array([[8, 0], [1, 9]]), ("cat", "dog")))
    taken for   cat  dog
          cat     8    .
          dog     1    9
    """
    if len(classes) > _MOST_CLASSES:
        return _worst(counts, classes)
    names = [name if len(name) <= 12 else f"{name[:11]}~" for name in classes]
    margin = max(9, *map(len, names))
    width = max(3, *map(len, names), len(str(counts.max())))
    lines = [f"{'taken for':<{margin}} " + "".join(f"  {name:>{width}}" for name in names)]
    for name, row in zip(names, counts, strict=True):
        lines.append(f"{name:>{margin}} " + "".join(f"  {count or '.':>{width}}" for count in row.tolist()))
    return "\n".join(lines)


def _worst(counts: Array, classes: Sequence[str], most: int = 10) -> str:
    """List the confusions that occur most."""
    wrong = counts - np.diag(np.diag(counts))
    lines = ["most confused:"]
    for place in np.argsort(-wrong, axis=None, kind="stable")[:most]:
        true, taken = divmod(int(place), len(classes))
        if wrong[true, taken]:
            lines.append(f"  {classes[true]} taken for {classes[taken]}: {wrong[true, taken]} of {counts[true].sum()}")
    return "\n".join(lines if len(lines) > 1 else ["no confusions"])


# ---------------------------------------------------------------- as PNG

def kernels_png(path: Path, taps: Array, columns: int | None = None, side: int = 96) -> None:
    """Draw kernels of shape (count, channels, height, width) side by side.

    Grey is zero, white and black are the largest tap of the kernel, up and down; three channels are colours.
    """
    count, channels, height, width = taps.shape
    seen = taps if channels in (1, 3) else taps.mean(axis=1, keepdims=True)
    largest = np.abs(seen).max(axis=(1, 2, 3), keepdims=True)
    shades = np.rint(127.5 + 127.5 * seen / np.where(largest > 0, largest, 1)).astype(np.uint8)
    big = max(side // max(height, width), 1)
    tiles = shades.transpose(0, 2, 3, 1).repeat(big, axis=1).repeat(big, axis=2)
    columns = columns or min(ceil(sqrt(2 * count)), count)
    rows, gap = ceil(count / columns), 6
    sheet = np.full((rows * (height * big + gap) + gap, columns * (width * big + gap) + gap, tiles.shape[3]), 255,
                    np.uint8)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        top, left = gap + row * (height * big + gap), gap + column * (width * big + gap)
        sheet[top : top + height * big, left : left + width * big] = tile
    images.write(path, sheet)
