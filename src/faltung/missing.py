"""Missing values: normalised convolution, for the ``where=`` and ``nan_policy=`` of `convolve` and `correlate`.

With weights ``w`` (0 where a value is missing), taps ``k`` as they meet the image, and sums over the taps of one
output::

    N = sum(k w x)    D = sum(k w)    A = sum(|k| w)    S = sum(k)

    y = S * N / D                                    where S is not zero
    y = N + m * sum(k (1 - w)),  m = sum(|k| w x) / A    where |S| <= taps * u * sum|k|

The first is the normalised convolution of Knutsson and Westin (Normalized and differential convolution, CVPR 1993,
equation 4), scaled so that it is the plain convolution where nothing is missing.  It has no meaning for kernels
that sum to zero (derivatives); the second puts the local mean, weighted by ``|k|``, in place of what is missing.

A missing value is selected away before anything is multiplied, so it may be NaN or infinite.  A constant border counts
as data of weight 1 (one of NaN as missing, under "omit"); any other border carries the weight of the sample it shows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isnan
from typing import Any, NamedTuple

import numpy as np

from . import calls
from .arrays import adopt
from .errors import BorderError, DTypeError, PlanError, ShapeError
from .lazy import cached_property
from .problem.border import parse_border
from .problem.extents import as_integer, quote
from .problem.promotion import check_dtype, is_integer, limits, numpy_dtype, overflow_error, promote

POLICIES = ("propagate", "omit", "raise")
SURELY_DIRECT = 149
"""Taps up to which "auto" is the direct algorithm anyway: its sums of weights are exact but for their own rounding."""
LITTLE = 1e-3
"""Share of weight below which a transformed sum, whose error is that of the whole window, is summed directly."""

Array = np.ndarray


class Choice(NamedTuple):
    """The options of `convolve` that deal with missing values."""

    where: Any = None
    nan_policy: Any = "propagate"
    min_weight: Any = None
    return_weights: bool = False


@dataclass(frozen=True)
class Slide:
    """One call of the engine's: what stays the same for all sums of a request."""

    function: str
    words: calls.Words
    method: str
    threads: int | None

    def __call__(self, x: Array, k: Array, border: Any, dtype: str) -> Array:
        """Sum with these operands, border and dtype."""
        words = (self.words[0], border, *self.words[2:7], dtype, "raise")
        result: Array = calls.slide(self.function, x, k, words, self.method, None, self.threads)
        return result


def slide(function: str, x: Any, k: Any, words: calls.Words, method: str, out: Any, threads: int | None,
          choice: Choice) -> Any:
    """Run `convolve` or `correlate` on an image with missing values; ``words`` are the fields of `Sliding`.

    Returns
    -------
    array, or (array, array)
        The result, and the weight map ``sum(|k| w) / sum|k|`` if it was asked for.

    Examples
    --------
    >>> choice = Choice(nan_policy="omit")
    >>> words = ("same", "edge", 1, 1, None, None, None, None, "raise")
    >>> slide("convolve", np.array([1.0, np.nan, 3.0]), np.ones(3) / 3, words, "auto", None, None, choice)
    array([1., 2., 3.])
    """
    image, restore = adopt(x, function, "x")
    kernel, _ = adopt(k, function, "k")
    _check_choice(function, choice, kernel)
    weights = None if choice.where is None else _weights(function, choice.where, image)
    if choice.nan_policy != "propagate":
        weights = _note_nan(function, image, weights, choice.nan_policy, words[1])
    border = words[1]
    nan_border = choice.nan_policy == "omit" and _has_nan(border)
    if weights is None and not nan_border and choice.min_weight is None and not choice.return_weights:
        return calls.slide(function, x, k, words, method, out, threads)
    asked = Slide(function, words, _method(method, kernel), threads)
    result, share = _normalised(asked, image, weights, kernel, choice)
    if out is not None:
        target = calls.check_out(function, out, result.shape, result.dtype)
        target[...] = result
    given = out if out is not None else result if restore is None else restore(result)
    if not choice.return_weights:
        return given
    return given, share if restore is None else restore(share)


def _method(method: str, kernel: Array) -> str:
    return "direct" if method == "auto" and kernel.size <= SURELY_DIRECT else method


# ---------------------------------------------------------------- what is missing

def _check_choice(function: str, choice: Choice, kernel: Array) -> None:
    if not isinstance(choice.nan_policy, str) or choice.nan_policy not in POLICIES:
        raise PlanError(f'{function}: nan_policy {quote(choice.nan_policy)} is not known; use "propagate", "omit" or '
                        '"raise"')
    least = choice.min_weight
    if least is None:
        return
    if isinstance(least, bool) or not isinstance(least, int | float | np.number) or not 0 <= least <= 1:
        raise ShapeError(f"{function}: min_weight={least!r} must be a number from 0 to 1, a share of the kernel's "
                         "sum of magnitudes; None asks for any weight at all")


def _weights(function: str, where: Any, image: Array) -> Array:
    """The weights in the image's shape (a view), checked."""
    weights, _ = adopt(where, function, "where")
    if weights.dtype.kind == "c":
        raise DTypeError(f"{function}: where has dtype {weights.dtype}, but weights are real; pass bools or numbers of "
                         "at least 0")
    try:
        weights = np.broadcast_to(weights, image.shape)
    except ValueError:
        raise ShapeError(f"{function}: where {weights.shape} does not broadcast to the image {image.shape}; give one "
                         "weight for each sample, or extents of 1") from None
    if weights.dtype.kind != "b" and weights.size and not bool(np.isfinite(low := weights.min()) and low >= 0
                                                               and np.isfinite(weights.max())):
        raise ShapeError(f"{function}: where holds {_first_bad(weights)}, but weights must be finite and at least 0; "
                         "mask with 0 or False")
    if weights.size and not weights.any():
        raise ShapeError(f"{function}: where {np.shape(where)} is 0 throughout, so nothing is left to sum; it must "
                         "hold a weight above 0 (True is what counts, False what is missing)")
    return weights


def _first_bad(weights: Array) -> Any:
    bad = weights[~(np.isfinite(weights) & (weights >= 0))]
    return bad.flat[0].item()


def _note_nan(function: str, image: Array, weights: Array | None, policy: str, border: Any) -> Array | None:
    """Weigh NaN with 0 under "omit", refuse it under "raise"."""
    if policy == "raise" and _has_nan(border):
        raise BorderError(f'{function}: border {border!r} is NaN, and nan_policy is "raise"; use nan_policy="omit", or '
                          "another border")
    if image.dtype.kind in "biu":
        return weights
    nan = np.isnan(image)
    if policy == "raise" and weights is not None:
        nan &= weights > 0
    if not nan.any():
        return weights
    if policy == "raise":
        first = tuple(int(index) for index in np.unravel_index(int(np.argmax(nan)), nan.shape))
        count = int(np.count_nonzero(nan))
        raise ShapeError(f'{function}: x {image.shape} holds {count} NaN, the first at {first}, and nan_policy is '
                         '"raise"; use nan_policy="omit" to leave them out, or mask them with where=')
    if weights is None or weights.dtype.kind == "b":
        return np.asarray(~nan if weights is None else weights & ~nan)
    return np.asarray(np.where(nan, weights.dtype.type(0), weights))


def _has_nan(border: Any) -> bool:
    if isinstance(border, str):
        return False
    if isinstance(border, float | complex | np.inexact):
        return isnan(border.real) or isnan(border.imag)
    return isinstance(border, list | tuple) and any(map(_has_nan, border))


# ---------------------------------------------------------------- the sums

@dataclass(frozen=True)
class Kernel:
    """The taps in the dtype of the work, their sums, and how large a sum is nothing but rounding."""

    taps: Array
    sums: Array
    magnitudes: Array
    rounding: float

    @property
    def one_sign(self) -> bool:
        """Whether ``sum(k w)`` and ``sum(|k| w)`` are the same, but for a sign."""
        return self.taps.dtype.kind != "c" and bool(np.all(self.taps >= 0))

    @property
    def zero_sum(self) -> Any:
        """Where the sum is nothing against the sum of magnitudes."""
        return np.abs(self.sums) <= self.rounding * self.magnitudes


def _work_dtype(image: Array, kernel: Array, fills: tuple[Any, ...], output: str | None) -> str:
    natural = promote(image.dtype.name, kernel.dtype.name, fills)
    if is_integer(natural):
        natural = "float64"
    wide = np.result_type(np.float32 if natural == "bfloat16" else natural, np.float32)
    if output is not None and not is_integer(output) and output != "bfloat16":
        wide = np.result_type(wide, output)
    return str(wide.name)


def _normalised(asked: Slide, image: Array, weights: Array | None, k: Array, choice: Choice) -> tuple[Array, Array]:
    function, words = asked.function, asked.words
    output = check_dtype(function, words[7])
    axes = _axes(words[4], image.ndim)
    sides = parse_border(function, words[1], len(axes))
    fills = tuple(side for pair in sides for side in pair if not isinstance(side, str))
    work = _work_dtype(image, k, fills, output)
    omit = choice.nan_policy == "omit"
    filled = tuple(tuple(0 if omit and _has_nan(side) else side for side in pair) for pair in sides)
    counted = tuple(tuple(side if isinstance(side, str) else 0 if omit and _has_nan(side) else 1 for side in pair)
                    for pair in sides)
    kernel = _measure(k, axes, image.ndim, work, conjugate=function == "correlate")
    weights = np.ones(image.shape, bool) if weights is None else weights
    known = _select(image, weights, work)
    sums = Sums(asked, known, weights, kernel, filled, counted, work)
    share, valid = sums.share(choice.min_weight)
    if not sums.trustworthy(share, valid):
        sums = replace(sums, asked=replace(asked, method="direct"))
        share, valid = sums.share(choice.min_weight)
    result = sums.result(valid)
    return _cast(function, result, output or _natural(image, k, fills), words[8]), share


def _natural(image: Array, k: Array, fills: tuple[Any, ...]) -> str:
    natural = promote(image.dtype.name, k.dtype.name, fills)
    return "float64" if is_integer(natural) else natural


def _axes(axes: Any, ndim: int) -> tuple[int, ...]:
    """The convolved axes; what does not fit is refused where the call is lowered."""
    if axes is None:
        return tuple(range(ndim))
    one = as_integer(axes)
    return (one,) if one is not None else tuple(axes)


def _measure(k: Array, axes: tuple[int, ...], ndim: int, work: str, *, conjugate: bool) -> Kernel:
    narrow = k.ndim < ndim
    over = tuple(range(k.ndim)) if narrow else axes
    wide = k.astype(np.complex128 if k.dtype.kind == "c" else np.float64)
    sums, magnitudes = wide.sum(axis=over, keepdims=not narrow), np.abs(wide).sum(axis=over, keepdims=not narrow)
    taps = k.size // max(1, np.size(sums))
    real = np.finfo(np.dtype(work)).dtype
    kind = np.result_type(real, np.complex64) if k.dtype.kind == "c" else real
    rounding = 2 * (taps + 2) * float(np.finfo(real).eps)
    sums = np.conj(sums) if conjugate else sums
    return Kernel(k.astype(kind), sums.astype(kind), magnitudes.astype(real), rounding)


def _select(image: Array, weights: Array, work: str) -> Array:
    """``w x``, and 0 where the weight is 0, whatever stands there."""
    if weights.dtype.kind == "b":
        return np.where(weights, image, image.dtype.type(0))
    known = np.zeros(image.shape, np.dtype(work) if image.dtype.kind == "c" else np.finfo(np.dtype(work)).dtype)
    np.multiply(image, weights, out=known, where=weights > 0, casting="unsafe")
    return known


@dataclass(frozen=True)
class Sums:
    """The sums of one request, each one call of the engine."""

    asked: Slide
    known: Array
    weights: Array
    kernel: Kernel
    filled: Any
    counted: Any
    work: str

    def share(self, least: float | None) -> tuple[Array, Array]:
        """``sum(|k| w) / sum|k|``, and where that is enough."""
        kernel = self.kernel
        with np.errstate(invalid="ignore", divide="ignore"):
            share = self._magnitude_weights / kernel.magnitudes
        if np.any(kernel.magnitudes == 0):
            share = np.where(kernel.magnitudes == 0, 1, share)  # taps of zero lack nothing
        share = np.maximum(share, 0)
        doubtful = ~(share > kernel.rounding)
        valid = ~doubtful
        if doubtful.any():
            valid |= self._seen() > 0
            share[~valid] = 0
        if least is not None:
            # A window that lacks nothing must pass, whatever its sum was rounded to.
            valid &= share >= least - kernel.rounding
        return share, valid

    def trustworthy(self, share: Array, valid: Array) -> bool:
        """Whether no output rests on weights so small that the rounding of a transformed sum would show."""
        return self.asked.method in ("direct", "reference") or not bool(np.any(valid & (share <= LITTLE)))

    def result(self, valid: Array) -> Array:
        """The result in the dtype of the work, NaN where there is not enough weight."""
        kernel, zero = self.kernel, self.kernel.zero_sum
        numerator: Array = self.asked(self.known, kernel.taps, self.filled, self.work)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            if np.all(zero):
                result = numerator + self._filling()
            else:
                result = numerator * self._ratio()
                if np.any(zero):
                    result = np.where(zero, numerator + self._filling(), result)
        result = np.array(result, self.work, copy=True)
        result[~valid] = np.nan
        return result

    def _ratio(self) -> Array:
        """``S / D``; exactly 1 where D is S but for rounding, so that there the plain convolution stays."""
        kernel = self.kernel
        weight = self._magnitude_weights if kernel.one_sign else self._of_weights(kernel.taps)
        near = kernel.rounding * kernel.magnitudes
        ratio = np.asarray(kernel.sums / weight)
        ratio[np.abs(weight - kernel.sums) <= near] = 1
        if not kernel.one_sign:  # no weight at all is found elsewhere
            ratio[np.abs(weight) <= near] = np.nan
        return ratio

    def _filling(self) -> Array:
        """``m * sum(k (1 - w))``, exactly 0 where nothing is missing."""
        kernel, magnitudes = self.kernel, np.abs(self.kernel.taps)
        mean = self.asked(self.known, magnitudes, self.filled, self.work) / self._magnitude_weights
        lacking = 1 - self.weights.astype(magnitudes.dtype)
        outside = tuple(tuple(side if isinstance(side, str) else 1 - side for side in pair) for pair in self.counted)
        lack = self.asked(lacking, kernel.taps, outside, kernel.taps.dtype.name)
        return np.asarray(np.where(lack == 0, 0, mean * lack))

    @cached_property
    def _magnitude_weights(self) -> Array:
        """``sum(|k| w)``."""
        return self._of_weights(np.abs(self.kernel.taps))

    def _of_weights(self, taps: Array) -> Array:
        weights = self.weights
        if weights.dtype.kind != "b":
            weights = weights.astype(np.finfo(np.dtype(self.work)).dtype, copy=False)
        return self.asked(weights, taps, self.counted, taps.dtype.name)

    def _seen(self) -> Array:
        """How many taps that are not zero meet a value: exact integers, whatever the method."""
        taps = (self.kernel.taps != 0).astype(np.int8)
        return self.asked((self.weights > 0).astype(np.uint8), taps, self.counted, "int64")


def _cast(function: str, result: Array, output: str, overflow: str) -> Array:
    """Bring the result into its dtype as the engine does; NaN has no place among integers."""
    if not is_integer(output):
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(result.astype(numpy_dtype(output), copy=False))
    low, high = limits(output)
    rounded = np.rint(result)
    fits = (rounded >= low) & (rounded <= high)
    if not fits.all():
        if overflow == "raise":
            raise overflow_error(function, output)
        if overflow == "wrap":
            raise DTypeError(f'{function}: overflow="wrap" has no meaning for sums that are divided by weights; use '
                             '"saturate", or a floating dtype')
    clipped = np.nan_to_num(np.clip(rounded, low, high), nan=0.0)
    whole = clipped.astype(numpy_dtype(output), copy=False)
    if high > 2**53:  # the limit itself is no float64
        whole[clipped >= float(high)] = high
    return np.asarray(whole)
