"""What the adapters share."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from benchmarks.cases import LAYERS, Case
from benchmarks.checking import Array, Operands

Call = Callable[[], Any]
Forms = dict[str, Call]
Adapter = Callable[[Case, Operands, int], Forms]

MOST_PIXELS, MOST_TAPS = 512 * 512, 15 * 15
"""Libraries for layers take part in images and volumes of one channel up to this size only: they are many times slower
than the others there, and would take most of the time of a run."""

MOST_PRODUCTS = 2e9
"""More than these are not summed one by one by a peer: it would take seconds."""


FEW_PRODUCTS = 2e7
"""More than these are not summed by libraries for layers, of one channel in one or three dimensions."""


def as_layer(case: Case, given: Operands) -> tuple[Array, Array] | None:
    """Return image and weights with batch and channels, or nothing if a library for layers is not asked."""
    if case.operation in LAYERS:
        return given.x, given.k
    small = prod(case.shape) <= MOST_PIXELS and prod(case.kernel) <= MOST_TAPS
    small = small and (case.ndim < 3 or products(case) < FEW_PRODUCTS)
    if case.operation == "correlate" and case.output_dtype == case.dtype and small:
        return given.x[None, None], np.conj(given.k)[None, None]
    return None


def padding(case: Case) -> list[int]:
    """Return how far each axis of a layer looks outside."""
    return [case.padding] * case.ndim if case.operation in LAYERS else [n // 2 for n in case.kernel]


def products(case: Case) -> int:
    """Return the number of multiplications of a plain sum."""
    return prod(case.shape) * prod(case.kernel)
