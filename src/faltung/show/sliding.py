"""A kernel or pattern slid along a signal: products and sum at each shift, and the result as it grows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ShapeError
from ..matching import match
from ..operations import convolve, correlate
from .numerals import letters_that_fit, written
from .scene import Scene, Show, Stage, picture
from .stems import Bars, Line, even_places

Array = npt.NDArray[Any]

OPERATIONS = ("correlate", "convolve", "match")
LONGEST = 100_000
"""Samples of a signal."""
MOST_BARS = 160
"""Places beside each other; of more, lines are drawn."""
MOST_STEPS = 240


class Sliding(Scene):
    """A signal, a kernel slid along it, the products at the present shift, and the result up to there.

    Parameters
    ----------
    signal, kernel : array_like, shape (N,), (K,)
        Real numbers.
    operation : {"correlate", "convolve", "match"}
        What is computed; `match` scores how well the kernel, a pattern, fits.
    mode : {"full", "same", "valid", "causal"}, optional
        Which shifts; "full" by default, and "valid", the only one there is, for `match`.
    border : number or word
        As in `correlate`.
    score : str
        As in `match`.

    Attributes
    ----------
    result : ndarray
        What the engine gives.
    starts : ndarray
        The sample of the signal under the kernel's first tap, for each result.
    best : int
        Where it fits best: the index of the highest result, or of the lowest of a score of differences.
    shown : ndarray
        The index of the result that each step shows: all, or every so many of long signals.
    """

    rate = 2.0

    def __init__(self, signal: Any, kernel: Any, operation: str = "correlate", mode: str | None = None, *,
                 border: Any = 0, score: str = "zncc") -> None:
        if operation not in OPERATIONS:
            raise ShapeError(f"sliding: operation {operation!r} is unknown; use one of {', '.join(OPERATIONS)}")
        self.signal, self.kernel = _samples("signal", signal), _samples("kernel", kernel)
        self.operation, self.border = operation, border
        self.is_score = operation == "match"
        self.mode = ("valid" if self.is_score else "full") if mode is None else mode
        if self.is_score and self.mode != "valid":
            raise ShapeError(f'sliding: mode {self.mode!r} does not go with operation "match", which scores whole '
                             "windows; leave it out")
        self.score = score
        if self.is_score:
            self.result = np.asarray(match(self.signal, self.kernel, score=score))
        else:
            call = convolve if operation == "convolve" else correlate
            self.result = np.asarray(call(self.signal, self.kernel, self.mode, border=border))
        count = len(self.kernel)
        self.starts = np.arange(len(self.result)) - {"full": count - 1, "same": count // 2, "valid": 0,
                                                     "causal": count - 1}[self.mode]
        self.taps = self.kernel[::-1] if operation == "convolve" else self.kernel
        # A kernel of one tap in the middle of zeros gives the signal as the border continues it.
        delta = np.zeros(2 * count - 1, self.signal.dtype)
        delta[count - 1] = 1
        self._continued = np.asarray(correlate(self.signal, delta, "full", border=border))
        lowest = self.is_score and score in ("ssd", "nssd")
        values = np.nan_to_num(self.result.astype(float), nan=np.inf if lowest else -np.inf)
        self.best = int(values.argmin() if lowest else values.argmax())
        self.shown = _thinned(len(self.result), self.best)
        self.steps = len(self.shown)
        self.first = int(np.flatnonzero(self.shown == self.best)[0])
        if self.steps > 60:
            self.rate = 20.0
        self.title = {"convolve": "Convolution of a signal", "correlate": "Correlation of a signal",
                      "match": "A pattern looked for in a signal"}[operation]

    @property
    def places(self) -> tuple[int, int]:
        """First and last sample under the kernel at any shift, those outside the signal included."""
        return min(0, int(self.starts[0])), max(len(self.signal), int(self.starts[-1]) + len(self.kernel)) - 1

    @property
    def is_long(self) -> bool:
        """Whether lines are drawn in place of bars."""
        low, high = self.places
        return high - low + 1 > MOST_BARS

    def window(self, step: int) -> Array:
        """The samples under the kernel, border included."""
        start = int(self.starts[self.shown[step]]) + len(self.kernel) - 1
        return self._continued[start : start + len(self.kernel)]

    def products(self, step: int) -> Array:
        """Samples times taps; their sum is the result."""
        return np.multiply(self.window(step), self.taps, dtype=np.result_type(self.result, np.float64))

    def height(self, width: int) -> int:
        """One row for each of signal, kernel, products and result."""
        rows = 3 if self.is_score else 4
        return round(rows * (140 if width < 600 else 0.08 * width + 90 if width < 1200 else 0.155 * width))

    def words(self, step: int) -> str:
        """Tell the products and their sum, as many as can be read."""
        number = int(self.shown[step])
        value, start = self.result[number], int(self.starts[number])
        if self.is_score:
            text = f"Pattern at samples {start} to {start + len(self.kernel) - 1}: {self.score} = {_plain(value, 4)}"
        elif len(self.kernel) <= 12:
            sums = " + ".join(f"{_plain(x)}*{_signed(k)}" for x, k in zip(self.window(step), self.taps, strict=True))
            text = f"y[{number}] = {sums} = {_plain(value, 6)}"
        else:
            text = f"y[{number}] = {_plain(value, 6)}, the sum of {len(self.kernel)} products from sample {start} on"
        return text + (self._peak() if number == self.best else "")

    def _peak(self) -> str:
        if self.is_score:
            return ": here it fits best."
        flipped = "flipped " if self.operation == "convolve" else ""
        return f", the highest: here the signal is most like the {flipped}kernel."

    def lay_out(self, stage: Stage) -> Show:
        """Draw the rows one under the other, sample under sample."""
        stage.figure.get_layout_engine().set(w_pad=0.1, h_pad=0.07)
        rows = stage.figure.subplots(3 if self.is_score else 4, 1)
        low, high = self.places
        for axes in rows:
            axes.set_xlim(low - 0.7, high + 0.7)
            axes.tick_params(length=2)
            axes.locator_params(axis="y", nbins=3)
            axes.axhline(0, color=stage.theme.soft, linewidth=0.8, zorder=8)
        shows = [self._signal(stage, rows[0]), self._kernel(stage, rows[1])]
        if not self.is_score:
            shows.append(self._products(stage, rows[2]))
        shows.append(self._result(stage, rows[-1]))
        for axes in rows[1:-1]:
            axes.set_xticks([])
        stage.figure.align_ylabels(rows)
        return lambda step: [artist for show in shows for artist in show(step)]

    def _signal(self, stage: Stage, axes: Any) -> Show:
        from matplotlib.patches import Rectangle

        theme, (low, high), count = stage.theme, self.places, len(self.signal)
        self._drawn(stage, axes, theme.image, self.signal).set(np.arange(count), self.signal)
        outside = self._continued[len(self.kernel) - 1 + low : len(self.kernel) + high]
        where = np.arange(low, high + 1)
        away = (where < 0) | (where >= count)
        if away.any():
            for start, stop in ((low - 0.7, -0.5), (count - 0.5, high + 0.7)):
                axes.axvspan(start, stop, facecolor="none", edgecolor=theme.border, alpha=0.5, hatch="///", linewidth=0,
                             zorder=0)
            for side in (where < 0, where >= count):
                if side.any():
                    self._drawn(stage, axes, theme.border, self.signal).set(where[side], outside[side])
        frame = Rectangle((0, 0), len(self.kernel), 1, transform=axes.get_xaxis_transform(), facecolor="none",
                          edgecolor=theme.mark, linewidth=0.2 * stage.points, zorder=6)
        axes.add_patch(frame)
        axes.set_title("signal" + (f";  hatched: border {_border(self.border)}" if away.any() else ""))
        ticks = even_places(0, count - 1, 6 if stage.is_narrow else 12)
        axes.set_xticks(ticks, [str(tick) for tick in ticks])

        def show(step: int) -> list[Any]:
            frame.set_x(int(self.starts[self.shown[step]]) - 0.5)
            return [frame]

        return show

    def _kernel(self, stage: Stage, axes: Any) -> Show:
        bars = self._drawn(stage, axes, stage.theme.kernel, self.taps)
        axes.set_title({"convolve": "kernel, flipped", "correlate": "kernel", "match": "pattern"}[self.operation])
        return lambda step: bars.set(int(self.starts[self.shown[step]]) + np.arange(len(self.taps)), self.taps)

    def _products(self, stage: Stage, axes: Any) -> Show:
        every = np.concatenate([self.products(step) for step in range(self.steps)])
        bars = self._drawn(stage, axes, stage.theme.mark, every, hatch="//")
        title = axes.set_title("products")

        def show(step: int) -> list[Any]:
            number = int(self.shown[step])
            moved = bars.set(int(self.starts[number]) + np.arange(len(self.taps)), self.products(step))
            title.set_text(f"products:  their sum is {written(self.result[number], 4)}")
            return [*moved, title]

        return show

    def _result(self, stage: Stage, axes: Any) -> Show:
        from matplotlib.patches import Rectangle

        theme, middles = stage.theme, self.starts + (len(self.kernel) - 1) / 2
        values = np.nan_to_num(self.result.astype(float))
        self._drawn(stage, axes, theme.result, values, crown=2.6).set(middles, values)
        now = self._drawn(stage, axes, theme.mark, values, numbers=False, hatch="//", crown=2.6)
        marks = self._mark_best(stage, axes, float(middles[self.best]), float(values[self.best]))
        # What is still to come is all drawn, and covered.
        cover = Rectangle((0, 0), len(values) + len(self.kernel), 1, transform=axes.get_xaxis_transform(),
                          facecolor=theme.paper, linewidth=0, zorder=7)
        axes.add_patch(cover)
        for spine in axes.spines.values():
            spine.set_zorder(8)
        what = f"score: {self.score}" if self.is_score else f"result: {self.operation}, mode {self.mode}"
        axes.set_title(what + self._note())
        ticks = even_places(0, len(values) - 1, 6 if stage.is_narrow else 12)
        axes.set_xticks(middles[ticks], [str(tick) for tick in ticks])

        def show(step: int) -> list[Any]:
            number = int(self.shown[step])
            cover.set_x(middles[number] + 0.5)
            for mark in marks:
                mark.set_visible(number >= self.best)
            return [*now.set(middles[number : number + 1], values[number : number + 1]), cover, *marks]

        return show

    def _note(self) -> str:
        return f";  {self.steps} of {len(self.result)} shifts" if self.steps < len(self.result) else ""

    def _mark_best(self, stage: Stage, axes: Any, x: float, y: float) -> list[Any]:
        """A triangle over the place where it fits best, and a word beside it."""
        lift = (2.2 if self._letters(stage, np.nan_to_num(self.result.astype(float))) else 0.9) * stage.points
        low, high = axes.get_xlim()
        side, step = ("right", -0.9) if x > (low + high) / 2 else ("left", 0.9)
        style = {"textcoords": "offset points", "va": "center", "color": stage.theme.mark, "zorder": 9,
                 "in_layout": False, "fontsize": 0.9 * stage.points}
        word = "best fit" if self.is_score else "highest"
        return [axes.annotate("▼", (x, max(y, 0.0)), (0, lift), ha="center", **style),
                axes.annotate(word, (x, max(y, 0.0)), (step * stage.points, lift), ha=side, **style)]

    def _letters(self, stage: Stage, values: Array) -> float | None:
        """The size of the numbers over the bars, if there is room for them."""
        low, high = self.places
        if self.is_long or len(values) > 40 * MOST_BARS:
            return None
        texts = {written(value) for value in values.tolist()}
        return letters_that_fit(texts, 0.88 * stage.width / (high - low + 2), 0.88 * stage.points)

    def _drawn(self, stage: Stage, axes: Any, colour: str, values: Array, *, numbers: bool = True, hatch: str = "",
               crown: float = 0.0) -> Bars | Line:
        """What draws numbers as bars, or as a line where they are many; the axes get room for these values."""
        values = np.nan_to_num(values.astype(float))
        low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
        size = self._letters(stage, values)
        # Letters over and under the bars, as a part of the row's height.
        line = 2.2 * stage.points / (0.5 * stage.height / (3 if self.is_score else 4))
        over = (line * (1 if size else 0.3) + line * crown / 2) * (high - low or 1)
        under = line * (high - low) * (1 if size else 0.3) if low < 0 else 0.0
        axes.set_ylim(low - under, high + over)
        if self.is_long:
            return Line(axes, colour, stage)
        count = len(self.taps) if values.size != len(self.signal) and values.size != len(self.result) else values.size
        return Bars(axes, colour, max(count, 2 * len(self.taps)), size if numbers else None, hatch)


def sliding(signal: Any, kernel: Any, step: int | None = None, *, operation: str = "correlate", mode: str | None = None,
            border: Any = 0, score: str = "zncc", width: int = 800, theme: str = "light") -> Any:
    """Draw a kernel at one place of a signal, with the products, and the result up to there.

    Parameters
    ----------
    signal, kernel, operation, mode, border, score
        As in `Sliding`.
    step : int, optional
        Which shift; that of the highest result by default.
    width, theme
        As in `picture`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    scene = Sliding(signal, kernel, operation, mode, border=border, score=score)
    return picture(scene, step, width=width, theme=theme)


def _samples(name: str, values: Any) -> Array:
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "buif" or not 1 <= len(array) <= LONGEST:
        raise ShapeError(f"sliding: {name} has shape {array.shape} and dtype {array.dtype}; give 1 to {LONGEST} real "
                         "numbers along one axis")
    if not np.isfinite(array).all():
        raise ShapeError(f"sliding: {name} holds NaN or infinity, which cannot be drawn; leave them out")
    return array


def _thinned(count: int, best: int) -> npt.NDArray[np.intp]:
    """All results, or evenly chosen ones, the last and the best among them."""
    if count <= MOST_STEPS:
        return np.arange(count)
    return np.unique(np.append(np.linspace(0, count - 1, MOST_STEPS - 1).astype(int), best))


def _border(border: Any) -> str:
    return written(border) if isinstance(border, int | float) else str(border)


def _plain(value: Any, digits: int = 3) -> str:
    return written(value, digits).replace("\N{MINUS SIGN}", "-")


def _signed(value: Any) -> str:
    text = _plain(value)
    return f"({text})" if text.startswith("-") else text
