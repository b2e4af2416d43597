"""Filters over a seeded grid, with scipy.ndimage as the oracle."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from scipy import ndimage

import faltung as ft
from grid.pairs import pairs

FUNCTIONS = {"convolve": ft.convolve, "correlate": ft.correlate}
BORDERS = {
    "mirror": "reflect", "grid-mirror": "symmetric", "reflect": "symmetric", "nearest": "edge", "wrap": "wrap",
    "grid-wrap": "wrap", "constant": -3.5, "grid-constant": -3.5,
}
"""All words of scipy.ndimage, with ``cval=-3.5``."""
ONCE = ("mirror", "reflect", "nearest", "wrap", "constant")
NEAR = {"uint8": 1e-12, "int16": 1e-12, "float32": 2e-4, "float64": 1e-11, "complex128": 1e-11}


def draw(rng, shape, dtype):
    values = rng.integers(0, 200, shape).astype(dtype)
    return values + 1j * values[::-1] if dtype.startswith("complex") else values


def origins(extents):
    """The least, none and the greatest that SciPy takes."""
    return [tuple(-(extent // 2) for extent in extents), 0, tuple((extent - 1) // 2 for extent in extents)]


@pytest.mark.parametrize(("name", "word", "shapes"), pairs(
    FUNCTIONS, BORDERS, [((17,), (4,)), ((5,), (11,)), ((8, 11), (3, 4)), ((4, 5), (9, 2)), ((4, 5, 6), (2, 3, 3))]))
def test_every_border_and_origin(rng, name, word, shapes):
    x, k = (rng.normal(size=shape) for shape in shapes)
    for origin in origins(k.shape):
        # The kernel's tap at K // 2 + origin sits on the output, in both functions.
        anchor = tuple(int(place) for place in np.add([extent // 2 for extent in k.shape], origin))
        wanted = getattr(ndimage, name)(x, k, mode=word, cval=-3.5, origin=origin)
        made = FUNCTIONS[name](x, k, "same", border=BORDERS[word], anchor=anchor)
        np.testing.assert_allclose(made, wanted, atol=1e-12)


@pytest.mark.parametrize(("name", "dtype", "word"), pairs(FUNCTIONS, NEAR, ONCE))
def test_dtypes(rng, name, dtype, word):
    x, k = draw(rng, (9, 10), dtype), draw(rng, (3, 5), dtype if dtype.startswith("c") else "int16")
    wanted = getattr(ndimage, name)(x, k, np.result_type(dtype, np.float64), mode=word, cval=7)
    made = FUNCTIONS[name](x, k, "same", border=7 if word == "constant" else BORDERS[word])
    np.testing.assert_allclose(made, wanted, rtol=1e-6 if dtype == "float32" else 1e-14)


@pytest.mark.parametrize(("dtype", "word", "bell"), pairs(
    ["uint8", "float32", "float64"], ONCE,
    [(0.6, 0, 4.0), ((2.0, 1.0), 0, 2.5), (1.5, (0, 1), 3.3), (1.2, 2, 4.0), ((0.8, 1.7), (3, 0), 5.0)]))
def test_gaussian_filter(rng, dtype, word, bell):
    x, (sigma, order, truncate) = draw(rng, (24, 31), dtype), bell
    sigmas, orders = np.broadcast_to(sigma, 2), np.broadcast_to(order, 2)
    extents = [2 * int(truncate * width + 0.5) + 1 for width in sigmas]
    k = ft.kernels.gaussian(tuple(sigmas), 2, extents, order=tuple(map(int, orders)))
    # With derivatives SciPy's second pass sees the plain constant again: zero is the same for both.
    constant = 0 if orders.any() else 7
    wanted = ndimage.gaussian_filter(x.astype(np.float64), sigma, order, mode=word, cval=constant, truncate=truncate)
    border = constant if word == "constant" else BORDERS[word]
    made = ft.filter(x, k, border=border, dtype=None if dtype != "uint8" else "float32")
    np.testing.assert_allclose(made, wanted, atol=1e-11 if dtype == "float64" else 5e-4)


@pytest.mark.parametrize("word", ONCE)
@pytest.mark.parametrize(("shape", "axis"), [((12,), 0), ((9, 10), 0), ((9, 10), 1), ((5, 6, 7), 2)])
@pytest.mark.parametrize("slope", ["sobel", "prewitt"])
def test_slopes(rng, word, shape, axis, slope):
    x, k = rng.normal(size=shape), getattr(ft.kernels, slope)(axis, len(shape))
    wanted = getattr(ndimage, slope)(x, axis, mode=word, cval=0)
    border = 0 if word == "constant" else BORDERS[word]
    np.testing.assert_allclose(ft.correlate(x, k, "same", border=border), wanted, atol=1e-13)


@pytest.mark.parametrize("word", ONCE)
@pytest.mark.parametrize("size", [3, 4, (5, 2), (1, 7)])
def test_uniform_filter(rng, word, size):
    x = rng.normal(size=(9, 10))
    extents = tuple(int(extent) for extent in np.broadcast_to(size, 2))
    border = -3.5 if word == "constant" else BORDERS[word]
    for origin in origins(extents):
        anchor = tuple(int(place) for place in np.add([extent // 2 for extent in extents], origin))
        wanted = ndimage.uniform_filter(x, size, mode=word, cval=-3.5, origin=origin)
        made = ft.correlate(x, ft.kernels.box(extents), "same", border=border, anchor=anchor)
        np.testing.assert_allclose(made, wanted, atol=1e-13)


def test_laplacians_of_ndimage(rng):
    x = rng.normal(size=(12, 13))
    np.testing.assert_allclose(ft.filter(x, ft.kernels.laplacian(), border="symmetric"), ndimage.laplace(x), atol=1e-13)
    # SciPy ends the bell at four sigma; faltung takes a multiple of it off, so that the sum is 0.
    k = ft.kernels.laplacian_of_gaussian(1.0, size=13)
    wanted = ndimage.gaussian_laplace(x, 1.0, mode="nearest", truncate=6)
    np.testing.assert_allclose(ft.filter(x, k, border="edge"), wanted, atol=1e-6)


@pytest.mark.parametrize("kind", ["mirror", "nearest"])
def test_blur_steps_down_one_axis_after_the_other(rng, kind):
    x = rng.normal(size=(14, 15, 6))
    for sigma, axes in product((0.7, 2.0), ([0], [1, 2], [0, 1, 2])):
        sigmas = [sigma if axis in axes else 0 for axis in range(3)]
        radius = [math.ceil(4 * width) for width in sigmas]
        wanted = ndimage.gaussian_filter(x, sigmas, mode=kind, radius=radius)
        np.testing.assert_allclose(ft.images.blur(x, sigmas, border=BORDERS[kind]), wanted, atol=1e-13)
