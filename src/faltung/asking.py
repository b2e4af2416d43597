"""What a call would compute, told from its function and arguments: for explanations and costs."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any, NamedTuple

import numpy as np

from . import calls, gradients, operations
from .arrays import Like, adopt
from .errors import PlanError
from .layer_lowering import Layer, lower_conv, lower_conv_transpose
from .lowering import Lowered, Sliding, lower_sliding

_MISSING = {"where": None, "nan_policy": "propagate", "min_weight": None, "return_weights": False}
_SLIDING: tuple[Callable[..., Any], ...] = (operations.convolve, operations.correlate)
_LAYERS: tuple[Callable[..., Any], ...] = (operations.conv, operations.conv_transpose)


class Asked(NamedTuple):
    """A call, lowered but not computed."""

    function: str
    lowered: Lowered
    names: tuple[str, str, str]
    """Of the result, of the engine's image and of its kernel."""
    image: np.ndarray | Like
    kernel: np.ndarray | Like
    bias: np.ndarray | Like | None = None
    method: str = "auto"
    threads: int | None = None
    folds: tuple[Any, ...] = ()
    """What is done to a gradient whose border repeats the image."""


def ask(asker: str, function: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Asked:
    """Lower a call.

    Parameters
    ----------
    asker : str
        Name that errors of the call's form carry.
    function : callable
        `convolve`, `correlate`, `autocorrelate`, `conv`, `conv_transpose`, or a gradient of the last two.
    arguments, options
        Its own; any array may be a `Like`.
    """
    name = getattr(function, "__name__", repr(function))
    if any(function is known for known in _SLIDING):
        return _sliding(name, _bind(asker, function, arguments, options))
    if any(function is known for known in _LAYERS):
        return _layer(name, _bind(asker, function, arguments, options))
    if any(function is known for known in gradients.OPERANDS):
        return _gradient(function, _bind(asker, function, arguments, options))
    if function is operations.autocorrelate:
        return _autocorrelation(asker, _bind(asker, function, arguments, options))
    raise PlanError(f"{asker}: {name} is not one sum for each output; pass convolve, correlate, autocorrelate, conv, "
                    "conv_transpose, or a gradient of the last two")


def _bind(asker: str, function: Callable[..., Any], arguments: tuple[Any, ...],
          options: dict[str, Any]) -> dict[str, Any]:
    name = function.__name__
    try:
        bound = signature(function).bind(*arguments, **options)
    except TypeError as error:
        raise PlanError(f"{asker}: {name} does not take these arguments ({error})") from None
    bound.apply_defaults()
    chosen = dict(bound.arguments)
    if chosen.pop("out", None) is not None:
        raise PlanError(f"{asker}: out belongs to the call itself; leave it out here")
    for option, default in _MISSING.items():
        value = chosen.pop(option, default)
        if value is not default and not (isinstance(value, str) and value == default):
            raise PlanError(f"{asker}: {option} is not taken, for a call with missing values takes several sums; leave "
                            f"it out, and ask about {name}(x, k, ...) alone")
    return chosen


def _operand(function: str, argument: str, value: Any) -> np.ndarray | Like:
    return value if isinstance(value, Like) else adopt(value, function, argument)[0]


def like(value: np.ndarray | Like) -> Like:
    """Shape and dtype of an operand."""
    return value if isinstance(value, Like) else Like(value.shape, value.dtype.name)


def _sliding(name: str, chosen: dict[str, Any]) -> Asked:
    method, threads = _way(name, chosen)
    x, k = (_operand(name, argument, chosen.pop(argument)) for argument in ("x", "k"))
    lowered = lower_sliding(name, like(x), like(k), Sliding(**chosen))
    return Asked(name, lowered, ("y", "x", "k"), x, k, None, method, threads)


def _layer(name: str, chosen: dict[str, Any]) -> Asked:
    method, threads = _way(name, chosen)
    x, w = (_operand(name, argument, chosen.pop(argument)) for argument in ("x", "w"))
    given = chosen.pop("bias")
    bias = None if given is None else _operand(name, "bias", given)
    lower = lower_conv if name == "conv" else lower_conv_transpose
    lowered = lower(name, like(x), like(w), None if bias is None else like(bias), Layer(**chosen))
    return Asked(name, lowered, ("y", "x", "w"), x, w, bias, method, threads)


def _gradient(function: Callable[..., Any], chosen: dict[str, Any]) -> Asked:
    image, kernel, shape, lower = gradients.OPERANDS[function]
    name = function.__name__
    method, threads = _way(name, chosen)
    one, other = (_operand(name, argument, chosen.pop(argument)) for argument in (image, kernel))
    lowered, folds = lower(name, like(one), like(other), chosen.pop(shape), Layer(**chosen))
    return Asked(name, lowered, ("d" + shape[0], image, kernel), one, other, None, method, threads, folds)


def _autocorrelation(asker: str, chosen: dict[str, Any]) -> Asked:
    for option in ("normalize", "return_lags"):
        if chosen[option]:
            raise PlanError(f"{asker}: {option} is not taken, for what comes out is more than sums; leave it out")
    x = _operand("autocorrelate", "x", chosen["x"])
    lags = operations._lags(x.shape, chosen["max_lag"])
    outputs = tuple(slice(extent - 1 - lag, extent + lag) for extent, lag in zip(x.shape, lags, strict=True))
    lowered = lower_sliding("correlate", like(x), like(x), Sliding("full", outputs=outputs))
    return Asked("autocorrelate", lowered, ("y", "x", "x"), x, x)


def _way(name: str, chosen: dict[str, Any]) -> tuple[str, int | None]:
    """How it is to be computed; taken out of the arguments that say what."""
    method, threads = chosen.pop("method"), chosen.pop("threads")
    calls.check_method(name, method)
    return method, threads
