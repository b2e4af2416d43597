"""The code of real tiles: strips into bands, products of bands, and bands back into strips."""

from __future__ import annotations

from collections.abc import Callable

from ...compiler.emit import Function, Module, Operand, Value, constant
from .columns import Arithmetic, Complex, Strip
from .plane import Plane


def transpose(f: Function, rows: list[Value]) -> list[Value]:
    """Swap rows and lanes of as many vectors as each has lanes."""
    lanes = len(rows)
    distance = 1
    while distance < lanes:
        found = list(rows)
        for i in range(lanes):
            if not i & distance:
                a, b = rows[i], rows[i + distance]
                kept = [lane if not lane & distance else lane - distance + lanes for lane in range(lanes)]
                moved = [lane + distance if not lane & distance else lane + lanes for lane in range(lanes)]
                found[i], found[i + distance] = f.shuffle(a, b, kept), f.shuffle(a, b, moved)
        rows, distance = found, 2 * distance
    return rows


class PlaneCode:
    """Writes functions that all programs on one shape of tiles share."""

    def __init__(self, plane: Plane, module: Module) -> None:
        self.plane, self.module = plane, module
        self.tables = [[position * plane.row_bytes for position in side] for side in plane.down]

    def emit_strips(self) -> None:
        """``down``, ``up``: columns there and back; ``across``, ``home``: bands there and back."""
        p = self.plane
        for axis, names in ((0, ("down", "up")), (1, ("across", "home"))):
            for name in names:
                strip = Strip(self.module, name, p.splits(axis), p.element, p.size, p.lanes)
                strip.emit(forward=name in ("down", "across"))

    def emit_round(self) -> None:
        """``round``: a band of a single channel there, times a kernel, and back."""
        p = self.plane
        Strip(self.module, "round", p.splits(1), p.element, p.size, p.lanes, "kernel").emit_round()

    # --- strips into bands

    def emit_part(self) -> None:
        """part(strip, spectrum): tell the two columns of each lane apart, and put frequencies into lanes.

        ``spectrum`` is the place of the strip's first column.
        """
        f = self.module.function("part", "void", [("ptr", "strip"), ("ptr", "spectrum")])
        strip, spectrum = f.arguments
        self._each_band(f, spectrum, lambda place, here, behind, *, first: self._part(
            f, strip, place, here, behind, first=first))
        f.finish()

    def _each_band(self, f: Function, spectrum: Value, body: Callable[..., None]) -> None:
        """Call ``body`` for band 0, whose first lane differs, and for the others."""
        p = self.plane
        here, behind = (self.module.table(table) for table in self.tables)
        body(spectrum, here, behind, first=True)
        if p.bands > 1:
            with f.loop(1, p.bands) as loop:
                at = f.mul(loop.index, 8 * p.lanes)
                body(f.at(spectrum, f.mul(loop.index, p.band_bytes)), f.at(here, at), f.at(behind, at), first=False)

    def _rows(self, f: Function, strip: Value, table: Value) -> list[Value]:
        """The addresses of the rows of one band's frequencies."""
        return [f.at(strip, f.load("i64", f.at(table, 8 * lane), align=8)) for lane in range(self.plane.lanes)]

    def _part(self, f: Function, strip: Value, band: Value, here: Value, behind: Value, *, first: bool) -> None:
        """Of ``z = x + iy``: ``2x = z[u] + conj(z[-u])``, ``2iy = z[u] - conj(z[-u])``."""
        p, half = self.plane, self.plane.machine.vector_bytes
        one, other = self._rows(f, strip, here), self._rows(f, strip, behind)
        # operation, part of z, and where the result goes: column x or y, real or imaginary part
        for op, part, column, target in (("fadd", 0, 0, 0), ("fadd", half, 1, 0),
                                         ("fsub", half, 0, half), ("fsub", 0, 1, half)):
            rows = []
            for lane in range(p.lanes):
                a, b = (f.load(p.kind, f.at(row, part)) for row in (one[lane], other[lane]))
                if first and lane == 0:  # frequency 0 becomes the real part, N/2 the imaginary one
                    kept = f.load(p.kind, f.at(one[0] if target == 0 else other[0], half * column))
                    rows.append(f.bits("fadd", kept, kept))
                else:
                    rows.append(f.bits(op, b, a) if column and op == "fsub" else f.bits(op, a, b))
            for number, value in enumerate(transpose(f, rows)):
                place = (column * p.lanes + number) * p.row_bytes + target
                f.store(value, f.at(band, place))

    # --- bands into strips

    def emit_join(self) -> None:
        """join(spectrum, strip): the inverse of `emit_part`, without its factor of two."""
        f = self.module.function("join", "void", [("ptr", "spectrum"), ("ptr", "strip")])
        spectrum, strip = f.arguments
        self._each_band(f, spectrum, lambda place, here, behind, *, first: self._join(
            f, strip, place, here, behind, first=first))
        f.finish()

    def _join(self, f: Function, strip: Value, band: Value, here: Value, behind: Value, *, first: bool) -> None:
        """``z[u] = x + iy``, ``z[-u] = conj(x) + i conj(y)``."""
        p, half = self.plane, self.plane.machine.vector_bytes
        one, other = self._rows(f, strip, here), self._rows(f, strip, behind)
        xr, xi, yr, yi = 0, half, p.lanes * p.row_bytes, p.lanes * p.row_bytes + half
        # first operand, operation, second one, target, what lane 0 of band 0 holds
        for a, op, b, targets, part, alone in ((xr, "fsub", yi, one, 0, xr), (yr, "fadd", xi, one, half, yr),
                                               (xr, "fadd", yi, other, 0, xi), (yr, "fsub", xi, other, half, yi)):
            columns = []
            for number in range(p.lanes):
                left, right = (f.load(p.kind, f.at(band, number * p.row_bytes + offset)) for offset in (a, b))
                value = f.bits(op, left, right)
                if first:
                    kept = f.load(p.kind, f.at(band, number * p.row_bytes + alone))
                    value = f.shuffle(value, kept, [p.lanes, *range(1, p.lanes)])
                columns.append(value)
            for value, row in zip(transpose(f, columns), targets, strict=True):
                f.store(value, f.at(row, part))

    # --- products

    def emit_multiply(self, channels: int) -> None:
        """multiply(band, kernel, target): sum the products of ``channels`` bands, one spectrum apart, over channels."""
        names = ("band", "kernel", "target")
        f, p = self.module.function("multiply", "void", [("ptr", name) for name in names]), self.plane
        band, kernel, target = f.arguments
        do = Arithmetic(f, p.element, p.size, p.lanes)
        with f.loop(0, p.lengths[1] * p.row_bytes, p.row_bytes) as row:
            def add(channel: Operand, total: Complex) -> Complex:
                x = do.load(f.at(band, f.add(row.index, f.mul(channel, p.spectrum_bytes))))
                k = do.load(f.at(kernel, f.add(row.index, f.mul(channel, p.kernel_bytes))))
                return self._add_product(f, total, x, k)

            do.store(self._over_channels(f, channels, add), f.at(target, row.index))
        f.finish()

    def _over_channels(self, f: Function, channels: int, add: Callable[[Operand, Complex], Complex]) -> Complex:
        """Sum over channels."""
        zero = constant(self.plane.kind, 0)
        if channels == 1:
            return add(0, (zero, zero))
        with f.loop(0, channels, carry=(zero, zero)) as loop:
            loop.carry(add(loop.index, (loop.carried[0], loop.carried[1])))
        assert loop.results is not None
        return loop.results[0], loop.results[1]

    @staticmethod
    def _add_product(f: Function, total: Complex, x: Complex, k: Complex) -> Complex:
        """``total + x conj(k)``."""
        return (f.fma(x[1], k[1], f.fma(x[0], k[0], total[0])),
                f.fma(f.neg(x[0]), k[1], f.fma(x[1], k[0], total[1])))

    def emit_multiply_first(self, channels: int) -> None:
        """multiply_first(spectrum, kernel, negatives, target): the same for band 0."""
        names = ("spectrum", "kernel", "negatives", "target")
        f, p = self.module.function("multiply_first", "void", [("ptr", name) for name in names]), self.plane
        spectrum, kernel, negatives, target = f.arguments
        do = Arithmetic(f, p.element, p.size, p.lanes)
        with f.loop(0, p.lengths[1]) as row:
            here = f.mul(row.index, p.row_bytes)
            there = f.load("i64", f.at(negatives, f.mul(row.index, 8)), align=8)

            def add(channel: Operand, total: Complex) -> Complex:
                band = f.at(spectrum, f.mul(channel, p.spectrum_bytes))
                taps = f.at(kernel, f.mul(channel, p.kernel_bytes))
                x, turned = do.load(f.at(band, here)), do.load(f.at(band, there))
                a, b = do.load(f.at(taps, here)), do.load(f.at(f.at(taps, p.spectrum_bytes), here))
                return self._add_product(f, self._add_product(f, total, x, a), (turned[0], f.neg(turned[1])), b)

            do.store(self._over_channels(f, channels, add), f.at(target, here))
        f.finish()

    # --- plain copies

    def clear(self, f: Function, place: Value, size_bytes: Operand) -> None:
        """Write zeros over whole vectors."""
        zero = constant(self.plane.kind, 0)
        with f.loop(0, size_bytes, self.plane.machine.vector_bytes) as loop:
            f.store(zero, f.at(place, loop.index))

    def copy(self, f: Function, source: Value, target: Value, size_bytes: int) -> None:
        """Copy whole vectors."""
        with f.loop(0, size_bytes, self.plane.machine.vector_bytes) as loop:
            f.store(f.load(self.plane.kind, f.at(source, loop.index)), f.at(target, loop.index))
