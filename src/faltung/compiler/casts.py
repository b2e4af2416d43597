"""Casts: how an array's elements become the accumulator's lanes, and back."""

from __future__ import annotations

from .elements import ELEMENTS, Element, limits
from .emit import Function, Value, constant, element_of, is_float, lanes_of, vector
from .halves import float_to_bfloat16, float_to_half, half_to_float, round_to_odd

MAGIC = 1.5 * 2.0**23
"""A float32 below 2**22 in magnitude, added to this, has the rounded number in its last bits, half to even."""


def widen(f: Function, raw: Value, source: Element, target: Element) -> Value:
    """Turn lanes as they lie in an array into lanes of the accumulator."""
    if source.kind == "h":
        raw, source = half_to_float(f, raw), ELEMENTS["float32"]
    if source.kind == "B":
        shifted = f.bits("shl", f.cast("zext", raw, "i32"), constant(vector("i32", lanes_of(raw.type)), 16))
        raw, source = f.cast("bitcast", shifted, "float"), ELEMENTS["float32"]
    if source.kind == "f":
        if source.size == target.size:
            return raw
        return f.cast("fpext" if source.size < target.size else "fptrunc", raw, target.ir)
    if target.kind == "f":
        return f.cast("sitofp" if source.kind == "i" else "uitofp", raw, target.ir)
    return resize(f, raw, target.size, signed=source.kind == "i")


def resize(f: Function, value: Value, size: int, *, signed: bool) -> Value:
    """Change the width of integer lanes."""
    bits, now = 8 * size, int(element_of(value.type)[1:])
    if bits == now:
        return value
    op = "trunc" if bits < now else "sext" if signed else "zext"
    return f.cast(op, value, f"i{bits}")


def narrow(f: Function, value: Value, source: Element, target: Element, overflow: str) -> tuple[Value, Value | None]:
    """Turn an accumulator's lanes into an output's; and which lanes overflowed, where that matters."""
    if target.kind in "fhB":
        return _to_float(f, value, source, target), None
    if target.kind == "b":
        unequal = f.compare("une" if is_float(value.type) else "ne", value, constant(value.type, 0))
        return f.cast("zext", unequal, "i8"), None
    if source.kind == "f":
        if source.size == 4 and target.size <= 2 and overflow in ("proven", "saturate"):
            return _small(f, value, target, overflow), None
        return _float_to_integer(f, f.intrinsic("rint", value), target, overflow)
    return _integer_to_integer(f, value, source, target, overflow)


def _to_float(f: Function, value: Value, source: Element, target: Element) -> Value:
    if source.kind != "f":
        wide = target.ir if target.size > 2 else "float" if source.size == 4 else "double"
        value = f.cast("sitofp", value, wide)
    if target.size > 2:
        return value if element_of(value.type) == target.ir else widen(f, value, source, target)
    if element_of(value.type) == "double":
        value = round_to_odd(f, value)
    if target.kind == "f":
        return f.cast("fptrunc", value, "half")
    return (float_to_bfloat16 if target.kind == "B" else float_to_half)(f, value)


def _float_to_integer(f: Function, value: Value, target: Element, overflow: str) -> tuple[Value, Value | None]:
    """Turn whole numbers into integers.

    LLVM's saturating conversions would treat every lane by itself, so what may lie outside is dealt with before.
    """
    low, high = limits(target)
    kind, exact = value.type, 1 << (24 if element_of(value.type) == "float" else 53)
    outside = None
    if overflow == "proven":
        number = _whole(f, value, min(high, exact))
    elif overflow == "saturate":
        number = _saturated(f, value, low, high, high.bit_length() - exact.bit_length() + 1)
    elif overflow == "wrap":
        number = _wrapped(f, value, 64 if target.size == 8 else 32)
    else:
        # high + 1 is a power of two, exact in floating point where high may not be
        inside = f.bits("and", f.compare("oge", value, constant(kind, low)),
                        f.compare("olt", value, constant(kind, high + 1)))
        outside = f.bits("xor", inside, Value(inside.type, "splat (i1 true)" if lanes_of(kind) > 1 else "true"))
        number = _whole(f, value, high)
    return resize(f, number, target.size, signed=True), outside


def _small(f: Function, value: Value, target: Element, overflow: str) -> Value:
    """Integers of 8 or 16 bits of float32, rounded by one addition."""
    if overflow == "saturate":
        value = _between(f, value, *limits(target))
    rounded = f.value(f.add(value, constant(value.type, MAGIC)))
    return resize(f, f.reinterpret(rounded, vector("i32", lanes_of(value.type))), target.size, signed=True)


def _between(f: Function, value: Value, low: int, high: int) -> Value:
    """The number, or the bound that it lies beyond; a NaN becomes 0.  All are comparisons that are one instruction."""
    kind = value.type
    if low:
        value = f.select(f.compare("uno", value, value), constant(kind, 0), value)
    value = f.select(f.compare("ogt", value, constant(kind, low)), value, constant(kind, low))
    return f.select(f.compare("olt", value, constant(kind, high)), value, constant(kind, high))


def _whole(f: Function, value: Value, high: int) -> Value:
    """Integers of 32 or 64 bits of whole numbers up to ``high``, by the processor's own conversion."""
    return f.cast("fptosi" if high < 1 << 63 else "fptoui", value, "i32" if high < 1 << 31 else "i64")


def _saturated(f: Function, value: Value, low: int, high: int, lost: int) -> Value:
    """Integers between bounds, of which the floating type loses so many of the upper's last bits; a NaN becomes 0."""
    kind = value.type
    largest = high >> max(lost, 0) << max(lost, 0)
    number = f.select(f.compare("uno", value, value), constant(kind, 0), value)
    number = f.select(f.compare("olt", number, constant(kind, low)), constant(kind, low), number)
    above = f.compare("ogt", number, constant(kind, largest))
    whole = _whole(f, f.select(above, constant(kind, largest), number), high)
    return whole if largest == high else f.select(above, constant(whole.type, high), whole)


def _wrapped(f: Function, value: Value, bits: int) -> Value:
    """Integers modulo ``2**bits``, which is exact: a power of two; infinities become NaN, and that becomes 0."""
    kind, half = value.type, 2.0**(bits - 1)
    turns = f.intrinsic("rint", f.value(f.mul(value, constant(kind, 2.0**-bits))))
    rest = f.fma(turns, constant(kind, -(2.0**bits)), value)
    rest = f.select(f.compare("oeq", rest, constant(kind, half)), constant(kind, -half), rest)
    rest = f.select(f.compare("uno", rest, rest), constant(kind, 0), rest)
    return _whole(f, rest, (1 << bits - 1) - 1)


def _integer_to_integer(f: Function, value: Value, source: Element, target: Element,
                        overflow: str) -> tuple[Value, Value | None]:
    low, high = limits(target)
    own_low, own_high = limits(source)
    floor, ceiling = constant(value.type, max(low, own_low)), constant(value.type, min(high, own_high))
    outside = None
    if overflow == "raise" and (low > own_low or high < own_high):
        outside = f.bits("or", f.compare("slt", value, floor), f.compare("sgt", value, ceiling))
    if overflow == "saturate":
        value = f.intrinsic("smin", f.intrinsic("smax", value, floor), ceiling)
    return resize(f, value, target.size, signed=True), outside
