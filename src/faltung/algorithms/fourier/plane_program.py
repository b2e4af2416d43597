"""The whole program of real tiles with two axes: entry, work items, and the spectrum of a kernel."""

from __future__ import annotations

from ...compiler.cells import WORK
from ...compiler.emit import Function, Module, Operand, Value, constant
from ...compiler.entry import emit_entry, split
from ...problem.problem import Problem
from .code import Context, call, power_of_two
from .plane import Plane
from .plane_code import PlaneCode
from .plane_gather import Gather, measures
from .plane_store import Store
from .tiles import Tiling

# Cells of the context, 8 bytes each; the strides of image and output follow, in bytes.
IMAGE, OUT, KERNEL, BIAS, ROWS, COLUMNS, DOWN, ACROSS, NEGATIVES, SCRATCH, STATUS, FLAG, STRIDES = range(13)

EXPONENTS = {"float32": (-16, 17, -100, 120), "float64": (-100, 100, -900, 900)}
"""Between the first two, the largest magnitude of a tile needs no scaling; the others bound the factor."""


def emit_program(plane: Plane, problem: Problem, *, whole: bool) -> str:
    """Write ``entry`` and ``spectrum``; ``whole`` says that sums are integers and have to be rounded."""
    module, tiling = Module(), Tiling(problem, plane.lengths)
    code = PlaneCode(plane, module)
    code.emit_strips()
    code.emit_part()
    code.emit_join()
    if _in_place(problem):
        code.emit_round()
    else:
        code.emit_multiply(problem.channels_in)
    code.emit_multiply_first(problem.channels_in)
    Gather(plane, problem, tiling, module).emit()
    Store(plane, problem, tiling, module, whole=whole).emit()
    emit_spectrum(module, code, tiling)
    _Work(code, problem, tiling).emit()
    return module.text()


def _clear_columns(f: Function, code: PlaneCode, spectrum: Value, first: int) -> None:
    """Zeros for the columns that lie behind a tile."""
    p = code.plane
    if first < p.lengths[1]:
        with f.loop(0, p.bands) as band:
            place = f.at(spectrum, f.add(f.mul(band.index, p.band_bytes), first * p.row_bytes))
            code.clear(f, place, (p.lengths[1] - first) * p.row_bytes)


def whole_pairs(plane: Plane, columns: int) -> int:
    """So many columns, and those behind that travel with them."""
    return -(-columns // plane.pair) * plane.pair


def emit_spectrum(module: Module, code: PlaneCode, tiling: Tiling) -> None:
    """spectrum(taps, result, strip, down, across): of one kernel, its rows as long as `whole_pairs` says."""
    names = ("taps", "result", "strip", "down", "across")
    f, p = module.function("spectrum", "void", [("ptr", name) for name in names], internal=False), code.plane
    taps, result, strip, down, across = f.arguments
    rows, columns = (reach + 1 for reach in tiling.reach)
    pitch = whole_pairs(p, columns) * p.size
    with f.loop(0, whole_pairs(p, columns), p.pair) as first:
        source = f.at(taps, f.mul(first.index, p.size))
        with f.loop(0, rows) as row:
            for part in (0, p.machine.vector_bytes):
                value = f.load(p.kind, f.at(f.at(source, part), f.mul(row.index, pitch)))
                f.store(value, f.at(f.at(strip, part), f.mul(row.index, p.row_bytes)))
        if rows < p.lengths[0]:
            code.clear(f, f.at(strip, rows * p.row_bytes), (p.lengths[0] - rows) * p.row_bytes)
        call(f, "down", strip, down)
        call(f, "part", strip, f.at(result, f.mul(first.index, p.row_bytes)))
    _clear_columns(f, code, result, whole_pairs(p, columns))
    with f.loop(0, p.bands) as band:
        call(f, "across", f.at(result, f.mul(band.index, p.band_bytes)), across)
    f.finish()


def slot_bytes(plane: Plane, problem: Problem) -> int:
    """Workspace of one thread: spectra of the channels, of the sums where they stand apart, and a strip."""
    spectra = problem.channels_in + (0 if _in_place(problem) else problem.channels_out)
    return spectra * plane.spectrum_bytes + plane.strip_bytes


def _in_place(problem: Problem) -> bool:
    return problem.channels_in == problem.channels_out == 1


class _Work:
    """Writes ``entry`` and ``work(context, item, slot)``: one tile."""

    def __init__(self, code: PlaneCode, problem: Problem, tiling: Tiling) -> None:
        self.code, self.plane, self.module = code, code.plane, code.module
        self.problem, self.tiling = problem, tiling
        self.leading = len(problem.batch) + 2

    def emit(self) -> None:
        """Write the functions."""
        self._emit_analyse()
        self._emit_products()
        self._emit_outputs()
        self._emit_work()
        emit_entry(self.module)

    def _cells(self, f: Function, context: Value) -> Context:
        return Context(f, context, self.problem, STRIDES)

    # --- a tile

    def _emit_work(self) -> None:
        f, p, pl = self.module.function("work", "void", WORK), self.problem, self.plane
        context, item, slot = f.arguments
        cells = self._cells(f, context)
        image, out = cells.pointer(IMAGE), cells.pointer(OUT)
        rest: Operand = item
        places: list[tuple[Operand, Operand]] = []
        for axis in (1, 0):
            tile, rest = split(f, rest, self.tiling.counts[axis])
            whole = f.mul(tile, self.tiling.outputs[axis])
            first = f.smaller(whole, p.output[axis] - self.tiling.outputs[axis])
            places.insert(0, (first, f.sub(whole, first)))
            out = f.at(out, f.mul(first, cells.step(self.leading + axis, out=True)))
        group, rest = split(f, rest, p.groups)
        indices = [group]
        for axis in reversed(range(len(p.batch))):
            index, rest = split(f, rest, p.batch[axis])
            indices.insert(0, index)
        for axis, index in enumerate(indices):
            image = f.at(image, f.mul(index, cells.step(axis)))
            out = f.at(out, f.mul(index, cells.step(axis, out=True)))
        tables = [f.at(cells.pointer(cell), f.mul(first, 8 * step))
                  for cell, (first, _), step in zip((ROWS, COLUMNS), places, p.stride, strict=True)]
        scratch = f.at(cells.pointer(SCRATCH), f.mul(slot, slot_bytes(pl, p)))
        kernel = f.at(cells.pointer(KERNEL), f.mul(group, p.channels_in * p.channels_out * pl.kernel_bytes))
        bias = f.at(cells.pointer(BIAS), f.mul(group, p.channels_out * pl.size))
        self._tile(f, context, item, (image, *tables, scratch), (kernel, bias, out, places[0][1], places[1][1]))
        f.finish()

    def _tile(self, f: Function, context: Value, item: Value, seen: tuple[Value, ...],
              made: tuple[Operand, ...]) -> None:
        """Transform the tile; if it is so large or small that it needs a factor, do it again with one."""
        pl, scratch = self.plane, seen[-1]
        bits, bias = pl.exponent
        one, scale = constant(pl.element, 1.0), constant(pl.element, pl.scale)
        largest = call(f, "analyse", context, *seen, one, result="i64")
        if not measures(self.problem):
            self._finish(f, context, scratch, made, scale)
            return
        low, high, least, most = EXPONENTS[pl.dtype]
        finite = f.compare("ult", largest, (2 * bias + 1) << bits)
        with f.unless(finite):
            f.store(1, f.at(self._cells(f, context).pointer(STATUS), f.mul(item, 8)), align=8)
        with f.when(finite):
            exponent = f.bits("sub", f.bits("lshr", largest, bits), bias - 1)
            plain = f.bits("and", f.compare("sge", exponent, low), f.compare("sle", exponent, high))
            plain = f.bits("or", plain, f.compare("eq", largest, 0))
            with f.when(plain):
                self._finish(f, context, scratch, made, scale)
            with f.unless(plain):
                exponent = f.value(f.smaller(f.larger(exponent, least), most))
                down, up = (power_of_two(f, number, pl) for number in (f.sub(0, exponent), exponent))
                call(f, "analyse", context, *seen, down, result="i64")
                self._finish(f, context, scratch, made, f.value(f.mul(up, scale)))

    def _finish(self, f: Function, context: Value, scratch: Value, made: tuple[Operand, ...], factor: Value) -> None:
        call(f, "products", context, scratch, made[0])
        call(f, "outputs", context, scratch, *made[1:], factor)

    # --- its parts

    def _strip(self, f: Function, scratch: Value) -> Value:
        return f.at(scratch, slot_bytes(self.plane, self.problem) - self.plane.strip_bytes)

    def _sums(self, f: Function, scratch: Value) -> Value:
        return scratch if _in_place(self.problem) else f.at(
            scratch, self.problem.channels_in * self.plane.spectrum_bytes)

    def _emit_analyse(self) -> None:
        """analyse(context, image, rows, columns, spectra, factor): transform columns; the largest magnitude."""
        pl = self.plane
        parameters = [*(("ptr", name) for name in ("context", "image", "rows", "columns", "spectra")),
                      (pl.element, "factor")]
        f = self.module.function("analyse", "i64", parameters)
        context, image, rows, columns, spectra, factor = f.arguments
        cells = self._cells(f, context)
        strip, roots = self._strip(f, spectra), cells.pointer(DOWN)
        channel, row, column = (cells.step(self.leading - 1 + axis) for axis in range(3))
        used = whole_pairs(pl, self.tiling.extents[1])
        with f.loop(0, self.problem.channels_in, carry=(f.value(0),)) as c:
            here, spectrum = f.at(image, f.mul(c.index, channel)), f.at(spectra, f.mul(c.index, pl.spectrum_bytes))
            with f.loop(0, used, pl.pair, carry=(c.carried[0],)) as first:
                found = call(f, "gather", here, strip, rows, columns, row, column, first.index, factor, result="i64")
                call(f, "down", strip, roots)
                call(f, "part", strip, f.at(spectrum, f.mul(first.index, pl.row_bytes)))
                first.carry([f.intrinsic("umax", first.carried[0], found)])
            _clear_columns(f, self.code, spectrum, used)
            assert first.results is not None
            c.carry(first.results)
        assert c.results is not None
        f.finish(c.results[0])

    def _emit_products(self) -> None:
        """products(context, spectra, kernel): transform every band, multiply, sum, transform back."""
        names = ("context", "spectra", "kernel")
        f, pl = self.module.function("products", "void", [("ptr", name) for name in names]), self.plane
        context, spectra, kernel = f.arguments
        roots = self._cells(f, context).pointer(ACROSS)
        self._band(f, context, spectra, kernel, 0)
        if pl.bands > 1:
            with f.loop(1, pl.bands) as band:
                place = f.mul(band.index, pl.band_bytes)
                if _in_place(self.problem):
                    call(f, "round", f.at(spectra, place), roots, f.at(kernel, place))
                else:
                    self._band(f, context, spectra, kernel, place)
        f.finish()

    def _band(self, f: Function, context: Value, spectra: Value, kernel: Value, place: Operand) -> None:
        """One band, for any number of channels."""
        pl, channels, roots = self.plane, self.problem.channels_in, self._cells(f, context).pointer(ACROSS)
        strip, sums = self._strip(f, spectra), self._sums(f, spectra)
        with f.loop(0, channels) as c:
            call(f, "across", f.at(f.at(spectra, place), f.mul(c.index, pl.spectrum_bytes)), roots)
        with f.loop(0, self.problem.channels_out) as m:
            taps = f.at(kernel, f.mul(m.index, channels * pl.kernel_bytes))
            target = f.at(f.at(sums, place), f.mul(m.index, pl.spectrum_bytes))
            if place == 0:
                call(f, "multiply_first", spectra, taps, self._cells(f, context).pointer(NEGATIVES), strip)
                self.code.copy(f, strip, target, pl.lengths[1] * pl.row_bytes)
            else:
                call(f, "multiply", f.at(spectra, place), f.at(taps, place), target)
            call(f, "home", target, roots)

    def _emit_outputs(self) -> None:
        """outputs(context, spectra, bias, out, top, left, factor): transform columns back, and store what is kept."""
        pl, step = self.plane, self.problem.stride[1]
        parameters = [*(("ptr", name) for name in ("context", "spectra", "bias", "out")), ("i64", "top"),
                      ("i64", "left"), (pl.element, "factor")]
        f = self.module.function("outputs", "void", parameters)
        context, spectra, bias, out, top, left, factor = f.arguments
        cells = self._cells(f, context)
        strip, sums, roots = self._strip(f, spectra), self._sums(f, spectra), cells.pointer(DOWN)
        channel, row, column = (cells.step(self.leading - 1 + axis, out=True) for axis in range(3))
        begin = f.mul(f.div(f.mul(left, step), pl.pair), pl.pair)
        with f.loop(0, self.problem.channels_out) as m:
            here, source = f.at(out, f.mul(m.index, channel)), f.at(sums, f.mul(m.index, pl.spectrum_bytes))
            added = f.load(pl.element, f.at(bias, f.mul(m.index, pl.size)), align=pl.size) if self.problem.bias else (
                constant(pl.element, 0))
            with f.loop(begin, (self.tiling.outputs[1] - 1) * step + 1, pl.pair) as first:
                call(f, "join", f.at(source, f.mul(first.index, pl.row_bytes)), strip)
                call(f, "up", strip, roots)
                flag = call(f, "keep", strip, here, row, column, first.index, top, left, factor, added, result="i64")
                with f.when(f.compare("ne", flag, 0)):
                    cells.fill([(FLAG, 1)])
        f.finish()
