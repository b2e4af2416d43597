"""Labels drawn once: the same words at the same place within a pixel, over the same pixels, look the same again."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .known import Label

MOST_BYTES = 50_000_000
"""Of all stamps together; then begin anew."""


class Stamps:
    """Labels on a canvas; numbers come again, and it takes Matplotlib half a millisecond to draw one."""

    def __init__(self, canvas: Any) -> None:
        self._renderer = canvas.get_renderer()
        self._pixels: npt.NDArray[np.uint32] = np.asarray(canvas.buffer_rgba()).view(np.uint32)[..., 0]
        self._made: dict[tuple[Any, ...], npt.NDArray[np.uint32]] = {}
        """By all that decides them: the pixels that were there before, too."""
        self._bytes = 0

    def draw(self, label: Label) -> None:
        """Draw a label over what is there."""
        part = self._part(label)
        if part is None:
            label.text.draw(self._renderer)
            return
        # A view, and so what is drawn is seen in it.
        pixels = self._pixels[part]
        below = pixels.tobytes()
        key = (*label.look, below)
        stamp = self._made.get(key)
        if stamp is not None:
            pixels[:] = stamp
            return
        label.text.draw(self._renderer)
        if self._bytes > MOST_BYTES:
            self._made.clear()
            self._bytes = 0
        self._made[key] = pixels.copy()
        self._bytes += 2 * len(below)

    def _part(self, label: Label) -> tuple[slice, slice] | None:
        """Tell the rows and columns of a label, if it may be stamped: it must lie on the canvas as a whole."""
        area = label.area
        if area is None:
            return None
        left, lower, right, upper = area
        height, width = self._pixels.shape
        if left < 0 or lower < 0 or right > width or upper > height:
            return None
        return slice(height - upper, height - lower), slice(left, right)
