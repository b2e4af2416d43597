"""`winograd`: small kernels with fewer multiplications, as minimal filtering of two-dimensional tiles.

F(m, r) makes m outputs of r taps with m + r - 1 products instead of m times r (Winograd, "Arithmetic Complexity of
Computations", 1980); applied along both axes, and summed over the channels before the transform back (Lavin and
Gray, "Fast Algorithms for Convolutional Neural Networks", 2015), tiles of 4 by 4 outputs under 3 by 3 taps take a
quarter of the definition's products.  The price is that magnitudes grow on the way: see `error_bound`.

Gradients by a kernel are problems turned inside out: many taps, few outputs.  There the tiles are of taps, and their
products are summed over all tiles before one transform back (`inside_frame`).
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from . import costs, fallback, inside_recipe, recipe
from .components import components
from .frame import NAME, Frame, WinogradRecipe
from .inside_frame import InsideFrame, InsideRecipe
from .parts import Part
from .recipe import OUTSIDE, tiles_of
from .seen import first_sample, span, taps_seen

if TYPE_CHECKING:
    from .executable import Winograd
    from .inside_executable import InsideOut


DTYPES = ("float32", "float64", "complex64", "complex128")


def applies(problem: Problem) -> str | None:
    """None, or why the problem cannot go through the transform."""
    p = problem
    types = {p.image_dtype, p.kernel_dtype, p.accumulator_dtype, p.output_dtype}
    if types not in ({dtype} for dtype in DTYPES):
        return f"all numbers must have one dtype of {', '.join(DTYPES[:-1])} and {DTYPES[-1]}"
    if p.ndim > 3:
        return f"it has tiles of one or two axes and planes of a third, not of {p.ndim}"
    return _unlike(p)


def _unlike(p: Problem) -> str | None:
    """Why a problem is not like those that have tiles; the planes of a volume may be strided and dilated."""
    if 0 in (p.groups, p.channels_in, p.channels_out) or not all(map(all, (p.batch, p.image, p.kernel, p.output))):
        return "there is nothing to transform"
    if p.kernel_dilation[-1] > OUTSIDE:
        return f"taps are more than {OUTSIDE} columns apart"
    if any(outside > OUTSIDE for outside in _columns_outside(p)):
        return f"more than {OUTSIDE} columns outside the image are looked at"
    return None if is_inside(p) else _without_tiles(p)


def _without_tiles(p: Problem) -> str | None:
    if prod(p.image_dilation[:-2]) > 1:
        return "planes of a volume have no tiles where they are dilated"
    steps = zip(p.stride[-2:], p.image_dilation[-2:], p.kernel_dilation[-2:], strict=True)
    if any(max(stride, image) > 1 < taps for stride, image, taps in steps):
        return "taps that are apart share few samples where outputs or samples are apart as well"
    if not all(tiles_of(p, axis) for axis in range(-min(2, p.ndim), 0)) or prod(taps_seen(p)) == 1:
        return f"a kernel of {' x '.join(map(str, p.kernel))} taps{_apart(p)} has no tiles here"
    return None


def _apart(p: Problem) -> str:
    """What is apart, for a reason."""
    strides, dilations = (" x ".join(map(str, steps)) for steps in (p.stride, p.image_dilation))
    found = [f"outputs {strides} samples apart"] if prod(p.stride) > 1 else []
    found += [f"samples {dilations} outputs apart"] if prod(p.image_dilation) > 1 else []
    return "".join(f" and {one}" for one in found)


def _columns_outside(p: Problem) -> tuple[int, int]:
    """Columns before and behind the image."""
    first = first_sample(p, -1)
    behind = first + span(p, -1, p.output[-1])
    return min(behind, 0) - min(first, 0), max(behind, p.image[-1]) - max(first, p.image[-1])


def is_inside(p: Problem) -> bool:
    """Whether a problem is computed inside out: fewer outputs than taps, lanes along the batch."""
    few = all(r in inside_recipe.TAPS for r in p.output[-2:]) and 1 < prod(p.output[-2:]) < prod(p.kernel[-2:])
    plain = len(p.batch) == 1 < min(p.batch[0], p.channels_out) and not p.bias and p.activation is None
    near = components(p) == 1 == prod(p.kernel_dilation[-2:]) == prod(p.image_dilation)
    return few and plain and near and inside_recipe.repeats_what_it_reads(p)


def error_bound(problem: Problem) -> float:
    """The published ``c``: |error| <= c * u * max|x| * sum|k|."""
    return inside_recipe.error_bound(problem) if is_inside(problem) else recipe.error_bound(problem)


def least_cycles(problem: Problem, machine: Machine) -> float:
    """A lower bound on `predicted_cycles`."""
    return inside_recipe.least_cycles(problem, machine) if is_inside(problem) else recipe.least_cycles(problem, machine)


def predicted_cycles(problem: Problem, output: View, machine: Machine, threads: int) -> float:
    """Predicted cycles of a call on one thread, the kernel's transform included."""
    if is_inside(problem):
        return known_cycles(problem, output, machine, threads)
    parts = recipe.choose(problem, output.strides(), machine, threads)
    return costs.all_cycles(parts) + costs.kernel_cycles(parts)


def known_cycles(problem: Problem, output: View, machine: Machine, threads: int) -> float:
    """The same where the kernel was transformed beforehand."""
    if is_inside(problem):
        return inside_recipe.all_cycles(problem, output.strides(), machine, threads)
    return costs.all_cycles(recipe.choose(problem, output.strides(), machine, threads))


def workspace_bytes(problem: Problem, output: View, machine: Machine, threads: int) -> int:
    """Peak workspace of one call, all threads together."""
    strides = output.strides()
    if is_inside(problem):
        frames: list[Any] = [*inside_recipe.choose_all(problem, strides, machine, threads)]
        alone = [fallback.one_element(frame.problem) for frame in frames]
        apart = fallback.sums_bytes(problem, len(frames))
    else:
        frames = [part.frame for part in recipe.choose(problem, strides, machine, threads)]
        alone, apart = [fallback.row_of_tiles(frame) for frame in frames], 0
    own: int = sum(frame.places["end"] * min(threads, frame.items) for frame in frames)
    return own + apart + max(fallback.workspace_bytes(each, machine) for each in alone)


def build(problem: Problem, output: View, machine: Machine, threads: int) -> Winograd | InsideOut:
    """Make the executable."""
    if is_inside(problem):
        from .inside_executable import InsideOut

        return InsideOut(problem, output, machine, threads)
    from .executable import Winograd

    return Winograd(problem, output, machine, threads)


__all__ = ["NAME", "Frame", "InsideFrame", "InsideRecipe", "Part", "WinogradRecipe", "applies",
           "build", "error_bound", "is_inside", "known_cycles", "least_cycles", "predicted_cycles", "workspace_bytes"]
