"""Neighbours into lanes and back: every m-th number of m vectors, and m vectors woven into each other.

Numbers may go in units of several neighbours, which stay together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...compiler.emit import Function, Value, lanes_of


def apart(f: Function, vectors: Sequence[Value], unit: int = 1) -> list[Value]:
    """Vector ``b`` of the result holds units ``b, b + m, b + 2 m, ...`` of all ``m`` vectors in line."""
    m, lanes = len(vectors), lanes_of(vectors[0].type) // unit
    if m == 1 or lanes * unit == 1:
        return list(vectors)
    if m % 2 == 0:
        # even and odd numbers first, then the same with half as many
        even, odd = ([f.shuffle(a, b, _units(range(first, 2 * lanes, 2), unit))
                      for a, b in zip(vectors[::2], vectors[1::2], strict=True)] for first in (0, 1))
        parts = [apart(f, even, unit), apart(f, odd, unit)]
        return [parts[b % 2][b // 2] for b in range(m)]
    return [_pick(f, vectors, _units([m * t + b for t in range(lanes)], unit)) for b in range(m)]


def woven(f: Function, vectors: Sequence[Value], unit: int = 1) -> list[Value]:
    """Undo `apart`."""
    m, lanes = len(vectors), lanes_of(vectors[0].type) // unit
    if m == 1 or lanes * unit == 1:
        return list(vectors)
    if m % 2 == 0:
        pairs = zip(woven(f, vectors[::2], unit), woven(f, vectors[1::2], unit), strict=True)
        both = [t + half for t in range(lanes) for half in (0, lanes)]
        return [f.shuffle(a, b, _units(both[first:first + lanes], unit)) for a, b in pairs for first in (0, lanes)]
    return [_pick(f, vectors, _units([(x % m) * lanes + x // m for x in range(k * lanes, (k + 1) * lanes)], unit))
            for k in range(m)]


def _units(places: Iterable[int], unit: int) -> list[int]:
    """The numbers of these units."""
    return [place * unit + number for place in places for number in range(unit)]


def _pick(f: Function, vectors: Sequence[Value], sources: list[int]) -> Value:
    """The numbers at these places of all vectors in line."""
    lanes = lanes_of(vectors[0].type)
    found = vectors[0]
    for k in range(1, len(vectors)):
        here = [s - k * lanes for s in sources]
        before = [t if k > 1 else s for t, s in enumerate(sources)]
        found = f.shuffle(found, vectors[k], [lanes + h if 0 <= h < lanes else b if h < 0 else 0
                                              for h, b in zip(here, before, strict=True)])
    return found


def turned(f: Function, rows: Sequence[Value]) -> list[Value]:
    """Transpose: as many vectors as a row has numbers, each as long as there are rows (a multiple of a row's length).

    Each step of a butterfly brings together what shares one more bit of its column.
    """
    width, height = lanes_of(rows[0].type), len(rows)
    together = height // width
    vectors = [joined(f, rows[first:first + together]) for first in range(0, height, together)]
    held = [[(row, x) for row in range(first, first + together) for x in range(width)]
            for first in range(0, height, together)]
    for bit in range(width.bit_length() - 1):
        last = 1 << bit + 1 == width
        for a in range(width):
            b = a | 1 << bit
            if a == b:
                continue
            both = held[a] + held[b]
            pair = []
            for which in (0, 1):
                picks = [k for k, (_, x) in enumerate(both) if x >> bit & 1 == which]
                if last:
                    picks.sort(key=lambda k: both[k][0])
                pair.append((f.shuffle(vectors[a], vectors[b], picks), [both[k] for k in picks]))
            (vectors[a], held[a]), (vectors[b], held[b]) = pair
    return vectors


def joined(f: Function, vectors: Sequence[Value]) -> Value:
    """Several vectors, a power of two, as one."""
    found = list(vectors)
    while len(found) > 1:
        count = 2 * lanes_of(found[0].type)
        found = [f.shuffle(a, b, list(range(count))) for a, b in zip(found[::2], found[1::2], strict=True)]
    return found[0]


def moved(f: Function, vector: Value, following: Value, unit: int = 1) -> Value:
    """Every unit one further to the front, the first of ``following`` behind them."""
    lanes = lanes_of(vector.type)
    return f.shuffle(vector, following, list(range(unit, lanes + unit)))
