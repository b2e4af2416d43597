"""Seeded problems with one axis or two, and kernels that consist of a few boxes of equal taps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from faltung.problem.promotion import is_integer, numpy_dtype
from grid import running_cases
from grid.cases import Case


def draw(seed: int) -> Case:
    """A case of at most two axes whose sums may be added up anywhere."""
    rng = np.random.default_rng([seed, 41])
    while True:
        case = running_cases.draw(int(rng.integers(1 << 30)))
        if case.problem.ndim <= 2:
            return replace(case, seed=seed)


def kernel_of_boxes(case: Case) -> np.ndarray:
    """A kernel for the case: up to five boxes in all, each with values of its own."""
    p, rng = case.problem, np.random.default_rng([case.seed, 43])

    def values() -> np.ndarray:
        shape = (p.groups, p.channels_out, 1, *[1] * p.ndim)
        if is_integer(p.kernel_dtype):
            return rng.integers(0, 2 if p.kernel_dtype == "bool" else 6, shape)
        return np.asarray(rng.standard_normal(shape))

    def parts(extent: int) -> list[slice]:
        cuts = sorted(int(cut) for cut in rng.integers(0, extent + 1, 2))
        return [slice(a, b) for a, b in zip([0, *cuts], [*cuts, extent], strict=True) if a < b]

    kernel = np.empty(p.kernel_shape, numpy_dtype(p.kernel_dtype))
    bands = parts(p.kernel[0]) if p.ndim == 2 else [slice(None)]
    kernel[...] = values()
    narrow = bands[int(rng.integers(len(bands)))]
    for band in bands:
        for part in parts(p.kernel[-1]) if band is narrow else [slice(None)]:
            kernel[(..., band, part) if p.ndim == 2 else (..., part)] = values()
    return kernel
