"""Activations on vectors of sums; each keeps a NaN a NaN."""

from __future__ import annotations

import math

from ...compiler.emit import Function, Value, constant, element_of, is_float, lanes_of, vector

LN2_HIGH, LN2_LOW = 0.693145751953125, 1.42860682030941723212e-6
"""ln 2 in two parts; the first has few enough bits that a small integer times it is exact, in float32 too."""


def activate(f: Function, kind: str, x: Value) -> Value:
    """Apply an activation by its name."""
    zero = constant(x.type, 0)
    if kind in ("relu", "relu6"):
        below = "olt" if is_float(x.type) else "slt"
        x = f.select(f.compare(below, x, zero), zero, x)
        if kind == "relu6":
            six = constant(x.type, 6)
            x = f.select(f.compare("ogt" if is_float(x.type) else "sgt", x, six), six, x)
        return x
    if kind == "sigmoid":
        return _divide(f, constant(x.type, 1), _one_plus_exp(f, x))
    if kind == "silu":
        return _divide(f, x, _one_plus_exp(f, x))
    if kind == "tanh":
        return _by_lane(f, "tanh", x)
    # gelu: x times the normal distribution function, with the error function of the C library
    scaled = f.value(f.mul(x, constant(x.type, math.sqrt(0.5))))
    half = f.value(f.mul(x, constant(x.type, 0.5)))
    return f.fma(half, _by_lane(f, "erf", scaled), half)


def _divide(f: Function, a: Value, b: Value) -> Value:
    return f.value(f.div(a, b))


def _one_plus_exp(f: Function, x: Value) -> Value:
    return f.value(f.add(constant(x.type, 1), exp(f, f.neg(x))))


def exp(f: Function, x: Value) -> Value:
    """The exponential: 2**n times a Taylor series on |r| <= ln(2) / 2, about one unit in the last place."""
    double = element_of(x.type) == "double"
    low, high, terms = (-745.2, 709.8, 13) if double else (-104.0, 88.8, 7)
    x = f.select(f.compare("olt", x, constant(x.type, low)), constant(x.type, low), x)
    x = f.select(f.compare("ogt", x, constant(x.type, high)), constant(x.type, high), x)
    n = f.intrinsic("rint", f.value(f.mul(x, constant(x.type, 1 / math.log(2)))))
    r = f.fma(n, constant(x.type, -LN2_LOW), f.fma(n, constant(x.type, -LN2_HIGH), x))
    result = constant(x.type, 1 / math.factorial(terms))
    for power in reversed(range(terms)):
        result = f.fma(result, r, constant(x.type, 1 / math.factorial(power)))
    integer = "i64" if double else "i32"
    whole = f.intrinsic("fptosi.sat", n, result=vector(integer, lanes_of(x.type)))
    half = f.bits("ashr", whole, constant(whole.type, 1))
    # two factors, so that neither leaves the exponent's range where the product is denormal
    for part in (half, f.bits("sub", whole, half)):
        result = f.value(f.mul(result, _power_of_two(f, part, element_of(x.type))))
    return result


def _power_of_two(f: Function, n: Value, element: str) -> Value:
    bias, shift = (1023, 52) if element == "double" else (127, 23)
    return f.cast("bitcast", f.bits("shl", f.bits("add", n, constant(n.type, bias)), constant(n.type, shift)), element)


def _by_lane(f: Function, name: str, x: Value) -> Value:
    """Call the C library's function for each lane, through the stack to keep the code short."""
    element, lanes = element_of(x.type), lanes_of(x.type)
    function, size = (name, 8) if element == "double" else (f"{name}f", 4)
    buffer = f.alloca(lanes * size)
    f.store(x, buffer)
    with f.loop(0, lanes) as lane:
        place = f.at(buffer, f.mul(lane.index, size))
        f.store(f.call(function, element, f.load(element, place)), place)
    return f.load(x.type, buffer)
