"""The arguments of `plan`: those of the operation that is planned, and those of planning itself."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

import numpy as np

from . import calls
from .arrays import Like, adopt
from .errors import PlanError
from .layer_lowering import Layer, lower_conv, lower_conv_transpose
from .lowering import Lowered


def planning_options(options: dict[str, Any]) -> dict[str, Any]:
    """Take the options of planning itself out of the others; refuse those that make no sense."""
    given = [option for option in ("measure", "max_workspace") if option in options]
    planning: dict[str, Any] = {option: options.pop(option) for option in given}
    measure, most = planning.get("measure", False), planning.get("max_workspace")
    if not isinstance(measure, bool):
        raise PlanError(f"plan: measure is {measure!r}; it must be True or False")
    if most is not None and (isinstance(most, bool) or not isinstance(most, int | np.integer) or most < 0):
        raise PlanError(f"plan: max_workspace is {most!r}; it must be a number of bytes, at least 0, or None")
    if measure and options.get("method", "auto") != "auto":
        raise PlanError(f"plan: measure=True finds the fastest method, but method={options['method']!r} names one; "
                        "leave one of them out")
    return planning


def bind(function: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any]) -> dict[str, Any]:
    """The arguments of an operation by name, defaults included; refuse what no plan can have."""
    try:
        bound = signature(function).bind(*arguments, **options)
    except TypeError as error:
        raise PlanError(f"plan: {function.__name__} does not take these arguments ({error})") from None
    bound.apply_defaults()
    chosen = dict(bound.arguments)
    if chosen.pop("out") is not None:
        raise PlanError("plan: out belongs to the call of the plan, not to the plan; pass plan(x, out=...)")
    for option, default in _MISSING.items():
        value = chosen.pop(option, default)
        if value is not default and not (isinstance(value, str) and value == default):
            raise PlanError(f"plan: {option} cannot be planned, for a call with missing values takes several sums, "
                            f"which depend on what is missing; call {function.__name__}(x, k, ..., {option}=...), "
                            "which keeps the plans of its sums by itself")
    return chosen


_MISSING = {"where": None, "nan_policy": "propagate", "min_weight": None, "return_weights": False}


def describe(function: str, argument: str, value: Any) -> tuple[Like, np.ndarray | None]:
    """Shape and dtype of an argument, and its values if they are there."""
    if isinstance(value, Like):
        return value, None
    array, _ = adopt(value, function, argument)
    return Like(array.shape, array.dtype.name), array


def plan_layer(name: str, image: Like, chosen: dict[str, Any], method: str, threads: int | None,
               planning: dict[str, Any]) -> Any:
    """Plan `conv` or `conv_transpose`."""
    shape, kernel = describe(name, "w", chosen.pop("w"))
    given = chosen.pop("bias")
    bias, values = (None, None) if given is None else describe(name, "bias", given)
    lower = lower_conv if name == "conv" else lower_conv_transpose
    lowered: Lowered = lower(name, image, shape, bias, Layer(**chosen))
    known = values if values is not None or bias is None else bias.dtype
    return calls.make(lowered, name, method, threads, kernel, known, refine=True, **planning)
