"""Find out whether a kernel is the product of lines, one for each axis, from its values.

Integers have to be a product exactly.  Of floats, every tap may lie `NEARNESS` roundings away from the product:
a kernel that was made as an outer product is rounded itself, and so are the lines that are found.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from math import frexp, prod
from typing import Any

import numpy as np

from ...problem.problem import Problem
from ...problem.promotion import sums_integers
from .frame import Form

NEARNESS = 16.0
"""Unit roundoffs, relative to the tap."""

ROUGH = 1e-5
"""Farther apart, relatively, products of four taps are only where a kernel is no product of lines in any precision."""

SMALLEST = {"float32": 2.0**-100, "float64": 2.0**-960}
"""Magnitudes below this are too near to where floats lose their precision."""


Lines = tuple[np.ndarray, ...]
"""Taps along each axis."""


def form_of(terms: Sequence[Lines], compute: str) -> Form:
    """What is known of the lines of each term."""
    return Form(tuple(tuple(_kind(line) for line in lines) for lines in terms), compute)


def _kind(line: np.ndarray) -> str:
    if len(line) < 2:
        return "plain"
    turned = line[::-1]
    if np.array_equal(line, turned):
        return "even"
    return "odd" if np.array_equal(line, -turned) else "plain"


def all_lines(problem: Problem, kernel: np.ndarray) -> list[Lines] | None:
    """The lines of every kernel of a problem; None if one is no product of lines."""
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
    # a plane through the first position along the axes before
    taps = taps[(0,) * (taps.ndim - 2)]
    rows, columns = taps.shape
    for row, column in ((rows - 1, columns - 1), (rows // 2, columns // 2)):
        first, last = float(taps[0, 0]) * float(taps[row, column]), float(taps[0, column]) * float(taps[row, 0])
        if abs(first - last) > ROUGH * (abs(first) + abs(last)):
            return False
    return True


def integer_lines(kernel: np.ndarray) -> Lines | None:
    """Integers whose products are the taps, all lines but the first without a common divisor; None if there are none.

    The lines through a tap that is not zero are all that a product can have.
    """
    taps = kernel.astype(np.int64)
    at = np.unravel_index(int(np.argmax(taps != 0)), taps.shape)
    if taps[at] == 0:
        return tuple(np.zeros(extent, np.int64) for extent in taps.shape)
    if kernel.dtype == np.uint64 and kernel.max() > np.iinfo(np.int64).max:
        return None
    lines = [_through(taps, at, axis) for axis in range(taps.ndim)]
    lines[1:] = [line // np.gcd.reduce(line) for line in lines[1:]]
    lines[0] = lines[0] // prod(int(line[place]) for line, place in zip(lines[1:], at[1:], strict=True))
    return tuple(lines) if np.array_equal(_product(lines), taps) else None


def _through(taps: np.ndarray, at: tuple[Any, ...], axis: int) -> np.ndarray:
    """The line of taps through one of them."""
    return taps[(*at[:axis], slice(None), *at[axis + 1:])]


def _product(lines: Sequence[np.ndarray]) -> np.ndarray:
    return reduce(np.multiply.outer, lines)


def float_lines(kernel: np.ndarray, dtype: str) -> Lines | None:
    """Lines of ``dtype`` whose products are the taps nearly, the sum of all but the last between 1/2 and 1."""
    taps = kernel.astype(dtype).astype(np.float64)
    sizes = np.abs(taps)
    largest = sizes.max()
    if not largest < np.inf:
        return None
    if not largest:
        return tuple(np.zeros(extent, dtype) for extent in taps.shape)
    lines = [_whole(line, taps, axis, dtype) for axis, line in enumerate(_factors(taps))]
    unit = 2.0**-24 if dtype == "float32" else 2.0**-53
    made = _product([line.astype(np.float64) for line in lines])
    if not (np.abs(made - taps) <= NEARNESS * unit * sizes).all():
        return None
    smallest = SMALLEST[dtype]
    tiny = any(((line != 0) & (np.abs(line) < smallest)).any() for line in lines)
    return None if tiny or not all(np.isfinite(line).all() for line in lines) else tuple(lines)


def _factors(taps: np.ndarray) -> list[np.ndarray]:
    """The lines whose product comes near, one axis taken off after the other."""
    if taps.ndim == 1:
        return [taps]
    flat = taps.reshape(len(taps), -1)
    row, column = divmod(int(np.abs(flat).argmax()), flat.shape[1])
    down = flat[:, column] / flat[row, column]
    # what few taps tell may be off by several roundings, so all are asked
    rest = down @ flat / (down @ down)
    down = flat @ rest / (rest @ rest)
    scale = 2.0 ** -frexp(float(np.abs(down).sum()))[1]
    return [down * scale, *_factors(rest.reshape(taps.shape[1:]) / scale)]


def _whole(line: np.ndarray, taps: np.ndarray, axis: int, dtype: str) -> np.ndarray:
    """Round, and make equal or opposite what is so in the kernel."""
    turned = np.flip(taps, axis)
    if np.array_equal(taps, turned):
        line = (line + line[::-1]) / 2
    elif np.array_equal(taps, -turned):
        line = (line - line[::-1]) / 2
    rounded: Any = line.astype(dtype)
    return np.asarray(rounded)
