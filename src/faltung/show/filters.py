"""Filters to look at: an image before and after its kernel, and a kernel with its frequency response."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import images, kernels
from ..errors import FaltungError
from ..kernels.describing import Description, describe
from .panels import (
    LETTER,
    Array,
    Box,
    Still,
    axes_at,
    draw_cells,
    draw_image,
    pixels_of,
    plain_pixels,
    size_of,
    subplots,
    tap_words,
    write,
)
from .responses import draw_lines, draw_plane, draw_stems
from .scene import NARROW, Stage, picture
from .style import letter_points

_SLICES = 9
"""A kernel of three axes is shown by so many slices at most."""


def filtered(image: Any, kernel: Any, result: Any = None, *, border: Any = "reflect", channel_axis: int | None = None,
             width: int = 800, theme: str = "light") -> Any:
    """Draw an image before and after a filter, with the kernel between.

    Parameters
    ----------
    image : array_like
        A signal or an image.
    kernel : array_like or str
        Taps, or the name of a kernel with its parameters, as ``"gaussian:sigma=2"``.
    result : array_like, optional
        What came out; by default what `faltung.filter` makes of it.  If the taps sum to 0, it is computed
        in float32, since it has signs: orange is above zero, purple below.
    border, channel_axis
        As in `faltung.filter`.
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
        If the image has other than one or two axes besides its channels.
    """
    return picture(Filtered(image, kernel, result, border=border, channel_axis=channel_axis), width=width, theme=theme)


def kernel(taps: Any, *, scale: str = "linear", width: int = 800, theme: str = "light") -> Any:
    """Draw a kernel with its frequency response: the size of the gain, in cycles per sample or pixel.

    Parameters
    ----------
    taps : array_like or str
        A kernel of one to three axes, or the name of one with its parameters.
    scale : {"linear", "dB"}
        Of the gain.
    width : int
        Pixels.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    matplotlib.figure.Figure
        One axis: taps as stems, and the gain as a line.  Two: taps as cells, the gain as an image.  Three: slices
        along the first axis, the gain along each axis.

    Raises
    ------
    FaltungError
        If the kernel has no taps or more than three axes, or the scale is unknown.
    """
    return picture(Kernel(taps, scale), width=width, theme=theme)


def _taps(function: str, given: Any) -> tuple[Array, str]:
    """A kernel and what to call it."""
    if isinstance(given, str):
        return kernels.named(given), given
    taps = np.asarray(given)
    if taps.dtype.kind not in "biufc":
        raise FaltungError(f"{function}: kernel has dtype {taps.dtype}, which is not a number; convert it first")
    return taps, "kernel"


# ---------------------------------------------------------------- before and after

class Filtered(Still):
    """Before, kernel, after; `result` and `pixels` are what is drawn."""

    def __init__(self, image: Any, kernel: Any, result: Any = None, *, border: Any = "reflect",
                 channel_axis: int | None = None) -> None:
        self.pixels = plain_pixels("filtered", image, channel_axis)
        self.taps, self.name = _taps("filtered", kernel)
        self.has_channels = channel_axis is not None
        self.signed = self.taps.dtype.kind != "c" and bool(describe(self.taps).dc_gain == 0)
        if result is None:
            channels = -1 if self.has_channels else None
            result = images.filter(self.pixels, self.taps, border=border, channel_axis=channels,
                                   dtype=np.float32 if self.signed else None)
            self.result = plain_pixels("filtered", result, channels)
        else:
            self.result = plain_pixels("filtered", result, channel_axis)
            self.signed = self.result.dtype.kind in "if" and bool((self.result < 0).any())
        self.title = f"Before and after {self.name}"

    def height(self, width: int) -> int:
        """As the panels need it."""
        if self._is_signal:
            return round(width * (1.15 if width < NARROW else 0.62))
        before, middle, after = self._boxes(width)
        letter = pixels_of(letter_points(width))
        lowest = max(before.bottom, middle.bottom + self._below(letter))
        return round(max(lowest + 1.2 * letter, after.bottom + self._foot(letter)))

    @property
    def _is_signal(self) -> bool:
        return self.pixels.ndim - self.has_channels == 1

    def words(self, step: int) -> str:
        """Tell what is seen."""
        return (f"Image {size_of(self.pixels.shape)} before and after {self.name} of {size_of(self.taps.shape)} taps"
                + ("; orange is above zero, purple below." if self.signed else "."))

    def draw(self, stage: Stage) -> None:
        """Draw three panels."""
        if self._is_signal:
            self._draw_signal(stage)
            return
        letter, boxes = pixels_of(stage.points), self._boxes(stage.width)
        shapes = [size_of(self.pixels.shape[:2]), size_of(self.taps.shape), size_of(self.result.shape[:2])]
        for name, shape, box in zip(("before", self._short_name(boxes[1].width, letter), "after"), shapes, boxes,
                                    strict=True):
            write(stage, box.left, box.top - 0.6 * letter, name, size=1.1 * stage.points)
            if box.width > LETTER * letter * (1.1 * len(name) + len(shape) + 2):
                write(stage, box.right, box.top - 0.6 * letter, shape, ha="right", color=stage.theme.soft)
        draw_image(axes_at(stage, boxes[0]), stage, self.pixels)
        self._draw_kernel(stage, boxes[1])
        drawn = draw_image(axes_at(stage, boxes[2]), stage, self.result, signed=self.signed)
        if self.signed:
            self._draw_scale(stage, boxes[2], drawn)

    def _short_name(self, room: float, letter: float) -> str:
        name = self.name.partition(":")[0]
        return name if len(name) * LETTER * 1.1 * letter < room else "kernel"

    def _boxes(self, width: int) -> tuple[Box, Box, Box]:
        """Places of before, kernel and after."""
        letter = pixels_of(letter_points(width))
        rows, columns = self.pixels.shape[:2]
        tall = min(max(rows / columns, 0.2), 2.0)
        pad, head = 1.2 * letter, 2.4 * letter
        taps = self.taps if self.taps.ndim == 2 else np.zeros((1, 1))
        if width < NARROW:
            wide = min(width - 2 * pad, 1.25 * width / tall)
            before = Box(pad, head, wide, wide * tall)
            middle = Box(pad, before.bottom + head, 0.5 * wide, 0.42 * wide).fitted(*taps.shape)
            middle = Box(pad, before.bottom + head, middle.width, middle.height)
            top = middle.bottom + self._below(letter) + 0.6 * letter + head
            return before, middle, Box(pad, top, wide, wide * tall)
        gap = 2.0 * letter
        wide = (width - 2 * pad - 2 * gap) / 2.55
        small = 0.55 * wide
        high = wide * tall
        room = Box(pad + wide + gap, head, small, max(high, small)).fitted(*taps.shape)
        top = max(head, head + (high - room.height) / 2)
        return (Box(pad, head, wide, high), Box(room.left, top, room.width, room.height),
                Box(width - pad - wide, head, wide, high))

    def _below(self, letter: float) -> float:
        """Room below the kernel, for its factor."""
        return 1.6 * letter if self._factor() else 0.0

    def _foot(self, letter: float) -> float:
        """Room below the result, for its scale."""
        return (3.6 if self.signed and self.result.ndim == 2 else 2.2 if self.signed else 1.2) * letter

    def _factor(self) -> str:
        return tap_words(self.taps)[1] if self.taps.dtype.kind != "c" else ""

    def _draw_kernel(self, stage: Stage, box: Box) -> None:
        real = np.abs(self.taps) if self.taps.dtype.kind == "c" else self.taps
        cell = box.width / self.taps.shape[1]
        draw_cells(axes_at(stage, box), stage, real, cell)
        if self._factor():
            letter = pixels_of(stage.points)
            write(stage, box.left + box.width / 2, box.bottom + 1.5 * letter,
                  f"\N{MULTIPLICATION SIGN} {self._factor()}", ha="center", color=stage.theme.soft)

    def _draw_scale(self, stage: Stage, box: Box, drawn: Any) -> None:
        letter = pixels_of(stage.points)
        if self.result.ndim == 3:
            write(stage, box.left, box.bottom + 1.5 * letter, "grey is zero", color=stage.theme.soft)
            return
        bar = axes_at(stage, Box(box.left, box.bottom + 0.6 * letter, box.width, 0.6 * letter))
        high = drawn.norm.vmax
        scale = stage.figure.colorbar(drawn, cax=bar, orientation="horizontal", ticks=[-high, 0, high])
        scale.outline.set_edgecolor(stage.theme.faint)
        texts = [f"\N{MINUS SIGN}{high:.4g}", "0", f"{high:.4g}"]
        bar.set_xticklabels(texts)
        for label, side in zip(bar.get_xticklabels(), ("left", "center", "right"), strict=True):
            label.set_horizontalalignment(side)
        bar.tick_params(length=0)

    def _draw_signal(self, stage: Stage) -> None:
        axes = subplots(stage, 3, 1, height_ratios=(3, 2, 3))
        theme = stage.theme
        axes[0].plot(self.pixels, color=theme.image, label="before")
        draw_stems(axes[1], stage, self.taps)
        axes[2].plot(self.pixels, color=theme.faint, linewidth=1, label="before")
        axes[2].plot(self.result, color=theme.result, label="after")
        for one, title in zip(axes, ("before", self.name.partition(":")[0], "after"), strict=True):
            one.set_title(title)
            one.grid(visible=True, axis="y")
            one.margins(x=0.02)
            one.locator_params(axis="y", nbins=4)


# ---------------------------------------------------------------- a kernel

class Kernel(Still):
    """A kernel and its gain."""

    def __init__(self, taps: Any, scale: str = "linear") -> None:
        if scale not in ("linear", "dB"):
            raise FaltungError(f'kernel: scale "{scale}" is unknown; use "linear" or "dB"')
        self.taps, self.name = _taps("kernel", taps)
        if self.taps.ndim > 3:
            raise FaltungError(f"kernel: {self.taps.shape} has {self.taps.ndim} axes, and at most 3 are drawn; give a "
                               "part of it, as kernel[0]")
        self.description: Description = describe(self.taps)
        self.scale = scale
        self.title = self.name

    def height(self, width: int) -> int:
        """Half as high as wide, or three times that in one column."""
        if self.taps.ndim == 1:
            return round(width * (1.25 if width < NARROW else 0.42))
        if self.taps.ndim == 3:
            letter = pixels_of(letter_points(width))
            return round(self._slices(width)[-1].bottom + letter + self._below(width))
        places = self._places(width)
        return round(places[1].bottom + 3.6 * pixels_of(letter_points(width)))

    def words(self, step: int) -> str:
        """Tell what is seen: what `describe` says."""
        return f"{self.name}\n{self.description}"

    def draw(self, stage: Stage) -> None:
        """Draw taps and gain."""
        (self._draw_line, self._draw_plane, self._draw_volume)[self.taps.ndim - 1](stage)

    def _draw_line(self, stage: Stage) -> None:
        shape = (2, 1) if stage.is_narrow else (1, 2)
        taps, gain = subplots(stage, *shape)
        taps.set_title(f"{self.name}, {self.taps.size} taps" if not stage.is_narrow else self.name.partition(":")[0])
        draw_stems(taps, stage, self.taps)
        taps.set_xlabel("samples from the output")
        gain.set_title("frequency response")
        draw_lines(gain, stage, self.description, self.scale, unit="sample")

    def _places(self, width: int) -> tuple[Box, Box]:
        """Where the taps are, and where the gain; the ticks and the scale of the gain stand around it."""
        letter = pixels_of(letter_points(width))
        pad, head = 1.2 * letter, 2.6 * letter
        rows, columns = self.taps.shape
        if width < NARROW:
            side = width - 2 * pad
            taps = Box(pad, head, side, 0.8 * side).fitted(rows, columns)
            taps = Box(pad, head, taps.width, taps.height)
            gain = width - pad - 4.6 * letter - 6.0 * letter
            return taps, Box(pad + 4.6 * letter, taps.bottom + 2.2 * letter + head, gain, gain)
        side = (width - 2 * pad - 12.5 * letter) / 2
        taps = Box(pad, head, side, side).fitted(rows, columns)
        return taps, Box(pad + side + 6.5 * letter, head, side, side)

    def _draw_plane(self, stage: Stage) -> None:
        letter = pixels_of(stage.points)
        box, gain = self._places(stage.width)
        real = np.abs(self.taps) if self.taps.dtype.kind == "c" else self.taps
        words, factor = tap_words(real)
        draw_cells(axes_at(stage, box), stage, real, box.width / self.taps.shape[1], words=words)
        title = self.name if len(self.name) * LETTER * letter < 0.9 * gain.width else self.name.partition(":")[0]
        note = ", size of the taps" if self.taps.dtype.kind == "c" else ""
        write(stage, 1.2 * letter if stage.is_narrow else min(box.left, 1.2 * letter), 1.7 * letter, title + note,
              size=1.1 * stage.points)
        below = f"{size_of(self.taps.shape)} taps" + (f" \N{MULTIPLICATION SIGN} {factor}" if factor else "")
        write(stage, box.left + box.width / 2, box.bottom + 1.6 * letter, below, ha="center", color=stage.theme.soft)
        write(stage, gain.left, gain.top - 0.9 * letter, "frequency response", size=1.1 * stage.points)
        bar = Box(gain.right + letter, gain.top, 0.8 * letter, gain.height)
        draw_plane(axes_at(stage, gain), axes_at(stage, bar), stage, self.description, self.scale)

    def _slices(self, width: int) -> list[Box]:
        """A row of slices along the first axis, two or three rows where it is narrow."""
        letter = pixels_of(letter_points(width))
        count, (rows, columns) = min(self.taps.shape[0], _SLICES), self.taps.shape[1:]
        across = min(count, 3 if width < NARROW else 5)
        pad, gap, head = 1.2 * letter, letter, 4.4 * letter
        side = min((width - 2 * pad - (across - 1) * gap) / across, 0.28 * width if width >= NARROW else width)
        high = min(side * rows / columns, 1.5 * side)
        return [Box(pad + (n % across) * (side + gap), head + (n // across) * (high + 2 * letter), side, high)
                for n in range(count)]

    def _below(self, width: int) -> float:
        return width * (0.75 if width < NARROW else 0.34)

    def _draw_volume(self, stage: Stage) -> None:
        letter, boxes = pixels_of(stage.points), self._slices(stage.width)
        chosen = np.unique(np.linspace(0, self.taps.shape[0] - 1, len(boxes)).round().astype(int))
        real = np.abs(self.taps) if self.taps.dtype.kind == "c" else self.taps
        words, factor = tap_words(real)
        largest = float(np.abs(real).max()) or None
        write(stage, 1.2 * letter, 1.8 * letter, self.name, size=1.1 * stage.points)
        per_slice = len(words) // self.taps.shape[0]
        for number, box in zip(chosen, boxes, strict=True):
            write(stage, box.left, box.top - 0.5 * letter, f"slice {number}", color=stage.theme.soft)
            draw_cells(axes_at(stage, box), stage, real[number], box.width / self.taps.shape[2], largest=largest,
                       words=words[number * per_slice:(number + 1) * per_slice])
        top = boxes[-1].bottom + letter
        if factor:
            write(stage, boxes[0].left, top + 0.6 * letter, f"\N{MULTIPLICATION SIGN} {factor}", color=stage.theme.soft)
        high = self._below(stage.width)
        axes = axes_at(stage, Box(6 * letter, top + 2.6 * letter, stage.width - 8 * letter, high - 6.4 * letter))
        axes.set_title("frequency response" if stage.is_narrow else "frequency response along the axes")
        draw_lines(axes, stage, self.description, self.scale, unit="voxel")


__all__ = ["Filtered", "Kernel", "filtered", "kernel"]
