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
    """Writes ``gather(image, valid, fill, fill, before, behind, step, first, real, imaginary, most)``: a row of a tile.

    ``first`` is the row's first position, ``before`` and ``behind`` are tables of indices for the positions from the
    problem's first one up to 0, and from the image's end on.  A row that is not ``valid`` lies in the border of another
    axis, and holds ``fill``.  A vector at ``most`` keeps the largest magnitudes as bits, which are in order for floats
    without sign: infinity above every number, NaN above infinity.
    """

    def __init__(self, line: Line, problem: Problem, extent: int, module: Module) -> None:
        self.line, self.problem, self.extent = line, problem, extent
        self.source, self.target = element_on(problem.image_dtype, line.machine.isa), ELEMENTS[line.dtype]
        self.word, self.is_complex = f"i{8 * line.size}", problem.accumulator_dtype.startswith("complex")
        self.words = vector(self.word, line.lanes)
        self.measures, self.is_row = measures(problem), problem.ndim > 1
        parameters = [("ptr", "image"), ("i1", "valid"), (line.element, "re"), (line.element, "im"), ("ptr", "before"),
                      ("ptr", "behind"), ("i64", "step"), ("i64", "first"), ("ptr", "real"), ("ptr", "imaginary"),
                      ("ptr", "most")]
        self.f = module.function("gather", "void", parameters)
        (self.image, self.valid, re, im, self.before, self.behind, self.step, self.first,
         *self.targets, self.most) = self.f.arguments
        self.fill = [re, im]

    def emit(self) -> None:
        """Write the function."""
        f, n, start, lanes = self.f, self.problem.image[-1], self.problem.start[-1], self.line.lanes
        inside = f.value(f.smaller(f.larger(f.sub(0, self.first), 0), self.extent))
        end = f.value(f.larger(f.smaller(f.sub(n, self.first), self.extent), inside))
        before, behind = self.problem.border[-1]
        self._outside(before, 0, inside, self.before, f.sub(self.first, start))
        self._outside(behind, end, self.extent, self.behind, f.sub(self.first, n))
        adjacent = f.compare("eq", self.step, self.source.itemsize)
        whole = f.bits("and", adjacent, f.compare("sge", f.sub(end, inside), lanes))
        with f.when(whole):
            self._vectors(inside, f.value(f.sub(end, lanes)))
        with f.unless(whole):
            self._each(inside, end, self._load)
        f.finish()

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

    def _vectors(self, begin: Value, last: Value) -> None:
        """Samples that lie in the image; the last vector begins at ``last``, whatever it has in common with others."""
        f, lanes = self.f, self.line.lanes
        with f.loop(begin, last, lanes, carry=(f.load(self.words, self.most),)) as loop:
            loop.carry([self._copied(loop.index, loop.carried[0])])
        assert loop.results is not None
        f.store(self._copied(last, loop.results[0]), self.most)

    def _copied(self, at: Value, largest: Value) -> Value:
        values = self._load(at, self.line.lanes)
        self._store(values, at)
        for value in values:
            largest = self._larger(largest, value)
        return largest

    def _each(self, begin: Operand, end: Operand, sample: Callable[[Operand], Parts]) -> None:
        """One by one."""
        f = self.f
        with f.loop(begin, end, carry=(constant(self.word, 0),)) as loop:
            values, largest = sample(loop.index), loop.carried[0]
            self._store(values, loop.index)
            for value in values:
                largest = self._larger(largest, value)
            loop.carry([largest])
        assert loop.results is not None
        if self.measures:
            with f.when(f.compare("ne", loop.results[0], 0 if self.word == "i64" else constant(self.word, 0))):
                self._note(f.splat(loop.results[0], self.line.lanes))

    def _outside(self, side: Side, begin: Operand, end: Operand, table: Value, offset: Operand) -> None:
        """Positions that the border maps: an index of the image, -1 for the constant before it, -2 for that behind."""
        f, (before, behind) = self.f, self.problem.border[-1]
        if not isinstance(side, str) and min(self.extent, self.problem.image[-1]) >= self.line.lanes:
            self._constants(side, begin, end)
            return

        def sample(at: Operand) -> Parts:
            index = f.load("i64", f.at(table, f.mul(f.add(offset, at), 8)), align=8)
            inside = f.compare("sge", index, 0)
            safe = f.sub(f.value(f.larger(index, 0)), self.first)
            # later axes win, as in `numpy.pad`
            fills = [f.select(f.compare("eq", index, BEFORE), one, other) for one, other in zip(
                parts_of(self.problem, before, self.line), parts_of(self.problem, behind, self.line), strict=True)]
            return [f.select(inside, value, fill) for value, fill in zip(
                [*self._load(safe), constant(self.line.element, 0)], fills, strict=False)]

        self._each(begin, end, sample)

    def _constants(self, side: Side, begin: Operand, end: Operand) -> None:
        """Whole vectors of a border's constant; samples of the image that they cover are written afterwards.

        Where both borders are in sight, all of the image lies between them, and it is no shorter than a vector; so no
        border covers the other.
        """
        f, lanes = self.f, self.line.lanes
        fills = [f.splat(part, lanes) for part in parts_of(self.problem, side, self.line)]
        with f.when(f.compare("slt", begin, end)):
            with f.loop(begin, end, lanes) as loop:
                self._store(fills, f.smaller(loop.index, self.extent - lanes))
            largest = constant(self.words, 0)
            for fill in fills if self.measures and side != 0 else ():
                largest = self._larger(largest, fill)
            self._note(largest)

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

    def _note(self, bits: Value) -> None:
        f = self.f
        f.store(f.intrinsic("umax", f.load(self.words, self.most), bits), self.most)


def parts_of(problem: Problem, side: Side, line: Line) -> Parts:
    """The parts of a border's constant; zeros where it has none."""
    number = complex(0 if isinstance(side, str) else side)
    parts = [constant(line.element, part) for part in (number.real, number.imag)]
    return parts if problem.accumulator_dtype.startswith("complex") else parts[:1]
