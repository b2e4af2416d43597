"""The whole program of one stage: entry, work items, loops over tiles."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ...compiler.cells import Cells, data
from ...compiler.emit import Module, Operand, Value
from ...compiler.entry import share_items, split
from .bands import BandTile, Item, emit_bands
from .channels import ChannelTile
from .dot import DotTile
from .fold import emit_fold
from .frame import Frame
from .in_place import TapTileInPlace, emit_row_outside
from .output import finish_stores
from .outside import call_tile
from .pack import Packer
from .pixels import PixelTile
from .rows import RowTile, emit_row_tiles, tile_column, tile_count, tile_name, tiles_at_edges, tiles_inside
from .taps import TapTile

# Cells of the context, 8 bytes each: what every work item must know.
IMAGE, OUT, KERNEL, BIAS, TABLES, SCRATCH, FLAG, STEPS = range(8)


def emit_program(frame: Frame) -> str:
    """Write the IR of ``entry`` and all that it needs."""
    module = Module()
    packer = Packer(frame, module)
    if frame.recipe.packed:
        packer.emit_row()
    if frame.recipe.lanes == "rows":
        if frame.recipe.packed:
            RowTile(frame, module).emit()
        else:
            emit_row_tiles(frame, module)
    elif frame.by_taps:
        kind_of_taps = TapTileInPlace if not frame.recipe.packed else BandTile if frame.recipe.band else TapTile
        kind_of_taps(frame, module).emit()
    else:
        kind = DotTile if frame.recipe.dot > 1 else PixelTile if frame.inner.by_pixels else ChannelTile
        kind(frame.inner, module).emit()
    Work(frame, module, packer).emit()
    emit_entry(frame, module)
    return module.text()


def emit_entry(frame: Frame, module: Module) -> None:
    """entry(image, out, kernel, bias, tables, scratch, pool, run, participants) -> overflowed.

    The first four are Python's array objects: address and strides are read from their public C struct,
    which costs nothing, while asking from Python costs microseconds.
    """
    names = ("image", "out", "kernel", "bias", "tables", "scratch", "pool", "run")
    f = module.function("entry", "i64", [*(("ptr", name) for name in names), ("i64", "participants")], internal=False)
    image, out, kernel, bias, tables, scratch, *team = f.arguments
    problem, stage = frame.problem, frame.stage
    cells = Cells(f, f.alloca(8 * (_kernel_steps(frame) + 3 + problem.ndim)))
    told: dict[int, Operand] = {
        IMAGE: data(f, image), OUT: f.at(data(f, out), stage.output_offset * frame.target.itemsize),
        KERNEL: data(f, kernel), BIAS: data(f, bias), TABLES: tables, SCRATCH: scratch, FLAG: 0}
    cells.fill(told.items())
    cells.fill_strides(STEPS, image, stage.image_axes)
    if frame.by_taps:
        missing = sum(axis is None for axis in stage.image_axes)
        cells.fill_strides(_kernel_steps(frame), kernel,
                           [*range(3), *[None] * missing, *range(3, 3 + problem.ndim - missing)])
    share_items(f, "work", cells.context, frame.items, team)
    f.finish(cells.cell(FLAG))


def _kernel_steps(frame: Frame) -> int:
    """The cell with the bytes between indices of the kernel's first axis; those of the others follow."""
    return STEPS + len(frame.problem.batch) + 2 + frame.problem.ndim


class Work(Cells):
    """Writes ``work(context, item, slot)``: pack one block, then every tile of it."""

    tile = "tile"
    """Name of the function that computes a tile."""
    row: Operand
    """The first row of outputs of the tile at hand."""

    def __init__(self, frame: Frame, module: Module, packer: Packer) -> None:
        self.frame, self.module, self.packer = frame, module, packer
        self.problem = frame.problem

    def emit(self) -> None:
        """Write the function."""
        f = self.begin_work(self.module)
        fr, p = self.frame, self.problem
        share, item_ = split(f, self.item, fr.channel_items)
        places: list[Operand] = [0] * p.ndim
        for axis in reversed(range(p.ndim)):
            places[axis], item_ = split(f, item_, fr.blocks[axis])
        group, item_ = split(f, item_, p.groups)
        leading = len(p.batch) + 2
        image, out = self.pointer(IMAGE), self.pointer(OUT)
        out_strides = fr.stage.output_strides
        for axis in reversed(range(len(p.batch))):
            index, item_ = split(f, item_, fr.batches[axis])
            if fr.together > 1 and axis == len(p.batch) - 1:
                index = f.smaller(f.mul(index, fr.together), p.batch[axis] - fr.together)
            image = f.at(image, f.mul(index, self._step(axis)))
            out = f.at(out, f.mul(index, out_strides[axis] * fr.target.itemsize))
        image = f.at(image, f.mul(group, self._step(leading - 2)))
        out = f.at(out, f.mul(group, out_strides[leading - 2] * fr.target.itemsize))
        starts = [self._start(place, out_extent, block) for place, out_extent, block in
                  zip(places, p.output, fr.recipe.block, strict=True)]
        self.starts = starts
        if fr.leaves_out:
            self.told = f.load("i64", f.at(self.pointer(KERNEL), fr.kernel_bytes), align=8)
        scratch = f.at(self.pointer(SCRATCH), f.mul(self.slot, fr.scratch_bytes))
        if fr.recipe.packed and not fr.recipe.band:
            self._pack(image, scratch, starts)
        elif not fr.recipe.packed:
            emit_row_outside(f, fr, scratch)
        self.first_row, self.part_of_row = starts[-2], places[-1]
        if not fr.recipe.packed:  # which has its tiles counted from the whole row's first
            starts[-1] = 0
        for axis, start in enumerate(starts):
            out = f.at(out, f.mul(start, out_strides[leading + axis] * fr.target.itemsize))
        if fr.recipe.band:
            self._bands(image, scratch, out, group, share, starts)
        else:
            self._channel_blocks(image, scratch, out, group, share)
        if fr.recipe.past_caches:
            finish_stores(f)
        f.finish()

    def _step(self, axis: int) -> Operand:
        """Bytes from one index of the image operand's axis to the next."""
        return self.cell(STEPS + axis)

    def _start(self, place: Operand, extent: int, block: int) -> Operand:
        """Where a block begins: the last one is shifted back, so that every block is whole."""
        return self.f.smaller(self.f.mul(place, block), extent - block)

    def _positions(self, starts: list[Operand]) -> list[Operand]:
        """Where the part of the image begins that outputs from these on look at."""
        f, p = self.f, self.problem
        return [f.add(f.mul(start, s), first) for start, s, first in zip(starts, p.stride, p.start, strict=True)]

    def _pack(self, image: Value, scratch: Value, starts: list[Operand]) -> None:
        f, p, positions = self.f, self.problem, self._positions(starts)
        leading = len(p.batch) + 2
        steps = [self._step(leading + axis) for axis in range(p.ndim)]
        self.packer.emit_block(f, image, scratch, positions, steps, self._step(leading - 1), self.pointer(TABLES))
        if self.frame.inner is not self.frame:
            emit_fold(f, self.frame, scratch, f.at(scratch, self.frame.packed_bytes))

    def _bands(self, image: Value, scratch: Value, out: Value, group: Operand, share: Operand,
               starts: list[Operand]) -> None:
        """All bands of kernel rows; a block holds whole rows of outputs."""
        f, fr, p, leading = self.f, self.frame, self.problem, len(self.problem.batch) + 2
        first, last = self._shared_blocks(share)
        steps = f.at(self.context, 8 * _kernel_steps(fr))
        kernel = f.at(self.pointer(KERNEL), f.mul(f.load("i64", steps, align=8), group))
        emit_bands(f, fr, self.packer, Item(
            image, kernel, out, scratch, self.pointer(TABLES), self._positions(starts),
            [self._step(leading), self._step(leading + 1)], self._step(leading - 1),
            self._step(leading - 3) if p.batch else 0, steps, first, last, self._note))

    def _shared_blocks(self, share: Operand) -> tuple[Operand, Operand]:
        """The first block of output channels of a work item, and the one behind its last."""
        each = self.frame.recipe.channel_blocks
        first = self.f.mul(share, each)
        return first, self.f.smaller(self.f.add(first, each), self.frame.channel_blocks)

    def _channel_blocks(self, image: Value, scratch: Value, out: Value, group: Operand, share: Operand) -> None:
        f, fr, p = self.f, self.frame, self.problem
        packed = scratch if fr.inner is fr else f.at(scratch, fr.packed_bytes)
        first, last = self._shared_blocks(share)
        channel_bytes = fr.stage.output_strides[len(p.batch) + 1] * fr.target.itemsize
        with f.loop(first, last) as loop:
            start = f.smaller(f.mul(loop.index, fr.tile_channels), max(0, p.channels_out - fr.tile_channels))
            if fr.by_taps:
                bias = f.at(self.context, 8 * _kernel_steps(fr))
                steps = [f.load("i64", f.at(bias, 8 * axis), align=8) for axis in range(2)]
                kernel = f.at(self.pointer(KERNEL), f.add(f.mul(steps[0], group), f.mul(steps[1], start)))
            else:
                number = f.add(f.mul(group, fr.channel_blocks), loop.index)
                kernel = self.kernel_of(number)
                bias = f.at(self.pointer(BIAS), f.mul(number, fr.tap_bytes)) if p.bias else self.pointer(BIAS)
            out_ = f.at(out, f.mul(start, channel_bytes))
            if fr.recipe.packed:
                self._tiles(0, packed, kernel, bias, out_)
            else:
                (self._tap_tiles if fr.by_taps else self._row_tiles)(image, kernel, bias, out_, scratch)

    def kernel_of(self, number: Operand) -> Value:
        """Where the packed taps of a block of output channels lie."""
        return self.f.at(self.pointer(KERNEL), self.f.mul(number, self.frame.block_bytes))

    def _tiles(self, axis: int, image: Value, kernel: Value, bias: Value, out: Value) -> None:
        """Loop over the tiles of the block, axis by axis; the last tile is shifted back like the last block."""
        f, fr, p = self.f, self.frame.inner, self.frame.inner.problem
        if axis == p.ndim:
            operands = (kernel, bias, out, image) if fr.by_taps else (image, kernel, bias, out)
            if fr.leaves_out:
                call_tile(f, fr, self.tile, operands, self.row, self.told, self._note)
            else:
                self._note(f.call(self.tile, "i64", *operands, local=True))
            return
        tile = {p.ndim - 1: fr.tile_columns, p.ndim - 2: fr.tile_rows}.get(axis, 1)
        block = fr.recipe.block[axis]
        with f.loop(0, -(-block // tile)) as loop:
            start = f.smaller(f.mul(loop.index, tile), max(0, block - tile))
            pitch = fr.pitches[axis] if axis < p.ndim - 1 else 1
            step = 1 if axis == p.ndim - 1 and fr.recipe.lanes == "pixels" else p.stride[axis]
            here = f.at(image, f.mul(start, step * pitch * fr.packed.size))
            stride = fr.stage.output_strides[len(p.batch) + 2 + axis] * fr.target.itemsize
            if axis == p.ndim - 2:
                self.row = f.add(self.starts[axis], start)
            self._tiles(axis + 1, here, kernel, bias, f.at(out, f.mul(start, stride)))

    def _note(self, overflowed: Value) -> None:
        if self.problem.overflow == "raise":
            with self.f.when(self.f.compare("ne", overflowed, 0)):
                self.fill([(FLAG, 1)])

    # --- tiles that read the image itself

    def _tap_tiles(self, image: Value, kernel: Value, steps: Value, out: Value, outside: Value) -> None:
        """Loop over the rows of tiles of taps; a block holds whole rows of outputs."""
        f, leading = self.f, len(self.problem.batch) + 2
        row_step, channel_step = self._step(leading), self._step(leading - 1)
        with self._rows(out) as (there, row):
            here = f.at(image, self.problem.start[-1] * self.frame.source.itemsize)
            f.call("tile", "i64", kernel, steps, there, here, row, row_step, channel_step, outside, local=True)

    def _row_tiles(self, image: Value, kernel: Value, bias: Value, out: Value, outside: Value) -> None:
        """Loop over the rows of tiles of pixels, and over those in the middle of a row; the others stand one by one."""
        f, fr, p = self.f, self.frame, self.problem
        count, inside = tile_count(fr), tiles_inside(fr)
        each = -(-fr.recipe.block[-1] // fr.tile_columns)
        first = f.mul(self.part_of_row, each)
        last = f.smaller(f.add(first, each), count)
        row_step = self._step(len(p.batch) + 2)
        with self._rows(out) as (there, row):

            def tile(column: Operand, name: str) -> None:
                seen = f.at(image, f.mul(f.add(f.mul(column, p.stride[-1]), p.start[-1]), fr.source.itemsize))
                to = f.at(there, f.mul(column, fr.stage.output_strides[-1] * fr.target.itemsize))
                operands = (kernel, bias, to, seen, row, row_step, outside, *((self.told,) if fr.leaves_out else ()))
                self._note(f.call(name, "i64", *operands, local=True))

            for number in tiles_at_edges(fr):
                with self._in_turn(number, first, last):
                    tile(tile_column(fr, number), tile_name(tile_column(fr, number)))
            if inside:
                with f.loop(f.larger(first, inside.start), f.smaller(last, inside.stop)) as loop:
                    tile(f.smaller(f.mul(loop.index, fr.tile_columns), tile_column(fr, count - 1)), tile_name(None))

    @contextmanager
    def _in_turn(self, number: int, first: Operand, last: Operand) -> Iterator[None]:
        """Do what follows if a tile is among those of the block."""
        if isinstance(first, int) and isinstance(last, int):
            yield
            return
        f = self.f
        with f.when(f.bits("and", f.compare("sle", first, number), f.compare("slt", number, last))):
            yield

    @contextmanager
    def _rows(self, out: Value) -> Iterator[tuple[Value, Operand]]:
        """Loop over the block's rows of tiles: where the sums go, and the row that the first tap sees."""
        f, fr, p = self.f, self.frame, self.problem
        block = fr.recipe.block[-2]
        with f.loop(0, -(-block // fr.tile_rows)) as loop:
            below = f.smaller(f.mul(loop.index, fr.tile_rows), block - fr.tile_rows)
            row = f.add(f.mul(f.add(self.first_row, below), p.stride[-2]), p.start[-2])
            yield f.at(out, f.mul(below, fr.stage.output_strides[-2] * fr.target.itemsize)), row
