"""What a network makes of an image, at one glance: a row of feature maps for each layer that filters, pools or adds."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import FaltungError
from ..layers.base import Layer
from ..layers.convolution import Convolution
from ..layers.pooling_windows import Pooling
from .lettering import wide, wrapped
from .panels import Box, Still, axes_at, frame, pixels_of, size_of, write
from .passes import Pass, record
from .scene import NARROW, Stage
from .sheets import as_pixels, sheet
from .style import PIXELS, letter_points

_MOST_ROWS = 8
"""Of more layers, so many are drawn, evenly chosen."""
_NOTE = "Each row has colours of its own: pale is 0, orange above, purple below; without values below, blue is 0."


class MapRows(Still):
    """Rows of feature maps, one for each layer that filters, pools or adds; parameters as of `feature_maps`."""

    def __init__(self, network: Layer, image: Any, *, normalisation: Any = None) -> None:
        self.image = np.asarray(image)
        given = self.image if normalisation is None else normalisation(self.image[None])[0]
        passes = [one for one in record(network, given) if one.result.ndim > 1 and _is_told(one)]
        if not passes:
            raise FaltungError(f"feature_maps: {network.name} has no layer that filters, pools or adds; name one with "
                               "layer=")
        self.count = len(passes)
        chosen = np.linspace(0, self.count - 1, min(self.count, _MOST_ROWS)).round().astype(int)
        self.rows = [passes[number] for number in chosen]
        self.title = f"feature maps of {network.name}"

    def words(self, step: int) -> str:
        """The layers, and what they make."""
        return "; ".join(f"{one.path}: {one.size}" for one in self.rows)

    def note(self) -> str:
        """What is not drawn, and what the colours mean."""
        left_out = f"{len(self.rows)} of {self.count} layers. " if self.count > len(self.rows) else ""
        return left_out + _NOTE

    def height(self, width: int) -> int:
        """The image, the rows, and the note."""
        return round(_Places(self, width).height)

    def draw(self, stage: Stage) -> None:
        """Draw all rows."""
        places = _Places(self, stage.width)
        pixels = as_pixels(self.image)
        axes = axes_at(stage, places.image.fitted(*pixels.shape[:2]))
        frame(axes, stage)
        axes.imshow(pixels, cmap=PIXELS, aspect="auto", gid="image")
        _label(stage, places, places.image, "input", size_of(self.image.shape), stage.theme.image)
        for one, box in zip(self.rows, places.boxes, strict=True):
            self._row(stage, places, one, box)
        for number, line in enumerate(places.note):
            write(stage, places.margin, places.note_at + number * places.line, line, va="center",
                  color=stage.theme.soft)

    def _row(self, stage: Stage, places: _Places, one: Pass, box: Box) -> None:
        _label(stage, places, box, one.path, one.size, stage.theme.result)
        drawn = sheet(one.result, box, columns=min(places.many, len(one.result)), most=places.many)
        rows, columns = drawn.pixels.shape
        scale = min(box.width / columns, box.height / rows)
        axes = axes_at(stage, Box(box.left, box.top + (box.height - scale * rows) / 2, scale * columns, scale * rows))
        axes.set_axis_off()
        axes.set_gid(one.path)
        low, high = drawn.limits
        axes.imshow(drawn.pixels, cmap=drawn.colours, vmin=low, vmax=high, aspect="auto", gid=one.path)


def _is_told(one: Pass) -> bool:
    return isinstance(one.layer, Convolution | Pooling) or bool(one.layer.children)


class _Places:
    """Where everything stands, in pixels."""

    def __init__(self, scene: MapRows, width: int) -> None:
        self.letter = pixels_of(letter_points(width))
        self.line = 1.5 * self.letter
        self.margin = max(0.025 * width, 8.0)
        self.many = 6 if width < NARROW else 8
        # On a narrow picture the words stand above their row, otherwise beside it.
        self.are_above = width < NARROW
        self.left = self.margin if self.are_above else self.margin + 1.5 * self.letter + self.letter * max(
            wide(word) for one in scene.rows for word in (_short(one.path), one.size))
        room = width - self.margin - self.left
        side = room / (self.many * 1.08)
        self.image = Box(self.left, self.margin + self.line * self.are_above, side, side)
        self.boxes, top = [], self.image.bottom + 0.8 * self.line
        for one in scene.rows:
            rows, columns = sheet(one.result, Box(0, 0, 1, 1), columns=1, most=1).pixels.shape
            tall = max(side * min(rows / columns, 1.0), 2.2 * self.line * (not self.are_above))
            self.boxes.append(Box(self.left, top + self.line * self.are_above, room, tall))
            top = self.boxes[-1].bottom + 0.6 * self.line
        self.note = wrapped(scene.note(), width - 2 * self.margin, self.letter)
        self.note_at = top + 0.8 * self.line
        self.height = self.note_at + (len(self.note) - 0.5) * self.line + self.margin


def _label(stage: Stage, places: _Places, box: Box, name: str, size: str, colour: str) -> None:
    """Name and size of a row: beside it, or above it."""
    if places.are_above:
        write(stage, box.left, box.top - 0.5 * places.line, f"{name}: {size}", va="center", color=colour)
        return
    middle = box.top + box.height / 2
    for shift, word, style in ((-0.5, _short(name), {"color": colour, "weight": "bold"}),
                               (0.5, size, {"color": stage.theme.soft})):
        write(stage, places.margin, middle + shift * places.line, word, va="center", **style)


def _short(path: str, most: int = 22) -> str:
    return path if len(path) <= most else f"\N{HORIZONTAL ELLIPSIS}{path[1 - most:]}"
