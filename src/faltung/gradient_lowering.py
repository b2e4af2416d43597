"""From the words of a layer to the Problems of its gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from .arrays import Like
from .errors import DTypeError, ShapeError
from .layer_lowering import Layer, lower_conv, lower_conv_transpose
from .lowering import Lowered, sum_types
from .problem.adjoint import adjoint_image, adjoint_kernel
from .problem.border import map_index
from .problem.layout import View
from .problem.problem import Problem

Shape = tuple[int, ...]
FLOATS = ("float16", "bfloat16", "float32", "float64")


class Gradient(NamedTuple):
    """A lowered gradient; ``folds`` tells what becomes of the samples that stood for border samples."""

    lowered: Lowered
    folds: tuple[Fold, ...] = ()


class Fold(NamedTuple):
    """Along one axis of the caller's array: samples before the image, its extent, and where each border sample goes."""

    axis: int
    before: int
    extent: int
    moves: tuple[tuple[int, int], ...]

    def __call__(self, array: Any) -> Any:
        """Add the border samples to those that they repeat; only these are left."""
        front = (slice(None),) * self.axis
        inside = array[(*front, slice(self.before, self.before + self.extent))]
        for position, index in self.moves:
            inside[(*front, index)] += array[(*front, position)]
        return inside


def lower_input_grad(function: str, dy: Like, w: Like, x_shape: Any, options: Layer) -> Gradient:
    """Lower the gradient of `conv` by its image.

    Only where the border repeats the image, ``dx`` is computed with the border samples, which then are folded back.
    """
    shape = _shape(function, "x_shape", x_shape)
    problem, layout, _ = lower_conv(function, Like(shape, dy.dtype), w, None, options)
    _check_gradient(function, "dy", dy, layout.output.shape)
    problem = _of(function, problem, dy=dy, w=w)
    sides = _repeated(problem)
    wide = replace(
        problem, image=tuple(n + sum(side) for n, side in zip(problem.image, sides, strict=True)),
        start=tuple(first + before for first, (before, _) in zip(problem.start, sides, strict=True)))
    first = options.layout == "channels_first"
    seen = _with_extents(layout.image, wide.image, first=first)
    place = 2 if first else 1
    folds = tuple(_fold(problem, axis, side, axis + place) for axis, side in enumerate(sides) if any(side))
    return Gradient(Lowered(*adjoint_image(wide, replace(layout, image=seen))), folds)


def lower_weight_grad(function: str, x: Like, dy: Like, w_shape: Any, options: Layer) -> Gradient:
    """Lower the gradient of `conv` by its kernel."""
    w = Like(_shape(function, "w_shape", w_shape), x.dtype)
    problem, layout, _ = lower_conv(function, x, w, None, options)
    _check_gradient(function, "dy", dy, layout.output.shape)
    return Gradient(Lowered(*adjoint_kernel(_of(function, problem, x=x, dy=dy), layout)))


def lower_transpose_input_grad(function: str, dy: Like, w: Like, x_shape: Any, options: Layer) -> Gradient:
    """Lower the gradient of `conv_transpose` by its image: a `conv`."""
    shape = _shape(function, "x_shape", x_shape)
    problem, layout, _ = lower_conv_transpose(function, Like(shape, dy.dtype), w, None, options)
    _check_gradient(function, "dy", dy, layout.output.shape)
    return Gradient(Lowered(*adjoint_image(_of(function, problem, dy=dy, w=w), layout)))


def lower_transpose_weight_grad(function: str, dy: Like, x: Like, w_shape: Any, options: Layer) -> Gradient:
    """Lower the gradient of `conv_transpose` by its kernel."""
    w = Like(_shape(function, "w_shape", w_shape), x.dtype)
    problem, layout, _ = lower_conv_transpose(function, x, w, None, options)
    _check_gradient(function, "dy", dy, layout.output.shape)
    return Gradient(Lowered(*adjoint_kernel(*adjoint_image(_of(function, problem, dy=dy, x=x), layout))))


# ---------------------------------------------------------------- checks

def _shape(function: str, name: str, shape: Any) -> Shape:
    try:
        return Like(shape).shape
    except (TypeError, ValueError):
        raise ShapeError(f"{function}: {name} is {shape!r}, but must be a shape, a tuple of integers") from None


def _check_gradient(function: str, name: str, array: Like, shape: Shape) -> None:
    if array.shape != shape:
        raise ShapeError(f"{function}: {name} {array.shape} must have the shape of the layer's result {shape}")


def _of(function: str, problem: Problem, **operands: Like) -> Problem:
    """The problem with the dtypes of a gradient's operands, the engine's image first."""
    for name, array in operands.items():
        if array.dtype not in FLOATS:
            raise DTypeError(f"{function}: {name} has dtype {array.dtype}, but gradients are defined for float16, "
                             "bfloat16, float32 and float64; convert it")
    image, kernel = operands.values()
    types = sum_types(function, image, kernel, 1, ((0, 0),) * problem.ndim, None, "raise")
    return replace(problem, image_dtype=image.dtype, kernel_dtype=kernel.dtype, accumulator_dtype=types.accumulator,
                   output_dtype=types.output, overflow=types.overflow)


# ---------------------------------------------------------------- borders

def _repeated(problem: Problem) -> list[tuple[int, int]]:
    """Border samples that are looked at on either side of each axis and repeat the image."""
    p, found = problem, []
    for axis in range(p.ndim):
        last = p.start[axis] + (p.output[axis] - 1) * p.stride[axis] + (p.kernel[axis] - 1) * p.kernel_dilation[axis]
        needed = (max(0, -p.start[axis]), max(0, last - p.image[axis] + 1))
        before, after = (n if isinstance(side, str) else 0 for n, side in zip(needed, p.border[axis], strict=True))
        found.append((before, after))
    return found


def _fold(problem: Problem, axis: int, side: tuple[int, int], place: int) -> Fold:
    before, extent = side[0], problem.image[axis]
    outside = [*range(-before, 0), *range(extent, extent + side[1])]
    moves = [(position + before, map_index(position, extent, *problem.border[axis])) for position in outside]
    return Fold(place, before, extent, tuple((position, index) for position, index in moves if index is not None))


def _with_extents(view: View, extents: Sequence[int], *, first: bool) -> View:
    """The view of an array of channels first or last, with other spatial extents."""
    ndim = len(extents)
    if first:
        return View((*view.shape[:2], *extents), (*view.split[:3], *extents), view.permutation)
    shape, split = view.shape, view.split
    return View((shape[0], *extents, *shape[1 + ndim:]), (split[0], *extents, *split[1 + ndim:]), view.permutation)
