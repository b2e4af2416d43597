"""Filter a photograph and a tiny picture, find patterns in three, and lay out a contact sheet.

Run it with ``make demo``; everything it makes is in the folder demo-output.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from faltung import kernels

OUTPUT = Path("demo-output")
TINY = Path(__file__).with_name("hi.txt")


@dataclass(frozen=True)
class Panel:
    """One picture of the sheet: file, title, the options that made it, and a line of facts."""

    name: str
    title: str
    options: str = ""
    note: str = ""

    @property
    def path(self) -> Path:
        """Where the picture lies."""
        return OUTPUT / f"{self.name}.png"


PHOTO = [
    Panel("photo", "The photograph", note="600x400 pixels, RGB, 8 bits a channel"),
    Panel("photo-gaussian", "Gaussian, sigma 4", "--kernel gaussian:sigma=4"),
    Panel("photo-sharpen", "Sharpen, amount 2", "--kernel sharpen:amount=2"),
    Panel("photo-sobel", "Sobel, absolute value", "--kernel sobel --absolute"),
    Panel("photo-emboss", "Emboss", "--kernel emboss"),
    Panel("photo-box", "Box, three times", "--kernel box:size=9 --repeat 3"),
]
LETTERS = [
    Panel("hi", "The picture", note="16x16 pixels, grey"),
    Panel("hi-box", "Box", "--kernel box"),
    Panel("hi-sobel-across", "Sobel, across", "--kernel sobel:axis=1,scale=0.25 --absolute"),
    Panel("hi-sobel-down", "Sobel, down", "--kernel sobel:axis=0,scale=0.25 --absolute"),
    Panel("hi-laplacian", "Laplacian", "--kernel laplacian:scale=0.25 --absolute"),
    Panel("hi-emboss", "Emboss", "--kernel emboss"),
]


@dataclass(frozen=True)
class Search:
    """What is looked for in what: a picture of the package, where the pattern is cut out, and the options."""

    panel: Panel
    source: str
    box: tuple[int, int, int, int]
    """Left, top, right and bottom of the scene: three by two."""
    factor: int
    pattern: tuple[int, int, int, int]
    """Left, top, right and bottom of the pattern, in the enlarged scene."""
    turn: int = 0
    """Degrees by which the pattern is turned clockwise before it is looked for."""


SEARCHES = [
    Search(Panel("found-letters", 'Every letter "e" that is like one of them', "--threshold 0.83"), "page.png",
           (0, 0, 286, 191), 4, (392, 212, 422, 252)),
    Search(Panel("found-coin", "One coin, turned by 50 degrees", "--angles 0:360:10 --top 1"), "coins.png",
           (0, 0, 384, 256), 2, (385, 347, 463, 425), turn=50),
    Search(Panel("found-part", "The spoon, turned by 25 degrees", "--angles 0:46:5 --top 1"), "coffee.png",
           (0, 0, 600, 400), 1, (310, 235, 430, 315), turn=25),
]


def main() -> int:
    """Make all pictures and the sheet; tell where they are."""
    OUTPUT.mkdir(exist_ok=True)
    Image.open(photograph()).convert("RGB").save(PHOTO[0].path)
    Image.fromarray(np.loadtxt(TINY, dtype=np.uint8)).save(LETTERS[0].path)
    photos = [PHOTO[0], *(apply(panel, PHOTO[0].path) for panel in PHOTO[1:])]
    letters = [LETTERS[0], *(apply(panel, LETTERS[0].path) for panel in LETTERS[1:])]
    found = [find(search) for search in SEARCHES]
    sheet = OUTPUT / "contact-sheet.png"
    Sheet().draw(photos, letters, found).save(sheet, dpi=(200, 200))
    print(f"\nThe pictures are in {OUTPUT.resolve()}, all on one page in {sheet}")
    return 0


def photograph(name: str = "coffee.png") -> Path:
    """Find a photograph that the package of scikit-image carries (without importing it)."""
    package = find_spec("skimage")
    if package is None or not package.submodule_search_locations:
        raise SystemExit('demo: scikit-image is not installed; pip install "faltung[demo]", or run make demo')
    return Path(package.submodule_search_locations[0]) / "data" / name


def apply(panel: Panel, source: Path) -> Panel:
    """Run the command as a user would, show both, and keep what it said."""
    command = ["faltung", "apply", str(source), *panel.options.split(), "-o", str(panel.path)]
    return replace(panel, note=caption(panel, run(command)))


def find(search: Search) -> Panel:
    """Cut out scene and pattern, and run the command as a user would."""
    panel, (left, top, right, bottom) = search.panel, search.pattern
    picture = Image.open(photograph(search.source)).crop(search.box)
    scene = picture.resize((search.factor * picture.width, search.factor * picture.height), Image.Resampling.LANCZOS)
    middle = ((left + right) / 2, (top + bottom) / 2)
    turned = scene.rotate(-search.turn, Image.Resampling.BICUBIC, center=middle) if search.turn else scene
    places = OUTPUT / f"{panel.name}-scene.png", OUTPUT / f"{panel.name}-pattern.png"
    scene.save(places[0])
    turned.crop(search.pattern).save(places[1])
    said = run(["faltung", "find", *map(str, places), *panel.options.split(), "-o", str(panel.path)])
    count, spent = said.splitlines()[-1].split(", found in ")
    size = f"{bottom - top}x{right - left}"
    return replace(panel, note=f"{size} pixels in {scene.height}x{scene.width}: {count}, {spent}")


def run(command: list[str]) -> str:
    """Show a command, run it, and show what it says."""
    print(f"$ {shlex.join(command)}", flush=True)
    program = Path(sys.executable).with_name("faltung")
    done = subprocess.run([program, *command[1:]], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)
    said = done.stdout.rstrip()
    print("  " + said.replace("\n", "\n  "), flush=True)
    return said


class Sheet:
    """The page: photographs three to a row, the tiny picture six to a row, each with a caption."""

    margin, gutter, width = 110, 44, 1800
    paper, ink, soft, line = "#fbfaf7", "#1c1b1a", "#75706a", "#d9d4cb"

    def __init__(self) -> None:
        self.page = Image.new("RGB", (self.width + 2 * self.margin, 2 * self.width), self.paper)
        self.pen = ImageDraw.Draw(self.page)

    def draw(self, photos: list[Panel], letters: list[Panel], found: list[Panel]) -> Image.Image:
        """Draw everything from top to bottom; return the page, cut to what is used."""
        y = self._heading()
        y = self._section(y, "A photograph, each colour channel on its own", photos, 3,
                          Image.Resampling.LANCZOS)
        y = self._section(y, "Sixteen by sixteen pixels, enlarged without smoothing", letters, 6,
                          Image.Resampling.NEAREST)
        y = self._section(y, "Found where a small picture slides over a large one", found, 3,
                          Image.Resampling.LANCZOS)
        self._text(self.margin, y + 8, "Made by examples/demo.py with the faltung command. "
                   "Times are those of the computation alone, on the machine that made this page.", 22, self.soft)
        return self.page.crop((0, 0, self.page.width, y + self.margin))

    def _heading(self) -> int:
        self._text(self.margin, self.margin - 20, "One operation, fifteen pictures", 62, self.ink)
        self._text(self.margin, self.margin + 66, "A kernel slides over the picture; under every pixel the products "
                   "of taps and neighbours are summed.", 30, self.soft)
        return self.margin + 150

    def _section(self, y: int, title: str, panels: list[Panel], columns: int, how: Image.Resampling) -> int:
        self.pen.line([(self.margin, y), (self.margin + self.width, y)], fill=self.line, width=2)
        self._text(self.margin, y + 22, title, 30, self.ink)
        y += 92
        size = self._size(panels[0], columns, how)
        step = (self.width - size[0]) / (columns - 1)
        for start in range(0, len(panels), columns):
            bottoms = [self._panel(self.margin + round(column * step), y, panel, size, how)
                       for column, panel in enumerate(panels[start : start + columns])]
            y = max(bottoms) + 40
        return y

    def _panel(self, x: int, y: int, panel: Panel, size: tuple[int, int], how: Image.Resampling) -> int:
        self.page.paste(Image.open(panel.path).convert("RGB").resize(size, how), (x, y))
        self.pen.rectangle([x - 1, y - 1, x + size[0], y + size[1]], outline=self.line)
        self._text(x, y + size[1] + 14, panel.title, 28, self.ink)
        self._text(x, y + size[1] + 52, panel.note, 20, self.soft)
        return y + size[1] + 84

    def _size(self, panel: Panel, columns: int, how: Image.Resampling) -> tuple[int, int]:
        """Give the size of a picture on the page; the tiny one grows by a whole factor."""
        with Image.open(panel.path) as picture:
            width, height = picture.size
        cell = (self.width - (columns - 1) * self.gutter) / columns
        factor = cell // width if how == Image.Resampling.NEAREST else cell / width
        return round(width * factor), round(height * factor)

    def _text(self, x: int, y: int, text: str, size: int, colour: str) -> None:
        font: Any = ImageFont.load_default(size)
        self.pen.text((x, y), text, font=font, fill=colour)


def caption(panel: Panel, said: str) -> str:
    """Tell taps, algorithm and time, the latter two from what the command said."""
    taps = "x".join(map(str, kernels.named(panel.options.split()[1]).shape))
    _, recipe, spent = said.rsplit("; ", 2)
    return f"{taps} taps, {recipe.split()[0]}, {' '.join(spent.split()[-2:])}"


if __name__ == "__main__":
    sys.exit(main())
