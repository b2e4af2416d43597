"""What an image becomes on its way through a network: each layer's result, and what the layer does, in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..errors import FaltungError
from ..layers import activations, composition, convolution, linear, normalisation, pooling, upsampling
from ..layers.base import Layer
from ..layers.network import watched
from ..layers.training import dtype_of
from .panels import Array, size_of


class Pass(NamedTuple):
    """A layer, as an image has passed it."""

    path: str
    layer: Layer
    taken: tuple[int, ...]
    """Shape of what it took, without the batch."""
    result: Array
    """What it made, without the batch."""

    @property
    def head(self) -> str:
        """The layer's own words, in one line."""
        return repr(self.layer).split("\n", 1)[0].replace(" -> ", " \N{RIGHTWARDS ARROW} ")

    @property
    def size(self) -> str:
        """What it made, counted."""
        count, space = len(self.result), self.result.shape[1:]
        if not space:
            return f"{count} value{'s' * (count != 1)}"
        return f"{count} map{'s' * (count != 1)} of {size_of(space)}"

    @property
    def does(self) -> str:
        """What the layer does."""
        return what(self.layer, self.taken, self.result.shape)


def record(network: Layer, image: Any, function: str = "feature_maps") -> list[Pass]:
    """Pass an image, (channels, *space), through a network; give what each layer makes of it.

    Layers of layers are there only if they make something that none of their own layers has made, such as a sum.
    """
    values = np.asarray(image, dtype_of(network))
    if values.ndim < 1 or not values.size:
        raise FaltungError(f"{function}: image {values.shape} must be (channels, *space), with one value at least")
    passes: list[Pass] = []
    made: list[Any] = [values]

    def see(path: str, layer: Layer, argument: Any, result: Any) -> None:
        if any(result is other for other in made):
            return
        made.append(result)
        passes.append(Pass(path, layer, argument.shape[1:], result[0]))

    with watched(network, "forward", see):
        network.forward(values[None])
    return passes


# ---------------------------------------------------------------- in words

Taken = tuple[int, ...]
Words = Callable[[Any, Taken, Taken], str]


def what(layer: Layer, taken: Sequence[int], made: Sequence[int]) -> str:
    """Tell what a layer does, in a sentence."""
    for kind, words in _WORDS:
        if isinstance(layer, kind):
            return words(layer, tuple(taken), tuple(made))
    return "Adds its input to what its layers have made of it." if layer.children else ""


def _convolution(layer: Any, taken: Taken, made: Taken) -> str:
    groups, inputs = layer.groups, layer.channels_in // layer.groups
    window = size_of(layer.kernel)
    if prod(layer.kernel) == 1 and groups == 1:
        return f"Mixes {_maps(inputs)} into {made[0]} at each place."
    if inputs == 1:
        text = (f"Filters each map by {window} taps of its own" if groups > 1 else
                f"Each map is the one before, filtered by {window} taps of its own")
    else:
        text = f"Each map is a sum of {_maps(inputs)}, each filtered by {window} taps"
    stride = max(layer.options["stride"])
    return f"{text}; every {_nth(stride)} place is kept." if stride > 1 else f"{text}."


def _transposed(layer: Any, _taken: Taken, _made: Taken) -> str:
    return (f"Each sample lays {size_of(layer.kernel)} taps down, {size_of(layer.options['stride'])} apart from its "
            "neighbour's; what overlaps is added.")


def _pooling(word: str) -> Words:
    def words(layer: Any, taken: Taken, made: Taken) -> str:
        kernel = getattr(layer, "kernel", None)
        if kernel is None:
            return f"{word} each of {size_of(made[1:])} windows."
        kernel = (kernel,) * (len(taken) - 1) if isinstance(kernel, int) else kernel
        return f"{word} each {size_of(kernel)} window."
    return words


def _said(text: str) -> Words:
    return lambda _layer, _taken, _made: text


def _maps(count: int) -> str:
    return f"{count} map{'s' * (count != 1)}"


def _nth(number: int) -> str:
    return {2: "2nd", 3: "3rd"}.get(number, f"{number}th")


_WORDS: tuple[tuple[type | tuple[type, ...], Words], ...] = (
    (convolution.ConvTranspose, _transposed),
    (convolution.Convolution, _convolution),
    (pooling.GlobalAveragePool, _said("Averages each map to one value.")),
    ((pooling.MaxPool, pooling.AdaptiveMaxPool), _pooling("Keeps the largest value of")),
    ((pooling.AveragePool, pooling.AdaptiveAveragePool), _pooling("Averages")),
    (normalisation.BatchNorm, _said("Shifts and scales each map, by what it was over the images of the training.")),
    (normalisation.LayerNorm, _said("Shifts and scales all values to mean 0 and deviation 1.")),
    (normalisation.GroupNorm, _said("Shifts and scales each group of maps to mean 0 and deviation 1.")),
    (activations.ReLU, _said("Negative values become 0.")),
    (activations.ReLU6, _said("Negative values become 0, those above 6 become 6.")),
    (activations.LeakyReLU, lambda layer, *_: f"Negative values are multiplied by {layer.slope:g}."),
    (activations.Sigmoid, _said("Brings each value between 0 and 1.")),
    (activations.Tanh, _said("Brings each value between \N{MINUS SIGN}1 and 1.")),
    ((activations.SiLU, activations.GELU), _said("Positive values pass, negative ones are damped.")),
    (activations.Softmax, _said("Makes probabilities of the values.")),
    (linear.Flatten, _said("Writes all maps into one row of values.")),
    (linear.Linear, lambda _layer, taken, _made: f"Each value is a weighted sum of all {taken[-1]}."),
    (upsampling.Upsample, lambda _layer, taken, made: f"Makes {size_of(made[1:])} of {size_of(taken[1:])}."),
    ((composition.Dropout, composition.Identity), _said("Changes nothing here.")),
)
