"""Every layer's backward pass: finite differences, the adjoint identity, and sums that are asked for twice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faltung import layers, set_threads
from layers.layer_cases import EVERY_OTHER, OTHERS, build, check_gradients, inner

OTHER_NAMES = [case[0] for case in OTHERS]


@pytest.mark.parametrize("case", EVERY_OTHER)
def test_convolutions_by_finite_differences_and_the_adjoint_identity(case, rng):
    check_gradients(build(case), rng.standard_normal(case[-1]), rng)
    assert_adjoint(build(case), case[-1], rng)


@pytest.mark.parametrize("case", OTHERS, ids=OTHER_NAMES)
def test_all_others_by_finite_differences_and_the_adjoint_identity(case, rng):
    layer = case[1]()
    check_gradients(layer, rng.standard_normal(case[-1]), rng)
    assert_adjoint(layer, case[-1], rng)


def test_finite_differences_of_dropout(rng):
    for whole in (False, True):
        layer, x = layers.Dropout(0.4, whole_channels=whole, seed=1), rng.standard_normal((3, 4, 5))
        factor = layer.forward(np.ones_like(x), training=True)
        assert set(np.unique(factor)) == {0.0, 1 / 0.6}
        assert np.array_equal(layer.backward(x), factor * x)


def assert_adjoint(layer, shape, rng):
    """``<A x, y> = <x, A^T y>`` for the layer without its bias and its constant border."""
    x = rng.standard_normal(shape)
    offset = layer.forward(np.zeros_like(x))
    image = layer.forward(x, training=True) - offset
    y = rng.standard_normal(image.shape)
    (one, size), (two, other) = inner(image, y), inner(x, layer.backward(y))
    assert abs(one - two) <= 1e-13 * (size + other + np.abs(offset * y).sum())


@settings(max_examples=15, deadline=None, database=None, derandomize=True)
@given(st.data())
def test_adjoint_identity_and_shapes_by_hypothesis(data):
    draw = data.draw
    groups, taps, stride = draw(st.integers(1, 2)), draw(st.integers(1, 4)), draw(st.integers(1, 3))
    extent, batch = draw(st.integers(1, 12)), draw(st.integers(1, 3))
    padding = draw(st.sampled_from(("same", "same_lower", "causal", "full")))
    border = draw(st.sampled_from((0, "edge", "reflect", "symmetric", "wrap")))
    layer = layers.Conv1d(2 * groups, groups, taps, stride, padding, groups=groups, border=border, seed=2,
                          dtype="float64")
    shape = (batch, 2 * groups, extent)
    assert layer.forward(np.zeros(shape)).shape == layer.output_shape(shape)
    assert_adjoint(layer, shape, np.random.default_rng(extent))


@settings(max_examples=15, deadline=None, database=None, derandomize=True)
@given(st.integers(1, 70), st.integers(1, 40), st.integers(1, 40))
def test_linear_is_a_product_of_matrices(rows, inputs, outputs):
    rng = np.random.default_rng(rows)
    layer, x = layers.Linear(inputs, outputs, seed=rng, dtype="float64"), rng.standard_normal((rows, inputs))
    y = layer.forward(x, training=True)
    dy = rng.standard_normal(y.shape)
    weight, bias = (parameter.value for parameter in layer.parameters.values())
    assert np.allclose(y, x @ weight.T + bias, rtol=1e-12, atol=1e-12)
    assert np.allclose(layer.backward(dy), dy @ weight, rtol=1e-12, atol=1e-12)
    assert np.allclose(layer.parameters["weight"].gradient, dy.T @ x, rtol=1e-12, atol=1e-12)
    assert np.allclose(layer.parameters["bias"].gradient, dy.sum(axis=0), rtol=1e-12, atol=1e-12)


# ---------------------------------------------------------------- what is set, kept and left out

def test_backward_sets_gradients_or_adds_to_them(rng):
    layer = layers.Conv2d(2, 3, 3, seed=1, dtype="float64")
    x, weight = rng.standard_normal((2, 2, 5, 5)), layer.parameters["weight"]
    dy = rng.standard_normal(layer.forward(x, training=True).shape)
    layer.backward(dy)
    once = weight.gradient
    layer.forward(x, training=True)
    layer.backward(dy)
    assert np.array_equal(weight.gradient, once)
    weight.accumulate = True
    layer.forward(x, training=True)
    layer.backward(dy)
    assert np.array_equal(weight.gradient, 2 * once)


def test_the_gradient_by_the_input_is_left_out_on_request(rng):
    network = layers.Sequential(layers.Flatten(), layers.Linear(8, 4, seed=1, dtype="float64"),
                                layers.Linear(4, 2, seed=2, dtype="float64"))
    x, dy = rng.standard_normal((3, 2, 4)), rng.standard_normal((3, 2))
    network.forward(x, training=True)
    assert network.backward(dy).shape == x.shape
    whole = {name: entry.gradient for name, entry in network.parameters.items()}
    network.input_gradient = False
    network.forward(x, training=True)
    assert network.backward(dy) is None
    assert all(np.array_equal(entry.gradient, whole[name]) for name, entry in network.parameters.items())
    network.input_gradient = True
    network.forward(x, training=True)
    assert network.backward(dy).shape == x.shape


def test_the_first_of_nested_layers_saves_that_work_too(rng):
    inside = layers.Sequential(layers.SeparableConv2d(1, 2, 3, seed=1, dtype="float64"))
    network = layers.Sequential(inside, layers.Conv2d(2, 1, 1, seed=2, dtype="float64"))
    network.input_gradient = False
    y = network.forward(rng.standard_normal((1, 1, 5, 5)), training=True)
    assert network.backward(np.ones_like(y)) is None
    assert inside[0].depthwise.parameters["weight"].gradient.any()


def test_the_bits_do_not_depend_on_the_number_of_threads(rng):
    x = rng.standard_normal((16, 8, 20, 20)).astype(np.float32)
    results = []
    try:
        for threads in (1, 2):
            set_threads(threads)
            network = layers.Sequential(
                layers.Conv2d(8, 16, 3, padding=1, seed=1), layers.Dropout(0.3, seed=2), layers.Flatten(),
                layers.Linear(16 * 400, 30, seed=3))
            y = network.forward(x, training=True)
            dx = network.backward(y)
            results.append([y, dx, *(entry.gradient for entry in network.parameters.values())])
    finally:
        set_threads(None)
    assert all(one.tobytes() == two.tobytes() for one, two in zip(*results, strict=True))


def test_strided_images_and_gradients_are_read_where_they_are(rng):
    layer = layers.Conv2d(2, 3, 3, seed=1, dtype="float64")
    x = rng.standard_normal((2, 12, 10, 2)).transpose(0, 3, 1, 2)[:, :, ::2]
    y = layer.forward(x, training=True)
    dy = np.asfortranarray(rng.standard_normal(y.shape))
    strided = layer.backward(dy), layer.parameters["weight"].gradient, layer.parameters["bias"].gradient
    layer.forward(np.ascontiguousarray(x), training=True)
    plain = (layer.backward(np.ascontiguousarray(dy)), layer.parameters["weight"].gradient,
             layer.parameters["bias"].gradient)
    assert all(np.allclose(one, two, rtol=1e-13, atol=1e-13) for one, two in zip(strided, plain, strict=True))
