"""Legendre series on [-1, 1], one or many at a time: values to coefficients and back, parts of an interval, tails.

A batch is an array (..., D + 1): along the last axis the coefficients of ``P_0 .. P_D``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[Any]
"""Of float64."""

UNIT = 2.0**-53
"""The unit roundoff of float64."""


@lru_cache(maxsize=256)
def nodes(count: int) -> FloatArray:
    """Return the `count` Chebyshev points of the first kind, rising: ``sin(pi (2 j + 1 - n) / (2 n))``.

    They never touch the ends, so that a function with a jump there is asked on its own side only.

    Examples
    --------
    >>> nodes(2).round(4)
    array([-0.7071,  0.7071])
    """
    return _kept(np.sin(np.pi * (2 * np.arange(count) + 1 - count) / (2 * count)))


@lru_cache(maxsize=256)
def to_chebyshev(count: int) -> FloatArray:
    """Return the matrix from values at `nodes` to Chebyshev coefficients (a cosine transform).

    ``c_k = (2 - [k = 0]) / n * sum over j of y_j T_k(x_j)``; the arguments of the cosines are
    reduced as whole numbers, so that no entry is off by more than an ulp.
    """
    angle = np.outer(np.arange(count), 2 * np.arange(count)[::-1] + 1) % (4 * count)
    matrix = np.cos(np.pi * np.arange(4 * count) / (2 * count))[angle] * (2 / count)
    matrix[0] /= 2
    return _kept(matrix)


@lru_cache(maxsize=256)
def chebyshev_to_legendre(count: int) -> FloatArray:
    """Return the matrix from Chebyshev to Legendre coefficients.

    References
    ----------
    Alpert and Rokhlin, "A fast algorithm for the evaluation of Legendre expansions", SIAM J. Sci. Stat. Comput.
    12(1), 1991, equation 2.19, with ``Lambda(z) = Gamma(z + 1/2) / Gamma(z + 1)``.
    """
    ratio = np.empty(2 * count + 2)  # Lambda at 0, 1/2, 1, 3/2, ...
    ratio[:2] = np.sqrt(np.pi), 2 / np.sqrt(np.pi)
    for twice in range(2, len(ratio)):
        ratio[twice] = ratio[twice - 2] * ((twice - 1) / twice)
    degrees = np.arange(count)
    apart = degrees - degrees[:, None]
    i, j = np.nonzero((apart > 0) & (apart % 2 == 0))
    matrix = np.zeros((count, count))
    matrix[i, j] = -j * (i + 0.5) / ((j + i + 1) * (j - i)) * ratio[j - i - 2] * ratio[j + i - 1]
    matrix[degrees, degrees] = np.sqrt(np.pi) / (2 * ratio[2 * degrees])
    matrix[0, 0] = 1
    return _kept(matrix)


def from_values(values: FloatArray) -> FloatArray:
    """Return the Legendre coefficients (..., N) of the polynomials with these values at `nodes`, (..., N).

    Examples
    --------
    >>> from_values(nodes(4) ** 3).round(12) + 0.0
    array([0. , 0.6, 0. , 0.4])
    """
    count = values.shape[-1]
    # Two products with each batch: the product of the two matrices would cost more than it saves.
    series: FloatArray = values @ to_chebyshev(count).T @ chebyshev_to_legendre(count).T
    return series


def evaluate(series: FloatArray, points: FloatArray) -> FloatArray:
    """Return the values of a batch (..., D + 1) of series at points (..., N), by Clenshaw's recurrence.

    ``b_k = c_k + (2k + 1)/(k + 1) t b_(k+1) - (k + 1)/(k + 2) b_(k+2)``, and the value is ``b_0``.

    Examples
    --------
    >>> evaluate(np.array([1.0, 0.0, 1.0]), np.array([-1.0, 0.0, 1.0]))
    array([2. , 0.5, 2. ])
    """
    shape = np.broadcast_shapes(series.shape[:-1], points.shape[:-1])
    value = np.zeros((*shape, points.shape[-1]))
    later = np.zeros_like(value)
    scratch = np.empty_like(value)
    for k in range(series.shape[-1] - 1, -1, -1):
        np.multiply(value, points, out=scratch)
        scratch *= (2 * k + 1) / (k + 1)
        later *= -(k + 1) / (k + 2)
        scratch += later
        scratch += series[..., k, None]
        later, value, scratch = value, scratch, later
    return value


def integrate(series: FloatArray) -> FloatArray:
    """Return the series (..., D + 2) of the integral from -1.

    ``B_k = c_(k-1)/(2k - 1) - c_(k+1)/(2k + 3)`` for ``k > 0``, and ``B_0 = c_0 - c_1/3``.

    Examples
    --------
    >>> integrate(np.array([1.0]))
    array([1., 1.])
    """
    degree = series.shape[-1] - 1
    result = np.zeros((*series.shape[:-1], degree + 2))
    share = series / (2 * np.arange(degree + 1) + 1)
    result[..., 1:] += share
    result[..., :degree] -= share[..., 1:]
    result[..., 0] += series[..., 0]
    return result


def mirror(series: FloatArray) -> FloatArray:
    """Return the series of ``p(-t)``."""
    turned = series.copy()
    turned[..., 1::2] *= -1
    return turned


def restrict(series: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Return the series of the same polynomials on parts of [-1, 1], seen as [-1, 1] again.

    Parameters
    ----------
    series
        A batch (P, D + 1).
    low, high
        Ends of the part of each, (P,).

    Returns
    -------
    (P, E + 1) with ``E <= D``: a short part needs a low degree (`degree_within`).
    """
    degree = series.shape[-1] - 1
    part = float(np.max(high - low, initial=0.0)) / 2
    count = degree_within(degree, part) + 1
    points = low[:, None] + (high - low)[:, None] * ((nodes(count) + 1) / 2)
    return from_values(evaluate(series, points))


@lru_cache(maxsize=4096)
def _degree_within(degree: int, part: float) -> int:
    s = 2.0 ** np.arange(0.25, 14, 0.25)
    outside = part * (s + 1 / s - 2) / 2
    wanted = (-np.log(UNIT / 4) + degree * np.arccosh(1 + outside)) / np.log(s)
    return min(degree, int(np.ceil(wanted.min())))


def degree_within(degree: int, part: float) -> int:
    """Return the degree that represents a polynomial of `degree` on a `part` of its interval to rounding.

    An ellipse of parameter ``s`` around the part reaches no farther out of [-1, 1] than
    ``e = part (s + 1/s - 2)/2``, where the polynomial has grown by ``exp(degree arccosh(1 + e))`` at most; its
    Chebyshev coefficients on the part fall like that growth times ``s^-k``.  The best ``s`` of a list is taken.

    References
    ----------
    Trefethen, "Approximation Theory and Approximation Practice" (2013), theorem 8.2 and exercise 8.6 (Bernstein).

    Examples
    --------
    >>> degree_within(100, 1.0), degree_within(100, 0.01)
    (100, 28)
    """
    if degree < 6 or part >= 1:
        return degree
    return _degree_within(degree, _rounded(part))


def _rounded(part: float) -> float:
    """Return `part`, rounded up to one of few values, so that they can be remembered."""
    return float(2.0 ** (np.ceil(4 * np.log2(max(part, 2.0**-40))) / 4))


def trim(series: FloatArray, scale: float) -> FloatArray:
    """Drop the tail that sums to less than a quarter of the roundoff of `scale`; one coefficient stays."""
    tails = np.abs(series)[..., ::-1].cumsum(axis=-1).reshape(-1, series.shape[-1]).max(axis=0, initial=0.0)[::-1]
    count = int(np.count_nonzero(tails > scale * UNIT / 4))
    return series[..., : max(count, 1)]


def bound(series: FloatArray) -> FloatArray:
    """Return a bound (...) on the absolute values: ``sum of |c_k|``, for no Legendre polynomial exceeds one."""
    total: FloatArray = np.abs(series).sum(axis=-1)
    return total


def padded(series: FloatArray, count: int) -> FloatArray:
    """Return the batch with zeros behind, to `count` coefficients."""
    missing = count - series.shape[-1]
    return np.pad(series, [(0, 0)] * (series.ndim - 1) + [(0, missing)]) if missing else series


@lru_cache(maxsize=64)
def gauss(count: int) -> tuple[FloatArray, FloatArray]:
    """Return Gauss and Legendre's nodes and weights, exact to degree ``2 count - 1``.

    Newton's iteration from ``cos(pi (j + 3/4) / (n + 1/2))``, all nodes at once.

    References
    ----------
    Hale and Townsend, "Fast and accurate computation of Gauss-Legendre and Gauss-Jacobi quadrature nodes and
    weights", SIAM J. Sci. Comput. 35(2), 2013, section 2.

    Examples
    --------
    >>> x, w = gauss(3)
    >>> x.round(4), w.round(4), float((w @ x**4).round(12))
    (array([-0.7746,  0.    ,  0.7746]), array([0.5556, 0.8889, 0.5556]), 0.4)
    """
    x = -np.cos(np.pi * (np.arange(count) + 0.75) / (count + 0.5))
    for _ in range(5):
        before, value = np.zeros(count), np.ones(count)
        for k in range(count):
            before, value = value, ((2 * k + 1) * x * value - k * before) / (k + 1)
        slope = count * (before - x * value) / (1 - x * x)
        x = x - value / slope
    return _kept(x), _kept(2 / ((1 - x * x) * slope * slope))


def _kept(array: FloatArray) -> FloatArray:
    """Forbid writing to what is remembered."""
    array.flags.writeable = False
    return array
