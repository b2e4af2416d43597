"""The arithmetic of layers as grids of cells: stride, padding, dilation and transposition, for any parameters.

After V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning" (2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from .cells import Grid, fill, frame_of, grid_at, hatch, letter, square
from .grid_places import Places, flat, keys
from .panels import write
from .reading import Cell, Index, Reading, by, letter_of
from .scene import Scene, Show, Stage, picture

_PALE, _FULL = 0.28, 0.9
"""How strong the colours of cells are: those that wait, and those of this step."""


def arithmetic(input: Any, kernel: Any, step: int | None = None, *,  # noqa: A002 as layers call it
               stride: Any = 1, padding: Any = 0, dilation: Any = 1, transposed: bool = False, output_padding: Any = 0,
               border: Any = 0, width: int = 800, theme: str = "light") -> Any:
    """Draw which cells of its input a layer reads for one output, and how many outputs there are.

    Parameters
    ----------
    input, kernel : int or one per axis
        Extents, along 1, 2 or 3 axes.
    step : int, optional
        Which output, the last axis fastest; one in the middle by default.
    stride, padding, dilation, border
        As in `faltung.conv`.
    transposed : bool
        As `faltung.conv_transpose`, drawn as it is computed: ``stride - 1`` zeros stand between the samples, and the
        kernel is seen flipped.
    output_padding : int or one per axis
        As in `faltung.conv_transpose`.
    width : int
        Pixels.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    FaltungError
        More than 40 cells a side (12 with three axes), or parameters that do not fit.
    """
    scene = Arithmetic(input, kernel, stride=stride, padding=padding, dilation=dilation, transposed=transposed,
                       output_padding=output_padding, border=border)
    return picture(scene, step, width=width, theme=theme)


class Arithmetic(Scene):
    """A layer's grids, with a step for each output; parameters as in `arithmetic`."""

    def __init__(self, input: Any, kernel: Any, *,  # noqa: A002 as layers call it
                 stride: Any = 1, padding: Any = 0, dilation: Any = 1,
                 transposed: bool = False, output_padding: Any = 0, border: Any = 0) -> None:
        self.reading = Reading(input, kernel, stride=stride, padding=padding, dilation=dilation, transposed=transposed,
                               output_padding=output_padding, border=border)
        self.title = self.reading.title()
        self.steps = self.reading.outputs
        output = self.reading.problem.output
        self.first = sum(extent // 2 * prod(output[axis + 1:]) for axis, extent in enumerate(output))

    def words(self, step: int) -> str:
        """The sum that makes one output."""
        return self.reading.words(step)

    def height(self, width: int) -> int:
        """Grids, a line of words, legend and formula."""
        return round(Places(self.reading, width).height)

    def lay_out(self, stage: Stage) -> Show:
        """Draw all cells; the frames of the taps, and the outputs, move."""
        reading, places = self.reading, Places(self.reading, stage.width)
        inputs = [_Input(reading, stage, grid, depth) for grid, depth in
                  zip(places.inputs, places.depths, strict=True)]
        outputs = [_Output(reading, stage, grid, depth) for depth, grid in enumerate(places.outputs)]
        links = [_line(stage) for _ in range(2 if reading.ndim < 3 else 0)]
        told = write(stage, places.margin, places.words_at, "", va="center", gid="words")
        _headings(stage, places)
        _legend(stage, places)
        _formulas(stage, places)
        parts: list[_Input | _Output] = [*inputs, *outputs]
        moving = [artist for part in parts for artist in part.moving] + [*links, told]

        def show(step: int) -> Sequence[Any]:
            output = reading.output(step)
            for part in parts:
                part.show(output)
            if links:
                _link(links, stage, places, output)
            name = letter_of("y", output)
            told.set_text(places.fitting(reading.words(step), f"{name}: {reading.met(output)}", name))
            return moving

        return show


# ---------------------------------------------------------------- input

class _Input:
    """One slice of the input, and the frames of the taps that fall on it."""

    def __init__(self, reading: Reading, stage: Stage, grid: Grid, depth: int) -> None:
        from matplotlib.collections import PolyCollection
        from matplotlib.colors import to_rgba

        self.reading, self.depth = reading, depth
        axes = grid.axes(stage)
        axes.set_gid(f"input {depth}")
        self._cells(axes, stage, grid)
        style: dict[str, Any] = {
            "linewidths": max(grid.cell / 22, 0.8), "edgecolors": stage.theme.kernel, "zorder": 3, "clip_on": False}
        self.taps = PolyCollection([], facecolors=[to_rgba(stage.theme.kernel, 0.4)], gid="taps", **style)
        self.idle = PolyCollection([], facecolors="none", linestyles=[(0, (1.2, 1.2))], gid="idle taps", **style)
        self.moving = [self.taps, self.idle]
        for artist in self.moving:
            axes.add_collection(artist, autolim=False)

    def _cells(self, axes: Any, stage: Stage, grid: Grid) -> None:
        theme, thin = stage.theme, max(grid.cell / 60, 0.4)
        cells = {flat(position): self.reading.cell(position)
                 for position in self.reading.every_position()
                 if self.reading.ndim < 3 or position[0] == self.depth}
        kinds = {kind: [place for place, cell in cells.items() if cell.kind == kind]
                 for kind in ("gap", "border", "sample")}
        words = [(place, word) for place, cell in cells.items() if (word := _word(self.reading, cell))]
        written = letter(axes, stage, grid.cell, words, theme.ink, zorder=4)
        fill(axes, kinds["gap"], theme.paper, 0.0, theme.faint, thin, zorder=1, gid="gaps")
        hatch(axes, kinds["border"], theme.border, thin * 1.3, middle=not written, alpha=0.7, zorder=1)
        fill(axes, kinds["border"], theme.border, 0.1, theme.border, thin, zorder=1, gid="border")
        fill(axes, kinds["sample"], theme.image, _PALE, theme.image, thin, zorder=2, gid="samples")

    def show(self, output: Index) -> None:
        """Put the frames where the taps of an output lie."""
        frames: dict[bool, list[Any]] = {True: [], False: []}
        for position, _ in self.reading.taps(output):
            if self.reading.ndim == 3 and position[0] != self.depth:
                continue
            frames[self.reading.cell(position).counts].append(frame_of(*flat(position)))
        self.taps.set_verts(frames[True])
        self.idle.set_verts(frames[False])


def _word(reading: Reading, cell: Cell) -> str:
    """What is written into a cell: a number of the border, or which sample stands there where that is in doubt."""
    if cell.value is not None:
        if reading.ndim == 3:
            return ""
        return f"{cell.value:g}".replace("-", "\N{MINUS SIGN}")
    if cell.place is None or not (reading.repeats or reading.ndim == 1):
        return ""
    return ",".join(map(str, cell.place))


# ---------------------------------------------------------------- output

class _Output:
    """One slice of the output as it grows."""

    def __init__(self, reading: Reading, stage: Stage, grid: Grid, depth: int) -> None:
        from matplotlib.collections import PolyCollection
        from matplotlib.colors import to_rgba

        self.ndim, self.depth = reading.ndim, depth
        axes = grid.axes(stage)
        axes.set_gid(f"output {depth}")
        theme, thin = stage.theme, max(grid.cell / 60, 0.4)
        self.places = [(row, column) for row in range(grid.high[0] + 1) for column in range(grid.high[1] + 1)]
        fill(axes, self.places, theme.paper, 0.0, theme.faint, thin, zorder=1, gid="outputs")
        self.made = PolyCollection([], facecolors=[to_rgba(theme.result, _PALE)], edgecolors=theme.result,
                                   linewidths=thin, zorder=2, clip_on=False, gid="made")
        self.now = PolyCollection([], facecolors=[to_rgba(theme.result, _FULL)], edgecolors=theme.result,
                                  linewidths=max(grid.cell / 22, 0.8), zorder=3, gid="now")
        self.moving = [self.made, self.now]
        for artist in self.moving:
            axes.add_collection(artist, autolim=False)

    def show(self, output: Index) -> None:
        """Fill the cells of all outputs up to this one."""
        depth = output[0] if self.ndim == 3 else 0
        place = flat(output)
        done = (self.places if self.depth < depth else
                self.places[: self.places.index(place)] if self.depth == depth else [])
        self.made.set_verts([square(*at) for at in done])
        self.now.set_verts([square(*place)] if self.depth == depth else [])


# ---------------------------------------------------------------- from one to the other

def _line(stage: Stage) -> Any:
    from matplotlib.lines import Line2D

    line = Line2D([], [], color=stage.theme.kernel, linewidth=0.07 * stage.points, alpha=0.8,
                  transform=stage.figure.transFigure, gid="link")
    stage.figure.add_artist(line)
    return line


def _link(links: Sequence[Any], stage: Stage, places: Places, output: Index) -> None:
    """Draw lines from the edge of the taps to the output that they make."""
    ranges = [range(1), *places.reading.positions(output)][-2:]
    (top, bottom), (left, right) = ((reach[0] - 0.5, reach[-1] + 0.5) for reach in ranges)
    row, column = flat(output)
    if places.is_stacked:
        ends = [((bottom, side), (row - 0.5, column + far)) for side, far in ((left, -0.5), (right, 0.5))]
    else:
        ends = [((side, right), (row + far, column - 0.5)) for side, far in ((top, -0.5), (bottom, 0.5))]
    for line, (one, two) in zip(links, ends, strict=True):
        corners = places.inputs[0].pixel(*one), places.outputs[0].pixel(*two)
        line.set_data([x / stage.width for x, _ in corners], [1 - y / stage.height for _, y in corners])


# ---------------------------------------------------------------- words around them

def _headings(stage: Stage, places: Places) -> None:
    problem, theme = places.reading.problem, stage.theme
    for (row, at), word in zip(places.titles, places.reading.title_words(), strict=True):
        is_kernel = word.startswith("kernel")
        write(stage, places.margin + at, places.margin + (row + 0.5) * places.line, word, va="center",
              color=theme.kernel if is_kernel else theme.ink, weight="bold" if is_kernel else "normal")
    for name, extents, grids, colour in (("input", problem.image, places.inputs, theme.image),
                                         ("output", problem.output, places.outputs, theme.result)):
        box = grids[0].box
        lift = (1.5 if places.is_numbered else 1.75 if problem.ndim == 3 else 0.7) * places.line
        # Where the links come from above, the output's heading stands below.
        y = box.bottom + lift if places.is_stacked and problem.ndim < 3 and name == "output" else box.top - lift
        write(stage, places.margin if problem.ndim == 3 else box.left, y, f"{name} {by(extents)}", va="center",
              color=colour, weight="bold")
    if places.is_numbered:
        _notches(stage, places, places.inputs[0], problem.image, problem.image_dilation)
        _notches(stage, places, places.outputs[0], problem.output, (1, 1), below=places.is_stacked,
                 after=not places.is_stacked)
    if problem.ndim == 3:
        names = [_slice(places.reading, depth) for depth in places.depths]
        names += [f"depth {depth}" for depth in range(len(places.outputs))]
        for grid, name in zip((*places.inputs, *places.outputs), names, strict=True):
            write(stage, grid.box.left, grid.box.top - 0.55 * places.line, name, va="center", color=theme.soft,
                  size=0.9 * stage.points)


def _slice(reading: Reading, depth: int) -> str:
    """Name of a slice of the input: its number, or what it is made of."""
    cell = reading.cell((depth, 0, 0))
    if cell.kind == "gap":
        return "zeros"
    if cell.place is None:
        return "border"
    return f"depth {cell.place[0]}" + (" (border)" if cell.kind == "border" else "")


def _notches(stage: Stage, places: Places, grid: Grid, extents: Index, spread: Index, *, below: bool = False,
             after: bool = False) -> None:
    """Numbers of rows and columns beside a grid, where the links to the other grid do not pass."""
    style = {"color": stage.theme.soft, "size": 0.85 * stage.points, "va": "center"}
    beside = grid.box.right + 0.35 * places.line if after else grid.box.left - 0.35 * places.line
    above = grid.box.bottom + 0.5 * places.line if below else grid.box.top - 0.5 * places.line
    for row in range(extents[0]):
        write(stage, beside, grid.pixel(row * spread[0], 0)[1], str(row), ha="left" if after else "right", **style)
    for column in range(extents[1]):
        write(stage, grid.pixel(0, column * spread[1])[0], above, str(column), ha="center", **style)


def _legend(stage: Stage, places: Places) -> None:
    """A key for each kind of cell."""
    side = 1.15 * places.letter
    for (row, at), (kind, word) in zip(places.keys, keys(places.reading), strict=True):
        x, y = places.margin + at, places.keys_at + row * places.line
        _key(stage, kind, x, y, side)
        write(stage, x + 1.5 * side, y, word, va="center_baseline", color=stage.theme.soft, size=0.95 * stage.points)


def _key(stage: Stage, kind: str, left: float, middle: float, side: float) -> None:
    theme = stage.theme
    axes = grid_at(left, middle - side / 2, (0, 0), (0, 0), side).axes(stage)
    axes.set_gid("key")
    at, thin = [(0, 0)], 0.8
    if kind == "border":
        hatch(axes, at, theme.border, thin, alpha=0.7)
        fill(axes, at, theme.border, 0.1, theme.border, thin)
    elif kind in ("tap", "idle"):
        frame = fill(axes, at, theme.kernel, 0.4 if kind == "tap" else 0.0, theme.kernel, 1.6)
        if kind == "idle":
            frame.set_linestyle((0, (1.2, 1.2)))
    else:
        colour, alpha, edge = {"sample": (theme.image, _PALE, theme.image), "gap": (theme.paper, 0.0, theme.faint),
                               "made": (theme.result, _PALE, theme.result),
                               "now": (theme.result, _FULL, theme.result)}[kind]
        fill(axes, at, colour, alpha, edge, thin)


def _formulas(stage: Stage, places: Places) -> None:
    """How many outputs there are, and what the letters mean."""
    for row, (name, text) in enumerate(places.formulas):
        y = places.formulas_at + row * places.formula_line
        right, down = places.names_at if name else (0.0, 0.0)
        if name:
            write(stage, places.margin, y + down, name, va="center", color=stage.theme.soft)
        write(stage, places.margin + right, y, text, va="center", size=places.formula_scale * stage.points,
              gid="formula")
    for (row, at), word in zip(places.meanings, places.reading.letters(), strict=True):
        write(stage, places.margin + at, places.meanings_at + row * places.line, word, va="center",
              color=stage.theme.soft, size=0.95 * stage.points)
