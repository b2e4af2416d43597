"""Blur, sharpen, edges and pyramids against their definitions, and every refusal."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from faltung import images, kernels
from faltung.compiler.threads import get_threads, set_threads
from faltung.errors import BorderError, DTypeError, KernelError, ShapeError
from faltung.images import pyramids
from faltung.images.effects import saturate
from grid.pairs import pairs

SCIPY = {"reflect": "mirror", "symmetric": "reflect", "edge": "nearest", "wrap": "wrap", 7: "constant"}


def noise(shape, dtype, seed=0):
    values = np.random.default_rng(seed).random(shape) * 255
    return values.astype(dtype)


@pytest.mark.parametrize("border", SCIPY)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_blur_is_that_of_scipy(border, dtype):
    image = noise((30, 37), dtype)
    made = images.blur(image, (1.0, 2.0), border=border)
    wanted = ndimage.gaussian_filter(image.astype(np.float64), (1, 2), mode=SCIPY[border], cval=7)
    assert made.dtype == image.dtype
    near = {"uint8": 0.5001, "int16": 0.5001, "float32": 2e-4, "float64": 1e-11}[dtype]
    assert np.abs(made - wanted).max() <= near


def test_blur_is_filter_with_the_bell():
    image = noise((9, 20, 21), np.float64)
    np.testing.assert_allclose(images.blur(image, 1.5), images.filter(image, kernels.gaussian(1.5, 3)), atol=1e-11)
    np.testing.assert_allclose(images.blur(image, 0.6, kind="bessel", border=2.5),
                               images.filter(image, kernels.gaussian(0.6, 3, kind="bessel"), border=2.5), atol=1e-11)


def test_blur_of_colour_keeps_alpha_and_channels_apart():
    image = noise((20, 21, 4), np.uint8)
    made = images.blur(image, 2, channel_axis=-1)
    np.testing.assert_array_equal(made[..., 3], image[..., 3])
    np.testing.assert_array_equal(made[..., 1], images.blur(image[..., 1], 2))
    first = np.moveaxis(image, -1, 0)
    np.testing.assert_array_equal(images.blur(first, 2, channel_axis=0), np.moveaxis(made, -1, 0))
    filtered = images.blur(image, 2, channel_axis=-1, alpha=False)
    np.testing.assert_array_equal(filtered[..., 3], images.blur(image[..., 3], 2))


def test_blur_along_no_axis_copies():
    image = noise((5, 6), np.uint8)
    made = images.blur(image, 0)
    np.testing.assert_array_equal(made, image)
    assert not np.may_share_memory(made, image)


def test_sharpen_is_unsharp():
    image = noise((30, 31), np.float64)
    wanted = images.filter(image, kernels.unsharp(1.5, 0.7))
    np.testing.assert_allclose(images.sharpen(image, 0.7, 1.5), wanted, atol=1e-11)
    pixels = noise((30, 31, 3), np.uint8)
    made = images.sharpen(pixels, 0.7, 1.5, channel_axis=-1)
    for channel in range(3):
        exact = images.filter(pixels[..., channel], kernels.unsharp(1.5, 0.7), dtype=np.float64)
        assert np.abs(made[..., channel] - np.clip(exact, 0, 255)).max() <= 0.5001


# ---------------------------------------------------------------- edges

@pytest.mark.parametrize("kind", ["sobel", "scharr", "prewitt", "gaussian"])
@pytest.mark.parametrize("slope", [(3, 4), (0, 2), (-1, 1), (-2, 0)])
def test_edges_of_a_ramp(kind, slope):
    y, x = np.mgrid[:40, :40]
    found = images.edges(slope[0] * y + slope[1] * x + 500.0, kind, sigma=1.2 if kind == "gaussian" else None)
    middle = (slice(10, 30), slice(10, 30))
    near = 2e-3 if kind == "gaussian" else 1e-12  # the bell ends somewhere
    np.testing.assert_allclose(found.magnitude[middle], np.hypot(*slope), rtol=near)
    np.testing.assert_allclose(found.direction[middle], np.arctan2(*slope), atol=near)
    np.testing.assert_allclose(found.gradient[1][middle], slope[1], atol=near * 5)


@pytest.mark.parametrize(("kind", "scale"), [("sobel", 8), ("scharr", 32), ("prewitt", 6)])
def test_edges_are_the_kernels_of_the_catalogue(kind, scale):
    image = noise((20, 21), np.uint8)
    found = images.edges(image, kind)
    assert found.magnitude.dtype == np.float32
    for axis in range(2):
        wanted = images.filter(image, kernels.KERNELS[kind](axis), dtype=np.float64) / scale
        np.testing.assert_allclose(found.gradient[axis], wanted, atol=1e-4)


def test_edges_with_a_constant_border_are_those_of_the_whole_kernel():
    """A second pass must not see the plain constant outside, which the first pass has already turned into slope 0."""
    image = noise((20, 21), np.float64)
    found = images.edges(image, "gaussian", sigma=1.5, border=7)
    for axis, order in enumerate([(1, 0), (0, 1)]):
        wanted = images.filter(image, kernels.gaussian(1.5, order=order), border=7)
        np.testing.assert_allclose(found.gradient[axis], wanted, atol=1e-11)


def test_edges_of_colour_take_the_strongest_channel():
    image = noise((20, 21, 4), np.uint8)
    found = images.edges(image, channel_axis=-1)
    single = [images.edges(image[..., channel]) for channel in range(3)]
    magnitudes = np.stack([each.magnitude for each in single])
    np.testing.assert_array_equal(found.magnitude, magnitudes.max(axis=0))
    best = magnitudes.argmax(axis=0)
    wanted = np.take_along_axis(np.stack([each.direction for each in single]), best[None], 0)[0]
    np.testing.assert_array_equal(found.direction, wanted)


def test_edges_of_volumes_and_signals():
    volume = np.add.outer(np.add.outer(np.arange(9.0), 2 * np.arange(9.0)), 2 * np.arange(9.0))
    found = images.edges(volume, "scharr")
    assert found.magnitude[4, 4, 4] == pytest.approx(3)
    np.testing.assert_allclose(found.direction[:, 4, 4, 4], [1 / 3, 2 / 3, 2 / 3])
    flat = images.edges(np.ones(9))
    np.testing.assert_array_equal(flat.direction, np.zeros((1, 9)))
    blurred = images.edges(volume, sigma=1.0)
    assert blurred.magnitude[4, 4, 4] == pytest.approx(3, rel=1e-3)


# ---------------------------------------------------------------- pyramids

@pytest.mark.parametrize(("dtype", "shape", "border"), pairs(
    ["uint8", "int8", "uint16", "int32", "uint64", "int64"], [(17, 24), (1, 9), (33,), (5, 6, 7)],
    ["reflect", "wrap", 0]))
def test_integers_come_back_exactly(dtype, shape, border, rng):
    limits = np.iinfo(dtype)
    image = rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    layers = images.pyramid(image, kind="laplacian", border=border)
    back = layers.reconstruct()
    assert back.dtype == image.dtype
    np.testing.assert_array_equal(back, image)
    assert min(layers[-1].shape) == 1


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floats_come_back_to_rounding(dtype):
    image = noise((40, 31), dtype)
    back = images.pyramid(image, kind="laplacian").reconstruct()
    assert back.dtype == image.dtype
    assert np.abs(back - image).max() <= 2 * np.finfo(dtype).eps * 255


def test_gaussian_levels_are_blurred_and_halved():
    image = noise((21, 30), np.float64)
    layers = images.pyramid(image, 3, border="symmetric")
    wanted = images.filter(image, kernels.binomial(5), border="symmetric")[::2, ::2]
    np.testing.assert_allclose(layers[1], wanted, atol=1e-12)
    assert [layer.shape for layer in layers] == [(21, 30), (11, 15), (6, 8)]
    assert len(layers) == 3
    np.testing.assert_array_equal(layers.reconstruct(), image)


def test_a_pyramid_of_a_flat_image_is_flat():
    layers = images.pyramid(np.full((20, 20, 3), 77, np.uint8), kind="laplacian", channel_axis=-1)
    assert all(not layer.any() for layer in layers[:-1])
    assert layers[-1].shape == (1, 1, 3)
    assert (layers[-1] == 77).all()


# ---------------------------------------------------------------- refusals and casts

@pytest.mark.parametrize(("values", "dtype", "wanted"), [
    ([0.5, 1.5, -3, 300], "uint8", [0, 2, 0, 255]),
    ([1e30, -1e30], "int64", [2**63 - 1, -(2**63)]),
    ([1e30], "uint64", [2**64 - 1]),
    ([0.25], "float32", [0.25]),
])
def test_saturate(values, dtype, wanted):
    np.testing.assert_array_equal(saturate(np.array(values), np.dtype(dtype)), np.array(wanted, dtype))
    assert saturate(np.array([-5, 2**40]), np.dtype("uint64")).tolist() == [0, 2**40]
    assert saturate(np.array([True]), np.dtype("uint8")).tolist() == [1]


SQUARE = np.ones((8, 8))
REFUSALS = [
    (lambda: images.blur(SQUARE, -1), KernelError, "blur: sigma=-1 must be at least 0 and finite"),
    (lambda: images.blur(SQUARE, (1, np.nan)), KernelError, "blur: sigma=(1, nan) must be at least 0 and finite"),
    (lambda: images.blur(SQUARE, (1, 2, 3)), ShapeError,
     "blur: sigma=(1, 2, 3) has 3 entries, and 2 axes are filtered; give one number, or one per axis"),
    (lambda: images.blur(SQUARE, 1, kind="fast"), KernelError,
     "blur: kind=fast is unknown; use sampled or integrated or bessel"),
    (lambda: images.blur(SQUARE, 1, channel_axis=3), ShapeError,
     "blur: channel_axis=3 is out of range for an image of 2 axes; use None for a grey image"),
    (lambda: images.blur(np.array("a"), 1), DTypeError,
     "blur: image has dtype <U1 and 0 axes; pass an array of numbers"),
    (lambda: images.blur(SQUARE, 1, border="mirror"), BorderError,
     'blur: border "mirror" is not known; use a number, "edge", "reflect", "symmetric" or "wrap" (what others call '
     '"mirror" is "reflect" here)'),
    (lambda: images.sharpen(SQUARE, np.inf), KernelError, "sharpen: amount=inf must be finite"),
    (lambda: images.edges(SQUARE, "canny"), KernelError,
     "edges: kind=canny is unknown; use sobel, scharr, prewitt or gaussian"),
    (lambda: images.edges(SQUARE * 1j), DTypeError,
     "edges: image is complex (complex128); pass its absolute values or one of its parts"),
    (lambda: images.edges(SQUARE, "gaussian", sigma=0), KernelError,
     "gaussian: sigma=0 must be positive and finite; use identity() for no blur"),
    (lambda: images.pyramid(SQUARE, 9), ShapeError,
     "pyramid: levels=9 must be a whole number from 1 to 4, at which the smallest axis of image (8, 8) has one sample"),
    (lambda: images.pyramid(SQUARE, kind="steerable"), KernelError,
     "pyramid: kind=steerable is unknown; use gaussian or laplacian"),
    (lambda: images.pyramid(SQUARE > 0), DTypeError,
     "pyramid: image has dtype bool and 2 axes; pass an array of integers or floats"),
    (lambda: images.pyramid(np.ones((0, 4))), ShapeError,
     "pyramid: image (0, 4) is empty along an axis that is halved, or has none; give it samples"),
]


@pytest.mark.parametrize(("call", "kind", "message"), REFUSALS)
def test_refusals(call, kind, message):
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == message


def test_any_byte_order_and_no_channels(rng):
    picture = rng.random((9, 11), np.float32)
    swapped = picture.astype(">f4")
    np.testing.assert_array_equal(images.blur(swapped, 1), images.blur(picture, 1))
    np.testing.assert_array_equal(images.edges(swapped).gradient, images.edges(picture).gradient)
    np.testing.assert_array_equal(images.pyramid(swapped, 3)[2], images.pyramid(picture, 3)[2])
    none = np.zeros((9, 11, 0), np.float32)
    assert images.blur(none, 1, channel_axis=-1).shape == none.shape
    assert images.pyramid(none, 2, channel_axis=-1)[1].shape == (5, 6, 0)


def test_plans_are_kept_until_the_threads_change(rng):
    picture, threads = rng.random((9, 11), np.float32), get_threads()
    images.pyramid(picture, 3)
    assert pyramids._halvings.cache_info().currsize
    try:
        set_threads(threads + 1)
        assert not pyramids._halvings.cache_info().currsize
    finally:
        set_threads(threads)
