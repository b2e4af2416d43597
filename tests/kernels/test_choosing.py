"""Describing a kernel, fitting one, and the matched filter."""

from __future__ import annotations

import numpy as np
import pytest

from faltung import autocorrelate, correlate, kernels
from faltung.errors import DTypeError, KernelError, ShapeError
from faltung.kernels.describing import picture, table

# ---------------------------------------------------------------- describe

def test_describe_in_numbers():
    found = kernels.describe(kernels.laplacian(diagonal=True))
    assert (found.shape, found.dtype, found.sum, found.absolute_sum) == ((3, 3), "int16", 0, 16)
    assert (found.rank, found.separable, found.symmetry, found.point_symmetry) == (2, False, ("even", "even"), "even")
    assert (found.dc_gain, found.nyquist_gains, found.centre_of_mass) == (0, (12, 12), (0, 0))
    assert found.noise_gain == pytest.approx(np.sqrt(72))


def test_describe_shifted_and_lopsided():
    found = kernels.describe([0, 0, 3, 1])
    assert found.centre_of_mass == (0.25,)
    assert found.symmetry == ("none",)
    assert kernels.describe(kernels.sobel(0, 3)).symmetry == ("odd", "even", "even")
    assert kernels.describe(kernels.sobel(0, 3)).separable
    assert kernels.describe(kernels.laplacian(3)).rank == 2
    assert kernels.describe(np.zeros((2, 2))).rank == 0


def test_frequency_response_is_what_correlate_makes_of_waves():
    kernel = np.random.default_rng(3).normal(size=(3, 4))
    found = kernels.describe(kernel).frequency_response(8)
    p, q = np.meshgrid(np.arange(20), np.arange(24), indexing="ij")
    for i, f in enumerate(found.frequencies):
        for j, g in enumerate(found.frequencies):
            wave = np.exp(2j * np.pi * (f * p + g * q))
            out = correlate(wave, kernel, "same")
            assert out[10, 12] == pytest.approx(found.gain[i, j] * wave[10, 12], abs=1e-12)


def test_frequency_response_of_a_complex_kernel():
    kernel = np.exp(2j * np.pi * np.arange(8) / 4)
    found = kernels.describe(kernel).frequency_response(4)
    np.testing.assert_allclose(np.abs(found.gain), [0, 0, 0, 8], atol=1e-12)
    assert found.frequencies[3] == 0.25


def test_description_prints():
    assert str(kernels.describe(kernels.box((1, 3)))) == (
        "shape    1x3 float64, separable\n"
        "sum      1, of absolute values 1\n"
        "symmetry even, even along the axes; even about the centre\n"
        "gain     1 at frequency 0; at Nyquist's 1, 0.33333 along the axes\n"
        "noise    standard deviation times 0.57735\n"
        "centre   (0, 0) samples from the output")


def test_describe_refuses():
    with pytest.raises(KernelError) as caught:
        kernels.describe([[1.0, np.nan]])
    assert str(caught.value) == "describe: kernel (1, 2) has 1 taps that are not finite; replace them first"
    for empty in (np.zeros((0, 3)), 3.0):
        with pytest.raises(ShapeError) as caught:
            kernels.describe(empty)
        assert str(caught.value) == (f"describe: kernel {np.shape(empty)} has no taps; give an array of at least one "
                                     "axis and one tap")


def test_table_and_picture():
    assert table(kernels.gaussian(1, 1, 3)) == "0.2741 0.4519 0.2741"
    assert table(np.arange(8).reshape(2, 2, 2)) == "[0]\n0 1\n2 3\n\n[1]\n4 5\n6 7"
    assert picture(kernels.sobel(), shades=" .:*#") == "-*  **\n-#  ##\n-*  **"
    assert picture(np.zeros((1, 2))) == ""


# ---------------------------------------------------------------- fit

@pytest.mark.parametrize(("text", "shape"), [
    ("gaussian:sigma=1.5,size=5,ndim=1", (400,)), ("sobel:axis=0", (40, 50)), ("kirsch:direction=3", (40, 50)),
    ("motion:length=5,angle=45", (40, 50)), ("box:size=3,ndim=3", (12, 13, 14)), ("roberts:diagonal=1", (30, 30))])
def test_fit_finds_the_kernel(text, shape, rng):
    kernel = kernels.named(text)
    before = rng.normal(size=shape)
    after = correlate(before, kernel, "same", border="wrap")
    found = kernels.fit(before, after, kernel.shape)
    np.testing.assert_allclose(found.kernel, kernel, atol=1e-13 * np.abs(kernel).max())
    assert found.residual < 1e-12
    assert 1 <= found.condition < 3
    assert found.nearest.score == 1
    np.testing.assert_allclose(kernels.named(found.nearest.text) * np.linalg.norm(kernel), kernel * np.linalg.norm(
        kernels.named(found.nearest.text)), atol=1e-12)


def test_fit_is_least_squares(rng):
    before, after = rng.normal(size=(2, 30, 31))
    found = kernels.fit(before, after, (3, 4))
    windows = np.lib.stride_tricks.sliding_window_view(before, (3, 4)).reshape(-1, 12)
    wanted, rest, _, singular = np.linalg.lstsq(windows, after[1:29, 2:30].ravel(), rcond=None)
    np.testing.assert_allclose(found.kernel.ravel(), wanted, atol=1e-13)
    assert found.residual == pytest.approx(np.sqrt(rest[0] / windows.shape[0]))
    assert found.condition == pytest.approx(singular[0] / singular[-1])


def test_fit_in_blocks_is_the_same(rng, monkeypatch):
    before, after = rng.normal(size=(2, 9, 30, 31))
    whole = kernels.fit(before, after, 3).kernel
    for block in (27 * 8, 27 * 8 * 10, 27 * 8 * 70):
        monkeypatch.setattr(kernels.fitting, "_BLOCK_BYTES", block)
        np.testing.assert_allclose(kernels.fit(before, after, 3).kernel, whole, atol=1e-13)


def test_fit_keeps_digits_where_squaring_would_lose_them(rng):
    smooth = correlate(rng.normal(size=2000), kernels.gaussian(2, 1), "same")
    kernel = np.array([1.0, -2, 3, -2, 1])
    found = kernels.fit(smooth, correlate(smooth, kernel, "same"), 5)
    assert 200 < found.condition < 1e5
    np.testing.assert_allclose(found.kernel, kernel, atol=1e-13 * found.condition)


def test_fit_of_too_little_says_so_and_gives_the_shortest():
    before = np.ones((10, 10))
    found = kernels.fit(before, 9 * before, 3)
    assert found.condition == np.inf
    np.testing.assert_allclose(found.kernel, np.ones((3, 3)), atol=1e-12)
    ridged = kernels.fit(before, 9 * before, 3, ridge=0.01)
    assert ridged.condition == pytest.approx(np.sqrt(9.01 / 0.01))
    np.testing.assert_allclose(ridged.kernel, np.full((3, 3), 9 / 9.01), atol=1e-12)
    assert str(found) == "3x3 kernel; residual 0 (0 %), condition inf; like box:size=3 (1.0000)" or found.residual > 0


def test_fit_of_noise_prints(rng):
    before = rng.normal(size=(60, 60))
    after = correlate(before, kernels.sharpen(), "same") + 0.01 * rng.normal(size=(60, 60))
    text = str(kernels.fit(before, after, 3))
    assert text.startswith("3x3 kernel; residual 0.0")
    assert "like sharpen (" in text


FIT_ERRORS = {
    "shapes": ((np.ones((9, 9)), np.ones((9, 8)), 3), {}, ShapeError,
               "fit: before (9, 9) and after (9, 8) must have the same shape, with one axis at least; crop or filter "
               "in mode same"),
    "small": ((np.ones((4, 4)), np.ones((4, 4)), 3), {}, ShapeError,
              "fit: 4 outputs of (4, 4) see no border, fewer than the 9 taps of size=3; give larger arrays or a "
              "smaller size"),
    "smaller": ((np.ones((2, 9)), np.ones((2, 9)), 3), {}, ShapeError,
                "fit: 0 outputs of (2, 9) see no border, fewer than the 9 taps of size=3; give larger arrays or a "
                "smaller size"),
    "size": ((np.ones((9, 9)), np.ones((9, 9)), (3, 3, 3)), {}, ShapeError,
             "fit: size=3x3x3 has 3 entries for arrays of 2 axes; give one number, or one per axis"),
    "nan": ((np.ones((9, 9)), np.full((9, 9), np.nan), 3), {}, KernelError,
            "fit: after has 81 values that are not finite; cut out a part without them"),
    "complex": ((np.ones((9, 9)) * 1j, np.ones((9, 9)), 3), {}, KernelError,
                "fit: before is complex (complex128); fit its real and imaginary parts apart"),
    "ridge": ((np.ones((9, 9)), np.ones((9, 9)), 3), {"ridge": -1}, KernelError,
              "fit: ridge=-1 must be at least 0 and finite"),
    "zero": ((np.ones((9, 9)), np.ones((9, 9)), 0), {}, ShapeError,
             "fit: size=0 must be a whole number of at least 1"),
}


@pytest.mark.parametrize("case", FIT_ERRORS.values(), ids=FIT_ERRORS)
def test_fit_refuses(case):
    arguments, options, kind, message = case
    with pytest.raises(kind) as caught:
        kernels.fit(*arguments, **options)
    assert str(caught.value) == message


def test_nothing_is_like_nothing():
    assert kernels.fitting.closest(np.zeros((3, 3))) == ("none", 0.0)
    assert kernels.fitting.closest(np.ones((1, 1, 1, 1))).text == "identity:ndim=4"


# ---------------------------------------------------------------- matched

def test_matched_in_white_noise_is_the_pattern(rng):
    pattern = rng.normal(size=(4, 5))
    found = kernels.matched(pattern, 0.25)
    np.testing.assert_allclose(found.kernel, pattern / np.square(pattern).sum())
    assert found.snr == pytest.approx(np.square(pattern).sum() / 0.25)
    assert found.snr_gain == found.plain_snr_gain == pytest.approx(np.square(pattern).sum() / np.square(pattern).max())
    at_place = correlate(np.pad(pattern, 6), found.kernel, "valid")
    assert at_place[6, 6] == pytest.approx(1)


def coloured(shape, reach, power):
    """The covariance of noise whose correlation falls off, at lags and as a matrix."""
    lags = [np.abs(np.arange(-reach, reach + 1))] * len(shape)
    correlation = power ** sum(np.meshgrid(*lags, indexing="ij"))
    places = np.array(list(np.ndindex(shape)))
    matrix = power ** np.abs(places[:, None] - places[None]).sum(axis=-1)
    return correlation, matrix


@pytest.mark.parametrize("shape", [(9,), (3, 4)])
def test_matched_whitens(shape, rng):
    pattern = rng.normal(size=shape)
    correlation, matrix = coloured(shape, 8, 0.7)
    flat = pattern.ravel()
    wanted = np.linalg.solve(matrix, flat)
    best = flat @ wanted
    for found in (kernels.matched(pattern, correlation), kernels.matched(pattern, matrix, kind="covariance")):
        np.testing.assert_allclose(found.kernel.ravel(), wanted / best, atol=1e-13)
        assert found.snr == pytest.approx(best)
        assert found.plain_snr_gain <= found.snr_gain
        taps = found.kernel.ravel()
        assert 1 / (taps @ matrix @ taps) == pytest.approx(found.snr)
        for _ in range(20):  # no other kernel does better
            other = taps + 0.1 * rng.normal(size=taps.shape)
            assert (other @ flat) ** 2 / (other @ matrix @ other) <= found.snr * (1 + 1e-12)


def test_short_autocorrelations_are_zero_beyond():
    found = kernels.matched([1.0, 2.0, 3.0, 4.0], [0.4, 1.0, 0.4])
    matrix = np.eye(4) + 0.4 * (np.eye(4, k=1) + np.eye(4, k=-1))
    wanted = np.linalg.solve(matrix, [1, 2, 3, 4])
    np.testing.assert_allclose(found.kernel, wanted / (wanted @ [1, 2, 3, 4]))


def test_power_and_autocorrelation_agree(rng):
    power = 1 + rng.random(32)
    power = power + power[-np.arange(32) % 32]
    correlation = np.fft.fftshift(np.fft.ifft(power).real)[1:]
    pattern = rng.normal(size=7)
    by_power = kernels.matched(pattern, power, kind="power")
    np.testing.assert_allclose(by_power.kernel, kernels.matched(pattern, correlation).kernel, atol=1e-14)


def test_matched_from_recorded_noise_raises_the_measured_ratio(rng):
    noise = correlate(rng.normal(size=40_000), [1.0, 0.9, 0.5], "same")
    correlation = autocorrelate(noise, max_lag=12) / noise.size
    pattern = np.sin(np.arange(12.0))
    found = kernels.matched(pattern, correlation)
    measured = 1 / np.var(correlate(noise, found.kernel, "valid"))
    assert measured == pytest.approx(found.snr, rel=0.05)
    assert found.snr_gain_db > 10 * np.log10(found.plain_snr_gain) + 0.2


def test_matched_of_complex_patterns(rng):
    pattern = np.exp(1j * np.arange(6))
    found = kernels.matched(pattern, 2.0)
    assert correlate(pattern, found.kernel, "valid")[0] == pytest.approx(1)
    assert found.snr == pytest.approx(3)


MATCHED_ERRORS = {
    "zero": ((np.zeros(3),), {}, KernelError,
             "matched: pattern (3,) is zero everywhere, or has no axis; there is nothing to find"),
    "nan": (([1.0, np.nan],), {}, KernelError,
            "matched: pattern (2,) is empty or has values that are not finite; give finite numbers"),
    "kind": (([1.0], [1.0]), {"kind": "colour"}, KernelError,
             "matched: kind=colour is unknown; use autocorrelation or covariance or power"),
    "variance": (([1.0], -1.0), {}, KernelError,
                 "matched: noise=-1.0 must be positive and finite; it is the variance of white noise"),
    "even": (([1.0, 2.0], [1.0, 0.5]), {}, ShapeError,
             "matched: noise (2,) must be odd along each axis, with lag 0 in the middle; use autocorrelate"),
    "axes": (([1.0, 2.0], np.ones((3, 3))), {}, ShapeError,
             "matched: noise (3, 3) must have as many axes as pattern (2,); as kind=autocorrelation it has one value "
             "for each lag or frequency"),
    "covariance": (([1.0, 2.0], np.ones((3, 3))), {"kind": "covariance"}, ShapeError,
                   "matched: noise (3, 3) must be the covariance of all samples of pattern (2,), (2, 2)"),
    "lopsided": (([1.0, 2.0], [[2.0, 1.0], [0.0, 2.0]]), {"kind": "covariance"}, KernelError,
                 "matched: noise (2, 2) must equal its conjugate transpose; a covariance does"),
    "negative": (([1.0, 2.0], [2.0, 1.0, 2.0]), {}, KernelError,
                 "matched: noise is no covariance: its smallest eigenvalue is -1 and must be positive; add a little "
                 "white noise to it"),
    "power": (([1.0, 2.0], [1.0]), {"kind": "power"}, ShapeError,
              "matched: noise (1,) must be real with at least as many frequencies as pattern (2,) has samples"),
}


@pytest.mark.parametrize("case", MATCHED_ERRORS.values(), ids=MATCHED_ERRORS)
def test_matched_refuses(case):
    arguments, options, kind, message = case
    with pytest.raises(kind) as caught:
        kernels.matched(*arguments, **options)
    assert str(caught.value) == message


def test_what_is_no_number_is_refused():
    with pytest.raises(DTypeError):
        kernels.fit([["a"]], [["b"]], 1)
