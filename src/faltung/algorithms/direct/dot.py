"""A register tile that multiplies four neighbouring 8-bit taps at once, for x86's `vpdpbusd`.

The packed image stays in bytes.  One permutation lays the four bytes that belong to each output into its
32-bit lane; the kernel's row is padded with zeros to a multiple of four taps.
"""

from __future__ import annotations

from ...compiler.emit import Value, vector
from .pixels import PixelTile

LOADED = 32
"""Bytes that are loaded for one vector: 16 outputs and the positions behind them that four taps reach."""


class DotTile(PixelTile):
    """The same tile as by pixels, with one dot product of four taps in place of a multiply-add."""

    def _pixels(self, image: Value, row: int, v: int) -> list[Value]:
        f, lanes = self.f, self.frame.lanes
        raw = f.load(vector("i8", LOADED), f.at(image, row * self.row_bytes + v * lanes))
        apart = self.frame.recipe.dot_step
        spread = f.shuffle(raw, None, [lane + tap * apart for lane in range(lanes) for tap in range(4)])
        return [f.reinterpret(spread, self.kind)]

    def _accumulate(self, sums: list[Value], at: int, x: list[Value], k: list[Value]) -> None:
        sums[at] = self.f.call("llvm.x86.avx512.vpdpbusd.512", self.kind, sums[at], x[0], k[0])
