"""Cells with shades and numbers, and where the panels of an image as numbers stand."""

from __future__ import annotations

import math
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

LEAST_POINTS = 4.3
"""Smaller numbers in cells are left out; the shades remain."""
BREADTHS = {"\N{MINUS SIGN}": 0.84, ".": 0.32}
"""Of signs as parts of the size of letters; digits have 0.64."""
_MOST_PLACES = 4
_WIDEST = 1e6
"""From here on numbers are written with their power of ten, and where so many places after the point are too few."""
PALER = 1.35
"""The largest number is not given the darkest colour, so that it is read well."""


class Rows(NamedTuple):
    """Where everything stands, in whole pixels: then equal numbers are drawn alike in all cells."""

    image: Box
    output: Box
    window: Box
    kernel: Box
    products: Box
    total: tuple[float, float]
    """Left end and middle of the line that tells the sum."""
    is_beside: bool
    """Whether the sum stands beside the products; there is room for two lines there."""
    gap: float
    height: float


def arranged(scene: Numbers, width: int) -> Rows:
    """Image and output beside each other, the sum below; or all three below each other where it is narrow."""
    margin, line = 0.022 * width + 6, pixels_of(letter_points(width))
    room, is_narrow = width - 2 * margin, width < NARROW
    top = margin + (2.9 if scene.note else 1.7) * line
    image_cell, out_cell = _cells(scene, width, room if is_narrow else room - 1.5 * margin)
    image = _panel(margin, top, scene.read.shape, image_cell)
    output = _panel(image.right + 1.5 * margin, top, scene.outputs, out_cell)
    bottom = image.bottom if is_narrow else max(image.bottom, output.bottom)
    gap = max(2.2 * line, 0.02 * width)
    taps_rows, taps_columns = scene.taps.shape
    widest = min((0.1 if is_narrow else 0.06) * width, 0.42 * width / taps_rows)
    below, beside = (min((room - 2 * gap - less) / (3 * taps_columns), widest) for less in (0.0, 10 * line))
    is_beside = not is_narrow and int(beside) == int(below)
    step = taps_columns * int(below) + gap
    window, kernel, last = (_panel(margin + k * step, bottom + 3.0 * line, scene.taps.shape, below) for k in range(3))
    if is_beside:
        total, end = (last.right + gap / 2, last.top + last.height / 2), last.bottom
    else:
        total, end = (margin, last.bottom + 1.6 * line), last.bottom + 2.4 * line
    if is_narrow:
        output = _panel(margin, total[1] + 3.2 * line, scene.outputs, out_cell)
        end = output.bottom
    return Rows(image, output, window, kernel, last, total, is_beside, gap, end + margin)


def _cells(scene: Numbers, width: int, room: float) -> tuple[float, float]:
    """How broad the cells of image and output are, below each other or beside each other."""
    columns, out_columns = scene.read.shape[1], scene.outputs[1]
    if width < NARROW:
        return min(room / columns, 0.1 * width), min(room / out_columns, 0.1 * width)
    # The longer numbers get the broader cells, so that letters are of the same size.
    one, other = (max(breadth(words_of(values)), 1.9) for values in (scene.read, scene.seen_result()))
    part = min(max(other / one, 0.8), 1.35)
    unit = room / (columns + out_columns * part)
    return min(unit, 0.055 * width), min(unit * part, 0.055 * width)


def _panel(left: float, top: float, shape: Sequence[int], cell: float) -> Box:
    return Box(round(left), round(top), shape[1] * int(cell), shape[0] * int(cell))


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
    places = places_of(values)
    return [short(value, places) for value in np.unique(values).tolist()]


def places_of(values: Array) -> int | None:
    """How many places after the point give the largest number three digits; None for numbers without a measure.

    >>> [places_of(np.array(values)) for values in ([0.5, 37.62], [0.0123, -0.162], [1, 1000], [1e-7, 1e-9])]
    [1, 3, 0, None]
    """
    largest = float(np.abs(values, where=np.isfinite(values), out=np.zeros(values.shape)).max(initial=0))
    places = max(2 - math.floor(math.log10(largest)), 0) if largest else 0
    return places if places <= _MOST_PLACES else None


def short(value: Any, places: int | None = None) -> str:
    """A number for a cell; what is not whole has as many places as its neighbours, so that they add up by eye.

    >>> short(0.5), short(2.0, 1), short(2.29, 1), short(0.01, 1)
    ('.5', '2', '2.3', '.0')
    """
    number = float(value)
    if places is None or number.is_integer() or not abs(number) < _WIDEST:
        text = written(number)
    else:
        text = f"{number:.{places}f}".replace("-", "\N{MINUS SIGN}")
    return text.replace("0.", ".", 1) if "0." in text and abs(number) < 1 else text


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
        self.places = places_of(every)
        broad = breadth(words_of(every) if words is None else words)
        points = min(0.86 * self.cell / broad, 0.55 * self.cell) * 72 / DOTS_PER_INCH
        # Matplotlib rounds the places of letters to 64ths of a pixel.  Centred words begin at a 128th, and would go
        # one way in one cell and the other way in the next.
        aside = 1 / (256 * self.cell)
        self.texts = [axes.text(column + aside, row, "", ha="center", va="center", size=min(points, 1.3 * stage.points))
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
        words = [short(value, self.places) for value in values.ravel().tolist()] if words is None else words
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
