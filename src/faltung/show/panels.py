"""Parts of still pictures: panels placed by the pixel, images in them, kernels as cells with their numbers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import FaltungError
from .scene import Scene, Show, Stage
from .style import DOTS_PER_INCH, PIXELS, SIGNED

Array = npt.NDArray[Any]
BLACK, WHITE = "#000000", "#fffffe"
LETTER = 0.62
"""Width of a letter against its size, for guesses before anything is drawn."""
_LEAST_POINTS = 5.0
"""Smaller numbers in cells are left out; the shades remain."""
_LARGEST_DENOMINATOR = 4096
_PALER = 1.4
"""The largest tap is not given the darkest colour, so that its number is read well."""


class Box(NamedTuple):
    """A place on the figure, in pixels from its upper left corner."""

    left: float
    top: float
    width: float
    height: float

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.top + self.height

    @property
    def right(self) -> float:
        """The right edge."""
        return self.left + self.width

    def fitted(self, rows: float, columns: float) -> Box:
        """The largest box of this shape within, in its middle."""
        side = min(self.width / columns, self.height / rows)
        width, height = side * columns, side * rows
        return Box(self.left + (self.width - width) / 2, self.top + (self.height - height) / 2, width, height)


class Still(Scene):
    """A picture without steps."""

    def lay_out(self, stage: Stage) -> Show:
        """Draw; there is nothing to move."""
        self.draw(stage)
        return lambda _step: ()

    @abstractmethod
    def draw(self, stage: Stage) -> None:
        """Draw everything."""


def pixels_of(points: float) -> float:
    """Height of letters in pixels."""
    return points * DOTS_PER_INCH / 72


def axes_at(stage: Stage, box: Box) -> Any:
    """New axes that fill a box; the figure arranges nothing by itself from then on."""
    stage.figure.set_layout_engine("none")
    return stage.figure.add_axes((box.left / stage.width, 1 - box.bottom / stage.height, box.width / stage.width,
                                  box.height / stage.height))


def subplots(stage: Stage, rows: int, columns: int, **options: Any) -> Any:
    """Axes that Matplotlib arranges, with a margin around them."""
    margin = 0.9 * stage.points / 72
    stage.figure.get_layout_engine().set(w_pad=margin, h_pad=margin, wspace=0.01, hspace=0.01)
    return stage.figure.subplots(rows, columns, **options)


def write(stage: Stage, left: float, baseline: float, text: str, **style: Any) -> Any:
    """Text on the figure, at pixels from its upper left corner."""
    return stage.figure.text(left / stage.width, 1 - baseline / stage.height, text, **style)


def size_of(shape: Sequence[int]) -> str:
    """An extent for each axis, as 3 x 5 with the mathematical sign."""
    return "\N{MULTIPLICATION SIGN}".join(map(str, shape))


# ---------------------------------------------------------------- images

def plain_pixels(function: str, image: Any, channel_axis: int | None = None) -> Array:
    """An image with its channels last, refused where it cannot be drawn."""
    pixels = np.asarray(image)
    if pixels.dtype.kind not in "biuf":
        raise FaltungError(f"{function}: image has dtype {pixels.dtype}, which is no shade of grey; take np.abs of it, "
                           "or one of its parts")
    if channel_axis is not None:
        pixels = np.moveaxis(pixels, channel_axis, -1)
    axes = pixels.ndim - (channel_axis is not None)
    if axes not in (1, 2) or not pixels.size:
        raise FaltungError(f"{function}: image {np.shape(image)} has {axes} axes to draw; give a signal or an image "
                           "with pixels, such as one slice of a volume")
    if axes == 2 and channel_axis is not None and pixels.shape[-1] not in (1, 2, 3, 4):
        raise FaltungError(f"{function}: image {np.shape(image)} has {pixels.shape[-1]} channels; give 1 to 4, or draw "
                           "one channel")
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).any():
        raise FaltungError(f"{function}: image {np.shape(image)} has no finite value; there is nothing to draw")
    return pixels


def frame(axes: Any, stage: Stage) -> None:
    """A thin edge around a panel, without ticks."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color(stage.theme.faint)


def draw_image(axes: Any, stage: Stage, pixels: Array, *, signed: bool = False) -> Any:
    """An image, grey or in colours; values around zero in colours of their own."""
    frame(axes, stage)
    if pixels.ndim == 3 and pixels.shape[2] in (1, 2):
        pixels = pixels[:, :, 0]
    if pixels.ndim == 3:
        return axes.imshow(_as_colours(pixels, signed=signed), aspect="auto")
    low, high = limits(pixels, signed=signed)
    return axes.imshow(pixels, cmap=SIGNED if signed else PIXELS, vmin=low, vmax=high, aspect="auto")


def limits(pixels: Array, *, signed: bool = False) -> tuple[float, float]:
    """What black and white stand for: all that the bytes can hold, or all that there is."""
    if pixels.dtype == np.uint8 and not signed:
        return 0.0, 255.0
    seen = pixels[np.isfinite(pixels)] if pixels.dtype.kind == "f" else pixels
    low, high = float(seen.min()), float(seen.max())
    if signed:
        high = max(abs(low), abs(high)) or 1.0
        return -high, high
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _as_colours(pixels: Array, *, signed: bool) -> Array:
    """Bytes as they are; other numbers spread over the shades, with zero in the middle if they have signs."""
    if pixels.dtype == np.uint8 and not signed:
        return pixels
    if pixels.shape[2] == 4:
        pixels = pixels[:, :, :3]
    low, high = limits(pixels, signed=signed)
    if pixels.dtype == np.uint16 and not signed:
        low, high = 0.0, 65535.0
    return np.clip((np.nan_to_num(pixels.astype(np.float64)) - low) / (high - low), 0, 1)


# ---------------------------------------------------------------- kernels

def tap_words(taps: Array) -> tuple[list[str], str]:
    """Taps as short numbers in their order, and the factor that was taken out of them, "" if none.

    >>> tap_words(np.ones((3, 3)) / 9)[1], tap_words(np.array([0.25, 0.5, 0.25]))
    ('1/9', (['1', '2', '1'], '1/4'))
    """
    flat = taps.ravel().tolist()
    if taps.dtype.kind in "iub":
        return [_number(value) for value in flat], ""
    whole = _as_fractions(flat)
    if whole is None:
        return [_decimal(value) for value in flat], ""
    numerators, denominator = whole
    return [_number(value) for value in numerators], f"1/{denominator}" if denominator > 1 else ""


def _as_fractions(values: list[float]) -> tuple[list[int], int] | None:
    """Numerators over one small denominator, if all taps are such fractions up to rounding."""
    denominator = 1
    for value in values:
        if not abs(value) <= _LARGEST_DENOMINATOR:
            return None
        denominator = max(denominator, Fraction(value).limit_denominator(_LARGEST_DENOMINATOR).denominator)
    numerators = [round(value * denominator) for value in values]
    close = all(abs(value * denominator - numerator) < 1e-9 * denominator
                for value, numerator in zip(values, numerators, strict=True))
    return (numerators, denominator) if close and max(map(abs, numerators), default=0) < 1000 else None


def _number(value: int) -> str:
    return str(int(value)).replace("-", "\N{MINUS SIGN}")


def _decimal(value: float) -> str:
    text = f"{value:.2f}" if 0.095 <= abs(value) < 9.95 else f"{value:.3f}" if abs(value) < 0.095 else f"{value:.3g}"
    text = text.replace("0.", ".", 1) if abs(value) < 1 else text
    return "0" if not text.strip("-.0") else text.replace("-", "\N{MINUS SIGN}")


def draw_cells(axes: Any, stage: Stage, taps: Array, cell: float, *, words: Sequence[str] | None = None,
               largest: float | None = None) -> Any:
    """A kernel of two axes: orange above zero, purple below, and the numbers where there is room for them.

    Parameters
    ----------
    axes, stage
        Where.
    taps
        Real, of two axes.
    cell
        Pixels that a cell is wide.
    words
        What is written in the cells, by default the taps; nothing if empty.
    largest
        Size of the largest tap, where it is not among these.
    """
    frame(axes, stage)
    high = _PALER * (largest or float(np.abs(taps).max()) or 1.0)
    drawn = axes.imshow(taps, cmap=SIGNED, vmin=-high, vmax=high, aspect="auto", interpolation="nearest")
    words = tap_words(taps)[0] if words is None else words
    points = fitting_points(max(map(len, words)), cell, stage.points) if words else None
    if points is not None:
        for (row, column), word in zip(np.ndindex(taps.shape), words, strict=True):
            colour = drawn.cmap(drawn.norm(taps[row, column]))
            axes.text(column, row, word, ha="center", va="center", size=points, color=letter_on(colour))
    return drawn


def fitting_points(letters: int, cell: float, most: float) -> float | None:
    """Size of numbers of so many letters in a cell, or None where they would be too small to read."""
    points = min(0.84 * cell / (LETTER * letters), 0.62 * cell) * 72 / DOTS_PER_INCH
    return None if points < _LEAST_POINTS else min(points, 1.6 * most)


def letter_on(colour: Sequence[float]) -> str:
    """Black or white, whichever is read better on a colour."""
    red, green, blue = colour[:3]
    return BLACK if 0.299 * red + 0.587 * green + 0.114 * blue > 0.47 else WHITE
