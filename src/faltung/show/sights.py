"""What one output of each layer sees of the input: found by asking the network itself, not by a formula.

Where a plane of the input is NaN, exactly the outputs that see it become NaN.  How strongly they see each sample is the
gradient, with which a one at the output is carried back.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import numpy as np

from ..errors import FaltungError
from ..layers.base import Layer
from ..layers.composition import Dropout
from ..layers.network import Row, leaves, trace, watched
from ..layers.normalisation import BatchNorm
from ..layers.training import dtype_of
from .panels import Array

MOST = 256
"""Samples of the input along an axis; each that is seen takes a pass through the network."""
_BLOCK = 16
"""So many neighbours are blinded together first; where none of them is seen, that is all."""
_AT_ONCE, _PIXELS = 32, 32 * 128**2
"""Images in one pass, and their pixels."""
_MOST_LOOKS, _WORK = 16, 160e6
"""The size of a gradient is averaged over so many images or channels, fewer where that is more work than this, counted
in multiply-adds of the network.
"""
Index = tuple[int, ...]


class Sight(NamedTuple):
    """What one output of a layer sees."""

    row: Row
    at: Index
    """Index of the output."""
    seen: tuple[Array, ...]
    """Along each axis, for each sample of the input, whether it is seen."""

    @property
    def field(self) -> Index:
        """From the first sample seen to the last one, along each axis."""
        return tuple(int(places[-1] - places[0]) + 1 if len(places) else 0 for places in map(np.flatnonzero, self.seen))

    @property
    def box(self) -> tuple[tuple[int, int], ...]:
        """First and last sample seen along each axis; the last one is before the first if there is none."""
        return tuple((int(places[0]), int(places[-1])) if len(places) else (0, -1)
                     for places in map(np.flatnonzero, self.seen))

    @property
    def mask(self) -> Array:
        """Which samples of the input are seen."""
        mask = self.seen[0]
        for along in self.seen[1:]:
            mask = mask[..., None] & along
        return mask


def sights(network: Layer, input_shape: Sequence[int], at: Sequence[int] | None = None,
           layer: str | None = None) -> list[Sight]:
    """Find what one output of each layer sees, for the layers whose results have axes of space.

    Parameters
    ----------
    network, input_shape
        As of `faltung.layers.network.trace`.
    at
        Index of an output of `layer`, without batch and channel; the one in the middle by default.  Of other layers it
        is the one at the same place.
    layer
        Path of a layer; the last one with axes of space by default.
    """
    shape = tuple(map(int, input_shape))
    rows = [row for row in trace(network, shape) if len(row.output_shape) == len(shape) > 2]
    if not rows:
        raise FaltungError(f"receptive_field: {network.name} has no layer whose result has axes of space; give one "
                           "that filters or pools")
    if max(shape[2:]) > MOST:
        raise FaltungError(f"receptive_field: input {'x'.join(map(str, shape[2:]))} is larger than {MOST} a side; use "
                           f"{'x'.join([str(MOST)] * len(shape[2:]))} or less")
    places = _places(rows, at, layer)
    found = [[np.zeros(extent, bool) for extent in shape[2:]] for _ in rows]
    for axis, extent in enumerate(shape[2:]):
        blocks = [range(start, min(start + _BLOCK, extent)) for start in range(0, extent, _BLOCK)]
        is_seen = np.any(_blinded(network, shape, axis, blocks, rows, places), axis=0)
        planes = [place for block, seen in zip(blocks, is_seen, strict=True) if seen for place in block]
        singles = [range(place, place + 1) for place in planes]
        for number, blind in enumerate(_blinded(network, shape, axis, singles, rows, places)):
            found[number][axis][planes] = blind
    return [Sight(row, place, tuple(seen)) for row, place, seen in zip(rows, places, found, strict=True)]


def _places(rows: Sequence[Row], at: Sequence[int] | None, layer: str | None) -> list[Index]:
    paths = [row.path for row in rows]
    if layer is not None and layer not in paths:
        known = ", ".join(paths[:8]) + (", ..." if len(paths) > 8 else "")
        raise FaltungError(f'receptive_field: there is no layer "{layer}" whose result has axes of space; use one of '
                           f"{known}")
    extents = rows[-1 if layer is None else paths.index(layer)].output_shape[2:]
    chosen = tuple(extent // 2 for extent in extents) if at is None else tuple(map(int, at))
    fits = len(chosen) == len(extents) and all(map(range.__contains__, map(range, extents), chosen))
    if not fits:
        raise FaltungError(f"receptive_field: at={at!r} is no place of the {'x'.join(map(str, extents))} outputs of "
                           f"{paths[-1] if layer is None else layer}; count from 0")
    return [tuple(int((place + 0.5) * here / extent) for place, here, extent in
                  zip(chosen, row.output_shape[2:], extents, strict=True)) for row in rows]


def _blinded(network: Layer, shape: Index, axis: int, parts: Sequence[range], rows: Sequence[Row],
             places: Sequence[Index]) -> list[Array]:
    """For each layer and each part of an axis, whether the output cannot be computed without the planes across it."""
    wanted = {row.path: place for row, place in zip(rows, places, strict=True)}
    found: dict[str, list[Array]] = {path: [np.zeros(0, bool)] for path in wanted}

    def see(path: str, layer: Layer, argument: Any, result: Any) -> None:
        if path in wanted and not layer.children:
            found[path].append(np.isnan(result[(..., *wanted[path])]).any(axis=1))

    count = max(min(_AT_ONCE, _PIXELS // math.prod(shape[2:])), 1)
    for start in range(0, len(parts), count):
        some = parts[start : start + count]
        images = np.random.default_rng(0).normal(size=(len(some), *shape[1:])).astype(dtype_of(network))
        for image, part in zip(images, some, strict=True):
            np.moveaxis(image, axis + 1, 0)[part.start : part.stop] = np.nan
        with watched(network, "forward", see), np.errstate(invalid="ignore"):
            network.forward(images)
    return [np.concatenate(found[row.path]) for row in rows]


# ---------------------------------------------------------------- how strongly

def strength(network: Layer, sight: Sight, input_shape: Sequence[int], image: Any = None) -> Array:
    """Size of the gradient of an output by each sample of the input, summed over its channels.

    It is the mean over channels of the output, for an image; without one over images of noise too.

    W. Luo, Y. Li, R. Urtasun, R. Zemel, "Understanding the effective receptive field in deep convolutional neural
    networks" (2016).
    """
    kind, work = dtype_of(network), network.cost((1, *input_shape[1:])).multiply_adds
    looks = int(min(max(_WORK / max(work, 1), 2), _MOST_LOOKS))
    shape = (looks, *map(int, input_shape[1:]))
    images = (np.random.default_rng(0).normal(size=shape).astype(kind) if image is None else
              np.broadcast_to(np.asarray(image, kind), shape).copy())
    channels = sight.row.output_shape[1]
    ones = np.zeros((looks, *sight.row.output_shape[1:]), kind)
    for number in range(looks):
        ones[(number, number * channels // looks if channels > looks else number % channels, *sight.at)] = 1
    with ExitStack() as stack:
        stack.enter_context(_kept_gradients(network))
        stack.enter_context(_settled(network))
        scores = network.forward(images, training=True)
        stack.enter_context(_answering(network, sight.row.path, ones))
        given = network.backward(np.zeros_like(scores))
    size: Array = np.abs(given.astype(np.float64)).sum(axis=1).mean(axis=0)
    return size


@contextmanager
def _kept_gradients(network: Layer) -> Iterator[None]:
    """Leave the gradients of the parameters as they were."""
    kept = [(parameter, parameter.gradient) for parameter in network.parameters.values()]
    wanted, network.input_gradient = network.input_gradient, True
    try:
        yield
    finally:
        network.input_gradient = wanted
        for parameter, gradient in kept:
            parameter.gradient = gradient


@contextmanager
def _settled(network: Layer) -> Iterator[None]:
    """Have layers that behave otherwise in training behave as they do afterwards, with their gradients."""
    changed = []
    try:
        for _, layer in leaves(network):
            if isinstance(layer, BatchNorm | Dropout):
                layer.__dict__.update(forward=_afterwards(layer.forward), backward=_scaling(layer))
                changed.append(layer)
        yield
    finally:
        for layer in changed:
            del layer.__dict__["forward"], layer.__dict__["backward"]


def _afterwards(forward: Any) -> Any:
    return lambda x, **_training: forward(x, training=False)


def _scaling(layer: Layer) -> Any:
    """The gradient through a settled layer."""
    if not isinstance(layer, BatchNorm):
        return lambda dy: dy
    deviation = np.sqrt(layer.buffers["running_var"] + layer.eps)
    scale = (layer.parameters["weight"].value if layer.affine else 1) / deviation
    return lambda dy: dy * scale.astype(dy.dtype).reshape(-1, *[1] * (dy.ndim - 2))


@contextmanager
def _answering(network: Layer, path: str, ones: Array) -> Iterator[None]:
    """Have a layer take ``ones`` for the gradient by its result, whatever it is given."""
    layer = dict(leaves(network))[path]
    plain = layer.backward
    before = layer.__dict__.get("backward")
    layer.__dict__["backward"] = lambda _dy: plain(ones)
    try:
        yield
    finally:
        if before is None:
            del layer.__dict__["backward"]
        else:
            layer.__dict__["backward"] = before
