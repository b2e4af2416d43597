"""The kernel, transformed: ``G g G^T`` for every pair of channels, lanes along the channels out of a block."""

from __future__ import annotations

from ...compiler.emit import Function, Module, Value
from .code import each, transform
from .frame import Frame, pieces


def emit_taps(frame: Frame, module: Module) -> None:
    """Write ``taps(source, target, blocks)``: source ``[block][channel in][tap][channel of the block]``."""
    f = module.function("taps", "void", [("ptr", "source"), ("ptr", "target"), ("i64", "blocks")], internal=False)
    source, target, blocks = f.arguments
    p, size, width = frame.problem, frame.size, frame.recipe.channels
    read, written = p.kernel[0] * p.kernel[1] * width, frame.products * frame.tap_plane
    with f.loop(0, blocks) as block:
        here = f.at(source, f.mul(block.index, p.channels_in * read * size))
        there = f.at(target, f.mul(block.index, written * size))
        with each(f, p.channels_in) as c:
            line, planes = f.at(here, f.mul(c, read * size)), f.at(there, f.mul(c, width * size))
            for piece in _exact_pieces(width, frame.lanes):
                _transform(f, frame, f.at(line, piece[0] * size), f.at(planes, piece[0] * size), piece[1])
    f.finish()


def _exact_pieces(count: int, lanes: int) -> list[tuple[int, int]]:
    """Cover ``count`` by vectors, none of them too long."""
    if count == 1:
        return [(0, 1)]
    found = pieces(count, lanes)
    if found[0].first + found[0].lanes <= count:
        return [(piece.first, piece.lanes) for piece in found]
    half = found[0].lanes // 2
    return [(0, half), (count - half, half)]


def _transform(f: Function, frame: Frame, source: Value, target: Value, lanes: int) -> None:
    down, across = frame.filters
    size, width, kind = frame.size, frame.recipe.channels, frame.kind(lanes)
    columns = []
    for k in range(across.r):
        values = [f.load(kind, f.at(source, (i * across.r + k) * width * size)) for i in range(down.r)]
        columns.append(transform(f, frame.programs[0].taps, values))
    for i in range(down.n):
        for j, value in enumerate(transform(f, frame.programs[1].taps, [column[i] for column in columns])):
            f.store(value, f.at(target, (i * across.n + j) * frame.tap_plane * size))
