"""Ready functions: box, triangle, gaussian, exponential decay, B-splines; polynomials and samples as given."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import FunctionError
from .adaptive import function
from .checks import finite, number, positive, rising, whole
from .piecewise import Function
from .series import FloatArray, chebyshev_to_legendre, from_values, nodes

BASES = ("power", "legendre", "chebyshev")
KINDS = ("linear", "nearest", "step")

VANISHED = 60 * math.log(2)
"""Where ``exp(-v)`` has fallen below 2^-60 of its height, and to nothing beside it."""

HIGHEST_B_SPLINE = 60


def box(width: float = 1.0, center: float = 0.0, *, height: float = 1.0) -> Function:
    """Make a box: `height` on ``[center - width/2, center + width/2)``, zero outside.

    Examples
    --------
    >>> box(2)([-1.5, 0, 0.5])
    array([0., 1., 1.])
    """
    half, middle = positive("box", "width", width) / 2, number("box", "center", center)
    return Function(np.array([middle - half, middle + half]), [np.array([number("box", "height", height)])])


def triangle(width: float = 2.0, center: float = 0.0, *, height: float = 1.0) -> Function:
    """Make a triangle: ``height max(0, 1 - 2 |x - center| / width)``.

    Examples
    --------
    >>> triangle()([-0.5, 0, 2])
    array([0.5, 1. , 0. ])
    """
    half, middle = positive("triangle", "width", width) / 2, number("triangle", "center", center)
    side = number("triangle", "height", height) / 2
    return Function(np.array([middle - half, middle, middle + half]), [np.array([side, side]), np.array([side, -side])])


def gaussian(sigma: float = 1.0, mean: float = 0.0, *, area: float = 1.0) -> Function:
    """Make the bell ``area / (sigma sqrt(2 pi)) exp(-(x - mean)^2 / (2 sigma^2))``.

    It ends at ``mean ± 9.12 sigma``, where it has fallen to 2^-60 of its height.

    Examples
    --------
    >>> round(gaussian()(0), 6), round(gaussian(2, mean=5).integral(), 12)
    (0.398942, 1.0)
    """
    wide, middle = positive("gaussian", "sigma", sigma), number("gaussian", "mean", mean)
    height = number("gaussian", "area", area) / (wide * math.sqrt(2 * math.pi))
    reach = math.sqrt(2 * VANISHED)
    bell = function(lambda x: np.exp(-0.5 * x * x), (-reach, reach))
    return (bell * height).stretch(wide).shift(middle)


def exponential(rate: float = 1.0, start: float = 0.0, *, height: float = 1.0) -> Function:
    """Make the decay ``height exp(-rate (x - start))`` from `start` on, zero before.

    It ends where it has fallen to 2^-60 of its height, at ``start + 41.6 / rate``.

    Examples
    --------
    >>> exponential(2)([-0.1, 0.5]).round(6)
    array([0.      , 0.367879])
    """
    fast, first = positive("exponential", "rate", rate), number("exponential", "start", start)
    decay = function(lambda x: np.exp(-x), (0.0, VANISHED))
    return (decay * number("exponential", "height", height)).stretch(1 / fast).shift(first)


def b_spline(degree: int) -> Function:
    """Make the B-spline of `degree` with knots one apart, centred on 0: a box convolved `degree` times with a box.

    ``B_n(x) = sum over k of (-1)^k C(n + 1, k) max(0, x + (n + 1)/2 - k)^n / n!``, in exact fractions.

    References
    ----------
    Schoenberg, "Contributions to the problem of approximation of equidistant data by analytic functions" (1946);
    de Boor, "A Practical Guide to Splines" (1978), chapter IX.

    Examples
    --------
    >>> b_spline(3)
    Function([-2.0, 2.0], pieces=4, degree=3)
    >>> round(b_spline(3)(0), 15)
    0.666666666666667
    """
    n = whole("b_spline", "degree", degree, 0, HIGHEST_B_SPLINE)
    ends = np.arange(n + 2) - (n + 1) / 2
    series = []
    power = np.zeros(n + 1, dtype=object)
    power[:] = Fraction(0)
    for k in range(n + 1):
        # Powers of s = x - (left end of piece k): move on by one, then the knot's own power.
        power = _moved(power) if k else power
        power[n] += Fraction((-1) ** k * math.comb(n + 1, k), math.factorial(n))
        series.append(_from_powers(power))
    return Function(ends, series)


def _moved(power: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the powers of ``p(s + 1)``, by Horner's rule."""
    power = power.copy()
    for i in range(len(power) - 1):
        for k in range(len(power) - 2, i - 1, -1):
            power[k] += power[k + 1]
    return power


def _from_powers(power: npt.NDArray[Any]) -> FloatArray:
    """Return the Legendre series on [0, 1] of exact powers, rounded once for each node."""
    count = len(power)
    values = []
    for t in nodes(count):
        s, value = (Fraction(float(t)) + 1) / 2, Fraction(0)
        for coefficient in power[::-1]:
            value = value * s + coefficient
        values.append(float(value))
    return from_values(np.array(values))


def polynomial(breakpoints: npt.ArrayLike, coefficients: Any, *, basis: str = "power") -> Function:
    """Make a function of polynomial pieces.

    ``f(x) = sum over k of c_ik (x - b_i)^k`` for ``b_i <= x < b_(i+1)``, zero outside.

    Parameters
    ----------
    breakpoints
        Rising, one more than pieces.
    coefficients
        For each piece its coefficients, the constant first.  Pieces can differ in degree.
    basis
        ``"power"``: of ``x`` minus the left end of the piece, as above.  ``"legendre"``, ``"chebyshev"``: of ``P_k``
        or ``T_k`` on the piece's interval seen as [-1, 1].

    Raises
    ------
    FunctionError
        If breakpoints do not rise, their number does not fit, or a coefficient is not finite.

    Examples
    --------
    >>> ramp = polynomial([0, 1, 2], [[0, 1], [1]])
    >>> ramp([0.25, 1.5])
    array([0.25, 1.  ])
    """
    ends = rising("polynomial", "breakpoints", breakpoints)
    rows = list(coefficients)
    if len(rows) != len(ends) - 1 or not rows:
        raise FunctionError(f"polynomial: {len(rows)} pieces of coefficients for {len(ends)} breakpoints; give at "
                            "least two breakpoints and one piece between each two")
    if basis not in BASES:
        raise FunctionError(f"polynomial: basis={basis!r} is unknown; use one of {', '.join(BASES)}")
    series = []
    for k, row in enumerate(rows):
        numbers = finite("polynomial", f"coefficients[{k}]", row)
        if not len(numbers):
            raise FunctionError(f"polynomial: coefficients[{k}] is empty; give [0] for a piece that is zero")
        series.append(_in_legendre(numbers, ends[k + 1] - ends[k], basis))
    return Function(ends, series)


def _in_legendre(numbers: FloatArray, length: float, basis: str) -> FloatArray:
    count = len(numbers)
    if basis == "legendre":
        return numbers
    if basis == "chebyshev":
        return chebyshev_to_legendre(count) @ numbers
    s = (nodes(count) + 1) / 2 * length
    value = np.zeros(count)
    for coefficient in numbers[::-1]:
        value = value * s + coefficient
    return from_values(value)


def samples(x: npt.ArrayLike, y: npt.ArrayLike, kind: str = "linear") -> Function:
    """Make a function of samples.

    Parameters
    ----------
    x
        Positions, rising, (N,).
    y
        Values, (N,); for ``"step"`` (N - 1,).
    kind
        ``"linear"``: straight lines from sample to sample.  ``"nearest"``: the nearest sample's value.
        ``"step"``: ``y[i]`` from ``x[i]`` to ``x[i + 1]``, as in a histogram.

    Returns
    -------
    A `Function` on ``[x[0], x[-1]]``.

    Raises
    ------
    FunctionError
        If positions do not rise, numbers do not fit, or are not finite.

    Examples
    --------
    >>> samples([0, 1, 3], [0, 2, 0])([0.5, 2])
    array([1., 1.])
    >>> samples([0, 1, 3], [0, 2, 0], "nearest")([0.4, 0.5, 1.9, 2.5])
    array([0., 2., 2., 0.])
    >>> samples([0, 1, 3], [5, 7], "step")([0.5, 1])
    array([5., 7.])
    """
    places, values = rising("samples", "x", x), finite("samples", "y", y)
    if kind not in KINDS:
        raise FunctionError(f"samples: kind={kind!r} is unknown; use one of {', '.join(KINDS)}")
    wanted = len(places) - (kind == "step")
    if len(places) < 2 or len(values) != wanted:
        rule = "one value less" if kind == "step" else "as many values"
        raise FunctionError(f"samples: x has {len(places)} positions and y has {len(values)} values; kind={kind!r} "
                            f"needs at least two positions and {rule}")
    if kind == "linear":
        mean, rise = (values[:-1] + values[1:]) / 2, np.diff(values) / 2
        return Function(places, list(np.stack([mean, rise], axis=1)))
    ends = places if kind == "step" else np.concatenate([places[:1], (places[:-1] + places[1:]) / 2, places[-1:]])
    return Function(ends, list(values[:, None]))
