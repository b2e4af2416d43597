"""Places of a pattern: an image with the boxes of its matches, and the map of scores with its peaks."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, radians, sin
from typing import Any

import numpy as np

from ..errors import FaltungError
from ..matching import Match, find, match
from ..matching.search import SMALLER_IS_BETTER, THRESHOLDS
from .panels import LETTER, Array, Box, Still, axes_at, draw_image, pixels_of, plain_pixels, subplots, write
from .scene import NARROW, Stage, picture
from .style import SCORES, letter_points

_LISTED = 8
"""So many matches are listed with their numbers; of the others there is a count."""
Corners = list[tuple[float, float]]


def places(image: Any, matches: Sequence[Match], *, extents: tuple[int, int] | None = None,
           channel_axis: int | None = None, width: int = 800, theme: str = "light") -> Any:
    """Draw an image with the boxes of its matches, and the list of them with their scores.

    Parameters
    ----------
    image : array_like
        The image that was searched, of two axes besides its channels.
    matches : sequence of Match
        What `faltung.find` found.
    extents : (int, int), optional
        Height and width of the pattern; with them turned matches have turned boxes.
    channel_axis : int, optional
        Axis of the channels.
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
        If it is no image.
    """
    return picture(Places(image, matches, extents, channel_axis), width=width, theme=theme)


def scores(image: Any, pattern: Any, *, score: str = "zncc", top: int | None = None, threshold: float | None = None,
           channel_axis: int | None = None, width: int = 800, theme: str = "light") -> Any:
    """Draw an image or a signal, a pattern, and how well it fits at each place, with the best places marked.

    Each score is drawn where the middle of the pattern lay; those of a signal where its first sample lay.

    Parameters
    ----------
    image, pattern, score, channel_axis
        As in `faltung.match`.
    top, threshold
        As in `faltung.find`, which finds the places that are marked.
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
        If the image has other than one or two axes besides its channels; and what `faltung.match` raises.
    """
    return picture(Scores(image, pattern, score, top, threshold, channel_axis), width=width, theme=theme)


def corners(one: Match, extents: tuple[int, int]) -> Corners:
    """The corners of the turned pattern, (column, row), with whole numbers on the edges of the pixels."""
    c, s = cos(radians(one.angle)), sin(radians(one.angle))
    height, width = (max(1, round(one.scale * extent)) for extent in extents)
    middle_row, middle_column = one.center
    ends = [(-height / 2, -width / 2), (-height / 2, width / 2), (height / 2, width / 2), (height / 2, -width / 2)]
    # The inverse of the sampling in `variants`: pattern (y, x) lands at row y c - x s, column x c + y s.
    return [(middle_column + 0.5 + x * c + y * s, middle_row + 0.5 + y * c - x * s) for y, x in ends]


def _box_corners(one: Match, extents: tuple[int, int] | None) -> Corners:
    if extents is not None:
        return corners(one, extents)
    rows, columns = one.box
    return [(columns.start, rows.start), (columns.stop, rows.start), (columns.stop, rows.stop),
            (columns.start, rows.stop)]


def draw_boxes(axes: Any, stage: Stage, shapes: Sequence[Corners], shape: Sequence[int], scale: float) -> None:
    """Boxes with their numbers, best first; a number that has no room is left out.

    `scale` is pixels of the figure for each of the image.
    """
    from matplotlib.patches import Polygon

    theme, letter = stage.theme, pixels_of(0.9 * stage.points)
    taken: list[tuple[float, float, float, float]] = []
    for number, ends in enumerate(shapes, 1):
        points = np.array(ends) - 0.5
        # A wide edge in the colour of the paper keeps the line visible on any ground.
        for colour, line in ((theme.paper, 4.0), (theme.mark, 2.0)):
            axes.add_patch(Polygon(points, closed=True, fill=False, edgecolor=colour,
                                   linewidth=line * stage.points / 10, joinstyle="round"))
        if len(shapes) == 1:
            return
        high, wide = 1.5 * letter / scale, (LETTER * len(str(number)) + 0.7) * letter / scale
        place = _free_place(points, (high, wide), shape, taken)
        if place is not None:
            taken.append((*place, place[0] + wide, place[1] + high))
            axes.text(place[0] + wide / 2, place[1] + high / 2, str(number), ha="center", va="center_baseline",
                      size=0.9 * stage.points, color=theme.paper, zorder=4,
                      bbox={"facecolor": theme.mark, "edgecolor": "none", "pad": 0.15 * letter})


def _free_place(points: Array, size: tuple[float, float], shape: Sequence[int],
                taken: Sequence[tuple[float, float, float, float]]) -> tuple[float, float] | None:
    """Where a number stands: over the box, below it or at its sides, in the image and on no other number."""
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    high, wide = size
    for x, y in ((left, top - high), (left, bottom), (right - wide, top - high), (right, top), (left - wide, top),
                 (left, top)):
        inside = x >= -0.5 and y >= -0.5 and x + wide <= shape[1] - 0.5 and y + high <= shape[0] - 0.5
        if inside and not any(x < r and a < x + wide and y < b and t < y + high for a, t, r, b in taken):
            return x, y
    return None


def match_words(matches: Sequence[Match]) -> list[str]:
    """One line for each match: number, score, position; turned or scaled if it is."""
    lines = []
    for number, one in enumerate(matches, 1):
        turned = f", {one.angle:g}\N{DEGREE SIGN}" if one.angle else ""
        scaled = f", \N{MULTIPLICATION SIGN}{one.scale:g}" if one.scale != 1 else ""
        lines.append(f"{number}  {one.score:.4g} at {', '.join(map(str, one.position))}{turned}{scaled}")
    return lines


# ---------------------------------------------------------------- boxes

class Places(Still):
    """An image, its boxes, and the list of matches."""

    def __init__(self, image: Any, matches: Sequence[Match], extents: tuple[int, int] | None = None,
                 channel_axis: int | None = None) -> None:
        self.pixels = plain_pixels("places", image, channel_axis)
        self.matches = list(matches)
        if self.pixels.ndim - (channel_axis is not None) != 2 or any(len(one.box) != 2 for one in self.matches):
            raise FaltungError(f"places: image {np.shape(image)} has no two axes to draw boxes in; scores() draws "
                               "signals")
        self.extents = extents
        lines = match_words(self.matches)
        more = len(lines) - _LISTED
        self.lines = lines[:_LISTED] + ([f"and {more} more"] if more > 0 else []) or ["no match"]
        self.title = "Places"

    def height(self, width: int) -> int:
        """That of the image, or of the list; both if it is narrow."""
        letter, box = pixels_of(letter_points(width)), self._box(width)
        listed = 1.7 * letter * len(self.lines)
        if width < NARROW:
            return round(box.bottom + listed + 1.5 * letter)
        return round(max(box.bottom, box.top + listed + 1.7 * letter) + 1.2 * letter)

    def _box(self, width: int) -> Box:
        letter = pixels_of(letter_points(width))
        rows, columns = self.pixels.shape[:2]
        pad = 1.2 * letter
        room = width - 2 * pad - (0 if width < NARROW else LETTER * letter * max(24, *map(len, self.lines)))
        return Box(pad, pad, room, 1.2 * room).fitted(rows, columns)._replace(left=pad, top=pad)

    def words(self, step: int) -> str:
        """The list of matches."""
        return "\n".join(match_words(self.matches) or ["no match"])

    def draw(self, stage: Stage) -> None:
        """Draw image, boxes and list."""
        letter, box = pixels_of(stage.points), self._box(stage.width)
        axes = axes_at(stage, box)
        draw_image(axes, stage, self.pixels)
        shapes = [_box_corners(one, self.extents) for one in self.matches]
        draw_boxes(axes, stage, shapes, self.pixels.shape, box.width / self.pixels.shape[1])
        left, top = (box.left, box.bottom + 1.6 * letter) if stage.is_narrow else (box.right + 1.5 * letter,
                                                                                  box.top + 2.6 * letter)
        if not stage.is_narrow:
            write(stage, left, box.top + letter, "score, row and column", size=stage.points, color=stage.theme.soft)
        for number, line in enumerate(self.lines):
            write(stage, left, top + 1.7 * letter * number, line)


# ---------------------------------------------------------------- scores

class Scores(Still):
    """An image or signal, a pattern, the map of scores and the best places in it."""

    def __init__(self, image: Any, pattern: Any, score: str = "zncc", top: int | None = None,
                 threshold: float | None = None, channel_axis: int | None = None) -> None:
        self.pixels = plain_pixels("scores", image, channel_axis)
        self.has_channels = channel_axis is not None
        self.score, self.map = score, np.asarray(match(image, pattern, score=score, channel_axis=channel_axis))
        if top is None and threshold is None and score in ("correlation", "ssd"):
            top = 1
        if top is not None and threshold is None:
            threshold = float(np.nanmax(self.map) if score in SMALLER_IS_BETTER else np.nanmin(self.map))
        self.matches = find(image, pattern, top=top, threshold=threshold, score=score, channel_axis=channel_axis)
        self.pattern = plain_pixels("scores", pattern, channel_axis)
        self.title = f"Scores, {score}"

    @property
    def _is_signal(self) -> bool:
        return self.pixels.ndim - self.has_channels == 1

    def height(self, width: int) -> int:
        """Of three panels."""
        if self._is_signal:
            return round(width * (1.0 if width < NARROW else 0.6))
        boxes, letter = self._boxes(width), pixels_of(letter_points(width))
        return round(max(boxes[1].bottom, boxes[2].bottom + 2.4 * letter) + 1.2 * letter)

    def words(self, step: int) -> str:
        """The best places."""
        return f"{self.score}:\n" + "\n".join(match_words(self.matches) or ["no match"])

    def draw(self, stage: Stage) -> None:
        """Draw three panels."""
        (self._draw_signal if self._is_signal else self._draw_images)(stage)

    def _boxes(self, width: int) -> tuple[Box, Box, Box]:
        """Image, pattern and map; the pattern in the scale of the image if it can be seen then."""
        letter = pixels_of(letter_points(width))
        pad, head, gap = 1.2 * letter, 2.4 * letter, 2.0 * letter
        rows, columns = self.pixels.shape[:2]
        tall = min(max(rows / columns, 0.2), 1.6)
        own = self.pattern.shape[:2]
        if width < NARROW:
            wide = width - 2 * pad
            first = Box(pad, head, wide, wide * tall)
            second = Box(pad, first.bottom + head, 0.4 * wide, 0.4 * wide).fitted(*own)
            second = second._replace(left=pad, top=first.bottom + head)
            return first, second, Box(pad, second.bottom + head, wide, wide * tall)
        wide = (width - 2 * pad - 2 * gap) / 2.3
        small = 0.3 * wide
        second = Box(pad + wide + gap, head, small, max(small, wide * tall)).fitted(*own)
        second = second._replace(top=max(head, head + (wide * tall - second.height) / 2))
        return Box(pad, head, wide, wide * tall), second, Box(width - pad - wide, head, wide, wide * tall)

    def _draw_images(self, stage: Stage) -> None:
        letter, boxes = pixels_of(stage.points), self._boxes(stage.width)
        for name, box in zip(("image", "pattern", f"score ({self.score})"), boxes, strict=True):
            write(stage, box.left, box.top - 0.6 * letter, name, size=1.1 * stage.points)
        first, own, last = (axes_at(stage, box) for box in boxes)
        draw_image(first, stage, self.pixels)
        shapes = [_box_corners(one, None) for one in self.matches]
        draw_boxes(first, stage, shapes, self.pixels.shape, boxes[0].width / self.pixels.shape[1])
        draw_image(own, stage, self.pattern)
        self._draw_map(stage, last, boxes[2])

    def _draw_map(self, stage: Stage, axes: Any, box: Box) -> None:
        letter, theme = pixels_of(stage.points), stage.theme
        rows, columns = self.pixels.shape[:2]
        down, right = ((extent - 1) / 2 for extent in self.pattern.shape[:2])
        # Each score where the middle of the pattern lay; around them is a margin in which it did not fit.
        drawn = axes.imshow(self.map, cmap=SCORES + ("_r" if self.score in SMALLER_IS_BETTER else ""), aspect="auto",
                            extent=(right - 0.5, right + self.map.shape[1] - 0.5, down + self.map.shape[0] - 0.5,
                                    down - 0.5))
        axes.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5), xticks=[], yticks=[])
        axes.set_facecolor(theme.paper)
        for spine in axes.spines.values():
            spine.set_visible(True)
            spine.set_color(theme.faint)
        at = [(one.position[1] + right, one.position[0] + down) for one in self.matches]
        if at:
            for colour, line in ((theme.paper, 3.6), (theme.mark, 1.8)):
                axes.plot(*zip(*at, strict=True), linestyle="none", marker="s", markersize=1.1 * stage.points,
                          markerfacecolor="none", markeredgecolor=colour, markeredgewidth=line * stage.points / 10)
        bar = axes_at(stage, Box(box.left, box.bottom + 0.6 * letter, box.width, 0.6 * letter))
        scale = stage.figure.colorbar(drawn, cax=bar, orientation="horizontal")
        scale.outline.set_visible(False)
        bar.locator_params(nbins=5 if self.score in THRESHOLDS else 3)
        if self.score not in THRESHOLDS:
            bar.xaxis.set_major_formatter(lambda value, _: f"{value:.3g}")

    def _draw_signal(self, stage: Stage) -> None:
        theme, extent = stage.theme, self.pattern.shape[0]
        signal, pattern, line = subplots(stage, 3, 1, sharex=True, height_ratios=(3, 2, 3))
        places = np.arange(len(self.pixels))
        look = "o-" if len(places) <= 80 else "-"
        signal.plot(places, self.pixels, look, color=theme.image, markersize=0.5 * stage.points)
        best = self.matches[0].position[0] if self.matches else 0
        pattern.plot(best + np.arange(extent), self.pattern, look, color=theme.kernel, markersize=0.5 * stage.points)
        line.plot(np.arange(len(self.map)), self.map, look, color=theme.result, markersize=0.5 * stage.points)
        for one in self.matches:
            (part,) = one.box
            for axes in (signal, pattern)[: 1 + (one is self.matches[0])]:
                axes.axvspan(part.start - 0.5, part.stop - 0.5, color=theme.mark, alpha=0.14, linewidth=0)
            line.plot(one.position[0], one.score, marker="s", markersize=1.3 * stage.points, markerfacecolor="none",
                      markeredgecolor=theme.mark, markeredgewidth=1.5)
        titles = ("signal", "pattern, where it fits best",
                  f"score ({self.score}) with the pattern's start at each place")
        for axes, title in zip((signal, pattern, line), titles, strict=True):
            axes.set_title(title if not stage.is_narrow else title.split(" with")[0])
            axes.grid(visible=True, axis="y")
            axes.locator_params(axis="y", nbins=4)
            axes.margins(x=0.02, y=0.12)


__all__ = ["Places", "Scores", "corners", "draw_boxes", "match_words", "places", "scores"]
