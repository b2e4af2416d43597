"""A kernel slid along a signal: the article's numbers, the engine's numbers in the artists, labels apart."""

from __future__ import annotations

import numpy as np
import pytest

import faltung as ft
from faltung.errors import FaltungError
from faltung.show.scene import staged
from faltung.show.sliding import Sliding, sliding
from faltung.show.stems import extremes
from looking import check_scene

SIGNAL, PATTERN = [0, 0, 0, 1, 2, 3, 2, 1, 0, 0], [1, 2, 3, 2, 1]


def bars(axes, number):
    """Middles and heights of the bars of a row."""
    corners = axes.patches[number].get_path().vertices.reshape(-1, 5, 2)
    return (corners[:, 0, 0] + corners[:, 2, 0]) / 2, corners[:, 1, 1]


def numbers(axes):
    """The numbers that are written in a row, by place."""
    written = [(text.get_position()[0], text.get_text().replace("\N{MINUS SIGN}", "-")) for text in axes.texts
               if text.get_visible()]
    return {x: float(word) for x, word in written if word and not word.strip("-0123456789.e")}


def test_the_article():
    scene = Sliding(SIGNAL, PATTERN, "convolve")
    assert scene.result.tolist() == [0, 0, 0, 1, 4, 10, 16, 19, 16, 10, 4, 1, 0, 0]
    assert scene.first == scene.best == 7
    assert scene.words(7) == ("y[7] = 1*1 + 2*2 + 3*3 + 2*2 + 1*1 = 19, the highest: here the signal is most like the "
                              "flipped kernel.")
    stage, show = staged(scene, 800, "light")
    signal, kernel, products, result = stage.figure.axes
    for step in range(scene.steps):
        show(step)
        x, taps = bars(kernel, 0)
        assert x.tolist() == [step - 4, step - 3, step - 2, step - 1, step]
        assert taps.tolist() == PATTERN[::-1]
        assert bars(products, 0)[1].sum() == scene.result[step]
        assert sum(numbers(products).values()) == scene.result[step]
        assert products.get_title(loc="left") == f"products:  their sum is {scene.result[step]}"
        cover = result.patches[2]
        seen = {x: value for x, value in numbers(result).items() if x < cover.get_x()}
        assert list(seen.values()) == scene.result[: step + 1].tolist()
        assert bars(result, 1)[1].tolist() == [scene.result[step]]
    assert kernel.get_title(loc="left") == "kernel, flipped"
    assert list(numbers(signal).values())[:10] == SIGNAL


def test_the_pattern_is_found():
    scene = Sliding(SIGNAL, PATTERN, "match")
    np.testing.assert_array_equal(scene.result, ft.match(SIGNAL, PATTERN))
    assert scene.words(3) == "Pattern at samples 3 to 7: zncc = 1: here it fits best."
    stage, show = staged(scene, 800, "light")
    signal, _, score = stage.figure.axes
    show(3)
    assert signal.patches[-1].get_x() == 2.5  # the frame around samples 3 to 7
    np.testing.assert_allclose(bars(score, 0)[1], ft.match(SIGNAL, PATTERN), rtol=1e-7)
    mark = next(text for text in score.texts if text.get_text() == "▼")
    assert mark.xy == (5, 1)
    assert Sliding(SIGNAL, PATTERN, "match", score="ssd").best == 3


@pytest.mark.parametrize("operation", ["correlate", "convolve"])
@pytest.mark.parametrize("mode", ["full", "same", "valid", "causal"])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_products_add_up_to_the_engines_result(operation, mode, count, rng):
    x, k = rng.normal(size=9), rng.normal(size=count)
    for border in (0, 2, "reflect", "wrap", "edge"):
        scene = Sliding(x, k, operation, mode, border=border)
        np.testing.assert_array_equal(scene.result, getattr(ft, operation)(x, k, mode, border=border))
        sums = [scene.products(step).sum() for step in range(scene.steps)]
        np.testing.assert_allclose(sums, scene.result, rtol=0, atol=1e-13)


@pytest.mark.parametrize("scene", [
    Sliding(SIGNAL, PATTERN, "convolve"), Sliding(SIGNAL, PATTERN, "match"),
    Sliding(np.linspace(-1, 1, 23) ** 3, [-1, 0.5, 1], mode="same", border="reflect"),
    Sliding(np.sin(np.arange(3000) / 40), np.hanning(200), mode="valid"), Sliding([5], [2]),
], ids=["convolve", "match", "fractions", "long", "one"])
def test_labels_stay_apart(scene):
    check_scene(scene, steps=(0, scene.first))


def test_long_signals_are_lines_and_steps_are_thinned():
    x = np.sin(np.arange(5000) / 40)
    scene = Sliding(x, x[3000:3200], "match")
    assert scene.is_long
    assert scene.steps in (239, 240)
    assert scene.shown[scene.first] == scene.best
    assert scene.shown[-1] == len(scene.result) - 1
    stage, show = staged(scene, 800, "light")
    show(scene.first)
    assert stage.figure.axes[2].get_title(loc="left") == f"score: zncc;  {scene.steps} of 4801 shifts"
    line = max(stage.figure.axes[2].lines, key=lambda line: len(line.get_xdata()))
    assert set(line.get_ydata()) <= set(scene.result.astype(float))
    assert scene.words(0) == "Pattern at samples 0 to 199: zncc = " + f"{scene.result[0]:.4g}"


def test_extremes_keep_the_least_and_the_greatest(rng):
    x, values = np.arange(100_000), rng.normal(size=100_000)
    places, kept = extremes(x, values)
    assert len(places) <= 4000
    assert {values.min(), values.max()} <= set(kept)
    assert (np.diff(places) > 0).all()


def test_long_kernels_are_told_in_short():
    scene = Sliding(np.ones(20), np.ones(15), mode="valid")
    assert scene.words(1) == "y[1] = 15, the sum of 15 products from sample 1 on"


def test_the_figure():
    figure = sliding(SIGNAL, PATTERN, 3, operation="match", width=400, theme="dark")
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["signal", "pattern", "score: zncc"]


ERRORS = {
    "operation": ((SIGNAL, PATTERN, "fit"),
                  "sliding: operation 'fit' is unknown; use one of correlate, convolve, match"),
    "mode": ((SIGNAL, PATTERN, "match", "full"),
             "sliding: mode 'full' does not go with operation \"match\", which scores whole windows; leave it out"),
    "axes": (([[1]], PATTERN),
             "sliding: signal has shape (1, 1) and dtype int64; give 1 to 100000 real numbers along one axis"),
    "words": ((SIGNAL, ["a"]),
              "sliding: kernel has shape (1,) and dtype <U1; give 1 to 100000 real numbers along one axis"),
    "nan": (([np.nan], [1]), "sliding: signal holds NaN or infinity, which cannot be drawn; leave them out"),
    "long": ((np.zeros(100_001), [1]),
             "sliding: signal has shape (100001,) and dtype float64; give 1 to 100000 real numbers along one axis"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_what_cannot_be_shown_is_refused(name):
    arguments, text = ERRORS[name]
    with pytest.raises(FaltungError) as caught:
        Sliding(*arguments)
    assert str(caught.value) == text
