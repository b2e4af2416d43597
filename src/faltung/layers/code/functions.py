"""Elementary functions of vectors: hyperbolic tangent, error function, the normal distribution.

Polynomials and quotients after Moshier's *Cephes* (``tanh.c``, ``ndtr.c``); those of the error function in float32 are
weighted least squares at Chebyshev's nodes, the weight being what they contribute to the result's relative error.
The exponential is ``2**n (1 + r + r**2 q(r))`` with ``|r| <= log(2) / 2``; ``q`` is the minimax polynomial.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...algorithms.direct.activations import LN2_HIGH, LN2_LOW
from ...compiler.emit import Function, Value, constant, element_of
from ...machine import Machine

__all__ = ["erf", "exp", "logistic", "normal", "tanh"]

EXP32 = (1.3926213466e-3, 8.3632029716e-3, 4.1666554438e-2, 1.6666576846e-1, 0.5)
EXP64 = (2.5100424157005066788e-8, 2.7620138719733995569e-7, 2.7557268378684192873e-6, 2.4801521190217727651e-5,
         1.9841269863105968748e-4, 1.3888888917281793308e-3, 8.3333333333300513464e-3, 4.1666666666623991516e-2,
         1.6666666666666667456e-1, 0.5)
TANH32 = (-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1)
TANH64 = ((-9.64399179425052238628e-1, -9.92877231001918586564e1, -1.61468768441708447952e3),
          (1.0, 1.12811678491632931402e2, 2.23548839060100448583e3, 4.84406305325125486048e3))
ERF32_NEAR = (-5.98204887e-4, 4.99186555e-3, -2.67660622e-2, 1.12818126e-1, -3.76124947e-1, 1.2837915e-1)
"""``erf(x) / x - 1`` by powers of ``x**2``, up to 475/512."""
ERF32_FAR = (-1.62392716e-5, 3.72355051e-4, -3.84114804e-3, 2.41755033e-2, -1.06708055e-1, -6.34872217e-1,
             -1.1287157)
"""``log(1 - erf(x)) / x`` by powers of ``x``, from there on to 4.2, where the rest rounds to nothing."""
ERF64_NEAR = ((9.60497373987051638749e0, 9.00260197203842689217e1, 2.23200534594684319226e3, 7.00332514112805075473e3,
               5.55923013010394962768e4),
              (1.0, 3.35617141647503099647e1, 5.21357949780152679795e2, 4.59432382970980127987e3,
               2.26290000613890934246e4, 4.92673942608635921086e4))
ERFC64 = ((2.46196981473530512524e-10, 5.64189564831068821977e-1, 7.46321056442269912687e0, 4.86371970985681366614e1,
           1.96520832956077098242e2, 5.26445194995477358631e2, 9.34528527171957607540e2, 1.02755188689515710272e3,
           5.57535335369399327526e2),
          (1.0, 1.32281951154744992508e1, 8.67072140885989742329e1, 3.54937778887819891062e2, 9.75708501743205489753e2,
           1.82390916687909736289e3, 2.24633760818710981792e3, 1.65666309194161350182e3, 5.57535340817727675546e2))


def _polynomial(f: Function, x: Value, coefficients: Sequence[float]) -> Value:
    """Horner's scheme, the highest power first."""
    result = constant(x.type, coefficients[0])
    for coefficient in coefficients[1:]:
        result = f.fma(result, x, constant(x.type, coefficient))
    return result


def _quotient(f: Function, x: Value, parts: tuple[Sequence[float], Sequence[float]]) -> Value:
    return f.value(f.div(_polynomial(f, x, parts[0]), _polynomial(f, x, parts[1])))


def _is_double(x: Value) -> bool:
    return element_of(x.type) == "double"


def exp(f: Function, x: Value, machine: Machine) -> Value:
    """The exponential, to about one unit in the last place; a NaN stays one."""
    double, kind = _is_double(x), x.type
    low, high, shift = (-746.0, 710.0, 1.5 * 2.0**52) if double else (-104.0, 89.0, 1.5 * 2.0**23)
    x = f.select(f.compare("olt", x, constant(kind, low)), constant(kind, low), x)
    x = f.select(f.compare("ogt", x, constant(kind, high)), constant(kind, high), x)
    # adding 1.5 * 2**(bits of the fraction) rounds to a whole number, which then stands in the last bits
    shifted = f.fma(x, constant(kind, 1 / math.log(2)), constant(kind, shift))
    n = f.value(f.sub(shifted, constant(kind, shift)))
    r = f.fma(n, constant(kind, -LN2_LOW), f.fma(n, constant(kind, -LN2_HIGH), x))
    one = constant(kind, 1)
    part = f.fma(_polynomial(f, r, EXP64 if double else EXP32), r, one)
    result = f.fma(part, r, one)
    if machine.isa == "avx512":
        name, every = ("pd", Value("i8", "-1")) if double else ("ps", Value("i16", "-1"))
        return f.call(f"llvm.x86.avx512.mask.scalef.{name}.512", kind, result, n, result, every, Value("i32", "4"))
    element, bits, bias, fraction = ("double", "i64", 1023, 52) if double else ("float", "i32", 127, 23)
    number, known = f.cast("bitcast", shifted, bits), constant(kind, shift)
    whole = f.bits("sub", number, f.cast("bitcast", known, bits))
    half = f.bits("ashr", whole, constant(whole.type, 1))
    # two factors, so that neither leaves the exponent's range where the product is denormal
    for power in (half, f.bits("sub", whole, half)):
        factor = f.bits("shl", f.bits("add", power, constant(whole.type, bias)), constant(whole.type, fraction))
        result = f.value(f.mul(result, f.cast("bitcast", factor, element)))
    return result


def logistic(f: Function, x: Value, machine: Machine) -> Value:
    """``1 / (1 + exp(-x))``."""
    one = constant(x.type, 1)
    return f.value(f.div(one, f.add(one, exp(f, f.neg(x), machine))))


def tanh(f: Function, x: Value, machine: Machine) -> Value:
    """``1 - 2 / (exp(2 |x|) + 1)`` with the sign of ``x``; near zero an odd polynomial or quotient."""
    one, size = constant(x.type, 1), f.intrinsic("fabs", x)
    power = exp(f, f.value(f.add(size, size)), machine)
    far = f.value(f.sub(one, f.div(constant(x.type, 2), f.add(power, one))))
    square = f.value(f.mul(x, x))
    near = _quotient(f, square, TANH64) if _is_double(x) else _polynomial(f, square, TANH32)
    near = f.fma(f.value(f.mul(x, square)), near, x)
    return f.select(f.compare("ugt", size, constant(x.type, 0.625)), f.intrinsic("copysign", far, x), near)


def erf(f: Function, x: Value, machine: Machine) -> Value:
    """``2 / sqrt(pi)`` times the integral of ``exp(-t**2)`` from 0 to ``x``."""
    size, square, one = f.intrinsic("fabs", x), f.value(f.mul(x, x)), constant(x.type, 1)
    if _is_double(x):
        near = f.value(f.mul(x, _quotient(f, square, ERF64_NEAR)))
        bounded = f.select(f.compare("ogt", size, constant(x.type, 8)), constant(x.type, 8), size)
        gauss = exp(f, f.neg(f.value(f.mul(bounded, bounded))), machine)
        rest, edge = f.value(f.mul(gauss, _quotient(f, bounded, ERFC64))), 1.0
    else:
        near = f.fma(_polynomial(f, square, ERF32_NEAR), x, x)
        bounded = f.select(f.compare("ogt", size, constant(x.type, 5)), constant(x.type, 5), size)
        rest, edge = exp(f, f.value(f.mul(_polynomial(f, bounded, ERF32_FAR), bounded)), machine), 475 / 512
    far = f.intrinsic("copysign", f.value(f.sub(one, rest)), x)
    return f.select(f.compare("ugt", size, constant(x.type, edge)), far, near)


def normal(f: Function, x: Value, machine: Machine) -> Value:
    """The distribution function of the standard normal distribution, ``(1 + erf(x / sqrt(2))) / 2``."""
    half = constant(x.type, 0.5)
    return f.fma(erf(f, f.value(f.mul(x, constant(x.type, math.sqrt(0.5)))), machine), half, half)
