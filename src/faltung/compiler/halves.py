"""Conversions to and from 16-bit floats by integer arithmetic, for what the processor cannot convert itself."""

from __future__ import annotations

from .emit import Function, Value, constant, lanes_of, vector


def round_to_odd(f: Function, value: Value) -> Value:
    """Cut doubles to floats so that a second rounding, to fewer bits, comes out as one rounding would.

    Towards zero, with the last bit set where anything was lost (Boldo and Melquiond, 2008).
    """
    kind = vector("i32", lanes_of(value.type))
    nearest = f.cast("fptrunc", value, "float")
    back = f.cast("fpext", nearest, "double")
    bits = f.cast("bitcast", nearest, "i32")
    magnitudes = [f.intrinsic("fabs", number) for number in (back, value)]
    too_large = f.cast("sext", f.compare("ogt", *magnitudes), "i32")
    inexact = f.cast("zext", f.compare("one", back, value), "i32")
    down = f.bits("add", bits, too_large)
    return f.cast("bitcast", f.bits("or", down, f.bits("and", inexact, constant(kind, 1))), "float")


def float_to_bfloat16(f: Function, value: Value) -> Value:
    """Round to nearest even by adding half of what is cut off; a NaN stays one (made quiet)."""
    kind = vector("i32", lanes_of(value.type))
    bits = f.cast("bitcast", value, "i32")
    last = f.bits("and", f.bits("lshr", bits, constant(kind, 16)), constant(kind, 1))
    rounded = f.bits("add", f.bits("add", bits, constant(kind, 0x7FFF)), last)
    quiet = f.bits("or", bits, constant(kind, 1 << 22))
    chosen = f.select(f.compare("uno", value, value), quiet, rounded)
    return f.cast("trunc", f.bits("lshr", chosen, constant(kind, 16)), "i16")


def half_to_float(f: Function, raw: Value) -> Value:
    """Move exponent and fraction into place and scale: the product makes denormals right, too."""
    kind = vector("i32", lanes_of(raw.type))
    bits = f.cast("zext", raw, "i32")
    magnitude = f.bits("and", bits, constant(kind, 0x7FFF))
    moved = f.cast("bitcast", f.bits("shl", magnitude, constant(kind, 13)), "float")
    scaled = f.cast("bitcast", f.value(f.mul(moved, constant(moved.type, 2.0**112))), "i32")
    special = f.compare("uge", magnitude, constant(kind, 0x7C00))
    infinite = f.bits("or", f.bits("shl", magnitude, constant(kind, 13)), constant(kind, 0x7F800000))
    sign = f.bits("shl", f.bits("and", bits, constant(kind, 0x8000)), constant(kind, 16))
    return f.cast("bitcast", f.bits("or", f.select(special, infinite, scaled), sign), "float")


def float_to_half(f: Function, value: Value) -> Value:
    """Round to nearest even; denormal results by adding a number whose last place is theirs."""
    kind = vector("i32", lanes_of(value.type))
    bits = f.cast("bitcast", value, "i32")
    magnitude = f.bits("and", bits, constant(kind, 0x7FFFFFFF))
    sign = f.bits("lshr", f.bits("and", bits, constant(kind, 1 << 31)), constant(kind, 16))
    last = f.bits("and", f.bits("lshr", magnitude, constant(kind, 13)), constant(kind, 1))
    moved = f.bits("add", f.bits("add", magnitude, last), constant(kind, 0xFFF - (112 << 23)))
    normal = f.bits("lshr", moved, constant(kind, 13))
    small = f.value(f.add(f.cast("bitcast", magnitude, "float"), constant(value.type, 0.5)))
    denormal = f.bits("sub", f.cast("bitcast", small, "i32"), constant(kind, 0x3F000000))
    result = f.select(f.compare("ult", magnitude, constant(kind, 0x38800000)), denormal, normal)
    result = f.select(f.compare("uge", magnitude, constant(kind, 0x47800000)), constant(kind, 0x7C00), result)
    result = f.select(f.compare("ugt", magnitude, constant(kind, 0x7F800000)), constant(kind, 0x7E00), result)
    return f.cast("trunc", f.bits("or", result, sign), "i16")
