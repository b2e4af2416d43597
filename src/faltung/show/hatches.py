"""Hatches in SVG as they are on pixels: Matplotlib's own vanish on faces that let something through."""

from __future__ import annotations

import re

_HATCHED = re.compile(r"(?<=fill: url\(#)([^)]+)\); (fill-)?opacity: ([\d.]+)")
_PATTERN = re.compile(r'(<pattern id="([^"]*)"[^>]*>\s*<rect\b[^>]*?)(?=/?>)')


def with_clear_hatches(text: str) -> str:
    """Let the paper through the face between hatches; Matplotlib paints face and hatches together, and both pale."""
    alphas = {name: alpha for name, _, alpha in _HATCHED.findall(text)}
    text = _PATTERN.sub(lambda match: match[1] + (f' fill-opacity="{alphas[match[2]]}"' if match[2] in alphas else ""),
                        text)
    return _HATCHED.sub(lambda match: f"{match[1]})" + ("" if match[2] else f"; stroke-opacity: {match[3]}"), text)
