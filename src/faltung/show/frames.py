"""Frames of a scene as pixels: what stands still is drawn once, and only what moves is drawn again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .drawing import Drawing
from .scene import Scene

Pixels = npt.NDArray[np.uint8]
_ROOM = 2.0
"""Pixels around a box for smooth edges and whole pixels, besides the width of lines."""
_TICKS = 6.0
"""Pixels that marks on an axis stand out; Matplotlib's default is 3.5 points."""


class Frames:
    """The frames of some steps of a scene; each is equal to the whole picture drawn anew, pixel by pixel."""

    def __init__(self, scene: Scene, *, width: int = 800, theme: str = "light",
                 steps: Sequence[int] | None = None) -> None:
        self.steps = list(range(scene.steps) if steps is None else steps)
        self._drawing = drawing = Drawing(scene, width, theme)
        self._live = _touched(drawing, self.steps)
        for artist in self._live:
            artist.set_animated(True)  # left out of the background
        drawing.canvas.draw()
        self._background = drawing.canvas.copy_from_bbox(drawing.figure.bbox)

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Pixels]:
        return map(self.frame, self.steps)

    def frame(self, step: int) -> Pixels:
        """Draw one step: an array of (height, width, 3)."""
        drawing = self._drawing
        drawing.show(step)
        drawing.canvas.restore_region(self._background)
        renderer = drawing.canvas.get_renderer()
        for artist in self._live:
            artist.draw(renderer)
        return np.array(np.asarray(drawing.canvas.buffer_rgba())[:, :, :3])


def _touched(drawing: Drawing, steps: Sequence[int]) -> list[Any]:
    """Find what has to be drawn for every frame: what moves, and whatever lies over that, in order."""
    boxes = _reach(drawing, steps)
    renderer = drawing.canvas.get_renderer()
    touched: list[Any] = []
    places: list[Any] = []
    for artist in drawing.order:
        if artist not in boxes and not _is_seen(artist):
            continue
        place = boxes[artist] if artist in boxes else _box(artist, renderer)
        if artist in boxes or any(_meet(place, other) for other in places):
            touched.append(artist)
            places.append(place)
    return touched


def _reach(drawing: Drawing, steps: Sequence[int]) -> dict[Any, Any]:
    """Where each moving artist may be seen at any of the steps; None for anywhere."""
    renderer = drawing.canvas.get_renderer()
    kept = {artist: artist.axes.bbox.extents for artist in drawing.moving if _is_kept_inside(artist)}
    free = [artist for artist in drawing.moving if artist not in kept]
    boxes: dict[Any, list[Any]] = {artist: [] for artist in free}
    for step in steps if free else ():
        drawing.show(step)
        for artist in free:
            if artist.get_visible():
                boxes[artist].append(_box(artist, renderer))
    return {**kept, **{artist: _union(found) for artist, found in boxes.items()}}


def _is_seen(artist: Any) -> bool:
    """Whether an artist draws anything: every axes has titles without text."""
    from matplotlib.text import Text

    return artist.get_visible() and not (type(artist) is Text and not artist.get_text().strip())


def _is_kept_inside(artist: Any) -> bool:
    """Whether an artist is clipped by the rectangle of its axes."""
    axes = artist.axes
    return axes is not None and artist is not axes and artist.get_clip_on() and (
        artist.get_clip_box() is not None or artist.get_clip_path() is not None)


def _box(artist: Any, renderer: Any) -> Any:
    """Left, lower, right and upper edge of an artist, in pixels; None if they are not known."""
    from matplotlib.axis import Axis
    from matplotlib.patches import Patch
    from matplotlib.spines import Spine

    # A spine counts the ticks as its own, and an axis its labels only.
    found = Patch.get_window_extent(artist) if isinstance(artist, Spine) else artist.get_tightbbox(renderer)
    if isinstance(artist, Axis):
        ticks = artist.axes.bbox.padded(_TICKS)
        found = ticks if found is None else ticks.union([ticks, found])
    if found is None or not np.isfinite(found.extents).all():
        return None
    room = _ROOM + float(np.max(getattr(artist, "get_linewidth", lambda: 0)(), initial=0))
    return found.extents + np.array([-room, -room, room, room])


def _union(boxes: list[Any]) -> Any:
    if any(box is None for box in boxes):
        return None
    if not boxes:
        return np.zeros(4)
    edges = np.array(boxes)
    return np.concatenate([edges[:, :2].min(axis=0), edges[:, 2:].max(axis=0)])


def _meet(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return True
    return bool(one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3])
