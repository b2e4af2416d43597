"""The numbers of the article with which it all begins: its vector, its pattern, and its picture of 16x16."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import signal

import faltung as ft
from grid.command import run

SIGNAL, PATTERN = [0, 0, 0, 1, 2, 3, 2, 1, 0, 0], [1, 2, 3, 2, 1]
PICTURE = Path(__file__).parents[1] / "examples" / "hi.txt"


@pytest.fixture
def picture():
    return np.loadtxt(PICTURE, dtype=np.uint8)


@pytest.mark.parametrize("method", ["direct", "fourier", "reference"])
def test_the_vector(method):
    wanted = [0, 0, 0, 1, 4, 10, 16, 19, 16, 10, 4, 1, 0, 0]
    assert ft.convolve(SIGNAL, PATTERN, method=method).tolist() == wanted
    assert np.convolve(SIGNAL, PATTERN).tolist() == wanted


def test_the_pattern_is_found_where_it_stands():
    assert ft.correlate(SIGNAL, PATTERN, "valid").argmax() == 3
    for score in ("zncc", "ncc", "correlation", "ssd", "nssd"):
        best, = ft.find(SIGNAL, PATTERN, top=1, score=score)
        assert best.position == (3,)
    assert ft.match(SIGNAL, PATTERN)[3] == 1
    same, lags = ft.autocorrelate(SIGNAL, return_lags=True)
    assert lags[same.argmax()] == 0


def test_the_picture(picture):
    """Twelve rows of letters between blank ones, and a ramp in steps of 17 down the right side."""
    assert picture.shape == (16, 16)
    assert picture[:, 15].tolist() == [255, *range(238, -1, -17)]
    letters = picture[:, :12] == 0
    assert letters[:, 3].sum() == letters[:, 6].sum() == 10
    assert letters[6].tolist() == [False] * 3 + [True] * 4 + [False] * 2 + [True] + [False] * 2


@pytest.mark.parametrize("name", ["box:scale=9", "sobel:axis=0", "sobel:axis=1", "laplacian", "sharpen", "emboss"])
def test_the_picture_with_kernels(picture, name):
    k = np.rint(ft.kernels.named(name)).astype(np.int16)
    made = ft.convolve(picture, k, "same", border="symmetric")
    np.testing.assert_array_equal(made, signal.convolve2d(picture.astype(int), k, "same", "symm"))


def test_the_picture_printed_as_numbers(picture):
    """The upper left of the H, where Sobel's kernel meets its left stroke."""
    steep = ft.correlate(picture, ft.kernels.sobel(axis=1), "same", border="edge")
    assert str(steep[:5, :8]) == """\
[[    0     0     0     0     0     0     0     0]
 [    0     0  -255     0   255  -255     0   255]
 [    0     0  -765     0   765  -765     0   765]
 [    0     0 -1020     0  1020 -1020     0  1020]
 [    0     0 -1020     0  1020 -1020     0  1020]]"""


def test_the_picture_on_the_command_line(picture, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    ft.write("hi.png", picture)
    assert run("apply hi.png -k sobel:axis=1 -o steep.npy --dtype int32", capsys)[0] == 0
    status, out, _ = run("kernels show steep.npy", capsys)
    assert status == 0
    numbers = np.array([line.split() for line in out.splitlines()[2:18]], int)
    np.testing.assert_array_equal(numbers, ft.filter(picture, ft.kernels.sobel(1), dtype="int32"))
