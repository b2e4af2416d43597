"""The one style of all pictures: colours that colour-blind eyes tell apart, light and dark, and sizes of letters."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..errors import FaltungError


class Theme(NamedTuple):
    """Colours by what they stand for; no two of a theme are equal, so that a page can exchange them."""

    name: str
    paper: str
    """What is drawn upon."""
    ink: str
    """Text and axes."""
    soft: str
    """Text of the second rank."""
    faint: str
    """Grids and empty cells' edges."""
    image: str
    """The image or signal, f."""
    kernel: str
    """The kernel or pattern, g."""
    result: str
    """What comes out."""
    border: str
    """Cells that the border supplies."""
    mark: str
    """What the reader should look at now."""


# Okabe and Ito's colours ("Color Universal Design", 2008), darkened or lightened for contrast with the paper.
LIGHT = Theme("light", paper="#ffffff", ink="#1b1f24", soft="#57606a", faint="#d0d7de", image="#0072b2",
              kernel="#b84a00", result="#007a5a", border="#81609a", mark="#a4327f")
DARK = Theme("dark", paper="#0f1318", ink="#e6edf3", soft="#9da7b3", faint="#343b44", image="#56b4e9",
             kernel="#f0923b", result="#2fc08f", border="#b08fc7", mark="#f2a6d3")
THEMES = {"light": LIGHT, "dark": DARK}

SIGNED = "PuOr_r"
"""Colour map of values around zero: orange above, purple below."""
SCORES = "cividis"
"""Colour map of values that only grow; even for those who see no red or green."""
PIXELS = "gray"

DOTS_PER_INCH = 100
NARROWEST, WIDEST = 240, 4000
"""Widths of pictures in pixels."""


def theme_named(name: str) -> Theme:
    """The theme "light" or "dark"."""
    if name not in THEMES:
        raise FaltungError(f'show: theme "{name}" is not known; use "light" or "dark"')
    return THEMES[name]


def letter_points(width: int) -> float:
    """Size of the letters on a picture of this width in pixels, in points: 7.5 at 400, 9.5 at 800, 13.5 at 1600."""
    return min(max(5.5 + width / 200, 7.0), 16.0)


def look(theme: Theme, width: int) -> dict[str, Any]:
    """Matplotlib's settings for one picture, where they differ from its defaults."""
    points = letter_points(width)
    return {
        "figure.facecolor": theme.paper, "savefig.facecolor": theme.paper, "axes.facecolor": theme.paper,
        "text.color": theme.ink, "axes.labelcolor": theme.ink, "axes.edgecolor": theme.soft,
        "axes.titlecolor": theme.ink, "xtick.color": theme.soft, "ytick.color": theme.soft,
        "xtick.labelcolor": theme.soft, "ytick.labelcolor": theme.soft,
        "grid.color": theme.faint, "axes.axisbelow": True,
        "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "mathtext.fontset": "dejavusans",
        "font.size": points, "axes.titlesize": points * 1.1, "axes.labelsize": points, "axes.titlelocation": "left",
        "xtick.labelsize": points * 0.9, "ytick.labelsize": points * 0.9, "legend.fontsize": points * 0.9,
        "legend.frameon": False, "axes.spines.top": False, "axes.spines.right": False,
        "lines.linewidth": 1.0 + width / 1000, "lines.solid_capstyle": "round",
    }
