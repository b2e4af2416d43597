"""Lanes of taps, a band of kernel rows at a time: what a band sees of the image stays in the first-level cache.

Otherwise every block of output channels would fetch the packed image anew, and every image the kernel, which is as
long as they are.  The sums wait in memory from band to band, so their terms follow each other as without bands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ...compiler.emit import Function, Operand, Value, constant, vector
from .frame import Frame
from .pack import Packer
from .reduce import Totals
from .taps import TapTile


class BandTile(TapTile):
    """Writes ``tile(kernel, steps, sums, rows, image)``, which adds to sums, and ``finish(sums, out)``."""

    def emit(self) -> None:
        """Write both functions."""
        names = (("ptr", "kernel"), ("ptr", "steps"), ("ptr", "sums"), ("i64", "rows"), ("ptr", "image"))
        f = self.f = self.module.function("tile", "void", names)
        kernel, steps, sums, rows, image = f.arguments
        self.steps = [f.load("i64", f.at(steps, 8 * axis), align=8) for axis in range(3 + self.frame.problem.ndim)]
        down = (self.frame.problem.kernel_dilation[-2] * self.frame.pitches[-1] * self.size,)
        zeros = [constant(self.kind, 0)] * (self.channels * self.rows * self.columns)
        is_long, align = self.frame.has_long_lanes, self.frame.recipe.vector_bytes
        found = self._repeat(rows, down, self.steps[-2], [image], kernel, zeros if is_long else self._load_sums(sums),
                             lambda here, taps, inner: self._rows(here, taps, 1, inner))
        if is_long:
            Totals(f, zeros, sums).add(found)
        for number, value in enumerate(() if is_long else found):
            f.store(value, self._place(sums, number), align=align)
        f.finish()
        f = self.f = self.module.function("finish", "i64", [("ptr", "sums"), ("ptr", "out")])
        sums, out = f.arguments
        self._write(Totals(f, zeros, sums).rounded() if is_long else self._load_sums(sums), out)

    def _place(self, sums: Value, number: int) -> Value:
        return self.f.at(sums, number * self.frame.recipe.vector_bytes)

    def _load_sums(self, sums: Value) -> list[Value]:
        return [self.f.load(self.kind, self._place(sums, number), align=self.frame.recipe.vector_bytes)
                for number in range(self.channels * self.rows * self.columns)]


class Item(NamedTuple):
    """What a work item has: some images of the batch, and some blocks of output channels."""

    image: Value
    kernel: Value
    out: Value
    scratch: Value
    tables: Value
    positions: list[Operand]
    steps: list[Operand]
    """Bytes between rows and columns of the image."""
    channel_step: Operand
    image_step: Operand
    """Bytes from one image of the batch to the next."""
    kernel_steps: Value
    """Where the bytes between indices of the kernel's axes stand."""
    first: Operand
    last: Operand
    note: Callable[[Value], None]


def emit_bands(f: Function, frame: Frame, packer: Packer, item: Item) -> None:
    """Write the loops of one work item: over channels in and bands, and over what meets each band."""
    packed = f.at(item.scratch, frame.sums_bytes)
    zeros = constant(vector(frame.accumulator.ir, frame.lanes), 0)
    with f.loop(0, f.mul(f.sub(item.last, item.first), frame.block_sums_bytes), frame.recipe.vector_bytes) as loop:
        f.store(zeros, f.at(item.scratch, loop.index), align=frame.recipe.vector_bytes)
    p, (count, rest) = frame.problem, divmod(frame.problem.kernel[-2], frame.recipe.band)
    with f.loop(0, p.channels_in) as loop:
        image = f.at(item.image, f.mul(loop.index, item.channel_step))
        kernel = f.at(item.kernel, f.mul(loop.index, _step(f, item, 2)))
        with f.loop(0, count) as band:
            _band(f, frame, packer, item, image, kernel, packed, f.mul(band.index, frame.recipe.band),
                  frame.recipe.band)
        if rest:
            _band(f, frame, packer, item, image, kernel, packed, count * frame.recipe.band, rest)
    _for_tiles(f, frame, item, lambda channel, number, row, sums: _finish(f, frame, item, channel, number, row, sums))


def _step(f: Function, item: Item, axis: int) -> Value:
    return f.load("i64", f.at(item.kernel_steps, 8 * axis), align=8)


def _band(f: Function, frame: Frame, packer: Packer, item: Item, image: Value, kernel: Value, packed: Value,
          first: Operand, rows: int) -> None:
    """Pack what some rows of taps see of each image, and add their products to all sums."""
    p = frame.problem
    positions = [f.add(item.positions[0], f.mul(first, p.kernel_dilation[-2])), item.positions[1]]
    with f.loop(0, frame.together) as loop:
        to = f.at(packed, f.mul(loop.index, frame.band_bytes))
        source = f.at(image, f.mul(loop.index, item.image_step))
        packer.emit_rows(f, to, source, positions, item.steps, item.tables, frame.band_rows(rows))
    taps, pitch = f.at(kernel, f.mul(first, _step(f, item, 3))), frame.pitches[-1] * frame.accumulator.size

    def add(channel: Operand, number: Operand, row: Operand, sums: Value) -> None:
        here = f.at(taps, f.mul(channel, _step(f, item, 1)))
        seen = f.add(f.mul(number, frame.band_bytes), f.mul(row, p.stride[-2] * pitch))
        f.call("tile", "void", here, item.kernel_steps, sums, rows, f.at(packed, seen), local=True)

    _for_tiles(f, frame, item, add)


def _for_tiles(f: Function, frame: Frame, item: Item, body: Callable[[Operand, Operand, Operand, Value], None]) -> None:
    """Loop over images, blocks of channels and rows of tiles: the first channel, the image, the first row, the sums."""
    block, tile = frame.recipe.block[-2], frame.tile_rows
    with f.loop(0, frame.together) as images, f.loop(item.first, item.last) as blocks:
        channel = f.smaller(f.mul(blocks.index, frame.tile_channels), frame.channel_starts[-1])
        there = f.at(item.scratch, f.mul(f.sub(blocks.index, item.first), frame.block_sums_bytes))
        with f.loop(0, -(-block // tile)) as rows:
            number = f.add(f.mul(images.index, -(-block // tile)), rows.index)
            row = f.smaller(f.mul(rows.index, tile), block - tile)
            body(channel, images.index, row, f.at(there, f.mul(number, frame.tile_sums_bytes)))


def _finish(f: Function, frame: Frame, item: Item, channel: Operand, number: Operand, row: Operand,
            sums: Value) -> None:
    strides, p = frame.stage.output_strides, frame.problem
    place = f.mul(channel, strides[len(p.batch) + 1])
    place = f.add(f.add(place, f.mul(row, strides[-2])), f.mul(number, strides[len(p.batch) - 1] if p.batch else 0))
    item.note(f.call("finish", "i64", sums, f.at(item.out, f.mul(place, frame.target.itemsize)), local=True))
