"""Pooling row by row: what maximum and average share.

An output row looks at a few rows of the source, which a table names; so the number of axes does not matter.  What it
reads goes to *lines* in the scratch first, with borders of a neutral value around, so that no tap ever asks whether it
is inside.  With stride 2 a row becomes two lines, of the even and of the odd places, so that neighbouring windows read
neighbouring elements; larger strides, and windows of unequal lengths, gather.
"""

from __future__ import annotations

from collections.abc import Callable

from ...compiler.emit import Operand, Value, constant
from .frame import Writer

(X, OUT, INDEX, ROWS, SCRATCH, PER_ITEM, TABLE, TABLE_STEP, ROWS_OF_PLANE, PLANE_STEP, WIDTH, OUT_WIDTH, SCRATCH_STEP,
 LINES_STEP, DEST_EVEN, DEST_ODD, TAPS, TAP_COUNT, COLUMNS, RANGES, DILATION, STRIDE, PADDING, FIRST_EVEN, COUNT_EVEN,
 FIRST_ODD, COUNT_ODD) = range(27)
"""Cells.  TABLE has for each output row of a plane: how many source rows, their divisor, whether the row before is the
same, then of each source row its place in bytes and the divisor of what stands there.  LINES_STEP is what the lines of
one source row take.  RANGES has 32-bit numbers, all first places and then all past-the-last ones; TAP_COUNT is the
longest range there."""
CELLS = 27
MODES = ("unit", "pair", "spread", "range")
"""Stride 1; stride 2; its adjoint; anything."""


class Rows(Writer):
    """A program whose items are blocks of output rows."""

    neutral = 0.0

    def emit(self, mode: str) -> str:
        """Write the program."""
        f = self.begin_work(self.module)
        self.mode = mode
        self.scratch = f.at(self.pointer(SCRATCH), f.mul(self.slot, self.cell(SCRATCH_STEP)))
        with f.loop(0, f.div(self.cell(SCRATCH_STEP), self.size * self.lanes)) as loop:
            self.store(constant(self.kind, self.neutral), self.place(self.scratch, loop.index, self.size * self.lanes))
        first = self.whole(f.mul(self.item, self.cell(PER_ITEM)))
        with f.loop(first, f.smaller(f.add(first, self.cell(PER_ITEM)), self.cell(ROWS))) as loop:
            self.row_number = loop.index
            plane = f.div(loop.index, self.cell(ROWS_OF_PLANE))
            self.source = f.at(self.pointer(X), f.mul(plane, self.cell(PLANE_STEP)))
            row = f.mul(f.rem(loop.index, self.cell(ROWS_OF_PLANE)), self.cell(TABLE_STEP))
            self.table = f.at(self.pointer(TABLE), row)
            self.count = f.load("i64", self.table, align=8)
            self.start = f.mul(loop.index, self.cell(OUT_WIDTH))
            self.out = self.place(self.pointer(OUT), self.start)
            self.row_or_copy(first)
        f.finish()
        return self.finish()

    def row_or_copy(self, first: Value) -> None:
        """Write one output row; a program whose rows are often the same copies the one before."""
        self.row()

    def row(self) -> None:
        """Write one output row."""
        raise NotImplementedError

    def entry_of(self, number: Operand) -> Value:
        """Address of what the table says of a source row."""
        return self.f.at(self.table, self.f.add(self.f.mul(number, 16), 24))

    def source_row(self, number: Operand) -> Value:
        """Address of a source row."""
        return self.f.at(self.source, self.f.load("i64", self.entry_of(number), align=8))

    def divisor(self, place: Value) -> Value:
        """A float64 of the table in the program's dtype."""
        wide = self.f.load("double", place, align=8)
        return wide if self.size == 8 else self.f.cast("fptrunc", wide, "float")

    def to_lines(self, lines: Value, vectors: Callable[[int, Operand], list[Value]]) -> None:
        """Fill the lines of a row; ``vectors(n, place)`` gives ``n`` vectors from a place of the row on."""
        f, width = self.f, self.cell(WIDTH)
        even = f.at(lines, self.cell(DEST_EVEN))
        if self.mode != "pair":
            with f.loop(f.value(0), width, self.lanes) as loop:
                self.store(vectors(1, loop.index)[0], self.place(even, loop.index))
            return
        odd = f.at(lines, self.cell(DEST_ODD))
        with f.loop(f.value(0), width, 2 * self.lanes) as loop:
            low, high = vectors(2, loop.index)
            half = f.div(loop.index, 2)
            for parity, place in enumerate((even, odd)):
                picked = f.shuffle(low, high, range(parity, 2 * self.lanes, 2))
                self.store(picked, self.place(place, half))

    def masked_row(self, row: Value, count: int, place: Operand) -> list[Value]:
        """So many vectors of a row, neutral behind its end."""
        f, found = self.f, []
        for number in range(count):
            at = f.add(place, number * self.lanes)
            found.append(self.load(self.place(row, at), self.mask(f.sub(self.cell(WIDTH), at)), self.neutral))
        return found

    def tap(self, number: Value) -> Value:
        """Where the lines hold a tap's first element, in bytes."""
        return self.f.load("i64", self.place(self.pointer(TAPS), number, 8), align=8)

    def ranges(self, index: Operand, mask: Value | None) -> tuple[Value, Value]:
        """First and past-the-last place that outputs look at."""
        lows = self.pointer(RANGES)
        highs = self.place(lows, self.cell(OUT_WIDTH), 4)
        low, high = (self.load(self.place(base, index, 4), mask, ir="i32") for base in (lows, highs))
        return low, high

    def in_range(self, tap: Value, low: Value, high: Value) -> tuple[Value, Value]:
        """The places of a tap, and which of them are in the range."""
        f = self.f
        places = f.bits("add", low, self.whole_number(f.mul(tap, self.cell(DILATION))))
        return places, f.compare("slt", places, high)
