"""Integer sums that nobody has proven to fit: bounds from the values, and exact detection of overflow.

A sum held in int64 is right modulo ``2**64``.  The same sum in float64 (the *shadow*) is off by at
most ``(terms + 4) * 2**-53 * B``, ``B`` a bound on the sum of magnitudes.  While that is below
``2**62``, the two together name the true value: ``wrapped + 2**64 * rint((shadow - wrapped) / 2**64)``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from math import prod
from typing import NamedTuple

import numpy as np

from ..problem.border import fills
from ..problem.problem import Problem
from ..problem.promotion import (
    UNSIGNED,
    Bound,
    bound_of,
    choose,
    limits,
    magnitude,
    numpy_dtype,
    overflow_error,
    sums_integers,
)

Run = Callable[[Problem], np.ndarray]
"""Computes a variant of a problem on the operands at hand, without checking for overflow."""


class Weight(NamedTuple):
    """What is known of a kernel and a bias: the largest sum of magnitudes, the largest bias, and the signs."""

    taps: int
    bias: int
    nonnegative: bool


def weigh(problem: Problem, kernel: np.ndarray | None = None, bias: np.ndarray | str | None = None) -> Weight:
    """Weigh a kernel of the engine's shape and a bias; one that is not known is given as its dtype."""
    dtype = problem.kernel_dtype
    taps, positive = (magnitude(dtype) * problem.terms, dtype in UNSIGNED) if kernel is None else _weight(kernel)
    offset, bias_positive = _offset(bias)
    return Weight(taps, offset, positive and bias_positive)


def data_bound(problem: Problem, image: np.ndarray | None = None, kernel: np.ndarray | None = None,
               bias: np.ndarray | str | None = None) -> Bound:
    """Bound of a problem's integer sums, from the values of the operands that are known.

    ``kernel`` has the engine's shape; a ``bias`` that is not known is given as its dtype.
    """
    return bound_by(problem, image, weigh(problem, kernel, bias))


def bound_by(problem: Problem, image: np.ndarray | None, weight: Weight) -> Bound:
    """The same for a kernel and a bias that have been weighed."""
    dtype = problem.image_dtype
    largest, positive = (magnitude(dtype), dtype in UNSIGNED) if image is None else _magnitude(image)
    return bound_of(largest, weight.taps, fills(problem.border), weight.bias,
                    nonnegative=positive and weight.nonnegative)


@lru_cache(maxsize=256)
def refine(problem: Problem, bound: Bound) -> Problem:
    """Choose the accumulator of integer sums anew, by a tighter bound."""
    types = choose(problem.image_dtype, problem.kernel_dtype, problem.output_dtype, problem.overflow, bound,
                   fills(problem.border))
    return replace(problem, accumulator_dtype=types.accumulator, overflow=types.overflow)


def note_small(problem: Problem, kernel: np.ndarray) -> Problem:
    """Note that a kernel's taps fit 8 bits, where an algorithm can make use of that."""
    if problem.image_dtype not in ("uint8", "bool") or kernel.size == 0:
        return problem
    return replace(problem, small_kernel=bool(kernel.min() >= -128 and kernel.max() <= 127))


def refined(problem: Problem, kernel: np.ndarray, bias: np.ndarray | str | None) -> Problem:
    """The problem with the accumulator that a known kernel (engine-shaped) allows; floats stay as they are."""
    if not sums_integers(problem):
        return problem
    return note_small(refine(problem, data_bound(problem, None, kernel, bias)), kernel)


def may_need_guard(problem: Problem) -> bool:
    """Whether the int64 accumulator itself may wrap, unnoticed, for some kernel and image."""
    return problem.accumulator_dtype == "int64" and problem.overflow in ("raise", "saturate") and sums_integers(problem)


def needs_guard(problem: Problem, kernel: np.ndarray | None = None, bias: np.ndarray | str | None = None) -> bool:
    """The same for some image, of the kernel and the bias that are known."""
    return may_need_guard(problem) and not fits_accumulator(problem, data_bound(problem, None, kernel, bias))


def fits_accumulator(problem: Problem, bound: Bound) -> bool:
    """Whether sums within ``bound`` come out of an int64 accumulator as they are."""
    return bound.limit < 2**63 or refine(problem, bound).overflow == "proven"


def settle(problem: Problem, image: np.ndarray, kernel: np.ndarray, bias: np.ndarray | None, run: Run, *,
           function: str = "plan", otherwise: Callable[[], np.ndarray] | None = None) -> np.ndarray:
    """Compute a problem that `needs_guard`: exact, or with the overflow that was asked for.

    Parameters
    ----------
    problem : Problem
    image, kernel, bias : ndarray
        Engine-shaped operands, of which ``run`` computes variants of the problem.
    run : callable
        Called for the sums modulo ``2**64`` (int64, "wrap"), and for their float64 shadow.
    function : str
        Name that an error carries.
    otherwise : callable, optional
        Called for the result where not even the shadow tells the true values; else `reference` is.

    Raises
    ------
    OverflowError
        A sum does not fit the output, and ``problem.overflow`` is "raise".
    """
    bound = data_bound(problem, image, kernel, bias)
    error = (problem.terms + 4) * bound.limit >> 53
    shadow = run(replace(problem, accumulator_dtype="float64", output_dtype="float64", overflow="proven",
                         activation=None))
    if error >= 2**62:
        surely = float(error) * 1.01 + 2.0**65
        if problem.overflow == "raise" and problem.activation is None and np.any(np.abs(shadow) > surely):
            raise overflow_error(function, problem.output_dtype)
        if otherwise is not None:
            return otherwise()
        from .. import reference  # rarely needed, and slow to import

        return reference.correlate(problem, image, kernel, bias, function=function)
    wrapped = run(replace(problem, accumulator_dtype="int64", output_dtype="int64", overflow="wrap", activation=None))
    turns = np.rint((shadow - wrapped) / 2.0**64)
    wrapped, turns = _activate(wrapped, turns, problem.activation)
    return _fit(problem, wrapped, turns, function)


def _activate(wrapped: np.ndarray, turns: np.ndarray, activation: str | None) -> tuple[np.ndarray, np.ndarray]:
    if activation is None:
        return wrapped, turns
    negative = (turns < 0) | ((turns == 0) & (wrapped < 0))
    wrapped, turns = np.where(negative, 0, wrapped), np.where(negative, 0, turns)
    if activation == "relu6":
        large = (turns > 0) | (wrapped > 6)
        wrapped, turns = np.where(large, 6, wrapped), np.where(large, 0, turns)
    return wrapped, turns


def _fit(problem: Problem, wrapped: np.ndarray, turns: np.ndarray, function: str) -> np.ndarray:
    """Make the output of ``wrapped + 2**64 * turns``: one turn is what an uint64 above ``2**63`` has."""
    low, high = limits(problem.output_dtype)
    below = (turns < 0) | ((turns == 0) & (wrapped < low))
    above = (turns > 1) | ((turns == 0) & (wrapped > min(high, 2**63 - 1)))
    above |= (turns == 1) & ((wrapped >= 0) if problem.output_dtype == "uint64" else True)
    result = wrapped.astype(numpy_dtype(problem.output_dtype))
    if problem.overflow == "saturate":
        result[below], result[above] = low, high
    elif below.any() or above.any():
        raise overflow_error(function, problem.output_dtype)
    return result


# ---------------------------------------------------------------- magnitudes

def _magnitude(array: np.ndarray) -> tuple[int, bool]:
    """Largest magnitude in an integer array, and whether nothing is negative."""
    if array.size == 0:
        return 0, True
    low, high = int(array.min()), int(array.max())
    return max(-low, high), low >= 0


def _weight(kernel: np.ndarray) -> tuple[int, bool]:
    """Largest sum of magnitudes of one output channel's taps, and whether no tap is negative."""
    if kernel.size <= 64 and kernel.shape[0] * kernel.shape[1] == 1:
        taps = kernel.ravel().tolist()
        return sum(map(abs, taps)), min(taps) >= 0
    largest, positive = _magnitude(kernel)
    exact = largest * prod(kernel.shape[2:]) < 2**63
    magnitudes = np.abs(kernel.astype(np.int64 if exact else object))
    return int(magnitudes.sum(axis=tuple(range(2, kernel.ndim))).max()), positive


def _offset(bias: np.ndarray | str | None) -> tuple[int, bool]:
    if bias is None:
        return 0, True
    if isinstance(bias, str):
        return magnitude(bias), bias in UNSIGNED
    return _magnitude(bias)
