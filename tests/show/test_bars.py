"""Benchmark charts."""

from __future__ import annotations

import numpy as np
import pytest

import faltung as ft
from faltung.errors import FaltungError
from faltung.show.bars import Ratios
from looking import LOOKS, check_figure

GROUPS = {
    "1 thread": {"small": {"torch": 2.5, "scipy": 20.0}, "large": {"torch": 0.8, "numpy": 3.0}, "unknown": {}},
    "2 threads": {"small": {"torch": 3.5, "scipy": 9.0}, "large": {"torch": 1.0, "numpy": 30.0}, "unknown": {}},
}


@pytest.mark.parametrize(("width", "theme"), LOOKS)
def test_at_any_width(width, theme):
    many = {f"a-case-of-some-length-{n}": {"onnxruntime": 1.3**n / 40} for n in range(30)}
    for groups in (GROUPS, {"1 thread": GROUPS["1 thread"]}, {"1 thread": many, "2 threads": many}):
        check_figure(ft.show.ratios(groups, width=width, theme=theme), width, theme)


def test_bars_dots_and_numbers():
    one, two = ft.show.ratios(GROUPS).axes
    bars = [(bar.get_x(), bar.get_width()) for bar in one.patches]
    np.testing.assert_allclose([x + width for x, width in bars], [2.5, 0.8])
    assert [bar.get_hatch() for bar in one.patches] == [None, "//////"]
    assert [text.get_text() for text in one.texts] == ["2.50  torch", "0.80  torch"]
    assert [list(line.get_xdata()) for line in one.lines[1:]] == [[20.0], [3.0]]
    assert list(one.lines[0].get_xdata()) == [1.0, 1.0]
    assert one.get_xscale() == "log"
    assert one.get_xlim() == two.get_xlim()
    assert [bar.get_hatch() for bar in two.patches] == [None, None]


def test_the_words_name_what_is_lost():
    assert Ratios(GROUPS).words(0) == "faltung is the fastest in 3 of 4 cases; not in large (0.80 against torch)"


@pytest.mark.parametrize(("groups", "message"), [
    ({}, "ratios: groups hold no case; give at least one, as {'1 thread': {'case': {'other': 2.5}}}"),
    ({"a": {"b": {"c": 0.0}}},
     "ratios: b, c: ratio 0.0 must be above 0; leave out what was not measured"),
])
def test_refusals(groups, message):
    with pytest.raises(FaltungError) as caught:
        ft.show.ratios(groups)
    assert str(caught.value) == message
