"""Convolution and correlation of functions: pairs of pieces, summed on the grid of all sums of breakpoints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DTypeError, FunctionError
from .checks import number
from .lattice import on_lattice
from .piecewise import Function, batches, local, merged, nearest
from .series import FloatArray, bound, padded, restrict, trim
from .trapezoids import BATCH_NUMBERS, Parts, pairs_of

MOST_PIECES = 200_000
"""Pieces of a result: some hundred megabytes at low degrees."""


def convolve(f: Function, g: Function) -> Function:
    """Convolve two functions.

    ``h(x) = integral of f(t) g(x - t) dt``

    Parameters
    ----------
    f, g
        Functions: see `function`, `polynomial`, `samples` and the catalogue.

    Returns
    -------
    A `Function` on [a + c, b + d] for supports [a, b] and [c, d], with the sums of their breakpoints as breakpoints.

    Raises
    ------
    DTypeError
        If `f` or `g` is not a `Function`.
    FunctionError
        If the result had more than 200000 pieces.

    Notes
    -----
    Each pair of pieces is a trapezoid of two triangles and a parallelogram.  The triangles follow from
    a recurrence over the columns of the convolution matrix, ``O(M N)``; the parallelogram, one polynomial of the
    degree of the longer piece, from Gauss's rule.  When the pieces of one function are equally long and many, the
    sum over pairs is a discrete convolution over the numbers of the pieces, and done as one.

    Accuracy: for smooth pieces up to degree 100, below 1e-13 of the scale ``max|f| max|g| L``, with L the length
    of the shorter support.

    References
    ----------
    Hale and Townsend, "An algorithm for the convolution of Legendre series", SIAM J. Sci. Comput. 36(3), 2014.

    Examples
    --------
    >>> from faltung.continuous import box, gaussian
    >>> h = convolve(box(), box())
    >>> h([-1, -0.5, 0, 0.25])
    array([0.  , 0.5 , 1.  , 0.75])
    >>> wide = convolve(gaussian(3), gaussian(4))
    >>> abs(wide(2.5) - gaussian(5)(2.5)) < 1e-15
    True
    """
    _functions("convolve", f, g)
    parts, sums = on_lattice(f, g) or (_pairs(f, g), None)
    if sums is None:
        sums = _sums("convolve", f, g)
    return _assembled(merged(sums), parts)


def correlate(f: Function, g: Function) -> Function:
    """Correlate two functions: slide `g` over `f` without flipping it.

    ``h(x) = integral of f(x + t) g(t) dt``, which is the convolution of ``f`` with ``g(-t)``.

    Examples
    --------
    >>> from faltung.continuous import box
    >>> correlate(box().shift(3), box()).maximum()
    (3.0, 1.0)
    """
    _functions("correlate", f, g)
    return convolve(f, g.reverse())


def autocorrelate(f: Function) -> Function:
    """Correlate a function with itself; the value at 0 is its energy.

    ``h(x) = integral of f(x + t) f(t) dt``

    Examples
    --------
    >>> from faltung.continuous import exponential
    >>> abs(autocorrelate(exponential())(0) - 0.5) < 1e-15
    True
    """
    if not isinstance(f, Function):
        raise _not_a_function("autocorrelate", "f", f)
    return convolve(f, f.reverse())


def overlap(f: Function, g: Function, t: float) -> Function:
    """Return the product whose area is the value of the convolution at `t`.

    ``p(s) = f(s) g(t - s)``, so that ``p.integral() == convolve(f, g)(t)`` to rounding.

    Examples
    --------
    >>> from faltung.continuous import box
    >>> product = overlap(box(), box(), 0.25)
    >>> product.support, product.integral()
    ((-0.25, 0.5), 0.75)
    """
    _functions("overlap", f, g)
    return f * g.reverse().shift(number("overlap", "t", t))


def _functions(function: str, f: Any, g: Any) -> None:
    for name, value in (("f", f), ("g", g)):
        if not isinstance(value, Function):
            raise _not_a_function(function, name, value)


def _not_a_function(function: str, argument: str, value: Any) -> DTypeError:
    kind = type(value).__name__
    if callable(value):
        return DTypeError(f"{function}: {argument} is a callable ({kind}), not a Function; make it one first: "
                          f"continuous.function({argument}, (start, end))")
    return DTypeError(f"{function}: {argument} is of type {kind}, not a Function; use continuous.samples(x, y) "
                      "for samples, continuous.polynomial(breakpoints, coefficients) for polynomials")


def _sums(function: str, f: Function, g: Function) -> FloatArray:
    one, other = f.breakpoints, g.breakpoints
    if len(one) * len(other) > MOST_PIECES:
        raise FunctionError(
            f"{function}: {len(one)} by {len(other)} breakpoints make up to {len(one) * len(other)} pieces, more than "
            f"{MOST_PIECES}; use fewer, or equally spaced ones that fit each other"
        )
    return np.add.outer(one, other).ravel()


def _pairs(f: Function, g: Function) -> Iterator[Parts]:
    """Yield the parts of all pairs of pieces, similar degrees together, in portions of bounded size."""
    for one in batches(f):
        for other in batches(g):
            yield from pairs_of(one, other)


def _assembled(grid: FloatArray, parts: Iterable[Parts]) -> Function:
    """Sum up the parts on the intervals of the grid that they span."""
    total = np.zeros((len(grid) - 1, 1))
    scale = 0.0
    for some in parts:
        scale = max(scale, float(bound(some.series).max(initial=0.0)))
        some = Parts(some.low, some.high, trim(some.series, scale))  # noqa: PLW2901 the tail is rounding
        first, last = nearest(grid, some.low), nearest(grid, some.high)
        whole = last - first == 1
        total = _add(total, first[whole], some.series[whole])
        divided = last - first > 1
        total = _add_divided(total, grid, some.take(divided), first[divided], last[divided])
    scale = float(bound(total).max(initial=0.0))
    return Function(grid, [trim(piece, scale) for piece in total])


def _add(total: FloatArray, where: npt.NDArray[np.intp], series: FloatArray) -> FloatArray:
    count = series.shape[-1]
    total = padded(total, max(count, total.shape[-1]))
    np.add.at(total, (where[:, None], np.arange(count)), series)
    return total


def _add_divided(total: FloatArray, grid: FloatArray, parts: Parts, first: npt.NDArray[np.intp],
                 last: npt.NDArray[np.intp]) -> FloatArray:
    """Add parts that span several intervals: to each its own share."""
    spans = last - first
    owner = np.repeat(np.arange(len(parts)), spans)
    interval = np.arange(len(owner)) - np.repeat(np.cumsum(spans) - spans, spans) + first[owner]
    width = (grid[interval + 1] - grid[interval]) / (grid[last] - grid[first])[owner]
    # Short shares need few coefficients: those of similar width together, in portions of bounded size.
    classes = np.frexp(width)[1]
    portion = max(1, BATCH_NUMBERS // parts.series.shape[-1])
    for number_of_class in np.unique(classes):
        members = np.flatnonzero(classes == number_of_class)
        for start in range(0, len(members), portion):
            some = members[start : start + portion]
            who, where = owner[some], interval[some]
            low, high = grid[first[who]], grid[last[who]]
            seen = [local(ends, low, high) for ends in (grid[where], grid[where + 1])]
            total = _add(total, where, restrict(parts.series[who], *seen))
    return total
