"""The two passes: down the rows of the image into lines, and along a line to the outputs."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, cast

from ...compiler.casts import widen
from ...compiler.emit import Function, Module, Operand, Value, constant, lanes_of, vector
from ..direct.output import Writer
from .frame import ACROSS_VECTORS, CACHE_LINE, DOWN_VECTORS, ENTRY_BYTES, Frame
from .lines import LineSum
from .rounding import SmallWriter


class DownPass:
    """Writes ``down(entries, lines, low, high, first, taps, rows)`` and ``down_one(..., column, place, taps, rows)``.

    The first sums the columns ``low`` to below ``high`` of the image; ``lines`` begin at column ``first``.  The
    second sums one column for the place ``place`` of the lines.  There are such functions for each axis but the last,
    and each kind of lines there (see `down_names`).
    """

    def __init__(self, frame: Frame, module: Module, axis: int = 0, kind: str | None = None) -> None:
        self.frame, self.module, self.axis = frame, module, axis
        self.kind = kind or frame.form.kinds(axis)[0]
        self.names = down_names(frame, axis, self.kind)
        self.source = frame.source_of(axis)

    def emit(self) -> None:
        """Write both functions."""
        names = ("low", "high", "first")
        f = self.module.function(self.names[0], "void", [("ptr", "entries"), ("ptr", "lines"),
                                                         *(("i64", name) for name in names), ("ptr", "taps"),
                                                         ("i64", "rows")])
        entries, lines, low, high, first, taps, rows = f.arguments
        self.rows = rows
        widths = [DOWN_VECTORS, 1] if self.frame.machine.registers > 16 else [1]
        self._widest(f, widths, entries, lines, low, high, first, taps)
        f.finish()
        self._emit_one()

    def _widest(self, f: Function, widths: list[int], entries: Value, lines: Value, low: Value, high: Value,
                first: Value, taps: Value) -> None:
        """As many vectors side by side as there is room for; single columns where there is none for any."""
        if not widths:
            with f.loop(low, high) as loop:
                f.call(self.names[1], "void", entries, lines, loop.index, f.sub(loop.index, first), taps, self.rows,
                       local=True)
            return
        lanes, (vectors, *others) = self.frame.lanes, widths
        enough = f.compare("sge", f.sub(high, low), vectors * lanes)
        with f.when(enough), f.loop(low, high, vectors * lanes) as loop:
            # the last vectors are shifted back, so that no single columns are left
            column = f.smaller(loop.index, f.sub(high, vectors * lanes))
            place = f.at(lines, f.mul(f.sub(column, first), self.frame.accumulator.size))
            self._sum(f, entries, place, column, taps, vectors, lanes)
        with f.unless(enough):
            self._widest(f, others, entries, lines, low, high, first, taps)

    def _line_sum(self, f: Function, taps: Value) -> LineSum:
        p, fr, axis = self.frame.problem, self.frame, self.axis
        return LineSum(f, self.kind, 1 if fr.form.whole else p.kernel[axis], taps, fr.accumulator.size,
                       outputs=fr.rows(axis), stride=p.stride[axis], dilation=p.kernel_dilation[axis])

    def _sum(self, f: Function, entries: Value, place: Value, column: Operand, taps: Value, vectors: int,
             lanes: int) -> None:
        fr, source = self.frame, self.source
        offset = f.mul(column, source.itemsize)

        def load(base: Operand, more: int) -> list[Value]:
            entry = f.at(entries, f.mul(f.add(base, more), ENTRY_BYTES))
            row = f.at(f.load("ptr", entry, align=8), offset)
            kind = vector(source.ir, lanes)
            return [widen(f, f.load(kind, f.at(row, number * lanes * source.itemsize)), source, fr.accumulator)
                    for number in range(vectors)]

        self._keep(f, self._line_sum(f, taps).emit(load, vector(fr.accumulator.ir, lanes), vectors), place, lanes)
        for row in range(fr.rows_ahead):
            entry = f.at(entries, (fr.reach[0] + 1 + (fr.recipe.rows - 1) * fr.problem.stride[0] + row) * ENTRY_BYTES)
            fetch(f, f.at(f.load("ptr", entry, align=8), offset), vectors * lanes * source.itemsize)

    def _keep(self, f: Function, sums: list[list[Value]], place: Value, lanes: int) -> None:
        size, pitch = self.frame.accumulator.size, self.frame.line_pitch * self.frame.places_behind(self.axis)
        for row, values in enumerate(sums):
            for number, value in enumerate(values):
                f.store(value, f.at(place, (row * pitch + number * lanes) * size), align=size)

    def _emit_one(self) -> None:
        f = self.module.function(self.names[1], "void", [("ptr", "entries"), ("ptr", "lines"), ("i64", "column"),
                                                         ("i64", "place"), ("ptr", "taps"), ("i64", "rows")])
        fr, source, (entries, lines, column, place, taps, _) = self.frame, self.source, f.arguments

        def load(base: Operand, more: int) -> list[Value]:
            entry = f.at(entries, f.mul(f.add(base, more), ENTRY_BYTES))
            row, step = f.load("ptr", f.at(entry, 8), align=8), f.load("i64", f.at(entry, 16), align=8)
            return [widen(f, f.load(source.ir, f.at(row, f.mul(column, step))), source, fr.accumulator)]

        sums = self._line_sum(f, taps).emit(load, fr.accumulator.ir, 1)
        self._keep(f, sums, f.at(lines, f.mul(place, fr.accumulator.size)), 1)
        f.finish()


def down_names(frame: Frame, axis: int, kind: str) -> tuple[str, str]:
    """Names of the two functions of a pass: of the last axis and the first kind, the bare ones."""
    behind = f"_{axis}" * (axis != frame.last) + f"_{kind}" * (kind != frame.form.kinds(axis)[0])
    return f"down{behind}", f"down_one{behind}"


def fetch(f: Function, place: Value, size_bytes: int, *, write: bool = False) -> None:
    """Ask for memory that is read or written a little later: a hint, which no address can make fail."""
    how = [Value("i32", text) for text in (str(int(write)), "2", "1")]
    for line in range(0, size_bytes, CACHE_LINE):
        f.call("llvm.prefetch.p0", "void", f.at(place, line), *how)


class Window:
    """Vectors of a line, from the column on that an output looks at first.

    A vector that crosses a cache line takes the processor one and a half loads.  Where lanes can be shifted through
    two vectors by one instruction, every second one is made so.
    """

    def __init__(self, f: Function, frame: Frame, line: Value, vectors: int) -> None:
        self.f, self.frame, self.line, self.vectors = f, frame, line, vectors
        self.kind = vector(frame.accumulator.ir, frame.lanes)
        self.shifts = frame.recipe.vector_bytes == 64 and frame.phases == 1 and frame.accumulator.size >= 4
        self._whole: dict[tuple[Operand, int], Value] = {}

    def load(self, base: Operand, more: int) -> list[Value]:
        """The vectors that begin ``more`` columns behind ``base``."""
        f, lanes = self.f, self.frame.lanes
        if isinstance(base, int):
            base, more = 0, base + more
        group, shift = divmod(more, lanes)
        if not self.shifts or (shift and not shift % 2):
            return [self._load(f.add(base, more), number) for number in range(self.vectors)]
        vectors = [self._vector(base, group + number) for number in range(self.vectors + (shift > 0))]
        if not shift:
            return vectors
        moved, words = range(shift, shift + lanes), vector(f"i{8 * self.frame.accumulator.size}", lanes)
        # of integers LLVM makes one instruction without a table of lanes
        whole = [f.reinterpret(value, words) for value in vectors]
        return [f.reinterpret(f.shuffle(a, b, moved), self.kind) for a, b in pairwise(whole)]

    def _vector(self, base: Operand, group: int) -> Value:
        key = (base, group)
        if key not in self._whole:
            self._whole[key] = self._load(base, group)
        return self._whole[key]

    def _load(self, position: Operand, number: int) -> Value:
        f, fr = self.f, self.frame
        if fr.phases > 1:
            phase = f.rem(position, fr.phases)
            position = f.add(f.mul(phase, fr.phase_pitch), f.div(position, fr.phases))
        place = f.add(position, number * fr.lanes)
        return f.load(self.kind, f.at(self.line, f.mul(place, fr.accumulator.size)), align=fr.accumulator.size)


class AcrossPass:
    """Writes ``across(line, out, taps, bias) -> flags``: one row of outputs; 1: any overflowed, 2: any is not finite.

    ``line`` holds the sums of the columns that the row looks at, parted by phases where there is a stride.
    """

    def __init__(self, frame: Frame, module: Module) -> None:
        self.frame, self.module = frame, module

    def emit(self) -> None:
        """Write the function."""
        fr = self.frame
        f = self.module.function("across", "i64", [("ptr", "line"), ("ptr", "out"), ("ptr", "taps"), ("ptr", "bias")])
        line, out, taps, bias = f.arguments
        width, lanes = fr.recipe.block[-1], fr.lanes
        most = ACROSS_VECTORS if fr.machine.registers > 16 else ACROSS_VECTORS // 2
        vectors = next((v for v in (most, most // 2, 1) if v * lanes <= width), 1)
        # one for each vector, so that none has to wait for another
        carry = [f.value(0), *[constant(vector(fr.accumulator.ir, lanes), 0)] * (vectors if fr.watches else 0)]
        if lanes > width:
            flags, odd = self._columns(f, line, out, taps, bias, 1, width, carry[1:])
        else:
            with f.loop(0, width, vectors * lanes, carry=carry) as loop:
                column = f.smaller(loop.index, width - vectors * lanes)
                here = f.at(line, f.mul(column, fr.accumulator.size))
                there = f.at(out, f.mul(column, fr.stage.output_strides[-1] * fr.target.itemsize))
                if fr.recipe.fetches and fr.stage.output_strides[-1] == 1 and not fr.recipe.past_caches:
                    below = f.at(there, fr.recipe.rows * fr.stage.output_strides[-2] * fr.target.itemsize)
                    fetch(f, below, vectors * lanes * fr.target.itemsize, write=True)
                flags, odd = self._columns(f, here, there, taps, bias, vectors, lanes, loop.carried[1:])
                loop.carry([f.bits("or", loop.carried[0], flags), *odd])
            assert loop.results is not None
            flags, *odd = loop.results
        f.finish(f.bits("or", flags, not_finite(f, odd, min(lanes, width))))

    def _columns(self, f: Function, line: Value, out: Value, taps: Value, bias: Value, vectors: int, count: int,
                 odd: list[Value]) -> tuple[Value, list[Value]]:
        """Outputs of a few vectors; whether any overflowed, and zeros that turn to NaN where one is not finite."""
        odd = list(odd)
        fr, p, lanes = self.frame, self.frame.problem, self.frame.lanes
        kind = vector(fr.accumulator.ir, fr.lanes)
        sums = self._sum(f, line, taps, kind, vectors)
        kind_of = SmallWriter if fr.form.small else Writer
        writer = kind_of(f, cast(Any, fr), past_caches=fr.recipe.past_caches)
        stride = fr.stage.output_strides[-1]
        added = [f.splat(f.load(fr.accumulator.ir, bias), lanes)] if p.bias else None
        if fr.watches:
            odd = [f.fma(value, constant(kind, 0), zeros) for value, zeros in zip(sums, odd, strict=True)]
        writer.store_row([writer.finish([value], added) for value in sums], out, stride, count)
        return writer.overflowed(), odd

    def _sum(self, f: Function, line: Value, taps: Value, kind: str, vectors: int) -> list[Value]:
        """Sums across the lines of all terms, one after the other."""
        fr, p, size = self.frame, self.frame.problem, self.frame.accumulator.size

        def add(term: Operand, term_bytes: int, how: str, begun: list[list[Value]] | None) -> list[list[Value]]:
            load = Window(f, fr, f.at(line, f.mul(term, fr.term_pitch * size)), vectors).load
            return LineSum(f, how, p.kernel[-1], f.at(taps, f.mul(term, term_bytes)), size,
                           dilation=p.kernel_dilation[-1]).emit(load, kind, vectors, begun)

        if fr.form.whole:
            zeros = [constant(kind, -0.0 if fr.accumulator.kind == "f" else 0)] * vectors
            with f.loop(0, fr.terms, carry=zeros) as loop:
                loop.carry(add(loop.index, p.kernel[-1] * size, "plain", [loop.carried])[0])
            assert loop.results is not None
            return loop.results
        sums: list[list[Value]] | None = None
        for term, kinds in enumerate(fr.form.terms):
            sums = add(term, fr.term_bytes, kinds[-1], sums)
        assert sums is not None
        return sums[0]


def not_finite(f: Function, zeros: list[Value], count: int) -> Value:
    """2 if one of the first ``count`` lanes is a NaN: of sums times zero, if one was not finite; else 0."""
    if not zeros:
        return f.value(0)
    odd = zeros[0]
    for other in zeros[1:]:
        odd = f.value(f.add(odd, other))
    kept = odd if count == lanes_of(odd.type) else f.shuffle(odd, None, list(range(count)))
    seen = f.compare("uno", kept, kept)
    if count > 1:
        bits = f.cast("zext", seen, "i8")
        seen = f.compare("ne", f.call(f"llvm.vector.reduce.or.v{count}i8", "i8", bits), constant("i8", 0))
    return f.value(f.select(seen, 2, 0))
