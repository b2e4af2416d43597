"""What the programs of planes and of lines share: calls, indices taken apart, and powers of two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...compiler.elements import ELEMENTS
from ...compiler.values import Operand, Value, vector
from ...machine import Machine

if TYPE_CHECKING:
    from ...compiler.emit import Function


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


def call(f: Function, name: str, *operands: Operand, result: str = "void") -> Value:
    """Call a function of the same program."""
    return f.call(name, result, *operands, local=True)


def split(f: Function, number: Operand, extent: int) -> tuple[Operand, Operand]:
    """The index along an axis, and what counts the axes before it."""
    return f.rem(number, extent) if extent > 1 else 0, f.div(number, extent)


def power_of_two(f: Function, exponent: Operand, numbers: Numbers) -> Value:
    """Two to the ``exponent``, put together from its bits."""
    bits, bias = numbers.exponent
    word = f.bits("shl", f.add(exponent, bias), bits)
    return f.reinterpret(word if bits == 52 else f.cast("trunc", word, "i32"), numbers.element)
