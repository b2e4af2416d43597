"""Run the benchmarks: `python -m benchmarks.run --cases 'layer*' --threads 1,2 -o results`."""

from __future__ import annotations

import argparse
import os
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks import ours, peak, report
from benchmarks.cases import CASES, Case, select
from benchmarks.harness import UNSET, Job, Result, run_job
from benchmarks.peers import PEERS, versions
from benchmarks.verdicts import Figures, judge


def arguments(words: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    add = parser.add_argument
    add("--cases", default="*", help="comma-separated shell patterns of case or family names (default: all)")
    add("--threads", default="1,2", help="thread counts, each a run of its own (default: 1,2)")
    add("--peers", default=",".join(PEERS), help=f"of {', '.join(PEERS)}; empty: faltung alone")
    add("--rounds", type=int, default=15, help="interleaved rounds, fewer for slow contenders (default: 15)")
    add("--isa", default="", help="limit faltung to this instruction set (FALTUNG_ISA), for example avx2")
    add("--isa-peers", action="store_true", help="limit torch and OpenCV to --isa too")
    add("--reuse-output", action="store_true", help="write to a prepared array where the contender can")
    add("--without-faltung", action="store_true", help="measure the peers alone")
    add("--list", action="store_true", help="list the cases and stop")
    add("--render", type=Path, metavar="JSON", help="measure nothing: write table and chart of an older results.json")
    add("-o", "--output", type=Path, default=Path("benchmarks/results"),
        help="folder of results.json, results.md, chart.svg (default: benchmarks/results)")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    """Measure, print and save; return 1 if a target is missed."""
    options = arguments(words)
    if options.list:
        print("\n".join(f"{case.name:36} {case.family}" for case in CASES))
        return 0
    if options.render:
        figures, machine, tools = report.load(options.render)
    else:
        figures, machine, tools = _measure(options)
    print(report.markdown(figures, machine, tools))
    for path in report.save(options.output, figures, machine, tools):
        print(path)
    return int(any(verdict.met is False for verdict in judge(figures)))


def _measure(options: argparse.Namespace) -> tuple[Figures, dict[str, Any], dict[str, str]]:
    for name in UNSET:  # also for this process, which reports the machine
        os.environ.pop(name, None)
    cases = select(options.cases)
    if not cases:
        sys.exit(f"no case matches {options.cases!r}; --list shows all")
    contenders = [*([] if options.without_faltung else [ours.NAME]), *filter(None, options.peers.split(","))]
    unknown = set(contenders) - {ours.NAME, *PEERS}
    if unknown:
        sys.exit(f"unknown peers {', '.join(sorted(unknown))}; known: {', '.join(PEERS)}")
    load, machine = os.getloadavg()[0], peak.describe(options.isa)
    results = []
    for threads in map(int, options.threads.split(",")):
        results += _run(cases, threads, contenders, options)
    machine = peak.settle(machine, peak.describe(options.isa), load)
    peaks = {int(n): value for n, value in machine["peak_f32_gflops"].items()}
    return Figures({(r.case, r.threads): r for r in results}, peaks), machine, versions()


def _run(cases: list[Case], threads: int, contenders: list[str], options: argparse.Namespace) -> list[Result]:
    """Measure all cases at one thread count, a worker process for each family."""
    results = []
    for family, members in groupby(cases, lambda case: case.family):
        print(f"measuring {family}, threads {threads} ...", file=sys.stderr, flush=True)
        names = [case.name for case in members]
        job = Job(names, threads, contenders, options.rounds, options.isa, options.isa_peers, options.reuse_output)
        results += run_job(job)
    return results


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
