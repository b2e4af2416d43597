"""How costs grow, drawn: the lines are the predictions, crossings are where the fastest changes, labels stay apart."""

from __future__ import annotations

import re

import numpy as np
import pytest

import faltung as ft
from faltung.costs import curve
from faltung.costs.rates import Rates
from faltung.errors import FaltungError
from faltung.layers import zoo
from faltung.show import scaling
from looking import check_scene


def rates(threads):
    return Rates("some machine", threads, 1e11 * threads, 3e9, ((1 << 18, 8e10), (1 << 26, 2e10)), 5e-6)


CALLS = {
    "image": lambda: ft.cost(ft.correlate, ft.Like((512, 512)), ft.Like((7, 7)), "same", rates=rates),
    "line": lambda: ft.cost(ft.convolve, ft.Like(100_000), ft.Like(101), rates=rates),
    "long line": lambda: ft.cost(ft.convolve, ft.Like(300_000), ft.Like(61), rates=rates),
    "layer": lambda: ft.cost(ft.conv, ft.Like((1, 64, 56, 56)), ft.Like((64, 64, 3, 3)), padding=1, rates=rates),
    "depthwise": lambda: ft.cost(ft.conv, ft.Like((1, 64, 56, 56)), ft.Like((64, 1, 3, 3)), groups=64, rates=rates),
    "wide integers": lambda: ft.cost(ft.convolve, ft.Like((64, 64), "int64"), ft.Like((9, 9), "int64"), rates=rates),
    "single": lambda: ft.cost(ft.correlate, ft.Like(1), ft.Like(1), rates=rates),
}


@pytest.mark.parametrize("name", CALLS)
def test_labels_are_apart(name):
    check_scene(scaling.Growing(CALLS[name]()))


def panels(figure):
    return [axes for axes in figure.axes if axes.get_title(loc="left")]


@pytest.mark.parametrize("name", ["image", "layer"])
def test_lines_are_the_predictions(name):
    cost = CALLS[name]()
    figure = ft.show.growth(cost, width=900)
    for what, axes in zip(("image", "kernel", "channels"), panels(figure), strict=True):
        assert axes.get_title(loc="left") == scaling.TITLES[what]
        lines = {line.get_label(): line for line in axes.lines}
        points = curve(cost, what)
        for algorithm in ("direct", "fourier"):
            times = [(point.extent, point.seconds[algorithm]) for point in points]
            known = [(extent, seconds) for extent, seconds in times if seconds is not None]
            np.testing.assert_array_equal(lines[algorithm].get_xydata(), known)
        bound = lines[scaling.BOUND].get_xydata()
        np.testing.assert_allclose(bound[:, 1] * cost.peak / 2, [point.multiply_adds for point in points])
        styles = {str(lines[label].get_linestyle()) + str(lines[label]._unscaled_dash_pattern) for label in
                  ("direct", "fourier", scaling.BOUND)}
        assert len(styles) == 3


def test_the_right_axis_counts_multiply_adds():
    cost = CALLS["image"]()
    figure = ft.show.growth(cost, width=900)
    right = panels(figure)[-1].child_axes[0]
    low, high = panels(figure)[-1].get_ylim()
    assert right.get_ylabel() == "multiply-adds at the peak"
    np.testing.assert_allclose(right.get_ylim(), (low * cost.peak / 2, high * cost.peak / 2))


def test_a_circle_marks_where_the_fastest_changes():
    cost = CALLS["image"]()
    scene = scaling.Growing(cost)
    [found] = scene.crossings["kernel"]
    points = scene.curves["kernel"]
    after = next(point for point in points if point.extent >= found.extent)
    before = points[points.index(after) - 1]
    assert before.seconds["direct"] < before.seconds["fourier"]
    assert after.seconds["fourier"] < after.seconds["direct"]
    assert found.algorithm == "fourier"
    figure = ft.show.growth(cost, width=900)
    circles = [line for line in panels(figure)[1].lines if line.get_marker() == "o"]
    assert [tuple(circle.get_xydata()[0]) for circle in circles] == [(found.extent, found.seconds)]
    assert f"fourier is the fastest from kernel extent {int(np.ceil(found.extent))} on" in scene.words(0)


def test_hopeless_algorithms_are_left_out():
    assert "reference" not in scaling.Growing(CALLS["image"]()).algorithms
    assert scaling.Growing(CALLS["wide integers"]()).algorithms == ["direct", "digits"]


def test_networks_are_not_drawn_so():
    text = "growth: draws the cost of a call, not NetworkCost; a network's is drawn by show.roofline"
    with pytest.raises(FaltungError, match=f"^{re.escape(text)}$"):
        ft.show.growth(ft.cost(zoo.lenet5(10), (1, 1, 28, 28), rates=rates))
