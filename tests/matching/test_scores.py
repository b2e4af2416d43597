"""Score maps against fractions, and what is guaranteed of them."""

from __future__ import annotations

import re

import numpy as np
import pytest

import faltung as ft
from faltung.matching.request import SCORES
from grid.pairs import pairs
from matching.oracle import scores as oracle

DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "int32", "float16", "float32", "float64"]


def values(rng, shape, dtype):
    if dtype == "bool":
        return rng.random(shape) < 0.5
    if dtype.startswith("float"):
        return rng.normal(3, 1, shape).astype(dtype)
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    return rng.integers(max(low, -10**5), min(high, 10**5), shape, endpoint=True).astype(dtype)


def close(result, wanted, score, squares):
    """The stated errors; sums are measured against the sums of squares that they are made of."""
    bound = {"float32": 1e-6, "float64": 1e-12}.get(result.dtype.name, 0)
    scale = squares if score in ("correlation", "ssd") else 1
    np.testing.assert_array_equal(np.isnan(result), np.isnan(wanted))
    # nssd has no upper end, so a large one is measured against itself.
    assert np.nanmax(np.abs(result.astype(float) - wanted) / np.maximum(1, np.abs(wanted / scale))) <= bound * scale


@pytest.mark.parametrize(("score", "dtype", "masks"), pairs(
    SCORES, DTYPES, ["", "mask", "image_mask", "both", "floats"]))
def test_against_fractions(rng, dtype, score, masks):
    image = values(rng, (14, 15), dtype)
    image[2:8, 3:10] = image[0, 0]
    pattern = image[8:12, 9:14].copy()
    options = {}
    if masks in ("mask", "both"):
        options["mask"] = rng.integers(0, 3, pattern.shape)
    if masks in ("image_mask", "both"):
        options["image_mask"] = rng.random(image.shape) < 0.8
    if masks == "floats":
        options = {"mask": rng.random(pattern.shape), "image_mask": rng.random(image.shape)}
    result = ft.match(image, pattern, score=score, **options)
    wanted = oracle(image[np.newaxis], pattern[np.newaxis], score, **options)
    squares = 4 * float(np.square(image, dtype=np.float64).max()) * pattern.size
    close(result, wanted, score, squares)
    assert result[8, 9] == {"ssd": 0, "nssd": 0}.get(score, 1) or score == "correlation"
    if score in ("zncc", "ncc"):
        assert np.nanmax(np.abs(result)) <= 1


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("dtype", ["uint8", "int16"])
def test_a_large_mask_on_integers(rng, dtype, score):
    """From a thousand weights on, sums of squares may be computed in float64."""
    image = values(rng, (36, 33), dtype)
    pattern, mask = image[1:, :32].copy(), rng.integers(0, 2, (35, 32))
    wanted = oracle(image[np.newaxis], pattern[np.newaxis], score, mask=mask)
    squares = 4 * float(np.square(image, dtype=np.float64).max()) * pattern.size
    close(ft.match(image, pattern, score=score, mask=mask), wanted, score, squares)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize(("shape", "extents"), [((60,), (7,)), ((9, 8, 7), (3, 4, 2)), ((9, 50), (1, 31)),
                                                ((50, 9), (27, 1)), ((5, 6), (5, 6)), ((4, 4, 3, 3), (2, 2, 2, 3))])
def test_any_number_of_axes(rng, shape, extents, score):
    image = rng.integers(0, 256, shape, np.uint8)
    pattern = rng.integers(0, 256, extents, np.uint8)
    wanted = oracle(image[np.newaxis], pattern[np.newaxis], score)
    close(ft.match(image, pattern, score=score), wanted, score, 255**2 * pattern.size)
    wide = ft.match(image.astype(np.float64), pattern.astype(np.float64), score=score)
    close(wide, wanted, score, 255**2 * pattern.size)


@pytest.mark.parametrize(("score", "axis", "dtype", "masked"), pairs(
    SCORES, [0, -1], ["uint8", "float32"], [False, True]))
def test_channels_are_summed(rng, score, axis, dtype, masked):
    image = values(rng, (3, 10, 11), dtype)
    pattern = image[:, 4:8, 5:8].copy()
    options = {"mask": rng.integers(0, 2, (4, 3)), "image_mask": rng.random((10, 11)) < 0.9} if masked else {}
    wanted = oracle(image, pattern, score, **options)
    result = ft.match(np.moveaxis(image, 0, axis), np.moveaxis(pattern, 0, axis), score=score, channel_axis=axis,
                      **options)
    close(result, wanted, score, 4 * float(np.square(image, dtype=np.float64).max()) * pattern.size)


def test_the_pattern_of_the_article():
    signal, pattern = [0, 0, 0, 1, 2, 3, 2, 1, 0, 0], [1, 2, 3, 2, 1]
    score = ft.match(signal, pattern)
    assert np.argmax(score) == 3
    assert score[3] == 1
    assert [one.position for one in ft.find(signal, pattern)] == [(3,)]
    np.testing.assert_array_equal(ft.match(signal, pattern, score="correlation"), [4, 10, 16, 19, 16, 10])


# ---------------------------------------------------------------- guarantees

@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
@pytest.mark.parametrize("extents", [(3, 5), (16, 16), (40, 40)])
def test_a_flat_region_never_scores(rng, dtype, extents):
    image = np.full((90, 90), 200, dtype)
    image[60:, 60:] = rng.integers(0, 100, (30, 30))
    if dtype.startswith("float"):
        image = (image * np.array(1.1, dtype)).astype(dtype)
    pattern = rng.integers(0, 100, extents).astype(dtype)
    result = ft.match(image, pattern)
    flat = tuple(slice(0, 60 - k + 1) for k in extents)
    assert np.isnan(result[flat]).all()
    assert np.isfinite(result[-1, -1])
    assert (ft.match(image, pattern, flat=0)[flat] == 0).all()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("size", [3, 11, 33])
def test_a_copy_scores_exactly_1(rng, dtype, size):
    image = (rng.random((110, 80)) * (255 if dtype[0] == "u" else 1)).astype(dtype)
    pattern = image[20 : 20 + size, 30 : 30 + size].copy()
    image[60 : 60 + size, 45 : 45 + size] = pattern
    for score in ("zncc", "ncc"):
        result = ft.match(image, pattern, score=score)
        assert result[20, 30] == result[60, 45] == 1
        assert np.nanmax(np.abs(result)) <= 1
    for score in ("ssd", "nssd"):
        result = ft.match(image, pattern, score=score)
        assert result[20, 30] == result[60, 45] == 0
        assert result.min() >= 0


def test_brighter_and_stronger_integers_score_exactly_1(rng):
    pattern = rng.integers(0, 50, (9, 9)).astype(np.uint8)
    image = rng.integers(0, 256, (40, 40)).astype(np.uint8)
    image[10:19, 20:29] = 3 * pattern + 17
    image[25:34, 3:12] = 255 - 2 * pattern
    result = ft.match(image, pattern)
    assert result[10, 20] == 1
    assert result[25, 3] == -1


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_a_mask_of_ones_changes_no_bit(rng, score, dtype):
    image = values(rng, (30, 31), dtype)
    pattern = image[3:9, 4:11].copy()
    plain = ft.match(image, pattern, score=score)
    for options in ({"mask": np.ones((6, 7))}, {"image_mask": np.ones((30, 31), bool)}):
        np.testing.assert_array_equal(ft.match(image, pattern, score=score, **options), plain)


@pytest.mark.parametrize(("dtype", "offset", "spread"), [("float32", 1000, 0.1), ("float64", 1e6, 1e-3),
                                                          ("float64", 1e9, 1.0)])
def test_a_large_mean_costs_no_digits(rng, dtype, offset, spread):
    image = (offset + spread * rng.normal(size=(20, 21))).astype(dtype)
    pattern = image[4:10, 5:12].copy()
    close(ft.match(image, pattern), oracle(image[np.newaxis], pattern[np.newaxis]), "zncc", 1)


def test_a_smooth_region_beside_a_strong_one_keeps_its_digits(rng):
    image = rng.normal(size=(40, 40)).astype(np.float32)
    image[:, :20] = 50 + 1e-4 * rng.normal(size=(40, 20))
    pattern = image[20:26, 3:9].copy()
    result = ft.match(image, pattern)[15:25, :12]
    close(result, oracle(image[np.newaxis, 15:30, :17], pattern[np.newaxis]), "zncc", 1)


def test_nan_and_infinity_reach_their_own_windows_only(rng):
    image = rng.normal(size=(40, 40))
    pattern = image[20:25, 20:27].copy()
    plain = ft.match(image, pattern)
    image[5, 6], image[30, 33] = np.nan, np.inf
    result = ft.match(image, pattern)
    seen = np.zeros(plain.shape, bool)
    seen[1:6, 0:7] = True
    seen[26:31, 27:34] = True
    assert np.isnan(result[seen]).all()
    np.testing.assert_allclose(result[~seen], plain[~seen], atol=1e-13)
    masked = ft.match(image, pattern, image_mask=np.isfinite(image))
    assert np.isfinite(masked).all()
    np.testing.assert_allclose(masked[~seen], plain[~seen], atol=1e-12)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_threads_and_strips_change_no_bit(rng, dtype):
    image = values(rng, (500, 400), dtype)
    pattern = image[100:116, 200:208].copy()
    whole = ft.match(image, pattern, threads=1)
    np.testing.assert_array_equal(ft.match(image, pattern, threads=2), whole)
    np.testing.assert_allclose(ft.match(image[90:150], pattern), whole[90:135], atol=1e-6)


def test_16_bits_at_their_limits():
    image = np.zeros((300, 300), np.uint16)
    image[:, ::2] = 65535
    image[200, 200] = 1
    pattern = image[30:286, 30:286]
    result = ft.match(image, pattern)
    assert result[30, 30] == 1
    assert result[30, 31] == np.float32(np.corrcoef(image[30:286, 31:287].ravel(), pattern.ravel())[0, 1])


# ---------------------------------------------------------------- batches

def test_batches(rng):
    image = rng.integers(0, 256, (40, 50), np.uint8)
    patterns = rng.integers(0, 256, (3, 5, 6), np.uint8)
    singly = [ft.match(image, one) for one in patterns]
    for batch in (list(patterns), tuple(patterns)):
        result = ft.match(image, batch)
        assert isinstance(result, list)
        np.testing.assert_array_equal(result, singly)
    np.testing.assert_array_equal(ft.match(image, patterns, pattern_axis=0), singly)
    np.testing.assert_array_equal(ft.match(image, np.moveaxis(patterns, 0, -1), pattern_axis=-1), singly)
    mixed = ft.match(image, [patterns[0], patterns[1][:3]])
    np.testing.assert_array_equal(mixed[0], singly[0])
    np.testing.assert_array_equal(mixed[1], ft.match(image, patterns[1][:3]))


# ---------------------------------------------------------------- refusals

IMAGE, PATTERN = np.arange(30.0).reshape(5, 6), np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(("error", "pattern", "options", "text"), [
    (ft.ShapeError, np.zeros((6, 2)), {},
     "match: pattern (6, 2) is larger than the image (5, 6) along axis 0 (6 > 5); cut or shrink the pattern, or pad "
     "the image"),
    (ft.ShapeError, np.full((2, 2), 7.0), {},
     "match: pattern (2, 2) is constant (7.0), and zncc compares what is left when the mean is subtracted: nothing; "
     'use score="ssd", "nssd" or "ncc", or take in some of its surroundings'),
    (ft.ShapeError, PATTERN, {"mask": [[1, 0, 0], [0, 0, 0]]},
     "match: pattern (2, 3) is constant (0.0) where its mask is not 0, and zncc compares what is left when the mean is "
     'subtracted: nothing; use score="ssd", "nssd" or "ncc", or take in some of its surroundings'),
    (ft.ShapeError, np.zeros((2, 2)), {"score": "ncc"},
     'match: pattern (2, 2) is 0 throughout, and ncc divides by its size; use score="ssd"'),
    (ft.ShapeError, PATTERN, {"mask": np.ones((3, 3))},
     "match: mask (3, 3) does not have the shape of the pattern (2, 3); give one weight for each sample, the same for "
     "all channels"),
    (ft.ShapeError, PATTERN, {"image_mask": np.ones((3, 3))},
     "match: image_mask (3, 3) does not have the shape of the image (5, 6); give one weight for each sample, the same "
     "for all channels"),
    (ft.ShapeError, PATTERN, {"mask": np.zeros((2, 3))},
     "match: mask (2, 3) is 0 throughout, so nothing is left to compare; it must hold a weight above 0"),
    (ft.ShapeError, PATTERN, {"image_mask": -np.ones((5, 6))},
     "match: image_mask holds -1.0, but weights must be finite and at least 0; mask with 0 or False"),
    (ft.DTypeError, PATTERN, {"mask": np.ones((2, 3), complex)},
     "match: mask has dtype complex128, but weights are real numbers of at least 0"),
    (ft.PlanError, PATTERN, {"score": "ncorr"},
     'match: score "ncorr" is not known; use "zncc", "ncc", "correlation", "ssd" or "nssd"'),
    (ft.ShapeError, np.ones(3), {},
     "match: pattern (3,) has 1 axes, but the image has 2; give both as many, or a batch of patterns as a list or with "
     "pattern_axis="),
    (ft.ShapeError, np.array([[1.0, np.nan]]), {},
     "match: pattern holds 1 values that are NaN or infinite; mask them with mask="),
    (ft.DTypeError, PATTERN * 1j, {},
     "match: pattern has dtype complex128, but scores are defined for real numbers; match its magnitude, or its parts "
     "as two channels"),
    (ft.ShapeError, PATTERN, {"channel_axis": 2},
     "match: channel_axis=2 is no axis of the image (5, 6) that leaves another to search; use None if there are no "
     "channels"),
    (ft.ShapeError, PATTERN, {"channel_axis": 1},
     "match: pattern has 3 channels, but the image has 6; give both the same"),
    (ft.ShapeError, np.zeros((0, 2)), {},
     "match: pattern (0, 2) is empty; it must have at least one sample"),
    (ft.ShapeError, PATTERN, {"pattern_axis": 3},
     "match: pattern_axis=3 is no axis of the patterns (2, 3); name the one along which they follow each other"),
    (ft.ShapeError, np.zeros((0, 2, 2)), {"pattern_axis": 0},
     "match: patterns (0, 2, 2) are none along pattern_axis=0; give one at least"),
], ids=lambda value: str(value)[:25].replace("\n", ""))
def test_refusals(error, pattern, options, text):
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        ft.match(IMAGE, pattern, **options)


def test_refused_images():
    with pytest.raises(ft.ShapeError, match=re.escape("match: pattern (2, 2) has 2 axes, but the image has 3; name the "
                                                      "colour axis (channel_axis=-1)")):
        ft.match(np.zeros((4, 4, 3)), np.eye(2))
    with pytest.raises(ft.ShapeError, match=re.escape("match: image (0,) must have at least one axis, and samples "
                                                      "along each")):
        ft.match([], [1, 2])
