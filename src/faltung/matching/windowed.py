"""The sums of patterns without masks: sums of products from the engine, sums over windows of the image alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log2, prod
from typing import Any

import numpy as np

from .formulas import Sums
from .numbers import (
    Work,
    beside,
    centred,
    centred_pattern,
    formula_kind,
    integer_dtype,
    pattern_size,
    pattern_sums,
    sum_dtype,
)
from .request import Operands
from .score_code import ScoreRecipe
from .score_program import Numbers, is_possible, score_windows
from .windows import Double, add, double, multiply, product, window_sum, window_sum_along, window_sum_double

Array = np.ndarray
DOUBTFUL = {"float32": 1e-7, "float64": 0.02}
"""A variance smaller than this part of the mean square is summed again in twice the digits: its error would exceed what
a score of that dtype promises."""
RANGE = 2**14
"""Samples of a range, about: its half a dozen arrays of float64 stay in the second cache."""


class Windowed:
    """The sums of patterns of one size without masks, from strips of the image; those of the image are shared."""

    def __init__(self, operands: Sequence[Operands], work: Work) -> None:
        first = operands[0]
        self.work, self.extents, self.places = work, first.extents, first.places
        self.weight = prod(self.extents)
        self.image, self.shift, patterns = centred(first.image, [one.pattern for one in operands], work)
        self.kernels = [centred_pattern(pattern, self.image, work, None) for pattern in patterns]
        self.both = [self._products(kernel) for kernel, _ in self.kernels]
        self.kind = formula_kind(self.image, self.weight, work)
        self.patterns = [pattern_sums(kernel, kernel, back, self.kind) for kernel, back in self.kernels]
        self.sum_dtype = sum_dtype(first.image, self.weight) if work.exact else np.dtype(np.float64)

    def _products(self, kernel: Array) -> Array:
        """Products of the whole image: float32 where they are the score but for a factor, or exact."""
        dtype = integer_dtype(self.image, kernel) if self.work.exact else \
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
            (_, back), both, (pattern1, pattern2) = self.kernels[number], self.both[number], self.patterns[number]
            recipe = self._recipe(both, out)
            if not is_possible(recipe, self.image, len(self.extents)):
                return left
            size = pattern_size(self.work, self.weight, pattern1, pattern2)
            numbers = Numbers(self.weight, pattern1, pattern2, size, back, flat, self.shift)
            rest = score_windows(recipe, self.image, both, out, self.extents, numbers, self.work.threads)
        return rest

    def _recipe(self, both: Array, out: Array) -> ScoreRecipe:
        names = (self.image.dtype, both.dtype, self.sum_dtype, np.dtype(self.kind), out.dtype)
        return ScoreRecipe(self.work.score, len(self.image), *(dtype.name for dtype in names))

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
            result.append(Sums(self.weight, part, image1, image2, beside(pattern1, image1), pattern2, rounding,
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
