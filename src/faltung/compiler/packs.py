"""Four vectors of small numbers to one of bytes, by the instructions that x86 has for it.

Casting each vector alone would take two instructions that move lanes, and a store, for each.
"""

from __future__ import annotations

from ..machine import Machine
from .elements import Element
from .emit import Function, Value, constant, lanes_of, vector

GROUP = 4
"""Vectors of float32 that become one of bytes."""


def lanes_packed(machine: Machine, source: Element, target: Element, overflow: str, lanes: int) -> int:
    """Lanes of the vectors that `pack_bytes` takes for a cast of vectors of so many, or 0 if it does not serve it."""
    known = machine.isa in ("avx512", "avx2") and overflow in ("saturate", "proven")
    if not known or (source.kind, source.size, target.kind, target.size) != ("f", 4, "u", 1):
        return 0
    most = machine.vector_bytes // source.size
    return min(lanes, most) if lanes == 8 or lanes % most == 0 else 0


def split(f: Function, value: Value, lanes: int) -> list[Value]:
    """A vector as vectors of so many lanes."""
    count = lanes_of(value.type)
    return [value] if count == lanes else [
        f.shuffle(value, None, range(first, first + lanes)) for first in range(0, count, lanes)]


def pack_bytes(f: Function, values: list[Value], *, small: bool) -> Value:
    """Round to the nearest integers, half to even, and saturate to bytes; a NaN becomes 0.

    The conversion makes the least integer of what is too large for it, and of a NaN; so without a bound on the numbers
    (``small``: below 2**31) those above 255 are replaced before.  A comparison with a NaN does not hold, and keeps it.
    """
    kind, lanes = values[0].type, lanes_of(values[0].type)
    if not small:
        most = constant(kind, 255)
        values = [f.select(f.compare("olt", most, value), most, value) for value in values]
    words = [_rounded(f, value) for value in values]
    name, bits = ("avx512", ".512") if lanes == 16 else ("avx2", "")
    shorts = [f.call(f"llvm.x86.{name}.packssdw{bits}", vector("i16", 2 * lanes), *words[first:first + 2])
              for first in (0, 2)]
    packed = f.call(f"llvm.x86.{name}.packuswb{bits}", vector("i8", 4 * lanes), *shorts)
    # within 16 bytes, four of each vector follow each other
    parts = lanes // 4
    order = [part * GROUP + number for number in range(GROUP) for part in range(parts)]
    ordered = f.shuffle(f.reinterpret(packed, vector("i32", lanes)), None, order)
    return f.reinterpret(ordered, vector("i8", 4 * lanes))


def _rounded(f: Function, value: Value) -> Value:
    if lanes_of(value.type) == 8:
        return f.call("llvm.x86.avx.cvt.ps2dq.256", vector("i32", 8), value)
    kind = vector("i32", 16)
    return f.call("llvm.x86.avx512.mask.cvtps2dq.512", kind, value, constant(kind, 0), Value("i16", "-1"),
                  Value("i32", "4"))
