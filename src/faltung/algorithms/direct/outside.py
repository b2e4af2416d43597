"""Rows of taps that see nothing but zeros outside the image: a tile leaves them out.

A product with zero adds nothing, unless the tap is not finite.  So what is packed of a kernel ends with a number that
tells whether all its taps are finite; if not, nothing is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ...compiler.emit import Function, Operand, Value, constant
from .frame import Frame

ALL_COLUMNS = ".all"
"""Behind the name of a tile that leaves out no column."""


class Span(NamedTuple):
    """Steps of a loop over rows of taps that a tile takes: from ``first`` to below ``last``, of ``steps``."""

    first: Operand
    last: Operand
    steps: int
    taps_bytes: int
    """Of the packed kernel, for each step."""


def rows_seen(f: Function, frame: Frame, row: Operand, told: Value) -> tuple[Operand, Operand]:
    """The first row of taps that sees the image from a tile at this row of outputs, and the one behind the last."""
    p = frame.problem
    rows, step, apart = p.kernel[-2], p.stride[-2], p.kernel_dilation[-2]
    top = f.add(f.mul(row, step), p.start[-2])
    bottom = f.add(top, (frame.tile_rows - 1) * step)
    above = f.div(f.add(f.larger(f.sub(0, bottom), 0), apart - 1), apart)
    below = f.div(f.add(f.larger(f.sub(p.image[-2], top), 0), apart - 1), apart)
    first = f.larger(f.sub(f.smaller(above, rows), told), 0)
    return first, f.larger(f.smaller(f.add(below, told), rows), first)


def spans(f: Function, frame: Frame, first: Operand, last: Operand) -> list[Span]:
    """The same as steps of the loops over chunks of rows."""
    found, begin = [], 0
    for count, size in frame.row_chunks if frame.by_pixels else ((frame.problem.kernel[-2], 1),):
        above, below = (f.larger(f.sub(row, begin), 0) for row in (first, last))
        found.append(Span(f.smaller(f.div(above, size), count), f.smaller(f.div(f.add(below, size - 1), size), count),
                          count, size * frame.problem.kernel[-1] * frame.tap_bytes))
        begin += count * size
    return found


def rows_given(frame: Frame) -> list[tuple[str, str]]:
    """Parameters of a tile that say which rows of taps it takes; one that runs down finds out by itself."""
    names = ("row", "told") if frame.recipe.lanes == "rows" else ("first", "last")
    return [("i64", name) for name in names] if frame.leaves_out else []


def columns_left_out(frame: Frame) -> frozenset[tuple[int, int]]:
    """Taps of a row, each with a column of outputs that sees a zero under it; none where tiles are no whole rows."""
    p = frame.problem
    whole = frame.recipe.columns_unrolled and frame.recipe.tile[2] == p.output[-1]
    if not whole or frame.recipe.lanes != "channels" or p.border[-1] != (0, 0) or not frame.leaves_out:
        return frozenset()
    return frozenset((tap, column) for tap in range(p.kernel[-1]) for column in range(p.output[-1])
                     if not 0 <= p.start[-1] + column * p.stride[-1] + tap * p.kernel_dilation[-1] < p.image[-1])


def call_tile(f: Function, frame: Frame, name: str, operands: Sequence[Operand], row: Operand, told: Value,
              note: Callable[[Value], None]) -> None:
    """Call a tile at this row of outputs."""
    if frame.recipe.lanes == "rows":
        seen: tuple[Operand, Operand] = f.add(f.mul(row, frame.problem.stride[-2]), frame.problem.start[-2]), told
    else:
        seen = rows_seen(f, frame, row, told)
    if not columns_left_out(frame):
        note(f.call(name, "i64", *operands, *seen, local=True))
        return
    finite = f.compare("eq", told, 0)
    with f.when(finite):
        note(f.call(name, "i64", *operands, *seen, local=True))
    with f.unless(finite):
        note(f.call(name + ALL_COLUMNS, "i64", *operands, *seen, local=True))


def without_minus(f: Function, frame: Frame, sums: list[Value]) -> list[Value]:
    """Sums in which minus zero is zero.

    Which rows are left out depends on the other rows of outputs of a tile, and so on the number of threads.  All that
    it could change is the sign of a sum of products that are too small for any number.
    """
    if not frame.leaves_out or frame.tile_rows == 1:
        return sums
    return [f.value(f.add(one, constant(one.type, 0))) for one in sums]
