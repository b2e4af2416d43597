"""Feature maps: what each layer of a network makes of an image, up to the probabilities of the classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import FaltungError
from ..layers.base import Layer
from ..layers.training import probabilities
from .cells import fill, square
from .lettering import wide, wrapped
from .panels import Array, Box, axes_at, frame, pixels_of, size_of, write
from .passes import Pass, record
from .scene import NARROW, Scene, Show, Stage, picture
from .sheets import Sheet, as_pixels, sheet, short
from .style import PIXELS, SCORES, letter_points

_MOST_CLASSES = 10
"""Of more, the most probable are drawn."""
_LONGEST = 14
"""Longer names of classes are cut."""


def feature_maps(network: Layer, image: Any, layer: str | None = None, *,
                 normalisation: Any = None, width: int = 800, theme: str = "light") -> Any:
    """Draw what the layers of a network make of an image.

    Parameters
    ----------
    network : Layer
        Any.
    image : array_like, shape (channels, *space)
        What it is given.
    layer : str, optional
        Path of the layer to draw, such as "conv1" or "layer1.0.conv2"; by default there is a row of maps for each of
        the layers that filter, pool or add.
    normalisation : callable, optional
        Applied to a batch of the image first, such as the `Normalisation` of the training; the image is drawn as it
        was.
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
        There is no such layer, or the image does not fit the network.
    """
    from .map_rows import MapRows

    if layer is None:
        return picture(MapRows(network, image, normalisation=normalisation), width=width, theme=theme)
    scene = FeatureMaps(network, image, normalisation=normalisation)
    return picture(scene, scene.step_of(layer), width=width, theme=theme)


class FeatureMaps(Scene):
    """An image on its way through a network, with a step for each layer, and the classes' probabilities at the end.

    Parameters
    ----------
    network : Layer
        Any; if it makes one row of values, these are taken for the scores of classes.
    image : array_like, shape (channels, *space)
        What it is given.
    classes : sequence of str, optional
        Names of the classes; by default their numbers.
    normalisation : callable, optional
        Applied to a batch of the image first.
    name : str
        What the image is called.
    """

    rate = 1.0

    def __init__(self, network: Layer, image: Any, *, classes: Sequence[str] | None = None,
                 normalisation: Any = None, name: str = "input") -> None:
        self.image = np.asarray(image)
        given = self.image if normalisation is None else normalisation(self.image[None])[0]
        self.passes = record(network, given)
        self.name = name
        self.title = f"{network.name} on {name}"
        scores = self.passes[-1].result
        self.chances = probabilities(scores.astype(np.float64)) if scores.ndim == 1 and scores.size > 1 else None
        self.classes = self._named(classes, scores)
        self.steps = len(self.passes) + (self.chances is not None)

    def _named(self, classes: Sequence[str] | None, scores: Array) -> tuple[str, ...]:
        if classes is None:
            return tuple(map(str, range(len(scores))))
        if self.chances is not None and len(classes) != len(scores):
            raise FaltungError(f"feature_maps: {len(classes)} classes are named, but the network has {len(scores)}; "
                               "name each of them")
        return tuple(classes)

    def step_of(self, path: str) -> int:
        """Step of the layer at a path."""
        paths = [one.path for one in self.passes]
        if path not in paths:
            known = ", ".join(paths[:8]) + (", ..." if len(paths) > 8 else "")
            raise FaltungError(f'feature_maps: there is no layer "{path}" that makes something new; use one of {known}')
        return paths.index(path)

    def best(self) -> list[int]:
        """Numbers of the classes that are drawn, in their order; of many the most probable first."""
        if self.chances is None:
            return []
        if len(self.chances) <= _MOST_CLASSES:
            return list(range(len(self.chances)))
        return _ordered(self.chances)[:_MOST_CLASSES]

    def words(self, step: int) -> str:
        """The layer, what it does, and what it has made."""
        if step == len(self.passes):
            chances = np.asarray(self.chances)
            told = ", ".join(f"{self.classes[number]} {percent(chances[number])}" for number in _ordered(chances)[:3])
            return f"Probabilities of the classes, by softmax of the scores: {told}"
        one = self.passes[step]
        low, high = short(float(one.result.min())), short(float(one.result.max()))
        parts = (f"{one.path}, {one.head}:", one.does, f"{one.size}, from {low} to {high}")
        return " ".join(part for part in parts if part)

    def height(self, width: int) -> int:
        """Words, maps, their scale, and a strip of the layers."""
        return round(_Places(self, width).height)

    def lay_out(self, stage: Stage) -> Show:
        """Draw the image and the strip; all else moves."""
        places = _Places(self, stage.width)
        _thumbnail(stage, places, self)
        parts: list[Any] = [_Words(stage, places, self), _Sheets(stage, places, self)]
        parts.append(_Strip(stage, places, self.steps))
        if self.chances is not None:
            parts.append(_Bars(stage, places, self))
        moving = [artist for part in parts for artist in part.moving]

        def show(step: int) -> Sequence[Any]:
            for part in parts:
                part.show(step)
            return moving

        return show


def _ordered(chances: Array) -> list[int]:
    """Numbers of the classes, the most probable first."""
    return [int(number) for number in np.argsort(-chances, kind="stable")]


def percent(chance: float) -> str:
    """A probability as it is told.

    >>> percent(0.98765), percent(0.00001)
    ('98.8 %', '0.0 %')
    """
    return f"{100 * chance:.1f} %"


class _Places:
    """Where everything stands, in pixels."""

    def __init__(self, scene: FeatureMaps, width: int) -> None:
        self.letter = pixels_of(letter_points(width))
        self.line = 1.6 * self.letter
        self.margin = max(0.025 * width, 8.0)
        is_narrow = width < NARROW
        side = (0.24 if is_narrow else 0.17) * width
        self.image = Box(self.margin, self.margin + 1.3 * self.line, side, side)
        self.text_at = self.image.right + 1.5 * self.letter
        self.text_room = width - self.margin - self.text_at
        self.texts = [self.said(scene, step) for step in range(scene.steps)]
        lines = max(sum(map(len, text)) for text in self.texts)
        top = self.margin + max((lines + 0.8) * self.line, side + 3.0 * self.line)
        tall = (0.85 if is_narrow else 0.5) * width
        self.maps = Box(self.margin, top, width - 2 * self.margin, tall)
        self.scale = Box(self.margin, self.maps.bottom + 1.2 * self.line, 0.3 * width, 0.5 * self.line)
        self.strip_at = self.scale.bottom + 2.2 * self.line
        self.height = self.strip_at + self.line + self.margin

    def said(self, scene: FeatureMaps, step: int) -> list[list[str]]:
        """Lines of a step: the layer's place, its own words, what it does, and what it makes."""
        if step == len(scene.passes):
            texts = ["probabilities", "", "Softmax makes probabilities of the scores.", f"{len(scene.classes)} classes"]
        else:
            one = scene.passes[step]
            texts = [f"{step + 1} of {len(scene.passes)}: {one.path}", one.head, one.does, _counted(one)]
        return [wrapped(text, self.text_room * 0.97, self.letter * (1.1 if number == 0 else 1.0)) if text else []
                for number, text in enumerate(texts)]


def _counted(one: Pass) -> str:
    drawn = sheet(one.result, Box(0, 0, 1, 1), columns=1)
    return one.size + (f"; the first {len(drawn.corners)} are drawn" if len(drawn.corners) < drawn.total else "")


def _thumbnail(stage: Stage, places: _Places, scene: FeatureMaps) -> None:
    pixels = as_pixels(scene.image)
    axes = axes_at(stage, places.image.fitted(*pixels.shape[:2]))
    frame(axes, stage)
    axes.imshow(pixels, cmap=PIXELS, aspect="auto", gid="image")
    room = places.image.width / places.letter - 0.3
    name = scene.name
    while wide(name) > room and len(name) > 2:
        name = f"{name[:-2]}\N{HORIZONTAL ELLIPSIS}"
    write(stage, places.image.left, places.margin + 0.5 * places.line, name, va="center", weight="bold",
          color=stage.theme.image)
    write(stage, places.image.left, places.image.bottom + 0.6 * places.line, size_of(scene.image.shape), va="center",
          color=stage.theme.soft)


class _Words:
    """The words on the layer of this step."""

    def __init__(self, stage: Stage, places: _Places, scene: FeatureMaps) -> None:
        self.stage, self.places = stage, places
        style: tuple[dict[str, Any], ...] = ({"weight": "bold", "size": 1.1 * stage.points}, {},
                                             {"color": stage.theme.soft},
                                             {"color": stage.theme.result, "weight": "bold"})
        self.lines = [[write(stage, places.text_at, 0, "", va="center", **style[number])
                       for _ in range(max(len(text[number]) for text in places.texts))] for number in range(4)]
        self.moving = [line for lines in self.lines for line in lines]

    def show(self, step: int) -> None:
        """Write the words of a step."""
        at = self.places.margin + 0.5 * self.places.line
        for lines, words in zip(self.lines, self.places.texts[step], strict=True):
            for number, line in enumerate(lines):
                line.set_text(words[number] if number < len(words) else "")
                line.set_y(1 - (at + number * self.places.line) / self.stage.height)
            at += len(words) * self.places.line


class _Sheets:
    """The maps of this step, and the scale of their colours."""

    def __init__(self, stage: Stage, places: _Places, scene: FeatureMaps) -> None:
        self.room = places.maps
        self.sheets = [sheet(one.result, self.room) for one in scene.passes]
        axes = axes_at(stage, self.room)
        axes.set_axis_off()
        axes.set_gid("maps")
        self.image = axes.imshow(np.zeros((1, 1)), aspect="auto", cmap=SCORES, gid="maps")
        axes.set_xlim(0, self.room.width)
        axes.set_ylim(self.room.height, 0)
        beside = axes_at(stage, places.scale)
        beside.set_axis_off()
        shades = np.linspace(0, 1, 256)[None]
        self.scale = beside.imshow(shades, aspect="auto", cmap=SCORES, vmin=0, vmax=1, gid="scale")
        middle = places.scale.top + places.scale.height / 2
        self.ends = [write(stage, places.scale.left, places.scale.bottom + 0.65 * places.line, "", va="center",
                           color=stage.theme.soft, ha="left"),
                     write(stage, places.scale.right, places.scale.bottom + 0.65 * places.line, "", va="center",
                           color=stage.theme.soft, ha="right"),
                     write(stage, places.scale.right + places.letter, middle, "", va="center", color=stage.theme.soft)]
        self.moving = [self.image, self.scale, *self.ends]

    def show(self, step: int) -> None:
        """Put the maps of a step in, if it has some."""
        for artist in self.moving:
            artist.set_visible(step < len(self.sheets))
        if step < len(self.sheets):
            self._put(self.sheets[step])

    def _put(self, drawn: Sheet) -> None:
        box = Box(0, 0, self.room.width, self.room.height).fitted(*drawn.pixels.shape)
        self.image.set_data(drawn.pixels)
        self.image.set_extent((box.left, box.right, box.bottom, box.top))
        self.image.axes.set_xlim(0, self.room.width)
        self.image.axes.set_ylim(self.room.height, 0)
        self.image.set_clim(*drawn.limits)
        for image in (self.image, self.scale):
            image.set_cmap(drawn.colours)
        words = (*map(short, drawn.limits), "0 is pale" if drawn.is_signed else "")
        for text, word in zip(self.ends, words, strict=True):
            text.set_text(word)


class _Strip:
    """The layers as a strip of cells, that of this step filled."""

    def __init__(self, stage: Stage, places: _Places, count: int) -> None:
        cell = min(places.maps.width / count, 1.2 * places.line)
        axes = axes_at(stage, Box(places.margin, places.strip_at, cell * count, 0.7 * places.line))
        axes.set_axis_off()
        axes.set_xlim(-0.5, count - 0.5)
        axes.set_ylim(0.5, -0.5)
        axes.set_gid("strip")
        gap = min(cell / 12, 1.5)
        fill(axes, [(0, number) for number in range(count)], stage.theme.faint, 0.6, stage.theme.paper, gap)
        self.now = fill(axes, [(0, 0)], stage.theme.mark, 1.0, stage.theme.mark, gap)
        self.moving = [self.now]

    def show(self, step: int) -> None:
        """Fill the cell of a step."""
        self.now.set_verts([square(0, step)])


class _Bars:
    """Probabilities of the classes, drawn at the last step."""

    def __init__(self, stage: Stage, places: _Places, scene: FeatureMaps) -> None:
        from matplotlib.collections import PolyCollection

        chances, numbers, box = np.asarray(scene.chances), scene.best(), places.maps
        self.last = scene.steps - 1
        axes = axes_at(stage, box)
        axes.set_axis_off()
        axes.set_xlim(0, box.width)
        axes.set_ylim(box.height, 0)
        names = [_cut(scene.classes[number]) for number in numbers]
        left = (max(map(wide, names)) + 1.0) * places.letter
        room, row = box.width - left - 5 * places.letter, min(box.height / len(numbers), 2.6 * places.line)
        bars = []
        self.moving: list[Any] = []
        for place, number in enumerate(numbers):
            middle, end = (place + 0.5) * row, left + room * chances[number]
            bars.append([(left, middle - 0.34 * row), (end, middle - 0.34 * row), (end, middle + 0.34 * row),
                         (left, middle + 0.34 * row)])
            self.moving += [axes.text(left - 0.5 * places.letter, middle, names[place], ha="right", va="center"),
                            axes.text(end + 0.5 * places.letter, middle, percent(chances[number]), va="center",
                                      color=stage.theme.soft)]
        drawn = PolyCollection(bars, facecolors=stage.theme.result, edgecolors=stage.theme.result, linewidths=0.8,
                               gid="chances")
        axes.add_collection(drawn, autolim=False)
        self.moving.append(drawn)

    def show(self, step: int) -> None:
        """Appear at the last step."""
        for artist in self.moving:
            artist.set_visible(step == self.last)


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"
