"""Frames of a scene as pixels: only what changes from one to the next is drawn again, and what lies over it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from .boundaries import NOWHERE, Box, box_of, is_kept_inside, is_seen
from .drawing import Drawing
from .known import Label, Picture
from .scene import Scene
from .stamps import Stamps

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
_TILE = 16
"""Changes are looked up, and drawn, by squares of so many pixels."""


class Frames:
    """The frames of some steps of a scene; each is equal to the whole picture drawn anew, pixel by pixel."""

    def __init__(self, scene: Scene, *, width: int = 800, theme: str = "light",
                 steps: Sequence[int] | None = None) -> None:
        self.steps = list(range(scene.steps) if steps is None else steps)
        self._drawing = drawing = Drawing(scene, width, theme)
        self._moving = set(drawing.moving)
        self._shapes: dict[Any, Box] = {}
        self._known = {artist: known for artist in drawing.moving if (known := self._as_known(artist))}
        """What moves and is slow to draw, but quick to compare."""
        self._live = self._touched()
        """What moves, and what lies over that, in the order of drawing; each with its box."""
        others = (artist for artist in self._live if artist not in self._known)
        groups = groupby(others, key=self._moving.__contains__)
        self._groups = [list(artists) for moves, artists in groups if moves]
        """What else moves, parted by what stands still between."""
        for artist in self._live:
            artist.set_animated(True)
        drawing.canvas.draw()
        self._canvas = np.asarray(drawing.canvas.buffer_rgba()).view(np.uint32)[..., 0]
        """The pixels themselves, four bytes as one number."""
        self._background = self._canvas.copy()
        """All that nothing moves under."""
        self._frame = self._canvas.copy()
        self._alone: list[Any] = []
        """Each group of the last frame by itself, on nothing."""
        self._is_first = True
        self._stamps = Stamps(drawing.canvas)

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Pixels]:
        return map(self.frame, self.steps)

    def frame(self, step: int) -> Pixels:
        """Draw one step: an array of (height, width, 4), red, green, blue, and 255."""
        drawing = self._drawing
        drawing.show(step)
        tiles = self._changed()
        self._canvas[:] = self._background
        renderer = drawing.canvas.get_renderer()
        for artist, place in self._live.items():
            known = self._known.get(artist)
            now = known.box if known else place
            # What is not known is little, and moves about within the place that it has for all steps.
            if (artist in self._moving and not known) or tiles[_slices(now, self._frame.shape)].any():
                if isinstance(known, Label):
                    self._stamps.draw(known)
                else:
                    artist.draw(renderer)
        height, width = self._frame.shape
        changed = tiles.repeat(_TILE, axis=0)[:height].repeat(_TILE, axis=1)[:, :width]
        np.copyto(self._frame, self._canvas, where=changed)
        return self._frame.copy().view(np.uint8).reshape(height, width, 4)

    def _as_known(self, artist: Any) -> Label | Picture | None:
        if Label.fits(artist):
            return Label(artist, self._shapes)
        return Picture(artist) if Picture.fits(artist) else None

    def _changed(self) -> Mask:
        """Tell the tiles in which something that moves is not as it was; in all others the last frame holds."""
        alone = [self._drawn_alone(group) for group in self._groups]
        changed = np.zeros(self._frame.shape, np.bool_)
        for now, before in zip(alone, self._alone, strict=False):
            changed |= now != before
        tiles = _tiles(changed)
        renderer = self._drawing.canvas.get_renderer()
        for known in self._known.values():
            before = known.box
            if known.has_changed(renderer):
                for place in (before, known.box):
                    tiles[_slices(place, changed.shape)] = True
        if self._is_first:
            tiles[:] = True
        self._alone, self._is_first = alone, False
        return tiles

    def _drawn_alone(self, group: list[Any]) -> npt.NDArray[np.uint32]:
        renderer = self._drawing.canvas.get_renderer()
        renderer.clear()
        for artist in group:
            artist.draw(renderer)
        return self._canvas.copy()

    def _touched(self) -> dict[Any, Box]:
        """Find, in the order of drawing, what moves, and whatever lies over something live."""
        reach = self._reach()
        renderer = self._drawing.canvas.get_renderer()
        live: dict[Any, Box] = {}
        for artist in self._drawing.order:
            if artist in reach:
                live[artist] = reach[artist]
            elif is_seen(artist):
                place = self._place(artist, renderer)
                if any(place.meets(other) for other in live.values()):
                    live[artist] = place
        return live

    def _place(self, artist: Any, renderer: Any) -> Box:
        if not Label.fits(artist):
            return box_of(artist, renderer)
        label = Label(artist, self._shapes)
        label.has_changed(renderer)
        return label.box

    def _reach(self) -> dict[Any, Box]:
        """Where each moving artist may be seen at any of the steps."""
        drawing, renderer = self._drawing, self._drawing.canvas.get_renderer()
        free = [artist for artist in drawing.moving if not is_kept_inside(artist)]
        boxes: dict[Any, list[Box]] = {artist: [] for artist in free}
        for step in dict.fromkeys(self.steps) if free else ():
            drawing.show(step)
            for artist in free:
                known = self._known.get(artist)
                if known and (known.has_changed(renderer) or not boxes[artist]):
                    boxes[artist].append(known.box)
                elif not known and is_seen(artist):
                    boxes[artist].append(box_of(artist, renderer))
        kept = {artist: Box(*artist.axes.bbox.padded(1).extents) for artist in drawing.moving if artist not in boxes}
        return {**kept, **{artist: _union(found) for artist, found in boxes.items()}}


def _union(boxes: list[Box]) -> Box:
    boxes = [box for box in boxes if box is not NOWHERE]
    if not boxes:
        return NOWHERE
    left, lower, right, upper = zip(*boxes, strict=True)
    return Box(min(left), min(lower), max(right), max(upper))


def _tiles(mask: Mask) -> Mask:
    """Tell the tiles in which a mask has anything."""
    rows, columns = (np.arange(0, extent, _TILE) for extent in mask.shape)
    tiles: Mask = np.logical_or.reduceat(np.logical_or.reduceat(mask, rows, axis=0), columns, axis=1)
    return tiles


def _slices(box: Box, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of tiles that a box touches; rows are counted from above."""
    height, width = shape
    top, bottom = max(height - box.upper, 0), max(min(height - box.lower, height), 0)
    left, right = max(box.left, 0), max(min(box.right, width), 0)
    return slice(int(top / _TILE), math.ceil(bottom / _TILE)), slice(int(left / _TILE), math.ceil(right / _TILE))
