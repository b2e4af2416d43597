"""The whole program of a problem turned inside out: strips gathered, multiplied and summed, transformed back once."""

from __future__ import annotations

from ...compiler.cells import WORK
from ...compiler.emit import Function, Module, Operand, Value, constant
from ...compiler.entry import emit_entry
from ...compiler.values import lanes_mask
from .code import cell, over, transform
from .frame import Piece, pieces
from .inside_frame import InsideFrame
from .inside_gather import OUT, SCRATCH, STATUS, Gather
from .lanes import woven


def emit_program(frame: InsideFrame) -> str:
    """Write ``entry``."""
    module = Module()
    for side in frame.operands:
        Gather(frame, side, module).emit()
    _emit_products(frame, module)
    _Outputs(frame, module).emit()
    _emit_work(frame, module)
    emit_entry(module)
    return module.text()


# ---------------------------------------------------------------- products

def _emit_products(frame: InsideFrame, module: Module) -> None:
    """products(samples, taps, sums, tiles, later): one product, for one block of channels out; later strips add."""
    f = module.function("products", "void", [*(("ptr", name) for name in ("samples", "taps", "sums")),
                                             ("i64", "tiles"), ("i1", "later")])
    samples, taps, sums, tiles, later = f.arguments
    *whole, last = frame.register_tiles
    if whole:
        with f.loop(0, last[0].first, whole[0][-1].first + whole[0][-1].lanes) as loop:
            offset = f.mul(loop.index, frame.size)
            _register_tile(f, frame, whole[0], f.at(samples, offset), taps, f.at(sums, offset), tiles, later)
    _register_tile(f, frame, last, samples, taps, sums, tiles, later)
    f.finish()


def _register_tile(f: Function, frame: InsideFrame, parts: list[Piece], samples: Value, taps: Value, sums: Value,
                   tiles: Value, later: Value) -> None:
    size, channels = frame.size, frame.recipe.channels
    zeros = [constant(frame.kind(part.lanes), 0) for _ in range(channels) for part in parts]
    with f.loop(0, tiles, carry=(samples, taps, *zeros)) as loop:
        here, row, *totals = loop.carried
        vectors = [f.load(frame.kind(part.lanes), f.at(here, part.first * size), align=size) for part in parts]
        found: list[Value] = []
        for m in range(channels):
            tap = f.load(frame.element, f.at(row, m * size), align=size)
            for one, part in zip(vectors, parts, strict=True):
                found.append(f.fma(f.splat(tap, part.lanes), one, totals[len(found)]))
        loop.carry([f.at(here, frame.pitch * size), f.at(row, frame.tap_pitch * size), *found])
    assert loop.results is not None
    places = [f.at(sums, (m * frame.pitch + part.first) * size) for m in range(channels) for part in parts]
    totals = loop.results[2:]
    with f.unless(later):
        for value, place in zip(totals, places, strict=True):
            f.store(value, place, align=size)
    if frame.strips > 1:
        with f.when(later):
            for value, place in zip(totals, places, strict=True):
                f.store(f.add(f.load(value.type, place, align=size), value), place, align=size)


# ---------------------------------------------------------------- outputs

class _Outputs:
    """Writes ``outputs(context, scratch, group, sums, first channel, channels)``: sums transformed back and stored.

    A sum that is not finite marks its index of the batch.
    """

    def __init__(self, frame: InsideFrame, module: Module) -> None:
        self.frame, self.problem = frame, frame.problem
        parameters = [*(("ptr", name) for name in ("context", "sums")),
                      *(("i64", name) for name in ("group", "channel", "channels"))]
        self.f = module.function("outputs", "void", parameters)
        self.context, self.sums, self.group, self.channel, self.channels = self.f.arguments

    def emit(self) -> None:
        """Write the function."""
        f, fr = self.f, self.frame
        count, size = self.problem.batch[0], fr.size
        by_batch, by_group, by_channel = (fr.strides[axis] * size for axis in range(3))
        out = f.at(f.at(cell(f, self.context, OUT), f.mul(self.group, by_group)), f.mul(self.channel, by_channel))
        status = f.at(cell(f, self.context, STATUS), f.mul(self.group, 8 * count))
        with f.loop(0, self.channels) as m:
            source, there = f.at(self.sums, f.mul(m.index, fr.pitch * size)), f.at(out, f.mul(m.index, by_channel))
            for first, piece in over(f, pieces(count, fr.lanes)):
                self._lanes(piece, f.at(source, f.mul(first, size)), f.at(there, f.mul(first, by_batch)),
                            f.at(status, f.mul(first, 8)))
        f.finish()

    def _lanes(self, piece: Piece, source: Value, out: Value, status: Value) -> None:
        f, fr, n = self.f, self.frame, self.frame.extents
        kind = fr.kind(piece.lanes)
        columns = []
        for j in range(n[1]):
            values = [f.load(kind, f.at(source, (i * n[1] + j) * fr.sum_plane * fr.size)) for i in range(n[0])]
            columns.append(transform(f, fr.programs[0].outputs, values))
        found: list[Value] = []
        for i in range(self.problem.output[0]):
            found += transform(f, fr.programs[1].outputs, [column[i] for column in columns])
        watched = constant(kind, 0)
        for value in found:
            watched = f.fma(value, constant(kind, 0), watched)
        own = min(piece.lanes, self.problem.batch[0] - piece.first)
        self._mark(watched, own, status)
        self._store(found, own, out)

    def _mark(self, watched: Value, own: int, status: Value) -> None:
        f, lanes = self.f, int(watched.type[1:].split(" x ", maxsplit=1)[0])
        outputs = lanes_mask([lane < own for lane in range(lanes)])
        bad = f.bits("and", f.compare("uno", watched, watched), outputs)
        with f.when(f.call(f"llvm.vector.reduce.or.v{lanes}i1", "i1", bad)):
            for lane in range(own):
                with f.when(f.extract(bad, lane)):
                    f.store(1, f.at(status, 8 * lane), align=8)

    def _store(self, values: list[Value], own: int, out: Value) -> None:
        """Store the outputs of so many lanes: woven, if those of one lane follow those of another."""
        f, fr, p = self.f, self.frame, self.problem
        by_batch, by_row, by_column = fr.strides[0], *fr.strides[3:]
        lanes = int(values[0].type[1:].split(" x ", maxsplit=1)[0])
        if own == lanes and (by_batch, by_row, by_column) == (len(values), p.output[1], 1):
            for k, value in enumerate(woven(f, values)):
                f.store(value, f.at(out, k * lanes * fr.size), align=fr.size)
            return
        for at, value in enumerate(values):
            place = at // p.output[1] * by_row + at % p.output[1] * by_column
            for lane in range(own):
                f.store(f.extract(value, lane), f.at(out, (lane * by_batch + place) * fr.size), align=fr.size)


# ---------------------------------------------------------------- work

def _emit_work(frame: InsideFrame, module: Module) -> None:
    """work(context, item, slot): the blocks of one share of one group, strip by strip."""
    f = module.function("work", "void", WORK)
    context, item, slot = f.arguments
    recipe, p = frame.recipe, frame.problem
    share, group = (f.rem(item, recipe.shares), f.div(item, recipe.shares)) if recipe.shares > 1 else (0, item)
    scratch = f.at(cell(f, context, SCRATCH), f.mul(slot, frame.places["end"]))
    begin = f.mul(share, frame.share_blocks)
    end = f.smaller(f.add(begin, frame.share_blocks), frame.channel_blocks)
    channel = f.mul(begin, recipe.channels)
    channels = f.smaller(p.channels_out, f.mul(end, recipe.channels))
    with f.when(f.compare("slt", begin, end)), f.loop(0, frame.strips) as strip:
        first = f.mul(strip.index, recipe.rows)
        rows = f.smaller(f.sub(frame.all_rows, first), recipe.rows)
        f.call("samples", "void", context, scratch, group, first, rows, 0, p.batch[0], local=True)
        f.call("taps", "void", context, scratch, group, first, rows, channel, channels, local=True)
        with f.loop(begin, end, recipe.blocks) as turn:
            blocks = f.smaller(f.sub(end, turn.index), recipe.blocks)
            _round(f, frame, context, scratch, group, f.sub(turn.index, begin), turn.index, blocks, rows, strip.index)
    f.finish()


def _round(f: Function, frame: InsideFrame, context: Value, scratch: Value, group: Operand, own: Operand,
           block: Operand, blocks: Operand, rows: Operand, strip: Value) -> None:
    """All products of some blocks; after the last strip, their outputs."""
    recipe, size, p = frame.recipe, frame.size, frame.problem
    samples, taps, sums = (f.at(scratch, frame.places[name]) for name in ("samples", "taps", "sums"))
    block_bytes = recipe.channels * frame.pitch * size
    if frame.strips > 1:
        sums = f.at(sums, f.mul(own, block_bytes))
    later, tiles = f.compare("sgt", strip, 0), f.mul(rows, frame.tiles[1])
    with f.loop(0, frame.products) as product:
        seen = f.at(samples, f.mul(product.index, frame.plane("samples") * size))
        row = f.at(taps, f.mul(product.index, frame.plane("taps") * size))
        made = f.at(sums, f.mul(product.index, frame.sum_plane * size))
        with f.loop(0, blocks) as one:
            there = f.mul(f.add(block, one.index), recipe.channels * size)
            f.call("products", "void", seen, f.at(row, there), f.at(made, f.mul(one.index, block_bytes)), tiles, later,
                   local=True)
    with f.when(f.compare("eq", strip, frame.strips - 1)):
        channel = f.mul(block, recipe.channels)
        channels = f.smaller(f.sub(p.channels_out, channel), f.mul(blocks, recipe.channels))
        f.call("outputs", "void", context, sums, group, channel, channels, local=True)
