"""Cells with shades and numbers, and where the panels of an image as numbers stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .cells import hatch
from .numerals import written
from .panels import Box, axes_at, letter_on, pixels_of, write
from .scene import NARROW, Stage
from .style import DOTS_PER_INCH, PIXELS, SIGNED, letter_points

if TYPE_CHECKING:
    from .numbers import Numbers

Array = npt.NDArray[Any]

LEAST_POINTS = 4.1
"""Smaller numbers in cells are left out; the shades remain."""
BREADTHS = {"\N{MINUS SIGN}": 0.84, ".": 0.32}
"""Of signs as parts of the size of letters; digits have 0.64."""
PALER = 1.35
"""The largest number is not given the darkest colour, so that it is read well."""


class Rows(NamedTuple):
    """Where everything stands, in pixels."""

    image: Box
    output: Box
    window: Box
    kernel: Box
    products: Box
    total: tuple[float, float]
    """Left end and middle of the line that tells the sum."""
    gap: float
    height: float


def arranged(scene: Numbers, width: int) -> Rows:
    """Image and output beside each other, the sum below; or all three below each other where it is narrow."""
    margin, line = 0.022 * width + 6, pixels_of(letter_points(width))
    caption = 2.9 * line if scene.note else 1.7 * line
    (rows, columns), (out_rows, out_columns) = scene.read.shape, scene.outputs
    room = width - 2 * margin
    if width < NARROW:
        image_cell, out_cell = (min(room / count, 0.1 * width) for count in (columns, out_columns))
        image = Box(margin, margin + caption, columns * image_cell, rows * image_cell)
        top, below = image.bottom + 2.6 * line, 0.0
    else:
        # The longer numbers get the broader cells, so that letters are of the same size.
        one, other = (max(breadth(words_of(values)), 1.9) for values in (scene.read, scene.seen_result()))
        parts = 1.0, min(max(other / one, 0.8), 1.35)
        unit = (room - 1.5 * margin) / (columns * parts[0] + out_columns * parts[1])
        image_cell, out_cell = (min(unit * part, 0.055 * width) for part in parts)
        image = Box(margin, margin + caption, columns * image_cell, rows * image_cell)
        top, below = 0.0, caption + margin
    output = Box(image.right + 1.5 * margin, below, out_columns * out_cell, out_rows * out_cell)
    bottom = max(image.bottom, output.bottom) if below else image.bottom
    top = bottom + 3.0 * line
    taps_rows, taps_columns = scene.taps.shape
    gap = max(2.2 * line, 0.02 * width)
    total_room = 0.0 if width < NARROW else 10 * line
    cell = min((room - 2 * gap - total_room) / (3 * taps_columns), 0.1 * width if width < NARROW else 0.06 * width,
               0.42 * width / taps_rows)
    window, kernel, last = (Box(margin + k * (taps_columns * cell + gap), top, taps_columns * cell, taps_rows * cell)
                            for k in range(3))
    if width >= NARROW:
        total = (last.right + gap / 2, last.top + last.height / 2)
        return Rows(image, output, window, kernel, last, total, gap, last.bottom + margin)
    total = (margin, last.bottom + 1.6 * line)
    output = Box(margin, total[1] + 3.2 * line, out_columns * out_cell, out_rows * out_cell)
    return Rows(image, output, window, kernel, last, total, gap, output.bottom + margin)


def put(stage: Stage, box: Box, text: str, note: str = "") -> None:
    """A caption over a panel, and a second line of lower rank over it."""
    line = pixels_of(stage.points)
    write(stage, box.left, box.top - 0.55 * line, text, ha="left", va="baseline", size=stage.points)
    if note:
        write(stage, box.left, box.top - 2.0 * line, note, ha="left", va="baseline", size=0.9 * stage.points,
              color=stage.theme.soft)


def breadth(words: Iterable[str]) -> float:
    """Breadth of the longest word, in sizes of letters."""
    return max((sum(BREADTHS.get(sign, 0.64) for sign in word) for word in words), default=0.64)


def words_of(values: Array) -> list[str]:
    """The numbers that stand in cells, each once."""
    return [short(value) for value in np.unique(values).tolist()]


def short(value: Any) -> str:
    """A number for a cell."""
    text = written(value)
    return text.replace("0.", ".", 1) if "0." in text and abs(float(value)) < 1 else text


class Cells:
    """A grid of cells, each shaded by its number and with the number in it, if there is room."""

    def __init__(self, stage: Stage, box: Box, values: Array, *, signed: bool = False, bytes_too: bool = False,
                 words: Sequence[str] | None = None, among: Array | None = None) -> None:
        self.stage, self.shape = stage, values.shape
        self.axes = axes = axes_at(stage, box)
        axes.set_axis_off()
        every = values if among is None else among
        low, high = _limits(every, signed=signed, bytes_too=bytes_too)
        self.picture = axes.imshow(values, cmap=SIGNED if signed else PIXELS, vmin=low, vmax=high, aspect="auto",
                                   interpolation="nearest")
        self.cell = box.width / values.shape[1]
        broad = breadth(words_of(every) if words is None else words)
        points = min(0.86 * self.cell / broad, 0.55 * self.cell) * 72 / DOTS_PER_INCH
        self.texts = [axes.text(column, row, "", ha="center", va="center", size=min(points, 1.3 * stage.points))
                      for row, column in np.ndindex(*values.shape)] if points >= LEAST_POINTS else []
        self._grid()
        self.set(values, words)

    def _grid(self) -> None:
        rows, columns = self.shape
        lines = [np.array([[-0.5, row - 0.5], [columns - 0.5, row - 0.5], [np.nan, np.nan]]) for row in range(rows + 1)]
        lines += [np.array([[column - 0.5, -0.5], [column - 0.5, rows - 0.5], [np.nan, np.nan]])
                  for column in range(columns + 1)]
        self.axes.plot(*np.concatenate(lines).T, color=self.stage.theme.faint, linewidth=0.06 * self.stage.points,
                       zorder=5, clip_on=False, scalex=False, scaley=False)

    def set(self, values: Array, words: Sequence[str] | None = None) -> list[Any]:
        """Show other numbers; what may have changed."""
        self.picture.set_data(values)
        shades = self.picture.cmap(self.picture.norm(values)).reshape(-1, 4)
        words = [short(value) for value in values.ravel().tolist()] if words is None else words
        for text, word, shade in zip(self.texts, words, shades, strict=False):
            text.set_text(word)
            text.set_color(letter_on(shade))
        return [self.picture, *self.texts]

    def pale(self, where: Array) -> None:
        """Take back cells that are read, but stand beside what is shown."""
        from matplotlib.collections import PolyCollection

        squares = [_square(*place) for place in np.argwhere(where)]
        self.axes.add_collection(PolyCollection(squares, facecolors=self.stage.theme.paper, alpha=0.25, linewidths=0,
                                                zorder=4), autolim=False)

    def hatch(self, where: Array) -> None:
        """Mark cells that the border supplies."""
        hatch(self.axes, np.argwhere(where), self.stage.theme.border, 0.1 * self.stage.points, middle=False,
              zorder=2)

    def outline(self, low: Sequence[int], extents: Sequence[int]) -> None:
        """A line around the image, or the part of it that is shown."""
        frame = self.frame(extents, self.stage.theme.ink)
        frame.set(xy=(low[1] - 0.5, low[0] - 0.5), zorder=6, linewidth=0.12 * self.stage.points)

    def frame(self, extents: Sequence[int], colour: str | None = None) -> Any:
        """A frame around so many rows and columns, to be moved."""
        from matplotlib.patches import Rectangle

        frame = Rectangle((-0.5, -0.5), extents[1], extents[0], facecolor="none", clip_on=False, zorder=8,
                          edgecolor=colour or self.stage.theme.mark, linewidth=0.27 * self.stage.points)
        self.axes.add_patch(frame)
        return frame

    def cover(self) -> Any:
        """What hides cells, to be moved."""
        from matplotlib.patches import Polygon

        cover = Polygon([(0, 0)], closed=True, facecolor=self.stage.theme.paper, linewidth=0, zorder=4)
        self.axes.add_patch(cover)
        return cover


def _square(row: int, column: int) -> list[tuple[float, float]]:
    return [(column - 0.5, row - 0.5), (column + 0.5, row - 0.5), (column + 0.5, row + 0.5), (column - 0.5, row + 0.5)]


def _limits(values: Array, *, signed: bool, bytes_too: bool) -> tuple[float, float]:
    """What the ends of the colour map stand for."""
    if bytes_too and not signed:
        return 0.0, 255.0
    seen = values[np.isfinite(values)].astype(float)
    low, high = (float(seen.min()), float(seen.max())) if seen.size else (0.0, 1.0)
    if signed:
        most = PALER * max(abs(low), abs(high)) or 1.0
        return -most, most
    return (low, high) if high > low else (low - 0.5, high + 0.5)
