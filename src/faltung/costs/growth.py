"""How costs grow: the same problem with a larger image, a larger kernel, more channels, or one more axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import log2
from typing import Any, NamedTuple

from ..machine import Machine
from ..planning.planner import ALGORITHMS
from ..problem.layout import View
from ..problem.problem import Problem
from .predictions import size_bytes, work
from .rates import Rates

DIRECTIONS = ("image", "kernel", "channels")
"""What a problem can be made larger in."""
LONGEST = 1 << 24
"""Samples along an axis that are asked for at most."""


class Growth(NamedTuple):
    """What becomes of the costs when something grows."""

    what: str
    before: str
    after: str
    multiply_adds: float
    """How many times as many."""
    bytes: float
    times: dict[str, float | None]
    """For each algorithm how many times as long one thread takes; None where it does not apply."""


class Point(NamedTuple):
    """One size of a problem, and what it costs on one thread."""

    extent: int
    """Along the last axis; of channels, those that come in."""
    problem: Problem
    multiply_adds: int
    seconds: dict[str, float | None]


def resized(problem: Problem, what: str, factor: float) -> Problem:
    """Make the image, the kernel, or the number of channels in and out ``factor`` times as large.

    A larger image has more outputs; a larger kernel has as many as before, and reaches further on both sides.  Where
    each group has one channel in and out, there are more groups.

    >>> from ..problem.problem import Problem
    >>> line = Problem((), 1, 1, 1, (50,), (5,), (54,), (-4,), (1,), (1,), (1,), ((0, 0),))
    >>> resized(line, "image", 2).output, resized(line, "kernel", 2).kernel, resized(line, "kernel", 2).start
    ((104,), (10,), (-6,))
    """
    p = problem
    if what == "image":
        image = tuple(_times(n, factor) for n in p.image)
        # floor division, also downwards, so that doubling and halving agree
        output = tuple(max(1, o + (n - old) * far // step) for o, n, old, far, step in
                       zip(p.output, image, p.image, p.image_dilation, p.stride, strict=True))
        return replace(p, image=image, output=output)
    if what == "kernel":
        kernel = tuple(_times(k, factor) for k in p.kernel)
        start = tuple(first - (k - old) * far // 2 for first, k, old, far in
                      zip(p.start, kernel, p.kernel, p.kernel_dilation, strict=True))
        return replace(p, kernel=kernel, start=start)
    if _is_depthwise(p):
        return replace(p, groups=_times(p.groups, factor))
    return replace(p, channels_in=_times(p.channels_in, factor), channels_out=_times(p.channels_out, factor))


def _times(extent: int, factor: float) -> int:
    return max(1, round(extent * factor))


def with_axis(problem: Problem) -> Problem:
    """The problem with one more axis, like its first."""
    p = problem
    return replace(
        p, image=(p.image[0], *p.image), kernel=(p.kernel[0], *p.kernel), output=(p.output[0], *p.output),
        start=(p.start[0], *p.start), stride=(p.stride[0], *p.stride), border=(p.border[0], *p.border),
        kernel_dilation=(p.kernel_dilation[0], *p.kernel_dilation),
        image_dilation=(p.image_dilation[0], *p.image_dilation))


def growths(problem: Problem, machine: Machine, rates: Rates, names: Sequence[str]) -> tuple[Growth, ...]:
    """What doubling the image, the kernel and the channels costs, and what one more axis."""
    before = predicted(problem, machine, rates, names)
    larger = [*(resized(problem, what, 2) for what in DIRECTIONS), with_axis(problem)]
    rows = zip(("image extent", "kernel extent", _channel_word(problem), "axes"),
               (_image, _kernel, _channels, _axes), larger, strict=True)
    return tuple(
        Growth(what, tell(problem), tell(after), after.multiply_adds / max(1, problem.multiply_adds),
               size_bytes(after) / size_bytes(problem), _ratios(before, predicted(after, machine, rates, names)))
        for what, tell, after in rows)


def _ratios(before: dict[str, float | None], after: dict[str, float | None]) -> dict[str, float | None]:
    ratios: dict[str, float | None] = {}
    for name, seconds in before.items():
        other = after[name]
        ratios[name] = None if seconds is None or other is None else other / seconds
    return ratios


def predicted(problem: Problem, machine: Machine, rates: Rates, names: Sequence[str]) -> dict[str, float | None]:
    """Seconds of one thread by each algorithm, all arrays in C's order."""
    shape = problem.output_shape
    view = View(shape, shape, tuple(range(len(shape))))
    found: dict[str, float | None] = dict.fromkeys(names)
    for name in names:
        if ALGORITHMS[name].applies(problem) is None:
            found[name] = rates.seconds(work(name, problem, view, machine, 1), size_bytes(problem))
    return found


def curve(cost: Any, what: str, least: float = 1 / 16, most: float = 16.0) -> list[Point]:
    """The costs of a problem whose image, kernel or channels become larger, on one thread.

    Parameters
    ----------
    cost : Cost
        Of the problem; its machine and algorithms are used.
    what : {"image", "kernel", "channels"}
    least, most
        From which share of the size to which multiple, by two steps for each doubling.

    Returns
    -------
    list of Point
        Each size once; no kernel reaches further than the image.
    """
    points: dict[int, Point] = {}
    steps = range(round(2 * log2(least)), round(2 * log2(most)) + 1)
    for larger in (resized(cost.problem, what, 2 ** (step / 2)) for step in steps):
        extent = _extent(larger, what)
        if extent not in points and (_fits(larger) or larger == cost.problem):
            points[extent] = Point(extent, larger, larger.multiply_adds,
                                   predicted(larger, cost.machine, cost.rates, cost.applying))
    return [points[extent] for extent in sorted(points)]


def _fits(problem: Problem) -> bool:
    return all((k - 1) * far < n * apart and n <= LONGEST for k, far, n, apart in
               zip(problem.kernel, problem.kernel_dilation, problem.image, problem.image_dilation, strict=True))


def _is_depthwise(problem: Problem) -> bool:
    return problem.groups > 1 and problem.channels_in == problem.channels_out == 1


def _extent(problem: Problem, what: str) -> int:
    if what == "channels":
        return problem.groups if _is_depthwise(problem) else problem.channels_in
    return problem.image[-1] if what == "image" else problem.kernel[-1]


# ---------------------------------------------------------------- words

def _image(problem: Problem) -> str:
    return "x".join(map(str, problem.image))


def _kernel(problem: Problem) -> str:
    return "x".join(map(str, problem.kernel))


def _axes(problem: Problem) -> str:
    return str(problem.ndim)


def _channel_word(problem: Problem) -> str:
    return "groups" if _is_depthwise(problem) else "channels"


def _channels(problem: Problem) -> str:
    return str(problem.groups) if _is_depthwise(problem) else f"{problem.channels_in} to {problem.channels_out}"
