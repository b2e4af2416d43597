"""Outputs of a tile, row by row: rounded, finished, cast and stored, those that are kept."""

from __future__ import annotations

from ...compiler.casts import narrow
from ...compiler.elements import ELEMENTS, element_on
from ...compiler.emit import Module, Operand, Value, constant, vector
from ...problem.problem import Problem
from ..direct.activations import activate
from .line import Line


class LineStore:
    """Writes ``keep(real, imaginary, out, step, own, bias)``: the result is 1 if any output overflowed.

    ``real`` and ``imaginary`` hold a row of the tile's sums, ``out`` is the place of its first output, and outputs
    before ``own`` are another tile's.
    """

    def __init__(self, line: Line, problem: Problem, outputs: int, module: Module, *, whole: bool) -> None:
        self.line, self.problem, self.outputs, self.whole = line, problem, outputs, whole
        self.sums, self.target = ELEMENTS[line.dtype], element_on(problem.output_dtype, line.machine.isa)
        self.planes = 2 if problem.accumulator_dtype.startswith("complex") else 1
        parameters = [("ptr", "real"), ("ptr", "imaginary"), ("ptr", "out"), ("i64", "step"), ("i64", "own"),
                      ("ptr", "bias")]
        self.f = module.function("keep", "i64", parameters)
        *self.sources, self.out, self.step, self.own, self.bias_at = self.f.arguments
        self.flags = vector("i1", line.lanes)

    def emit(self) -> None:
        """Write the function."""
        f, lanes, stride = self.f, self.line.lanes, self.problem.stride[-1]
        self.bias = [f.splat(f.load(self.line.element, f.at(self.bias_at, part * self.line.size)), lanes)
                     for part in range(self.planes)] if self.problem.bias else None
        place = f.alloca(8)
        f.store(0, place, align=8)
        count, last = f.sub(self.outputs, self.own), self.outputs - lanes
        whole = f.bits("and", f.compare("eq", self.step, self.target.itemsize), f.compare("sge", count, lanes))
        begin: Operand = self.own
        if stride == 1 and last >= 0:
            with f.when(whole):
                self._vectors(place, last)
            begin = f.select(whole, self.outputs, self.own)
        with f.loop(begin, self.outputs, lanes) as loop:
            self._some(place, loop.index, f.smaller(lanes, f.sub(self.outputs, loop.index)))
        f.finish(f.load("i64", place, align=8))

    def _vectors(self, place: Value, last: int) -> None:
        """Outputs side by side; the last vector begins at ``last``, whatever it has in common with others."""
        f = self.f
        with f.loop(self.own, last, self.line.lanes, carry=(constant(self.flags, 0),)) as loop:
            outside = self._vector(loop.index)
            if outside is not None:
                loop.carry([f.bits("or", loop.carried[0], outside)])
        outside = self._vector(last)
        assert loop.results is not None
        if outside is not None:
            self._note(place, f.bits("or", loop.results[0], outside))

    def _vector(self, at: Operand) -> Value | None:
        f = self.f
        sums = [f.load(self.line.kind, f.at(source, f.mul(at, self.line.size)))
                for source in self.sources[:self.planes]]
        value, outside = self._finish(sums)
        f.store(value, f.at(self.out, f.mul(at, self.target.itemsize)))
        return outside

    def _some(self, place: Value, first: Operand, count: Operand) -> None:
        """A few outputs by way of a vector: the last ones, and those with steps between them."""
        f, line, stride = self.f, self.line, self.problem.stride[-1]
        here = [f.alloca(line.machine.vector_bytes) for _ in range(self.planes)]
        there = f.alloca(line.lanes * self.target.itemsize)
        for source, chunk in zip(self.sources, here, strict=False):
            f.store(constant(line.kind, 0), chunk)
            with f.loop(0, count) as lane:
                at = f.mul(f.add(first, lane.index), stride * line.size)
                f.store(f.load(line.element, f.at(source, at)), f.at(chunk, f.mul(lane.index, line.size)))
        value, outside = self._finish([f.load(line.kind, chunk) for chunk in here])
        f.store(value, there)
        word = f"i{8 * self.target.size}"
        with f.loop(0, count) as lane:
            for part in range(self.target.planes):
                offset = part * self.target.size
                number = f.load(word, f.at(f.at(there, f.mul(lane.index, self.target.itemsize)), offset))
                f.store(number, f.at(f.at(self.out, f.mul(f.add(first, lane.index), self.step)), offset))
        if outside is not None:
            kind = vector("i64", line.lanes)
            iota = Value(kind, "<" + ", ".join(f"i64 {lane}" for lane in range(line.lanes)) + ">")
            kept = f.compare("slt", iota, f.splat(f.value(count), line.lanes))
            self._note(place, f.bits("and", outside, kept))

    def _finish(self, sums: list[Value]) -> tuple[Value, Value | None]:
        f, problem = self.f, self.problem
        if self.whole:
            sums = [f.intrinsic("rint", value) for value in sums]
        if self.bias is not None:
            sums = [f.value(f.add(value, bias)) for value, bias in zip(sums, self.bias, strict=True)]
        if problem.activation is not None:
            sums = [activate(f, problem.activation, value) for value in sums]
        if self.target.planes == 1:
            return self._narrow(sums[0])
        parts = [self._narrow(value)[0] for value in (*sums, constant(sums[0].type, 0))[:2]]
        lanes = self.line.lanes
        return f.shuffle(parts[0], parts[1], [lane + part * lanes for lane in range(lanes) for part in (0, 1)]), None

    def _narrow(self, value: Value) -> tuple[Value, Value | None]:
        return narrow(self.f, value, self.sums, self.target, self.problem.overflow)

    def _note(self, place: Value, flags: Value) -> None:
        f = self.f
        any_ = f.call(f"llvm.vector.reduce.or.v{self.line.lanes}i1", "i1", flags)
        f.store(f.bits("or", f.load("i64", place, align=8), f.cast("zext", any_, "i64")), place, align=8)
