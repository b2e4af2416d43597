"""Sums over all windows of an array, without subtraction: what is far away never costs a digit here.

A window of ``L`` samples is put together from windows of 1, 2, 4, ... samples, each the sum of two of half its
length: ``log2(L)`` additions one after the other, so the error of a sum of magnitudes is below
``(2 * log2(L) + 2) * u`` of it.  (An integral image subtracts large sums from each other, and spreads a NaN over
all that follows.)  Integers may wrap on the way: the sum is right modulo the size of their dtype.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np

Array = np.ndarray
LONG = 24
"""Windows of this length and more are summed in two runs instead (see `_long`)."""


def window_sum(array: Array, extents: Sequence[int]) -> Array:
    """Sum over every window of an array's last axes.

    ``y[..., p] = sum over t < extents of x[..., p + t]``, of ``N - L + 1`` samples along each axis.

    Examples
    --------
    >>> window_sum(np.array([1, 2, 3, 4, 5]), [3])
    array([ 6,  9, 12])
    """
    first = array.ndim - len(extents)
    for axis in range(first, array.ndim):
        array = window_sum_along(array, axis, extents[axis - first])
    return array


def window_sum_along(array: Array, axis: int, length: int) -> Array:
    """Sum over every window of ``length`` samples along one axis."""
    by_runs = length >= LONG and axis < array.ndim - 1
    return _long(array, axis, length) if by_runs else _along(array, axis, length)


def _along(array: Array, axis: int, length: int) -> Array:
    """Sum windows by doubling, on the array as one line of memory: what runs over a row's end is cut off at last."""
    array = np.ascontiguousarray(array)
    step, shape = prod(array.shape[axis + 1 :]), array.shape
    line = array.reshape(-1)
    outputs = line.size - (length - 1) * step
    whole = np.empty_like(line)
    result, started = whole[:outputs], False
    power, size, start = line, 1, 0
    while True:
        if length & size:
            part = power[start * step : start * step + outputs]
            np.add(result, part, out=result) if started else np.copyto(result, part)
            started = True
            start += size
        if 2 * size > length:
            break
        power = power[size * step :] + power[: -size * step]
        size *= 2
    return _cut(whole.reshape(shape), axis, 0, shape[axis] - length + 1)


def _long(array: Array, axis: int, length: int) -> Array:
    """Sum long windows: each is the end of one block of ``length`` samples and the start of the next.

    Three additions for a sample, whatever the length (van Herk, Pattern Recognition Letters 13(7), 1992, for maxima).
    """
    array = np.moveaxis(array, axis, 0)
    outputs = array.shape[0] - length + 1
    result = np.empty((outputs, *array.shape[1:]), array.dtype)
    for begin in range(0, outputs, length):
        count = min(length, outputs - begin)
        tail = array[begin + length - 1].copy()
        for row in range(length - 2, -1, -1):
            if row + 1 < count:
                result[begin + row + 1] = tail
            tail += array[begin + row]
        result[begin] = tail
        if count > 1:
            head = array[begin + length].copy()
            result[begin + 1] += head
            for row in range(2, count):
                head += array[begin + length + row - 1]
                result[begin + row] += head
    return np.moveaxis(result, 0, axis)


def _cut(array: Array, axis: int, start: int, stop: int | None) -> Array:
    return array[(*[slice(None)] * axis, slice(start, stop))]


# ---------------------------------------------------------------- twice the digits

class Double(NamedTuple):
    """The unevaluated sum ``high + low`` of two float64: about 106 bits."""

    high: Array
    low: Array


def window_sum_double(array: Double, extents: Sequence[int]) -> Double:
    """`window_sum` in twice the digits: each addition has a relative error of about ``2**-104``."""
    first = array.high.ndim - len(extents)
    for axis in range(first, array.high.ndim):
        array = _along_double(array, axis, extents[axis - first])
    return array


def _along_double(array: Double, axis: int, length: int) -> Double:
    outputs = array.high.shape[axis] - length + 1
    total: Double | None = None
    power, size, start = array, 1, 0
    while True:
        if length & size:
            part = Double(*(_cut(half, axis, start, start + outputs) for half in power))
            total = part if total is None else add(total, part)
            start += size
        if 2 * size > length:
            break
        power = add(Double(*(_cut(half, axis, size, None) for half in power)),
                    Double(*(_cut(half, axis, 0, -size) for half in power)))
        size *= 2
    assert total is not None
    return total


def add(a: Double, b: Double) -> Double:
    """Add two (Knuth's exact sum of the high parts; Dekker, Numerische Mathematik 18, 1971)."""
    high = a.high + b.high
    back = high - a.high
    low = (a.high - (high - back)) + (b.high - back) + a.low + b.low
    total = high + low
    return Double(total, low - (total - high))


def product(a: Array, b: Array) -> Double:
    """The exact product of two float64 (Dekker's, with Veltkamp's splitting)."""
    high = a * b
    a_high, b_high = _upper(a), _upper(b)
    a_low, b_low = a - a_high, b - b_high
    return Double(high, ((a_high * b_high - high) + a_high * b_low + a_low * b_high) + a_low * b_low)


def _upper(a: Array) -> Array:
    scaled = a * 134217729.0  # 2**27 + 1
    return np.asarray(scaled - (scaled - a))


def multiply(a: Double, b: Double) -> Double:
    """Multiply two, to about ``2**-102``."""
    exact = product(a.high, b.high)
    low = exact.low + (a.high * b.low + a.low * b.high)
    total = exact.high + low
    return Double(total, low - (total - exact.high))


def double(array: Array) -> Double:
    """An array of float64, with nothing in its low half."""
    return Double(array, np.zeros_like(array))
