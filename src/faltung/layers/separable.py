"""Convolutions in two steps: each channel alone, then each position alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from .base import Cost, Layer, Shape, check_count, generator, total_cost
from .convolution import Conv, Conv2d


class DepthwiseConv2d(Conv2d):
    """A kernel for each channel alone: `Conv2d` with as many groups as channels.

    Parameters
    ----------
    channels : int
    kernel, stride, padding
        As in `Conv`.
    multiplier : int
        Output channels for each input channel.
    **options
        The others of `Conv`, except ``groups``.

    Examples
    --------
    >>> DepthwiseConv2d(8, 3, padding="same")
    DepthwiseConv2d(8 -> 8, kernel 3x3, stride 1, padding same, groups 8: 80 parameters)
    """

    def __init__(self, channels: int, kernel: Any, stride: Any = 1, padding: Any = 0, *, multiplier: int = 1,
                 **options: Any) -> None:
        count = check_count(self.name, "channels", channels)
        outputs = count * check_count(self.name, "multiplier", multiplier)
        super().__init__(count, outputs, kernel, stride, padding, groups=count, **options)


class PointwiseConv(Conv):
    """A kernel of one tap: each position's channels are mixed, nothing else.

    Parameters
    ----------
    channels_in, channels_out : int
    ndim : int
        Number of spatial axes.
    **options
        The others of `Conv`.

    Examples
    --------
    >>> PointwiseConv(8, 32)
    PointwiseConv(8 -> 32, kernel 1x1, stride 1, padding 0: 288 parameters)
    """

    def __init__(self, channels_in: int, channels_out: int, *, ndim: int = 2, **options: Any) -> None:
        super().__init__(channels_in, channels_out, 1, ndim=ndim, **options)


class SeparableConv2d(Layer):
    """A depthwise convolution, then a pointwise one: space first, channels after.

    ``channels_in * taps + channels_in * channels_out`` weights instead of ``channels_in * taps * channels_out``
    (F. Chollet, "Xception", 2017).  The parameters are ``depthwise.weight``, ``pointwise.weight`` and their biases.

    Parameters
    ----------
    channels_in, channels_out, kernel, stride, padding
        As in `Conv`; stride, padding, dilation and border belong to the depthwise part.
    dilation, border, bias, initialiser, seed, dtype
        As in `Conv`.

    Examples
    --------
    >>> SeparableConv2d(8, 16, 3, padding=1)
    SeparableConv2d(8 -> 16, kernel 3x3, stride 1, padding 1: 224 parameters)
    """

    def __init__(self, channels_in: int, channels_out: int, kernel: Any, stride: Any = 1, padding: Any = 0, *,
                 dilation: Any = 1, border: Any = 0, bias: bool = True, initialiser: Any = None, seed: Any = None,
                 dtype: Any = "float32") -> None:
        super().__init__(dtype=dtype)
        common: dict[str, Any] = {"bias": bias, "initialiser": initialiser, "seed": generator(seed), "dtype": dtype}
        self.depthwise = DepthwiseConv2d(channels_in, kernel, stride, padding, dilation=dilation, border=border,
                                         **common)
        self.pointwise = PointwiseConv(channels_in, channels_out, **common)
        self.add("depthwise", self.depthwise)
        self.add("pointwise", self.pointwise)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        """Compute both parts."""
        return self.pointwise.forward(self.depthwise.forward(x, training=training), training=training)

    def backward(self, dy: np.ndarray) -> Any:
        """Carry a gradient through both parts."""
        self.depthwise.input_gradient = self.input_gradient
        return self.depthwise.backward(self.pointwise.backward(dy))

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape of the result."""
        return self.pointwise.output_shape(self.depthwise.output_shape(input_shape))

    def cost(self, input_shape: Shape) -> Cost:
        """Cost of both parts."""
        between = self.depthwise.output_shape(input_shape)
        return total_cost([self.depthwise.cost(input_shape), self.pointwise.cost(between)])

    def _describe(self) -> str:
        _, *rest = self.depthwise._describe().split(", ")
        told = [part for part in rest if not part.startswith("groups")]
        return ", ".join([f"{self.depthwise.channels_in} -> {self.pointwise.channels_out}", *told])
