"""Averages of windows, and their adjoint: sums down the rows first, then along the line.

The error of a window of ``R`` rows and ``C`` columns grows with ``R + C``, not with ``R C``.
"""

from __future__ import annotations

from ...compiler.emit import Function, Loop, Operand, Value, constant
from ...machine import Machine
from .rows import (
    COLUMNS,
    COUNT_EVEN,
    COUNT_ODD,
    FIRST_EVEN,
    FIRST_ODD,
    OUT_WIDTH,
    TAP_COUNT,
    WIDTH,
    Rows,
)
from .sums import Summing

MEAN_X, MEAN_OUT, PLANES, PLANES_OF_ITEM, PLANE, PLANE_SIZE = range(6)
"""Cells of the means over whole planes; PLANE_SIZE is PLANE as a float64."""


def emit_average(mode: str, dtype: str, machine: Machine) -> str:
    """Write the averages; COLUMNS are the divisors of the output's columns."""
    return _Average(dtype, machine, adjoint=False).emit(mode)


def emit_adjoint(mode: str, dtype: str, machine: Machine) -> str:
    """Write the adjoint: rows of the source are gradients, COLUMNS the divisors of the source's columns."""
    return _Average(dtype, machine, adjoint=True).emit(mode)


def emit_mean(dtype: str, machine: Machine) -> str:
    """Write the mean of each plane, summed as in `sums`."""
    return _Mean(dtype, machine).emit_mean()


def emit_mean_adjoint(dtype: str, machine: Machine) -> str:
    """Write the gradient of each plane: the same everywhere."""
    return _Mean(dtype, machine).emit_adjoint()


class _Average(Rows):
    def __init__(self, dtype: str, machine: Machine, *, adjoint: bool) -> None:
        super().__init__(dtype, machine)
        self.adjoint = adjoint

    def row_or_copy(self, first: Value) -> None:
        f = self.f
        if not self.adjoint:
            self.row()
            return
        same = f.compare("ne", f.load("i64", f.at(self.table, 16), align=8), 0)
        same = f.bits("and", same, f.compare("sgt", self.row_number, first))
        with f.when(same):
            width = self.cell(OUT_WIDTH)
            before = f.at(self.out, f.mul(f.sub(0, width), self.size))
            self.stretch(width, lambda index, mask: self.store(self.load(self.place(before, index), mask),
                                                               self.place(self.out, index), mask))
        with f.unless(same):
            self.row()

    def row(self) -> None:
        self.to_lines(self.scratch, self._summed)
        {"unit": self._taps, "pair": self._taps, "spread": self._spread, "range": self._range}[self.mode]()

    def _summed(self, count: int, place: Operand) -> list[Value]:
        """Sums down the rows."""
        f = self.f
        with f.loop(f.value(0), self.count, carry=[constant(self.kind, 0.0)] * count) as loop:
            found = self.masked_row(self.source_row(loop.index), count, place)
            if self.adjoint:
                found = [self._divided(one, loop.index, f.add(place, number * self.lanes))
                         for number, one in enumerate(found)]
            loop.carry([self.sum(old, new) for old, new in zip(loop.carried, found, strict=True)])
        assert loop.results is not None
        return loop.results

    def _divided(self, value: Value, number: Operand, place: Operand) -> Value:
        f = self.f
        mask = self.mask(f.sub(self.cell(WIDTH), place))
        columns = self.load(self.place(self.pointer(COLUMNS), place), mask, 1.0)
        rows = self.spread(self.divisor(f.at(self.entry_of(number), 8)))
        return self.over(value, self.product(rows, columns))

    def _taps(self) -> None:
        f = self.f

        def body(index: Operand, mask: Value | None) -> None:
            with f.loop(f.value(0), self.cell(TAP_COUNT), carry=[constant(self.kind, 0.0)]) as loop:
                place = f.at(self.scratch, self.tap(loop.index))
                loop.carry([self.sum(loop.carried[0], self.load(self.place(place, index)))])
            self._finish(loop, index, mask)

        self.stretch(self.cell(OUT_WIDTH), body)

    def _range(self) -> None:
        f = self.f

        def body(index: Operand, mask: Value | None) -> None:
            low, high = self.ranges(index, mask)
            with f.loop(f.value(0), self.cell(TAP_COUNT), carry=[constant(self.kind, 0.0)]) as loop:
                places, inside = self.in_range(loop.index, low, high)
                loop.carry([self.sum(loop.carried[0], self.gather(self.scratch, places, inside, 0.0))])
            self._finish(loop, index, mask)

        self.stretch(self.cell(OUT_WIDTH), body)

    def _finish(self, loop: Loop, index: Operand, mask: Value | None) -> None:
        """Store a vector of sums, or of averages."""
        assert loop.results is not None
        total = loop.results[0]
        if not self.adjoint:
            columns = self.load(self.place(self.pointer(COLUMNS), index), mask, 1.0)
            total = self.over(total, self.product(self.spread(self.divisor(self.f.at(self.table, 8))), columns))
        self.store(total, self.place(self.out, index), mask)

    def _spread(self) -> None:
        """The adjoint of stride 2: even and odd places see different taps."""
        f, width = self.f, self.cell(OUT_WIDTH)
        with f.loop(f.value(0), width, 2 * self.lanes) as loop:
            parts = []
            for first, count in ((FIRST_EVEN, COUNT_EVEN), (FIRST_ODD, COUNT_ODD)):
                base = f.at(self.scratch, self.cell(first))
                with f.loop(f.value(0), self.cell(count), carry=[constant(self.kind, 0.0)]) as tap:
                    place = f.add(f.div(loop.index, 2), tap.index)
                    tap.carry([self.sum(tap.carried[0], self.load(self.place(base, place)))])
                assert tap.results is not None
                parts.append(tap.results[0])
            for half in range(2):
                first_lane = half * self.lanes
                lanes = [lane // 2 + (lane % 2) * self.lanes for lane in range(first_lane, first_lane + self.lanes)]
                at = f.add(loop.index, first_lane)
                value = f.shuffle(parts[0], parts[1], lanes)
                self.store(value, self.place(self.out, at), self.mask(f.sub(width, at)))


class _Mean(Summing):
    def emit_mean(self) -> str:
        f = self._begin()
        with f.loop(*self.planes) as loop:
            base = self.place(self.pointer(MEAN_X), f.mul(loop.index, self.cell(PLANE)))
            state = self.reduce(self.cell(PLANE), self.zeros(1), lambda index, mask: [
                self.load(self.place(base, index), mask)])
            mean = self.over(self.totals(state)[0], self.double(PLANE_SIZE))
            if self.size == 4:
                mean = f.cast("fptrunc", mean, "float")
            f.store(mean, self.place(self.pointer(MEAN_OUT), loop.index), align=self.size)
        f.finish()
        return self.finish()

    def emit_adjoint(self) -> str:
        f = self._begin()
        with f.loop(*self.planes) as loop:
            above = f.load(self.element.ir, self.place(self.pointer(MEAN_X), loop.index), align=self.size)
            share = self.spread(self.over(above, self.number(PLANE_SIZE)))
            base = self.place(self.pointer(MEAN_OUT), f.mul(loop.index, self.cell(PLANE)))
            self.stretch(self.cell(PLANE), lambda index, mask: self.store(share, self.place(base, index), mask))
        f.finish()
        return self.finish()

    def _begin(self) -> Function:
        f = self.begin_work(self.module)
        first = self.whole(f.mul(self.item, self.cell(PLANES_OF_ITEM)))
        self.planes = first, f.smaller(f.add(first, self.cell(PLANES_OF_ITEM)), self.cell(PLANES))
        return f
