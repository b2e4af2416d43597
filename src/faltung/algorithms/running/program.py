"""The whole program of running sums: the frame of `separable`, with tiles of rows that are never shifted back."""

from __future__ import annotations

from ...compiler.emit import Module, Operand, Value
from ..direct.borders import outside
from ..separable.program import emit_entry
from ..separable.work import STATUS, Columns, Work
from .frame import RunningFrame
from .passes import FewDown, RunningAcross, RunningDown
from .scans import ScanningAcross


def emit_program(frame: RunningFrame) -> str:
    """Write the IR of ``entry`` and all that it needs."""
    module = Module()
    down, work = (FewDown, FewWork) if frame.few else (RunningDown, RunningWork)
    down(frame, module).emit()
    (ScanningAcross if frame.scans else RunningAcross)(frame, module).emit()
    work(frame, module).emit()
    emit_entry(frame, module)
    return module.text()


class FewWork(Work):
    """A row's sums do not depend on its tile."""

    frame: RunningFrame

    def __init__(self, frame: RunningFrame, module: Module) -> None:
        super().__init__(frame, module)
        self.outside = outside(frame.widest)  # type: ignore[arg-type]

    def _tiles(self, image: Value, out: Value, taps: Value, bias: Value, columns: Columns) -> Value:
        if self.frame.whole is not None:
            shift = self.f.load("i64", self.pointer(STATUS), align=8)
            self.firsts = [self.f.add(self.firsts[0], shift)]
        return super()._tiles(image, out, taps, bias, columns)

    def _note(self, odd: Value) -> None:
        """Nothing: items are not computed anew."""

    def _spare(self) -> list[Value]:
        return [self.f.at(self.entries, self.frame.places[5]), self.width]

    def _starts(self, place: list[Operand]) -> list[Operand]:
        f, block, extent = self.f, self.frame.recipe.block[1], self.problem.output[1]
        starts = super()._starts(place)
        self.width = f.value(block)
        if self.frame.once:
            starts[1] = f.mul(place[1], block)
            self.width = f.value(f.smaller(f.sub(extent, starts[1]), block))
        return starts


class RunningWork(FewWork):
    """A row's sums depend on where its tile begins: so each row belongs to one tile, and the last may be smaller."""

    def _height(self, starts: list[Operand], place: list[Operand]) -> Operand:
        block, rows = self.frame.recipe.block[0], self.problem.output[0]
        starts[0] = self.f.mul(place[0], block)
        return self.f.smaller(self.f.sub(rows, starts[0]), block)

    def _rows_of_tiles(self, out: Value, taps: Value, bias: Value, columns: Columns, flags: Value) -> Value:
        f, rows = self.f, self.frame.recipe.rows
        with f.loop(0, f.value(self.height), rows, carry=[flags]) as loop:
            count = f.smaller(f.sub(self.height, loop.index), rows)
            loop.carry([self._tile(out, taps, bias, columns, loop.index, count, loop.carried[0])])
        assert loop.results is not None
        return loop.results[0]
