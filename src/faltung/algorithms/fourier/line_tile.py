"""A whole tile: its rows fetched from the image, border included, and its outputs brought home."""

from __future__ import annotations

from collections.abc import Callable

from ...compiler.elements import element_on
from ...compiler.emit import Module, Operand, Value, constant, vector
from ...compiler.entry import split
from ...compiler.values import mangle
from ...problem.problem import Problem
from .code import Context, call
from .line import Line
from .line_gather import Parts, parts_of
from .plane_gather import BEFORE
from .tiles import Tiling

# Cells of the context, 8 bytes each; the strides of image and output follow, in bytes, and the edges of each axis.
IMAGE, OUT, KERNEL, BIAS, DOWN, ACROSS, TURNS, SCRATCH, STATUS, FLAG, STRIDES = range(11)

CACHE_LINE = 64


class LineTile:
    """Writes ``fetch`` and ``finish``, which go through the rows of a tile."""

    def __init__(self, line: Line, problem: Problem, tiling: Tiling, module: Module) -> None:
        self.line, self.problem, self.tiling, self.module = line, problem, tiling, module
        self.space = len(problem.batch) + 2
        self.pitches = [line.size] * problem.ndim
        for axis in reversed(range(problem.ndim - 1)):
            self.pitches[axis] = self.pitches[axis + 1] * tiling.extents[axis + 1]

    def emit(self) -> None:
        """Write the functions."""
        self._emit_fetch()
        self._emit_finish()

    def _places(self, tile: Operand) -> list[tuple[Operand, Operand]]:
        """Along each axis: the tile's first output, and how many of its outputs are another tile's."""
        f, t = self.f, self.tiling
        places: list[tuple[Operand, Operand]] = []
        for axis in reversed(range(self.problem.ndim)):
            number, tile = split(f, tile, t.counts[axis])
            begin = f.mul(number, t.outputs[axis])
            first = f.smaller(begin, self.problem.output[axis] - t.outputs[axis])
            places.insert(0, (first, f.sub(begin, first)))
        return places

    # --- in

    def _emit_fetch(self) -> None:
        """fetch(context, image, tile, real, imaginary): the samples, followed by zeros; their largest magnitude."""
        parameters = [("ptr", "context"), ("ptr", "image"), ("i64", "tile"), ("ptr", "real"), ("ptr", "imaginary")]
        f = self.f = self.module.function("fetch", "i64", parameters)
        context, image, tile, *targets = f.arguments
        self.cells, p = Context(f, context, self.problem, STRIDES), self.problem
        firsts = [f.add(f.mul(first, stride), start)
                  for (first, _), stride, start in zip(self._places(tile), p.stride, p.start, strict=True)]
        self.most, words = f.alloca(self.line.machine.vector_bytes), f"i{8 * self.line.size}"
        f.store(constant(vector(words, self.line.lanes), 0), self.most)
        fill = parts_of(p, 0, self.line)
        self._fetch_rows(0, firsts, image, targets, Value("i1", "true"), fill)
        used = self.pitches[0] * self.tiling.fetched[0]
        whole = self.line.samples_bytes * (2 if self.line.is_real else 1)
        for target in targets[:len(fill)] if used < whole else ():
            with f.loop(used, whole, self.line.size) as at:
                f.store(constant(self.line.element, 0), f.at(target, at.index), align=self.line.size)
        kind = vector(words, self.line.lanes)
        largest = f.call(f"llvm.vector.reduce.umax.{mangle(kind)}", words, f.load(kind, self.most))
        f.finish(largest if words == "i64" else f.cast("zext", largest, "i64"))

    def _fetch_rows(self, axis: int, firsts: list[Operand], image: Value, targets: list[Value], valid: Value,
                    fill: Parts) -> None:
        f, step = self.f, self.cells.step(self.space + axis)
        if axis == self.problem.ndim - 1:
            parts = [*fill, constant(self.line.element, 0)][:2]
            call(f, "gather", image, valid, *parts, self.cells.edge(axis, 0), self.cells.edge(axis, 1), step,
                 firsts[axis], *targets, self.most)
            return
        with f.loop(0, self.tiling.extents[axis]) as row:
            index = self._index(axis, f.add(firsts[axis], row.index))
            inside = f.compare("sge", index, 0)
            here = f.at(image, f.mul(f.value(f.larger(index, 0)), step))
            there = [f.at(target, f.mul(row.index, self.pitches[axis])) for target in targets]
            if 0 < axis == self.problem.ndim - 2:
                self._ask_for(f.at(here, f.add(self.cells.step(self.space + axis - 1), f.mul(
                    f.larger(firsts[-1], 0), self.cells.step(self.space + axis + 1)))))
            before, behind = (parts_of(self.problem, side, self.line) for side in self.problem.border[axis])
            fills = [f.select(inside, outer, f.select(f.compare("eq", index, BEFORE), one, other))
                     for outer, one, other in zip(fill, before, behind, strict=True)]
            self._fetch_rows(axis + 1, firsts, here, there, f.bits("and", valid, inside), fills)

    def _ask_for(self, row: Value) -> None:
        """Fetch the same row of the next plane into the cache: no prefetcher of a processor follows such short rows."""
        f, size = self.f, element_on(self.problem.image_dtype, self.line.machine.isa).itemsize
        how = [Value("i32", str(number)) for number in (0, 3, 1)]
        with f.loop(0, self.tiling.extents[-1] * size + CACHE_LINE, CACHE_LINE) as part:
            f.call("llvm.prefetch.p0", "void", f.at(row, part.index), *how)

    def _index(self, axis: int, position: Operand) -> Value:
        """The index that stands at a position: itself, or what the border says."""
        f, n, start = self.f, self.problem.image[axis], self.problem.start[axis]
        place = f.alloca(8)
        f.store(position, place, align=8)
        for side, (outside, origin) in enumerate(((f.compare("slt", position, 0), start),
                                                  (f.compare("sge", position, n), n))):
            with f.when(outside):
                entry = f.at(self.cells.edge(axis, side), f.mul(f.sub(position, origin), 8))
                f.store(f.load("i64", entry, align=8), place, align=8)
        return f.load("i64", place, align=8)

    # --- out

    def _emit_finish(self) -> None:
        """finish(context, real, imaginary, out, tile, bias): store the outputs that are kept; 1 if one overflowed."""
        parameters = [("ptr", "context"), ("ptr", "real"), ("ptr", "imaginary"), ("ptr", "out"), ("i64", "tile"),
                      ("ptr", "bias")]
        f = self.f = self.module.function("finish", "i64", parameters)
        context, real, imaginary, out, tile, bias = f.arguments
        self.cells, places = Context(f, context, self.problem, STRIDES), self._places(tile)
        self.most = f.alloca(8)
        f.store(0, self.most, align=8)
        for axis, (first, _) in enumerate(places):
            out = f.at(out, f.mul(first, self.cells.step(self.space + axis, out=True)))

        def keep(sums: list[Value], there: Value) -> None:
            last = self.problem.ndim - 1
            found = call(f, "keep", *sums, there, self.cells.step(self.space + last, out=True), places[last][1], bias,
                         result="i64")
            f.store(f.bits("or", f.load("i64", self.most, align=8), found), self.most, align=8)

        self._finish_rows(0, places, [real, imaginary], out, keep)
        f.finish(f.load("i64", self.most, align=8))

    def _finish_rows(self, axis: int, places: list[tuple[Operand, Operand]], sums: list[Value], out: Value,
                     keep: Callable[[list[Value], Value], None]) -> None:
        f = self.f
        if axis == self.problem.ndim - 1:
            keep(sums, out)
            return
        with f.loop(places[axis][1], self.tiling.outputs[axis]) as row:
            offset = f.mul(row.index, self.problem.stride[axis] * self.pitches[axis])
            there = f.at(out, f.mul(row.index, self.cells.step(self.space + axis, out=True)))
            self._finish_rows(axis + 1, places, [f.at(part, offset) for part in sums], there, keep)
