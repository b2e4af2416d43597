"""`sparse`: kernels most of whose taps are zero, one turn for each of the others.

The taps that are not zero stand in a table, each with its place, so that one program serves every pattern: dilated
kernels with their zeros written out, half-band filters, slopes and laplacians.  The rest is as in `direct`, the order
of the sums included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from .. import direct
from . import schedule
from .frame import SparseRecipe
from .structure import kept, most_kept

if TYPE_CHECKING:
    from .executable import Sparse

NAME = "sparse"
LONGEST = 1 << 14
"""Most taps of a kernel: asking all costs time, too."""


def applies(problem: Problem) -> str | None:
    """None, or why no kernel of the problem can be summed so."""
    p = problem
    if p.channels_in != 1 or p.channels_out != 1:
        return "each group has several channels"
    if not 0 < most_kept(p) < p.terms <= LONGEST:
        return f"the kernel has one tap, or more than {LONGEST}"
    if p.stride[-1] > 1 or max(p.image_dilation, default=1) > 1:
        return "the image is dilated, or there is a stride along the last axis"
    if p.accumulator_dtype in ("complex64", "complex128"):
        return f"sums are {p.accumulator_dtype}"
    return "the image or the output is empty" if 0 in p.image or 0 in p.output_shape else None


def error_bound(problem: Problem) -> float:
    """The published ``c``: |error| <= c * u * max|x| * sum|k|, one rounding for each tap and two more."""
    return float(problem.terms + 2)


def predicted_cycles(problem: Problem, output: View, machine: Machine, threads: int) -> float:
    """Predicted cycles of one thread, without building anything."""
    return schedule.predicted_cycles(problem, output, machine)


def least_cycles(problem: Problem, machine: Machine) -> float:
    """A lower bound on `predicted_cycles`, quickly: the multiply-adds alone."""
    return direct.least_cycles(problem, machine) * most_kept(problem) / problem.terms


def unsuited(problem: Problem, kernel: Any) -> str | None:
    """None, or that too few taps are zero."""
    if kept(problem, kernel) is not None:
        return None
    return f"more than {most_kept(problem)} of its {problem.terms} taps are not zero"


def build(problem: Problem, output: View, machine: Machine, threads: int) -> Sparse:
    """Make the executable."""
    from .executable import Sparse

    return Sparse(problem, output, machine, threads)


__all__ = ["NAME", "SparseRecipe", "applies", "build", "error_bound", "least_cycles", "predicted_cycles",
           "unsuited"]
