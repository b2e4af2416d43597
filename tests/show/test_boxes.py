"""Boxes of matches, and maps of scores."""

from __future__ import annotations

import numpy as np
import pytest

import faltung as ft
from faltung.errors import FaltungError
from faltung.matching import Match
from looking import LOOKS, check_figure

RNG = np.random.default_rng(2)
PATTERN = RNG.integers(0, 256, (12, 16), np.uint8)
IMAGE = RNG.integers(0, 256, (90, 120), np.uint8)
for place in ((5, 6), (40, 70), (70, 20)):
    IMAGE[place[0]:place[0] + 12, place[1]:place[1] + 16] = PATTERN
SIGNAL, PART = np.array([0, 0, 0, 1, 2, 3, 2, 1, 0, 0]), np.array([1, 2, 3, 2, 1])


def words(figure):
    return [text.get_text() for text in figure.texts]


@pytest.mark.parametrize(("width", "theme"), LOOKS)
def test_at_any_width(width, theme):
    found = ft.find(IMAGE, PATTERN)
    for figure in (ft.show.places(IMAGE, found, width=width, theme=theme),
                   ft.show.places(IMAGE, [], width=width, theme=theme),
                   ft.show.places(IMAGE, ft.find(IMAGE, PATTERN, top=40, threshold=0), width=width, theme=theme),
                   ft.show.scores(IMAGE, PATTERN, width=width, theme=theme),
                   ft.show.scores(IMAGE[:20], PATTERN, score="ssd", width=width, theme=theme),
                   ft.show.scores(SIGNAL, PART, width=width, theme=theme)):
        check_figure(figure, width, theme)


def test_the_boxes_are_where_the_matches_are():
    found = ft.find(IMAGE, PATTERN)
    figure = ft.show.places(IMAGE, found)
    axes = figure.axes[0]
    assert np.array_equal(axes.get_images()[0].get_array(), IMAGE)
    ends = [patch.get_xy()[[0, 2]] for patch in axes.patches[1::2]]
    for one, (first, last) in zip(found, ends, strict=True):
        rows, columns = one.box
        assert first.tolist() == [columns.start - 0.5, rows.start - 0.5]
        assert last.tolist() == [columns.stop - 0.5, rows.stop - 0.5]
    assert [text.get_text() for text in axes.texts] == ["1", "2", "3"]
    assert words(figure)[1:] == [f"{n}  1 at {one.position[0]}, {one.position[1]}" for n, one in enumerate(found, 1)]


def test_a_turned_match_has_a_turned_box():
    one = Match((10, 20), 0.9, (10.0, 20.0), (slice(10, 30), slice(20, 40)), angle=45.0, scale=0.5)
    figure = ft.show.places(IMAGE, [one], extents=(10, 20))
    corners = figure.axes[0].patches[0].get_xy()[:4]
    sides = np.linalg.norm(np.diff(corners, axis=0), axis=1)
    np.testing.assert_allclose(sides, [10, 5, 10])
    assert "1  0.9 at 10, 20, 45°, \N{MULTIPLICATION SIGN}0.5" in words(figure)


def test_many_matches_are_counted():
    found = ft.find(IMAGE, PATTERN, top=11, threshold=0)
    assert words(ft.show.places(IMAGE, found))[-1] == "and 3 more"
    assert words(ft.show.places(IMAGE, []))[-1] == "no match"


@pytest.mark.parametrize("score", ["zncc", "ncc", "correlation", "ssd", "nssd"])
def test_the_map_is_the_engine_s(score):
    figure = ft.show.scores(IMAGE, PATTERN, score=score, top=3)
    image, pattern, scores = (axes.get_images()[0].get_array() for axes in figure.axes[:3])
    assert np.array_equal(image, IMAGE)
    assert np.array_equal(pattern, PATTERN)
    assert np.array_equal(scores, ft.match(IMAGE, PATTERN, score=score))
    worst = float(scores.max() if "ss" in score else scores.min())
    found = ft.find(IMAGE, PATTERN, score=score, top=3, threshold=worst)
    marks = figure.axes[2].lines[-1].get_xydata()
    assert marks.tolist() == [[one.position[1] + 7.5, one.position[0] + 5.5] for one in found]


def test_the_article_s_signal():
    figure = ft.show.scores(SIGNAL, PART)
    signal, pattern, line = figure.axes
    assert signal.lines[0].get_ydata().tolist() == SIGNAL.tolist()
    assert pattern.lines[0].get_xydata().tolist() == [[3 + n, value] for n, value in enumerate(PART)]
    assert np.array_equal(line.lines[0].get_ydata(), ft.match(SIGNAL, PART))
    assert line.lines[1].get_xydata().tolist() == [[3, 1]]


def test_colours():
    colours = np.stack([IMAGE, IMAGE[::-1], IMAGE[:, ::-1]], axis=-1)
    figure = ft.show.scores(colours, colours[5:17, 6:22], channel_axis=-1)
    assert np.array_equal(figure.axes[2].get_images()[0].get_array(),
                          ft.match(colours, colours[5:17, 6:22], channel_axis=-1))
    check_figure(figure, 800)


def test_refusals():
    with pytest.raises(FaltungError) as caught:
        ft.show.places(SIGNAL, ft.find(SIGNAL, PART))
    assert str(caught.value) == "places: image (10,) has no two axes to draw boxes in; scores() draws signals"
    with pytest.raises(FaltungError) as caught:
        ft.show.scores(np.zeros((4, 4, 4)), np.ones((2, 2, 2)))
    assert str(caught.value) == ("scores: image (4, 4, 4) has 3 axes to draw; give a signal or an image with pixels, "
                                 "such as one slice of a volume")
