"""A matrix times a vector as a short program: sums and differences of pairs first, then fused multiply-adds.

The points come in pairs ``a, -a``, so rows of B^T and G agree in the even powers and differ in sign in the odd
ones, and columns of A^T likewise: such pairs share their halves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from math import lcm
from typing import Any, NamedTuple

from .matrices import Matrix, filtering

Terms = list[tuple[Fraction, int]]


class Step(NamedTuple):
    """``factor * a + b`` (b = -1: no summand), where values are numbered: inputs first, then steps."""

    factor: Fraction
    a: int
    b: int


class Program(NamedTuple):
    """Steps, and the value (or -1 for zero) that each row of the matrix becomes."""

    inputs: int
    steps: tuple[Step, ...]
    rows: tuple[int, ...]

    def run(self, values: Sequence[Any], step: Callable[[Fraction, Any, Any], Any], zero: Any) -> list[Any]:
        """Apply to any kind of value; ``step(factor, a, b)`` gets None for no summand."""
        known = list(values)
        for one in self.steps:
            known.append(step(one.factor, known[one.a], None if one.b < 0 else known[one.b]))
        return [zero if row < 0 else known[row] for row in self.rows]

    @property
    def roundings(self) -> int:
        """Most roundings that one input meets on its way to an output, inexact factors included."""
        def step(factor: Fraction, a: int, b: int | None) -> int:
            inexact = int(factor.denominator & (factor.denominator - 1) != 0)
            is_copy = b is None and abs(factor) == 1
            return max(a + inexact, b or 0) + (0 if is_copy else 1)

        return int(max(self.run([0] * self.inputs, step, 0)))


class _Writer:
    def __init__(self, inputs: int, unit: int) -> None:
        self.inputs, self.unit, self.steps = inputs, unit, list[Step]()

    def step(self, factor: Fraction, a: int, b: int = -1) -> int:
        self.steps.append(Step(factor, a, b))
        return self.inputs + len(self.steps) - 1

    def combine(self, terms: Terms) -> int:
        """The sum of factors times values; one with factor 1 begins, if there is any."""
        if not terms:
            return -1
        terms = sorted(terms, key=lambda term: term[0] != 1)
        factor, total = terms[0]
        if factor != 1:
            total = self.step(factor, total)
        for factor, value in terms[1:]:
            total = self.step(factor, value, total)
        return total


class Programs(NamedTuple):
    """The transforms of F(m, r): sums to outputs, taps, and samples."""

    outputs: Program
    taps: Program
    samples: Program


@cache
def programs(m: int, r: int, *others: int) -> Programs:
    """The programs of F(m, r), as `filtering` has it."""
    f = filtering(m, r, *others)
    return Programs(program(f.outputs), program(f.taps), program(f.samples))


def program(matrix: Matrix) -> Program:
    """Find pairs of columns, then pairs of rows, and write the steps."""
    # whole numbers, `unit` times as large: they are compared many times, which takes fractions long
    unit = lcm(*(a.denominator for row in matrix for a in row))
    whole = [[a.numerator * (unit // a.denominator) for a in row] for row in matrix]
    writer = _Writer(len(matrix[0]), unit)
    columns = {j: [row[j] for row in whole] for j in range(len(matrix[0]))}
    for p, q in _pairs(list(columns.values())):
        total, difference = writer.step(Fraction(1), q, p), writer.step(Fraction(-1), q, p)
        one, other = columns.pop(p), columns.pop(q)
        columns[total] = [a if a == b else 0 for a, b in zip(one, other, strict=True)]
        columns[difference] = [0 if a == b else a for a, b in zip(one, other, strict=True)]
    rows = [[columns[j][i] for j in columns] for i in range(len(matrix))]
    values, found = list(columns), [-1] * len(rows)
    paired = dict(_pairs(rows))
    for p, q in paired.items():
        found[p], found[q] = _both(writer, values, rows[p], rows[q])
    for i, row in enumerate(rows):
        if i not in paired and i not in paired.values():
            found[i] = writer.combine([(Fraction(a, unit), v) for a, v in zip(row, values, strict=True) if a])
    return Program(len(matrix[0]), tuple(writer.steps), tuple(found))


def _pairs(lines: list[list[int]]) -> list[tuple[int, int]]:
    """Lines that agree up to signs, with some signs equal and some not."""
    found: list[tuple[int, int]] = []
    taken: set[int] = set()
    sizes = [list(map(abs, line)) for line in lines]
    for p, one in enumerate(lines):
        for q in range(p + 1, len(lines)):
            if sizes[p] == sizes[q] and not {p, q} & taken:
                signs = {a == b for a, b in zip(one, lines[q], strict=True) if a}
                if len(signs) == 2:
                    found.append((p, q))
                    taken |= {p, q}
    return found


def _both(writer: _Writer, values: list[int], one: list[int], other: list[int]) -> tuple[int, int]:
    """Two rows of a pair: what they share, plus and minus the rest, whose leading factor comes last."""
    terms = [(a, a == b, v) for a, b, v in zip(one, other, values, strict=True) if a]
    shared = writer.combine([(Fraction(a, writer.unit), v) for a, same, v in terms if same])
    rest = [(a, v) for a, same, v in terms if not same]
    lead = rest[-1][0]
    odd = writer.combine([(Fraction(a, lead), v) for a, v in rest])
    factor = Fraction(lead, writer.unit)
    return writer.step(factor, odd, shared), writer.step(-factor, odd, shared)
