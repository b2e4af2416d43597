"""The named kernels: values by hand, sums, and the text of every error."""

from __future__ import annotations

import numpy as np
import pytest

from faltung import kernels
from faltung.errors import KernelError, ShapeError


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (kernels.identity(), [[1]]),
        (kernels.identity(3), [[0, 0, 0], [0, 1, 0], [0, 0, 0]]),
        (kernels.identity(4, ndim=1), [0, 0, 1, 0]),
        (kernels.box((1, 4)), [[0.25] * 4]),
        (kernels.sharpen(), [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
        (kernels.sharpen(0.5), [[0, -0.5, 0], [-0.5, 3, -0.5], [0, -0.5, 0]]),
        (kernels.sobel(0), [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]),
        (kernels.sobel(-1), [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
        (kernels.sobel(0, ndim=1), [-1, 0, 1]),
        (kernels.laplacian(), [[0, 1, 0], [1, -4, 1], [0, 1, 0]]),
        (kernels.laplacian(diagonal=True), [[1, 1, 1], [1, -8, 1], [1, 1, 1]]),
        (kernels.laplacian(1), [1, -2, 1]),
        (kernels.emboss(), [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]),
    ],
)
def test_values_made_by_hand(made, wanted):
    np.testing.assert_array_equal(made, wanted)


def test_gaussian_is_the_outer_product_of_normalised_bells():
    kernel = kernels.gaussian((1.0, 2.5))
    assert kernel.shape == (9, 21)
    assert kernel.sum() == pytest.approx(1, abs=1e-15)
    np.testing.assert_array_equal(kernel, kernel[::-1, ::-1])
    assert kernel[4, 10] / kernel[5, 10] == pytest.approx(np.exp(0.5))
    assert np.linalg.matrix_rank(kernel) == 1
    assert kernels.gaussian(2, ndim=3, size=4).shape == (4, 4, 4)


def test_even_gaussian_is_symmetric():
    np.testing.assert_allclose(kernels.gaussian(1, ndim=1, size=2), [0.5, 0.5])


@pytest.mark.parametrize("name", kernels.KERNELS)
def test_every_name_makes_a_kernel_of_sum_zero_or_one(name):
    total = kernels.named(name).sum()
    assert total == pytest.approx(0 if name in ("sobel", "laplacian") else 1)


@pytest.mark.parametrize("name", ["identity", "sharpen", "sobel", "laplacian", "emboss"])
def test_kernels_of_whole_numbers_leave_float32_alone(name):
    assert np.result_type(kernels.named(name), np.float32) == np.float32


def test_parameters_are_read_from_text():
    np.testing.assert_array_equal(kernels.named("gaussian:sigma=1.5,size=5x7"), kernels.gaussian(1.5, size=(5, 7)))
    np.testing.assert_array_equal(kernels.named("laplacian:diagonal=true"), kernels.laplacian(diagonal=True))
    np.testing.assert_array_equal(kernels.named("sobel:axis=-2"), kernels.sobel(0))
    np.testing.assert_array_equal(kernels.named("sobel:scale=0.25"), kernels.sobel() / 4)


ERRORS = {
    "gausian": "kernel 'gausian' is unknown; did you mean gaussian?",
    "zzz": "kernel 'zzz' is unknown; known: identity, box, gaussian, sharpen, sobel, laplacian, emboss",
    "gaussian:sgma=2": "kernel 'gaussian': parameter 'sgma' is unknown; did you mean sigma?",
    "gaussian:q=2": "kernel 'gaussian': parameter 'q' is unknown; known: sigma, ndim, size, scale",
    "gaussian:sigma": "kernel 'gaussian': parameter 'sigma' has no value; write sigma=VALUE",
    "box:size=wide": "kernel 'box': size=wide is not a number; write size=2, or size=2x3 for one per axis",
    "gaussian:sigma=-1": "gaussian: sigma=-1 must be positive and finite; use identity() for no blur",
    "gaussian:sigma=nan": "gaussian: sigma=nan must be positive and finite; use identity() for no blur",
    "emboss:depth=2": "kernel 'emboss': parameter 'depth' is unknown; known: scale",
    "sharpen:amount=inf": "sharpen: amount=inf must be finite",
    "box:size=0": "box: size=0 must be a whole number of at least 1",
    "box:size=2.5": "box: size=2.5 must be a whole number of at least 1",
    "box:size=3x0": "box: size=3x0 must be a whole number of at least 1",
    "box:ndim=0": "box: ndim=0 must be a whole number of at least 1",
    "sobel:axis=2": "sobel: axis=2 is out of range for ndim=2; use -2 to 1",
}


@pytest.mark.parametrize(("text", "message"), ERRORS.items())
def test_error_texts(text, message):
    with pytest.raises((KernelError, ShapeError)) as caught:
        kernels.named(text)
    assert str(caught.value) == message


def test_empty_sequence_of_sizes():
    with pytest.raises(ShapeError) as caught:
        kernels.box([])
    assert str(caught.value) == "box: size= is empty; give one number, or one per axis"
