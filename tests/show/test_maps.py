"""Feature maps and kernels: the numbers drawn are the network's."""

import numpy as np
import pytest

from faltung import layers
from faltung.errors import FaltungError, ShapeError
from faltung.layers import zoo
from faltung.layers.data import Normalisation
from faltung.layers.training import probabilities
from faltung.show import feature_maps, learned_kernels
from faltung.show.learned import LearnedKernels
from faltung.show.map_rows import MapRows
from faltung.show.maps import FeatureMaps
from faltung.show.panels import Box
from faltung.show.passes import record, what
from faltung.show.scene import staged
from faltung.show.sheets import sheet
from looking import check_figure, check_scene

CLASSES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(3).integers(0, 256, (1, 28, 28), np.uint8)


@pytest.fixture(scope="module")
def scene(image):
    return FeatureMaps(zoo.lenet5(seed=2), image, classes=CLASSES, normalisation=Normalisation((128.0,), (64.0,)))


def artist(figure, gid):
    found = [one for axes in figure.axes for one in (*axes.images, *axes.collections) if one.get_gid() == gid]
    assert len(found) == 1
    return found[0]


def tiles(picture, count, shape):
    """Values of the maps of a sheet as it was drawn, found by the gaps between them."""
    pixels = np.ma.filled(picture.get_array().astype(float), np.nan)
    rows, columns = (~np.isnan(pixels).all(1 - axis) for axis in range(2))
    starts = [np.flatnonzero(np.diff(np.r_[False, seen].astype(int)) == 1) for seen in (rows, columns)]
    ends = [np.flatnonzero(np.diff(np.r_[seen, False].astype(int)) == -1) + 1 for seen in (rows, columns)]
    found = []
    for top, bottom in zip(starts[0], ends[0], strict=True):
        for left, right in zip(starts[1], ends[1], strict=True):
            tile = pixels[top:bottom, left:right]
            if not np.isnan(tile).any():
                found.append(tile[:: (bottom - top) // shape[0], :: (right - left) // shape[1]])
    assert len(found) == count
    return np.array(found)


def test_maps_are_those_of_the_network(image, scene):
    network = zoo.lenet5(seed=2)
    values = Normalisation((128.0,), (64.0,))(image[None])
    stage, show = staged(scene, 800, "light")
    for step, layer in enumerate(network):
        values = layer(values)
        moving = show(step)
        maps = values[0] if values.ndim == 4 else values[0][:, None, None]
        drawn = artist(stage.figure, "maps")
        assert drawn in moving
        assert drawn.get_visible()
        np.testing.assert_array_equal(tiles(drawn, len(maps), maps.shape[1:]), maps)
        most = np.abs(maps).max()
        assert drawn.get_clim() == pytest.approx((-most if maps.min() < 0 else 0.0, most))
        assert scene.passes[step].path in scene.words(step)
    assert scene.steps == 13
    show(12)
    assert not artist(stage.figure, "maps").get_visible()
    chances = probabilities(values[0].astype(np.float64))
    ends = [path.get_extents() for path in artist(stage.figure, "chances").get_paths()]
    widths = np.array([box.x1 - box.x0 for box in ends])
    np.testing.assert_allclose(widths / widths.max(), chances / chances.max(), rtol=1e-9)
    assert f"{CLASSES[int(chances.argmax())]} {100 * chances.max():.1f} %" in scene.words(12)


def test_every_step_moves_the_same_artists(scene):
    _, show = staged(scene, 400, "dark")
    assert [id(one) for one in show(0)] == [id(one) for one in show(12)]


def test_sums_have_steps_of_their_own_and_blocks_no_second_ones():
    network = zoo.mobilenet_v2(5, 1, width=0.25)
    passes = record(network, np.random.default_rng(0).normal(size=(1, 32, 32)))
    paths = [one.path for one in passes]
    assert paths[:6] == ["features.0.0", "features.0.1", "features.0.2", "features.1.conv.0.0", "features.1.conv.0.1",
                         "features.1.conv.0.2"]
    added = [one for one in passes if one.layer.children]
    assert all(one.layer.adds for one in added)
    assert len(added) == 11
    assert {one.does for one in added} == {"Adds its input to what its layers have made of it."}
    assert "classifier.0" not in paths  # dropout gives what it was given


@pytest.mark.parametrize(("layer", "taken", "text"), [
    (layers.Conv2d(1, 6, 5, seed=0), (1, 9, 9), "Each map is the one before, filtered by 5x5 taps of its own."),
    (layers.Conv2d(4, 6, 3, 2, seed=0), (4, 9, 9),
     "Each map is a sum of 4 maps, each filtered by 3x3 taps; every 2nd place is kept."),
    (layers.Conv2d(4, 6, 1, seed=0), (4, 9, 9), "Mixes 4 maps into 6 at each place."),
    (layers.DepthwiseConv2d(4, 3, seed=0), (4, 9, 9), "Filters each map by 3x3 taps of its own."),
    (layers.ConvTranspose2d(4, 2, 3, 2, seed=0), (4, 5, 5),
     "Each sample lays 3x3 taps down, 2x2 apart from its neighbour's; what overlaps is added."),
    (layers.MaxPool(2), (4, 8, 8), "Keeps the largest value of each 2x2 window."),
    (layers.AdaptiveAveragePool(3), (4, 8, 8), "Averages each of 3x3 windows."),
    (layers.GlobalAveragePool(), (4, 8, 8), "Averages each map to one value."),
    (layers.BatchNorm(4), (4, 8, 8), "Shifts and scales each map, by what it was over the images of the training."),
    (layers.ReLU6(), (4, 8, 8), "Negative values become 0, those above 6 become 6."),
    (layers.LeakyReLU(0.1), (4, 8, 8), "Negative values are multiplied by 0.1."),
    (layers.Linear(8, 3, seed=0), (8,), "Each value is a weighted sum of all 8."),
    (layers.Upsample(2), (4, 8, 8), "Makes 16x16 of 8x8."),
])
def test_what_layers_do(layer, taken, text):
    assert what(layer, taken, layer.output_shape((1, *taken))[1:]).replace("\N{MULTIPLICATION SIGN}", "x") == text


def test_sheets_fill_their_box_and_keep_all_values(rng):
    maps = rng.normal(size=(6, 5, 7))
    drawn = sheet(maps, Box(0, 0, 300, 200))
    assert all(np.array_equal(drawn.map(number), maps[number]) for number in range(6))
    assert (drawn.is_signed, drawn.limits[1], drawn.total) == (True, np.abs(maps).max(), 6)
    assert len(sheet(np.ones((100, 2, 2)), Box(0, 0, 1, 1)).corners) == 64
    assert sheet(np.ones((5, 3, 4, 6)), Box(0, 0, 1, 1)).shape == (4, 6)
    assert sheet(np.zeros((3, 2, 2)), Box(0, 0, 1, 1)).limits == (0.0, 1.0)


def test_labels_keep_apart(scene):
    check_scene(scene)


def test_a_wide_network_and_many_classes_keep_their_labels_apart():
    network = zoo.resnet(30, 3, 1, width=8, seed=1)
    scene = FeatureMaps(network, np.random.default_rng(1).random((3, 16, 16)), name="a_very_long_name_of_a_file.png",
                        classes=[f"a class with a long name {number}" for number in range(30)])
    check_scene(scene, (12, scene.steps - 1))


def test_rows_of_maps(image):
    network = zoo.lenet5(seed=2)
    figure = feature_maps(network, image / np.float32(255))
    values = network[0](image[None] / np.float32(255))
    np.testing.assert_array_equal(tiles(artist(figure, "conv1"), 6, (28, 28)), values[0])
    for width, theme in ((400, "dark"), (800, "light"), (1600, "light")):
        check_figure(feature_maps(network, image / np.float32(255), width=width, theme=theme), width, theme)
    rows = MapRows(zoo.resnet(4, 1, seed=0), np.zeros((1, 16, 16), np.float32))
    assert len(rows.rows) == 8
    assert rows.note().startswith("8 of 22 layers. Each row has colours of its own")
    assert rows.words(0).startswith("conv1: 16 maps of 16\N{MULTIPLICATION SIGN}16; ")
    check_scene(rows, widths=(400, 800))
    signal = layers.Sequential(layers.Conv1d(1, 4, 5, seed=0), layers.MaxPool(2))
    check_figure(feature_maps(signal, np.ones((1, 30), np.float32)), 800)


def test_one_layer_by_its_path(image):
    network = zoo.lenet5(seed=2)
    figure = feature_maps(network, image / np.float32(255), "pool1")
    values = network[2](network[1](network[0](image[None] / np.float32(255))))
    np.testing.assert_array_equal(tiles(artist(figure, "maps"), 6, (14, 14)), values[0])


def test_learned_kernels(rng):
    layer = layers.Conv2d(1, 7, 5, seed=4)
    figure = learned_kernels(layers.Sequential(layers.ReLU(), layer))
    np.testing.assert_allclose(tiles(artist(figure, "kernels"), 7, (5, 5)), layer.parameters["weight"].value[:, 0])
    scene = LearnedKernels(rng.normal(size=(20, 6, 3, 3)))
    assert scene.words(0) == ("20 kernels of 3x3 taps on 6 channels; a row for each channel, a column for each kernel; "
                              "the first 16x6 are drawn").replace("x", "\N{MULTIPLICATION SIGN}")
    found = tiles(artist(learned_kernels(scene.weights), "kernels"), 96, (3, 3)).reshape(6, 16, 3, 3)
    np.testing.assert_array_equal(found, scene.weights[:16].swapaxes(0, 1))
    colours = rng.normal(size=(4, 3, 3, 3))
    pixels = artist(learned_kernels(colours), "kernels").get_array()
    np.testing.assert_allclose(pixels[0, 0], [*(0.5 + 0.5 * colours[0, :, 0, 0] / np.abs(colours).max()), 1.0])
    for weights in (layer, scene.weights, colours, rng.normal(size=(3, 2, 9)), rng.normal(size=(2, 1, 3, 3, 3))):
        check_scene(LearnedKernels(weights), widths=(400, 1600))


@pytest.mark.parametrize(("call", "kind", "text"), [
    (lambda network: FeatureMaps(network, np.ones((1, 28, 28)), classes=("a", "b")), FaltungError,
     "feature_maps: 2 classes are named, but the network has 10; name each of them"),
    (lambda network: feature_maps(network, np.ones((1, 28, 28)), "conv9"), FaltungError,
     'feature_maps: there is no layer "conv9" that makes something new; use one of conv1, relu1, pool1, conv2, relu2, '
     "pool2, flatten, fc1, ..."),
    (lambda network: feature_maps(network, np.ones((0, 28, 28))), FaltungError,
     "feature_maps: image (0, 28, 28) must be (channels, *space), with one value at least"),
    (lambda network: feature_maps(network, np.ones((3, 28, 28))), ShapeError,
     "network.conv1 (Conv2d): expected 1 channels along axis 1, given 3 in shape (1, 3, 28, 28)"),
    (lambda network: feature_maps(layers.Sequential(layers.ReLU()), np.ones((3, 28, 28))), FaltungError,
     "feature_maps: Sequential has no layer that filters, pools or adds; name one with layer="),
    (lambda network: learned_kernels(layers.Linear(3, 2, seed=0)), FaltungError,
     "learned_kernels: Linear has no convolutional layer; give one, or weights of shape (channels_out, channels_in, "
     "*taps)"),
    (lambda network: learned_kernels(np.ones((3, 3))), FaltungError,
     "learned_kernels: weights (3, 3) must be (channels_out, channels_in, *taps), with one tap at least"),
    (lambda network: learned_kernels(np.full((1, 1, 3), np.nan)), FaltungError,
     "learned_kernels: weights (1, 1, 3) are not all finite; there is nothing to draw"),
    (lambda network: learned_kernels(np.ones((1, 1, 3), complex)), FaltungError,
     "learned_kernels: weights have dtype complex128, which are no numbers to draw; give real ones"),
])
def test_errors_in_full(call, kind, text):
    with pytest.raises(kind) as caught:
        call(zoo.lenet5())
    assert str(caught.value) == text
