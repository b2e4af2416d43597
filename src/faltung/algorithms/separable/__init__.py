"""`separable`: kernels that are the product of two lines, one pass after the other for a few rows at a time.

``sum over i, j of x[r + i, c + j] b[i] a[j] = sum over j of a[j] (sum over i of b[i] x[r + i, c + j])``: ``m + n``
products for each output instead of ``m n``.  The inner sums of a few rows of outputs are taken first, straight from
the image and by whole vectors, into lines that stay in the first-level cache; then each line is summed along to the
outputs.  Samples that equal or opposite taps meet are added before they are multiplied.  Whether a kernel is such a
product is found from its values, when it is packed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from ...problem.promotion import limits
from .frame import SeparableRecipe
from .schedule import cycles, stage_of
from .structure import NEARNESS, all_lines

if TYPE_CHECKING:
    from .executable import Separable

NAME = "separable"


def applies(problem: Problem) -> str | None:
    """None, or why no kernel of the problem can go through two passes."""
    lines = sum([extent > 1 for extent in problem.kernel])
    return reason_against(problem, "the kernel does not have two axes of more than one tap" if lines < 2 else None)


def reason_against(p: Problem, taps: str | None) -> str | None:
    """None, or why such passes cannot be: ``taps`` says what is wrong with the kernel's extents."""
    if p.channels_in != 1:
        return "each output sums several channels"
    if taps is not None:
        return taps
    if max(p.image_dilation, default=1) > 1:
        return "the image is dilated"
    if p.accumulator_dtype in ("complex64", "complex128"):
        return f"sums are {p.accumulator_dtype}"
    if 0 in p.image or 0 in p.output_shape:
        return "the image or the output is empty"
    return _border_reason(p)


def _border_reason(p: Problem) -> str | None:
    """Rows of constants are held in the image's own dtype."""
    if p.image_dtype in ("float32", "float64"):
        return None
    for side in sum(p.border[:max(1, p.ndim - 1)], ()):
        if isinstance(side, str):
            continue
        whole = side.real == int(side.real) if abs(side.real) < 2**63 else False
        if p.image_dtype in ("float16", "bfloat16"):
            whole = whole and side.real == 0
        elif whole:
            low, high = limits(p.image_dtype)
            whole = low <= side.real <= high
        if not whole:
            return f"the border {side} is no {p.image_dtype}"
    return None


def error_bound(problem: Problem) -> float:
    """The published ``c``: |error| <= c * u * max|x| * sum|k|.

    One rounding for each tap of both lines, one for samples that are added first in each, and the distance of the
    taps from the product of the lines.
    """
    return float(sum(problem.kernel) + 2 + NEARNESS + 2)


def predicted_cycles(problem: Problem, output: View, machine: Machine, threads: int) -> float:
    """Predicted cycles until so many threads have done all, without building anything."""
    return cycles(stage_of(problem, output).problem, machine)


def unsuited(problem: Problem, kernel: Any) -> str | None:
    """None, or that these taps are no product of two lines."""
    if all_lines(problem, kernel) is not None:
        return None
    lines = "a column and a row" if problem.ndim == 2 else f"{problem.ndim} lines"
    return f"its taps are not the product of {lines}"


def build(problem: Problem, output: View, machine: Machine, threads: int) -> Separable:
    """Make the executable."""
    from .executable import Separable

    return Separable(problem, output, machine, threads)


__all__ = ["NAME", "SeparableRecipe", "applies", "build", "error_bound", "predicted_cycles", "reason_against",
           "unsuited"]
