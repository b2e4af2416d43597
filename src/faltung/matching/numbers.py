"""In which numbers scores are computed: exact integers, or float64 on centred images and patterns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import operations
from .request import Operands

Array = np.ndarray
_SAMPLE = 2**16


@dataclass(frozen=True)
class Work:
    """What is asked, and in which numbers: ``exact`` integers, or float64 for scores of ``dtype``."""

    score: str
    exact: bool
    dtype: str
    method: str
    threads: int | None

    @property
    def invariant(self) -> bool:
        """Whether a constant may be added to image and pattern alike."""
        return self.score in ("zncc", "ssd")

    def correlate(self, image: Array, kernel: Array, dtype: str, axes: Sequence[int] | None = None) -> Array:
        """Sum products over the pattern at every place; channels in front are summed as well, unless ``axes``."""
        if axes is None and image.shape[0] == 1:
            image, kernel = image[0], kernel[0]
            return self._run(image, kernel, dtype, None)
        result = self._run(image, kernel, dtype, axes)
        return result if axes is not None else result[0]

    def _run(self, image: Array, kernel: Array, dtype: str, axes: Sequence[int] | None) -> Array:
        return np.asarray(operations.correlate(image, kernel, "valid", axes=axes, dtype=dtype, method=self.method,
                                               threads=self.threads))


def work_for(operands: Sequence[Operands], score: str, method: str, threads: int | None) -> Work:
    """Decide in which numbers a request is computed.

    Images and patterns of 8- and 16-bit integers are exact and give float32 (the sums themselves int64); float16 and
    float32 are summed in float64 and give float32; all others are float64.
    """
    exact = all(one.exact for one in operands)
    small = all(array.dtype.itemsize <= (4 if array.dtype.kind == "f" else 2)
                for one in operands for array in (one.image, one.pattern))
    whole = exact and score in ("correlation", "ssd")
    dtype = "int64" if whole else "float32" if exact or small else "float64"
    return Work(score, exact, dtype, method, threads)


def centred(image: Array, patterns: Sequence[Array], work: Work) -> tuple[Array, float, list[Array]]:
    """Image and patterns for the engine, and what else is to be subtracted from the image in its own sums.

    A float64 image is centred in a copy; a float32 one is not, for its products are summed in float64 and the pattern
    is centred, and its own sums are centred strip by strip.
    """
    if work.exact:
        return image, 0.0, list(patterns)
    shift = middle(image) if work.invariant else 0.0
    wide = [pattern.astype(np.float64) for pattern in patterns]
    if work.dtype == "float32":
        # A squared difference of float32 numbers needs no centring in float64.
        return image, shift if work.score == "zncc" else 0.0, wide
    return image.astype(np.float64) - shift, 0.0, [pattern - shift for pattern in wide]


def middle(image: Array) -> float:
    """About the mean of an image; any number near it will do."""
    values = image.reshape(-1)[:: max(1, image.size // _SAMPLE)] if image.flags.c_contiguous else image[
        (slice(None), *(slice(None, None, max(1, extent // 64)) for extent in image.shape[1:]))]
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0
    middle = float(np.float32(values.mean(dtype=np.float64)))
    return middle if np.isfinite(middle) else 0.0


def centred_pattern(pattern: Array, image: Array, work: Work, mask: Array | None) -> tuple[Array, int]:
    """The pattern minus a number (of each channel), and the number to be put back after.

    Integers: a pattern of bytes is moved into -128..127, where four products take one instruction.  Floats: the mean
    is subtracted for zncc, to which it makes no difference.
    """
    if not work.exact:
        if work.score != "zncc":
            return pattern, 0
        axes = tuple(range(1, pattern.ndim))
        weights = np.ones(pattern.shape[1:]) if mask is None else mask
        known: Array = np.where(weights > 0, pattern, 0)
        for _ in range(2):
            known = np.where(weights > 0, known - (known * weights).sum(axis=axes, keepdims=True) / weights.sum(), 0)
        return known, 0
    low, high = int(pattern.min()), int(pattern.max())
    shift = 0
    if work.score == "zncc":
        shift = round(float(pattern.mean()))
        if high - low < 256 and not -128 <= low - shift <= high - shift <= 127:
            shift = low + 128
    elif high > 127 and pattern.dtype == np.uint8 and image.dtype == np.uint8:
        shift = 128
    return narrow(pattern.astype(np.int64) - shift), 0 if work.score == "zncc" else shift


def narrow(array: Array) -> Array:
    """Integers in the smallest signed dtype that holds them."""
    if array.dtype.kind == "f":
        return array
    low, high = int(array.min()), int(array.max())
    for dtype in (np.int8, np.int16, np.int32):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return array.astype(dtype)
    return array


def weights_of(mask: Array, work: Work) -> Array:
    """A mask in the numbers of the sums."""
    return narrow(mask.astype(np.int64)) if work.exact else mask.astype(np.float64)


def as_values(image: Array, shift: float, weights: Array | None, work: Work) -> Array:
    """The image in the numbers of the sums, 0 where it has no weight."""
    if work.exact:
        return image if image.dtype.kind != "b" else image.astype(np.uint8)
    values = image.astype(np.float64) - shift
    return values if weights is None else np.where(weights > 0, values, 0)


def pattern_sums(kernel: Array, weighted: Array, back: int, kind: Any, mask: Array | None = None) -> tuple[Array, Any]:
    """``sum(w t)`` for each channel and ``sum(w t**2)``, of the pattern with ``back`` put back."""
    axes = tuple(range(1, kernel.ndim))
    wide = np.dtype(np.float64) if kernel.dtype.kind == "f" else np.dtype(np.int64)
    whole: Array = kernel.astype(wide) + back
    scaled: Array = weighted.astype(wide) + back * (1 if mask is None else mask.astype(wide))
    return scaled.sum(axis=axes).astype(kind), (whole * scaled).sum().item()


def pattern_size(work: Work, weight: Any, pattern1: Array, pattern2: Any) -> float:
    """What a formula takes the root of: of the pattern alone, and so the same at every place."""
    if work.score != "zncc":
        return float(pattern2)
    variance = weight * pattern2 - (pattern1 * pattern1).sum()
    return float(variance) if work.exact else float(variance / weight**2)


def beside(per_channel: Array, image1: Array) -> Array:
    """One number for each channel, beside arrays of all places."""
    return per_channel.reshape(-1, *[1] * (image1.ndim - 1))


def integer_dtype(image: Array, kernel: Array) -> str:
    """int32 where no sum can be larger, whatever the image."""
    largest = int(np.iinfo(image.dtype).max) + 1 if image.dtype.kind in "iu" else 1
    return "int32" if largest * int(np.abs(kernel.astype(np.int64)).sum()) < 2**31 else "int64"


def sum_dtype(image: Array, weight: int) -> np.dtype[Any]:
    """The smallest integers that hold a window's sum of squares over all channels."""
    if image.dtype.kind == "b":
        return np.dtype(np.uint32)
    span = 2 ** (8 * image.dtype.itemsize)
    if image.dtype.kind == "u" and weight * image.shape[0] * (span - 1) ** 2 < 2**32:
        return np.dtype(np.uint32)
    if image.dtype.kind == "i" and weight * image.shape[0] * (span // 2) ** 2 < 2**31:
        return np.dtype(np.int32)
    return np.dtype(np.int64)


def formula_kind(image: Array, weight: int, work: Work) -> Any:
    """In which numbers the sums are put together: float64 as long as it is exact, else int64, modulo its size."""
    if not work.exact:
        return np.float64
    if work.score in ("correlation", "ssd"):
        return np.int64
    span = 2 ** (8 * max(1, image.dtype.itemsize))
    return np.float64 if image.shape[0] * (weight * span) ** 2 < 2**53 else np.int64
