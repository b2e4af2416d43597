"""Timing candidates on made-up data."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..problem.layout import Layout
from ..problem.problem import Problem
from ..problem.promotion import is_integer, numpy_dtype
from .ways import Way

BUDGET_S, LEAST_ROUNDS, MOST_ROUNDS = 0.3, 3, 50


def measure(ways: Sequence[Way], layout: Layout, taps: Any = None, budget: float = BUDGET_S) -> dict[str, float]:
    """Seconds of each way's label on one thread, the least of several turns; what the kernel does not suit is left out.

    Structured kernels are timed with the known taps if these suit, or with ones.
    """
    image, kernel, bias, out = _operands(ways[0].setting.problem, layout)
    calls = {}
    for way in ways:
        # kernels of ones have every structure there is
        suiting = (one for one in (taps, kernel, np.ones_like(kernel)) if one is not None)
        packed = next((packed for one in suiting if (packed := way.pack(one)) is not None), None)
        if packed is not None:
            offset = None if bias is None else way.executable.pack_bias(bias)
            calls[way.label] = partial(way.executable.run, image, packed, offset, out, 1)
    return least_seconds(calls, budget)


def least_seconds(calls: Mapping[str, Callable[[], Any]], budget: float = BUDGET_S) -> dict[str, float]:
    """The least time of each call, in turns: what else runs on the machine then disturbs all alike."""
    best = dict.fromkeys(calls, float("inf"))
    for call in calls.values():
        call()
    end = time.perf_counter() + budget * len(calls)
    for turn in range(MOST_ROUNDS):
        for name, call in calls.items():
            begin = time.perf_counter()
            call()
            best[name] = min(best[name], time.perf_counter() - begin)
        if turn + 1 >= LEAST_ROUNDS and time.perf_counter() > end:
            break
    return best


def _operands(problem: Problem, layout: Layout) -> tuple[Any, Any, Any, Any]:
    rng = np.random.default_rng(0)
    image = layout.image(_numbers(rng, layout.image.shape, problem.image_dtype))
    kernel = layout.see_kernel(_numbers(rng, layout.kernel.shape, problem.kernel_dtype))
    shape = (problem.groups * problem.channels_out,)
    bias = _numbers(rng, shape, problem.output_dtype) if problem.bias else None
    return image, kernel, bias, np.empty(layout.output.shape, numpy_dtype(problem.output_dtype))


def _numbers(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    kind = numpy_dtype(dtype)
    if is_integer(dtype) or dtype == "bool":
        return rng.integers(0, 2 if dtype == "bool" else 4, shape).astype(kind)
    return rng.standard_normal(shape, np.float32).astype(kind)
