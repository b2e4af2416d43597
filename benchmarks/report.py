"""Results as Markdown tables and as a file of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.cases import Case
from benchmarks.catalogue import CASES
from benchmarks.harness import Result, Timing
from benchmarks.ours import NAME
from benchmarks.peers import PEERS
from benchmarks.verdicts import Figures, Summary, slower_with_two, summarise

MET = {True: "yes", False: "**no**", None: ""}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows])


def summary_table(summaries: list[Summary]) -> str:
    """Return a row for each family and thread count."""
    head = ["family", "threads", "cases", "geometric mean", "least", "in", "against", "lost", "target (mean, least)",
            "met"]
    return table(head, (_summary_row(one) for one in summaries))


def _summary_row(one: Summary) -> list[str]:
    case, peer, least = one.least
    goal = f"{one.goal.mean:g}, {one.goal.least:g}" if one.goal else ""
    return [one.family, str(one.threads), str(len(one.ratios)), f"{one.mean:.2f}", f"{least:.2f}", case, peer,
            str(len(one.lost)), goal, MET[one.met]]


def lost_table(figures: Figures, summaries: list[Summary]) -> str:
    """Return every case in which a peer is faster, the worst first."""
    lost = [(ratio, case, one.threads, peer) for one in summaries for case, (peer, ratio) in one.lost.items()]
    rows = []
    for ratio, case, threads, peer in sorted(lost):
        ours, theirs = figures.timing(case, threads), figures.timing(case, threads, peer)
        if ours and theirs:
            rows.append([case, str(threads), ours.form, _ms(ours), f"{peer} ({theirs.form})", _ms(theirs),
                         f"{ratio:.2f}"])
    head = ["case", "threads", "our algorithm", "ms", "best peer", "ms", "peer / ours"]
    return table(head, rows) if rows else "None."


def family_table(figures: Figures, family: str) -> str:
    """Return a row for each case of a family: times, rates, the part of the roofline, and all peers."""
    members = [case for case in CASES if case.family == family]
    found = [(case, figures.results[case.name, n]) for n in (1, 2) for case in members
             if (case.name, n) in figures.results]
    peers = [name for name in PEERS if any(t.contender == name and t.median_s for _, r in found for t in r.timings)]
    head = ["case", "threads", "algorithm", NAME, "GFLOP/s", "of roof", *peers, "best / ours"]
    return table(head, (_case_row(figures, case, result, peers) for case, result in found))


def _case_row(figures: Figures, case: Case, result: Result, peers: list[str]) -> list[str]:
    ours = figures.timing(case.name, result.threads)
    best = figures.best(case.name, result.threads)
    roof = figures.roof_s(case, result.threads)
    seconds = ours.median_s if ours else None
    rate = f"{case.flops / seconds * 1e-9:.3g}" if seconds and case.flops else ""
    of_roof = f"{roof / seconds:.0%}" if seconds and roof else ""
    cells = [_cell(result, name) for name in peers]
    return [case.name, str(result.threads), ours.form if ours else "", _cell(result, NAME), rate, of_roof, *cells,
            f"{best[1]:.2f}" if best else ""]


def _ms(timing: Timing) -> str:
    return f"{(timing.median_s or 0.0) * 1e3:.3g}"


def _cell(result: Result, contender: str) -> str:
    timing = next((t for t in result.timings if t.contender == contender), None)
    if timing is None or timing.median_s is None:
        return "error" if timing and timing.error else ""
    return _ms(timing)


def wrong(figures: Figures) -> str:
    """Return what contenders refused or did wrongly; a library that is not installed once, not case by case."""
    missing: dict[str, str] = {}
    lines: dict[str, None] = {}
    for result in figures.results.values():
        for timing in result.timings:
            if timing.error.startswith("not installed"):
                missing[timing.contender] = timing.error
            elif timing.error:
                lines[f"- {result.case}, {timing.contender}: {timing.error}"] = None
    return "\n".join([*(f"- {name}: {error}" for name, error in missing.items()), *lines])


def heading(machine: dict[str, Any], versions: dict[str, str]) -> str:
    """Return the machine and the versions as a list."""
    told = [f"- {key.replace('_', ' ')}: {_plain(value)}" for key, value in machine.items() if value]
    tools = ", ".join(f"{name} {version}" for name, version in versions.items())
    return "\n".join([*told, f"- versions: {tools}"])


def _plain(value: Any) -> str:
    """Numbers by thread count, and bandwidths by the bytes up to which they hold."""
    if not isinstance(value, dict):
        return str(value)
    inner = (f"{_limit(key)} {_plain(one) if isinstance(one, dict) else one}" for key, one in value.items())
    return "; ".join(inner) if any(isinstance(one, dict) for one in value.values()) else ", ".join(inner)


def _limit(key: str) -> str:
    number = float(key)
    if number < 1024:
        return f"{key} thread{'s' if number > 1 else ''}:"
    return "memory" if number == float("inf") else f"up to {number / 2**20:g} MiB"


def markdown(figures: Figures, versions: dict[str, str]) -> str:
    """Return the whole report of one run."""
    summaries = summarise(figures)
    families = dict.fromkeys(one.family for one in summaries)
    slower = "\n".join(f"- {case}: {gain:.2f}" for case, gain in slower_with_two(figures).items())
    parts = [heading(figures.machine, versions), summary_table(summaries), "Lost:", lost_table(figures, summaries),
             *(f"## {family}\n\n{family_table(figures, family)}" for family in families)]
    parts += ["Slower with two threads than with one:", slower] if slower else []
    refused = wrong(figures)
    return "\n\n".join([*parts, *(["Wrong or refused:", refused] if refused else [])]) + "\n"


def save(path: Path, figures: Figures, versions: dict[str, str]) -> None:
    """Write results of JSON, a line for each case."""
    path.parent.mkdir(parents=True, exist_ok=True)
    head = json.dumps({"machine": figures.machine, "versions": versions}, indent=1)
    lines = ",\n".join(json.dumps(asdict(result)) for result in figures.results.values())
    path.write_text(f'{head[:-2]},\n "results": [\n{lines}\n]}}\n')


def load(path: Path) -> tuple[Figures, dict[str, str]]:
    """Read the file back, without cases that the catalogue has no longer."""
    data, known = json.loads(path.read_text()), {case.name for case in CASES}
    results = [Result(r["case"], r["threads"], [Timing(**t) for t in r["timings"]]) for r in data["results"]
               if r["case"] in known]
    return Figures({(r.case, r.threads): r for r in results}, data["machine"]), data["versions"]
