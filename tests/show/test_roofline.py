"""The roofline: roofs from the machine's rates, points from the costs, names that lie on nothing."""

from __future__ import annotations

import re

import numpy as np
import pytest

import faltung as ft
from faltung.costs.rates import Rates
from faltung.errors import FaltungError
from faltung.layers import zoo
from faltung.show import roofs
from looking import check_scene


def rates(threads):
    return Rates("some machine", threads, 1e11 * threads, 3e9, ((1 << 18, 8e10), (1 << 26, 2e10)), 5e-6)


def images():
    return {f"{k}x{k} on {n}x{n}": ft.cost(ft.correlate, ft.Like((n, n)), ft.Like((k, k)), "same", rates=rates)
            for k, n in ((3, 512), (7, 512), (31, 512), (3, 64))}


def several():
    wide = ft.cost(ft.correlate, ft.Like((512, 512), "float64"), ft.Like((7, 7), "float64"), "same", rates=rates)
    layer = ft.cost(ft.conv, ft.Like((1, 64, 56, 56)), ft.Like((64, 64, 3, 3)), padding=1, rates=rates)
    return {**images(), "float64": wide, "64 to 64 channels, 3x3": layer}


@pytest.mark.parametrize("costs", [
    lambda: [several()], lambda: [next(iter(images().values()))],
    lambda: [ft.cost(zoo.resnet(10), (1, 3, 32, 32), rates=rates)],
    lambda: [ft.cost(zoo.mobilenet_v2(10), (1, 3, 224, 224), rates=rates)]])
def test_labels_are_apart(costs):
    check_scene(roofs.Roofline(*costs()))


def test_points_are_the_costs():
    costs = several()
    axes = ft.show.roofline(costs).axes[0]
    points = {tuple(line.get_xydata()[0]): line.get_marker() for line in axes.lines
              if line.get_marker() in roofs.MARKERS and len(line.get_xdata())}
    wanted = {(cost.intensity, cost.operations / cost.chosen.seconds): cost.chosen.algorithm for cost in costs.values()}
    assert points.keys() == wanted.keys()
    # one shape for each algorithm
    assert len(set(zip(points.values(), (wanted[place] for place in points), strict=True))) == len(set(wanted.values()))
    assert {text.get_text() for text in axes.get_legend().get_texts()} == set(wanted.values())
    assert set(costs) <= {text.get_text() for text in axes.texts}


def test_roofs_are_the_rates():
    scene = roofs.Roofline(several())
    assert scene.peaks == {"float32": 1e11, "float64": 5e10}
    assert scene.slopes == {"cache": 8e10, "memory": 2e10}
    axes = ft.show.roofline(several()).axes[0]
    lines = [line.get_xydata() for line in axes.lines if line.get_marker() == "None" and len(line.get_xdata()) == 2]
    slopes = sorted(line[0, 1] / line[0, 0] for line in lines[:2])
    np.testing.assert_allclose(slopes, [2e10, 8e10])
    np.testing.assert_allclose([line[1, 1] for line in lines[:4]], [1e11, 1e11, 1e11, 5e10])
    assert {"cache 80 GB/s", "memory 20 GB/s", "float32 100 GFLOP/s", "float64 50 GFLOP/s"} <= {
        text.get_text() for text in axes.texts}
    assert (scene.roof(0.5), scene.roof(100)) == (4e10, 1e11)


def test_layers_at_one_place_are_one_point():
    network = ft.cost(zoo.resnet(10), (1, 3, 32, 32), rates=rates)
    scene = roofs.Roofline(network)
    convolutions = [layer for layer in network.layers if layer.cost is not None]
    assert len(scene.spots) < len(convolutions)
    assert sum(spot.seconds for spot in scene.spots) == pytest.approx(sum(layer.seconds for layer in convolutions))
    assert any(spot.name == "layer1.0.conv1 and 5 more" for spot in scene.spots)
    assert "layer1.0.conv1 and 5 more: " in scene.words(0)


@pytest.mark.parametrize(("call", "text"), [
    (lambda: ft.show.roofline(*[]), "roofline: there is nothing to draw; give costs of calls, or of a network with "
     "convolutions"),
    (lambda: ft.show.roofline(3), "roofline: int is no cost; give what faltung.cost gives")])
def test_errors(call, text):
    with pytest.raises(FaltungError, match=f"^{re.escape(text)}$"):
        call()
