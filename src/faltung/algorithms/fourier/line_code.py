"""The code of lines: samples into bands, products of bands, and bands back into samples."""

from __future__ import annotations

from ...compiler.emit import Function, Module, Operand, Value, constant
from .columns import Arithmetic, Complex, Strip
from .line import Line
from .plane_code import transpose


class LineCode:
    """Writes the functions that transform a tile there and back."""

    def __init__(self, line: Line, module: Module) -> None:
        self.line, self.module = line, module

    def emit(self, *, alone: bool) -> None:
        """``down``, ``up``, ``across``, ``part``, ``join``, ``analyse``, ``compose``; for one channel ``round`` too."""
        n = self.line
        names = {"down": 0, "up": 0, "across": 1} | ({} if alone else {"home": 1})
        for name, axis in names.items():
            strip = Strip(self.module, name, n.splits(axis), n.element, n.size, n.lanes)
            strip.emit(forward=name in ("down", "across"))
        if alone:
            Strip(self.module, "round", n.splits(1), n.element, n.size, n.lanes, "kernel").emit_round()
        else:
            self._emit_multiply()
        self._emit_turn("part")
        self._emit_turn("join")
        self._emit_analyse()
        self._emit_compose()

    def _function(self, name: str, *parameters: str, more: tuple[tuple[str, str], ...] = ()) -> Function:
        return self.module.function(name, "void", [*(("ptr", parameter) for parameter in parameters), *more])

    def _emit_turn(self, name: str) -> None:
        """part(strip, spectrum, turns): a strip times its roots, its rows into lanes; ``join`` undoes it.

        ``spectrum`` is the place of the strip's first column, ``turns`` of its roots.
        """
        f, n = self._function(name, "strip", "spectrum", "turns"), self.line
        strip, spectrum, turns = f.arguments
        do, half = Arithmetic(f, n.element, n.size, n.lanes), n.machine.vector_bytes
        with f.loop(0, n.bands) as band:
            first = f.mul(band.index, n.lanes * n.row_bytes)
            rows, roots = f.at(strip, first), f.at(turns, first)
            there = f.at(spectrum, f.mul(band.index, n.band_bytes))
            places = [lane * n.row_bytes for lane in range(n.lanes)]
            if name == "part":
                turned = [do.times(do.load(f.at(rows, at)), do.load(f.at(roots, at))) for at in places]
                for part in (0, 1):
                    for at, value in zip(places, transpose(f, [both[part] for both in turned]), strict=True):
                        f.store(value, f.at(there, at + part * half))
            else:
                parts = [transpose(f, [f.load(n.kind, f.at(there, at + part * half)) for at in places])
                         for part in (0, 1)]
                for at, re, im in zip(places, *parts, strict=True):
                    do.store(do.times((re, im), do.load(f.at(roots, at)), conjugate=True), f.at(rows, at))
        f.finish()

    def _emit_analyse(self) -> None:
        """analyse(real, imaginary, spectrum, strip, roots, turns, factor): samples into bands."""
        n = self.line
        f = self._function("analyse", "real", "imaginary", "spectrum", "strip", "roots", "turns",
                           more=((n.element, "factor"),))
        real, imaginary, spectrum, strip, roots, turns, factor = f.arguments
        do, scale = Arithmetic(f, n.element, n.size, n.lanes), f.splat(factor, n.lanes)
        with f.loop(0, n.columns, n.lanes) as column:
            at = f.mul(column.index, n.size)
            sources = [f.at(samples, at) for samples in (real, imaginary)]
            with f.loop(0, n.rows) as row:
                offset = f.mul(row.index, n.columns * n.size)
                re, im = (f.value(f.mul(f.load(n.kind, f.at(source, offset)), scale)) for source in sources)
                turned = do.times((re, im), self._row_root(do, roots, row.index)) if n.is_real else (re, im)
                do.store(turned, f.at(strip, f.mul(row.index, n.row_bytes)))
            self._call(f, "down", strip, roots)
            there = f.at(spectrum, f.mul(column.index, n.row_bytes))
            self._call(f, "part", strip, there, self._turns(f, turns, column.index))
        f.finish()

    def _emit_compose(self) -> None:
        """compose(spectrum, real, imaginary, strip, roots, turns, factor): bands into samples."""
        n = self.line
        f = self._function("compose", "spectrum", "real", "imaginary", "strip", "roots", "turns",
                           more=((n.element, "factor"),))
        spectrum, real, imaginary, strip, roots, turns, factor = f.arguments
        do, scale = Arithmetic(f, n.element, n.size, n.lanes), f.splat(factor, n.lanes)
        with f.loop(0, n.columns, n.lanes) as column:
            at = f.mul(column.index, n.size)
            targets = [f.at(samples, at) for samples in (real, imaginary)]
            here = f.at(spectrum, f.mul(column.index, n.row_bytes))
            self._call(f, "join", strip, here, self._turns(f, turns, column.index))
            self._call(f, "up", strip, roots)
            with f.loop(0, n.rows) as row:
                both = do.load(f.at(strip, f.mul(row.index, n.row_bytes)))
                if n.is_real:
                    both = do.times(both, self._row_root(do, roots, row.index), conjugate=True)
                offset = f.mul(row.index, n.columns * n.size)
                for value, target in zip(both, targets, strict=True):
                    f.store(f.mul(value, scale), f.at(target, offset))
        f.finish()

    def _row_root(self, do: Arithmetic, roots: Value, row: Operand) -> Complex:
        """By what the samples of a row of a real tile are turned."""
        return do.root(do.f.at(roots, do.f.add(do.f.mul(row, 2 * self.line.size), self.line.row_roots)))

    def _turns(self, f: Function, turns: Value, column: Operand) -> Value:
        """Roots of the strip that begins at a column."""
        return f.at(turns, f.mul(column, 2 * self.line.size * self.line.rows))

    def _emit_multiply(self) -> None:
        """multiply(band, kernel, target, channels): sum products with conjugate spectra over channels."""
        n = self.line
        f = self._function("multiply", "band", "kernel", "target", more=(("i64", "channels"),))
        band, kernel, target, channels = f.arguments
        do, zero = Arithmetic(f, n.element, n.size, n.lanes), constant(n.kind, 0)
        with f.loop(0, n.columns * n.row_bytes, n.row_bytes) as row:
            with f.loop(0, channels, carry=(zero, zero)) as channel:
                here = f.add(row.index, f.mul(channel.index, n.spectrum_bytes))
                total: Complex = (channel.carried[0], channel.carried[1])
                x, k = do.load(f.at(band, here)), do.load(f.at(kernel, here))
                channel.carry([f.fma(x[1], k[1], f.fma(x[0], k[0], total[0])),
                               f.fma(f.neg(x[0]), k[1], f.fma(x[1], k[0], total[1]))])
            assert channel.results is not None
            do.store((channel.results[0], channel.results[1]), f.at(target, row.index))
        f.finish()

    @staticmethod
    def _call(f: Function, name: str, *operands: Operand) -> None:
        f.call(name, "void", *operands, local=True)
