"""Sums whose error does not grow with their length.

Four vectors of terms are added in pairs, in the dtype of the data.  What comes out goes to sums in float64: those of
float32 data are exact to far below the unit of the result, and those of float64 data keep the rounding error of every
addition and add it at the end (Knuth's TwoSum).  So a sum is wrong by about two units times the sum of the terms'
magnitudes, however many there are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...compiler.emit import Operand, Value, constant, lanes_of, vector
from ...machine import Machine
from .frame import Writer

Terms = Callable[[Operand, Value | None], Sequence[Value]]
"""Terms of several sums at an index, a vector for each sum; zeros where the mask is not set."""
TREE = 4


class Summing(Writer):
    """A writer that sums."""

    def __init__(self, dtype: str, machine: Machine) -> None:
        super().__init__(dtype, machine)
        self.wide = vector("double", machine.vector_bytes // 8)

    def zeros(self, sums: int) -> list[Value]:
        """Two vectors for each sum: those of both halves, or the sum and its error."""
        return [constant(self.wide, 0.0)] * (2 * sums)

    def add_terms(self, state: Sequence[Value], terms: Sequence[Value]) -> list[Value]:
        """Add one term to each sum."""
        new: list[Value] = []
        for number, term in enumerate(terms):
            first, second = state[2 * number], state[2 * number + 1]
            if self.size == 4:
                new += [self.sum(old, half) for old, half in zip((first, second), self.halves(term), strict=True)]
            else:
                total = self.sum(first, term)
                moved = self.minus(total, first)
                lost = self.sum(self.minus(first, self.minus(total, moved)), self.minus(term, moved))
                new += [total, self.sum(second, lost)]
        return new

    def reduce(self, count: Operand, state: Sequence[Value], terms: Terms) -> list[Value]:
        """Add the terms of ``count`` elements."""
        f, block = self.f, TREE * self.lanes
        trees, whole = f.sub(count, f.rem(count, block)), f.sub(count, f.rem(count, self.lanes))
        with f.loop(f.value(0), trees, block, carry=state) as loop:
            found = [terms(f.add(loop.index, number * self.lanes), None) for number in range(TREE)]
            pairs = [self.sum(self.sum(a, b), self.sum(c, d)) for a, b, c, d in zip(*found, strict=True)]
            loop.carry(self.add_terms(loop.carried, pairs))
        assert loop.results is not None
        with f.loop(trees, whole, self.lanes, carry=loop.results) as rest:
            rest.carry(self.add_terms(rest.carried, terms(rest.index, None)))
        assert rest.results is not None
        return self.add_terms(rest.results, terms(whole, self.mask(f.sub(count, whole))))

    def totals(self, state: Sequence[Value]) -> list[Value]:
        """Each sum as one number."""
        f, found = self.f, []
        for first, second in zip(state[::2], state[1::2], strict=True):
            if self.size == 4:
                found.append(self._across(self.sum(first, second)))
                continue
            total, lost = self._across(first), self._across(second)
            # an infinite term has no rounding error, only a NaN in its place
            found.append(f.select(f.compare("uno", lost, lost), total, self.sum(total, lost)))
        return found

    def _across(self, value: Value) -> Value:
        """Sum of the lanes, pairwise."""
        while (half := lanes_of(value.type) // 2) > 0:
            low = self.f.shuffle(value, None, range(half))
            value = self.sum(low, self.f.shuffle(value, None, range(half, 2 * half)))
        return value

    def only(self, mask: Value | None, value: Value) -> Value:
        """A term with zeros where ``mask`` is not set."""
        return value if mask is None else self.f.select(mask, value, constant(value.type, 0.0))
