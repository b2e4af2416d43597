"""Labels that come again are stamped: frames stay as a full redraw has them, and are not drawn twice."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from faltung.show import known, stamps
from faltung.show.frames import Frames
from faltung.show.numbers import Numbers
from faltung.show.scene import Scene, picture

IMAGE = np.random.default_rng(7).integers(0, 256, (6, 6), np.uint8)
TAPS = np.outer(*[np.hanning(7)[1:-1]] * 2) / 9


def redrawn(scene, step, width):
    canvas = FigureCanvasAgg(picture(scene, step, width=width))
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


class Words(Scene):
    """Words that move in large and small steps, turned and not, over the edge, on and beside halves of a 64th."""

    steps = 9

    def height(self, width):
        return 150

    def words(self, step):
        return ""

    def lay_out(self, stage):
        places = [(0.2, 0.5), (0.6, 0.5), (0.998, 0.99), (0.35 + 1e-15, 0.25), (0.35, 0.75)]
        texts = [stage.figure.text(*place, "", ha="center", va="center", rotation=30 * (index % 2))
                 for index, place in enumerate(places)]

        def show(step):
            for index, (text, (across, up)) in enumerate(zip(texts, places, strict=True)):
                text.set_text(f"{index % 3}{'1' * (step % 3)}" if step % 4 else "")
                text.set_position((across + step % 2 / 128 / stage.width, up + step // 3 / stage.height))
                text.set_color(["#1b1f24", "#0072b2"][step % 2])
            return texts

        return show


@pytest.mark.parametrize(("scene", "steps", "most"), [
    (Numbers(IMAGE, TAPS), [0, 1, 7, 1, 35], stamps.MOST_BYTES),
    (Words(), [*range(9), 4, 2, 7], stamps.MOST_BYTES), (Words(), [*range(9), 4, 2, 7], 0)],
    ids=["numbers", "words", "no-room"])
def test_frames_with_stamps(monkeypatch, scene, steps, most):
    monkeypatch.setattr(stamps, "MOST_BYTES", most)
    frames = Frames(scene, width=600, steps=steps)
    for step in steps:
        np.testing.assert_array_equal(frames.frame(step), redrawn(scene, step, 600))


def test_what_comes_again_is_not_drawn_again(monkeypatch):
    frames = Frames(Numbers(IMAGE, TAPS), width=700)
    drawn = []
    plain = Text.draw
    monkeypatch.setattr(Text, "draw", lambda text, renderer: drawn.append(text) or plain(text, renderer))
    counts = []
    for step in (12, 13, 14, 12, 13, 14, 13):
        drawn.clear()
        frames.frame(step)
        counts.append(len([text for text in drawn if text in frames._known]))
    assert 0 < counts[2] < 35, "equal numbers in other cells are drawn again, of 51"
    assert counts[4:] == [0, 0, 0]


def test_the_last_bits_of_a_place_count_only_where_they_decide():
    assert known._fraction(0.3 + 1e-12) == known._fraction(0.3)
    assert known._fraction(0.5 + 1e-12) != known._fraction(0.5)
    assert known._fraction(3 / 128 + 1e-12) != known._fraction(3 / 128)
