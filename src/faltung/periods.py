"""The repetition that an autocorrelation suggests."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np

from . import operations
from .arrays import adopt
from .errors import DTypeError, ShapeError
from .problem.extents import as_integer

Array = np.ndarray
NEARLY_AS_GOOD = 0.9
"""The first peak that is this part of the highest is the period: its multiples are peaks as well."""


@dataclass(frozen=True, slots=True)
class Period:
    """A repetition: after so many samples, and how sure that is (0 to 1)."""

    samples: float
    confidence: float

    def __bool__(self) -> bool:
        return self.confidence > 0

    def __repr__(self) -> str:
        return f"Period(samples={self.samples:.4g}, confidence={self.confidence:.3g})"


def period(x: Any, *, axis: int | None = None, max_lag: int | None = None) -> Period | tuple[Period, ...]:
    """Find the repetition that the autocorrelation of a signal or image suggests.

    With the mean (of each line along the axis) subtracted, and sums over all lines and over the samples that overlap::

        r[lag] = sum(x[n] x[n + lag]) / sqrt(sum(x[n]**2) sum(x[n + lag]**2))

    The period is the first local maximum of ``r``, after it first falls below 0, that has nine tenths of the highest
    one's height; a parabola through its neighbours gives it between samples.

    Parameters
    ----------
    x : array_like, shape (N, ...)
        Real; finite.
    axis : int, optional
        Along which to look; by default along each.
    max_lag : int, optional
        Longest period to consider, ``N // 2`` by default: a repetition must be seen twice.

    Returns
    -------
    Period, or tuple of Period
        One for a signal or with ``axis``, else one for each axis.  Confidence is ``r`` at the period; without any
        repetition it is 0 and the period NaN.

    Raises
    ------
    ShapeError, DTypeError
        An array without axes, an axis that it does not have, complex or non-finite values.

    Examples
    --------
    >>> period([0, 1, 3, 1, 0, 1, 3, 1, 0, 1, 3, 1, 0, 1, 3, 1])
    Period(samples=3.988, confidence=1)
    >>> period(np.arange(9))
    Period(samples=nan, confidence=0)
    """
    array, _ = adopt(x, "period", "x")
    if array.dtype.kind == "c":
        raise DTypeError(f"period: x has dtype {array.dtype}; take its magnitude, or its real part")
    if array.ndim == 0 or array.size == 0:
        raise ShapeError(f"period: x {array.shape} must have at least one axis, and samples along each")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ShapeError(f"period: x holds {np.count_nonzero(~np.isfinite(array))} values that are NaN or infinite; "
                         "fill them first")
    if axis is not None:
        number = as_integer(axis)
        if number is None or not -array.ndim <= number < array.ndim:
            raise ShapeError(f"period: axis={axis!r} is no axis of x {array.shape}; use {-array.ndim} to "
                             f"{array.ndim - 1}")
        return _along(array, number, max_lag)
    found = tuple(_along(array, number, max_lag) for number in range(array.ndim))
    return found[0] if array.ndim == 1 else found


def _along(array: Array, axis: int, max_lag: int | None) -> Period:
    lines = np.moveaxis(array, axis, -1).astype(np.float64)
    lines = lines.reshape(-1, lines.shape[-1])
    lines = lines - lines.mean(axis=1, keepdims=True)
    extent = lines.shape[1]
    most = extent // 2 if max_lag is None else as_integer(max_lag)
    if most is None or not 0 <= most < extent:
        raise ShapeError(f"period: max_lag={max_lag!r} must be a whole number from 0 to {extent - 1}, for {extent} "
                         "samples have no longer lags")
    return _first_peak(_coefficients(lines, most))


def _coefficients(lines: Array, most: int) -> Array:
    """``r`` for lags from 0 to ``most``, and one more if there is one, so that the last can be a peak."""
    extent = lines.shape[1]
    count = min(most + 2, extent)
    # Lags from 0 on: the outputs of the full result from extent - 1 on, one line at a time.
    outputs = (slice(extent - 1, extent - 1 + count),)
    products = operations.correlate(lines, lines, axes=1, outputs=outputs).sum(axis=0)
    energy = np.square(lines).sum(axis=0)
    before = np.cumsum(energy)[::-1][:count]
    after = np.cumsum(energy[::-1])[::-1][:count]
    scale = np.sqrt(before * after)
    # What is left of a constant is rounding, and correlates with nothing.
    nothing = scale <= energy.sum() * 1e-14
    return np.clip(np.where(nothing, 0, products / np.where(nothing, 1, scale)), -1, 1)


def _first_peak(r: Array) -> Period:
    below = np.flatnonzero(r < 0)
    if not below.size:
        return Period(nan, 0.0)
    inner = np.arange(max(1, int(below[0])), len(r) - 1)
    peaks = inner[(r[inner] >= r[inner - 1]) & (r[inner] > r[inner + 1]) & (r[inner] > 0)]
    if not peaks.size:
        return Period(nan, 0.0)
    lag = int(peaks[np.argmax(r[peaks] >= NEARLY_AS_GOOD * r[peaks].max())])
    bend = r[lag - 1] - 2 * r[lag] + r[lag + 1]
    shift = 0.5 * (r[lag - 1] - r[lag + 1]) / bend if bend < 0 else 0.0
    return Period(float(lag + shift), float(r[lag]))
