"""The whole program of lines: a work item is one tile of one batch element and group."""

from __future__ import annotations

from ...compiler.cells import WORK
from ...compiler.emit import Module, Operand, Value, constant
from ...compiler.entry import emit_entry, split
from ...problem.problem import Problem
from .code import Context, call, power_of_two
from .line import Line
from .line_code import LineCode
from .line_gather import LineGather
from .line_store import LineStore
from .line_tile import ACROSS, BIAS, DOWN, FLAG, IMAGE, KERNEL, OUT, SCRATCH, STATUS, STRIDES, TURNS, LineTile
from .plane_gather import measures
from .tiles import Tiling

LIMITS = {"float32": (-100, 120), "float64": (-900, 900)}
"""Bounds on the exponent by which a tile is scaled to a magnitude near one."""


def emit_program(line: Line, problem: Problem, tiling: Tiling, *, whole: bool, digits: int = 0) -> str:
    """Write ``entry`` and ``spectrum``; ``whole`` says that sums are integers and have to be rounded."""
    module = Module()
    LineCode(line, module).emit(alone=is_alone(problem))
    LineGather(line, problem, tiling.fetched[-1], module).emit()
    LineStore(line, problem, tiling.outputs[-1], module, whole=whole).emit()
    _emit_spectrum(module, line)
    LineTile(line, problem, tiling, module).emit()
    _Work(line, problem, tiling, module, digits).emit()
    return module.text()


def is_alone(problem: Problem) -> bool:
    """Whether there is a single channel, whose spectrum is multiplied where it lies."""
    return problem.channels_in == problem.channels_out == 1


def slot_bytes(line: Line, problem: Problem) -> int:
    """Workspace of one thread: samples and spectra of the channels, a sum of spectra, and a strip."""
    spectra = problem.channels_in + (not is_alone(problem))
    return 2 * problem.channels_in * line.samples_bytes + spectra * line.spectrum_bytes + line.strip_bytes


def _emit_spectrum(module: Module, line: Line) -> None:
    """spectrum(real, imaginary, result, strip, down, across, turns): of a kernel's taps, followed by zeros."""
    names = ("real", "imaginary", "result", "strip", "down", "across", "turns")
    f = module.function("spectrum", "void", [("ptr", name) for name in names], internal=False)
    real, imaginary, result, strip, down, across, turns = f.arguments
    one = constant(line.element, 1.0)
    call(f, "analyse", real, imaginary, result, strip, down, turns, one)
    with f.loop(0, line.bands) as band:
        call(f, "across", f.at(result, f.mul(band.index, line.band_bytes)), across)
    f.finish()


class _Work:
    """Writes ``entry`` and ``work(context, item, slot)``."""

    def __init__(self, line: Line, problem: Problem, tiling: Tiling, module: Module, digits: int) -> None:
        self.line, self.problem, self.tiling, self.module, self.digits = line, problem, tiling, module, digits
        self.is_complex = problem.accumulator_dtype.startswith("complex")
        self.leading = len(problem.batch) + 1

    def emit(self) -> None:
        """Write the functions."""
        self._emit_sums()
        self._emit_work()
        emit_entry(self.module)

    # --- a tile

    def _emit_work(self) -> None:
        f = self.f = self.module.function("work", "void", WORK)
        context, item, slot = f.arguments
        self.cells = Context(f, context, self.problem, STRIDES)
        p, image, out = self.problem, self.cells.pointer(IMAGE), self.cells.pointer(OUT)
        tile, lead = split(f, item, self.tiling.count)
        group, rest = split(f, lead, p.groups)
        indices = [group]
        for extent in reversed(p.batch):
            index, rest = split(f, rest, extent)
            indices.insert(0, index)
        for axis, index in enumerate(indices):
            image = f.at(image, f.mul(index, self.cells.step(axis)))
            out = f.at(out, f.mul(index, self.cells.step(axis, out=True)))
        self.samples = f.at(self.cells.pointer(SCRATCH), f.mul(slot, slot_bytes(self.line, p)))
        down, up = self._fetch(image, tile, f.at(self.cells.pointer(STATUS), f.mul(item, 8)))
        spectra = f.at(self.samples, 2 * p.channels_in * self.line.samples_bytes)
        self._analyse(spectra, down)
        kernels = self.digits or p.channels_in * p.channels_out
        kernel = f.at(self.cells.pointer(KERNEL), f.mul(group, kernels * self.line.spectrum_bytes))
        planes = 2 if self.is_complex else 1
        bias = f.at(self.cells.pointer(BIAS), f.mul(group, p.channels_out * self.line.size * planes))
        sums = self._sums_of(spectra)
        with f.loop(0, p.channels_out) as m:
            first_channel, channels, number = self._products(m.index)
            call(f, "sums", context, f.at(spectra, f.mul(first_channel, self.line.spectrum_bytes)),
                 f.at(kernel, f.mul(number, self.line.spectrum_bytes)), sums, channels)
            here = f.at(out, f.mul(m.index, self.cells.step(self.leading, out=True)))
            self._compose(spectra, here, f.at(bias, f.mul(m.index, self.line.size * planes)), tile, up)
        f.finish()

    def _products(self, output: Value) -> tuple[Operand, Operand, Operand]:
        """The first channel that an output sums, how many, and the number of the first kernel."""
        f, channels = self.f, self.problem.channels_in
        if not self.digits:
            return 0, channels, f.mul(output, channels)
        first = f.larger(f.sub(output, self.digits - 1), 0)
        last = f.smaller(f.add(output, 1), channels)
        return first, f.sub(last, first), f.sub(f.add(first, self.digits - 1), output)

    def _half(self, channel: Operand, part: int) -> Value:
        """Where the samples of a channel's real or imaginary part stand, or both halves of a real tile."""
        return self.f.at(self.samples, self.f.mul(self.f.add(self.f.mul(channel, 2), part), self.line.samples_bytes))

    def _fetch(self, image: Value, tile: Operand, status: Value) -> tuple[Value, Value]:
        """Fetch a tile of every channel, and measure it: its factors, down and up."""
        f = self.f
        with f.loop(0, self.problem.channels_in, carry=(f.value(0),)) as c:
            here = f.at(image, f.mul(c.index, self.cells.step(self.leading)))
            found = call(f, "fetch", self.cells.context, here, tile, self._half(c.index, 0), self._half(c.index, 1),
                         result="i64")
            c.carry([f.intrinsic("umax", c.carried[0], found)])
        assert c.results is not None
        return self._measured(c.results[0], status)

    def _measured(self, largest: Value, status: Value) -> tuple[Value, Value]:
        """Factors that bring a tile near one and back; one that is not finite is noted, and cleared."""
        f, line = self.f, self.line
        scale = constant(line.element, 1.0 / line.length)
        if not measures(self.problem):
            return constant(line.element, 1.0), scale
        bits, bias = line.exponent
        with f.unless(f.compare("ult", largest, (2 * bias + 1) << bits)):
            f.store(1, status, align=8)
            with f.loop(0, 2 * self.problem.channels_in * line.samples_bytes, line.machine.vector_bytes) as at:
                f.store(constant(line.kind, 0), f.at(self.samples, at.index))
        low, high = LIMITS[line.dtype]
        exponent = f.sub(f.bits("lshr", largest, bits), bias - 1)
        exponent = f.value(f.smaller(f.larger(exponent, low), high))
        down, up = (power_of_two(f, number, line) for number in (f.sub(0, exponent), exponent))
        return down, f.value(f.mul(up, scale))

    # --- transforms

    def _strip(self, spectra: Value) -> Value:
        return self.f.at(spectra, (self.problem.channels_in + (not is_alone(self.problem))) * self.line.spectrum_bytes)

    def _analyse(self, spectra: Value, factor: Value) -> None:
        f, p, line = self.f, self.problem, self.line
        with f.loop(0, p.channels_in) as c:
            there = f.at(spectra, f.mul(c.index, line.spectrum_bytes))
            call(f, "analyse", self._half(c.index, 0), self._half(c.index, 1), there, self._strip(spectra),
                  self.cells.pointer(DOWN), self.cells.pointer(TURNS), factor)
            if not is_alone(p):
                with f.loop(0, line.bands) as band:
                    call(f, "across", f.at(there, f.mul(band.index, line.band_bytes)), self.cells.pointer(ACROSS))

    def _sums_of(self, spectra: Value) -> Value:
        p = self.problem
        return spectra if is_alone(p) else self.f.at(spectra, p.channels_in * self.line.spectrum_bytes)

    def _emit_sums(self) -> None:
        """sums(context, spectra, kernel, target, channels): products, summed, and transformed back along the bands."""
        names = ("context", "spectra", "kernel", "target")
        f = self.f = self.module.function("sums", "void", [*(("ptr", name) for name in names), ("i64", "channels")])
        context, spectra, kernel, target, channels = f.arguments
        line, roots = self.line, Context(f, context, self.problem, STRIDES).pointer(ACROSS)
        with f.loop(0, line.bands) as loop:
            band = f.mul(loop.index, line.band_bytes)
            if is_alone(self.problem):
                call(f, "round", f.at(spectra, band), roots, f.at(kernel, band))
            else:
                there = f.at(target, band)
                call(f, "multiply", f.at(spectra, band), f.at(kernel, band), there, channels)
                call(f, "home", there, roots)
        f.finish()

    def _compose(self, spectra: Value, out: Value, bias: Value, tile: Operand, factor: Value) -> None:
        """Transform columns back, over the samples of the first channel, and store what is kept.

        With several channels the samples are no longer needed, for their spectra stand apart.
        """
        f, halves = self.f, (self._half(0, 0), self._half(0, 1))
        call(f, "compose", self._sums_of(spectra), *halves, self._strip(spectra), self.cells.pointer(DOWN),
             self.cells.pointer(TURNS), factor)
        flag = call(f, "finish", self.cells.context, *halves, out, tile, bias, result="i64")
        with f.when(f.compare("ne", flag, 0)):
            self.cells.fill([(FLAG, 1)])
