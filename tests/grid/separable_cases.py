"""Seeded problems with two axes and more, and kernels that are the product of lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from math import prod

import numpy as np

from faltung.algorithms import separable
from faltung.problem.problem import Problem
from faltung.problem.promotion import is_integer, limits, numpy_dtype, sums_integers
from grid import cases
from grid.cases import Case

LENGTHS = [(3, 3), (2, 5), (5, 2), (7, 4), (9, 3), (3, 20), (19, 2), (37, 2), (2, 41)]


VOLUMES = [(3, 3, 3), (2, 5, 3), (1, 4, 3), (3, 1, 5), (5, 3, 1), (2, 2, 19), (4, 3, 2), (2, 3, 2, 3), (1, 3, 2, 2)]


def draw(seed: int) -> Case:
    """A case with two axes that `separable` serves; every parameter is drawn."""
    return _draw(np.random.default_rng([seed, 23]), seed, _plain)


def draw_volume(seed: int) -> Case:
    """A case with three axes or four."""
    return _draw(np.random.default_rng([seed, 37]), seed, _volume)


def draw_rank(rank: int, seed: int) -> Case:
    """A case for kernels that are sums of products."""
    def wide(rng: np.random.Generator, problem: Problem) -> Problem | None:
        lengths = rng.integers(rank + 1, rank + 9, 2)
        return _plain(rng, problem, (int(lengths[0]), int(lengths[1])))

    return _draw(np.random.default_rng([seed, rank, 41]), seed, wide)


def _draw(rng: np.random.Generator, seed: int, shape: Callable[[np.random.Generator, Problem], Problem | None]) -> Case:
    while True:
        case = cases.draw(int(rng.integers(1 << 30)))
        problem = shape(rng, case.problem)
        if problem is None:
            continue
        case = replace(case, problem=problem, magnitude=min(case.magnitude, 1))
        if sums_integers(problem):
            # whatever the kernel turns out to be, this holds its sums; their range is not known
            wraps = "saturate" if problem.overflow == "saturate" else "wrap"
            problem = replace(problem, accumulator_dtype=str(rng.choice(["int32", "float64", "int64"])), overflow=wraps)
        case = replace(case, problem=problem, seed=seed)
        if separable.applies(problem) is None:
            return case


def _plain(rng: np.random.Generator, p: Problem, kernel: tuple[int, int] | None = None) -> Problem | None:
    """Two axes, one channel in; wide enough for a few vectors now and then."""
    if p.ndim != 2 or "complex" in p.accumulator_dtype + p.output_dtype:
        return None
    kernel = kernel or LENGTHS[int(rng.integers(len(LENGTHS)))]
    most = max(1, 2500 // (kernel[0] * kernel[1]))
    width = int(rng.integers(1, min(90, most) + 1))
    output = (max(1, min(12, most // width)), width)
    image = (p.image[0], int(rng.integers(1, 90)) if rng.random() < 0.7 else p.image[1])
    return replace(p, channels_in=1, channels_out=min(p.channels_out, 3), kernel=kernel, output=output, image=image,
                   image_dilation=(1, 1), overflow="wrap" if p.overflow == "raise" else p.overflow)


def _volume(rng: np.random.Generator, p: Problem) -> Problem | None:
    """More axes than two; some of them without any effect, as those are that belong to the batch rather."""
    kernel = VOLUMES[int(rng.integers(len(VOLUMES)))]
    if p.ndim != len(kernel) or "complex" in p.accumulator_dtype + p.output_dtype:
        return None
    most = max(1, 4000 // prod(kernel))
    width = int(rng.integers(1, min(60, most) + 1))
    output = [width]
    for _ in kernel[1:]:
        output.insert(0, int(rng.integers(1, max(1, min(11, most // prod(output))) + 1)))
    image = [*p.image[:-1], int(rng.integers(1, 70)) if rng.random() < 0.7 else p.image[-1]]
    start, stride = list(p.start), list(p.stride)
    for axis, taps in enumerate(kernel[:-1]):
        if taps == 1 and rng.random() < 0.6:
            image[axis], start[axis], stride[axis] = output[axis], 0, 1
    return replace(p, channels_in=1, channels_out=min(p.channels_out, 2), groups=min(p.groups, 2), kernel=kernel,
                   output=tuple(output), image=tuple(image), start=tuple(start), stride=tuple(stride),
                   image_dilation=(1,) * p.ndim, overflow="wrap" if p.overflow == "raise" else p.overflow)


def product_of_lines(case: Case) -> np.ndarray:
    """A kernel for the case, each plane a product; lines are equal or opposite when turned around, now and then."""
    p, rng = case.problem, np.random.default_rng([case.seed, 29])
    kernel = np.empty(p.kernel_shape, numpy_dtype(p.kernel_dtype))
    for at in np.ndindex(kernel.shape[:3]):
        # narrow floats would round the products, and they would be none any more
        whole = is_integer(p.kernel_dtype) or p.kernel_dtype != p.accumulator_dtype
        lines = [_line(rng, extent, p.kernel_dtype, p.ndim, whole=whole) for extent in p.kernel]
        kernel[at] = reduce(np.multiply.outer, lines)
    return kernel


def sum_of_products(case: Case, rank: int) -> np.ndarray:
    """A kernel for the case, each plane a sum of so many products, now and then one that is even or odd as a whole."""
    p, kernel = case.problem, np.zeros(case.problem.kernel_shape, numpy_dtype(case.problem.kernel_dtype))
    for term in range(1 if p.kernel_dtype == "bool" else rank):  # two of bool would not be added up
        kernel += product_of_lines(replace(case, seed=case.seed + 1000 * term))
    if case.seed % 3 and p.kernel_dtype == p.accumulator_dtype:
        turned = kernel[..., ::-1, ::-1]
        kernel = kernel + turned if case.seed % 3 == 1 else kernel - turned
    return kernel


def _line(rng: np.random.Generator, extent: int, dtype: str, lines: int, *, whole: bool) -> np.ndarray:
    low, high = limits(dtype) if is_integer(dtype) else (-9, 9)
    most = min(5, int(high ** (1 / lines))) if is_integer(dtype) else 5  # products of all lines fit
    line = rng.integers(max(low, -most), most + 1, extent) if whole else rng.standard_normal(extent)
    turned = line[::-1]
    kind = rng.integers(3)
    if kind == 1:
        line = line + turned if not whole else np.where(np.arange(extent) < extent // 2, line, turned)
    elif kind == 2 and low < 0:
        line = line - turned if not whole else np.sign(np.arange(extent) - (extent - 1) / 2) * np.minimum(
            np.abs(line), np.abs(turned))
    if not line.any():
        line[0] = line[-1] = 1
    return np.asarray(line)
