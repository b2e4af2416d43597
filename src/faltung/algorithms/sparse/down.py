"""Tiles that read an image where it lies and run down its rows, as those of `direct` do, under some of the taps.

A tap that is zero takes no NaN away, so all that a tile looks at is watched.  If something is not finite, the program
says so, as of an integer that does not fit, and another computes all outputs anew, from packed blocks.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...compiler.emit import Module, Operand, Value, constant
from ..direct.frame import Frame
from ..direct.pack import Packer
from ..direct.program import FLAG, Work, emit_entry
from ..direct.rows import RowTileInPlace, emit_row_tiles
from .frame import SparseFrame
from .program import is_odd


def emit_down(frame: SparseFrame) -> str:
    """Write the IR of ``entry`` and all that it needs."""
    module = Module()
    emit_row_tiles(frame, module, DownTile)
    DownWork(frame, module, Packer(frame, module)).emit()
    emit_entry(frame, module)
    return module.text()


class DownTile(RowTileInPlace):
    """Writes the same function as its parent, which returns whether it met what is not finite, or an overflow."""

    watched: Value | None = None
    """What is NaN where a sample was not finite, as far as the code is written."""

    def __init__(self, frame: Frame, module: Module, column: int | None) -> None:
        super().__init__(frame, module, column)
        assert isinstance(frame, SparseFrame)
        columns = frame.problem.kernel[-1]
        # one chain, so that the sums have the order of those in packed blocks
        self.chains, self.watches = 1, frame.watches
        self.numbers = {divmod(tap, columns): number for number, tap in enumerate(frame.pattern)}

    def _first_state(self) -> list[Value]:
        return [*super()._first_state(), *([constant(self.kind, 0)] if self.watches else [])]

    def _advance(self, step: Operand, youngest: int, state: Sequence[Value]) -> list[Value]:
        if not self.watches:
            return super()._advance(step, youngest, state)
        overflowed, self.watched, *sums = state
        overflowed, *sums = super()._advance(step, youngest, [overflowed, *sums])
        return [overflowed, self.watched, *sums]

    def _load(self, line: Value, number: int) -> Value:
        pixels = super()._load(line, number)
        if self.watched is not None:
            self.watched = self.f.fma(pixels, constant(self.kind, 0), self.watched)
        return pixels

    def _finish(self, state: list[Value]) -> None:
        f, told = self.f, state[0]
        if self.watches:
            told = f.bits("or", told, f.cast("zext", is_odd(f, state[1]), "i64"))
        f.finish(told)


class DownWork(Work):
    """Writes ``work(context, item, slot)``: what a tile has met is noted, whatever becomes of overflows."""

    def _note(self, overflowed: Value) -> None:
        fr = self.frame
        assert isinstance(fr, SparseFrame)
        if not fr.watches:
            super()._note(overflowed)
            return
        with self.f.when(self.f.compare("ne", overflowed, 0)):
            self.fill([(FLAG, 1)])
