"""Kernels that a network has learned, as pictures."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import FaltungError
from ..layers.base import Layer
from ..layers.network import leaves
from .lettering import wrapped
from .panels import Array, Box, Still, axes_at, pixels_of, size_of, write
from .scene import NARROW, Stage, picture
from .sheets import Sheet, sheet, short
from .style import SIGNED, letter_points

_MOST = 64
_MOST_ROWS, _MOST_COLUMNS = 16, 16
"""Of kernels with many channels, a row for each kernel and a column for each channel."""


def learned_kernels(weights: Any, *, width: int = 800, theme: str = "light") -> Any:
    r"""Draw the kernels of a layer.

    Parameters
    ----------
    weights : Layer or array_like
        A convolutional layer, a network (its first convolutional layer is drawn), or weights of shape
        (channels_out, channels_in, \*taps).
    width : int
        Pixels.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    matplotlib.figure.Figure
        Kernels of one channel: orange above zero, purple below.  Of three channels of an image: in colours, grey is
        zero.  Of others: a row for each kernel, a column for each channel.

    Raises
    ------
    FaltungError
        There are no kernels.
    """
    return picture(LearnedKernels(weights), width=width, theme=theme)


class LearnedKernels(Still):
    """Kernels side by side on one scale; parameters as of `learned_kernels`."""

    def __init__(self, weights: Any) -> None:
        self.path, values = _weights(weights)
        if values.ndim < 3 or not values.size:
            raise FaltungError(f"learned_kernels: weights {values.shape} must be (channels_out, channels_in, *taps), "
                               "with one tap at least")
        if not np.isfinite(values).all():
            raise FaltungError(f"learned_kernels: weights {values.shape} are not all finite; there is nothing to draw")
        self.weights = values
        self.most = float(np.abs(values).max()) or 1.0
        self.in_colours = values.shape[1] == 3 and values.ndim == 4
        self.in_rows = values.shape[1] > 1 and not self.in_colours
        self.title = f"{len(values)} kernels {size_of(values.shape[1:])}"

    def words(self, step: int) -> str:
        """How many kernels, of what size, and what the colours mean."""
        where = f"{self.path}: " if self.path else ""
        many = f"{len(self.weights)} kernel{'s' * (len(self.weights) != 1)} of {size_of(self.weights.shape[2:])} taps"
        channels = self.weights.shape[1]
        many += f" on {channels} channels" if channels > 1 else ""
        shown = self._shown()
        rows = "" if not self.in_rows else (f"; a {'row' if self._is_upright() else 'column'} for each channel, a "
                                            f"{'column' if self._is_upright() else 'row'} for each kernel")
        drawn = size_of(shown) if self.in_rows else str(shown[0])
        few = "" if shown == self.weights.shape[:2] else f"; the first {drawn} are drawn"
        if self.in_colours:
            return f"{where}{many}{few}. Grey is 0; each colour is as strong as its tap"
        return f"{where}{many}{rows}{few}"

    def _shown(self) -> tuple[int, int]:
        count, channels = self.weights.shape[:2]
        return (min(count, _MOST_ROWS), min(channels, _MOST_COLUMNS)) if self.in_rows else (min(count, _MOST), channels)

    def height(self, width: int) -> int:
        """Kernels, scale and words."""
        return round(self._boxes(width)[-1])

    def draw(self, stage: Stage) -> None:
        """Draw all kernels."""
        words, line, box, scale, _ = self._boxes(stage.width)
        margin = box.left
        for number, text in enumerate(words):
            write(stage, margin, margin + (number + 0.5) * line, text, va="center")
        axes = axes_at(stage, box)
        axes.set_axis_off()
        pixels = self._pixels(box)
        axes.imshow(pixels, cmap=SIGNED, vmin=-self.most, vmax=self.most, aspect="auto", gid="kernels")
        if not self.in_colours:
            beside = axes_at(stage, scale)
            beside.set_axis_off()
            beside.imshow(np.linspace(-1, 1, 256)[None], cmap=SIGNED, aspect="auto", gid="scale")
            middle = scale.left + scale.width / 2
            for text, x, side in ((short(-self.most), scale.left, "left"), ("0", middle, "center"),
                                  (short(self.most), scale.right, "right")):
                write(stage, x, scale.bottom + 0.6 * line, text, va="center", ha=side, color=stage.theme.soft)

    def _boxes(self, width: int) -> tuple[list[str], float, Box, Box, float]:
        """Words, height of a line, the kernels' box, the scale's, and the height of all."""
        letter = pixels_of(letter_points(width))
        line, margin = 1.6 * letter, max(0.025 * width, 8.0)
        words = wrapped(self.words(0), width - 2 * margin, letter)
        top = margin + (len(words) + 0.6) * line
        room = Box(margin, top, width - 2 * margin, (0.9 if width < NARROW else 0.6) * width)
        rows, columns = self._pixels(room).shape[:2]
        # A few kernels need not be as wide as the picture.
        sheets = self._sheets(room)
        most = 0.2 if self.weights.ndim > 3 else 0.6
        factor = min(room.width / columns, room.height / rows, most * width / sheets[0].side)
        box = Box(margin, top, columns * factor, rows * factor)
        scale = Box(margin, box.bottom + line, 0.3 * width, 0.5 * line)
        return words, line, box, scale, (box.bottom if self.in_colours else scale.bottom + 1.2 * line) + margin

    def _pixels(self, room: Box) -> Array:
        """All kernels on one sheet; of colours (rows, columns, 4)."""
        sheets = self._sheets(room)
        if not self.in_colours:
            return sheets[0].pixels
        seen = np.isfinite(sheets[0].pixels)
        colours = [np.where(seen, 0.5 + 0.5 * one.pixels / self.most, 0.0) for one in sheets]
        return np.stack([*colours, seen.astype(np.float64)], axis=-1)

    def _sheets(self, room: Box) -> list[Sheet]:
        """The kernels on a sheet; of colours one for each."""
        count, channels = self._shown()
        if self.in_colours:
            return [sheet(self.weights[:count, channel], room) for channel in range(3)]
        shown = self.weights[:count, :channels]
        if self._is_upright():
            shown = shown.swapaxes(0, 1)
        columns = shown.shape[1] if self.in_rows else None
        return [sheet(shown.reshape(-1, *shown.shape[2:]), room, columns=columns, most=count * channels)]

    def _is_upright(self) -> bool:
        """Whether there are more kernels than channels, so that each has a column."""
        count, channels = self._shown()
        return self.in_rows and count > channels


def _weights(given: Any) -> tuple[str, Array]:
    """Path and weights of a layer or of a network's first convolutional layer."""
    if not isinstance(given, Layer):
        values = np.asarray(given)
        if values.dtype.kind not in "biuf":
            raise FaltungError(f"learned_kernels: weights have dtype {values.dtype}, which are no numbers to draw; "
                               "give real ones")
        return "", values.astype(np.float64)
    for path, layer in leaves(given):
        weight = layer.parameters.get("weight")
        if weight is not None and weight.value.ndim >= 3:
            return path, np.asarray(weight.value, np.float64)
    raise FaltungError(f"learned_kernels: {given.name} has no convolutional layer; give one, or weights of shape "
                       "(channels_out, channels_in, *taps)")
