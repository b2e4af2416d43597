"""Places of patterns: peaks, sub-pixels, overlap, turned and scaled patterns, real pictures."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

import faltung as ft
from faltung.matching.peaks import Kept, local_maxima, sub_sample
from faltung.matching.variants import variant


def smooth(rng, shape, sigma=2.0):
    k = ft.kernels.gaussian(sigma, ndim=len(shape))
    picture = ft.correlate(rng.normal(size=shape), k, "same", border="wrap")
    low, high = picture.min(), picture.max()
    return np.rint(255 * (picture - low) / (high - low)).astype(np.uint8)


def places(found):
    return [one.position for one in found]


# ---------------------------------------------------------------- peaks

def test_local_maxima_by_comparison_with_every_neighbour(rng):
    for shape in ((50,), (12, 13), (6, 7, 5)):
        scores = rng.normal(size=shape)
        scores[rng.random(shape) < 0.1] = np.nan
        padded = np.pad(np.nan_to_num(scores, nan=-np.inf), 1, constant_values=-np.inf)
        wanted = {place for place in np.ndindex(*shape) if scores[place] >= 0.3 and
                  scores[place] == padded[tuple(slice(p, p + 3) for p in place)].max()}
        found = local_maxima(scores, 0.3)
        assert {tuple(place.tolist()) for place in found} == wanted
        values = scores[tuple(found.T)]
        assert (np.diff(values) <= 0).all()


@pytest.mark.parametrize("top", [(5.3,), (4.8, 6.25), (3.1, 4.4, 2.75)])
def test_a_quadratic_is_found_between_samples(top):
    axes = np.indices((9, 10, 6)[: len(top)]).astype(float)
    away = [axis - t for axis, t in zip(axes, top, strict=True)]
    scores = 1 - sum(a * a for a in away) / 50
    if len(top) > 1:
        scores -= away[0] * away[1] / 60
    place = tuple(int(index) for index in np.unravel_index(np.argmax(scores), scores.shape))
    np.testing.assert_allclose(sub_sample(scores, place), top, atol=1e-12)


def test_no_quadratic_at_the_edge_or_beside_nan():
    assert sub_sample(np.array([3.0, 2.0, 1.0]), (0,)) == (0.0,)
    assert sub_sample(np.array([np.nan, 3.0, 2.0]), (1,)) == (1.0,)
    assert sub_sample(np.array([1.0, 1.0, 1.0]), (1,)) == (1.0,)


def test_boxes_by_overlap_and_by_distance():
    kept = Kept(None, 0.3)
    assert [kept.admit((at,), (10,)) for at in (0, 4, 6, 20)] == [True, False, True, True]
    kept = Kept(5.0, 0.3)
    assert [kept.admit((at,), (10,)) for at in (0, 4, 5, 11)] == [True, False, True, True]


# ---------------------------------------------------------------- find

def test_every_copy_is_found_and_nothing_else(rng):
    scene = smooth(rng, (120, 150))
    pattern = smooth(rng, (14, 17), 1.0)
    spots = [(5, 8), (40, 100), (80, 20), (100, 130)]
    for row, column in spots:
        scene[row : row + 14, column : column + 17] = pattern
    found = ft.find(scene, pattern)
    assert sorted(places(found)) == sorted(spots)
    assert all(one.score == 1 for one in found)
    for one in found:
        np.testing.assert_array_equal(scene[one.box], pattern)
    assert len(ft.find(scene, pattern, top=2)) == 2
    assert sorted(places(ft.find(scene, pattern, score="nssd", threshold=0.01))) == sorted(spots)
    assert sorted(places(ft.find(scene, pattern, score="ssd", top=4))) == sorted(spots)
    assert sorted(places(ft.find(scene, pattern, score="ssd", threshold=0))) == sorted(spots)


def test_signals_and_volumes(rng):
    signal = rng.normal(size=3000)
    assert places(ft.find(signal, signal[1234:1300])) == [(1234,)]
    volume = rng.normal(size=(20, 21, 22)).astype(np.float32)
    assert places(ft.find(volume, volume[3:9, 7:12, 10:17])) == [(3, 7, 10)]


def test_colour(rng):
    scene = np.stack([smooth(rng, (60, 70)) for _ in range(3)], axis=-1)
    assert places(ft.find(scene, scene[20:35, 30:41], channel_axis=-1)) == [(20, 30)]


def test_a_shift_of_a_part_of_a_pixel(rng):
    x = np.arange(200.0)
    bump = np.exp(-((x - 100.3) ** 2) / 50)
    pattern = np.exp(-((np.arange(41.0) - 20) ** 2) / 50)
    one, = ft.find(bump, pattern, top=1)
    assert abs(one.subpixel[0] - 80.3) < 0.02
    assert one.position == (80,)
    assert abs(one.center[0] - 100.3) < 0.02
    assert ft.find(bump, pattern, top=1, subpixel=False)[0].subpixel == (80.0,)


def test_min_distance_thins_out_a_comb():
    comb = np.tile([0.0, 1.0, 3.0, 1.0], 20)
    pattern = comb[:8]
    assert len(ft.find(comb, pattern, overlap=0)) == 10
    assert len(ft.find(comb, pattern, min_distance=4)) == 19
    assert len(ft.find(comb, pattern, min_distance=12)) == 7


@pytest.mark.parametrize("angle", [90.0, 180.0, 270.0, -90.0])
def test_quarter_turns_are_exact(rng, angle):
    pattern = rng.normal(size=(1, 7, 10))
    turned = variant(pattern, None, angle, 1.0)
    wanted = np.rot90(pattern[0], round(angle / 90))
    assert turned.pattern.shape[1:] == wanted.shape
    assert turned.mask.all()
    np.testing.assert_allclose(turned.pattern[0], wanted, atol=1e-9)


def test_turned_and_scaled_patterns_are_found(rng):
    pattern = smooth(rng, (40, 30), 3.0)
    scene = smooth(rng, (200, 220), 2.0)
    for angle, scale, row, column in ((30, 1.0, 20, 30), (0, 1.5, 120, 20), (-45, 0.8, 110, 140)):
        one = variant(pattern[np.newaxis], None, angle, scale)
        height, width = one.pattern.shape[1:]
        part = scene[row : row + height, column : column + width]
        mask = np.ones(part.shape, bool) if one.mask is None else one.mask > 0
        part[mask] = np.clip(np.rint(one.pattern[0][mask]), 0, 255)
    found = ft.find(scene, pattern, angles=[-45, 0, 30], scales=[0.8, 1, 1.5], threshold=0.9)
    assert {(one.position, one.angle, one.scale) for one in found} == {
        ((20, 30), 30.0, 1.0), ((120, 20), 0.0, 1.5), ((110, 140), -45.0, 0.8)}
    assert all(one.score > 0.99 for one in found)


def test_coarse_to_fine_finds_the_same(rng):
    scene = smooth(rng, (300, 320), 4.0)
    scene[200:264, 30:94] = scene[40:104, 200:264]
    pattern = scene[40:104, 200:264].copy()
    fine, coarse = ft.find(scene, pattern, threshold=0.9), ft.find(scene, pattern, threshold=0.9, coarse=True)
    assert fine == coarse
    assert sorted(places(coarse)) == [(40, 200), (200, 30)]
    noise = rng.integers(0, 256, (200, 200), np.uint8)  # keeps nothing when it is made smaller
    assert places(ft.find(noise, noise[50:90, 60:100], coarse=True)) == [(50, 60)]


def test_masks(rng):
    scene = smooth(rng, (80, 90))
    pattern = scene[30:45, 40:60].copy()
    mask = np.ones(pattern.shape, bool)
    mask[:, 8:] = False
    pattern[:, 8:] = 0
    assert places(ft.find(scene, pattern, mask=mask, top=1)) == [(30, 40)]
    hidden = np.ones(scene.shape, bool)
    hidden[25:50, 30:50] = False
    assert (30, 40) not in places(ft.find(scene, pattern, mask=mask, image_mask=hidden, threshold=0.99))


def test_a_match_is_frozen_and_readable():
    one, = ft.find([0, 0, 0, 1, 2, 3, 2, 1, 0, 0], [1, 2, 3, 2, 1])
    assert repr(one) == "Match(score=1, position=(3,), subpixel=(3.00), box=[3:8])"
    assert repr(ft.Match((1, 2), 0.5, (1.0, 2.25), (slice(1, 4), slice(2, 6)), 30.0, 1.5)) == (
        "Match(score=0.5, position=(1, 2), subpixel=(1.00, 2.25), box=[1:4, 2:6], angle=30, scale=1.5)")
    with pytest.raises(FrozenInstanceError):
        one.score = 2
    assert one.center == (5.0,)


SCENE, PATTERN = np.arange(30.0).reshape(5, 6) % 7, np.array([[1.0, 2], [0, 5]])


@pytest.mark.parametrize(("error", "options", "text"), [
    (ft.PlanError, {"score": "best"},
     'find: score "best" is not known; use "zncc", "ncc", "correlation", "ssd" or "nssd"'),
    (ft.PlanError, {"score": "ssd"}, 'find: score "ssd" has no scale of its own; give threshold= or top='),
    (ft.ShapeError, {"top": 0}, "find: top=0 must be a whole number of at least 1, or None for all"),
    (ft.ShapeError, {"threshold": "high"}, "find: threshold='high' must be a number"),
    (ft.ShapeError, {"min_distance": np.nan}, "find: min_distance=nan must be a number"),
    (ft.ShapeError, {"overlap": 2},
     "find: overlap=2 must be a number from 0 to 1, the part of their union that two boxes may share"),
    (ft.ShapeError, {"angles": []}, "find: angles [] must be numbers, one at least"),
    (ft.ShapeError, {"scales": [0.5, -1]}, "find: scales [0.5, -1.0] must be above 0; 1 is the pattern as it is"),
    (ft.ShapeError, {"scales": [9]},
     "find: no variant of pattern (2, 2) (angles [0.0], scales [9.0]) fits into the image (5, 6) with any structure "
     "left; use smaller or larger scales"),
], ids=lambda value: str(value)[:20])
def test_refusals(error, options, text):
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        ft.find(SCENE, PATTERN, **options)


def test_angles_need_two_axes():
    text = "find: angles are for pictures of two axes, and 1 are searched; leave them out"
    with pytest.raises(ft.ShapeError, match=f"^{re.escape(text)}$"):
        ft.find(np.arange(9.0), [1.0, 5.0], angles=[0, 90])


def test_agrees_with_scikit_image_where_both_are_defined(rng):
    feature = pytest.importorskip("skimage.feature")
    scene = smooth(rng, (200, 210)).astype(np.float64)
    np.testing.assert_allclose(ft.match(scene, scene[50:80, 60:95]),
                               feature.match_template(scene, scene[50:80, 60:95]), atol=1e-8)


@pytest.mark.parametrize("score", ["ssd", "nssd", "ncc", "correlation"])
def test_a_constant_pattern_is_found_by_scores_that_are_defined_for_it(score):
    x = np.arange(36.0).reshape(6, 6)
    x[2:4, 3:5] = 40
    found = ft.find(x, np.full((2, 2), 40.0), score=score, top=1, threshold=None, subpixel=False)
    assert [one.position for one in found] == [(2, 3)]
