"""Normalisation: by the batch, by the layer, by groups of channels."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, prod
from typing import Any

import numpy as np

from ..compiler.memory import address
from ..compiler.results import recycled
from ..errors import ShapeError
from ..problem.extents import quote
from .base import Layer, LayerError, Parameter, Shape, check_count
from .code import norms
from .programs import CHUNK, Array, Program, bits, dense, kind_of, program

SHORT = 8
"""Runs of a channel below this length are gathered into one long run first."""
MOST_PARTS = 64
"""Items of a layer norm, at most; each sums gradients of the weights for itself."""


class _Normalisation(Layer):
    """Subtract the mean, divide by the standard deviation: `norms` tells how a set is laid out."""

    kind = ""

    def __init__(self, shape: Shape, eps: float, affine: bool, dtype: Any) -> None:
        super().__init__(dtype=dtype)
        if isinstance(eps, bool) or not isinstance(eps, int | float | np.number) or not 0 <= eps < float("inf"):
            raise LayerError(f"{self.name}: eps={quote(eps)} must be a finite number of at least 0")
        self.eps, self.affine, self._extents = float(eps), bool(affine), shape
        if self.affine:
            self._parameters["weight"] = Parameter(np.ones(shape, self.dtype))
            self._parameters["bias"] = Parameter(np.zeros(shape, self.dtype))

    def _run(self, run: Program, arrays: Sequence[Array], statistics: Array, parts: Sequence[Any],
             layout: Sequence[int], part_step: int = 0) -> None:
        """Run over x, dy and the result.

        ``layout`` is sets, sets of an item, step of sets, segments, their step and length, channels.
        """
        weights = [self._weight(name) for name in self._parameters]
        cells = [address(array) for array in (*arrays, *weights)] + ([] if weights else [0, 0])
        cells += [address(statistics), address(statistics[1:])]
        cells += [address(part) for part in parts] or [0, 0]
        cells += [*layout, bits(self.eps), bits(float(layout[3] * layout[5])), part_step]
        run(cells, -(-layout[0] // layout[1]), arrays[0].size)

    def _weight(self, name: str) -> Array:
        value = dense(np.asarray(self._parameters[name].value, self.dtype))
        if value.shape != self._extents:
            raise ShapeError(f"{self.where}: {name} has shape {value.shape}, but the layer was made with "
                             f"{self._extents}; assign an array of that shape")
        return value

    def _forward(self, x: Array, statistics: Array, layout: Sequence[int], *, known: bool) -> Array:
        y = recycled(x.shape, x.dtype)
        run = program(norms.emit_forward, self.kind, kind_of(x), self.affine, known)
        self._run(run, (x, x, y), statistics, (), layout)
        return y

    def _backward(self, dy: Array, x: Array, statistics: Array, layout: Sequence[int], parts: Any,
                  part_step: int = 0) -> Array:
        dx = recycled(x.shape, x.dtype)
        run = program(norms.emit_backward, self.kind, kind_of(x), self.affine)
        self._run(run, (x, dy, dx), statistics, tuple(parts), layout, part_step)
        return dx

    def _receive(self, bias: Array, weight: Array) -> None:
        for name, gradient in (("bias", bias), ("weight", weight)):
            parameter = self._parameters[name]
            parameter.receive(gradient.astype(parameter.value.dtype).reshape(parameter.value.shape))

    def _multiply_adds(self, input_shape: Shape, output_shape: Shape) -> int:
        return prod(input_shape)


class BatchNorm(_Normalisation):
    """Normalise each channel over the batch and all places.

    In training, with mean and variance over batch and space::

        y[n, c, ...] = (x[n, c, ...] - mean[c]) / sqrt(variance[c] + eps) * weight[c] + bias[c]

    and with ``m`` values in a channel the running statistics become ``(1 - momentum) old + momentum new``, where the
    new variance is the unbiased one, ``m / (m - 1)`` times as large.  Otherwise the running statistics take the place
    of the batch's.  Means and variances are summed in float64, of float64 data with compensation.

    Parameters
    ----------
    channels : int
    eps : float
    momentum : float or None
        None averages over all batches so far.
    affine : bool
        Whether there are a weight and a bias.
    track_running_stats : bool
        Whether there are running statistics; without them those of the batch always serve.
    dtype : "float32" or "float64"

    Raises
    ------
    ShapeError
        Another number of channels, or a batch with one value per channel in training.

    References
    ----------
    Ioffe and Szegedy (2015), *Batch normalization*, algorithms 1 and 2; the gradients stand in section 3.

    >>> BatchNorm(2)
    BatchNorm(2 channels, eps 1e-05, momentum 0.1: 4 parameters)
    """

    kind = "batch"

    def __init__(self, channels: int, *, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
                 track_running_stats: bool = True, dtype: Any = "float32") -> None:
        self.channels = check_count(self.name, "channels", channels)
        super().__init__((self.channels,), eps, affine, dtype)
        number = isinstance(momentum, int | float | np.number) and not isinstance(momentum, bool)
        if momentum is not None and not (number and isfinite(momentum) and 0 <= momentum <= 1):
            raise LayerError(f"{self.name}: momentum={quote(momentum)} must be a number from 0 to 1, or None for the "
                             "average over all batches")
        self.momentum = None if momentum is None else float(momentum)
        if track_running_stats:
            self._buffers["running_mean"] = np.zeros(self.channels, self.dtype)
            self._buffers["running_var"] = np.ones(self.channels, self.dtype)
            self._buffers["num_batches_tracked"] = np.zeros((), np.int64)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        """Normalise, by the batch's statistics in training and by the running ones otherwise."""
        seen, shape = self._check(x), np.shape(x)
        self.output_shape(shape)
        measured = training or not self._buffers
        values = prod(shape) // self.channels
        if measured and values < 2:
            count = f"{values} value{'s' * (values != 1)}"
            raise ShapeError(f"{self.where}: input of shape {shape} has {count} per channel, but the variance of a "
                             "batch needs at least 2; give a larger batch, or call forward(x, training=False) on a "
                             "layer with running statistics")
        seen = self._gather(seen)
        statistics = np.empty((2, self.channels))
        if not measured:
            statistics[0], statistics[1] = self._buffers["running_mean"], self._buffers["running_var"]
        y = self._forward(seen, statistics, self._layout(seen), known=not measured)
        if training:
            self._keep(seen, statistics, shape)
            self._track(statistics, values)
        return self._scatter(y, shape)

    def backward(self, dy: Array) -> Array:
        """Carry a gradient back, through mean and variance too."""
        x, statistics, shape = self._recall()
        above = self._gather(self._check_gradient(dy, shape))
        parts = np.empty((2, self.channels))
        dx = self._backward(above, x, statistics, self._layout(x), parts)
        if self.affine:
            self._receive(parts[0], parts[1])
        return self._scatter(dx, shape)

    def _gather(self, x: Array) -> Array:
        """The array itself; or, if runs are short, one image with all that belongs to a channel side by side."""
        length = prod(x.shape[2:])
        if length >= SHORT or x.shape[0] == 1 or not x.size:
            return dense(x)
        return np.ascontiguousarray(np.moveaxis(x, 1, 0)).reshape(1, self.channels, -1)

    def _scatter(self, y: Array, shape: Shape) -> Array:
        if y.shape == shape:
            return y
        return np.ascontiguousarray(np.moveaxis(y.reshape(self.channels, shape[0], *shape[2:]), 0, 1))

    def _layout(self, x: Array) -> tuple[int, ...]:
        length = prod(x.shape[2:])
        per_item = max(1, CHUNK // max(1, x.shape[0] * length))
        run = length * x.itemsize
        return self.channels, per_item, run, x.shape[0], run * self.channels, length, self.channels

    def _track(self, statistics: Array, values: int) -> None:
        if not self._buffers:
            return
        count = self._buffers["num_batches_tracked"]
        count += 1
        part = 1 / float(count) if self.momentum is None else self.momentum
        for name, new in (("running_mean", statistics[0]), ("running_var", statistics[1] * (values / (values - 1)))):
            self._buffers[name][...] = (1 - part) * self._buffers[name] + part * new

    def output_shape(self, input_shape: Shape) -> Shape:
        """The input's shape: (batch, channels, ...)."""
        return _check_channels(self, self.channels, tuple(input_shape))

    def _describe(self) -> str:
        momentum = "all batches" if self.momentum is None else f"{self.momentum:g}"
        return f"{self.channels} channel{'s' * (self.channels != 1)}, eps {self.eps:g}, momentum {momentum}"


class GroupNorm(_Normalisation):
    """Normalise groups of channels of each image over all places.

    Of each image, channels ``c`` with the same ``c // (channels / groups)`` share mean and variance::

        y[n, c, ...] = (x[n, c, ...] - mean[n, g(c)]) / sqrt(variance[n, g(c)] + eps) * weight[c] + bias[c]

    As many groups as channels are instance normalisation.

    Parameters
    ----------
    groups, channels : int
        ``channels`` is a multiple of ``groups``.
    eps : float
    affine : bool
    dtype : "float32" or "float64"

    References
    ----------
    Wu and He (2018), *Group normalization*, equations 1 to 7.

    >>> GroupNorm(2, 6)
    GroupNorm(2 groups of 3 channels, eps 1e-05: 12 parameters)
    """

    kind = "group"

    def __init__(self, groups: int, channels: int, *, eps: float = 1e-5, affine: bool = True,
                 dtype: Any = "float32") -> None:
        self.groups = check_count(self.name, "groups", groups)
        self.channels = check_count(self.name, "channels", channels)
        if self.channels % self.groups:
            raise ShapeError(f"{self.name}: channels={channels} is not a multiple of groups={groups}; choose groups "
                             "that divide the channels")
        super().__init__((self.channels,), eps, affine, dtype)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        """Normalise by each image's own statistics."""
        seen = dense(self._check(x))
        self.output_shape(seen.shape)
        statistics = np.empty((2, seen.shape[0] * self.groups))
        y = self._forward(seen, statistics, self._layout(seen), known=False) if seen.size else np.empty_like(seen)
        if training:
            self._keep(seen, statistics)
        return y

    def backward(self, dy: Array) -> Array:
        """Carry a gradient back, through mean and variance too."""
        x, statistics = self._recall()
        above = dense(self._check_gradient(dy, x.shape))
        parts = np.zeros((2, x.shape[0], self.channels))
        dx = self._backward(above, x, statistics, self._layout(x), parts) if x.size else np.empty_like(x)
        if self.affine:
            self._receive(parts[0].sum(0), parts[1].sum(0))
        return dx

    def _layout(self, x: Array) -> tuple[int, ...]:
        length, segments = prod(x.shape[2:]), self.channels // self.groups
        run = length * x.itemsize
        per_item = max(1, CHUNK // (segments * length))
        return x.shape[0] * self.groups, per_item, run * segments, segments, run, length, self.channels

    def output_shape(self, input_shape: Shape) -> Shape:
        """The input's shape: (batch, channels, ...)."""
        return _check_channels(self, self.channels, tuple(input_shape))

    def _describe(self) -> str:
        each = self.channels // self.groups
        return (f"{self.groups} group{'s' * (self.groups != 1)} of {each} channel{'s' * (each != 1)}, "
                f"eps {self.eps:g}")


class LayerNorm(_Normalisation):
    """Normalise over the last axes, each row for itself.

    With mean and variance over the last axes, whose extents are ``shape``::

        y[..., j] = (x[..., j] - mean[...]) / sqrt(variance[...] + eps) * weight[j] + bias[j]

    Parameters
    ----------
    shape : int or sequence of int
        Extents of the last axes.
    eps : float
    affine : bool
    dtype : "float32" or "float64"

    References
    ----------
    Ba, Kiros and Hinton (2016), *Layer normalization*, equation 4.

    >>> LayerNorm((3, 4))
    LayerNorm(last axes (3, 4), eps 1e-05: 24 parameters)
    """

    kind = "layer"

    def __init__(self, shape: int | Sequence[int], *, eps: float = 1e-5, affine: bool = True,
                 dtype: Any = "float32") -> None:
        extents = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
        self.shape = tuple(check_count(self.name, "shape", extent) for extent in extents)
        if not self.shape:
            raise ShapeError(f"{self.name}: shape=() names no axis; give at least one extent")
        super().__init__(self.shape, eps, affine, dtype)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        """Normalise by each row's own statistics."""
        seen = dense(self._check(x))
        self.output_shape(seen.shape)
        statistics = np.empty((2, seen.size // prod(self.shape)))
        y = self._forward(seen, statistics, self._layout(seen), known=False)
        if training:
            self._keep(seen, statistics)
        return y

    def backward(self, dy: Array) -> Array:
        """Carry a gradient back, through mean and variance too."""
        x, statistics = self._recall()
        above, length = dense(self._check_gradient(dy, x.shape)), prod(self.shape)
        layout = self._layout(x)
        room = (length // 64 + 2) * 64
        parts = np.zeros((2, -(-layout[0] // layout[1]), room if self.affine else 0))
        dx = self._backward(above, x, statistics, layout, parts, room * 8)
        if self.affine:
            self._receive(*parts.sum(1)[:, :length])
        return dx

    def _layout(self, x: Array) -> tuple[int, ...]:
        length = prod(self.shape)
        rows = x.size // length
        per_item = max(1, CHUNK // length, -(-rows // MOST_PARTS))
        return rows, per_item, length * x.itemsize, 1, 0, length, 1

    def output_shape(self, input_shape: Shape) -> Shape:
        """The input's shape, which must end with the layer's."""
        shape = tuple(input_shape)
        if shape[max(0, len(shape) - len(self.shape)):] != self.shape:
            expected = ", ".join(str(extent) for extent in self.shape)
            raise ShapeError(f"{self.where}: expected an input of shape (..., {expected}), given {shape}")
        return shape

    def _describe(self) -> str:
        where = f"axes {self.shape}" if len(self.shape) > 1 else f"axis {self.shape[0]}"
        return f"last {where}, eps {self.eps:g}"


def _check_channels(layer: Layer, channels: int, shape: Shape) -> Shape:
    if len(shape) < 2 or shape[1] != channels:
        raise ShapeError(f"{layer.where}: expected an input of shape (batch, {channels}, ...), given {shape}")
    return shape
