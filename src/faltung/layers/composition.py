"""Layers of layers, and those that only pass on: in sequence, beside each other, dropped out, identity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..errors import ShapeError
from .base import Cost, Layer, LayerError, Shape, elements, generator, total_cost


class Identity(Layer):
    """Give the input back.

    >>> Identity().output_shape((1, 2, 3))
    (1, 2, 3)
    """

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        """``x`` itself."""
        return x

    def backward(self, dy: np.ndarray) -> Any:
        """``dy`` itself."""
        return dy

    def output_shape(self, input_shape: Shape) -> Shape:
        """The input's own shape."""
        return tuple(input_shape)


class Sequential(Layer):
    """Layers one after another.

    Parameters
    ----------
    *layers : Layer
        They are named "0", "1", ...
    **named : Layer
        More layers, under names of their own.

    Messages name each layer by its path, ``network.2 (Conv2d)``; with ``sequence["2"]``, ``sequence[2]`` or
    ``sequence["name"]`` one gets it.

    Examples
    --------
    >>> from faltung.layers import Conv2d, Flatten, Linear
    >>> network = Sequential(Conv2d(1, 4, 5), Flatten(), Linear(4 * 24 * 24, 10))
    >>> network
    Sequential(23,154 parameters)
      0: Conv2d(1 -> 4, kernel 5x5, stride 1, padding 0: 104 parameters)
      1: Flatten()
      2: Linear(2304 -> 10: 23,050 parameters)
    >>> list(network.parameters)
    ['0.weight', '0.bias', '2.weight', '2.bias']
    >>> network.output_shape((1, 3, 28, 28))
    Traceback (most recent call last):
    ...
    faltung.errors.ShapeError: network.0 (Conv2d): expected 1 channels along axis 1, given 3 in shape (1, 3, 28, 28)
    """

    def __init__(self, *layers: Layer, **named: Layer) -> None:
        super().__init__()
        for index, layer in enumerate(layers):
            self.add(str(index), layer)
        for name, layer in named.items():
            self.add(name, layer)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        """Compute all layers in order."""
        for layer in self.children.values():
            x = layer.forward(x, training=training)
        return x

    def backward(self, dy: np.ndarray) -> Any:
        """Carry a gradient through all layers, from the last to the first.

        If ``input_gradient`` is False, it stops at the first layer that has parameters.
        """
        layers = list(self.children.values())
        stop = 0 if self.input_gradient else self._first_trained(layers)
        given: Any = dy
        for layer in reversed(layers[stop:]):
            layer.input_gradient = self.input_gradient or layer is not layers[stop]
            given = layer.backward(given)
        return given if self.input_gradient else None

    @staticmethod
    def _first_trained(layers: list[Layer]) -> int:
        return next((index for index, layer in enumerate(layers) if layer.parameters), len(layers))

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape of the last layer's result."""
        shape = tuple(input_shape)
        for layer in self.children.values():
            shape = layer.output_shape(shape)
        return shape

    def cost(self, input_shape: Shape) -> Cost:
        """Sum of the layers' costs."""
        shape, costs = tuple(input_shape), []
        for layer in self.children.values():
            costs.append(layer.cost(shape))
            shape = layer.output_shape(shape)
        return total_cost(costs)

    def __getitem__(self, name: str | int) -> Layer:
        if isinstance(name, int):
            return list(self.children.values())[name]
        return self.children[name]

    def __len__(self) -> int:
        return len(self.children)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.children.values())

    def __repr__(self) -> str:
        return outline(self)


class Residual(Layer):
    """Add what some layers make of the input to the input: ``y = activation(branch(x) + shortcut(x))``.

    K. He et al., "Deep residual learning for image recognition" (2016), equations 1 and 2.

    Parameters
    ----------
    *layers, **named : Layer
        The branch, in order; named as in `Sequential`, without a level of its own in the names of parameters.
    shortcut : Layer, optional
        What stands beside the branch where the shapes differ; by default the identity.
    activation : Layer, optional
        Applied to the sum.

    Examples
    --------
    >>> from faltung.layers import Conv2d
    >>> Residual(conv1=Conv2d(8, 8, 3, padding=1), conv2=Conv2d(8, 8, 3, padding=1))
    Residual(1,168 parameters)
      conv1: Conv2d(8 -> 8, kernel 3x3, stride 1, padding 1: 584 parameters)
      conv2: Conv2d(8 -> 8, kernel 3x3, stride 1, padding 1: 584 parameters)
    """

    def __init__(self, *layers: Layer, shortcut: Layer | None = None, activation: Layer | None = None,
                 **named: Layer) -> None:
        super().__init__()
        for index, layer in enumerate(layers):
            self.add(str(index), layer)
        for name, layer in named.items():
            self.add(name, layer)
        self.branch = list(self.children.values())
        if not self.branch:
            raise LayerError("Residual: there is no layer in the branch; give at least one")
        self.shortcut, self.activation = shortcut, activation
        if shortcut is not None:
            self.add("shortcut", shortcut)
        if activation is not None:
            self.add("activation", activation)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        """Compute branch, shortcut, sum and activation."""
        y = x
        for layer in self.branch:
            y = layer.forward(y, training=training)
        beside = x if self.shortcut is None else self.shortcut.forward(x, training=training)
        if y.shape != beside.shape:
            raise self._unequal(y.shape, beside.shape)
        total = y + beside
        return total if self.activation is None else self.activation.forward(total, training=training)

    def backward(self, dy: np.ndarray) -> Any:
        """Carry a gradient through the activation, then through both ways, and add what arrives."""
        if self.activation is not None:
            dy = self.activation.backward(dy)
        beside = dy if self.shortcut is None else self.shortcut.backward(dy)
        for layer in reversed(self.branch):
            dy = layer.backward(dy)
        return dy + beside

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape of the sum."""
        shape = self._branch_shapes(tuple(input_shape))[-1]
        beside = tuple(input_shape) if self.shortcut is None else self.shortcut.output_shape(input_shape)
        if shape != beside:
            raise self._unequal(shape, beside)
        return shape if self.activation is None else self.activation.output_shape(shape)

    def _branch_shapes(self, shape: Shape) -> list[Shape]:
        shapes = [shape]
        for layer in self.branch:
            shapes.append(layer.output_shape(shapes[-1]))
        return shapes

    def _unequal(self, shape: Shape, beside: Shape) -> ShapeError:
        return ShapeError(f"{self.where}: expected a shortcut of the branch's shape {shape}, given {beside}; pass "
                          "shortcut=, a layer that gives that shape")

    def cost(self, input_shape: Shape) -> Cost:
        """Sum of the costs of branch, shortcut and activation; the sum itself reads two arrays and writes one."""
        shapes = self._branch_shapes(tuple(input_shape))
        costs = [layer.cost(shape) for layer, shape in zip(self.branch, shapes[:-1], strict=True)]
        if self.shortcut is not None:
            costs.append(self.shortcut.cost(input_shape))
        if self.activation is not None:
            costs.append(self.activation.cost(shapes[-1]))
        size = next((parameter.value.itemsize for parameter in self.parameters.values()), 4)
        return total_cost([*costs, Cost(0, 0, 3 * size * elements(shapes[-1]))])

    def __repr__(self) -> str:
        return outline(self)


class Dropout(Layer):
    """In training, set values to zero at random and scale the others: ``y = x * keep / (1 - probability)``.

    N. Srivastava et al., "Dropout" (2014).  Outside training it gives ``x`` back.

    Parameters
    ----------
    probability : float
        Of each value to be dropped, at least 0 and below 1.
    whole_channels : bool
        Drop whole channels of an image instead of single values.
    seed : int or numpy.random.Generator, optional
        The layer draws its numbers from a generator of its own: the same seed drops the same values, whatever the
        number of threads.

    Examples
    --------
    >>> Dropout(0.5, seed=1).forward(np.ones((1, 8)), training=True)
    array([[0., 2., 2., 2., 0., 0., 2., 2.]])
    """

    def __init__(self, probability: float = 0.5, *, whole_channels: bool = False, seed: Any = None) -> None:
        super().__init__()
        if isinstance(probability, bool) or not isinstance(probability, int | float) or not 0 <= probability < 1:
            raise LayerError(f"Dropout: probability={probability!r} must be a number of at least 0 and below 1")
        self.probability, self.whole_channels = float(probability), whole_channels
        self.random = generator(seed)

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        """Drop values in training; otherwise give ``x`` back."""
        if not training:
            return x
        x = self._check(x)
        shape = (*x.shape[:2], *(1,) * (x.ndim - 2)) if self.whole_channels else x.shape
        # The same draws for float32 and float64, so that both drop the same.
        kept = self.random.random(shape, np.float32) >= self.probability
        factor = kept * x.dtype.type(1.0 / (1.0 - self.probability))
        self._kept = factor, x.shape
        y: np.ndarray = x * factor
        return y

    def backward(self, dy: np.ndarray) -> Any:
        """Drop and scale as the last forward pass did."""
        factor, shape = self._recall()
        return self._check_gradient(dy, shape) * factor

    def output_shape(self, input_shape: Shape) -> Shape:
        """The input's own shape."""
        return tuple(input_shape)

    def _describe(self) -> str:
        return f"probability {self.probability:g}" + (", whole channels" if self.whole_channels else "")


def outline(layer: Layer) -> str:
    """Layer with its children on lines of their own, each level two spaces further in."""
    head = f"{layer.name}({layer._count():,} parameters)"
    lines = [f"{name}: {child!r}" for name, child in layer.children.items()]
    return "\n".join([head, *(f"  {line}" for text in lines for line in text.split("\n"))])


