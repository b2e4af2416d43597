"""Summaries, weights in files, and the zoo."""

import json
import os
import struct
import tracemalloc

import numpy as np
import pytest

import faltung as ft
from faltung import layers
from faltung.errors import DataError, ShapeError
from faltung.layers import network, weights, zoo


def tiny(seed=0):
    return layers.Sequential(
        conv=layers.Conv2d(1, 2, 3, padding=1, seed=seed), norm=layers.BatchNorm(2), act=layers.ReLU(),
        pool=layers.MaxPool(2), flat=layers.Flatten(), fc=layers.Linear(8, 3, seed=seed))


# ---------------------------------------------------------------- summary

def test_a_summary_in_full():
    assert tiny().summary((5, 1, 4, 4)) == network.summary(tiny(), (5, 1, 4, 4)) == """\
layer  kind       output   parameters  multiply-adds  bytes  sees
-----------------------------------------------------------------
conv   Conv2d     5x2x4x4          20          1,440  1,040   3x3
norm   BatchNorm  5x2x4x4           4            160  1,296   3x3
act    ReLU       5x2x4x4           0              0  1,280   3x3
pool   MaxPool    5x2x2x2           0            160    800   4x4
flat   Flatten    5x8               0              0    320   4x4
fc     Linear     5x3              27            120    328   all
-----------------------------------------------------------------
total  6 layers   5x3              51          1,880  5,064
input 5x1x4x4; parameters 204 bytes, outputs of all layers 2,300 bytes"""


def fields(net, shape):
    return [row.sight.field for row in network.trace(net, shape)]


def test_receptive_fields():
    chain = layers.Sequential(layers.Conv1d(1, 1, 3, stride=2), layers.Conv1d(1, 1, 3, dilation=2),
                              layers.AveragePool(2), layers.ConvTranspose1d(1, 1, 3, stride=2), layers.Conv1d(1, 1, 1))
    assert fields(chain, (1, 1, 64)) == [(3,), (11,), (13,), (17,), (17,)]
    branches = layers.Residual(layers.Conv2d(1, 1, 5, padding=2), shortcut=layers.Conv2d(1, 1, 1))
    after = layers.Sequential(branches, layers.Conv2d(1, 1, (3, 1)))
    assert fields(after, (1, 1, 9, 9))[-1] == (7, 5)
    assert fields(layers.Sequential(layers.GlobalAveragePool()), (1, 2, 5, 5)) == [(network.WHOLE,) * 2]
    assert fields(layers.Sequential(layers.AdaptiveAveragePool(4), layers.Conv1d(1, 1, 2)), (1, 1, 16)) == [(4,), (8,)]


def test_what_one_output_sees_is_what_its_gradient_reaches():
    net = layers.Sequential(layers.Conv2d(1, 2, 3, stride=2, dtype="float64", seed=0),
                            layers.Conv2d(2, 1, (1, 3), dilation=(1, 2), dtype="float64", seed=0))
    x = np.zeros((1, 1, 30, 30))
    y = net.forward(x, training=True)
    dy = np.zeros_like(y)
    dy[0, 0, y.shape[2] // 2, y.shape[3] // 2] = 1
    reached = np.argwhere(net.backward(dy)[0, 0])
    assert tuple(np.ptp(reached, axis=0) + 1) == fields(net, x.shape)[-1] == (3, 11)


def test_a_trace_leaves_no_trace():
    net = tiny()
    network.trace(net, (1, 1, 4, 4))
    assert all("output_shape" not in layer.__dict__ for layer in (net, *net))
    with pytest.raises(ShapeError) as caught:
        network.summary(net, (1, 3, 4, 4))
    assert str(caught.value) == ("network.conv (Conv2d): expected 1 channels along axis 1, given 3 in shape (1, 3, 4, "
                                 "4)")
    assert all("output_shape" not in layer.__dict__ for layer in (net, *net))
    with pytest.raises(ShapeError) as caught:
        network.summary(net, (4,))
    assert str(caught.value) == "summary: input_shape=(4,) must be (batch, channels, *space), each at least 1"


# ---------------------------------------------------------------- weights

@pytest.fixture
def path(tmp_path):
    return tmp_path / "w.safetensors"


def everything(net):
    return {name: array.copy() for name, array in weights.state(net).items()}


def test_weights_come_back(path):
    first, second = tiny(1), tiny(2)
    first["norm"].buffers["running_mean"][...] = 5
    network.save(first, path, {"note": "a text"})
    assert network.load(second, path) == {"note": "a text"}
    for name, array in everything(first).items():
        np.testing.assert_array_equal(weights.state(second)[name], array)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_weights_take_the_dtype_of_the_network(path):
    network.save(layers.Linear(2, 3, seed=0, dtype="float64"), path)
    net = layers.Linear(2, 3)
    network.load(net, path)
    assert net.parameters["weight"].value.dtype == np.float32
    np.testing.assert_array_equal(net.parameters["weight"].value,
                                  layers.Linear(2, 3, seed=0, dtype="float64").parameters["weight"].value.astype("f4"))


def test_weights_that_do_not_fit_are_listed_and_change_nothing(path):
    arrays = everything(tiny(1))
    del arrays["fc.bias"], arrays["norm.running_var"]
    arrays |= {"more": np.zeros((2, 2)), "conv.weight": np.zeros((2, 3, 3, 3), np.float32), "a\x1b[2J": np.zeros(1),
               "fc.weight": np.zeros((3, 8), np.int32)}
    weights.write_entries(path, arrays)
    net = tiny(2)
    before = everything(net)
    with pytest.raises(DataError) as caught:
        network.load(net, path)
    assert set(str(caught.value).split("; ")) == {
        f"load: {path} does not fit, and nothing was changed",
        'missing: "fc.bias" (3,), "norm.running_var" (2,)',
        """extra: 'a\\x1b[2J' (1,), "more" (2, 2)""", 'misshapen: "conv.weight" (2, 3, 3, 3), expected (2, 1, 3, 3)',
        'of another type: "fc.weight" I32, expected F16 or F32 or F64', "build the network that was saved"}
    for name, array in before.items():
        np.testing.assert_array_equal(weights.state(net)[name], array)


def test_a_misfit_in_full(path):
    network.save(layers.Linear(2, 3), path)
    with pytest.raises(DataError) as caught:
        network.load(layers.Linear(2, 4, bias=False), path)
    assert str(caught.value) == (f'load: {path} does not fit, and nothing was changed; extra: "bias" (3,); misshapen: '
                                 '"weight" '
                                 "(3, 2), expected (4, 2); build the network that was saved")


def made(header, body=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


ONE = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(("content", "reason"), [
    (b"", "of 0 bytes, the header claims 0, and 16777216 is the most"),
    (b"abc", "of 3 bytes, the header claims 6513249, and 16777216 is the most"),
    (struct.pack("<Q", 1 << 62) + b"{}", "of 10 bytes, the header claims 4611686018427387904, and 16777216 is the "
                                         "most"),
    (struct.pack("<Q", 99_000_000) + b"{}", "of 10 bytes, the header claims 99000000, and 16777216 is the most"),
    (made({"weight": ONE}, b"\0" * 4), None), (made({"weight": ONE}, b"\0" * 12), None),
    (made({"weight": ONE, "bias": ONE}, b"\0" * 8), None),
    (made({"weight": {**ONE, "shape": [2**40, 2**40]}}, b"\0" * 8), None),
    (made({"weight": {**ONE, "data_offsets": [0, 2**50]}}, b"\0" * 8), None),
    (made({"weight": {**ONE, "data_offsets": [8, 0]}}, b"\0" * 8), None),
    (made({"weight": {**ONE, "shape": [-2]}}, b"\0" * 8), None),
    (made({"weight": {**ONE, "dtype": "F7"}}, b"\0" * 8), None),
    (made(b'{"weight":' + b"[" * 50_000), None), (made(b"\xff\xfe{}"), None), (made({"__metadata__": {"a": 3}}), None),
], ids=range(15))
def test_hostile_weights_are_refused_before_memory_is_taken(path, content, reason):
    path.write_bytes(content)
    net = layers.Linear(1, 2)
    tracemalloc.start()
    with pytest.raises(DataError) as caught:
        network.load(net, path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    text = str(caught.value)
    assert text.startswith(f"load: {path} is damaged or no safetensors file ({reason or ''}")
    assert text.endswith("); save or fetch it again")
    assert peak < 1 << 20


def test_entries_that_numpy_cannot_hold_do_not_fit(path):
    path.write_bytes(made({"weight": {**ONE, "shape": [0, 2**62], "data_offsets": [0, 0]}}))
    with pytest.raises(DataError, match="misshapen"):
        network.load(layers.Linear(1, 2, bias=False), path)
    with pytest.raises(DataError, match="is damaged or no safetensors file"):
        weights.read_entries(path)


def test_files_that_are_not_there(path):
    with pytest.raises(DataError) as caught:
        network.load(tiny(), path)
    assert str(caught.value) == f"load: {path} does not exist; check the path"
    with pytest.raises(DataError) as caught:
        network.save(tiny(), path.parent / "no" / "w.safetensors")
    assert str(caught.value) == (f"save: {path.parent / 'no' / 'w.safetensors'}: folder {path.parent / 'no'} does not "
                                 "exist; make it first (mkdir -p)")


def test_a_file_that_cannot_be_replaced_stays(path, monkeypatch):
    network.save(tiny(1), path)
    before = path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError) as caught:
        network.save(tiny(2), path)
    assert str(caught.value) == (f"save: {path} cannot be written (No space left on device); check the folder's "
                                 "rights and the disk's space")
    assert path.read_bytes() == before
    assert len(list(path.parent.iterdir())) == 1


def test_without_the_package(path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "safetensors", None)
    with pytest.raises(DataError) as caught:
        network.save(tiny(), path)
    assert str(caught.value) == (f"save: {path}: weights need the package safetensors, which is not installed; "
                                 'pip install "faltung[layers]"')


# ---------------------------------------------------------------- zoo

@pytest.mark.parametrize(("build", "shape", "count"), [
    (zoo.small, (2, 1, 8, 8), 9_930),
    (zoo.lenet5, (2, 1, 28, 28), 61_706),
    (zoo.resnet, (2, 3, 32, 32), 272_474),
    (zoo.mobilenet_v2, (1, 3, 224, 224), 3_504_872),
])
def test_counts_of_parameters_are_the_known_ones(build, shape, count):
    net = build()
    assert sum(parameter.value.size for parameter in net.parameters.values()) == count
    assert net.output_shape(shape) == (shape[0], 1000 if count > 1e6 else 10)


def test_names_are_those_of_torch():
    names = list(zoo.resnet(blocks=1).parameters) + list(zoo.mobilenet_v2(width=0.25).parameters)
    for name in ("conv1.weight", "bn1.bias", "layer1.0.conv2.weight", "layer2.0.downsample.0.weight", "fc.bias",
                 "features.0.1.weight", "features.1.conv.0.0.weight", "features.2.conv.2.weight",
                 "features.18.0.weight",
                 "classifier.1.weight"):
        assert name in names
    assert "layer1.0.downsample.0.weight" not in names
    assert {"bn1.running_mean", "layer3.0.bn2.num_batches_tracked"} <= set(zoo.resnet(blocks=1).buffers)


@pytest.mark.parametrize("build", [
    lambda: zoo.BasicBlock(3, 4, 2, seed=0, dtype="float64"), lambda: zoo.BasicBlock(4, 4, seed=0, dtype="float64"),
    lambda: zoo.InvertedResidual(4, 4, 1, 2, seed=0, dtype="float64"),
    lambda: zoo.InvertedResidual(4, 6, 2, 1, seed=0, dtype="float64"),
])
def test_blocks_by_finite_differences(build, rng):
    block = build()
    channels = next(iter(block.parameters.values())).value.shape[1]
    channels = channels if channels > 1 else 4
    x = rng.normal(size=(3, channels, 6, 5))
    y = block.forward(x, training=True)
    direction = rng.normal(size=y.shape)
    dx = block.backward(direction)
    for array, gradient in [(x, dx)] + [(one.value, one.gradient) for one in block.parameters.values()]:
        along = rng.normal(size=array.shape)
        values = []
        for sign in (1, -1):
            array[...] += sign * 1e-6 * along
            values.append(np.vdot(block.forward(x, training=True), direction))
            array[...] -= sign * 1e-6 * along
        np.testing.assert_allclose((values[0] - values[1]) / 2e-6, np.vdot(gradient, along), rtol=1e-5, atol=1e-7)


def test_images_too_small():
    with pytest.raises(layers.LayerError) as caught:
        zoo.lenet5(size=8)
    assert str(caught.value) == ("lenet5: size=8 must be at least 12, so that something is left behind both poolings; "
                                 "use small, or larger images")


def test_the_package_offers_it():
    assert ft.layers is layers
    assert "zoo" in layers.__all__
