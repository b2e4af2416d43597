"""Bring one block of the image, border and all, into the accumulator's type and the tile's order.

A row is packed at a time.  Inside the image, it is copied by vectors; outside, each position goes
through a short table of mapped indices (-1: the constant border).  So the border is handled where it
occurs, for every border alike, and the tiles never meet one.
"""

from __future__ import annotations

from ...compiler.casts import widen
from ...compiler.emit import Function, Module, Operand, Value, constant, lanes_of, vector
from ...problem.problem import Side
from .borders import outside
from .frame import Frame


def _is_empty(begin: Operand, end: Operand) -> bool:
    """Whether there is certainly nothing from ``begin`` to below ``end``."""
    return isinstance(begin, int) and isinstance(end, int) and begin >= end


class Packer:
    """Writes ``pack_row`` and the loops that call it."""

    def __init__(self, frame: Frame, module: Module, tables: Value | None = None) -> None:
        self.frame, self.module = frame, module
        self.element = frame.packed
        self.extents, self.outside = frame.packed_extents, outside(frame)
        sizes = [before + behind for before, behind in self.outside]
        self.table_starts = [8 * sum(sizes[:axis]) for axis in range(len(sizes))]

    # --- one row

    def emit_row(self) -> None:
        """Write ``pack_row(to, from, step, position, tables, valid, fill...)``."""
        planes = [(self.element.ir, f"fill{plane}") for plane in range(self.element.planes)]
        parameters = [("ptr", "to"), ("ptr", "from"), ("i64", "step"), ("i64", "position"), ("ptr", "tables"),
                      ("i1", "valid"), *planes]
        f = self.f = self.module.function("pack_row", "void", parameters)
        to, source, step, *others = f.arguments
        position: Operand = others[0]
        tables, valid, fill = others[1], others[2], others[3:]
        length, extent = self.frame.packed_extents[-1], self.frame.problem.image[-1]
        if self.frame.blocks[-1] == 1:  # every row is packed whole: all bounds are constants
            position = self.frame.problem.start[-1]
        first = f.smaller(f.larger(f.sub(0, position), 0), length)
        last = f.larger(first, f.smaller(f.sub(extent, position), length))
        for side, (begin, end) in enumerate(((0, first), (last, length))):
            if sum(self.outside[-1]) and not _is_empty(begin, end):
                self._outside(side, to, source, step, position, tables, valid, fill, begin, end)
        if not _is_empty(first, last):
            with f.unless(valid), f.loop(first, last) as loop:
                self._put(to, loop.index, fill)
            with f.when(valid):
                row = f.at(source, f.mul(f.add(position, first), step))
                self._inside(to, row, step, first, last)
        f.finish()

    def _outside(self, side: int, to: Value, source: Value, step: Value, position: Operand, tables: Value, valid: Value,
                 fill: list[Value], begin: Operand, end: Operand) -> None:
        f, axis = self.f, self.frame.problem.ndim - 1
        if not any(isinstance(side, str) for side in self.frame.problem.border[axis]):
            with f.loop(begin, end) as loop:
                self._put(to, loop.index, self._constants(self.frame.problem.border[axis][side]))
            return
        with f.loop(begin, end) as loop:
            mapped, constant_fill = self._look_up(axis, f.add(position, loop.index), tables)
            inside = f.compare("sge", mapped, 0)
            with f.unless(inside):
                self._put(to, loop.index, constant_fill)
            with f.when(inside):
                with f.unless(valid):
                    self._put(to, loop.index, fill)
                with f.when(valid):
                    self._put(to, loop.index, self._get(f.at(source, f.mul(mapped, step)), 1))

    def _look_up(self, axis: int, position: Operand, tables: Value) -> tuple[Value, list[Value]]:
        """The mapped index of a position outside (or -1), and the constant of its side."""
        f, extent = self.f, self.frame.problem.image[axis]
        before = self.outside[axis][0]
        negative = f.compare("slt", position, 0)
        row = f.select(negative, f.add(position, before), f.add(f.sub(position, extent), before))
        mapped = f.load("i64", f.at(f.at(tables, self.table_starts[axis]), f.mul(row, 8)), align=8)
        head, tail = (self._constants(side) for side in self.frame.problem.border[axis])
        return mapped, [f.select(negative, a, b) for a, b in zip(head, tail, strict=True)]

    def _constants(self, side: Side) -> list[Value]:
        if isinstance(side, str):
            side = 0
        if self.element.kind != "f":
            return [constant(self.element.ir, int(side.real))]
        number = complex(side)
        return [constant(self.element.ir, part) for part in (number.real, number.imag)[:self.element.planes]]

    def _inside(self, to: Value, row: Value, step: Value, first: Operand, last: Operand) -> None:
        """Copy the positions that lie inside the image; ``row`` is the first of them."""
        f, fr = self.f, self.frame
        lanes = self._copied_lanes()
        count = lanes * fr.phases
        # with two phases, vectors begin at an even position
        begin = f.add(first, self._odd(first))
        room = f.sub(last, begin)
        if lanes < 2 or (isinstance(room, int) and room < count):
            self._copy_each(to, row, step, first, last, first)
            return
        adjacent = f.compare("eq", step, fr.source.itemsize)
        enough = adjacent if isinstance(room, int) else f.bits("and", adjacent, f.compare("sge", room, count))
        with f.unless(enough):
            self._copy_each(to, row, step, first, last, first)
        with f.when(enough):
            if fr.phases == 2:
                self._copy_each(to, row, step, first, begin, first)
            # the last vector is shifted back, so that no single elements are left
            final = f.sub(last, count)
            final = f.sub(final, self._odd(final))
            with f.loop(begin, f.add(final, count), count) as loop:
                at = f.smaller(loop.index, final)
                offset = f.mul(f.sub(at, first), fr.source.itemsize)
                self._put_vector(to, at, self._get(f.at(row, offset), count))
            if fr.phases == 2:
                self._copy_each(to, row, step, f.add(final, count), last, first)

    def _odd(self, index: Operand) -> Operand:
        """1 where an index falls into the second of two phases."""
        return self.f.rem(self.f.add(index, self.frame.phase_shift), self.frame.phases)

    def _copied_lanes(self) -> int:
        """Lanes of a phase that are copied at once: no more than the image is wide."""
        phases = self.frame.phases
        if phases > 2:
            return 1
        lanes = self.frame.recipe.vector_bytes // self.element.size
        while lanes > 1 and lanes * phases > self.frame.problem.image[-1]:
            lanes //= 2
        return lanes

    def _copy_each(self, to: Value, row: Value, step: Value, begin: Operand, end: Operand, first: Operand) -> None:
        f = self.f
        if _is_empty(begin, end):
            return
        with f.loop(begin, end) as loop:
            self._put(to, loop.index, self._get(f.at(row, f.mul(f.sub(loop.index, first), step)), 1))

    def _get(self, source: Value, count: int) -> list[Value]:
        """Load ``count`` neighbouring elements and widen them, plane by plane."""
        f, element = self.f, self.frame.source
        raw = f.load(vector(element.ir, count * element.planes), source)
        planes = [raw] if element.planes == 1 else [self._every(raw, plane, 2) for plane in (0, 1)]
        wide = [widen(f, plane, element, self.element) for plane in planes]
        missing = self.element.planes - len(wide)
        return wide + [constant(wide[0].type, 0)] * missing

    def _every(self, raw: Value, first: int, step: int) -> Value:
        return self.f.shuffle(raw, None, list(range(first, lanes_of(raw.type), step)))

    def _put(self, to: Value, index: Operand, planes: list[Value]) -> None:
        f, fr = self.f, self.frame
        index = f.add(index, fr.phase_shift)
        place = f.add(f.mul(f.rem(index, fr.phases), fr.phase_pitch), f.div(index, fr.phases))
        for plane, value in enumerate(planes):
            f.store(value, f.at(to, self._bytes(f.add(place, plane * fr.plane_pitch))), align=self.element.size)

    def _put_vector(self, to: Value, index: Operand, planes: list[Value]) -> None:
        f, fr = self.f, self.frame
        for plane, value in enumerate(planes):
            for phase in range(fr.phases):
                part = value if fr.phases == 1 else self._every(value, phase, fr.phases)
                column = f.div(f.add(index, fr.phase_shift), fr.phases)
                place = f.add(column, phase * fr.phase_pitch + plane * fr.plane_pitch)
                f.store(part, f.at(to, self._bytes(place)), align=self.element.size)

    def _bytes(self, elements: Operand) -> Operand:
        return self.f.mul(elements, self.element.size)

    # --- all rows of a block

    def emit_block(self, f: Function, image: Value, scratch: Value, positions: list[Operand],
                   steps: list[Operand], channel_step: Operand, tables: Value) -> None:
        """Write the loops over channels and outer axes; ``positions`` is where the block begins on each axis."""
        self.f = f
        fr = self.frame
        with f.loop(0, fr.problem.channels_in) as loop:
            source = f.at(image, f.mul(loop.index, channel_step))
            to = f.at(scratch, f.mul(loop.index, fr.channel_pitch * self.element.size))
            fill = [constant(self.element.ir, 0)] * self.element.planes
            self._axis(0, to, source, positions, steps, tables, Value("i1", "true"), fill)

    def emit_rows(self, f: Function, to: Value, source: Value, positions: list[Operand], steps: list[Operand],
                  tables: Value, rows: int) -> None:
        """Write the loop over so many rows of an image of two axes."""
        self.f, self.extents = f, (rows, self.frame.packed_extents[-1])
        fill = [constant(self.element.ir, 0)] * self.element.planes
        self._axis(0, to, source, positions, steps, tables, Value("i1", "true"), fill)

    def _axis(self, axis: int, to: Value, source: Value, positions: list[Operand], steps: list[Operand],
              tables: Value, valid: Value, fill: list[Value]) -> None:
        f, fr = self.f, self.frame
        if axis == fr.problem.ndim - 1:
            f.call("pack_row", "void", to, source, steps[-1], positions[-1], tables, valid, *fill, local=True)
            return
        pitch = fr.pitches[axis] * self.element.size
        with f.loop(0, self.extents[axis]) as loop:
            position = f.add(positions[axis], loop.index)
            there = f.at(to, f.mul(loop.index, pitch))
            if not sum(self.outside[axis]):
                here = f.at(source, f.mul(position, steps[axis]))
                self._axis(axis + 1, there, here, positions, steps, tables, valid, fill)
                return
            index, known, filled = self._map(axis, position, tables, valid, fill)
            here = f.at(source, f.mul(index, steps[axis]))
            self._axis(axis + 1, there, here, positions, steps, tables, known, filled)

    def _map(self, axis: int, position: Operand, tables: Value, valid: Value,
             fill: list[Value]) -> tuple[Value, Value, list[Value]]:
        """Map a position of an outer axis: index to read, whether to read at all, and what to fill in if not."""
        f, extent = self.f, self.frame.problem.image[axis]
        inside = f.compare("ult", position, extent)
        before = self.outside[axis][0]
        negative = f.compare("slt", position, 0)
        row = f.select(negative, f.add(position, before), f.add(f.sub(position, extent), before))
        # inside, any cell of the table will do: the value is not used
        safe = f.select(inside, 0, row)
        looked_up = f.load("i64", f.at(f.at(tables, self.table_starts[axis]), f.mul(safe, 8)), align=8)
        mapped = f.select(inside, position, looked_up)
        is_fill = f.compare("slt", mapped, 0)
        head, tail = (self._constants(side) for side in self.frame.problem.border[axis])
        own = [f.select(negative, a, b) for a, b in zip(head, tail, strict=True)]
        filled = [f.select(is_fill, a, b) for a, b in zip(own, fill, strict=True)]
        known = f.select(is_fill, Value("i1", "false"), valid)
        return f.value(f.select(is_fill, 0, mapped)), known, filled
