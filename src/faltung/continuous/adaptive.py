"""A `Function` from a Python callable: Chebyshev interpolation of growing degree, cut where nothing resolves it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..errors import DTypeError, FunctionError
from .checks import number, rising
from .edges import find_edge
from .piecewise import Function
from .series import UNIT, FloatArray, chebyshev_to_legendre, evaluate, nodes, to_chebyshev

COUNTS = (16, 32, 64, 128, 256, 512)
"""Samples of one interval, one grid after the other."""

MOST_INTERVALS = 1000
"""Intervals looked at before the function counts as one that cannot be resolved."""

DEEPEST = 60
"""Cuts of one interval: half as long each time, it has come down to the spacing of floats."""

NARROWEST = 128
"""Floats in an interval: with fewer, samples fall together, and a pole looks like a constant."""

CHECKS = (np.arange(1, 12) * 0.6180339887498949) % 1 * 2 - 1
"""Places of no grid, where the interpolant must agree with the function."""


def function(call: Callable[..., Any], interval: tuple[float, float], breakpoints: Sequence[float] | None = None, *,
             tolerance: float = 1e-15) -> Function:
    """Make a `Function` from a callable on an interval; zero outside.

    On each interval the callable is interpolated in 16, 32, ... 512 Chebyshev points, until the coefficients fall
    to a plateau at the level of `tolerance`; there the series is chopped.  If 512 points do not do, the interval is
    cut: where a jump, a kink, or a jump in the second or third derivative is found, else in the middle.  An interval
    so short that its whole area is below `tolerance` is taken as it is, so that roots, logarithms and the like
    at an end are no obstacle.

    Parameters
    ----------
    call
        ``f(x)`` for arrays, or for single numbers.  The ends of the interval and the breakpoints are not asked for.
    interval
        ``(start, end)``, finite.
    breakpoints
        Where the callable or its derivatives jump, if that is known: exact, and quicker than the search.  Give them too
        for peaks far narrower than a hundredth of the interval, which samples could miss.
    tolerance
        Accuracy, relative to the largest value.

    Raises
    ------
    DTypeError
        If `call` cannot be called or its values are not real numbers.
    FunctionError
        If it gives NaN or infinity, or cannot be resolved: with the interval where this happens.

    References
    ----------
    Aurentz and Trefethen, "Chopping a Chebyshev series", ACM Trans. Math. Softw. 43(4), 2017.

    Examples
    --------
    >>> import math
    >>> f = function(lambda x: math.exp(-abs(x)), (-3, 3))
    >>> f.breakpoints
    array([-3.,  0.,  3.])
    >>> abs(f.integral() - 2 * (1 - math.exp(-3))) < 1e-15
    True
    """
    if not callable(call):
        raise DTypeError(f"function: call={call!r} cannot be called; give a function of x, or use samples(x, y)")
    ends = _ends(interval, breakpoints)
    if not 0 < number("function", "tolerance", tolerance) < 1:
        raise FunctionError(f"function: tolerance={tolerance!r} must lie between 0 and 1; 1e-15 is the finest "
                            "that pays")
    sampled = _Sampled(call, ends)
    pieces: list[tuple[float, float, FloatArray]] = []
    for low, high in pairwise(ends):
        pieces += _resolved(sampled, float(low), float(high), max(tolerance, 2 * UNIT))
    return Function(np.array([ends[0], *(piece[1] for piece in pieces)]), [piece[2] for piece in pieces])


def _ends(interval: Any, breakpoints: Sequence[float] | None) -> FloatArray:
    try:
        start, end = interval
    except (TypeError, ValueError):
        raise FunctionError(f"function: interval={interval!r} must be a pair (start, end)") from None
    low, high = number("function", "interval[0]", start), number("function", "interval[1]", end)
    if not low < high:
        raise FunctionError(f"function: interval={interval!r} must end after it starts, but {high!r} <= {low!r}")
    inner = rising("function", "breakpoints", np.asarray([] if breakpoints is None else breakpoints))
    outside = inner[(inner < low) | (inner > high)]
    if len(outside):
        raise FunctionError(f"function: breakpoints contain {float(outside[0])!r}, which lies outside "
                            f"[{low!r}, {high!r}]; leave it out or widen the interval")
    return np.unique(np.concatenate([[low], inner, [high]]))


class _Sampled:
    """The callable, asked with arrays or with numbers, whichever it understands; its scale and its area, roughly."""

    def __init__(self, call: Callable[..., Any], ends: FloatArray) -> None:
        self.call = call
        self.looked_at = 0
        self.scale = 0.0
        low, high = ends[0], ends[-1]
        self.by_number = not self._understands_arrays(np.array([0.3, 0.6]) * (high - low) + low)
        self.area = 0.0
        for start, end in pairwise(ends):
            values = np.abs(self(_placed(nodes(COUNTS[-1]), start, end), start, end))
            # Later samples do not count: near a singularity they would drown all the rest.
            self.scale = max(self.scale, float(values.max()))
            self.area += float(values.mean() * (end - start))

    def _understands_arrays(self, x: FloatArray) -> bool:
        try:
            with np.errstate(all="ignore"):
                return bool(np.shape(self.call(x)) == x.shape)
        except Exception:  # noqa: BLE001 whatever it raises for arrays, it may do for numbers
            return False

    def __call__(self, x: FloatArray, low: float, high: float) -> FloatArray:
        with np.errstate(all="ignore"):
            values = np.asarray([self.call(float(t)) for t in x] if self.by_number else self.call(x))
        if values.dtype.kind not in "buif" or values.shape != x.shape:
            raise DTypeError(f"function: the callable gives values of type {values.dtype} and shape {values.shape} for "
                             f"{len(x)} numbers; it must give one real number for each")
        values = values.astype(np.float64)
        wrong = np.flatnonzero(~np.isfinite(values))
        if len(wrong):
            raise FunctionError(f"function: the callable gives {values[wrong[0]]} at x={float(x[wrong[0]])!r} in "
                                f"[{float(low)!r}, {float(high)!r}]; end the interval before it, or let the callable "
                                "be finite there")
        return values


def _resolved(sampled: _Sampled, start: float, end: float, tolerance: float) -> list[tuple[float, float, FloatArray]]:
    """Return the pieces of one interval between given breakpoints, from left to right."""
    pieces = []
    negligible = tolerance * sampled.area
    waiting = [(start, end, 0)]
    while waiting:
        low, high, depth = waiting.pop()
        if sampled.looked_at == MOST_INTERVALS:
            raise _unresolved(sampled, low, high, depth, tolerance)
        sampled.looked_at += 1
        piece, values = _attempt(sampled, low, high, tolerance)
        narrow = high - low <= NARROWEST * np.spacing(max(abs(low), abs(high)))
        if narrow:
            piece = None
        if piece is None and (high - low) * (np.abs(values).max() if narrow else np.ptp(values)) <= negligible:
            piece = chebyshev_to_legendre(8) @ to_chebyshev(8) @ sampled(_placed(nodes(8), low, high), low, high)
        if piece is not None:
            pieces.append((low, high, piece))
            continue
        if narrow or depth == DEEPEST:
            raise _unresolved(sampled, low, high, depth, tolerance)
        cut = find_edge(lambda x, a=low, b=high: sampled(x, a, b), low, high, sampled.scale)  # type: ignore[misc]
        middle = low + (high - low) / 2 if cut is None else cut
        waiting += [(middle, high, depth + 1), (low, middle, depth + 1)]
    return pieces


def _unresolved(sampled: _Sampled, low: float, high: float, depth: int, tolerance: float) -> FunctionError:
    return FunctionError(
        f"function: the callable cannot be resolved to tolerance={tolerance!r} in [{low!r}, {high!r}]: "
        f"{COUNTS[-1]} points do not suffice there, after {depth} cuts and {sampled.looked_at} intervals "
        f"(at most {DEEPEST} and {MOST_INTERVALS}, none below {NARROWEST} floats); give breakpoints=, a larger "
        "tolerance=, or end the interval before it"
    )


def _placed(t: FloatArray, low: float, high: float) -> FloatArray:
    return (low * (1 - t) + high * (1 + t)) / 2


def _attempt(sampled: _Sampled, low: float, high: float, tolerance: float) -> tuple[FloatArray | None, FloatArray]:
    """Return the Legendre series on one interval, or None, and the last samples."""
    values = np.zeros(0)
    for count in COUNTS:
        x = _placed(nodes(count), low, high)
        values = sampled(x, low, high)
        local = float(np.abs(values).max())
        allowed = max(tolerance * max(sampled.scale, local), _noise(x, values))
        if local <= allowed:
            kept, chebyshev = 1, np.zeros(1)
        else:
            chebyshev = to_chebyshev(count) @ values
            kept = chop(chebyshev, min(allowed / local, 0.1))
        if kept < count:
            series = chebyshev_to_legendre(kept) @ chebyshev[:kept]
            apart = np.abs(evaluate(series, CHECKS) - sampled(_placed(CHECKS, low, high), low, high)).max()
            if apart <= 1e3 * max(allowed, 4 * UNIT * local):
                return series, values
    return None, values


def _noise(x: FloatArray, values: FloatArray) -> float:
    """Return how much the values change when their places are rounded: no series can be finer."""
    blur = UNIT * float(np.abs(x).max())
    return blur and float((np.abs(np.diff(values)) / np.maximum(np.diff(x) / blur, 1)).max(initial=0.0))


def chop(coefficients: FloatArray, tolerance: float) -> int:
    """Return how many coefficients to keep: all of them, if they have not fallen to a plateau yet.

    The envelope ``e_j = max over k >= j of |c_k| / max|c|`` has a plateau at ``j`` if between ``j`` and ``1.25 j + 5``
    it falls by less than the ratio ``3 (1 - log e_j / log tolerance)`` asks for: none is needed at the
    level of the tolerance, much above it.  Chopped is where the envelope, tilted by a third of the tolerance's
    decades over the plateau, is lowest.

    References
    ----------
    Aurentz and Trefethen (2017), section 3, "standardChop".

    Examples
    --------
    >>> chop(0.1 ** np.arange(32), 1e-15) in range(14, 20)
    True
    >>> chop(1 / np.arange(1.0, 33), 1e-15)
    32
    """
    count = len(coefficients)
    envelope = np.maximum.accumulate(np.abs(coefficients)[::-1])[::-1]
    if not envelope[0]:
        return 1
    envelope = envelope / envelope[0]
    plateau = later = 0
    for j in range(2, count + 1):
        later = round(1.25 * j + 5)
        if later > count:
            return count
        height = envelope[j - 1]
        if not height or envelope[later - 1] / height > 3 * (1 - np.log(height) / np.log(tolerance)):
            plateau = j - 1
            break
    if not envelope[plateau - 1]:
        return plateau
    floor = tolerance ** (7 / 6)
    above = int(np.count_nonzero(envelope >= floor))
    if above < later:
        later = above + 1
        envelope[later - 1] = floor
    tilted = np.log10(envelope[:later]) + np.linspace(0, -np.log10(tolerance) / 3, later)
    return max(int(np.argmin(tilted)), 1)
