"""What a tile looks at, as one line of samples: cast, border included, and how large it is."""

from __future__ import annotations

from collections.abc import Callable

from ...compiler.casts import widen
from ...compiler.elements import ELEMENTS, element_on
from ...compiler.emit import Module, Operand, Value, constant, lanes_of, vector
from ...problem.problem import Problem, Side
from .line import Line
from .plane_gather import BEFORE, measures

Parts = list[Value]
"""Real and imaginary parts, or real ones alone."""


class LineGather:
    """Writes ``gather(image, valid, fill, fill, before, behind, step, first, real, imaginary)``: one row of a tile.

    ``first`` is the row's first position, ``before`` and ``behind`` are tables of indices for the positions from the
    problem's first one up to 0, and from the image's end on.  A row that is not ``valid`` lies in the border of another
    axis, and holds ``fill``.  The result is the largest magnitude as bits, which are in order for floats without sign:
    infinity above every number, NaN above infinity.
    """

    def __init__(self, line: Line, problem: Problem, extent: int, module: Module) -> None:
        self.line, self.problem, self.extent = line, problem, extent
        self.source, self.target = element_on(problem.image_dtype, line.machine.isa), ELEMENTS[line.dtype]
        self.word, self.is_complex = f"i{8 * line.size}", problem.accumulator_dtype.startswith("complex")
        self.measures, self.is_row = measures(problem), problem.ndim > 1
        parameters = [("ptr", "image"), ("i1", "valid"), (line.element, "re"), (line.element, "im"), ("ptr", "before"),
                      ("ptr", "behind"), ("i64", "step"), ("i64", "first"), ("ptr", "real"), ("ptr", "imaginary")]
        self.f = module.function("gather", "i64", parameters)
        (self.image, self.valid, re, im, self.before, self.behind, self.step, self.first,
         *self.targets) = self.f.arguments
        self.fill = [re, im]

    def emit(self) -> None:
        """Write the function."""
        f, n, start = self.f, self.problem.image[-1], self.problem.start[-1]
        place = f.alloca(8)
        f.store(0, place, align=8)
        inside = f.value(f.smaller(f.larger(f.sub(0, self.first), 0), self.extent))
        end = f.value(f.larger(f.smaller(f.sub(n, self.first), self.extent), inside))
        self._outside(place, 0, inside, self.before, f.sub(self.first, start))
        adjacent = f.compare("eq", self.step, self.source.itemsize)
        whole = f.select(adjacent, f.add(inside, f.mul(f.div(f.sub(end, inside), self.line.lanes), self.line.lanes)),
                         inside)
        self._vectors(place, inside, whole)
        self._each(place, whole, end, self._load)
        self._outside(place, end, self.extent, self.behind, f.sub(self.first, n))
        f.finish(f.load("i64", place, align=8))

    def _load(self, at: Operand, lanes: int = 1) -> Parts:
        """Samples from index ``at`` of the row on, which lie in the image."""
        f, source = self.f, self.source
        place = f.at(self.image, f.mul(f.add(self.first, at), self.step))
        if lanes == 1:
            raw = [f.load(source.ir, f.at(place, part * source.size)) for part in range(source.planes)]
        else:
            both = f.load(vector(source.ir, lanes * source.planes), place)
            raw = [both] if source.planes == 1 else [
                f.shuffle(both, None, list(range(part, 2 * lanes, 2))) for part in (0, 1)]
        values = [widen(f, value, source, self.target) for value in raw]
        if not self.is_row:
            return values
        values += [constant(values[0].type, 0)] * (self.is_complex and len(values) == 1)
        return [f.select(self.valid, value, f.splat(fill, lanes) if lanes > 1 else fill)
                for value, fill in zip(values, self.fill, strict=False)]

    def _vectors(self, place: Value, begin: Operand, end: Operand) -> None:
        f, lanes = self.f, self.line.lanes
        words = vector(self.word, lanes)
        with f.loop(begin, end, lanes, carry=(constant(words, 0),)) as loop:
            values, largest = self._load(loop.index, lanes), loop.carried[0]
            self._store(values, loop.index)
            for value in values:
                largest = self._larger(largest, value)
            loop.carry([largest])
        assert loop.results is not None
        if self.measures:
            name = f"llvm.vector.reduce.umax.v{lanes}{self.word}"
            self._note(place, f.call(name, self.word, loop.results[0]))

    def _each(self, place: Value, begin: Operand, end: Operand, sample: Callable[[Operand], Parts]) -> None:
        """One by one."""
        f = self.f
        with f.loop(begin, end, carry=(constant(self.word, 0),)) as loop:
            values, largest = sample(loop.index), loop.carried[0]
            self._store(values, loop.index)
            for value in values:
                largest = self._larger(largest, value)
            loop.carry([largest])
        assert loop.results is not None
        self._note(place, loop.results[0])

    def _outside(self, place: Value, begin: Operand, end: Operand, table: Value, offset: Operand) -> None:
        """Positions that the border maps: an index of the image, -1 for the constant before it, -2 for that behind."""
        f, (before, behind) = self.f, self.problem.border[-1]

        def sample(at: Operand) -> Parts:
            index = f.load("i64", f.at(table, f.mul(f.add(offset, at), 8)), align=8)
            inside = f.compare("sge", index, 0)
            safe = f.sub(f.value(f.larger(index, 0)), self.first)
            # later axes win, as in `numpy.pad`
            fills = [f.select(f.compare("eq", index, BEFORE), one, other) for one, other in zip(
                parts_of(self.problem, before, self.line), parts_of(self.problem, behind, self.line), strict=True)]
            return [f.select(inside, value, fill) for value, fill in zip(
                [*self._load(safe), constant(self.line.element, 0)], fills, strict=False)]

        self._each(place, begin, end, sample)

    def _store(self, values: Parts, at: Operand) -> None:
        f = self.f
        for number, target in enumerate(self.targets[:2 if self.is_complex else 1]):
            value = values[number] if number < len(values) else constant(values[0].type, 0)
            f.store(value, f.at(target, f.mul(at, self.line.size)), align=self.line.size)

    def _larger(self, largest: Value, value: Value) -> Value:
        if not self.measures:
            return largest
        kind = vector(self.word, lanes_of(value.type)) if lanes_of(value.type) > 1 else self.word
        mask = constant(kind, (1 << 8 * self.line.size - 1) - 1)
        return self.f.intrinsic("umax", largest, self.f.bits("and", self.f.reinterpret(value, kind), mask))

    def _note(self, place: Value, bits: Value) -> None:
        f = self.f
        wide = bits if self.word == "i64" else f.cast("zext", bits, "i64")
        f.store(f.intrinsic("umax", f.load("i64", place, align=8), wide), place, align=8)


def parts_of(problem: Problem, side: Side, line: Line) -> Parts:
    """The parts of a border's constant; zeros where it has none."""
    number = complex(0 if isinstance(side, str) else side)
    parts = [constant(line.element, part) for part in (number.real, number.imag)]
    return parts if problem.accumulator_dtype.startswith("complex") else parts[:1]
