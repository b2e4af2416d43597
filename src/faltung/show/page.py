"""Animations as one HTML file that needs nothing else: no network, no libraries, no fonts of the system."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from ..errors import FaltungError
from ..images.files import beside
from . import fonts
from .scene import Scene
from .style import DARK, LIGHT, Theme
from .vectors import Layer, layer

WIDE, NARROW = 900, 320
"""Widths that a page is laid out for: windows from 700 pixels on, and telephones."""
MOST_BYTES = 1_000_000


def save(scene: Scene, path: Path, *, width: int, theme: str, rate: float, steps: Sequence[int]) -> None:
    """Write the steps as a page; it has both layouts and both themes whatever is asked for."""
    # Drawn in the light theme: its colours are names in the page, which the dark one gives other values.
    layers = [layer(scene, pixels, "light", steps, prefix) for pixels, prefix in ((WIDE, "w"), (NARROW, "n"))]
    first = steps.index(scene.first) if scene.first in steps else 0
    data = {"layers": [_packed(one) for one in layers], "words": [scene.words(step) for step in steps],
            "rate": rate, "first": first}
    text = _filled(scene.title or "Convolution", "dark" if theme == "dark" else "", fonts.faces(layers), data)
    page = text.encode()
    if len(page) > MOST_BYTES:
        raise FaltungError(f"animate: {path} would have {len(page) / 1e6:.1f} MB, and {MOST_BYTES // 1_000_000} MB "
                           "is the most for a page; use fewer steps or a smaller input, or write .mp4")
    with beside(path) as part:
        part.write_bytes(page)


def _filled(title: str, theme: str, faces: str, data: dict[str, Any]) -> str:
    folder = Path(__file__).parent
    html, css, script = ((folder / f"page.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    packed = gzip.compress(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode(), 9, mtime=0)
    return Template(html).substitute(title=escape(title), theme=theme, style=faces + _themes() + css, script=script,
                                     data=b64encode(packed).decode())


def _themes() -> str:
    """The colours as variables: what the system prefers, unless the button has said otherwise."""
    light, dark = _variables(LIGHT), _variables(DARK)
    return (f":root {{ {light} }}\n"
            f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
            f':root[data-theme="light"] {{ {light} }}\n'
            f':root[data-theme="dark"] {{ {dark} }}\n')


def _variables(theme: Theme) -> str:
    colours = "; ".join(f"--{name}: {colour}" for name, colour in theme._asdict().items() if name != "name")
    return f"color-scheme: {theme.name}; {colours}"


def _packed(one: Layer) -> dict[str, Any]:
    """Tell each piece by what it shares with the one before, at its start and at its end."""
    told: list[tuple[int, str, int]] = []
    before = ""
    for piece in one.pieces:
        head = _shared(before, piece)
        tail = _shared(before[head:][::-1], piece[head:][::-1])
        told.append((head, piece[head:len(piece) - tail], tail))
        before = piece
    return {**one._asdict(), "pieces": told}


def _shared(one: str, other: str) -> int:
    """Count the letters that two texts have in common at their start."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
