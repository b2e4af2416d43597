"""Facts of a tile as a line: its samples as the rows of a rectangle, and how its spectrum lies in memory.

A tile of any number of axes is correlated as the line of its samples, with the kernel's taps as far apart as they are
in the tile: those outputs that the tile holds wholly reach no further than its end.

Sample ``n = row * columns + column``.  Its columns are transformed first, as many at a time as a vector has lanes
(a *strip*); frequency ``u`` of column ``c`` is multiplied by ``exp(-2 pi i u c / N)``; then the rows are transformed,
``lanes`` frequencies side by side (a *band*, which has a row for each column of the rectangle).  This is the
transform of all ``N`` samples (Bailey, "FFTs in external or hierarchical memory", 1990), in an order that does not
matter, for spectra are only multiplied with each other.

A real tile of ``2 N`` samples is transformed as ``N`` complex ones: its second half is the imaginary part, and sample
``n`` is turned by ``exp(pi i n / 2 N)`` first (the "right-angle" transform; Crandall and Pomerance, "Prime Numbers",
section 9.5).  That is the tile as a polynomial modulo ``t**N - i``; the conjugate one, modulo ``t**N + i``, need not be
known.  So spectra are multiplied as they are, no halves are told apart, and what wraps changes its sign.  The turn of a
column is part of the roots between both transforms, that of a row is applied as its samples are read and written.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import isqrt

import numpy as np

from ...lazy import cached_property
from ...machine import Machine
from .code import Numbers
from .columns import positions, radices, twiddles

SIDE = 16
"""Extents of the rectangle are multiples of the lanes of any machine."""
SMALLEST, LARGEST = SIDE**2, 1 << 24
ODD = (1, 3, 5)


@dataclass(frozen=True)
class Line(Numbers):
    """Length of the transform and dtype of its parts, on a machine; whether tiles are real, and so twice as long."""

    length: int
    dtype: str
    machine: Machine
    is_real: bool = False

    @property
    def rows(self) -> int:
        """Rows of the rectangle."""
        return sides(self.length)[0]

    @property
    def columns(self) -> int:
        """Columns of the rectangle."""
        return sides(self.length)[1]

    @property
    def bands(self) -> int:
        """How many bands a spectrum has."""
        return self.rows // self.lanes

    @property
    def band_bytes(self) -> int:
        """From one band to the next: off the powers of two, so that bands do not share their cache sets."""
        return (self.columns + self.lanes) * self.row_bytes

    @property
    def spectrum_bytes(self) -> int:
        """The spectrum of one tile, or of one kernel."""
        return self.bands * self.band_bytes

    @property
    def strip_bytes(self) -> int:
        """Memory in which a strip is transformed."""
        return self.rows * self.row_bytes

    @property
    def samples_bytes(self) -> int:
        """The real or the imaginary parts of one tile, or half of a real one."""
        return self.length * self.size

    def splits(self, axis: int) -> tuple[int, ...]:
        """Radices of the transforms along an axis of the rectangle."""
        return radices((self.rows, self.columns)[axis], self.machine.registers)

    @cached_property
    def turns(self) -> np.ndarray:
        """The roots between both transforms: [strip][row of the strip][real or imaginary part][lane]."""
        frequency = np.empty(self.rows, np.int64)
        frequency[positions(self.splits(0))] = np.arange(self.rows)
        column = np.arange(self.columns).reshape(-1, 1, self.lanes)
        quarters = (4 * frequency[:, None] - self.is_real) * column % (4 * self.length)
        angle = -np.pi / (2 * self.length) * quarters
        return np.stack([np.cos(angle), np.sin(angle)], axis=2).astype(self.dtype)

    def roots(self, axis: int) -> np.ndarray:
        """The roots of an axis's stages; behind those of the columns, a root for each row of a real tile."""
        stages = twiddles(self.splits(axis), self.dtype)
        if axis or not self.is_real:
            return stages
        angle = np.pi / (2 * self.rows) * np.arange(self.rows)
        return np.concatenate([stages, np.stack([np.cos(angle), np.sin(angle)], axis=1).ravel().astype(self.dtype)])

    @property
    def row_roots(self) -> int:
        """Bytes before the roots of rows."""
        return twiddles(self.splits(0), self.dtype).nbytes


@lru_cache(maxsize=256)
def sides(length: int) -> tuple[int, int]:
    """Rows and columns of the rectangle that holds so many samples, as near to a square as may be."""
    for rows in range(isqrt(length), SIDE - 1, -1):
        if length % rows == 0 and _is_side(rows) and _is_side(length // rows):
            return rows, length // rows
    raise ValueError(length)


def _is_side(extent: int) -> bool:
    return extent % SIDE == 0 and extent // (extent & -extent) in ODD


@lru_cache(maxsize=1)
def line_lengths() -> tuple[int, ...]:
    """All lengths of lines that have a generated transform: the products of two sides."""
    found = {SMALLEST * a * b << bit for a in ODD for b in ODD for bit in range(17)}
    return tuple(sorted(n for n in found if n <= LARGEST))

