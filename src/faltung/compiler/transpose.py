"""Transposition inside every 16 bytes of a set of vectors: the cheap half of a full transposition."""

from __future__ import annotations

from collections.abc import Sequence

from .emit import Function, Value, lanes_of


def transpose_in_lanes(f: Function, v: Sequence[Value]) -> list[Value]:
    """Swap element and vector number inside each 16 bytes of 2 (8-byte) or 4 (4-byte) vectors."""
    lanes, group = lanes_of(v[0].type), len(v)
    starts = range(0, lanes, group)
    if group == 2:
        return [f.shuffle(v[0], v[1], [s for b in starts for s in (b + i, b + i + lanes)]) for i in (0, 1)]
    low, high = [], []
    for a, b in ((v[0], v[1]), (v[2], v[3])):
        low.append(f.shuffle(a, b, [s for x in starts for s in (x, x + lanes, x + 1, x + 1 + lanes)]))
        high.append(f.shuffle(a, b, [s for x in starts for s in (x + 2, x + 2 + lanes, x + 3, x + 3 + lanes)]))
    result = []
    for pair in (low, high):
        for i in (0, 2):
            picks = [s for x in starts for s in (x + i, x + i + 1, x + i + lanes, x + i + 1 + lanes)]
            result.append(f.shuffle(pair[0], pair[1], picks))
    return result
