"""Judge results against the targets: plain arithmetic on figures, no measuring."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.cases import Case, Faster, OfCase, OfPeak, Rate, Target, by_name
from benchmarks.harness import Result, Timing
from benchmarks.ours import NAME

SCALING = 0.85
"""The part of the machine's own two-thread gain that arithmetic-bound work of a millisecond must reach."""

NOISE = 1.03
"""Two threads count as slower than one beyond this factor: medians on a shared machine repeat to about 3 %."""


@dataclass(frozen=True)
class Verdict:
    """One target of one case at one thread count: `value` reached against `goal`; nothing measured, no value."""

    case: str
    threads: int
    target: str
    goal: float
    value: float | None

    @property
    def met(self) -> bool | None:
        """Tell whether the target is met; None when it could not be measured."""
        return None if self.value is None else self.value >= self.goal


@dataclass(frozen=True)
class Figures:
    """All results of a run and the machine's peaks by thread count, in GFLOP/s."""

    results: dict[tuple[str, int], Result]
    peaks: dict[int, float]

    def timing(self, case: str, threads: int, contender: str = NAME) -> Timing | None:
        """Return a contender's timing if it has a figure."""
        result = self.results.get((case, threads))
        timings = result.timings if result else []
        return next((t for t in timings if t.contender == contender and t.median_s), None)

    def seconds(self, case: str, threads: int, contender: str = NAME) -> float | None:
        """Return a contender's median."""
        timing = self.timing(case, threads, contender)
        return timing.median_s if timing else None

    def rate(self, case: str, threads: int) -> float | None:
        """Return faltung's GFLOP/s."""
        seconds = self.seconds(case, threads)
        return by_name(case).flops / seconds * 1e-9 if seconds else None

    def best_peer(self, case: str, threads: int, peers: tuple[str, ...] = ("*",)) -> Timing | None:
        """Return the fastest of the named peers, or of all."""
        result = self.results.get((case, threads))
        known = [t for t in (result.timings if result else []) if t.median_s and t.contender != NAME]
        named = [t for t in known if "*" in peers or t.contender in peers]
        return min(named, key=lambda t: t.median_s or 0.0, default=None)

    def advantage(self, case: str, threads: int, peers: tuple[str, ...] = ("*",)) -> float | None:
        """Return how many times as long the best of the peers takes."""
        ours, best = self.seconds(case, threads), self.best_peer(case, threads, peers)
        return best.median_s / ours if ours and best and best.median_s else None

    def gain(self, case: str) -> float | None:
        """Return the time of one thread over the time of two."""
        one, two = self.seconds(case, 1), self.seconds(case, 2)
        return one / two if one and two else None


def judge(figures: Figures) -> list[Verdict]:
    """Return every verdict that the results allow, in their order."""
    verdicts: list[Verdict] = []
    for name, threads in figures.results:
        case = by_name(name)
        verdicts += [_judge(figures, case, threads, t) for t in case.targets if threads in t.threads]
        if threads == 2 and (name, 1) in figures.results:
            verdicts += _scaling(figures, case)
    return verdicts


def _judge(figures: Figures, case: Case, threads: int, target: Target) -> Verdict:
    name, rate = case.name, figures.rate(case.name, threads)
    if isinstance(target, Faster):
        peers = "best peer" if "*" in target.peers else "/".join(target.peers)
        value = figures.advantage(name, threads, target.peers)
        return Verdict(name, threads, f"times as fast as {peers}", target.factor, value)
    if isinstance(target, OfPeak):
        value = rate / figures.peaks[threads] if rate and figures.peaks.get(threads) else None
        return Verdict(name, threads, "of peak", target.fraction, value)
    if isinstance(target, Rate):
        return Verdict(name, threads, "GFLOP/s", target.gflops, rate)
    return _of_case(figures, name, threads, target, rate)


def _of_case(figures: Figures, name: str, threads: int, target: OfCase, rate: float | None) -> Verdict:
    other = figures.rate(target.other, threads)
    value = rate / other if rate and other else None
    return Verdict(name, threads, f"of the rate of {target.other}", target.fraction, value)


def _scaling(figures: Figures, case: Case) -> Iterator[Verdict]:
    """Yield the two promises about two threads: never slower, and near the machine's gain for heavy work."""
    gain = figures.gain(case.name)
    yield Verdict(case.name, 2, "times one thread, never slower", 1 / NOISE, gain)
    one, peaks = figures.seconds(case.name, 1), figures.peaks
    if case.arithmetic_bound and one and one >= 1e-3 and 2 in peaks:
        possible = peaks[2] / peaks[1]
        yield Verdict(case.name, 2, f"of the machine's gain {possible:.2f}", SCALING, gain / possible if gain else None)
