"""Numbers along a line: bars with their values where there is room, a line where they are many."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .numerals import written
from .scene import Stage

Array = npt.NDArray[Any]

BROAD = 0.72
"""Breadth of a bar."""
MOST_POINTS = 4000
"""Of a line; of longer ones the least and the greatest of neighbours are drawn."""


class Bars:
    """Bars that can be moved, each with its number over it if letters are given."""

    def __init__(self, axes: Any, colour: str, count: int, letters: float | None, hatch: str = "") -> None:
        from matplotlib.patches import PathPatch
        from matplotlib.transforms import ScaledTranslation

        self.patch = PathPatch(_bars(np.zeros(0), np.zeros(0)), facecolor=colour, edgecolor=axes.get_facecolor(),
                               hatch=hatch, linewidth=0, zorder=3)
        axes.add_patch(self.patch)
        self.texts = []
        if letters is not None:
            gap = ScaledTranslation(0, 1.5 / 72, axes.figure.dpi_scale_trans)
            self._over = axes.transData + gap
            self._under = axes.transData - gap
            self.texts = [axes.text(0, 0, "", ha="center", va="bottom", fontsize=letters, zorder=4, clip_on=True,
                                    in_layout=False) for _ in range(count)]

    def set(self, x: Array, values: Array) -> list[Any]:
        """Move them to places and values; what may have changed."""
        self.patch.set_path(_bars(x, values))
        for text in self.texts[len(x):]:
            text.set_visible(False)
        for text, place, value in zip(self.texts, x, values, strict=False):
            text.set_visible(True)
            text.set_text(written(value))
            text.set_position((place, float(value)))
            text.set_transform(self._over if value >= 0 else self._under)
            text.set_verticalalignment("bottom" if value >= 0 else "top")
        return [self.patch, *self.texts]


class Line:
    """A line through many numbers."""

    def __init__(self, axes: Any, colour: str, stage: Stage) -> None:
        self.line, = axes.plot([], [], color=colour, linewidth=0.13 * stage.points, zorder=3)
        self.dot, = axes.plot([], [], "o", color=colour, markersize=0.5 * stage.points, zorder=9)

    def set(self, x: Array, values: Array) -> list[Any]:
        """Move it; one number alone is a dot."""
        self.dot.set_data(*((x, values) if len(x) == 1 else ([], [])))
        self.line.set_data(*extremes(np.asarray(x, float), np.asarray(values, float)))
        return [self.line, self.dot]


def extremes(x: Array, values: Array) -> tuple[Array, Array]:
    """Points that draw as all would: of each small group the least and the greatest, in their order."""
    if len(x) <= MOST_POINTS:
        return x, values
    size = -(-2 * len(x) // MOST_POINTS)
    starts = np.arange(0, len(x), size)
    kept = [start + np.sort([part.argmin(), part.argmax()])
            for start, part in ((start, values[start : start + size]) for start in starts)]
    chosen = np.unique(np.concatenate(kept))
    return x[chosen], values[chosen]


def even_places(low: int, high: int, most: int) -> npt.NDArray[np.intp]:
    """At most so many whole numbers from low to high, at a round distance.

    Examples
    --------
    >>> even_places(0, 13, 6), even_places(0, 4999, 6)
    (array([ 0,  5, 10]), array([   0, 1000, 2000, 3000, 4000]))
    """
    distances = (lead * 10**power for power in range(9) for lead in (1, 2, 5))
    distance = next(each for each in distances if (high - low) // each < most)
    return np.arange(-(-low // distance) * distance, high + 1, distance)


def _bars(x: Array, values: Array) -> Any:
    """One path around all bars."""
    from matplotlib.path import Path

    left, right = np.asarray(x, float) - BROAD / 2, np.asarray(x, float) + BROAD / 2
    foot, head = np.zeros(len(x)), np.asarray(values, float)
    corners = np.stack([np.stack([left, foot], -1), np.stack([left, head], -1), np.stack([right, head], -1),
                        np.stack([right, foot], -1), np.stack([left, foot], -1)], axis=1) if len(x) else \
        np.zeros((1, 1, 2))
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * len(x) or [Path.MOVETO]
    return Path(corners.reshape(-1, 2), codes)
