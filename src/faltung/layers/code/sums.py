"""Sums whose error does not grow with their length.

Terms are float64 in every lane.  Of float32 data their plain sum is exact to far below the unit of the result; of
float64 data the rounding error of every addition is kept and added at the end (Knuth's TwoSum).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...compiler.emit import Operand, Value, constant, lanes_of, vector
from ...machine import Machine
from .frame import Writer

Terms = Callable[[Operand, Value | None], Sequence[Sequence[Value]]]
"""Terms of several sums at an index: of each sum one vector of float64 for each half."""


class Summing(Writer):
    """A writer that sums."""

    def __init__(self, dtype: str, machine: Machine) -> None:
        super().__init__(dtype, machine)
        self.wide = vector("double", machine.vector_bytes // 8)

    def zeros(self, sums: int) -> list[Value]:
        """Two vectors for each sum: those of both halves, or the sum and its error."""
        return [constant(self.wide, 0.0)] * (2 * sums)

    def add_terms(self, state: Sequence[Value], terms: Sequence[Sequence[Value]]) -> list[Value]:
        """Add one term to each sum."""
        new: list[Value] = []
        for number, term in enumerate(terms):
            first, second = state[2 * number], state[2 * number + 1]
            if self.size == 4:
                new += [self.sum(first, term[0]), self.sum(second, term[1])]
            else:
                total = self.sum(first, term[0])
                moved = self.minus(total, first)
                lost = self.sum(self.minus(first, self.minus(total, moved)), self.minus(term[0], moved))
                new += [total, self.sum(second, lost)]
        return new

    def reduce(self, count: Operand, state: Sequence[Value], terms: Terms) -> list[Value]:
        """Add the terms of ``count`` elements."""
        f = self.f
        whole = f.sub(count, f.rem(count, self.lanes))
        with f.loop(f.value(0), whole, self.lanes, carry=state) as loop:
            loop.carry(self.add_terms(loop.carried, terms(loop.index, None)))
        assert loop.results is not None
        return self.add_terms(loop.results, terms(whole, self.mask(f.sub(count, whole))))

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

    def only(self, mask: Value | None, values: Sequence[Value]) -> list[Value]:
        """Terms with zeros where ``mask`` is not set."""
        if mask is None:
            return list(values)
        f, lanes = self.f, self.lanes // len(values)
        masks = [mask] if len(values) == 1 else [
            f.shuffle(mask, None, range(start, start + lanes)) for start in (0, lanes)]
        return [f.select(part, value, constant(value.type, 0.0)) for part, value in zip(masks, values, strict=True)]
