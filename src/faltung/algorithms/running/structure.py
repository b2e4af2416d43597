"""Find out whether all taps of a kernel are equal."""

from __future__ import annotations

from math import frexp, prod
from typing import Any

import numpy as np

from ...problem.problem import Problem


def constants(problem: Problem, kernel: Any) -> Any:
    """The one value of each kernel's taps, in the sums' dtype; None if some differ, or if it is too large to grow."""
    taps = kernel.reshape(prod(kernel.shape[:3]), -1)
    if not (taps == taps[:, :1]).all():
        return None
    values = taps[:, 0].astype(problem.accumulator_dtype)
    if problem.accumulator_dtype.startswith("float"):
        # samples are made smaller before they are summed, and the value as much larger
        with np.errstate(over="ignore"):
            grown = values * values.dtype.type(2.0 ** frexp(taps.shape[1])[1])
        if not np.isfinite(grown).all():
            return None
    return values
