"""The code of the generated transforms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...compiler.emit import Module, Operand, Value, vector
from ...compiler.transpose import store_turned
from .transform import stages

if TYPE_CHECKING:
    from .transform import Transform

DATA = object.__basicsize__
"""Where an array object holds the address of its data."""

Complex = tuple[Value, Value]


def emit_transform(transform: Transform) -> str:
    """Write ``forward``, ``inverse`` and ``multiply`` for one shape of tiles."""
    module, code = Module(), _Code(transform)
    code.emit_pass(module, forward=True)
    code.emit_pass(module, forward=False)
    code.emit_multiply(module)
    return module.text()


class _Code:
    def __init__(self, transform: Transform) -> None:
        self.t = transform
        self.size, self.lanes = transform.element.size, transform.lanes
        self.kind = vector(transform.element.ir, self.lanes)
        self.is_plane = len(transform.lengths) == 2

    # --- whole tiles

    def emit_pass(self, module: Module, *, forward: bool) -> None:
        """forward(planes, spectrum, roots of columns, roots of rows), or inverse with the same arguments."""
        parameters = [("ptr", name) for name in ("planes", "spectrum", "down", "across")]
        f = self.f = module.function("forward" if forward else "inverse", "void", parameters, internal=False)
        planes, spectrum, down, across = (f.load("ptr", f.at(argument, DATA), align=8) for argument in f.arguments)
        t = self.t
        here = (planes, t.rows, t.columns, t.pitch)
        if not self.is_plane:
            if not forward:
                self._copy(spectrum, planes)
            self._columns(*here, down, forward=forward)
            if forward:
                self._copy(planes, spectrum)
        elif forward:
            self._columns(*here, down, forward=True)
            self._transpose(*here, spectrum, t.turned_pitch)
            self._columns(spectrum, t.columns, t.rows, t.turned_pitch, across, forward=True)
        else:
            there = (spectrum, t.columns, t.rows, t.turned_pitch)
            self._columns(*there, across, forward=False)
            self._transpose(*there, planes, t.pitch)
            self._columns(*here, down, forward=False)
        f.finish()

    def _copy(self, source: Value, target: Value) -> None:
        f, t = self.f, self.t
        with f.loop(0, 2 * t.rows * t.pitch * self.size, self.t.machine.vector_bytes) as loop:
            f.store(f.load(self.kind, f.at(source, loop.index)), f.at(target, loop.index))

    def _transpose(self, source: Value, rows: int, columns: int, pitch: int, target: Value, turned: int) -> None:
        """Transpose both planes, as many rows at a time as 16 bytes hold."""
        f, group = self.f, 16 // self.size
        with f.loop(0, 2) as plane, f.loop(0, rows, group) as row, f.loop(0, columns, self.lanes) as column:
            place = f.add(f.mul(f.add(f.mul(plane.index, rows), row.index), pitch), column.index)
            here = f.at(source, f.mul(place, self.size))
            lines = [f.load(self.kind, f.at(here, i * pitch * self.size)) for i in range(group)]
            place = f.add(f.mul(f.add(f.mul(plane.index, columns), column.index), turned), row.index)
            there = f.at(target, f.mul(place, self.size))
            store_turned(f, lines, there, turned * self.size)

    # --- columns

    def _columns(self, planes: Value, rows: int, columns: int, pitch: int, roots: Value, *, forward: bool) -> None:
        """Transform every column; a strip of one vector's width goes through all stages before the next."""
        f = self.f
        splits, first = [], 0
        for n in stages(rows):
            splits.append((n, first))
            first += (n // 4) * 6 * self.size if n > 2 else 0
        with f.loop(0, columns, self.lanes) as strip:
            here = f.at(planes, f.mul(strip.index, self.size))
            for n, offset in splits if forward else reversed(splits):
                if n == 2:
                    self._pairs(here, rows, pitch)
                else:
                    self._stage(here, rows, n, pitch, f.at(roots, offset), forward=forward)

    def _stage(self, planes: Value, rows: int, n: int, pitch: int, roots: Value, *, forward: bool) -> None:
        f, quarter = self.f, n // 4
        with f.loop(0, quarter) as butterfly:
            w = self._roots(f.at(roots, f.mul(butterfly.index, 6 * self.size))) if quarter > 1 else None
            with f.loop(0, rows, n) as block:
                row = f.add(block.index, butterfly.index)
                place = f.at(planes, f.mul(row, pitch * self.size))
                step, plane = quarter * pitch * self.size, rows * pitch * self.size
                x = [self._load(place, i * step, plane) for i in range(4)]
                y = self._split(x, w) if forward else self._join(x, w)
                for i, value in enumerate(y):
                    self._store(value, place, i * step, plane)

    def _roots(self, place: Value) -> list[Complex]:
        f = self.f
        scalars = [f.load(self.t.element.ir, f.at(place, i * self.size), align=self.size) for i in range(6)]
        vectors = [f.splat(scalar, self.lanes) for scalar in scalars]
        return [(vectors[i], vectors[i + 1]) for i in (0, 2, 4)]

    def _split(self, x: list[Complex], w: list[Complex] | None) -> list[Complex]:
        """A butterfly of the forward transform: sums, then the roots."""
        y = self._butterfly(x, forward=True)
        return y if w is None else [y[0], *(self._times(value, root) for value, root in zip(y[1:], w, strict=True))]

    def _join(self, y: list[Complex], w: list[Complex] | None) -> list[Complex]:
        """The inverse of `_split`, times four: the conjugate roots, then sums."""
        if w is not None:
            y = [y[0], *(self._times(value, root, conjugate=True) for value, root in zip(y[1:], w, strict=True))]
        return self._butterfly(y, forward=False)

    def _butterfly(self, x: list[Complex], *, forward: bool) -> list[Complex]:
        a, b, c, d = x
        even, odd = self._plus(a, c), self._minus(a, c)
        pair, turned = self._plus(b, d), self._minus(b, d)
        # times -i forwards, i backwards
        (re, im), f = turned, self.f
        turned = (im, f.neg(re)) if forward else (f.neg(im), re)
        return [self._plus(even, pair), self._plus(odd, turned), self._minus(even, pair), self._minus(odd, turned)]

    def _pairs(self, planes: Value, rows: int, pitch: int) -> None:
        f, step, plane = self.f, pitch * self.size, rows * pitch * self.size
        with f.loop(0, rows, 2) as block:
            place = f.at(planes, f.mul(block.index, step))
            a, b = self._load(place, 0, plane), self._load(place, step, plane)
            self._store(self._plus(a, b), place, 0, plane)
            self._store(self._minus(a, b), place, step, plane)

    # --- complex vectors

    def _load(self, place: Value, offset: int, plane: int) -> Complex:
        f = self.f
        re, im = (f.load(self.kind, f.at(place, offset + part), align=self.size) for part in (0, plane))
        return re, im

    def _store(self, value: Complex, place: Value, offset: int, plane: int) -> None:
        for part, vector_ in zip((0, plane), value, strict=True):
            self.f.store(vector_, self.f.at(place, offset + part), align=self.size)

    def _plus(self, a: Complex, b: Complex) -> Complex:
        return self.f.value(self.f.add(a[0], b[0])), self.f.value(self.f.add(a[1], b[1]))

    def _minus(self, a: Complex, b: Complex) -> Complex:
        return self.f.value(self.f.sub(a[0], b[0])), self.f.value(self.f.sub(a[1], b[1]))

    def _times(self, a: Complex, w: Complex, *, conjugate: bool = False) -> Complex:
        f = self.f
        re, im = f.value(f.mul(a[0], w[0])), f.value(f.mul(a[1], w[0]))
        minus = f.neg(w[1])
        if conjugate:
            return f.fma(a[1], w[1], re), f.fma(a[0], minus, im)
        return f.fma(a[1], minus, re), f.fma(a[0], w[1], im)

    # --- products

    def emit_multiply(self, module: Module) -> None:
        """multiply(spectrum, kernel, total): total += spectrum * conj(kernel)."""
        names = ("spectrum", "kernel", "total")
        f = self.f = module.function("multiply", "void", [("ptr", name) for name in names], internal=False)
        spectrum, kernel, total = (f.load("ptr", f.at(argument, DATA), align=8) for argument in f.arguments)
        t = self.t
        elements = t.columns * t.turned_pitch if self.is_plane else t.rows * t.pitch
        plane: Operand = elements * self.size
        with f.loop(0, plane, t.machine.vector_bytes) as loop:
            x, k, y = (self._load(f.at(pointer, loop.index), 0, elements * self.size)
                       for pointer in (spectrum, kernel, total))
            re = f.fma(x[1], k[1], f.fma(x[0], k[0], y[0]))
            im = f.fma(f.neg(x[0]), k[1], f.fma(x[1], k[0], y[1]))
            self._store((re, im), f.at(total, loop.index), 0, elements * self.size)
        f.finish()


