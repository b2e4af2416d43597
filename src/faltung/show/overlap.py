"""Two functions slid over each other: their product's area is the value of the convolution, traced below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import continuous
from ..continuous import Function
from ..continuous.checks import finite
from ..errors import FunctionError
from ..lazy import cached_property
from .scene import Scene, Show, Stage, picture

FloatArray = npt.NDArray[np.float64]

STEPS = 120
"""At most so many shifts, one after the other at a round distance."""
MOST_SHIFTS = 2000
SEEN = 0.004
"""Parts of a function that are flatter than this part of its height are left out at the sides."""
POINTS = 240
"""Of a curve over the width of the picture; straight pieces need only their ends."""
LONGEST_NAME = 26


class Overlap(Scene):
    """Two functions, their product at a shift with its area shaded, and the result traced up to the shift.

    Parameters
    ----------
    f, g : Function or str
        Functions of `faltung.continuous`, or texts for `continuous.parse`.
    flip : bool
        True convolves: ``f(tau)`` and ``g(t - tau)``.  False correlates: ``f(tau)`` and ``g(tau - t)``.
    shifts : sequence of float, optional
        The shifts t, one a step, rising; about a hundred at round numbers, over all that the result covers, by default.
    names : (str, str), optional
        What `f` and `g` are called; the texts themselves by default, or "f" and "g".

    Attributes
    ----------
    result : Function
        The whole result, ``continuous.convolve(f, g)`` or ``continuous.correlate(f, g)``.
    values : ndarray
        The result at each shift: the areas that are shaded and told.
    """

    rate = 20.0

    def __init__(self, f: Function | str, g: Function | str, *, flip: bool = True,
                 shifts: Sequence[float] | None = None,
                 names: tuple[str | None, str | None] = (None, None)) -> None:
        self.f, self.g = _made(f, "f"), _made(g, "g")
        self.flip = flip
        called = [name or (text if isinstance(text, str) else "") for name, text in zip(names, (f, g), strict=True)]
        self.names = tuple(map(_short, called))
        self.result = (continuous.convolve if flip else continuous.correlate)(self.f, self.g)
        self._moved = self.g.reverse() if flip else self.g
        """What is shifted: the picture of g, flipped or not."""
        self._f_seen, self._g_seen = seen(self.f), seen(self._moved)
        # Shifted by t, g's picture lies on [t + low, t + high]: from where it reaches f to where it has left it.
        span = self._f_seen[0] - self._g_seen[1], self._f_seen[1] - self._g_seen[0]
        self.shifts = even_shifts(*span) if shifts is None else _shifts(shifts)
        self.values: FloatArray = np.array([self.result(float(t)) for t in self.shifts])
        self.span = min(span[0], float(self.shifts[0])), max(span[1], float(self.shifts[-1]))
        self.steps = len(self.shifts)
        self.first = round(0.4 * (self.steps - 1))
        self.title = "Convolution of two functions" if flip else "Correlation of two functions"

    def product(self, step: int) -> Function:
        """What is under the integral at a step: its area is the value there."""
        t = float(self.shifts[step])
        return continuous.overlap(self.f, self.g, t) if self.flip else self.f * self.g.shift(t)

    def height(self, width: int) -> int:
        """About two to three, and taller where it is narrow."""
        return round(width * 1.15) if width < 600 else round(width * 0.72)

    def words(self, step: int) -> str:
        """Tell shift and area."""
        slid = "g(t - tau), flipped and shifted" if self.flip else "g(tau - t), shifted"
        whole = "(f * g)(t)" if self.flip else "the correlation at t"
        return (f"t = {told(float(self.shifts[step]))}: the area under f(tau) times {slid}, is "
                f"{told(self.values[step])}, and so is {whole}.")

    def lay_out(self, stage: Stage) -> Show:
        """Draw both functions above, the result below, one under the other on the same scale."""
        stage.figure.get_layout_engine().set(w_pad=0.1, h_pad=0.08)
        ratios = (1.25, 1.0) if stage.is_narrow else (1.35, 1.0)
        above, below = stage.figure.subplots(2, 1, sharex=True, height_ratios=ratios)
        above.tick_params(labelbottom=True)
        above.set_xlim(*self._sight())
        for axes in (above, below):
            axes.axhline(0, color=stage.theme.soft, linewidth=0.8, zorder=1)
            axes.margins(x=0)
        return _joined(self._functions(stage, above), self._trace(stage, below))

    def _sight(self) -> tuple[float, float]:
        """All that f, the shifted g and the result cover."""
        low = min(self._f_seen[0], self.span[0] + self._g_seen[0], self.span[0])
        high = max(self._f_seen[1], self.span[1] + self._g_seen[1], self.span[1])
        room = 0.02 * (high - low)
        return low - room, high + room

    def _functions(self, stage: Stage, axes: Any) -> Show:
        theme, sight = stage.theme, self._sight()
        axes.plot(*curve(self.f, *within(self.f, *sight)), color=theme.image, zorder=4, label=self._label("f", "τ"))
        inner = minus("t - τ" if self.flip else "τ - t")
        shifted, = axes.plot([], [], color=theme.kernel, zorder=4, linestyle=(0, (5, 1.5)),
                             label=self._label("g", inner))
        # The area of what is below zero counts as negative, and is hatched the other way.
        filled = [axes.fill([], [], facecolor=theme.result, alpha=0.35, hatch=hatch, edgecolor=theme.result,
                            linewidth=0, zorder=3)[0] for hatch in ("//", "\\\\")]
        filled[0].set_label("their product")
        mark = axes.axvline(0, color=theme.mark, linewidth=1, linestyle=":", zorder=2)
        axes.set_ylim(*self._heights)
        axes.set_xlabel("τ", labelpad=1)
        area = "area" if stage.is_narrow else "shaded area"
        title = axes.set_title(area, pad=0.6 * stage.points)
        stage.figure.legend(loc="outside upper left", ncols=1 if stage.is_narrow else 3, handlelength=1.8)

        def show(step: int) -> list[Any]:
            t = float(self.shifts[step])
            moved, product = self._moved.shift(t), self.product(step)
            shifted.set_data(*curve(moved, *within(moved, *sight)))
            x, y = crossings(*curve(product, *within(product, *sight)))
            for patch, part in zip(filled, (np.maximum(y, 0), np.minimum(y, 0)), strict=True):
                patch.set_xy(np.column_stack([np.append(x, x[::-1]), np.append(part, np.zeros(len(x)))]))
            mark.set_xdata([t, t])
            title.set_text(minus(f"{area} = {told(self.values[step])}  at  t = {told(t)}"))
            return [shifted, *filled, mark, title]

        return show

    def _trace(self, stage: Stage, axes: Any) -> Show:
        theme, sight = stage.theme, self._sight()
        x, y = curve(self.result, *sight)
        axes.plot(x, y, color=theme.soft, linewidth=0.12 * stage.points, zorder=2)
        done, = axes.plot([], [], color=theme.result, zorder=4, linewidth=1.3 * stage.points / 5)
        mark = axes.axvline(0, color=theme.mark, linewidth=1, linestyle=":", zorder=2)
        dot, = axes.plot([], [], "o", color=theme.mark, markersize=0.75 * stage.points, zorder=5)
        low, high = min(float(y.min()), 0.0), max(float(y.max()), 0.0)
        axes.set_ylim(*_roomy(low, high))
        axes.set_xlabel("t", labelpad=1)
        axes.set_title("(f ∗ g)(t): the area at each shift t" if self.flip else  # noqa: RUF001 the sign of convolution
                       "(f ⋆ g)(t): the area at each shift t")

        def show(step: int) -> list[Any]:
            t, value = float(self.shifts[step]), self.values[step]
            before = x < t
            done.set_data(np.append(x[before], t), np.append(y[before], value))
            mark.set_xdata([t, t])
            dot.set_data([t], [value])
            return [done, mark, dot]

        return show

    def _label(self, name: str, inner: str) -> str:
        called = self.names["fg".index(name)]
        return f"{name}({inner})" + (f",  {name} = {called}" if called else "")

    @cached_property
    def _heights(self) -> tuple[float, float]:
        """Room for f, g and their product at any shift."""
        some = range(0, self.steps, max(1, self.steps // 30))
        every = [curve(each, *each.support)[1] for each in (self.f, self.g, *map(self.product, some))]
        return _roomy(min(0.0, *(float(y.min()) for y in every)), max(0.0, *(float(y.max()) for y in every)))


def overlap(f: Function | str, g: Function | str, shift: float | None = None, *, flip: bool = True, width: int = 800,
            theme: str = "light") -> Any:
    """Draw two functions at a shift, the area of their product shaded, and the result traced below.

    Parameters
    ----------
    f, g : Function or str
        Functions of `faltung.continuous`, or texts for `continuous.parse`.
    shift : float, optional
        Where g is; a place at which the two overlap by default.
    flip : bool
        True convolves, False correlates.
    width, theme
        As in `picture`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    shifts = None if shift is None else [continuous.checks.number("overlap", "shift", shift)]
    return picture(Overlap(f, g, flip=flip, shifts=shifts), width=width, theme=theme)


def seen(f: Function) -> tuple[float, float]:
    """The part of the support that is worth looking at: without tails too flat to be seen."""
    low, high = f.support
    x = np.linspace(low, high, 2001)
    tall = np.flatnonzero(np.abs(f(x)) > SEEN * f.scale)
    if not len(tall):
        return low, high
    near = 100  # a twentieth: what is nearly all is all
    return (low if tall[0] <= near else float(x[tall[0] - 1]),
            high if tall[-1] >= 2000 - near else float(x[tall[-1] + 1]))


def even_shifts(low: float, high: float) -> FloatArray:
    """Shifts from low to high, or a little farther, at a round distance.

    Examples
    --------
    >>> even_shifts(-1.5, 1.49)[[0, 1, -1]]
    array([-1.5  , -1.475,  1.5  ])
    """
    least = (high - low) / STEPS
    unit = 10.0 ** np.floor(np.log10(least))
    distance = next(unit * round_one for round_one in (1, 2, 2.5, 5, 10) if unit * round_one >= least * (1 - 1e-9))
    first, last = np.floor(low / distance + 1e-9), np.ceil(high / distance - 1e-9)
    # Whole multiples, so that 0.3 is 0.3 and zero is met.
    shifts: FloatArray = np.round(np.arange(first, last + 1) * distance, min(12 - int(np.log10(unit)), 200))
    return shifts


def within(f: Function, low: float, high: float) -> tuple[float, float]:
    """The part of an interval on which a function is not zero, with the jumps at its ends."""
    start, stop = f.support
    return max(low, float(np.nextafter(start, -np.inf))), min(high, float(np.nextafter(stop, np.inf)))


def curve(f: Function, low: float, high: float) -> tuple[FloatArray, FloatArray]:
    """Points of a curve within [low, high], as many as the eye needs; at a jump both sides."""
    ends = f.breakpoints
    places = [ends, np.nextafter(ends, -np.inf), np.nextafter(ends[-1:], np.inf), np.array([low, high])]
    for start, stop, piece in zip(ends[:-1], ends[1:], f.series, strict=True):
        start, stop = max(start, low), min(stop, high)  # noqa: PLW2901 within sight
        if len(piece) > 2 and start < stop:
            places.append(np.linspace(start, stop, max(9, round(POINTS * (stop - start) / (high - low)))))
    x = np.unique(np.concatenate(places))
    x = x[(x >= low) & (x <= high)]
    return x, f(x)


def crossings(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Put in the points where the line through the points changes its sign."""
    turn = np.flatnonzero(y[:-1] * y[1:] < 0)
    where = x[turn] - y[turn] * (x[turn + 1] - x[turn]) / (y[turn + 1] - y[turn])
    return np.insert(x, turn + 1, where), np.insert(y, turn + 1, 0.0)


def told(value: float) -> str:
    """A value in four digits, without a zero's sign.

    Examples
    --------
    >>> told(0.75), told(-1e-17), told(1234567)
    ('0.75', '0', '1.235e+06')
    """
    return f"{0.0 if abs(value) < 5e-13 else value:.4g}"


def minus(text: str) -> str:
    """Numbers with the sign that is as long as the plus."""
    return text.replace("-", "\N{MINUS SIGN}")


def _roomy(low: float, high: float) -> tuple[float, float]:
    room = 0.08 * (high - low) or 1.0
    return (low - room if low < 0 else -room / 4), high + room


def _made(f: Function | str, name: str) -> Function:
    if isinstance(f, str):
        return continuous.parse(f, caller="overlap")
    if not isinstance(f, Function):
        raise FunctionError(f"overlap: {name} is of type {type(f).__name__}, neither a Function nor a text; make one "
                            f'with continuous.function({name}, (start, end)), or write "1 - abs(t) on [-1, 1]"')
    return f


def _shifts(shifts: Sequence[float]) -> FloatArray:
    array = finite("overlap", "shifts", np.asarray(shifts, np.float64))
    if not 1 <= len(array) <= MOST_SHIFTS:
        raise FunctionError(f"overlap: {len(array)} shifts are given; give 1 to {MOST_SHIFTS}")
    return array


def _short(name: str) -> str:
    name = " ".join(name.split())
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 3] + "..."


def _joined(*shows: Show) -> Show:
    return lambda step: [artist for show in shows for artist in show(step)]
