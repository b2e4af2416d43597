"""The third stage: sums transformed back, watched, finished and stored."""

from __future__ import annotations

from ...compiler.emit import Module, Value, constant, vector
from ..direct.activations import activate
from .code import OUT, STATUS, Place, cell, first_of, over_row, transform
from .frame import Frame, Piece
from .lanes import woven


class Sums:
    """Writes ``outputs(context, scratch, bias, group, first row, rows, first channel, channels)``.

    A sum that is not finite marks its row of tiles, before the activation could hide it.
    """

    def __init__(self, frame: Frame, module: Module) -> None:
        self.frame, self.problem = frame, frame.problem
        self.down, self.across = frame.filters
        parameters = [*(("ptr", name) for name in ("context", "scratch", "bias")),
                      *(("i64", name) for name in ("group", "first", "rows", "channel", "channels"))]
        self.f = module.function("outputs", "void", parameters)
        self.context, self.scratch, self.bias, self.group, self.first, self.rows, self.channel, self.channels = (
            self.f.arguments)
        self.leading = len(self.problem.batch) + 2

    def emit(self) -> None:
        """Write the function."""
        f, fr = self.f, self.frame
        table, sums = f.at(self.scratch, fr.places["made"]), f.at(self.scratch, fr.places["sums"])
        self._find_rows(table)
        status = f.at(cell(f, self.context, STATUS), f.mul(f.add(f.mul(self.group, fr.all_rows), self.first), 8))
        with f.loop(0, self.channels) as m:
            channel = f.add(self.channel, m.index)
            added = f.load(fr.element, f.at(self.bias, f.mul(channel, fr.size))) if self.problem.bias else None
            with f.loop(0, self.rows) as row:
                place = f.at(table, f.mul(row.index, 16))
                out = f.at(f.load("ptr", place, align=8), f.mul(channel, self._stride(self.leading - 1)))
                left = f.load("i64", f.at(place, 8), align=8)
                first = f.add(f.mul(m.index, fr.pitch), f.mul(row.index, fr.tiles[1]))
                source = f.at(sums, f.mul(first, fr.size))
                for some in over_row(f, fr):
                    there = f.at(out, f.mul(some.output, self._stride(self.leading + 1)))
                    self._tiles(some, f.at(source, f.mul(some.tile, fr.size)), there, left, added,
                                f.at(status, f.mul(row.index, 8)))
        f.finish()

    def _stride(self, axis: int) -> int:
        return self.frame.strides[axis] * self.frame.size

    def _find_rows(self, table: Value) -> None:
        """For each row of tiles: where it stands in the output, in channel 0, and how many rows of outputs are left."""
        f, fr, p = self.f, self.frame, self.problem
        start = f.at(cell(f, self.context, OUT), f.mul(self.group, self._stride(self.leading - 2)))
        down, m = fr.tiles[0], fr.recipe.tile[0]
        with f.loop(0, self.rows) as row:
            flat = f.add(self.first, row.index)
            y = first_of(f, f.rem(flat, down) if down > 1 else 0, m, p.kernel_dilation[0])
            batch = f.div(flat, down)
            out = f.at(start, f.mul(y, self._stride(self.leading)))
            for axis in reversed(range(self.leading - 2)):
                out = f.at(out, f.mul(f.rem(batch, p.batch[axis]), self._stride(axis)))
                batch = f.div(batch, p.batch[axis])
            place = f.at(table, f.mul(row.index, 16))
            f.store(out, place, align=8)
            f.store(f.sub(p.output[0], y), f.at(place, 8), align=8)

    # --- some tiles of a row

    def _tiles(self, place: Place, source: Value, out: Value, left: Value, added: Value | None, status: Value) -> None:
        f, fr, piece = self.f, self.frame, place.piece
        kind, n = fr.kind(piece.lanes), self.across.n
        columns = []
        for j in range(n):
            values = [f.load(kind, f.at(source, (i * n + j) * fr.sum_plane * fr.size)) for i in range(self.down.n)]
            columns.append(transform(f, self.frame.programs[0].outputs, values))
        bias = None if added is None else f.splat(added, piece.lanes)
        watched = constant(kind, 0)
        rows = []
        for i in range(self.down.m):
            rows.append(transform(f, self.frame.programs[1].outputs, [column[i] for column in columns]))
            for value in rows[-1]:
                watched = f.fma(value, constant(kind, 0), watched)
        self._mark(watched, piece, status)
        for i, row in enumerate(rows):
            self._row(i, row, bias, place, out, left)

    def _mark(self, watched: Value, piece: Piece, status: Value) -> None:
        """Zero times a finite number is zero, anything else NaN; surplus lanes hold anything at all."""
        f, lanes = self.f, piece.lanes
        bad = f.compare("uno", watched, watched)
        own = ["true" if piece.first + lane < self.frame.row.tiles else "false" for lane in range(lanes)]
        bad = f.bits("and", bad, Value(vector("i1", lanes), f"<{', '.join(f'i1 {flag}' for flag in own)}>"))
        any_ = f.call(f"llvm.vector.reduce.or.v{lanes}i1", "i1", bad)
        with f.when(any_):
            f.store(1, status, align=8)

    def _row(self, i: int, row: list[Value], bias: Value | None, place: Place, out: Value, left: Value) -> None:
        f, p, step = self.f, self.problem, self.problem.kernel_dilation[0]

        def finish() -> None:
            values = row if bias is None else [f.value(f.add(value, bias)) for value in row]
            if p.activation is not None:
                values = [activate(f, p.activation, value) for value in values]
            self._store(values, f.at(out, i * step * self._stride(self.leading)), place)

        if p.output[0] % (self.down.m * step) == 0 or (i == 0 and p.output[0] % step == 0):
            finish()
            return
        with f.when(f.compare("slt", i * step, left)):
            finish()

    def _store(self, vectors: list[Value], out: Value, place: Place) -> None:
        """Store the outputs that are left, in whole vectors and then in powers of two."""
        f, fr, (_, _, piece, left) = self.f, self.frame, place
        step, unit = self._stride(self.leading + 1), self.problem.kernel_dilation[1]
        if fr.row.step == 1:
            ahead, most = unit, min(piece.lanes, fr.row.tiles - piece.first)
        else:
            ahead = most = piece.lanes
            vectors = woven(f, vectors, unit)
        for k, value in enumerate(vectors):
            here = min(most, left - k * ahead)
            if here <= 0:
                return
            there = f.at(out, k * ahead * step)
            if step != fr.size:
                for lane in range(here):
                    f.store(f.extract(value, lane), f.at(there, lane * step), align=fr.size)
            else:
                self._store_part(value, there, here, piece.lanes)

    def _store_part(self, value: Value, out: Value, count: int, lanes: int) -> None:
        f, fr = self.f, self.frame
        first = 0
        while count:
            part = 1 << (count.bit_length() - 1)
            piece = value if part == lanes else f.shuffle(value, None, list(range(first, first + part)))
            f.store(piece, f.at(out, first * fr.size), align=fr.size)
            first, count = first + part, count - part

