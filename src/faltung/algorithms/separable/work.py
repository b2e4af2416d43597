"""Work items: the rows that a block looks at, its tiles, and what stands beside the image."""

from __future__ import annotations

from ...compiler.cells import Cells
from ...compiler.elements import ELEMENTS
from ...compiler.emit import Function, Module, Operand, Value, constant, vector
from ...compiler.entry import split
from ...problem.problem import Side
from ..direct.borders import outside
from ..direct.output import finish_stores
from .frame import ENTRY_BYTES, Frame
from .passes import down_names

# Cells of the context, 8 bytes each: what every work item must know; bytes between the image's indices follow.
IMAGE, OUT, TAPS, BIAS, TABLES, SCRATCH, STATUS, FLAG, ODD, STEPS = range(10)

MOST_SHUFFLED = 8
"""Phases that lines are parted into by whole vectors; into more, sample by sample."""

Columns = tuple[Operand, Operand, Operand]
"""Columns of the image from the first on to before another, and the column at which lines begin."""


class Work(Cells):
    """Writes ``work(context, item, slot)``: one block of outputs of an image with two axes.

    Two functions do the sums: ``down(entries, lines, low, high, first, taps, rows)`` and
    ``across(line, out, taps, bias)``; ``down_one(entries, lines, column, place, taps, rows)`` sums a single column.
    """

    def __init__(self, frame: Frame, module: Module) -> None:
        self.frame, self.module, self.problem = frame, module, frame.problem
        self.outside = outside(frame)  # type: ignore[arg-type]
        self.pitch = frame.line_pitch * frame.places_behind(0)

    def emit(self) -> None:
        """Write the functions."""
        if self._leaves(-1):
            for kind in self.frame.form.kinds(0):
                self._emit_beside(kind)
        f = self.begin_work(self.module)
        fr, p = self.frame, self.problem
        place, rest = [0] * p.ndim, self.item  # type: list[Operand], Operand
        for axis in range(p.ndim):
            place[axis], rest = split(f, rest, fr.blocks[axis])
        image, out, taps, bias = self._leads(rest)
        starts = self._starts(place)
        self.height = self._height(starts, place)
        for axis, start in enumerate(starts):
            out = f.at(out, f.mul(start, fr.stage.output_strides[len(p.batch) + 2 + axis] * fr.target.itemsize))
        self.scratch = f.at(self.pointer(SCRATCH), f.mul(self.slot, fr.scratch_bytes))
        self.entries, self.fills, self.copies, self.lines, self.parted = (
            f.at(self.scratch, at) for at in fr.places[:5])
        *self.firsts, first = (f.add(f.mul(start, s), begin)
                               for start, s, begin in zip(starts, p.stride, p.start, strict=True))
        # columns of the image that the block looks at
        low = f.larger(f.smaller(first, p.image[-1]), 0)
        high = f.larger(f.smaller(f.add(first, fr.extents[-1]), p.image[-1]), low)
        self._constant_rows()
        self._report(self._tiles(image, out, taps, bias, (low, high, first)))
        if fr.recipe.past_caches:
            finish_stores(f)
        f.finish()

    def _starts(self, place: list[Operand]) -> list[Operand]:
        """The first outputs of a block: the last block is shifted back, so that every block is whole."""
        f = self.f
        return [f.smaller(f.mul(at, block), extent - block)
                for at, block, extent in zip(place, self.frame.recipe.block, self.problem.output, strict=True)]

    def _height(self, starts: list[Operand], place: list[Operand]) -> Operand:
        """How many rows the block has."""
        return self.frame.recipe.block[0]

    def _leaves(self, axis: int) -> bool:
        """Whether any output looks beside the image along an axis."""
        return self.outside[axis] != (0, 0)

    def _step(self, axis: int) -> Operand:
        """Bytes from one index of the image operand's axis to the next."""
        return self.cell(STEPS + axis)

    def _leads(self, rest: Operand) -> tuple[Value, ...]:
        """Image, output, taps and bias of one batch element, group and output channel."""
        f, fr, p = self.f, self.frame, self.problem
        image, out, taps, bias = (self.pointer(cell) for cell in (IMAGE, OUT, TAPS, BIAS))
        number: Operand = 0
        for axis in reversed(range(len(fr.leads))):
            index, rest = split(f, rest, fr.leads[axis])
            out = f.at(out, f.mul(index, fr.stage.output_strides[axis] * fr.target.itemsize))
            if axis < len(p.batch) + 1:
                image = f.at(image, f.mul(index, self._step(axis)))
            if axis >= len(p.batch):
                number = f.add(number, f.mul(index, p.channels_out if axis == len(p.batch) else 1))
        bias = f.at(bias, f.mul(number, ELEMENTS[p.accumulator_dtype].size)) if p.bias else bias
        return image, out, f.at(taps, f.mul(number, fr.taps_bytes)), bias

    # --- rows that the block looks at

    def _rows(self, image: Value, firsts: list[Operand], count: Operand, entries: Value, low: Operand,
              high: Operand) -> None:
        """Fill entries, along the first axis from a place on; copy rows whose columns are not neighbours in memory."""
        f, fr, axis = self.f, self.frame, len(self.problem.batch) + 2
        row_step, step, size = self._step(axis), self._step(axis + fr.last + 1), fr.source.itemsize
        back = f.mul(low, -size)
        apart = f.compare("ne", step, size)
        copied = apart
        if fr.colliding_bytes:
            collide = f.compare("eq", f.bits("and", f.value(row_step), fr.colliding_bytes - 1), 0)
            copied = f.bits("or", apart, collide)
        behind = [self._row(axis, first) for axis, first in enumerate(firsts) if axis]
        with f.loop(0, count) as loop:
            there, fill, inside = image, self.fills, Value("i1", "true")
            rows = [self._row(0, f.add(firsts[0], loop.index)), *behind]
            # the last axis that leaves the image on a side with a constant decides which one
            for number, (index, missing, here) in reversed(list(enumerate(rows))):
                there = f.at(there, f.mul(index, self._step(axis + number)))
                fill = missing if number == fr.last else f.select(inside, missing, fill)
                inside = here if number == fr.last else f.bits("and", inside, here)
            raw = f.value(f.select(inside, there, fill))
            entry = f.at(entries, f.mul(loop.index, ENTRY_BYTES))
            columns = f.value(f.select(inside, raw, f.at(fill, back)))
            self._enter(entry, columns, raw, f.select(inside, step, 0))
            with f.when(f.bits("and", copied, inside)):
                copy = f.at(self.copies, f.mul(loop.index, fr.row_bytes))
                self._copy_row(f.at(raw, f.mul(low, step)), step, copy, f.value(f.sub(high, low)), apart)
                f.store(f.at(copy, back), entry, align=8)

    def _rows_ahead(self, image: Value, first: Operand) -> None:
        """Enter the rows behind the block's, which are fetched and not read."""
        f, row_step = self.f, self._step(len(self.problem.batch) + 2)
        with f.loop(first, f.add(first, self.frame.rows_ahead)) as loop:
            row = f.at(image, f.mul(f.add(self.firsts[0], loop.index), row_step))
            self._enter(f.at(self.entries, f.mul(loop.index, ENTRY_BYTES)), row, row, 0)

    def _enter(self, entry: Value, columns: Value, raw: Value, step: Operand) -> None:
        """Note where a row's columns begin, where they do in the array, and the step there."""
        for number, value in enumerate((columns, raw, step)):
            self.f.store(value, self.f.at(entry, 8 * number), align=8)

    def _copy_row(self, source: Value, step: Operand, copy: Value, count: Value, apart: Value) -> None:
        """Copy samples that lie apart one by one, and neighbours by vectors, the last shifted back."""
        f, size = self.f, self.frame.source.itemsize
        lanes, word = self.frame.recipe.vector_bytes // size, f"i{8 * size}"
        single = f.bits("or", apart, f.compare("slt", count, lanes))
        with f.when(single), f.loop(0, count) as loop:
            f.store(f.load(word, f.at(source, f.mul(loop.index, step))), f.at(copy, f.mul(loop.index, size)))
        with f.unless(single), f.loop(0, count, lanes) as loop:
            place = f.mul(f.smaller(loop.index, f.sub(count, lanes)), size)
            f.store(f.load(vector(word, lanes), f.at(source, place)), f.at(copy, place))

    def _constant_rows(self) -> None:
        """Rows of the constants before and behind the image, along each axis but the last."""
        f, fr = self.f, self.frame
        lanes = fr.recipe.vector_bytes // fr.source.itemsize
        sides = zip(sum(self.problem.border[:-1], ()), sum(self.outside[:-1], ()), strict=True)
        for number, (side, count) in enumerate(sides):
            if isinstance(side, str) or not count:
                continue
            row, value = f.at(self.fills, number * fr.row_bytes), self._constant(side)
            vectors = fr.row_bytes // fr.recipe.vector_bytes
            with f.loop(0, vectors) as loop:
                f.store(f.splat(value, lanes), f.at(row, f.mul(loop.index, fr.recipe.vector_bytes)))

    def _constant(self, side: Side) -> Value:
        number = side if not isinstance(side, str) else 0
        ir = self.frame.source.ir
        return constant(ir, float(number.real) if self.frame.source.kind == "f" else int(number.real))

    def _row(self, axis: int, position: Operand) -> tuple[Value, Value, Value]:
        """Index of a row along an axis, the constant row that stands for it if there is none, and whether there is."""
        f, (before, _) = self.f, self.outside[axis]
        fills = f.at(self.fills, 2 * axis * self.frame.row_bytes)
        if not self._leaves(axis):
            return f.value(position), fills, Value("i1", "true")
        table = f.at(self.pointer(TABLES), 8 * sum(sum(self.outside[:axis], ())))
        index, inside = look_up(f, table, position, self.problem.image[axis], before)
        above = f.compare("slt", position, 0)
        return index, f.select(above, fills, f.at(fills, self.frame.row_bytes)), inside

    # --- tiles of a few rows of outputs

    def _tiles(self, image: Value, out: Value, taps: Value, bias: Value, columns: Columns) -> Value:
        """All tiles of the block, from the rows that it looks at; the flags of all outputs."""
        f, low, high = self.f, *columns[:2]
        count = f.add(f.mul(f.sub(self.height, 1), self.problem.stride[0]), self.frame.reach[0] + 1)
        self._rows(image, self.firsts, count, self.entries, low, high)
        if self.frame.rows_ahead:
            self._rows_ahead(image, count)
        return self._rows_of_tiles(out, taps, bias, columns, f.value(0))

    def _rows_of_tiles(self, out: Value, taps: Value, bias: Value, columns: Columns, flags: Value) -> Value:
        f, rows, block = self.f, self.frame.recipe.rows, self.frame.recipe.block[-2]
        with f.loop(0, -(-block // rows), carry=[flags]) as loop:
            top = f.smaller(f.mul(loop.index, rows), block - rows)
            loop.carry([self._tile(out, taps, bias, columns, top, rows, loop.carried[0])])
        assert loop.results is not None
        return loop.results[0]

    def _tile(self, out: Value, taps: Value, bias: Value, columns: Columns, top: Operand, rows: Operand,
              flags: Value) -> Value:
        f, fr, p = self.f, self.frame, self.problem
        size, out_step = fr.accumulator.size, fr.stage.output_strides[-2] * fr.target.itemsize
        across = f.at(taps, fr.weights_before(fr.last + 1))
        entries = f.at(self.entries, f.mul(top, p.stride[-2] * ENTRY_BYTES))
        if fr.form.whole:
            with f.loop(0, fr.terms) as term:
                self._down(f.at(entries, f.mul(term.index, p.kernel_dilation[-2] * ENTRY_BYTES)), term.index, taps,
                           fr.form.terms[0][0], columns, rows)
        else:
            for number, kinds in enumerate(fr.form.terms):
                self._down(entries, number, f.at(taps, number * fr.term_bytes), kinds[-2], columns, rows)
        with f.loop(0, rows, carry=[flags]) as row:
            line = f.at(self.lines, f.mul(row.index, fr.line_pitch * size))
            if fr.phases > 1:
                with f.loop(0, fr.terms) as term:
                    self._part(f.at(line, f.mul(term.index, fr.recipe.rows * fr.line_pitch * size)),
                               f.at(self.parted, f.mul(term.index, fr.term_pitch * size)))
                line = self.parted
            there = f.at(out, f.mul(f.add(top, row.index), out_step))
            more = f.call("across", "i64", line, there, across, bias, *self._spare(), local=True)
            row.carry([f.bits("or", row.carried[0], more)])
        assert row.results is not None
        return row.results[0]

    def _down(self, entries: Value, term: Operand, taps: Value, kind: str, columns: Columns, rows: Operand) -> None:
        """The lines of one term."""
        f, fr = self.f, self.frame
        lines = f.at(self.lines, f.mul(term, fr.recipe.rows * fr.line_pitch * fr.accumulator.size))
        name = down_names(fr, fr.last, kind)[0]
        f.call(name, "void", entries, lines, *columns, f.at(taps, fr.weights_before(fr.last)), rows, local=True)
        if not fr.last:
            self._beside(entries, lines, columns, taps, rows, kind)

    def _spare(self) -> list[Value]:
        """Memory that `across` works in."""
        return []

    def _report(self, flags: Value) -> None:
        f = self.f
        if self.problem.overflow == "raise":
            with f.when(f.compare("ne", f.bits("and", flags, 1), 0)):
                self.fill([(FLAG, 1)])
        if self.frame.watches:
            odd = f.bits("and", flags, 2)
            self._note(odd)
            with f.when(f.compare("ne", odd, 0)):
                self.fill([(ODD, 2)])

    def _note(self, odd: Value) -> None:
        """Remember the item if an output of its is not finite."""
        self.f.store(self.f.cast("trunc", odd, "i8"), self.f.at(self.pointer(STATUS), self.item))

    def _part(self, line: Value, parted: Value) -> None:
        """Part a line by phases, so that every column that a tap meets stands beside the next."""
        f, fr = self.f, self.frame
        size, count = fr.accumulator.size, fr.extents[-1]
        word = f"i{8 * size}"
        whole = count // (fr.phases * fr.lanes) if fr.phases <= MOST_SHUFFLED else 0
        if whole:
            seen = fr.phases * fr.lanes
            with f.loop(0, whole) as loop:
                every = f.load(vector(word, seen), f.at(line, f.mul(loop.index, seen * size)))
                for phase in range(fr.phases):
                    part = f.shuffle(every, None, list(range(phase, seen, fr.phases)))
                    place = f.add(f.mul(loop.index, fr.lanes), phase * fr.phase_pitch)
                    f.store(part, f.at(parted, f.mul(place, size)))
        if whole * fr.phases * fr.lanes < count:
            with f.loop(whole * fr.phases * fr.lanes, count) as loop:
                place = f.add(f.mul(f.rem(loop.index, fr.phases), fr.phase_pitch), f.div(loop.index, fr.phases))
                f.store(f.load(word, f.at(line, f.mul(loop.index, size))), f.at(parted, f.mul(place, size)))

    # --- columns beside the image

    def _beside(self, entries: Value, lines: Value, columns: Columns, taps: Value, rows: Operand, kind: str) -> None:
        """Fill lines of sums along the first axis where they leave the image."""
        if self._leaves(-1):
            self.f.call(f"beside_{kind}", "void", entries, lines, *columns, taps, rows, self.pointer(TABLES),
                        local=True)

    def _emit_beside(self, kind: str) -> None:
        """beside_...(entries, lines, low, high, first, taps, rows, tables): fill lines where they leave the image."""
        names = ("low", "high", "first")
        f = self.module.function(f"beside_{kind}", "void", [("ptr", "entries"), ("ptr", "lines"),
                                                            *(("i64", name) for name in names), ("ptr", "taps"),
                                                            ("i64", "rows"), ("ptr", "tables")])
        entries, lines, low, high, first, taps, rows, tables = f.arguments
        fr, p, size = self.frame, self.problem, self.frame.accumulator.size
        table = f.at(tables, 8 * sum(sum(self.outside[:-1], ())))
        # a block that is not shifted back looks no further than its outputs do
        farthest = p.image[-1] + self.outside[-1][1]
        end = f.value(f.smaller(f.add(first, fr.extents[-1]), farthest))
        for side, (begin, stop) in enumerate(((first, f.smaller(end, 0)), (f.larger(first, p.image[-1]), end))):
            with f.loop(begin, stop) as loop:
                place = f.sub(loop.index, first)
                target = f.at(lines, f.mul(place, size))
                cell = f.add(loop.index, self.outside[-1][0] - (p.image[-1] if side else 0))
                index = f.load("i64", f.at(table, f.mul(cell, 8)), align=8)
                near = f.bits("and", f.compare("sge", index, low), f.compare("slt", index, high))
                with f.when(near):
                    there = f.at(lines, f.mul(f.sub(index, first), size))
                    self._copy_down(f, there, target, self.pitch * size, rows)
                with f.unless(near):
                    missing = f.compare("slt", index, 0)
                    with f.when(missing):
                        self._copy_down(f, f.at(taps, (fr.beside_place + side) * size), target, 0, rows)
                    with f.unless(missing):
                        f.call(down_names(fr, 0, kind)[1], "void", entries, lines, index, place, taps, rows, local=True)
        f.finish()

    def _copy_down(self, f: Function, source: Value, target: Value, pitch: int, rows: Value) -> None:
        fr = self.frame
        with f.loop(0, rows) as row:
            value = f.load(f"i{8 * fr.accumulator.size}", f.at(source, f.mul(row.index, pitch)))
            f.store(value, f.at(target, f.mul(row.index, self.pitch * fr.accumulator.size)))


def look_up(f: Function, table: Value, position: Operand, extent: int, before: int) -> tuple[Value, Value]:
    """The index that a position stands for, and whether there is one; the table holds those outside."""
    within = f.compare("ult", position, extent)
    row = f.select(f.compare("slt", position, 0), f.add(position, before), f.add(f.sub(position, extent), before))
    # inside, any cell of the table will do: the value is not used
    found = f.load("i64", f.at(table, f.mul(f.select(within, 0, row), 8)), align=8)
    mapped = f.value(f.select(within, position, found))
    return f.value(f.larger(mapped, 0)), f.compare("sge", mapped, 0)
