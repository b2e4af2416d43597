"""The whole program: entry, work items, and the transform of kernels."""

from __future__ import annotations

from ...compiler.emit import Module
from ...compiler.entry import emit_entry
from .code import BIAS, KERNEL, SCRATCH, cell
from .frame import Frame
from .products import emit_products
from .samples import Samples
from .sums import Sums
from .taps import emit_taps


def emit_program(frame: Frame) -> str:
    """Write ``entry`` and ``taps``."""
    module = Module()
    Samples(frame, module).emit()
    emit_products(frame, module)
    Sums(frame, module).emit()
    emit_taps(frame, module)
    _emit_work(frame, module)
    emit_entry(module)
    return module.text()


def _emit_work(frame: Frame, module: Module) -> None:
    """work(context, item, slot): one strip of one group, and the rounds of one share."""
    f = module.function("work", "void", [("ptr", "context"), ("i64", "item"), ("i64", "slot")])
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
    block_bytes = frame.products * frame.tap_plane * size
    kernel = f.at(cell(f, context, KERNEL), f.mul(group, frame.channel_blocks * block_bytes))
    bias = f.at(cell(f, context, BIAS), f.mul(group, p.channels_out * size))
    each = -(-frame.rounds // recipe.shares)
    begin = f.mul(share, each)
    end = f.smaller(f.add(begin, each), frame.rounds)
    with f.loop(begin, end) as turn:
        block = f.mul(turn.index, recipe.blocks)
        blocks = f.smaller(f.sub(frame.channel_blocks, block), recipe.blocks)
        taps = f.at(kernel, f.mul(block, block_bytes))
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
