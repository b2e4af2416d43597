"""The third stage: sums transformed back, watched, finished and stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, product
from typing import NamedTuple

from ...compiler.emit import Module, Operand, Value, constant, lanes_of, vector
from ..direct.activations import activate
from .code import OUT, STATUS, Place, cell, first_of, over_row, transform
from .frame import Frame, Piece
from .gauss import of_sums
from .lanes import woven


class _Target(NamedTuple):
    """Of a row of tiles: where it stands in the output, how many rows of outputs are left there, and its mark."""

    out: Value
    left: Value
    status: Value


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
        f, fr, p = self.f, self.frame, self.problem
        table, sums = f.at(self.scratch, fr.places["made"]), f.at(self.scratch, fr.places["sums"])
        self._find_rows(table)
        status = f.at(cell(f, self.context, STATUS), f.mul(f.add(f.mul(self.group, fr.all_rows), self.first), 8))
        with f.loop(0, self.channels, fr.factors) as m:
            channel = f.div(f.add(self.channel, m.index), fr.factors)
            first = f.mul(channel, fr.components)
            added = [f.load(fr.element, f.at(self.bias, f.mul(f.add(first, k), fr.size)), align=fr.size)
                     for k in range(fr.components)] if p.bias else []
            with f.loop(0, self.rows, fr.together) as row:
                found = [self._target(table, status, f.add(row.index, k), channel) for k in range(fr.together)]
                first = f.add(f.mul(m.index, fr.pitch), f.mul(row.index, fr.tiles[1]))
                source = f.at(sums, f.mul(first, fr.size))
                if fr.together > 1:
                    self._tiles(Place(0, 0, Piece(0, fr.lanes), p.output[1]), source, found, added)
                for some in over_row(f, fr) if fr.together == 1 else ():
                    there = f.at(found[0].out, f.mul(some.output, self._stride(self.leading + 1)))
                    self._tiles(some, f.at(source, f.mul(some.tile, fr.size)), [found[0]._replace(out=there)], added)
        f.finish()

    def _target(self, table: Value, status: Value, row: Operand, channel: Operand) -> _Target:
        f, place = self.f, self.f.at(table, self.f.mul(row, 16))
        out = f.at(f.load("ptr", place, align=8), f.mul(channel, self._stride(self.leading - 1)))
        return _Target(out, f.load("i64", f.at(place, 8), align=8), f.at(status, f.mul(row, 8)))

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

    def _tiles(self, place: Place, source: Value, targets: list[_Target], added: list[Value]) -> None:
        f, fr, piece = self.f, self.frame, place.piece
        kind = fr.kind(piece.lanes)
        bias = [f.splat(one, piece.lanes) for one in added]
        watched = constant(kind, 0)
        components = self._outputs(source, kind)
        for value in chain(*chain(*components)):
            watched = f.fma(value, constant(kind, 0), watched)
        self._mark(watched, piece, targets)
        for i, row in enumerate(zip(*components, strict=True)):
            self._row(i, row, bias, place, targets)

    def _outputs(self, source: Value, kind: str) -> list[list[list[Value]]]:
        """The rows of each component of some tiles."""
        f, fr, n = self.f, self.frame, self.across.n
        columns: list[list[list[Value]]] = [[] for _ in range(fr.components)]
        for j in range(n):
            places = [f.at(source, (i * n + j) * fr.sum_plane * fr.size) for i in range(self.down.n)]
            found = [of_sums(f, [f.load(kind, f.at(place, k * fr.pitch * fr.size)) for k in range(fr.factors)])
                     for place in places]
            for own, values in zip(columns, zip(*found, strict=True), strict=True):
                own.append(transform(f, fr.programs[0].outputs, values))
        return [[transform(f, fr.programs[1].outputs, [column[i] for column in own]) for i in range(self.down.m)]
                for own in columns]

    def _mark(self, watched: Value, piece: Piece, targets: list[_Target]) -> None:
        """Zero times a finite number is zero, anything else NaN; surplus lanes hold anything at all."""
        f, lanes, tiles = self.f, piece.lanes, self.frame.row.tiles
        bad = f.compare("uno", watched, watched)
        own = ["true" if piece.first + lane < tiles * len(targets) else "false" for lane in range(lanes)]
        bad = f.bits("and", bad, Value(vector("i1", lanes), f"<{', '.join(f'i1 {flag}' for flag in own)}>"))
        with f.when(self._any(bad)):
            if len(targets) == 1:
                f.store(1, targets[0].status, align=8)
            for k, target in enumerate(targets) if len(targets) > 1 else ():
                with f.when(self._any(f.shuffle(bad, None, list(range(k * tiles, (k + 1) * tiles))))):
                    f.store(1, target.status, align=8)

    def _any(self, bad: Value) -> Value:
        lanes = lanes_of(bad.type)
        return bad if lanes == 1 else self.f.call(f"llvm.vector.reduce.or.v{lanes}i1", "i1", bad)

    def _row(self, i: int, row: Sequence[list[Value]], bias: list[Value], place: Place, targets: list[_Target]) -> None:
        if len(targets) == 1:
            with self._if_left(i, targets[0]):
                self._store(self._finished(row, bias), self._below(targets[0], i), place)
            return
        parted = [self._parted(values, len(targets)) for values in self._finished(row, bias)]
        for target, *values in zip(targets, *parted, strict=True):
            with self._if_left(i, target):
                self._store_vectors(values, self._below(target, i), place.left)

    def _finished(self, row: Sequence[list[Value]], bias: list[Value]) -> list[list[Value]]:
        f, p, found = self.f, self.problem, list(row)
        if bias:
            found = [[f.value(f.add(value, one)) for value in values] for values, one in zip(row, bias, strict=True)]
        if p.activation is None:
            return found
        return [[activate(f, p.activation, value) for value in values] for values in found]

    def _below(self, target: _Target, i: int) -> Value:
        return self.f.at(target.out, i * self.problem.kernel_dilation[0] * self._stride(self.leading))

    @contextmanager
    def _if_left(self, i: int, target: _Target) -> Iterator[None]:
        """Only if a tile's row ``i`` of outputs is not behind the last."""
        p, step = self.problem, self.problem.kernel_dilation[0]
        if p.output[0] % (self.down.m * step) == 0 or (i == 0 and p.output[0] % step == 0):
            yield
            return
        with self.f.when(self.f.compare("slt", i * step, target.left)):
            yield

    def _parted(self, vectors: list[Value], count: int) -> list[list[Value]]:
        """The outputs of each of several rows, as vectors in line."""
        f, line, each = self.f, woven(self.f, vectors), len(vectors) * lanes_of(vectors[0].type) // count
        lanes = lanes_of(line[0].type)
        if each >= lanes:
            return [line[first:first + each // lanes] for first in range(0, len(line), each // lanes)]
        return [[f.shuffle(one, None, list(range(first, first + each)))] for one in line
                for first in range(0, lanes, each)]

    def _store_vectors(self, vectors: Sequence[list[Value]], out: Value, count: int) -> None:
        """Store the first so many numbers, of whose components there are vectors."""
        lanes, step = lanes_of(vectors[0][0].type), self._stride(self.leading + 1)
        for k, value in enumerate(zip(*vectors, strict=True)):
            self._store_some(value, self.f.at(out, k * lanes * step), min(lanes, count - k * lanes))

    def _store(self, vectors: list[list[Value]], out: Value, place: Place) -> None:
        """Store the outputs that are left, in whole vectors and then in powers of two."""
        f, fr, (_, _, piece, left) = self.f, self.frame, place
        step, unit = self._stride(self.leading + 1), self.problem.kernel_dilation[1]
        if fr.row.step == 1:
            ahead, most = unit, min(piece.lanes, fr.row.tiles - piece.first)
        else:
            ahead = most = piece.lanes
            vectors = [woven(f, one, unit) for one in vectors]
        for k, value in enumerate(zip(*vectors, strict=True)):
            here = min(most, left - k * ahead)
            if here <= 0:
                return
            self._store_some(value, f.at(out, k * ahead * step), here)

    def _store_some(self, components: Sequence[Value], out: Value, count: int) -> None:
        f, fr, step, lanes = self.f, self.frame, self._stride(self.leading + 1), lanes_of(components[0].type)
        if step == len(components) * fr.size:
            for k, value in enumerate(woven(f, components)):
                self._store_line(value, f.at(out, k * lanes * fr.size), min(lanes, len(components) * count - k * lanes))
            return
        for lane, (k, value) in product(range(max(0, count)), enumerate(components)):
            f.store(f.extract(value, lane), f.at(out, lane * step + k * fr.size), align=fr.size)

    def _store_line(self, value: Value, out: Value, count: int) -> None:
        """The first so many of a vector, in powers of two."""
        f, fr, lanes, first = self.f, self.frame, lanes_of(value.type), 0
        while count > 0:
            part = 1 << (count.bit_length() - 1)
            piece = value if part == lanes else f.shuffle(value, None, list(range(first, first + part)))
            f.store(piece, f.at(out, first * fr.size), align=fr.size)
            first, count = first + part, count - part

