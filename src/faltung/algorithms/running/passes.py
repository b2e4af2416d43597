"""The two passes of running sums: down the rows of the image into lines, and along a line to the outputs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any, cast

from ...compiler.casts import widen
from ...compiler.emit import Function, Module, Operand, Value, constant, vector
from ..direct.output import Writer
from ..separable.frame import ENTRY_BYTES
from ..separable.passes import DownPass, fetch, not_finite
from ..separable.rounding import SmallWriter
from .frame import VECTORS, RunningFrame, doublings, sharing

Load = Callable[[Operand], list[Value]]
"""Vectors of a row of the image."""


class FewSum:
    """Sums of a few rows for each of a few outputs, all rows loaded once (see `separable.lines`)."""

    def __init__(self, f: Function, frame: RunningFrame) -> None:
        self.f, self.frame = f, frame

    def emit(self, load: Callable[[Operand, int], list[Value]], kind: str, vectors: int) -> list[list[Value]]:
        """Sums of each output; ``kind`` is the type of a vector."""
        p, outputs = self.frame.problem, range(self.frame.recipe.rows)
        sums, looking = [[constant(kind, -0.0)] * vectors for _ in outputs], dict[int, list[int]]()
        for output, tap in product(outputs, range(p.kernel[0])):
            looking.setdefault(output * p.stride[0] + tap * p.kernel_dilation[0], []).append(output)
        for position in sorted(looking):
            seen = load(0, position)
            for output in looking[position]:
                sums[output] = add_scaled(self.f, sums[output], seen, self.frame.scale)
        return sums


class FewDown(DownPass):
    """Writes ``down`` and ``down_one`` where few rows are summed."""

    def _line_sum(self, f: Function, taps: Value) -> Any:
        return FewSum(f, cast(RunningFrame, self.frame))


def add_scaled(f: Function, totals: list[Value], seen: list[Value], scale: float) -> list[Value]:
    """Add samples, times a power of two: the product is exact, and the sum rounded as if there were none."""
    if scale == 1.0:
        return [f.value(f.add(total, value)) for total, value in zip(totals, seen, strict=True)]
    factor = constant(seen[0].type, scale)
    return [f.fma(value, factor, total) for total, value in zip(totals, seen, strict=True)]


class RunningDown:
    """Writes ``down`` and ``down_one`` (see `separable.program`): sums of as many rows as the kernel has.

    Output ``r`` of ``R`` sums the rows ``r`` to ``r + m - 1``: those before row ``R - 1``, summed backwards from there
    (the *head*); those up to row ``m - 1``, which all outputs share; and those behind, summed as they come.  So an
    output costs three additions and its share of the common rows, and no sample is ever taken off again.
    (van Herk, "A fast algorithm for local minimum and maximum filters" (1992), has the same for minima.)
    Strided outputs add several rows each to head and tail; under a dilation, rows of several classes have nothing in
    common, and each class is summed by itself (see `frame.sharing`).
    """

    def __init__(self, frame: RunningFrame, module: Module) -> None:
        self.frame, self.module = frame, module

    def emit(self) -> None:
        """Write both functions."""
        names = ("low", "high", "first")
        f = self.module.function("down", "void", [("ptr", "entries"), ("ptr", "lines"),
                                                  *(("i64", name) for name in names), ("ptr", "taps"),
                                                  ("i64", "rows")])
        self._widest(f, [VECTORS, 1], *f.arguments)
        f.finish()
        self._emit_one()

    def _widest(self, f: Function, widths: list[int], entries: Value, lines: Value, low: Value, high: Value,
                first: Value, taps: Value, rows: Value) -> None:
        """As many vectors side by side as there is room for; single columns where there is none for any."""
        if not widths:
            with f.loop(low, high) as loop:
                place = f.sub(loop.index, first)
                f.call("down_one", "void", entries, lines, loop.index, place, taps, rows, local=True)
            return
        fr, (vectors, *others) = self.frame, widths
        lanes, size = fr.lanes, fr.source.itemsize
        enough = f.compare("sge", f.sub(high, low), vectors * lanes)
        with f.when(enough), f.loop(low, high, vectors * lanes) as loop:
            column = f.smaller(loop.index, f.sub(high, vectors * lanes))
            offset, kind = f.mul(column, size), vector(fr.source.ir, lanes)

            def row_at(position: Operand) -> Value:
                return f.at(f.load("ptr", f.at(entries, f.mul(position, ENTRY_BYTES)), align=8), offset)

            def load(position: Operand) -> list[Value]:
                row = row_at(position)
                return [widen(f, f.load(kind, f.at(row, number * lanes * size)), fr.source, fr.accumulator)
                        for number in range(vectors)]

            place = f.at(lines, f.mul(f.sub(column, first), fr.accumulator.size))
            self._sum(f, load, place, rows, vectors, lanes)
            if fr.rows_ahead:
                seen = f.add(f.mul(f.sub(rows, 1), fr.problem.stride[0]), fr.reach[0] + 1)
                with f.loop(seen, f.add(seen, fr.rows_ahead)) as ahead:
                    fetch(f, row_at(ahead.index), vectors * lanes * size)
        with f.unless(enough):
            self._widest(f, others, entries, lines, low, high, first, taps, rows)

    def _emit_one(self) -> None:
        f = self.module.function("down_one", "void", [("ptr", "entries"), ("ptr", "lines"), ("i64", "column"),
                                                      ("i64", "place"), ("ptr", "taps"), ("i64", "rows")])
        fr, (entries, lines, column, place, _, rows) = self.frame, f.arguments

        def load(position: Operand) -> list[Value]:
            entry = f.at(entries, f.mul(position, ENTRY_BYTES))
            row, step = f.load("ptr", f.at(entry, 8), align=8), f.load("i64", f.at(entry, 16), align=8)
            return [widen(f, f.load(fr.source.ir, f.at(row, f.mul(column, step))), fr.source, fr.accumulator)]

        self._sum(f, load, f.at(lines, f.mul(place, fr.accumulator.size)), rows, 1, 1)
        f.finish()

    def _sum(self, f: Function, load: Load, place: Value, rows: Value, vectors: int, lanes: int) -> None:
        p, (classes, _) = self.frame.problem, sharing(self.frame.problem)
        with f.loop(0, f.smaller(rows, classes)) as loop:
            count = f.div(f.add(f.sub(rows, loop.index), classes - 1), classes)
            begin = f.mul(loop.index, p.stride[0])

            def load_tap(tap: Operand) -> list[Value]:
                return load(f.add(begin, f.mul(tap, p.kernel_dilation[0])))

            def line(row: Operand, number: int) -> Value:
                there = f.add(f.mul(f.add(f.mul(row, classes), loop.index), self.frame.line_pitch), number * lanes)
                return f.at(place, f.mul(there, self.frame.accumulator.size))

            self._sum_class(f, load_tap, line, f.value(f.sub(count, 1)), [constant(
                vector(self.frame.accumulator.ir, lanes), -0.0)] * vectors)

    def _sum_class(self, f: Function, load: Load, line: Callable[[Operand, int], Value], last: Value,
                   zeros: list[Value]) -> None:
        """Sums of rows that have samples in common, up to the ``last`` of them."""
        fr, size = self.frame, self.frame.accumulator.size
        taps, step = fr.problem.kernel[0], sharing(fr.problem).taps

        def add(totals: list[Value], first: Operand, end: Operand) -> list[Value]:
            if step == 1:
                return add_scaled(f, totals, load(first), fr.scale)
            with f.loop(first, end, carry=totals) as more:
                more.carry(add_scaled(f, more.carried, load(more.index), fr.scale))
            assert more.results is not None
            return more.results

        with f.loop(0, last, carry=zeros) as loop:
            row = f.sub(f.sub(last, 1), loop.index)
            heads = add(loop.carried, f.mul(row, step), f.mul(f.add(row, 1), step))
            for number, head in enumerate(heads):
                f.store(head, line(row, number), align=size)
            loop.carry(heads)
        with f.loop(f.mul(last, step), taps, carry=zeros) as loop:
            loop.carry(add_scaled(f, loop.carried, load(loop.index), fr.scale))
        assert loop.results is not None
        with f.loop(0, last, carry=loop.results) as loop:
            for number, total in enumerate(loop.carried):
                there = line(loop.index, number)
                f.store(f.add(f.load(zeros[0].type, there, align=size), total), there, align=size)
            first = f.add(f.mul(loop.index, step), taps)
            loop.carry(add(loop.carried, first, f.add(first, step)))
        assert loop.results is not None
        for number, total in enumerate(loop.results):
            f.store(total, line(last, number), align=size)


class Doubling:
    """Windows of a line: the first sample by sample, longer ones of two neighbours, and a sample more if need be."""

    def __init__(self, f: Function, frame: RunningFrame, source: Value, spare: Value, columns: int, step: int) -> None:
        self.f, self.source, self.spare, self.columns, self.step = f, source, spare, columns, step
        self.size, self.lanes = frame.accumulator.size, frame.lanes
        self.kind = vector(frame.accumulator.ir, frame.lanes)

    def load(self, source: Value, column: Operand, taps: int) -> Value:
        """The samples so many taps behind a column."""
        place = self.f.mul(self.f.add(column, taps * self.step), self.size)
        return self.f.load(self.kind, self.f.at(source, place), align=self.size)

    def last(self, taps: int) -> Callable[[Operand], Value]:
        """Make all windows but those of the whole length; what makes these."""
        window, odd = doublings(taps)
        make = partial(self._window, taps=window)
        for more in odd:
            self.fill(window, make)
            make = partial(self._doubled, known=window, more=more)
            window = 2 * window + more
        return make

    def fill(self, window: int, make: Callable[[Operand], Value]) -> None:
        """Windows of one length, in place: what is read lies at or behind what is written, and is not written yet."""
        f, columns = self.f, self.columns - (window - 1) * self.step
        with f.loop(0, columns, VECTORS * self.lanes) as loop:
            made = [make(f.add(loop.index, number * self.lanes)) for number in range(VECTORS)]
            for number, value in enumerate(made):
                place = f.mul(f.add(loop.index, number * self.lanes), self.size)
                f.store(value, f.at(self.spare, place), align=self.size)

    def _window(self, column: Operand, taps: int) -> Value:
        total = self.load(self.source, column, 0)
        for tap in range(1, taps):
            total = self.f.value(self.f.add(total, self.load(self.source, column, tap)))
        return total

    def _doubled(self, column: Operand, known: int, more: int) -> Value:
        """Two windows side by side, and a sample behind them if there is to be one more."""
        total = self.f.value(self.f.add(self.load(self.spare, column, 0), self.load(self.spare, column, known)))
        return self.f.value(self.f.add(total, self.load(self.source, column, 2 * known))) if more else total


class RunningAcross:
    """Writes ``across(line, out, taps, bias, spare, width) -> flags``: one row of outputs, sums of windows of a line.

    Windows are doubled until they are as long as the kernel.  An output is summed in the same order wherever it stands.
    """

    def __init__(self, frame: RunningFrame, module: Module) -> None:
        self.frame, self.module = frame, module
        self.kind = vector(frame.accumulator.ir, frame.lanes)

    def emit(self) -> None:
        """Write the function."""
        names = ("line", "out", "taps", "bias", "spare")
        f = self.f = self.module.function("across", "i64", [*(("ptr", name) for name in names), ("i64", "width")])
        self.line, self.out, self.taps, self.bias, self.spare, self.width = f.arguments
        f.finish(self._sums())

    def _sums(self) -> Value:
        """Sum and store all outputs; whether any overflowed."""
        fr, taps = self.frame, self.frame.problem.kernel[1]
        doubling = Doubling(self.f, fr, self.line, self.spare, fr.extents[1], fr.step)
        make = doubling.last(taps)
        if fr.problem.stride[1] > 1:
            doubling.fill(taps, make)
            make = self._strided
        if fr.once:
            return self._once(lambda number: make(self.f.mul(number, fr.lanes)))
        return self._outputs(self.out, make)

    def _strided(self, column: Operand) -> Value:
        """Windows a stride apart, of those that were all summed."""
        f, lanes, stride = self.f, self.frame.lanes, self.frame.problem.stride[1]
        found, begin = constant(self.kind, 0), f.mul(column, stride)
        vectors = [lane * stride // lanes for lane in range(lanes)]
        for number in sorted(set(vectors)):
            place = f.mul(f.add(begin, number * lanes), self.frame.accumulator.size)
            windows = f.load(self.kind, f.at(self.spare, place), align=self.frame.accumulator.size)
            found = f.shuffle(found, windows, [lane * stride % lanes + lanes if number == own else lane
                                               for lane, own in enumerate(vectors)])
        return found

    def _once(self, make: Callable[[Operand], Value]) -> Value:
        """``width`` outputs, each once, vector by vector."""
        f, fr, lanes = self.f, self.frame, self.frame.lanes
        flags, begun = f.alloca(8), [f.value(0), *[constant(self.kind, 0)] * fr.watches]

        def outputs(number: Operand, count: int, before: list[Value], vectors: int = 1) -> list[Value]:
            made = [make(f.add(number, further)) for further in range(vectors)]
            more, odd = self._finish(self.out, f.mul(number, lanes), made, count, before[1:])
            return [f.bits("or", before[0], more), *odd]

        whole = f.value(f.div(self.width, lanes))
        grouped = f.mul(f.div(whole, VECTORS), VECTORS)
        with f.loop(0, grouped, VECTORS, carry=begun) as groups:
            groups.carry(outputs(groups.index, lanes, groups.carried, VECTORS))
        assert groups.results is not None
        with f.loop(grouped, whole, carry=groups.results) as loop:
            loop.carry(outputs(loop.index, lanes, loop.carried))
        assert loop.results is not None
        f.store(f.bits("or", loop.results[0], not_finite(f, loop.results[1:], lanes)), flags, align=8)
        for count in sorted({fr.recipe.block[1], fr.last_width}):
            if count % lanes:
                with f.when(f.compare("eq", self.width, count)):
                    before = [f.load("i64", flags, align=8), *begun[1:]]
                    flag, *odd = outputs(count // lanes, count % lanes, before)
                    f.store(f.bits("or", flag, not_finite(f, odd, count % lanes)), flags, align=8)
        return f.load("i64", flags, align=8)

    def _outputs(self, out: Value, make: Callable[[Operand], Value]) -> Value:
        f, fr = self.f, self.frame
        width, lanes = fr.recipe.block[1], fr.lanes
        if width < lanes:
            return self._finish(out, 0, [make(0)], width, [])[0]
        vectors = next(count for count in (VECTORS, VECTORS // 2, 1) if width >= count * lanes)
        with f.loop(0, width, vectors * lanes, carry=[f.value(0)]) as loop:
            column = f.smaller(loop.index, width - vectors * lanes)
            values = [make(f.add(column, number * lanes)) for number in range(vectors)]
            loop.carry([f.bits("or", loop.carried[0], self._finish(out, column, values, lanes, [])[0])])
        assert loop.results is not None
        return loop.results[0]

    def _finish(self, out: Value, column: Operand, values: list[Value], count: int,
                odd: list[Value]) -> tuple[Value, list[Value]]:
        """Multiply by the tap, and store; whether any overflowed, and zeros that turn to NaN if one is not finite."""
        f, fr = self.f, self.frame
        kind_of = SmallWriter if fr.form.small else Writer
        writer, stride, wide = kind_of(f, cast(Any, fr.finish)), fr.stage.output_strides[-1], fr.finish.accumulator
        weight = f.splat(f.load(wide.ir, self.taps), fr.lanes)
        added = [f.splat(f.load(wide.ir, self.bias), fr.lanes)] if fr.problem.bias else None
        made: list[list[Value]] = []
        for number, value in enumerate(values):
            place = f.mul(f.add(column, number * fr.lanes), stride * fr.target.itemsize)
            total = value if wide == fr.accumulator else widen(f, value, fr.accumulator, wide)
            there = f.at(out, place)
            if fr.recipe.fetches and stride == 1:
                below = f.at(there, fr.recipe.rows * fr.stage.output_strides[-2] * fr.target.itemsize)
                fetch(f, below, fr.lanes * fr.target.itemsize, write=True)
            total = f.fma(total, weight, self._held(there, count)) if fr.adds else f.value(f.mul(total, weight))
            made.append(writer.finish([total], added))
            odd = [f.fma(made[-1][0], constant(made[-1][0].type, 0), zeros) for zeros in odd]
        writer.store_row(made, f.at(out, f.mul(column, stride * fr.target.itemsize)), stride, count)
        return writer.overflowed(), odd

    def _held(self, there: Value, count: int) -> Value:
        """What the outputs hold; a part of a vector is read element by element."""
        f, element, lanes = self.f, self.frame.finish.accumulator, self.frame.lanes
        if count < lanes:
            whole = f.alloca(lanes * element.size)
            with f.loop(0, count) as loop:
                place = f.mul(loop.index, element.size)
                f.store(f.load(element.ir, f.at(there, place)), f.at(whole, place))
            there = whole
        return f.load(vector(element.ir, lanes), there)
