"""Explanations: every sum is the engine's own value, every border tap tells what it repeats."""

from __future__ import annotations

import io
import re
from fractions import Fraction
from html.parser import HTMLParser
from math import prod

import numpy as np
import pytest

import faltung as ft
from faltung.asking import ask
from faltung.errors import CodegenError, DTypeError, PlanError, ShapeError
from faltung.explanation import Explanation, places
from faltung.explanation.sums import Sums

BORDERS = (0, 3, "edge", "reflect", "symmetric", "wrap")


def total(output):
    exact = sum((Fraction(term.value) * Fraction(term.weight) for term in output.terms), Fraction(0))
    return exact + Fraction(output.bias or 0)


def check(explanation, result):
    """All outputs are told, in order, and their products sum to the engine's values exactly."""
    outputs = list(explanation)
    assert [output.index for output in outputs] == list(np.ndindex(result.shape))
    for output in outputs:
        assert output.value == result[output.index]
        assert total(output) == output.total == result[output.index]


# ---------------------------------------------------------------- sums

@pytest.mark.parametrize("function", [ft.convolve, ft.correlate])
@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("mode", ["full", "same", "valid", "causal"])
def test_sums_are_the_engines_values(function, border, mode, rng):
    for shape, taps in (((7,), (4,)), ((4, 5), (3, 2)), ((3, 4, 3), (2, 3, 2))):
        x, k = rng.integers(-9, 10, shape), rng.integers(-9, 10, taps)
        check(ft.explain(function, x, k, mode, border=border, limit=10**6), function(x, k, mode, border=border))


@pytest.mark.parametrize("options", [
    {"stride": 2}, {"dilation": 2}, {"stride": (1, 2), "dilation": (2, 1), "border": (("wrap", 5), "edge")},
    {"mode": "same", "anchor": 0}, {"outputs": (slice(1, 5, 2), slice(None))}, {"axes": 1}, {"axes": (1, 0)}])
def test_options_of_the_sliding_functions(options, rng):
    x, k = rng.integers(-9, 10, (5, 6)), rng.integers(-9, 10, (3, 2))
    if options.get("axes") == 1:
        k = k[:1]
    for function in (ft.convolve, ft.correlate):
        check(ft.explain(function, x, k, **options, limit=10**6), function(x, k, **options))


def test_broadcast_and_arranged_axes(rng):
    x = rng.integers(0, 9, (2, 1, 3, 5, 2))
    k = rng.integers(0, 9, (2, 3, 1, 2, 2))
    check(ft.explain(ft.correlate, x, k, axes=3, limit=10**6), ft.correlate(x, k, axes=3))
    x, k = x[0, 0], k[0, 0, 0, 0]
    check(ft.explain(ft.convolve, x, k, axes=1, limit=10**6), ft.convolve(x, k, axes=1))


@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_layers(layout, ndim, rng):
    first = layout == "channels_first"
    x = rng.integers(-5, 6, (2, 4, *(5, 4, 3)[:ndim]))
    w = rng.integers(-5, 6, (6, 2, *(3, 2, 2)[:ndim]))
    back = rng.integers(-5, 6, (4, 3, *(3, 2, 2)[:ndim]))
    seen = x if first else np.moveaxis(x, 1, -1)
    options = {"stride": 2, "padding": 1, "groups": 2, "layout": layout}
    bias = rng.integers(-5, 6, 6)
    check(ft.explain(ft.conv, seen, w, bias, border="reflect", limit=10**6, **options),
          ft.conv(seen, w, bias, border="reflect", **options))
    check(ft.explain(ft.conv_transpose, seen, back, bias, limit=10**6, **options),
          ft.conv_transpose(seen, back, bias, **options))


def test_gradients(rng):
    x, w = rng.integers(-5, 6, (2, 2, 5)).astype(np.float64), rng.integers(-5, 6, (3, 2, 3)).astype(np.float64)
    dy, wide = (rng.integers(-5, 6, (2, 3, n)).astype(np.float64) for n in (3, 7))
    for function, arguments in ((ft.conv_input_grad, (dy, w, x.shape)), (ft.conv_weight_grad, (dy, x, w.shape)),
                                (ft.conv_transpose_input_grad, (wide, w.swapaxes(0, 1), x.shape)),
                                (ft.conv_transpose_weight_grad, (wide, x, (2, 3, 3)))):
        check(ft.explain(function, *arguments, limit=10**6), function(*arguments))
    assert str(ft.explain(ft.conv_weight_grad, [[[1.0, 10.0]]], [[[1.0, 2.0, 3.0]]], (1, 1, 2))).splitlines()[1] == (
        "dw[0, 0, 0] = 1*1 + 2*10 = 21")


def test_autocorrelation():
    check(ft.explain(ft.autocorrelate, [1, 2, 3], max_lag=1), ft.autocorrelate([1, 2, 3], max_lag=1))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64", "complex128"])
def test_floats_are_within_the_bound(dtype, rng):
    x, k = (rng.normal(size=n).astype(dtype) for n in (300, 200))
    if dtype.startswith("complex"):
        x, k = x * (1 + 2j), k * (2 - 1j)
    x, k = x.astype(dtype), k.astype(dtype)
    result = ft.convolve(x, k)
    for output in ft.explain(ft.convolve, x, k, at=slice(0, None, 50)):
        assert output.value == result[output.index]
        assert abs(complex(output.total) - complex(output.value)) < 0.1


def test_infinities_and_nan_are_told():
    outputs = list(ft.explain(ft.convolve, [1.0, np.inf, np.nan], [1.0, 0.0]))
    assert outputs[0].value == 1.0
    assert str(outputs[1]) == "y[1] = 1*0 + inf*1 = inf"
    assert str(outputs[2]) == "y[2] = inf*0 + nan*1 = nan"


# ---------------------------------------------------------------- borders

@pytest.mark.parametrize("border", BORDERS)
def test_a_border_tap_tells_which_sample_it_repeats(border, rng):
    x = rng.permutation(20).reshape(4, 5)
    pad = {"mode": border} if isinstance(border, str) else {"constant_values": border}
    wide, origin = np.pad(x, 2, **pad), np.pad(np.arange(20).reshape(4, 5), 2, mode=border if isinstance(border, str)
                                               else "edge")
    for output in ft.explain(ft.correlate, x, np.ones((5, 5), int), "same", border=border, limit=10**6):
        for term in output.terms:
            place = tuple(np.add(output.index, term.tap))
            inside = all(2 <= p < 2 + n for p, n in zip(place, x.shape, strict=True))
            assert term.value == wide[place]
            assert (term.border is None) == inside
            if isinstance(border, str) or inside:
                assert x[term.place] == term.value
                assert np.ravel_multi_index(term.place, x.shape) == origin[place]
                assert inside or term.border == border
            else:
                assert (term.place, term.border) == (None, "constant")


def test_mixed_borders():
    told = ft.explain(ft.correlate, [[1, 2], [3, 4]], np.ones((3, 3), int), "same", border=("reflect", "wrap"))
    term = told[0, 0].terms[0]
    assert (term.place, term.value, term.border) == ((1, 1), 4, "reflect and wrap")


# ---------------------------------------------------------------- text

def test_lines():
    assert str(ft.explain(ft.correlate, [1, 7, 3, 4], [1, 2, -1], "same", border="reflect")) == (
        "correlate: 4 outputs, each a sum of 3 products; border reflect\n"
        "y[0] = [border: x[1]=7]*1 + 1*2 + 7*(-1) = 2\n"
        "y[1] = 1*1 + 7*2 + 3*(-1) = 12\n"
        "y[2] = 7*1 + 3*2 + 4*(-1) = 9\n"
        "y[3] = 3*1 + 4*2 + [border: x[2]=3]*(-1) = 8")


def test_gaps_of_a_transposed_layer_are_left_out_and_told():
    told = ft.explain(ft.conv_transpose, [[[1.0, 2.0]]], [[[1.0, -10.0]]], stride=3)
    assert str(told) == (
        "conv_transpose: 5 outputs, each a sum of 2 products at most; border 0\n"
        "y[0, 0, 0] = 1*1 = 1  (1 tap falls between samples)\n"
        "y[0, 0, 1] = 1*(-10) = -10  (1 tap falls between samples)\n"
        "y[0, 0, 2] = 0  (all 2 taps fall between samples)\n"
        "y[0, 0, 3] = 2*1 = 2  (1 tap falls between samples)\n"
        "y[0, 0, 4] = 2*(-10) = -20  (1 tap falls between samples)")
    assert [output.gaps for output in told] == [1, 1, 2, 1, 1]


def test_bias_and_activation():
    told = ft.explain(ft.conv, [[[0.5, -2.0]]], [[[4.0]]], [-20.0], activation="relu")
    assert [str(output) for output in told] == ["y[0, 0, 0] = relu(0.5*4 - 20 (bias) = -18) = 0",
                                                "y[0, 0, 1] = relu((-2)*4 - 20 (bias) = -28) = 0"]
    smooth = ft.explain(ft.conv, [[[0.5]]], [[[2.0]]], activation="sigmoid")[0, 0, 0]
    assert str(smooth) == "y[0, 0, 0] = sigmoid(0.5*2 = 1) = 0.7310586"


@pytest.mark.parametrize(("overflow", "line"), [
    ("wrap", "y[0] = 200*2 = 400, wrapped to 144"), ("saturate", "y[0] = 200*2 = 400, saturated to 255")])
def test_what_becomes_of_a_sum_is_told(overflow, line):
    x = np.array([200], np.uint8)
    assert str(ft.explain(ft.correlate, x, np.array([2], np.uint8), dtype="uint8", overflow=overflow)[0]) == line
    halves = ft.explain(ft.correlate, [5.0], [0.5], dtype="int32")[0]
    assert (str(halves), halves.total) == ("y[0] = 5*0.5 = 2.5, rounded to 2", Fraction(5, 2))


def test_long_sums_are_shortened_in_the_middle():
    told = ft.explain(ft.convolve, np.arange(100), np.ones(30, int), "valid", at=0)
    assert str(told).splitlines()[1] == (
        "y[0] = 0*1 + 1*1 + 2*1 + 3*1 + 4*1 + 5*1 + ... 20 more ... + 26*1 + 27*1 + 28*1 + 29*1 = 435")
    whole = str(ft.explain(ft.convolve, np.arange(100), np.ones(30, int), "valid", at=0, full=True)).splitlines()[1]
    assert whole == "y[0] = " + " + ".join(f"{n}*1" for n in range(30)) + " = 435"


def test_complex_numbers():
    assert str(ft.explain(ft.correlate, [1j, 2], [1 + 1j])[1]) == "y[1] = (2+0j)*(1-1j) = (2-2j)"


# ---------------------------------------------------------------- which outputs

def test_outputs_are_picked():
    x = np.arange(400).reshape(20, 20)
    told = ft.explain(ft.correlate, x, np.ones((2, 2), int), limit=3)
    assert isinstance(told, Explanation)
    assert (len(told), told.asked_for, told.shape) == (3, 441, (21, 21))
    assert str(told).splitlines()[-1] == "3 of 441 outputs; limit= tells more, at= others"
    assert told[-1, 20].index == (20, 20)
    assert [output.index for output in told[0, 5:7]] == [(0, 5), (0, 6)]
    picked = ft.explain(ft.correlate, x, np.ones((2, 2), int), at=[(1, 2), (slice(3, 5), -1)])
    assert picked.indices == [(1, 2), (3, 20), (4, 20)]
    assert picked.notes == []
    assert repr(picked) == "<Explanation of correlate: 3 of 441 outputs>"


def test_a_huge_result_is_told_at_once():
    told = ft.explain(ft.correlate, np.zeros((2000, 2000), np.float32), np.ones((3, 3), np.float32), limit=2)
    assert (len(told), told.asked_for) == (2, prod((2002, 2002)))


class Counter(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_html():
    page = ft.explain(ft.correlate, [1, 7, 3], [1, 2], "same", border="wrap")._repr_html_()
    parser = Counter()
    parser.feed(page)
    assert parser.open == []
    titles = [attrs["title"] for tag, attrs in parser.seen if "title" in attrs]
    assert "border wrap: repeats x[2]; times k[0]" in titles
    assert "x[0] * k[1]" in titles
    assert sum(tag == "tr" for tag, _ in parser.seen) == 3
    assert "[border: x[2]=3]*1" in page


def test_terminal():
    console = pytest.importorskip("rich.console")
    screen = console.Console(width=70, record=True, file=io.StringIO(), color_system="truecolor", force_terminal=True)
    told = ft.explain(ft.correlate, [1, 7, 3], [1, 2], "same", border="reflect")
    screen.print(told)
    assert screen.export_text(clear=False).splitlines() == str(told).splitlines()
    assert re.search(r"\x1b\[35m\[border: x\[1\]=7\]\*1", screen.export_text(styles=True))


# ---------------------------------------------------------------- bad input

@pytest.mark.parametrize(("call", "error", "text"), [
    (lambda: ft.explain(ft.match, [1], [1]), PlanError,
     "explain: match is not one sum for each output; pass convolve, correlate, autocorrelate, conv, conv_transpose, or "
     "a gradient of the last two"),
    (lambda: ft.explain(ft.convolve, [1]), PlanError,
     "explain: convolve does not take these arguments (missing a required argument: 'k')"),
    (lambda: ft.explain(ft.convolve, [1], [1], out=np.zeros(1)), PlanError,
     "explain: out belongs to the call itself; leave it out here"),
    (lambda: ft.explain(ft.convolve, [1], [1], where=[True]), PlanError,
     "explain: where is not taken, for a call with missing values takes several sums; leave it out, and ask about "
     "convolve(x, k, ...) alone"),
    (lambda: ft.explain(ft.autocorrelate, [1.0], normalize=True), PlanError,
     "explain: normalize is not taken, for what comes out is more than sums; leave it out"),
    (lambda: ft.explain(ft.convolve, ft.Like(3), [1]), DTypeError,
     "explain: x is a Like, which has no values; pass an array (cost and plan take a Like)"),
    (lambda: ft.explain(ft.conv_input_grad, [[[1.0, 2.0, 3.0]]], [[[1.0, 1.0, 1.0]]], (1, 1, 3), padding=1,
                        border="edge"), PlanError,
     "explain: conv_input_grad adds sums over border samples to those of the samples that they repeat, which is more "
     "than one sum; explain it with a number as border"),
    (lambda: ft.explain(ft.convolve, np.ones(9), np.ones(200_000)), ShapeError,
     "explain: one output of convolve sums 200,000 products; up to 100,000 can be told"),
    (lambda: ft.explain(ft.convolve, [1], [1], limit=0), ShapeError,
     "explain: limit is 0, but must be an integer of at least 1"),
    (lambda: ft.explain(ft.convolve, [1, 2], [1], at=2), ShapeError,
     "explain: output (2,) is outside the result (2,); use 0 to 1 along axis 0"),
    (lambda: ft.explain(ft.convolve, [1, 2], [1], at=(0, 1)), ShapeError,
     "explain: output (0, 1) has 2 indices, but the result (2,) has 1 axis; give one for each"),
    (lambda: ft.explain(ft.convolve, [1, 2], [1])[0.5], ShapeError,
     "explain: output (0.5,) must be made of integers and slices, not 0.5"),
])
def test_errors(call, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        call()


def test_a_wrong_value_would_be_noticed():
    asked = ask("explain", ft.convolve, ([1, 2], [3]), {})
    text = "explain: convolve gives 5 at (1,), but its products sum to 6; this is a bug of faltung's own"
    with pytest.raises(CodegenError, match=f"^{re.escape(text)}$"):
        Sums(asked, np.array([3, 5])).output((1,))
    close = ask("explain", ft.convolve, ([1.0, 2.0], [3.0]), {})
    with pytest.raises(CodegenError, match="bug"):
        Sums(close, np.array([3.0, 6.0 + 1e-13])).output((1,))


def test_places_there_and_back(rng):
    view = ask("explain", ft.conv, (ft.Like((2, 5, 4, 6)), ft.Like((4, 3, 2, 2))),
               {"layout": "channels_last", "groups": 2}).lowered.layout.image
    for index in np.ndindex(view.shape):
        assert places.unseen(view, places.seen(view, index)) == index
