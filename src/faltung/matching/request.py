"""The words of `match`, checked: operands with the channels in front, and in which numbers to work."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ..arrays import adopt
from ..errors import DTypeError, PlanError, ShapeError
from ..problem.extents import as_integer, quote

SCORES = ("zncc", "ncc", "correlation", "ssd", "nssd")
NAMES = 'use "zncc", "ncc", "correlation", "ssd" or "nssd"'
Array = np.ndarray


@dataclass(frozen=True)
class Operands:
    """Image and one pattern, channels in front (one if there are none); masks have no channels."""

    image: Array
    pattern: Array
    mask: Array | None
    image_mask: Array | None

    @property
    def extents(self) -> tuple[int, ...]:
        """Extents of the pattern along the axes that are searched."""
        return self.pattern.shape[1:]

    @property
    def places(self) -> tuple[int, ...]:
        """How many places the pattern has along each axis."""
        return tuple(n - k + 1 for n, k in zip(self.image.shape[1:], self.extents, strict=True))

    @property
    def exact(self) -> bool:
        """Whether sums, and what is made of them, are integers that int64 holds (modulo its size on the way).

        The largest is ``W * sum(w x**2) - sum(w x)**2 <= (W * range / 2)**2`` for each channel.
        """
        operands = [self.image, self.pattern, *(m for m in (self.mask, self.image_mask) if m is not None)]
        if any(array.dtype.kind not in "biu" for array in operands):
            return False
        if max(self.image.dtype.itemsize, self.pattern.dtype.itemsize) > 2:
            return False
        span = 2 ** (8 * max(self.image.dtype.itemsize, self.pattern.dtype.itemsize))
        return bool(self.image.shape[0] * (self.most_weight * span) ** 2 < 2**63)

    @property
    def most_weight(self) -> int:
        """The largest sum of weights, rounded up."""
        weight = prod(self.extents) if self.mask is None else float(self.mask.sum(dtype=np.float64))
        return int(weight * (1 if self.image_mask is None else float(self.image_mask.max()))) + 1


def see_image(function: str, image: Any, channel_axis: Any) -> tuple[Array, Any]:
    """The image with its channels in front, and how results are given back."""
    array, restore = adopt(image, function, "image")
    _check_real(function, "image", array)
    if array.ndim == 0 or array.size == 0:
        raise ShapeError(f"{function}: image {array.shape} must have at least one axis, and samples along each")
    return _front(function, "image", array, channel_axis), restore


def see_pattern(function: str, pattern: Any, image: Array, channel_axis: Any) -> Array:
    """The pattern with its channels in front; it fits the image."""
    array, _ = adopt(pattern, function, "pattern")
    _check_real(function, "pattern", array)
    ndim = image.ndim - (1 if channel_axis is None else 0)
    if array.ndim != ndim:
        colours = channel_axis is None and ndim == array.ndim + 1 == 3
        hint = "name the colour axis (channel_axis=-1)" if colours else \
            "give both as many, or a batch of patterns as a list or with pattern_axis="
        raise ShapeError(f"{function}: pattern {array.shape} has {array.ndim} axes, but the image has {ndim}; {hint}")
    if array.size == 0:
        raise ShapeError(f"{function}: pattern {array.shape} is empty; it must have at least one sample")
    array = _front(function, "pattern", array, channel_axis)
    if array.shape[0] != image.shape[0]:
        raise ShapeError(f"{function}: pattern has {array.shape[0]} channels, but the image has {image.shape[0]}; "
                         "give both the same")
    for axis, (extent, room) in enumerate(zip(array.shape[1:], image.shape[1:], strict=True)):
        if extent > room:
            raise ShapeError(f"{function}: pattern {array.shape[1:]} is larger than the image {image.shape[1:]} along "
                             f"axis {axis} ({extent} > {room}); cut or shrink the pattern, or pad the image")
    return array


def see_mask(function: str, name: str, mask: Any, shape: tuple[int, ...]) -> Array | None:
    """A mask without channels, or None where it is 1 throughout."""
    if mask is None:
        return None
    array, _ = adopt(mask, function, name)
    if array.dtype.kind not in "biuf":
        raise DTypeError(f"{function}: {name} has dtype {array.dtype}, but weights are real numbers of at least 0")
    if array.shape != shape:
        of = "pattern" if name == "mask" else "image"
        raise ShapeError(f"{function}: {name} {array.shape} does not have the shape of the {of} {shape}; give one "
                         "weight for each sample, the same for all channels")
    low, high = array.min(), array.max()
    if not (np.isfinite(low) and np.isfinite(high) and low >= 0):
        raise ShapeError(f"{function}: {name} holds {low if not low >= 0 else high}, but weights must be finite and at "
                         "least 0; mask with 0 or False")
    if high == 0:
        raise ShapeError(f"{function}: {name} {array.shape} is 0 throughout, so nothing is left to compare; it must "
                         "hold a weight above 0")
    return None if low == high == 1 else array


def check_score(function: str, score: Any) -> None:
    """Refuse an unknown ``score=``."""
    if not isinstance(score, str) or score not in SCORES:
        raise PlanError(f"{function}: score {quote(score)} is not known; {NAMES}")


def check_pattern(function: str, operands: Operands, score: str) -> None:
    """Refuse a pattern for which the score is undefined."""
    pattern, mask = operands.pattern, operands.mask
    seen = pattern if mask is None else pattern[:, mask > 0]
    seen = seen.reshape(seen.shape[0], -1)
    if seen.dtype.kind == "f" and not np.isfinite(seen).all():
        raise ShapeError(f"{function}: pattern holds {np.count_nonzero(~np.isfinite(seen))} values that are NaN or "
                         "infinite; mask them with mask=")
    if score == "zncc" and np.all(seen.min(axis=1) == seen.max(axis=1)):
        where = "" if mask is None else " where its mask is not 0"
        raise ShapeError(f"{function}: pattern {pattern.shape[1:]} is constant ({seen.flat[0]}){where}, and zncc "
                         'compares what is left when the mean is subtracted: nothing; use score="ssd", "nssd" or '
                         '"ncc", or take in some of its surroundings')
    if score in ("ncc", "nssd") and not seen.any():
        raise ShapeError(f"{function}: pattern {pattern.shape[1:]} is 0 throughout, and {score} divides by its size; "
                         'use score="ssd"')


def _check_real(function: str, name: str, array: Array) -> None:
    if array.dtype.kind == "c":
        raise DTypeError(f"{function}: {name} has dtype {array.dtype}, but scores are defined for real numbers; match "
                         "its magnitude, or its parts as two channels")


def _front(function: str, name: str, array: Array, channel_axis: Any) -> Array:
    if channel_axis is None:
        return array[np.newaxis]
    axis = as_integer(channel_axis)
    if axis is None or not -array.ndim <= axis < array.ndim or array.ndim < 2:
        raise ShapeError(f"{function}: channel_axis={channel_axis!r} is no axis of the {name} {array.shape} that "
                         "leaves another to search; use None if there are no channels")
    return np.moveaxis(array, axis, 0)
