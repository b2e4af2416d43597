"""The roofline: what the machine can do at each arithmetic intensity, and where calls stand under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log10
from typing import Any, NamedTuple

from ..costs import Cost, NetworkCost
from ..costs.tables import digits
from ..errors import FaltungError
from .scene import Scene, Show, Stage, picture

MARKERS = ("o", "s", "^", "D", "v", "P")
"""One for each algorithm, in the order of their appearance."""
NAMED = 6
"""Points of a network that carry a name: those that take longest."""
Box = tuple[float, float, float, float]


def roofline(*costs: Cost | NetworkCost | Mapping[str, Cost], width: int = 800, theme: str = "light") -> Any:
    """Draw where calls stand under the machine's roofline (Williams, Waterman and Patterson, 2009), on one thread.

    Parameters
    ----------
    *costs : Cost, NetworkCost, or mapping of str to Cost
        What `faltung.cost` gives; those of a mapping are called by their keys, layers by their paths.
    width : int
        Pixels.
    theme : {"light", "dark"}
        Colours.

    Returns
    -------
    matplotlib.figure.Figure
        At each arithmetic intensity the most that the measured peak and bandwidths allow, and a point for each call:
        the definition's operations over the predicted time.  A transform needs fewer operations than the definition,
        and may stand above the roof.

    Examples
    --------
    >>> import faltung as ft
    >>> cost = ft.cost(ft.correlate, ft.Like((512, 512)), ft.Like((7, 7)), mode="same")
    >>> figure = roofline({"7x7": cost}, width=600)
    """
    return picture(Roofline(*costs), width=width, theme=theme)


class Spot(NamedTuple):
    """A call under the roof."""

    name: str
    intensity: float
    rate: float
    """Operations a second."""
    algorithm: str
    seconds: float


class Roofline(Scene):
    """Rate over arithmetic intensity, log-log: the roof of the machine, and a point for each call."""

    title = "Roofline"

    def __init__(self, *costs: Any) -> None:
        self.spots = [spot for cost in costs for spot in _spots(cost)]
        if not self.spots:
            raise FaltungError("roofline: there is nothing to draw; give costs of calls, or of a network with "
                               "convolutions")
        known = [one for cost in costs for one in (cost.values() if isinstance(cost, Mapping) else [cost])]
        self.rates = known[0].rates
        kinds = {one.problem.accumulator_dtype for one in known if isinstance(one, Cost)} or {"float32"}
        self.peaks = {_peak_name(kind): self.rates.peak_of(kind) for kind in sorted(kinds)}
        self.slopes = {"cache": self.rates.bandwidth(0), "memory": self.rates.copies[-1][1]}
        self.algorithms = list(dict.fromkeys(spot.algorithm for spot in self.spots))

    def height(self, width: int) -> int:
        """Three quarters of the width, less where it is wide."""
        return round(0.55 * width + 80)

    def words(self, step: int) -> str:
        """Tell each point."""
        return "; ".join(f"{spot.name}: {digits(spot.intensity)} operations per byte, {digits(spot.rate / 1e9)} "
                         f"GFLOP/s ({spot.algorithm})" for spot in self.spots)

    def roof(self, intensity: float) -> float:
        """The most operations a second at an intensity, from cache."""
        return float(min(max(self.peaks.values()), intensity * self.slopes["cache"]))

    # --- drawing

    def lay_out(self, stage: Stage) -> Show:
        """Draw; nothing moves."""
        stage.figure.get_layout_engine().set(h_pad=0.08, w_pad=0.08)
        axes = stage.figure.subplots()
        self._axes(axes)
        roofs = self._roofs(axes, stage)
        self._points(axes, stage)
        stage.figure.draw_without_rendering()
        self._names(axes, stage, roofs)
        return lambda _step: ()

    def _axes(self, axes: Any) -> None:
        from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

        highest = max(self.peaks.values())
        places = [spot.intensity for spot in self.spots]
        ridge = highest / min(self.slopes.values())
        low, high = min(*places, ridge / 8) / 2, max(*places, ridge * 4) * 2.5
        rates = [spot.rate for spot in self.spots]
        bottom = min(*rates, min(self.slopes.values()) * low * 1.5) / 1.5
        axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(bottom, max(highest, *rates) * 2.5),
                 xlabel="operations per byte", ylabel="GFLOP/s")
        axes.grid(visible=True, which="major", linewidth=0.6)
        for axis, unit in ((axes.xaxis, 1.0), (axes.yaxis, 1e9)):
            axis.set_major_locator(LogLocator(numticks=9))
            axis.set_minor_locator(NullLocator())
            axis.set_major_formatter(FuncFormatter(lambda value, _, unit=unit: f"{value / unit:g}"))

    def _roofs(self, axes: Any, stage: Stage) -> list[tuple[str, Any]]:
        """Bandwidths rise to the highest peak; lower peaks of wider numbers are lines of their own."""
        low, high = axes.get_xlim()
        highest, line = max(self.peaks.values()), 1.1 + stage.width / 900
        drawn = []
        for (name, slope), dashes in zip(self.slopes.items(), ("-", (0, (5, 2))), strict=True):
            drawn.append((f"{name} {slope / 1e9:.0f} GB/s",
                          axes.plot([low, highest / slope], [low * slope, highest], color=stage.theme.soft,
                                    linewidth=line, linestyle=dashes)[0]))
        steepest = max(self.slopes.values())
        for name, peak in self.peaks.items():
            drawn.append((f"{name} {peak / 1e9:.0f} GFLOP/s",
                          axes.plot([peak / steepest, high], [peak, peak], color=stage.theme.soft, linewidth=line)[0]))
        return drawn

    def _points(self, axes: Any, stage: Stage) -> None:
        size = stage.points * 0.75
        for spot in self.spots:
            place = self.algorithms.index(spot.algorithm) % len(MARKERS)
            axes.plot([spot.intensity], [spot.rate], MARKERS[place], markersize=size, color=stage.theme.result,
                      markeredgecolor=stage.theme.paper, markeredgewidth=0.8, zorder=5)
        # the shapes are explained above, where no point can be
        handles = [axes.plot([], [], MARKERS[place % len(MARKERS)], color=stage.theme.result, markersize=size,
                             label=name)[0] for place, name in enumerate(self.algorithms)]
        axes.legend(handles=handles, loc="lower right", bbox_to_anchor=(1, 1), ncols=min(len(handles), 4),
                    borderpad=0.2, handletextpad=0.2, columnspacing=1.2)

    def _names(self, axes: Any, stage: Stage, roofs: Sequence[tuple[str, Any]]) -> None:
        """Names beside the points and along the roofs, each where nothing else is."""
        placing = _Placing(axes, stage)
        for spot in self.spots:
            placing.keep(spot.intensity, spot.rate)
        for name, line in roofs:
            placing.along(name, line)
        ranked = sorted(self.spots, key=lambda spot: -spot.seconds)
        for spot in ranked[:NAMED] if len(ranked) > NAMED else ranked:
            placing.beside(spot.name, spot.intensity, spot.rate)


class _Placing:
    """Finds places for texts, in pixels of the figure."""

    def __init__(self, axes: Any, stage: Stage) -> None:
        self.axes, self.stage = axes, stage
        self.points = stage.points * 0.9
        self.pixel = self.points * 100 / 72
        self.taken: list[Box] = []
        self.frame = axes.get_window_extent()
        self.lines: list[Any] = []

    def keep(self, x: float, y: float) -> None:
        """Keep the place of a point."""
        across, up = self.axes.transData.transform((x, y))
        half = 0.45 * self.pixel
        self.taken.append((across - half, up - half, across + half, up + half))

    def beside(self, name: str, x: float, y: float) -> None:
        """Write the name of a point, around it where there is room; a thin line leads to one further away."""
        across, up = self.axes.transData.transform((x, y))
        for distance in (0.75, 1.6, 2.7, 4.0, 5.5):
            for right, above in ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (-1, 1), (1, 1), (-1, -1)):
                shift = distance * self.pixel
                text = self._text(name, across + right * shift, up + above * shift * 1.1,
                                  ("center", "left", "right")[right], ("center", "bottom", "top")[above],
                                  self.stage.theme.ink)
                if self._fits(text, roofs=True):
                    if distance > 1 or (right and above):
                        self._lead(x, y, text)
                    return
                text.remove()

    def along(self, name: str, line: Any) -> None:
        """Write the name of a roof on its upper side, beginning near the end where it is alone."""
        ends = self.axes.transData.transform(line.get_xydata())
        (left, low), (right, high) = ends
        angle = _degrees(right - left, high - low)
        slanted = high - low > 1
        self.lines.append(ends)
        shares = (0.03, 0.1, 0.2, 0.3, 0.4, 0.5) if slanted else (0.97, 0.8, 0.6, 0.45)
        for share in shares:
            x, y = left + share * (right - left), low + share * (high - low)
            start = (x - 0.35 * self.pixel, y + 0.35 * self.pixel) if slanted else (x, y + 0.3 * self.pixel)
            text = self._text(name, *start, "left" if slanted else "right", "bottom", self.stage.theme.soft)
            text.set(rotation=angle, rotation_mode="anchor")
            if self._fits(text):
                return
            text.remove()
        if " " in name:  # without its number it may have room
            self.along(name.split(maxsplit=1)[0], line)

    def _text(self, name: str, x: float, y: float, across: str, up: str, colour: str) -> Any:
        place = self.axes.transAxes.inverted().transform((x, y))
        text = self.axes.text(*place, name, transform=self.axes.transAxes, ha=across, va=up, color=colour,
                              fontsize=self.points)
        text.set_in_layout(False)
        return text

    def _fits(self, text: Any, *, roofs: bool = False) -> bool:
        """Whether a text lies inside and on nothing else; then its place is taken."""
        box: Box = tuple(text.get_window_extent().extents)
        frame = self.frame
        inside = box[0] > frame.x0 and box[1] > frame.y0 and box[2] < frame.x1 and box[3] < frame.y1
        if not inside or any(_meet(box, other) for other in self.taken) or (
                roofs and any(_crosses(box, *line) for line in self.lines)):
            return False
        self.taken.append(box)
        return True

    def _lead(self, x: float, y: float, text: Any) -> None:
        box = text.get_window_extent()
        across, up = self.axes.transData.transform((x, y))
        near = (min(max(across, box.x0), box.x1), min(max(up, box.y0), box.y1))
        end = self.axes.transData.inverted().transform(near)
        self.axes.plot([x, end[0]], [y, end[1]], color=self.stage.theme.soft, linewidth=0.7, zorder=2)


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _crosses(box: Box, start: Any, end: Any) -> bool:
    """Whether a straight line goes through a box, or close by."""
    for step in range(401):
        x, y = (a + (b - a) * step / 400 for a, b in zip(start, end, strict=True))
        if box[0] - 3 < x < box[2] + 3 and box[1] - 3 < y < box[3] + 3:
            return True
    return False


def _degrees(across: float, up: float) -> float:
    from math import atan2, degrees

    return degrees(atan2(up, across))


# ---------------------------------------------------------------- points

def _spots(cost: Any) -> list[Spot]:
    if isinstance(cost, Cost):
        return [_spot(cost.function, cost)]
    if isinstance(cost, NetworkCost):
        return _merged([_spot(layer.path, layer.cost) for layer in cost.layers if layer.cost is not None])
    if isinstance(cost, Mapping):
        return [spot._replace(name=name) for name, one in cost.items() for spot in _spots(one)]
    raise FaltungError(f"roofline: {type(cost).__name__} is no cost; give what faltung.cost gives")


def _spot(name: str, cost: Cost) -> Spot:
    chosen = cost.chosen
    return Spot(name, cost.intensity, cost.operations / chosen.seconds, chosen.algorithm, chosen.seconds)


def _merged(spots: Sequence[Spot]) -> list[Spot]:
    """Layers that stand at one place as one point, named by the first."""
    groups: dict[tuple[Any, ...], list[Spot]] = {}
    for spot in spots:
        place = (round(20 * log10(spot.intensity)), round(20 * log10(spot.rate)), spot.algorithm)
        groups.setdefault(place, []).append(spot)
    return [group[0]._replace(name=group[0].name if len(group) == 1 else f"{group[0].name} and {len(group) - 1} more",
                              seconds=sum(spot.seconds for spot in group)) for group in groups.values()]


def _peak_name(dtype: str) -> str:
    return {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)
