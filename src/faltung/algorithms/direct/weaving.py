"""The program of all phases: their tiles leave sums in the workspace, and what they make together is woven."""

from __future__ import annotations

from contextlib import nullcontext

from ...compiler.emit import Function, Module, Operand, Value
from ..winograd.lanes import woven
from .channels import ChannelTile
from .output import Writer
from .outside import call_tile
from .pack import Packer
from .pixels import PixelTile
from .program import KERNEL, Work, emit_entry
from .woven import WovenFrame


def emit_woven(frame: WovenFrame) -> str:
    """Write the IR of ``entry`` and all that it needs."""
    module = Module()
    packer = Packer(frame, module)
    packer.emit_row()
    for number, phase in enumerate(frame.tiled):
        (_PixelSums if frame.by_pixels else _ChannelSums)(phase, module, f"tile.{number}").emit()
    (_PixelWeaver if frame.by_pixels else _ChannelWeaver)(frame, module).emit()
    _Work(frame, module, packer).emit()
    emit_entry(frame, module)
    return module.text()


class _PixelSums(PixelTile):
    def _write(self, sums: list[Value], bias: Value, out: Value) -> None:
        _keep(self.f, sums, out, self.frame.recipe.vector_bytes)


class _ChannelSums(ChannelTile):
    def _write(self, sums: list[Value], bias: Value, out: Value) -> None:
        _keep(self.f, sums, out, self.frame.recipe.vector_bytes)


def _keep(f: Function, sums: list[Value], out: Value, vector_bytes: int) -> None:
    """Leave the sums as they are, side by side."""
    for number, value in enumerate(sums):
        f.store(value, f.at(out, number * vector_bytes), align=vector_bytes)
    f.finish(0)


class _Weaver:
    """Writes ``weave(sums, bias, out, rows, cut)``: finish and store a tile of so many rows.

    ``cut`` says that it is the last of a row, and lacks what `missing` counts.
    """

    def __init__(self, frame: WovenFrame, module: Module) -> None:
        self.frame, self.strides = frame, frame.stage.output_strides
        self.size, self.step = frame.target.size, frame.column_step
        self.channel_step = self.strides[-1 - frame.problem.ndim]
        parameters = [("ptr", "sums"), ("ptr", "bias"), ("ptr", "out"), ("i64", "rows"), ("i1", "cut")]
        f = self.f = module.function("weave", "void", parameters)
        self.sums, self.bias, self.out, self.rows, self.cut = f.arguments

    def emit(self) -> None:
        """Write the function."""
        f, fr = self.f, self.frame
        columns = min(fr.tile_columns, fr.recipe.block[-1]) * fr.woven
        if fr.missing:
            with f.when(self.cut):
                self._rows(columns - fr.missing)
        with f.unless(self.cut) if fr.missing else nullcontext():
            self._rows(columns)
        f.finish()

    def _rows(self, columns: int) -> None:
        f, fr = self.f, self.frame
        short = any(fr.is_short(-2, phase) for phase in range(len(fr.stages)))
        for row in range(fr.tile_rows):
            with f.when(f.compare("sgt", self.rows, row)) if row and short else nullcontext():
                self._row(row, columns)

    def _row(self, row: int, columns: int) -> None:
        raise NotImplementedError

    def _sum(self, phase: int, number: int) -> Value:
        f, fr = self.f, self.frame
        place = f.at(self.sums, phase * fr.sums_bytes + number * fr.recipe.vector_bytes)
        return f.load(f"<{fr.lanes} x {fr.accumulator.ir}>", place, align=fr.recipe.vector_bytes)


class _PixelWeaver(_Weaver):
    def _row(self, row: int, columns: int) -> None:
        f, fr, writer = self.f, self.frame, Writer(self.f, self.frame)
        channels, rows, vectors = fr.recipe.tile
        for channel in range(channels):
            added = None
            if fr.problem.bias:
                place = f.at(self.bias, channel * fr.accumulator.size)
                added = [f.splat(f.load(fr.accumulator.ir, place), fr.lanes)]
            base = channel * self.channel_step + row * self.strides[-2]
            for v in range(vectors):
                number = (channel * rows + row) * vectors + v
                values = [writer.finish([self._sum(phase, number)], added)[0] for phase in range(fr.woven)]
                self._store(writer, values, base + v * fr.lanes * self.strides[-1], columns - v * fr.lanes * fr.woven)

    def _store(self, writer: Writer, values: list[Value], first: int, count: int) -> None:
        """Store the vectors of all phases: so many numbers of them."""
        fr, woven_ = self.frame, self.step == 1
        if woven_:
            values = woven(self.f, values)
        for number, value in enumerate(values):
            lanes = count - number * fr.lanes if woven_ else -(-(count - number) // fr.woven)
            if lanes > 0:
                place = first + number * (fr.lanes if woven_ else self.step)
                writer.store([value], self.f.at(self.out, place * self.size), 1 if woven_ else self.strides[-1],
                             min(lanes, fr.lanes))


class _ChannelWeaver(_Weaver):
    def _row(self, row: int, columns: int) -> None:
        f, fr, writer = self.f, self.frame, Writer(self.f, self.frame)
        vectors = fr.recipe.tile[0]
        widths = [one.recipe.tile[2] for one in fr.tiled[:fr.woven]]
        for v in range(vectors):
            lanes = min(fr.lanes, fr.problem.channels_out - v * fr.lanes)
            if lanes <= 0:
                continue
            added = None
            if fr.problem.bias:
                place = f.at(self.bias, v * fr.recipe.vector_bytes)
                added = [f.load(f"<{fr.lanes} x {fr.accumulator.ir}>", place, align=fr.accumulator.size)]
            base, made, targets = v * fr.lanes * self.channel_step + row * self.strides[-2], [], []
            for place_ in range(columns):
                column, phase = divmod(place_, fr.woven)
                made.append(writer.finish([self._sum(phase, (row * widths[phase] + column) * vectors + v)], added))
                targets.append(f.at(self.out, (base + place_ * self.step) * self.size))
            writer.store_lanes(made, targets, self.channel_step, lanes, adjacent=self.step == 1)


class _Work(Work):
    """Writes ``work(context, item, slot)``: a block is packed once, then come the tiles of all phases."""

    frame: WovenFrame

    def kernel_of(self, number: Operand) -> Value:
        """Where the packed kernel begins; each phase has its own blocks."""
        self.number = number
        return self.pointer(KERNEL)

    def _tiles(self, axis: int, image: Value, kernel: Value, bias: Value, out: Value) -> None:
        f, fr = self.f, self.frame
        blocks = [f.at(kernel, f.add(start, f.mul(self.number, one.block_bytes)))
                  for start, one in zip(fr.kernel_starts, fr.tiled, strict=False)]
        self.sums = f.at(image, fr.packed_bytes)
        for first in range(0, len(fr.stages), fr.woven):
            offset = fr.stages[first].output_offset - fr.stage.output_offset
            self._walk(first, axis, image, blocks, bias, f.at(out, offset * fr.target.size), f.value(fr.tile_rows))

    def _walk(self, first: int, axis: int, image: Value, blocks: list[Value], bias: Value, out: Value,
              rows: Value) -> None:
        """Loop over the tiles of some phases, axis by axis; those behind their last outputs are left out."""
        f, fr, p = self.f, self.frame, self.frame.problem
        tile = {p.ndim - 1: fr.tile_columns, p.ndim - 2: fr.tile_rows}.get(axis, 1)
        block = fr.recipe.block[axis]
        with f.loop(0, -(-block // tile)) as loop:
            start = f.smaller(f.mul(loop.index, tile), max(0, block - tile))
            pitch = fr.pitches[axis] if axis < p.ndim - 1 else 1
            here = f.at(image, f.mul(start, pitch * fr.packed.size))
            there = f.at(out, f.mul(start, fr.stage.output_strides[len(p.batch) + 2 + axis] * fr.target.size))
            place = f.add(self.starts[axis], start)
            if axis == p.ndim - 2:
                self.row = place
            if axis == p.ndim - 1:
                self._tile(first, here, blocks, bias, there, rows, place)
            elif fr.is_short(axis, first):
                left = f.value(f.sub(fr.stages[first].problem.output[axis], place))
                with f.when(f.compare("sgt", left, 0)):
                    self._walk(first, axis + 1, here, blocks, bias, there, left if axis == p.ndim - 2 else rows)
            else:
                self._walk(first, axis + 1, here, blocks, bias, there, rows)

    def _tile(self, first: int, image: Value, blocks: list[Value], bias: Value, out: Value, rows: Value,
              column: Operand) -> None:
        f, fr = self.f, self.frame
        for phase in range(fr.woven):
            one, number = fr.tiled[first + phase], first + phase
            operands = (f.at(image, one.offset_bytes), blocks[number], bias, f.at(self.sums, phase * fr.sums_bytes))
            if one.leaves_out:
                call_tile(f, one, f"tile.{number}", operands, self.row, self.told, lambda _: None)
            else:
                f.call(f"tile.{number}", "i64", *operands, local=True)
        end = fr.problem.output[-1] - min(fr.tile_columns, fr.recipe.block[-1])
        f.call("weave", "void", self.sums, bias, out, rows, f.compare("eq", column, end), local=True)
