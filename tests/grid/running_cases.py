"""Seeded problems with any number of axes, and kernels all of whose taps are equal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from faltung.algorithms import running
from faltung.problem.problem import Problem
from faltung.problem.promotion import is_integer, numpy_dtype, sums_integers
from grid import cases
from grid.cases import Case

LENGTHS = [(3, 3), (1, 9), (5, 2), (8, 4), (9, 3), (3, 21), (21, 1), (16, 2), (2, 40)]


def draw(seed: int) -> Case:
    """A case that `running` serves; every parameter is drawn."""
    rng = np.random.default_rng([seed, 31])
    while True:
        case = cases.draw(int(rng.integers(1 << 30)))
        problem = _plain(rng, case.problem)
        if problem is None:
            continue
        if sums_integers(problem):
            # whatever the kernel turns out to be, this holds its sums; their range is not known
            wraps = "saturate" if problem.overflow == "saturate" else "wrap"
            problem = replace(problem, accumulator_dtype=str(rng.choice(["int32", "int64", "float64"])), overflow=wraps)
        if running.applies(problem) is None:
            return replace(case, problem=problem, seed=seed, magnitude=min(case.magnitude, 1))


def _plain(rng: np.random.Generator, p: Problem) -> Problem | None:
    if "complex" in p.accumulator_dtype + p.output_dtype:
        return None
    if p.ndim > 2:
        return _volume(rng, p)
    kernel = LENGTHS[int(rng.integers(len(LENGTHS)))][-p.ndim:]
    if rng.random() < 0.3:
        kernel = (int(rng.integers(2, 70)),) if p.ndim == 1 else kernel
    ones, most = (1,) * p.ndim, max(1, 2500 // int(np.prod(kernel)))
    width = int(rng.integers(1, min(400 if p.ndim == 1 else 90, most) + 1))
    output = (max(1, min(50, most // width)), width)[-p.ndim:]
    image = (*p.image[:-1], int(rng.integers(1, 90)) if rng.random() < 0.7 else p.image[-1])
    stride, dilation = _steps(rng, p.ndim)
    return replace(p, channels_in=1, channels_out=min(p.channels_out, 3), kernel=kernel, output=output, image=image,
                   stride=stride, kernel_dilation=dilation, image_dilation=ones,
                   overflow="wrap" if p.overflow == "raise" else p.overflow)


def _steps(rng: np.random.Generator, ndim: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Strides and dilations: none half of the time."""
    if rng.random() < 0.5:
        return (1,) * ndim, (1,) * ndim
    stride, dilation = (tuple(int(rng.choice([1, 1, 2, 3, 4, 18])) for _ in range(ndim)) for _ in range(2))
    return stride, dilation


def _volume(rng: np.random.Generator, p: Problem) -> Problem:
    ones = (1,) * p.ndim
    kernel = ones
    while max(kernel) == 1 or np.prod(kernel) > 120:
        kernel = tuple(int(rng.choice([1, 2, 3, 5, 9])) for _ in ones)
    output, image = list(p.output), tuple(int(rng.integers(1, 12)) for _ in ones)
    output[-1] = int(rng.integers(1, 30))
    while np.prod(output) > max(1, 3000 // int(np.prod(kernel))):
        longest = int(np.argmax(output))
        output[longest] -= 1 + output[longest] // 3
    start = list(p.start)
    if rng.random() < 0.3:  # nothing happens along an axis
        at = int(rng.integers(p.ndim - 2))
        kernel, image = (*kernel[:at], 1, *kernel[at + 1:]), (*image[:at], output[at], *image[at + 1:])
        start[at] = 0
        kernel = kernel if max(kernel) > 1 else (*kernel[:-1], 3)
    stride, dilation = _steps(rng, p.ndim)
    return replace(p, channels_in=1, channels_out=min(p.channels_out, 3), kernel=kernel, output=tuple(output),
                   image=image, start=tuple(start), stride=stride, kernel_dilation=dilation, image_dilation=ones,
                   overflow="wrap" if p.overflow == "raise" else p.overflow)


def constant_kernel(case: Case) -> np.ndarray:
    """A kernel for the case, each with a value of its own."""
    p, rng = case.problem, np.random.default_rng([case.seed, 37])
    kernel = np.empty(p.kernel_shape, numpy_dtype(p.kernel_dtype))
    for at in np.ndindex(kernel.shape[:3]):
        kernel[at] = rng.integers(0, 2 if p.kernel_dtype == "bool" else 6) if is_integer(
            p.kernel_dtype) else rng.standard_normal()
    return kernel
