"""Learning curves and confusion matrices."""

from __future__ import annotations

import numpy as np
import pytest

import faltung as ft
from faltung.errors import FaltungError
from faltung.layers.training import Epoch
from looking import LOOKS, check_figure

NAN = float("nan")
HISTORY = [Epoch(n, 2 * 0.6**n, 1 - 0.5 * 0.7**n, 0.1 + 0.7**n, 0.97 - 0.5 * 0.7**n, 1.0) for n in range(1, 16)]
COUNTS = np.diag(np.arange(30, 40))
COUNTS[1, 2], COUNTS[8, 1] = 3, 2
NAMES = ["cat", "hippopotamus and others", "dog"]


@pytest.mark.parametrize(("width", "theme"), LOOKS)
def test_at_any_width(width, theme):
    look = {"width": width, "theme": theme}
    for figure in (ft.show.learning(HISTORY, **look), ft.show.learning(HISTORY[:1], **look),
                   ft.show.confusion(COUNTS, **look), ft.show.confusion(COUNTS[:3, :3], NAMES, **look),
                   ft.show.confusion([[7]], **look), ft.show.confusion(np.eye(26, dtype=int) * 1000, **look),
                   ft.show.confusion(np.eye(100), **look)):
        check_figure(figure, width, theme)


def test_the_lines_are_the_epochs():
    losses, rates = ft.show.learning(HISTORY).axes
    assert losses.lines[0].get_ydata().tolist() == [epoch.loss for epoch in HISTORY]
    assert losses.lines[1].get_ydata().tolist() == [epoch.test_loss for epoch in HISTORY]
    assert rates.lines[0].get_ydata().tolist() == [100 * epoch.accuracy for epoch in HISTORY]
    assert rates.lines[1].get_ydata().tolist() == [100 * epoch.test_accuracy for epoch in HISTORY]
    assert rates.lines[1].get_xdata().tolist() == list(range(1, 16))
    assert losses.get_yscale() == "log"
    assert ft.show.learning(HISTORY[:2]).axes[0].get_yscale() == "linear"


def test_a_curve_without_a_test():
    figure = ft.show.learning([Epoch(1, 0.5, 0.5, NAN, NAN, 1.0), Epoch(2, 0.4, 0.6, NAN, NAN, 1.0)])
    assert [len(axes.lines) for axes in figure.axes] == [1, 1]
    check_figure(figure, 800)


def test_the_matrix_is_that_of_the_counts():
    axes = ft.show.confusion(COUNTS).axes[0]
    wrong, right = (image.get_array() for image in (axes.get_images()[1], axes.get_images()[0]))
    portions = np.sqrt(COUNTS / COUNTS.sum(axis=1, keepdims=True))
    np.testing.assert_array_equal(np.ma.filled(right, 0), np.diag(np.diag(portions)))
    np.testing.assert_array_equal(np.ma.filled(wrong, 0), portions - np.diag(np.diag(portions)))
    written = {(round(text.get_position()[1]), round(text.get_position()[0])): text.get_text() for text in axes.texts}
    assert written == {tuple(map(int, at)): str(COUNTS[tuple(at)]) for at in np.argwhere(COUNTS)}


def test_long_names_are_cut():
    axes = ft.show.confusion(np.eye(3), NAMES).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "hippopotamu…", "dog"]


@pytest.mark.parametrize(("call", "message"), [
    (lambda: ft.show.learning([]), "learning: history is empty; give the epochs that Trainer.run returns"),
    (lambda: ft.show.confusion(np.ones((2, 3))),
     "confusion: counts (2, 3) are not square; give a row and a column for each class"),
    (lambda: ft.show.confusion(np.ones((2, 2)), ["a"]),
     "confusion: 1 classes do not name the 2 rows of counts (2, 2); give one name for each"),
])
def test_refusals(call, message):
    with pytest.raises(FaltungError) as caught:
        call()
    assert str(caught.value) == message
