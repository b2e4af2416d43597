"""Reading an image where it lies: what is not there is masked, mapped, or read from a row of the border's constant.

To pack a plane costs as much as to filter it, if the kernel is small or the outputs are few.  The border is one
constant, or none of its sides is (see `tiles.has_plain_border`).
"""

from __future__ import annotations

from ...compiler.casts import widen
from ...compiler.emit import Function, Module, Operand, Value, constant, vector
from ...compiler.values import lanes_mask
from .borders import border_table, mapped, outside
from .frame import Frame
from .taps import Place, Steps, TapTile
from .tiles import sides_outside


def border_value(frame: Frame) -> float | None:
    """The constant that stands outside the image, if there is one."""
    for side in sides_outside(frame.problem):
        return None if isinstance(side, str) else complex(side).real
    return 0.0


def has_rows_outside(frame: Frame) -> bool:
    """Whether a tap may meet a row that is not there."""
    return any(outside(frame)[-2])


def emit_row_outside(f: Function, frame: Frame, scratch: Value) -> None:
    """Fill the row that is read in the place of rows that are not there."""
    fill = border_value(frame)
    if fill is None or not has_rows_outside(frame):
        return
    element, step = frame.source, frame.recipe.vector_bytes
    value = constant(vector(element.ir, step // element.size), fill if element.kind == "f" else int(fill))
    with f.loop(0, frame.scratch_bytes, step) as loop:
        f.store(value, f.at(scratch, loop.index), align=64)


def emit_line(module: Module, f: Function, frame: Frame, image: Value, row: Operand, step: Value,
              constants: Value) -> Value:
    """Where a row is read, from the address that its first sample would have in row 0."""
    extent = frame.problem.image[-2]
    if not has_rows_outside(frame):
        return f.at(image, f.mul(step, row))
    is_there = f.compare("ult", row, extent)
    if border_value(frame) is not None:
        return f.select(is_there, f.at(image, f.mul(step, row)), constants)
    before = outside(frame)[-2][0]
    cell = f.select(f.compare("slt", row, 0), f.add(row, before), f.add(row, before - extent))
    table = module.table(border_table(frame, frame.problem.ndim - 2))
    other = f.load("i64", f.at(table, f.mul(f.select(is_there, 0, cell), 8)), align=8)
    return f.at(image, f.mul(step, f.select(is_there, row, other)))


def is_inside(frame: Frame, first: int) -> bool:
    """Whether a vector of pixels lies inside the image."""
    return first >= 0 and first + frame.lanes <= frame.problem.image[-1]


def load_pixels(f: Function, frame: Frame, place: Value, first: int | None) -> Value:
    """A vector of pixels as lanes of the accumulator; it begins at column ``first``, or surely inside."""
    source, target, lanes = frame.source, frame.accumulator, frame.lanes
    if first is None or is_inside(frame, first):
        return widen(f, _some(f, frame, place, [True] * lanes), source, target)
    fill = border_value(frame)
    if fill is None:
        return widen(f, _mapped_pixels(f, frame, place, first), source, target)
    filled = constant(vector(target.ir, lanes), fill if target.kind == "f" else int(fill))
    there = [0 <= first + lane < frame.problem.image[-1] for lane in range(lanes)]
    if not any(there):
        return filled
    pixels = widen(f, _some(f, frame, place, there), source, target)
    return f.select(lanes_mask(there), pixels, filled) if fill else pixels


def _mapped_pixels(f: Function, frame: Frame, place: Value, first: int) -> Value:
    """Pixels of which some are copies of others: vectors that hold them all, then lane by lane.

    Lanes for which nothing stands there belong to no output.
    """
    axis, extent, lanes = frame.problem.ndim - 1, frame.problem.image[-1], frame.lanes
    columns = [mapped(frame, axis, first + lane) for lane in range(lanes)]
    wanted, found = set(columns) - {-1}, constant(vector(frame.source.ir, lanes), 0)
    while wanted:
        begin = max(0, min(*wanted, extent - lanes))
        held = [begin + lane < extent for lane in range(lanes)]
        pixels = _some(f, frame, f.at(place, (begin - first) * frame.source.size), held)
        here = {column for column in wanted if begin <= column < begin + lanes}
        found = f.shuffle(found, pixels, [lanes + column - begin if column in here else lane
                                          for lane, column in enumerate(columns)])
        wanted -= here
    return found


def _some(f: Function, frame: Frame, place: Value, there: list[bool]) -> Value:
    """The samples of a vector that are there, zeros for the others."""
    # as integers, of which LLVM finds the best way to shift them
    size = frame.source.size
    kind = vector(f"i{8 * size}", frame.lanes)
    bits = f.load(kind, place, align=size) if all(there) else (
        f.masked_load(kind, place, lanes_mask(there), align=size))
    return f.reinterpret(bits, vector(frame.source.ir, frame.lanes))


class TapTileInPlace(TapTile):
    """Writes the function ``tile(kernel, steps, out, image, row, row_step, channel_step, outside)``.

    ``image`` is where the first column of row 0 would be, even if it is not there, and ``row`` the row of the first
    tap; ``outside`` is a row of the border's constant.
    """

    parameters = (*TapTile.parameters, ("i64", "row"), ("i64", "row_step"), ("i64", "channel_step"),
                  ("ptr", "outside"))

    def _begin(self, image: list[Value]) -> tuple[Place, list[Steps]]:
        place, row, self.row_step, channel_step, self.outside = image
        return [place, row], [(channel_step, 0), (0, self.frame.problem.kernel_dilation[-2])]

    def _line(self, image: Place, row: int) -> Value:
        row_there = self.f.add(image[1], row)
        return emit_line(self.module, self.f, self.frame, image[0], row_there, self.row_step, self.outside)

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
