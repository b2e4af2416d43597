"""The sums of one pattern with weights on it, on the image, or both: every sum is a correlation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

from .. import operations
from .formulas import Sums
from .numbers import (
    Work,
    as_values,
    beside,
    centred,
    centred_pattern,
    formula_kind,
    integer_dtype,
    narrow,
    pattern_size,
    pattern_sums,
    weights_of,
)
from .request import Operands
from .score_code import ScoreRecipe
from .score_program import MOST_CHANNELS, Numbers, combine

Array = np.ndarray
UNIT = 2.0**-53
MANY = 1000
"""Weights from which integers are no longer multiplied four at a time, but transformed."""


class Masked:
    """The sums of one pattern with weights on it, on the image, or both: every sum is a correlation."""

    def __init__(self, operands: Operands, work: Work) -> None:
        self.work, self.extents, self.places = work, operands.extents, operands.places
        image, self.shift, (pattern,) = centred(operands.image, [operands.pattern], work)
        self.image = image
        mask = np.ones(self.extents, np.int8) if operands.mask is None else weights_of(operands.mask, work)
        weights = None if operands.image_mask is None else weights_of(operands.image_mask, work)
        kernel, back = centred_pattern(pattern, image, work, mask)
        kind = np.dtype(np.int64) if work.exact else np.dtype(np.float64)
        values = as_values(image, self.shift, weights, work)
        squares = _squares(values, work)
        if weights is not None:
            keep = weights > 0
            squares = np.where(keep, squares, 0).astype(kind, copy=False) * weights
            values = np.where(keep, values, values.dtype.type(0)) * weights.astype(
                values.dtype if values.dtype.kind == "f" else kind)
        self.rounding = 0.0 if work.exact else (prod(self.extents) + 8) * UNIT
        self.kind = formula_kind(image, operands.most_weight, work)
        self.parts = self._parts(values, squares, weights, mask, kernel, back, kind.name)

    def _parts(self, values: Array, squares: Array, weights: Array | None, mask: Array, kernel: Array, back: int,
               dtype: str) -> dict[str, Any]:
        run, axes = self.work.correlate, tuple(range(1, values.ndim))
        weighted = kernel.astype(dtype) * mask
        taps = narrow(weighted)
        image1 = run(values, mask, self._dtype(values, mask), axes)
        both = run(values, taps, self._dtype(values, taps))
        if back:
            both = both + back * image1.sum(axis=0)
        image2 = self._of_squares(squares, mask[np.newaxis])
        if weights is None:
            pattern1, pattern2 = pattern_sums(kernel, weighted, back, np.dtype(dtype), mask)
            weight: Any = mask.sum(dtype=dtype).item()
            pattern1 = beside(pattern1, image1)
        else:
            weight, pattern1, pattern2 = self._partial(weights, mask, kernel.astype(dtype) + back, dtype)
        return {"weight": weight, "both": both, "image1": image1, "image2": image2, "pattern1": pattern1,
                "pattern2": pattern2}

    def _dtype(self, image: Array, kernel: Array) -> str:
        return integer_dtype(image, kernel) if self.work.exact else "float64"

    def _of_squares(self, squares: Array, mask: Array) -> Array:
        """``sum(w x**2)``; of integers byte by byte, for bytes are quickest, and exact by every algorithm."""
        if not self.work.exact:
            return self.work.correlate(squares, mask, "float64")
        if mask.size > MANY:
            sums = self._rounded(squares, mask)
            if sums is not None:
                return sums
        parts = np.ascontiguousarray(squares).astype(squares.dtype.newbyteorder("<"), copy=False)
        octets = parts.view(np.uint8).reshape(*parts.shape, parts.itemsize)
        wide: Any = np.int32 if int(mask.sum()) << 8 * parts.itemsize < 2**31 else np.int64
        total: Array | None = None
        for place in reversed(range(parts.itemsize)):
            octet = octets[..., place]
            if total is None and not octet.any():
                continue
            part = self.work.correlate(octet, mask, self._dtype(octet, mask)).astype(wide, copy=False)
            if total is not None:
                total <<= 8
                part += total
            total = part
        return np.zeros(self.places, wide) if total is None else total

    def _rounded(self, squares: Array, mask: Array) -> Array | None:
        """The same in float64, rounded to integers, if the error is proven to be below one quarter."""
        wide, weights = squares[0].astype(np.float64), mask[0].astype(np.float64)
        plan = operations.plan(operations.correlate, wide, weights, "valid", method=self.work.method,
                               threads=self.work.threads)
        if plan.error_bound * UNIT * float(wide.max()) * float(weights.sum()) >= 0.25:
            return None
        sums = plan(wide)
        return np.asarray(np.rint(sums, out=sums).astype(self.kind, copy=False))

    def _partial(self, weights: Array, mask: Array, kernel: Array, dtype: str) -> tuple[Array, Array, Array]:
        """Weight and sums of the pattern where parts of it lie on what is masked in the image."""
        run, one = self.work.correlate, weights[np.newaxis]
        weight = run(one, mask[np.newaxis], dtype)
        wide = kernel.astype(dtype)
        # On every channel the same weights, so that one call serves all: the channels are output channels.
        pattern1 = run(one, narrow(wide * mask), dtype, tuple(range(1, one.ndim)))
        pattern2 = run(one, narrow((wide * wide * mask).sum(axis=0)[np.newaxis]), dtype)
        if not self.work.exact:
            nothing = weight <= self.rounding * float(mask.sum()) * float(weights.max())
            weight[nothing] = 0
        return weight, pattern1, pattern2

    def reuse(self, number: int) -> Array | None:
        """Nothing: the sums are of other dtypes."""
        return None

    def fill(self, maps: Sequence[Array], flat: float) -> list[tuple[int, int]]:
        """Fill the score map by generated code; the ranges along the first axis that are left to `sums`."""
        (out,), sums = maps, self.parts
        one, two, both = (np.ascontiguousarray(sums[name]) for name in ("image1", "image2", "both"))
        # Exact sums of squares may stand in float64 too: see `_rounded`.
        sums_dtype = np.dtype(np.int64) if self.work.exact else two.dtype
        names = (one.dtype, both.dtype, sums_dtype, np.dtype(self.kind), out.dtype)
        recipe = ScoreRecipe(self.work.score, len(one), *(dtype.name for dtype in names))
        known = ("zncc", "ncc", "ssd", "nssd") if recipe.is_exact else ("zncc", "ncc")
        if np.ndim(sums["weight"]) or recipe.channels > MOST_CHANNELS or self.work.score not in known:
            return [(0, self.places[0])]
        pattern1, pattern2, weight = sums["pattern1"].reshape(-1), sums["pattern2"], sums["weight"]
        size = pattern_size(self.work, weight, pattern1, pattern2)
        numbers = Numbers(weight, pattern1, pattern2, size, 0, flat, rounding=self.rounding)
        combine(recipe, one, two, both, out, numbers, self.work.threads)
        return []

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


def _squares(values: Array, work: Work) -> Array:
    """The squares, summed over the channels, in a first axis of one; integers as narrow as they can be."""
    if not work.exact:
        return np.asarray(np.einsum("i...,i...->...", values, values))[np.newaxis]
    reach = np.iinfo(values.dtype)
    largest = len(values) * (max(-reach.min, reach.max) if values.itemsize <= 2 else int(np.abs(values).max())) ** 2
    kind = np.min_scalar_type(largest)
    wide = values.astype(kind)
    return np.asarray(np.einsum("i...,i...->...", wide, wide))[np.newaxis]
