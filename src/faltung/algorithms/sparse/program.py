"""The program: that of `direct`, with tiles that read which taps there are from a table.

A tap that is zero is in no table, but what it meets may be a NaN or an infinity, which it does not take away.  So
the samples of a block are watched while they are packed, and a block with one that is not finite is summed with all
taps.  They follow each other in the same order, so the other sums of such a block keep their bits.
"""

from __future__ import annotations

from itertools import product

from ...compiler.emit import Function, Module, Operand, Value, constant, lanes_of, vector
from ..direct.pack import Packer
from ..direct.pixels import PixelTile
from ..direct.program import Work, emit_entry
from .frame import ENTRY_BYTES, SparseFrame

ANY = "any"
"""Name of the tile that reads places from the table, beside one for a pattern."""


def emit_program(frame: SparseFrame) -> str:
    """Write the IR of ``entry`` and all that it needs."""
    module = Module()
    packer = WatchingPacker(frame, module) if frame.watches else Packer(frame, module)
    packer.emit_row()
    if frame.pattern:
        (SharingTile if frame.twins else PatternTile)(frame, module).emit()
    if frame.watches or not frame.pattern:
        TableTile(frame, module, ANY if frame.pattern else "tile").emit()
    SparseWork(frame, module, packer).emit()
    emit_entry(frame, module)
    return module.text()


class TableTile(PixelTile):
    """Writes ``tile(image, table, bias, out) -> overflowed``: one turn for each tap of the table."""

    def reduce(self, image: Value, kernel: Value, sums: list[Value]) -> list[Value]:
        """Add the products of each tap of the table to all sums."""
        f = self.f
        count = f.load("i64", kernel, align=8)
        with f.loop(0, count, carry=sums) as loop:
            entry = f.at(kernel, f.mul(f.add(loop.index, 1), ENTRY_BYTES))
            here = f.at(image, f.load("i64", entry, align=8))
            weight, inner = self._value(entry), list(loop.carried)
            for row, v in product(range(self.rows), range(self.vectors)):
                at = row * self.vectors + v
                inner[at] = f.fma(self._pixels(here, row * self.row_step, v)[0], weight, inner[at])
            loop.carry(inner)
        assert loop.results is not None
        return loop.results

    def _value(self, entry: Value) -> Value:
        scalar = self.f.load(self.frame.accumulator.ir, self.f.at(entry, 8), align=8)
        return self.f.splat(scalar, self.frame.lanes)


class PatternTile(TableTile):
    """Writes the same function for one pattern, so that the taps' places are part of the code.

    Within a column of taps (or where they come row by row) each vector is loaded once; every output is summed in the
    order of the table.
    """

    def reduce(self, image: Value, kernel: Value, sums: list[Value]) -> list[Value]:
        """Add the products of the pattern's taps to all sums."""
        fr = self.frame
        assert isinstance(fr, SparseFrame)
        together: dict[int, list[tuple[int, int, int]]] = {}
        rows, width = fr.problem.kernel[-2:]
        for entry, number in enumerate(fr.pattern, 1):
            tap = int(fr.order[number])
            row = tap // width % rows
            column = tap - row * width
            together.setdefault(0 if fr.by_rows else column, []).append((row, column, entry))
        for taps in together.values():
            sums = self._taps(image, kernel, list(sums), taps)
        return sums

    def _taps(self, image: Value, kernel: Value, sums: list[Value], taps: list[tuple[int, int, int]]) -> list[Value]:
        """Some taps, as (row, first tap of the column, entry of the table), against rows and vectors of the tile."""
        fr = self.frame
        assert isinstance(fr, SparseFrame)
        values = {entry: self._value(self.f.at(kernel, entry * ENTRY_BYTES)) for _, _, entry in taps}
        pairs: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for (tap, column, entry), row in product(taps, range(self.rows)):
            pairs.setdefault((row * self.row_step + tap * self.row_dilation, column), []).append((row, entry))
        columns = fr.order[:fr.problem.kernel[-1]] if fr.by_rows else ()
        turns = {int(column): turn for turn, column in enumerate(columns)}
        in_turn = sorted(pairs, key=lambda pair: (pair[0], turns.get(pair[1], 0)))
        for (image_row, column), v in product(in_turn, range(self.vectors)):
            pixels = self._pixels(self.f.at(image, int(fr.places[column])), image_row, v)[0]
            for row, entry in pairs[image_row, column]:
                at = row * self.vectors + v
                sums[at] = self._added(pixels, values[entry], fr.factors[entry - 1], sums[at])
        return sums

    def _added(self, pixels: Value, value: Value, factor: int, total: Value) -> Value:
        """Add a product, or what a factor that is known makes of it: the pixels, shifted, or their opposite."""
        if not factor:
            return self.f.fma(pixels, value, total)
        shift = abs(factor).bit_length() - 1
        moved = self.f.bits("shl", pixels, constant(pixels.type, shift)) if shift else pixels
        return self.f.value(self.f.add(total, moved) if factor > 0 else self.f.sub(total, moved))


class SharingTile(PatternTile):
    """Writes the same function where equal and opposite taps share a product: samples are added before.

    Of integers only, whose sums are right in any order.  Sums of samples need registers, so the tile is summed in
    halves, one behind the other.
    """

    def reduce(self, image: Value, kernel: Value, sums: list[Value]) -> list[Value]:
        """Add the products of the pattern's taps to all sums."""
        fr = self.frame
        assert isinstance(fr, SparseFrame)
        groups: dict[int, list[tuple[int, int]]] = {}
        for entry, (number, twin) in enumerate(zip(fr.pattern, fr.twins, strict=True), 1):
            groups.setdefault(0 if fr.factors[entry - 1] else abs(twin), []).append((int(fr.order[number]), entry))
        sums, half = list(sums), -(-self.rows * self.vectors // 2)
        places = list(product(range(self.rows), range(self.vectors)))
        for part in (places[:half], places[half:]):
            for first, taps in groups.items():
                self._group(image, kernel, sums, part, first, taps)
        return sums

    def _group(self, image: Value, kernel: Value, sums: list[Value], part: list[tuple[int, int]], first: int,
               taps: list[tuple[int, int]]) -> None:
        """Add the taps that share a product to some of the sums, or all whose products are shifts."""
        fr = self.frame
        assert isinstance(fr, SparseFrame)
        begun: dict[tuple[int, int], Value] = {}
        pixels: dict[tuple[int, int, int], Value] = {}
        rows, width = fr.problem.kernel[-2:]
        for (tap, entry), (row, v) in product(taps, part):
            down = tap // width % rows
            place = int(fr.places[tap - down * width]), row * self.row_step + down * self.row_dilation, v
            if place not in pixels:
                pixels[place] = self._pixels(self.f.at(image, place[0]), *place[1:])[0]
            at = row * self.vectors + v
            if not first:
                sums[at] = self._added(pixels[place], kernel, fr.factors[entry - 1], sums[at])
            elif (row, v) in begun:
                join = self.f.add if fr.twins[entry - 1] > 0 else self.f.sub
                begun[row, v] = self.f.value(join(begun[row, v], pixels[place]))
            else:
                begun[row, v] = pixels[place]
        weight = self._value(self.f.at(kernel, first * ENTRY_BYTES))
        for (row, v), total in begun.items():
            at = row * self.vectors + v
            sums[at] = self.f.fma(total, weight, sums[at])


class WatchingPacker(Packer):
    """Packs a block, and finds out whether all of its samples are finite."""

    def emit_row(self) -> None:
        """Write ``pack_row`` as it is, and ``watch_row(row, odd)``: a sample that is not finite makes ``odd`` a NaN."""
        super().emit_row()
        f = self.module.function("watch_row", "void", [("ptr", "row"), ("ptr", "odd")])
        row, odd = f.arguments
        size, length, lanes = self.element.size, self.frame.packed_extents[-1], self.frame.lanes
        while lanes > length:
            lanes //= 2
        kind = vector(self.element.ir, lanes)
        # several sums, as one would have to wait for itself
        count = next(count for count in (4, 2, 1) if count * lanes <= length)
        sums = [f.load(kind, odd, align=size), *[constant(kind, 0)] * (count - 1)]
        with f.loop(0, length, count * lanes, carry=sums) as loop:
            # the last vectors are shifted back: what lies behind a row was never written
            first = f.at(row, f.mul(f.smaller(loop.index, length - count * lanes), size))
            places = [f.at(first, number * lanes * size) for number in range(count)]
            loop.carry([f.fma(f.load(kind, place, align=size), constant(kind, 0), total)
                        for place, total in zip(places, loop.carried, strict=True)])
        assert loop.results is not None
        total, *others = loop.results
        for other in others:
            total = f.value(f.add(total, other))
        f.store(total, odd, align=size)
        f.finish()

    def emit_block(self, f: Function, image: Value, scratch: Value, positions: list[Operand],
                   steps: list[Operand], channel_step: Operand, tables: Value) -> None:
        """Write the loops over channels and outer axes; afterwards ``odd`` lies where the frame says."""
        assert isinstance(self.frame, SparseFrame)
        self.odd = f.at(scratch, self.frame.odd_place)
        f.store(constant(vector(self.element.ir, self.frame.lanes), 0), self.odd, align=self.element.size)
        super().emit_block(f, image, scratch, positions, steps, channel_step, tables)

    def _axis(self, axis: int, to: Value, source: Value, positions: list[Operand], steps: list[Operand],
              tables: Value, valid: Value, fill: list[Value]) -> None:
        super()._axis(axis, to, source, positions, steps, tables, valid, fill)
        if axis == self.frame.problem.ndim - 1:
            self.f.call("watch_row", "void", to, self.odd, local=True)


def is_odd(f: Function, watched: Value) -> Value:
    """Whether any lane is a NaN."""
    seen, count = f.compare("uno", watched, watched), lanes_of(watched.type)
    if count == 1:
        return seen
    flags = f.cast("zext", seen, "i8")
    return f.compare("ne", f.call(f"llvm.vector.reduce.or.v{count}i8", "i8", flags), constant("i8", 0))


class SparseWork(Work):
    """Writes ``work(context, item, slot)``: a block with a sample that is not finite is summed with all taps."""

    table = 0
    """Bytes behind a kernel's first table at which the taps begin that are summed."""

    def kernel_of(self, number: Operand) -> Value:
        """Where the table of a kernel's taps lies."""
        return self.f.at(super().kernel_of(number), self.table)

    def _channel_blocks(self, image: Value, scratch: Value, out: Value, group: Operand, share: Operand) -> None:
        f, fr = self.f, self.frame
        assert isinstance(fr, SparseFrame)
        if not fr.watches:
            super()._channel_blocks(image, scratch, out, group, share)
            return
        seen = is_odd(f, f.load(vector(fr.accumulator.ir, fr.lanes), f.at(scratch, fr.odd_place),
                                align=fr.accumulator.size))
        with f.unless(seen):
            super()._channel_blocks(image, scratch, out, group, share)
        with f.when(seen):
            self.tile, self.table = ANY if fr.pattern else "tile", fr.table_bytes
            super()._channel_blocks(image, scratch, out, group, share)
