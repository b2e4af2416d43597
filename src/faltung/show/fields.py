"""Receptive fields: what one output of each layer sees of the input, and how strongly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import FaltungError
from ..layers.base import Layer
from .lettering import wrapped
from .panels import Array, Box, axes_at, frame, pixels_of, size_of, write
from .scene import NARROW, Scene, Show, Stage, picture
from .sheets import as_pixels
from .sights import Sight, sights, strength
from .style import PIXELS, letter_points

_MOST_STEPS = 24
_CELLS = 40
"""Inputs of no more samples a side are drawn with the lines between them."""


def receptive_field(network: Layer, input_shape: Sequence[int], layer: str | None = None,
                    at: Sequence[int] | None = None, *, image: Any = None, width: int = 800,
                    theme: str = "light") -> Any:
    r"""Draw which samples of the input one output of a layer sees, inside of those the layers before it see.

    Parameters
    ----------
    network : Layer
        Any.
    input_shape : sequence of int
        (batch, channels, \*space), with one or two axes of space, and at most 256 samples along each.
    layer : str, optional
        Path of a layer; by default the last one that sees more than those before it.
    at : sequence of int, optional
        Index of the output, without batch and channel; by default the one in the middle.
    image : array_like, shape (channels, \*space), optional
        The gradient is taken at this image, which is drawn below; by default at images of noise.
    width : int
        Pixels.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    matplotlib.figure.Figure
        The darker a sample, the larger the gradient of the output by it: its effective receptive field.

    Raises
    ------
    FaltungError
        There is no such layer or place, or the input is too large.
    """
    scene = ReceptiveFields(network, input_shape, layer, at, image=image)
    return picture(scene, scene.steps - 1, width=width, theme=theme)


class ReceptiveFields(Scene):
    """What is seen, with a step for each layer that sees more than those before; parameters as of `receptive_field`.

    Attributes
    ----------
    sights : list of Sight
        What the network itself says, for each step.
    strengths : list of ndarray
        Sizes of the gradients.
    """

    rate = 1.0

    def __init__(self, network: Layer, input_shape: Sequence[int], layer: str | None = None,
                 at: Sequence[int] | None = None, *, image: Any = None) -> None:
        self.shape = tuple(map(int, input_shape))
        if len(self.shape) not in (3, 4):
            raise FaltungError(f"receptive_field: input_shape={self.shape} must be (batch, channels, *space) with one "
                               "or two axes of space")
        self.image = None if image is None else np.asarray(image)
        if self.image is not None and self.image.shape != self.shape[1:]:
            raise FaltungError(f"receptive_field: image {self.image.shape} must have the shape {self.shape[1:]} that "
                               "input_shape says, without the batch")
        found = sights(network, self.shape, at, layer)
        self.sights = _growing(found, layer)
        self.strengths = [strength(network, sight, self.shape, self.image) for sight in self.sights]
        self.steps = len(self.sights)
        self.first = self.steps - 1
        self.title = f"receptive fields of {network.name} on {size_of(self.shape[2:])}"

    def words(self, step: int) -> str:
        """The layer, and how much of the input one of its outputs sees."""
        sight = self.sights[step]
        return f"{sight.row.path}, {' '.join(self.told(step))}"

    def told(self, step: int) -> tuple[str, str, str]:
        """The output, what it sees, and how concentrated that is."""
        sight, shape = self.sights[step], self.shape[2:]
        where = ", ".join(map(str, sight.at))
        axes = ("rows", "columns")[-len(shape):] if len(shape) > 1 else ("samples",)
        spans = ", ".join(f"{name} {low} to {high}" for name, (low, high) in zip(axes, sight.box, strict=True))
        stated = size_of([f"{wide:g}" for wide in sight.row.sight.field])  # type: ignore[misc]
        cut = "" if tuple(sight.row.sight.field) == sight.field else f" of {stated}, for the rest lies outside"
        if np.isinf(sight.row.sight.field).any():
            cut = ""
        half, seen = _half(self.strengths[step]), int(sight.mask.sum())
        return (f"output [{where}] of {size_of(sight.row.output_shape[2:])}:",
                f"sees {size_of(sight.field)}{cut} ({spans}).",
                f"Half of the gradient, which is the shading, lies in {half} of {seen} samples.")

    def height(self, width: int) -> int:
        """The input, and words beside or below it."""
        return round(_Places(self, width).height)

    def lay_out(self, stage: Stage) -> Show:
        """Draw the input; the field, its shading and the words move."""
        places = _Places(self, stage.width)
        parts: list[Any] = [_Input(stage, places, self), _List(stage, places, self), _Told(stage, places, self)]
        moving = [artist for part in parts for artist in part.moving]

        def show(step: int) -> Sequence[Any]:
            for part in parts:
                part.show(step)
            return moving

        return show


def _growing(found: Sequence[Sight], layer: str | None) -> list[Sight]:
    """The layers that see more than all before them, up to the named one and with it."""
    if layer is not None:
        found = found[: [sight.row.path for sight in found].index(layer) + 1]
    chosen: list[Sight] = []
    for sight in found:
        if not chosen or sight.mask.sum() > chosen[-1].mask.sum():
            chosen.append(sight)
    if layer is not None and chosen[-1] is not found[-1]:
        chosen.append(found[-1])
    places = np.linspace(0, len(chosen) - 1, min(len(chosen), _MOST_STEPS)).round().astype(int)
    return [chosen[place] for place in places]


def _half(strengths: Array) -> int:
    """How few samples have half of the gradient."""
    ordered = np.sort(strengths, axis=None)[::-1]
    total = ordered.sum()
    return int(np.searchsorted(np.cumsum(ordered), total / 2)) + 1 if total else 0


class _Places:
    """Where everything stands, in pixels."""

    def __init__(self, scene: ReceptiveFields, width: int) -> None:
        self.letter = pixels_of(letter_points(width))
        self.line = 1.6 * self.letter
        self.margin = max(0.025 * width, 8.0)
        is_narrow, is_line = width < NARROW, len(scene.shape) == 3
        rows, columns = (1, scene.shape[2]) if is_line else scene.shape[2:]
        side = width - 2 * self.margin if is_narrow or is_line else 0.52 * width
        tall = max(0.06 * width, side / columns) if is_line else side
        top = self.margin + 1.4 * self.line
        self.image = Box(self.margin, top, side, tall)
        if not is_line:
            self.image = self.image.fitted(rows, columns)._replace(left=self.margin, top=top)
        if is_narrow or is_line:
            self.list_at, self.list_top = self.margin, self.image.bottom + 1.2 * self.line
            self.room, self.lines = width - 2 * self.margin, min(scene.steps, 6)
        else:
            self.list_at, self.list_top = self.image.right + 2.5 * self.letter, top
            self.room = width - self.margin - self.list_at
            self.lines = min(scene.steps, int((self.image.height - 7 * self.line) / self.line))
        self.texts = [[line for text in scene.told(step) for line in wrapped(text, self.room, self.letter)]
                      for step in range(scene.steps)]
        self.told_at = self.list_top + (self.lines + 1) * self.line
        self.height = max(self.image.bottom, self.told_at + max(map(len, self.texts)) * self.line) + self.margin


class _Input:
    """The input, the samples that are seen, and the frames of the layers' fields."""

    def __init__(self, stage: Stage, places: _Places, scene: ReceptiveFields) -> None:
        from matplotlib.collections import LineCollection, PolyCollection

        theme, extents = stage.theme, (1, *scene.shape[2:])[-2:]
        write(stage, places.margin, places.margin + 0.5 * places.line, f"input {size_of(scene.shape[2:])}", va="center",
              weight="bold", color=theme.image)
        axes = axes_at(stage, places.image)
        frame(axes, stage)
        axes.set_gid("input")
        if scene.image is not None:
            axes.imshow(as_pixels(scene.image), cmap=PIXELS, aspect="auto", alpha=0.55, gid="image", zorder=0)
        self.shades = [_shade(one.reshape(extents), theme.mark) for one in scene.strengths]
        self.shade = axes.imshow(self.shades[0], aspect="auto", zorder=1, gid="strength", interpolation="nearest")
        axes.set_xlim(-0.5, extents[1] - 0.5)
        axes.set_ylim(extents[0] - 0.5, -0.5)
        if max(extents) <= _CELLS:
            lines = [[(x - 0.5, -0.5), (x - 0.5, extents[0] - 0.5)] for x in range(1, extents[1])]
            lines += [[(-0.5, y - 0.5), (extents[1] - 0.5, y - 0.5)] for y in range(1, extents[0])]
            axes.add_collection(LineCollection(lines, colors=theme.faint, linewidths=0.5, zorder=0.5), autolim=False)
        self.corners = [_corners(((0, 0), *sight.box)[-2:]) for sight in scene.sights]
        self.before = PolyCollection([], facecolors="none", edgecolors=theme.soft, linewidths=0.9, zorder=3,
                                     gid="before")
        self.now = PolyCollection([], facecolors="none", edgecolors=theme.kernel, linewidths=0.25 * stage.points,
                                  zorder=4, clip_on=False, gid="field")
        self.moving = [self.shade, self.before, self.now]
        for artist in self.moving[1:]:
            axes.add_collection(artist, autolim=False)

    def show(self, step: int) -> None:
        """Frame what the layer of a step sees."""
        self.shade.set_data(self.shades[step])
        self.before.set_verts(self.corners[:step])
        self.now.set_verts([self.corners[step]])


def _shade(strengths: Array, colour: str) -> Array:
    """A colour, as strong as the gradient."""
    from matplotlib.colors import to_rgb

    pixels = np.empty((*strengths.shape, 4))
    pixels[..., :3] = to_rgb(colour)
    pixels[..., 3] = 0.95 * strengths / (strengths.max() or 1.0)
    return pixels


def _corners(box: Sequence[tuple[int, int]]) -> list[tuple[float, float]]:
    (top, bottom), (left, right) = box
    return [(left - 0.5, top - 0.5), (right + 0.5, top - 0.5), (right + 0.5, bottom + 0.5), (left - 0.5, bottom + 0.5)]


class _List:
    """The layers and the extents of their fields; more than fit pass by."""

    def __init__(self, stage: Stage, places: _Places, scene: ReceptiveFields) -> None:
        self.names = [_name(sight) for sight in scene.sights]
        self.fields = [size_of(sight.field) for sight in scene.sights]
        self.theme, self.count = stage.theme, places.lines
        right = places.list_at + min(places.room, 24 * places.letter)
        at = [places.list_top + (number + 0.5) * places.line for number in range(self.count)]
        self.left = [write(stage, places.list_at, y, "", va="center") for y in at]
        self.right = [write(stage, right, y, "", va="center", ha="right") for y in at]
        self.moving = [*self.left, *self.right]

    def show(self, step: int) -> None:
        """List the layers about a step, and mark its own."""
        start = min(max(step - self.count // 2, 0), len(self.names) - self.count)
        for number, (left, right) in enumerate(zip(self.left, self.right, strict=True)):
            is_now = start + number == step
            for text, word in ((left, self.names[start + number]), (right, self.fields[start + number])):
                text.set_text(word)
                text.set_color(self.theme.kernel if is_now else self.theme.soft)
                text.set_weight("bold" if is_now else "normal")


def _name(sight: Sight) -> str:
    """Path of a layer, and its kind if the path ends with a number."""
    path = sight.row.path
    return path if path.split(".")[-1].isidentifier() else f"{path} {sight.row.layer.name}"


class _Told:
    """What the output of this step sees, in words."""

    def __init__(self, stage: Stage, places: _Places, scene: ReceptiveFields) -> None:
        self.texts = places.texts
        self.moving = [write(stage, places.list_at, places.told_at + (number + 0.5) * places.line, "", va="center")
                       for number in range(max(map(len, self.texts)))]

    def show(self, step: int) -> None:
        """Write the words of a step."""
        for number, line in enumerate(self.moving):
            line.set_text(self.texts[step][number] if number < len(self.texts[step]) else "")
