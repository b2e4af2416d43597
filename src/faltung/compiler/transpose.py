"""Transposition by vectors: inside every 16 bytes of a few of them, and of whole matrices."""

from __future__ import annotations

from collections.abc import Sequence

from ..machine import Machine
from .elements import ELEMENTS
from .emit import Function, Module, Operand, Value, lanes_of, vector

SHAPE = ("matrices", "rows", "columns", "source: bytes between matrices", "between rows",
          "target: bytes between matrices", "between columns")


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


def store_turned(f: Function, lines: Sequence[Value], target: Value, turned_bytes: Operand) -> None:
    """Store rows as columns: each column's 16 bytes at ``target`` plus so many times ``turned_bytes``."""
    lanes, group = lanes_of(lines[0].type), len(lines)
    for i, gathered in enumerate(transpose_in_lanes(f, lines)):
        for part in range(lanes // group):
            piece = f.shuffle(gathered, None, list(range(part * group, (part + 1) * group)))
            f.store(piece, f.at(target, f.mul(part * group + i, turned_bytes)))


def emit_transpose(machine: Machine, dtype: str) -> str:
    """transpose(source, target, shape): stacks of matrices; ``shape`` holds extents and pitches, as `SHAPE` tells."""
    module, element = Module(), ELEMENTS[dtype]
    size, group = element.size, 16 // element.size
    f = module.function("transpose", "void", [("ptr", "source"), ("ptr", "target"), ("ptr", "shape")], internal=False)
    source, target, shape = f.arguments
    matrices, rows, columns, apart, pitch, turned_apart, turned = (
        f.load("i64", f.at(shape, 8 * i), align=8) for i in range(len(SHAPE)))

    def move(line: Value, there: Value, column: Operand, lanes: int) -> None:
        here, kind = f.at(line, f.mul(column, size)), vector(element.ir, lanes)
        lines = [f.load(kind, f.at(here, f.mul(i, pitch)), align=size) for i in range(group)]
        store_turned(f, lines, f.at(there, f.mul(column, turned)), turned)

    lanes = machine.vector_bytes // size
    whole, quarters = (f.mul(f.div(columns, step), step) for step in (lanes, group))
    last_row, last_column = f.sub(rows, group), f.sub(columns, group)
    with f.loop(0, matrices) as matrix:
        first, place = f.at(source, f.mul(matrix.index, apart)), f.at(target, f.mul(matrix.index, turned_apart))

        def strip(column: Operand, lanes: int) -> None:
            """All rows of some columns: the lines that they go to are filled before others take their place."""
            with f.loop(0, rows, group) as step:
                # The last group of rows, and of columns, is shifted back: what it writes twice is the same.
                row = f.smaller(step.index, last_row)
                move(f.at(first, f.mul(row, pitch)), f.at(place, f.mul(row, size)), column, lanes)

        if lanes > group:
            with f.loop(0, whole, lanes) as column:
                strip(column.index, lanes)
        with f.loop(whole if lanes > group else 0, quarters, group) as column:
            strip(column.index, group)
        with f.when(f.compare("slt", quarters, columns)):
            strip(last_column, group)
    f.finish()
    return module.text()
