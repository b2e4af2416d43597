"""Scenes: pictures with steps, drawn once and then moved; still pictures, films and pages are made of the same ones."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..errors import FaltungError
from .settings import drawing_settings
from .style import NARROWEST, WIDEST, Theme, letter_points, theme_named

Show = Callable[[int], Sequence[Any]]
"""Moves a drawing to a step; returns the artists (Matplotlib's) that the step may have changed."""

NARROW = 600
"""Pictures of fewer pixels are laid out for a telephone: one column, fewer and shorter labels."""


class Stage(NamedTuple):
    """A figure to draw upon, and what a scene needs to know of it."""

    figure: Any
    theme: Theme
    width: int
    """Pixels."""
    height: int
    """Pixels."""

    @property
    def is_narrow(self) -> bool:
        """Whether there is room for one column only."""
        return self.width < NARROW

    @property
    def points(self) -> float:
        """Size of plain letters."""
        return letter_points(self.width)


class Scene(ABC):
    """Something to look at: still, or step by step.

    A scene holds the numbers, worked out once by the engine; `lay_out` may be called for several stages.
    """

    title: str = ""
    steps: int = 1
    """How many there are to show."""
    first: int = 0
    """The step of the still picture."""
    rate: float = 4.0
    """Steps a second when it plays."""

    @abstractmethod
    def height(self, width: int) -> int:
        """Pixels that it needs at a width."""

    @abstractmethod
    def lay_out(self, stage: Stage) -> Show:
        """Draw everything, moving artists included, and return what moves it to a step."""

    @abstractmethod
    def words(self, step: int) -> str:
        """Tell what is seen at a step: the caption, and the text for those who cannot see it."""


def picture(scene: Scene, step: int | None = None, *, width: int = 800, theme: str = "light") -> Any:
    """Draw a scene as a figure of Matplotlib's.

    Parameters
    ----------
    scene : Scene
        What to draw.
    step : int, optional
        Which step of it; the scene's own choice by default.
    width : int
        Pixels, 240 to 4000; letters and layout follow it.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    matplotlib.figure.Figure
        With 100 dots an inch.
    """
    number = check_step(scene, scene.first if step is None else step)
    stage, show = staged(scene, width, theme)
    show(number)
    return stage.figure


def check_step(scene: Scene, step: int) -> int:
    """Return the step, if the scene has it."""
    if not 0 <= step < scene.steps:
        raise FaltungError(f"show: step {step} is not there; {scene.title!r} has steps 0 to {scene.steps - 1}")
    return step


def staged(scene: Scene, width: int, theme: str) -> tuple[Stage, Show]:
    """Lay a scene out on a new figure."""
    if not NARROWEST <= width <= WIDEST:
        raise FaltungError(f"show: width {width} is out of range; use {NARROWEST} to {WIDEST} pixels")
    colours, height = theme_named(theme), scene.height(width)
    with drawing_settings(colours, width):
        from .figures import StyledFigure

        stage = Stage(StyledFigure(colours, width, height), colours, width, height)
        return stage, scene.lay_out(stage)
