"""Maxima of windows, with the place of each, and the gradient that goes back to that place.

The rule is torch's: taps in order, a later one wins if it is larger, and a NaN always wins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...compiler.emit import Operand, Value, constant, vector
from ...machine import Machine
from .frame import Writer
from .rows import (
    COLUMNS,
    DILATION,
    INDEX,
    LINES_STEP,
    OUT_WIDTH,
    PADDING,
    STRIDE,
    TAP_COUNT,
    Rows,
)

ABOVE, GRADIENT, PLACES, PLANES, PLANES_OF_ITEM, PLANE_BYTES, OUTPUTS = range(7)
"""Cells of the gradient; a plane has so many bytes and so many outputs."""
(PAIR_X, PAIR_OUT, PAIR_CODE, PAIR_ROWS, PAIR_ROWS_OF_ITEM, PAIR_ROWS_OF_PLANE, PAIR_PLANE_STEP, PAIR_WIDTH,
 PAIR_OUT_WIDTH) = range(9)
"""Cells of windows of 2x2; of the gradient, PAIR_X is what is written and PAIR_OUT what comes from above."""


def emit_maximum(mode: str, dtype: str, places: bool, machine: Machine) -> str:
    """Write the maxima; COLUMNS are the first columns inside, for windows where nothing exceeds minus infinity."""
    return _Maximum(dtype, machine, places=places).emit(mode)


def emit_gradient(dtype: str, machine: Machine) -> str:
    """Write the gradient, plane by plane."""
    return _Gradient(dtype, machine).emit()


def emit_pairs(dtype: str, places: bool, machine: Machine) -> str:
    """Write the maxima of 2x2 at stride 2; the place in a window goes to a byte."""
    return _Pairs(dtype, machine).emit_maximum(places)


def emit_pairs_gradient(dtype: str, machine: Machine) -> str:
    """Write their gradient; nothing is written outside the windows."""
    return _Pairs(dtype, machine).emit_gradient()


def _wins(writer: Writer, value: Value, best: Value) -> Value:
    f = writer.f
    return f.bits("or", f.compare("ogt", value, best), f.compare("uno", value, value))


class _Maximum(Rows):
    neutral = float("-inf")

    def __init__(self, dtype: str, machine: Machine, *, places: bool) -> None:
        super().__init__(dtype, machine)
        self.places = places

    def row(self) -> None:
        f = self.f
        if self.mode == "range":
            self.stretch(self.cell(OUT_WIDTH), self._gathered)
            return
        with f.loop(f.value(0), self.count) as loop:
            source = self.source_row(loop.index)
            self.to_lines(f.at(self.scratch, f.mul(loop.index, self.cell(LINES_STEP))),
                          lambda count, place: self.masked_row(source, count, place))
        self.stretch(self.cell(OUT_WIDTH), self._regular)

    def _regular(self, index: Operand, mask: Value | None) -> None:
        """Outputs side by side whose taps stand side by side in the lines."""
        f = self.f
        start = f.sub(f.mul(index, self.cell(STRIDE)), self.cell(PADDING))
        lanes = f.bits("mul", self.iota(), self.whole_number(self.cell(STRIDE)))
        lanes = f.bits("add", lanes, self.whole_number(start))

        def tap(row: Value, number: Value) -> tuple[Value, Value]:
            lines = f.at(self.scratch, f.mul(row, self.cell(LINES_STEP)))
            value = self.load(self.place(f.at(lines, self.tap(number)), index))
            return value, f.bits("add", lanes, self.whole_number(f.mul(number, self.cell(DILATION))))

        self._best(index, mask, tap)

    def _gathered(self, index: Operand, mask: Value | None) -> None:
        """Outputs side by side, each with a range of its own."""
        low, high = self.ranges(index, mask)

        def tap(row: Value, number: Value) -> tuple[Value, Value]:
            places, inside = self.in_range(number, low, high)
            return self.gather(self.source_row(row), places, inside, self.neutral), places

        self._best(index, mask, tap)

    def _offset(self, row: Operand) -> Value:
        """The number of a row's first element in its plane."""
        return self.whole_number(self.f.div(self.f.load("i64", self.entry_of(row), align=8), self.size))

    def _best(self, index: Operand, mask: Value | None, tap_of: Callable[[Value, Value], tuple[Value, Value]]) -> None:
        """Go through all taps of a vector of outputs; ``tap_of`` gives values and their columns."""
        f = self.f
        state = [constant(self.kind, self.neutral)]
        if self.places:
            first = self.load(self.place(self.pointer(COLUMNS), index, 4), mask, ir="i32")
            state.append(f.bits("add", first, self._offset(0)))
        with f.loop(f.value(0), self.count, carry=state) as row:
            with f.loop(f.value(0), self.cell(TAP_COUNT), carry=row.carried) as tap:
                value, columns = tap_of(row.index, tap.index)
                wins = _wins(self, value, tap.carried[0])
                new = [f.select(wins, value, tap.carried[0])]
                if self.places:
                    here = f.bits("add", columns, self._offset(row.index))
                    new.append(f.select(wins, here, tap.carried[1]))
                tap.carry(new)
            row.carry(tap.results or [])
        assert row.results is not None
        self.store(row.results[0], self.place(self.out, index), mask)
        if self.places:
            self.store(row.results[1], self.place(self.pointer(INDEX), f.add(self.start, index), 4), mask)


class _Gradient(Writer):
    def emit(self) -> str:
        """One item after the other: planes are cleared, then every output adds to its place."""
        f = self.begin_work(self.module)
        first, outputs = self.whole(f.mul(self.item, self.cell(PLANES_OF_ITEM))), self.cell(OUTPUTS)
        with f.loop(first, f.smaller(f.add(first, self.cell(PLANES_OF_ITEM)), self.cell(PLANES))) as plane:
            target = f.at(self.pointer(GRADIENT), f.mul(plane.index, self.cell(PLANE_BYTES)))
            zero = constant(self.kind, 0.0)
            self.stretch(f.div(self.cell(PLANE_BYTES), self.size),
                         lambda index, mask: self.store(zero, self.place(target, index), mask))
            start = f.mul(plane.index, outputs)
            with f.loop(f.value(0), outputs) as loop:
                number = f.add(start, loop.index)
                at = f.load("i32", self.place(self.pointer(PLACES), number, 4), align=4)
                place = self.place(target, f.cast("zext", at, "i64"))
                above = f.load(self.element.ir, self.place(self.pointer(ABOVE), number), align=self.size)
                f.store(self.sum(f.load(above.type, place, align=self.size), above), place, align=self.size)
        f.finish()
        return self.finish()


class _Pairs(Writer):
    def _begin(self) -> tuple[Operand, Operand]:
        f = self.begin_work(self.module)
        first = self.whole(f.mul(self.item, self.cell(PAIR_ROWS_OF_ITEM)))
        return first, f.smaller(f.add(first, self.cell(PAIR_ROWS_OF_ITEM)), self.cell(PAIR_ROWS))

    def _places(self, row: Value) -> tuple[list[Value], Value, Value]:
        """Both long rows, the short one and the bytes of a row of windows."""
        f, of_plane = self.f, self.cell(PAIR_ROWS_OF_PLANE)
        plane = f.mul(f.div(row, of_plane), self.cell(PAIR_PLANE_STEP))
        line = f.mul(self.cell(PAIR_WIDTH), self.size)
        upper = f.at(self.pointer(PAIR_X), f.add(plane, f.mul(f.mul(f.rem(row, of_plane), 2), line)))
        start = f.mul(row, self.cell(PAIR_OUT_WIDTH))
        return ([upper, f.at(upper, line)], self.place(self.pointer(PAIR_OUT), start),
                f.at(self.pointer(PAIR_CODE), start))

    def _masks(self, index: Operand, mask: Value | None) -> Sequence[Value | None]:
        """Those of the two vectors that belong to one of windows."""
        if mask is None:
            return None, None
        f = self.f
        count = f.mul(f.sub(self.cell(PAIR_OUT_WIDTH), index), 2)
        return self.mask(count), self.mask(f.sub(count, self.lanes))

    def emit_maximum(self, places: bool) -> str:
        """Rows of windows: both rows are parted into even and odd elements."""
        bounds = self._begin()
        f, bytes_ = self.f, vector("i8", self.lanes)
        with f.loop(*bounds) as loop:
            rows, out, codes = self._places(loop.index)

            def body(index: Operand, mask: Value | None) -> None:
                taps = []
                for row in rows:
                    low, high = (self.load(self.place(row, f.add(f.mul(index, 2), half * self.lanes)), one)
                                 for half, one in enumerate(self._masks(index, mask)))
                    taps += [f.shuffle(low, high, range(parity, 2 * self.lanes, 2)) for parity in range(2)]
                best, code = taps[0], constant(bytes_, 0)
                for number, value in enumerate(taps[1:], 1):
                    wins = _wins(self, value, best)
                    best = f.select(wins, value, best)
                    code = f.select(wins, constant(bytes_, number), code) if places else code
                self.store(best, self.place(out, index), mask)
                if places:
                    self.store(code, self.place(codes, index, 1), mask)

            self.stretch(self.cell(PAIR_OUT_WIDTH), body)
        f.finish()
        return self.finish()

    def emit_gradient(self) -> str:
        """Rows of windows: what comes from above goes to one of four, zeros to the others."""
        bounds = self._begin()
        f = self.f
        with f.loop(*bounds) as loop:
            rows, out, codes = self._places(loop.index)

            def body(index: Operand, mask: Value | None) -> None:
                above = self.load(self.place(out, index), mask)
                code = self.load(self.place(codes, index, 1), mask, ir="i8")
                zero, masks = constant(self.kind, 0.0), self._masks(index, mask)
                for number, row in enumerate(rows):
                    parts = [f.select(f.compare("eq", code, constant(code.type, 2 * number + parity)), above, zero)
                             for parity in range(2)]
                    for half, one in enumerate(masks):
                        start = half * self.lanes
                        lanes = [lane // 2 + (lane % 2) * self.lanes for lane in range(start, start + self.lanes)]
                        value = f.shuffle(parts[0], parts[1], lanes)
                        self.store(value, self.place(row, f.add(f.mul(index, 2), start)), one)

            self.stretch(self.cell(PAIR_OUT_WIDTH), body)
        f.finish()
        return self.finish()
