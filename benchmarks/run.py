"""Compare with the peers: `python -m benchmarks.run --cases 'layers*' --threads 1,2 -o results`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from itertools import groupby
from pathlib import Path

from benchmarks import ours, peak, report
from benchmarks.cases import Case, select
from benchmarks.catalogue import CASES
from benchmarks.harness import UNSET, Job, Result, run_job
from benchmarks.peers import PEERS, versions
from benchmarks.verdicts import Figures, summarise


def arguments(words: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    add = parser.add_argument
    add("--cases", default="*", help="comma-separated shell patterns of case or family names (default: all)")
    add("--quick", action="store_true", help="the quick ones among them")
    add("--threads", default="1,2", help="thread counts, each a run of its own (default: 1,2)")
    add("--peers", default=",".join(PEERS), help=f"of {', '.join(PEERS)}; empty: faltung alone")
    add("--rounds", type=int, default=9, help="interleaved rounds, fewer for slow contenders (default: 9)")
    add("--isa", default="", help="limit faltung to this instruction set (FALTUNG_ISA), for example avx2")
    add("--isa-peers", action="store_true", help="limit torch and OpenCV to --isa too")
    add("--list", action="store_true", help="list the cases and stop")
    add("--keep", action="store_true", help="keep the results of other cases that the file has already")
    add("-o", "--output", type=Path, default=Path("benchmarks/results"),
        help="folder of results.json and results.md (default: benchmarks/results)")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    """Measure, print and save; return 1 if a family misses its goal."""
    options = arguments(words)
    cases = select(CASES, options.cases, quick=options.quick)
    if options.list:
        print("\n".join(f"{case.name:44} {case.family}" for case in cases))
        return 0
    if not cases:
        sys.exit(f"no case matches {options.cases!r}; --list shows all")
    figures = _measure(cases, options)
    path = options.output / "results.json"
    if options.keep and path.exists():
        figures = Figures(report.load(path)[0].results | figures.results, figures.machine)
    report.save(path, figures, versions())
    text = report.markdown(figures, versions())
    path.with_suffix(".md").write_text(text)
    print(f"{text}\n{path}")
    return int(any(summary.met is False for summary in summarise(figures)))


def _measure(cases: list[Case], options: argparse.Namespace) -> Figures:
    for name in UNSET:  # also for this process, which reports the machine
        os.environ.pop(name, None)
    contenders = [ours.NAME, *filter(None, options.peers.split(","))]
    unknown = set(contenders) - {ours.NAME, *PEERS}
    if unknown:
        sys.exit(f"unknown peers {', '.join(sorted(unknown))}; known: {', '.join(PEERS)}")
    load, machine = os.getloadavg()[0], peak.describe(options.isa)
    results = []
    for threads in map(int, options.threads.split(",")):
        results += _run(cases, threads, contenders, options)
    machine = peak.settle(machine, peak.describe(options.isa), load)
    return Figures({(r.case, r.threads): r for r in results}, machine)


def _run(cases: list[Case], threads: int, contenders: list[str], options: argparse.Namespace) -> list[Result]:
    """Measure all cases at one thread count, a worker process for each family."""
    results, start = [], time.monotonic()
    for family, members in groupby(cases, lambda case: case.family):
        passed = time.monotonic() - start
        print(f"{passed:5.0f} s  {family}, threads {threads} ...", file=sys.stderr, flush=True)
        names = [case.name for case in members]
        job = Job(names, threads, contenders, options.rounds, options.isa, options.isa_peers)
        results += run_job(job)
    return results


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
