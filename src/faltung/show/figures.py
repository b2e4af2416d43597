"""Figures that are drawn in their own style whoever draws them, and whenever: a notebook, or the user's `savefig`."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from .settings import drawing_settings
from .style import DOTS_PER_INCH, Theme


class StyledFigure(Figure):
    """A figure of a width and a height in pixels."""

    def __init__(self, theme: Theme, width: int, height: int) -> None:
        self._style = theme, width
        super().__init__(figsize=(width / DOTS_PER_INCH, height / DOTS_PER_INCH), dpi=DOTS_PER_INCH,
                         layout="constrained")

    def draw(self, renderer: Any) -> None:
        """Draw everything; ticks and numbers that are made only now get the style's settings, too."""
        with drawing_settings(*self._style):
            super().draw(renderer)
