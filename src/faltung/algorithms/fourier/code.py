"""What the programs of planes and of lines share: their context, calls, and powers of two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...compiler.cells import Cells
from ...compiler.elements import ELEMENTS
from ...compiler.values import Operand, Value, vector
from ...machine import Machine

if TYPE_CHECKING:
    from ...compiler.emit import Function
    from ...problem.problem import Problem


class Numbers:
    """Numbers of one dtype in the vectors of one machine."""

    dtype: str
    machine: Machine

    @property
    def size(self) -> int:
        """Bytes of one number."""
        return ELEMENTS[self.dtype].size

    @property
    def element(self) -> str:
        """Type of one number."""
        return ELEMENTS[self.dtype].ir

    @property
    def lanes(self) -> int:
        """Columns of a strip, and frequencies of a band."""
        return self.machine.vector_bytes // self.size

    @property
    def kind(self) -> str:
        """Type of a vector."""
        return vector(self.element, self.lanes)

    @property
    def row_bytes(self) -> int:
        """A row of a strip or band: real parts, then imaginary ones."""
        return 2 * self.machine.vector_bytes

    @property
    def exponent(self) -> tuple[int, int]:
        """Where the exponent of a number begins, in bits, and what stands there for a number from 1 to 2."""
        return (23, 127) if self.size == 4 else (52, 1023)


class Context(Cells):
    """The cells of a program of tiles: behind others the strides of image and output, in bytes; then edges of lines."""

    def __init__(self, f: Function, context: Value, problem: Problem, strides: int) -> None:
        super().__init__(f, context)
        self.strides, self.axes = strides, len(problem.batch) + 2 + problem.ndim

    def step(self, axis: int, *, out: bool = False) -> Value:
        """Bytes from one index to the next, along an axis of the image or of the output."""
        return self.cell(self.strides + axis + self.axes * out)

    def edge(self, axis: int, side: int) -> Value:
        """Indices for the positions before or behind the image."""
        return self.pointer(self.strides + 2 * self.axes + 2 * axis + side)


def call(f: Function, name: str, *operands: Operand, result: str = "void") -> Value:
    """Call a function of the same program."""
    return f.call(name, result, *operands, local=True)


def power_of_two(f: Function, exponent: Operand, numbers: Numbers) -> Value:
    """Two to the ``exponent``, put together from its bits."""
    bits, bias = numbers.exponent
    word = f.bits("shl", f.add(exponent, bias), bits)
    return f.reinterpret(word if bits == 52 else f.cast("trunc", word, "i32"), numbers.element)
