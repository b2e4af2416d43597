"""`winograd`: small kernels with fewer multiplications, as minimal filtering of two-dimensional tiles.

F(m, r) makes m outputs of r taps with m + r - 1 products instead of m times r (Winograd, "Arithmetic Complexity of
Computations", 1980); applied along both axes, and summed over the channels before the transform back (Lavin and
Gray, "Fast Algorithms for Convolutional Neural Networks", 2015), tiles of 4 by 4 outputs under 3 by 3 taps take a
quarter of the definition's products.  The price is that magnitudes grow on the way: see `error_bound`.
"""

from __future__ import annotations

from math import prod

from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from .executable import Winograd
from .frame import NAME, Frame, WinogradRecipe
from .recipe import OUTSIDE, TILES, choose, cycles, error_bound, kernel_cycles, least_cycles


def applies(problem: Problem) -> str | None:
    """None, or why the problem cannot go through the transform."""
    p = problem
    types = {p.image_dtype, p.kernel_dtype, p.accumulator_dtype, p.output_dtype}
    if types not in ({"float32"}, {"float64"}):
        return "all numbers must be float32, or all float64"
    if p.ndim != 2:
        return f"it has tiles of two axes, not of {p.ndim}"
    return _unlike(p)


def _unlike(p: Problem) -> str | None:
    """Why a problem with two axes is not like those that have tiles."""
    if any(step != 1 for step in (*p.stride, *p.kernel_dilation, *p.image_dilation)):
        return "neighbouring outputs share samples only where nothing is strided or dilated"
    if any(r not in TILES for r in p.kernel) or prod(p.kernel) == 1:
        return f"a kernel of {p.kernel[0]} x {p.kernel[1]} taps has no tiles here"
    if 0 in (*p.output_shape, *p.kernel_shape, *p.image_shape):
        return "there is nothing to transform"
    if _columns_outside(p) > OUTSIDE:
        return f"more than {OUTSIDE} columns outside the image are looked at"
    return None


def _columns_outside(p: Problem) -> int:
    first, behind = p.start[1], p.start[1] + p.output[1] + p.kernel[1] - 1
    return behind - first - max(0, min(behind, p.image[1]) - max(first, 0))


def predicted_cycles(problem: Problem, output: View, machine: Machine, threads: int) -> float:
    """Predicted cycles of a call on one thread, the kernel's transform included."""
    frame = choose(problem, output.strides(), machine, threads)
    return cycles(frame) + kernel_cycles(frame)


def known_cycles(problem: Problem, output: View, machine: Machine, threads: int) -> float:
    """The same where the kernel was transformed beforehand."""
    return cycles(choose(problem, output.strides(), machine, threads))


def workspace_bytes(problem: Problem, output: View, machine: Machine, threads: int) -> int:
    """Peak workspace of one call, all threads together."""
    frame = choose(problem, output.strides(), machine, threads)
    return frame.places["end"] * min(threads, frame.items)


def build(problem: Problem, output: View, machine: Machine, threads: int) -> Winograd:
    """Make the executable."""
    return Winograd(problem, output, machine, threads)


__all__ = ["NAME", "Frame", "Winograd", "WinogradRecipe", "applies", "build", "error_bound",
           "known_cycles", "least_cycles", "predicted_cycles", "workspace_bytes"]
