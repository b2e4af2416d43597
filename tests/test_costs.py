"""Costs: counts from the definition, times from the planner's predictions, growth by the factors that are known."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from math import prod

import numpy as np
import pytest

import faltung as ft
from faltung import layers
from faltung.algorithms import direct, fourier
from faltung.asking import ask
from faltung.costs import NetworkCost, curve
from faltung.costs.predictions import UNKNOWN
from faltung.costs.rates import Rates, measure
from faltung.errors import BorderError, PlanError, ShapeError
from faltung.layers import zoo
from faltung.machine import detect
from faltung.planning.factors import factor
from faltung.planning.planner import ALGORITHMS


def rates(threads):
    return Rates("some machine", threads, 1e11 * threads, 3e9, ((1 << 18, 8e10), (1 << 26, 2e10)), 5e-6)


def cost(function, *arguments, **options):
    return ft.cost(function, *arguments, rates=rates, **options)


def layer(**options):
    return cost(ft.conv, ft.Like((2, 8, 14, 14)), ft.Like((16, 8, 3, 3)), ft.Like((16,)), padding=1, **options)


# ---------------------------------------------------------------- counts

def test_counts_of_a_layer():
    found = layer()
    assert found.multiply_adds == 2 * 16 * 14 * 14 * 8 * 9
    assert found.parameters == 16 * 8 * 9 + 16
    assert found.bytes_read == 4 * (2 * 8 * 14 * 14 + 16 * 8 * 9 + 16)
    assert found.bytes_written == 4 * 2 * 16 * 14 * 14
    assert found.bytes == found.bytes_read + found.bytes_written
    assert found.operations == 2 * found.multiply_adds
    assert found.intensity == found.operations / found.bytes


@pytest.mark.parametrize(("function", "shape", "kernel", "options"), [
    (ft.convolve, (9, 8), (3, 2), {"stride": 2}), (ft.correlate, (3, 9, 8), (3, 2), {"axes": (1, 2), "mode": "valid"}),
    (ft.conv, (1, 4, 9), (6, 2, 3), {"groups": 2, "layout": "channels_first"}), (ft.autocorrelate, (9,), None, {})])
def test_counts_are_those_of_the_call(function, shape, kernel, options):
    operands = [ft.Like(shape, "int16")] + ([] if kernel is None else [ft.Like(kernel, "int16")])
    found = cost(function, *operands, **options)
    result = function(*(np.ones(like.shape, like.dtype) for like in operands), **options)
    taps = found.problem.terms
    assert found.multiply_adds == result.size * taps
    assert found.bytes_written == result.nbytes
    assert found.bytes_read == 2 * (prod(shape) + prod(kernel or shape))


def test_gaps_of_transposed_layers_do_not_count():
    found = cost(ft.conv_transpose, ft.Like((1, 1, 5)), ft.Like((1, 1, 2)), stride=2)
    assert found.multiply_adds == 10
    assert cost(ft.conv_weight_grad, ft.Like((1, 1, 4)), ft.Like((1, 1, 5)), (1, 1, 2)).multiply_adds == 8


def test_complex_operations():
    found = cost(ft.convolve, ft.Like(10, "complex64"), ft.Like(3, "complex64"))
    assert (found.operations, found.peak) == (8 * found.multiply_adds, 1e11)
    assert cost(ft.convolve, ft.Like(10, "float64"), ft.Like(3, "float64")).peak == 5e10


# ---------------------------------------------------------------- times

def test_times_are_the_planners_predictions():
    operands = (ft.Like((256, 256)), ft.Like((25, 25)), "same")
    found = cost(ft.correlate, *operands, threads=2)
    output = ask("cost", ft.correlate, operands, {}).lowered.layout.output
    every = {one.algorithm: one for one in found.algorithms}
    assert list(every) == list(ALGORITHMS)
    for algorithm in (direct, fourier):
        one = every[algorithm.NAME]
        wanted = algorithm.build(found.problem, output, detect(), 1).predicted_cycles
        wanted *= factor(algorithm.NAME, found.problem)
        assert one.cycles == pytest.approx(wanted, rel=0.05)
        assert one.seconds == pytest.approx(5e-6 + one.cycles / 3e9 + found.bytes / rates(1).bandwidth(found.bytes))
        assert one.shared < one.seconds
    assert (found.chosen.algorithm, found.threads) == ("fourier", 2)


@pytest.mark.parametrize(("shape", "kernel"), [((64, 64), (3, 3)), ((512, 512), (7, 7)), ((256, 256), (41, 41)),
                                               ((10_000,), (5,))])
def test_the_chosen_algorithm_is_the_plans(shape, kernel):
    operands = ft.Like(shape), ft.Like(kernel)
    chosen = cost(ft.correlate, *operands, "same").chosen.algorithm
    assert ft.plan(ft.correlate, *operands, "same").recipe.algorithm == chosen
    assert cost(ft.correlate, *operands, "same", method="reference").chosen.algorithm == "reference"


def test_algorithms_that_do_not_apply_tell_why():
    found = cost(ft.convolve, ft.Like((64, 64), "int64"), ft.Like((9, 9), "int64"))
    reason = next(one.reason for one in found.algorithms if one.algorithm == "fourier")
    assert reason == "no bound shows that the integer sums fit 53 bits"
    assert "fourier" not in found.applying
    assert re.search(rf"^fourier +-.*  {reason}$", str(found), re.M)


def test_an_algorithm_for_structured_kernels_is_asked_about_the_taps(monkeypatch):
    class Structured:
        NAME = "structured"
        applies = staticmethod(lambda problem: None)
        predicted_cycles = staticmethod(lambda problem, output, machine, threads: 1.0 / threads)
        unsuited = staticmethod(lambda problem, kernel: None if np.ptp(kernel) == 0 else "the taps differ")

    monkeypatch.setitem(ALGORITHMS, "structured", Structured)
    told = [cost(ft.correlate, ft.Like(100), kernel) for kernel in (np.ones(5), np.arange(5.0), ft.Like(5, "float64"))]
    assert [one.algorithms[-1].reason for one in told] == [None, "the taps differ", UNKNOWN]
    assert [one.chosen.algorithm for one in told] == ["structured", "direct", "direct"]


def test_this_machine_is_measured():
    found = measure(1)
    assert 1e8 < found.peak < 1e13
    assert 1e8 < found.cycles < 1e10
    assert 0 < found.call < 0.1
    assert all(1e8 < rate < 1e13 for _, rate in found.copies)
    assert measure(1) is found
    assert measure(2).cycles == found.cycles


# ---------------------------------------------------------------- growth

def test_growth_by_doubling():
    rows = {row.what: row for row in cost(ft.correlate, ft.Like((64, 64)), ft.Like((5, 5)), "same").growth}
    assert (rows["image extent"].multiply_adds, rows["kernel extent"].multiply_adds) == (4, 4)
    assert rows["channels"].multiply_adds == 4
    assert rows["axes"].multiply_adds == 64 * 5
    assert (rows["image extent"].before, rows["image extent"].after) == ("64x64", "128x128")
    assert (rows["channels"].before, rows["channels"].after) == ("1 to 1", "2 to 2")
    assert rows["kernel extent"].times["direct"] > rows["kernel extent"].times["fourier"]
    volume = {row.what: row for row in cost(ft.correlate, ft.Like((8, 8, 8)), ft.Like((3, 3, 3)), "same").growth}
    assert (volume["image extent"].multiply_adds, volume["axes"].after) == (8, "4")


def test_depthwise_layers_grow_in_groups():
    rows = cost(ft.conv, ft.Like((1, 8, 14, 14)), ft.Like((8, 1, 3, 3)), groups=8).growth
    assert (rows[2].what, rows[2].before, rows[2].after, rows[2].multiply_adds) == ("groups", "8", "16", 2)


def test_curves():
    found = layer()
    for what, own in (("image", 14), ("kernel", 3), ("channels", 8)):
        points = curve(found, what)
        extents = [point.extent for point in points]
        assert extents == sorted(set(extents))
        mine = next(point for point in points if point.extent == own)
        assert (mine.problem, mine.multiply_adds) == (found.problem, found.multiply_adds)
        assert mine.seconds["direct"] == pytest.approx(found.chosen.seconds, rel=0.05)
    assert max(point.extent for point in curve(found, "kernel")) <= 14


# ---------------------------------------------------------------- tables

def test_the_table():
    text = str(cost(ft.correlate, ft.Like((64, 64)), ft.Like((5, 5)), "same", threads=1))
    lines = text.splitlines()
    assert lines[0] == "cost of correlate: image 64x64 float32, kernel 5x5, output 64x64 float32"
    assert lines[1:5] == [
        "  multiply-adds  102,400",
        "  parameters     25",
        "  bytes          16,484 read, 16,384 written",
        "  intensity      6.23 operations per byte; below 1.25 memory is the limit, here arithmetic"]
    assert lines[6].split() == ["algorithm", "1", "thread", "GFLOP/s", "of", "the", "peak"]
    assert re.fullmatch(r"direct +\d[\d.]* us +[\d.]+ +\d+ %  chosen", lines[8])
    assert re.search(r"^image extent +64x64 +128x128 +x 4\.00 +x 3\.99", text, re.M)
    assert lines[-1] == ("some machine, one thread: 100 GFLOP/s of float32, 80.0 GB/s from cache, 20.0 GB/s from "
                         "memory, 5.00 us per call")
    assert len(str(cost(ft.correlate, ft.Like(64), ft.Like(5), threads=2)).splitlines()[6].split()) == 9


class Cells(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.open, self.texts = [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_html():
    texts = Cells(layer()._repr_html_()).texts
    assert "903,168" not in texts
    assert f"{layer().multiply_adds:,}" in texts
    assert "direct" in texts
    assert "image extent" in texts
    network = cost(zoo.lenet5(10), (1, 1, 28, 28))._repr_html_()
    assert {"conv1", "fc3", "total"} <= set(Cells(network).texts)


# ---------------------------------------------------------------- networks

def test_a_network_layer_by_layer():
    network = zoo.lenet5(10)
    found = cost(network, (4, 1, 28, 28))
    assert isinstance(found, NetworkCost)
    rows = layers.network.trace(network, (4, 1, 28, 28))
    assert [(row.path, row.output_shape, row.parameters, row.multiply_adds, row.bytes) for row in found.layers] == [
        (row.path, row.output_shape, row.cost.parameters, row.cost.multiply_adds, row.cost.bytes) for row in rows]
    assert found.multiply_adds == sum(row.cost.multiply_adds for row in rows)
    assert found.parameters == network.cost((4, 1, 28, 28)).parameters
    assert found.seconds == sum(row.seconds for row in found.layers)
    convolution = found.layers[0]
    assert (convolution.algorithm, convolution.cost.function) == ("direct", "conv")
    assert convolution.cost.multiply_adds == convolution.multiply_adds
    assert convolution.seconds == convolution.cost.chosen.seconds
    assert {row.algorithm for row in found.layers if row.kind == "ReLU"} == {"memory"}
    assert [row.seconds for row in found.layers if row.kind == "Flatten"] == [0]
    lines = str(found).splitlines()
    assert lines[0] == "cost of Sequential for an input of 4x1x28x28"
    assert lines[-2].split()[:3] == ["total", "12", "layers"]


def test_single_layers():
    transposed = cost(layers.ConvTranspose2d(3, 5, 4, stride=2, padding=1), (1, 3, 8, 8)).layers[0]
    assert (transposed.cost.function, transposed.output_shape) == ("conv_transpose", (1, 5, 16, 16))
    assert cost(layers.Linear(20, 30), (64, 20)).layers[0].cost.multiply_adds == 64 * 20 * 30
    assert cost(layers.Linear(20, 30), (2, 20)).layers[0].cost is None


def test_layers_that_stand_twice_have_their_parameters_once():
    one = layers.Conv2d(4, 4, 3, padding=1)
    found = cost(layers.Sequential(one, layers.ReLU(), one), (1, 4, 8, 8))
    assert found.parameters == 4 * 4 * 9 + 4
    assert found.multiply_adds == 2 * 4 * 4 * 9 * 64


# ---------------------------------------------------------------- bad input

@pytest.mark.parametrize(("call", "error", "text"), [
    (lambda: ft.cost(ft.filter, 1), PlanError,
     "cost: filter is not one sum for each output; pass convolve, correlate, autocorrelate, conv, conv_transpose, or a "
     "gradient of the last two"),
    (lambda: ft.cost(ft.convolve, ft.Like(3), ft.Like(3), stroke=1), PlanError,
     "cost: convolve does not take these arguments (got an unexpected keyword argument 'stroke')"),
    (lambda: cost(ft.convolve, ft.Like(3, "int64"), ft.Like(3, "int64"), method="fourier"), PlanError,
     'cost: method "fourier" cannot serve this problem: no bound shows that the integer sums fit 53 bits; use '
     'method="auto"'),
    (lambda: cost(ft.convolve, ft.Like(3), ft.Like(3), border="mirror"), BorderError,
     'convolve: border "mirror" is not known; use a number, "edge", "reflect", "symmetric" or "wrap" (what others call '
     '"mirror" is "reflect" here)'),
    (lambda: cost(zoo.lenet5(10)), PlanError,
     "cost: Sequential takes the shape of its input alone, as in cost(network, (1, 3, 32, 32))"),
    (lambda: cost(zoo.lenet5(10), "big"), ShapeError,
     "cost: the shape of the input is 'big', but must be (batch, channels, *space), each at least 1"),
    (lambda: cost(zoo.lenet5(10), (0, 1, 28, 28)), ShapeError,
     "cost: the shape of the input is (0, 1, 28, 28), but must be (batch, channels, *space), each at least 1"),
])
def test_errors(call, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        call()
