"""Bring a panel of columns into order: for each term, all columns of the panel side by side."""

from __future__ import annotations

from ...compiler.emit import Function, Module, Operand, Value, vector
from ...compiler.values import lanes_mask
from ..winograd.lanes import apart, turned
from .frame import Frame


def emit_pack(frame: Frame, module: Module, width: int) -> None:
    """Write ``pack.WIDTH(source, target, lines, step, outer, inner)``, for so many stretches of so many terms.

    Where columns lie side by side, terms are ``step`` bytes apart; where rows of them do, ``lines`` holds how far each
    row lies from the first one, and ``start`` is the first column.  Else ``lines`` holds how far each column lies from
    the first one, and stretches are ``step`` bytes apart.
    """
    parameters = [*(("ptr", name) for name in ("source", "target", "lines")),
                  *(("i64", name) for name in ("start", "step", "outer", "inner"))]
    f = module.function(f"pack.{width}", "void", parameters)
    (_Turned if frame.turns_columns else _ByRows if frame.by_rows else _Copied)(f, frame, width).emit()
    f.finish()


def emit_order(frame: Frame, module: Module) -> None:
    """Write ``order(source, target, step)``: blocks of a group's kernel whose channels out lie side by side."""
    f = module.function("order", "void", [("ptr", "source"), ("ptr", "target"), ("i64", "step")], internal=False)
    source, target, step = f.arguments
    width, starts = frame.kernel_blocks
    size, terms = frame.element.size, frame.matrices.terms
    table = module.table(starts)
    with f.loop(0, len(starts)) as block:
        here = f.at(source, f.mul(f.load("i64", f.at(table, f.mul(block.index, 8)), align=8), size))
        there = f.at(target, f.mul(block.index, terms * width * size))
        with f.loop(0, terms, carry=[here, there]) as term:
            here, there = term.carried
            first = 0
            while first < width:
                lanes = min(frame.lanes, 1 << (width - first).bit_length() - 1)
                kind = vector(frame.element.ir, lanes)
                value = f.load(kind, f.at(here, first * size), align=size)
                f.store(value, f.at(there, first * size), align=size)
                first += lanes
            term.carry([f.at(here, step), f.at(there, width * size)])
    f.finish()


class _Copied:
    def __init__(self, f: Function, frame: Frame, width: int) -> None:
        self.f, self.frame, self.width = f, frame, width
        self.source, self.target, self.lines, self.start, self.step, self.outer, self.inner = f.arguments
        self.size, self.pitch_bytes = frame.element.size, frame.pitch * frame.element.size
        self.vector_bytes = frame.recipe.vector_bytes
        self.kind = vector(frame.element.ir, frame.lanes)

    def emit(self) -> None:
        """Copy by whole vectors; there are no numbers behind the last column."""
        f = self.f
        with f.loop(0, self.inner, carry=[self.source, self.target]) as loop:
            source, target = loop.carried
            for v in range(self.width):
                value = self._load(f.at(source, v * self.vector_bytes), v)
                f.store(value, f.at(target, v * self.vector_bytes), align=self.size)
            loop.carry([f.at(source, self.step), f.at(target, self.pitch_bytes)])

    def _load(self, place: Value, v: int) -> Value:
        fr = self.frame
        there = fr.matrices.columns - v * fr.lanes
        if fr.columns_cut and there < fr.lanes:
            mask = lanes_mask([lane < there for lane in range(fr.lanes)])
            return self.f.masked_load(self.kind, place, mask, align=self.size)
        return self.f.load(self.kind, place, align=self.size)


class _ByRows(_Copied):
    def emit(self) -> None:
        """Copy one row after the other, of each as many columns as a vector holds, for all terms."""
        f, fr = self.f, self.frame
        all_columns = min(self.width * fr.lanes, fr.matrices.columns)
        row_columns, stride = fr.problem.output[-1], fr.problem.stride[-1]
        cell = f.alloca(8)
        f.store(0, cell, align=8)
        with f.forever() as done:
            done_columns = f.load("i64", cell, align=8)
            f.leave(f.compare("sge", done_columns, all_columns), done)
            column = f.add(self.start, done_columns)
            row, place = f.div(column, row_columns), f.rem(column, row_columns)
            here = f.at(self.source, f.load("i64", f.at(self.lines, f.mul(row, 8)), align=8))
            here = f.at(here, f.mul(place, stride * self.size))
            count = f.smaller(f.smaller(f.sub(row_columns, place), f.sub(all_columns, done_columns)), fr.lanes)
            self._columns(here, f.at(self.target, f.mul(done_columns, self.size)), count, stride)
            f.store(f.add(done_columns, count), cell, align=8)

    def _columns(self, source: Value, target: Value, count: Operand, stride: int) -> None:
        """So many columns of a row, for all terms: vectors of neighbours, of which every so-manyth number is wanted."""
        f, lanes = self.f, self.frame.lanes
        seen = f.add(f.mul(f.sub(count, 1), stride), 1)
        there = [below(f, f.sub(seen, v * lanes), lanes) for v in range(stride)]
        stored = below(f, count, lanes)
        with f.loop(0, self.inner, carry=[source, target]) as loop:
            here, to = loop.carried
            values = [f.masked_load(self.kind, f.at(here, v * self.vector_bytes), mask, align=self.size)
                      for v, mask in enumerate(there)]
            f.masked_store(apart(f, values)[0], to, stored, align=self.size)
            loop.carry([f.at(here, self.step), f.at(to, self.pitch_bytes)])


class _Turned(_Copied):
    def emit(self) -> None:
        """Transpose squares in registers; the last one of a stretch is moved back."""
        f, lanes = self.f, self.frame.lanes
        stretch_bytes = f.mul(self.inner, self.pitch_bytes)
        (_, inner), m = self.frame.stretches, self.frame.matrices
        shortest = m.inner - (-(-m.inner // inner) - 1) * inner
        with f.loop(0, self.outer) as stretch:
            source = f.at(self.source, f.mul(stretch.index, self.step))
            target = f.at(self.target, f.mul(stretch.index, stretch_bytes))
            for v in range(self.width):
                lines = [f.load("i64", f.at(self.lines, 8 * (v * lanes + lane)), align=8) for lane in range(lanes)]
                rows, there = [f.at(source, line) for line in lines], f.at(target, v * self.vector_bytes)
                if shortest >= lanes:
                    with f.loop(0, self.inner, lanes) as term:
                        self._square(rows, there, f.smaller(term.index, f.sub(self.inner, lanes)))
                else:
                    with f.loop(0, self.inner) as term:
                        self._term(rows, there, term.index)

    def _square(self, rows: list[Value], target: Value, first: Operand) -> None:
        f = self.f
        offset = f.mul(first, self.size)
        values = [f.load(self.kind, f.at(row, offset), align=self.size) for row in rows]
        target = f.at(target, f.mul(first, self.pitch_bytes))
        for term, value in enumerate(turned(f, values)):
            f.store(value, f.at(target, term * self.pitch_bytes), align=self.size)

    def _term(self, rows: list[Value], target: Value, term: Operand) -> None:
        f, offset = self.f, self.f.mul(term, self.size)
        target = f.at(target, f.mul(term, self.pitch_bytes))
        for lane, row in enumerate(rows):
            number = f.load(self.frame.element.ir, f.at(row, offset), align=self.size)
            f.store(number, f.at(target, lane * self.size), align=self.size)


def below(f: Function, count: Operand, lanes: int) -> Value:
    """Whether a lane is one of the first so many."""
    numbers = Value(vector("i64", lanes), f"<{', '.join(f'i64 {lane}' for lane in range(lanes))}>")
    return f.compare("slt", numbers, f.splat(f.value(count), lanes))
