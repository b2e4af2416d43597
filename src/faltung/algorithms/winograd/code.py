"""Small pieces of code that all stages share: where things lie, and programs on vectors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction

from ...compiler.emit import Function, Operand, Value, constant
from .frame import Piece
from .linear import Program

# Cells of the context, 8 bytes each; the image's strides follow, in bytes.
IMAGE, OUT, KERNEL, BIAS, ROWS, FILLS, SCRATCH, STATUS, STEPS = range(9)


def cell(f: Function, context: Value, number: int) -> Value:
    """A pointer from the context."""
    return f.load("ptr", f.at(context, 8 * number), align=8)


def number(f: Function, table: Value, index: Operand) -> Value:
    """An integer from a table."""
    return f.load("i64", f.at(table, f.mul(index, 8)), align=8)


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


@contextmanager
def each(f: Function, count: Operand) -> Iterator[Operand]:
    """Loop over 0 to below ``count``; a single turn is no loop."""
    if isinstance(count, int) and count == 1:
        yield 0
        return
    with f.loop(0, count) as loop:
        yield loop.index


def over(f: Function, found: Sequence[Piece]) -> Iterator[tuple[Operand, Piece]]:
    """Each piece with the place of its first tile: all but the last in one loop, since they are alike."""
    *alike, last = found
    if len(alike) > 1:
        with f.loop(0, alike[-1].first + 1, alike[0].lanes) as loop:
            yield loop.index, alike[0]
    elif alike:
        yield alike[0].first, alike[0]
    yield last.first, last
