"""The names that a typed function may use, and what they give with their arguments."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from ..errors import FunctionError
from . import catalogue
from .convolution import autocorrelate, convolve, correlate
from .formulas import Formula, Value, check_convolution, checked, composed, formula, mapped
from .piecewise import Function

READY: dict[str, Callable[..., Function]] = {
    "box": catalogue.box, "triangle": catalogue.triangle, "gaussian": catalogue.gaussian,
    "exponential": catalogue.exponential, "b_spline": catalogue.b_spline,
}
PLAIN: dict[str, tuple[Callable[..., Any], int]] = {
    "abs": (np.abs, 1), "sqrt": (np.sqrt, 1), "exp": (np.exp, 1), "log": (np.log, 1), "sin": (np.sin, 1),
    "cos": (np.cos, 1), "tan": (np.tan, 1), "tanh": (np.tanh, 1), "min": (np.minimum, 2), "max": (np.maximum, 2),
}
MOVES: dict[str, Callable[[Function, float], Function]] = {
    "shift": Function.shift, "stretch": Function.stretch, "scale": Function.__mul__,
}
OPERATIONS: dict[str, tuple[Callable[..., Function], int]] = {
    "convolve": (convolve, 2), "correlate": (correlate, 2), "autocorrelate": (autocorrelate, 1),
    "reverse": (Function.reverse, 1),
}
CONSTANTS = {"pi": math.pi, "π": math.pi, "e": math.e}
VARIABLES = ("t", "x", "tau", "τ")
NAMES = (*READY, *PLAIN, *MOVES, *OPERATIONS, *CONSTANTS, *VARIABLES)


def called(name: str, given: list[Value], by_name: dict[str, Value]) -> Value:
    """The value of a name with arguments."""
    if name in READY:
        if len(given) == 1 and isinstance(given[0], Formula) and not by_name:
            return composed(READY[name](**_bound(name, [], {})), given[0])
        return READY[name](**_bound(name, given, by_name))
    if by_name:
        raise FunctionError(f"{name} takes no argument by name; leave {next(iter(by_name))}= out")
    if name in PLAIN:
        call, count = PLAIN[name]
        _count(name, given, count)
        return mapped(call, *given)
    functions = 1 if name in MOVES else OPERATIONS[name][1]
    _count(name, given, 2 if name in MOVES else functions)
    made = [value if isinstance(value, Function) else formula(value).on(-math.inf, math.inf)
            for value in given[:functions]]
    if name in MOVES:
        if not isinstance(given[1], float):
            raise FunctionError(f"{name} takes a function and a number")
        return MOVES[name](made[0], given[1])
    if name != "reverse":
        check_convolution(made[0], made[-1])
    return checked(OPERATIONS[name][0](*made))


def _bound(name: str, given: list[Value], by_name: dict[str, Value]) -> dict[str, Any]:
    """The arguments of a ready function by their names, all numbers."""
    names = list(inspect.signature(READY[name]).parameters)
    _count(name, given, len(names), at_least=0)
    wrong = [key for key in by_name if key not in names or key in names[:len(given)]]
    if wrong:
        known = wrong[0] in names
        raise FunctionError(f"{name} is given {wrong[0]} twice" if known else
                            f"{name} has no {wrong[0]}; it has {', '.join(names)}")
    every = {**dict(zip(names, given, strict=False)), **by_name}
    for key, value in every.items():
        if not isinstance(value, float):
            raise FunctionError(f"{name}: {key} is a number" + (f", or give {name} one formula a t + b alone"
                                                                if isinstance(value, Formula) else ""))
    if name == "b_spline":
        if "degree" not in every:
            raise FunctionError("b_spline needs its degree, as in b_spline(3)")
        degree = cast(float, every["degree"])
        return {"degree": int(degree) if degree.is_integer() else degree}
    return every


def _count(name: str, given: list[Value], count: int, at_least: int | None = None) -> None:
    if not (count if at_least is None else at_least) <= len(given) <= count:
        most = "at most " if at_least is not None else ""
        plural = "" if count == 1 else "s"
        raise FunctionError(f"{name} takes {most}{count} argument{plural}, not {len(given)}")
