"""Seeded problems of one channel, and kernels most of whose taps are zero."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from faltung.algorithms import sparse
from faltung.algorithms.sparse.structure import most_kept
from faltung.problem.promotion import is_integer, numpy_dtype, sums_integers
from grid import cases
from grid.cases import Case

LENGTHS = [(3, 3), (5, 5), (1, 9), (7, 2), (9, 3), (2, 21), (16, 2)]


def draw(seed: int) -> Case:
    """A case that `sparse` serves; every parameter is drawn."""
    rng = np.random.default_rng([seed, 41])
    while True:
        case = cases.draw(int(rng.integers(1 << 30)))
        p = case.problem
        kernel = LENGTHS[int(rng.integers(len(LENGTHS)))][-p.ndim:] if p.ndim <= 2 else p.kernel
        most = max(1, 2500 // int(np.prod(kernel)))
        width = int(rng.integers(1, min(150, most) + 1))
        output = (max(1, min(12, most // width)), width)[-p.ndim:] if p.ndim <= 2 else p.output
        problem = replace(p, channels_in=1, channels_out=1, kernel=kernel, output=output, image_dilation=(1,) * p.ndim,
                          stride=(*p.stride[:-1], 1), overflow="wrap" if p.overflow == "raise" else p.overflow)
        if sums_integers(problem):
            # whatever the kernel turns out to be, this holds its sums; their range is not known
            wraps = "saturate" if problem.overflow == "saturate" else "wrap"
            problem = replace(problem, accumulator_dtype=str(rng.choice(["int32", "float64", "int64"])), overflow=wraps)
        if sparse.applies(problem) is None:
            return replace(case, problem=problem, seed=seed, magnitude=min(case.magnitude, 1))


def sparse_kernel(case: Case) -> np.ndarray:
    """A kernel for the case; the taps that are not zero stand at the same places in each group, or nearly so."""
    p, rng = case.problem, np.random.default_rng([case.seed, 43])
    kernel = np.zeros((p.groups, p.terms), numpy_dtype(p.kernel_dtype))
    places = rng.choice(p.terms, int(rng.integers(0, most_kept(p) + 1)), replace=False)
    low, high = (0, 2) if p.kernel_dtype == "bool" else (-4 * (p.kernel_dtype[0] == "i"), 6)
    values = rng.integers(low, high, (p.groups, len(places)))
    kernel[:, places] = values if is_integer(p.kernel_dtype) else rng.standard_normal(values.shape)
    return kernel.reshape(p.kernel_shape)
