"""Transforms of a strip: as many columns as a vector has lanes, real and imaginary parts row by row.

A column's transform needs no shuffles at all, only sums of whole vectors.  Forward transforms decimate in
frequency and leave their result in digit-reversed order; inverse ones undo the stages one by one, in the
opposite order, and end in the natural one (Van Loan, "Computational frameworks for the fast Fourier
transform", 1992).  The parts that a stage splits are finished one after the other, so that all stages but
the first work in the first-level cache.
"""

from __future__ import annotations

from math import prod, sqrt
from typing import TYPE_CHECKING

import numpy as np

from ...compiler.values import Value, constant, vector

if TYPE_CHECKING:
    from ...compiler.emit import Function, Module

Complex = tuple[Value, Value]


def radices(length: int, registers: int) -> tuple[int, ...]:
    """How many parts each stage splits; eight of them fill sixteen registers and need some more."""
    found, rest, most = [], length, 8 if registers >= 32 else 4
    for odd in (3, 5):
        while rest % odd == 0:
            found.append(odd)
            rest //= odd
    bits = rest.bit_length() - 1
    each = most.bit_length() - 1
    count = -(-bits // each)
    # as equal as possible: 1024 is 8 * 8 * 4 * 4, not 8 * 8 * 8 * 2
    return (*found, *(1 << bits // count + (number < bits % count) for number in range(count)))


def twiddles(splits: tuple[int, ...], dtype: str) -> np.ndarray:
    """For each butterfly of each stage but the last: the roots w, w**2, ..., real and imaginary parts."""
    rows, n = [np.zeros(0)], prod(splits)
    for radix in splits[:-1]:
        angle = -2 * np.pi * np.arange(n // radix)[:, None] * np.arange(1, radix) / n
        rows.append(np.stack([np.cos(angle), np.sin(angle)], axis=-1).ravel())
        n //= radix
    return np.concatenate(rows).astype(dtype)


def positions(splits: tuple[int, ...]) -> np.ndarray:
    """The row in which each frequency stands after the forward transform."""
    found, block, n = np.zeros(1, np.int64), 1, prod(splits)
    for radix in splits:
        found = (found[None, :] + np.arange(radix)[:, None] * (n // (block * radix))).ravel()
        block *= radix
    return found


class Arithmetic:
    """Complex vectors of one function."""

    def __init__(self, f: Function, element: str, size: int, lanes: int) -> None:
        self.f, self.element, self.size, self.lanes = f, element, size, lanes
        self.kind, self.vector_bytes = vector(element, lanes), lanes * size

    def load(self, place: Value) -> Complex:
        """A row: real parts, then imaginary ones."""
        f = self.f
        return f.load(self.kind, place), f.load(self.kind, f.at(place, self.vector_bytes))

    def store(self, value: Complex, place: Value) -> None:
        """Write a row."""
        self.f.store(value[0], place)
        self.f.store(value[1], self.f.at(place, self.vector_bytes))

    def root(self, place: Value) -> Complex:
        """The same root for all lanes."""
        f = self.f
        re, im = (f.load(self.element, f.at(place, offset), align=self.size) for offset in (0, self.size))
        return f.splat(re, self.lanes), f.splat(im, self.lanes)

    def plus(self, a: Complex, b: Complex) -> Complex:
        """Add."""
        return self.f.value(self.f.add(a[0], b[0])), self.f.value(self.f.add(a[1], b[1]))

    def minus(self, a: Complex, b: Complex) -> Complex:
        """Subtract."""
        return self.f.value(self.f.sub(a[0], b[0])), self.f.value(self.f.sub(a[1], b[1]))

    def times(self, a: Complex, w: Complex, *, conjugate: bool = False) -> Complex:
        """Multiply by ``w``, or by its conjugate."""
        f = self.f
        re, im, minus = f.value(f.mul(a[0], w[0])), f.value(f.mul(a[1], w[0])), f.neg(w[1])
        if conjugate:
            return f.fma(a[1], w[1], re), f.fma(a[0], minus, im)
        return f.fma(a[1], minus, re), f.fma(a[0], w[1], im)

    def turn(self, a: Complex, *, forward: bool) -> Complex:
        """Multiply by -i, or backwards by i."""
        return (a[1], self.f.neg(a[0])) if forward else (self.f.neg(a[1]), a[0])

    def scaled_plus(self, a: Complex, b: Complex, factor: float) -> Complex:
        """``a + factor * b``."""
        number = constant(self.kind, factor)
        return self.f.fma(b[0], number, a[0]), self.f.fma(b[1], number, a[1])

    def transform(self, x: list[Complex], *, forward: bool) -> list[Complex]:
        """The transform of a few values."""
        if len(x) == 2:
            return [self.plus(*x), self.minus(*x)]
        return {3: self._three, 4: self._four, 5: self._five, 8: self._eight}[len(x)](x, forward=forward)

    def _four(self, x: list[Complex], *, forward: bool) -> list[Complex]:
        even, odd = self.plus(x[0], x[2]), self.minus(x[0], x[2])
        pair, turned = self.plus(x[1], x[3]), self.turn(self.minus(x[1], x[3]), forward=forward)
        return [self.plus(even, pair), self.plus(odd, turned), self.minus(even, pair), self.minus(odd, turned)]

    def _eight(self, x: list[Complex], *, forward: bool) -> list[Complex]:
        even, odd = self._four(x[::2], forward=forward), self._four(x[1::2], forward=forward)
        half = sqrt(0.5)
        # roots of order eight are (1 - i) / sqrt(2) and its turns: the factor goes into the sums
        eighth = [self.plus(odd[k], self.turn(odd[k], forward=forward)) for k in (1, 3)]
        eighth[1] = self.turn(eighth[1], forward=forward)
        quarter = self.turn(odd[2], forward=forward)
        first = [self.plus(even[0], odd[0]), self.scaled_plus(even[1], eighth[0], half),
                 self.plus(even[2], quarter), self.scaled_plus(even[3], eighth[1], half)]
        second = [self.minus(even[0], odd[0]), self.scaled_plus(even[1], eighth[0], -half),
                  self.minus(even[2], quarter), self.scaled_plus(even[3], eighth[1], -half)]
        return first + second

    def _three(self, x: list[Complex], *, forward: bool) -> list[Complex]:
        both, apart = self.plus(x[1], x[2]), self.turn(self.minus(x[1], x[2]), forward=forward)
        middle = self.scaled_plus(x[0], both, -0.5)
        return [self.plus(x[0], both), *(self.scaled_plus(middle, apart, sign * sqrt(0.75)) for sign in (1, -1))]

    def _five(self, x: list[Complex], *, forward: bool) -> list[Complex]:
        near, far = self.plus(x[1], x[4]), self.plus(x[2], x[3])
        apart = [self.turn(self.minus(x[i], x[5 - i]), forward=forward) for i in (1, 2)]
        cosines, sines = [[float(part) for part in parts] for parts in (
            np.cos(2 * np.pi * np.arange(1, 3) / 5), np.sin(2 * np.pi * np.arange(1, 3) / 5))]
        one = self.scaled_plus(self.scaled_plus(x[0], near, cosines[0]), far, cosines[1])
        two = self.scaled_plus(self.scaled_plus(x[0], near, cosines[1]), far, cosines[0])
        found = [self.plus(x[0], self.plus(near, far))]
        for middle, a, b in ((one, sines[0], sines[1]), (two, sines[1], -sines[0]),
                             (two, -sines[1], sines[0]), (one, -sines[0], -sines[1])):
            found.append(self.scaled_plus(self.scaled_plus(middle, apart[0], a), apart[1], b))
        return found


class Strip:
    """Writes the transform of one strip of ``prod(splits)`` rows as a function ``name(rows, roots)``."""

    def __init__(self, module: Module, name: str, splits: tuple[int, ...], element: str, size: int,
                 lanes: int, *more: str) -> None:
        self.f = f = module.function(name, "void", [("ptr noalias", name) for name in ("rows", "roots", *more)])
        self.splits, self.row_bytes = splits, 2 * lanes * size
        self.do = Arithmetic(f, element, size, lanes)

    def emit(self, *, forward: bool) -> None:
        """Write the function."""
        rows, roots = self.f.arguments
        self._parts(rows, roots, prod(self.splits), self.splits, forward=forward)
        self.f.finish()

    def _parts(self, rows: Value, roots: Value, n: int, splits: tuple[int, ...], *, forward: bool) -> None:
        radix, part = splits[0], n // splits[0]
        if forward:
            self._stage(rows, roots, radix, part, forward=True)
        if part > 1:
            after = self.f.at(roots, part * 2 * (radix - 1) * self.do.size)
            with self.f.loop(0, radix) as loop:
                place = self.f.at(rows, self.f.mul(loop.index, part * self.row_bytes))
                self._parts(place, after, part, splits[1:], forward=forward)
        if not forward:
            self._stage(rows, roots, radix, part, forward=False)

    def emit_round(self) -> None:
        """Write ``name(rows, roots, kernel)``: there, times the conjugate of a kernel's spectrum, and back.

        Each part goes all the way before the next, and its last stages and the product stay in registers.
        """
        rows, roots, kernel = self.f.arguments
        self._round(rows, roots, kernel, prod(self.splits), self.splits)
        self.f.finish()

    def _round(self, rows: Value, roots: Value, kernel: Value, n: int, splits: tuple[int, ...]) -> None:
        f, do, radix, part = self.f, self.do, splits[0], n // splits[0]
        if part == 1:
            places = [i * self.row_bytes for i in range(radix)]
            values = do.transform([do.load(f.at(rows, place)) for place in places], forward=True)
            values = [do.times(value, do.load(f.at(kernel, place)), conjugate=True)
                      for value, place in zip(values, places, strict=True)]
            for value, place in zip(do.transform(values, forward=False), places, strict=True):
                do.store(value, f.at(rows, place))
            return
        self._stage(rows, roots, radix, part, forward=True)
        after = f.at(roots, part * 2 * (radix - 1) * do.size)
        with f.loop(0, radix) as loop:
            offset = f.mul(loop.index, part * self.row_bytes)
            self._round(f.at(rows, offset), after, f.at(kernel, offset), part, splits[1:])
        self._stage(rows, roots, radix, part, forward=False)

    def _stage(self, rows: Value, roots: Value, radix: int, part: int, *, forward: bool) -> None:
        f, do, step = self.f, self.do, part * self.row_bytes
        if part == 1:
            values = do.transform([do.load(f.at(rows, i * step)) for i in range(radix)], forward=forward)
            for i, value in enumerate(values):
                do.store(value, f.at(rows, i * step))
            return
        with f.loop(0, part) as loop:
            place = f.at(rows, f.mul(loop.index, self.row_bytes))
            line = f.at(roots, f.mul(loop.index, 2 * (radix - 1) * do.size))
            w = [do.root(f.at(line, 2 * i * do.size)) for i in range(radix - 1)]
            values = [do.load(f.at(place, i * step)) for i in range(radix)]
            if not forward:
                values[1:] = [do.times(value, root, conjugate=True) for value, root in zip(values[1:], w, strict=True)]
            values = do.transform(values, forward=forward)
            if forward:
                values[1:] = [do.times(value, root) for value, root in zip(values[1:], w, strict=True)]
            for i, value in enumerate(values):
                do.store(value, f.at(place, i * step))
