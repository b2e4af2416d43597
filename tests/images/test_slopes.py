"""Both slopes and their length in one pass: against the kernels of the catalogue, at protected pages."""

from __future__ import annotations

import numpy as np
import pytest

from faltung import images, kernels
from faltung.images import slopes as module
from faltung.images.effects import _SMOOTHING
from faltung.images.slopes import serves, slopes
from faltung.problem.border import parse_border
from grid.guarded import place
from grid.structured import needs_mprotect

SHAPES = [(1, 1), (1, 19), (23, 1), (2, 2), (5, 16), (17, 33), (40, 130), (3, 1000)]


def draw(shape, dtype, seed=0):
    rng = np.random.default_rng([seed, *shape])
    if np.dtype(dtype).kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    return rng.integers(0, 100, shape).astype(dtype)


def wanted(image, kind, border):
    """By the whole kernels, in float64; each channel alone."""
    scale = {"sobel": 8, "scharr": 32, "prewitt": 6}[kind]
    taps = [kernels.KERNELS[kind](axis) / scale for axis in range(2)]
    planes = [image] if image.ndim == 2 else np.moveaxis(image, -1, 0)
    made = [[images.filter(plane.astype("f8"), k, border=border, method="direct") for k in taps] for plane in planes]
    return np.array(made[0]) if image.ndim == 2 else np.moveaxis(np.array(made), 0, -1)


def compute(image, kind, border, threads=1):
    working = "f4" if image.dtype in ("f4", "f2", "u1", "i2") else "f8"
    gradient, magnitude = np.full((2, *image.shape), 7, working), np.full(image.shape, 7, working)
    slopes(image, _SMOOTHING[kind], parse_border("edges", border, 2), gradient, magnitude, threads)
    return gradient, magnitude


@pytest.mark.parametrize("border", ["reflect", "edge", "symmetric", "wrap", (("edge", "wrap"), ("reflect", "edge"))])
@pytest.mark.parametrize("shape", SHAPES)
def test_against_the_whole_kernels(shape, border):
    for dtype, kind in zip(("f4", "f8", "u1", "i2", "f2", "i4"), ("sobel", "scharr", "prewitt") * 2, strict=True):
        image = draw(shape, dtype)
        gradient, magnitude = compute(image, kind, border)
        near = 1e-4 if gradient.dtype == "f4" else 1e-12
        np.testing.assert_allclose(gradient, wanted(image, kind, border), rtol=0, atol=near)
        np.testing.assert_allclose(magnitude, np.hypot(*gradient), rtol=1e-6)


@pytest.mark.parametrize("channels", [1, 3, 16])
def test_channels_side_by_side(channels):
    image = draw((12, 31, channels), "f4")
    gradient, _ = compute(image, "sobel", "reflect")
    np.testing.assert_allclose(gradient, wanted(image, "sobel", "reflect"), rtol=0, atol=1e-5)
    for channel in range(channels):
        alone, _ = compute(image[..., channel], "sobel", "reflect")
        assert alone.tobytes() == gradient[..., channel].tobytes()


def test_any_number_of_threads_strides_and_alignment(monkeypatch):
    monkeypatch.setattr(module, "SHARE", 300)
    image = draw((90, 77), "f4")
    views = [image, np.repeat(image, 2, 1)[:, ::2], image[::-1].copy()[::-1], np.asfortranarray(image)]
    found = {b"".join(part.tobytes() for part in compute(view, "scharr", "edge", threads))
             for view in views for threads in (1, 2, 3)}
    assert len(found) == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_exactly_the_footprint(bad):
    image = draw((9, 40), "f4")
    image[4, 20] = bad
    gradient, magnitude = compute(image, "sobel", "reflect")
    there = np.zeros(image.shape, bool)
    there[3:6, 19:22] = True
    for part in (*gradient, magnitude):
        np.testing.assert_array_equal(np.isfinite(part), ~there)


def test_large_samples_stay_finite():
    image = np.full((8, 8), np.finfo("f4").max, "f4")
    image[:, ::2] *= -1
    assert np.isfinite(compute(image, "scharr", "reflect")[0]).all()


@needs_mprotect
@pytest.mark.parametrize("where", ["begin", "end"])
def test_arrays_at_protected_pages(where):
    for number, shape in enumerate([*SHAPES, (7, 13, 3)]):
        image = draw(shape, ("f4", "u1", "f8")[number % 3])
        gradient, magnitude = compute(image, "sobel", "reflect")
        made = [place(np.zeros_like(each), where, writeable=True) for each in (gradient, magnitude)]
        slopes(place(image, where), _SMOOTHING["sobel"], parse_border("edges", "reflect", 2), *made, 1)
        assert [each.tobytes() for each in made] == [gradient.tobytes(), magnitude.tobytes()]


def test_what_is_left_to_the_filters():
    copies, constant = parse_border("edges", "wrap", 2), parse_border("edges", 0, 2)
    assert serves(draw((4, 5), "f4"), None, copies)
    assert serves(draw((4, 5, 3), "u1"), -1, copies)
    assert not serves(draw((4, 5), "f4"), None, constant)
    assert not serves(draw((0, 5), "f4"), None, copies)
    assert not serves(draw((3, 4, 5), "f4"), 0, copies)
    assert not serves(draw((4, 5, 17), "f4"), 2, copies)
    assert not serves(np.ones((4, 5), bool), None, copies)
    assert not serves(draw((4, 5, 6), "f4"), None, parse_border("edges", "wrap", 3))
