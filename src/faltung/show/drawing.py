"""A scene laid out for good: which of its artists move, and in which order all of them are drawn."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import Any

from ..errors import FaltungError
from .scene import Scene, staged


class Drawing:
    """A scene on a figure whose layout is frozen, ready to be moved from step to step."""

    def __init__(self, scene: Scene, width: int, theme: str) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        self.stage, self.show = staged(scene, width, theme)
        self.figure = self.stage.figure
        self.canvas = FigureCanvasAgg(self.figure)
        self.moving = list(dict.fromkeys(self.show(scene.first)))
        self.figure.draw_without_rendering()
        # From here on nothing finds another place: labels that change do not push the axes about.
        self.figure.set_layout_engine("none")
        self.order = list(in_drawing_order(self.figure, set(self.moving)))
        lost = [artist for artist in self.moving if artist not in self.order]
        if lost:
            raise FaltungError(f"show: {lost[0]} of {scene.title!r} moves, but is a part of another artist; "
                               "return the whole of it from show")


def in_drawing_order(parent: Any, moving: set[Any]) -> Iterator[Any]:
    """Artists of a figure or axes as Matplotlib draws them one after the other; axes that move stay whole."""
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase

    hidden = {parent.patch}
    if isinstance(parent, Axes):
        shows_frame = parent.axison and parent.get_frame_on()
        if not shows_frame:
            hidden.update(parent.spines.values())
        if not parent.axison:
            hidden.update((parent.xaxis, parent.yaxis))
    else:
        shows_frame = True
    if shows_frame:
        yield parent.patch
    for artist in sorted(parent.get_children(), key=attrgetter("zorder")):
        if artist in hidden:
            continue
        if isinstance(artist, (Axes, FigureBase)) and artist not in moving:
            if artist.get_visible():
                yield from in_drawing_order(artist, moving)
        else:
            yield artist
