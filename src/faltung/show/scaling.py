"""How the cost grows: predicted time and multiply-adds over the extent of image and kernel and the channels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, exp, log, log10
from typing import Any, NamedTuple

from ..costs import Cost
from ..costs.growth import DIRECTIONS, Point, curve
from ..costs.tables import digits, duration
from ..errors import FaltungError
from .boundaries import Box
from .scene import NARROW, Scene, Show, Stage, picture

DASHES = ("-", (0, (6, 2)), (0, (4, 1.5, 1, 1.5)), (0, (2, 1.5)), (0, (8, 2, 2, 2)), (0, (1, 1.2)))
"""One for each algorithm, in the planner's order."""
ROLES = ("result", "kernel", "image", "border", "mark", "ink")
HOPELESS = 30.0
"""Algorithms that take longer than this, times the best, at each size are left out."""
BOUND = "at the peak"
"""How the line is called that the multiply-adds would take at the machine's peak."""
TITLES = {"image": "image extent", "kernel": "kernel extent", "channels": "channels"}


def growth(cost: Cost, *, width: int = 800, theme: str = "light") -> Any:
    """Draw how the cost of a call grows with its image, its kernel and its channels, on one thread.

    Parameters
    ----------
    cost : Cost
        What `faltung.cost` gives for a call.
    width : int
        Pixels.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each; a line for each algorithm, a dotted one for the multiply-adds at the machine's peak, whose
        numbers stand at the right.  A circle marks where another algorithm becomes the fastest; the thin line is the
        call itself.

    Examples
    --------
    >>> import faltung as ft
    >>> cost = ft.cost(ft.correlate, ft.Like((512, 512)), ft.Like((7, 7)), mode="same")
    >>> figure = growth(cost, width=600)
    """
    return picture(Growing(cost), width=width, theme=theme)


class Crossing(NamedTuple):
    """Where another algorithm becomes the fastest."""

    extent: float
    seconds: float
    algorithm: str


class Growing(Scene):
    """Three panels, log-log: predicted time over the extent of the image, that of the kernel, and the channels."""

    def __init__(self, cost: Cost) -> None:
        if not isinstance(cost, Cost):
            raise FaltungError(f"growth: draws the cost of a call, not {type(cost).__name__}; a network's is drawn by "
                               "show.roofline")
        self.cost = cost
        self.curves: dict[str, list[Point]] = {what: curve(cost, what) for what in DIRECTIONS}
        self.algorithms = [name for name in cost.applying if self._is_near(name)]
        self.crossings = {what: crossings(points, self.algorithms) for what, points in self.curves.items()}
        self.title = f"How {cost.function} grows"

    def _is_near(self, name: str) -> bool:
        for point in (point for points in self.curves.values() for point in points):
            own = point.seconds[name]
            if own is not None and own < HOPELESS * min(one for one in point.seconds.values() if one is not None):
                return True
        return False

    def height(self, width: int) -> int:
        """Three panels below each other where it is narrow, side by side elsewhere."""
        return round(width * 2.1) if width < NARROW else round(0.36 * width + 90)

    def words(self, step: int) -> str:
        """Tell the factors of doubling, and where which algorithm is the fastest."""
        told = [f"{row.what} doubled: {digits(row.multiply_adds)} times the multiply-adds" for row in self.cost.growth
                if row.what != "axes"]
        told += [f"{found.algorithm} is the fastest from {TITLES[what]} {ceil(found.extent)} on"
                 for what, every in self.crossings.items() for found in every]
        return "; ".join(told)

    # --- drawing

    def lay_out(self, stage: Stage) -> Show:
        """Draw the panels; nothing moves."""
        shape = (3, 1) if stage.is_narrow else (1, 3)
        stage.figure.get_layout_engine().set(h_pad=0.08, w_pad=0.06)
        panels = stage.figure.subplots(*shape, sharey=True)
        lowest, highest = self._range()
        for place, (what, axes) in enumerate(zip(DIRECTIONS, panels, strict=True)):
            axes.set(xscale="log", yscale="log", ylim=(lowest, highest))
            axes.set_title(TITLES[what])
            axes.grid(visible=True, which="major", linewidth=0.6)
            self._lines(axes, what, stage)
            self._ticks(axes, what, stage)
            if stage.is_narrow or place == 0:
                axes.set_ylabel("predicted time")
            if stage.is_narrow or place == 2:
                self._multiply_adds(axes, stage)
        stage.figure.draw_without_rendering()
        for what, axes in zip(DIRECTIONS, panels, strict=True):
            self._labels(axes, what, stage)
        return lambda _step: ()

    def _range(self) -> tuple[float, float]:
        times = [seconds for points in self.curves.values() for point in points
                 for seconds in (*self._times(point), self.bound(point))]
        return max(min(times) / 2, 1e-9), max(times) * 2

    def _times(self, point: Point) -> list[float]:
        every = (point.seconds[name] for name in self.algorithms)
        return [seconds for seconds in every if seconds is not None]

    def bound(self, point: Point) -> float:
        """Seconds of a size's multiply-adds at the machine's peak."""
        return point.multiply_adds * self.cost.operations / max(1, self.cost.multiply_adds) / self.cost.peak

    def _lines(self, axes: Any, what: str, stage: Stage) -> None:
        points, theme = self.curves[what], stage.theme
        line = 1.1 + stage.width / 900
        axes.plot([p.extent for p in points], [self.bound(p) for p in points], color=theme.soft, linestyle=(0, (1, 2)),
                  linewidth=line * 0.9, label=BOUND)
        for name in self.algorithms:
            place = self.algorithms.index(name) % len(DASHES)
            known = [(p.extent, p.seconds[name]) for p in points if p.seconds[name] is not None]
            axes.plot([extent for extent, _ in known], [seconds for _, seconds in known], linestyle=DASHES[place],
                      color=getattr(theme, ROLES[place]), linewidth=line, label=name)
        axes.axvline(self._own(what), color=theme.faint, linewidth=line, zorder=0.5)
        for found in self.crossings[what]:
            axes.plot([found.extent], [found.seconds], "o", markersize=stage.points * 0.8, markerfacecolor=theme.paper,
                      markeredgecolor=theme.mark, markeredgewidth=line, zorder=5)

    def _own(self, what: str) -> int:
        problem = self.cost.problem
        return next(point.extent for point in self.curves[what] if point.problem == problem)

    def _ticks(self, axes: Any, what: str, stage: Stage) -> None:
        from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

        extents = [point.extent for point in self.curves[what]]
        letter = 0.62 * stage.points * 0.9 * 100 / 72
        panel = stage.width * (0.7 if stage.is_narrow else 0.26)
        # room for the names at the lines' ends
        share = min(letter * max(len(name) for name in (*self.algorithms, BOUND)) / panel, 0.55)
        most = max(2, min(5, int(panel * (1 - share) / (letter * (len(str(extents[-1])) + 2.5)))))
        axes.xaxis.set_major_locator(FixedLocator(_spread(extents, self._own(what), most)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
        axes.xaxis.set_minor_locator(NullLocator())
        low, high = (log10(bound) for bound in axes.get_ylim())
        axes.yaxis.set_major_locator(FixedLocator([10.0**power for power in _powers(low, high)]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: plain_duration(value)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_minor_formatter(NullFormatter())
        span = log(extents[-1] / extents[0]) if len(extents) > 1 else 1.0
        axes.set_xlim(extents[0] * exp(-0.04 * span), extents[-1] * exp(span * (share + 0.03) / (1 - share)))

    def _multiply_adds(self, axes: Any, stage: Stage) -> None:
        """An axis at the right for the dotted line."""
        from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

        each = self.cost.operations / max(1, self.cost.multiply_adds) / self.cost.peak
        right = axes.secondary_yaxis("right", functions=(lambda seconds: seconds / each, lambda count: count * each))
        right.set_ylabel(f"multiply-adds {BOUND}")
        low, high = (log10(bound / each) for bound in axes.get_ylim())
        right.yaxis.set_major_locator(FixedLocator([10.0**power for power in _powers(low, high)]))
        right.yaxis.set_minor_locator(NullLocator())
        right.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"$10^{{{round(log10(value))}}}$"))
        right.spines["right"].set_visible(False)

    def _labels(self, axes: Any, what: str, stage: Stage) -> None:
        """Names at the lines' ends, and extents at the crossings, apart from each other."""
        pixel = stage.points * 0.9 * 100 / 72
        ends = [(line.get_label(), line.get_xdata()[-1], line.get_ydata()[-1], line.get_color())
                for line in axes.lines if line.get_label() in (*self.algorithms, BOUND) and len(line.get_xdata())]
        heights = [axes.transData.transform((x, y))[1] for _, x, y, _ in ends]
        box = axes.get_window_extent()
        placed = apart(heights, 1.25 * pixel, box.y0 + 0.7 * pixel, box.y1 - 0.7 * pixel)
        taken = []
        for (name, x, _, colour), height in zip(ends, placed, strict=True):
            across, y = axes.transData.transform((x, 1))[0], axes.transData.inverted().transform((0, height))[1]
            text = axes.annotate(name, (x, y), (0.5 * pixel, 0), textcoords="offset points", va="center", ha="left",
                                 color=colour, fontsize=stage.points * 0.9)
            text.set_in_layout(False)
            wide = pixel * (0.7 * len(name) + 1)
            taken.append(Box(across, height - 0.6 * pixel, across + wide, height + 0.6 * pixel))
        for found in self.crossings[what]:
            self._number(axes, found, stage, pixel, taken)

    def _number(self, axes: Any, found: Crossing, stage: Stage, pixel: float, taken: list[Box]) -> None:
        """Write the extent of a crossing beside its circle, where nothing stands; nowhere if there is no such place."""
        told = str(ceil(found.extent))
        across, up = axes.transData.transform((found.extent, found.seconds))
        wide, tall, gap = 0.7 * pixel * len(told), 1.2 * pixel, 0.76 * pixel
        for side, above in ((-1, True), (1, False), (1, True), (-1, False)):
            left, lower = across + gap if side > 0 else across - gap - wide, up + gap if above else up - gap - tall
            place = Box(left, lower, left + wide, lower + tall)
            if place.left < axes.bbox.x0 or any(place.meets(other) for other in taken):
                continue
            text = axes.annotate(told, (found.extent, found.seconds), (0.55 * side * pixel, (0.55 if above else -0.55)
                                 * pixel), textcoords="offset points", ha="left" if side > 0 else "right",
                                 va="bottom" if above else "top", color=stage.theme.mark, fontsize=stage.points * 0.9)
            text.set_in_layout(False)
            taken.append(place)
            return


# ---------------------------------------------------------------- numbers

def crossings(points: Sequence[Point], names: Sequence[str]) -> list[Crossing]:
    """Where the fastest algorithm changes, between two sizes by straight lines of the logarithms."""
    found = []
    for one, other in pairwise(points):
        before, after = (_fastest(point, names) for point in (one, other))
        if before == after or before is None or after is None:
            continue
        gaps = []
        for point in (one, other):
            a, b = point.seconds[before], point.seconds[after]
            if a is None or b is None:
                break
            gaps.append(log(a) - log(b))
        if len(gaps) < 2 or gaps[0] == gaps[1]:
            continue
        share = gaps[0] / (gaps[0] - gaps[1])
        extent = exp(log(one.extent) + share * (log(other.extent) - log(one.extent)))
        ends = [point.seconds[before] or 1.0 for point in (one, other)]
        found.append(Crossing(extent, exp(log(ends[0]) + share * (log(ends[1]) - log(ends[0]))), after))
    return found


def _fastest(point: Point, names: Sequence[str]) -> str | None:
    known = {name: point.seconds[name] for name in names if point.seconds[name] is not None}
    return min(known, key=lambda name: known[name] or 0.0) if known else None


def _powers(low: float, high: float) -> list[int]:
    """Some whole numbers between, evenly."""
    step = max(1, round((high - low) / 6))
    return [power for power in range(ceil(low), int(high // 1) + 1) if power % step == 0]


def _spread(extents: Sequence[int], own: int, most: int) -> list[int]:
    """Some of the extents, evenly: the call's own, and others a whole number of steps away."""
    step = max(1, -(-len(extents) // most))
    place = extents.index(own) % step
    return list(extents[place::step])


def apart(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move places as little as it takes to be ``gap`` apart and between the bounds.

    >>> apart([10.0, 11.0, 30.0], 5.0, 0.0, 100.0)
    [8.0, 13.0, 30.0]
    """
    order = sorted(range(len(places)), key=places.__getitem__)
    groups: list[list[float]] = []  # middle and count of those that push each other
    for index in order:
        groups.append([min(max(places[index], low), high), 1])
        while len(groups) > 1 and groups[-1][0] - groups[-2][0] < gap * (groups[-1][1] + groups[-2][1]) / 2:
            (upper, more), (lower, count) = groups.pop(), groups.pop()
            groups.append([(upper * more + lower * count) / (more + count), more + count])
    result = [0.0] * len(places)
    numbers = iter(order)
    for middle, count in groups:
        half = gap * (count - 1) / 2
        first = min(max(middle, low + half), high - half) - half
        for number in range(int(count)):
            result[next(numbers)] = first + gap * number
    return result


def plain_duration(seconds: float) -> str:
    """A power of ten of seconds, as an axis writes it.

    >>> plain_duration(1e-3), plain_duration(1e-5)
    ('1 ms', '10 us')
    """
    number, unit = duration(seconds * 1.000001).split()
    return f"{float(number.replace(',', '')):.3g} {unit}"
