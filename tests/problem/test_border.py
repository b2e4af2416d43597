"""Borders, against numpy.pad and by hand."""

import re

import numpy as np
import pytest

from faltung.errors import BorderError
from faltung.problem.border import fill_at, fills, map_index, parse_border


@pytest.mark.parametrize("side", ["edge", "reflect", "symmetric", "wrap"])
@pytest.mark.parametrize("extent", [1, 2, 3, 4, 7])
def test_map_index_is_numpy_pad_however_long_the_pad(side, extent):
    width = 3 * extent + 2
    expected = np.pad(np.arange(extent), width, mode=side)
    assert [map_index(p, extent, side, side) for p in range(-width, extent + width)] == expected.tolist()


def test_each_side_has_its_own_border():
    assert [map_index(p, 3, "edge", "wrap") for p in range(-2, 6)] == [0, 0, 0, 1, 2, 0, 1, 2]
    assert [map_index(p, 3, 0, "reflect") for p in (-1, 3)] == [None, 1]
    assert [map_index(p, 3, "symmetric", 5) for p in (-1, 3)] == [0, None]


def test_constants_are_padded_axis_by_axis_so_the_last_axis_decides():
    image = np.zeros((2, 3))
    padded = np.pad(image, 2, constant_values=((1, 2), (3, 4)))
    for row in range(-2, 4):
        for column in range(-2, 5):
            fill = fill_at((row, column), image.shape, ((1, 2), (3, 4)))
            assert (0 if fill is None else fill) == padded[row + 2, column + 2]


def test_a_mapped_axis_leaves_the_constant_of_another():
    assert fill_at((-1, -1), (2, 2), ((7, 7), ("edge", "edge"))) == 7
    assert fill_at((-1, -1), (2, 2), (("edge", "edge"), ("wrap", "wrap"))) is None


@pytest.mark.parametrize(("border", "expected"), [
    (0, ((0, 0), (0, 0))),
    ("wrap", (("wrap", "wrap"), ("wrap", "wrap"))),
    (("edge", 2.5), (("edge", "edge"), (2.5, 2.5))),
    ([["edge", "wrap"], [1, 1j]], (("edge", "wrap"), (1, 1j))),
    ((np.int8(3), (np.float32(0.5), "reflect")), ((3, 3), (0.5, "reflect"))),
    (np.array([1, 2]), ((1, 1), (2, 2))),
    (np.array(4), ((4, 4), (4, 4))),
])
def test_all_forms_of_a_border(border, expected):
    assert parse_border("convolve", border, 2) == expected


def test_fills_are_the_constants():
    assert fills(((0, "edge"), (1.5, 2))) == (0, 1.5, 2)


@pytest.mark.parametrize(("border", "text"), [
    ("mirror", 'convolve: border "mirror" is not known; use a number, "edge", "reflect", "symmetric" or "wrap" '
               '(what others call "mirror" is "reflect" here)'),
    ("odd", 'convolve: border "odd" is not known; use a number, "edge", "reflect", "symmetric" or "wrap"'),
    (None, 'convolve: border None is not known; use a number, "edge", "reflect", "symmetric" or "wrap"'),
    (True, 'convolve: border True is not known; use a number, "edge", "reflect", "symmetric" or "wrap"'),
    ((0, None), 'convolve: border None is not known; use a number, "edge", "reflect", "symmetric" or "wrap"'),
    ((0, 1, 2), "convolve: border has 3 entries (0, 1, 2), but 2 axes are convolved; give one border, one for each "
                "axis, "
                "or one (before, after) pair for each axis"),
    ((0, (1, 2, 3)), "convolve: border (1, 2, 3) of one axis has 3 sides; give one (before, after) pair"),
    (2**64, "convolve: border 18446744073709551616 does not fit 64 bits (-2**63 to 2**64 - 1); use a float"),
])
def test_wrong_borders(border, text):
    with pytest.raises(BorderError, match=f"^{re.escape(text)}$"):
        parse_border("convolve", border, 2)


def test_an_empty_axis_has_nothing_to_repeat():
    text = 'border "edge" needs samples to repeat, but the axis has extent 0; use a number'
    with pytest.raises(BorderError, match=f"^{re.escape(text)}$"):
        map_index(0, 0, "edge", "edge")
    assert map_index(0, 0, 0, 0) is None
