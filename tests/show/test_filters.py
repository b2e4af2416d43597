"""Before and after, and kernels with their frequency response."""

from __future__ import annotations

import numpy as np
import pytest

import faltung as ft
from faltung import kernels
from faltung.errors import FaltungError
from faltung.show.panels import tap_words
from faltung.show.responses import in_decibels
from grid.command import run
from looking import LOOKS, WIDTHS, check_figure

TIMES, MINUS = "\N{MULTIPLICATION SIGN}", "\N{MINUS SIGN}"
RNG = np.random.default_rng(5)
GREY = RNG.integers(0, 256, (60, 80), np.uint8)
COLOURS = RNG.integers(0, 256, (50, 40, 3), np.uint8)
SIGNAL = np.sin(np.arange(90) / 7)
FILTERS = {
    "grey": (GREY, "gaussian:sigma=2", {}),
    "signed": (GREY, "sobel", {}),
    "colours": (COLOURS, "box:size=5", {"channel_axis": -1}),
    "signed colours": (COLOURS, kernels.laplacian(), {"channel_axis": -1}),
    "signal": (SIGNAL, "savitzky_golay:size=9", {}),
    "wide": (GREY[:8], "gaussian:sigma=3", {}),
    "high": (GREY[:, :6], "motion:length=3", {}),
}
KERNELS = ["gaussian:sigma=2", "sobel", "motion", "fir", "gabor", "binomial:ndim=3", "box:size=1x7", "identity",
           kernels.gaussian(1, ndim=3), np.exp(1j * np.arange(9)), RNG.normal(size=(3, 4)) + 1j, np.zeros((2, 2)),
           RNG.normal(size=(12, 4, 3))]


def seen(figure):
    """The arrays of all images of a figure, in their order."""
    return [np.asarray(image.get_array()) for axes in figure.axes for image in axes.get_images()]


def texts(axes):
    return [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize(("width", "theme"), LOOKS)
def test_before_and_after_at_any_width(name, width, theme):
    image, kernel, options = FILTERS[name]
    check_figure(ft.show.filtered(image, kernel, width=width, theme=theme, **options), width, theme)


def test_what_is_drawn_is_what_the_engine_gives():
    taps = kernels.gaussian(2)
    before, kernel, after = seen(ft.show.filtered(GREY, taps))
    assert np.array_equal(before, GREY)
    assert np.array_equal(kernel, taps)
    assert np.array_equal(after, ft.filter(GREY, taps))
    signed = seen(ft.show.filtered(GREY, "sobel", border="edge"))[2]
    assert np.array_equal(signed, ft.filter(GREY, kernels.sobel(), border="edge", dtype="float32"))
    assert signed.min() < 0
    assert np.array_equal(seen(ft.show.filtered(COLOURS, "box", channel_axis=-1))[2],
                          ft.filter(COLOURS, kernels.box(3), channel_axis=-1))
    mine = np.arange(12.0).reshape(3, 4)
    assert np.array_equal(seen(ft.show.filtered(GREY, "box", mine))[2], mine)


def test_a_signal_and_its_taps():
    axes = ft.show.filtered(SIGNAL, "binomial:ndim=1").axes
    taps = kernels.binomial(ndim=1)
    assert np.array_equal(axes[0].lines[0].get_ydata(), SIGNAL)
    assert np.array_equal(axes[1].lines[-1].get_ydata(), taps)
    assert np.array_equal(axes[2].lines[-1].get_ydata(), ft.filter(SIGNAL, taps))


@pytest.mark.parametrize("number", range(len(KERNELS)))
def test_kernels_at_any_width(number):
    scale = ("linear", "dB")[number % 2]
    for width in (WIDTHS[0], WIDTHS[1 + number % 2]):
        check_figure(ft.show.kernel(KERNELS[number], scale=scale, width=width), width)
    check_figure(ft.show.kernel(KERNELS[number], scale=scale, width=240, theme="dark"), 240, "dark")


def test_the_response_of_a_line():
    for taps in (kernels.binomial(ndim=1), np.array([1, 2j, 3])):
        line = ft.show.kernel(taps).axes[1].lines[0]
        response = kernels.describe(taps).frequency_response(512)
        at = np.round(np.asarray(line.get_xdata()) * 512).astype(int)
        expected = np.abs(response.gain)[[256 + f if f < 256 else 0 for f in at]]
        np.testing.assert_allclose(line.get_ydata(), expected, atol=1e-12)
    decibels = ft.show.kernel("binomial:ndim=1", scale="dB").axes[1].lines[0].get_ydata()
    assert decibels[0] == pytest.approx(0, abs=1e-9)
    assert decibels[-1] == pytest.approx(-80)


def test_the_response_of_a_plane():
    taps = kernels.sobel()
    drawn, gain = seen(ft.show.kernel(taps))[:2]
    assert np.array_equal(drawn, taps)
    assert np.array_equal(gain, np.abs(kernels.describe(taps).frequency_response(65).gain))
    decibels = seen(ft.show.kernel(taps, scale="dB"))[1]
    assert np.array_equal(decibels, in_decibels(gain))


def test_a_volume_as_slices_and_three_lines():
    taps = kernels.gaussian(1, ndim=3)
    figure = ft.show.kernel(taps)
    assert np.array_equal(np.array(seen(figure)), taps)
    assert [line.get_label() for line in figure.axes[-1].lines] == ["axis 0", "axis 1", "axis 2"]
    gain = np.abs(kernels.describe(taps).frequency_response(64).gain)[32, 32, 32::-1]
    assert np.array_equal(figure.axes[-1].lines[2].get_ydata(), gain)


def test_numbers_in_cells():
    assert texts(ft.show.kernel("box").axes[0]) == ["1"] * 9
    assert "3x3 taps x 1/9".replace("x", TIMES) in [text.get_text() for text in ft.show.kernel("box").texts]
    assert texts(ft.show.kernel("sobel").axes[0]) == [MINUS + "1", "0", "1", MINUS + "2", "0", "2", MINUS + "1", "0",
                                                      "1"]
    assert not texts(ft.show.kernel("gaussian:sigma=9").axes[0])
    assert tap_words(np.array([0.123456, -3.14159, 0.0, 1e-9, 12.3])) == (
        [".12", f"{MINUS}3.14", "0", "0", "12.3"], "")


@pytest.mark.parametrize(("call", "message"), [
    (lambda: ft.show.filtered(np.zeros((2, 2, 2)), "box"),
     "filtered: image (2, 2, 2) has 3 axes to draw; give a signal or an image with pixels, such as one slice of a "
     "volume"),
    (lambda: ft.show.filtered(np.zeros((2, 2), complex), "box"),
     "filtered: image has dtype complex128, which is no shade of grey; take np.abs of it, or one of its parts"),
    (lambda: ft.show.filtered(np.zeros((2, 2, 5)), "box", channel_axis=-1),
     "filtered: image (2, 2, 5) has 5 channels; give 1 to 4, or draw one channel"),
    (lambda: ft.show.filtered(np.full((2, 2), np.nan), "box"),
     "filtered: image (2, 2) has no finite value; there is nothing to draw"),
    (lambda: ft.show.filtered(GREY, np.array(["a"])),
     "filtered: kernel has dtype <U1, which is not a number; convert it first"),
    (lambda: ft.show.kernel(np.ones((1, 1, 1, 1))),
     "kernel: (1, 1, 1, 1) has 4 axes, and at most 3 are drawn; give a part of it, as kernel[0]"),
    (lambda: ft.show.kernel("box", scale="log"), 'kernel: scale "log" is unknown; use "linear" or "dB"'),
    (lambda: ft.show.kernel("bux"), "kernel 'bux' is unknown; did you mean box?"),
])
def test_refusals(call, message):
    with pytest.raises(FaltungError) as caught:
        call()
    assert str(caught.value) == message


def test_the_command_line_draws_kernels(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    status, out, err = run("kernels show sobel -o sobel.png", capsys)
    assert (status, out.splitlines()[0], err) == (0, "3x3 int16", "")
    assert ft.read("sobel.png").shape[1] == 800
    np.save("taps.npy", np.ones(5))
    assert run("kernels describe taps.npy -o taps.svg", capsys)[0] == 0
    assert "taps.npy" in (tmp_path / "taps.svg").read_text()
    assert run("kernels show sobel -o sobel.txt", capsys) == (
        2, "", "faltung: show: sobel.txt has no suffix of a picture; use .png, .svg, .pdf\n")
    assert run("kernels list sobel -o sobel.png", capsys)[2] == (
        "faltung: kernels: --output is for fit, show and describe, not for list; leave it out\n")


def test_the_command_line_draws_before_and_after(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    ft.write("a.png", COLOURS)
    status, _, err = run("apply a.png -k sharpen -o b.png --picture c.png", capsys)
    assert (status, err) == (0, "")
    assert ft.read("c.png").shape[1] == 1200
    assert run("apply a.png -k sharpen -o b.png --picture c.txt", capsys)[2] == (
        "faltung: apply: --picture c.txt has no suffix of a picture; use .png, .svg, .pdf\n")
    (tmp_path / "out").mkdir()
    assert run("apply a.png b.png -k sharpen -o out --picture c.png", capsys)[2] == (
        "faltung: apply: --picture c.png shows one image, not 2; filter them one by one\n")
    np.save("v.npy", np.zeros((4, 4, 4)))
    assert run("apply v.npy -k gaussian:ndim=3 -o w.npy --picture c.png", capsys)[2] == (
        "faltung: apply: image (4, 4, 4) has 3 axes to draw; give a signal or an image with pixels, such as one "
        "slice of a volume\n")
    assert not (tmp_path / "w.npy").exists()
    np.save("wide.npy", np.zeros((40, 4000)))
    assert run("apply wide.npy -k box -o w.npy --picture c.png --memory 1M", capsys)[2] == (
        "faltung: apply: wide.npy is filtered block by block, and not drawn; leave out --picture, or give more "
        "--memory\n")
