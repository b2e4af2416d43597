"""The definition, as plain loops: what every algorithm is tested against.

For every output and every tap, look at the image where the tap lies, multiply, add.  NumPy is used
only across batch, groups and channels.  Integers are Python's, so they are exact; floats are
summed in float64 (complex128), or as fractions without any rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from .problem.border import fill_at, fills, map_index
from .problem.problem import Number, Problem
from .problem.promotion import is_integer, is_integral, limits, numpy_dtype, overflow_error

Index = tuple[int, ...]


def correlate(problem: Problem, image: np.ndarray, kernel: np.ndarray, bias: np.ndarray | None = None, *,
              exact: bool = False, function: str = "reference") -> np.ndarray:
    """Compute a problem by its definition.

    ``output[b, g, m, o] = cast(activation(bias[g, m] + sum over c, t of
    image~[b, g, c, start + o * stride + t * kernel_dilation] * kernel[g, m, c, t]))``

    Parameters
    ----------
    problem : Problem
        What is to be computed.
    image : ndarray, shape ``problem.image_shape``
        Any numeric dtype, or Python numbers (fractions, too) with dtype object.
    kernel : ndarray, shape ``problem.kernel_shape``
    bias : ndarray, shape ``(groups * channels_out,)``, optional
    exact : bool
        Sum real floats as fractions, and round once.
    function : str
        Name that an error carries.

    Returns
    -------
    ndarray, shape ``problem.output_shape``
        Of ``problem.output_dtype``; of dtype object, uncast, if an operand was.

    Raises
    ------
    OverflowError
        An integer output cannot hold a sum, and ``problem.overflow`` is "raise" (or "proven", and the proof was wrong).

    Notes
    -----
    Cost: about 10 microseconds for every output and tap.

    Examples
    --------
    >>> from faltung.problem.problem import Problem
    >>> problem = Problem((), 1, 1, 1, image=(4,), kernel=(2,), output=(5,), start=(-1,), stride=(1,),
    ...                   kernel_dilation=(1,), image_dilation=(1,), border=((0, 0),), image_dtype="int64",
    ...                   kernel_dtype="int64", accumulator_dtype="int64", output_dtype="int64")
    >>> correlate(problem, np.array([[[1, 2, 3, 4]]]), np.array([[[[1, 10]]]]))
    array([[[10, 21, 32, 43,  4]]])
    """
    uncast = "O" in (image.dtype.kind, kernel.dtype.kind)
    see = _as_fractions if exact else _numbers(problem, image, kernel)
    image, kernel = see(image), see(kernel)
    sums = np.zeros(problem.output_shape, image.dtype)
    with np.errstate(invalid="ignore", over="ignore"):  # infinity times zero is NaN, and no cause for a warning
        for output in np.ndindex(problem.output):
            sums[(..., *output)] = _sum_of_products(problem, image, kernel, output)
    if bias is not None:
        sums = sums + see(bias).reshape(problem.groups, problem.channels_out, *[1] * problem.ndim)
    sums = activate(sums, problem.activation)
    return sums if uncast else cast(sums, problem.output_dtype, problem.overflow, function)


def _sum_of_products(problem: Problem, image: np.ndarray, kernel: np.ndarray, output: Index) -> Any:
    total: Any = 0
    for tap in np.ndindex(problem.kernel):
        seen = _look(problem, image, output, tap)
        if seen is not None:
            products = seen[..., np.newaxis, :] * kernel[(..., *tap)]
            total = total + np.add.reduce(products, axis=-1)
    return total


def _look(problem: Problem, image: np.ndarray, output: Index, tap: Index) -> Any:
    """Look at the image where a tap lies, (*batch, groups, channels_in); None where there is nothing at all."""
    positions = []
    for axis in range(problem.ndim):
        position = (problem.start[axis] + output[axis] * problem.stride[axis]
                    + tap[axis] * problem.kernel_dilation[axis])
        if position % problem.image_dilation[axis]:
            return None
        positions.append(position // problem.image_dilation[axis])
    fill = fill_at(positions, problem.image, problem.border)
    if fill is not None:
        return _constant(fill, problem.channels_in, image.dtype)
    index = [map_index(position, extent, *sides)
             for position, extent, sides in zip(positions, problem.image, problem.border, strict=True)]
    return image[(..., *index)]


def _constant(fill: Number, channels: int, dtype: np.dtype[Any]) -> np.ndarray:
    if dtype.kind == "O" and isinstance(fill, float) and math.isfinite(fill):
        fill = int(fill) if fill.is_integer() else Fraction(fill)  # type: ignore[assignment]
    return np.full((1, channels), fill, dtype)


def _numbers(problem: Problem, image: np.ndarray, kernel: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """How operands are brought into numbers that can be summed without harm."""
    if "O" in (image.dtype.kind, kernel.dtype.kind) or _all_integers(problem):
        return lambda array: (array.astype(np.uint8) if array.dtype == bool else array).astype(object)
    is_complex = "complex" in problem.accumulator_dtype
    return lambda array: array.astype(np.complex128 if is_complex else np.float64)


def _all_integers(problem: Problem) -> bool:
    return (is_integer(problem.image_dtype) and is_integer(problem.kernel_dtype)
            and all(is_integral(fill) for fill in fills(problem.border)))


def _as_fractions(array: np.ndarray) -> np.ndarray:
    """Every number as the fraction that it is.

    >>> _as_fractions(np.array([0.5, 3]))
    array([Fraction(1, 2), Fraction(3, 1)], dtype=object)
    """
    if array.dtype.kind != "O" and not is_integer(array.dtype.name):
        array = array.astype(np.float64)
    fractions = np.empty(array.shape, object)
    fractions.ravel()[:] = [Fraction(value) for value in array.ravel().tolist()]
    return fractions


# ---------------------------------------------------------------- epilogue

def activate(sums: np.ndarray, activation: str | None) -> np.ndarray:
    """Apply an activation to every sum.

    >>> activate(np.array([-1.0, 3.0, 9.0]), "relu6")
    array([0., 3., 6.])
    """
    if activation is None:
        return sums
    if activation in ("relu", "relu6"):
        sums = np.maximum(sums, 0)
        return np.minimum(sums, 6) if activation == "relu6" else sums
    values = sums.astype(np.float64)
    result = np.array([_SMOOTH[activation](value) for value in values.ravel().tolist()], np.float64)
    return result.reshape(sums.shape)


def _sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)), without an overflow for large negative x."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


_SMOOTH: dict[str, Callable[[float], float]] = {
    "sigmoid": _sigmoid,
    "tanh": math.tanh,
    "silu": lambda x: x * _sigmoid(x),
    "gelu": lambda x: x * math.erfc(-x / math.sqrt(2)) / 2,
}


def cast(sums: np.ndarray, dtype: str, overflow: str, function: str = "reference") -> np.ndarray:
    """Bring sums into the output dtype: floats to integers by rounding half to even.

    >>> cast(np.array([2.5, -300.0]), "int8", "saturate"), cast(np.array([300]), "uint8", "wrap")
    (array([   2, -128], dtype=int8), array([44], dtype=uint8))
    """
    target = numpy_dtype(dtype)
    if not is_integer(dtype):
        with np.errstate(over="ignore", invalid="ignore"):
            if sums.dtype.kind == "O" and target.kind != "c":
                sums = sums.astype(np.float64)
            return np.asarray(sums.astype(target))
    values = [_fit(value, dtype, overflow, function) for value in sums.ravel().tolist()]
    return np.array(values, target).reshape(sums.shape)


def _fit(value: Any, dtype: str, overflow: str, function: str) -> int:
    """One sum as an integer of ``dtype``; NaN, and infinity where it wraps, become 0 unless that is an error."""
    low, high = limits(dtype)
    if isinstance(value, float) and not math.isfinite(value):
        if overflow == "saturate" and math.isinf(value):
            return high if value > 0 else low
        if overflow in ("saturate", "wrap"):
            return 0
        raise overflow_error(function, dtype)
    whole: int = round(value)
    if low <= whole <= high:
        return whole
    if overflow == "saturate":
        return min(max(whole, low), high)
    if overflow == "wrap":
        size = high - low + 1
        return (whole - low) % size + low
    raise overflow_error(function, dtype)


