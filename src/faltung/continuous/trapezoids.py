"""The convolution of two polynomial pieces: two triangles, and a parallelogram between them.

With ``f`` on [a, b] and the shorter ``g`` on [c, d], ``h(x) = integral of f(t) g(x - t) dt`` is a polynomial on
each of [a + c, a + d], [a + d, b + c] and [b + c, b + d]: ``(x, t)`` runs through a trapezoid.

Hale and Townsend, "An algorithm for the convolution of Legendre series", SIAM J. Sci. Comput. 36(3), 2014.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .series import UNIT, FloatArray, degree_within, evaluate, from_values, gauss, integrate, mirror, nodes, restrict

BATCH_NUMBERS = 1 << 18
"""Numbers in one temporary array: some megabytes, of the order of a cache."""


@dataclass(frozen=True)
class Parts:
    """Polynomials on intervals: ends (P,) and (P,), Legendre series (P, D + 1)."""

    low: FloatArray
    high: FloatArray
    series: FloatArray

    def __len__(self) -> int:
        return len(self.low)

    def take(self, which: npt.NDArray[np.intp] | npt.NDArray[np.bool_] | slice) -> Parts:
        """Return some of them."""
        return Parts(self.low[which], self.high[which], self.series[which])

    @property
    def length(self) -> FloatArray:
        """The lengths (P,)."""
        return self.high - self.low


def left_triangle(f: FloatArray, g: FloatArray) -> FloatArray:
    """Return the Legendre series of ``h(x) = integral from -1 to x + 1 of f(t) g(x - t) dt``, x + 1 in [-1, 1].

    ``h = sum over n of f_n sum over k of B_kn P_k(x + 1)``.  The columns of ``B`` follow from ``g``:
    ``B_k0`` is the integral of ``g``, ``B_k1 = B_(k-1)0/(2k - 1) - B_k0 - B_(k+1)0/(2k + 3)``, and
    ``B_k(n+1) = B_k(n-1) + (2n + 1) (B_(k-1)n/(2k - 1) - B_(k+1)n/(2k + 3))``.

    That is stable on and below the diagonal, ``k >= n``, only; above it holds
    ``B_nk = (-1)^(n+k) (2n + 1)/(2k + 1) B_kn``.  A column has no more than ``N + 2`` numbers below the diagonal,
    and none is kept for longer than the two that follow.

    Parameters
    ----------
    f, g
        Batches (..., M + 1) and (..., N + 1).

    Returns
    -------
    (..., M + N + 2).

    Accuracy: about ``2^-53 (M + N)`` of ``max|f| max|g|`` in practice.  Cost: ``8 min(M, N) max(M, N)``.

    References
    ----------
    Hale and Townsend (2014), section 4, equations 4.4 to 4.8.

    Examples
    --------
    >>> left_triangle(np.array([1.0]), np.array([1.0]))  # 1 + (x + 1)
    array([1., 1.])
    """
    if f.shape[-1] > g.shape[-1]:
        f, g = g, f
    count, width = f.shape[-1], g.shape[-1] + 1
    batch = np.broadcast_shapes(f.shape[:-1], g.shape[:-1])
    result = np.zeros((*batch, count + width - 1))
    after = np.zeros((*batch, width + 2))  # column n from its diagonal down, two zeros behind
    after[..., :width] = integrate(g)
    before = np.zeros_like(after)
    offset = np.arange(width)
    share = 1.0 / (2 * np.arange(count + width + 2) + 1)
    signs = np.where(offset % 2, -1.0, 1.0)
    for n in range(count):
        column = after[..., :width]
        result[..., n : n + width] += column * f[..., n, None]
        reach = min(width, count - n)
        if reach > 1:
            above = column[..., 1:reach] * ((2 * n + 1) * signs[1:reach] * share[n + 1 : n + reach])
            result[..., n] += np.einsum("...k,...k->...", above, f[..., n + 1 : n + reach])
        # Row k = n + 1 + j: B_(k-1)n stands at j and B_(k+1)n at j + 2 of column n, B_k(n-1) at j + 2 of column n - 1.
        following = np.zeros_like(after)
        np.multiply(column, (2 * n + 1) * share[n : n + width], out=following[..., :width])
        following[..., :width] -= after[..., 2:] * ((2 * n + 1) * share[n + 2 : n + 2 + width])
        following[..., :width] += before[..., 2:] if n else -_shifted(after)
        before, after = after, following
    return result


def _shifted(column: FloatArray) -> FloatArray:
    """Return B_k0 at the rows of column 1, which start at k = 1."""
    return column[..., 1:-1]


def triangles(f: FloatArray, g: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the series of ``h`` on the left and on the right half of [-2, 2]: the right one is the mirrored left."""
    both = left_triangle(np.stack([f, mirror(f)]), np.stack([g, mirror(g)]))
    return both[0], mirror(both[1])


def parallelogram(f: FloatArray, g: FloatArray, ratio: FloatArray) -> FloatArray:
    """Return the series of ``h`` where the whole of the shorter ``g`` lies within the longer ``f``.

    ``h(u) = integral from -1 to 1 of f(u (1 - r) - v r) g(v) dv`` with ``r`` the ratio of the lengths: as a
    polynomial in u it has the degree of ``f`` at most (less where ``1 - r`` is small), and Gauss's rule
    integrates it to rounding.

    Parameters
    ----------
    f, g
        Batches (P, M + 1) and (P, N + 1).
    ratio
        Length of ``g`` over length of ``f``, (P,), below 1.

    Returns
    -------
    (P, D + 1) with ``D <= M``.
    """
    degree = f.shape[-1] - 1
    count = degree_within(degree, float(1 - ratio.min())) + 1
    total = degree_within(degree, float(ratio.max())) + g.shape[-1]
    v, weights = gauss(-(-(total + 1) // 8) * 4)  # a multiple of four, so that few rules serve all
    weighted = weights * evaluate(g, v)
    u = nodes(count)
    values = np.empty((len(f), count))
    lines = max(1, BATCH_NUMBERS // (len(f) * len(v)))
    for start in range(0, count, lines):
        some = u[start : start + lines]
        points = some[:, None] * (1 - ratio)[:, None, None] - v * ratio[:, None, None]
        seen = evaluate(f, points.reshape(len(f), -1)).reshape(points.shape)
        values[:, start : start + lines] = np.einsum("pij,pj->pi", seen, weighted)
    return from_values(values)


def pairs_of(f: Parts, g: Parts) -> Iterator[Parts]:
    """Yield the parts of all pairs of two batches."""
    first, second = (axis.ravel() for axis in np.indices((len(f), len(g))))
    portion = max(1, BATCH_NUMBERS // (f.series.shape[-1] + g.series.shape[-1]))
    for start in range(0, len(first), portion):
        yield from convolve_parts(f.take(first[start : start + portion]), g.take(second[start : start + portion]))


def convolve_parts(f: Parts, g: Parts) -> Iterator[Parts]:
    """Yield the parts of ``f[p] * g[p]``, for every p."""
    longer = f.length >= g.length
    yield from _trapezoid(f.take(longer), g.take(longer))
    yield from _trapezoid(g.take(~longer), f.take(~longer))


def _trapezoid(f: Parts, g: Parts) -> Iterator[Parts]:
    """Yield the left triangle, the parallelogram and the right triangle of pairs with ``f`` the longer."""
    if not len(f):
        return
    # Lengths that differ by the rounding of the ends only are the same length.
    far = np.maximum.reduce([np.abs(f.low), np.abs(f.high), np.abs(g.low), np.abs(g.high)])
    same = f.length - g.length <= 16 * UNIT * far
    if same.any():
        f_same, g_same = f.take(same), g.take(same)
        half = g_same.length[:, None] / 2
        left, right = triangles(f_same.series, g_same.series)
        middle = (f_same.low + g_same.high + f_same.high + g_same.low) / 2
        yield Parts(f_same.low + g_same.low, middle, left * half)
        yield Parts(middle, f_same.high + g_same.high, right * half)
    if not same.all():
        yield from _unequal(f.take(~same), g.take(~same))


def _unequal(f: Parts, g: Parts) -> Iterator[Parts]:
    ratio = g.length / f.length
    half = g.length[:, None] / 2
    ones = np.ones(len(f))
    left_end = restrict(f.series, -ones, -1 + 2 * ratio)
    right_end = restrict(f.series, 1 - 2 * ratio, ones)
    both = left_triangle(
        np.stack([left_end, mirror(right_end)]), np.stack([g.series, mirror(g.series)])
    )
    yield Parts(f.low + g.low, f.low + g.high, both[0] * half)
    yield Parts(f.low + g.high, f.high + g.low, parallelogram(f.series, g.series, ratio) * half)
    yield Parts(f.high + g.low, f.high + g.high, mirror(both[1]) * half)


