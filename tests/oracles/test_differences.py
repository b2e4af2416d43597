"""Where NumPy and SciPy do otherwise, and what faltung does instead: the list in docs/conventions.md, line by line."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from scipy import ndimage, signal

import faltung as ft

BYTES = np.array([200, 200], np.uint8)
NAN_AT_4 = np.where(np.arange(9) == 4, np.nan, 1.0)


def test_small_integers_wrap_there_and_widen_here():
    for theirs in (np.convolve, signal.convolve, lambda x, k: ndimage.correlate(x, k, mode="constant")):
        assert theirs(BYTES, np.array([2], np.uint8)).tolist() == [144, 144]
    assert ft.convolve(BYTES, np.array([2], np.uint8)).tolist() == [400, 400]


def test_the_operands_are_swapped_there():
    short, long = [1.0, 2.0], [1.0, 2.0, 3.0]
    assert signal.convolve(short, long, "valid").tolist() == [4, 7]
    assert np.convolve(short, long, "same").tolist() == [1, 4, 7]
    assert ft.convolve(short, long, "same").tolist() == [4, 7]
    with pytest.raises(ft.ShapeError, match="kernel"):
        ft.convolve(short, long, "valid")


def test_64_bits_of_both_signs():
    x, k = np.array([2**62 + 1], np.uint64), np.array([1], np.int64)
    assert np.convolve(x, k).dtype == np.float64
    assert ft.convolve(x, k).tolist() == [2**62 + 1]


def test_bools_count():
    yes = np.array([True, True])
    assert np.convolve(yes, yes).dtype == bool
    assert ft.convolve(yes, yes).tolist() == [1, 2, 1]
    np.testing.assert_array_equal(ft.convolve(yes, yes) > 0, np.convolve(yes, yes))


def test_dtypes_that_are_refused():
    for one in (np.array([Decimal(1)]), np.ones(1, np.longdouble), np.ma.array([1.0])):
        with pytest.raises(ft.DTypeError):
            ft.convolve(one, [1.0])
    with pytest.raises(ft.ShapeError):
        ft.convolve(3, 4)
    assert ndimage.correlate(np.zeros(0), np.ones(1)).shape == (0,)
    with pytest.raises(ft.ShapeError):
        ft.correlate(np.zeros(0), np.ones(1))


def test_a_tap_that_is_not_finite_meets_the_border():
    k = [np.inf, 1]
    np.testing.assert_array_equal(ft.convolve([1.0, 2.0], k), [np.inf, np.inf, np.nan])
    np.testing.assert_array_equal(np.convolve([1.0, 2.0], k), [np.inf, np.inf, 2])
    np.testing.assert_array_equal(signal.convolve([1.0, 2.0], k, method="direct"), [np.inf, np.inf, 2])


def test_nan_stays_where_it_is_seen():
    assert np.isnan(signal.fftconvolve(NAN_AT_4, np.ones(3))).all()
    assert np.isnan(ndimage.uniform_filter(NAN_AT_4, 3))[3:].all()
    for method in ("direct", "fourier"):
        made = ft.correlate(NAN_AT_4, np.ones(3), "same", method=method)
        assert np.flatnonzero(np.isnan(made)).tolist() == [3, 4, 5]


def test_a_tap_of_zero_sees_nan():
    k = np.array([0.0, 1.0, 1.0])
    assert np.isnan(ndimage.correlate(NAN_AT_4, k, mode="nearest")).sum() == 2
    assert np.isnan(ft.correlate(NAN_AT_4, k, "same")).sum() == 3


def test_even_kernels_sit_elsewhere(rng):
    x, k = rng.normal(size=(7, 8)), rng.normal(size=(2, 4))
    wanted = ndimage.convolve(x, k, mode="mirror")
    assert not np.allclose(ft.convolve(x, k, "same", border="reflect"), wanted)
    np.testing.assert_allclose(ft.convolve(x, k, "same", border="reflect", anchor=(1, 2)), wanted, atol=1e-13)
    wanted = signal.correlate2d(x, k, "same")
    assert not np.allclose(ft.correlate(x, k, "same"), wanted)
    np.testing.assert_allclose(ft.correlate(x, k, "same", anchor=(0, 1)), wanted, atol=1e-13)
    np.testing.assert_allclose(ft.correlate(x, k, "same"), signal.correlate(x, k, "same"), atol=1e-13)


def test_floats_are_summed_in_themselves(rng):
    x, k = rng.normal(1000, 1, 20000).astype(np.float32), np.ones(501, np.float32)
    exact = ndimage.correlate(x.astype(np.float64), k, mode="constant")
    errors = [np.abs(made - exact).max() for made in (
        ndimage.correlate(x, k, mode="constant"), ft.correlate(x, k, "same"),
        ft.correlate(x, k, "same", dtype="float64"))]
    assert errors[0] < errors[1] < 501 * 2**-24 * np.abs(exact).max()
    assert errors[2] < 1e-9


def test_results_of_filters_are_rounded_and_clipped():
    x = np.array([9, 5, 1], np.uint8)
    assert ndimage.correlate(x, np.array([0.6])).tolist() == [5, 3, 0]
    assert ft.filter(x, np.array([0.6])).tolist() == [5, 3, 1]
    assert ndimage.sobel(x).tolist() == [252, 248, 252]
    assert ft.filter(x, ft.kernels.sobel(0, 1), border="symmetric").tolist() == [0, 0, 0]


def test_the_constant_border_of_derivatives():
    x, order = np.ones((9, 9)), (1, 0)
    whole = ft.filter(x, ft.kernels.gaussian(1, 2, 9, order=order), border=7)
    assert np.abs(ndimage.gaussian_filter(x, 1, order, mode="constant", cval=7) - whole).max() > 2
    steps = ft.images.edges(x, "gaussian", sigma=1, border=7).gradient[0]
    reach = ft.filter(x, ft.kernels.gaussian(1, order=order), border=7)
    np.testing.assert_allclose(steps, reach, atol=1e-12)


def test_where_the_bell_ends():
    """SciPy rounds ``truncate * sigma``, half up; here it is the next whole number, with more for derivatives."""
    delta = np.zeros(41)
    delta[20] = 1
    assert np.count_nonzero(ndimage.gaussian_filter(delta, 1.3)) == 2 * 5 + 1
    assert len(ft.kernels.gaussian(1.3, 1)) == 2 * 6 + 1
    np.testing.assert_allclose(ft.kernels.gaussian(1.3, 1, 11), ndimage.gaussian_filter(delta, 1.3)[15:26], atol=1e-16)
