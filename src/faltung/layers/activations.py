"""Activations: functions of every element, and the softmax along an axis."""

from __future__ import annotations

from math import isfinite, prod
from typing import Any

import numpy as np

from ..compiler.memory import address
from ..compiler.results import recycled
from ..errors import ShapeError
from ..problem.extents import quote
from .base import Layer, LayerError, Shape
from .code import pointwise, softmax
from .programs import CHUNK, Array, bits, dense, kind_of, program


class Activation(Layer):
    """A function that is applied to every element; arrays of any shape."""

    kind = ""

    def __init__(self) -> None:
        super().__init__()
        self._slope = 0

    def forward(self, x: Array, *, training: bool = False) -> Array:
        """Apply the function.

        Parameters
        ----------
        x : ndarray of float32 or float64, any shape
        training : bool
            Keep what `backward` needs: the result, or ``x`` where the result does not tell enough.

        Returns
        -------
        ndarray, shape and dtype of ``x``
        """
        seen = dense(self._check(x))
        y = recycled(seen.shape, seen.dtype)
        self._run(pointwise.emit_forward, seen, y, y)
        if training:
            self._keep(y if self.kind in pointwise.FROM_RESULT else seen)
        return y

    def backward(self, dy: Array) -> Array:
        """Multiply by the derivative.

        Parameters
        ----------
        dy : ndarray, shape of the result

        Returns
        -------
        ndarray, the same shape
        """
        source: Array = self._recall()[0]
        above = dense(self._check_gradient(dy, source.shape))
        dx = recycled(source.shape, source.dtype)
        self._run(pointwise.emit_backward, source, dx, above)
        return dx

    def _run(self, emit: Any, source: Array, out: Array, above: Array) -> None:
        size, place = out.size, address(out)
        cells = (address(source), place if above is out else address(above), place, size, CHUNK, self._slope)
        program(emit, self.kind, kind_of(out))(cells, -(-size // CHUNK), size)

    def output_shape(self, input_shape: Shape) -> Shape:
        """The input's shape."""
        return tuple(input_shape)


class ReLU(Activation):
    """Cut off below zero: ``y = max(x, 0)``; the derivative at 0 is 0.

    >>> ReLU()(np.array([-1.0, 2.0]))
    array([0., 2.])
    """

    kind = "relu"


class ReLU6(Activation):
    """Cut off below zero and above six: ``y = min(max(x, 0), 6)``; the derivative at both is 0.

    >>> ReLU6()(np.array([-1.0, 2.0, 7.0]))
    array([0., 2., 6.])
    """

    kind = "relu6"


class LeakyReLU(Activation):
    """Flatten below zero: ``y = x`` if ``x > 0``, else ``slope * x``.

    Parameters
    ----------
    slope : float
        torch calls it ``negative_slope``.

    >>> LeakyReLU(0.1)(np.array([-1.0, 2.0]))
    array([-0.1,  2. ])
    """

    kind = "leaky_relu"

    def __init__(self, slope: float = 0.01) -> None:
        super().__init__()
        if isinstance(slope, bool) or not isinstance(slope, int | float | np.number) or not isfinite(slope):
            raise LayerError(f"{self.name}: slope={quote(slope)} must be a finite number")
        self.slope = float(slope)
        self._slope = bits(self.slope)

    def _describe(self) -> str:
        return f"slope {self.slope:g}"


class Sigmoid(Activation):
    """The logistic function: ``y = 1 / (1 + exp(-x))``, ``dy/dx = y (1 - y)``.

    >>> Sigmoid()(np.array([0.0]))
    array([0.5])
    """

    kind = "sigmoid"


class Tanh(Activation):
    """The hyperbolic tangent; ``dy/dx = 1 - y**2``.

    >>> Tanh()(np.array([0.0, 100.0]))
    array([0., 1.])
    """

    kind = "tanh"


class SiLU(Activation):
    """The sigmoid linear unit (swish): ``y = x s``, ``dy/dx = s (1 + x (1 - s))`` with ``s = 1 / (1 + exp(-x))``.

    >>> SiLU()(np.array([0.0]))
    array([0.])
    """

    kind = "silu"


class GELU(Activation):
    """The exact Gaussian error linear unit: ``y = x (1 + erf(x / sqrt(2))) / 2``.

    References
    ----------
    Hendrycks and Gimpel (2016), *Gaussian error linear units*, equation 1.

    >>> GELU()(np.array([0.0, 1.0])).round(6)
    array([0.      , 0.841345])
    """

    kind = "gelu"


class Softmax(Layer):
    """Turn numbers along an axis into shares of one: ``y_i = exp(x_i - max x) / sum_j exp(x_j - max x)``.

    The gradient is ``dx_i = y_i (dy_i - sum_j dy_j y_j)``.  Sums are held in float64.

    Parameters
    ----------
    axis : int
        By default the channels.

    >>> Softmax()(np.zeros((1, 4)))
    array([[0.25, 0.25, 0.25, 0.25]])
    """

    def __init__(self, axis: int = 1) -> None:
        super().__init__()
        if isinstance(axis, bool) or not isinstance(axis, int | np.integer):
            raise ShapeError(f"{self.name}: axis={quote(axis)} must be a whole number")
        self.axis = int(axis)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        """Compute the shares.

        Parameters
        ----------
        x : ndarray of float32 or float64
        training : bool
            Keep the result for `backward`.

        Returns
        -------
        ndarray, shape and dtype of ``x``
        """
        seen = dense(self._check(x))
        self.output_shape(seen.shape)
        y = recycled(seen.shape, seen.dtype)
        self._run(softmax.emit_forward, seen, seen, y)
        if training:
            self._keep(y)
        return y

    def backward(self, dy: Array) -> Array:
        """Carry a gradient back.

        Parameters
        ----------
        dy : ndarray, shape of the result

        Returns
        -------
        ndarray, the same shape
        """
        y: Array = self._recall()[0]
        above = dense(self._check_gradient(dy, y.shape))
        dx = recycled(y.shape, y.dtype)
        self._run(softmax.emit_backward, y, above, dx)
        return dx

    def _run(self, emit: Any, source: Array, above: Array, out: Array) -> None:
        if not out.size:
            return
        axis = self.axis % out.ndim
        length, inner = out.shape[axis], prod(out.shape[axis + 1:])
        rows = prod(out.shape[:axis]) * (1 if inner == 1 else -(-inner // softmax.WIDTH))
        per_item = max(1, CHUNK // (length * min(inner, softmax.WIDTH)))
        cells = (address(source), address(above), address(out), rows, per_item, length, inner)
        program(emit, "along" if inner == 1 else "across", kind_of(out))(cells, -(-rows // per_item), out.size)

    def output_shape(self, input_shape: Shape) -> Shape:
        """The input's shape, which must have the axis."""
        shape = tuple(input_shape)
        if not shape or not -len(shape) <= self.axis < len(shape):
            way_out = f"use one of {-len(shape)} to {len(shape) - 1}" if shape else "give the input an axis"
            raise ShapeError(f"{self.where}: axis {self.axis} does not exist in an input of shape {shape}; {way_out}")
        return shape

    def _describe(self) -> str:
        return f"axis {self.axis}"


__all__ = ["GELU", "Activation", "LeakyReLU", "ReLU", "ReLU6", "SiLU", "Sigmoid", "Softmax", "Tanh"]
