"""Facts of a real tile with two axes: how its spectrum lies in memory.

Two real columns travel as the real and the imaginary part of a complex one, and are told apart afterwards:
the spectrum of real numbers is conjugate to itself, so half of the frequencies hold all.  Frequencies of
columns then stand in lanes, ``lanes`` of them in a *band*; a band has a row for each column of the tile, the
real parts and then the imaginary ones, and is transformed along the rows, in place.

Frequencies 0 and N/2 of a column are real: they share lane 0 of band 0, as real and imaginary part.  Of
their transforms ``P``, a product is ``Q[v] = P[v] conj(A[v]) + conj(P[-v]) conj(B[v])``, where ``A`` and ``B`` are
half the sum and half the difference of the kernel's two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...lazy import cached_property
from ...machine import Machine
from .code import Numbers
from .columns import positions, radices

SMALLEST, LARGEST = 32, 4096


@dataclass(frozen=True)
class Plane(Numbers):
    """Extents and dtype of a tile, on a machine."""

    lengths: tuple[int, int]
    dtype: str
    machine: Machine

    @property
    def pair(self) -> int:
        """Columns that travel together: a strip as real parts, and one as imaginary parts."""
        return 2 * self.lanes

    @property
    def bands(self) -> int:
        """How many bands a spectrum has."""
        return self.lengths[0] // self.pair

    @property
    def band_bytes(self) -> int:
        """From one band to the next: off the powers of two, so that bands do not share their cache sets."""
        return (self.lengths[1] + self.lanes) * self.row_bytes

    @property
    def spectrum_bytes(self) -> int:
        """The spectrum of one tile."""
        return self.bands * self.band_bytes

    @property
    def kernel_bytes(self) -> int:
        """The spectrum of one kernel: a tile's, and ``B`` of band 0 behind it."""
        return self.spectrum_bytes + self.band_bytes

    @property
    def strip_bytes(self) -> int:
        """Memory in which a strip is transformed."""
        return max(self.lengths) * self.row_bytes

    @property
    def scale(self) -> float:
        """What undoes the factors of all transforms; telling columns apart doubles image and kernel."""
        return 0.25 / (self.lengths[0] * self.lengths[1])

    def splits(self, axis: int) -> tuple[int, ...]:
        """Radices of the transforms along an axis."""
        return radices(self.lengths[axis], self.machine.registers)

    @cached_property
    def down(self) -> tuple[list[int], list[int]]:
        """Of frequencies below N/2 of a column: where each stands, and where its negative does (0: where N/2 does)."""
        at, half = positions(self.splits(0)), self.lengths[0] // 2
        behind = at[-np.arange(half)]
        behind[0] = at[half]
        return at[:half].tolist(), behind.tolist()

    @cached_property
    def across(self) -> np.ndarray:
        """For each row of a band, the row of the negative frequency."""
        at = positions(self.splits(1))
        found = np.empty_like(at)
        found[at] = at[-np.arange(len(at))]
        return found


def is_plane(lengths: tuple[int, ...]) -> bool:
    """Whether tiles of these lengths, if they are real, have a generated transform."""
    return len(lengths) == 2 and all(
        SMALLEST <= n <= LARGEST and n % SMALLEST == 0 and n // (n & -n) in (1, 3, 5) for n in lengths)
