"""The code of scores from the image itself, a strip of rows at a time.

The sums of a strip's columns run down the rows: what enters is added, what leaves is subtracted.  Integers lose nothing
by that, for they are exact modulo the size of their dtype.  Floats do: so a row whose scores could suffer is left
alone and reported, and its sums are taken without subtraction (see `windowed`).  Along a row, windows are put together
from windows of 1, 2, 4, ... samples.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..compiler.casts import widen
from ..compiler.emit import Module, Operand, Value, constant, lanes_of, vector
from ..compiler.entry import emit_entry
from ..compiler.values import mangle
from ..machine import Machine
from .score_code import (
    BAD,
    BOTH,
    BOTH_STEP,
    CHANNEL_STEP,
    CHUNK,
    COLUMNS,
    EXTENT,
    IMAGE,
    LENGTH,
    LIMIT,
    LINE,
    OUT,
    OUT_STEP,
    PART,
    PLACES,
    ROW_STEP,
    SCRATCH,
    SCRATCH_STEP,
    SHIFT,
    STRIP,
    WIDTH,
    Formulas,
    ScoreRecipe,
)


def emit_scores(recipe: ScoreRecipe, machine: Machine) -> str:
    """Write ``entry(context, pool, run, items, participants)``."""
    module = Module()
    code = _Windows(recipe, machine, module)
    code.emit_columns()
    code.emit_window()
    code.emit_row()
    code.emit_work()
    emit_entry(module)
    return module.text()


class _Windows(Formulas):
    """Scores with running sums of the image."""

    # --- down the columns

    def emit_columns(self) -> None:
        """enter(context, sums, row) adds a row; advance(context, sums, row, old) subtracts another one as well.

        Both give the largest sum of squares so far for floats.
        """
        for name in ("enter", "advance"):
            rows = ("row", "old") if name == "advance" else ("row",)
            _, sums, *lines = self.begin(name, "double", [("ptr", n) for n in ("context", "sums", *rows)])
            self._columns(sums, lines)
            self.f.finish(constant("double", 0.0) if self.r.is_exact else self._largest_of_lanes())

    def _columns(self, sums: Value, rows: Sequence[Value]) -> None:
        f, line, step = self.f, self.cell(LINE), self.cell(CHANNEL_STEP)
        lanes = self.machine.vector_bytes // self.sums.size
        self._largest = {} if self.r.is_exact else {width: f.alloca(8 * width) for width in (lanes, 1)}
        for width, place in self._largest.items():
            f.store(constant(vector("double", width), 0.0), place, align=8)

        def body(lanes: int, index: Value) -> None:
            squares: Operand = self.at_sum(sums, self.r.channels, line, lanes, index)
            for channel in range(self.r.channels):
                total: Operand = self.at_sum(sums, channel, line, lanes, index)
                for row, change in zip(rows, (f.add, f.sub), strict=False):
                    place = f.at(row, f.add(f.mul(step, channel), f.mul(index, self.image.size)))
                    raw = f.load(vector(self.image.ir, lanes), place, align=self.image.size)
                    value = self._centred(widen(f, raw, self.image, self.sums))
                    total, squares = change(total, value), change(squares, f.mul(value, value))
                self.keep_sum(total, sums, channel, line, index)
            self.keep_sum(squares, sums, self.r.channels, line, index)
            if not self.r.is_exact:
                self._remember(f.value(squares))

        self.lanewise(self.cell(COLUMNS), lanes, body)

    def _centred(self, value: Value) -> Value:
        if self.r.is_exact:
            return value
        return self.f.value(self.f.sub(value, self.number(SHIFT, lanes_of(value.type), "double")))

    def _remember(self, squares: Value) -> None:
        """Keep the largest of every lane."""
        f, place = self.f, self._largest[lanes_of(squares.type)]
        known = f.load(squares.type, place, align=8)
        f.store(f.select(f.compare("ogt", squares, known), squares, known), place, align=8)

    def _largest_of_lanes(self) -> Value:
        f, found = self.f, []
        for lanes, place in self._largest.items():
            value = f.load(vector("double", lanes), place, align=8)
            if lanes > 1:
                value = f.call(f"llvm.vector.reduce.fmax.{mangle(value.type)}", "double", value)
            found.append(value)
        return f.intrinsic("maxnum", *found)

    def at_sum(self, base: Value, quantity: int, line: Value, lanes: int, index: Operand) -> Value:
        """Sums of one quantity (a channel, or the squares) from lines that follow each other."""
        f = self.f
        place = f.at(base, f.add(f.mul(line, quantity), f.mul(index, self.sums.size)))
        return f.load(vector(self.sums.ir, lanes), place, align=self.sums.size)

    def keep_sum(self, value: Operand, base: Value, quantity: int, line: Value, index: Operand) -> None:
        """Store what `at_sum` loads."""
        f = self.f
        place = f.at(base, f.add(f.mul(line, quantity), f.mul(index, self.sums.size)))
        f.store(value, place, align=self.sums.size)

    # --- along a row

    def emit_window(self) -> None:
        """window(source, power, result, count, length): sums over ``length`` of the source at ``count`` places.

        All lines are in the scratch, and long enough for whole vectors.
        """
        names = [("ptr", "source"), ("ptr", "power"), ("ptr", "result"), ("i64", "count"), ("i64", "length")]
        source, power, result, count, length = self.begin("window", "void", names)
        f, size, lanes = self.f, self.sums.size, self.machine.vector_bytes // self.sums.size
        kind = vector(self.sums.ir, lanes)

        def each(number: Operand, target: Value, *terms: Value) -> None:
            with f.loop(0, number, lanes) as loop:
                offset = f.mul(loop.index, size)
                value: Operand = f.load(kind, f.at(terms[0], offset), align=size)
                for term in terms[1:]:
                    value = f.add(value, f.load(kind, f.at(term, offset), align=size))
                f.store(value, f.at(target, offset), align=size)

        valid = f.sub(f.add(count, length), 1)
        each(valid, power, source)
        with f.loop(0, count, lanes) as loop:
            f.store(constant(kind, 0), f.at(result, f.mul(loop.index, size)), align=size)
        level, start = f.alloca(8), f.alloca(8)
        f.store(1, level, align=8)
        f.store(0, start, align=8)
        with f.forever() as all_used:
            now = f.load("i64", level, align=8)
            with f.when(f.compare("ne", f.bits("and", length, now), 0)):
                at = f.load("i64", start, align=8)
                each(count, result, result, f.at(power, f.mul(at, size)))
                f.store(f.add(at, now), start, align=8)
            twice = f.value(f.mul(now, 2))
            f.leave(f.compare("sgt", twice, length), all_used)
            # in place: what is read lies further on than what is written
            each(f.sub(valid, f.sub(twice, 1)), power, power, f.at(power, f.mul(now, size)))
            f.store(twice, level, align=8)
        f.finish()

    def emit_row(self) -> None:
        """row(context, scratch, number, limit): the scores of one row, chunk by chunk."""
        names = [("ptr", "context"), ("ptr", "scratch"), ("i64", "number"), ("double", "limit")]
        _, scratch, number, limit = self.begin("row", "void", names)
        f = self.f
        both = f.at(self.pointer(BOTH), f.mul(number, self.cell(BOTH_STEP)))
        out = f.at(self.pointer(OUT), f.mul(number, self.cell(OUT_STEP)))
        line, part, width = (self.cell(at) for at in (LINE, PART, WIDTH))
        power = f.at(scratch, f.mul(line, self.quantities))
        results = f.at(power, part)
        bottoms = f.at(results, f.mul(part, self.quantities))
        bad = f.alloca(8)
        f.store(0, bad, align=8)
        with f.loop(0, width, self.cell(CHUNK)) as loop:
            start = loop.index
            count = f.smaller(self.cell(CHUNK), f.sub(width, start))
            for quantity in range(self.quantities):
                source = f.at(scratch, f.add(f.mul(line, quantity), f.mul(start, self.sums.size)))
                f.call("window", "void", source, power, f.at(results, f.mul(part, quantity)), count,
                       self.cell(LENGTH), local=True)
            if self.r.is_exact:
                self._exact_scores(results, part, start, count, both, out)
            else:
                self._bottoms(results, part, start, count, bottoms, limit, bad)
        if not self.r.is_exact:
            good = f.compare("eq", f.load("i64", bad, align=8), 0)
            with f.when(good):
                self._float_scores(bottoms, width, both, out)
            with f.unless(good):
                f.store(Value("i8", "1"), f.at(self.pointer(BAD), number))
        f.finish()

    def _sums_at(self, results: Value, part: Value, lanes: int, index: Value) -> list[Value]:
        found = [self.at_sum(results, quantity, part, lanes, index) for quantity in range(self.quantities)]
        return [widen(self.f, value, self.sums, self.kind) for value in found]

    def _exact_scores(self, results: Value, part: Value, start: Value, count: Operand, both: Value,
                      out: Value) -> None:
        f = self.f

        def body(lanes: int, index: Value) -> None:
            *image1, image2 = self._sums_at(results, part, lanes, index)
            place = f.add(start, index)
            top = self.numerator(self._load_both(both, lanes, place), image1)
            result = self.score(top, self.denominator(image1, image2), None)
            f.store(result, f.at(out, f.mul(place, self.out.size)), align=self.out.size)

        self.lanewise(count, self.lanes, body)

    def _load_both(self, both: Value, lanes: int, place: Operand) -> Value:
        f = self.f
        raw = f.load(vector(self.both.ir, lanes), f.at(both, f.mul(place, self.both.size)), align=self.both.size)
        return widen(f, raw, self.both, self.kind)

    def _bottoms(self, results: Value, part: Value, start: Value, count: Operand, bottoms: Value,
                 limit: Value, bad: Value) -> None:
        """The denominators' squares; ``bad`` if any is not above the limit (a NaN is not)."""
        f = self.f

        def body(lanes: int, index: Value) -> None:
            *image1, image2 = self._sums_at(results, part, lanes, index)
            bottom = self.denominator(image1, image2)
            f.store(bottom, f.at(bottoms, f.mul(f.add(start, index), 8)), align=8)
            doubtful = f.compare("ule", bottom, f.splat(limit, lanes))
            if lanes > 1:
                doubtful = f.call(f"llvm.vector.reduce.or.{mangle(doubtful.type)}", "i1", doubtful)
            with f.when(doubtful):
                f.store(1, bad, align=8)

        self.lanewise(count, self.lanes, body)

    def _float_scores(self, bottoms: Value, width: Value, both: Value, out: Value) -> None:
        f = self.f

        def body(lanes: int, index: Value) -> None:
            bottom = f.load(vector("double", lanes), f.at(bottoms, f.mul(index, 8)), align=8)
            result = self.score(self._load_both(both, lanes, index), bottom, None)
            f.store(result, f.at(out, f.mul(index, self.out.size)), align=self.out.size)

        self.lanewise(width, self.lanes, body)

    # --- a strip

    def emit_work(self) -> None:
        """work(context, item, slot): one strip."""
        f = self.begin_work(self.module)
        scratch = f.at(self.pointer(SCRATCH), f.mul(self.slot, self.cell(SCRATCH_STEP)))
        image, step = self.pointer(IMAGE), self.cell(ROW_STEP)
        strip, extent = self.cell(STRIP), self.cell(EXTENT)
        first = f.value(f.mul(self.item, strip))
        last = f.smaller(f.add(first, strip), self.cell(PLACES))
        self._clear(scratch, f.value(f.mul(self.cell(LINE), self.quantities)))
        largest = f.alloca(8)
        f.store(constant("double", 0.0), largest, align=8)
        with f.loop(first, f.add(first, extent)) as loop:
            row = f.at(image, f.mul(loop.index, step))
            self._raise(largest, f.call("enter", "double", self.context, scratch, row, local=True))
        with f.loop(first, last) as loop:
            with f.when(f.compare("sgt", loop.index, first)):
                row = f.at(image, f.mul(f.sub(f.add(loop.index, extent), 1), step))
                old = f.at(image, f.mul(f.sub(loop.index, 1), step))
                self._raise(largest, f.call("advance", "double", self.context, scratch, row, old, local=True))
            limit = f.mul(f.load("double", largest, align=8), self.number(LIMIT, 1, "double"))
            f.call("row", "void", self.context, scratch, loop.index, limit, local=True)
        f.finish()

    def _clear(self, scratch: Value, size: Value) -> None:
        kind = vector("i64", self.machine.vector_bytes // 8)
        with self.f.loop(0, size, self.machine.vector_bytes) as loop:
            self.f.store(constant(kind, 0), self.f.at(scratch, loop.index))

    def _raise(self, largest: Value, value: Value) -> None:
        f = self.f
        if not self.r.is_exact:
            f.store(f.intrinsic("maxnum", f.load("double", largest, align=8), value), largest, align=8)
