"""Outputs of a transposed layer: the phases of a row are woven, and stored line by line of pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...compiler.emit import Value
from ..direct.output import Writer
from ..winograd.lanes import woven
from .pack import below

if TYPE_CHECKING:
    from .tile import Tile


class _Piece(NamedTuple):
    """Where a woven vector goes: its first numbers to the end of a line, the others to the beginning of the next."""

    whole: Value
    first: Value
    own: Value
    second: Value


class Weaver:
    """Finishes and stores the sums of a tile."""

    def __init__(self, tile: Tile) -> None:
        self.tile, self.f, self.frame, self.size = tile, tile.f, tile.frame, tile.size

    def write(self, sums: list[Value], outs: list[Value]) -> None:
        """Add the bias, apply the activation, weave and store; as many rows as are woven have the same place."""
        f, fr, width, count = self.f, self.frame, self.tile.width, self.frame.woven
        writer, lines = Writer(f, fr), []
        for row in range(0, len(outs), count):
            finished = []
            for phase in range(row, row + count):
                bias = [self.tile.bias(phase, by_column=False)] if fr.problem.bias else None
                finished.append([writer.finish([sums[phase * width + v]], bias)[0] for v in range(width)])
            lines.append([value for v in range(width) for value in woven(f, [phase[v] for phase in finished])])
        for k in range(width * count):
            piece = self._piece(k)
            with f.when(piece.whole):
                for line, out in zip(lines, outs[::count], strict=True):
                    f.store(line[k], f.at(out, piece.first), align=self.size)
            with f.unless(piece.whole):
                others = f.bits("xor", piece.own, Value(piece.own.type, "splat (i1 true)"))
                for line, out in zip(lines, outs[::count], strict=True):
                    f.masked_store(line[k], f.at(out, piece.first), piece.own, align=self.size)
                    f.masked_store(line[k], f.at(out, piece.second), others, align=self.size)

    def _piece(self, k: int) -> _Piece:
        f, fr, count = self.f, self.frame, self.frame.woven
        row = fr.problem.output[-1]
        column = f.add(self.tile.of["column"], k * fr.lanes // count)
        line, place = f.div(column, row), f.add(f.mul(f.rem(column, row), count), k * fr.lanes % count)
        own = f.smaller(f.sub(row * count, place), fr.lanes)
        following = f.smaller(f.add(line, 1), fr.matrices.columns // row - 1)
        lines = self.tile.of["lines"]
        first, second = (f.load("i64", f.at(lines, f.mul(each, 8)), align=8) for each in (line, following))
        return _Piece(f.compare("eq", own, fr.lanes), f.value(f.add(first, f.mul(place, self.size))),
                      below(f, own, fr.lanes), f.value(f.sub(second, f.mul(own, self.size))))
