"""A register tile for small kernels on single planes: sums run down the rows, and each row of pixels is loaded once.

Lanes are pixels.  A tile goes down a strip of the image.  A row meets every row of taps that looks at it, each for
another row of outputs; the sums of those that are begun and not finished stay in registers.  Columns of taps see the
row shifted: two neighbouring vectors, shifted against each other.  Where outputs stand two pixels apart, even and odd
pixels are parted before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...compiler.emit import Module, Operand, Value, constant
from .counts import begun_rows, chains_of, columns_in_turn, loads_askew, vectors_seen
from .frame import Frame
from .in_place import emit_line, load_pixels
from .outside import rows_given
from .pixels import PixelTile
from .reduce import multiply_add


class RowTile(PixelTile):
    """Writes the function ``tile(image, kernel, bias, out)`` for an image that is packed."""

    first: int | None = None
    """Column of the first pixel that the tile sees, if it stands at an edge."""

    def __init__(self, frame: Frame, module: Module, name: str = "tile") -> None:
        super().__init__(frame, module, name)
        self.height, self.rows = self.rows, 1  # rows are written one at a time
        self.begun = begun_rows(frame.problem)
        self.chains = chains_of(frame.problem, self.vectors)
        columns = frame.problem.kernel[-1]
        self.numbers = {divmod(tap, columns): tap for tap in range(frame.problem.terms)}
        # of the weights, by row and column of the taps that there are
        self.row: Operand = 0
        self.told: Value | None = None

    def emit(self) -> None:
        """Write the function."""
        parameters = [("ptr", "image"), ("ptr", "kernel"), ("ptr", "bias"), ("ptr", "out"), *rows_given(self.frame)]
        f = self.f = self.module.function("tile", "i64", parameters)
        self.image, self.kernel, self.bias, self.out, *seen = f.arguments
        if seen:
            self.row, self.told = seen
        self._run_down()

    def _run_down(self) -> None:
        f = self.f
        self.kept = [self._weight(self.kernel, tap, 0) for tap in range(self._kept_taps())]
        state = self._first_state()
        turns = range(self.begun - 1, self.height)  # each of them begins a row of outputs and finishes another
        for step in range(min(turns.start, self.height)):
            state = self._advance(step, 0, state)
        if turns:
            with f.loop(turns.start, turns.stop, carry=state) as loop:
                loop.carry(self._advance(loop.index, 0, loop.carried))
            state = loop.results or []
        for age in range(1, self.begun):
            state = self._advance(self.height - 1 + age, age, state)
        self._finish(state)

    def _first_state(self) -> list[Value]:
        return [self.f.value(0)]

    def _finish(self, state: list[Value]) -> None:
        self.f.finish(state[0])

    def _kept_taps(self) -> int:
        """How many weights stay in registers: all or none."""
        terms, others = len(self.numbers), self.vectors * (self.begun * self.chains + 3) + 1
        return terms if terms + others <= self.frame.machine.registers else 0

    def _advance(self, step: Operand, youngest: int, state: Sequence[Value]) -> list[Value]:
        """Go down by one row of outputs.

        The state is whether any output overflowed, and the sums of all rows that are begun, the youngest first, which
        began ``youngest`` steps ago; one that begins now is added here.  Columns of taps take turns with the chains.
        """
        f, p, vectors = self.f, self.frame.problem, self.vectors
        overflowed, *sums = state
        each = vectors * self.chains
        if not youngest:
            sums = [constant(self.kind, 0)] * each + sums
        ages = range(youngest, youngest + len(sums) // each)
        for further in range(self.row_step):
            distances = [(age - youngest, age * self.row_step + further) for age in ages]
            met = [(at, distance // self.row_dilation) for at, distance in distances
                   if distance % self.row_dilation == 0 and distance < p.kernel[-2] * self.row_dilation]
            if met:
                sums = self._meet(f.add(f.mul(step, self.row_step), further), met, sums)
        if ages.stop < self.begun:
            return [overflowed, *sums]
        finished, writer = f.sub(step, self.begun - 1), self._writer()
        there = f.at(self.out, f.mul(finished, self.frame.stage.output_strides[-2] * self.frame.target.itemsize))
        oldest, rest = sums[-each:], sums[:-each]
        if self.chains > 1:
            oldest = [f.value(f.add(one, other)) for one, other in zip(oldest[:vectors], oldest[vectors:], strict=True)]
        self._store(writer, oldest, self.bias, there)
        return [f.bits("or", overflowed, writer.overflowed()), *rest]

    def _meet(self, row: Operand, met: Sequence[tuple[int, int]], sums: list[Value]) -> list[Value]:
        """Add the products of a row of the image, unless they are zeros outside."""
        if self.told is None or is_inside(self.frame, row):
            return self._met(row, met, sums)
        f = self.f
        there = f.add(self.row, row)
        outside = f.bits("or", f.compare("slt", there, 0), f.compare("sge", there, self.frame.problem.image[-2]))
        taken = f.select(f.bits("and", outside, f.compare("eq", self.told, 0)), 0, 1)
        with f.loop(0, taken, carry=sums) as loop:
            loop.carry(self._met(row, met, loop.carried))
        return loop.results or []

    def _met(self, row: Operand, met: Sequence[tuple[int, int]], sums: Sequence[Value]) -> list[Value]:
        """Add the products of a row of the image with rows of taps, each to the sums of a row of outputs."""
        f, sums, vectors = self.f, list(sums), self.vectors
        for turn, (column, pixels) in enumerate(self._seen(self._line(row))):
            for at, number in [(at, self.numbers[tap, column]) for at, tap in met if (tap, column) in self.numbers]:
                weight = self._tap(number)
                first = (at * self.chains + turn % self.chains) * vectors
                for v, here in enumerate(range(first, first + vectors)):
                    sums[here], = multiply_add(f, [pixels[v]], weight, [sums[here]])
        return sums

    def _tap(self, tap: int) -> list[Value]:
        return self.kept[tap] if self.kept else self._weight(self.kernel, tap, 0)

    def _seen(self, line: Value) -> Iterator[tuple[int, list[Value]]]:
        """Each column of taps and what it sees of a row of the image; those that share vectors follow each other."""
        f, fr, parts = self.f, self.frame, dict[tuple[int, int, int], Value]()
        step, dilation = fr.problem.stride[-1], fr.problem.kernel_dilation[-1]

        def vector_at(phase: int, number: int, shift: int) -> Value:
            key = phase, number, shift
            if key not in parts and shift and self._is_loaded(shift):
                parts[key] = self._load(line, number * fr.lanes + shift)
            elif key not in parts and shift:
                parts[key] = f.shifted(vector_at(phase, number, 0), vector_at(phase, number + 1, 0), shift)
            elif key not in parts:
                pixels = [self._load(line, (number * step + part) * fr.lanes) for part in range(step)]
                for each in range(step):
                    parts[each, number, 0] = pixels[0] if step == 1 else f.shuffle(
                        pixels[0], pixels[1], range(each, 2 * fr.lanes, 2))
            return parts[key]

        for column in columns_in_turn(fr.problem, fr.lanes):
            first, phase = divmod(column * dilation, step)
            number, shift = divmod(first, fr.lanes)
            yield column, [vector_at(phase, number + v, shift) for v in range(self.vectors)]

    def _is_loaded(self, shift: int) -> bool:
        """Whether pixels are loaded askew: every second vector of single rows, where shuffles are many."""
        return self.first is None and shift % 2 == 0 and loads_askew(self.frame.problem)

    def _line(self, row: Operand) -> Value:
        return self.f.at(self.image, self.f.mul(row, self.row_bytes))

    def _load(self, line: Value, further: int) -> Value:
        """A vector of pixels, so many behind the first that the tile sees."""
        place = self.f.at(line, further * self.frame.accumulator.size)
        return self.f.load(self.kind, place, align=self.frame.accumulator.size)


class RowTileInPlace(RowTile):
    """Writes the function ``tile_column(kernel, bias, out, image, row, row_step, outside)``.

    ``image`` is where the first pixel of row 0 would be that the tile sees, ``row`` the row that its first tap sees,
    and ``outside`` a row of the border's constant.  Tiles at an edge have functions of their own, with their columns as
    constants; all others share one.
    """

    def __init__(self, frame: Frame, module: Module, column: int | None) -> None:
        super().__init__(frame, module, tile_name(column))
        p = frame.problem
        self.first = None if column is None else p.start[-1] + column * p.stride[-1]

    def emit(self) -> None:
        """Write the function."""
        parameters = [("ptr", "kernel"), ("ptr", "bias"), ("ptr", "out"), ("ptr", "image"), ("i64", "row"),
                      ("i64", "row_step"), ("ptr", "outside"), *rows_given(self.frame)[1:]]
        f = self.f = self.module.function(self.name, "i64", parameters)
        self.kernel, self.bias, self.out, self.image, self.row, self.line_step, self.outside, *told = f.arguments
        self.told = told[0] if told else None
        self._run_down()

    def _line(self, row: Operand) -> Value:
        row_there = self.f.add(self.row, row)
        return emit_line(self.module, self.f, self.frame, self.image, row_there, self.line_step, self.outside)

    def _load(self, line: Value, further: int) -> Value:
        place = self.f.at(line, further * self.frame.source.size)
        return load_pixels(self.f, self.frame, place, None if self.first is None else self.first + further)


def tile_name(column: int | None) -> str:
    """Name of the function for the tile at a column, or for those in the middle."""
    return "tile" if column is None else f"tile_{column}"


def is_inside(frame: Frame, row: Operand) -> bool:
    """Whether a row, counted from the first that a tile sees, surely lies in the image."""
    p = frame.problem
    last = p.start[-2] + (p.output[-2] - frame.tile_rows) * p.stride[-2]
    if isinstance(row, int):
        return p.start[-2] + row >= 0 and last + row < p.image[-2]
    # in the loop, each step of which begins a row of outputs and finishes another
    first, behind = (begun_rows(p) - 1) * p.stride[-2], frame.tile_rows * p.stride[-2]
    return p.start[-2] + first >= 0 and last + behind <= p.image[-2]


# ---------------------------------------------------------------- where the tiles of a row stand

def tile_count(frame: Frame) -> int:
    """Tiles of a row of outputs."""
    return -(-frame.problem.output[-1] // frame.tile_columns)


def tile_column(frame: Frame, number: int) -> int:
    """First column of a tile; the last is shifted back."""
    return min(number * frame.tile_columns, max(0, frame.problem.output[-1] - frame.tile_columns))


def tiles_inside(frame: Frame) -> range:
    """Those of the tiles, by number, that see nothing of the border: a run of them."""
    p, last = frame.problem, tile_count(frame) - 1
    step = frame.tile_columns * p.stride[-1]
    farthest = p.image[-1] - p.start[-1] - vectors_seen(p, frame.recipe.tile[2], frame.lanes) * frame.lanes
    begin = max(0, -(p.start[-1] // step))
    end = min(farthest // step + 1, last)
    if end == last and -p.start[-1] <= tile_column(frame, last) * p.stride[-1] <= farthest:
        end += 1
    return range(begin, end) if begin < end else range(0)


def tiles_at_edges(frame: Frame) -> list[int]:
    """All other tiles, by number."""
    inside = tiles_inside(frame)
    return [*range(inside.start), *range(inside.stop, tile_count(frame))]


def emit_row_tiles(frame: Frame, module: Module, kind: type[RowTileInPlace] = RowTileInPlace) -> None:
    """Write the functions of all tiles of a row."""
    for column in (None, *(tile_column(frame, number) for number in tiles_at_edges(frame))):
        if column is not None or tiles_inside(frame):
            kind(frame, module, column).emit()
