"""An image as its numbers: the kernel's window on it, the products and their sum, and the output cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ShapeError
from ..operations import convolve, correlate
from ..problem.border import fill_at, map_index, parse_border
from .number_cells import Cells, Rows, arranged, put
from .numerals import written
from .panels import Box, size_of, tap_words, write
from .scene import Scene, Show, Stage, picture

Array = npt.NDArray[Any]

MOST_CELLS = 20
"""A side of what is shown."""
WHOLE = 20
"""A side of what is read: an image that needs more, with the border around it, is not shown as a whole by default."""
CROP, LEAST = 12, 6
"""A side of what is shown then, and how much is left of it by large kernels."""
MOST_TAPS = 15
"""A side of the kernel."""
LUMINANCE = (0.299, 0.587, 0.114)
"""Red, green and blue in grey, after ITU-R BT.601."""


class Numbers(Scene):
    """An image as numbers, a kernel on it, and output after output.

    Parameters
    ----------
    image : array_like, shape (H, W) or (H, W, channels)
        Real numbers.  Of colours their luminance is shown, or one channel.
    kernel : array_like, shape (K, L)
        Up to 15x15 real taps.
    operation : {"correlate", "convolve"}
        Whether the kernel is laid on as it is, or flipped.
    mode : {"same", "valid"}
        Whether the kernel may leave the image.
    border : number or word
        As in `correlate`.
    at : (int, int), optional
        Row and column in the middle of what is shown of a large image; its own middle by default.
    size : (int, int), optional
        How many rows and columns are shown, up to 20x20.  By default 12x12 or, with large kernels, fewer: down to 6x6;
        or all, if that takes up to 20x20 cells with the border.
    channel : int, optional
        Which channel of a colour image.

    Attributes
    ----------
    result : ndarray
        The engine's output for the whole image, not rounded.
    note : str
        What part of the image is shown, "" if all is.
    """

    rate = 6.0
    title = "An image as its numbers"

    def __init__(self, image: Any, kernel: Any, operation: str = "correlate", *, mode: str = "same",
                 border: Any = "reflect", at: Sequence[int] | None = None, size: Sequence[int] | None = None,
                 channel: int | None = None) -> None:
        self.image, colour = _plane(np.asarray(image), channel)
        self.kernel = _kernel(np.asarray(kernel))
        if operation not in ("correlate", "convolve") or mode not in ("same", "valid"):
            raise ShapeError(f"numbers: operation {operation!r} in mode {mode!r} is not drawn; use correlate or "
                             "convolve, same or valid")
        self.operation, self.mode, self.border = operation, mode, border
        call = convolve if operation == "convolve" else correlate
        self.result = np.asarray(call(self.image, self.kernel, mode, border=border))
        self.taps = self.kernel[::-1, ::-1] if operation == "convolve" else self.kernel
        self.low, self.high = _cropped(self.image.shape, at, self._default() if size is None else size)
        self._place_outputs()
        self.note = "; ".join(filter(None, (self._crop_note(), colour)))
        self.steps = self.outputs[0] * self.outputs[1]
        self.first = self._best_step()

    def _default(self) -> tuple[int, ...]:
        """How much is shown so that the numbers can be read."""
        beyond, is_same = max(self.taps.shape) - 1, self.mode == "same"
        if max(self.image.shape) + beyond * is_same <= WHOLE:
            return self.image.shape
        side = max(min(CROP, WHOLE - 2 - beyond), LEAST) if is_same else max(CROP, LEAST + beyond)
        return side, side

    def _place_outputs(self) -> None:
        """Where the outputs and what they read begin: all in rows and columns of the image."""
        extents = self.taps.shape
        self.before = tuple(extent // 2 if self.mode == "same" else 0 for extent in extents)
        after = tuple(extent - 1 - extent // 2 if self.mode == "same" else 0 for extent in extents)
        inner = tuple(0 if self.mode == "same" else extent - 1 for extent in extents)
        self.outputs = tuple(high - low - less for low, high, less in zip(self.low, self.high, inner, strict=True))
        if min(self.outputs) < 1:
            shown = tuple(high - low for low, high in zip(self.low, self.high, strict=True))
            raise ShapeError(f"numbers: kernel {_extent(extents)} is larger than the {_extent(shown)} cells that are "
                             'shown, in mode "valid"; use mode="same" or a larger size')
        self.read_low = tuple(low - less for low, less in zip(self.low, self.before, strict=True))
        shape = tuple(high + more - low for high, more, low in zip(self.high, after, self.read_low, strict=True))
        sides = parse_border("numbers", self.border, 2)
        self.read = np.empty(shape, np.result_type(self.image, *(side for pair in sides for side in pair
                                                                  if not isinstance(side, str))))
        self.is_border = np.zeros(shape, bool)
        for cell in np.ndindex(*shape):
            place = tuple(low + offset for low, offset in zip(self.read_low, cell, strict=True))
            self.is_border[cell] = any(not 0 <= p < n for p, n in zip(place, self.image.shape, strict=True))
            fill = fill_at(place, self.image.shape, sides)
            self.read[cell] = fill if fill is not None else self.image[tuple(
                map_index(p, n, *pair) for p, n, pair in zip(place, self.image.shape, sides, strict=True))]

    def _crop_note(self) -> str:
        if (self.low, self.high) == ((0, 0), self.image.shape):
            return ""
        (top, left), (bottom, right) = self.low, self.high
        return f"rows {top} to {bottom - 1}, columns {left} to {right - 1} of {size_of(self.image.shape)}"

    def _best_step(self) -> int:
        """The first output of the largest size, for there is most to see."""
        seen = np.abs(self.seen_result().astype(float))
        return int(np.nanargmax(seen)) if np.isfinite(seen).any() else self.steps // 2

    def seen_result(self) -> Array:
        """The outputs that are shown."""
        return self.result[tuple(slice(low, low + count) for low, count in zip(self.low, self.outputs, strict=True))]

    def window(self, step: int) -> tuple[slice, slice]:
        """Where the kernel lies at a step, in the cells of `read`."""
        row, column = divmod(step, self.outputs[1])
        return slice(row, row + self.taps.shape[0]), slice(column, column + self.taps.shape[1])

    def products(self, step: int) -> Array:
        """Pixels times taps; their sum is the output."""
        return np.multiply(self.read[self.window(step)], self.taps, dtype=np.result_type(self.result, np.float64))

    def height(self, width: int) -> int:
        """Two rows of panels, or three where it is narrow."""
        return round(arranged(self, width).height)

    def words(self, step: int) -> str:
        """Tell the sum that makes the output, border values marked."""
        row, column = divmod(step, self.outputs[1])
        place = f"y[{row + self.low[0]}, {column + self.low[1]}]"
        value = written(self.seen_result()[row, column], 6).replace("\N{MINUS SIGN}", "-")
        if self.taps.size > 25:
            return f"{place} = {value}, the sum of {self.taps.size} products"
        cut = self.window(step)
        cells = zip(self.read[cut].ravel(), self.taps.ravel(), self.is_border[cut].ravel(), strict=True)
        terms = [f"{'border ' if is_border else ''}{written(pixel)}*{_in_brackets(written(tap))}"
                 for pixel, tap, is_border in cells]
        return f"{place} = {' + '.join(terms)} = {value}".replace("\N{MINUS SIGN}", "-")

    def lay_out(self, stage: Stage) -> Show:
        """Draw image and output, and between or below them what happens at one place."""
        plan = arranged(self, stage.width)
        shows = (self._draw_image(stage, plan.image), self._draw_sum(stage, plan),
                 self._draw_output(stage, plan.output))
        return lambda step: [artist for show in shows for artist in show(step)]

    def _draw_image(self, stage: Stage, box: Box) -> Show:
        cells = Cells(stage, box, self.read, bytes_too=self.image.dtype == np.uint8)
        inner = np.zeros(self.read.shape, bool)
        inner[tuple(slice(b, b + high - low) for b, low, high in
                    zip(self.before, self.low, self.high, strict=True))] = True
        cells.pale(~inner & ~self.is_border)
        cells.hatch(self.is_border)
        cells.outline(self.before, tuple(high - low for low, high in zip(self.low, self.high, strict=True)))
        put(stage, box, "image" + (f";  hatched: border {_border(self.border)}" if self.is_border.any() else ""),
            self.note)
        frame = cells.frame(self.taps.shape)

        def show(step: int) -> list[Any]:
            row, column = divmod(step, self.outputs[1])
            frame.set_xy((column - 0.5, row - 0.5))
            return [frame]

        return show

    def _draw_sum(self, stage: Stage, plan: Rows) -> Show:
        """Window, kernel and products, with the signs between them."""
        window = Cells(stage, plan.window, self.read[self.window(0)], bytes_too=self.image.dtype == np.uint8,
                       among=self.read)
        words, factor = tap_words(self.taps)
        Cells(stage, plan.kernel, self.taps, signed=True, words=words)
        every = np.array([float(np.abs(self.read).max(initial=0)) * float(np.abs(self.taps).max(initial=0))])
        products = Cells(stage, plan.products, self.products(0), signed=True,
                         among=np.concatenate([every, *(self.products(step).ravel() for step in range(self.steps))]))
        put(stage, plan.window, "window")
        put(stage, plan.kernel, ("flipped kernel" if self.operation == "convolve" else "kernel")
            + (f" \N{MULTIPLICATION SIGN} {factor}" if factor else ""))
        put(stage, plan.products, "products")
        for box, sign in ((plan.kernel, "\N{MULTIPLICATION SIGN}"), (plan.products, "=")):
            write(stage, box.left - plan.gap / 2, box.top + box.height / 2, sign, ha="center", va="center",
                  size=1.5 * stage.points)
        total = write(stage, plan.total[0], plan.total[1], "", ha="left", va="center", size=1.15 * stage.points)

        apart = "\n\n= " if plan.is_beside else " = "

        def show(step: int) -> list[Any]:
            row, column = divmod(step, self.outputs[1])
            place = f"y[{row + self.low[0]}, {column + self.low[1]}]"
            total.set_text(f"sum = {written(self.seen_result()[row, column], 4)}{apart}{place}")
            return [*window.set(self.read[self.window(step)]), *products.set(self.products(step)), total]

        return show

    def _draw_output(self, stage: Stage, box: Box) -> Show:
        values = self.seen_result()
        signed = bool((values < 0).any())
        within = self.image.dtype == np.uint8 and not signed and bool((values <= 255).all())
        cells = Cells(stage, box, values, signed=signed, bytes_too=within)
        put(stage, box, f"output:  {self.operation}, {self.mode}")
        cover, now = cells.cover(), cells.frame((1, 1))
        rows, columns = self.outputs

        def show(step: int) -> list[Any]:
            row, column = divmod(step, columns)
            # What is still to come is all drawn, and covered.
            edge = np.array([(column + 1, row), (columns, row), (columns, rows), (0, rows), (0, row + 1),
                             (column + 1, row + 1)], float)
            cover.set_xy(edge - 0.5)
            now.set_xy((column - 0.5, row - 0.5))
            return [cover, now]

        return show


def numbers(image: Any, kernel: Any, step: int | None = None, *, operation: str = "correlate", mode: str = "same",
            border: Any = "reflect", at: Sequence[int] | None = None, size: Sequence[int] | None = None,
            channel: int | None = None, width: int = 800, theme: str = "light") -> Any:
    """Draw an image as its numbers, the kernel's window on it, the products and their sum, and the output so far.

    Parameters
    ----------
    image, kernel, operation, mode, border, at, size, channel
        As in `Numbers`.
    step : int, optional
        Which output; row by row.  The largest by default.
    width, theme
        As in `picture`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    scene = Numbers(image, kernel, operation, mode=mode, border=border, at=at, size=size, channel=channel)
    return picture(scene, step, width=width, theme=theme)


def _plane(image: Array, channel: int | None) -> tuple[Array, str]:
    """One number a pixel, and how it was made of the colours."""
    if image.dtype.kind not in "buif" or image.ndim not in (2, 3) or 0 in image.shape:
        raise ShapeError(f"numbers: image has shape {image.shape} and dtype {image.dtype}; give (height, width) or "
                         "(height, width, channels) of real numbers")
    if image.dtype.kind == "b":
        image = image.astype(np.uint8)
    if image.ndim == 2:
        if channel is not None:
            raise ShapeError(f"numbers: channel {channel} of an image without channels; leave it out")
        return image, ""
    count = image.shape[2]
    if channel is not None:
        if not 0 <= channel < count:
            raise ShapeError(f"numbers: channel {channel} is not there; the image has channels 0 to {count - 1}")
        return image[:, :, channel], f"channel {channel} of {count}"
    if count < 3:
        return image[:, :, 0], ""
    grey = image[:, :, :3] @ np.array(LUMINANCE)
    return (np.rint(grey) if image.dtype.kind in "iu" else grey).astype(image.dtype), "luminance"


def _kernel(kernel: Array) -> Array:
    if kernel.dtype.kind not in "buif" or kernel.ndim != 2 or 0 in kernel.shape or max(kernel.shape) > MOST_TAPS:
        raise ShapeError(f"numbers: kernel has shape {kernel.shape} and dtype {kernel.dtype}; give up to "
                         f"{MOST_TAPS}x{MOST_TAPS} real taps along two axes")
    return kernel


def _cropped(shape: tuple[int, ...], at: Sequence[int] | None, size: Sequence[int]
             ) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """First row and column that are shown, and the ones after the last."""
    wanted = tuple(size)
    if len(wanted) != 2 or not all(1 <= extent <= MOST_CELLS for extent in wanted):
        raise ShapeError(f"numbers: size {_extent(wanted)} is out of range; use 1x1 to {MOST_CELLS}x{MOST_CELLS} "
                         "cells, and at= to say where")
    middle = tuple(extent // 2 for extent in shape) if at is None else tuple(at)
    if len(middle) != 2 or not all(0 <= place < extent for place, extent in zip(middle, shape, strict=False)):
        raise ShapeError(f"numbers: at={middle} lies outside the image {_extent(shape)}; give a row and a column in it")
    low = tuple(min(max(place - count // 2, 0), max(extent - count, 0))
                for place, count, extent in zip(middle, wanted, shape, strict=True))
    return low, tuple(min(first + count, extent) for first, count, extent in zip(low, wanted, shape, strict=True))


def _border(border: Any) -> str:
    return written(border) if isinstance(border, int | float) else str(border)


def _extent(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))


def _in_brackets(text: str) -> str:
    return f"({text})" if text.startswith("\N{MINUS SIGN}") else text
