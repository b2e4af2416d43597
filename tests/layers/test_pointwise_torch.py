"""Activations, pooling and normalisation have torch's numbers, forward and backward."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from faltung import layers

sys.path.insert(0, str(Path(__file__).parent))
import pointwise_cases as cases

torch = pytest.importorskip("torch")

functional = torch.nn.functional
POOLS = {
    "max": [functional.max_pool1d, functional.max_pool2d, functional.max_pool3d],
    "average": [functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d],
    "adaptive max": [functional.adaptive_max_pool1d, functional.adaptive_max_pool2d, functional.adaptive_max_pool3d],
    "adaptive average": [functional.adaptive_avg_pool1d, functional.adaptive_avg_pool2d,
                         functional.adaptive_avg_pool3d],
}
ACTIVATIONS = {
    "relu": functional.relu, "relu6": functional.relu6, "leaky": lambda x: functional.leaky_relu(x, 0.2),
    "sigmoid": torch.sigmoid, "tanh": torch.tanh, "silu": functional.silu, "gelu": functional.gelu,
    "softmax": lambda x: torch.softmax(x, 1), "softmax of rows": lambda x: torch.softmax(x, -1),
}
TOLERANCE = {"float32": 4e-6, "float64": 1e-12}


def same(got, expected):
    tolerance = TOLERANCE[got.dtype.name]
    expected = expected.detach().numpy()
    scale = np.abs(expected[np.isfinite(expected)]).max(initial=1)
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance * scale)


def compare(layer, function, x, rng):
    source = torch.tensor(x, requires_grad=True)
    expected = function(source)
    y = layer.forward(x, training=True)
    same(y, expected)
    dy = rng.integers(-4, 5, y.shape).astype(x.dtype)
    expected.backward(torch.tensor(dy))
    same(layer.backward(dy), source.grad)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name, dtype, rng):
    special = [0.0, 6.0, -0.0, np.nan, 90.0, -90.0, 1e-30]
    x = np.concatenate([rng.standard_normal(193) * scale for scale in (0.01, 1, 10)] + [special]).astype(dtype)
    if "softmax" in name:
        x = np.nan_to_num(x)[:585].reshape(9, 13, 5)
    if name == "relu6":
        x = np.nan_to_num(x)  # torch's own vectors and its own remainders differ in the gradient at a NaN
    compare(cases.ACTIVATIONS[name](), ACTIVATIONS[name], x, rng)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize("seed", range(40))
def test_pooling(name, seed, dtype, rng):
    found = cases.random_pooling(rng, name)
    if found is None:
        return
    layer, shape, arguments = found
    # many equal values, so that it matters which of them takes the gradient
    x = rng.integers(-2, 3, shape).astype(dtype)
    if seed % 3 == 0:
        x[rng.random(shape) < 0.05] = np.nan
    if seed % 4 == 0 and "max" in name:
        x[rng.random(shape) < 0.4] = -np.inf
    if name == "average" and any(n < k for n, k in zip(shape[2:], arguments[0], strict=True)):
        return  # torch refuses some of them, padded or not
    compare(layer, lambda source: POOLS[name][len(shape) - 3](source, *arguments), x, rng)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("space", [(8, 8), (7, 9), (28, 28), (2, 70), (56, 3)])
def test_windows_of_two_by_two(space, dtype, rng):
    x = rng.integers(-2, 3, (2, 3, *space)).astype(dtype)
    x[rng.random(x.shape) < 0.1] = np.nan
    compare(layers.MaxPool(2), lambda source: functional.max_pool2d(source, 2), x, rng)


def test_another_divisor(rng):
    x = rng.standard_normal((2, 3, 9, 8))
    compare(layers.AveragePool(3, 2, divisor=5), lambda source: functional.avg_pool2d(source, 3, 2, divisor_override=5),
            x, rng)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("shape", [(4, 6, 5, 7), (2, 6, 33, 20), (9, 6), (3, 6, 3), (1, 6, 40), (2, 6, 3, 4, 5)])
def test_normalisation(shape, affine, dtype, rng):
    kinds = {"group": torch.nn.GroupNorm(2, 6, affine=affine),
             "layer": torch.nn.LayerNorm(shape[1:], elementwise_affine=affine),
             "row": torch.nn.LayerNorm(shape[-1], elementwise_affine=affine),
             "batch": {2: torch.nn.BatchNorm1d, 3: torch.nn.BatchNorm1d, 4: torch.nn.BatchNorm2d,
                       5: torch.nn.BatchNorm3d}[len(shape)](6, affine=affine)}
    for name, other in kinds.items():
        layer = cases.norms(shape, dtype, affine=affine)[name]
        cases.shake(layer, rng)
        other.to(getattr(torch, dtype))
        assert set(layer.parameters) == {key for key, _ in other.named_parameters()}
        assert set(layer.buffers) == {key for key, _ in other.named_buffers()}
        for key, parameter in layer.parameters.items():
            getattr(other, key).data = torch.tensor(parameter.value)
        for _ in range(2):
            x = (3 * rng.standard_normal(shape) + 2).astype(dtype)
            compare(layer, other, x, rng)
            for key, parameter in layer.parameters.items():
                same(parameter.gradient, getattr(other, key).grad)
            other.zero_grad()
            for key, buffer in layer.buffers.items():
                same(buffer.astype(dtype), getattr(other, key))
        other.eval()
        same(layer(x), other(torch.tensor(x)))
