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
    zero = ("sobel", "scharr", "prewitt", "roberts", "kirsch", "laplacian", "difference_of_gaussians",
            "laplacian_of_gaussian")
    if name in ("gabor", "ricker"):
        assert abs(total) < 0.01  # waves: nearly zero, and not normalised
    else:
        assert total == pytest.approx(0 if name in zero else 1, abs=1e-12)


@pytest.mark.parametrize("name", ["identity", "sharpen", "sobel", "laplacian", "emboss", "scharr", "prewitt", "roberts",
                                  "kirsch"])
def test_kernels_of_whole_numbers_leave_float32_alone(name):
    assert np.result_type(kernels.named(name), np.float32) == np.float32


def test_parameters_are_read_from_text():
    np.testing.assert_array_equal(kernels.named("gaussian:sigma=1.5,size=5x7"), kernels.gaussian(1.5, size=(5, 7)))
    np.testing.assert_array_equal(kernels.named("laplacian:diagonal=true"), kernels.laplacian(diagonal=True))
    np.testing.assert_array_equal(kernels.named("sobel:axis=-2"), kernels.sobel(0))
    np.testing.assert_array_equal(kernels.named("sobel:scale=0.25"), kernels.sobel() / 4)
    np.testing.assert_array_equal(kernels.named("gaussian:kind=bessel,order=1x0"),
                                  kernels.gaussian(kind="bessel", order=[1, 0]))
    np.testing.assert_array_equal(kernels.named("fir:cutoff=0.2x0.4,kind=band,window=hann"),
                                  kernels.fir(cutoff=(0.2, 0.4), kind="band", window="hann"))


ERRORS = {
    "gausian": "kernel 'gausian' is unknown; did you mean gaussian?",
    "zzz":
        "kernel 'zzz' is unknown; known: identity, box, gaussian, sharpen, sobel, laplacian, emboss, disk, pyramid, "
        "binomial, b_spline, "
        "motion, lanczos, unsharp, scharr, prewitt, roberts, kirsch, difference_of_gaussians, "
        "laplacian_of_gaussian, savitzky_golay, gabor, ricker, fir",
    "gaussian:sgma=2": "kernel 'gaussian': parameter 'sgma' is unknown; did you mean sigma?",
    "gaussian:q=2": "kernel 'gaussian': parameter 'q' is unknown; known: sigma, ndim, size, kind, order, scale",
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
    "gaussian:sigma=0": "gaussian: sigma=0 must be positive and finite; use identity() for no blur",
    "gaussian:sigma=1xinf": "gaussian: sigma=1xinf must be positive and finite; use identity() for no blur",
    "gaussian:kind=exact": "gaussian: kind=exact is unknown; use sampled or integrated or bessel",
    "gaussian:order=-1": "gaussian: order=-1 must be a whole number of at least 0",
    "gaussian:order=1x2x3": "gaussian: order=1x2x3 has 3 entries for 2 axes; give one number, or one per axis",
    "gaussian:size=3x5x7": "gaussian: size=3x5x7 has 3 entries for 2 axes; give one number, or one per axis",
    "gaussian:kind=bessel,size=4":
        "gaussian: size=4 must be odd and at least 1 for kind=bessel and order=0, whose differences reach 0 taps to "
        "each side",
    "gaussian:kind=bessel,size=3,order=3":
        "gaussian: size=3 must be odd and at least 5 for kind=bessel and order=3, whose differences reach 2 taps to "
        "each side",
    "disk:radius=0": "disk: radius=0 must be positive and finite; use identity() for no blur",
    "motion:length=-2": "motion: length=-2 must be positive and finite; use identity() for no blur",
    "motion:angle=nan": "motion: angle=nan must be finite",
    "b_spline:degree=-1": "b_spline: degree=-1 must be a whole number of at least 0",
    "lanczos:lobes=0": "lanczos: lobes=0 must be a whole number of at least 1",
    "roberts:diagonal=2": "roberts: diagonal=2 is unknown; use 0 or 1",
    "kirsch:direction=8": "kirsch: direction=8 is unknown; use 0 or 1 or 2 or 3 or 4 or 5 or 6 or 7",
    "unsharp:size=4": "unsharp: size=4 must be odd, so that the blur has a middle tap; use 5x5",
    "difference_of_gaussians:ratio=1": "difference_of_gaussians: ratio=1 leaves nothing; use another, as 1.6",
    "savitzky_golay:order=3": "savitzky_golay: order=3 is above degree=2; use a degree of at least 3",
    "savitzky_golay:degree=5": "savitzky_golay: size=5 is too small for degree=5; use a size of at least 6",
    "gabor:wavelength=0": "gabor: wavelength=0 must be positive and finite",
    "fir:window=hat":
        "fir: window=hat is unknown; use rectangular or bartlett or hann or hamming or blackman or kaiser",
    "fir:kind=all": "fir: kind=all is unknown; use low or high or band or stop",
    "fir:kind=high,taps=30":
        "fir: taps=30 must be odd for kind=high, whose gain at Nyquist's frequency is not 0; use 31",
    "fir:cutoff=1": "fir: cutoff=1 must be one frequency between 0 and 1, for kind=low and rate=2",
    "fir:cutoff=300x100,kind=band,rate=1000":
        "fir: cutoff=300x100 must be two frequencies that rise, between 0 and 500, for kind=band and rate=1000",
    "sobel:axis=2": "sobel: axis=2 is out of range for ndim=2; use -2 to 1",
    3: "named: text=3 must be a text, as gaussian:sigma=2",
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
