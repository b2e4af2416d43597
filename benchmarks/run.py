"""Compare with the peers: `python -m benchmarks.run --cases 'layers*' --threads 1,2 -o results`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
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
    add("--cpu-time", action="store_true",
        help="for trials on a busy machine: processor time instead of the clock's, one thread only")
    add("--isa", default="", help="limit faltung to this instruction set (FALTUNG_ISA), for example avx2")
    add("--isa-peers", action="store_true", help="limit torch and OpenCV to --isa too")
    add("--list", action="store_true", help="list the cases and stop")
    add("--keep", action="store_true", help="keep the results of other cases that the file has already")
    add("-o", "--output", type=Path, default=Path("benchmarks/results"),
        help="folder of results.json and results.md (default: benchmarks/results)")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    """Measure, print and save, after each family as well; return 1 if a family misses its goal."""
    options = arguments(words)
    cases = select(CASES, options.cases, quick=options.quick)
    if options.list:
        print("\n".join(f"{case.name:44} {case.family}" for case in cases))
        return 0
    if not cases:
        sys.exit(f"no case matches {options.cases!r}; --list shows all")
    for name in UNSET:  # also for this process, which reports the machine
        os.environ.pop(name, None)
    path, load, machine = options.output / "results.json", os.getloadavg()[0], peak.describe(options.isa)
    machine["clock"] = "processor time: a trial on a busy machine" if options.cpu_time else "wall clock"
    results = report.load(path)[0].results if options.keep and path.exists() else {}
    for result in _run(cases, options):
        results[result.case, result.threads] = result
        report.save(path, Figures(results, machine), versions())
    figures = Figures(results, peak.settle(machine, peak.describe(options.isa), load))
    report.save(path, figures, versions())
    text = report.markdown(figures, versions())
    path.with_suffix(".md").write_text(text)
    print(f"{text}\n{path}")
    return int(any(summary.met is False for summary in summarise(figures)))


def _run(cases: list[Case], options: argparse.Namespace) -> Iterator[Result]:
    """Yield the results of all cases at each thread count, a worker process for each family."""
    contenders = [ours.NAME, *filter(None, options.peers.split(","))]
    unknown = set(contenders) - {ours.NAME, *PEERS}
    if unknown:
        sys.exit(f"unknown peers {', '.join(sorted(unknown))}; known: {', '.join(PEERS)}")
    start = time.monotonic()
    for threads in [1] if options.cpu_time else map(int, options.threads.split(",")):
        for family, members in groupby(cases, lambda case: case.family):
            passed, names = time.monotonic() - start, [case.name for case in members]
            print(f"{passed:5.0f} s  {family}, threads {threads} ...", file=sys.stderr, flush=True)
            rounds = options.rounds if threads == 1 else max(3, options.rounds - 2)  # each has a long pause there
            yield from run_job(Job(names, threads, contenders, rounds, options.isa, options.isa_peers,
                                   options.cpu_time))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
