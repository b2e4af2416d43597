"""Functions of many pieces of one length: the sum over pairs of pieces is a discrete convolution."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from ..operations import convolve as convolve_arrays
from .piecewise import Function, batches, local
from .series import UNIT, FloatArray, bound, padded, restrict, trim
from .trapezoids import Parts, left_triangle, pairs_of

FEWEST_PIECES = 8
"""Below, pairs are as quick."""

HIGHEST_DEGREE = 12
"""Of the function on the lattice: there is one discrete convolution for each pair of degrees."""

MOST_NUMBERS = 1 << 24
"""Of the other function's coefficients when it is cut."""


def on_lattice(f: Function, g: Function) -> tuple[Iterator[Parts], FloatArray] | None:
    """Return the parts of ``f * g`` and the breakpoints they need, if one of both lies on a lattice; else None."""
    for one, other in ((f, g), (g, f)):
        step = _step(one)
        low, high = other.support
        cells = int(np.ceil((high - low) / step - 1e-6)) if step else 0
        if step and cells >= FEWEST_PIECES and cells * (other.degree + 1) <= MOST_NUMBERS:
            return _along(one, other, step, cells)
    return None


def _step(f: Function) -> float:
    """Return the length that all pieces have, but for rounding; 0 if they have not, or are few."""
    ends = f.breakpoints
    count = len(ends) - 1
    if count < FEWEST_PIECES or f.degree > HIGHEST_DEGREE:
        return 0.0
    even = np.linspace(ends[0], ends[-1], count + 1)
    return float(ends[-1] - ends[0]) / count if np.abs(ends - even).max() <= _near(ends) else 0.0


def _near(ends: FloatArray) -> float:
    return 8 * UNIT * float(np.abs(ends).max())


def _along(f: Function, g: Function, step: float, cells: int) -> tuple[Iterator[Parts], FloatArray]:
    """Cut `g` into cells of the lattice of `f`; where a breakpoint cuts a cell, its parts are paired one by one."""
    ends = g.breakpoints
    edges = ends[0] + step * np.arange(cells + 1)
    near = _near(ends)
    first = np.searchsorted(ends, edges[:-1] + near, side="right") - 1
    last = np.searchsorted(ends, edges[1:] - near, side="left") - 1
    whole = (first == last) & (last < len(ends) - 1)
    series = _cut(g, first[whole], edges[:-1][whole], edges[1:][whole])
    grid, sums = _discrete(f, series, np.flatnonzero(whole), cells, step, ends[0])
    rest = list(_rest(g, edges, whole, near))
    parts: Iterator[Parts] = iter([Parts(grid[:-1], grid[1:], sums)])
    if rest:
        cut = [np.append(some.low, some.high) for some in rest]
        grid = np.concatenate([grid, np.add.outer(f.breakpoints, np.concatenate(cut)).ravel()])
        parts = chain(parts, *(pairs_of(one, other) for one in batches(f) for other in rest))
    return parts, grid


def _cut(g: Function, piece: npt.NDArray[Any], low: FloatArray, high: FloatArray) -> FloatArray:
    """Return the series of `g` on intervals that each lie within one piece."""
    ends, count = g.breakpoints, g.degree + 1
    series = np.stack([padded(some, count) for some in g.series])[piece]
    start, stop = ends[piece], ends[piece + 1]
    cut = restrict(series, local(low, start, stop), local(high, start, stop))
    return trim(cut, float(bound(cut).max(initial=0.0)))


def _discrete(f: Function, series: FloatArray, where: npt.NDArray[Any], cells: int, step: float,
              start: float) -> tuple[FloatArray, FloatArray]:
    """Return the grid of the result and its series there.

    ``h_l = sum over n, m of (T_nm (f_n * g_m))_l``: the triangle of ``P_n`` with ``P_m`` times the discrete
    convolution, over the numbers of the pieces, of the coefficients of ``P_n`` in ``f`` and of ``P_m`` in ``g``.
    """
    taps = np.zeros((cells, series.shape[-1]))
    taps[where] = series
    image = np.stack([padded(piece, f.degree + 1) for piece in f.series])
    left = left_triangle(np.eye(image.shape[1])[:, None], np.eye(taps.shape[1])[None])
    n, m, k = np.ogrid[: left.shape[0], : left.shape[1], : left.shape[2]]
    right = left * np.where((n + m + k) % 2, -1.0, 1.0)
    total = np.zeros((len(image) + cells, left.shape[2]))
    for i in range(image.shape[1]):
        for j in range(taps.shape[1]):
            shares = np.asarray(convolve_arrays(image[:, i].copy(), taps[:, j].copy()))[:, None] * (step / 2)
            total[:-1] += shares * left[i, j]
            total[1:] += shares * right[i, j]
    return f.support[0] + start + step * np.arange(len(total) + 1), total


def _rest(g: Function, edges: FloatArray, whole: npt.NDArray[Any], near: float) -> Iterator[Parts]:
    """Yield the parts of `g` in the cells that a breakpoint cuts, or its end."""
    ends = g.breakpoints
    for low, high in zip(edges[:-1][~whole], edges[1:][~whole], strict=True):
        inside = ends[(ends > low + near) & (ends < high - near)]
        for start, stop in pairwise([low, *inside, min(high, ends[-1])]):
            piece = np.searchsorted(ends, [(start + stop) / 2], side="right") - 1
            if stop - start > near:
                one, other = np.array([start]), np.array([stop])
                yield Parts(one, other, _cut(g, piece, one, other))
