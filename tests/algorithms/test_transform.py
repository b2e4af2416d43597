"""Generated transforms: against NumPy's, through products, for every length."""

from __future__ import annotations

import numpy as np
import pytest

from faltung.algorithms.fourier.transform import LARGEST, SMALLEST, Transform, is_generated, stages
from faltung.machine import detect

LENGTHS = [1 << bit for bit in range(SMALLEST.bit_length() - 1, LARGEST.bit_length())]


def complex_tile(transform: Transform, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A random tile as planes and as complex numbers."""
    planes = transform.planes()
    planes[...] = 0
    planes[:, :, :transform.columns] = rng.standard_normal((2, transform.rows, transform.columns))
    inside = planes[:, :, :transform.columns].astype(np.float64)
    return planes, inside[0] + 1j * inside[1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("lengths", [*((n,) for n in LENGTHS), (32, 32), (64, 32), (32, 256), (128, 64), (256, 256)])
def test_a_product_of_spectra_is_a_circular_correlation(lengths: tuple[int, ...], dtype: str) -> None:
    transform, rng = Transform(lengths, dtype, detect()), np.random.default_rng(sum(lengths))
    axes = tuple(range(len(lengths)))
    (image, x), (kernel, k) = complex_tile(transform, rng), complex_tile(transform, rng)
    spectra = [transform.spectrum() for _ in range(3)]
    transform.forward(image, spectra[0])
    transform.forward(kernel, spectra[1])
    spectra[2][...] = 0
    transform.multiply(*spectra)
    transform.inverse(spectra[2], image)
    got = (image[0, :, :transform.columns] + 1j * image[1, :, :transform.columns]) * transform.scale
    want = np.fft.ifftn(np.fft.fftn(x, axes=axes) * np.conj(np.fft.fftn(k, axes=axes)), axes=axes)
    unit = 2.0**-24 if dtype == "float32" else 2.0**-53
    bound = 12 * np.log2(np.prod(lengths)) * unit * np.linalg.norm(x) * np.linalg.norm(k)
    assert np.abs(got - want).max() <= bound


@pytest.mark.parametrize("lengths", [(64,), (128, 32)])
def test_there_and_back(lengths: tuple[int, ...]) -> None:
    transform = Transform(lengths, "float64", detect())
    planes, x = complex_tile(transform, np.random.default_rng(1))
    spectrum = transform.spectrum()
    transform.forward(planes, spectrum)
    planes[...] = 7
    transform.inverse(spectrum, planes)
    back = (planes[0, :, :transform.columns] + 1j * planes[1, :, :transform.columns]) * transform.scale
    np.testing.assert_allclose(back, x, atol=1e-14)


def test_a_spectrum_holds_the_values_of_numpys_in_some_order() -> None:
    transform = Transform((64,), "float64", detect())
    planes, x = complex_tile(transform, np.random.default_rng(2))
    spectrum = transform.spectrum()
    transform.forward(planes, spectrum)
    got = np.sort_complex((spectrum[0] + 1j * spectrum[1])[:, 0].round(9))
    np.testing.assert_allclose(got, np.sort_complex(np.fft.fft(x[:, 0]).round(9)), atol=1e-8)


def test_stages_split_down_to_one() -> None:
    assert stages(64) == [64, 16, 4]
    assert stages(128) == [128, 32, 8, 2]
    for n in LENGTHS:
        assert np.prod([2 if stage == 2 else 4 for stage in stages(n)]) == n


def test_which_lengths_are_generated() -> None:
    assert is_generated((32,))
    assert is_generated((4096, 64))
    assert not is_generated((16,))
    assert not is_generated((96, 64))
    assert not is_generated((64, 64, 64))
