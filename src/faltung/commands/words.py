"""The words of the command line: extents, borders and kernels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import kernels
from ..errors import ImageError, KernelError, ShapeError


def extents(option: str, text: str) -> tuple[int, ...]:
    """Read ``512x512`` as (512, 512).

    Examples
    --------
    >>> extents("--image", "3x5")
    (3, 5)
    """
    try:
        return tuple(int(part) for part in text.split("x"))
    except ValueError:
        raise ShapeError(f"{option} {text}: not whole numbers; write them with x between, as 512x512") from None


def steps(option: str, text: str) -> int | tuple[int, ...]:
    """Read ``2`` as 2 and ``2x1`` as (2, 1)."""
    values = extents(option, text)
    return values[0] if len(values) == 1 else values


def number_or_word(text: str) -> int | float | str:
    """Read a number as a number, and leave a word a word.

    Examples
    --------
    >>> number_or_word("0"), number_or_word("0.5"), number_or_word("reflect")
    (0, 0.5, 'reflect')
    """
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def kernel(text: str) -> npt.NDArray[Any]:
    """Make a kernel from its name and parameters, or read it from a file."""
    path = Path(text)
    if path.suffix.lower() in (".npy", ".txt", ".csv"):
        return _kernel_file(path)
    if path.is_file():
        raise KernelError(f"kernel file {path}: suffix {path.suffix!r} is unknown; use .npy, .txt or .csv")
    return kernels.named(text)


def _kernel_file(path: Path) -> npt.NDArray[Any]:
    try:
        taps = np.load(path, allow_pickle=False) if path.suffix.lower() == ".npy" else _text_kernel(path)
    except FileNotFoundError:
        raise ImageError(f"kernel file {path} does not exist; check the path") from None
    except (ValueError, EOFError, OSError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise ImageError(f"kernel file {path} is damaged or not numbers ({reason}); write .npy with numpy.save, "
                         "or one line of numbers for each row") from error
    if not taps.size:
        raise ImageError(f"kernel file {path} holds no taps (shape {taps.shape}); a kernel needs one at least")
    return np.asarray(taps)


def _text_kernel(path: Path) -> npt.NDArray[Any]:
    """Read rows of numbers, with commas or blanks between; whole numbers stay whole."""
    rows = [line.split("#")[0].replace(",", " ").split() for line in path.read_text(encoding="utf-8").splitlines()]
    taps = np.array([[float(word) for word in row] for row in rows if row])
    small = taps.size and np.all(taps == np.rint(taps)) and np.abs(taps).max() < 2**15
    return taps.astype(np.int16) if small else taps
