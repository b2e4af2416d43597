"""The kernel, transformed: ``G g G^T`` for every pair of channels, lanes along the channels out of a block.

It is read where it lies: the taps of each pair side by side, in either direction.  Those of several channels out are
turned into lanes in registers, and go through a few lines of the cache, whose order turns a flipped kernel around.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from ...compiler.emit import Function, Module, Operand, Value
from ...compiler.entry import emit_entry
from .code import each, number, transform
from .components import whole
from .frame import Frame, pieces
from .gauss import of_taps
from .lanes import turned

# Cells of what is known of a kernel, 8 bytes each: the lowest of its taps, and in bytes how far apart groups, channels
# out and channels in are; whether taps run backwards; where transformed ones go, how far apart those of blocks are (0:
# each block is transformed when it is needed, to where the last one was), and those of threads.
TAPS, BY_GROUP, BY_OUT, BY_IN, BACKWARDS, TARGET, BY_BLOCK, BY_SLOT = range(8)


def emit_taps(frame: Frame, module: Module) -> None:
    """Write ``taps(kernel, block, target)``, of all groups' blocks, and ``pack``, the entry that transforms all."""
    f = module.function("taps", "void", [("ptr", "kernel"), ("i64", "block"), ("ptr", "target")])
    kernel, block, target = f.arguments
    p, width, count = whole(frame.problem), frame.recipe.channels // frame.factors, frame.channel_blocks
    group, first = (f.div(block, count), f.mul(f.rem(block, count), width)) if count > 1 else (block, 0)
    by_out, by_in = (number(f, kernel, place) for place in (BY_OUT, BY_IN))
    source = f.at(f.load("ptr", f.at(kernel, 8 * TAPS), align=8), f.mul(group, number(f, kernel, BY_GROUP)))
    backwards = number(f, kernel, BACKWARDS)
    lines = f.alloca(frame.components * p.kernel[0] * p.kernel[1] * frame.machine.vector_bytes)
    # where taps run backwards, their components do, too
    order = [f.select(f.compare("eq", backwards, 0), k, frame.components - 1 - k) for k in range(frame.components)]
    for start, lanes in _over(f, _exact_pieces(width, frame.lanes)):
        # channels behind the last are of no use, but must not be read beyond it
        channels = [f.add(first, f.add(start, lane)) for lane in range(lanes)]
        rows = [f.at(source, f.mul(f.smaller(m, p.channels_out - 1), by_out)) for m in channels]
        parts = [f.at(lines, f.mul(k, lanes * frame.size)) for k in order]
        own = f.at(target, f.mul(start, frame.size))
        with each(f, p.channels_in) as c:
            _turn(f, frame, [f.at(row, f.mul(c, by_in)) for row in rows], lines, backwards)
            _transform(f, frame, parts, f.at(own, f.mul(c, width * frame.size)), lanes)
    f.finish()
    f = module.function("pack_block", "void", [("ptr", "kernel"), ("i64", "block"), ("i64", "slot")])
    kernel, block, _ = f.arguments
    f.call("taps", "void", kernel, block, f.at(f.load("ptr", f.at(kernel, 8 * TARGET), align=8),
                                               f.mul(block, number(f, kernel, BY_BLOCK))), local=True)
    f.finish()
    emit_entry(module, "pack", "pack_block")


def _over(f: Function, found: list[tuple[int, int]]) -> Iterator[tuple[Operand, int]]:
    """Each of these, in one loop if they are alike and follow each other."""
    lanes = found[0][1]
    if len(found) > 1 and found == [(k * lanes, lanes) for k in range(len(found))]:
        with f.loop(0, len(found) * lanes, lanes) as turn:
            yield turn.index, lanes
        return
    yield from found


def _exact_pieces(count: int, lanes: int) -> list[tuple[int, int]]:
    """Cover ``count`` by vectors, none of them too long."""
    if count == 1:
        return [(0, 1)]
    found = pieces(count, lanes)
    if found[0].first + found[0].lanes <= count:
        return [(piece.first, piece.lanes) for piece in found]
    half = found[0].lanes // 2
    return [(0, half), (count - half, half)]


def _turn(f: Function, frame: Frame, rows: Sequence[Value], lines: Value, backwards: Value) -> None:
    """Store the taps of several channels out, a line of one lane for each channel for every component of a tap."""
    size, count, lanes = frame.size, frame.components * prod(frame.problem.kernel), len(rows)
    line_bytes = lanes * size
    step = f.select(f.compare("eq", backwards, 0), line_bytes, -line_bytes)
    start = f.at(lines, f.mul(backwards, (count - 1) * line_bytes))
    for first, width, own in _columns(count, lanes):
        found = [f.load(frame.kind(width), f.at(row, first * size), align=size) for row in rows]
        for x, value in enumerate(turned(f, found) if lanes > 1 else found):
            if x >= width - own:
                f.store(value, f.at(start, f.mul(step, first + x)))


def _columns(count: int, lanes: int) -> Iterator[tuple[int, int, int]]:
    """Cover the taps by powers of two: the first, how many, and how many of them (the last) no one else has."""
    first = 0
    while first < count:
        rest = count - first
        width = 1 if lanes == 1 else max(2, min(lanes, 1 << (rest.bit_length() - 1)))
        yield min(first, count - width), width, min(rest, width)
        first += width


def _transform(f: Function, frame: Frame, parts: Sequence[Value], target: Value, lanes: int) -> None:
    """Transform all factors of taps, whose components stand in lines."""
    down, across = frame.filters
    size, kind = frame.size, frame.kind(lanes)
    apart = len(parts) * lanes * size
    taps = [of_taps(f, [f.load(kind, f.at(part, k * apart)) for part in parts]) for k in range(down.r * across.r)]
    of_factor = (frame.tap_plane - frame.apart) // frame.factors
    for factor in range(frame.factors):
        there, columns = f.at(target, factor * of_factor * size), []
        for k in range(across.r):
            values = [taps[i * across.r + k][factor] for i in range(down.r)]
            columns.append(transform(f, frame.programs[0].taps, values))
        for i in range(down.n):
            for j, value in enumerate(transform(f, frame.programs[1].taps, [column[i] for column in columns])):
                f.store(value, f.at(there, (i * across.n + j) * frame.tap_plane * size))
