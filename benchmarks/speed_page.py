"""Write docs/speed.md, the charts in docs/speed/ and the README's part on speed from saved results.

Run as ``python -m benchmarks.speed_page [FOLDER] [--root ROOT]``: FOLDER holds the files of JSON that ``python -m
benchmarks`` has written (benchmarks/results).  A part whose file is missing is left out.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import roofline, transforms
from benchmarks.catalogue import CASES
from benchmarks.peers import PEERS
from benchmarks.report import family_table, heading, load, lost_table, summary_table, table, wrong
from benchmarks.verdicts import Figures, Summary, geometric_mean, slower_with_two, summarise
from faltung import show

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- speed: written by benchmarks.speed_page -->", "<!-- end of speed -->"
WIDTH = 1000

INTRODUCTION = """\
# How fast it is

Written by `python -m benchmarks.speed_page` from what `python -m benchmarks` measures: medians of interleaved rounds in
one process, all contenders with the same number of threads, each in its fastest correct form (layouts that it likes,
prepacked weights, compiled models), results checked against a sum in double precision first. What is compared is always
the time of the best peer over that of faltung, so below 1 faltung is slower. Libraries for layers take part in images
and volumes of one channel up to 512x512 pixels; NumPy, SciPy and scikit-image know one thread only."""

DETAILS = """\
## Every case

Milliseconds; GFLOP/s of the definition, so that a fast algorithm can exceed what the processor can do; `of roof` is the
least time of the definition's operations and traffic on this machine (its measured peak and bandwidth) over the time
taken, above 100 % where an algorithm does with fewer operations. Layers and filters of images are plans that know their
kernel; gradients, signals, volumes, patterns and integers are whole calls, every operand new to the library."""


def page(folder: Path) -> str:
    """Return docs/speed.md."""
    figures, versions = load(folder / "results.json")
    summaries = summarise(figures)
    parts = [INTRODUCTION, _verdict(summaries), summary_table(summaries), _quiet(figures.machine),
             _pictures(figures), heading(figures.machine, versions), "## Lost", lost_table(figures, summaries),
             _slower(figures)]
    parts += [_folded(*part) for part in _others(folder)]
    families = dict.fromkeys(one.family for one in summaries)
    parts += [DETAILS, *(_folded(name, family_table(figures, name)) for name in families)]
    refused = wrong(figures)
    parts += [_folded("What the others refused or did otherwise", refused)] if refused else []
    return "\n\n".join(part for part in parts if part) + "\n"


def _verdict(summaries: list[Summary]) -> str:
    met, judged = sum(one.met is True for one in summaries), sum(one.met is not None for one in summaries)
    cases, lost = sum(len(one.ratios) for one in summaries), sum(len(one.lost) for one in summaries)
    return f"{met} of {judged} targets are met; {cases - lost} of {cases} comparisons are won."


def _pictures(figures: Figures) -> str:
    """Return the links to the charts; those of cases are folded."""
    first, *others = _groups(figures)
    shown = "\n\n".join(f"![{name}: the best peer's time over ours, and dots for the other peers](speed/{name}.svg)"
                        for name in others)
    families = f"![{first}: geometric means of the best peer's time over ours](speed/{first}.svg)"
    return f"{families}\n\n{_folded('Charts of single cases', shown)}" if others else families


def _quiet(machine: dict[str, Any]) -> str:
    told = str(machine.get("quiet", ""))
    if told.startswith("NO"):
        return f"**The machine may not have been quiet:{told.partition(':')[2]}.**"
    return ""


def _slower(figures: Figures) -> str:
    slower = slower_with_two(figures)
    told = ", ".join(f"{case} ({gain:.2f})" for case, gain in slower.items())
    return f"Slower with two threads than with one: {told}." if slower else ""


def _folded(title: str, text: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"


# ---------------------------------------------------------------- the other parts

def _others(folder: Path) -> list[tuple[str, str]]:
    """Return title and table of every part that was measured."""
    writers: dict[str, tuple[str, Callable[[Any], str]]] = {
        "roofline.json": ("`direct` and the roofline", roofline.markdown),
        "training.json": ("Training: LeNet-5 on 60,000 images, batch 64", _training),
        "pointwise.json": ("Pooling, normalisation, activations", _pointwise),
        "planning.json": ("The planner: regret and time", _planning),
        "transforms.json": ("Generated transforms", _transforms),
        "memory.json": ("Memory of pattern matching", _memory),
        "overhead.json": ("Calls, imports, first calls, workspace", _overhead),
    }
    return [(title, write(json.loads((folder / name).read_text()))) for name, (title, write) in writers.items()
            if (folder / name).exists()]


def _training(rows: list[dict[str, Any]]) -> str:
    head = ["threads", "epoch, s", "torch", "torch / faltung", "memory of a step, MiB", "torch"]
    return table(head, ([str(r["threads"]), f"{r['faltung_s']:.2f}", f"{r['torch_s']:.2f}",
                         f"{r['torch_s'] / r['faltung_s']:.2f}", f"{r['faltung_mib']:.1f}", f"{r['torch_mib']:.1f}"]
                        for r in rows))


def _pointwise(rows: list[dict[str, Any]]) -> str:
    head = ["layer", "array", "threads", "forward, us", "torch", "torch / faltung", "backward, us", "torch",
            "torch / faltung"]

    def cells(row: dict[str, Any]) -> list[str]:
        told = [row["layer"], row["array"], str(row["threads"])]
        for way in ("forward", "backward"):
            ours, theirs = row[f"{way}_s"], row[f"torch_{way}_s"]
            told += [f"{ours * 1e6:.0f}", f"{theirs * 1e6:.0f}", f"{theirs / ours:.2f}"]
        return told

    ways = [(way, n) for way in ("forward", "backward") for n in sorted({row["threads"] for row in rows})]
    means = ", ".join(f"{way} on {n} thread{'s' if n > 1 else ''} "
                      f"{geometric_mean(r[f'torch_{way}_s'] / r[f'{way}_s'] for r in rows if r['threads'] == n):.2f}"
                      for way, n in ways)
    return f"Geometric means of torch's time over ours: {means}.\n\n{table(head, map(cells, rows))}"


def _planning(rows: list[dict[str, Any]]) -> str:
    """Return the regret, the time of what was chosen over that of the best, by kind of random problems."""
    head = ["problems", "how many", "regret: median", "worst", "planning, us: median", "most"]

    def cells(kind: str) -> list[str]:
        members = [row for row in rows if kind in ("all", row["kind"])]
        regrets, times = ([row[key] for row in members] for key in ("regret", "planning_us"))
        return [kind, str(len(members)), f"{median(regrets):.3f}", f"{max(regrets):.2f}", f"{median(times):.0f}",
                f"{max(times):.0f}"]

    return table(head, map(cells, ["all", *sorted({row["kind"] for row in rows})]))


def _transforms(rows: list[dict[str, Any]]) -> str:
    return ("Real tiles, forward, loads and stores included, on one thread; 2.5 n log2 n operations.\n\n"
            f"{transforms.markdown(rows)}")


def _memory(rows: list[dict[str, Any]]) -> str:
    head = ["image", "pattern", "dtype", *rows[0]["mib"]]
    cells = ([str(row["size"]), str(row["extent"]), row["dtype"], *(f"{value:.0f}" for value in row["mib"].values())]
             for row in rows)
    return f"MiB beyond the operands.\n\n{table(head, cells)}"


def _overhead(rows: list[dict[str, Any]]) -> str:
    def told(value: float | None, unit: str) -> str:
        return "" if value is None else f"{value:.3g} {unit}"

    return table(["figure", "measured", "at most", ""],
                 ([r["name"], told(r["value"], r["unit"]), told(r["limit"], r["unit"]), r["verdict"]] for r in rows))


# ---------------------------------------------------------------- charts

CHARTS = {"layers": "layers 3x3,gradients by image", "images": "images float32,images uint8,pictures",
          "signals": "signals,volumes"}
"""Names of files, and the families that they show on one thread."""
MOST_ROWS = 24


Group = dict[str, dict[str, float]]


def charts(figures: Figures) -> dict[str, Any]:
    """Return figures by name: the families, and for some of them the cases."""
    return {name: show.ratios(groups, width=WIDTH) for name, groups in _groups(figures).items()}


def _groups(figures: Figures) -> dict[str, dict[str, Group]]:
    """Return what each chart shows."""
    found = {"families": _families(summarise(figures))}
    for name, families in CHARTS.items():
        group = {case: against for family in families.split(",") for case, against in _cases(figures, family).items()}
        if group:
            found[name] = {"1 thread": group}
    return found


def _families(summaries: list[Summary]) -> dict[str, Group]:
    groups: dict[str, Group] = {}
    for one in summaries:
        title = f"{one.threads} thread{'s' if one.threads > 1 else ''}, geometric means"
        groups.setdefault(title, {})[one.family] = {f"in {len(one.ratios)} cases": one.mean}
    return groups


def _cases(figures: Figures, family: str) -> Group:
    """Return the cases of a family on one thread, every so many of them if they are many."""
    names = [case.name for case in CASES if case.family == family and figures.against(case.name, 1)]
    step = max(1, -(-len(names) // (MOST_ROWS // 2)))
    return {name: figures.against(name, 1) for name in names[::step]}


def readme(text: str, summaries: list[Summary]) -> str:
    """Return the README with its part on speed written anew, between the two marks."""
    before, _, rest = text.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise SystemExit(f"README.md lacks the marks {BEGIN} and {END}")
    wins, cases = sum(len(one.ratios) - len(one.lost) for one in summaries), sum(len(one.ratios) for one in summaries)
    told = (f"{wins} of {cases} comparisons with the fastest of {len(PEERS)} other libraries are won;\n"
            "[docs/speed.md](docs/speed.md) has every figure, those that are lost as well.")
    picture = "![Time of the best other library over that of faltung, family by family](docs/speed/families.svg)"
    return f"{before}{BEGIN}\n\n{told}\n\n{picture}\n\n{END}{after}"


def main() -> None:
    """Write the page, the charts and the part of the README."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed_page", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("benchmarks/results"))
    parser.add_argument("--root", type=Path, default=ROOT, help="where docs/ and README.md are")
    options = parser.parse_args()
    figures, _ = load(options.folder / "results.json")
    pictures = options.root / "docs" / "speed"
    pictures.mkdir(parents=True, exist_ok=True)
    for name, figure in charts(figures).items():
        print(show.write(figure, pictures / f"{name}.svg"))
    target, face = options.root / "docs" / "speed.md", options.root / "README.md"
    target.write_text(page(options.folder))
    face.write_text(readme(face.read_text(), summarise(figures)))
    print(target, face, sep="\n")


if __name__ == "__main__":
    main()
