"""From the words of `conv` and `conv_transpose` to a Problem and its Layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from .arrays import Like
from .errors import DTypeError, PlanError, ShapeError
from .lowering import Lowered, Shape, check_extents, sum_types
from .problem.border import Sides, parse_border
from .problem.extents import (
    Window,
    as_integer,
    layer_padding,
    layer_window,
    parse_padding,
    per_axis,
    quote,
    transposed_padding,
    transposed_window,
)
from .problem.layout import Layout, View
from .problem.problem import ACTIVATIONS, Problem
from .problem.promotion import COMPLEX, Types, is_integer

LAYOUTS = ("channels_first", "channels_last")


@dataclass(frozen=True, slots=True)
class Layer:
    """The options of `conv` and `conv_transpose` that say what is computed."""

    stride: Any = 1
    padding: Any = 0
    output_padding: Any = 0
    dilation: Any = 1
    groups: Any = 1
    border: Any = 0
    activation: Any = None
    layout: Any = "channels_first"


@dataclass(frozen=True, slots=True)
class _Extents:
    """The layer's numbers, checked."""

    batch: int
    groups: int
    channels_in: int
    channels_out: int
    image: Shape
    kernel: Shape


def lower_conv(function: str, image: Like, kernel: Like, bias: Like | None, options: Layer) -> Lowered:
    """Lower a call of `conv`: kernel (channels_out, channels_in / groups, *taps), not flipped.

    >>> lower_conv("conv", Like((1, 4, 9, 9)), Like((8, 2, 3, 3)), None, Layer(groups=2, stride=2)).layout.output.shape
    (1, 8, 4, 4)
    """
    extents = _check(function, image, kernel, bias, options, transposed=False)
    ndim = len(extents.image)
    stride = per_axis(function, "stride", options.stride, ndim)
    dilation = per_axis(function, "dilation", options.dilation, ndim)
    padding = parse_padding(function, options.padding, ndim)
    border = parse_border(function, options.border, ndim)
    windows = []
    for i in range(ndim):
        reach = (extents.kernel[i] - 1) * dilation[i]
        sides = layer_padding(padding[i], extents.image[i], reach, stride[i])
        if extents.image[i] + sum(sides) <= reach:
            raise _too_large(function, image, kernel, i, extents.image[i], sides, reach)
        windows.append(layer_window(extents.image[i], reach, stride[i], sides))
    return Lowered(_problem(function, image, kernel, bias, options, extents, windows, dilation, (1,) * ndim, border),
                   _layout(image, kernel, extents, windows, options, transposed=False))


def lower_conv_transpose(function: str, image: Like, kernel: Like, bias: Like | None, options: Layer) -> Lowered:
    """Lower a call of `conv_transpose`: kernel (channels_in, channels_out / groups, *taps), seen flipped.

    >>> layer = Layer(stride=2, padding=1, output_padding=1)
    >>> lower_conv_transpose("conv_transpose", Like((1, 4, 9)), Like((4, 6, 3)), None, layer).layout.output.shape
    (1, 6, 18)
    """
    extents = _check(function, image, kernel, bias, options, transposed=True)
    ndim = len(extents.image)
    stride = per_axis(function, "stride", options.stride, ndim)
    dilation = per_axis(function, "dilation", options.dilation, ndim)
    padding = parse_padding(function, options.padding, ndim)
    extra = per_axis(function, "output_padding", options.output_padding, ndim, least=0)
    windows = []
    for i in range(ndim):
        if extra[i] and extra[i] >= max(stride[i], dilation[i]):
            raise ShapeError(
                f"{function}: output_padding is {extra[i]} along axis {i}, but must be smaller than the stride or "
                f"the dilation ({stride[i]} and {dilation[i]})")
        reach = (extents.kernel[i] - 1) * dilation[i]
        sides = transposed_padding(padding[i], extents.image[i], reach, stride[i])
        window = transposed_window(extents.image[i], reach, stride[i], sides, extra[i])
        if window.length < 1:
            raise ShapeError(
                f"{function}: padding {sides} along axis {i} removes all of the {window.length + sum(sides)} "
                "outputs; use less")
        windows.append(window)
    zero: Sides = ((0, 0),) * ndim
    return Lowered(_problem(function, image, kernel, bias, options, extents, windows, dilation, stride, zero),
                   _layout(image, kernel, extents, windows, options, transposed=True))


def _too_large(function: str, image: Like, kernel: Like, axis: int, extent: int, sides: Sequence[int],
               reach: int) -> ShapeError:
    return ShapeError(
        f"{function}: kernel {kernel.shape} is larger than the padded image {image.shape} along spatial axis {axis} "
        f"({reach + 1} > {extent} + {sides[0]} + {sides[1]}); use a larger padding or a smaller dilation")


# ---------------------------------------------------------------- checks

def _check(function: str, image: Like, kernel: Like, bias: Like | None, options: Layer, *,
           transposed: bool) -> _Extents:
    _check_words(function, options)
    if image.ndim < 3:
        raise ShapeError(
            f"{function}: image {image.shape} has {image.ndim} axes, but must have batch, channels and at least one "
            "spatial axis")
    if kernel.ndim != image.ndim:
        order = "channels_in, channels_out / groups" if transposed else "channels_out, channels_in / groups"
        raise ShapeError(
            f"{function}: kernel {kernel.shape} has {kernel.ndim} axes, but image {image.shape} has {image.ndim}; "
            f"give it as ({order}, *taps)")
    first = options.layout == "channels_first"
    channels, spatial = (image.shape[1], image.shape[2:]) if first else (image.shape[-1], image.shape[1:-1])
    pairs = [(axis if first else axis - 1, axis) for axis in range(2, image.ndim)]
    check_extents(function, image.shape, kernel.shape, pairs)
    groups, inputs, outputs = _check_channels(function, channels, kernel.shape, options.groups, transposed=transposed)
    _check_bias(function, bias, groups * outputs)
    return _Extents(image.shape[0], groups, inputs, outputs, spatial, kernel.shape[2:])


def _check_words(function: str, options: Layer) -> None:
    if not isinstance(options.layout, str) or options.layout not in LAYOUTS:
        raise ShapeError(
            f'{function}: layout {quote(options.layout)} is not known; use "channels_first" or "channels_last"')
    if options.activation is not None and options.activation not in ACTIVATIONS:
        known = ", ".join(f'"{name}"' for name in ACTIVATIONS[:-1])
        raise PlanError(
            f'{function}: activation {quote(options.activation)} is not known; use None, {known} or '
            f'"{ACTIVATIONS[-1]}"')


def _check_channels(function: str, channels: int, kernel: Shape, groups: Any, *,
                    transposed: bool) -> tuple[int, int, int]:
    """Groups, and channels in and out of one group."""
    number = as_integer(groups)
    if number is None or number < 1:
        raise ShapeError(f"{function}: groups must be an integer of at least 1, not {groups!r}")
    total = channels if transposed else kernel[0]
    for name, count in (("image's channels", channels), ("kernel's output channels", total)):
        if count == 0 or count % number:
            raise ShapeError(f"{function}: groups {number} must divide the {name} ({count})")
    axis, taken = (0, channels) if transposed else (1, channels // number)
    if kernel[axis] != taken:
        rule = f"({channels})" if transposed else f"divided by groups ({channels} / {number} = {taken})"
        raise ShapeError(
            f"{function}: kernel {kernel} has {kernel[axis]} channels in along axis {axis}, but must have the image's "
            f"channels {rule}")
    outputs = kernel[1] if transposed else kernel[0] // number
    if outputs == 0:
        raise ShapeError(f"{function}: kernel {kernel} is empty along axis 1; it must have at least one output channel")
    return number, channels // number, outputs


def _check_bias(function: str, bias: Like | None, channels: int) -> None:
    if bias is not None and bias.shape != (channels,):
        raise ShapeError(f"{function}: bias {bias.shape} must have one value for each output channel ({channels},)")


def _check_epilogue(function: str, types: Types, image: Like, kernel: Like, bias: Like | None,
                    activation: str | None) -> None:
    whole = is_integer(image.dtype) and is_integer(kernel.dtype) and is_integer(types.output)
    real = types.output not in COMPLEX
    if bias is not None and ((whole and not is_integer(bias.dtype)) or (real and bias.dtype in COMPLEX)):
        raise DTypeError(
            f"{function}: bias of dtype {bias.dtype} cannot be added to a {types.output} result; "
            "convert the image or the kernel to a wider kind, or the bias to a narrower one")
    if activation is not None and types.output in COMPLEX:
        raise DTypeError(f'{function}: activation "{activation}" has no meaning for a {types.output} result; use None')
    if activation not in (None, "relu", "relu6") and whole:
        raise DTypeError(
            f'{function}: activation "{activation}" has no meaning for a {types.output} result; convert the image to '
            'a float, '
            'or use "relu" or "relu6"')


# ---------------------------------------------------------------- problem and layout

def _problem(function: str, image: Like, kernel: Like, bias: Like | None, options: Layer, extents: _Extents,
             windows: Sequence[Window], dilation: Shape, image_dilation: Shape, border: Sides) -> Problem:
    types = sum_types(function, image, kernel, extents.channels_in * prod(extents.kernel), border, None, "raise",
                      bias.dtype if bias is not None and is_integer(bias.dtype) else None)
    _check_epilogue(function, types, image, kernel, bias, options.activation)
    return Problem(
        batch=(extents.batch,), groups=extents.groups,
        channels_in=extents.channels_in, channels_out=extents.channels_out,
        image=extents.image, kernel=extents.kernel,
        output=tuple(window.length for window in windows),
        start=tuple(window.start for window in windows),
        stride=tuple(window.stride for window in windows),
        kernel_dilation=dilation, image_dilation=image_dilation, border=border,
        image_dtype=image.dtype, kernel_dtype=kernel.dtype,
        accumulator_dtype=types.accumulator, output_dtype=types.output, overflow=types.overflow,
        bias=bias is not None, activation=options.activation,
    )


def _layout(image: Like, kernel: Like, extents: _Extents, windows: Sequence[Window], options: Layer, *,
            transposed: bool) -> Layout:
    outputs = tuple(window.length for window in windows)
    seen = _feature_view(extents.batch, extents.groups, extents.channels_in, extents.image, options.layout)
    made = _feature_view(extents.batch, extents.groups, extents.channels_out, outputs, options.layout)
    return Layout(seen, _kernel_view(kernel.shape, extents, transposed=transposed), made,
                  flip=tuple(range(2, image.ndim)) if transposed else ())


def _feature_view(batch: int, groups: int, channels: int, spatial: Shape, layout: str) -> View:
    ndim = len(spatial)
    if layout == "channels_first":
        return View((batch, groups * channels, *spatial), (batch, groups, channels, *spatial), tuple(range(ndim + 3)))
    order = (0, ndim + 1, ndim + 2, *range(1, ndim + 1))
    return View((batch, *spatial, groups * channels), (batch, *spatial, groups, channels), order)


def _kernel_view(shape: Shape, extents: _Extents, *, transposed: bool) -> View:
    taps = tuple(range(3, 3 + len(extents.kernel)))
    if transposed:
        split = (extents.groups, extents.channels_in, extents.channels_out, *extents.kernel)
        return View(shape, split, (0, 2, 1, *taps))
    split = (extents.groups, extents.channels_out, extents.channels_in, *extents.kernel)
    return View(shape, split, (0, 1, 2, *taps))
