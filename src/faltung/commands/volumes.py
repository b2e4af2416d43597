"""``faltung apply`` on .npy files that are larger than the memory it may use: block by block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..images import Request
from ..images.blocks import Finish, Source, run_blocks, settle
from .progress import Progress

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


@dataclass(frozen=True)
class Told:
    """What was done, for the line that is printed."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    algorithm: str
    blocks: int
    run_ms: float


def memory(text: str, option: str = "--memory") -> int:
    """Read ``512M`` as bytes.

    Examples
    --------
    >>> memory("2K"), memory("1000")
    (2048, 1000)
    """
    digits, unit = (text[:-1], text[-1].upper()) if text[-1:].isalpha() else (text, "")
    if not digits.isdecimal() or unit not in _UNITS or int(digits) < 1:
        raise ShapeError(f"{option} {text}: not a size; write bytes, or as 512M or 2G")
    return int(digits) * _UNITS[unit]


def is_large(source: Path, target: Path, max_bytes: int) -> bool:
    """Whether a file is filtered block by block: .npy to .npy, and larger than the memory given."""
    suffixes = {source.suffix.lower(), target.suffix.lower()}
    return suffixes == {".npy"} and source.is_file() and source.stat().st_size > max_bytes


def run(source: Path, target: Path, ask: Callable[[Source], Request], finish: Finish | None,
        dtype: np.dtype[Any] | None, repeat: int, max_bytes: int) -> Told:
    """Filter as often as asked, through files beside the target, with a bar that counts blocks."""
    first = Source(source)
    algorithm, blocks, start = "", 0, perf_counter()
    between: list[Path] = []
    try:
        for step in range(repeat):
            reader = first if step == 0 else Source(between[-1])
            place = target if step == repeat - 1 else target.with_name(f".{target.stem}.{step}.npy")
            if place != target:
                between.append(place)
            asked = settle(reader, ask(reader))
            algorithm = algorithm or str(asked.options["method"])
            bar = _Bar()
            run_blocks(reader, asked, place, max_bytes=max_bytes, progress=bar, finish=finish,
                       dtype=(dtype or reader.dtype) if finish else None)
            blocks = bar.total
            if len(between) > 1:
                between.pop(0).unlink()
    finally:
        for path in between:
            path.unlink(missing_ok=True)
    return Told(first.shape, first.dtype, algorithm, blocks, 1e3 * (perf_counter() - start))


class _Bar:
    """Draw the blocks that are done."""

    def __init__(self) -> None:
        self.total = 0
        self._progress: Progress | None = None

    def __call__(self, done: int, total: int) -> None:
        if self._progress is None:
            self.total, self._progress = total, Progress(total)
        self._progress.at(done)
        if done == total:
            self._progress.clear()
