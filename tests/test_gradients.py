"""Gradients of the layers: against the definition, by the adjoint identity, by differences, and against torch."""

from __future__ import annotations

import re
from itertools import product

import numpy as np
import pytest

import faltung as ft

BORDERS = (0, "edge", "reflect", "symmetric", "wrap", 2.5, ((0, "wrap"),), (("reflect", 1.0),))
CASES = [
    # spatial, taps, channels in, channels out, options
    ((9,), (3,), 2, 3, {"padding": 1}),
    ((10,), (4,), 2, 4, {"padding": (2,), "stride": 3, "groups": 2}),
    ((11,), (3,), 3, 3, {"padding": "causal", "dilation": 2, "groups": 3}),
    ((7, 8), (3, 3), 3, 4, {"padding": "same"}),
    ((7, 8), (3, 2), 4, 6, {"padding": ((2, 1), (0, 3)), "stride": (2, 3), "groups": 2}),
    ((9, 9), (2, 3), 2, 2, {"padding": "full", "dilation": (3, 2), "stride": 2}),
    ((12, 11), (5, 5), 1, 3, {"padding": 2}),
    ((6, 5, 7), (3, 2, 3), 2, 3, {"padding": 1, "stride": (1, 2, 2)}),
    ((3, 3), (3, 3), 20, 33, {"padding": 1}),
    ((5, 6), (1, 1), 17, 18, {}),
    ((5, 40), (3, 3), 6, 6, {"padding": 1, "groups": 6}),
]


def last(array):
    return np.moveaxis(array, 1, -1)


def operands(rng, spatial, taps, c, m, options, dtype="float64", batch=3):
    groups = options.get("groups", 1)
    x = rng.normal(size=(batch, c, *spatial)).astype(dtype)
    w = rng.normal(size=(m, c // groups, *taps)).astype(dtype)
    y = ft.conv(x, w, **options)
    return x, w, y, rng.normal(size=y.shape).astype(dtype)


def by_definition(x, w, dy, **options):
    """Both gradients by linearity: the layer's result for every unit image and every unit kernel."""
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    nothing = ft.conv(np.zeros_like(x), w, method="reference", **options)
    for index in np.ndindex(x.shape):
        unit = np.zeros_like(x)
        unit[index] = 1
        dx[index] = ((ft.conv(unit, w, **options) - nothing) * dy).sum()
    for index in np.ndindex(w.shape):
        unit = np.zeros_like(w)
        unit[index] = 1
        dw[index] = (ft.conv(x, unit, **options) * dy).sum()
    return dx, dw


@pytest.mark.parametrize("case", range(len(CASES)))
@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
def test_the_adjoint_identity(rng, case, layout):
    spatial, taps, c, m, options = CASES[case]
    # each border with both layouts, in turn
    for border in BORDERS[(case + (layout == "channels_last")) % 2: 6 if len(spatial) > 1 else None: 2]:
        given = {**options, "border": border}
        x, w, y, dy = operands(rng, spatial, taps, c, m, given)
        # an affine map where the border is a constant: what it adds does not depend on x
        y = y - ft.conv(np.zeros_like(x), w, **given)
        turn = last if layout == "channels_last" else np.asarray
        dx = ft.conv_input_grad(turn(dy), w, turn(x).shape, layout=layout, **given)
        dw = ft.conv_weight_grad(turn(dy), turn(x), w.shape, layout=layout, **given)
        scale = np.linalg.norm(y) * np.linalg.norm(dy) + np.linalg.norm(dw) * np.linalg.norm(w)
        assert abs((dx * turn(x)).sum() - (dy * y).sum()) <= 1e-13 * scale
        full = ft.conv(x, w, **given)
        assert abs((dw * w).sum() - (dy * full).sum()) <= 1e-13 * scale


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize(("spatial", "options"), [
    ((5,), {"padding": (4,)}), ((4,), {"padding": "same", "dilation": 3}), ((6,), {"padding": 3, "stride": 2}),
    ((3,), {"padding": (7,)}),
])
def test_every_sample_and_tap(rng, border, spatial, options):
    given = {**options, "border": border}
    x, w, _, dy = operands(rng, spatial, (3,), 2, 2, given, batch=2)
    dx, dw = by_definition(x, w, dy, **given)
    np.testing.assert_allclose(ft.conv_input_grad(dy, w, x.shape, **given), dx, atol=1e-13)
    np.testing.assert_allclose(ft.conv_weight_grad(dy, x, w.shape, **given), dw, atol=1e-13)


@pytest.mark.parametrize("borders", list(product((0, "edge", "wrap"), ("reflect", 3.0))))
def test_corners_where_two_borders_meet(rng, borders):
    given = {"padding": 2, "border": borders}
    x, w, _, dy = operands(rng, (4, 3), (3, 2), 1, 1, given, batch=1)
    dx, dw = by_definition(x, w, dy, **given)
    np.testing.assert_allclose(ft.conv_input_grad(dy, w, x.shape, **given), dx, atol=1e-13)
    np.testing.assert_allclose(ft.conv_weight_grad(dy, x, w.shape, **given), dw, atol=1e-13)


@pytest.mark.parametrize("options", [
    {}, {"stride": 2}, {"stride": 2, "padding": 1, "output_padding": 1}, {"stride": 3, "padding": "same"},
    {"dilation": 2, "padding": (1, 2)}, {"stride": (2, 3), "groups": 2}, {"padding": "causal"},
])
@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
def test_transposed_layers(rng, options, layout):
    turn = last if layout == "channels_last" else np.asarray
    x, w = rng.normal(size=(2, 4, 5, 6)), rng.normal(size=(4, 3, 3, 2))
    y = ft.conv_transpose(x, w, **options)
    dy = rng.normal(size=y.shape)
    dx = ft.conv_transpose_input_grad(turn(dy), w, turn(x).shape, layout=layout, **options)
    dw = ft.conv_transpose_weight_grad(turn(dy), turn(x), w.shape, layout=layout, **options)
    scale = np.linalg.norm(y) * np.linalg.norm(dy)
    assert dx.shape == turn(x).shape
    assert dw.shape == w.shape
    assert abs((dx * turn(x)).sum() - (y * dy).sum()) <= 1e-13 * scale
    assert abs((dw * w).sum() - (y * dy).sum()) <= 1e-13 * scale
    for _ in range(3):  # the identity in directions other than those the arrays have
        other = rng.normal(size=w.shape)
        assert abs((dw * other).sum() - (ft.conv_transpose(x, other, **options) * dy).sum()) <= 1e-12 * scale


@pytest.mark.parametrize("case", range(len(CASES)))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_torch_has_the_same_numbers(rng, case, dtype):
    torch = pytest.importorskip("torch")
    spatial, taps, c, m, options = CASES[case]
    if not isinstance(options.get("padding", 0), int):
        options = {**options, "padding": 1}
    x, w, _, dy = operands(rng, spatial, taps, c, m, options, dtype)
    tx, tw = torch.tensor(x, requires_grad=True), torch.tensor(w, requires_grad=True)
    layer = getattr(torch.nn.functional, f"conv{len(spatial)}d")
    layer(tx, tw, **options).backward(torch.tensor(dy))
    tolerance = {"rtol": 0, "atol": (2e-5 if dtype == "float32" else 1e-12) * np.sqrt(dy.size)}
    np.testing.assert_allclose(ft.conv_input_grad(dy, w, x.shape, **options), tx.grad.numpy(), **tolerance)
    np.testing.assert_allclose(ft.conv_weight_grad(dy, x, w.shape, **options), tw.grad.numpy(), **tolerance)


@pytest.mark.parametrize(("channels", "images", "extent"), [(1, 40, 100), (16, 40, 40), (20, 2, 200), (3, 600, 14)])
def test_the_error_does_not_grow_with_the_sum(channels, images, extent):
    x = np.full((images, channels, extent, extent), 0.1, np.float32)
    dy = np.full((images, 8, extent - 2, extent - 2), 0.1, np.float32)
    exact = images * (extent - 2) ** 2 * float(x.flat[0]) ** 2
    dw = ft.conv_weight_grad(dy, x, (8, channels, 3, 3), method="direct")
    # one after the other, they would be wrong by 1e-3 of it
    np.testing.assert_allclose(dw, exact, rtol=3e-5)


def test_half_precision_sums_in_float32(rng):
    x, w, _, dy = operands(rng, (8, 8), (3, 3), 2, 3, {"padding": 1}, "float16")
    dw = ft.conv_weight_grad(dy, x, w.shape, padding=1)
    exact = ft.conv_weight_grad(dy.astype("float64"), x.astype("float64"), w.shape, padding=1)
    assert dw.dtype == np.float16
    np.testing.assert_allclose(dw, exact, rtol=2e-3, atol=1e-3)


def test_an_empty_batch_has_the_gradient_zero():
    dw = ft.conv_weight_grad(np.empty((0, 2, 4)), np.empty((0, 3, 6)), (2, 3, 3))
    assert dw.tolist() == np.zeros((2, 3, 3)).tolist()
    assert ft.conv_input_grad(np.empty((0, 2, 4)), np.ones((2, 3, 3)), (0, 3, 6)).shape == (0, 3, 6)


@pytest.mark.parametrize("border", [0, "reflect"])
def test_out_and_threads(rng, border):
    given = {"padding": 1, "border": border}
    x, w, _, dy = operands(rng, (40, 41), (3, 3), 8, 16, given, "float32")
    one = ft.conv_input_grad(dy, w, x.shape, threads=1, **given)
    out = np.full_like(x, np.nan)
    assert ft.conv_input_grad(dy, w, x.shape, threads=2, out=out, **given) is out
    assert np.array_equal(out, one)
    kernel = ft.conv_weight_grad(dy, x, w.shape, threads=1, **given)
    assert np.array_equal(ft.conv_weight_grad(dy, x, w.shape, threads=2, **given), kernel)


@pytest.mark.parametrize("border", [0, "wrap"])
def test_plans(rng, border):
    given = {"padding": 1, "border": border}
    x, w, _, dy = operands(rng, (9, 8), (3, 3), 2, 3, given)
    like = ft.Like(dy.shape, "float64")
    known = ft.plan(ft.conv_input_grad, like, w, x.shape, **given)
    assert np.array_equal(known(dy), ft.conv_input_grad(dy, w, x.shape, **given))
    later = ft.plan(ft.conv_weight_grad, like, ft.Like(x.shape, "float64"), w.shape, **given)
    assert np.array_equal(later(dy, x), ft.conv_weight_grad(dy, x, w.shape, **given))
    assert "conv_weight_grad" in str(later)


@pytest.mark.parametrize(("call", "error", "text"), [
    (lambda: ft.conv_input_grad(np.ones((1, 2, 5)), np.ones((2, 3, 3)), (1, 3, 8)), ft.ShapeError,
     "conv_input_grad: dy (1, 2, 5) must have the shape of the layer's result (1, 2, 6)"),
    (lambda: ft.conv_weight_grad(np.ones((1, 2, 5)), np.ones((1, 3, 8)), (2, 3, 3)), ft.ShapeError,
     "conv_weight_grad: dy (1, 2, 5) must have the shape of the layer's result (1, 2, 6)"),
    (lambda: ft.conv_input_grad(np.ones((1, 2, 5)), np.ones((2, 3, 3)), "abc"), ft.ShapeError,
     "conv_input_grad: x_shape is 'abc', but must be a shape, a tuple of integers"),
    (lambda: ft.conv_weight_grad(np.ones((1, 2, 6), int), np.ones((1, 3, 8)), (2, 3, 3)), ft.DTypeError,
     "conv_weight_grad: dy has dtype int64, but gradients are defined for float16, bfloat16, float32 and float64; "
     "convert it"),
    (lambda: ft.conv_transpose_input_grad(np.ones((1, 3, 5)), np.ones((2, 3, 3)), (1, 2, 4)), ft.ShapeError,
     "conv_transpose_input_grad: dy (1, 3, 5) must have the shape of the layer's result (1, 3, 6)"),
])
def test_refusals(call, error, text):
    with pytest.raises(error, match=re.escape(text) + "$"):
        call()
