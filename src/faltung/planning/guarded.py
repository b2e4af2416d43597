"""Runs of integer sums that may leave 64 bits.

The image is measured at each call.  If its values prove that all sums fit, the fastest algorithm for that problem runs.
Otherwise `digits` tells by itself which sums do not; others run as variants that are put together (see `exact`).
"""

from __future__ import annotations

import contextlib
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any

from ..algorithms import digits, direct
from ..compiler.results import fresh
from ..errors import PlanError
from ..machine import Machine
from ..problem.layout import View
from ..problem.problem import Problem
from ..problem.promotion import Bound, numpy_dtype, overflow_error
from .exact import bound_by, fits_accumulator, refine, settle, weigh
from .ways import Ready, Way

if TYPE_CHECKING:
    from .plan import Plan


SETTLED_BYTES = 80
"""Of each output, at most, in `settle`: two variants, their difference, and what becomes of them."""


def watches(algorithm: Any) -> bool:
    """Whether an algorithm tells which integer sums do not fit, even beyond 64 bits."""
    return getattr(algorithm, "WATCHES", False)


def settled_bytes(problem: Problem, output: View, machine: Machine) -> int:
    """Most workspace of sums that an algorithm cannot watch: variants put together, or else `digits`."""
    beyond = 0 if digits.applies(problem) else _built(digits, problem, output, machine).workspace_bytes
    return SETTLED_BYTES * prod(output.shape) + int(beyond)


class Guard:
    """A kernel whose sums may leave 64 bits for some image, and what runs on it for images that have been seen."""

    def __init__(self, plan: Plan, taps: Any, bias: Any, packed: tuple[Way, Any] | None) -> None:
        self.plan, self.taps, self.bias, self._packed = plan, taps, bias, packed
        self.weight = weigh(plan.problem, taps, bias)
        self._proven: dict[Problem, Ready | None] = {}
        self._variants: dict[Problem, Ready] = {}

    def run(self, image: Any, _kernel: Any, _bias: Any, out: Any, threads: int) -> bool:
        """Fill ``out``; whether a sum did not fit."""
        plan = self.plan
        bound = bound_by(plan.problem, image, self.weight)
        ready = self._for(refine(plan.problem, bound))
        if ready is None:
            if self._packed is None:
                self._packed = plan.pack(self.taps)
            if not watches(self._packed[0].algorithm) and not fits_accumulator(plan.problem, bound):
                plan.layout.output(out)[...] = self._settled(image)
                return False
            ready = plan.ready(self._packed, self.bias)
        return ready.run(image, ready.kernel, ready.bias, out, min(threads, ready.threads))

    def _for(self, problem: Problem) -> Ready | None:
        """What runs on a problem whose sums fit; None if these are not known to."""
        plan = self.plan
        if problem.accumulator_dtype == "int64" and problem.overflow != "proven":
            return None
        if problem not in self._proven:
            try:
                self._proven[problem] = plan.other(problem).order(self.taps, self.bias)
            except PlanError:  # its workspace would be too large
                self._proven[problem] = None
        return self._proven[problem]

    def _settled(self, image: Any) -> Any:
        """Exact sums, or the overflow that was asked for."""
        problem, view = self.plan.problem, self.plan.layout.output

        # whatever computes the plan, its variants in other dtypes have to be served
        def run(variant: Problem, algorithm: Any = direct) -> Any:
            ready = self._variant(algorithm, variant)
            result = fresh(view.shape, numpy_dtype(variant.output_dtype))
            if ready.run(image, ready.kernel, ready.bias, result, 1):
                raise overflow_error(self.plan.function, variant.output_dtype)
            return view(result)

        beyond = None if digits.applies(problem) else lambda: run(problem, digits)
        return settle(problem, image, self.taps, self.bias, run, function=self.plan.function, otherwise=beyond)

    def _variant(self, algorithm: Any, problem: Problem) -> Ready:
        """An algorithm on a problem that differs in dtypes only, and the operands for it."""
        found = self._variants.get(problem)
        if found is None:
            executable = _built(algorithm, problem, self.plan.layout.output, self.plan.machine)
            offset = None if self.bias is None else executable.pack_bias(self.bias)
            found = self._variants[problem] = Ready(executable.run, executable.pack(self.taps), offset, 1)
        return found


def proven(plan: Plan) -> list[Plan]:
    """The plans that run where an image proves that sums fit."""
    bounds = [Bound(limit - 1, nonnegative=sign) for limit in (2**24, 2**31, 2**53, 2**63) for sign in (True, False)]
    found = []
    for problem in {refine(plan.problem, bound) for bound in bounds}:
        if problem.accumulator_dtype != "int64" or problem.overflow == "proven":
            with contextlib.suppress(PlanError):
                found.append(plan.other(problem))
    return found


@lru_cache(maxsize=32)
def _built(algorithm: Any, problem: Problem, view: View, machine: Machine) -> Any:
    return algorithm.build(problem, view, machine, 1)
