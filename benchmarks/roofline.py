"""What `direct` reaches of the roofline: `python -m benchmarks.roofline [--cases PATTERNS] [-o FOLDER]`, one thread.

What bounds a case is the longer of two times: its operations at the measured peak of the multiply-adds that its sums
need, and its least traffic (image, kernel and result, once each) at the pace of the fastest copy of as many bytes,
measured beside.  The goal is counted on the program itself, which is called with `out=`, or without where that is
faster; a whole call also makes its output, for which the system first clears pages.  Cases whose bound is below
`LEAST_S` are counted apart: calls take microseconds too.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import ours, peak
from benchmarks.cases import Case, select
from benchmarks.catalogue import CASES
from benchmarks.checking import Operands, operands
from benchmarks.report import table

GOALS = {"arithmetic": 0.85, "traffic": 0.80}
"""Of the peak, and of the pace of copies, what `direct` is to reach where they bound it."""

LEAST_S = 2e-5
"""Cases with a lower bound are small: a call of Python takes a few microseconds itself."""

ROUNDS, SAMPLE_S = 9, 1e-3
FURTHEST = 6


@dataclass(frozen=True)
class Point:
    """A case under the roofline; times are minima."""

    case: str
    kind: str
    """Of the multiply-adds: see `peak.KINDS`."""
    arithmetic_s: float
    traffic_s: float
    program_s: float
    whole_s: float

    @property
    def bound_s(self) -> float:
        """Return the least time."""
        return max(self.arithmetic_s, self.traffic_s)

    @property
    def bound(self) -> str:
        """Return what bounds the case."""
        return "arithmetic" if self.arithmetic_s >= self.traffic_s else "traffic"

    @property
    def is_small(self) -> bool:
        """Tell whether the case is counted apart."""
        return self.bound_s < LEAST_S


def multiplied(case: Case, given: Operands) -> str:
    """Return the kind of multiply-adds that the sums of a case need at least."""
    if case.dtype in ("float64", "complex128", "int64"):
        return "float64"
    whole = given.k.dtype.kind in "iub" or bool((given.k == np.rint(given.k)).all() and np.abs(given.k).max() < 128)
    return "bytes" if case.dtype == "uint8" and whole and peak.lanes_of("bytes") else "float32"


def measure(case: Case, peaks: dict[str, float]) -> Point | None:
    """Return a case's point, if `direct` computes it."""
    import faltung as ft

    if case.operation in ("image", "match", "missing") or case.dtype.startswith("int"):
        return None
    given = operands(case)
    found = ours.forms(case, given, 1)
    if list(found) != ["direct"]:
        return None
    whole, (function, arguments, options) = found["direct"], ours.wording(ft, case, given)
    passed = [given.x] if case.known else [each for each in arguments if isinstance(each, np.ndarray)]
    plan = ft.plan(function, *(ft.Like(each.shape, str(each.dtype)) if any(each is one for one in passed) else each
                               for each in arguments), **options)
    if case.operation == "weight_grad":  # its plan takes no `out`, but the one inside does
        plan, passed = plan.plan, passed[::-1] if plan.swapped else passed
    out, copies = np.array(plan(*passed)), peak.Copies(case.bytes_moved)
    times = minima_s([lambda: plan(*passed, out=out), whole, *copies.calls])
    kind, copied_s = multiplied(case, given), min(times[2:]) * case.bytes_moved / (2 * copies.size)
    return Point(case.name, kind, case.flops / peaks[kind] * 1e-9, copied_s, min(times[:2]), times[1])


def minima_s(calls: Sequence[Callable[[], Any]]) -> list[float]:
    """Return the shortest time of each call, on this thread's clock; all take turns."""
    counts = [max(1, int(SAMPLE_S / max(_sample(call, 1), 1e-9))) for call in calls]
    rounds = [[_sample(call, count) for call, count in zip(calls, counts, strict=True)] for _ in range(ROUNDS)]
    return [min(column) for column in zip(*rounds, strict=True)]


def _sample(call: Callable[[], Any], count: int) -> float:
    call()
    start = time.thread_time_ns()
    for _ in range(count):
        call()
    return (time.thread_time_ns() - start) / count * 1e-9


def peaks_gflops() -> dict[str, float]:
    """Return the peak of every kind of multiply-adds that the processor has."""
    lanes = {kind: peak.lanes_of(kind) for kind in peak.KINDS}
    return {kind: peak.measure(count, 1, kind, time.process_time) for kind, count in lanes.items() if count}


# ---------------------------------------------------------------- what is told of it

def markdown(data: dict[str, Any]) -> str:
    """Return the part of the page: the rule, the rates, and a row for each bound."""
    points = [Point(**row) for row in data["points"]]
    rates = ", ".join(f"{kind} {rate:.0f}" for kind, rate in data["peak_gflops"].items())
    told = ("One thread; minima. What bounds a case is the longer of two times: its operations at the measured peak of "
            f"the multiply-adds that its sums need (GFLOP/s: {rates}; bytes where image and taps are 8-bit integers), "
            "and its least traffic at the pace of the fastest copy of as many bytes, measured beside: NumPy's, or one "
            f"past the caches. The goal, {GOALS['arithmetic']:.0%} and {GOALS['traffic']:.0%}, is counted on what "
            "`direct` itself does, called with `out=` (or without, where that is faster); whole calls, for whose "
            "results the system may clear pages first, stand beside. Cases whose bound is below "
            f"{LEAST_S * 1e6:.0f} us are listed apart as small and have no goal: a call of Python takes microseconds "
            "itself, though some of them take longer than that explains.")
    groups = {(bound, small): [one for one in points if one.bound == bound and one.is_small == small]
              for small in (False, True) for bound in GOALS}
    head = ["bound by", "cases", "goal", "reach it", "median", "whole calls: reach it", "median", "furthest below"]
    return f"{told}\n\n{table(head, (_row(*key, members) for key, members in groups.items() if members))}"


def _row(bound: str, small: bool, members: list[Point]) -> list[str]:
    goal = GOALS[bound]
    shares, whole = ({one.case: one.bound_s / getattr(one, key) for one in members} for key in ("program_s", "whole_s"))
    below = sorted((share, case) for case, share in shares.items() if share < goal)[:FURTHEST]
    reach = [str(sum(share >= goal for share in kind.values())) for kind in (shares, whole)]
    middle = [f"{median(kind.values()):.0%}" for kind in (shares, whole)]
    title, wanted = (f"{bound}, small", "") if small else (bound, f"{goal:.0%}")
    return [title, str(len(members)), wanted, reach[0], middle[0], reach[1], middle[1],
            ", ".join(f"{case} {share:.0%}" for share, case in below)]


def main() -> int:
    """Measure and save; return 1 if the goal is missed."""
    import faltung as ft

    parser = argparse.ArgumentParser(prog="python -m benchmarks.roofline", description=__doc__)
    parser.add_argument("--cases", default="*", help="comma-separated shell patterns of case or family names")
    parser.add_argument("-o", "--output", type=Path, default=Path("benchmarks/results"), help="folder of roofline.json")
    options = parser.parse_args()
    ft.set_threads(1)
    before, points = peaks_gflops(), []
    for case in select(CASES, options.cases):
        point = measure(case, before)
        if point:
            points.append(point)
            shares = f"{point.bound_s / point.program_s:6.0%} {point.bound_s / point.whole_s:6.0%} whole"
            print(f"{shares}, of {point.bound_s * 1e6:9.1f} us {point.bound:10} {point.kind:7} {case.name}",
                  file=sys.stderr, flush=True)
    after = peaks_gflops()
    data = {"peak_gflops": {kind: max(rate, after[kind]) for kind, rate in before.items()},
            "points": [asdict(one) | {"arithmetic_s": one.arithmetic_s * before[one.kind]
                                      / max(before[one.kind], after[one.kind])} for one in points]}
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "roofline.json").write_text(json.dumps(data, indent=1))
    print(markdown(data))
    return int(any(one.bound_s / one.program_s < GOALS[one.bound] for one in points if not one.is_small))


if __name__ == "__main__":
    sys.exit(main())
