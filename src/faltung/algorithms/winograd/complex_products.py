"""The second stage where numbers are complex: register tiles whose products are four real ones."""

from __future__ import annotations

from ...compiler.emit import Function, Value, constant
from .code import fetch_ahead
from .frame import Frame, Piece


def complex_register_tile(f: Function, frame: Frame, parts: list[Piece], samples: Value, taps: Value,
                          sums: Value) -> None:
    """Sum over all channels in; each of them has a line of real taps, one tap for each channel out, and an imaginary.

    With real products of twice the channels, ``[[k, -l], [l, k]]``, each tap would be read twice.
    """
    size, channels = frame.size, frame.recipe.channels // 2
    zeros = [constant(frame.kind(part.lanes), 0) for _ in range(channels) for part in parts for _ in range(2)]
    with f.loop(0, frame.problem.channels_in // 2, carry=(samples, taps, *zeros)) as loop:
        here, row, *totals = loop.carried
        vectors = [[f.load(frame.kind(part.lanes), f.at(here, (k * frame.pitch + part.first) * size), align=size)
                    for part in parts] for k in range(2)]
        if frame.streams:
            fetch_ahead(f, row, 2 * channels * size)
        found: list[Value] = []
        for m in range(channels):
            real, imaginary = (f.load(frame.element, f.at(row, (k * channels + m) * size), align=size)
                               for k in range(2))
            for part, x, y in zip(parts, *vectors, strict=True):
                re, im = f.splat(real, part.lanes), f.splat(imaginary, part.lanes)
                found.append(f.fma(f.neg(im), y, f.fma(re, x, totals[len(found)])))
                found.append(f.fma(im, x, f.fma(re, y, totals[len(found)])))
        loop.carry([f.at(here, 2 * frame.pitch * size), f.at(row, 2 * channels * size), *found])
    assert loop.results is not None
    totals = loop.results[2:]
    for m in range(channels):
        for part in parts:
            for k in range(2):
                place = ((2 * m + k) * frame.pitch + part.first) * size
                f.store(totals.pop(0), f.at(sums, place), align=size)
