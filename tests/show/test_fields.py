"""Receptive fields: the summary, the network itself and its gradients agree."""

import numpy as np
import pytest

from faltung import layers
from faltung.errors import FaltungError
from faltung.layers import zoo
from faltung.layers.network import trace
from faltung.show import receptive_field
from faltung.show.fields import ReceptiveFields
from faltung.show.scene import staged
from faltung.show.sights import sights, strength
from looking import check_scene


def network(*parts):
    return layers.Sequential(*parts)


NETWORKS = {
    "plain": (network(layers.Conv2d(1, 3, 3, padding=1, seed=0), layers.ReLU(), layers.MaxPool(2),
                      layers.Conv2d(3, 2, 3, padding=1, seed=1), layers.BatchNorm(2), layers.Sigmoid()), (24, 24)),
    "strided": (network(layers.Conv2d(1, 2, (5, 3), (2, 1), (2, 1), seed=0), layers.AveragePool(3, 2),
                        layers.Conv2d(2, 2, 3, dilation=2, padding=2, seed=0), layers.Tanh()), (40, 36)),
    "line": (network(layers.Conv1d(1, 4, 3, padding="causal", seed=0), layers.ReLU6(),
                     layers.Conv1d(4, 4, 3, dilation=3, padding="causal", seed=1), layers.SiLU(),
                     layers.Conv1d(4, 4, 3, dilation=9, padding="causal", seed=1)), (70,)),
    "deep": (network(layers.DepthwiseConv2d(1, 3, seed=0), layers.PointwiseConv(1, 4, seed=0),
                     layers.Residual(layers.Conv2d(4, 4, 3, padding=1, seed=0)), layers.LeakyReLU(0.1)), (16, 16)),
    "up": (network(layers.Conv2d(1, 2, 3, padding=1, seed=0), layers.Upsample(2), layers.Conv2d(2, 1, 3, padding=1,
                                                                                                seed=0)), (14, 14)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_network_sees_what_its_summary_says(name):
    made, space = NETWORKS[name]
    shape = (1, 1, *space)
    found = sights(made, shape)
    rows = [row for row in trace(made, shape) if len(row.output_shape) == len(shape)]
    assert [sight.row.path for sight in found] == [row.path for row in rows]
    for sight, row in zip(found, rows, strict=True):
        if name == "up" and row.path != "0":
            # The summary has the widest of the outputs, which see differently many.
            assert all(wide <= most for wide, most in zip(sight.field, row.sight.field, strict=True))
        else:
            assert sight.field == row.sight.field


def test_planes_between_those_that_are_seen():
    """Taps far apart, on a signal of many blocks: exactly their samples, and none of the blocks between."""
    made = network(layers.Conv1d(1, 2, 3, dilation=40, seed=0), layers.Conv1d(2, 1, 2, dilation=7, seed=1))
    one, both = sights(made, (1, 1, 250), (5,))
    first = one.at[0]
    assert np.flatnonzero(one.mask).tolist() == [first, first + 40, first + 80]
    assert np.flatnonzero(both.mask).tolist() == [5, 12, 45, 52, 85, 92]


def test_each_place_and_the_borders():
    made, space = NETWORKS["plain"]
    for at in ((0, 0), (3, 11), (6, 2)):
        for sight in sights(made, (1, 1, *space), at, "5"):
            full = sight.row.sight.field
            step = sight.row.sight.step
            for axis, (low, high) in enumerate(sight.box):
                middle = (sight.at[axis] + 0.5) * step[axis] - 0.5
                first, last = middle - (full[axis] - 1) / 2, middle + (full[axis] - 1) / 2
                assert abs(low - max(first, 0)) <= 0.5
                assert abs(high - min(last, space[axis] - 1)) <= 0.5


@pytest.mark.parametrize("name", NETWORKS)
def test_one_hot_changes_reach_the_output_from_the_seen_samples_alone(name):
    made, space = NETWORKS[name]
    sight = sights(made, (1, 1, *space))[-1]
    rng = np.random.default_rng(5)
    image = rng.normal(size=(1, 1, *space)).astype(np.float32)
    before = made(image)[(..., *sight.at)]
    reached = np.zeros(space, bool)
    for place in rng.permutation(list(np.ndindex(*space)))[:200]:
        for change in (-40, 40):
            other = image.copy()
            other[(0, 0, *place)] += change
            reached[tuple(place)] |= bool(np.any(made(other)[(..., *sight.at)] != before))
    assert not (reached & ~sight.mask).any()
    assert reached.any()


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_those_of_differences_and_lie_within_what_is_seen(name):
    made, space = NETWORKS[name]
    shape = (1, 1, *space)
    for sight in sights(made, shape):
        size = strength(made, sight, shape)
        assert size.shape == space
        assert not size[~sight.mask].any()
        assert size[sight.mask].any()
    linear = layers.Sequential(layers.Conv2d(1, 5, 3, stride=2, padding=1, seed=0), layers.BatchNorm(5))
    linear[1].buffers["running_var"][:] = (1, 2, 3, 4, 5)
    sight = sights(linear, (1, 1, 9, 9))[-1]
    wanted = np.zeros((9, 9))
    for place in np.ndindex(9, 9):
        image = np.zeros((1, 1, 9, 9), np.float32)
        plain = linear(image)[(0, slice(None), *sight.at)]
        image[(0, 0, *place)] = 1
        change = np.abs(linear(image)[(0, slice(None), *sight.at)] - plain)
        wanted[place] = np.mean([change[number % 5] for number in range(16)])
    np.testing.assert_allclose(strength(linear, sight, (1, 1, 9, 9)), wanted, atol=1e-6)


def test_the_network_is_left_as_it_was():
    made = zoo.resnet(3, 1, 1, width=2, seed=0)
    before = {name: parameter.value.copy() for name, parameter in made.parameters.items()}
    buffers = {name: array.copy() for name, array in made.buffers.items()}
    image = np.random.default_rng(1).normal(size=(2, 1, 12, 12)).astype(np.float32)
    result = made(image)
    ReceptiveFields(made, (1, 1, 12, 12))
    np.testing.assert_array_equal(made(image), result)
    assert all(np.array_equal(made.parameters[name].value, value) for name, value in before.items())
    assert all(np.array_equal(made.buffers[name], value) for name, value in buffers.items())
    assert all(parameter.gradient is None for parameter in made.parameters.values())
    assert not any({"forward", "backward"} & set(layer.__dict__) for layer in made)


def artist(figure, gid):
    axes = next(axes for axes in figure.axes if axes.get_gid() == "input")
    return next(one for one in (*axes.images, *axes.collections) if one.get_gid() == gid)


def test_frames_and_shading_are_those_of_the_network():
    image = np.random.default_rng(2).random((1, 28, 28)).astype(np.float32)
    made = zoo.lenet5(seed=1)
    scene = ReceptiveFields(made, (1, 1, 28, 28), image=image)
    assert [sight.row.path for sight in scene.sights] == ["conv1", "pool1", "conv2", "pool2"]
    stage, show = staged(scene, 800, "light")
    for step, sight in enumerate(scene.sights):
        moving = show(step)
        frame = artist(stage.figure, "field").get_paths()[0].get_extents()
        (top, bottom), (left, right) = sight.box
        assert (frame.y0, frame.y1, frame.x0, frame.x1) == (top - 0.5, bottom + 0.5, left - 0.5, right + 0.5)
        assert (bottom - top + 1, right - left + 1) == sight.row.sight.field
        shade = artist(stage.figure, "strength")
        assert shade in moving
        wanted = strength(made, sight, (1, 1, 28, 28), image)
        np.testing.assert_allclose(shade.get_array()[..., 3], 0.95 * wanted / wanted.max(), rtol=1e-6)
        assert len(artist(stage.figure, "before").get_paths()) == step
    assert scene.words(2) == ("conv2, output [5, 5] of 10x10: sees 14x14 (rows 8 to 21, columns 8 to 21). Half of the "
                              f"gradient, which is the shading, lies in {half(scene.strengths[2])} of 196 samples."
                              ).replace("x1", "\N{MULTIPLICATION SIGN}1")


def half(values):
    ordered = sorted(values.ravel(), reverse=True)
    return next(count for count in range(1, len(ordered) + 1) if sum(ordered[:count]) >= sum(ordered) / 2)


def test_a_field_that_passes_the_border_says_so():
    made, _ = NETWORKS["line"]
    scene = ReceptiveFields(made, (1, 1, 20), at=(10,))
    assert scene.words(2).startswith("4, output [10] of 20: sees 11 of 27, for the rest lies outside (samples 0 to "
                                     "10).")


@pytest.mark.parametrize("name", NETWORKS)
def test_labels_keep_apart(name):
    made, space = NETWORKS[name]
    scene = ReceptiveFields(made, (1, 1, *space))
    check_scene(scene, None if name == "plain" else (scene.first,))


def test_a_deep_network_keeps_its_labels_apart():
    scene = ReceptiveFields(zoo.resnet(3, 1, 2, width=2, seed=0), (1, 1, 20, 20), "layer2.1.conv2")
    assert scene.sights[-1].row.path == "layer2.1.conv2"
    check_scene(scene, (5,), (240, 800))


def test_the_figure_is_that_of_the_layer():
    figure = receptive_field(zoo.lenet5(), (1, 1, 28, 28), "relu1", (3, 4), width=400, theme="dark")
    frame = artist(figure, "field").get_paths()[0].get_extents()
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == (1.5, 6.5, 0.5, 5.5)


@pytest.mark.parametrize(("call", "text"), [
    (lambda: receptive_field(zoo.lenet5(), (1, 1, 28, 28), "fc1"),
     'receptive_field: there is no layer "fc1" whose result has axes of space; use one of conv1, relu1, pool1, conv2, '
     "relu2, pool2"),
    (lambda: receptive_field(zoo.lenet5(), (1, 1, 28, 28), "pool2", (5, 0)),
     "receptive_field: at=(5, 0) is no place of the 5x5 outputs of pool2; count from 0"),
    (lambda: receptive_field(zoo.resnet(2, 1), (1, 1, 257, 257)),
     "receptive_field: input 257x257 is larger than 256 a side; use 256x256 or less"),
    (lambda: receptive_field(zoo.resnet(2, 1), (28, 28)),
     "receptive_field: input_shape=(28, 28) must be (batch, channels, *space) with one or two axes of space"),
    (lambda: receptive_field(layers.Sequential(layers.Flatten()), (1, 1, 28, 28)),
     "receptive_field: Sequential has no layer whose result has axes of space; give one that filters or pools"),
    (lambda: receptive_field(zoo.lenet5(), (1, 1, 28, 28), image=np.zeros((28, 28))),
     "receptive_field: image (28, 28) must have the shape (1, 28, 28) that input_shape says, without the batch"),
])
def test_errors_in_full(call, text):
    with pytest.raises(FaltungError) as caught:
        call()
    assert str(caught.value) == text
