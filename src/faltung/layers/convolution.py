"""Convolutional layers: parameters over `faltung.conv` and `faltung.conv_transpose`, and their gradients."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from ..arrays import Like
from ..calls import check_method
from ..compiler.results import recycled, recycles
from ..compiler.threads import get_threads
from ..errors import ShapeError
from ..gradients import conv_input_grad, conv_transpose_input_grad, conv_transpose_weight_grad, conv_weight_grad
from ..layer_lowering import Layer as Words
from ..layer_lowering import lower_conv, lower_conv_transpose
from ..operations import conv, conv_transpose, plan
from ..problem.border import parse_border
from ..problem.extents import as_integer, parse_padding, per_axis, quote
from .base import Layer, Parameter, Shape, check_count, generator
from .initialisers import draw, draw_bias, fans

PLANS = 32
"""Input shapes whose plans a layer keeps."""


class Convolution(Layer):
    """What `Conv` and `ConvTranspose` share: numbers, parameters, plans."""

    ndim: int | None = None
    """Number of spatial axes, where the class fixes it."""

    _compute: Callable[..., Any]

    def __init__(self, channels_in: int, channels_out: int, kernel: Any, *, ndim: int | None, bias: bool,
                 initialiser: Any, seed: Any, dtype: Any, method: str, options: dict[str, Any]) -> None:
        super().__init__(dtype=dtype)
        self.channels_in = check_count(self.name, "channels_in", channels_in)
        self.channels_out = check_count(self.name, "channels_out", channels_out)
        self.axes = _rank(self.name, kernel, self.ndim if ndim is None else ndim)
        self.kernel = per_axis(self.name, "kernel", kernel, self.axes)
        self.groups = check_count(self.name, "groups", options["groups"])
        for argument in ("channels_in", "channels_out"):
            if getattr(self, argument) % self.groups:
                raise ShapeError(f"{self.name}: groups={self.groups} must divide {argument}={getattr(self, argument)}")
        self.options = self._parse(options)
        check_method(self.name, method)
        self.method = method
        self._draw(initialiser, generator(seed), bias=bias)
        self._plans: dict[tuple[Shape, int], tuple[Any, Shape, bool]] = {}

    def _parse(self, options: dict[str, Any]) -> dict[str, Any]:
        """Options in the form in which the engine takes them at once."""
        parsed = {**options, "groups": self.groups}
        parsed["stride"] = per_axis(self.name, "stride", options["stride"], self.axes)
        parsed["dilation"] = per_axis(self.name, "dilation", options["dilation"], self.axes)
        parsed["padding"] = parse_padding(self.name, options["padding"], self.axes)
        if "border" in options:
            parsed["border"] = parse_border(self.name, options["border"], self.axes)
        if "output_padding" in options:
            parsed["output_padding"] = per_axis(self.name, "output_padding", options["output_padding"], self.axes,
                                                least=0)
        return parsed

    def _draw(self, initialiser: Any, rng: np.random.Generator, *, bias: bool) -> None:
        shape = self._weight_shape()
        assert self.dtype is not None
        self._weight = self._parameters["weight"] = Parameter(draw(self.name, initialiser, shape, rng, self.dtype))
        self._bias: Parameter | None = None
        if bias:
            values = draw_bias(fans(shape)[0], self.channels_out, rng, self.dtype)
            self._bias = self._parameters["bias"] = Parameter(values)

    def _weight_shape(self) -> Shape:
        raise NotImplementedError

    # --- forward

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        """Compute the layer, by a plan that is made once for each shape of ``x``."""
        if type(x) is not np.ndarray or x.dtype != self.dtype:
            x = self._check(x)
        planned, shape, large = self._plans.get((x.shape, get_threads())) or self._make_plan(x.shape)
        bias = self._bias
        run = planned.once if training else planned  # training changes the weights
        y: np.ndarray = run(x, self._weight.value, None if bias is None else bias.value,
                            out=recycled(shape, self.dtype) if large else None)
        if training:
            self._kept = x, shape
        return y

    def _make_plan(self, shape: Shape) -> tuple[Any, Shape, bool]:
        result = self.output_shape(shape)
        while len(self._plans) >= PLANS:
            del self._plans[next(iter(self._plans))]
        operands = self._likes(shape)
        made = plan(type(self)._compute, *operands, **self.options, method=self.method)
        assert self.dtype is not None
        found = self._plans[shape, get_threads()] = made, result, recycles(result, self.dtype)
        return found

    def _likes(self, shape: Shape) -> tuple[Like, Like, Like | None]:
        kind = str(self.dtype)
        bias = None if self._bias is None else Like((self.channels_out,), kind)
        return Like(shape, kind), Like(self._weight_shape(), kind), bias

    # --- backward

    def backward(self, dy: np.ndarray) -> Any:
        """Gradients by the kernel, the bias (``dy`` summed over batch and space) and the input."""
        x, shape = self._recall()
        dy = self._check_gradient(dy, shape)
        weight, bias = self._weight, self._bias
        weight.receive(self._weight_gradient(dy, x))
        if bias is not None:
            # The inner sum runs along contiguous memory, where NumPy adds pairwise.
            bias.receive(dy.reshape(*dy.shape[:2], -1).sum(axis=2).sum(axis=0))
        return self._input_gradient(dy, x.shape) if self.input_gradient else None

    def _weight_gradient(self, dy: np.ndarray, x: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def _input_gradient(self, dy: np.ndarray, shape: Shape) -> np.ndarray:
        raise NotImplementedError

    # --- shapes

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape of the result, ``(batch, channels_out, O, ...)``."""
        shape = tuple(input_shape)
        if len(shape) != self.axes + 2:
            raise ShapeError(f"{self.where}: expected (batch, {self.channels_in} channels, "
                             f"{self.axes} spatial ax{'i' if self.axes == 1 else 'e'}s), given shape {shape}")
        if shape[1] != self.channels_in:
            raise ShapeError(f"{self.where}: expected {self.channels_in} channels along axis 1, given {shape[1]} in "
                             f"shape {shape}")
        if 0 in shape:
            raise ShapeError(f"{self.where}: expected at least one sample along each axis, given shape {shape}")
        return self._lowered_shape(shape)

    def _lowered_shape(self, shape: Shape) -> Shape:
        raise NotImplementedError

    def _multiply_adds(self, input_shape: Shape, output_shape: Shape) -> int:
        return prod(output_shape) * (self.channels_in // self.groups) * prod(self.kernel)

    def _describe(self) -> str:
        told = self.options
        parts = [f"{self.channels_in} -> {self.channels_out}", f"kernel {times(self.kernel)}",
                 f"stride {same(told['stride'])}", f"padding {same(told['padding'])}"]
        parts += [f"{word.replace('_', ' ')} {same(told[word])}" for word, default in
                  (("output_padding", 0), ("dilation", 1)) if set(told.get(word, ())) - {default}]
        if self.groups > 1:
            parts.append(f"groups {self.groups}")
        if any(side != 0 for sides in told.get("border", ()) for side in sides):
            parts.append(f"border {same(told['border'])}")
        if self._bias is None:
            parts.append("no bias")
        return ", ".join(parts)


class Conv(Convolution):
    """Convolutional layer over any number of spatial axes: a correlation summed over input channels.

    ``y[b, m, o] = bias[m] + sum over c, t of x[b, c, o * stride + t * dilation - before] * weight[m, c, t]``, the sum
    taken over the channels of the group of ``m``; see `faltung.conv`.

    Parameters
    ----------
    channels_in, channels_out : int
    kernel : int or one per axis
        Number of taps.
    stride : int or one per axis
    padding : int, "same", "same_lower", "valid", "causal", "full", or one per axis, or a (before, after) pair per axis
    dilation : int or one per axis
        Distance between neighbouring taps.
    groups : int
        Divides both numbers of channels; each group sees its own.
    border : number, "edge", "reflect", "symmetric", "wrap", or per axis, or per side
        What the padding is made of.
    bias : bool
        Whether each output channel adds a number of its own.
    ndim : int, optional
        Number of spatial axes; by default the length of ``kernel``.  `Conv1d`, `Conv2d` and `Conv3d` fix it.
    initialiser : str or callable, optional
        Of ``initialisers``: a name, or a function ``(shape, *, seed, dtype)``.  By default torch's own,
        ``U(-b, b)`` with ``b = 1 / sqrt(fan_in)`` for the weights and the bias.
    seed : int or numpy.random.Generator, optional
        The same seed gives the same initial values.
    dtype : {"float32", "float64"}
    method : str
        As in `faltung.conv`.

    Parameters of the layer: ``weight``, shape (channels_out, channels_in / groups, K, ...), and ``bias``, shape
    (channels_out,).

    Examples
    --------
    >>> Conv2d(3, 16, 3, padding=1)
    Conv2d(3 -> 16, kernel 3x3, stride 1, padding 1: 448 parameters)
    >>> Conv1d(8, 8, 3, padding="causal", dilation=4, bias=False).output_shape((2, 8, 100))
    (2, 8, 100)
    """

    _compute = staticmethod(conv)

    def __init__(self, channels_in: int, channels_out: int, kernel: Any, stride: Any = 1, padding: Any = 0, *,
                 dilation: Any = 1, groups: int = 1, border: Any = 0, bias: bool = True, ndim: int | None = None,
                 initialiser: Any = None, seed: Any = None, dtype: Any = "float32", method: str = "auto") -> None:
        options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups, "border": border}
        super().__init__(channels_in, channels_out, kernel, ndim=ndim, bias=bias, initialiser=initialiser, seed=seed,
                         dtype=dtype, method=method, options=options)

    def _weight_shape(self) -> Shape:
        return (self.channels_out, self.channels_in // self.groups, *self.kernel)

    def _weight_gradient(self, dy: np.ndarray, x: np.ndarray) -> np.ndarray:
        return conv_weight_grad(dy, x, self._weight.value.shape, **self.options)  # type: ignore[no-any-return]

    def _input_gradient(self, dy: np.ndarray, shape: Shape) -> np.ndarray:
        dx = recycled(shape, dy.dtype)
        return conv_input_grad(dy, self._weight.value, shape, **self.options, out=dx)  # type: ignore[no-any-return]

    def _lowered_shape(self, shape: Shape) -> Shape:
        return lower_conv(self.where, *self._likes(shape), Words(**self.options)).layout.output.shape


class Conv1d(Conv):
    """`Conv` over one spatial axis: (batch, channels, N)."""

    ndim = 1


class Conv2d(Conv):
    """`Conv` over two spatial axes: (batch, channels, height, width)."""

    ndim = 2


class Conv3d(Conv):
    """`Conv` over three spatial axes: (batch, channels, depth, height, width)."""

    ndim = 3


class ConvTranspose(Convolution):
    """Transposed convolutional layer over any number of spatial axes: the adjoint of `Conv`.

    ``y[b, m, o] = bias[m] + sum over c, i, t with i * stride + t * dilation - before == o of
    x[b, c, i] * weight[c, m, t]``; see `faltung.conv_transpose`.

    Parameters
    ----------
    channels_in, channels_out, kernel, stride, padding, dilation, groups, bias, ndim, initialiser, seed, dtype, method
        As in `Conv`; the padding is what is taken away from the result.
    output_padding : int or one per axis
        Outputs added after the last, smaller than the stride or the dilation.

    Parameters of the layer: ``weight``, shape (channels_in, channels_out / groups, K, ...), and ``bias``, shape
    (channels_out,).

    Examples
    --------
    >>> up = ConvTranspose2d(16, 8, 3, stride=2, padding=1, output_padding=1)
    >>> up
    ConvTranspose2d(16 -> 8, kernel 3x3, stride 2, padding 1, output padding 1: 1,160 parameters)
    >>> up.output_shape((4, 16, 7, 7))
    (4, 8, 14, 14)
    """

    _compute = staticmethod(conv_transpose)

    def __init__(self, channels_in: int, channels_out: int, kernel: Any, stride: Any = 1, padding: Any = 0, *,
                 output_padding: Any = 0, dilation: Any = 1, groups: int = 1, bias: bool = True,
                 ndim: int | None = None, initialiser: Any = None, seed: Any = None, dtype: Any = "float32",
                 method: str = "auto") -> None:
        options = {"stride": stride, "padding": padding, "output_padding": output_padding, "dilation": dilation,
                   "groups": groups}
        super().__init__(channels_in, channels_out, kernel, ndim=ndim, bias=bias, initialiser=initialiser, seed=seed,
                         dtype=dtype, method=method, options=options)

    def _weight_shape(self) -> Shape:
        return (self.channels_in, self.channels_out // self.groups, *self.kernel)

    def _weight_gradient(self, dy: np.ndarray, x: np.ndarray) -> np.ndarray:
        return conv_transpose_weight_grad(dy, x, self._weight.value.shape, **self.options)  # type: ignore[no-any-return]

    def _input_gradient(self, dy: np.ndarray, shape: Shape) -> np.ndarray:
        dx = recycled(shape, dy.dtype)
        return conv_transpose_input_grad(  # type: ignore[no-any-return]
            dy, self._weight.value, shape, **self.options, out=dx)

    def _lowered_shape(self, shape: Shape) -> Shape:
        return lower_conv_transpose(self.where, *self._likes(shape), Words(**self.options)).layout.output.shape

    def _multiply_adds(self, input_shape: Shape, output_shape: Shape) -> int:
        return prod(input_shape) * (self.channels_out // self.groups) * prod(self.kernel)


class ConvTranspose1d(ConvTranspose):
    """`ConvTranspose` over one spatial axis."""

    ndim = 1


class ConvTranspose2d(ConvTranspose):
    """`ConvTranspose` over two spatial axes."""

    ndim = 2


class ConvTranspose3d(ConvTranspose):
    """`ConvTranspose` over three spatial axes."""

    ndim = 3


# ---------------------------------------------------------------- words

def _rank(where: str, kernel: Any, ndim: int | None) -> int:
    if ndim is not None:
        return check_count(where, "ndim", ndim)
    if as_integer(kernel) is not None or not hasattr(kernel, "__len__"):
        raise ShapeError(f"{where}: kernel={quote(kernel)} does not tell the number of spatial axes; give one extent "
                         "for each axis, or ndim")
    return check_count(where, "len(kernel)", len(kernel))


def times(extents: Shape) -> str:
    """Extents as people write them.

    >>> times((3, 5))
    '3x5'
    """
    return "x".join(map(str, extents))


def same(entries: Any) -> str:
    """One word for what is the same along all axes and on both sides, else all of it.

    >>> same(((1, 1), (1, 1))), same((2, 1)), same(((1, 0),))
    ('1', '(2, 1)', '(1, 0)')
    """
    entries = tuple(entry[0] if isinstance(entry, tuple) and entry[0] == entry[1] else entry for entry in entries)
    return str(entries[0] if len(set(entries)) == 1 else entries)
