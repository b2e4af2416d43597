"""Softmax, forward and backward: along contiguous rows, or across them where the axis is not the last.

A row is summed in float64; see `sums`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...compiler.emit import Operand, Value, constant, lanes_of
from ...machine import Machine
from .functions import exp
from .sums import Summing

SOURCE, ABOVE, OUT, ROWS, PER_ITEM, LENGTH, INNER = range(7)
"""Cells.  INNER is the distance of neighbours along the axis, in elements."""
WIDTH = 64
"""How many neighbours beside the axis belong to one row across; not below any vector's lanes."""
Chain = Callable[[Callable[[Operand, "list[Value]"], "list[Value]"], Sequence[Value]], "list[Value]"]


def emit_forward(way: str, dtype: str, machine: Machine) -> str:
    """Write ``out = softmax(source)``."""
    return _Softmax(dtype, machine).emit(way, backward=False)


def emit_backward(way: str, dtype: str, machine: Machine) -> str:
    """Write the gradient; SOURCE is the result."""
    return _Softmax(dtype, machine).emit(way, backward=True)


class _Softmax(Summing):
    def emit(self, way: str, *, backward: bool) -> str:
        f = self.begin_work(self.module)
        first = self.whole(f.mul(self.item, self.cell(PER_ITEM)))
        last = f.smaller(f.add(first, self.cell(PER_ITEM)), self.cell(ROWS))
        row = {"along": self._along, "across": self._across_rows}[way]
        with f.loop(first, last) as loop:
            row(loop.index, backward)
        f.finish()
        return self.finish()

    # --- the last axis

    def _along(self, row: Value, backward: bool) -> None:
        f, length = self.f, self.cell(LENGTH)
        source, above, out = (self.place(self.pointer(at), f.mul(row, length)) for at in (SOURCE, ABOVE, OUT))
        if backward:
            self._along_backward(source, above, out, length)
            return
        lowest = float("-inf")
        top = self._largest(source, length)

        def powers(index: Operand, mask: Value | None) -> Sequence[Value]:
            x = self.load(self.place(source, index), mask, lowest)
            power = exp(f, self.minus(x, top), self.machine)
            self.store(power, self.place(out, index), mask)
            return [self.only(mask, power)]

        total = self.totals(self.reduce(length, self.zeros(1), powers))[0]
        scale = self._narrow(self.over(constant("double", 1.0), total))

        def body(index: Operand, mask: Value | None) -> None:
            place = self.place(out, index)
            self.store(self.product(self.load(place, mask), scale), place, mask)

        self.stretch(length, body)

    def _largest(self, source: Value, length: Value) -> Value:
        """The largest of a row in every lane; a NaN does not matter, for the sum will have it."""
        f, lowest = self.f, constant(self.kind, float("-inf"))
        whole = f.sub(length, f.rem(length, self.lanes))
        with f.loop(f.value(0), whole, self.lanes, carry=[lowest]) as loop:
            loop.carry([f.intrinsic("maxnum", loop.carried[0], self.load(self.place(source, loop.index)))])
        assert loop.results is not None
        rest = self.load(self.place(source, whole), self.mask(f.sub(length, whole)), float("-inf"))
        value = f.intrinsic("maxnum", loop.results[0], rest)
        while (half := lanes_of(value.type) // 2) > 0:
            low = f.shuffle(value, None, range(half))
            value = f.intrinsic("maxnum", low, f.shuffle(value, None, range(half, 2 * half)))
        return self.spread(value)

    def _along_backward(self, source: Value, above: Value, out: Value, length: Value) -> None:
        def both(index: Operand, mask: Value | None) -> tuple[Value, Value]:
            return self.load(self.place(source, index), mask), self.load(self.place(above, index), mask)

        def terms(index: Operand, mask: Value | None) -> Sequence[Value]:
            return [self.product(*both(index, mask))]

        total = self._narrow(self.totals(self.reduce(length, self.zeros(1), terms))[0])

        def body(index: Operand, mask: Value | None) -> None:
            y, dy = both(index, mask)
            self.store(self.product(y, self.minus(dy, total)), self.place(out, index), mask)

        self.stretch(length, body)

    def _narrow(self, number: Value) -> Value:
        return self.spread(number if self.size == 8 else self.f.cast("fptrunc", number, "float"))

    # --- another axis

    def _across_rows(self, row: Value, backward: bool) -> None:
        """One row: up to WIDTH neighbours side by side, a vector of them at a time."""
        f, inner, length = self.f, self.cell(INNER), self.cell(LENGTH)
        pieces = f.div(f.add(inner, WIDTH - 1), WIDTH)
        start = f.mul(f.rem(row, pieces), WIDTH)
        base = f.add(f.mul(f.mul(f.div(row, pieces), length), inner), start)
        source, above, out = (self.place(self.pointer(at), base) for at in (SOURCE, ABOVE, OUT))
        step = f.mul(inner, self.size)

        def chain(state: Sequence[Value], turn: Callable[[Operand, list[Value]], list[Value]]) -> list[Value]:
            with f.loop(f.value(0), length, carry=state) as loop:
                loop.carry(turn(f.mul(loop.index, step), loop.carried))
            assert loop.results is not None
            return loop.results

        def body(index: Operand, mask: Value | None) -> None:
            places = [self.place(array, index) for array in (source, above, out)]
            (self._down_backward if backward else self._down)(places, mask, chain)

        self.stretch(f.smaller(f.sub(inner, start), WIDTH), body)

    def _down(self, places: Sequence[Value], mask: Value | None, chain: Callable[..., list[Value]]) -> None:
        f, (source, _, out) = self.f, places
        top = chain([constant(self.kind, float("-inf"))],
                    lambda at, old: [f.intrinsic("maxnum", old[0], self.load(f.at(source, at), mask))])[0]

        def add(at: Operand, old: list[Value]) -> list[Value]:
            power = exp(f, self.minus(self.load(f.at(source, at), mask), top), self.machine)
            self.store(power, f.at(out, at), mask)
            return self.add_terms(old, [power])

        total = self._joined(chain(self.zeros(1), add))
        scale = self.over(self.like(total, 1), total)

        def finish(at: Operand, old: list[Value]) -> list[Value]:
            self.store(self.product(self.load(f.at(out, at), mask), scale), f.at(out, at), mask)
            return old

        chain([], finish)

    def _down_backward(self, places: Sequence[Value], mask: Value | None, chain: Callable[..., list[Value]]) -> None:
        f, (source, above, out) = self.f, places

        def add(at: Operand, old: list[Value]) -> list[Value]:
            return self.add_terms(old, [self.product(*(self.load(f.at(array, at), mask) for array in (source, above)))])

        total = self._joined(chain(self.zeros(1), add))

        def finish(at: Operand, old: list[Value]) -> list[Value]:
            y, dy = (self.load(f.at(array, at), mask) for array in (source, above))
            self.store(self.product(y, self.minus(dy, total)), f.at(out, at), mask)
            return old

        chain([], finish)

    def _joined(self, state: Sequence[Value]) -> Value:
        """The sum of each lane, in the program's dtype."""
        if self.size == 8:
            return self.sum(*state)
        first, second = (self.f.cast("fptrunc", part, "float") for part in state)
        return self.f.shuffle(first, second, range(self.lanes))
