"""Where artists are seen on a canvas, as boxes in pixels that hold every trace of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

_ROOM = 2.0
"""Pixels for smooth edges and whole pixels."""
_SPIKES = 3.0
"""How many of its widths a line may stand out at a corner."""
_TICKS = 6.0
"""Pixels that marks on an axis stand out; Matplotlib's default is 3.5 points."""


class Box(NamedTuple):
    """A rectangle, in pixels from the lower left corner."""

    left: float
    lower: float
    right: float
    upper: float

    def meets(self, other: Box) -> bool:
        """Whether two boxes have a pixel in common."""
        return (self.left < other.right and other.left < self.right
                and self.lower < other.upper and other.lower < self.upper)

    def within(self, other: Box) -> Box:
        """What of it lies in another box."""
        return Box(max(self.left, other.left), max(self.lower, other.lower),
                   min(self.right, other.right), min(self.upper, other.upper))


EVERYWHERE = Box(-np.inf, -np.inf, np.inf, np.inf)
NOWHERE = Box(0, 0, 0, 0)


def is_seen(artist: Any) -> bool:
    """Whether an artist draws anything: every axes has titles without text."""
    from matplotlib.text import Text

    return artist.get_visible() and not (type(artist) is Text and not artist.get_text().strip())


def box_of(artist: Any, renderer: Any) -> Box:
    """The box of an artist as it is now."""
    from matplotlib.axis import Axis
    from matplotlib.patches import Patch
    from matplotlib.spines import Spine
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox

    if isinstance(artist, Axis):
        return _axis_box(artist, renderer)
    # A spine counts the ticks as its own.
    found = Patch.get_window_extent(artist) if isinstance(artist, Spine) else artist.get_window_extent(renderer)
    frame = artist.get_bbox_patch() if isinstance(artist, Text) else None
    if frame is not None:
        found = Bbox.union([found, frame.get_window_extent(renderer)])
    if found is None or not np.isfinite(found.extents).all():
        return EVERYWHERE
    width = float(np.max(getattr(artist, "get_linewidth", lambda: 0)(), initial=0))
    box = _padded(found, _ROOM + _SPIKES * (width + 2 * bool(artist.get_path_effects())))
    return box.within(_padded(artist.axes.bbox, 1)) if is_kept_inside(artist) else box


def is_kept_inside(artist: Any) -> bool:
    """Whether an artist is clipped by the rectangle of its axes."""
    axes = artist.axes
    return axes is not None and artist is not axes and artist.get_clip_on() and (
        artist.get_clip_box() is not None or artist.get_clip_path() is not None)


def _axis_box(axis: Any, renderer: Any) -> Box:
    """The box of an axis: its labels, and a strip for its marks, or all of the axes if it draws a grid."""
    inside = axis.axes.bbox
    ticks = axis.get_major_ticks()
    has_grid = any(tick.gridline.get_visible() for tick in ticks)
    if not has_grid and axis.get_ticks_position() in ("bottom", "left"):
        strip = inside.frozen()
        strip.p1 = (inside.x1, inside.y0) if axis.axis_name == "x" else (inside.x0, inside.y1)
        inside = strip
    box = _padded(inside, _TICKS)
    labels = axis.get_tightbbox(renderer)
    if labels is None:
        return box
    other = _padded(labels, _ROOM)
    return Box(min(box.left, other.left), min(box.lower, other.lower),
               max(box.right, other.right), max(box.upper, other.upper))


def _padded(box: Any, room: float) -> Box:
    left, lower, right, upper = (float(edge) for edge in box.extents)
    return Box(min(left, right) - room, min(lower, upper) - room, max(left, right) + room, max(lower, upper) + room)
