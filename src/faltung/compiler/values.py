"""Types, values and constants of the IR, as text."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

FLOATS = {"half": 2, "float": 4, "double": 8}
SIZES = {**FLOATS, "i1": 1, "i8": 1, "i16": 2, "i32": 4, "i64": 8, "ptr": 8}


class Value(NamedTuple):
    """A value of the IR: its type and how it is written."""

    type: str
    text: str


Operand = Value | int
"""A value, or a constant of type i64."""


@cache
def vector(element: str, lanes: int) -> str:
    """Name the type of ``lanes`` elements; one lane is the element itself."""
    return element if lanes == 1 else f"<{lanes} x {element}>"


@cache
def element_of(kind: str) -> str:
    """Name the element type of a vector type, or the type itself."""
    return kind.split(" x ")[1][:-1] if kind.startswith("<") else kind


@cache
def lanes_of(kind: str) -> int:
    """Count the lanes of a type."""
    return int(kind[1:].split(" x ", maxsplit=1)[0]) if kind.startswith("<") else 1


@cache
def is_float(kind: str) -> bool:
    """Whether the element of a type is a floating one."""
    return element_of(kind) in FLOATS


def constant(kind: str, number: float) -> Value:
    """Write a number as a constant of a scalar or vector type."""
    element = element_of(kind)
    if element == "float":
        text = _hex_double(_round_to_float(number))
    elif element in FLOATS:
        text = _hex_double(number) if element == "double" else f"0xH{_half_bits(number):04X}"
    else:
        text = str(int(number))
    return Value(kind, text if kind == element else f"splat ({element} {text})")


def _round_to_float(number: float) -> float:
    try:
        return float(struct.unpack("<f", struct.pack("<f", number))[0])
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")


def _hex_double(number: float) -> str:
    return f"0x{struct.unpack('<Q', struct.pack('<d', number))[0]:016X}"


def _half_bits(number: float) -> int:
    return int(struct.unpack("<H", struct.pack("<e", number))[0])


def lanes_mask(there: Sequence[bool]) -> Value:
    """Write which lanes are there as a constant."""
    return Value(vector("i1", len(there)), f"<{', '.join(f'i1 {str(one).lower()}' for one in there)}>")


@cache
def mangle(kind: str) -> str:
    """Write a type as LLVM's intrinsics carry it in their names."""
    names = {"float": "f32", "double": "f64", "half": "f16"}
    element = element_of(kind)
    short = names.get(element, element)
    return short if kind == element else f"v{lanes_of(kind)}{short}"
