"""The second stage: for each of the n x n products, channels out times channels in, as register tiles."""

from __future__ import annotations

from ...compiler.emit import Function, Module, Value, constant
from .code import each, fetch_ahead
from .frame import Frame, Piece, stored_together
from .lanes import woven


def emit_products(frame: Frame, module: Module) -> None:
    """Write ``products(samples, taps, sums, tiles)``: one product, for one block of channels out."""
    f = module.function("products", "void", [("ptr", "samples"), ("ptr", "taps"), ("ptr", "sums"), ("i64", "tiles")])
    samples, taps, sums, tiles = f.arguments
    of_factor = (frame.tap_plane - frame.apart) // frame.factors
    with each(f, frame.factors) as factor:
        there = f.mul(factor, frame.pitch * frame.size)
        own = f.at(taps, f.mul(factor, of_factor * frame.size))
        _products(f, frame, f.at(samples, there), own, f.at(sums, there), tiles)
    f.finish()


def _products(f: Function, frame: Frame, samples: Value, taps: Value, sums: Value, tiles: Value) -> None:
    """All tiles of a strip, one factor."""
    write = _turned_tile if frame.recipe.turned else _register_tile
    *whole, last = frame.register_tiles
    alike = whole and [part.lanes for part in whole[0]] == [part.lanes for part in last]
    if whole:
        step = whole[0][-1].first + whole[0][-1].lanes
        end = tiles if alike else f.smaller(tiles, last[0].first)
        with f.loop(0, end, step) as loop:
            offset = f.mul(loop.index, frame.size)
            write(f, frame, whole[0], f.at(samples, offset), taps, f.at(sums, offset))
    if not alike:
        with f.when(f.compare("slt", last[0].first, tiles)):
            write(f, frame, last, samples, taps, sums)


def _register_tile(f: Function, frame: Frame, parts: list[Piece], samples: Value, taps: Value, sums: Value) -> None:
    size, channels, pitch = frame.size, frame.recipe.channels // frame.factors, frame.factors * frame.pitch
    zeros = [constant(frame.kind(part.lanes), 0) for _ in range(channels) for part in parts]
    with f.loop(0, frame.problem.channels_in // frame.factors, carry=(samples, taps, *zeros)) as loop:
        here, row, *totals = loop.carried
        vectors = [f.load(frame.kind(part.lanes), f.at(here, part.first * size), align=size) for part in parts]
        if frame.streams:
            fetch_ahead(f, row, channels * size)
        found: list[Value] = []
        for m in range(channels):
            tap = f.load(frame.element, f.at(row, m * size), align=size)
            for vector, part in zip(vectors, parts, strict=True):
                found.append(f.fma(f.splat(tap, part.lanes), vector, totals[len(found)]))
        loop.carry([f.at(here, pitch * size), f.at(row, channels * size), *found])
    assert loop.results is not None
    totals = loop.results[2:]
    for m in range(channels):
        for part in parts:
            f.store(totals.pop(0), f.at(sums, (m * pitch + part.first) * size), align=size)


def _turned_tile(f: Function, frame: Frame, parts: list[Piece], samples: Value, taps: Value, sums: Value) -> None:
    """The same with channels out as lanes: taps are loaded as they lie, and each tile's sample is broadcast."""
    size, lanes, channels = frame.size, frame.lanes, frame.recipe.channels // frame.factors
    kind, vectors, pitch = frame.kind(lanes), channels // lanes, frame.factors * frame.pitch
    zeros = [constant(kind, 0) for _ in range(vectors * len(parts))]
    with f.loop(0, frame.problem.channels_in // frame.factors, carry=(samples, taps, *zeros)) as loop:
        here, row, *totals = loop.carried
        loaded = [f.load(kind, f.at(row, v * lanes * size), align=size) for v in range(vectors)]
        if frame.streams:
            fetch_ahead(f, row, channels * size)
        found: list[Value] = []
        for part in parts:
            sample = f.splat(f.load(frame.element, f.at(here, part.first * size), align=size), lanes)
            for tap in loaded:
                found.append(f.fma(tap, sample, totals[len(found)]))
        loop.carry([f.at(here, pitch * size), f.at(row, channels * size), *found])
    assert loop.results is not None
    totals = loop.results[2:]
    for v in range(vectors):
        target = f.at(sums, (v * lanes * pitch + parts[0].first) * size)
        _store_turned(f, frame, totals[v::vectors], target)


def _store_turned(f: Function, frame: Frame, totals: list[Value], target: Value) -> None:
    """Turn a vector of channels for each tile into some tiles of each channel, and store them."""
    width, size, lanes = stored_together(len(totals)), frame.size, frame.lanes
    lines = woven(f, [*totals, *totals[:1] * (width - len(totals))])
    each, pitch = lanes // width, frame.factors * frame.pitch
    for k, line in enumerate(lines):
        for m in range(each):
            place = f.at(target, (k * each + m) * pitch * size)
            if width == pitch:
                f.store(line, place, align=size)
                break
            f.store(f.shuffle(line, None, list(range(m * width, (m + 1) * width))), place, align=size)
