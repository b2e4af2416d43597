"""A step of Adam for many parameters at once: four numbers of each element are read, and three written.

Operations are rounded one by one, in the order of `optimisers`, so that the bits are NumPy's.
"""

from __future__ import annotations

from ...compiler.emit import Operand, Value
from ...machine import Machine
from .frame import Writer

(VALUE, GRADIENT, MEAN, SQUARE, COUNT, MEAN_SHARE, SQUARE_KEPT, SQUARE_SHARE, ROOT, EPSILON, RATE, DECAY,
 CELLS) = range(13)
"""Cells of one item, each of which has its own row of the context; numbers are float64."""


def emit_adam(decay: str, dtype: str, machine: Machine) -> str:
    """Write the step; weights decay not at all (""), by the gradient ("added"), or "apart" from it."""
    return _Adam(dtype, machine).emit(decay)


class _Adam(Writer):
    def emit(self, decay: str) -> str:
        f = self.begin_work(self.module)
        self.context = f.at(self.context, f.mul(self.item, 8 * CELLS))
        bases = [self.pointer(cell) for cell in (VALUE, GRADIENT, MEAN, SQUARE)]
        mean_share, kept, share, root, epsilon, rate, lost = (
            self.spread(self.number(cell)) for cell in range(MEAN_SHARE, CELLS))

        def body(index: Operand, mask: Value | None) -> None:
            places = [self.place(base, index) for base in bases]
            value, gradient, mean, square = (self.load(place, mask) for place in places)
            if decay == "added":
                gradient = self.sum(gradient, self.product(lost, value))
            elif decay == "apart":
                value = self.product(value, lost)
            mean = self.sum(mean, self.product(mean_share, self.minus(gradient, mean)))
            square = self.sum(self.product(square, kept), self.product(share, self.product(gradient, gradient)))
            below = self.sum(self.over(f.intrinsic("sqrt", square), root), epsilon)
            value = self.minus(value, self.product(self.over(mean, below), rate))
            for made, place in zip((value, mean, square), (places[0], *places[2:]), strict=True):
                self.store(made, place, mask)

        self.stretch(self.cell(COUNT), body)
        f.finish()
        return self.finish()
