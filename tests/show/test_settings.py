"""Pictures do not depend on the user's settings of Matplotlib, and leave them as they are; hatches stay in SVG."""

from __future__ import annotations

import re
from contextlib import contextmanager

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import style
from matplotlib.backends.backend_agg import FigureCanvasAgg

import faltung as ft
from faltung.show.hatches import with_clear_hatches
from faltung.show.scene import picture
from faltung.show.sliding import Sliding
from show import scenes_for_tests

HOSTILE = {
    "text.usetex": True, "font.size": 31, "font.family": "serif", "axes.grid": True, "axes.unicode_minus": False,
    "axes.formatter.limits": (-1, 1), "axes.xmargin": 0.4, "xtick.direction": "in", "ytick.major.size": 17,
    "xtick.minor.visible": True, "axes.spines.top": True, "path.sketch": (5, 50, 5), "hatch.linewidth": 7,
    "lines.linestyle": "--", "image.origin": "lower", "image.interpolation": "bilinear", "image.cmap": "jet",
    "figure.constrained_layout.use": True, "figure.dpi": 31, "savefig.dpi": 37, "savefig.bbox": "tight",
    "savefig.facecolor": "red", "savefig.transparent": True, "svg.fonttype": "path", "svg.image_inline": False,
    "pdf.compression": 0,
}
FIGURES = {
    "sliding": lambda: ft.show.sliding([0, 0, 1, 2, -3, 2, 1, 0], [1, 2, 1], width=400),
    "growth": lambda: ft.show.growth(ft.cost(ft.correlate, ft.Like((64, 64)), ft.Like((5, 5)), "same"), width=400),
    "kernel": lambda: ft.show.kernel("gabor", width=400, theme="dark"),
    "plain": lambda: picture(scenes_for_tests.Sliding(5), 3, width=400),
}


@contextmanager
def disturbed():
    with style.context(["dark_background", HOSTILE]):
        before = dict(mpl.rcParams)
        yield
        assert dict(mpl.rcParams) == before


def pixels(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


@pytest.mark.parametrize("name", FIGURES)
def test_settings_do_not_show(name):
    wanted = pixels(FIGURES[name]())
    with disturbed():
        later = FIGURES[name]()
        np.testing.assert_array_equal(pixels(FIGURES[name]()), wanted)
    np.testing.assert_array_equal(pixels(later), wanted)


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_files_are_the_same(tmp_path, suffix):
    paths = [tmp_path / f"{number}.{suffix}" for number in range(2)]
    ft.show.write(FIGURES["plain"](), paths[0])
    with disturbed():
        ft.show.write(FIGURES["plain"](), paths[1])
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize("suffix", ["gif", "html"])
def test_animations_are_the_same(tmp_path, suffix):
    paths = [tmp_path / f"{number}.{suffix}" for number in range(2)]
    ft.show.animate(scenes_for_tests.Sliding(5), paths[0], width=400)
    with disturbed():
        ft.show.animate(scenes_for_tests.Sliding(5), paths[1], width=400)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_letters_of_svg(tmp_path):
    figure = FIGURES["plain"]()
    assert "<text" in ft.show.write(figure, tmp_path / "a.svg").read_text(encoding="utf-8")
    assert "<text" not in ft.show.write(figure, tmp_path / "b.svg", outlines=True).read_text(encoding="utf-8")


@pytest.mark.parametrize(("figure", "faces"), [
    (lambda: ft.show.overlap("box", "triangle", 0.4), {"0.35"}),
    # Hatches of the border on nothing, and white ones on bars.
    (lambda: picture(Sliding([0, 1, 2, 1, 0], [1, 2, 1], "convolve")), {"0.5", None})])
def test_hatches_stay_in_svg(tmp_path, figure, faces):
    text = ft.show.write(figure(), tmp_path / "a.svg").read_text(encoding="utf-8")
    patterns = dict(re.findall(r'<pattern id="([^"]*)"[^>]*>\s*<rect([^>]*)/>', text))
    used = re.findall(r'style="fill: url\(#([^)]*)\)([^"]*)"', text)
    found = [re.search(r'fill-opacity="([^"]*)"', patterns[name]) for name, _ in used]
    assert {face and face[1] for face in found} == faces
    # The face alone lets something through; hatches and all would be paled by an opacity of the whole.
    assert not any(re.search(r"(?<!stroke-)opacity", rest) for _, rest in used)


def test_faces_that_let_nothing_through_stay():
    text = '<pattern id="h1"><rect width="73" fill="#007a5a"/></pattern><path style="fill: url(#h1); stroke: #0"/>'
    assert with_clear_hatches(text) == text
    paled = text.replace("url(#h1);", "url(#h1); opacity: 0.35;")
    assert with_clear_hatches(paled) == ('<pattern id="h1"><rect width="73" fill="#007a5a" fill-opacity="0.35"/>'
                                         '</pattern><path style="fill: url(#h1); stroke-opacity: 0.35; stroke: #0"/>')
