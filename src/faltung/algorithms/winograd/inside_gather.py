"""Strips of the image or of the kernel, channels turned into lanes, and transformed along both axes."""

from __future__ import annotations

from collections.abc import Iterator

from ...compiler.emit import Function, Module, Value, constant
from ...compiler.emit import Operand as Number
from ...problem.problem import Side
from .code import cell, each, first_of, number, transform
from .frame import pieces
from .inside_frame import SIDES, InsideFrame, Operand
from .lanes import turned
from .linear import Program
from .seen import BEFORE

# Cells of the context, 8 bytes each; the strides of the image and of the kernel follow, in bytes, six each.
IMAGE, KERNEL, OUT, ROWS, FILLS, SCRATCH, STATUS, STEPS = range(8)


class Gather:
    """Writes ``samples`` or ``taps`` of ``(context, scratch, group, first row, rows, first channel, end)``.

    Lines of the operand are kept in a ring, since rows of tiles overlap; a line's numbers are vectors of channels.
    """

    def __init__(self, frame: InsideFrame, side: Operand, module: Module) -> None:
        self.frame, self.side = frame, side
        self.is_image = side.name == SIDES[0]
        self.lanes = min(frame.lanes, 1 << side.channels.bit_length() - 1)
        self.kind = frame.kind(self.lanes)
        self.vector_bytes = self.lanes * frame.size
        self.apart = frame.problem.stride
        self.slots, self.columns = frame.ring(side)
        self.place, self.index, self.count = side.columns.inside
        parameters = [("ptr", "context"), ("ptr", "scratch"), *(("i64", name) for name in (
            "group", "first", "rows", "channel", "end"))]
        self.f = module.function(side.name, "void", parameters)
        self.context, self.scratch, self.group, self.first, self.rows, self.channel, self.end = self.f.arguments
        # strides by what they lead to
        order = ("channel", "group", "summed", "plane", "row", "column") if self.is_image else (
            "group", "channel", "summed", "plane", "row", "column")
        base = STEPS + (0 if self.is_image else len(order))
        self.steps = {name: number(self.f, self.f.at(self.context, 8 * base), at) for at, name in enumerate(order)}

    def emit(self) -> None:
        """Write the function."""
        f, fr = self.f, self.frame
        ring, lines = f.at(self.scratch, fr.places["ring"]), f.at(self.scratch, fr.places["lines"])
        self._constant_columns(ring)
        last = f.sub(self.end, self.lanes)
        with f.loop(self.channel, self.end, self.lanes) as block:
            # the last block is moved back; so is the only one of a narrow share, into its neighbour
            channel = f.larger(f.smaller(block.index, last), 0)
            with f.loop(0, self.rows) as row:
                flat = f.add(self.first, row.index)
                down = fr.tiles[0]
                number_, summed = f.rem(flat, down) if down > 1 else 0, f.div(flat, down)
                top = first_of(f, number_, fr.recipe.taps[0], self.apart[0])
                fresh = f.smaller(row.index, number_)
                self._gather(ring, f.compare("slt", fresh, self.apart[0]), top, summed, channel)
                self._rows(ring, lines, top)
                self._columns(lines, f.mul(row.index, fr.tiles[1]), channel)
        f.finish()

    def _line(self, ring: Value, position: Number) -> Value:
        f = self.f
        return f.at(ring, f.mul(f.rem(position, self.slots), self.columns * self.vector_bytes))

    # --- lines

    def _gather(self, ring: Value, fresh: Value, top: Number, summed: Number, channel: Number) -> None:
        """Bring new lines into the ring: those that the row of tiles before, of the same phase, did not have."""
        f, down = self.f, self.side.extents[0]
        known = max(0, down - self.frame.recipe.taps[0])
        start = f.select(fresh, 0, known)
        source = f.at(cell(f, self.context, IMAGE if self.is_image else KERNEL), f.mul(self.group, self.steps["group"]))
        source = f.at(source, f.mul(channel, self.steps["channel"]))
        source, plane = self._plane(f.at(source, self.index * self.frame.size), summed)
        with f.loop(start, down) as i:
            position = f.add(top, f.mul(i.index, self.apart[0]))
            line = self._line(ring, position)
            if self.count:
                address, step = self._address(source, position, plane)
                self._turn(address, step, f.at(line, self.place * self.vector_bytes))
            for at, mark in enumerate(self.side.columns.marks):
                if mark >= 0 and not self.place <= at < self.place + self.count:
                    there = f.at(line, (mark - self.index + self.place) * self.vector_bytes)
                    f.store(f.load(self.kind, there), f.at(line, at * self.vector_bytes))

    def _plane(self, source: Value, summed: Number) -> tuple[Value, Value | None]:
        """The plane of a channel that is summed, and its mark if it may be a constant."""
        f, fr = self.f, self.frame
        source = f.at(source, f.mul(f.div(summed, fr.planes), self.steps["summed"]))
        plane, mark = f.rem(summed, fr.planes), None
        if self.is_image:
            marks = f.at(cell(f, self.context, ROWS), 8 * sum(len(side.rows.marks) for side in fr.operands))
            plane = mark = number(f, marks, plane)
        return f.at(source, f.mul(plane, self.steps["plane"])), mark

    def _address(self, source: Value, position: Number, plane: Value | None) -> tuple[Value, Value]:
        """Where a line of the first channel lies, and how far the next channel's is: a line of constants may do."""
        f, fr = self.f, self.frame
        table = f.at(cell(f, self.context, ROWS), 0 if self.is_image else 8 * len(fr.operands[0].rows.marks))
        mapped = number(f, table, position)
        mark = mapped if plane is None else f.select(f.compare("sge", mapped, 0), f.smaller(plane, 0), mapped)
        inside = f.compare("sge", mark, 0)
        # all lines of constants are as long as the image's or the kernel's longest
        longest = max(side.columns.inside[2] for side in fr.operands)
        fill = f.at(cell(f, self.context, FILLS), f.mul(f.sub(BEFORE, mark), longest * fr.size))
        address = f.select(inside, f.at(source, f.mul(mapped, self.steps["row"])), fill)
        return address, f.select(inside, self.steps["channel"], 0)

    def _turn(self, address: Value, step: Value, target: Value) -> None:
        """Turn columns of so many channels into vectors of channels."""
        f, fr = self.f, self.frame

        def move(first: Number, width: int) -> None:
            here = f.at(address, f.mul(first, fr.size))
            rows = [f.load(fr.kind(width), f.at(here, f.mul(step, lane)), align=fr.size) for lane in range(self.lanes)]
            there = f.at(target, f.mul(first, self.vector_bytes))
            for x, value in enumerate(turned(f, rows) if width > 1 else [self._column(rows)]):
                f.store(value, f.at(there, x * self.vector_bytes))

        for first, width, turns in _parts(self.count, self.lanes):
            if turns > 1:
                with f.loop(0, turns * width, width) as loop:
                    move(loop.index, width)
            else:
                move(first, width)

    def _column(self, rows: list[Value]) -> Value:
        """Single numbers as one vector."""
        f = self.f
        found = f.splat(rows[0], self.lanes)
        for lane, value in enumerate(rows[1:], 1):
            picks = [k if k < lane else self.lanes + k for k in range(self.lanes)]
            found = f.shuffle(found, f.splat(value, self.lanes), picks)
        return found

    def _constant_columns(self, ring: Value) -> None:
        f, marks = self.f, self.side.columns.marks
        border: tuple[Side, Side] = self.frame.problem.border[1] if self.is_image else (0, 0)
        constants = [(at, self._constant(border, mark)) for at, mark in enumerate(marks) if mark < 0]
        if constants:
            with f.loop(0, self.slots) as slot:
                line = f.at(ring, f.mul(slot.index, self.columns * self.vector_bytes))
                for at, value in constants:
                    f.store(constant(self.kind, value), f.at(line, at * self.vector_bytes))

    @staticmethod
    def _constant(border: tuple[Side, Side], mark: int) -> float:
        side = border[BEFORE - mark] if BEFORE - mark < 2 else 0
        return 0.0 if isinstance(side, str) else float(side.real)

    # --- transforms

    def _program(self, axis: int) -> Program:
        return self.frame.programs[axis].samples if self.is_image else self.frame.programs[axis].taps

    def _rows(self, ring: Value, lines: Value, top: Number) -> None:
        f = self.f
        sources = [self._line(ring, f.add(top, i * self.apart[0])) for i in range(self.side.extents[0])]
        with f.loop(0, self.columns) as x:
            offset = f.mul(x.index, self.vector_bytes)
            values = [f.load(self.kind, f.at(source, offset)) for source in sources]
            for i, value in enumerate(transform(f, self._program(0), values)):
                f.store(value, f.at(f.at(lines, i * self.columns * self.vector_bytes), offset))

    def _columns(self, lines: Value, first: Number, channel: Number) -> None:
        f, fr = self.f, self.frame
        pitch = fr.pitch if self.is_image else fr.tap_pitch
        planes = f.at(f.at(self.scratch, fr.places[self.side.name]), f.mul(channel, fr.size))
        planes = f.at(planes, f.mul(first, pitch * fr.size))
        plane_bytes, step = fr.plane(self.side.name) * fr.size, self.apart[1]
        with each(f, fr.extents[0]) as i:
            line = f.at(lines, f.mul(i, self.columns * self.vector_bytes))
            made = f.at(planes, f.mul(i, fr.extents[1] * plane_bytes))
            with each(f, fr.tiles[1]) as t:
                here = f.at(line, f.mul(first_of(f, t, fr.recipe.taps[1], step), self.vector_bytes))
                values = [f.load(self.kind, f.at(here, j * step * self.vector_bytes))
                          for j in range(self.side.extents[1])]
                there = f.at(made, f.mul(t, pitch * fr.size))
                for j, value in enumerate(transform(f, self._program(1), values)):
                    f.store(value, f.at(there, j * plane_bytes))


def _parts(count: int, lanes: int) -> Iterator[tuple[int, int, int]]:
    """First column, width and number of turns of the parts that cover ``count`` columns, none too wide."""
    whole = count // lanes
    if whole:
        yield 0, lanes, whole
    rest = count - whole * lanes
    if rest:
        width = min(pieces(rest, lanes)[-1].lanes, lanes)
        if width <= count:
            yield count - width, width, 1
        else:
            half = max(1, width // 2)
            yield from ((first, half, 1) for first in sorted({0, count - half}))


__all__ = ["FILLS", "IMAGE", "KERNEL", "OUT", "ROWS", "SCRATCH", "STATUS", "STEPS", "Function", "Gather"]
