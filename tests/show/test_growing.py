"""A kernel while it is learned."""

from __future__ import annotations

import numpy as np
import pytest

import faltung as ft
from faltung.errors import FaltungError
from faltung.layers.kernel_learning import learn_kernel
from looking import LOOKS, check_figure

BEFORE = np.random.default_rng(4).integers(0, 256, (40, 50), np.uint8)
LEARNED = learn_kernel(BEFORE, ft.filter(BEFORE, ft.kernels.binomial()), 5)


@pytest.mark.parametrize(("width", "theme"), LOOKS)
def test_at_any_width(width, theme):
    check_figure(ft.show.kernel_growing(LEARNED, width=width, theme=theme), width, theme)


def test_kernels_and_residuals_are_those_of_the_learning():
    *cells, curve = ft.show.kernel_growing(LEARNED).axes
    frames = {frame.step: frame for frame in LEARNED.frames}
    steps = [round(x) for x in curve.lines[1].get_xdata()]
    assert steps[0] == 1
    assert steps[-1] == LEARNED.frames[-1].step
    for axes, step in zip(cells, steps, strict=True):
        assert np.array_equal(axes.get_images()[0].get_array(), frames[step].kernel)
    assert list(curve.lines[0].get_ydata()) == LEARNED.residuals
    assert list(curve.lines[1].get_ydata()) == [frames[step].residual for step in steps]


def test_a_signal_s_kernel_is_refused():
    line = BEFORE.ravel().astype(float)
    with pytest.raises(FaltungError) as caught:
        ft.show.kernel_growing(learn_kernel(line, ft.correlate(line, [1.0, 2, 1], "same"), 3, steps=5))
    assert str(caught.value) == ("kernel_growing: kernel (3,) has 1 axes; give one that was learned from images")
