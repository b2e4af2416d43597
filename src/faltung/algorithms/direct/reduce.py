"""The loops around a register tile that both kinds of lanes share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from ...compiler.emit import Function, Value, constant, lanes_of, vector
from .counts import BLOCK, LONG
from .frame import Frame
from .outside import Span

Axis = tuple[int | Span, int]
"""How many steps a loop takes, and the bytes of each in the packed image."""

Body = Callable[[Value, Value, list[Value]], tuple[Value, list[Value]]]
"""From the packed image's address, the packed kernel's and the sums: the kernel's address behind, the sums."""


def multiply_add(f: Function, x: Sequence[Value], k: Sequence[Value], sums: Sequence[Value]) -> list[Value]:
    """Add a product to a sum; complex ones are a real and an imaginary part."""
    if len(sums) == 1:
        return [f.fma(x[0], k[0], sums[0])]
    return [f.fma(f.neg(x[1]), k[1], f.fma(x[0], k[0], sums[0])), f.fma(x[1], k[0], f.fma(x[0], k[1], sums[1]))]


def reduce_over(f: Function, axes: Sequence[Axis], image: Value, kernel: Value, sums: list[Value],
                body: Body) -> tuple[Value, list[Value]]:
    """Nest a loop for each (count, bytes to step in the image); the packed kernel is walked in one line."""
    if not axes:
        return body(image, kernel, sums)
    (count, step), rest = axes[0], axes[1:]
    if isinstance(count, Span):
        return _reduce_span(f, count, step, rest, image, kernel, sums, body)
    if count == 1:
        return reduce_over(f, rest, image, kernel, sums, body)
    with f.loop(0, count, carry=[image, kernel, *sums]) as loop:
        here, taps, *inner = loop.carried
        taps, inner = reduce_over(f, rest, here, taps, inner, body)
        loop.carry([f.at(here, step), taps, *inner])
    assert loop.results is not None
    _, kernel, *sums = loop.results
    return kernel, sums


def _reduce_span(f: Function, span: Span, step: int, rest: Sequence[Axis], image: Value, kernel: Value,
                 sums: list[Value], body: Body) -> tuple[Value, list[Value]]:
    """The same for an axis of which only a part is taken."""
    begin = [f.at(image, f.mul(span.first, step)), f.at(kernel, f.mul(span.first, span.taps_bytes)), *sums]
    with f.loop(span.first, span.last, carry=begin) as loop:
        here, taps, *inner = loop.carried
        taps, inner = reduce_over(f, rest, here, taps, inner, body)
        loop.carry([f.at(here, step), taps, *inner])
    assert loop.results is not None
    return f.at(kernel, span.steps * span.taps_bytes), loop.results[2:]


# ---------------------------------------------------------------- long sums

def reduce_in_blocks(f: Function, frame: Frame, axes: Sequence[Axis], inside: int, image: Value,
                     kernel: Value, sums: list[Value], body: Body) -> list[Value]:
    """`reduce_over`, with long sums of float32 taken in blocks that are added in float64.

    So the error is that of one block, however long the sum.  ``inside`` counts the taps that the body sums.
    """
    level = _level(frame, axes, inside)
    if level is None:
        return reduce_over(f, axes, image, kernel, sums, body)[1]
    totals = Totals(f, sums)

    def block(here: Value, taps: Value, _: list[Value]) -> tuple[Value, list[Value]]:
        taps, found = reduce_over(f, axes[level:], here, taps, sums, body)
        totals.add(found)
        return taps, []

    reduce_over(f, axes[:level], image, kernel, [], block)
    return totals.rounded()


def _level(frame: Frame, axes: Sequence[Axis], inside: int) -> int | None:
    """How many of the loops are outside the blocks, which are as small as may be; None if there is to be one block."""
    element = frame.accumulator
    if element.ir != "float" or element.planes > 1 or frame.problem.terms < LONG:
        return None
    counts = [count.steps if isinstance(count, Span) else count for count, _ in axes]
    levels = [level for level in range(1, len(axes) + 1) if prod(counts[level:]) * inside >= BLOCK]
    return max(levels, default=None)


class Totals:
    """Sums in float64, in memory: two vectors for each of float32; what is added to may be given."""

    def __init__(self, f: Function, sums: Sequence[Value], memory: Value | None = None) -> None:
        self.f, self.kind = f, sums[0].type
        lanes = lanes_of(self.kind)
        self.parts = [range(lanes)] if lanes == 1 else [range(lanes // 2), range(lanes // 2, lanes)]
        self.wide = vector("double", len(self.parts[0]))
        self.count, self.step = len(sums), 8 * len(self.parts[0])
        self.memory = memory or f.alloca(self.count * 8 * lanes)
        for number in range(0 if memory else self.count * len(self.parts)):
            f.store(constant(self.wide, 0), self._place(number), align=8)

    def _place(self, number: int) -> Value:
        return self.f.at(self.memory, number * self.step)

    def add(self, sums: Sequence[Value]) -> None:
        """Add the sums of one block."""
        f = self.f
        for number, value in enumerate(sums):
            for part, lanes in enumerate(self.parts):
                place = self._place(number * len(self.parts) + part)
                half = value if len(self.parts) == 1 else f.shuffle(value, None, lanes)
                f.store(f.add(f.load(self.wide, place, align=8), f.cast("fpext", half, "double")), place, align=8)

    def rounded(self) -> list[Value]:
        """The totals as float32."""
        f, found = self.f, []
        for number in range(self.count):
            places = [self._place(number * len(self.parts) + part) for part in range(len(self.parts))]
            halves = [f.cast("fptrunc", f.load(self.wide, place, align=8), "float") for place in places]
            whole = halves[0] if len(halves) == 1 else f.shuffle(halves[0], halves[1], range(2 * len(self.parts[0])))
            found.append(whole)
        return found
