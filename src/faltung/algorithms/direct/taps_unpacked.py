"""Lanes of taps that read the image where it lies: for few outputs, to pack it would cost as much as to sum it."""

from __future__ import annotations

from ...compiler.emit import Function, Operand, Value, constant, vector
from ...compiler.values import mangle
from .frame import Frame
from .taps import Place, Steps, TapTile
from .tiles import sides_outside


class UnpackedTapTile(TapTile):
    """Writes the function ``tile(kernel, steps, out, image, row, row_step, channel_step, outside)``.

    ``image`` is where the first column of row ``row`` would be, even if it is not there; ``outside`` is a row of the
    border's constant, which is read in the place of rows that are not there.  Columns that are not there are masked.
    """

    parameters = (*TapTile.parameters, ("i64", "row"), ("i64", "row_step"), ("i64", "channel_step"),
                  ("ptr", "outside"))

    def _begin(self, image: list[Value]) -> tuple[Place, list[Steps]]:
        place, row, self.row_step, channel_step, self.outside = image
        step = self.frame.problem.kernel_dilation[-2]
        return [place, row], [(channel_step, 0), (self.f.mul(self.row_step, step), step)]

    def _line(self, image: Place, row: int) -> Value:
        f, p = self.f, self.frame.problem
        line = f.at(image[0], f.mul(self.row_step, row))
        if not has_rows_outside(self.frame):
            return line
        is_there = f.compare("ult", f.add(image[1], row), p.image[-2])
        return f.select(is_there, line, self.outside)

    def _alike(self, whole: int) -> range:
        """Vectors of which all that is seen lies inside: a run of them, for they are those in the middle."""
        inside = [number for number in range(whole) if self._is_inside(number, 0) and self._is_inside(number, 1)]
        return range(inside[0], inside[-1] + 1) if inside else range(0)

    def _first(self, number: int, further: int) -> int:
        return self.frame.problem.start[-1] + (number + further) * self.frame.lanes

    def _is_inside(self, number: int, further: int) -> bool:
        first = self._first(number, further)
        return first >= 0 and first + self.frame.lanes <= self.frame.problem.image[-1]

    def _pixels(self, line: Value, number: Operand, further: int) -> Value:
        if not isinstance(number, int) or self._is_inside(number, further):
            return super()._pixels(line, number, further)
        first, lanes = self._first(number, further), self.frame.lanes
        mask = ", ".join(f"i1 {str(0 <= first + lane < self.frame.problem.image[-1]).lower()}"
                         for lane in range(lanes))
        place = self.f.at(line, further * self.frame.recipe.vector_bytes)
        return self.f.call(f"llvm.masked.load.{mangle(self.kind)}.p0", self.kind, place,
                           Value("i32", str(self.size)), Value(vector("i1", lanes), f"<{mask}>"),
                           constant(self.kind, border_value(self.frame)))


def border_value(frame: Frame) -> float:
    """The constant that stands outside the image; there is one only."""
    sides = sides_outside(frame.problem)
    return complex(sides.pop()).real if sides else 0.0


def has_rows_outside(frame: Frame) -> bool:
    """Whether a tap may meet a row that is not there."""
    p = frame.problem
    return p.start[-2] < 0 or p.start[-2] + frame.packed_extents[-2] > p.image[-2]


def emit_row_outside(f: Function, frame: Frame, scratch: Value) -> None:
    """Fill the row that is read in the place of rows that are not there."""
    kind, step = vector(frame.accumulator.ir, frame.lanes), frame.recipe.vector_bytes
    with f.loop(0, frame.scratch_bytes, step) as loop:
        f.store(constant(kind, border_value(frame)), f.at(scratch, loop.index), align=64)
