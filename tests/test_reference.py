"""The oracle, against answers made by hand and by NumPy and SciPy."""

import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from scipy import ndimage, signal

from faltung.arrays import Like
from faltung.layer_lowering import Layer, lower_conv, lower_conv_transpose
from faltung.lowering import Sliding, lower_sliding
from faltung.problem.problem import Problem
from faltung.reference import activate, cast, correlate

CONSTANT = Problem((), 1, 1, 1, image=(3,), kernel=(2,), output=(4,), start=(-1,), stride=(1,), kernel_dilation=(1,),
                   image_dilation=(1,), border=((10, 20),), image_dtype="int64", kernel_dtype="int64",
                   accumulator_dtype="int64", output_dtype="int64", overflow="raise")
X = np.array([[[1, 2, 3]]])
K = np.array([[[[1, 100]]]])


def run(function, x, k, mode="full", bias=None, **options):
    lowered = lower_sliding(function, Like(x.shape, x.dtype), Like(k.shape, k.dtype), Sliding(mode, **options))
    result = correlate(lowered.problem, lowered.layout.image(x), lowered.layout.see_kernel(k))
    out = np.empty(lowered.layout.output.shape, result.dtype)
    lowered.layout.output(out)[...] = result
    return out


def test_the_article():
    x, k = np.array([0, 0, 0, 1, 2, 3, 2, 1, 0, 0]), np.array([1, 2, 3, 2, 1])
    assert run("convolve", x, k).tolist() == [0, 0, 0, 1, 4, 10, 16, 19, 16, 10, 4, 1, 0, 0]


def test_constants_stand_on_either_side():
    assert correlate(CONSTANT, X, K).tolist() == [[[110, 201, 302, 2003]]]


def test_stride_dilation_and_start():
    problem = replace(CONSTANT, start=(-2,), stride=(2,), kernel_dilation=(3,), output=(3,))
    assert correlate(problem, X, K).tolist() == [[[10 + 200, 1 + 2000, 3 + 2000]]]


def test_inserted_zeros_contribute_nothing_not_even_to_a_nan():
    problem = replace(CONSTANT, image_dilation=(2,), start=(0,), output=(4,), image_dtype="float64",
                      kernel_dtype="float64", accumulator_dtype="float64", output_dtype="float64", overflow="proven")
    kernel = np.array([[[[np.nan, 1.0]]]])
    expected = [[[np.nan, 2, np.nan, 3]]]
    np.testing.assert_array_equal(correlate(problem, X.astype(float), kernel), expected)


def test_a_border_maps_the_image_before_zeros_are_inserted():
    problem = replace(CONSTANT, image_dilation=(2,), start=(-4,), output=(5,), kernel=(1,), border=(("reflect", 0),))
    assert correlate(problem, X, np.array([[[[1]]]])).tolist() == [[[3, 0, 2, 0, 1]]]


def test_groups_channels_and_batch():
    rng = np.random.default_rng(3)
    x, w = rng.integers(-5, 5, (2, 4, 5)), rng.integers(-5, 5, (6, 2, 2))
    lowered = lower_conv("conv", Like(x.shape, "int64"), Like(w.shape, "int64"), None, Layer(groups=2))
    result = correlate(lowered.problem, lowered.layout.image(x), lowered.layout.see_kernel(w)).reshape(2, 6, 4)
    for b, m, o in np.ndindex(2, 6, 4):
        group = m // 3
        assert result[b, m, o] == sum(x[b, 2 * group + c, o + t] * w[m, c, t] for c in range(2) for t in range(2))


def test_transposed_by_scattering():
    rng = np.random.default_rng(4)
    x, w = rng.integers(-5, 5, (1, 2, 4)), rng.integers(-5, 5, (2, 3, 3))
    layer = Layer(stride=2, padding=1, output_padding=1, dilation=2)
    lowered = lower_conv_transpose("conv_transpose", Like(x.shape, "int64"), Like(w.shape, "int64"), None, layer)
    scattered = np.zeros((3, 30), int)
    for c, m, i, t in np.ndindex(2, 3, 4, 3):
        scattered[m, 2 * i + 2 * t] += x[0, c, i] * w[c, m, t]
    result = correlate(lowered.problem, lowered.layout.image(x), lowered.layout.see_kernel(w))
    assert result.shape == (1, 1, 3, 10)
    assert result[0, 0].tolist() == scattered[:, 1:11].tolist()


@pytest.mark.parametrize("function", ["convolve", "correlate"])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("dtype", ["int64", "float64", "complex128"])
def test_scipy_signal(function, mode, dtype):
    rng = np.random.default_rng(5)
    for image, kernel in [((9,), (4,)), ((5, 6), (3, 2)), ((3, 4, 3), (2, 3, 1))]:
        x, k = rng.integers(-9, 9, image).astype(dtype), rng.integers(-9, 9, kernel).astype(dtype)
        if dtype == "complex128":
            x, k = x + 1j, k - 2j
        expected = getattr(signal, function)(x, k, mode, method="direct")
        np.testing.assert_array_equal(run(function, x, k, mode), expected)


@pytest.mark.parametrize(("border", "mode"), [
    ("reflect", "mirror"), ("symmetric", "reflect"), ("edge", "nearest"), ("wrap", "wrap"), (7, "constant")])
def test_scipy_ndimage(border, mode):
    rng = np.random.default_rng(6)
    for taps in [(3, 3), (2, 4), (7, 5)]:
        x, k = rng.normal(size=(4, 5)), rng.normal(size=taps)
        expected = ndimage.correlate(x, k, mode=mode, cval=7)
        np.testing.assert_allclose(run("correlate", x, k, "same", border=border), expected, rtol=0, atol=1e-12)


def test_fractions_have_no_rounding_at_all():
    problem = replace(CONSTANT, image_dtype="float64", kernel_dtype="float64", accumulator_dtype="float64",
                      output_dtype="float64", border=((0, 0),))
    x, k = np.array([[[1e30, 1.0, -1e30]]]), np.array([[[[1.0, 1.0]]]])
    lost = correlate(replace(problem, kernel=(3,), start=(0,), output=(1,)), x, np.ones((1, 1, 1, 3)))
    kept = correlate(replace(problem, kernel=(3,), start=(0,), output=(1,)), x, np.ones((1, 1, 1, 3)), exact=True)
    assert (lost.item(), kept.item()) == (0.0, 1.0)
    assert correlate(problem, x, k, exact=True).dtype == np.float64


def test_objects_stay_objects():
    x = np.array([[[Fraction(1, 3), Fraction(1, 2)]]], object)
    problem = replace(CONSTANT, image=(2,), output=(1,), start=(0,))
    assert correlate(problem, x, K.astype(object)).tolist() == [[[Fraction(151, 3)]]]


def test_integers_are_exact_beyond_64_bits_or_overflow():
    x, k = np.array([[[2**62, 2**62, 5]]]), np.array([[[[4, -4]]]])
    problem = replace(CONSTANT, start=(0,), output=(1,))
    assert correlate(problem, x, k).tolist() == [[[0]]]
    big = np.array([[[[4, 4]]]])
    text = ('reference: a sum does not fit the output dtype int64 (-9223372036854775808 to 9223372036854775807); '
            'use dtype="float64", overflow="wrap" or overflow="saturate"')
    with pytest.raises(OverflowError, match=f"^{re.escape(text)}$"):
        correlate(problem, x, big)
    assert correlate(replace(problem, overflow="saturate"), x, big).tolist() == [[[2**63 - 1]]]
    assert correlate(replace(problem, overflow="wrap"), x, big + 1).tolist() == [[[-2**63]]]


def test_floats_are_rounded_half_to_even_then_fitted():
    values = np.array([0.5, 1.5, 2.5, -0.5, -1.5, 300.0, -300.0, np.inf, -np.inf, np.nan])
    assert cast(values, "int8", "saturate").tolist() == [0, 2, 2, 0, -2, 127, -128, 127, -128, 0]
    assert cast(values, "uint8", "wrap").tolist() == [0, 2, 2, 0, 254, 44, 212, 0, 0, 0]
    for bad in (300.0, np.inf, np.nan):
        with pytest.raises(OverflowError, match=r"^reference: a sum does not fit the output dtype uint8"):
            cast(np.array([bad]), "uint8", "raise")


def test_bias_and_activations():
    problem = replace(CONSTANT, activation="relu6", bias=True)
    assert correlate(problem, X, K, np.array([-200])).tolist() == [[[0, 1, 6, 6]]]
    x = np.linspace(-30, 30, 61)
    sigmoid = 1 / (1 + np.exp(-x))
    from scipy.special import erf
    for name, expected in {
        "relu": np.maximum(x, 0), "relu6": np.clip(x, 0, 6), "sigmoid": sigmoid, "tanh": np.tanh(x),
        "silu": x * sigmoid,
        "gelu": x * (1 + erf(x / np.sqrt(2))) / 2,
    }.items():
        np.testing.assert_allclose(activate(x, name), expected, rtol=1e-12, atol=1e-14)
    assert np.isnan(activate(np.array([np.nan]), "relu")).all()


@pytest.mark.parametrize("name", ["float16", "float32", "complex64", "bool", "uint8"])
def test_dtypes(name):
    x, k = np.array([0, 1, 1]).astype(name), np.array([1, 1]).astype(name)
    result = run("convolve", x, k)
    assert result.tolist() == [0, 1, 2, 1]
    assert result.dtype == {"bool": "int32", "uint8": "int32"}.get(name, name)


def test_bfloat16():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    x = np.array([1, 2, 256], ml_dtypes.bfloat16)
    result = run("convolve", x, np.array([1, 1], ml_dtypes.bfloat16))
    assert result.dtype == ml_dtypes.bfloat16
    assert result.astype(float).tolist() == [1, 3, 258, 256]
