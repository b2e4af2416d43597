"""The whole program: entry, work items, and the transform of kernels."""

from __future__ import annotations

from ...compiler.cells import WORK, Cells, data
from ...compiler.emit import Function, Module, Operand, Value
from ...compiler.entry import share_items
from .code import BIAS, FILLS, IMAGE, KERNEL, OUT, ROWS, SCRATCH, STATUS, STEPS, cell, number
from .frame import Frame
from .products import emit_products
from .samples import Samples
from .sums import Sums
from .taps import BY_BLOCK, BY_SLOT, TARGET, emit_taps


def emit_program(frame: Frame) -> str:
    """Write ``entry`` and ``pack``."""
    module = Module()
    Samples(frame, module).emit()
    emit_products(frame, module)
    Sums(frame, module).emit()
    emit_taps(frame, module)
    _emit_work(frame, module)
    _emit_entry(frame, module)
    return module.text()


def _emit_entry(frame: Frame, module: Module) -> None:
    """entry(image, out, bias, rows, fills, status, kernel, scratch, pool, run, participants) -> rows not finite.

    The first six are Python's array objects, whose addresses and strides are read from their public C struct.
    """
    names = ("image", "out", "bias", "rows", "fills", "status", "kernel", "scratch", "pool", "run")
    f = module.function("entry", "i64", [*(("ptr", name) for name in names), ("i64", "participants")], internal=False)
    image, out, bias, rows, fills, status, kernel, scratch, *team = f.arguments
    axes = len(frame.problem.batch) + 4
    told = Cells(f, f.alloca(8 * (STEPS + axes)))
    arrays = {IMAGE: image, OUT: out, BIAS: bias, ROWS: rows, FILLS: fills, STATUS: status}
    cells = {place: data(f, array) for place, array in arrays.items()}
    told.fill({**cells, KERNEL: kernel, SCRATCH: scratch}.items())
    told.fill_strides(STEPS, image, range(axes))
    share_items(f, "work", told.context, frame.items, team)
    with f.loop(0, frame.problem.groups * frame.all_rows, carry=(f.value(0),)) as loop:
        loop.carry([f.bits("or", loop.carried[0], number(f, cells[STATUS], loop.index))])
    f.finish(loop.results[0])  # type: ignore[index]


def _emit_work(frame: Frame, module: Module) -> None:
    """work(context, item, slot): one strip of one group, and the rounds of one share."""
    f = module.function("work", "void", WORK)
    context, item, slot = f.arguments
    recipe, size, p = frame.recipe, frame.size, frame.problem
    share, rest = (f.rem(item, recipe.shares), f.div(item, recipe.shares)) if recipe.shares > 1 else (0, item)
    strip, group = (f.rem(rest, frame.strips), f.div(rest, frame.strips)) if frame.strips > 1 else (0, rest)
    first = f.mul(strip, recipe.rows)
    rows = f.smaller(f.sub(frame.all_rows, first), recipe.rows)
    scratch = f.at(cell(f, context, SCRATCH), f.mul(slot, frame.places["end"]))
    f.call("samples", "void", context, scratch, group, first, rows, local=True)
    tiles = f.mul(rows, frame.tiles[1])
    samples, sums = (f.at(scratch, frame.places[name]) for name in ("samples", "sums"))
    block_bytes = frame.block_bytes
    kernel = cell(f, context, KERNEL)
    own = f.at(cell(f, kernel, TARGET), f.mul(slot, number(f, kernel, BY_SLOT)))
    bias = f.at(cell(f, context, BIAS), f.mul(group, p.channels_out // frame.factors * frame.components * size))
    each = -(-frame.rounds // recipe.shares)
    begin = f.mul(share, each)
    end = f.smaller(f.add(begin, each), frame.rounds)
    with f.loop(begin, end) as turn:
        block = f.mul(turn.index, recipe.blocks)
        blocks = f.smaller(f.sub(frame.channel_blocks, block), recipe.blocks)
        taps = _taps(f, frame, kernel, own, f.add(f.mul(group, frame.channel_blocks), block), blocks)
        with f.loop(0, frame.products) as product:
            seen = f.at(samples, f.mul(product.index, frame.sample_plane * size))
            made = f.at(sums, f.mul(product.index, frame.sum_plane * size))
            plane = f.at(taps, f.mul(product.index, frame.tap_plane * size))
            with f.loop(0, blocks) as one:
                f.call("products", "void", seen, f.at(plane, f.mul(one.index, block_bytes)),
                       f.at(made, f.mul(one.index, recipe.channels * frame.pitch * size)), tiles, local=True)
        channel = f.mul(block, recipe.channels)
        channels = f.smaller(f.sub(p.channels_out, channel), f.mul(blocks, recipe.channels))
        f.call("outputs", "void", context, scratch, bias, group, first, rows, channel, channels, local=True)
    f.finish()


def _taps(f: Function, frame: Frame, kernel: Value, own: Value, first: Operand, blocks: Operand) -> Value:
    """The transformed taps of some blocks: all were beforehand, or these are now, and multiplied while in the cache."""
    apart = number(f, kernel, BY_BLOCK)
    found = f.at(own, f.mul(first, apart))
    with f.when(f.compare("eq", apart, 0)), f.loop(0, blocks) as one:
        f.call("taps", "void", kernel, f.add(first, one.index), f.at(found, f.mul(one.index, frame.block_bytes)),
               local=True)
    return found
