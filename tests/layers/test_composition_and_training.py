"""Names, shapes and costs of networks; losses; optimisers and their state."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faltung import layers
from faltung.layers.base import Parameter
from layers.layer_cases import EVERY_OTHER, OTHERS, build, difference


def small_network(dtype="float64"):
    return layers.Sequential(
        layers.Conv2d(1, 3, 3, padding=1, seed=1, dtype=dtype), layers.Dropout(0.2, seed=2), layers.Flatten(),
        head=layers.Linear(75, 4, seed=3, dtype=dtype))


# ---------------------------------------------------------------- what layers say

def test_names_of_parameters_are_those_of_torch():
    block = layers.Residual(conv1=layers.Conv2d(2, 4, 3), conv2=layers.Conv2d(4, 4, 3, bias=False),
                            shortcut=layers.Sequential(layers.Conv2d(2, 4, 1, bias=False)))
    network = layers.Sequential(layer1=layers.Sequential(block), fc=layers.Linear(4, 2))
    assert list(network.parameters) == ["layer1.0.conv1.weight", "layer1.0.conv1.bias", "layer1.0.conv2.weight",
                                        "layer1.0.shortcut.0.weight", "fc.weight", "fc.bias"]
    assert list(layers.SeparableConv2d(2, 3, 3).parameters) == [
        "depthwise.weight", "depthwise.bias", "pointwise.weight", "pointwise.bias"]
    assert network.buffers == {}


@pytest.mark.parametrize(("layer", "text"), [
    (layers.Conv2d(3, 16, 3, padding=1), "Conv2d(3 -> 16, kernel 3x3, stride 1, padding 1: 448 parameters)"),
    (layers.Conv(1, 1, (2, 3, 4, 5), bias=False),
     "Conv(1 -> 1, kernel 2x3x4x5, stride 1, padding 0, no bias: 120 parameters)"),
    (layers.Conv1d(4, 4, 3, 2, "causal", dilation=4, groups=2, border="edge"),
     "Conv1d(4 -> 4, kernel 3, stride 2, padding causal, dilation 4, groups 2, border edge: 28 parameters)"),
    (layers.Conv2d(1, 1, (1, 3), (1, 2), ((0, 1), "same")),
     "Conv2d(1 -> 1, kernel 1x3, stride (1, 2), padding ((0, 1), 'same'): 4 parameters)"),
    (layers.ConvTranspose1d(2, 3, 3, 2, output_padding=1),
     "ConvTranspose1d(2 -> 3, kernel 3, stride 2, padding 0, output padding 1: 21 parameters)"),
    (layers.DepthwiseConv2d(4, 3, multiplier=2, bias=False),
     "DepthwiseConv2d(4 -> 8, kernel 3x3, stride 1, padding 0, groups 4, no bias: 72 parameters)"),
    (layers.Linear(1000, 10, bias=False), "Linear(1000 -> 10, no bias: 10,000 parameters)"),
    (layers.Linear(1, 1, bias=False), "Linear(1 -> 1, no bias: 1 parameter)"),
    (layers.Flatten(), "Flatten()"), (layers.Flatten(2, 3), "Flatten(axes 2 to 3)"),
    (layers.Dropout(0.25), "Dropout(probability 0.25)"),
    (layers.Dropout(0.25, whole_channels=True), "Dropout(probability 0.25, whole channels)"),
    (layers.Upsample(2), "Upsample(scale 2, nearest)"),
    (layers.Upsample(size=(4, 5), mode="linear", align_corners=True),
     "Upsample(size (4, 5), linear, corners aligned)"),
    (layers.MeanSquare(), "MeanSquare(mean)"),
    (layers.SGD(small_network(), 0.1), "SGD(334 parameters, rate 0.1, 0 steps done)"),
    (Parameter(np.zeros((2, 3))), "Parameter((2, 3) float64, no gradient yet)"),
    (layers.Sequential(layers.Identity(), a=layers.Sequential(layers.Linear(1, 1))),
     "Sequential(2 parameters)\n  0: Identity()\n  a: Sequential(2 parameters)\n    0: Linear(1 -> 1: 2 parameters)"),
])
def test_repr_explains(layer, text):
    assert repr(layer) == text


@pytest.mark.parametrize("case", EVERY_OTHER)
def test_shapes_of_convolutions_are_told_before(case):
    layer = build(case)
    assert layer.forward(np.zeros(case[-1])).shape == layer.output_shape(case[-1])


@pytest.mark.parametrize("case", OTHERS, ids=[case[0] for case in OTHERS])
def test_shapes_and_costs_of_all_others(case):
    layer = case[1]()
    result = layer.forward(np.zeros(case[-1]))
    assert result.shape == layer.output_shape(case[-1])
    cost = layer.cost(case[-1])
    assert cost.parameters == sum(entry.value.size for entry in layer.parameters.values())
    assert cost.bytes >= 4 * (cost.parameters + result.size)


def test_costs():
    conv = layers.Conv2d(3, 16, 3, padding=1)
    assert conv.cost((2, 3, 8, 8)) == (448, 2 * 16 * 64 * 27, 4 * (448 + 2 * 3 * 64 + 2 * 16 * 64))
    assert layers.ConvTranspose1d(2, 3, 3, 2).cost((1, 2, 5)).multiply_adds == 5 * 2 * 3 * 3
    assert layers.DepthwiseConv2d(4, 3).cost((1, 4, 5, 5)).multiply_adds == 4 * 9 * 9
    assert layers.Linear(5, 7, dtype="float64").cost((3, 5)) == (42, 105, 8 * (42 + 15 + 21))
    network = layers.Sequential(conv, layers.Flatten(), layers.Linear(1024, 10))
    assert network.cost((2, 3, 8, 8)).multiply_adds == 2 * 16 * 64 * 27 + 2 * 10240
    block = layers.Residual(layers.Conv2d(2, 2, 1), shortcut=layers.Conv2d(2, 2, 1), activation=layers.Identity())
    assert block.cost((1, 2, 3, 3)).multiply_adds == 2 * 36


def test_the_same_seed_gives_the_same_bits():
    one, two, other = (layers.Conv2d(2, 3, 3, seed=seed).parameters["weight"].value for seed in (5, 5, 6))
    assert one.tobytes() == two.tobytes() != other.tobytes()
    wide = layers.Conv2d(2, 3, 3, seed=5, dtype="float64").parameters["weight"].value
    assert np.array_equal(one, wide.astype(np.float32))
    rng = np.random.default_rng(5)
    first, second = layers.Linear(4, 4, seed=rng), layers.Linear(4, 4, seed=rng)
    assert not np.array_equal(first.parameters["weight"].value, second.parameters["weight"].value)


def test_initialisers_by_name_and_by_function():
    named = layers.Linear(50, 40, initialiser="xavier_uniform", seed=1).parameters["weight"].value
    assert np.abs(named).max() <= (6 / 90) ** 0.5
    made = layers.Linear(2, 3, initialiser=lambda shape, *, seed, dtype: np.full(shape, 2.0), bias=False)
    assert np.array_equal(made.forward(np.ones((1, 2), np.float32)), [[4, 4, 4]])


def test_dropout_is_the_identity_outside_training_and_keeps_the_mean():
    layer, x = layers.Dropout(0.3, seed=1), np.ones((100, 100), np.float32)
    assert layer.forward(x) is x
    y = layer.forward(x, training=True)
    assert y.dtype == np.float32
    assert abs(y.mean() - 1) < 0.02
    again = layers.Dropout(0.3, seed=1).forward(x.astype(np.float64), training=True)
    assert np.array_equal(again == 0, y == 0)
    channels = layers.Dropout(0.5, whole_channels=True, seed=1).forward(np.ones((4, 6, 3, 3)), training=True)
    assert np.array_equal(channels.min(axis=(2, 3)), channels.max(axis=(2, 3)))


def test_networks_pickle_with_their_values():
    network = small_network()
    x = np.random.default_rng(1).standard_normal((2, 1, 5, 5))
    y = network.forward(x)
    assert np.array_equal(pickle.loads(pickle.dumps(network)).forward(x), y)


def test_plans_are_kept_for_a_bounded_number_of_shapes(monkeypatch):
    monkeypatch.setattr("faltung.layers.linear.PLANS", 3)
    monkeypatch.setattr("faltung.layers.convolution.PLANS", 3)
    linear, conv = layers.Linear(1, 1, seed=1), layers.Conv1d(1, 1, 1, seed=1)
    for count in range(9, 14):
        linear.forward(np.ones((count, 1), np.float32))
        conv.forward(np.ones((1, 1, count), np.float32))
    assert [rows for rows, _ in linear._forward_plans] == [11, 12, 13]
    assert [shape for shape, _ in conv._plans] == [(1, 1, 11), (1, 1, 12), (1, 1, 13)]


def test_every_public_name_is_there():
    assert all(getattr(layers, name) is not None for name in layers.__all__)
    with pytest.raises(AttributeError) as caught:
        _ = layers.Transformer
    assert str(caught.value) == "module 'faltung.layers' has no attribute 'Transformer'"


def test_a_network_tells_its_summary():
    network = small_network()
    assert network.summary((1, 1, 5, 5)) == layers.network.summary(network, (1, 1, 5, 5))


# ---------------------------------------------------------------- losses

@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize(("kind", "words", "target"), [
    (layers.MeanSquare, {}, "values"), (layers.L1, {}, "values"),
    (layers.BinaryCrossEntropy, {}, "shares"), (layers.BinaryCrossEntropy, {"positive_weight": 3.0}, "shares"),
    (layers.BinaryCrossEntropy, {"logits": False}, "probabilities"),
    (layers.CrossEntropy, {}, "classes"), (layers.CrossEntropy, {}, "softmax"),
    (layers.CrossEntropy, {"label_smoothing": 0.3, "weight": [1, 2, 3, 4], "ignore": 2}, "classes"),
])
def test_finite_differences_of_losses(kind, words, target, reduction, rng):
    prediction = rng.random((3, 4, 2)) * 0.8 + 0.1 if target == "probabilities" else rng.standard_normal((3, 4, 2))
    goal = rng.integers(0, 4, (3, 2)) if target == "classes" else rng.random((3, 4, 2))
    loss = kind(**words, reduction=reduction)
    loss(prediction, goal)
    gradient = loss.backward()
    for place in np.ndindex(prediction.shape):
        slope = difference(lambda: loss(prediction, goal), prediction, place)
        assert slope == pytest.approx(gradient[place], rel=1e-7, abs=1e-9)


def test_losses_of_extreme_predictions():
    loss = layers.CrossEntropy()
    assert loss(np.array([[1e30, -1e30]], np.float32), [1]) == pytest.approx(2e30, rel=1e-6)
    assert loss(np.array([[0.0, -np.inf]]), [0]) == 0
    assert np.array_equal(loss.backward(), [[0, 0]])
    assert np.isnan(loss(np.array([[np.nan, 0.0]]), [1]))
    binary = layers.BinaryCrossEntropy()
    assert binary(np.array([1000.0, -1000.0]), [0, 1]) == 1000
    assert np.array_equal(binary.backward(), [0.5, -0.5])
    assert layers.BinaryCrossEntropy(logits=False)(np.array([0.0]), [1]) == 100
    assert np.isnan(layers.CrossEntropy(ignore=0)(np.zeros((1, 2)), [0]))


@settings(max_examples=30, deadline=None, database=None, derandomize=True)
@given(st.integers(1, 6), st.integers(1, 7), st.floats(-50, 50))
def test_cross_entropy_does_not_see_a_common_shift(batch, classes, shift):
    rng = np.random.default_rng(batch)
    prediction, goal = rng.standard_normal((batch, classes)), rng.integers(0, classes, batch)
    loss = layers.CrossEntropy()
    assert loss(prediction + shift, goal) == pytest.approx(loss(prediction, goal), abs=1e-12)
    assert np.abs(loss.backward().sum(axis=1)).max() < 1e-15


# ---------------------------------------------------------------- optimisers

def train(network, optimiser, steps, seed):
    rng, loss, values = np.random.default_rng(seed), layers.CrossEntropy(), []
    network.input_gradient = False
    for _ in range(steps):
        x = rng.standard_normal((8, 1, 5, 5))
        values.append(loss(network.forward(x, training=True), (x.mean(axis=(1, 2, 3)) > 0).astype(int)))
        network.backward(loss.backward())
        optimiser.step()
    return values


KINDS = [(layers.SGD, {"momentum": 0.9}), (layers.Adam, {}), (layers.AdamW, {})]


@pytest.mark.parametrize(("kind", "words"), KINDS)
def test_training_goes_downhill_and_repeats_bit_by_bit(kind, words):
    losses = [train(network, kind(network, 0.01, **words), 60, 1) for network in (small_network(), small_network())]
    assert losses[0] == losses[1]
    assert np.mean(losses[0][-10:]) < 0.8 * np.mean(losses[0][:5])


@pytest.mark.parametrize(("kind", "words"), KINDS)
def test_a_restored_optimiser_goes_on_as_if_nothing_had_been(kind, words):
    first = small_network()
    optimiser = kind(first, layers.cosine(0.1, length=20), **words)
    train(first, optimiser, 5, 1)
    second = pickle.loads(pickle.dumps(first))
    resumed = kind(second, layers.cosine(0.1, length=20), **words)
    resumed.restore(optimiser.state())
    assert (resumed.steps, resumed.current_rate) == (5, optimiser.current_rate)
    assert train(first, optimiser, 3, 2) == train(second, resumed, 3, 2)


def test_steps_change_parameters_in_place_and_skip_those_without_a_gradient():
    moved, still = Parameter(np.ones(2)), Parameter(np.ones(2))
    moved.gradient, array = np.ones(2), moved.value
    optimiser = layers.AdamW({"moved": moved, "still": still}, 0.1)
    optimiser.step()
    assert moved.value is array
    assert (moved.value < 1).all()
    assert np.array_equal(still.value, [1, 1])
    optimiser.forget_gradients()
    assert moved.gradient is None


def test_clipping_leaves_small_and_infinite_gradients_alone():
    parameter = Parameter(np.zeros(2, np.float32))
    for values, norm in (([0.3, 0.4], 0.5), ([np.inf, 1], np.inf)):
        parameter.gradient = np.array(values, np.float32)
        assert layers.clip_norm({"p": parameter}, 1.0) == pytest.approx(norm)
        assert np.array_equal(parameter.gradient, np.array(values, np.float32))
    assert np.isnan(layers.clip_norm({"p": _with_gradient([np.nan])}, 1.0))
    assert layers.clip_norm({"p": Parameter(np.zeros(2))}, 1.0) == 0


def _with_gradient(values):
    parameter = Parameter(np.zeros(len(values)))
    parameter.gradient = np.array(values)
    return parameter
