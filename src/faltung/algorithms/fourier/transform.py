"""Generated Fourier transforms of columns: every lane transforms a column of its own.

A column's transform needs no shuffles at all, only sums of whole vectors.  Forward transforms decimate
in frequency and leave their result in digit-reversed order; inverse ones undo the stages one by one, in
the opposite order, and end in the natural one.  A convolution multiplies spectra of equal order, so
nothing is ever reordered (Van Loan, "Computational frameworks for the fast Fourier transform", 1992).

Rows are transformed as the columns of the transposed tile.  Two real tiles travel as the real and the
imaginary part of a complex one: under a real kernel, they do not mix.
"""

from __future__ import annotations

import ctypes
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from ...compiler import jit
from ...compiler.elements import ELEMENTS
from ...compiler.memory import aligned
from ...machine import Machine

SMALLEST, LARGEST = 32, 4096
"""Lengths of generated transforms: powers of two between these."""


def stages(length: int) -> list[int]:
    """Lengths of the sub-transforms that the stages of radix 4 split, and of the last one of radix 2, if any."""
    found = []
    while length >= 4:
        found.append(length)
        length //= 4
    return found + ([2] if length == 2 else [])


def twiddles(length: int, dtype: str) -> np.ndarray:
    """For each butterfly of each stage of radix 4: the roots w, w**2, w**3, real and imaginary parts."""
    rows = []
    for n in stages(length):
        if n == 2:
            continue
        angle = -2 * np.pi * np.arange(n // 4)[:, None] * np.array([1, 2, 3]) / n
        rows.append(np.stack([np.cos(angle), np.sin(angle)], axis=-1).reshape(-1, 6))
    return np.concatenate(rows).astype(dtype)


class Transform:
    """Transforms tiles of ``lengths`` (one or two axes) held as two planes, rows ``pitch`` elements apart.

    With one axis, a tile is a column, and as many as a vector has lanes are transformed at once.
    """

    def __init__(self, lengths: tuple[int, ...], dtype: str, machine: Machine) -> None:
        self.lengths, self.dtype, self.machine = lengths, dtype, machine
        self.element = ELEMENTS[dtype]
        self.lanes = machine.vector_bytes // self.element.size
        # a pitch off the powers of two, so that the rows of a strip do not fall into the same cache sets
        self.rows = lengths[0]
        self.columns = lengths[1] if len(lengths) == 2 else self.lanes
        self.pitch, self.turned_pitch = self.columns + self.lanes, self.rows + self.lanes
        self.scale = 1.0 / float(np.prod(lengths))

    def planes(self) -> Any:
        """Memory for a tile: (2, rows, pitch)."""
        return aligned((2, self.rows, self.pitch), self.dtype)

    def spectrum(self) -> Any:
        """Memory for a tile's spectrum; with two axes it is transposed."""
        shape = (2, self.columns, self.turned_pitch) if len(self.lengths) == 2 else (2, self.rows, self.pitch)
        return aligned(shape, self.dtype)

    @cached_property
    def _functions(self) -> tuple[Any, Any, Any]:
        from .transform_code import emit_transform

        what = f"transform {self.lengths} {self.dtype}"
        library = jit.load(what, self.machine, ("forward", "inverse", "multiply"), lambda: emit_transform(self))
        array = ctypes.py_object
        return tuple(library.function(name, None, *[array] * count)
                     for name, count in (("forward", 4), ("inverse", 4), ("multiply", 3)))

    @cached_property
    def _roots(self) -> tuple[Any, Any]:
        first = _shared_twiddles(self.rows, self.dtype)
        return first, _shared_twiddles(self.columns, self.dtype) if len(self.lengths) == 2 else first

    def forward(self, planes: Any, spectrum: Any) -> None:
        """Transform ``planes``, which are overwritten, into ``spectrum``."""
        self._functions[0](planes, spectrum, *self._roots)

    def inverse(self, spectrum: Any, planes: Any) -> None:
        """Transform back, without the factor `scale`; ``spectrum`` is overwritten."""
        self._functions[1](planes, spectrum, *self._roots)

    def multiply(self, spectrum: Any, kernel: Any, total: Any) -> None:
        """Add the product of two spectra to ``total``, the second one conjugated."""
        self._functions[2](spectrum, kernel, total)


@lru_cache(maxsize=32)
def _shared_twiddles(length: int, dtype: str) -> np.ndarray:
    return twiddles(length, dtype)


def is_generated(lengths: tuple[int, ...]) -> bool:
    """Whether tiles of these lengths have a generated transform."""
    return len(lengths) <= 2 and all(SMALLEST <= n <= LARGEST and n & (n - 1) == 0 for n in lengths)
