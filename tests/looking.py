"""What every picture must keep: labels apart from each other and inside the picture, at any width, light and dark."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from faltung.show.scene import picture
from faltung.show.style import THEMES

WIDTHS = (400, 800, 1600)
LOOKS = [(400, "light"), (800, "dark"), (1600, "light")]
"""Widths and themes: what is tight is so at any theme, and colours are the same at any width."""


def check_scene(scene: Any, steps: tuple[int, ...] | None = None, widths: tuple[int, ...] = WIDTHS) -> None:
    """Draw a scene at its first, middle and last step (or those given), wide and narrow, light and dark."""
    steps = steps if steps is not None else tuple(sorted({0, scene.steps // 2, scene.steps - 1, scene.first}))
    for step in steps:
        # labels move with the step, and are tightest where there is least room; the layout is the same at all steps
        for width in {widths[0], widths[-1]} if step in (scene.first, steps[-1]) else widths[:1]:
            check_figure(picture(scene, step, width=width), width)
        assert scene.words(step).strip(), "a step without words"
    between = widths[len(widths) // 2]
    check_figure(picture(scene, width=between, theme="dark"), between, "dark")


def check_figure(figure: Any, width: int, theme: str = "light") -> None:
    """Render a figure and look at its labels and its paper."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())
    assert pixels.shape[1] == width
    paper = np.round(255 * np.array(to_rgb(THEMES[theme].paper)))
    assert np.abs(pixels[0, 0, :3] - paper).max() <= 1, "the paper is of another theme"
    assert len(np.unique(pixels.view(np.uint32))) > 3, "nothing is drawn"
    found = overlaps(figure)
    assert not found, f"at {width} pixels: {found}"


def overlaps(figure: Any, slack: float = 1.0) -> list[str]:
    """Pairs of texts that lie over each other, and texts that leave the figure, as words; boxes in pixels."""
    renderer = figure.canvas.get_renderer()
    undrawn = _undrawn_labels(figure)
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in figure.findobj(Text)
             if text.get_text().strip() and _is_seen(text, undrawn)]
    width, height = figure.bbox.width, figure.bbox.height
    outside = [f"{name!r} leaves the picture" for name, box in boxes
               if box.x0 < -slack or box.y0 < -slack or box.x1 > width + slack or box.y1 > height + slack]
    # a picture of numbers has hundreds of texts: all pairs at once
    corners = np.array([box.get_points() for _, box in boxes]).reshape(-1, 2, 2)
    low, high = corners.min(1), corners.max(1)
    shared = np.minimum(high[:, None], high) - np.maximum(low[:, None], low)
    pairs = np.argwhere(np.triu((shared > slack).all(-1), 1))
    return outside + [f"{boxes[one][0]!r} lies on {boxes[other][0]!r}" for one, other in pairs]


def _is_seen(text: Text, undrawn: set[int]) -> bool:
    """Whether a text is drawn."""
    return text.get_visible() and (text.axes is None or text.axes.get_visible()) and id(text) not in undrawn


def _undrawn_labels(figure: Any) -> set[int]:
    """Labels of ticks beyond the limits of their axis, and of axes that are off: Matplotlib keeps them undrawn."""
    undrawn = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            shown = axes.get_visible() and axes.axison and axis.get_visible()
            ticks = axis._update_ticks() if shown else []
            drawn = {id(label) for tick in ticks for label in (tick.label1, tick.label2)}
            every = {id(label) for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks())
                     for label in (tick.label1, tick.label2)}
            undrawn |= every - drawn
    return undrawn
