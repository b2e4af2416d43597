"""A scene as pieces of SVG: what stands still once, and each thing that moves by itself, step by step."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256
from io import StringIO
from typing import Any, NamedTuple

from .drawing import Drawing
from .hatches import with_clear_hatches
from .known import Label
from .paths import rounded, short
from .scene import Scene
from .settings import drawing_settings, file_settings, need_matplotlib
from .style import Theme

_POINTS_PER_INCH = 72
_IMAGE_DOTS = 144
"""Dots an inch of images that Matplotlib scales itself; finer than a still picture, for screens with small pixels."""
_DEFINITIONS = re.compile(r"<defs>(.*?)</defs>", re.DOTALL)
_DEFINITION = re.compile(r"<(clipPath|pattern|\w+Gradient|filter)\b.*?</\1>|<path\b[^>]*/>", re.DOTALL)
_NUMBERS = re.compile(r'(?<= )(d|x|y|points|width|height)="([^"]*)"')


class Layer(NamedTuple):
    """A scene at one width.

    The picture is still[0], a piece of the first slot, still[1], a piece of the second slot, and so on.
    """

    width: float
    height: float
    definitions: str
    still: list[str]
    pieces: list[str]
    """All that is ever seen in a slot, each once."""
    steps: list[list[int]]
    """For each step the piece in each slot."""


def layer(scene: Scene, width: int, theme: str, steps: Sequence[int], prefix: str) -> Layer:
    """Draw some steps of a scene; identifiers begin with the prefix."""
    drawing = Drawing(scene, width, theme)
    drawing.figure.dpi = _POINTS_PER_INCH  # the unit of Matplotlib's SVG
    with drawing_settings(drawing.stage.theme, width), file_settings():
        return _layer(drawing, Writer(drawing, prefix), steps)


def _layer(drawing: Drawing, writer: Writer, steps: Sequence[int]) -> Layer:
    moving = [artist for artist in drawing.order if artist in set(drawing.moving)]
    still: list[str] = []
    run: list[Any] = []
    for artist in drawing.order:
        if artist in moving:
            still.append(writer.piece(run))
            run = []
        else:
            run.append(artist)
    still.append(writer.piece(run))
    table = []
    for step in steps:
        drawing.show(step)
        table.append([writer.moving(artist) for artist in moving])
    # Slot by slot, so that neighbours resemble each other, and pack well.
    numbers: dict[str, int] = {}
    columns = [[numbers.setdefault(piece, len(numbers)) for piece in column] for column in zip(*table, strict=True)]
    rows = [list(row) for row in zip(*columns, strict=True)] if columns else [[] for _ in steps]
    box = drawing.figure.bbox
    return Layer(box.width, box.height, "".join(writer.definitions.values()), still, list(numbers), rows)


class Writer:
    """Writes artists as SVG, and gathers what they refer to; used within Matplotlib's `rc_context`."""

    def __init__(self, drawing: Drawing, prefix: str) -> None:
        self.definitions: dict[str, str] = {}
        """Identifiers, and the elements that have them."""
        self._labels: dict[Any, str] = {}
        self._box = drawing.figure.bbox
        self._prefix = prefix
        theme = drawing.stage.theme
        self._names = {colour: name for name, colour in _colours(theme).items()}

    def moving(self, artist: Any) -> str:
        """Draw an artist by itself; a label that is known only once."""
        if not Label.fits(artist):
            return self.piece([artist])
        key = artist, Label(artist).state()
        if key not in self._labels:
            self._labels[key] = self.piece([artist])
        return self._labels[key]

    def piece(self, artists: Sequence[Any]) -> str:
        """Draw artists one over the other."""
        from matplotlib.backends.backend_svg import RendererSVG

        stream = StringIO()
        nothing = dict.fromkeys(("Format", "Type", "Creator", "Date"))
        # A renderer for each piece: its identifiers are then the same whenever the same is drawn.
        need_matplotlib().rcParams["svg.fonttype"] = _letters(artists)
        renderer = RendererSVG(self._box.width, self._box.height, stream, image_dpi=_IMAGE_DOTS, metadata=nothing)
        for artist in artists:
            artist.draw(renderer)
        renderer.finalize()
        # Before the first end of definitions stand the head of the file and a style.
        body = stream.getvalue().split("</defs>", 1)[1].rsplit("</svg>", 1)[0]
        return self._with_own_definitions(self._plain(body))

    def _plain(self, text: str) -> str:
        """Leave out what says nothing here, and name the colours of the theme."""
        text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
        text = re.sub(r">\s+<", "><", text).strip().replace("\n", "")
        text = re.sub(r' transform="rotate\(-0 [^"]*"', "", text).replace("xlink:href", "href")
        text = re.sub(r"font-family: [^;\"]*(; )?", "", text)
        text = re.sub(r' fill="(#[0-9a-f]{6})"', r' style="fill: \1"', with_clear_hatches(text))
        text = re.sub(r"(?<=: )#[0-9a-f]{6}(?=[;\"])", self._colour, text)
        return _NUMBERS.sub(_rounded, text)

    def _colour(self, match: re.Match[str]) -> str:
        name = self._names.get(match.group())
        return f"var(--{name})" if name else match.group()

    def _with_own_definitions(self, text: str) -> str:
        """Move definitions out, each once, and let the piece refer to them."""
        names: dict[str, str] = {}
        for group in _DEFINITIONS.findall(text):
            for match in _DEFINITION.finditer(group):
                names.update(self._define(match.group()))
        text = _DEFINITIONS.sub("", text)
        text = re.sub(r' id="[^"]*"', "", text)
        text = re.sub(r'(url\(|href=")#([^)"]+)', lambda match: f"{match[1]}#{names[match[2]]}", text)
        # Groups that only bore a name, and those that hold nothing.
        return re.sub(r"<g>\s*</g>|<g/>", "", text)

    def _define(self, element: str) -> dict[str, str]:
        found = re.search(r' id="([^"]*)"', element)
        if found is None:
            return {}
        plain = element.replace(found.group(), "", 1)
        name = self._prefix + sha256(plain.encode()).hexdigest()[:8]
        self.definitions[name] = re.sub(r"^<\w+", rf'\g<0> id="{name}"', plain)
        return {found[1]: name}


def _letters(artists: Sequence[Any]) -> str:
    """Text stays text; formulas become shapes, for their signs come from several fonts."""
    from matplotlib.text import Text

    texts = (text.get_text() for artist in artists for text in artist.findobj(Text))
    return "path" if any(text.count("$") > 1 for text in texts) else "none"


def _rounded(match: re.Match[str]) -> str:
    return f'{match[1]}="{short(match[2]) if match[1] == "d" else rounded(match[2])}"'


def _colours(theme: Theme) -> dict[str, str]:
    return {name: colour for name, colour in theme._asdict().items() if name != "name"}
