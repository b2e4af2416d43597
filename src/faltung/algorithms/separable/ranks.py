"""Kernels with two axes as sums of a few products of lines, by their singular values; of integers, exactly.

The residual of what is left off counts into the error bound, so that only what lies below rounding is left off.  Terms
may be larger than their sum, which lets rounding errors grow: that too is bounded (`GROWTH`).
"""

from __future__ import annotations

from functools import lru_cache
from math import frexp, inf
from typing import NamedTuple

import numpy as np

from ...problem.border import fills
from ...problem.problem import Problem
from ...problem.promotion import magnitude, sums_integers
from .structure import NEARNESS, SMALLEST, Lines, all_lines

MOST = 4
"""Terms of a sum: with more, other algorithms are quicker."""

GROWTH = 4.0
"""Sum over terms of sum|b| sum|a|, in multiples of sum|k|, at most."""

EXACT = {"float32": 2.0**24, "float64": 2.0**53, "int32": inf, "int64": inf}
"""Integers that sums of this dtype hold exactly; those of integers that overflow are right modulo two to their bits."""

BELOW = 32.0
"""Singular values so many times below what may be left off are rounding."""

PROBED = 8
"""Rows and columns that are looked at first."""

FLUSHED = 2.0**-70
"""Taps smaller than this, beside the largest of their line, are zeros that were rounded."""

Terms = tuple[Lines, ...]


class _Term(NamedTuple):
    """One product, and the signs with which its lines are turned around (0: any)."""

    down: np.ndarray
    across: np.ndarray
    signs: tuple[int, int]


def terms_of(problem: Problem, kernel: np.ndarray, rank: int) -> list[Terms] | None:
    """The terms of every kernel, equally many; None if one is no sum of so few products, or no product for rank 1."""
    if rank == 1:
        found = all_lines(problem, kernel)
        return None if found is None else [(lines,) for lines in found]
    every = all_terms(problem, kernel)
    most = 0 if every is None else max(map(len, every))
    if every is None or most > rank:
        return None
    # a product of its own is not asked for as closely as `separable` asks, and so is summed as two
    none = tuple(np.zeros(extent, problem.accumulator_dtype) for extent in problem.kernel)
    return [(*terms, *[none] * (max(2, most) - len(terms))) for terms in every]


def all_terms(problem: Problem, kernel: np.ndarray) -> list[Terms] | None:
    """The terms of every kernel of a problem; None if one is no sum of few products."""
    p, room, kind = problem, None, problem.accumulator_dtype
    if sums_integers(p):
        largest = max([float(magnitude(p.image_dtype)), *(abs(side) for side in fills(p.border))])
        room, kind = EXACT[kind] / largest, p.kernel_dtype
    found = []
    for taps in kernel.reshape(-1, *p.kernel).astype(kind):
        terms = _terms(taps.tobytes(), p.kernel, kind, room)
        if terms is None:
            return None
        found.append(terms)
    return found


@lru_cache(maxsize=32)
def _terms(data: bytes, shape: tuple[int, ...], kind: str, room: float | None) -> Terms | None:
    """The same for one kernel, remembered: several ranks ask, and packing asks again."""
    taps = np.frombuffer(data, kind).reshape(shape)
    return float_terms(taps, kind) if room is None else integer_terms(taps, room)


def integer_terms(kernel: np.ndarray, room: float) -> Terms | None:
    """Integer lines whose products add up to the taps: a basis of all sums of rows, and how the rows are made of it.

    Sums of magnitudes stay below ``room``.
    """
    if kernel.dtype == np.uint64 and kernel.max(initial=0) > np.iinfo(np.int64).max:
        return None
    rest = [[int(tap) for tap in row] for row in kernel]
    # rows of `rest` are changed to a basis; columns of `made` the other way, so that made @ rest stays the kernel
    made = [[int(row == column) for column in range(len(rest))] for row in range(len(rest))]
    rank = 0
    for column in range(kernel.shape[1]):
        while True:
            left = [row for row in range(rank, len(rest)) if rest[row][column]]
            if len(left) < 2:
                break
            least = min(left, key=lambda row: abs(rest[row][column]))
            for row in left:
                if row != least:
                    times = rest[row][column] // rest[least][column]
                    rest[row] = [a - times * b for a, b in zip(rest[row], rest[least], strict=True)]
                    for line in made:
                        line[least] += times * line[row]
        if left:
            if rank == MOST:
                return None
            rest[rank], rest[left[0]] = rest[left[0]], rest[rank]
            for line in made:
                line[rank], line[left[0]] = line[left[0]], line[rank]
            rank += 1
    pairs = [([line[term] for line in made], rest[term]) for term in range(rank)]
    size = sum(sum(map(abs, down)) * sum(map(abs, across)) for down, across in pairs)
    if size >= min(room, 2.0**62):
        return None
    return tuple((np.array(down, np.int64), np.array(across, np.int64)) for down, across in pairs)


def float_terms(kernel: np.ndarray, dtype: str) -> Terms | None:
    """Lines of ``dtype`` whose products add up to the taps nearly, as few as there can be."""
    taps = kernel.astype(dtype).astype(np.float64)
    total = float(np.abs(taps).sum())
    unit = 2.0**-24 if dtype == "float32" else 2.0**-53
    if total == 0:
        return ()
    if not SMALLEST[dtype] < total < 1 / SMALLEST[dtype]:
        return None
    limit, left, grown = NEARNESS * unit * total, taps.astype(np.longdouble), 0.0
    if _surely_many(taps, limit):
        return None
    found = [term for part, signs in _parts(left) for term in _factors(part, signs, limit / BELOW)]
    if len(found) > MOST:
        return None
    terms = [_rounded(term, dtype) for term in found]
    for lines in terms:
        product = np.multiply.outer(*(line.astype(np.longdouble) for line in lines))
        left, grown = left - product, grown + float(np.abs(product).sum())
    return tuple(terms) if np.abs(left).sum() <= limit and grown <= GROWTH * total else None


def _surely_many(taps: np.ndarray, limit: float) -> bool:
    """Whether some rows and columns tell that there are too many terms: their singular values are no larger."""
    rows, columns = (-(-extent // PROBED) for extent in taps.shape)
    values = np.linalg.svd(taps[::rows, ::columns], compute_uv=False)
    return len(values) > MOST and bool(values[MOST] > limit)


def _factors(part: np.ndarray, signs: tuple[int, int], least: float) -> list[_Term]:
    """The products whose singular values are not below ``least``, as exact as wide numbers are."""
    near = part.astype(np.float64)
    downs, values, acrosses = np.linalg.svd(near, full_matrices=False)
    rank = min(int((values > least).sum()), MOST + 1)
    downs, values, acrosses = downs[:, :rank], values[:rank], acrosses[:rank]
    # what the singular values are off by is found in wide numbers, and is small enough to be shared out in narrow ones
    down, across = (downs * values).astype(np.longdouble), acrosses.astype(np.longdouble)
    off = (part - down @ across).astype(np.float64)
    more = off @ acrosses.T
    down, across = down + more, across + (downs / values).T @ (off - more @ acrosses)
    return [_Term(*lines, signs) for lines in zip(down.T, across, strict=True)]


def _parts(taps: np.ndarray) -> list[tuple[np.ndarray, tuple[int, int]]]:
    """The kernel as a sum of parts whose lines are even or odd, if it stays what it is, or its opposite, turned around.

    Equal singular values would mix them.
    """
    flipped, mirrored = taps[::-1], taps[:, ::-1]
    for sign in (1, -1):
        if np.array_equal(taps, sign * taps[::-1, ::-1]):
            return [((taps + turn * flipped) / 2, (turn, turn * sign)) for turn in (1, -1)]
    down = next((sign for sign in (1, -1) if np.array_equal(taps, sign * flipped)), 0)
    across = next((sign for sign in (1, -1) if np.array_equal(taps, sign * mirrored)), 0)
    return [(taps, (down, across))]


def _rounded(term: _Term, dtype: str) -> Lines:
    """A term's lines, the sum of the first between 1/2 and 1."""
    scale = 2.0 ** -frexp(float(np.abs(term.down).sum()))[1]
    made = []
    for line, sign in zip((term.down * scale, term.across / scale), term.signs, strict=True):
        whole = (line + sign * line[::-1]) / 2 if sign else line
        made.append(np.where(np.abs(whole) < FLUSHED * np.abs(whole).max(), 0, whole).astype(dtype))
    return tuple(made)
