"""Cells of 8 bytes, in which programs are told addresses, whole numbers and float64 numbers.

An array object of Python is read alike: address and strides stand in its public C struct, behind the object's head.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # executables know of cells too, without what generates code
    from .emit import Function, Module, Operand, Value

HEAD = object.__basicsize__ // 8
"""Cells of a Python object's head, of which the last is its type."""

ARRAY_DATA, ARRAY_NDIM, ARRAY_SHAPE, ARRAY_STRIDES, _, ARRAY_DTYPE, ARRAY_FLAGS = range(HEAD, HEAD + 7)
"""Where an array object keeps these."""

WORK = (("ptr", "context"), ("i64", "item"), ("i64", "slot"))
"""What ``work`` takes: cells with what all items share, the number of one, and that of the participant."""


class Cells:
    """Cells from an address on, for the function that is being written; what writes work items inherits them."""

    def __init__(self, f: Function, context: Value) -> None:
        self.f, self.context = f, context

    def begin_work(self, module: Module) -> Function:
        """Begin ``work(context, item, slot)``."""
        f = self.f = module.function("work", "void", WORK)
        self.context, self.item, self.slot = f.arguments
        return f

    def _read(self, kind: str, cell: Operand) -> Value:
        return self.f.load(kind, self.f.at(self.context, self.f.mul(cell, 8)), align=8)

    def cell(self, cell: Operand) -> Value:
        """A whole number."""
        return self._read("i64", cell)

    def pointer(self, cell: Operand) -> Value:
        """An address."""
        return self._read("ptr", cell)

    def double(self, cell: Operand) -> Value:
        """A float64 number."""
        return self._read("double", cell)

    def fill(self, values: Iterable[tuple[int, Operand]]) -> None:
        """Write cells and what they are to hold."""
        for cell, value in values:
            self.f.store(value, self.f.at(self.context, 8 * cell), align=8)

    def fill_strides(self, first: int, array: Value, axes: Sequence[int | None]) -> None:
        """Write the strides of an array object's axes, from a cell on; 0 where there is none."""
        strides = Cells(self.f, data(self.f, array, ARRAY_STRIDES))
        self.fill((first + place, 0 if axis is None else strides.cell(axis)) for place, axis in enumerate(axes))


def data(f: Function, array: Value, cell: int = ARRAY_DATA) -> Value:
    """Address of an array object's first element, or another address that it keeps."""
    return Cells(f, array).pointer(cell)
