"""Photographs, a page of text and coins: what is found against what a person, or another tool, sees there."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

import faltung as ft

data = pytest.importorskip("skimage.data")


# ---------------------------------------------------------------- photographs

@pytest.fixture(scope="module", params=["camera", "astronaut", "coffee"])
def photograph(request):
    return getattr(data, request.param)()


def colour_axis(picture):
    return -1 if picture.ndim == 3 else None


def by_channel(function, picture):
    planes = picture[..., None] if picture.ndim == 2 else picture
    return np.stack([function(planes[..., c].astype(np.float64)) for c in range(planes.shape[-1])], -1).reshape(
        picture.shape)


def test_blur_is_that_of_ndimage_to_half_a_grey_value(photograph):
    made = ft.images.blur(photograph, 2.5, channel_axis=colour_axis(photograph))
    wanted = by_channel(lambda plane: ndimage.gaussian_filter(plane, 2.5, mode="mirror"), photograph)
    assert np.abs(made - wanted).max() <= 0.5001


def test_edges_are_those_of_ndimage(photograph):
    found = ft.images.edges(photograph, channel_axis=colour_axis(photograph))
    wanted = by_channel(lambda plane: np.hypot(*(ndimage.sobel(plane, axis, mode="mirror") / 8 for axis in (0, 1))),
                        photograph)
    np.testing.assert_allclose(found.magnitude, wanted if photograph.ndim == 2 else wanted.max(-1), atol=1e-4)


def test_a_pyramid_gives_the_photograph_back(photograph):
    layers = ft.images.pyramid(photograph, kind="laplacian", channel_axis=colour_axis(photograph))
    np.testing.assert_array_equal(layers.reconstruct(), photograph)
    assert np.abs(layers[0]).mean() < 10  # a photograph is smooth: little is left beside the blurred half


def test_the_kernel_between_two_photographs_is_found(photograph):
    grey = (photograph if photograph.ndim == 2 else photograph[..., 1])[:160, 100:260]
    kernel = ft.kernels.gaussian(1.5, size=9)
    found = ft.kernels.fit(grey, ft.correlate(grey, kernel, "same"), 9)
    np.testing.assert_allclose(found.kernel, kernel, atol=1e-9)
    assert found.nearest.text == "gaussian:sigma=1.5,size=9"


def places_of_structure(picture, extents, count):
    """Places of a grid where there is something to see: sky is found nowhere again."""
    rows, columns = (range(10, most - size, size) for most, size in zip(picture.shape, extents, strict=False))
    places = [(row, column) for row in rows for column in columns]
    return sorted(places, key=lambda at: -picture[at[0] : at[0] + extents[0], at[1] : at[1] + extents[1]].std())[:count]


def test_a_part_is_found_in_darkness_noise_and_jpeg(photograph, rng, tmp_path):
    channel_axis = colour_axis(photograph)
    worse = np.clip(0.4 * photograph + 30 + rng.normal(0, 8, photograph.shape), 0, 255).astype(np.uint8)
    ft.write(tmp_path / "worse.jpg", worse)
    worse = ft.read(tmp_path / "worse.jpg")
    for place in places_of_structure(photograph, (40, 50), 5):
        part = photograph[place[0] : place[0] + 40, place[1] : place[1] + 50]
        exact, = ft.find(photograph, part, top=1, channel_axis=channel_axis)
        assert (exact.position, exact.score) == (place, 1)
        found, = ft.find(worse, part, top=1, threshold=0.3, channel_axis=channel_axis)
        assert found.position == place
        np.testing.assert_allclose(found.subpixel, place, atol=0.3)


def test_holes_in_a_photograph_are_filled(rng):
    picture = data.camera().astype(np.float32)
    holes = rng.random(picture.shape) < 0.5
    k = ft.kernels.gaussian(1.5).astype(np.float32)
    filled = ft.correlate(np.where(holes, np.nan, picture), k, "same", border="reflect", nan_policy="omit")
    whole = ft.correlate(picture, k, "same", border="reflect")
    assert np.isfinite(filled).all()
    assert np.sqrt(np.mean((filled - whole) ** 2)) < 5  # grey values; half of the picture is gone


# ---------------------------------------------------------------- a page of text

PARAGRAPH = slice(40, 140)
# The middles of all 29 letters "e" in the five lines of the paragraph, marked by eye on the page four times enlarged.
LETTERS_E = np.array([
    (56, 16), (58, 103), (58, 116), (58, 155), (59, 206), (59, 271), (57, 374),
    (76, 110), (76, 124), (76, 171), (77, 211), (77, 245), (77, 313), (74, 370),
    (94, 137), (94, 163), (95, 207), (92, 357), (91, 369),
    (108, 23), (110, 67), (111, 106), (113, 199), (113, 243), (113, 270), (113, 291), (108, 374),
    (129, 107), (130, 155)])


def letters(page, patterns, threshold):
    """Middles of what is found of several patterns, the best of those that touch."""
    found = [one for pattern in patterns for one in ft.find(page, pattern, threshold=threshold)]
    kept = []
    for one in sorted(found, key=lambda one: -one.score):
        if all(np.abs(np.subtract(one.center, other)).max() > 4 for other in kept):
            kept.append(one.center)
    return np.array(kept)


def recall_and_precision(middles):
    """Shares of the letters that are met within 3 pixels, and of what was found that meets one."""
    met = np.abs(middles[:, None] + (PARAGRAPH.start, 0) - LETTERS_E).max(axis=2) <= 3
    return met.any(axis=0).mean(), met.any(axis=1).mean()


def test_every_e_on_a_page():
    """The page is photographed: it leans to the left and darkens.  One "e" from each side finds all, and no other."""
    page = data.page()[PARAGRAPH]
    flat, leaning = page[14:24, 267:275], page[63:73, 19:27]
    assert recall_and_precision(letters(page, [flat, leaning], 0.8)) == (1, 1)
    recall, precision = recall_and_precision(letters(page, [flat], 0.8))
    assert recall > 0.75
    assert precision == 1
    recall, precision = recall_and_precision(letters(page, [flat], 0.65))
    assert recall == 1
    assert precision > 0.5


# ---------------------------------------------------------------- coins

# The middles of the 24 coins, from the watershed segmentation in the user guide of scikit-image.
COINS = np.array([
    (54, 44), (56, 100), (51, 155), (51, 215), (52, 276), (44, 335),
    (124, 45), (126, 102), (127, 154), (124, 205), (119, 271), (125, 336),
    (197, 44), (196, 102), (198, 154), (193, 212), (194, 274), (187, 347),
    (260, 46), (266, 114), (261, 172), (263, 244), (263, 301), (268, 358)])


def ring(radius):
    n = radius + 8
    y, x = np.mgrid[-n : n + 1, -n : n + 1]
    return np.exp(-0.5 * ((np.hypot(y, x) - radius) / 2) ** 2).astype(np.float32)


def test_all_coins_and_nothing_else():
    """Rings of 17 to 29 pixels in the picture of edges: a coin is round, whatever its size and brightness."""
    edges = np.pad(ft.images.edges(data.coins(), "gaussian", sigma=2).magnitude, 12)
    found = [(one.score, radius, one.center) for radius in range(17, 30)
             for one in ft.find(edges, ring(radius), threshold=0.45)]
    kept = []
    for _, radius, middle in sorted(found, reverse=True):
        if all(np.hypot(*np.subtract(middle, other)) > max(radius, size) for size, other in kept):
            kept.append((radius, middle))
    middles = np.array([middle for _, middle in kept]) - 12
    distances = np.linalg.norm(middles[:, None] - COINS, axis=2)
    assert len(middles) == len(COINS)
    assert sorted(distances.argmin(axis=1)) == list(range(24))
    assert distances.min(axis=1).max() < 3


def test_a_coin_is_known_again_turned_and_in_noise(rng):
    coins = data.coins()
    coin = coins[20:70, 30:90]
    noisy = np.clip(coins + rng.normal(0, 25, coins.shape), 0, 255).astype(np.uint8)
    assert ft.find(noisy, coin, top=1, threshold=0.5)[0].position == (20, 30)
    one, = ft.find(np.rot90(coins).copy(), coin, top=1, angles=[0, 90, 180, 270])
    assert one.angle == 90
    assert one.score == 1
