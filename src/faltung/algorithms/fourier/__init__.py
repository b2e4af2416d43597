"""`fourier`: overlap-save tiles, for kernels too large to sum directly.

A tile of the image, transformed, times the kernel's conjugate spectrum and transformed back, is the
circular correlation of the two; those outputs that no wrap reaches are kept (Stockham 1966; Oppenheim
and Schafer, section 8.7).  A transform mixes the whole tile, so

- real images are transformed axis by axis (`plane`), anything else as the line of a tile's samples (`line`);
- a tile is never longer than eight kernels (or 256 samples): a huge value far away stays far away;
- a tile that holds a NaN or an infinity is computed directly instead;
- integers are transformed in double precision where the error is proven to be below one quarter, and
  rounded; where that cannot be proven, the algorithm does not apply.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from ...problem.promotion import magnitude, sums_integers
from ..phases import problems_with_taps
from . import recipe
from .recipe import NAME, FourierRecipe, error_bound, error_factor

if TYPE_CHECKING:
    from .executable import Fourier


def applies(problem: Problem) -> str | None:
    """None, or why the problem cannot go through the transform."""
    phases = problems_with_taps(problem)
    if max(problem.kernel, default=1) == 1 or not phases:
        return "a kernel of one tap needs no transform"
    if not all(problem.image):
        return "an image without samples needs no transform"
    if not all(map(recipe.fits, phases)):
        return "no generated transform is long enough for the kernel"
    return _why_not_exact(problem) if sums_integers(problem) else None


def _why_not_exact(problem: Problem) -> str | None:
    if problem.accumulator_dtype == "int64":
        return "no bound shows that the integer sums fit 53 bits"
    # most often any length would do, and none need be chosen
    if _integer_error(problem, 1.0) * recipe.LARGEST_FACTOR >= 0.25 <= _integer_error(problem, error_factor(problem)):
        return "the transform's rounding error is not proven to be below one quarter, so integers might come out wrong"
    return None


def _integer_error(problem: Problem, factor: float) -> float:
    """Bound on the transform's error for the largest operands that the accumulator's own bound allows."""
    limit = {"float32": 2.0**24, "int32": 2.0**31, "float64": 2.0**53}[problem.accumulator_dtype]
    # the accumulator was chosen by a bound on max|x| sum|k|
    largest = float(magnitude(problem.image_dtype)) * float(magnitude(problem.kernel_dtype)) * problem.terms
    return factor * 2.0**-53 * min(limit, largest)


def predicted_cycles(problem: Problem, output: View, machine: Machine, threads: int) -> float:
    """Predicted cycles until so many threads have done all, without building anything."""
    return recipe.predicted_cycles(problem, threads)


def known_cycles(problem: Problem, output: View, machine: Machine, threads: int) -> float:
    """The same for a kernel that is known, so that it is transformed only once."""
    return recipe.predicted_cycles(problem, threads, known=True)


def least_cycles(problem: Problem, machine: Machine) -> float:
    """A lower bound on `predicted_cycles`, quickly."""
    # phases without taps cost nothing
    return 0.0 if max(problem.image_dilation, default=1) > 1 else recipe.least_cycles(problem)


def build(problem: Problem, output: View, machine: Machine, threads: int) -> Fourier:
    """Make the executable."""
    from .executable import Fourier

    return Fourier(problem, output, machine, threads)


__all__ = ["NAME", "FourierRecipe", "applies", "build", "error_bound", "known_cycles", "least_cycles",
           "predicted_cycles"]
