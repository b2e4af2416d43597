"""Learning rates that change: functions of the number of steps that are done.

An optimiser takes one in the place of its rate.
"""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi

from .base import LayerError, check_count

Schedule = Callable[[int], float]


def constant(rate: float) -> Schedule:
    """Rate that stays: ``rate``.

    >>> constant(0.1)(1000)
    0.1
    """
    peak = _rate("constant", rate)
    return lambda _: peak


def step(rate: float, *, every: int, factor: float = 0.1) -> Schedule:
    """Rate that falls in steps: ``rate * factor ^ (steps // every)``.

    >>> falling = step(0.5, every=10, factor=0.5)
    >>> falling(9), falling(10), falling(20)
    (0.5, 0.25, 0.125)
    """
    peak, share = _rate("step", rate), _rate("step", factor, "factor")
    every = check_count("step", "every", every)
    return lambda steps: peak * share ** (steps // every)


def cosine(rate: float, *, length: int, lowest: float = 0.0) -> Schedule:
    """Rate that falls like a cosine: ``lowest + (rate - lowest) * (1 + cos(pi * steps / length)) / 2``.

    After ``length`` steps it stays at ``lowest``.  I. Loshchilov and F. Hutter, "SGDR" (2017), equation 5.

    >>> falling = cosine(1.0, length=10)
    >>> falling(0), round(falling(5), 6), falling(10), falling(99)
    (1.0, 0.5, 0.0, 0.0)
    """
    peak, low = _rate("cosine", rate), _rate("cosine", lowest, "lowest")
    length = check_count("cosine", "length", length)
    return lambda steps: low + (peak - low) * (1 + cos(pi * min(steps, length) / length)) / 2


def warmup(schedule: Schedule | float, *, length: int) -> Schedule:
    """Rate that grows at first: the schedule's, times ``(steps + 1) / length`` in its first ``length`` steps.

    The schedule counts from the same start.

    >>> growing = warmup(constant(0.4), length=4)
    >>> [growing(steps) for steps in (0, 1, 3, 50)]
    [0.1, 0.2, 0.4, 0.4]
    """
    length = check_count("warmup", "length", length)
    under = schedule if callable(schedule) else constant(schedule)
    return lambda steps: under(steps) * min(1.0, (steps + 1) / length)


def _rate(function: str, value: float, argument: str = "rate") -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise LayerError(f"{function}: {argument}={value!r} must be a number of at least 0")
    return float(value)
