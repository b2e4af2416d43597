"""The register tile: so many rows times so many vectors of columns, over a block of terms."""

from __future__ import annotations

from ...compiler.emit import Function, Module, Operand, Value, constant, vector
from ..direct.output import Writer
from .frame import Frame
from .weave import Weaver

PARAMETERS = (
    *(("ptr", name) for name in ("columns", "rows", "places", "out", "bias", "totals", "lines")),
    *(("i64", name) for name in ("column", "row_step", "outer", "inner")),
    ("ptr", "ahead"), ("i64", "ahead_step"), ("i1", "later"), ("i1", "last"))

UNROLLED = 4
"""Terms of one turn."""


class Tile:
    """Writes ``tile.WIDTH(...)`` of these parameters.

    ``places`` holds, for each row, how far its numbers and its outputs lie from the first's; ``lines``, where outputs
    are woven, how far those of each line of pixels do.  What ``ahead`` points to is wanted soon: a line of the cache
    for each term.
    """

    def __init__(self, frame: Frame, module: Module, width: int) -> None:
        self.frame, self.width, self.rows = frame, width, frame.recipe.tile[0]
        self.size = frame.element.size
        self.kind = vector(frame.element.ir, frame.lanes)
        self.f: Function = module.function(f"tile.{width}", "void", PARAMETERS)
        self.of = dict(zip((name for _, name in PARAMETERS), self.f.arguments, strict=True))
        self.own: list[Value] = []

    def emit(self) -> None:
        """Write the function."""
        f, fr = self.f, self.frame
        places = [f.at(self.of["places"], 16 * row) for row in range(self.rows)]
        if not fr.packs_rows:
            self.own = [f.at(self.of["rows"], f.load("i64", place, align=8)) for place in places]
        sums = [constant(self.kind, 0)] * (self.rows * self.width)
        sums = self._stretches(sums) if fr.matrices.outer > 1 else self._terms(
            self.of["columns"], 0, self.of["ahead"], sums)[2:]
        outs = [f.at(self.of["out"], f.load("i64", f.at(place, 8), align=8)) for place in places]
        if fr.totals_bytes:
            self._add(sums)
            with f.when(self.of["last"]):
                self._write(self._totals(), outs)
        else:
            self._write(sums, outs)
        f.finish()

    # --- sums

    def _stretches(self, sums: list[Value]) -> list[Value]:
        f = self.f
        with f.loop(0, self.of["outer"], carry=[self.of["columns"], self.of["ahead"], *sums]) as loop:
            columns, ahead, *sums = loop.carried
            columns, ahead, *sums = self._terms(columns, f.mul(loop.index, self.of["row_step"]), ahead, sums)
            loop.carry([columns, ahead, *sums])
        assert loop.results is not None
        return loop.results[2:]

    def _terms(self, columns: Value, offset: Operand, ahead: Value, sums: list[Value]) -> list[Value]:
        """One stretch: the columns' address behind it, what is ahead, and the sums."""
        f, count = self.f, self.of["inner"]
        rows = [f.at(row, offset) for row in self.own] or [self.of["rows"]]
        whole = f.bits("and", count, f.value(-UNROLLED))
        carried = [columns, ahead, *sums]
        for first, last, step in ((0, whole, UNROLLED), (whole, count, 1)):
            with f.loop(first, last, step, carry=carried) as loop:
                columns, ahead, *sums = loop.carried
                for term in range(step):
                    sums = self._term(f.at(columns, term * self.frame.pitch * self.size), rows, loop.index, term, sums)
                    self._fetch(ahead)
                    ahead = f.at(ahead, self.of["ahead_step"])
                loop.carry([f.at(columns, step * self.frame.pitch * self.size), ahead, *sums])
            assert loop.results is not None
            carried = loop.results
        return carried

    def _term(self, columns: Value, rows: list[Value], index: Value, term: int, sums: list[Value]) -> list[Value]:
        f, size = self.f, self.size
        found: list[Value] = []
        vectors = [f.load(self.kind, f.at(columns, v * self.frame.lanes * size), align=size) for v in range(self.width)]
        if self.frame.packs_rows:
            rows = [f.at(rows[0], f.mul(index, self.rows * size))] * self.rows
            offsets = [(term * self.rows + row) * size for row in range(self.rows)]
        else:
            rows, offsets = [f.at(row, f.mul(index, size)) for row in rows], [term * size] * self.rows
        for row, offset in zip(rows, offsets, strict=True):
            number = f.splat(f.load(self.frame.element.ir, f.at(row, offset), align=size), self.frame.lanes)
            found += [f.fma(number, each, sums[len(found) + v]) for v, each in enumerate(vectors)]
        return found

    def _fetch(self, ahead: Value) -> None:
        """Ask for a line of the cache: a hint, which no address can make fail."""
        reading, keep, data = (Value("i32", text) for text in ("0", "3", "1"))
        self.f.call("llvm.prefetch.p0", "void", ahead, reading, keep, data)

    # --- totals of several blocks of terms, in double precision

    def _halves(self) -> list[range]:
        """A vector's lanes as vectors of doubles, as long as a register is."""
        lanes, each = self.frame.lanes, max(1, self.frame.recipe.vector_bytes // 8)
        return [range(first, first + each) for first in range(0, lanes, each)]

    def _add(self, sums: list[Value]) -> None:
        f, at = self.f, 0
        for value in sums:
            for half in self._halves():
                place = f.at(self.of["totals"], 8 * at)
                at += len(half)
                whole = len(half) == self.frame.lanes
                part = value if whole else f.cast("fpext", f.shuffle(value, None, half), "double")
                known = f.load(part.type, place, align=8)
                known = f.select(self.of["later"], known, constant(part.type, 0))
                f.store(f.add(known, part), place, align=8)

    def _totals(self) -> list[Value]:
        f, at, found = self.f, 0, []
        for _ in range(self.rows * self.width):
            parts = []
            for half in self._halves():
                parts.append(f.load(vector("double", len(half)), f.at(self.of["totals"], 8 * at), align=8))
                at += len(half)
            if len(parts) > 1:
                narrow = [f.cast("fptrunc", part, "float") for part in parts]
                parts = [f.shuffle(narrow[0], narrow[1], range(self.frame.lanes))]
            found += parts
        return found

    # --- outputs

    def _write(self, sums: list[Value], outs: list[Value]) -> None:
        """Add the bias, apply the activation and store."""
        f, fr, size = self.f, self.frame, self.size
        if fr.woven:
            Weaver(self).write(sums, outs)
            return
        writer, last = Writer(f, fr), fr.matrices.columns - (self.width - 1) * fr.lanes
        by_column = fr.matrices.columns_of == "kernels"
        added: list[Value | None] = [None] * self.width
        for row, out in enumerate(outs):
            if fr.problem.bias and (row == 0 or not by_column):
                added = [self.bias(v if by_column else row, by_column=by_column) for v in range(self.width)]
            for v in range(self.width):
                bias = added[v]
                value = writer.finish([sums[row * self.width + v]], None if bias is None else [bias])
                lanes = last if fr.columns_cut and v == self.width - 1 else fr.lanes
                if lanes > 0:
                    writer.store(value, f.at(out, v * fr.lanes * fr.column_stride * size), fr.column_stride, lanes)

    def bias(self, number: int, *, by_column: bool) -> Value:
        """Of a vector of columns, or of a row."""
        f, fr = self.f, self.frame
        if by_column:
            return f.load(self.kind, f.at(self.of["bias"], number * fr.lanes * self.size), align=self.size)
        return f.splat(f.load(fr.element.ir, f.at(self.of["bias"], number * self.size), align=self.size), fr.lanes)
