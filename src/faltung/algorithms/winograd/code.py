"""Small pieces of code that all stages share: where things lie, and programs on vectors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import NamedTuple

from ...compiler.cells import Cells
from ...compiler.emit import Function, Operand, Value, constant
from .frame import Frame, Piece, Row
from .linear import Program

AHEAD_BYTES = 4096
"""How far ahead taps are fetched: a page, beyond which the processor's own prefetcher does not look."""

# Cells of the context, 8 bytes each; the image's strides follow, in bytes.
IMAGE, OUT, KERNEL, BIAS, ROWS, FILLS, SCRATCH, STATUS, STEPS = range(9)


def cell(f: Function, context: Value, number: int) -> Value:
    """A pointer from the context."""
    return Cells(f, context).pointer(number)


def number(f: Function, table: Value, index: Operand) -> Value:
    """An integer from a table."""
    return Cells(f, table).cell(index)


def transform(f: Function, program: Program, values: Sequence[Value]) -> list[Value]:
    """Write a program's steps."""
    kind = values[0].type

    def step(factor: Fraction, a: Value, b: Value | None) -> Value:
        if b is None:
            return a if factor == 1 else f.neg(a) if factor == -1 else f.value(f.mul(a, constant(kind, float(factor))))
        if factor == 1:
            return f.value(f.add(b, a))
        if factor == -1:
            return f.value(f.sub(b, a))
        return f.fma(constant(kind, float(factor)), a, b)

    return program.run(values, step, constant(kind, 0))


def fetch_ahead(f: Function, row: Value, size_bytes: int) -> None:
    """Ask for taps that are read a little later: a hint, which no address can make fail."""
    reading, keep, data = (Value("i32", text) for text in ("0", "3", "1"))
    for line in range(0, size_bytes, 64):
        f.call("llvm.prefetch.p0", "void", f.at(row, AHEAD_BYTES + line), reading, keep, data)


@contextmanager
def each(f: Function, count: Operand) -> Iterator[Operand]:
    """Loop over 0 to below ``count``; a single turn is no loop."""
    if isinstance(count, int) and count == 1:
        yield 0
        return
    with f.loop(0, count) as loop:
        yield loop.index


def first_of(f: Function, number: Operand, m: int, step: int) -> Operand:
    """Where a tile begins along an axis: the first ``step`` tiles share ``m step`` outputs, or taps."""
    if step == 1:
        return f.mul(number, m)
    return f.add(f.mul(f.div(number, step), m * step), f.rem(number, step))


class Place(NamedTuple):
    """A piece of a row: the number of its first tile, that tile's first output, and how many outputs are left there."""

    tile: Operand
    output: Operand
    piece: Piece
    left: int


def over(f: Function, found: Sequence[Piece], *, loop: bool = True) -> Iterator[tuple[Operand, Piece]]:
    """Each piece with the place of its first tile: all but the last in one loop, if they are alike."""
    *alike, last = found
    if len(alike) > 1 and loop:
        with f.loop(0, alike[-1].first + 1, alike[0].lanes) as turn:
            yield turn.index, alike[0]
    else:
        for piece in alike:
            yield piece.first, piece
    yield last.first, last


def over_row(f: Function, frame: Frame) -> Iterator[Place]:
    """Each piece of a row of tiles."""
    row, width = frame.row, frame.problem.output[1]
    span, alike = row.tiles * frame.recipe.tile[1], row.runs - 1
    if alike:
        with each(f, alike) as run:
            yield from _of_run(f, row, run, span, span)
    yield from _of_run(f, row, alike, span, width - alike * span)


def _of_run(f: Function, row: Row, run: Operand, span: int, left: int) -> Iterator[Place]:
    """All pieces of a run; they are not alike where outputs of several are missing."""
    for first, piece in over(f, row.pieces, loop=row.step > 1 or left == span):
        output = f.add(f.mul(run, span), f.mul(first, row.step))
        yield Place(f.add(f.mul(run, row.tiles), first), output, piece, left - piece.first * row.step)
