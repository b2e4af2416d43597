"""Numbers as the caller gives them: real and finite, or an error that says what to do."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import DTypeError, FunctionError
from .series import FloatArray


def is_number(value: Any) -> bool:
    """Tell whether `value` is one real number."""
    return isinstance(value, int | float | np.number) or (isinstance(value, np.ndarray) and value.ndim == 0)


def number(function: str, argument: str, value: Any) -> float:
    """Return a finite real number, or raise.

    Raises
    ------
    DTypeError
        If it is not one real number.
    FunctionError
        If it is not finite.
    """
    text = f"{function}: {argument}={value!r} is not a real number; give a float"
    if isinstance(value, bool | str | bytes) or np.iscomplexobj(value) or np.ndim(value):
        raise DTypeError(text)
    try:
        result = float(value)
    except (TypeError, ValueError):
        raise DTypeError(text) from None
    if not math.isfinite(result):
        raise FunctionError(f"{function}: {argument}={value!r} must be finite")
    return result


def positive(function: str, argument: str, value: Any) -> float:
    """Return a number above zero, or raise."""
    result = number(function, argument, value)
    if result <= 0:
        raise FunctionError(f"{function}: {argument}={value!r} must be greater than 0")
    return result


def whole(function: str, argument: str, value: Any, least: int, most: int | None = None) -> int:
    """Return a whole number from `least` to `most`, or raise."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise FunctionError(f"{function}: {argument}={value!r} must be a whole number of at least {least}")
    if most is not None and value > most:
        raise FunctionError(f"{function}: {argument}={value!r} must be {most} at most")
    return int(value)


def real(function: str, argument: str, values: Any) -> FloatArray:
    """Return real numbers as float64, or raise."""
    array = np.asarray(values)
    if array.dtype.kind not in "buif":
        raise DTypeError(f"{function}: {argument} holds {array.dtype}, which are not real numbers; give floats")
    return array.astype(np.float64)


def finite(function: str, argument: str, values: Any) -> FloatArray:
    """Return finite real numbers along one axis as float64, or raise."""
    array = real(function, argument, values)
    if array.ndim != 1:
        raise FunctionError(f"{function}: {argument} has shape {array.shape}; give numbers along one axis")
    if not np.isfinite(array).all():
        first = int(np.flatnonzero(~np.isfinite(array))[0])
        raise FunctionError(f"{function}: {argument}[{first}]={array[first]} must be finite; leave it out")
    return array


def rising(function: str, argument: str, values: Any) -> FloatArray:
    """Return finite real numbers, each greater than the one before, or raise."""
    array = finite(function, argument, values)
    wrong = np.flatnonzero(np.diff(array) <= 0)
    if len(wrong):
        k = int(wrong[0])
        raise FunctionError(f"{function}: {argument}[{k + 1}]={array[k + 1]} does not lie after "
                            f"{argument}[{k}]={array[k]}; they must rise: sort them, and give each once")
    return array
