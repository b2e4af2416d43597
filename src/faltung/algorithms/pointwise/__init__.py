"""`pointwise`: kernels of one tap, and kernels that see the whole image at once, as products of matrices."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from . import recipe
from .frame import NAME, PointwiseRecipe, is_parted
from .recipe import error_bound, least_cycles

if TYPE_CHECKING:
    from .executable import Pointwise


def applies(problem: Problem) -> str | None:
    """None, or why the problem is no product of matrices."""
    p = problem
    if is_parted(p):
        if not _makes_squares(p):
            return "the image is dilated, and not by as much as the kernel is large"
    elif prod(p.kernel) != 1 and prod(p.output) != 1:
        return "it serves kernels of one tap, and those that see the whole image at once"
    types = {p.image_dtype, p.kernel_dtype, p.accumulator_dtype, p.output_dtype}
    if types not in ({"float32"}, {"float64"}):
        return "all numbers must be float32, or all float64"
    if 0 in (*p.output_shape, *p.kernel_shape, *p.image_shape):
        return "there is nothing to multiply"
    if not is_parted(p) and any(first < 0 or first + (out - 1) * s + (k - 1) * d >= n for first, out, s, k, d, n in zip(
            p.start, p.output, p.stride, p.kernel, p.kernel_dilation, p.image, strict=True)):
        return "it looks outside the image"
    return None


def _makes_squares(p: Problem) -> bool:
    """Whether each sample makes outputs of its own, one for each tap, and all outputs are made so."""
    apart = tuple(n * d for n, d in zip(p.image, p.image_dilation, strict=True))
    return (p.kernel == p.image_dilation and p.output == apart and set(p.stride) == {1} == set(p.kernel_dilation)
            and all(first == 1 - k for first, k in zip(p.start, p.kernel, strict=True)))


def predicted_cycles(problem: Problem, output: View, machine: Machine, threads: int) -> float:
    """Predicted cycles of a call on one thread."""
    return recipe.predicted_cycles(recipe.choose(problem, output.strides(), machine, threads))


def workspace_bytes(problem: Problem, output: View, machine: Machine, threads: int) -> int:
    """Peak workspace of one call, without building anything."""
    from .executable import workspace_bytes as peak_bytes

    frame = recipe.choose(problem, output.strides(), machine, threads)
    return peak_bytes(frame, min(threads, frame.items))


def build(problem: Problem, output: View, machine: Machine, threads: int) -> Pointwise:
    """Compile (or load from the disk's cache) all that the problem needs."""
    from .executable import Pointwise

    return Pointwise(problem, output, machine, threads)


__all__ = ["NAME", "PointwiseRecipe", "applies", "build", "error_bound", "least_cycles",
           "predicted_cycles", "workspace_bytes"]
