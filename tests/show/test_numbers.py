"""An image as its numbers: the article's picture, the engine's numbers in the cells, labels apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import faltung as ft
from faltung.errors import FaltungError
from faltung.show.number_cells import short
from faltung.show.numbers import Numbers, numbers
from faltung.show.scene import staged
from looking import check_scene

PICTURE = np.loadtxt(Path(__file__).parents[2] / "examples" / "hi.txt", dtype=np.uint8)
SOBEL = ft.kernels.sobel(axis=1)
RNG = np.random.default_rng(5)
PHOTO = RNG.integers(0, 256, (60, 80), dtype=np.uint8)


def cells(axes):
    """Texts of the cells of a panel, row by row."""
    return [text.get_text().replace("\N{MINUS SIGN}", "-") for text in axes.texts]


def panels(scene, width=800):
    stage, show = staged(scene, width, "light")
    return stage, show, dict(zip(("image", "window", "kernel", "products", "output"), stage.figure.axes, strict=True))


def test_the_articles_picture():
    scene = Numbers(PICTURE, SOBEL)
    np.testing.assert_array_equal(scene.result, ft.correlate(PICTURE, SOBEL, "same", border="reflect"))
    assert scene.steps == 256
    assert scene.note == ""
    stage, show, parts = panels(scene)
    outputs = np.array(cells(parts["output"]), int).reshape(16, 16)
    np.testing.assert_array_equal(outputs, scene.result)
    np.testing.assert_array_equal(np.array(cells(parts["image"]), int).reshape(18, 18), np.pad(PICTURE, 1, "reflect"))
    np.testing.assert_array_equal(np.array(cells(parts["kernel"]), int).reshape(3, 3), SOBEL)
    for step in range(0, 256, 5):
        artists = show(step)
        assert list(map(id, artists)) == list(map(id, show(step)))
        products = np.array(cells(parts["products"]), float)
        window = np.array(cells(parts["window"]), float)
        np.testing.assert_array_equal(products, window * SOBEL.ravel())
        assert products.sum() == scene.result.ravel()[step]
        row, column = divmod(step, 16)
        frame = parts["image"].patches[-1]
        assert frame.get_xy() == (column - 0.5, row - 0.5)
        total = stage.figure.texts[-2].get_text().replace("\N{MINUS SIGN}", "-")
        assert f"sum = {scene.result[row, column]}\n\n= y[{row}, {column}]" in [
            text.get_text().replace("\N{MINUS SIGN}", "-") for text in stage.figure.texts], total


def test_cells_to_come_are_covered():
    scene = Numbers(PICTURE, SOBEL)
    _, show, parts = panels(scene)
    cover = parts["output"].patches[0]
    for step in (0, 15, 16, 100, 255):
        show(step)
        done = [not cover.get_path().contains_point((column, row)) for row, column in np.ndindex(16, 16)]
        assert done == [number <= step for number in range(256)]
        assert cover.get_zorder() > max(text.get_zorder() for text in parts["output"].texts)


def test_words_tell_the_sum_and_the_border():
    scene = Numbers(PICTURE, SOBEL, border=7)
    assert scene.words(50) == ("y[3, 2] = 255*(-1) + 255*0 + 0*1 + 255*(-2) + 255*0 + 0*2 + 255*(-1) + 255*0 + 0*1 = "
                               "-1020")
    assert scene.words(0).startswith("y[0, 0] = border 7*(-1) + border 7*0 + border 7*1 + border 7*(-2) + 255*0")
    assert Numbers(PICTURE, np.ones((7, 7))).words(0).endswith(", the sum of 49 products")


@pytest.mark.parametrize("operation", ["correlate", "convolve"])
@pytest.mark.parametrize("mode", ["same", "valid"])
@pytest.mark.parametrize("border", [0, 3, "reflect", "wrap", "edge", "symmetric", ((1, "wrap"), "edge")])
@pytest.mark.parametrize("at", [(0, 0), (30, 40), (59, 79)])
def test_products_add_up_to_the_engines_output(operation, mode, border, at):
    kernel = RNG.integers(-3, 4, (3, 4))
    scene = Numbers(PHOTO, kernel, operation, mode=mode, border=border, at=at, size=(6, 7))
    wanted = getattr(ft, operation)(PHOTO, kernel, mode, border=border)
    np.testing.assert_array_equal(scene.result, wanted)
    sums = [scene.products(step).sum() for step in range(scene.steps)]
    np.testing.assert_array_equal(sums, scene.seen_result().ravel())
    (top, left), (rows, columns) = scene.low, scene.outputs
    np.testing.assert_array_equal(scene.seen_result(), wanted[top : top + rows, left : left + columns])
    if mode == "valid":
        assert not scene.is_border.any()


def test_large_images_are_cropped_with_a_note():
    assert Numbers(PHOTO, SOBEL).note == "rows 24 to 35, columns 34 to 45 of 60\N{MULTIPLICATION SIGN}80"
    scene = Numbers(PHOTO, SOBEL, at=(0, 79), size=(4, 5))
    assert scene.note == "rows 0 to 3, columns 75 to 79 of 60\N{MULTIPLICATION SIGN}80"
    assert scene.is_border.sum() == 6 + 8 - 2 + 1 - 1  # the upper row and the right column
    stage, _, _ = panels(scene)
    assert scene.note in [text.get_text() for text in stage.figure.texts]


def test_colours_are_shown_by_luminance_or_one_channel():
    colour = RNG.integers(0, 256, (10, 10, 3), dtype=np.uint8)
    scene = Numbers(colour, SOBEL)
    assert scene.note == "luminance"
    np.testing.assert_array_equal(scene.image, np.rint(colour @ [0.299, 0.587, 0.114]))
    scene = Numbers(colour, SOBEL, channel=2)
    assert scene.note == "channel 2 of 3"
    np.testing.assert_array_equal(scene.image, colour[:, :, 2])


@pytest.mark.parametrize("scene", [
    Numbers(PICTURE, SOBEL), Numbers(PHOTO, ft.kernels.gaussian(1, size=5)), Numbers(PHOTO / 255, np.ones((3, 3)) / 9),
    Numbers(PHOTO, [[1, -1]], mode="valid"),
    Numbers(np.stack([PHOTO] * 3, -1), SOBEL, "convolve"), Numbers([[3]], [[2]]),
], ids=["article", "gaussian", "fractions", "pair", "colour", "one"])
def test_labels_stay_apart(scene):
    check_scene(scene, steps=(scene.first,))


def test_the_largest_fits():
    scene = Numbers(PHOTO[:20], ft.kernels.box(15), size=(20, 20), at=(3, 3))
    check_scene(scene, steps=(), widths=(400,))


def test_short_numbers():
    assert [short(value) for value in (0.5, -0.25, 10.5, 255, 0)] == [".5", "−.25", "10.5", "255", "0"]  # noqa: RUF001


def test_products_have_as_many_places_as_the_largest():
    words = [short(value, 1) for value in (0.5, 37.62, -0.01, 12.0, -3.25, 1e7, np.inf)]
    assert words == [".5", "37.6", "−.0", "12", "−3.2", "1e7", "inf"]  # noqa: RUF001
    scene = Numbers(PICTURE, ft.kernels.gaussian(1, size=7))
    _, show, parts = panels(scene)
    show(scene.first)
    products = np.array(cells(parts["products"]), float)
    np.testing.assert_allclose(products, scene.products(scene.first).ravel(), atol=0.05001)


@pytest.mark.parametrize(("side", "taps", "mode", "shown"), [
    (16, 3, "same", 16), (16, 5, "same", 16), (16, 7, "same", 12), (14, 7, "same", 14), (60, 3, "same", 12),
    (60, 9, "same", 10), (60, 15, "same", 6), (5, 15, "same", 5), (60, 3, "valid", 12), (60, 15, "valid", 20)])
def test_so_much_is_shown_that_numbers_can_be_read(side, taps, mode, shown):
    scene = Numbers(np.ones((side, side)), np.ones((taps, taps)), mode=mode)
    assert [high - low for low, high in zip(scene.low, scene.high, strict=True)] == [shown, shown]
    assert all(text.get_size() > 4.3 for axes in panels(scene)[2].values() for text in axes.texts)


def test_the_figure():
    assert len(numbers(PICTURE, SOBEL, 0, width=400, theme="dark", border="edge").axes) == 5


ERRORS = {
    "image": ((np.zeros(3), SOBEL), {},
              "numbers: image has shape (3,) and dtype float64; give (height, width) or (height, width, channels) of "
              "real numbers"),
    "kernel": ((PHOTO, np.ones((16, 3))), {},
               "numbers: kernel has shape (16, 3) and dtype float64; give up to 15x15 real taps along two axes"),
    "size": ((PHOTO, SOBEL), {"size": (40, 40)},
             "numbers: size 40x40 is out of range; use 1x1 to 20x20 cells, and at= to say where"),
    "at": ((PHOTO, SOBEL), {"at": (60, 0)},
           "numbers: at=(60, 0) lies outside the image 60x80; give a row and a column in it"),
    "mode": ((PHOTO, SOBEL), {"mode": "full"},
             "numbers: operation 'correlate' in mode 'full' is not drawn; use correlate or convolve, same or valid"),
    "valid": ((PHOTO, SOBEL), {"mode": "valid", "size": (2, 2)},
              'numbers: kernel 3x3 is larger than the 2x2 cells that are shown, in mode "valid"; use mode="same" or a '
              "larger size"),
    "grey": ((PHOTO, SOBEL), {"channel": 0}, "numbers: channel 0 of an image without channels; leave it out"),
    "channel": ((np.zeros((4, 4, 3)), SOBEL), {"channel": 3},
                "numbers: channel 3 is not there; the image has channels 0 to 2"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_what_cannot_be_shown_is_refused(name):
    arguments, options, text = ERRORS[name]
    with pytest.raises(FaltungError) as caught:
        Numbers(*arguments, **options)
    assert str(caught.value) == text
