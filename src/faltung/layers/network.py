"""Networks: what they consist of, layer by layer; and their weights in files.

`save` and `load` are those of ``weights``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..errors import ShapeError
from .base import Cost, Layer, Shape
from .convolution import ConvTranspose
from .pages import Summary
from .pooling import GlobalAveragePool
from .weights import load, save

__all__ = ["Row", "leaves", "load", "save", "summary", "trace", "watched"]

WHOLE = math.inf
"""A receptive field that is the whole input, along an axis."""
See = Callable[[str, Layer, Any, Any], Any]
"""Called with path, layer, argument and result of a method; may give another result."""


# ---------------------------------------------------------------- watching

def leaves(network: Layer, path: str = "") -> Iterator[tuple[str, Layer]]:
    """Give the layers that have no children, and their paths, in order."""
    if not network.children:
        yield path or network.name, network
    for name, child in network.children.items():
        yield from leaves(child, f"{path}.{name}" if path else name)


@contextmanager
def watched(network: Layer, method: str, see: See) -> Iterator[None]:
    """Have `see` called after each call of a method of any layer of a network, that of the network itself included.

    What `see` gives, unless that is None, is the result instead.
    """
    changed: list[Layer] = []

    def watch(layer: Layer, path: str) -> None:
        if method in layer.__dict__:
            # It stands at several places; the first gives it its path.
            return
        plain = getattr(layer, method)

        def told(argument: Any, *rest: Any, **options: Any) -> Any:
            result = plain(argument, *rest, **options)
            other = see(path or layer.name, layer, argument, result)
            return result if other is None else other

        layer.__dict__[method] = told
        changed.append(layer)
        for name, child in layer.children.items():
            watch(child, f"{path}.{name}" if path else name)

    try:
        watch(network, "")
        yield
    finally:
        for layer in changed:
            del layer.__dict__[method]


# ---------------------------------------------------------------- tracing

class Sight(NamedTuple):
    """How many input samples one output sees along each axis (`WHOLE`: all), and how far its neighbour's are apart."""

    field: tuple[float, ...]
    step: tuple[float, ...]


@dataclass(frozen=True)
class Row:
    """One layer of a network as an input passes it.

    ``sight`` is what one sample of its output sees of the input.
    """

    path: str
    layer: Layer
    input_shape: Shape
    output_shape: Shape
    cost: Cost
    sight: Sight


def trace(network: Layer, input_shape: Sequence[int]) -> list[Row]:
    """Follow the shape of an input through the layers of a network, without computing anything.

    Parameters
    ----------
    network
        Any layer.
    input_shape
        (batch, channels, *space).

    Returns
    -------
    list of Row
        One for each layer without children, in the order in which they are passed.

    Raises
    ------
    ShapeError
        The input does not fit; the text names the layer by its path.

    Notes
    -----
    Receptive fields follow Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks",
    Distill (2019): ``field += (K - 1) dilation step``, then ``step *= stride``.  Where branches meet, the widest
    counts.
    """
    shape = tuple(int(extent) for extent in input_shape)
    if len(shape) < 2 or min(shape) < 1:
        raise ShapeError(f"summary: input_shape={shape} must be (batch, channels, *space), each at least 1")
    calls: list[tuple[str, Layer, Shape, Shape]] = []

    def see(path: str, layer: Layer, argument: Any, result: Any) -> None:
        if not layer.children:
            calls.append((path, layer, tuple(argument), tuple(result)))

    with watched(network, "output_shape", see):
        network.output_shape(shape)
    ones = (1.0,) * (len(shape) - 2)
    # Fields only grow on the way, so the widest of those with an equal shape is the one that meets the next layer.
    known: dict[Shape, Sight] = {shape: Sight(ones, ones)}
    rows = []
    for path, layer, before, after in calls:
        sight = _through(layer, before, after, known[before])
        seen = known.get(after, sight)
        known[after] = Sight(tuple(map(max, sight.field, seen.field)), sight.step)
        rows.append(Row(path, layer, before, after, layer.cost(before), sight))
    return rows


def _through(layer: Layer, before: Shape, after: Shape, sight: Sight) -> Sight:
    """What one sample behind a layer sees, if one before it sees `sight`."""
    if len(before) == len(after) == 2:
        # Behind `Flatten` a value is one of the places still; a layer with parameters looks at all of them.
        return Sight((WHOLE,) * len(sight.field), sight.step) if layer.parameters else sight
    if isinstance(layer, GlobalAveragePool):
        return Sight((WHOLE,) * len(sight.field), sight.step)
    if len(before) != len(after):
        return sight
    kernel, stride, dilation = _window(layer, before[2:], after[2:])
    field = (wide + (taps - 1) * far * step for wide, taps, far, step in
             zip(sight.field, kernel, dilation, sight.step, strict=True))
    return Sight(tuple(field), tuple(step * by for step, by in zip(sight.step, stride, strict=True)))


def _window(layer: Layer, before: Shape, after: Shape) -> tuple[Iterable[float], Iterable[float], Iterable[float]]:
    """Kernel, stride and dilation of a layer along each axis; extents tell those of layers without a kernel."""
    ones = (1,) * len(before)
    kernel = getattr(layer, "kernel", None)
    if kernel is None:
        # Adaptive pooling parts its input evenly, upsampling repeats it.
        stride = tuple(extent / count for extent, count in zip(before, after, strict=True))
        whole = tuple(WHOLE if count == 1 and extent > 1 else math.ceil(extent / count)
                      for extent, count in zip(before, after, strict=True))
        return whole, stride, ones
    options = getattr(layer, "options", layer.__dict__)
    kernel, stride, dilation = ((value,) * len(before) if isinstance(value, int) else value for value in
                                (kernel, options.get("stride", 1), options.get("dilation", 1)))
    if isinstance(layer, ConvTranspose):
        # One output sees every stride-th tap only, and outputs stand between the inputs.
        seen = (math.ceil(((taps - 1) * far + 1) / by) for taps, far, by in zip(kernel, dilation, stride, strict=True))
        return tuple(seen), tuple(1 / by for by in stride), ones
    return kernel, stride, dilation


# ---------------------------------------------------------------- the summary

_HEAD = ("layer", "kind", "output", "parameters", "multiply-adds", "bytes", "sees")


def summary(network: Layer, input_shape: Sequence[int]) -> str:
    """Tell layer by layer what a network consists of.

    Parameters
    ----------
    network
        Any layer.
    input_shape
        (batch, channels, *space).

    Returns
    -------
    str
        A table: for each layer its path, its kind, the shape of its output, the number of parameters, the
        multiply-adds and the bytes of one forward pass (input, parameters and output, each once), and the receptive
        field; below it the totals.

    Raises
    ------
    ShapeError
        The input does not fit; the text names the layer by its path.
    """
    rows = trace(network, input_shape)
    cells = [(row.path, row.layer.name, _by(row.output_shape), f"{row.cost.parameters:,}",
              f"{row.cost.multiply_adds:,}", f"{row.cost.bytes:,}", _field(row.sight.field)) for row in rows]
    # A layer that stands at several places has its parameters once.
    count = sum(parameter.value.size for parameter in {id(one): one for one in network.parameters.values()}.values())
    held = sum(parameter.value.nbytes for parameter in {id(one): one for one in network.parameters.values()}.values())
    width = max((row.layer.dtype or np.dtype(np.float32)).itemsize for row in rows)
    outputs = sum(math.prod(row.output_shape) for row in rows) * width
    last = ("total", f"{len(rows)} layers", _by(rows[-1].output_shape), f"{count:,}",
            f"{sum(row.cost.multiply_adds for row in rows):,}", f"{sum(row.cost.bytes for row in rows):,}", "")
    widths = [max(len(line[column]) for line in (_HEAD, *cells, last)) for column in range(len(_HEAD))]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    note = f"input {_by(tuple(input_shape))}; parameters {held:,} bytes, outputs of all layers {outputs:,} bytes"
    lines = [_line(_HEAD, widths), rule, *(_line(line, widths) for line in cells), rule, _line(last, widths), note]
    told = Summary("\n".join(lines))
    told.cells = _HEAD, cells, last, note
    return told


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    left = (f"{cell:<{width}}" for cell, width in zip(cells[:3], widths[:3], strict=True))
    right = (f"{cell:>{width}}" for cell, width in zip(cells[3:], widths[3:], strict=True))
    return "  ".join((*left, *right)).rstrip()


def _by(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))


def _field(field: Sequence[float]) -> str:
    if any(wide == WHOLE for wide in field):
        return "all"
    return "x".join(f"{wide:g}" for wide in field)
