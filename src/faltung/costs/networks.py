"""What a network costs, layer by layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

from ..arrays import Like
from ..asking import ask
from ..compiler.threads import get_threads
from ..errors import ShapeError
from ..layers.base import Layer
from ..layers.convolution import Convolution
from ..layers.linear import FEW_ROWS, Linear
from ..layers.network import Row, trace
from ..operations import conv
from .cost import Cost, cost_of
from .rates import Rates
from .tables import network_html, network_text

MEMORY = "memory"
"""How a layer is computed whose time is that of its bytes."""
FREE = ("Dropout", "Flatten", "Identity")
"""Layers that give back what they get, outside training."""


class LayerCost(NamedTuple):
    """What one layer takes in a forward pass."""

    path: str
    kind: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    bytes: int
    algorithm: str
    """Of its convolution; "memory" where its time is that of its bytes."""
    seconds: float
    """On one thread."""
    shared: float
    """On all threads."""
    cost: Cost | None
    """Of its convolution, if it is one."""

    @property
    def intensity(self) -> float:
        """Operations for each byte."""
        return 2 * self.multiply_adds / self.bytes if self.bytes else 0.0


@dataclass(frozen=True)
class NetworkCost:
    """What a network takes in a forward pass; ``print`` writes it as a table, notebooks show one.

    Attributes
    ----------
    name : str
        The network's kind.
    input_shape : tuple of int
        (batch, channels, *space).
    layers : tuple of LayerCost
        In the order in which they are passed.
    parameters : int
        Of all layers; of one that is passed several times once.
    threads : int
        That ``shared`` times are for.
    rates : Rates
        What one thread of this machine does in a second.
    """

    name: str
    input_shape: tuple[int, ...]
    layers: tuple[LayerCost, ...]
    parameters: int
    threads: int
    rates: Rates

    @property
    def multiply_adds(self) -> int:
        """Sum over the layers."""
        return sum(layer.multiply_adds for layer in self.layers)

    @property
    def bytes(self) -> int:
        """Sum over the layers: input, parameters and output of each."""
        return sum(layer.bytes for layer in self.layers)

    @property
    def intensity(self) -> float:
        """Operations for each byte."""
        return 2 * self.multiply_adds / self.bytes

    @property
    def seconds(self) -> float:
        """Predicted time of one thread."""
        return sum(layer.seconds for layer in self.layers)

    @property
    def shared(self) -> float:
        """Predicted time of all threads."""
        return sum(layer.shared for layer in self.layers)

    def __str__(self) -> str:
        return network_text(self)

    def _repr_html_(self) -> str:
        return network_html(self)


def network_cost(network: Layer, input_shape: Any, rates: Callable[[int], Rates]) -> NetworkCost:
    """Tell what a forward pass of a network costs."""
    try:
        shape = Like(input_shape).shape
    except (TypeError, ValueError):
        shape = ()
    if len(shape) < 2 or min(shape) < 1:
        raise ShapeError(f"cost: the shape of the input is {input_shape!r}, but must be (batch, channels, *space), "
                         "each at least 1")
    threads = get_threads()
    layers = tuple(_layer(row, rates, threads) for row in trace(network, shape))
    held = {id(parameter): parameter.value.size for parameter in network.parameters.values()}
    return NetworkCost(network.name, shape, layers, sum(held.values()), threads, rates(1))


def _layer(row: Row, rates: Callable[[int], Rates], threads: int) -> LayerCost:
    known, layer = _convolution(row, rates), row.layer
    size = row.cost.bytes
    if known is None:
        free = layer.name in FREE
        times = (0.0, 0.0) if free else (rates(1).seconds(0.0, size), rates(threads).seconds(0.0, size))
    else:
        times = (known.chosen.seconds, known.chosen.shared)
    return LayerCost(row.path, layer.name, row.input_shape, row.output_shape, row.cost.parameters,
                     row.cost.multiply_adds, size, MEMORY if known is None else known.chosen.algorithm, *times, known)


def _convolution(row: Row, rates: Callable[[int], Rates]) -> Cost | None:
    """The cost of a layer that is one call of the engine."""
    layer: Any = row.layer
    if isinstance(layer, Convolution):
        image, kernel, bias = layer._likes(row.input_shape)
        asked = ask("cost", type(layer)._compute, (image, kernel, bias), {**layer.options, "method": layer.method})
        return cost_of(asked, rates)
    if isinstance(layer, Linear):
        rows, kind = prod(row.input_shape[:-1]), str(layer.dtype)
        if rows <= FEW_ROWS:
            return None
        bias = None if layer._bias is None else Like((layer.features_out,), kind)
        operands = (Like((1, rows, layer.features_in), kind), Like((layer.features_out, layer.features_in, 1), kind))
        return cost_of(ask("cost", conv, (*operands, bias), {"layout": "channels_last"}), rates)
    return None
