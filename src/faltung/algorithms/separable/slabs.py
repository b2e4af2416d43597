"""Work items of volumes, and of arrays with any more axes: pass after pass, through slabs that stay in the cache."""

from __future__ import annotations

from ...compiler.emit import Operand, Value
from ...compiler.entry import split
from .frame import ENTRY_BYTES
from .passes import down_names
from .work import Columns, Work


class SlabWork(Work):
    """Writes ``work``: one block of outputs, a few of them along each axis at a time.

    The pass along the first axis sums rows of the image to those of a *slab*: a row for each place along the axes
    behind, as far as the block looks at them, columns beside the image included.  Each next axis but the last makes a
    smaller slab of it.  What is left of axes then is a plane, whose tiles are made as those of an image are.
    """

    def _tiles(self, image: Value, out: Value, taps: Value, bias: Value, columns: Columns) -> Value:
        places = iter(self.frame.places[5:-1])
        scratch = [(self.f.at(self.scratch, slab), self.f.at(self.scratch, entries))
                   for slab, entries in zip(places, places, strict=True)]
        self.slabs, self.slab_entries = zip(*scratch, strict=True)
        return self._groups(0, image, out, taps, bias, columns, self.f.value(0))

    def _groups(self, axis: int, source: Value, out: Value, taps: Value, bias: Value, columns: Columns,
                flags: Value) -> Value:
        """All outputs from an axis on, of the image or of one place of a slab."""
        f, fr = self.f, self.frame
        whole: Columns = (0, fr.extents[-1], 0)
        if axis == fr.last:
            self._enter_rows(source, self.entries, 0, fr.extents[axis], 1)
            return self._rows_of_tiles(out, taps, bias, whole, flags)
        rows, block = fr.rows(axis), fr.recipe.block[axis]
        step = fr.stage.output_strides[len(self.problem.batch) + 2 + axis] * fr.target.itemsize
        with f.loop(0, -(-block // rows), carry=[flags]) as loop:
            top = f.smaller(f.mul(loop.index, rows), block - rows)
            self._slab(axis, source, top, taps, columns if axis == 0 else whole)
            with f.loop(0, rows, carry=[loop.carried[0]]) as one:
                part = f.at(self.slabs[axis], f.mul(one.index, self._row_bytes * fr.places_behind(axis)))
                there = f.at(out, f.mul(f.add(top, one.index), step))
                one.carry([self._groups(axis + 1, part, there, taps, bias, columns, one.carried[0])])
            assert one.results is not None
            loop.carry(one.results)
        assert loop.results is not None
        return loop.results[0]

    @property
    def _row_bytes(self) -> int:
        return self.frame.line_pitch * self.frame.accumulator.size

    def _slab(self, axis: int, source: Value, top: Operand, taps: Value, columns: Columns) -> None:
        """The sums along one axis, for a few outputs there, of every row behind it."""
        f, fr = self.f, self.frame
        entries, behind, count = self.slab_entries[axis], fr.places_behind(axis), fr.seen_rows(axis)
        taps, first = f.at(taps, fr.weights_before(axis)), f.mul(top, self.problem.stride[axis])
        with f.loop(0, behind) as place:
            lines = f.at(self.slabs[axis], f.mul(place.index, self._row_bytes))
            if axis == 0:
                self._rows(source, self._positions(first, place.index), count, entries, *columns[:2])
            else:
                row = f.at(source, f.mul(f.add(f.mul(first, behind), place.index), self._row_bytes))
                self._enter_rows(row, entries, 0, count, behind)
            kind, = fr.form.kinds(axis)
            f.call(down_names(fr, axis, kind)[0], "void", entries, lines, *columns, taps, fr.rows(axis), local=True)
            if axis == 0:
                self._beside(entries, lines, columns, taps, fr.rows(axis), kind)

    def _positions(self, first: Operand, place: Value) -> list[Operand]:
        """The position along each axis but the last of one place behind the first axis."""
        f = self.f
        found: list[Operand] = []
        rest: Operand = place
        for axis in range(self.frame.last, 0, -1):
            index, rest = split(f, rest, self.frame.extents[axis])
            found.append(f.add(self.firsts[axis], index))
        return [f.add(self.firsts[0], first), *reversed(found)]

    def _enter_rows(self, source: Value, entries: Value, first: Operand, count: Operand, apart: int) -> None:
        """Enter rows of a slab, so many rows apart."""
        f = self.f
        with f.loop(first, count) as loop:
            row = f.at(source, f.mul(loop.index, apart * self._row_bytes))
            self._enter(f.at(entries, f.mul(loop.index, ENTRY_BYTES)), row, row, self.frame.accumulator.size)
