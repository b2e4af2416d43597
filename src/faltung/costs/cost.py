"""`cost`: what a call takes in arithmetic, memory and time, by each algorithm, before it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..arrays import Like
from ..asking import Asked, ask
from ..calls import refine_known
from ..compiler.threads import get_threads
from ..errors import PlanError
from ..lazy import cached_property
from ..lowering import Lowered
from ..machine import Machine, detect
from ..planning import factors
from ..planning.planner import ORACLE
from ..problem.problem import Problem
from . import predictions
from .growth import Growth, growths
from .rates import Rates, measure
from .tables import cost_html, cost_text


class Prediction(NamedTuple):
    """What one algorithm would take."""

    algorithm: str
    reason: str | None
    """Why it does not apply, or None."""
    cycles: float
    """Of one thread."""
    seconds: float
    """On one thread."""
    shared: float
    """Seconds on all threads that the call may use."""
    is_chosen: bool
    """Whether the call would be computed so."""


@dataclass(frozen=True)
class Cost:
    """What a call takes; ``print`` writes it as a table, notebooks show one.

    Attributes
    ----------
    function : str
        Its name.
    problem : Problem
        What it computes.
    parameters : int
        Taps of all kernels, and biases.
    multiply_adds : int
        Of the definition: border included, inserted zeros excluded.
    bytes_read, bytes_written : int
        Of image, kernel and bias, and of the output, each once.
    algorithms : tuple of Prediction
        Every algorithm, with its predicted time or the reason why it does not apply.
    threads : int
        That the call may use.
    rates, shared_rates : Rates
        What one thread of this machine does in a second, and all that the call may use.
    """

    function: str
    problem: Problem
    parameters: int
    multiply_adds: int
    bytes_read: int
    bytes_written: int
    algorithms: tuple[Prediction, ...]
    threads: int
    machine: Machine
    rates: Rates
    shared_rates: Rates

    @property
    def bytes(self) -> int:
        """Bytes that are read and written."""
        return self.bytes_read + self.bytes_written

    @property
    def operations(self) -> int:
        """Floating-point operations of the definition: two for each multiply-add, eight for a complex one."""
        return self.multiply_adds * (8 if self.problem.accumulator_dtype.startswith("complex") else 2)

    @property
    def intensity(self) -> float:
        """Arithmetic intensity: operations for each byte that is read or written."""
        return self.operations / self.bytes

    @property
    def peak(self) -> float:
        """Operations a second that one thread can do at most in the accumulator's dtype."""
        return self.rates.peak_of(self.problem.accumulator_dtype)

    @property
    def chosen(self) -> Prediction:
        """The algorithm that the call would be computed with."""
        return next(one for one in self.algorithms if one.is_chosen)

    @property
    def applying(self) -> tuple[str, ...]:
        """The algorithms that can compute the call."""
        return tuple(one.algorithm for one in self.algorithms if one.reason is None)

    @cached_property
    def growth(self) -> tuple[Growth, ...]:
        """How the costs grow: for twice the image, the kernel and the channels, and for one more axis."""
        return growths(self.problem, self.machine, self.rates, self.applying)

    def __str__(self) -> str:
        return cost_text(self)

    def _repr_html_(self) -> str:
        return cost_html(self)


def cost(function: Callable[..., Any], *arguments: Any, rates: Callable[[int], Rates] = measure, **options: Any) -> Any:
    """Tell what a call, a layer or a network costs, without running it.

    Parameters
    ----------
    function : callable or Layer
        `convolve`, `correlate`, `autocorrelate`, `conv`, `conv_transpose`, or a gradient of the last two; or a layer,
        a network included, whose one argument is the shape of its input.
    *arguments, **options
        Exactly the function's arguments, except ``out`` and those for missing values.  Any array may be a `Like`.
    rates : callable, optional
        Gives what a number of threads does in a second.  By default this machine is measured, which takes about a
        second, once.

    Returns
    -------
    Cost or NetworkCost

    Raises
    ------
    PlanError, ShapeError
        A call whose cost is not known; the function's own errors besides.

    Notes
    -----
    Predicted times are those of a call's arithmetic, by the planner's model, and of its bytes, at the speed with which
    arrays of that size are copied.

    Examples
    --------
    >>> import faltung as ft
    >>> layer = cost(ft.conv, ft.Like((1, 64, 56, 56)), ft.Like((64, 64, 3, 3)), padding=1)
    >>> layer.multiply_adds, layer.parameters, layer.bytes, round(layer.intensity, 1)
    (115605504, 36864, 1753088, 131.9)
    """
    from ..layers.base import Layer

    if isinstance(function, Layer):
        from .networks import network_cost

        if len(arguments) != 1 or options:
            raise PlanError(f"cost: {function.name} takes the shape of its input alone, as in cost(network, "
                            "(1, 3, 32, 32))")
        return network_cost(function, arguments[0], rates)
    return cost_of(ask("cost", function, arguments, options), rates)


def cost_of(asked: Asked, rates: Callable[[int], Rates]) -> Cost:
    """The cost of a call that is lowered."""
    kernel = None if isinstance(asked.kernel, Like) else asked.kernel
    bias = asked.bias
    lowered = refine_known(asked.lowered, kernel, bias if bias is None or isinstance(bias, np.ndarray) else bias.dtype)
    problem, output, machine = lowered.problem, lowered.layout.output, detect()
    threads = asked.threads or get_threads()
    alone, together = rates(1), rates(threads)
    reasons = predictions.reasons(problem, None if kernel is None else _taps(lowered, kernel))
    cycles = {name: predictions.work(name, problem, output, machine, 1) for name, reason in reasons.items()
              if reason is None}
    chosen = _chosen(asked, reasons, cycles)
    size, found = predictions.size_bytes(problem), []
    for name, reason in reasons.items():
        if reason is not None:
            found.append(Prediction(name, reason, 0.0, 0.0, 0.0, is_chosen=False))
            continue
        seconds = shared = alone.seconds(cycles[name], size)
        if cycles[name] > factors.serial_cycles() and name != ORACLE:
            shared = together.seconds(predictions.work(name, problem, output, machine, threads), size)
        found.append(Prediction(name, None, cycles[name], seconds, shared, name == chosen))
    return Cost(asked.function, problem, predictions.parameters(problem), problem.multiply_adds,
                predictions.bytes_read(problem), predictions.bytes_written(problem), tuple(found), threads, machine,
                alone, together)


def _taps(lowered: Lowered, kernel: np.ndarray) -> np.ndarray:
    """The kernel as the engine sees it."""
    if lowered.arrangement is not None:
        kernel = kernel.transpose(lowered.arrangement.kernel)
    return np.asarray(lowered.layout.see_kernel(kernel))


def _chosen(asked: Asked, reasons: dict[str, str | None], cycles: dict[str, float]) -> str:
    """The algorithm that was asked for, or that which is predicted to need the fewest cycles on one thread."""
    if asked.method == "auto":
        return min((name for name in cycles if name != ORACLE), key=cycles.__getitem__)
    if reasons[asked.method] is not None:
        raise PlanError(f'cost: method "{asked.method}" cannot serve this problem: {reasons[asked.method]}; use '
                        'method="auto"')
    return asked.method
