"""From the words of `convolve` and `correlate` to a Problem and its Layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

from .arrays import Like
from .errors import ShapeError
from .problem.border import fills, parse_border
from .problem.extents import (
    Window,
    anchored_first,
    as_integer,
    check_anchor,
    check_mode,
    check_outputs,
    mode_window,
    per_axis,
    pick,
)
from .problem.layout import Layout, View
from .problem.problem import Problem
from .problem.promotion import (
    Types,
    check_dtype,
    check_output,
    check_overflow,
    choose,
    is_integer,
    promote,
    range_bound,
)

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sliding:
    """The options of `convolve` and `correlate` that say what is computed."""

    mode: Any = "full"
    border: Any = 0
    stride: Any = 1
    dilation: Any = 1
    axes: Any = None
    anchor: Any = None
    outputs: Any = None
    dtype: Any = None
    overflow: Any = "raise"


class Arrangement(NamedTuple):
    """Orders into which image and kernel are transposed before, and the output after, the plan."""

    image: Shape
    kernel: Shape
    output: Shape


class Lowered(NamedTuple):
    """What a call means.  ``arrangement`` is there only where no view could express it."""

    problem: Problem
    layout: Layout
    arrangement: Arrangement | None = None


def lower_sliding(function: str, image: Like, kernel: Like, options: Sliding) -> Lowered:
    """Lower a call of `convolve` or `correlate`.

    The axes that are convolved become spatial axes.  Of the others, with NumPy's broadcasting, an
    axis where the kernel has extent 1 is a batch axis, one where both have the same extent is a
    group axis, and one where the image has extent 1 is an axis of output channels.

    Parameters
    ----------
    function : str
        "convolve" or "correlate".
    image, kernel : Like
        Shapes and dtypes of the operands.
    options : Sliding

    Raises
    ------
    ShapeError, DTypeError, BorderError
        An option or shape that does not fit.

    Examples
    --------
    >>> lowered = lower_sliding("correlate", Like((3, 1, 8)), Like((3, 5, 2)), Sliding("valid", axes=2))
    >>> lowered.problem.groups, lowered.problem.channels_out, lowered.problem.output
    (3, 5, (7,))
    >>> lowered.layout.output.shape
    (3, 5, 7)
    """
    _check_words(function, options)
    axes, narrow = _pair_axes(function, image.shape, kernel.shape, options.axes)
    kernel_axes = tuple(range(len(axes))) if narrow else axes
    windows = _windows(function, image.shape, kernel.shape, axes, kernel_axes, options)
    roles = _roles(function, image.shape, kernel.shape, axes, narrow)
    if not roles.mergeable(image.shape, kernel.shape, narrow):
        return _lower_arranged(function, image, kernel, options, axes, roles)
    problem = _problem(function, image, kernel, options, axes, kernel_axes, windows, roles)
    layout = _layout(function, image, kernel, axes, kernel_axes, windows, roles, narrow)
    return Lowered(problem, layout)


def _check_words(function: str, options: Sliding) -> None:
    check_mode(function, options.mode)
    check_overflow(function, options.overflow)


# ---------------------------------------------------------------- axes

def _pair_axes(function: str, image: Shape, kernel: Shape, axes: Any) -> tuple[Shape, bool]:
    """The image axes that are convolved, and whether the kernel has just those."""
    ndim = len(image)
    if ndim == 0 or not kernel:
        raise ShapeError(f"{function}: image {image} and kernel {kernel} must have at least one axis; pass arrays, "
                         "not scalars")
    if axes is None:
        if len(kernel) != ndim:
            raise ShapeError(
                f"{function}: kernel {kernel} has {len(kernel)} axes, but image {image} has {ndim}; "
                "name those to be convolved with axes=, or give both as many")
        return tuple(range(ndim)), False
    chosen = _parse_axes(function, axes, ndim)
    if len(kernel) == ndim:
        return chosen, False
    if len(kernel) == len(chosen):
        return chosen, True
    raise ShapeError(
        f"{function}: kernel {kernel} has {len(kernel)} axes, but must have as many as axes={axes!r} names "
        f"({len(chosen)}) "
        f"or as image {image} has ({ndim})")


def _parse_axes(function: str, axes: Any, ndim: int) -> Shape:
    one = as_integer(axes)
    entries = (one,) if one is not None else tuple(axes) if hasattr(axes, "__iter__") else (axes,)
    chosen = []
    for entry in entries:
        axis = as_integer(entry)
        if axis is None:
            raise ShapeError(f"{function}: axes must be an integer or a sequence of integers, not {axes!r}")
        if not -ndim <= axis < ndim:
            raise ShapeError(f"{function}: axis {axis} is outside an image of {ndim} axes; use {-ndim} to {ndim - 1}")
        chosen.append(axis % ndim)
    if not chosen or len(set(chosen)) < len(chosen):
        raise ShapeError(f"{function}: axes {axes!r} must name at least one axis, and none twice")
    return tuple(chosen)


class _Roles(NamedTuple):
    """What each axis of the image is to the engine; axes that are 1 in both operands are nothing."""

    batch: Shape
    groups: Shape
    channels_out: Shape
    spatial: Shape
    broadcast: Shape

    def mergeable(self, image: Shape, kernel: Shape, narrow: bool) -> bool:
        """Whether groups and output channels lie side by side in every operand."""
        shapes = (image, self.broadcast) if narrow else (image, kernel, self.broadcast)
        return all(_side_by_side(shape, axes) for shape in shapes for axes in (self.groups, self.channels_out))


def _side_by_side(shape: Shape, axes: Shape) -> bool:
    return not axes or all(shape[axis] == 1 for axis in range(axes[0], axes[-1]) if axis not in axes)


def _roles(function: str, image: Shape, kernel: Shape, axes: Shape, narrow: bool) -> _Roles:
    batch, groups, outputs, broadcast = [], [], [], list(image)
    for axis, extent in enumerate(image):
        other = 1 if narrow else kernel[axis]
        if axis in axes or extent == other == 1:
            continue
        if other == 1:
            batch.append(axis)
        elif extent == other:
            groups.append(axis)
        elif extent == 1:
            outputs.append(axis)
            broadcast[axis] = other
        else:
            raise ShapeError(
                f"{function}: image {image} and kernel {kernel} do not broadcast along axis {axis} ({extent} and "
                f"{other}), "
                "which is not convolved; one of the extents must be 1, or both the same")
    return _Roles(tuple(batch), tuple(groups), tuple(outputs), tuple(sorted(axes)), tuple(broadcast))


def _lower_arranged(function: str, image: Like, kernel: Like, options: Sliding, axes: Shape, roles: _Roles) -> Lowered:
    """Lower the transposed call in which groups and output channels do lie side by side."""
    named = {*roles.batch, *roles.groups, *roles.channels_out, *roles.spatial}
    nothing = tuple(axis for axis in range(image.ndim) if axis not in named)
    order = (*nothing, *roles.batch, *roles.groups, *roles.channels_out, *roles.spatial)
    moved = _replace_axes(options, tuple(order.index(axis) for axis in axes))
    lowered = lower_sliding(function, _permuted(image, order), _permuted(kernel, order), moved)
    inverse = tuple(order.index(axis) for axis in range(image.ndim))
    return Lowered(lowered.problem, lowered.layout, Arrangement(order, order, inverse))


def _replace_axes(options: Sliding, axes: Shape) -> Sliding:
    return Sliding(options.mode, options.border, options.stride, options.dilation, axes,
                   options.anchor, options.outputs, options.dtype, options.overflow)


def _permuted(array: Like, order: Shape) -> Like:
    return Like(tuple(array.shape[axis] for axis in order), array.dtype)


# ---------------------------------------------------------------- windows

def _windows(function: str, image: Shape, kernel: Shape, axes: Shape, kernel_axes: Shape,
             options: Sliding) -> tuple[Window, ...]:
    """The outputs along each axis, in the caller's order of axes."""
    ndim, mode = len(axes), options.mode
    extents, taps = [image[axis] for axis in axes], [kernel[axis] for axis in kernel_axes]
    stride = per_axis(function, "stride", options.stride, ndim)
    dilation = per_axis(function, "dilation", options.dilation, ndim)
    check_extents(function, image, kernel, [*zip(axes, kernel_axes, strict=True)])
    if 0 in kernel:
        raise ShapeError(f"{function}: kernel {kernel} is empty along axis {kernel.index(0)}; it must have at least "
                         "one tap")
    anchors = check_anchor(function, options.anchor, mode, taps)
    outputs = check_outputs(function, options.outputs, mode, ndim)
    windows = []
    for i in range(ndim):
        reach = (taps[i] - 1) * dilation[i]
        if mode == "valid":
            _check_valid(function, image, kernel, axes[i], extents[i], taps[i], reach + 1)
        anchor = anchors[i]
        first = None if anchor is None else anchored_first(anchor, taps[i], dilation[i], flipped=function == "convolve")
        windows.append(pick(mode_window(mode, extents[i], reach, stride[i], first), outputs[i]))
    return tuple(windows)


def check_extents(function: str, image: Shape, kernel: Shape, pairs: Sequence[tuple[int, int]]) -> None:
    """Refuse axes without samples or taps."""
    for axis, kernel_axis in pairs:
        if image[axis] == 0:
            raise ShapeError(f"{function}: image {image} is empty along axis {axis}; an axis that is convolved needs "
                             "samples")
        if kernel[kernel_axis] == 0:
            raise ShapeError(f"{function}: kernel {kernel} is empty along axis {kernel_axis}; it must have at least "
                             "one tap")


def _check_valid(function: str, image: Shape, kernel: Shape, axis: int, extent: int, taps: int, reach: int) -> None:
    if reach <= extent:
        return
    dilated = "" if reach == taps else " once dilated"
    raise ShapeError(
        f"{function}: kernel {kernel} is larger than image {image} along axis {axis} ({reach} > {extent}){dilated} "
        'in mode "valid"; use mode="same" or give a border')


# ---------------------------------------------------------------- problem and layout

def sum_types(function: str, image: Like, kernel: Like, terms: int, sides: Any, dtype: Any, overflow: str,
              bias: str | None = None) -> Types:
    """Dtypes of sum and output, from dtypes alone."""
    constants, output = fills(sides), check_dtype(function, dtype)
    natural = promote(image.dtype, kernel.dtype, constants)
    check_output(function, natural, output)
    bound = range_bound(image.dtype, kernel.dtype, terms, constants, bias) if is_integer(natural) else None
    return choose(image.dtype, kernel.dtype, output, overflow, bound, constants)


def _problem(function: str, image: Like, kernel: Like, options: Sliding, axes: Shape, kernel_axes: Shape,
             windows: Sequence[Window], roles: _Roles) -> Problem:
    ndim = len(axes)
    ranks = sorted(range(ndim), key=axes.__getitem__)
    dilation = per_axis(function, "dilation", options.dilation, ndim)
    border = parse_border(function, options.border, ndim)
    taps = tuple(kernel.shape[kernel_axes[rank]] for rank in ranks)
    types = sum_types(function, image, kernel, prod(taps), border, options.dtype, options.overflow)
    return Problem(
        batch=tuple(image.shape[axis] for axis in roles.batch),
        groups=prod(image.shape[axis] for axis in roles.groups),
        channels_in=1,
        channels_out=prod(roles.broadcast[axis] for axis in roles.channels_out),
        image=tuple(image.shape[axis] for axis in roles.spatial),
        kernel=taps,
        output=tuple(windows[rank].length for rank in ranks),
        start=tuple(windows[rank].start for rank in ranks),
        stride=tuple(windows[rank].stride for rank in ranks),
        kernel_dilation=tuple(dilation[rank] for rank in ranks),
        image_dilation=(1,) * ndim,
        border=tuple(border[rank] for rank in ranks),
        image_dtype=image.dtype, kernel_dtype=kernel.dtype,
        accumulator_dtype=types.accumulator, output_dtype=types.output, overflow=types.overflow,
    )


def _layout(function: str, image: Like, kernel: Like, axes: Shape, kernel_axes: Shape, windows: Sequence[Window],
            roles: _Roles, narrow: bool) -> Layout:
    output = list(roles.broadcast)
    for axis, window in zip(axes, windows, strict=True):
        output[axis] = window.length
    batch: list[Shape] = [(axis,) for axis in roles.batch]
    spatial: list[Shape] = [(axis,) for axis in roles.spatial]
    taps: list[Shape] = [(kernel_axes[axes.index(axis)],) for axis in roles.spatial]
    merged = ((), ()) if narrow else (roles.groups, roles.channels_out)
    return Layout(
        image=_view(image.shape, [*batch, roles.groups, (), *spatial]),
        kernel=_view(kernel.shape, [*merged, (), *taps]),
        output=_view(tuple(output), [*batch, roles.groups, roles.channels_out, *spatial]),
        flip=kernel_axes if function == "convolve" else (),
        conjugate=function == "correlate" and kernel.dtype.startswith("complex"),
    )


def _view(shape: Shape, slots: Sequence[Shape]) -> View:
    """The view whose axis ``i`` is made of the array's axes ``slots[i]``; an empty slot is a new axis of extent 1."""
    new = [slot for slot in range(len(slots)) if not slots[slot]]
    present = sorted((slot for slot in range(len(slots)) if slots[slot]), key=lambda slot: slots[slot][0])
    arrangement = [*new, *present]
    split = tuple(prod(shape[axis] for axis in slots[slot]) for slot in arrangement)
    return View(shape, split, tuple(arrangement.index(slot) for slot in range(len(slots))))
