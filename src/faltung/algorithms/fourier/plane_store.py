"""Outputs of a strip: scaled back, rounded, finished, cast and stored, those that are kept."""

from __future__ import annotations

from ...compiler.casts import narrow
from ...compiler.elements import ELEMENTS, element_on
from ...compiler.emit import Module, Value, constant, vector
from ...problem.problem import Problem
from ..direct.activations import activate
from .plane import Plane
from .tiles import Tiling


class Store:
    """Writes ``keep(strip, out, row step, column step, first column, first outputs, factor, bias)``.

    ``out`` is the place of the tile's first output, and outputs before ``top`` and ``left`` are another tile's.
    The result is 1 if any output overflowed.
    """

    def __init__(self, plane: Plane, problem: Problem, tiling: Tiling, module: Module, *, whole: bool) -> None:
        self.plane, self.problem, self.tiling, self.whole = plane, problem, tiling, whole
        self.sums, self.target = ELEMENTS[plane.dtype], element_on(problem.output_dtype, plane.machine.isa)
        parameters = [("ptr", "strip"), ("ptr", "out"), *(("i64", name) for name in (
            "row_step", "column_step", "first", "top", "left")), (plane.element, "factor"), (plane.element, "bias")]
        self.f = module.function("keep", "i64", parameters)
        self.strip, self.out, self.row_step, self.column_step, self.first, *others = self.f.arguments
        self.top, self.left, self.factor, self.bias = others
        self.flags = vector("i1", plane.pair)

    def emit(self) -> None:
        """Write the function."""
        f, p, step = self.f, self.plane, self.problem.stride[1]
        outputs = self.tiling.outputs[1]
        # of the tile's outputs, those whose sums stand in this strip
        begin = f.larger(self.left, f.div(f.add(self.first, step - 1), step))
        end = f.smaller(outputs, f.div(f.add(f.add(self.first, p.pair), step - 1), step))
        place = f.alloca(8)
        f.store(0, place, align=8)
        begin, end = f.value(begin), f.value(end)
        whole = f.compare("eq", f.sub(end, begin), p.pair)
        adjacent = f.compare("eq", self.column_step, self.target.itemsize)
        fast = f.bits("and", whole, adjacent)
        with f.when(fast):
            f.store(self._rows(begin, end, fast=True), place, align=8)
        with f.unless(fast):
            f.store(self._rows(begin, end, fast=False), place, align=8)
        f.finish(f.load("i64", place, align=8))

    def _rows(self, begin: Value, end: Value, *, fast: bool) -> Value:
        f, p = self.f, self.plane
        buffer = f.alloca(p.pair * self.target.itemsize)
        factor, bias = f.splat(self.factor, p.pair), f.splat(self.bias, p.pair)
        none = constant(self.flags, 0)
        with f.loop(self.top, self.tiling.outputs[0], carry=(none,)) as loop:
            row = f.at(self.strip, f.mul(loop.index, self.problem.stride[0] * p.row_bytes))
            value, outside = self._finish(f.load(vector(p.element, p.pair), row), factor, bias)
            line = f.at(self.out, f.mul(loop.index, self.row_step))
            if fast:
                f.store(value, f.at(line, f.mul(begin, self.target.itemsize)))
            else:
                f.store(value, buffer)
                self._some(buffer, line, begin, end)
            if outside is not None:
                loop.carry([f.bits("or", loop.carried[0], outside)])
        assert loop.results is not None
        flags = loop.results[0] if fast else f.bits("and", loop.results[0], self._kept(begin, end))
        wide = f.cast("zext", flags, "i8")
        return f.cast("zext", f.call(f"llvm.vector.reduce.umax.v{p.pair}i8", "i8", wide), "i64")

    def _finish(self, value: Value, factor: Value, bias: Value) -> tuple[Value, Value | None]:
        f, problem = self.f, self.problem
        value = f.value(f.mul(value, factor))
        if self.whole:
            value = f.intrinsic("rint", value)
        if problem.bias:
            value = f.value(f.add(value, bias))
        if problem.activation is not None:
            value = activate(f, problem.activation, value)
        value, outside = self._narrow(value)
        if self.target.planes == 2:
            lanes = [lane + part * self.plane.pair for lane in range(self.plane.pair) for part in (0, 1)]
            value = f.shuffle(value, constant(value.type, 0), lanes)
        return value, outside

    def _narrow(self, value: Value) -> tuple[Value, Value | None]:
        return narrow(self.f, value, self.sums, self.target, self.problem.overflow)

    def _some(self, buffer: Value, line: Value, begin: Value, end: Value) -> None:
        """Those of a vector's outputs that are kept."""
        f, size = self.f, self.target.itemsize
        if self.problem.stride[1] > 1:
            self._one_by_one(buffer, line, begin, end)
            return
        adjacent = f.compare("eq", self.column_step, size)
        with f.when(adjacent):
            here, there = f.at(buffer, f.mul(f.sub(begin, self.first), size)), f.at(line, f.mul(begin, size))
            self._piecewise(here, there, f.value(f.sub(end, begin)))
        with f.unless(adjacent):
            self._one_by_one(buffer, line, begin, end)

    def _piecewise(self, here: Value, there: Value, count: Value) -> None:
        """Two pieces that overlap, as long as the largest power of two that there are outputs."""
        f, piece = self.f, self.plane.pair // 2
        while piece:
            fits = f.bits("and", f.compare("sge", count, piece), f.compare("slt", count, 2 * piece))
            with f.when(fits):
                for first in (0, f.sub(count, piece)):
                    offset = f.mul(first, self.target.itemsize)
                    part = f.load(vector("i8", piece * self.target.itemsize), f.at(here, offset))
                    f.store(part, f.at(there, offset))
            piece //= 2

    def _one_by_one(self, buffer: Value, line: Value, begin: Value, end: Value) -> None:
        f, size = self.f, self.target.itemsize
        word, step = f"i{8 * size}", self.problem.stride[1]
        with f.loop(begin, end) as loop:
            lane = f.sub(f.mul(loop.index, step), self.first)
            value = f.load(word, f.at(buffer, f.mul(lane, size)))
            f.store(value, f.at(line, f.mul(loop.index, self.column_step)))

    def _kept(self, begin: Value, end: Value) -> Value:
        """Which lanes hold a sum that is kept: others hold anything at all."""
        f, lanes, step = self.f, self.plane.pair, self.problem.stride[1]
        kind = vector("i64", lanes)
        iota = Value(kind, "<" + ", ".join(f"i64 {lane}" for lane in range(lanes)) + ">")
        column = f.value(f.add(iota, f.splat(self.first, lanes)))
        first, last = (f.splat(f.value(f.mul(edge, step)), lanes) for edge in (begin, end))
        kept = f.bits("and", f.compare("sge", column, first), f.compare("slt", column, last))
        if step > 1:
            kept = f.bits("and", kept, f.compare("eq", f.bits("urem", column, constant(kind, step)), constant(kind, 0)))
        return kept

