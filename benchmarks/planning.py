"""Measure the planner's regret: the time of the method it chose, over that of the fastest.

`python -m benchmarks.planning` draws seeded problems (lines, images, volumes, layers; several dtypes; random,
constant and separable kernels), times every method that serves each, interleaved on one thread, and prints the
regret, the worst cases, and by how much predictions are off.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from math import exp, log, prod
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

MEDIAN, WORST = 1.05, 1.5
"""What the regret may be."""

HOPELESS, LONGEST_S = 12.0, 0.4
"""A method predicted to take so many times as long as the best, or so long, is not timed (unless it was chosen)."""


@dataclass
class Case:
    """A call to plan: the operation, its operands' shapes, the kind of kernel."""

    kind: str
    operation: str
    image: tuple[int, ...]
    kernel: tuple[int, ...]
    dtype: str
    taps: str
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return a short name for tables."""
        shape, kernel = ("x".join(map(str, extents)) for extents in (self.image, self.kernel))
        more = "".join(f" {key}={value}" for key, value in self.options.items() if key not in ("mode", "padding"))
        return f"{self.operation} {shape} by {kernel} {self.dtype} {self.taps}{more}"


@dataclass
class Outcome:
    """What was measured of a case: seconds of each method, predicted ones, the choice, and planning's own time."""

    case: str
    kind: str
    chosen: str
    seconds: dict[str, float]
    predicted: dict[str, float]
    planning_us: float

    @property
    def regret(self) -> float:
        """Return the time of the chosen method over the least of all."""
        return self.seconds[self.chosen] / min(self.seconds.values())

    @property
    def best(self) -> str:
        """Return the fastest method."""
        return min(self.seconds, key=self.seconds.__getitem__)


# ---------------------------------------------------------------- problems

def draw(seed: int) -> Case:
    """Draw a case; kinds take turns."""
    rng = np.random.default_rng([seed, 23])
    return (_line, _image, _layer, _image, _layer, _volume)[seed % 6](rng)


def _between(rng: np.random.Generator, low: float, high: float) -> int:
    """Return a whole number whose logarithm is evenly spread."""
    return round(exp(rng.uniform(log(low), log(high))))


def _line(rng: np.random.Generator) -> Case:
    samples = _between(rng, 100, 2e6)
    taps = _between(rng, 3, min(samples, 2e4))
    while samples * taps > 3e9:
        taps = _between(rng, 3, taps)
    dtype = str(rng.choice(["float32", "float32", "float64", "complex64", "int16"]))
    return Case("line", "convolve", (samples,), (taps,), dtype, _taps(rng), {"mode": "same"})


def _image(rng: np.random.Generator) -> Case:
    height, width = (_between(rng, 24, 2048) for _ in range(2))
    size = _between(rng, 2, min(64, height, width))
    while prod((height, width, size, size)) > 3e9:
        size = _between(rng, 2, size)
    dtype = str(rng.choice(["float32", "float32", "float64", "uint8"]))
    options = {"mode": "same", "border": str(rng.choice(["reflect", "edge"]))}
    if dtype == "uint8":
        options |= {"dtype": "uint8", "overflow": "saturate"}
    return Case("image", "correlate", (height, width), (size, size), dtype, _taps(rng), options)


def _volume(rng: np.random.Generator) -> Case:
    extents = tuple(_between(rng, 16, 128) for _ in range(3))
    size = _between(rng, 2, 9)
    dtype = str(rng.choice(["float32", "float64"]))
    return Case("volume", "correlate", extents, (size,) * 3, dtype, _taps(rng), {"mode": "same"})


def _layer(rng: np.random.Generator) -> Case:
    groups = 1
    channels_in, channels_out = (int(rng.choice([3, 16, 32, 64, 96, 128, 256])) for _ in range(2))
    if rng.random() < 0.2:
        groups = channels_out = channels_in
    side, size = int(rng.choice([7, 14, 28, 56, 112])), int(rng.choice([1, 3, 3, 3, 5, 7]))
    batch = int(rng.choice([1, 1, 4]))
    while batch * side * side * channels_in * channels_out * size * size / groups > 2e9:
        side //= 2
    stride = int(rng.choice([1, 1, 1, 2]))
    kernel = (channels_out, channels_in // groups, size, size)
    return Case("layer", "conv", (batch, channels_in, side, side), kernel, "float32", "random",
                {"padding": size // 2, "stride": stride, "groups": groups})


def _taps(rng: np.random.Generator) -> str:
    return str(rng.choice(["random", "random", "separable", "constant"]))


def kernel_of(case: Case, rng: np.random.Generator) -> Any:
    """Return the kernel's taps; those of integers fit 8 bits."""
    shape = case.kernel
    if case.taps == "constant":
        values = np.ones(shape)
    elif case.taps == "separable":
        values = np.ones(())
        for extent in shape:
            values = np.multiply.outer(values, rng.standard_normal(extent))
    else:
        values = rng.standard_normal(shape)
    if np.dtype(case.dtype).kind in "iu":
        return values.astype("int8") if case.taps == "constant" else rng.integers(-9, 10, shape).astype("int8")
    return values.astype(case.dtype)


def image_of(case: Case, rng: np.random.Generator) -> Any:
    """Return the image."""
    if np.dtype(case.dtype).kind in "iu":
        return rng.integers(0, 200, case.image).astype(case.dtype)
    return rng.standard_normal(case.image).astype(case.dtype)


# ---------------------------------------------------------------- measuring

def measure(case: Case, seed: int = 0) -> Outcome:
    """Time every method that serves, in turns."""
    import faltung as ft
    from faltung.planning.candidates import is_structured
    from faltung.planning.planner import ALGORITHMS

    rng = np.random.default_rng([seed, 29])
    x, k = image_of(case, rng), kernel_of(case, rng)
    function, like = getattr(ft, case.operation), ft.Like(x.shape, case.dtype)
    chosen = ft.plan(function, like, k, threads=1, **case.options)
    predicted = {row.name: row.seconds for row in chosen.candidates if row.serves and row.name != "reference"}
    least = min(predicted.values())
    plans = {chosen.way.name: chosen}
    for name, seconds in predicted.items():
        if name not in plans and seconds < HOPELESS * least and seconds < LONGEST_S:
            plans[name] = ft.plan(function, like, k, threads=1, method=name, **case.options)
    assert not is_structured(ALGORITHMS["direct"])
    calls = {name: (lambda plan=plan: plan(x)) for name, plan in plans.items()}
    return Outcome(case.name, case.kind, chosen.way.name, least_seconds(calls), predicted, planning_us(chosen))


def least_seconds(calls: dict[str, Callable[[], Any]], budget: float = 0.12) -> dict[str, float]:
    """Return the least time of each call, in turns of a few calls each."""
    best, repeats = {}, {}
    for name, call in calls.items():
        call()
        begin = time.perf_counter()
        call()
        best[name] = time.perf_counter() - begin
        repeats[name] = max(1, min(50, int(4e-4 / best[name])))
    end, turn = time.perf_counter() + budget * len(calls), 0
    while turn < 4 or (turn < 40 and time.perf_counter() < end):
        turn += 1
        for name, call in calls.items():
            call()
            begin = time.perf_counter()
            for _ in range(repeats[name]):
                call()
            best[name] = min(best[name], (time.perf_counter() - begin) / repeats[name])
    return best


def planning_us(plan: Any) -> float:
    """Return the time that deciding takes, as for a problem that was never seen."""
    from faltung.algorithms.direct import schedule
    from faltung.algorithms.fourier import recipe
    from faltung.algorithms.pointwise import recipe as pointwise_recipe
    from faltung.algorithms.running import axes
    from faltung.algorithms.running import schedule as running_schedule
    from faltung.algorithms.winograd import costs, inside_recipe
    from faltung.algorithms.winograd import recipe as winograd_recipe
    from faltung.planning import planner

    samples = []
    for _ in range(3):
        for cached in (*(each.choose for each in (schedule, recipe, winograd_recipe, inside_recipe, pointwise_recipe)),
                       costs.tile_costs, running_schedule.cycles, axes.cascade_cycles):
            cached.cache_clear()
        begin = time.perf_counter()
        planner.choose(plan.setting)
        samples.append((time.perf_counter() - begin) * 1e6)
    return min(samples)


# ---------------------------------------------------------------- report

def report(outcomes: list[Outcome]) -> str:
    """Return the summary, the worst cases and the errors of predictions."""
    regrets = [outcome.regret for outcome in outcomes]
    lines = [f"{len(outcomes)} problems: median regret {median(regrets):.3f} (at most {MEDIAN}), "
             f"worst {max(regrets):.2f} (at most {WORST}), above 1.2: {sum(r > 1.2 for r in regrets)}; "
             f"planning: median {median(o.planning_us for o in outcomes):.0f} us, "
             f"most {max(o.planning_us for o in outcomes):.0f} us", "", "worst:"]
    for outcome in sorted(outcomes, key=lambda o: -o.regret)[:15]:
        times = ", ".join(f"{name} {seconds * 1e3:.3f} ({outcome.predicted[name] * 1e3:.3f})"
                          for name, seconds in sorted(outcome.seconds.items(), key=lambda item: item[1]))
        lines.append(f"  {outcome.regret:.2f} {outcome.case}: {outcome.chosen}; ms (predicted): {times}")
    ratios: dict[tuple[str, str], list[float]] = defaultdict(list)
    for outcome in outcomes:
        for name, seconds in outcome.seconds.items():
            ratios[name, outcome.kind].append(seconds / outcome.predicted[name])
    lines += ["", "measured over predicted: 10 %, median, 90 %"]
    for (name, kind), found in sorted(ratios.items()):
        low, middle, high = np.quantile(found, [0.1, 0.5, 0.9])
        lines.append(f"  {name:<10} {kind:<8} {low:6.2f} {middle:6.2f} {high:6.2f}   ({len(found)})")
    wins = defaultdict(int)
    for outcome in outcomes:
        wins[outcome.best] += 1
    return "\n".join([*lines, "", "fastest: " + ", ".join(f"{name} {count}" for name, count in sorted(wins.items()))])


def main(words: list[str]) -> int:
    """Measure, print and save; return 1 if the regret is larger than it may be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planning", description=__doc__)
    parser.add_argument("--problems", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="seed of the first problem")
    parser.add_argument("--kind", default="", help="line, image, layer or volume only")
    parser.add_argument("-o", "--output", type=Path, default=Path("benchmarks/results"), help="folder of planning.json")
    options = parser.parse_args(words)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    cases = [(seed, draw(seed)) for seed in range(options.first, options.first + options.problems)]
    outcomes = [measure(case, seed) for seed, case in cases if options.kind in ("", case.kind)]
    print(report(outcomes))
    options.output.mkdir(parents=True, exist_ok=True)
    data = [{**asdict(outcome), "regret": outcome.regret, "best": outcome.best} for outcome in outcomes]
    (options.output / "planning.json").write_text(json.dumps(data, indent=1) + "\n")
    (options.output / "planning.txt").write_text(report(outcomes) + "\n")
    regrets = [outcome.regret for outcome in outcomes]
    return int(median(regrets) > MEDIAN or max(regrets) > WORST)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
