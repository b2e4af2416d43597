"""Where the sums of a score come from: sums of products from the engine, sums over windows from `windows`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log2, prod
from typing import Any

import numpy as np

from .. import operations
from .formulas import Sums
from .request import Operands
from .score_code import ScoreRecipe
from .score_program import Numbers, is_possible, score_windows
from .windows import Double, add, double, multiply, product, window_sum, window_sum_along, window_sum_double

Array = np.ndarray
UNIT = 2.0**-53
DOUBTFUL = {"float32": 1e-7, "float64": 0.02}
"""A variance smaller than this part of the mean square is summed again in twice the digits: its error would exceed what
a score of that dtype promises."""
RANGE = 2**14
"""Samples of a range, about: its half a dozen arrays of float64 stay in the second cache."""
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


# ---------------------------------------------------------------- without masks

class Windowed:
    """The sums of patterns of one size without masks, from strips of the image; those of the image are shared."""

    def __init__(self, operands: Sequence[Operands], work: Work) -> None:
        first = operands[0]
        self.work, self.extents, self.places = work, first.extents, first.places
        self.weight = prod(self.extents)
        self.image, self.shift, patterns = _centred(first.image, [one.pattern for one in operands], work)
        self.kernels = [_kernel(pattern, self.image, work, None) for pattern in patterns]
        self.both = [self._products(kernel) for kernel, _ in self.kernels]
        self.kind = _kind(self.image, self.weight, work)
        self.patterns = [_pattern_sums(kernel, kernel, back, self.kind) for kernel, back in self.kernels]
        self.sum_dtype = _sum_dtype(first.image, self.weight) if work.exact else np.dtype(np.float64)

    def _products(self, kernel: Array) -> Array:
        """Products of the whole image: float32 where they are the score but for a factor, or exact."""
        dtype = _integer_dtype(self.image, kernel) if self.work.exact else \
            "float32" if self.work.dtype == "float32" and self.work.score in ("zncc", "ncc", "correlation") else \
            "float64"
        return self.work.correlate(self.image, kernel, dtype)

    def reuse(self, number: int) -> Array | None:
        """The memory of a pattern's products, if the scores fit into it."""
        both, dtype = self.both[number], np.dtype(self.work.dtype)
        return both.view(dtype) if both.dtype.itemsize == dtype.itemsize and both.flags.c_contiguous else None

    def fill(self, maps: Sequence[Array], flat: float) -> list[tuple[int, int]]:
        """Fill score maps by generated code; the ranges along the first axis that are left to `sums`."""
        left = [(0, self.places[0])]
        for number, out in enumerate(maps):
            (kernel, back), both, (pattern1, pattern2) = self.kernels[number], self.both[number], self.patterns[number]
            recipe = self._recipe(both, out)
            if not is_possible(recipe, self.image, len(self.extents)):
                return left
            numbers = Numbers(self.weight, pattern1, pattern2, self._size(kernel, number), back, flat, self.shift)
            rest = score_windows(recipe, self.image, both, out, self.extents, numbers, self.work.threads)
        return rest

    def _recipe(self, both: Array, out: Array) -> ScoreRecipe:
        names = (self.image.dtype, both.dtype, self.sum_dtype, np.dtype(self.kind), out.dtype)
        return ScoreRecipe(self.work.score, len(self.image), *(dtype.name for dtype in names))

    def _size(self, kernel: Array, number: int) -> float:
        """What the formula takes the root of: of the pattern alone, and so the same at every place."""
        pattern1, pattern2 = self.patterns[number]
        if self.work.score != "zncc":
            return float(pattern2)
        variance = self.weight * pattern2 - (pattern1 * pattern1).sum(axis=0)
        return float(variance) if self.work.exact else float(variance) / self.weight**2

    def sums(self, start: int, stop: int) -> Iterator[tuple[int, int, list[Sums]]]:
        """The sums at the places from ``start`` to ``stop`` along the first axis: ranges, and one for each pattern.

        Sums along the first axis are shared by the whole strip; what follows is done in ranges that stay in the cache.
        """
        values, squares = self._values(self.image[:, start : stop + self.extents[0] - 1])
        if values is None or len(self.extents) == 1:
            yield start, stop, self._combine(start, stop, values, values, squares)
            return
        first1, first2 = (window_sum_along(part, axis, self.extents[0]) for part, axis in ((values, 1), (squares, 0)))
        rows = max(1, RANGE // (self.image.size // self.image.shape[1]))
        for low in range(0, stop - start, rows):
            high = min(low + rows, stop - start)
            raw = values[:, low : high + self.extents[0] - 1]
            yield start + low, start + high, self._combine(start + low, start + high, raw, first1[:, low:high],
                                                           first2[low:high])

    def _values(self, block: Array) -> tuple[Any, Any]:
        """The image in the numbers of its sums, and its squares summed over the channels; None if nobody asks."""
        if self.work.score == "correlation" and not any(back for _, back in self.kernels):
            return None, None
        values = block.astype(self.sum_dtype)
        if not self.work.exact and self.shift:
            values -= self.shift
        return values, values[0] * values[0] if len(values) == 1 else np.einsum("i...,i...->...", values, values)

    def _combine(self, start: int, stop: int, raw: Any, values: Any, squares: Any) -> list[Sums]:
        image1, image2, variance, rounding, sure = self._of_image(raw, values, squares)
        kind, result = self.kind, []
        image1, image2 = image1.astype(kind, copy=False), image2.astype(kind, copy=False)
        for (_, back), both, (pattern1, pattern2) in zip(self.kernels, self.both, self.patterns, strict=True):
            part = both[start:stop].astype(kind)
            if back:
                part += back * image1.sum(axis=0)
            result.append(Sums(self.weight, part, image1, image2, _beside(pattern1, image1), pattern2, rounding,
                               variance, centred=not self.work.exact and self.work.score == "zncc", sure=sure))
        return result

    def _of_image(self, raw: Any, values: Any, squares: Any) -> tuple[Array, Array, Array | None, float, bool]:
        """Sums of the image from those along the first axis, or from the raw values where digits are lacking."""
        if values is None:
            return np.zeros((1,) * self.image.ndim), np.zeros(()), None, 0.0, False
        rest = self.extents[1:] if len(self.extents) > 1 else self.extents
        image1, image2 = window_sum(values, rest), window_sum(squares, rest)
        if self.work.exact or self.work.score != "zncc":
            return image1, image2, None, 0.0, False
        variance = self.weight * image2
        limit = DOUBTFUL[self.work.dtype] * variance
        for channel in image1:
            variance -= channel * channel
        if not bool((variance <= limit).any()):
            return image1, image2, variance, 0.0, True
        return (*self._again(raw), False)

    def _again(self, values: Array) -> tuple[Array, Array, Array, float]:
        """The sums in twice the digits; the error of the variance is below ``rounding * weight * image2``."""
        square = product(values[0], values[0])
        for channel in values[1:]:
            square = add(square, product(channel, channel))
        image1 = window_sum_double(double(values), self.extents)
        image2 = window_sum_double(square, self.extents)
        weight = double(np.full((1,) * image2.high.ndim, float(self.weight)))
        variance = multiply(weight, image2)
        for high, low in zip(image1.high, image1.low, strict=True):
            squared = multiply(Double(high, low), Double(high, low))
            variance = add(variance, Double(-squared.high, -squared.low))
        depth = sum(2 * log2(extent) + 1 for extent in self.extents) + len(values)
        return image1.high, image2.high, variance.high, (4 * depth + 16) * 2.0**-104


# ---------------------------------------------------------------- with masks

class Masked:
    """The sums of one pattern with weights on it, on the image, or both: every sum is a correlation."""

    def __init__(self, operands: Operands, work: Work) -> None:
        self.work, self.extents, self.places = work, operands.extents, operands.places
        image, self.shift, (pattern,) = _centred(operands.image, [operands.pattern], work)
        self.image = image
        mask = np.ones(self.extents, np.int8) if operands.mask is None else _numbers(operands.mask, work)
        weights = None if operands.image_mask is None else _numbers(operands.image_mask, work)
        kernel, back = _kernel(pattern, image, work, mask)
        kind = np.dtype(np.int64) if work.exact else np.dtype(np.float64)
        values = _values(image, self.shift, weights, work)
        squares = (values.astype(kind) ** 2).sum(axis=0)[np.newaxis]
        if weights is not None:
            keep = weights > 0
            squares = np.where(keep, squares, 0) * weights
            values = np.where(keep, values, values.dtype.type(0)) * weights.astype(
                values.dtype if values.dtype.kind == "f" else kind)
        self.rounding = 0.0 if work.exact else (prod(self.extents) + 8) * UNIT
        self.parts = self._parts(values, squares, weights, mask, kernel, back, kind.name)
        self.kind = _kind(image, operands.most_weight, work)

    def _parts(self, values: Array, squares: Array, weights: Array | None, mask: Array, kernel: Array, back: int,
               dtype: str) -> dict[str, Any]:
        run, axes = self.work.correlate, tuple(range(1, values.ndim))
        weighted = kernel.astype(dtype) * mask
        narrow = _narrow(weighted)
        image1 = run(values, mask, self._dtype(values, mask), axes)
        both = run(values, narrow, self._dtype(values, narrow))
        if back:
            both = both + back * image1.sum(axis=0)
        image2 = self._of_squares(squares, mask[np.newaxis])
        if weights is None:
            pattern1, pattern2 = _pattern_sums(kernel, weighted, back, np.dtype(dtype), mask)
            weight: Any = mask.sum(dtype=dtype).item()
            pattern1 = _beside(pattern1, image1)
        else:
            weight, pattern1, pattern2 = self._partial(weights, mask, kernel.astype(dtype) + back, dtype)
        return {"weight": weight, "both": both, "image1": image1, "image2": image2, "pattern1": pattern1,
                "pattern2": pattern2}

    def _dtype(self, image: Array, kernel: Array) -> str:
        return _integer_dtype(image, kernel) if self.work.exact else "float64"

    def _of_squares(self, squares: Array, mask: Array) -> Array:
        """``sum(w x**2)``; of integers byte by byte, for bytes are quickest, and exact by every algorithm."""
        if not self.work.exact:
            return self.work.correlate(squares, mask, "float64")
        total, place = np.zeros((), np.int64), 1
        while True:
            part = (squares & 255).astype(np.uint8)
            total = total + place * self.work.correlate(part, mask, self._dtype(part, mask)).astype(np.int64)
            squares, place = squares >> 8, place << 8
            if not squares.any():
                return total

    def _partial(self, weights: Array, mask: Array, kernel: Array, dtype: str) -> tuple[Array, Array, Array]:
        """Weight and sums of the pattern where parts of it lie on what is masked in the image."""
        run, one = self.work.correlate, weights[np.newaxis]
        weight = run(one, mask[np.newaxis], dtype)
        wide = kernel.astype(dtype)
        # On every channel the same weights, so that one call serves all: the channels are output channels.
        pattern1 = run(one, _narrow(wide * mask), dtype, tuple(range(1, one.ndim)))
        pattern2 = run(one, _narrow((wide * wide * mask).sum(axis=0)[np.newaxis]), dtype)
        if not self.work.exact:
            nothing = weight <= self.rounding * float(mask.sum()) * float(weights.max())
            weight[nothing] = 0
        return weight, pattern1, pattern2

    def reuse(self, number: int) -> Array | None:
        """Nothing: the sums are of other dtypes."""
        return None

    def fill(self, maps: Sequence[Array], flat: float) -> list[tuple[int, int]]:
        """Nothing by generated code yet."""
        return [(0, self.places[0])]

    def sums(self, start: int, stop: int) -> Iterator[tuple[int, int, list[Sums]]]:
        """The sums at the places from ``start`` to ``stop`` along the first axis."""
        cut = {}
        for name, value in self.parts.items():
            if np.ndim(value) <= 1 or value.shape[-len(self.places):] != self.places:
                cut[name] = value
            else:
                axes = (slice(None),) * (value.ndim - len(self.places))
                cut[name] = value[(*axes, slice(start, stop))].astype(self.kind, copy=False)
        yield start, stop, [Sums(**cut, rounding=self.rounding)]


# ---------------------------------------------------------------- numbers

def _centred(image: Array, patterns: Sequence[Array], work: Work) -> tuple[Array, float, list[Array]]:
    """Image and patterns for the engine, and what else is to be subtracted from the image in its own sums.

    A float64 image is centred in a copy; a float32 one is not, for its products are summed in float64 and the pattern
    is centred, and its own sums are centred strip by strip.
    """
    if work.exact:
        return image, 0.0, list(patterns)
    shift = _middle(image) if work.invariant else 0.0
    wide = [pattern.astype(np.float64) for pattern in patterns]
    if work.dtype == "float32":
        # A squared difference of float32 numbers needs no centring in float64.
        return image, shift if work.score == "zncc" else 0.0, wide
    return image.astype(np.float64) - shift, 0.0, [pattern - shift for pattern in wide]


def _middle(image: Array) -> float:
    """About the mean of an image; any number near it will do."""
    values = image.reshape(-1)[:: max(1, image.size // _SAMPLE)] if image.flags.c_contiguous else image[
        (slice(None), *(slice(None, None, max(1, extent // 64)) for extent in image.shape[1:]))]
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0
    middle = float(np.float32(values.mean(dtype=np.float64)))
    return middle if np.isfinite(middle) else 0.0


def _kernel(pattern: Array, image: Array, work: Work, mask: Array | None) -> tuple[Array, int]:
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
    return _narrow(pattern.astype(np.int64) - shift), 0 if work.score == "zncc" else shift


def _narrow(array: Array) -> Array:
    """Integers in the smallest signed dtype that holds them."""
    if array.dtype.kind == "f":
        return array
    low, high = int(array.min()), int(array.max())
    for dtype in (np.int8, np.int16, np.int32):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return array.astype(dtype)
    return array


def _numbers(mask: Array, work: Work) -> Array:
    return _narrow(mask.astype(np.int64)) if work.exact else mask.astype(np.float64)


def _values(image: Array, shift: float, weights: Array | None, work: Work) -> Array:
    if work.exact:
        return image if image.dtype.kind != "b" else image.astype(np.uint8)
    values = image.astype(np.float64) - shift
    return values if weights is None else np.where(weights > 0, values, 0)


def _pattern_sums(kernel: Array, weighted: Array, back: int, kind: Any, mask: Array | None = None) -> tuple[Array, Any]:
    """``sum(w t)`` for each channel and ``sum(w t**2)``, of the pattern with ``back`` put back."""
    axes = tuple(range(1, kernel.ndim))
    wide = np.dtype(np.float64) if kernel.dtype.kind == "f" else np.dtype(np.int64)
    whole: Array = kernel.astype(wide) + back
    scaled: Array = weighted.astype(wide) + back * (1 if mask is None else mask.astype(wide))
    return scaled.sum(axis=axes).astype(kind), (whole * scaled).sum().item()


def _beside(per_channel: Array, image1: Array) -> Array:
    return per_channel.reshape(-1, *[1] * (image1.ndim - 1))


def _integer_dtype(image: Array, kernel: Array) -> str:
    """int32 where no sum can be larger, whatever the image."""
    largest = int(np.iinfo(image.dtype).max) + 1 if image.dtype.kind in "iu" else 1
    return "int32" if largest * int(np.abs(kernel.astype(np.int64)).sum()) < 2**31 else "int64"


def _sum_dtype(image: Array, weight: int) -> np.dtype[Any]:
    """The smallest integers that hold a window's sum of squares over all channels."""
    if image.dtype.kind == "b":
        return np.dtype(np.uint32)
    span = 2 ** (8 * image.dtype.itemsize)
    if image.dtype.kind == "u" and weight * image.shape[0] * (span - 1) ** 2 < 2**32:
        return np.dtype(np.uint32)
    if image.dtype.kind == "i" and weight * image.shape[0] * (span // 2) ** 2 < 2**31:
        return np.dtype(np.int32)
    return np.dtype(np.int64)


def _kind(image: Array, weight: int, work: Work) -> Any:
    """In which numbers the sums are put together: float64 as long as it is exact, else int64, modulo its size."""
    if not work.exact:
        return np.float64
    if work.score in ("correlation", "ssd"):
        return np.int64
    span = 2 ** (8 * max(1, image.dtype.itemsize))
    return np.float64 if image.shape[0] * (weight * span) ** 2 < 2**53 else np.int64
