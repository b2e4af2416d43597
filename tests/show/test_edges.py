"""One filter under several borders."""

from __future__ import annotations

import numpy as np
import pytest

import faltung as ft
from faltung.errors import FaltungError
from faltung.show.edges import BORDERS
from looking import LOOKS, check_figure

IMAGE = np.random.default_rng(1).integers(0, 256, (40, 60), np.uint8)


@pytest.mark.parametrize(("width", "theme"), LOOKS)
def test_at_any_width(width, theme):
    check_figure(ft.show.borders(IMAGE, "box:size=9", width=width, theme=theme), width, theme)
    check_figure(ft.show.borders(IMAGE, "box", ["edge"], width=width, theme=theme), width, theme)


def test_each_result_is_the_engine_s():
    figure = ft.show.borders(IMAGE, "box:size=9")
    for axes, border in zip(figure.axes, BORDERS, strict=True):
        assert np.array_equal(axes.get_images()[0].get_array(),
                              ft.filter(IMAGE, ft.kernels.box(9), border=border))
    assert [text.get_text() for text in figure.texts] == ["border 0", "border edge", "border reflect", "border wrap"]


@pytest.mark.parametrize(("call", "message"), [
    (lambda: ft.show.borders(IMAGE[0], [1]), "borders: image (60,) has no two axes; give an image"),
    (lambda: ft.show.borders(IMAGE, "box", []),
     "borders: borders=[] names none; give some of (0, 'edge', 'reflect', 'wrap')"),
])
def test_refusals(call, message):
    with pytest.raises(FaltungError) as caught:
        call()
    assert str(caught.value) == message
