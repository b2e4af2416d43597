"""An electroencephalogram, a magnetic resonance image and written digits."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage, signal

import faltung as ft


@pytest.fixture(scope="module")
def samples():
    matplotlib = pytest.importorskip("matplotlib")
    return Path(matplotlib.get_data_path()) / "sample_data"


# ---------------------------------------------------------------- EEG

@pytest.fixture(scope="module")
def eeg(samples):
    """Four channels of 800 samples, at 80 Hz."""
    return np.fromfile(samples / "eeg.dat", np.float64).reshape(800, 4)


@pytest.mark.parametrize("method", ["direct", "fourier"])
def test_a_band_of_the_eeg(eeg, method):
    k = ft.kernels.fir(65, (8, 13), kind="band", rate=80)
    made = ft.convolve(eeg, k, "same", axes=0, method=method)
    wanted = signal.oaconvolve(eeg, signal.firwin(65, (8, 13), fs=80, pass_zero=False)[:, None], "same", axes=0)
    np.testing.assert_allclose(made, wanted, atol=1e-12 * np.abs(eeg).max())
    causal = ft.convolve(eeg, k, "causal", axes=0, method=method)
    np.testing.assert_allclose(causal, signal.lfilter(k, 1, eeg, axis=0), atol=1e-12 * np.abs(eeg).max())
    spectrum = np.abs(np.fft.rfft(made, axis=0)) ** 2
    frequencies = np.fft.rfftfreq(800, 1 / 80)
    inside = (frequencies > 6) & (frequencies < 15)
    assert spectrum[inside].sum() > 0.97 * spectrum.sum()


@pytest.mark.parametrize("order", [0, 1, 2])
def test_savitzky_golay_on_the_eeg(eeg, order):
    k = ft.kernels.savitzky_golay(11, 3, order=order)
    wanted = signal.savgol_filter(eeg, 11, 3, deriv=order, axis=0, mode="mirror")
    made = ft.correlate(eeg, k, "same", axes=0, border="reflect")
    np.testing.assert_allclose(made, wanted, atol=1e-11 * np.abs(eeg).max())


def test_a_stretch_of_the_eeg_is_found_in_noise(eeg, rng):
    channel = eeg[:, 0]
    pattern = channel[300:360]
    noisy = channel + rng.normal(0, 0.5 * channel.std(), 800)
    assert ft.find(noisy, pattern, top=1, threshold=0.3)[0].position == (300,)
    everywhere = ft.find(eeg, eeg[300:360], top=1, channel_axis=-1)[0]
    assert (everywhere.position, everywhere.score) == ((300,), 1)


def test_missing_samples_of_the_eeg(eeg, rng):
    gaps = eeg.copy()
    gaps[rng.random(800) < 0.2] = np.nan
    k = ft.kernels.gaussian(2, 1)
    made = ft.correlate(gaps, k, "same", axes=0, border="reflect", nan_policy="omit")
    assert np.isfinite(made).all()
    known = np.isfinite(gaps)
    sums = [ndimage.correlate1d(part, k, 0, mode="mirror") for part in (np.where(known, gaps, 0), known.astype(float))]
    np.testing.assert_allclose(made, sums[0] / sums[1], atol=1e-10 * np.abs(eeg).max())


# ---------------------------------------------------------------- MRI

@pytest.fixture(scope="module")
def slice_(samples):
    """A slice through a head, 256x256 of 16 bits."""
    with gzip.open(samples / "s1045.ima.gz") as file:
        return np.frombuffer(file.read(), np.uint16).reshape(256, 256)


def test_filters_on_the_slice(slice_):
    wanted = ndimage.gaussian_filter(slice_.astype(np.float64), 1.5, mode="mirror")
    assert np.abs(ft.images.blur(slice_, 1.5) - wanted).max() <= 0.5 + 2e-6 * slice_.max()
    made = ft.filter(slice_, ft.kernels.laplacian_of_gaussian(2, size=25), dtype="float32")
    wanted = ndimage.gaussian_laplace(slice_.astype(np.float64), 2, mode="mirror", radius=12)
    np.testing.assert_allclose(made, wanted, atol=1e-6 * np.abs(wanted).max())


def test_the_slice_keeps_its_depth_in_a_file(slice_, tmp_path):
    for name in ("a.png", "a.tif", "a.npy"):
        ft.write(tmp_path / name, slice_)
        np.testing.assert_array_equal(ft.read(tmp_path / name), slice_)


def test_scores_of_16_bits_are_those_of_exact_integers(slice_):
    scene, pattern = slice_[60:140, 60:140], slice_[100:116, 90:112]
    squares = ft.match(scene, pattern, score="ssd")
    windows = np.lib.stride_tricks.sliding_window_view(scene.astype(np.int64), pattern.shape)
    np.testing.assert_array_equal(squares, ((windows - pattern.astype(np.int64)) ** 2).sum(axis=(2, 3)))
    assert ft.find(slice_, pattern, top=1)[0].position == (100, 90)


def test_the_head_is_nearly_its_own_mirror_image(slice_):
    """The mirrored picture is found in the padded one where the two halves of the head lie upon each other."""
    small = ft.images.pyramid(slice_.astype(np.float32), 3)[2]
    wide = np.pad(small, ((0, 0), (16, 16)))
    best, = ft.find(wide, small[:, ::-1].copy(), top=1, threshold=0.5)
    assert best.score > 0.8
    assert best.position[0] == 0
    assert abs(best.position[1] - 16) <= 6


# ---------------------------------------------------------------- digits

def test_digits_are_read_by_their_mean_pictures():
    """Ten patterns in one call, on all digits laid out side by side, give what the formula gives digit by digit."""
    digits = pytest.importorskip("sklearn.datasets").load_digits()
    pictures, labels = digits.images.astype(np.float32), digits.target
    means = [pictures[:900][labels[:900] == digit].mean(axis=0) for digit in range(10)]
    tests = pictures[900:]
    strip = tests.transpose(1, 0, 2).reshape(8, -1)
    scores = np.stack(list(ft.match(strip, means)))[:, 0, ::8]
    read = scores.argmax(axis=0)
    assert (read == labels[900:]).mean() > 0.85
    centred = [part - part.mean(axis=(1, 2), keepdims=True) for part in (tests.astype(np.float64), np.stack(means))]
    unit = [part / np.sqrt((part**2).sum(axis=(1, 2), keepdims=True)) for part in centred]
    np.testing.assert_allclose(scores, np.einsum("nij,dij->dn", *unit), atol=1e-6)
