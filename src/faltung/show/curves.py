"""What a training looks like: its learning curve, and what it confuses."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np

from ..errors import FaltungError
from ..layers.training import Epoch
from .panels import LETTER, Box, Still, axes_at, fitting_points, letter_on, pixels_of, subplots, write
from .scene import NARROW, Stage, picture
from .style import letter_points

WIDE = 8
"""Losses that differ by more are drawn by their logarithms."""
_MOST_NAMES = 60
_LONGEST_NAME = 12


def learning(history: Sequence[Epoch], *, width: int = 800, theme: str = "light") -> Any:
    """Draw losses and rates of recognition over the epochs, while learning and on the test images.

    Parameters
    ----------
    history : sequence of Epoch
        As `faltung.layers.training.Trainer.run` returns it.
    width : int
        Pixels.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    FaltungError
        If there is no epoch.
    """
    return picture(Learning(history), width=width, theme=theme)


def confusion(counts: Any, classes: Sequence[str] | None = None, *, width: int = 800, theme: str = "light") -> Any:
    """Draw a confusion matrix: what it is downwards, what it was taken for to the right.

    A cell is the darker, the larger its portion of the row (by square roots, so that a few confusions are seen beside
    many hits); hits are blue, confusions orange.

    Parameters
    ----------
    counts : array_like, shape (N, N)
        ``counts[i, j]`` counts the images of class i that were taken for class j.
    classes : sequence of str, optional
        Names; by default the numbers from 0.
    width : int
        Pixels.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    FaltungError
        If the counts are not square, or the names are not as many.
    """
    return picture(Confusion(counts, classes), width=width, theme=theme)


class Learning(Still):
    """Losses and rates over the epochs."""

    title = "Learning"

    def __init__(self, history: Sequence[Epoch]) -> None:
        self.history = list(history)
        if not self.history:
            raise FaltungError("learning: history is empty; give the epochs that Trainer.run returns")

    def height(self, width: int) -> int:
        """Two panels beside each other, or one below the other."""
        return round(width * (1.3 if width < NARROW else 0.42))

    def words(self, step: int) -> str:
        """The last epoch."""
        last = self.history[-1]
        return (f"After epoch {last.number}: loss {last.loss:.4g}, recognised {100 * last.accuracy:.4g} %; test loss "
                f"{last.test_loss:.4g}, recognised {100 * last.test_accuracy:.4g} %")

    def draw(self, stage: Stage) -> None:
        """Draw two panels."""
        shape = (2, 1) if stage.is_narrow else (1, 2)
        losses, rates = subplots(stage, *shape)
        epochs = self.history
        self._lines(stage, losses, [e.loss for e in epochs], [e.test_loss for e in epochs])
        self._lines(stage, rates, [100 * e.accuracy for e in epochs], [100 * e.test_accuracy for e in epochs])
        losses.set_title("loss")
        rates.set_title("recognised, %")
        values = [value for e in epochs for value in (e.loss, e.test_loss) if isfinite(value)]
        if values and 0 < WIDE * min(values) < max(values):
            losses.set_yscale("log")
        elif values and max(values) > 0:
            losses.set_ylim(0, 1.08 * max(values))
        losses.legend(loc="best")

    def _lines(self, stage: Stage, axes: Any, learnt: list[float], tested: list[float]) -> None:
        theme, numbers = stage.theme, [epoch.number for epoch in self.history]
        size = min(0.6 * stage.points, 120 / len(numbers))
        axes.plot(numbers, learnt, color=theme.image, marker="o", markersize=size, label="learning")
        if any(map(isfinite, tested)):
            axes.plot(numbers, tested, color=theme.kernel, marker="s", markersize=size, linestyle="--", label="test")
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True, nbins=8)
        axes.grid(visible=True)
        axes.margins(x=0.03)


class Confusion(Still):
    """What each class was taken for."""

    title = "Confusion"

    def __init__(self, counts: Any, classes: Sequence[str] | None = None) -> None:
        self.counts = np.asarray(counts)
        shape = self.counts.shape
        if len(shape) != 2 or shape[0] != shape[1] or not shape[0]:
            raise FaltungError(f"confusion: counts {shape} are not square; give a row and a column for each class")
        names = [str(number) for number in range(shape[0])] if classes is None else list(classes)
        if len(names) != shape[0]:
            raise FaltungError(f"confusion: {len(names)} classes do not name the {shape[0]} rows of counts {shape}; "
                               "give one name for each")
        self.names = [name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME - 1]}\N{HORIZONTAL ELLIPSIS}"
                      for name in names]

    def height(self, width: int) -> int:
        """Square, with room for the names."""
        box = self._box(width)
        return round(box.bottom + 1.2 * pixels_of(letter_points(width)))

    def _box(self, width: int) -> Box:
        letter = pixels_of(letter_points(width))
        longest, named = max(map(len, self.names)), self._named(width)
        left = 3.2 * letter + named
        over = 3.2 * letter + (named if longest > 3 else 1.2 * letter)
        side = min(width - left - 1.2 * letter, max(62, 5 * letter) * len(self.names))
        return Box(max(left, (width - side + named) / 2), over, side, side)

    def _named(self, width: int) -> float:
        """Pixels of the longest name."""
        return LETTER * pixels_of(self._name_points(width) or 0) * max(map(len, self.names))

    def _name_points(self, width: int) -> float | None:
        """Size of the names, None if they are too many."""
        points = letter_points(width)
        cell = 0.8 * width / len(self.names)
        fitting = min(0.9 * points, 0.75 * cell * 0.72)
        return None if len(self.names) > _MOST_NAMES or fitting < 4 else fitting

    def words(self, step: int) -> str:
        """How many were recognised."""
        return f"Recognised {int(np.trace(self.counts))} of {int(self.counts.sum())}."

    def draw(self, stage: Stage) -> None:
        """Draw the matrix, with the counts where there is room."""
        from matplotlib.colors import LinearSegmentedColormap

        theme, box, letter = stage.theme, self._box(stage.width), pixels_of(stage.points)
        axes = axes_at(stage, box)
        portions = self.counts / np.maximum(self.counts.sum(axis=1, keepdims=True), 1)
        is_hit = np.eye(len(self.names), dtype=bool)
        for colour, hidden in ((theme.image, ~is_hit), (theme.kernel, is_hit)):
            shades = LinearSegmentedColormap.from_list("shades", [theme.paper, colour])
            axes.imshow(np.ma.masked_where(hidden, np.sqrt(portions)), cmap=shades, vmin=0, vmax=1.15, aspect="auto",
                        interpolation="nearest")
        self._write_counts(stage, axes, box, portions)
        points, places = self._name_points(stage.width), range(len(self.names))
        turned = 90 if max(map(len, self.names)) > 3 else 0
        axes.xaxis.tick_top()
        axes.set_xticks([], [])
        axes.set_yticks([], [])
        if points is not None:
            axes.set_xticks(places, self.names, rotation=turned, size=points)
            axes.set_yticks(places, self.names, size=points)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(True)
        axes.spines[:].set_color(theme.faint)
        edges = np.arange(len(self.names) + 1) - 0.5
        if len(self.names) <= _MOST_NAMES:
            axes.hlines(edges, -0.5, edges[-1], color=theme.faint, linewidth=0.6)
            axes.vlines(edges, -0.5, edges[-1], color=theme.faint, linewidth=0.6)
        write(stage, box.left + box.width / 2, 1.6 * letter, "taken for", ha="center")
        write(stage, box.left - self._named(stage.width) - 1.5 * letter, box.top + box.height / 2, "is", va="center",
              ha="center", rotation=90)

    def _write_counts(self, stage: Stage, axes: Any, box: Box, portions: Any) -> None:
        from matplotlib.colors import to_rgb

        theme, cell = stage.theme, box.width / len(self.names)
        points = fitting_points(max(2, len(str(self.counts.max()))), cell, 0.75 * stage.points)
        if points is None:
            return
        for (true, taken), count in np.ndenumerate(self.counts):
            if count:
                share = np.sqrt(portions[true, taken]) / 1.15
                colour = np.array(to_rgb(theme.image if true == taken else theme.kernel))
                ground = share * colour + (1 - share) * np.array(to_rgb(theme.paper))
                axes.text(taken, true, str(count), ha="center", va="center", size=points, color=letter_on(ground))


__all__ = ["Confusion", "Learning", "confusion", "learning"]
