"""One filter under several borders, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np

from .. import images, kernels
from ..errors import FaltungError
from .panels import Box, Still, axes_at, draw_image, pixels_of, plain_pixels, write
from .scene import NARROW, Stage, picture
from .style import letter_points

BORDERS = (0, "edge", "reflect", "wrap")


def borders(image: Any, kernel: Any, borders: Sequence[Any] = BORDERS, *, channel_axis: int | None = None,
            width: int = 800, theme: str = "light") -> Any:
    """Draw what a filter makes of an image, once for each border.

    Parameters
    ----------
    image : array_like
        Of two axes besides its channels.
    kernel : array_like or str
        Taps, or the name of a kernel with its parameters.
    borders : sequence of number or word
        As the border of `faltung.filter`.
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
        If there is no border, or the image has other than two axes.
    """
    return picture(Borders(image, kernel, borders, channel_axis), width=width, theme=theme)


class Borders(Still):
    """The results under all borders, on one scale of grey."""

    title = "Borders"

    def __init__(self, image: Any, kernel: Any, borders: Sequence[Any] = BORDERS,
                 channel_axis: int | None = None) -> None:
        pixels = plain_pixels("borders", image, channel_axis)
        if pixels.ndim - (channel_axis is not None) != 2:
            raise FaltungError(f"borders: image {np.shape(image)} has no two axes; give an image")
        self.borders = list(borders)
        if not self.borders:
            raise FaltungError(f"borders: borders={borders!r} names none; give some of {BORDERS}")
        taps = kernels.named(kernel) if isinstance(kernel, str) else np.asarray(kernel)
        channels = None if channel_axis is None else -1
        self.results = [images.filter(pixels, taps, border=border, channel_axis=channels) for border in self.borders]

    def words(self, step: int) -> str:
        """Which borders there are."""
        return f"The same filter under the borders {', '.join(map(str, self.borders))}."

    def height(self, width: int) -> int:
        """Of the rows."""
        return round(self._boxes(width)[-1].bottom + 1.2 * pixels_of(letter_points(width)))

    def _boxes(self, width: int) -> list[Box]:
        letter = pixels_of(letter_points(width))
        rows, columns = self.results[0].shape[:2]
        across = min(len(self.borders), 2 if width < NARROW else 4)
        pad, gap, head = 1.2 * letter, 1.2 * letter, 2.2 * letter
        wide = (width - 2 * pad - (across - 1) * gap) / across
        high = wide * min(max(rows / columns, 0.2), 2.0)
        return [Box(pad + number % across * (wide + gap), head + number // across * (high + head), wide, high)
                for number in range(across * ceil(len(self.borders) / across))]

    def draw(self, stage: Stage) -> None:
        """Draw the results with the names of their borders."""
        letter = pixels_of(stage.points)
        for box, border, result in zip(self._boxes(stage.width), self.borders, self.results, strict=False):
            write(stage, box.left, box.top - 0.6 * letter, f"border {border}")
            draw_image(axes_at(stage, box), stage, result)


__all__ = ["BORDERS", "Borders", "borders"]
