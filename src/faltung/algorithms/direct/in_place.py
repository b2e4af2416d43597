"""Reading an image where it lies: what is not there is masked, or read from a row of the border's constant.

To pack a plane costs as much as to filter it, if the kernel is small or the outputs are few.
"""

from __future__ import annotations

from ...compiler.casts import widen
from ...compiler.emit import Function, Operand, Value, constant, vector
from ...compiler.values import mangle
from .frame import Frame
from .taps import Place, Steps, TapTile
from .tiles import sides_outside


def border_value(frame: Frame) -> float:
    """The constant that stands outside the image; there is one only."""
    sides = sides_outside(frame.problem)
    return complex(sides.pop()).real if sides else 0.0


def has_rows_outside(frame: Frame) -> bool:
    """Whether a tap may meet a row that is not there."""
    p = frame.problem
    last = (p.output[-2] - 1) * p.stride[-2] + (p.kernel[-2] - 1) * p.kernel_dilation[-2]
    return p.start[-2] < 0 or p.start[-2] + last >= p.image[-2]


def emit_row_outside(f: Function, frame: Frame, scratch: Value) -> None:
    """Fill the row that is read in the place of rows that are not there."""
    element, step = frame.source, frame.recipe.vector_bytes
    fill = border_value(frame)
    value = constant(vector(element.ir, step // element.size), fill if element.kind == "f" else int(fill))
    with f.loop(0, frame.scratch_bytes, step) as loop:
        f.store(value, f.at(scratch, loop.index), align=64)


def emit_line(f: Function, frame: Frame, line: Value, row: Operand, outside: Value) -> Value:
    """Where a row of the image is read: ``line``, if there is such a row."""
    if not has_rows_outside(frame):
        return line
    return f.select(f.compare("ult", row, frame.problem.image[-2]), line, outside)


def is_inside(frame: Frame, first: int) -> bool:
    """Whether a vector of pixels lies inside the image."""
    return first >= 0 and first + frame.lanes <= frame.problem.image[-1]


def load_pixels(f: Function, frame: Frame, place: Value, first: int | None) -> Value:
    """A vector of pixels as lanes of the accumulator; it begins at column ``first``, or surely inside."""
    source, target, lanes = frame.source, frame.accumulator, frame.lanes
    kind = vector(source.ir, lanes)
    if first is None or is_inside(frame, first):
        return widen(f, f.load(kind, place, align=source.size), source, target)
    value = border_value(frame)
    fill = constant(vector(target.ir, lanes), value if target.kind == "f" else int(value))
    there = [0 <= first + lane < frame.problem.image[-1] for lane in range(lanes)]
    if not any(there):
        return fill
    mask = Value(vector("i1", lanes), f"<{', '.join(f'i1 {str(one).lower()}' for one in there)}>")
    raw = f.call(f"llvm.masked.load.{mangle(kind)}.p0", kind, place, Value("i32", str(source.size)), mask,
                 constant(kind, 0))
    pixels = widen(f, raw, source, target)
    return f.select(mask, pixels, fill) if value else pixels


class TapTileInPlace(TapTile):
    """Writes the function ``tile(kernel, steps, out, image, row, row_step, channel_step, outside)``.

    ``image`` is where the first column of row ``row`` would be, even if it is not there; ``outside`` is a row of the
    border's constant.
    """

    parameters = (*TapTile.parameters, ("i64", "row"), ("i64", "row_step"), ("i64", "channel_step"),
                  ("ptr", "outside"))

    def _begin(self, image: list[Value]) -> tuple[Place, list[Steps]]:
        place, row, self.row_step, channel_step, self.outside = image
        step = self.frame.problem.kernel_dilation[-2]
        return [place, row], [(channel_step, 0), (self.f.mul(self.row_step, step), step)]

    def _line(self, image: Place, row: int) -> Value:
        line = self.f.at(image[0], self.f.mul(self.row_step, row))
        return emit_line(self.f, self.frame, line, self.f.add(image[1], row), self.outside)

    def _alike(self, whole: int) -> range:
        """Vectors of which all that is seen lies inside: a run of them, for they are those in the middle."""
        inside = [number for number in range(whole)
                  if all(is_inside(self.frame, self._first(number + further)) for further in (0, 1))]
        return range(inside[0], inside[-1] + 1) if inside else range(0)

    def _first(self, number: int) -> int:
        return self.frame.problem.start[-1] + number * self.frame.lanes

    def _pixels(self, line: Value, number: Operand, further: int) -> Value:
        first = self._first(number + further) if isinstance(number, int) else None
        return load_pixels(self.f, self.frame, self.f.at(line, further * self.frame.recipe.vector_bytes), first)
