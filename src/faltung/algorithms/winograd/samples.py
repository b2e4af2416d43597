"""The first stage: tiles of samples, transformed.

The transform of the rows comes first.  It treats every column alike, so it reads the image where it lies, whole
vectors of a row at a time, and the columns outside the image are made afterwards, from transformed ones.  Then the
columns of each line are parted into lanes, and transformed as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from ...compiler.emit import Module, Operand, Value, constant
from ...problem.border import map_index
from .code import FILLS, IMAGE, ROWS, STEPS, cell, each, first_of, number, over_row, transform
from .components import component
from .frame import CELLS, Frame
from .gauss import of_samples
from .lanes import apart, joined, moved
from .seen import BEFORE, first_sample, span


class Samples:
    """Writes ``samples(context, scratch, group, first row, rows)``."""

    def __init__(self, frame: Frame, module: Module) -> None:
        self.frame, self.problem = frame, frame.problem
        self.down, self.across = frame.filters
        parameters = [("ptr", "context"), ("ptr", "scratch"), ("i64", "group"), ("i64", "first"), ("i64", "rows")]
        self.f = module.function("samples", "void", parameters)
        self.context, self.scratch, self.group, self.first, self.rows = self.f.arguments
        leading = len(self.problem.batch) + 2
        self.leading = leading
        self.steps = [number(self.f, self.f.at(self.context, 8 * STEPS), axis) for axis in range(leading + 2)]
        self.column_step = self.steps[-1]

    def emit(self) -> None:
        """Write the function."""
        f, fr = self.f, self.frame
        self._find_rows()
        lines, planes = self._place("lines"), self._place("samples")
        all_lines = fr.components * self.down.n * fr.line * fr.size
        with f.loop(0, self.rows) as row:
            self._constant_columns(f.at(lines, f.mul(row.index, all_lines)))
        channels = self.problem.channels_in // fr.planes // fr.factors
        with each(f, fr.planes) as plane, each(f, channels) as channel:
            # first all rows, then all columns: by then what was stored last has reached the cache
            with f.loop(0, self.rows) as row:
                self._lines(self._table(row.index, plane), channel, f.at(lines, f.mul(row.index, all_lines)))
            with f.loop(0, self.rows, fr.together) as row:
                place = f.mul(f.add(f.mul(plane, channels), channel), fr.factors)
                target = f.add(f.mul(place, fr.pitch), f.mul(row.index, fr.tiles[1]))
                self._parted(f.at(lines, f.mul(row.index, all_lines)), f.at(planes, f.mul(target, fr.size)))
        f.finish()

    def _place(self, name: str) -> Value:
        return self.f.at(self.scratch, self.frame.places[name])

    # --- which rows

    def _table(self, row: Operand, plane: Operand) -> Value:
        """Where the rows of samples of one row of tiles are noted, for one plane of a volume."""
        f, entry = self.f, self.down.span * CELLS * 8
        return f.at(self._place("seen"), f.mul(f.add(f.mul(row, self.frame.planes), plane), entry))

    def _find_rows(self) -> None:
        """For each row of samples of each row of tiles: its address in channel 0, and its steps."""
        f, fr = self.f, self.frame
        image = f.at(cell(f, self.context, IMAGE), f.mul(self.group, self.steps[self.leading - 2]))
        image = f.at(image, f.mul(fr.columns[0], self.column_step))
        marks = f.at(cell(f, self.context, ROWS), 8 * len(fr.row_table))
        with f.loop(0, self.rows) as row:
            here, batch = self._parted_index(f.add(self.first, row.index))
            one, steps, first = image, self.steps[:self.leading - 2], None
            if fr.depth is not None:
                count, by_plane = self.problem.batch[-1], steps.pop()
                first, batch = f.mul(f.rem(batch, count), fr.planes), f.div(batch, count)
            for count, step in reversed([*zip(self.problem.batch, steps, strict=False)]):
                one = f.at(one, f.mul(f.rem(batch, count), step))
                batch = f.div(batch, count)
            with each(f, fr.planes) as plane:
                mark = None if first is None else number(f, marks, f.add(first, plane))
                there = one if mark is None else f.at(one, f.mul(mark, by_plane))
                self._note_rows(self._table(row.index, plane), there, here, mark)

    def _note_rows(self, table: Value, image: Value, here: Operand, plane: Value | None = None) -> None:
        """Note each row of samples of a row of tiles; a plane outside the image is constant."""
        f, fr = self.f, self.frame
        rows, fills = cell(f, self.context, ROWS), cell(f, self.context, FILLS)
        step = self.problem.kernel_dilation[0]
        top = first_of(f, here, self.down.step, step)
        with each(f, self.down.span) as i:
            mapped = number(f, rows, f.add(top, f.mul(i, step)))
            mark = mapped if plane is None else f.select(f.compare("sge", mapped, 0), f.smaller(plane, 0), mapped)
            inside = f.compare("sge", mark, 0)
            fill = f.at(fills, f.mul(f.sub(BEFORE, mark), max(1, fr.columns[1]) * fr.components * fr.size))
            address = f.select(inside, f.at(image, f.mul(mapped, self.steps[self.leading])), fill)
            place = f.at(table, f.mul(i, CELLS * 8))
            f.store(address, place, align=8)
            f.store(f.select(inside, self.steps[self.leading - 1], 0), f.at(place, 8), align=8)
            f.store(f.select(inside, self.column_step, fr.components * fr.size), f.at(place, 16), align=8)

    def _parted_index(self, row: Operand) -> tuple[Operand, Operand]:
        """A row of tiles: which one of its image, and which image."""
        down = self.frame.tiles[0]
        return self.f.rem(row, down) if down > 1 else 0, self.f.div(row, down)

    # --- rows transformed

    def _lines(self, table: Value, channel: Operand, lines: Value) -> None:
        f, fr = self.f, self.frame
        count = fr.columns[1]
        if count:
            number_bytes = fr.components * fr.size
            adjacent = f.compare("eq", self.column_step, number_bytes)
            addresses = [self._address(table, i, channel) for i in range(self.down.span)]
            with f.unless(adjacent):
                self._copy(table, addresses)
            copies = self._place("copies")
            addresses = [f.select(adjacent, a, f.at(copies, i * count * number_bytes)) for i, a in enumerate(addresses)]
            self._rows(addresses, f.at(lines, (fr.columns[0] - fr.origin) * fr.size))
        self._repeated_columns(lines)

    def _address(self, table: Value, i: int, channel: Operand) -> Value:
        f, place = self.f, self.f.at(table, i * CELLS * 8)
        return f.at(f.load("ptr", place, align=8), f.mul(channel, f.load("i64", f.at(place, 8), align=8)))

    def _copy(self, table: Value, addresses: list[Value]) -> None:
        """Bring columns that lie apart side by side."""
        f, fr = self.f, self.frame
        kind, number_bytes = fr.kind(fr.components), fr.components * fr.size
        for i, address in enumerate(addresses):
            step = f.load("i64", f.at(table, i * CELLS * 8 + 16), align=8)
            target = f.at(self._place("copies"), i * fr.columns[1] * number_bytes)
            with f.loop(0, fr.columns[1]) as x:
                value = f.load(kind, f.at(address, f.mul(x.index, step)), align=fr.size)
                f.store(value, f.at(target, f.mul(x.index, number_bytes)), align=fr.size)

    def _rows(self, addresses: list[Value], target: Value) -> None:
        f, fr = self.f, self.frame

        def move(offset: Operand, lanes: int) -> None:
            found = [self._components(address, offset, lanes) for address in addresses]
            for part, values in enumerate(zip(*found, strict=True)):
                for i, value in enumerate(transform(f, self.frame.programs[0].samples, values)):
                    f.store(value, f.at(f.at(target, (part * self.down.n + i) * fr.line * fr.size), offset))

        count = fr.columns[1]
        whole = count // fr.lanes
        if whole:
            with each(f, whole) as step:
                move(f.mul(step, fr.lanes * fr.size), fr.lanes)
        rest = count - whole * fr.lanes
        if rest:
            lanes = 1 << (rest - 1).bit_length()
            if lanes <= count:
                move((count - lanes) * fr.size, lanes)
            else:
                for piece in _exactly(rest):
                    move(piece[0] * fr.size, piece[1])

    def _components(self, row: Value, offset: Operand, lanes: int) -> list[Value]:
        """So many numbers of a row: a vector of each component."""
        f, fr, count = self.f, self.frame, self.frame.components
        first = f.at(row, f.mul(offset, count))
        return apart(f, [f.load(fr.kind(lanes), f.at(first, k * lanes * fr.size)) for k in range(count)])

    # --- columns outside

    def _outside(self) -> list[tuple[int, int | None, int]]:
        """Columns of the buffer outside the image: where they stand, the column that is repeated, and the position."""
        fr, p = self.frame, self.problem
        start, m = first_sample(p, 1), fr.recipe.tile[1]
        needed = start + span(p, 1, p.output[1])
        first, behind = fr.columns[0], sum(fr.columns)
        found = []
        for x in range(start, start + span(p, 1, m * fr.tiles[1])):
            if not first <= x < behind:
                mapped = map_index(x, p.image[1], *p.border[1]) if x < needed else None
                found.append((x - fr.origin, mapped, x if x < needed else needed))
        return found

    def _constant_columns(self, lines: Value) -> None:
        """A constant column transformed is a constant: written once for a whole strip."""
        f, fr, p = self.f, self.frame, self.problem
        needed = first_sample(p, 1) + span(p, 1, p.output[1])
        for k, (i, row) in product(range(fr.components), enumerate(self.down.samples)):
            for place, mapped, x in self._outside():
                if mapped is None:
                    side = 0 if x >= needed else p.border[1][x >= 0]
                    assert not isinstance(side, str)
                    there = f.at(lines, ((k * self.down.n + i) * fr.line + place) * fr.size)
                    f.store(constant(fr.element, float(sum(row)) * component(side, k)), there, align=fr.size)

    def _repeated_columns(self, lines: Value) -> None:
        f, fr = self.f, self.frame
        repeated = [(place, mapped - fr.origin) for place, mapped, _ in self._outside() if mapped is not None]
        if not repeated:
            return
        with each(f, fr.components * self.down.n) as i:
            line = f.at(lines, f.mul(i, fr.line * fr.size))
            for place, source in repeated:
                value = f.load(fr.element, f.at(line, source * fr.size), align=fr.size)
                f.store(value, f.at(line, place * fr.size), align=fr.size)

    # --- columns transformed

    def _parted(self, lines: Value, target: Value) -> None:
        """Part the columns of every line into lanes, transform them, and store each product's samples."""
        f, fr = self.f, self.frame
        start = f.at(lines, (first_sample(self.problem, 1) - fr.origin) * fr.size)
        part_bytes = self.down.n * fr.line * fr.size
        with each(f, self.down.n) as i:
            line = f.at(start, f.mul(i, fr.line * fr.size))
            planes = f.at(target, f.mul(i, self.across.n * fr.sample_plane * fr.size))
            for tile, column, lanes in self._pieces():
                here = f.at(line, f.mul(column, fr.size))
                found = []
                for part in range(fr.components):
                    rows = [f.at(here, (row * fr.components + part) * part_bytes) for row in range(fr.together)]
                    found.append(transform(f, fr.programs[1].samples, self._columns(rows, lanes)))
                there = f.at(planes, f.mul(tile, fr.size))
                for j, parts in enumerate(zip(*found, strict=True)):
                    for k, value in enumerate(of_samples(f, parts)):
                        f.store(value, f.at(there, (j * fr.sample_plane + k * fr.pitch) * fr.size))

    def _pieces(self) -> Iterator[tuple[Operand, Operand, int]]:
        """First tile, its first column, and lanes; a vector of several rows is the only one."""
        if self.frame.together > 1:
            yield 0, 0, self.frame.lanes
            return
        for some in over_row(self.f, self.frame):
            column = some.output if self.frame.row.step == 1 else self.f.mul(some.tile, self.across.step)
            yield some.tile, column, some.piece.lanes

    def _columns(self, rows: list[Value], lanes: int) -> list[Value]:
        """Sample ``j`` of every tile of one row, or of several, for all j."""
        f, fr, step, unit = self.f, self.frame, self.across.step, self.problem.kernel_dilation[1]

        def load(first: int) -> Value:
            return f.load(fr.kind(lanes), f.at(rows[0], first * fr.size))

        if fr.row.step == 1:
            return [load(j * unit) for j in range(self.across.span)]
        found: list[Value] = []
        for first in range(0, self.across.span, step):
            if first == step and len(rows) == 1:
                behind = range(min(step, self.across.span - step))
                found += [moved(f, found[j], load(step * lanes + j * unit), unit) for j in behind]
            else:
                found += apart(f, self._numbers(rows, first * unit, lanes), unit)
        return found[:self.across.span]

    def _numbers(self, rows: list[Value], first: int, lanes: int) -> list[Value]:
        """A tile's step of vectors of the numbers in line from ``first`` on, in one row or one after the other."""
        f, fr, count = self.f, self.frame, self.across.step * lanes // len(rows)
        width = min(lanes, count)
        places = [f.at(row, (first + x) * fr.size) for row in rows for x in range(0, count, width)]
        loaded, some = [f.load(fr.kind(width), place) for place in places], lanes // width
        return [joined(f, loaded[at:at + some]) for at in range(0, len(loaded), some)]


def _exactly(count: int) -> list[tuple[int, int]]:
    """Powers of two that make up a small number, with what stands before each."""
    found, first = [], 0
    for bit in reversed(range(count.bit_length())):
        if count >> bit & 1:
            found.append((first, 1 << bit))
            first += 1 << bit
    return found

