"""The operations over a seeded grid, with scipy.signal as the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

import faltung as ft
from grid.pairs import pairs

FUNCTIONS = {"convolve": ft.convolve, "correlate": ft.correlate}
MODES = ("full", "same", "valid")
DTYPES = ("uint8", "int32", "float32", "float64", "complex64", "complex128")
# Long, odd and even, of one to three axes, kernels as large as the image, and of one tap.
SHAPES = [((40,), (7,)), ((33,), (33,)), ((9, 14), (4, 3)), ((8, 8), (1, 6)), ((5, 6, 7), (2, 3, 4))]
BORDERS = {"fill": -3, "symm": "symmetric", "wrap": "wrap"}
"""The words of convolve2d."""


def draw(rng, shape, dtype):
    """Small whole numbers: every method must give them exactly, whatever the dtype."""
    values = rng.integers(0, 12, shape).astype(dtype)
    if dtype != "uint8":
        values -= np.dtype(dtype).type(5)
    return values + values[::-1] * np.dtype(dtype).type(1j) if dtype.startswith("complex") else values


def widened(*arrays):
    """SciPy keeps 8 bits and overflows; faltung's result is wider."""
    return [array.astype(np.int64) if array.dtype.kind in "iu" else array for array in arrays]


@pytest.mark.parametrize(("name", "dtype", "shapes"), pairs(FUNCTIONS, DTYPES, SHAPES))
def test_convolve_and_correlate(rng, name, dtype, shapes):
    x, k = (draw(rng, shape, dtype) for shape in shapes)
    for mode in MODES:
        wanted = getattr(signal, name)(*widened(x, k), mode, method="direct")
        np.testing.assert_array_equal(FUNCTIONS[name](x, k, mode), wanted)


@pytest.mark.parametrize(("oracle", "method", "dtype", "shapes"), pairs(
    [signal.fftconvolve, signal.oaconvolve], ["direct", "fourier"], ["float32", "float64", "complex128"],
    [((900,), (121,)), ((60, 71), (15, 12))]))
def test_transformed_sums(rng, oracle, method, dtype, shapes):
    """Both within their bounds, ``terms`` roundings of the largest sum of magnitudes."""
    x, k = (rng.normal(size=shape).astype(dtype) for shape in shapes)
    near = k.size * np.finfo(dtype).eps * np.abs(x).max() * np.abs(k).sum()
    for mode in MODES:
        wanted = oracle(x, k, mode)
        made = ft.convolve(x, k, mode, method=method)
        assert made.dtype == wanted.dtype
        np.testing.assert_allclose(made, wanted, rtol=0, atol=near)


@pytest.mark.parametrize("axes", [0, 1, -1])
def test_transformed_sums_along_one_axis(rng, axes):
    x, k = rng.normal(size=(20, 30)), rng.normal(size=(7, 30) if axes == 0 else (20, 7))
    made = ft.convolve(x, k, "same", axes=axes)
    np.testing.assert_allclose(made, signal.fftconvolve(x, k, "same", axes=axes), atol=1e-12)
    np.testing.assert_allclose(made, signal.oaconvolve(x, k, "same", axes=axes), atol=1e-12)


@pytest.mark.parametrize(("border", "dtype", "shapes"), pairs(
    BORDERS, DTYPES, [((9, 14), (4, 3)), ((7, 8), (5, 6)), ((6, 6), (1, 1)), ((5, 7), (2, 7))]))
def test_convolve2d(rng, border, dtype, shapes):
    x, k = (draw(rng, shape, dtype) for shape in shapes)
    for mode in MODES:
        wanted = signal.convolve2d(*widened(x, k), mode, border, fillvalue=-3)
        np.testing.assert_array_equal(ft.convolve(x, k, mode, border=BORDERS[border]), wanted)
        # Its correlation is shifted by one along even extents; see the conventions.
        anchor = tuple((extent - 1) // 2 for extent in k.shape) if mode == "same" else None
        wanted = signal.correlate2d(*widened(x, k), mode, border, fillvalue=-3)
        np.testing.assert_array_equal(ft.correlate(x, k, mode, border=BORDERS[border], anchor=anchor), wanted)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_numpy(rng, name):
    for dtype in ("int64", "float64", "complex128"):
        x, k = draw(rng, 23, dtype), draw(rng, 6, dtype)
        for mode in MODES:
            # NumPy centres the flipped kernel one further for "same" with even extents in correlate.
            np.testing.assert_array_equal(FUNCTIONS[name](x, k, mode), getattr(np, name)(x, k, mode))
