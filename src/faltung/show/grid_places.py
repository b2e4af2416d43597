"""Where the parts of a picture of layer arithmetic stand, in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from .cells import Grid, grid_at
from .lettering import flowed, wide
from .panels import pixels_of
from .reading import Reading
from .scene import NARROW
from .style import letter_points

KEYS = {"sample": "sample", "border": "border, {}", "gap": "zero between samples", "tap": "tap",
        "idle": "tap that meets a zero", "made": "output", "now": "output of this step"}
"""What the legend says of each kind of cell."""
_KEY = 1.75
"""A key takes so much of the legend's line in front of its text, against the letters."""
Low = tuple[int, int]


class Places:
    """All boxes and lines for one width.

    From above: the grids, a line of words on the step, the legend, the formula, what its letters mean.
    """

    def __init__(self, reading: Reading, width: int) -> None:
        self.reading, self.width = reading, width
        self.letter = pixels_of(letter_points(width))
        self.line = 1.75 * self.letter
        self.margin = max(0.025 * width, 8.0)
        self.is_narrow = width < NARROW
        self.is_stacked = self.is_narrow or reading.ndim == 1
        self.low, self.high = flat(reading.low), flat(reading.high)
        self.made = flat([extent - 1 for extent in reading.problem.output])
        self.columns, self.rows = self.high[1] - self.low[1] + 1, self.high[0] - self.low[0] + 1
        self.cell = self._slice_cell() if reading.ndim == 3 else self._cell()
        self.is_numbered = reading.ndim == 2 and self.cell > 1.6 * self.letter
        self.titles = flowed(reading.title_words(), self.room, self.letter, 0.0)
        self.top = self.margin + (self.titles[-1][0] + 1.4) * self.line
        self.inputs, self.outputs = self._slices() if reading.ndim == 3 else self._pair()
        self._below(max(grid.box.bottom for grid in (*self.inputs, *self.outputs))
                    + self.line * ((1.0 + 0.9 * self.is_numbered) if self.is_stacked and reading.ndim < 3 else 0))

    @property
    def room(self) -> float:
        """Width between the margins."""
        return self.width - 2 * self.margin

    @property
    def depths(self) -> range:
        """Slices of the input along the first of three axes."""
        return range(self.reading.low[0], self.reading.high[0] + 1) if self.reading.ndim == 3 else range(1)

    def fitting(self, *texts: str) -> str:
        """The first text that a line holds, or the last one."""
        return next((text for text in texts if wide(text) * self.letter < 0.95 * self.room), texts[-1])

    # --- two grids

    def _cell(self) -> float:
        """Side of a cell: both grids fit, and few cells do not become huge."""
        widest = max(self.columns, self.made[1] + 1)
        if self.reading.ndim == 1:
            return min(self.room / widest, 0.075 * self.width)
        if self.is_stacked:
            return min((self.room - 3 * self.line) / widest, 0.105 * self.width)
        return min((self.room - 6 * self.line) / (self.columns + self.made[1] + 1), 0.06 * self.width,
                   0.7 * self.width / max(self.rows, self.made[0] + 1))

    def _pair(self) -> tuple[list[Grid], list[Grid]]:
        """Input and output: beside each other, or one above the other."""
        notch = 1.2 * self.line if self.is_numbered else 0.3 * self.line
        top, cell, made = self.top + self.line + notch, self.cell, self.made[1] + 1
        if self.is_stacked:
            one = grid_at((self.width - self.columns * cell) / 2, top, self.low, self.high, cell)
            two = grid_at((self.width - made * cell) / 2, one.box.bottom + 1.8 * self.line, (0, 0), self.made,
                          cell)
            return [one], [two]
        gap = 3.5 * self.line
        left = (self.width - (self.columns + made) * cell - gap) / 2
        one = grid_at(left, top, self.low, self.high, cell)
        drop = max(self.rows - self.made[0] - 1, 0) * cell / 2
        return [one], [grid_at(one.box.right + gap, top + drop, (0, 0), self.made, cell)]

    # --- slices of a volume

    def _many(self) -> int:
        """How many slices of the input stand in a row; the rows are about equally long."""
        count = len(self.depths)
        return ceil(count / ceil(count / (4 if self.is_narrow else 6)))

    def _slice_cell(self) -> float:
        across = (self.room + self.line) / self._many() - self.line
        return min(across / max(self.columns, self.made[1] + 1), 0.045 * self.width)

    def _slices(self) -> tuple[list[Grid], list[Grid]]:
        """Slices in rows; those of the output follow below."""
        one = self._rows(self.top + 2.5 * self.line, len(self.depths), self.low, self.high)
        two = self._rows(one[-1].box.bottom + 2.8 * self.line, self.reading.problem.output[0], (0, 0), self.made)
        return one, two

    def _rows(self, top: float, count: int, low: Low, high: Low) -> list[Grid]:
        right = (high[1] - low[1] + 1) * self.cell + self.line
        down = (high[0] - low[0] + 1) * self.cell + 1.4 * self.line
        many = self._many()
        return [grid_at(self.margin + place % many * right, top + place // many * down, low, high, self.cell)
                for place in range(count)]

    # --- below them

    def _below(self, bottom: float) -> None:
        self.words_at = bottom + 1.3 * self.line
        self.keys_at = self.words_at + 1.7 * self.line
        self.keys = flowed([word for _, word in keys(self.reading)], self.room, self.letter, _KEY * self.letter)
        self.formulas_at = self.keys_at + (self.keys[-1][0] + 2.1) * self.line
        self.formulas = self.reading.formulas(together=not self.is_narrow)
        named = max(wide(name) for name, _ in self.formulas) * self.letter
        # On a narrow picture the names of the axes stand above their formulas.
        self.names_at = (0.0, -1.15 * self.line) if self.is_narrow else (named + self.letter, 0.0)
        self.formula_line = (2.9 if self.is_narrow and named else 2.0) * self.line
        self.formula_scale = 1.1 * min(1.0, self.width / 330)
        self.meanings_at = self.formulas_at + (len(self.formulas) - 1) * self.formula_line + 1.8 * self.line
        self.meanings = flowed(self.reading.letters(), self.room, self.letter, 0.0)
        self.height = self.meanings_at + (self.meanings[-1][0] + 0.5) * self.line + self.margin


def keys(reading: Reading) -> list[tuple[str, str]]:
    """Kinds of cells that a picture has, and what the legend says of them."""
    every = {reading.cell(position).kind for position in reading.every_position()}
    idle = any(not reading.cell(position).counts for position in reading.every_position())
    seen = {**dict.fromkeys(("sample", "tap", "made", "now"), True), "border": "border" in every, "gap": "gap" in every,
            "idle": idle}
    return [(kind, word.format(reading.supplied())) for kind, word in KEYS.items() if seen[kind]]


def flat(index: Sequence[int]) -> Low:
    """Row and column of an index along any number of axes."""
    row, column = (0, *index)[-2:]
    return row, column
