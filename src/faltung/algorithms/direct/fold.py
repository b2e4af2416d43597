"""Lay the segments of a packed line side by side, so that lanes are segments.

A vector of neighbouring samples serves one tap only, and most loads of it cross a cache line.  Folded,
a vector holds the same sample of every segment: it is loaded once, aligned, and serves as many taps as
the tile has rows.
"""

from __future__ import annotations

from ...compiler.emit import Function, Operand, Value, lanes_of, vector
from ...compiler.transpose import transpose_in_lanes
from .frame import Frame


def emit_fold(f: Function, frame: Frame, line: Value, folded: Value) -> None:
    """Write ``folded[row][segment] = line[segment * step + row]`` for every plane of every channel."""
    inner, element = frame.inner, frame.accumulator
    rows, columns = inner.packed_extents
    group = 16 // element.size
    planes = frame.problem.channels_in * element.planes
    step = inner.problem.output[0] * frame.problem.stride[-1]
    with f.loop(0, planes) as plane, f.loop(0, -(-rows // group)) as turn:
        row = f.smaller(f.mul(turn.index, group), rows - group)
        source = f.at(line, f.mul(f.add(f.mul(plane.index, frame.plane_pitch), row), element.size))
        place = f.add(f.mul(plane.index, inner.plane_pitch), f.mul(row, inner.pitches[-1]))
        target = f.at(folded, f.mul(place, element.size))
        for first in range(0, columns, frame.lanes):
            gathered = [_gather(f, frame, source, first + i, step, group) for i in range(group)]
            for number, value in enumerate(transpose_in_lanes(f, gathered)):
                f.store(value, f.at(target, (number * inner.pitches[-1] + first) * element.size), align=element.size)


def _gather(f: Function, frame: Frame, source: Value, first: int, step: int, group: int) -> Value:
    """16 bytes of every ``group``-th segment from ``first`` on, side by side in one vector."""
    size = frame.accumulator.size
    kind = vector(frame.accumulator.ir, group)
    offsets: list[Operand] = [(first + part) * step * size for part in range(0, frame.lanes, group)]
    parts = [f.load(kind, f.at(source, offset), align=size) for offset in offsets]
    while len(parts) > 1:
        pairs = zip(parts[::2], parts[1::2], strict=True)
        parts = [f.shuffle(a, b, list(range(2 * lanes_of(a.type)))) for a, b in pairs]
    return parts[0]

