"""`Function`: polynomial pieces on neighbouring intervals, zero outside."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.polynomial import legendre

from ..errors import DTypeError, FunctionError
from .checks import is_number, number, real, whole
from .extrema import highest
from .series import UNIT, FloatArray, bound, evaluate, from_values, integrate, mirror, nodes, padded, restrict, trim
from .trapezoids import Parts


class Function:
    """A real function of a real variable: one polynomial on each of neighbouring intervals, zero outside.

    ``f(x) = sum over k of c_ik P_k(t)``, with ``t = (2 x - a_i - a_(i+1)) / (a_(i+1) - a_i)`` on the interval
    ``[a_i, a_(i+1))``; the last interval contains its end.  At a jump the right piece holds.

    Functions are values: nothing changes them.  Make one with `function`, `polynomial`, `samples` or from the
    catalogue (`box`, `triangle`, `gaussian`, `exponential`, `b_spline`).

    Parameters
    ----------
    breakpoints
        Ends of the intervals, rising, one more than pieces.
    series
        The Legendre coefficients of each piece.

    Raises
    ------
    FunctionError
        If no interval has a length, as after too long a shift.

    Examples
    --------
    >>> from faltung import continuous
    >>> h = continuous.convolve(continuous.box(), continuous.box())
    >>> h
    Function([-1.0, 1.0], pieces=2, degree=1)
    >>> h([-0.5, 0, 2])
    array([0.5, 1. , 0. ])
    >>> h.integral()
    1.0
    """

    __slots__ = ("_breakpoints", "_series")
    __array_ufunc__ = None  # so that NumPy's numbers leave arithmetic to this class

    def __init__(self, breakpoints: FloatArray, series: Sequence[FloatArray]) -> None:
        # Tiny pieces far from zero can lose their length to rounding.
        keep = np.flatnonzero(np.diff(breakpoints) > 0).tolist()
        if not keep or not np.isfinite(breakpoints).all():
            low, high = float(breakpoints[0]), float(breakpoints[-1])
            raise FunctionError(f"Function: on [{low!r}, {high!r}] no interval is left that float64 can tell apart; "
                                "keep the support near zero for its length")
        self._breakpoints: FloatArray = np.append(breakpoints[keep], breakpoints[keep[-1] + 1])
        self._series = tuple(series[k] for k in keep)

    def __repr__(self) -> str:
        low, high = self.support
        return f"Function([{low!r}, {high!r}], pieces={len(self._series)}, degree={self.degree})"

    @property
    def support(self) -> tuple[float, float]:
        """Where the function can differ from zero: the first and the last breakpoint."""
        return float(self._breakpoints[0]), float(self._breakpoints[-1])

    @property
    def breakpoints(self) -> FloatArray:
        """The ends of the pieces, rising."""
        return self._breakpoints.copy()

    @property
    def series(self) -> tuple[FloatArray, ...]:
        """The Legendre coefficients of each piece on its interval."""
        return tuple(piece.copy() for piece in self._series)

    @property
    def degree(self) -> int:
        """The highest degree of the pieces."""
        return max(map(len, self._series)) - 1

    @property
    def scale(self) -> float:
        """The largest absolute value, ``max|f(x)|``, in which accuracies are told."""
        return max(self.maximum()[1], -self.minimum()[1], 0.0)

    def __call__(self, x: npt.ArrayLike) -> Any:
        """Return the values at `x`: an array of its shape, or a float for a number.  NaN stays NaN.

        Accuracy: about ``2^-53`` of the scale of the piece.  Cost: ``5 degree`` operations per point.

        Examples
        --------
        >>> from faltung.continuous import triangle
        >>> triangle()(0.25)
        0.75
        """
        points = real("Function", "x", x)
        flat = points.reshape(-1)
        values = np.where(np.isnan(flat), np.nan, 0.0)
        last = self._breakpoints[-1]
        piece = np.searchsorted(self._breakpoints, flat, side="right") - 1
        piece[flat == last] = len(self._series) - 1
        inside = np.flatnonzero((piece >= 0) & (flat <= last))
        order = inside[np.argsort(piece[inside], kind="stable")]
        numbers, starts = np.unique(piece[order], return_index=True)
        for k, start, stop in zip(numbers, starts, [*starts[1:], len(order)], strict=False):
            where = order[start:stop]
            low, high = self._breakpoints[k], self._breakpoints[k + 1]
            values[where] = evaluate(self._series[k], local(flat[where], low, high))
        return values.reshape(points.shape) if points.ndim else float(values[0])

    def integral(self, start: float | None = None, end: float | None = None) -> float:
        """Return the area, ``integral of f(x) dx``, over all or from `start` to `end`.

        Examples
        --------
        >>> from faltung.continuous import box
        >>> box().integral(), box().integral(end=0.25)
        (1.0, 0.75)
        """
        if start is None and end is None:
            lengths = np.diff(self._breakpoints)
            return math.fsum(length * piece[0] for length, piece in zip(lengths, self._series, strict=True))
        low, high = self.support
        first = low if start is None else min(max(number("integral", "start", start), low), high)
        last = high if end is None else min(max(number("integral", "end", end), low), high)
        area = self.antiderivative()
        return float(area(last) - area(first))

    def maximum(self) -> tuple[float, float]:
        """Return where the function is largest on its support, and how large: ``(x, f(x))``.

        Examples
        --------
        >>> from faltung.continuous import triangle
        >>> triangle(center=2).maximum()
        (2.0, 1.0)
        """
        return highest(self._breakpoints, self._series)

    def minimum(self) -> tuple[float, float]:
        """Return where the function is smallest on its support, and how small: ``(x, f(x))``."""
        place, value = highest(self._breakpoints, [-piece for piece in self._series])
        return place, -value

    def derivative(self, order: int = 1) -> Function:
        """Return the derivative of each piece; a jump gives no impulse.

        Accuracy: each order costs up to ``degree^2`` times the rounding of the one before.

        Examples
        --------
        >>> from faltung.continuous import triangle
        >>> triangle().derivative()([-0.5, 0.5])
        array([ 1., -1.])
        """
        order = whole("derivative", "order", order, 0)
        halves = np.diff(self._breakpoints) / 2
        return Function(self._breakpoints, [legendre.legder(piece, order) / half**order if order else piece
                                            for piece, half in zip(self._series, halves, strict=True)])

    def antiderivative(self, until: float | None = None) -> Function:
        """Return ``F(x) = integral of f from the start of the support to x``.

        A `Function` is zero outside its support, so ``F`` ends with the support of ``f``, or goes on as a
        constant to `until`.

        Examples
        --------
        >>> from faltung.continuous import box
        >>> box().antiderivative(until=2)([-0.5, 0, 0.5, 1.5])
        array([0. , 0.5, 1. , 1. ])
        """
        high = self.support[1]
        if until is not None and number("antiderivative", "until", until) < high:
            raise FunctionError(f"antiderivative: until={until!r} lies before the end of the support, {high!r}; "
                                "leave it out")
        lengths = np.diff(self._breakpoints)
        series, areas = [], [0.0]
        for piece, length in zip(self._series, lengths, strict=True):
            grown = integrate(piece) * (length / 2)
            grown[0] += math.fsum(areas)
            series.append(grown)
            areas.append(length * piece[0])
        if until is None or until == high:
            return Function(self._breakpoints, series)
        return Function(np.append(self._breakpoints, until), [*series, np.array([math.fsum(areas)])])

    def shift(self, t: float) -> Function:
        """Return ``f(x - t)``: moved to the right by `t`.

        Examples
        --------
        >>> from faltung.continuous import box
        >>> box().shift(0.5).support
        (0.0, 1.0)
        """
        return Function(self._breakpoints + number("shift", "t", t), self._series)

    def stretch(self, factor: float) -> Function:
        """Return ``f(x / factor)``: `factor` times as wide, mirrored where it is negative.

        Examples
        --------
        >>> from faltung.continuous import box
        >>> box().stretch(3).support
        (-1.5, 1.5)
        """
        if not number("stretch", "factor", factor):
            raise FunctionError("stretch: factor=0 leaves no interval; it must differ from zero")
        grown = Function(self._breakpoints * abs(factor), self._series)
        return grown.reverse() if factor < 0 else grown

    def reverse(self) -> Function:
        """Return ``f(-x)``.

        Examples
        --------
        >>> from faltung.continuous import exponential
        >>> exponential().reverse()(-1.0) == exponential()(1.0)
        True
        """
        return Function(-self._breakpoints[::-1], [mirror(piece) for piece in self._series[::-1]])

    def __neg__(self) -> Function:
        return Function(self._breakpoints, [-piece for piece in self._series])

    def __pos__(self) -> Function:
        return self

    def __mul__(self, other: Function | float) -> Function:
        """Return the product with a number or, point by point, with another function."""
        if isinstance(other, Function):
            return _product(self, other)
        if not is_number(other):
            return NotImplemented
        factor = number("Function", "factor", other)
        return Function(self._breakpoints, [piece * factor for piece in self._series])

    __rmul__ = __mul__

    def __truediv__(self, other: float) -> Function:
        if not is_number(other):
            return NotImplemented
        divisor = number("Function", "divisor", other)
        if not divisor:
            raise FunctionError("Function: divisor=0; a function is divided by a number other than zero")
        return Function(self._breakpoints, [piece / divisor for piece in self._series])

    def __add__(self, other: Function) -> Function:
        """Return the sum with another function, on the union of both supports."""
        if is_number(other):
            raise DTypeError(f"Function: cannot add the number {other!r}, for the sum would not be zero outside; "
                             "add box(width, center) times the number")
        return _sum(self, other) if isinstance(other, Function) else NotImplemented

    __radd__ = __add__

    def __sub__(self, other: Function) -> Function:
        return self + (-other)

    def __rsub__(self, other: Function) -> Function:
        return -self + other


def local(points: FloatArray, low: FloatArray | float, high: FloatArray | float) -> FloatArray:
    """Return where `points` lie when [low, high] is seen as [-1, 1]; no farther than that."""
    seen: FloatArray = ((points - low) - (high - points)) / (high - low)
    np.clip(seen, -1, 1, out=seen)
    return seen


def merged(points: FloatArray) -> FloatArray:
    """Return the points sorted, those that differ by rounding only taken as one."""
    points = np.unique(points)
    near = 16 * UNIT * np.abs(points).max(initial=0.0)
    kept: FloatArray = points[np.append(True, np.diff(points) > near)]
    return kept


def nearest(grid: FloatArray, points: FloatArray) -> npt.NDArray[np.intp]:
    """Return the index of the point of the grid that is nearest to each point."""
    return np.searchsorted((grid[1:] + grid[:-1]) / 2, points)


def batches(f: Function) -> list[Parts]:
    """Return the pieces that are not zero, those of similar degree together."""
    low, high = f._breakpoints[:-1], f._breakpoints[1:]
    classes: dict[int, list[int]] = {}
    for k, piece in enumerate(f._series):
        if piece.any():
            classes.setdefault(max(len(piece) - 1, 1).bit_length(), []).append(k)
    result = []
    for _, numbers in sorted(classes.items()):
        count = max(len(f._series[k]) for k in numbers)
        result.append(Parts(low[numbers], high[numbers], np.stack([padded(f._series[k], count) for k in numbers])))
    return result


def _on_grid(f: Function, grid: FloatArray) -> list[FloatArray]:
    """Return the series of `f` on every interval of a grid that contains its breakpoints, zero outside."""
    places = nearest(grid, f._breakpoints)
    result = [np.zeros(1)] * (len(grid) - 1)
    for piece, first, last in zip(f._series, places[:-1], places[1:], strict=True):
        if last - first == 1:
            result[first] = piece
        if last - first <= 1:  # no longer than rounding, and merged away
            continue
        seen = local(grid[first : last + 1], grid[first], grid[last])
        for k in range(last - first):
            result[first + k] = restrict(piece[None], seen[k : k + 1], seen[k + 1 : k + 2])[0]
    return result


def _sum(f: Function, g: Function) -> Function:
    grid = merged(np.concatenate([f._breakpoints, g._breakpoints]))
    series = []
    for one, other in zip(_on_grid(f, grid), _on_grid(g, grid), strict=True):
        count = max(len(one), len(other))
        series.append(padded(one, count) + padded(other, count))
    return Function(grid, series)


def _product(f: Function, g: Function) -> Function:
    grid = merged(np.concatenate([f._breakpoints, g._breakpoints]))
    low, high = (pick(one, other) for pick, one, other in zip((max, min), f.support, g.support, strict=True))
    middle = (grid[:-1] + grid[1:]) / 2
    inside = (middle > low) & (middle < high)
    if not inside.any():
        return Function(np.array(f.support), [np.zeros(1)])
    series = []
    for one, other in zip(_on_grid(f, grid), _on_grid(g, grid), strict=True):
        count = len(one) + len(other) - 1
        points = nodes(count)
        product = from_values(evaluate(one, points) * evaluate(other, points))
        series.append(trim(product, float(bound(product))))
    first, last = np.flatnonzero(inside)[[0, -1]]
    return Function(grid[first : last + 2], series[first : last + 1])
