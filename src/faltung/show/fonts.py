"""The letters of a page: as many of DejaVu Sans as it uses, so that labels are as wide as they were laid out."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import unescape
from io import BytesIO
from typing import Literal

from .vectors import Layer

Slant = Literal["normal", "oblique"]
_TEXTS = re.compile(r"<text([^>]*)>([^<]*)</text>")


def faces(layers: Sequence[Layer]) -> str:
    """Write CSS that holds the fonts of all texts in some layers, under the name Picture."""
    letters: dict[tuple[str, Slant], set[str]] = {}
    for text in _svg(layers):
        for attributes, words in _TEXTS.findall(text):
            letters.setdefault((_weight(attributes), _slant(attributes)), set()).update(unescape(words))
    return "".join(_face(weight, slant, used) for (weight, slant), used in sorted(letters.items()) if used)


def _svg(layers: Sequence[Layer]) -> Iterable[str]:
    for one in layers:
        yield from one.still
        yield from one.pieces


def _weight(attributes: str) -> str:
    found = re.search(r"font-weight: (\d+)", attributes)
    return "bold" if found and int(found[1]) >= 600 else "normal"


def _slant(attributes: str) -> Slant:
    return "oblique" if "font-style" in attributes else "normal"


def _face(weight: str, slant: Slant, letters: set[str]) -> str:
    """One font with some letters, as a rule of CSS."""
    from matplotlib.font_manager import FontProperties, findfont

    path = findfont(FontProperties(family="DejaVu Sans", weight=weight, style=slant))
    data = b64encode(_subset(str(path), "".join(sorted(letters)))).decode()
    return (f'@font-face {{ font-family: Picture; font-weight: {weight}; font-style: {slant}; '
            f'src: url(data:font/woff;base64,{data}) format("woff"); }}\n')


def _subset(path: str, letters: str) -> bytes:
    # Comes with Matplotlib, which needs it for PDF.
    from fontTools import subset

    options = subset.Options(flavor="woff", hinting=False, desubroutinize=True, layout_features=["kern"],
                             name_IDs=[1, 2], notdef_outline=True)
    options.drop_tables.append("FFTM")  # a date
    stream = BytesIO()
    with subset.load_font(path, options) as font:
        subsetter = subset.Subsetter(options)
        subsetter.populate(text=letters)
        subsetter.subset(font)
        subset.save_font(font, stream, options)
    return stream.getvalue()
