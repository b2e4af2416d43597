"""Missing values: normalised convolution against loops over its definition."""

from __future__ import annotations

import re
from itertools import product

import numpy as np
import pytest

import faltung as ft
from faltung.problem.border import fill_at, map_index, parse_border

BORDERS = [0, 2.5, "edge", "reflect", "symmetric", "wrap", ((1, "edge"), ("wrap", 0))]


def oracle(x, k, w, border, *, flip, min_weight=None, mode="full"):
    """The module's formulas, output by output and tap by tap, in float64."""
    sides = parse_border("oracle", border, x.ndim)
    taps = np.flip(k) if flip else np.conj(k)
    reach = [extent - 1 for extent in k.shape]
    begins = {"full": [0] * x.ndim, "same": [r // 2 for r in reach], "valid": reach}[mode]
    extents = {"full": [n + r for n, r in zip(x.shape, reach, strict=True)], "same": list(x.shape),
               "valid": [n - r for n, r in zip(x.shape, reach, strict=True)]}[mode]
    kind = np.result_type(x.dtype, k.dtype, np.float64)
    result, shares = np.empty(extents, kind), np.empty(extents)
    total, magnitude = taps.sum(), np.abs(taps).sum()
    for output in np.ndindex(*extents):
        n = d = a = mean = lack = 0
        for tap in np.ndindex(*k.shape):
            place = [o + b - r + t for o, b, r, t in zip(output, begins, reach, tap, strict=True)]
            value = fill_at(place, x.shape, sides)
            weight = 1.0
            if value is None:
                index = tuple(map_index(p, e, *s) for p, e, s in zip(place, x.shape, sides, strict=True))
                value, weight = x[index], float(w[index])
            if weight:
                n += taps[tap] * weight * value
                mean += abs(taps[tap]) * weight * value
            d, a = d + taps[tap] * weight, a + abs(taps[tap]) * weight
            lack += taps[tap] * (1 - weight)
        shares[output] = a / magnitude
        if a == 0 or (min_weight is not None and a / magnitude < min_weight - 1e-12):
            result[output] = np.nan
        elif abs(total) <= 1e-12 * magnitude:
            result[output] = n + mean / a * lack
        else:
            result[output] = total * n / d if abs(d) > 1e-12 * magnitude else np.nan
    return result, shares


@pytest.mark.parametrize("border", BORDERS, ids=str)
@pytest.mark.parametrize(("operation", "mode"), [("convolve", "full"), ("correlate", "same"), ("convolve", "valid")])
@pytest.mark.parametrize("name", ["positive", "mixed", "zero-sum"])
def test_against_the_definition(rng, border, operation, mode, name):
    k = {"positive": np.array([[1.0, 2, 1], [0.5, 4, 3]]), "mixed": np.array([[1.0, -2, 1], [0.5, 4, 3]]),
         "zero-sum": np.array([[-1.0, 0, 1], [-2, 0, 2]])}[name]
    x = rng.normal(size=(7, 9))
    missing = rng.random(x.shape) < 0.4
    x[missing] = np.nan
    result, shares = getattr(ft, operation)(x, k, mode, border=border, nan_policy="omit", return_weights=True)
    wanted, weights = oracle(x, k, ~missing, border, flip=operation == "convolve", mode=mode)
    np.testing.assert_allclose(result, wanted, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(shares, weights, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_weights_in_any_number_of_axes(rng, ndim):
    x, k = rng.normal(size=(6, 5, 7)[:ndim]), rng.random((3, 2, 3)[:ndim])
    w = np.maximum(rng.normal(size=x.shape), 0)
    x[w == 0] = np.inf
    result = ft.correlate(x, k, "same", border="reflect", where=w)
    np.testing.assert_allclose(result, oracle(x, k, w, "reflect", flip=False, mode="same")[0], rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float16", "float32", "complex128"])
@pytest.mark.parametrize("kernel", ["int8", "float32"])
def test_dtypes(rng, dtype, kernel):
    x = (rng.normal(size=(8, 9)) * 20).astype(dtype) if dtype != "uint8" else rng.integers(0, 256, (8, 9), np.uint8)
    k, w = rng.integers(1, 9, (3, 3)).astype(kernel), rng.random(x.shape) < 0.7
    result = ft.convolve(x, k, "same", where=w)
    expected = ft.convolve(x, k, "same").dtype
    assert result.dtype == (np.float64 if expected.kind in "iu" else expected)
    tolerance = {"float16": 2e-3, "float32": 1e-6}.get(result.dtype.name, 1e-12)
    np.testing.assert_allclose(result, oracle(x, k, w, 0, flip=True, mode="same")[0], rtol=tolerance, atol=tolerance)


def test_complex_kernels_are_conjugated_by_correlate(rng):
    x, k = rng.normal(size=9), rng.normal(size=3) + 1j * rng.normal(size=3)
    w = np.arange(9) != 4
    np.testing.assert_allclose(ft.correlate(x, k, where=w), oracle(x, k, w, 0, flip=False)[0], rtol=1e-12)


@pytest.mark.parametrize("border", BORDERS, ids=str)
@pytest.mark.parametrize("k", [np.ones((3, 4)) / 7, np.array([[0.0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
                               np.array([[-1.0, 0, 1]]), np.zeros((2, 2))], ids=["box", "sharpen", "zero-sum", "zeros"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_where_nothing_is_missing_it_is_the_plain_convolution(rng, border, k, dtype):
    x, k = rng.normal(size=(9, 12)).astype(dtype), k.astype(dtype)
    plain = ft.convolve(x, k, border=border)
    np.testing.assert_array_equal(ft.convolve(x, k, border=border, where=True), plain)
    np.testing.assert_array_equal(ft.convolve(x, k, border=border, nan_policy="omit"), plain)
    np.testing.assert_array_equal(ft.convolve(x, k, border=border, nan_policy="raise"), plain)
    result, shares = ft.convolve(x, k, border=border, return_weights=True)
    np.testing.assert_array_equal(result, plain)
    np.testing.assert_allclose(shares, 1, rtol=1e-6)


def test_a_value_missing_far_away_changes_no_bit(rng):
    x, k = rng.normal(size=(20, 30)).astype(np.float32), rng.random((3, 3)).astype(np.float32)
    plain = ft.correlate(x, k, "same", border="edge")
    x[2, 3] = np.nan
    result = ft.correlate(x, k, "same", border="edge", nan_policy="omit")
    touched = np.zeros(x.shape, bool)
    touched[1:4, 2:5] = True
    np.testing.assert_array_equal(result[~touched], plain[~touched])
    assert np.isfinite(result).all()


@pytest.mark.parametrize("ksize", [3, 33])
@pytest.mark.parametrize("zero_sum", [False, True])
def test_every_method_gives_the_same(rng, ksize, zero_sum):
    x, k = rng.normal(size=(90, 80)), rng.random((ksize, ksize))
    if zero_sum:
        k = k - np.flip(k)
    x[rng.random(x.shape) < 0.3] = np.nan
    x[5:75, 10:70] = np.nan  # a hole larger than the kernels
    results = {}
    for method in ("auto", "direct", "fourier"):
        try:
            results[method] = ft.convolve(x, k, "same", nan_policy="omit", method=method)
        except ft.PlanError:
            assert method == "fourier"
    direct = results["direct"]
    for result in results.values():
        np.testing.assert_allclose(result, direct, rtol=1e-7, atol=1e-9)
        np.testing.assert_array_equal(np.isnan(result), np.isnan(direct))
    assert np.isnan(results["auto"]).any()


def test_a_constant_stays_constant(rng):
    x = np.full((12, 13), 3.25, np.float32)
    x[rng.random(x.shape) < 0.5] = np.nan
    k = rng.random((3, 3)).astype(np.float32)
    result = ft.convolve(x, k / k.sum(), "same", border="reflect", nan_policy="omit")
    np.testing.assert_allclose(result[~np.isnan(result)], 3.25, rtol=1e-6)
    derivative = ft.convolve(x, k - np.flip(k), "same", border="reflect", nan_policy="omit")
    np.testing.assert_allclose(derivative[~np.isnan(derivative)], 0, atol=2e-6)


def test_strides_outputs_axes_and_batches(rng):
    x, k, w = rng.normal(size=(3, 12, 14)), rng.random((3, 4)), rng.random((12, 14)) < 0.6
    whole = ft.convolve(x, k, axes=(1, 2), where=w, border="wrap")
    part = ft.convolve(x, k, axes=(1, 2), where=w, border="wrap", outputs=(slice(2, 9, 3), slice(1, 7)))
    np.testing.assert_allclose(part, whole[:, 2:9:3, 1:7], rtol=1e-13)
    bank = ft.convolve(x[:1], np.stack([k, 2 * k, k - np.flip(k)]), axes=(1, 2), where=w, border="wrap")
    np.testing.assert_allclose(bank[:2], [whole[0], 2 * whole[0]], rtol=1e-13)
    np.testing.assert_allclose(bank[2], ft.convolve(x[0], k - np.flip(k), where=w, border="wrap"), rtol=1e-9,
                               atol=1e-13)


def test_min_weight():
    x, k = np.array([1.0, np.nan, np.nan, 4.0, 5.0]), np.ones(3)
    result, shares = ft.convolve(x, k, "valid", nan_policy="omit", min_weight=2 / 3, return_weights=True)
    np.testing.assert_array_equal(result, [np.nan, np.nan, 13.5])
    np.testing.assert_allclose(shares, [1 / 3, 1 / 3, 2 / 3])
    np.testing.assert_array_equal(ft.convolve(x, k, "valid", nan_policy="omit"), [3.0, 12.0, 13.5])


def test_a_border_of_nan_is_missing_under_omit():
    np.testing.assert_allclose(ft.convolve([1.0, 2, 6], [1.0, 1, 1], "same", border=np.nan, nan_policy="omit"),
                               [4.5, 9, 12])


def test_masked_nan_is_not_touched_but_others_propagate():
    x = np.array([1.0, np.nan, 3, np.nan, 5, 6])
    result = ft.convolve(x, [1.0, 1], "valid", where=[1, 0, 1, 1, 1, 1])
    np.testing.assert_array_equal(result, [2, 6, np.nan, np.nan, 11])


def test_integer_images_and_outputs():
    x = np.array([10, 20, 255, 40], np.uint8)
    w = x != 255
    np.testing.assert_array_equal(ft.convolve(x, [1, 1], "valid", where=w), [30.0, 40, 80])
    result = ft.convolve(x, [1, 1], "valid", where=w, dtype="uint8")
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, [30, 40, 80])
    np.testing.assert_array_equal(ft.convolve(x, [9, 9], "valid", where=w, dtype="uint8", overflow="saturate"),
                                  [255, 255, 255])
    assert ft.convolve(x, [1, 1], nan_policy="omit").dtype == np.int64


def test_out():
    x, out = np.array([1.0, np.nan, 3.0]), np.empty(3)
    assert ft.convolve(x, [1.0, 1, 1], "same", nan_policy="omit", out=out) is out
    np.testing.assert_array_equal(out, [1.5, 6, 4.5])


# ---------------------------------------------------------------- refusals

def refused(error, text, *arguments, **options):
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        ft.convolve(*arguments, **options)


X = np.array([[1.0, np.nan], [np.nan, 4.0]])


@pytest.mark.parametrize(("error", "options", "text"), [
    (ft.ShapeError, {"nan_policy": "raise"},
     'convolve: x (2, 2) holds 2 NaN, the first at (0, 1), and nan_policy is "raise"; use nan_policy="omit" to leave '
     "them out, or mask them with where="),
    (ft.ShapeError, {"nan_policy": "raise", "where": [[1, 0], [1, 1]]},
     'convolve: x (2, 2) holds 1 NaN, the first at (1, 0), and nan_policy is "raise"; use nan_policy="omit" to leave '
     "them out, or mask them with where="),
    (ft.BorderError, {"nan_policy": "raise", "border": np.nan},
     'convolve: border nan is NaN, and nan_policy is "raise"; use nan_policy="omit", or another border'),
    (ft.PlanError, {"nan_policy": "skip"},
     'convolve: nan_policy "skip" is not known; use "propagate", "omit" or "raise"'),
    (ft.ShapeError, {"where": np.ones(3)},
     "convolve: where (3,) does not broadcast to the image (2, 2); give one weight for each sample, or extents of 1"),
    (ft.ShapeError, {"where": [1.0, -2.0]},
     "convolve: where holds -2.0, but weights must be finite and at least 0; mask with 0 or False"),
    (ft.ShapeError, {"where": [1.0, np.nan]},
     "convolve: where holds nan, but weights must be finite and at least 0; mask with 0 or False"),
    (ft.ShapeError, {"where": np.zeros(X.shape, bool)},
     f"convolve: where {np.shape(X)} is 0 throughout, so nothing is left to sum; it must hold a weight above 0 (True "
     "is what counts, False what is missing)"),
    (ft.DTypeError, {"where": [1j, 1]},
     "convolve: where has dtype complex128, but weights are real; pass bools or numbers of at least 0"),
    (ft.ShapeError, {"nan_policy": "omit", "min_weight": 1.5},
     "convolve: min_weight=1.5 must be a number from 0 to 1, a share of the kernel's sum of magnitudes; None asks for "
     "any weight at all"),
    (ft.DTypeError, {"nan_policy": "omit", "dtype": "int8", "overflow": "wrap", "border": 1e3},
     'convolve: overflow="wrap" has no meaning for sums that are divided by weights; use "saturate", or a floating '
     "dtype"),
    (OverflowError, {"nan_policy": "omit", "dtype": "int8", "border": 1e3},
     'convolve: a sum does not fit the output dtype int8 (-128 to 127); use dtype="int16", overflow="wrap" or '
     'overflow="saturate"'),
], ids=lambda value: str(value)[:30])
def test_refusals(error, options, text):
    refused(error, text, X, np.ones((2, 2)), **options)


def test_all_policies_agree_without_nan():
    x, k = np.arange(5.0), np.array([1.0, 2.0])
    for policy, where in product(("propagate", "omit", "raise"), (None, True)):
        np.testing.assert_array_equal(ft.convolve(x, k, nan_policy=policy, where=where), ft.convolve(x, k))
