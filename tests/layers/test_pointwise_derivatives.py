"""Activations, pooling, normalisation: derivatives against finite differences, and laws."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import faltung as ft
from faltung import layers
from faltung.layers import programs

sys.path.insert(0, str(Path(__file__).parent))
import pointwise_cases as cases

POOLS = ("max", "average", "adaptive max", "adaptive average")


@pytest.fixture(autouse=True)
def _threads():
    yield
    ft.set_threads(None)


@pytest.mark.parametrize("name", cases.ACTIVATIONS)
@pytest.mark.parametrize("shape", [(2, 3, 5), (1, 17), (3, 2, 7, 9), (2, 4, 70)])
def test_activations(name, shape, rng):
    x = rng.standard_normal(shape) * 3
    x[np.abs(x) < 1e-3] = 0.5
    cases.check_derivatives(cases.ACTIVATIONS[name](), x, rng)


@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize("seed", range(25))
def test_pooling(name, seed, rng):
    found = cases.random_pooling(rng, name)
    if found is not None:
        layer, shape, _ = found
        cases.check_derivatives(layer, cases.distinct(shape, rng), rng)


@pytest.mark.parametrize("shape", [(3, 6, 4, 5), (2, 6, 37), (9, 6), (4, 6, 3), (2, 6, 2, 3, 5), (1, 6, 130)])
@pytest.mark.parametrize("name", ["batch", "group", "instance", "layer", "row"])
@pytest.mark.parametrize("affine", [True, False])
def test_normalisation(name, shape, affine, rng):
    if name == "instance" and len(shape) == 2:
        return
    layer = cases.norms(shape, "float64", affine=affine)[name]
    cases.shake(layer, rng)
    cases.check_derivatives(layer, 2 * rng.standard_normal(shape) + 1, rng, tolerance=1e-6)


def test_global_average(rng):
    for keep_axes in (True, False):
        cases.check_derivatives(layers.GlobalAveragePool(keep_axes=keep_axes), rng.standard_normal((2, 3, 9, 11)), rng)


@pytest.mark.parametrize("seed", range(20))
def test_average_and_its_gradient_are_adjoint(seed, rng):
    found = cases.random_pooling(rng, "average" if seed % 2 else "adaptive average")
    if found is None:
        return
    layer, shape, _ = found
    x = rng.standard_normal(shape)
    y = layer.forward(x, training=True)
    dy = rng.standard_normal(y.shape)
    np.testing.assert_allclose((y * dy).sum(), (x * layer.backward(dy)).sum(), rtol=1e-12, atol=1e-12)


def every_layer(shape, dtype):
    yield from (make() for make in cases.ACTIVATIONS.values())
    yield from cases.norms(shape, dtype).values()
    yield from (layers.MaxPool(2), layers.MaxPool(3, 2, 1), layers.MaxPool(3, 1, 1), layers.MaxPool(3),
                layers.AveragePool(2), layers.AveragePool(3, 2, 1), layers.AveragePool(3, 1, 1), layers.AveragePool(3),
                layers.AdaptiveMaxPool(5), layers.AdaptiveAveragePool(5), layers.GlobalAveragePool())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bits_are_the_same_for_any_number_of_threads(dtype, rng, monkeypatch):
    monkeypatch.setattr(programs, "PARALLEL", 1)
    shape = (5, 6, 61, 57)
    x = rng.standard_normal(shape).astype(dtype)
    for layer in every_layer(shape, dtype):
        results = []
        for threads in (1, 2, 3):
            ft.set_threads(threads)
            y = layer.forward(x, training=True)
            dx = layer.backward(np.cos(np.arange(y.size, dtype=dtype)).reshape(y.shape))
            gradients = [parameter.gradient.tobytes() for parameter in layer.parameters.values()]
            results.append([y.tobytes(), dx.tobytes(), *gradients])
        assert results[0] == results[1] == results[2], layer


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_empty_batch_stays_one(dtype):
    shape = (0, 6, 9, 8)
    x = np.zeros(shape, dtype)
    for layer in every_layer(shape, dtype):
        if isinstance(layer, layers.BatchNorm):
            assert layer(x).shape == shape
            continue
        y = layer.forward(x, training=True)
        assert y.shape == layer.output_shape(shape)
        assert layer.backward(y).shape == shape
        for parameter in layer.parameters.values():
            assert not parameter.gradient.any()


def test_views_are_read_where_they_are_or_copied(rng):
    base = rng.standard_normal((8, 6, 12, 14)).astype(np.float32)
    for layer in every_layer((4, 6, 12, 7), "float32"):
        view = base[::-2, :, :, ::2]
        np.testing.assert_array_equal(layer(view), layer(view.copy()))
    layer = layers.ReLU()
    swapped = base.astype(base.dtype.newbyteorder())
    np.testing.assert_array_equal(layer(swapped), layer(base))
    assert layer(np.float32(-1.0)).shape == ()


@pytest.mark.parametrize("seed", range(4))
def test_statistics_of_many_values_far_from_zero(seed, rng):
    """The error grows neither with the number of values nor with the mean."""
    for dtype, unit in (("float32", 2.0**-24), ("float64", 2.0**-53)):
        x = (rng.standard_normal((3, 2, 300, 400)) + 1000).astype(dtype)
        exact = x.astype(np.longdouble)
        mean, variance = exact.mean((0, 2, 3), keepdims=True), exact.var((0, 2, 3), keepdims=True)
        layer = layers.BatchNorm(2, eps=0, dtype=dtype)
        layer.momentum = None
        y = layer.forward(x, training=True)
        assert np.abs(y - (exact - mean) / np.sqrt(variance)).max() < 30 * unit * (1 if dtype == "float32" else 1000)
        np.testing.assert_allclose(layer.buffers["running_mean"], mean.ravel().astype(dtype), rtol=3 * unit)
        pooled = layers.GlobalAveragePool()(x).astype(np.longdouble)
        assert np.abs(pooled / exact.mean((2, 3), keepdims=True) - 1).max() < 4 * unit


def test_nan_and_infinity():
    x = np.array([1.0, np.nan, np.inf, -np.inf, 3.0], np.float32)
    for name in ("relu", "relu6", "leaky", "sigmoid", "tanh", "silu", "gelu"):
        assert np.isnan(cases.ACTIVATIONS[name]()(x)[1]), name
    assert layers.Sigmoid()(x)[2:4].tolist() == [1.0, 0.0]
    assert layers.Tanh()(x)[2:4].tolist() == [1.0, -1.0]
    assert np.isnan(layers.MaxPool(3)(x.reshape(1, 1, 5))).all()
    assert layers.GlobalAveragePool()(np.array([[[1.0, np.inf]]])).item() == np.inf
    row = layers.Softmax()(np.array([[0.0, -np.inf, 0.0]]))
    assert row.tolist() == [[0.5, 0.0, 0.5]]
