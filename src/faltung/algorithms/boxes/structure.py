"""Part a kernel into boxes of equal taps."""

from __future__ import annotations

from math import isfinite, prod
from typing import Any, NamedTuple

import numpy as np

from ...problem.border import fills
from ...problem.problem import Problem
from ...problem.promotion import is_integer, sums_integers

GROWTH = 3.0
"""Sum over boxes of |value| times taps, in multiples of sum|k|, at most."""


NESTED, CENTRE_APART = 2, 5
"""Boxes of a centre on its surround, and as many at most that lie side by side."""


class Box(NamedTuple):
    """Taps that are equal: where they begin along each axis, and how many there are."""

    first: tuple[int, ...]
    extents: tuple[int, ...]


def boxes_of(problem: Problem, kernel: Any, most: int) -> tuple[Box, ...] | None:
    """The boxes that every kernel (engine-shaped) consists of, none on another; None if there are more than ``most``.

    Equal rows make a band, and equal columns of a band make a box: that parts steps, Haar features and a centre with
    its surround as coarsely as can be.  Zeros are taps like others: what is not finite under them has to arrive.

    >>> from faltung.problem.problem import Problem
    >>> line = Problem((), 1, 1, 1, (9,), (5,), (5,), (0,), (1,), (1,), (1,), ((0, 0),))
    >>> boxes_of(line, np.array([[[[1, 1, 1, -2, -2]]]]), 2)
    (Box(first=(0,), extents=(3,)), Box(first=(3,), extents=(2,)))
    """
    taps = kernel.reshape(-1, *problem.kernel)
    if problem.ndim == 1:
        return tuple(Box((first,), (end - first,)) for first, end in _runs(taps, most)) or None
    found: list[Box] = []
    for top, bottom in _runs(taps, most):
        parts = _runs(taps[:, top], most)
        if not parts:
            return None
        found += [Box((top, left), (bottom - top, right - left)) for left, right in parts]
    return tuple(found) if 0 < len(found) <= most else None


def _runs(taps: Any, most: int) -> list[tuple[int, int]]:
    """Where equal neighbours along the second axis begin and end; nothing if there are more than ``most`` runs."""
    taps = np.moveaxis(taps, 1, 0)
    changes = (taps[1:] != taps[:-1]).any(tuple(range(1, taps.ndim)))
    if changes.sum() >= most:
        return []
    ends = [*(np.flatnonzero(changes) + 1).tolist(), len(taps)]
    return list(zip([0, *ends[:-1]], ends, strict=True))


class Part(NamedTuple):
    """A box, and the value of its taps in every kernel: the engine's shape, one tap each."""

    box: Box
    values: Any

    @property
    def taps(self) -> Any:
        """The box of every kernel, by itself."""
        return np.broadcast_to(self.values, (*self.values.shape[:3], *self.box.extents))


def parts_of(problem: Problem, kernel: Any, most: int) -> tuple[Part, ...] | None:
    """What sums to every kernel (engine-shaped): boxes side by side, or one on another; None if there are too many."""
    boxes = boxes_of(problem, kernel, min(most, 2))
    if boxes is None:
        nested = _nested(problem, kernel)
        if nested is not None:
            return nested
        boxes = boxes_of(problem, kernel, most)
    if boxes is None:
        return None
    return _as_parts(kernel, boxes)


def _as_parts(kernel: Any, boxes: tuple[Box, ...]) -> tuple[Part, ...]:
    return tuple(Part(box, kernel[(..., *(slice(first, first + 1) for first in box.first))]) for box in boxes)


def apart(problem: Problem, kernel: Any, parts: tuple[Part, ...]) -> tuple[Part, ...] | None:
    """What sums to the same where what one box sums is taken off by another and may not be finite; None: nothing is."""
    nested = len(parts) == NESTED and parts[0].box.extents == problem.kernel
    if not nested or is_integer(problem.image_dtype):
        return None
    boxes = boxes_of(problem, kernel, CENTRE_APART)
    assert boxes is not None
    return _as_parts(kernel, boxes)


def may_cancel(p: Problem) -> bool:
    """Whether what one box sums may be taken off again by another.

    Integer sums are right modulo a power of two; those held in floats are not, and might leave the range they are
    proven for.  Of floats, outputs that are not finite are summed again from boxes side by side; so it has to be seen
    that they are not.
    """
    if not all(isfinite(abs(side)) for side in fills(p.border)):
        return False
    if not is_integer(p.image_dtype):
        return p.activation is None
    return p.accumulator_dtype.startswith("int") or not sums_integers(p)


def _nested(p: Problem, kernel: Any) -> tuple[Part, ...] | None:
    """A centre on its surround as two boxes, if that may be."""
    if not may_cancel(p):
        return None
    outer = kernel[(..., *[slice(0, 1)] * p.ndim)].astype(p.accumulator_dtype)
    other = (kernel != kernel[(..., *[slice(0, 1)] * p.ndim)]).reshape(-1, *p.kernel).any(0)
    first, extents = [], []
    for axis in range(p.ndim):
        places = np.flatnonzero(other.any(tuple(at for at in range(p.ndim) if at != axis)))
        first.append(int(places[0]))
        extents.append(int(places[-1]) + 1 - first[-1])
    inside = kernel[(..., *(slice(a, a + n) for a, n in zip(first, extents, strict=True)))].astype(p.accumulator_dtype)
    inner = inside[(..., *[slice(0, 1)] * p.ndim)]
    if not (inside == inner).all():
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        parts = (Part(Box((0,) * p.ndim, p.kernel), outer), Part(Box(tuple(first), tuple(extents)), inner - outer))
    if p.accumulator_dtype.startswith("float"):
        size = sum(np.abs(part.values.astype(float)).reshape(-1) * prod(part.box.extents) for part in parts)
        if not (size <= GROWTH * np.abs(kernel.astype(float)).reshape(len(size), -1).sum(1)).all():
            return None
    return parts
