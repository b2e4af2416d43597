"""The grid of convolutional layers, and what is asked of every layer."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from faltung import layers

PADDINGS = ("valid", "same", "same_lower", "causal", "full", 0, 1, 2, ((1, 0),), ((0, 2),))
BORDERS = (0, "edge", "reflect", "symmetric", "wrap", 0.5, ("edge", -1.5))
CHANNELS = ((1, 1, 1), (2, 3, 1), (4, 6, 2), (3, 3, 3), (2, 4, 2))  # in, out, groups


def conv_cases(count=70, seed=4):
    """Layers over every padding and border, with strides, dilations and groups: (label, kind, words, input shape)."""
    rng = np.random.default_rng(seed)
    pairs = list(itertools.product(PADDINGS, BORDERS))
    cases = []
    for padding, border in pairs[:count]:
        ndim = int(rng.choice((1, 1, 2, 2, 2, 3)))
        inputs, outputs, groups = CHANNELS[rng.integers(len(CHANNELS))]
        kernel = tuple(int(k) for k in rng.integers(1, 4 if ndim < 3 else 3, ndim))  # many taps compile for long
        words = {
            "stride": tuple(int(s) for s in rng.integers(1, 4, ndim)), "groups": groups,
            "dilation": tuple(int(d) for d in rng.integers(1, 3, ndim)), "bias": bool(rng.integers(2)),
            "padding": padding * ndim if isinstance(padding, tuple) else padding,
            "border": (border,) * ndim if isinstance(border, tuple) else border,
        }
        extents = tuple(int(rng.integers(5, 8)) for _ in range(ndim))
        shape = (int(rng.integers(1, 4)), inputs, *extents)
        cases.append((f"{ndim}d {padding} {border}", layers.Conv, (inputs, outputs, kernel), words, shape))
    return cases


def transposed_cases(count=24, seed=5):
    rng = np.random.default_rng(seed)
    cases = []
    for index in range(count):
        ndim = int(rng.choice((1, 2, 2, 3)))
        inputs, outputs, groups = CHANNELS[rng.integers(len(CHANNELS))]
        stride = tuple(int(s) for s in rng.integers(1, 4, ndim))
        dilation = tuple(int(d) for d in rng.integers(1, 3, ndim))
        padding = ("valid", "same", "same_lower", "causal", "full", 0, 1, ((1, 0),) * ndim)[index % 8]
        words = {
            "stride": stride, "dilation": dilation, "groups": groups, "padding": padding,
            "output_padding": tuple(int(rng.integers(0, max(s, d))) for s, d in zip(stride, dilation, strict=True)),
            "bias": bool(rng.integers(2)),
        }
        kernel = tuple(int(k) for k in rng.integers(2, 4 if ndim < 3 else 3, ndim))
        shape = (2, inputs, *(int(rng.integers(4, 6)) for _ in range(ndim)))
        cases.append((f"transposed {ndim}d {padding} {index}", layers.ConvTranspose, (inputs, outputs, kernel), words,
                      shape))
    return cases


CONVOLUTIONS = [*conv_cases(), *transposed_cases()]
NAMES = [case[0] for case in CONVOLUTIONS]
EVERY_OTHER = [pytest.param(case, id=case[0], marks=[pytest.mark.slow] if number % 2 else [])
               for number, case in enumerate(CONVOLUTIONS)]
"""Quick tests take half of them, with each padding and each border."""


def build(case, dtype="float64"):
    """The layer of a case; made once, so that its plans are too."""
    key = case[0], dtype
    if key not in _BUILT:
        _, kind, numbers, words, _ = case
        _BUILT[key] = kind(*numbers, **words, dtype=dtype, seed=11)
    return _BUILT[key]


_BUILT = {}


def others():
    """Every other layer of these files: (label, how to make it, input shape)."""
    conv = {"dtype": "float64", "seed": 3}
    return [
        ("Conv1d", lambda: layers.Conv1d(2, 3, 3, padding="causal", **conv), (2, 2, 7)),
        ("Conv2d", lambda: layers.Conv2d(2, 3, 3, 2, 1, **conv), (2, 2, 5, 6)),
        ("Conv3d", lambda: layers.Conv3d(1, 2, 2, padding="same", **conv), (1, 1, 3, 4, 3)),
        ("Conv4d", lambda: layers.Conv(1, 2, (1, 2, 2, 2), **conv), (1, 1, 3, 3, 4, 3)),
        ("ConvTranspose1d", lambda: layers.ConvTranspose1d(2, 3, 3, 2, **conv), (2, 2, 4)),
        ("ConvTranspose2d", lambda: layers.ConvTranspose2d(2, 3, 3, 2, 1, output_padding=1, **conv), (2, 2, 4, 3)),
        ("ConvTranspose3d", lambda: layers.ConvTranspose3d(1, 2, 2, 2, **conv), (1, 1, 2, 3, 2)),
        ("DepthwiseConv2d", lambda: layers.DepthwiseConv2d(3, 3, padding=1, multiplier=2, **conv), (2, 3, 5, 4)),
        ("PointwiseConv", lambda: layers.PointwiseConv(3, 5, **conv), (2, 3, 4, 4)),
        ("SeparableConv2d", lambda: layers.SeparableConv2d(3, 4, 3, padding=1, **conv), (2, 3, 5, 4)),
        ("Linear", lambda: layers.Linear(6, 4, **conv), (5, 6)),
        ("Linear of one feature", lambda: layers.Linear(1, 1, **conv), (3, 1)),
        ("Linear without bias", lambda: layers.Linear(6, 4, bias=False, **conv), (2, 3, 6)),
        ("Flatten", layers.Flatten, (2, 3, 2, 2)),
        ("Flatten of some axes", lambda: layers.Flatten(2, 3), (2, 3, 2, 2)),
        ("Identity", layers.Identity, (2, 3)),
        ("Upsample", lambda: layers.Upsample((2, 3)), (1, 2, 3, 2)),
        ("Upsample nearest to a size", lambda: layers.Upsample(size=5), (1, 2, 3)),
        ("Upsample linear", lambda: layers.Upsample(1.7, mode="linear"), (1, 2, 4, 3)),
        ("Upsample linear, corners aligned", lambda: layers.Upsample(2, mode="linear", align_corners=True), (1, 2, 4)),
        ("Sequential", lambda: layers.Sequential(layers.Conv2d(1, 2, 2, **conv), layers.Flatten(),
                                                 last=layers.Linear(12, 3, **conv)), (2, 1, 4, 3)),
        ("Residual", lambda: layers.Residual(layers.Conv2d(2, 2, 3, padding=1, **conv)), (2, 2, 4, 3)),
        ("Residual with shortcut", lambda: layers.Residual(
            conv1=layers.Conv2d(2, 4, 3, 2, 1, **conv), shortcut=layers.Conv2d(2, 4, 1, 2, **conv),
            activation=layers.Identity()), (2, 2, 4, 4)),
    ]


OTHERS = others()


def inner(a, b):
    """Inner product, and the sum of the magnitudes of its terms."""
    terms = (a * b).ravel()
    return terms.sum(), np.abs(terms).sum() + 1e-300


def check_gradients(layer, x, rng, places=6):
    """Compare ``backward`` with central differences of a random weighting of the result."""
    y = layer.forward(x, training=True)
    weights = rng.standard_normal(y.shape)
    dx = layer.backward(weights)
    assert dx.shape == x.shape

    def value():
        return (layer.forward(x) * weights).sum()

    arrays = {"x": (x, dx)}
    arrays.update({name: (entry.value, entry.gradient) for name, entry in layer.parameters.items()})
    for name, (array, gradient) in arrays.items():
        assert gradient.shape == array.shape
        assert gradient.dtype == array.dtype
        for index in rng.choice(array.size, min(places, array.size), replace=False):
            place = np.unravel_index(index, array.shape)
            slope = difference(value, array, place)
            assert abs(slope - gradient[place]) <= 2e-7 * (1 + np.abs(gradient).max()), (name, place)


def difference(function, array, place, step=1e-4):
    """Central difference, fourth order: ``(8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / (12 h)``."""
    before, values = array[place], []
    for factor in (1, -1, 2, -2):
        array[place] = before + factor * step
        values.append(function())
    array[place] = before
    return (8 * (values[0] - values[1]) - (values[2] - values[3])) / (12 * step)
