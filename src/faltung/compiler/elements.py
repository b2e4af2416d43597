"""Element types: a dtype as the compiler sees it."""

from __future__ import annotations

from typing import NamedTuple


class Element(NamedTuple):
    """A dtype as the compiler sees it: ``planes`` is 2 for complex (real and imaginary part)."""

    ir: str
    size: int
    kind: str  # "f" floating, "i" signed, "u" unsigned, "b" bool, "B" bfloat16
    planes: int = 1

    @property
    def itemsize(self) -> int:
        """Bytes of one element, all planes."""
        return self.size * self.planes


ELEMENTS = {
    "float16": Element("half", 2, "f"), "bfloat16": Element("i16", 2, "B"),
    "float32": Element("float", 4, "f"), "float64": Element("double", 8, "f"),
    "complex64": Element("float", 4, "f", 2), "complex128": Element("double", 8, "f", 2),
    "bool": Element("i8", 1, "b"),
    "int8": Element("i8", 1, "i"), "int16": Element("i16", 2, "i"),
    "int32": Element("i32", 4, "i"), "int64": Element("i64", 8, "i"),
    "uint8": Element("i8", 1, "u"), "uint16": Element("i16", 2, "u"),
    "uint32": Element("i32", 4, "u"), "uint64": Element("i64", 8, "u"),
}


def element_on(dtype: str, isa: str) -> Element:
    """A dtype's element; half precision goes through integers where the processor cannot convert it."""
    return Element("i16", 2, "h") if dtype == "float16" and isa == "sse2" else ELEMENTS[dtype]


def limits(element: Element) -> tuple[int, int]:
    """Smallest and largest number of an integer element."""
    bits = 8 * element.size
    if element.kind == "i":
        return -(1 << bits - 1), (1 << bits - 1) - 1
    return 0, 1 if element.kind == "b" else (1 << bits) - 1
