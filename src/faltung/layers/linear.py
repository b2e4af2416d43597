"""Layers without space: a matrix for all features, and the way there."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..arrays import Like
from ..compiler.results import recycled, recycles
from ..compiler.threads import get_threads
from ..errors import ShapeError
from ..operations import conv, plan
from .base import Layer, Parameter, Shape, check_count, generator
from .initialisers import draw, draw_bias

PLANS = 32
"""Numbers of rows whose plans a layer keeps."""

FEW_ROWS = 8
"""Up to here arranging the matrix for the engine would take longer than reading it once for each row."""


class Linear(Layer):
    """Multiply each row of features by a matrix: ``y[b, m] = bias[m] + sum over c of x[b, c] * weight[m, c]``.

    It is a convolution with kernels of one tap and runs as one: a library of matrices may sum in another order with
    another number of threads, and then the bits of a training differ.  The rows are the positions (forward), or the
    channels (both gradients), whichever lies in memory as it is needed.  Very few rows are summed one by one.

    Parameters
    ----------
    features_in, features_out : int
    bias : bool
    initialiser, seed, dtype
        As in `Conv`.

    Parameters of the layer: ``weight``, shape (features_out, features_in), and ``bias``, shape (features_out,).

    Examples
    --------
    >>> Linear(84, 10)
    Linear(84 -> 10: 850 parameters)
    >>> Linear(84, 10).output_shape((32, 84))
    (32, 10)
    """

    def __init__(self, features_in: int, features_out: int, *, bias: bool = True, initialiser: Any = None,
                 seed: Any = None, dtype: Any = "float32") -> None:
        super().__init__(dtype=dtype)
        self.features_in = check_count(self.name, "features_in", features_in)
        self.features_out = check_count(self.name, "features_out", features_out)
        rng, kind = generator(seed), self.dtype
        assert kind is not None
        values = draw(self.name, initialiser, (self.features_out, self.features_in), rng, kind)
        self._weight = self._parameters["weight"] = Parameter(values)
        self._bias: Parameter | None = None
        if bias:
            offsets = draw_bias(self.features_in, self.features_out, rng, kind)
            self._bias = self._parameters["bias"] = Parameter(offsets)
        self._forward_plans: dict[tuple[int, int], tuple[Any, Shape, bool]] = {}
        self._backward_plans: dict[tuple[int, int], tuple[Any, Any]] = {}

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        """Compute the layer for rows of features along the last axis."""
        if type(x) is not np.ndarray or x.dtype != self.dtype:
            x = self._check(x)
        if x.ndim != 2 or x.shape[1] != self.features_in:
            self.output_shape(x.shape)
        rows = x if x.ndim == 2 else x.reshape(-1, self.features_in)
        weight, bias = self._weight.value, None if self._bias is None else self._bias.value
        if 0 < len(rows) <= FEW_ROWS:
            y: np.ndarray = np.einsum("bc,mc->bm", rows, weight)  # on one thread, in one order
            if bias is not None:
                y += bias
        else:
            planned, shape, large = (self._forward_plans.get((len(rows), get_threads()))
                                     or self._plan_forward(x.shape, len(rows)))
            run = planned.once if training else planned  # training changes the weights
            y = run(rows[None], weight[:, :, None], bias, out=recycled(shape, x.dtype) if large else None)
        if training:
            self._kept = rows, x.shape
        return y.reshape(*x.shape[:-1], self.features_out)

    def backward(self, dy: np.ndarray) -> Any:
        """Gradients by the matrix (``dy^T x``), the bias (``dy`` summed over the rows) and ``x`` (``dy W``)."""
        rows, shape = self._recall()
        dy = self._check_gradient(dy, (*shape[:-1], self.features_out)).reshape(-1, self.features_out)
        by_weight, by_rows = self._backward_plans.get((len(rows), get_threads())) or self._plan_backward(len(rows))
        self._weight.receive(by_weight.once(rows[None], dy.T[:, :, None])[0])
        if self._bias is not None:
            self._bias.receive(dy.sum(axis=0))
        if not self.input_gradient:
            return None
        dx = recycled((1, len(rows), self.features_in), dy.dtype)
        return by_rows.once(self._weight.value[None], dy[:, :, None], out=dx)[0].reshape(shape)

    def _plan_forward(self, shape: Shape, count: int) -> tuple[Any, Shape, bool]:
        self.output_shape(shape)
        kind, bias, result = str(self.dtype), None, (1, count, self.features_out)
        if self._bias is not None:
            bias = Like((self.features_out,), kind)
        _make_room(self._forward_plans)
        rows, weight = (1, count, self.features_in), (self.features_out, self.features_in, 1)
        made = plan(conv, Like(rows, kind), Like(weight, kind), bias, layout="channels_last")
        assert self.dtype is not None
        found = self._forward_plans[count, get_threads()] = made, result, recycles(result, self.dtype)
        return found

    def _plan_backward(self, count: int) -> tuple[Any, Any]:
        kind, inputs, outputs = str(self.dtype), self.features_in, self.features_out
        _make_room(self._backward_plans)
        made = (plan(conv, Like((1, count, inputs), kind), Like((outputs, count, 1), kind)),
                plan(conv, Like((1, outputs, inputs), kind), Like((count, outputs, 1), kind)))
        self._backward_plans[count, get_threads()] = made
        return made

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape of the result, ``(batch, ..., features_out)``."""
        shape = tuple(input_shape)
        if len(shape) < 2:
            raise ShapeError(f"{self.where}: expected (batch, {self.features_in} features), given shape {shape}")
        if shape[-1] != self.features_in:
            after = "; put Flatten() before it" if prod(shape[1:]) == self.features_in else ""
            raise ShapeError(f"{self.where}: expected {self.features_in} features along the last axis, given "
                             f"{shape[-1]} in shape {shape}{after}")
        if 0 in shape:
            raise ShapeError(f"{self.where}: expected at least one sample along each axis, given shape {shape}")
        return (*shape[:-1], self.features_out)

    def _multiply_adds(self, input_shape: Shape, output_shape: Shape) -> int:
        return prod(input_shape) * self.features_out

    def _describe(self) -> str:
        return f"{self.features_in} -> {self.features_out}" + ("" if self._bias is not None else ", no bias")


def _make_room(plans: dict[Any, Any]) -> None:
    while len(plans) >= PLANS:
        del plans[next(iter(plans))]


class Flatten(Layer):
    """Put axes after the batch into one: ``(batch, channels, height, width) -> (batch, features)``.

    Parameters
    ----------
    first, last : int
        The axes that become one, both included; by default all after the batch.

    Examples
    --------
    >>> Flatten().output_shape((32, 16, 5, 5))
    (32, 400)
    """

    def __init__(self, first: int = 1, last: int = -1) -> None:
        super().__init__()
        self.first = check_count(self.name, "first", first)
        self.last = check_count(self.name, "last", last, least=-1)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        """View ``x`` in its new shape; it is copied only where its strides do not allow that."""
        if training:
            self._kept = (x.shape,)
        return x.reshape(self.output_shape(x.shape))

    def backward(self, dy: np.ndarray) -> Any:
        """View ``dy`` in the shape of ``x``."""
        (shape,) = self._recall()
        return self._check_gradient(dy, self.output_shape(shape)).reshape(shape)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape of the result."""
        shape = tuple(input_shape)
        last = self.last if self.last >= 0 else len(shape) + self.last
        if not self.first <= last < len(shape):
            raise ShapeError(f"{self.where}: expected an input with axes {self.first} to {self.last}, given shape "
                             f"{shape}")
        return (*shape[:self.first], prod(shape[self.first:last + 1]), *shape[last + 1:])

    def _describe(self) -> str:
        return "" if (self.first, self.last) == (1, -1) else f"axes {self.first} to {self.last}"
