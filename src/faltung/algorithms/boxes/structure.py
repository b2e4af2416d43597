"""Part a kernel into boxes of equal taps."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...problem.problem import Problem


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
    found = []
    for top, bottom in _runs(taps.swapaxes(1, 2), most, along=2):
        for left, right in _runs(taps[:, top], most):
            found.append(Box((top, left), (bottom - top, right - left)))
    return tuple(found) if 0 < len(found) <= most else None


def _runs(taps: Any, most: int, along: int = 1) -> list[tuple[int, int]]:
    """Where equal neighbours along an axis begin and end; nothing if there are more than ``most`` runs."""
    taps = np.moveaxis(taps, along, 0)
    changes = (taps[1:] != taps[:-1]).any(tuple(range(1, taps.ndim)))
    if changes.sum() >= most:
        return []
    ends = [*(np.flatnonzero(changes) + 1).tolist(), len(taps)]
    return list(zip([0, *ends[:-1]], ends, strict=True))


def values_of(kernel: Any, box: Box) -> Any:
    """The box of every kernel, by itself: the engine's shape."""
    return kernel[(..., *(slice(first, first + count) for first, count in zip(box.first, box.extents, strict=True)))]
