"""Show results: a Markdown table, a JSON file and a chart."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.cases import by_name
from benchmarks.harness import Result, Timing
from benchmarks.ours import NAME
from benchmarks.peers import PEERS
from benchmarks.verdicts import Figures, Verdict, judge
from faltung import show
from faltung.errors import FaltungError

_MARKS = {True: "met", False: "MISSED", None: "not measured"}


def markdown(figures: Figures, machine: dict[str, Any], versions: dict[str, str]) -> str:
    """Return the whole report."""
    parts = [_heading(machine, versions), _table(figures), _wrong(figures), _verdicts(judge(figures))]
    return "\n\n".join(part for part in parts if part) + "\n"


def _heading(machine: dict[str, Any], versions: dict[str, str]) -> str:
    told = "\n".join(f"- {key.replace('_', ' ')}: {value}" for key, value in machine.items())
    tools = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (f"# Benchmarks\n\n{told}\n- versions: {tools}\n\nMedians of interleaved rounds; milliseconds, and in "
            "brackets GFLOP/s of the direct algorithm, so that a fast algorithm can exceed the peak.")


def _table(figures: Figures) -> str:
    """Return a row for each case and thread count; the peers that took part are the columns."""
    peers = [name for name in PEERS if any(_part(result, name) for result in figures.results.values())]
    head = ["case", "threads", NAME, *peers, f"best peer / {NAME}"]
    rows = [_row(figures, result, peers) for result in figures.results.values()]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows])


def _part(result: Result, contender: str) -> Timing | None:
    return next((t for t in result.timings if t.contender == contender), None)


def _row(figures: Figures, result: Result, peers: list[str]) -> list[str]:
    advantage = figures.advantage(result.case, result.threads)
    cells = [_cell(result, name) for name in (NAME, *peers)]
    return [result.case, str(result.threads), *cells, f"{advantage:.2f}" if advantage else ""]


def _cell(result: Result, contender: str) -> str:
    timing = _part(result, contender)
    if timing is None or timing.median_s is None:
        return "error" if timing and timing.error else ""
    rate = by_name(result.case).flops / timing.median_s * 1e-9
    return f"{timing.median_s * 1e3:.3g} ({rate:.3g})"


def _wrong(figures: Figures) -> str:
    """Return what contenders could not do or did wrongly; a peer with another correct form is listed too."""
    lines = [f"- {r.case}, {r.threads} threads, {t.contender}: {t.error}".replace("1 threads", "1 thread")
             for r in figures.results.values() for t in r.timings if t.error]
    return "Wrong or refused:\n\n" + "\n".join(lines) if lines else ""


def _verdicts(verdicts: list[Verdict]) -> str:
    rows = [f"| {v.case} | {v.threads} | {v.target} | {v.goal:.2f} | "
            f"{'' if v.value is None else f'{v.value:.2f}'} | {_MARKS[v.met]} |" for v in verdicts]
    met, known = sum(v.met is True for v in verdicts), sum(v.met is not None for v in verdicts)
    head = f"## Targets\n\n{met} of {known} measured targets met, {len(verdicts) - known} not measured.\n"
    return "\n".join([head, "| case | threads | target | goal | reached | |", "|---|---|---|---|---|---|", *rows])


def save(folder: Path, figures: Figures, machine: dict[str, Any], versions: dict[str, str]) -> list[Path]:
    """Write results.json, results.md and, if Matplotlib is there, chart.svg and chart.png."""
    folder.mkdir(parents=True, exist_ok=True)
    data, table = folder / "results.json", folder / "results.md"
    data.write_text(json.dumps(_plain(figures, machine, versions), indent=1) + "\n")
    table.write_text(markdown(figures, machine, versions))
    return [data, table, *_charts(folder, figures)]


def _plain(figures: Figures, machine: dict[str, Any], versions: dict[str, str]) -> dict[str, Any]:
    return {"machine": machine, "versions": versions, "results": [asdict(r) for r in figures.results.values()],
            "targets": [{**asdict(v), "met": v.met} for v in judge(figures)]}


def load(path: Path) -> tuple[Figures, dict[str, Any], dict[str, str]]:
    """Read results.json back."""
    data = json.loads(path.read_text())
    results = [Result(r["case"], r["threads"], [Timing(**t) for t in r["timings"]]) for r in data["results"]]
    peaks = {int(n): value for n, value in data["machine"]["peak_f32_gflops"].items()}
    return Figures({(r.case, r.threads): r for r in results}, peaks), data["machine"], data["versions"]


def _charts(folder: Path, figures: Figures) -> list[Path]:
    try:
        figure = show.ratios(ratios(figures), name=NAME, width=1600)
        return [show.write(figure, folder / name) for name in ("chart.svg", "chart.png")]
    except FaltungError:  # no Matplotlib, or nothing measured
        return []


def ratios(figures: Figures) -> dict[str, dict[str, dict[str, float]]]:
    """Return how many times as long as ours each peer takes, by thread count and case."""
    groups: dict[str, dict[str, dict[str, float]]] = {}
    for (case, threads), result in figures.results.items():
        ours = figures.seconds(case, threads)
        against = {t.contender: t.median_s / ours for t in result.timings
                   if ours and t.median_s and t.contender != NAME}
        groups.setdefault(f"{threads} thread{'s' if threads > 1 else ''}", {})[case] = against
    return groups
