"""Animated GIF: one palette for all frames, which is theirs, not a film's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import FaltungError
from ..images.files import beside
from .animation import check_pixels
from .frames import Frames, Pixels
from .scene import Scene
from .style import theme_named

COLOURS = 255
_UNCHANGED = 255
"""The index that stands for: as in the frame before."""
LAST_SECONDS = 1.5
"""How long the last frame stands, before all begins again."""
_SAMPLES = 12
"""Frames that the palette is made from."""
_BITS = 5
"""Of each channel, where colours are looked up: 8 levels are one."""


class Palette(NamedTuple):
    """Colours, and the nearest of them for every colour there is."""

    colours: npt.NDArray[np.uint8]
    """(256, 3)"""
    nearest: npt.NDArray[np.uint8]
    """The index of a colour, by its highest bits."""


def save(scene: Scene, path: Path, *, width: int, theme: str, rate: float, steps: Sequence[int]) -> None:
    """Write the steps as an animated GIF that goes on for ever."""
    Image = _pillow(path)
    check_pixels(scene, width, len(steps))
    frames = Frames(scene, width=width, theme=theme, steps=steps)
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), _SAMPLES)).astype(int))
    samples = {frames.steps[index]: frames.frame(frames.steps[index]) for index in chosen}
    palette = _palette(list(samples.values()), theme)
    pixels = (samples[step] if step in samples else frames.frame(step) for step in frames.steps)
    images = _images(Image, pixels, palette)
    duration = max(round(100 / rate), 2) * 10
    durations = [duration] * (len(steps) - 1) + [max(duration, int(1000 * LAST_SECONDS))]
    with beside(path) as part:
        next(images).save(part, format="GIF", save_all=True, append_images=images, loop=0, duration=durations,
                          disposal=1, palette=palette.colours.tobytes(), transparency=_UNCHANGED, optimize=True)


def _images(Image: Any, frames: Iterator[Pixels], palette: Palette) -> Iterator[Any]:
    colours = palette.colours.tobytes()
    for pixels in frames:
        image = Image.fromarray(palette.nearest[_cells(pixels)])
        image.putpalette(colours)
        yield image


def _palette(frames: Sequence[Pixels], theme: str) -> Palette:
    """Choose colours by some of the frames: those of the theme as they are, and what else is often there."""
    from PIL import Image

    own = np.array([_rgb(colour) for colour in theme_named(theme)[1:]], np.uint8)
    counts = np.zeros(1 << 3 * _BITS, np.int64)
    for frame in frames:
        counts += np.bincount(_cells(frame).ravel(), minlength=counts.size)
    # Large quiet areas must not take the places of smooth edges.
    row = np.repeat(_middles(np.arange(counts.size)), np.minimum(counts, 64), axis=0)[None]
    quantized = Image.fromarray(row).quantize(COLOURS - len(own), method=Image.Quantize.MEDIANCUT)
    chosen = np.array(quantized.getpalette(), np.uint8).reshape(-1, 3)[:COLOURS - len(own)]
    colours = np.zeros((COLOURS + 1, 3), np.uint8)
    colours[:len(own)], colours[len(own):len(own) + len(chosen)] = own, chosen
    nearest = _nearest(_middles(np.arange(1 << 3 * _BITS)), colours[:len(own) + len(chosen)])
    nearest[_cells(np.pad(own, ((0, 0), (0, 1))))] = np.arange(len(own))
    return Palette(colours, nearest)


def _nearest(wanted: npt.NDArray[np.uint8], colours: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Find the index of the colour nearest to each one, by the squared distance."""
    have = colours.astype(np.float32)
    squares = (have**2).sum(axis=1)
    parts = np.array_split(wanted.astype(np.float32), 16)
    return np.concatenate([(squares - 2 * part @ have.T).argmin(axis=1) for part in parts]).astype(np.uint8)


def _cells(pixels: Pixels) -> npt.NDArray[Any]:
    """Join the highest bits of red, green and blue to one number; a fourth byte is left out."""
    word, mask = pixels.view("<u4")[..., 0], (1 << _BITS) - 1
    red, green, blue = (word >> 8 * (channel + 1) - _BITS & mask for channel in range(3))
    cells: npt.NDArray[Any] = red << 2 * _BITS | green << _BITS | blue
    return cells


def _middles(cells: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Give the colours in the middle of the numbers' ranges."""
    mask = (1 << _BITS) - 1
    high = np.stack([cells >> 2 * _BITS, cells >> _BITS, cells], axis=-1) & mask
    return (high * 255 / mask).round().astype(np.uint8)


def _rgb(colour: str) -> list[int]:
    return [int(colour[start:start + 2], 16) for start in (1, 3, 5)]


def _pillow(path: Path) -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise FaltungError(f'animate: {path} needs Pillow; install it with: pip install "faltung[show]"') from None
    return Image
