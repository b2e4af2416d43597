"""What a strip of a tile looks at: cast, scaled, border included, and how large it is."""

from __future__ import annotations

from ...compiler.casts import widen
from ...compiler.elements import ELEMENTS, element_on
from ...compiler.emit import Module, Operand, Value, constant, lanes_of, vector
from ...problem.problem import Problem, Side
from .plane import Plane
from .tiles import Tiling

BEFORE = -1
"""In a table of indices: the constant before the image; less by one, the one behind."""


class Gather:
    """Writes ``gather(image, strip, rows, columns, row step, column step, first column, factor)``.

    ``rows`` and ``columns`` are tables of indices, from the tile's first position on.  The result is the
    largest magnitude as bits, which are in order for floats without sign: infinity above every number, NaN
    above infinity.  Rows behind the tile are zero.
    """

    def __init__(self, plane: Plane, problem: Problem, tiling: Tiling, module: Module) -> None:
        self.plane, self.problem, self.tiling = plane, problem, tiling
        self.source, self.target = element_on(problem.image_dtype, plane.machine.isa), ELEMENTS[plane.dtype]
        self.word = f"i{8 * plane.size}"
        parameters = [*(("ptr", name) for name in ("image", "strip", "rows", "columns")),
                      *(("i64", name) for name in ("row_step", "column_step", "first")), (plane.element, "factor")]
        self.f = module.function("gather", "i64", parameters)
        self.image, self.strip, self.rows, self.columns, *others = self.f.arguments
        self.row_step, self.column_step, self.first, self.factor = others

    def emit(self) -> None:
        """Write the function."""
        f, p = self.f, self.plane
        extent, width = self.tiling.extents
        position = f.load("i64", f.at(self.columns, f.mul(f.smaller(self.first, width - 1), 8)), align=8)
        fast = self._is_inside(position)
        place = f.alloca(8)
        f.store(0, place, align=8)
        with f.when(fast):
            f.store(self._inside(position), place, align=8)
        with f.unless(fast):
            f.store(self._beside(), place, align=8)
        if extent < p.lengths[0]:
            zero = constant(p.kind, 0)
            with f.loop(extent * p.row_bytes, p.lengths[0] * p.row_bytes, p.machine.vector_bytes) as loop:
                f.store(zero, f.at(self.strip, loop.index))
        f.finish(f.load("i64", place, align=8))

    def _is_inside(self, position: Value) -> Value:
        """Whether the strip's columns are neighbours in the image."""
        f, last = self.f, self.plane.pair - 1
        whole = f.compare("sle", self.first, self.tiling.extents[1] - self.plane.pair)
        # indices go up by one at most, so where the last one is as it should be, so are all
        safe = f.select(whole, f.add(self.first, last), 0)
        end = f.load("i64", f.at(self.columns, f.mul(safe, 8)), align=8)
        row = f.bits("and", f.compare("sge", position, 0),
                     f.compare("eq", end, f.add(position, last)))
        adjacent = f.compare("eq", self.column_step, self.source.itemsize)
        return f.bits("and", f.bits("and", whole, row), adjacent)

    def _row(self, index: Operand) -> tuple[Value, Value, Value]:
        """Where a row of the image lies, whether it is one, and what stands there if not."""
        f, (before, behind) = self.f, self.problem.border[0]
        mapped = f.load("i64", f.at(self.rows, f.mul(index, 8)), align=8)
        fill = f.select(f.compare("eq", mapped, BEFORE), self._constant(before), self._constant(behind))
        safe = f.value(f.larger(mapped, 0))
        return f.at(self.image, f.mul(safe, self.row_step)), f.compare("sge", mapped, 0), fill

    def _constant(self, side: Side) -> Value:
        return constant(self.plane.element, 0 if isinstance(side, str) else float(side.real))

    def _inside(self, position: Value) -> Value:
        """Copy whole vectors, row by row."""
        f, p = self.f, self.plane
        words = vector(self.word, p.pair)
        factor, offset = f.splat(self.factor, p.pair), f.mul(position, self.source.itemsize)
        with f.loop(0, self.tiling.extents[0], carry=(constant(words, 0),)) as loop:
            row, valid, fill = self._row(loop.index)
            raw = f.load(vector(self.source.ir, p.pair), f.at(row, offset))
            value = f.select(valid, widen(f, raw, self.source, self.target), f.splat(fill, p.pair))
            largest = self._larger(loop.carried[0], value)
            f.store(f.mul(value, factor), f.at(self.strip, f.mul(loop.index, p.row_bytes)))
            loop.carry([largest])
        assert loop.results is not None
        name = f"llvm.vector.reduce.umax.v{p.pair}{self.word}"
        return self._as_integer(f.call(name, self.word, loop.results[0]))

    def _beside(self) -> Value:
        """Columns of which some lie outside: a run of neighbours is copied, the others are fetched one by one.

        Which sample a lane shows is the same in all rows, and is looked up once.
        """
        f, p, size = self.f, self.plane, self.source.itemsize
        words, kind = vector(self.word, p.pair), vector(p.element, p.pair)
        offsets, samples, others = (f.alloca(p.pair * each) for each in (8, p.size, p.size))
        begin, end, source = self._look_up(offsets, samples, others)
        # the run where it stands among the lanes, with room for a whole vector that begins before it or ends behind
        seen = f.alloca(3 * p.pair * size)
        lanes, place = f.at(seen, p.pair * size), f.load("i64", f.at(offsets, f.mul(begin, 8)), align=8)
        run = f.at(lanes, f.mul(f.add(f.sub(begin, f.div(place, size)), source), size))
        is_sample = f.compare("ne", f.load(words, samples), constant(words, 0))
        own, factor = f.load(kind, others), f.splat(self.factor, p.pair)
        with f.loop(0, self.tiling.extents[0], carry=(constant(words, 0),)) as rows:
            row, valid, fill = self._row(rows.index)
            with f.when(f.compare("slt", begin, end)):
                f.store(f.load(vector(self.source.ir, p.pair), f.at(row, f.mul(source, size))), run)
            for first, last in ((0, begin), (end, p.pair)):
                with f.loop(first, last) as lane:
                    offset = f.load("i64", f.at(offsets, f.mul(lane.index, 8)), align=8)
                    f.store(f.load(self.source.ir, f.at(row, offset)), f.at(lanes, f.mul(lane.index, size)))
            raw = f.load(vector(self.source.ir, p.pair), lanes)
            value = f.select(valid, widen(f, raw, self.source, self.target), f.splat(fill, p.pair))
            # later axes win, as in `numpy.pad`
            value = f.select(is_sample, value, own)
            f.store(f.mul(value, factor), f.at(self.strip, f.mul(rows.index, p.row_bytes)))
            rows.carry([self._larger(rows.carried[0], value)])
        assert rows.results is not None
        name = f"llvm.vector.reduce.umax.v{p.pair}{self.word}"
        return self._as_integer(f.call(name, self.word, rows.results[0]))

    def _look_up(self, offsets: Value, samples: Value, others: Value) -> tuple[Value, Value, Value]:
        """Where each lane's sample lies in a row, whether there is one, and what is there if not.

        The result is the longest run of lanes that are neighbours in the image, and the column from which on a whole
        vector holds it; an empty run where no vector does.
        """
        f, p = self.f, self.plane
        extent, n, (before, behind) = self.tiling.extents[1], self.problem.image[1], self.problem.border[1]
        none = f.value(-2)
        with f.loop(0, p.pair, carry=(none, f.value(0), f.value(0), f.value(0))) as lane:
            last, length, longest, end = lane.carried
            column = f.add(self.first, lane.index)
            mapped = f.load("i64", f.at(self.columns, f.mul(f.smaller(column, extent - 1), 8)), align=8)
            inside = f.compare("slt", column, extent)
            is_sample = f.bits("and", inside, f.compare("sge", mapped, 0))
            own = f.select(f.compare("eq", mapped, BEFORE), self._constant(before), self._constant(behind))
            f.store(f.mul(f.larger(mapped, 0), self.column_step), f.at(offsets, f.mul(lane.index, 8)), align=8)
            at = f.mul(lane.index, p.size)
            f.store(f.cast("zext", is_sample, self.word), f.at(samples, at), align=p.size)
            f.store(f.select(inside, own, constant(p.element, 0)), f.at(others, at), align=p.size)
            follows = f.compare("eq", mapped, f.add(last, 1))
            length = f.value(f.select(is_sample, f.add(f.select(follows, length, 0), 1), 0))
            longer = f.compare("sgt", length, longest)
            lane.carry([f.value(f.select(is_sample, mapped, none)), length, f.select(longer, length, longest),
                        f.select(longer, f.add(lane.index, 1), end)])
        assert lane.results is not None
        longest, end = lane.results[2:]
        adjacent = f.compare("eq", self.column_step, self.source.itemsize)
        usable = adjacent if n >= p.pair else Value("i1", "false")
        begin = f.select(usable, f.sub(end, longest), 0)
        first = f.div(f.load("i64", f.at(offsets, f.mul(begin, 8)), align=8), self.source.itemsize)
        return f.value(begin), f.select(usable, end, 0), f.value(f.smaller(first, max(n - p.pair, 0)))

    def _larger(self, largest: Value, value: Value) -> Value:
        if not measures(self.problem):
            return largest
        f = self.f
        kind = vector(self.word, lanes_of(value.type))
        bits = f.bits("and", f.reinterpret(value, kind), constant(kind, (1 << 8 * self.plane.size - 1) - 1))
        return f.intrinsic("umax", largest, bits)

    def _as_integer(self, bits: Value) -> Value:
        return bits if self.word == "i64" else self.f.cast("zext", bits, "i64")


def measures(problem: Problem) -> bool:
    """Whether a tile may hold what is not finite, or so large or small that it has to be scaled."""
    return problem.image_dtype.startswith(("float", "bfloat", "complex")) or any(
        isinstance(side, float | complex) for sides in problem.border for side in sides)

