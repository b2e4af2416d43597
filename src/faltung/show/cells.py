"""Grids of cells on a figure: one unit of an axes is one cell, so positions can be read back as they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from .panels import Box, axes_at, fitting_points
from .scene import Stage

Place = tuple[float, float]
"""Row and column."""
_INSET = 0.09
"""A frame within a cell leaves so much of it free on each side."""
_HATCH = (((0.0, 0.5), (0.5, 1.0)), ((0.5, 0.0), (1.0, 0.5)), ((0.0, 0.0), (1.0, 1.0)))
"""Diagonals of a hatched cell, from its lower left corner; the last one crosses the middle."""


class Grid(NamedTuple):
    """Cells from (row, column) ``low`` to ``high`` in a box of the figure."""

    box: Box
    low: tuple[int, int]
    high: tuple[int, int]
    cell: float
    """Pixels."""

    def pixel(self, row: float, column: float) -> tuple[float, float]:
        """Where a place lies on the figure, in pixels from its upper left corner; a cell has it in its middle."""
        return (self.box.left + (column - self.low[1] + 0.5) * self.cell,
                self.box.top + (row - self.low[0] + 0.5) * self.cell)

    def axes(self, stage: Stage) -> Any:
        """Axes in which a cell is one by one."""
        axes = axes_at(stage, self.box)
        axes.set_xlim(self.low[1] - 0.5, self.high[1] + 0.5)
        axes.set_ylim(self.high[0] + 0.5, self.low[0] - 0.5)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_axis_off()
        return axes


def grid_at(left: float, top: float, low: tuple[int, int], high: tuple[int, int], cell: float) -> Grid:
    """A grid whose upper left corner lies at these pixels."""
    rows, columns = high[0] - low[0] + 1, high[1] - low[1] + 1
    return Grid(Box(left, top, columns * cell, rows * cell), low, high, cell)


def square(row: float, column: float, inset: float = 0.0) -> list[Place]:
    """Corners (x, y) of a cell."""
    half = 0.5 - inset
    return [(column - half, row - half), (column + half, row - half), (column + half, row + half),
            (column - half, row + half)]


def frame_of(row: float, column: float) -> list[Place]:
    """Corners of the frame that a tap draws within a cell."""
    return square(row, column, _INSET)


def fill(axes: Any, places: Iterable[Place], colour: str, alpha: float, edge: str, width: float, **style: Any) -> Any:
    """Cells of one kind, as one artist."""
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import to_rgba

    cells = PolyCollection([square(*place) for place in places], facecolors=[to_rgba(colour, alpha)],
                           edgecolors=[edge], linewidths=width, clip_on=False, **style)
    axes.add_collection(cells, autolim=False)
    return cells


def hatch(axes: Any, places: Iterable[Place], colour: str, width: float, *, middle: bool = True, **style: Any) -> Any:
    """Diagonals through cells, on request not through their middles: Matplotlib's own do not grow with the cells."""
    from matplotlib.collections import LineCollection

    lines = [[(column - 0.5 + x, row + 0.5 - y) for x, y in ends] for row, column in places
             for ends in (_HATCH if middle else _HATCH[:2])]
    drawn = LineCollection(lines, colors=colour, linewidths=width, capstyle="butt", **style)
    axes.add_collection(drawn, autolim=False)
    return drawn


def letter(axes: Any, stage: Stage, cell: float, texts: Sequence[tuple[Place, str]], colour: str, scale: float = 1.0,
           **style: Any) -> bool:
    """Write into cells, all in one size, if there is room; tell whether there is."""
    longest = max((len(text) for _, text in texts), default=0)
    points = fitting_points(longest, cell * scale, stage.points) if longest else None
    if points is None:
        return False
    for (row, column), text in texts:
        axes.text(column, row, text, ha="center", va="center", size=min(points, stage.points), color=colour, **style)
    return True
