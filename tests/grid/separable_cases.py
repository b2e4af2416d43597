"""Seeded problems with two axes, and kernels that are the product of two lines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from faltung.algorithms import separable
from faltung.algorithms.separable.schedule import sums_integers
from faltung.problem.problem import Problem
from faltung.problem.promotion import is_integer, limits, numpy_dtype
from grid import cases
from grid.cases import Case

LENGTHS = [(3, 3), (2, 5), (5, 2), (7, 4), (9, 3), (3, 20), (19, 2), (37, 2), (2, 41)]


def draw(seed: int) -> Case:
    """A case that `separable` serves; every parameter is drawn."""
    rng = np.random.default_rng([seed, 23])
    while True:
        case = cases.draw(int(rng.integers(1 << 30)))
        problem = _plain(rng, case.problem)
        if problem is None:
            continue
        case = replace(case, problem=problem, magnitude=min(case.magnitude, 1))
        if sums_integers(problem):
            # whatever the kernel turns out to be, this holds its sums; their range is not known
            wraps = "saturate" if problem.overflow == "saturate" else "wrap"
            problem = replace(problem, accumulator_dtype=str(rng.choice(["int32", "float64"])), overflow=wraps)
        case = replace(case, problem=problem, seed=seed)
        if separable.applies(problem) is None:
            return case


def _plain(rng: np.random.Generator, p: Problem) -> Problem | None:
    """Two axes, one channel in; wide enough for a few vectors now and then."""
    if p.ndim != 2 or "complex" in p.accumulator_dtype + p.output_dtype:
        return None
    kernel = LENGTHS[int(rng.integers(len(LENGTHS)))]
    most = max(1, 2500 // (kernel[0] * kernel[1]))
    width = int(rng.integers(1, min(90, most) + 1))
    output = (max(1, min(12, most // width)), width)
    image = (p.image[0], int(rng.integers(1, 90)) if rng.random() < 0.7 else p.image[1])
    return replace(p, channels_in=1, channels_out=min(p.channels_out, 3), kernel=kernel, output=output, image=image,
                   image_dilation=(1, 1), overflow="wrap" if p.overflow == "raise" else p.overflow)


def product_of_lines(case: Case) -> np.ndarray:
    """A kernel for the case, each plane a product; lines are equal or opposite when turned around, now and then."""
    p, rng = case.problem, np.random.default_rng([case.seed, 29])
    kernel = np.empty(p.kernel_shape, numpy_dtype(p.kernel_dtype))
    for at in np.ndindex(kernel.shape[:3]):
        # narrow floats would round the products, and they would be none any more
        whole = is_integer(p.kernel_dtype) or p.kernel_dtype != p.accumulator_dtype
        kernel[at] = np.multiply.outer(*(_line(rng, extent, p.kernel_dtype, whole=whole) for extent in p.kernel))
    return kernel


def _line(rng: np.random.Generator, extent: int, dtype: str, *, whole: bool) -> np.ndarray:
    low, high = limits(dtype) if is_integer(dtype) else (-9, 9)
    line = rng.integers(max(low, -5), min(high, 6), extent) if whole else rng.standard_normal(extent)
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
