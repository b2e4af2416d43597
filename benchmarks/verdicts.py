"""Judge results family by family: plain arithmetic on figures, no measuring."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, fsum, log
from typing import Any

from benchmarks.cases import Case
from benchmarks.catalogue import CASES, by_name
from benchmarks.harness import Result, Timing
from benchmarks.ours import NAME


@dataclass(frozen=True)
class Goal:
    """What a family is to reach: the best peer's time over ours, its geometric mean and its least."""

    mean: float
    least: float


GOALS = {
    "layers 3x3": Goal(1.2, 1.0),
    "other layers": Goal(2.0, 1.0),
    "depthwise": Goal(2.0, 1.0),
    "transposed": Goal(2.0, 1.0),
    "layers 1-d": Goal(2.0, 1.0),
    "layers 3-d": Goal(2.0, 1.0),
    "gradients by image": Goal(1.5, 1.0),
    "gradients by kernel": Goal(1.5, 1.0),
    "images float32": Goal(2.0, 1.0),
    "images float64": Goal(2.0, 1.0),
    "images uint8": Goal(3.0, 1.0),
    "other types": Goal(1.2, 1.0),
    "pictures": Goal(1.5, 1.0),
    "signals": Goal(3.0, 1.0),
    "volumes": Goal(5.0, 1.0),
    "boxes": Goal(5.0, 1.0),
    "products of lines": Goal(2.0, 1.0),
    "matching": Goal(2.0, 1.0),
    "matching, masked": Goal(2.0, 1.0),
    "missing values": Goal(20.0, 10.0),
    "large integers": Goal(5.0, 1.0),
}
"""By family; two threads are to reach the same."""

NEVER_SLOWER = 0.95
"""Two threads may take so much longer than one: medians on a shared machine repeat to about 5 %."""


@dataclass(frozen=True)
class Figures:
    """All results of a run, and what the machine can do."""

    results: dict[tuple[str, int], Result]
    machine: dict[str, Any]

    def timing(self, case: str, threads: int, contender: str = NAME) -> Timing | None:
        """Return a contender's timing if it has a figure."""
        result = self.results.get((case, threads))
        timings = result.timings if result else []
        return next((t for t in timings if t.contender == contender and t.median_s), None)

    def seconds(self, case: str, threads: int, contender: str = NAME) -> float | None:
        """Return a contender's median."""
        timing = self.timing(case, threads, contender)
        return timing.median_s if timing else None

    def against(self, case: str, threads: int) -> dict[str, float]:
        """Return how many times as long as ours each peer takes."""
        result, ours = self.results.get((case, threads)), self.seconds(case, threads)
        return {t.contender: t.median_s / ours for t in (result.timings if result else [])
                if ours and t.median_s and t.contender != NAME}

    def best(self, case: str, threads: int) -> tuple[str, float] | None:
        """Return the fastest peer, and its time over ours."""
        return min(self.against(case, threads).items(), key=lambda pair: pair[1], default=None)

    def gain(self, case: str) -> float | None:
        """Return the time of one thread over the time of two."""
        one, two = self.seconds(case, 1), self.seconds(case, 2)
        return one / two if one and two else None

    def roof_s(self, case: Case, threads: int) -> float | None:
        """Return the least time of the definition's sums on this machine: by arithmetic or by traffic."""
        bounds = self.bounds_s(case, threads)
        return max(bounds) if bounds else None

    def bounds_s(self, case: Case, threads: int) -> tuple[float, float] | None:
        """Return the least time that arithmetic takes, and the least that traffic does."""
        peak = self.machine.get("peak_f32_gflops", {}).get(str(threads))
        levels = self.machine.get("bandwidth_gbytes_per_s", {}).get(str(threads), {})
        if not peak or not levels:
            return None
        fits = [rate for limit, rate in levels.items() if float(limit) >= case.bytes_moved]
        arithmetic = case.flops / (peak * self._width(case.dtype)) * 1e-9
        return arithmetic, case.bytes_moved / max(fits) * 1e-9

    def _width(self, dtype: str) -> float:
        """Return the rate of multiply-adds over that of float32; of bytes by instructions that add four products."""
        four = 4.0 if "vnni" in str(self.machine.get("instruction_set", "")) else 2.0
        return {"float64": 0.5, "int64": 0.5, "uint8": four}.get(dtype, 1.0)


@dataclass(frozen=True)
class Summary:
    """A family at one thread count."""

    family: str
    threads: int
    ratios: dict[str, tuple[str, float]]
    """By case: the best peer, and its time over ours."""
    goal: Goal | None

    @property
    def mean(self) -> float:
        """Return the geometric mean of the ratios."""
        return geometric_mean(ratio for _, ratio in self.ratios.values())

    @property
    def least(self) -> tuple[str, str, float]:
        """Return the case with the least ratio, its peer, and the ratio."""
        case = min(self.ratios, key=lambda name: self.ratios[name][1])
        return (case, *self.ratios[case])

    @property
    def lost(self) -> dict[str, tuple[str, float]]:
        """Return the cases in which a peer is faster."""
        return {case: pair for case, pair in self.ratios.items() if pair[1] < 1}

    @property
    def met(self) -> bool | None:
        """Tell whether the goal is met, if there is one."""
        if self.goal is None:
            return None
        return self.mean >= self.goal.mean and self.least[2] >= self.goal.least


def summarise(figures: Figures) -> list[Summary]:
    """Return every family that was measured against a peer, by family and thread count."""
    found: dict[tuple[str, int], dict[str, tuple[str, float]]] = {}
    for case, threads in figures.results:
        best = figures.best(case, threads)
        if best:
            found.setdefault((by_name(case).family, threads), {})[case] = best
    order = list(dict.fromkeys(case.family for case in CASES))
    keys = sorted(found, key=lambda key: (order.index(key[0]), key[1]))
    return [Summary(*key, found[key], GOALS.get(key[0])) for key in keys]


def slower_with_two(figures: Figures) -> dict[str, float]:
    """Return the cases that two threads make slower, and the time of one over that of two."""
    gains = {case: figures.gain(case) for case, threads in figures.results if threads == 2}
    return {case: gain for case, gain in gains.items() if gain and gain < NEVER_SLOWER}


def geometric_mean(values: Iterable[float]) -> float:
    """Return the geometric mean."""
    logarithms = [log(value) for value in values]
    return exp(fsum(logarithms) / len(logarithms))
