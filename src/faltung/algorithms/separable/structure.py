"""Find out whether a kernel is the product of two lines, from its values.

Integers have to be a product exactly.  Of floats, every tap may lie `NEARNESS` roundings away from the product:
a kernel that was made as an outer product is rounded itself, and so are the lines that are found.
"""

from __future__ import annotations

from math import frexp
from typing import Any, NamedTuple

import numpy as np

from ...problem.problem import Problem
from .frame import Form
from .schedule import sums_integers

NEARNESS = 16.0
"""Unit roundoffs, relative to the tap."""

ROUGH = 1e-5
"""Farther apart, relatively, products of four taps are only where a kernel is no product of lines in any precision."""

SMALLEST = {"float32": 2.0**-100, "float64": 2.0**-960}
"""Magnitudes below this are too near to where floats lose their precision."""


class Lines(NamedTuple):
    """Taps down the rows, and across the columns."""

    down: np.ndarray
    across: np.ndarray

    def form(self, compute: str) -> Form:
        """What is known of them."""
        return Form(_kind(self.down), _kind(self.across), compute)


def _kind(line: np.ndarray) -> str:
    if len(line) < 2:
        return "plain"
    turned = line[::-1]
    if np.array_equal(line, turned):
        return "even"
    return "odd" if np.array_equal(line, -turned) else "plain"


def all_lines(problem: Problem, kernel: np.ndarray) -> list[Lines] | None:
    """The lines of every kernel of a problem; None if one is no product of two."""
    found = []
    for taps in kernel.reshape(-1, *problem.kernel):
        if not _may_be(taps):
            return None
        lines = integer_lines(taps) if sums_integers(problem) else float_lines(taps, problem.accumulator_dtype)
        if lines is None:
            return None
        found.append(lines)
    return found


def _may_be(taps: np.ndarray) -> bool:
    """False if the corners and the middle, which are looked at in a microsecond, tell that there is no product."""
    rows, columns = taps.shape
    for row, column in ((rows - 1, columns - 1), (rows // 2, columns // 2)):
        first, last = float(taps[0, 0]) * float(taps[row, column]), float(taps[0, column]) * float(taps[row, 0])
        if abs(first - last) > ROUGH * (abs(first) + abs(last)):
            return False
    return True


def integer_lines(kernel: np.ndarray) -> Lines | None:
    """Integers whose products are the taps, the second without a common divisor; None if there are none."""
    taps = kernel.astype(np.int64)
    at = int(np.argmax(np.abs(taps)))
    row, column = divmod(at, taps.shape[1])
    pivot = int(taps[row, column])
    if pivot == 0:
        return Lines(*(np.zeros(extent, np.int64) for extent in taps.shape))
    if kernel.dtype == np.uint64 and kernel.max() > np.iinfo(np.int64).max:
        return None
    across = taps[row] // np.gcd.reduce(taps[row])
    down = taps[:, column] // across[column]
    return Lines(down, across) if np.array_equal(np.multiply.outer(down, across), taps) else None


def float_lines(kernel: np.ndarray, dtype: str) -> Lines | None:
    """Lines of ``dtype`` whose products are the taps nearly, the first of a sum between 1/2 and 1."""
    taps = kernel.astype(dtype).astype(np.float64)
    sizes = np.abs(taps)
    at = int(sizes.argmax())
    row, column = divmod(at, taps.shape[1])
    if not sizes[row, column] < np.inf:
        return None
    if not sizes[row, column]:
        return Lines(*(np.zeros(extent, dtype) for extent in taps.shape))
    down = taps[:, column] / taps[row, column]
    # what few taps tell may be off by several roundings, so all are asked
    across = down @ taps / (down @ down)
    down = taps @ across / (across @ across)
    scale = 2.0 ** -frexp(float(np.abs(down).sum()))[1]
    lines = Lines(_whole(down * scale, taps, dtype), _whole(across / scale, taps.T, dtype))
    unit = 2.0**-24 if dtype == "float32" else 2.0**-53
    made = np.multiply.outer(*(line.astype(np.float64) for line in lines))
    if not (np.abs(made - taps) <= NEARNESS * unit * sizes).all():
        return None
    smallest = SMALLEST[dtype]
    tiny = any(((line != 0) & (np.abs(line) < smallest)).any() for line in lines)
    return None if tiny or not all(np.isfinite(line).all() for line in lines) else lines


def _whole(line: np.ndarray, taps: np.ndarray, dtype: str) -> np.ndarray:
    """Round, and make equal or opposite what is so in the kernel."""
    if np.array_equal(taps, taps[::-1]):
        line = (line + line[::-1]) / 2
    elif np.array_equal(taps, -taps[::-1]):
        line = (line - line[::-1]) / 2
    rounded: Any = line.astype(dtype)
    return np.asarray(rounded)
