"""Benchmarks as bars: how many times as long as ours the others take, case by case."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from ..errors import FaltungError
from .panels import Still, pixels_of, subplots
from .scene import NARROW, Stage, picture
from .style import letter_points

Group = Mapping[str, Mapping[str, float]]
_LEAST_REACH = 2.0
"""The scale shows this factor on both sides at least."""


def ratios(groups: Mapping[str, Group], *, name: str = "faltung", width: int = 800, theme: str = "light") -> Any:
    """Draw, for each case, how many times as long as ours the others take: a bar to the best, dots for all others.

    The scale is logarithmic and 1 is marked: to its right ours is faster.  Bars to the left are hatched.

    Parameters
    ----------
    groups : mapping of str to (mapping of str to (mapping of str to float))
        Panels, for example by the number of threads; in each the cases; for each case the ratio of each other's time
        to ours.  A case without any ratio keeps its line, and has no bar.
    name : str
        What ours is called.
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
        If there is nothing to draw, or a ratio is not positive.

    Examples
    --------
    >>> figure = ratios({"1 thread": {"small": {"torch": 2.5, "scipy": 40.0}, "large": {"torch": 0.9}}})
    """
    return picture(Ratios(groups, name), width=width, theme=theme)


class Ratios(Still):
    """Bars for each case, in panels."""

    def __init__(self, groups: Mapping[str, Group], name: str = "faltung") -> None:
        self.groups = {title: {case: dict(against) for case, against in group.items()}
                       for title, group in groups.items() if group}
        if not self.groups:
            raise FaltungError("ratios: groups hold no case; give at least one, as {'1 thread': {'case': {'other': "
                               "2.5}}}")
        for group in self.groups.values():
            for case, against in group.items():
                for other, value in against.items():
                    if not (isfinite(value) and value > 0):
                        raise FaltungError(f"ratios: {case}, {other}: ratio {value} must be above 0; leave out what "
                                           "was not measured")
        self.name = name
        self.title = f"Times as fast as the others: {name}"

    def height(self, width: int) -> int:
        """A line for each case."""
        letter = pixels_of(letter_points(width))
        rows, panels = [len(group) for group in self.groups.values()], len(self.groups)
        if width < NARROW:
            return round(letter * (1.9 * sum(rows) + 6.5 * panels + 3))
        return round(letter * (1.75 * max(rows) + 7.5))

    def words(self, step: int) -> str:
        """Tell where ours is fastest, and where not."""
        cases = [pair for group in self.groups.values() for pair in group.items()]
        bests = [(case, *_best(against)) for case, against in cases if against]
        lost = [f"{case} ({value:.2f} against {other})" for case, other, value in bests if value < 1]
        return (f"{self.name} is the fastest in {len(bests) - len(lost)} of {len(bests)} cases"
                + (f"; not in {', '.join(lost)}" if lost else ""))

    def draw(self, stage: Stage) -> None:
        """Draw a panel for each group, all on one scale."""
        count = len(self.groups)
        shape = (count, 1) if stage.is_narrow else (1, count)
        heights = [len(group) for group in self.groups.values()] if stage.is_narrow else None
        panels = subplots(stage, *shape, squeeze=False, height_ratios=heights).ravel()
        low, high = self._reach()
        previous: list[str] | None = None
        for axes, (title, group) in zip(panels, self.groups.items(), strict=True):
            axes.set_xscale("log")
            axes.set_xlim(low, high)
            self._draw_group(stage, axes, group)
            axes.set_title(title)
            if not stage.is_narrow and previous == list(group):
                axes.tick_params(labelleft=False)
            previous = list(group)
        several = any(len(against) > 1 for group in self.groups.values() for against in group.values())
        dots = " (dots: the rest)" if several else ""
        which = f"time of the best other{dots} / ours" if stage.is_narrow else \
            f"time of the best of the others{dots} / time of {self.name}; right of 1 {self.name} is faster"
        stage.figure.supxlabel(which, size=stage.points)

    def _reach(self) -> tuple[float, float]:
        """Ends of the scale: all bars, and dots that are not too far."""
        bests = [_best(against)[1] for group in self.groups.values() for against in group.values() if against]
        every = [value for group in self.groups.values() for against in group.values() for value in against.values()]
        low = min([1 / _LEAST_REACH, *(0.8 * value for value in bests)])
        high = max([_LEAST_REACH, *(1.25 * value for value in bests)])
        return low, min(max([high, *(1.25 * value for value in every)]), 10 * high)

    def _draw_group(self, stage: Stage, axes: Any, group: Group) -> None:
        theme, high = stage.theme, axes.get_xlim()[1]
        axes.axvline(1.0, color=theme.ink, linewidth=1.2, zorder=3)
        for row, against in enumerate(group.values()):
            if not against:
                continue
            other, value = _best(against)
            wins = value >= 1
            axes.barh(row, value - 1, left=1.0, height=0.62, facecolor=theme.result if wins else theme.paper,
                      edgecolor=theme.result if wins else theme.kernel, hatch=None if wins else "//////", linewidth=1)
            rest = [ratio for each, ratio in against.items() if each != other and 1.1 * ratio < high]
            axes.plot(rest, [row] * len(rest), linestyle="none", marker="o", markersize=0.38 * stage.points,
                      markerfacecolor=theme.paper, markeredgecolor=theme.soft, markeredgewidth=1)
            axes.text(1.02, row, f"{value:.2f}  {other}" if value < 10 else f"{value:.1f}  {other}", va="center",
                      transform=axes.get_yaxis_transform(), size=0.85 * stage.points,
                      color=theme.ink if wins else theme.kernel)
        axes.set_yticks(range(len(group)), list(group), size=0.85 * stage.points)
        axes.set_ylim(len(group) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=True, axis="x")
        axes.spines["left"].set_visible(False)
        _write_factors(stage, axes)


def _write_factors(stage: Stage, axes: Any) -> None:
    """Ticks as plain numbers, few enough to stand apart."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    low, high = axes.get_xlim()
    steps = (1,) if high / low > 300 or stage.is_narrow else (1, 2, 5)
    ticks = [step * 10.0**power for power in range(-4, 6) for step in steps]
    if len([tick for tick in ticks if low <= tick <= high]) < 3:
        ticks = sorted({*ticks, 0.5, 2.0})
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _best(against: Mapping[str, float]) -> tuple[str, float]:
    """The fastest of the others, and its ratio."""
    return min(against.items(), key=lambda pair: pair[1])


__all__ = ["Ratios", "ratios"]
