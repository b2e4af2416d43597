"""Animations in files, by the suffix: GIF, MP4 and pages."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from ..errors import FaltungError
from .files import FORMATS
from .scene import Scene, check_step
from .settings import drawing_settings, need_matplotlib
from .style import NARROWEST, WIDEST, theme_named

ANIMATIONS = {".gif": "gif", ".mp4": "mp4", ".html": "page"}
"""Suffixes, and the modules that write them."""
MOST_STEPS = 2000
MOST_PIXELS = 500_000_000
"""Of all frames together: 1000 of 800x600.  A GIF needs two bytes of memory for each."""
SLOWEST, FASTEST = 0.1, 50.0
"""Steps a second; GIF counts in hundredths of a second."""


def animate(scene: Scene, path: str | os.PathLike[str], *, width: int = 800, theme: str = "light",
            rate: float | None = None, steps: Sequence[int] | None = None) -> Path:
    """Write all steps of a scene to a file that shows them one after the other.

    Parameters
    ----------
    scene : Scene
        What is shown.
    path : str or path
        Its suffix says the kind: .gif; .mp4, which needs ffmpeg; or .html, a page of its own that needs nothing else,
        with play, pause, single steps, and both themes.
    width : int
        Pixels, 240 to 4000.  A page is laid out for wide and narrow windows whatever the width.
    theme : {"light", "dark"}
        Colours.  A page follows what the reader's system prefers, unless this says "dark".
    rate : float, optional
        Steps a second; the scene's own by default.
    steps : sequence of int, optional
        Which steps, in which order; all by default.

    Returns
    -------
    Path
        The file, whole; if anything goes wrong there is none, or the one of before.
    """
    target = check_output(path)
    kind = ANIMATIONS.get(target.suffix.lower())
    if kind is None:
        raise FaltungError(f"animate: {target} is a picture of one step; use {', '.join(ANIMATIONS)}")
    chosen = _chosen(scene, steps)
    pace = _pace(scene.rate if rate is None else rate)
    colours = theme_named(theme)
    if not NARROWEST <= width <= WIDEST:
        raise FaltungError(f"animate: width={width} is out of range; use {NARROWEST} to {WIDEST} pixels")
    need_matplotlib()
    with drawing_settings(colours, width):
        import_module(f".{kind}", __package__).save(scene, target, width=width, theme=theme, rate=pace, steps=chosen)
    return target


def check_output(path: str | os.PathLike[str], step: int | None = None) -> Path:
    """Return the path, if its suffix is one that can be written, and its folder is there."""
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in {**FORMATS, **ANIMATIONS}:
        raise FaltungError(f"show: {target} has no suffix of a picture or an animation; "
                           f"use {', '.join((*FORMATS, *ANIMATIONS))}")
    if suffix in ANIMATIONS and step is not None:
        raise FaltungError(f"show: {target} shows all steps, not step {step} alone; leave the step out, "
                           f"or use {', '.join(FORMATS)}")
    if not target.parent.is_dir():
        raise FaltungError(f"show: {target}: folder {target.parent} does not exist; make it first (mkdir -p)")
    return target


def check_pixels(scene: Scene, width: int, count: int) -> None:
    """Refuse a film of more pixels than anyone would wait for."""
    pixels = width * scene.height(width) * count
    if pixels > MOST_PIXELS:
        raise FaltungError(f"animate: {count} frames of {width}x{scene.height(width)} are {pixels / 1e6:.0f} million "
                           f"pixels, and {MOST_PIXELS / 1e6:.0f} million are the most; use a smaller width "
                           "or fewer steps")


def _chosen(scene: Scene, steps: Sequence[int] | None) -> list[int]:
    chosen = list(range(scene.steps) if steps is None else steps)
    if not chosen:
        raise FaltungError("animate: steps=[] names no step; name one at least")
    if len(chosen) > MOST_STEPS:
        raise FaltungError(f"animate: {len(chosen)} steps are more than {MOST_STEPS}; use a smaller input, "
                           "or choose some with steps=")
    return [check_step(scene, step) for step in chosen]


def _pace(rate: Any) -> float:
    if not (math.isfinite(rate) and SLOWEST <= rate <= FASTEST):
        raise FaltungError(f"animate: rate={rate:g} is out of range; use {SLOWEST:g} to {FASTEST:g} steps a second")
    return float(rate)
