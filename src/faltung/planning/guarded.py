"""Runs of integer sums that may leave 64 bits: their variants, computed and put together (see `exact`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..algorithms import direct
from ..problem.problem import Problem
from ..problem.promotion import numpy_dtype
from .exact import settle

if TYPE_CHECKING:
    from .plan import Plan


def settled(plan: Plan, problem: Problem, taps: Any, bias: Any, seen: Any, out: Any) -> None:
    """Fill ``out`` with exact sums, or with the overflow that was asked for."""
    view = plan.layout.output
    # whatever computes the plan, its variants in other dtypes have to be served
    algorithm = plan.way.algorithm if plan.way.algorithm.NAME == "reference" else direct

    def run(variant: Problem) -> Any:
        executable = algorithm.build(variant, view, plan.machine, 1)
        result = np.empty(view.shape, numpy_dtype(variant.output_dtype))
        executable.run(seen, executable.pack(taps), None if bias is None else executable.pack_bias(bias), result, 1)
        return view(result)

    view(out)[...] = settle(problem, seen, taps, bias, run, function=plan.function)
