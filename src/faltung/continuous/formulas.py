"""What a typed function is made of: formulas of t that know their degree and kinks, and arithmetic with functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from itertools import pairwise
from operator import mul
from typing import Any, NamedTuple

import numpy as np

from ..errors import FunctionError
from .adaptive import function
from .catalogue import VANISHED
from .piecewise import Function
from .series import FloatArray, from_values, nodes

HIGHEST_DEGREE = 60
"""Formulas up to this degree become exact pieces; others are resolved as any callable."""
MOST_COEFFICIENTS = 20_000
"""Of a function made on the way: what is typed should answer at once."""
STEEPEST = 600
"""Highest degree of a piece made on the way."""
FARTHEST = 1e6
"""How far is looked for where a formula vanishes."""


class Formula(NamedTuple):
    """A function of all real t, without an end; it becomes a `Function` on an interval."""

    call: Callable[[FloatArray], FloatArray]
    degree: int | None
    """Of the polynomials between the kinks; None if they are none."""
    kinks: tuple[float, ...] = ()

    def on(self, low: float, high: float) -> Function:
        """Cut it out: the same on [low, high], zero outside; an end at infinity is where it has vanished."""
        if not low < high:
            raise FunctionError(f"the interval [{low:g}, {high:g}] has no length; its end must lie after its start")
        low, high = self._start(low, high), self._end(low, high)
        inner = sorted({kink for kink in self.kinks if low < kink < high})
        if self.degree is None:
            return _resolved(self.call, low, high, inner)
        ends = np.array([low, *inner, high])
        places = (nodes(self.degree + 1) + 1) / 2
        series = [from_values(_finite(self.call(a + (b - a) * places), f"[{a:g}, {b:g}]"))
                  for a, b in pairwise(ends)]
        return Function(ends, series)

    def _start(self, low: float, high: float) -> float:
        if not math.isinf(low):
            return low
        mirrored = Formula(lambda t: self.call(-t), self.degree)
        return -mirrored._vanishes(0.0 if math.isinf(high) else -high, "-inf")

    def _end(self, low: float, high: float) -> float:
        return self._vanishes(0.0 if math.isinf(low) else low, "inf") if math.isinf(high) else high

    def _vanishes(self, start: float, side: str) -> float:
        """Return where it has fallen to 2^-60 of its height, to the right of the start."""
        steps = np.concatenate([np.linspace(0, 2000, 20001)[1:], np.geomspace(2000, FARTHEST, 1000)[1:]])
        values = np.abs(self.call(start + steps))
        height = float(values[np.isfinite(values)].max(initial=0.0))
        last = np.flatnonzero(~(values <= height * math.exp(-VANISHED)))
        if not height or not len(last) or last[-1] == len(steps) - 1:
            raise FunctionError(f"it does not vanish towards {side}; say where it ends, as in t^2 on [0, 1]")
        return float(start + steps[last[-1] + 1])


Value = float | Formula | Function

TIME = Formula(lambda t: t, 1)


def formula(value: float | Formula) -> Formula:
    """See a number as a constant formula."""
    return value if isinstance(value, Formula) else Formula(lambda t: np.full(np.shape(t), value), 0)


def add(a: Value, b: Value, sign: float = 1.0) -> Value:
    """Return ``a + sign b``."""
    if isinstance(a, float) and isinstance(b, float):
        return number(a + sign * b)
    if isinstance(a, Function) and isinstance(b, Function):
        return checked(a + sign * b)
    if isinstance(a, Function) or isinstance(b, Function):
        raise FunctionError("a function that is zero outside an interval and one without an end cannot be added; "
                            "say where each ends, as in (1 on [0, 1]) + box")
    f, g = formula(a), formula(b)
    degree = None if f.degree is None or g.degree is None else max(f.degree, g.degree)
    return Formula(lambda t: f.call(t) + sign * g.call(t), degree, f.kinks + g.kinks)


def multiply(a: Value, b: Value) -> Value:
    """Return ``a b``; a formula is cut to where the function beside it is not zero."""
    if isinstance(a, float) and isinstance(b, float):
        return number(a * b)
    if isinstance(b, Function):
        a, b = b, a
    if isinstance(a, Function):
        if isinstance(b, float):
            return a * b
        other = formula(b).on(*a.support) if isinstance(b, Formula) else b
        _check_size(len(a.series) + len(other.series), a.degree + other.degree)
        return checked(a * other)
    f, g = formula(a), formula(b)  # type: ignore[arg-type]
    degree = None if f.degree is None or g.degree is None or f.degree + g.degree > HIGHEST_DEGREE \
        else f.degree + g.degree
    return Formula(lambda t: f.call(t) * g.call(t), degree, f.kinks + g.kinks)


def divide(a: Value, b: Value) -> Value:
    """Return ``a / b``."""
    if isinstance(b, Function):
        raise FunctionError("a function that is zero outside an interval cannot divide; divide by a number or by t")
    if isinstance(b, float):
        if not b:
            raise FunctionError("nothing can be divided by 0")
        if isinstance(a, Formula):
            return a._replace(call=lambda t: a.call(t) / b)
        return number(a / b) if isinstance(a, float) else a / b
    below = b
    return multiply(a, Formula(lambda t: 1 / below.call(t), None, below.kinks))


def power(a: Value, b: Value) -> Value:
    """Return ``a ^ b``."""
    if isinstance(a, Function):
        if not (isinstance(b, float) and b.is_integer() and 1 <= b <= 20):
            raise FunctionError("a function that is zero outside an interval has powers 1 to 20, in whole numbers")
        _check_size(len(a.series), a.degree * int(b))
        return checked(reduce(mul, [a] * int(b)))
    if isinstance(b, Function):
        raise FunctionError("an exponent is a number or a formula of t, not a function that ends")
    if isinstance(a, float) and isinstance(b, float):
        return number(float(np.power(a, b)))
    base, exponent = formula(a), formula(b)
    degree = None
    if isinstance(b, float) and b.is_integer() and b >= 0 and base.degree is not None:
        degree = base.degree * int(b)
    return Formula(lambda t: np.power(base.call(t), exponent.call(t)),
                   None if degree is None or degree > HIGHEST_DEGREE else degree, base.kinks + exponent.kinks)


def mapped(call: Callable[..., Any], *values: Value) -> Value:
    """Apply a function of NumPy's to numbers and formulas; abs, min and max of straight lines stay exact."""
    if any(isinstance(value, Function) for value in values):
        raise FunctionError("its argument is a number or a formula of t, not a function that ends")
    if all(isinstance(value, float) for value in values):
        return number(float(call(*values)))
    inner = [formula(value) for value in values if not isinstance(value, Function)]
    kinks: tuple[float, ...] = sum((each.kinks for each in inner), ())
    degree = None
    if call in (np.abs, np.maximum, np.minimum):
        turned = inner[0] if len(inner) == 1 else add(inner[0], inner[1], -1.0)
        line = _line(turned) if isinstance(turned, Formula) else None
        if line is not None:
            kinks += (-line[1] / line[0],) if line[0] else ()
            degree = max(each.degree or 0 for each in inner)
    return Formula(lambda t: call(*(each.call(t) for each in inner)), degree, kinks)


def composed(f: Function, inside: Formula) -> Function:
    """Return ``f(a t + b)``."""
    line = _line(inside)
    if line is None or not line[0] or not all(map(math.isfinite, line)):
        raise FunctionError("a function is taken of a t + b only, as in box(2*t - 1)")
    return f.stretch(1 / line[0]).shift(-line[1] / line[0])


def beside(value: Value, other: Value) -> Value:
    """Return the sum of two pieces that stand side by side."""
    if not (isinstance(value, Function) and isinstance(other, Function)):
        raise FunctionError("pieces side by side need their intervals, as in t on [0, 1], 2 - t on [1, 2]")
    low, high = max(value.support[0], other.support[0]), min(value.support[1], other.support[1])
    if low < high:
        raise FunctionError(f"this piece lies over an earlier one, on [{low:g}, {high:g}]; add them with +")
    return checked(value + other)


def checked(f: Function) -> Function:
    """Return a function, if it is not too large to go on with."""
    _check_size(len(f.series), f.degree)
    return f


def check_convolution(f: Function, g: Function) -> None:
    """Refuse what would take long."""
    _check_size(len(f.breakpoints) * len(g.breakpoints), f.degree + g.degree)


def number(value: float) -> float:
    """Return a finite number."""
    if not math.isfinite(value):
        raise FunctionError(f"this gives {value}, and numbers must be finite")
    return value


def _resolved(call: Callable[[FloatArray], FloatArray], low: float, high: float, kinks: list[float]) -> Function:
    try:
        return function(call, (low, high), breakpoints=kinks)
    except FunctionError as error:
        # The way out that is told there is for those who program.
        reason = str(error).split("; ")[0].split(": ", 1)[1].replace("the callable", "it").split(": ")[0]
        raise FunctionError(f"{reason}; use a shorter interval, or a smoother formula") from error


def _check_size(pieces: int, degree: int) -> None:
    if pieces * (degree + 1) > MOST_COEFFICIENTS or degree > STEEPEST:
        raise FunctionError(f"this makes {pieces} pieces of degree {degree}, and {MOST_COEFFICIENTS} coefficients and "
                            f"degree {STEEPEST} are the most; use simpler functions")


def _line(f: Formula) -> tuple[float, float] | None:
    """Slope and height of a straight line, or None."""
    if f.degree is None or f.degree > 1 or f.kinks:
        return None
    at_0, at_1 = f.call(np.array([0.0, 1.0]))
    return float(at_1 - at_0), float(at_0)


def _finite(values: FloatArray, where: str) -> FloatArray:
    if not np.isfinite(values).all():
        raise FunctionError(f"it is not finite in {where}")
    return values
