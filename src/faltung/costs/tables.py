"""Costs as tables: text and HTML from the same cells."""

from __future__ import annotations

from collections.abc import Sequence
from math import log10
from typing import Any

from ..markup import Html, table, tag
from ..planning.planner import ORACLE

Cells = Sequence[Sequence[str]]


def duration(seconds: float) -> str:
    """Write a time with three digits.

    >>> duration(2.26e-3), duration(1.5e-5), duration(75.0), duration(7200)
    ('2.26 ms', '15.0 us', '75.0 s', '2.00 h')
    """
    for size, unit in ((3600.0, "h"), (1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if seconds >= (600.0 if unit == "h" else size):
            return f"{digits(seconds / size)} {unit}"
    return f"{digits(seconds / 1e-9)} ns"


def digits(number: float) -> str:
    """Write a number with three digits, and no more behind the point than that.

    >>> digits(2.256), digits(15), digits(9.999), digits(1234.5), digits(0.0004)
    ('2.26', '15.0', '10.0', '1,230', '0.0004')
    """
    if number == 0:
        return "0"
    number = float(f"{number:.3g}")  # 9.999 has the digits of 10
    places = max(0, 2 - int(log10(abs(number)) // 1))
    return f"{number:,.{places}f}" if number >= 0.01 else f"{number:.3g}"


def facts(cost: Any) -> list[tuple[str, str]]:
    """What the definition takes, whatever the algorithm."""
    balance = cost.peak / cost.rates.bandwidth(cost.bytes)
    limit = "arithmetic" if cost.intensity > balance else "memory"
    return [
        ("multiply-adds", f"{cost.multiply_adds:,}"),
        ("parameters", f"{cost.parameters:,}"),
        ("bytes", f"{cost.bytes_read:,} read, {cost.bytes_written:,} written"),
        ("intensity", f"{digits(cost.intensity)} operations per byte; below {digits(balance)} memory is the limit, "
                      f"here {limit}"),
    ]


def prediction_cells(cost: Any) -> tuple[list[str], list[list[str]]]:
    """The algorithms: times, rates, and which one is taken."""
    several = cost.threads > 1
    head = ["algorithm", "1 thread", *([f"{cost.threads} threads"] if several else []), "GFLOP/s", "of the peak", ""]
    rows = []
    for one in cost.algorithms:
        if one.reason is not None:
            rows.append([one.algorithm, "-", *(["-"] if several else []), "-", "-", one.reason])
            continue
        rate = cost.operations / one.seconds
        share = f"{100 * rate / cost.peak:.0f} %" if rate > 0.005 * cost.peak else "below 1 %"
        rows.append([one.algorithm, duration(one.seconds), *([duration(one.shared)] if several else []),
                     digits(rate / 1e9), share, "chosen" if one.is_chosen else ""])
    return head, rows


def notes(cost: Any) -> list[str]:
    """What is said of rates above the peak."""
    above = [one.algorithm for one in cost.algorithms if one.reason is None
             and cost.operations / one.seconds > 1.02 * cost.peak]
    told = (f"{', '.join(above)}: above the peak of floats, for it needs fewer operations than the definition, or "
            "narrower ones")
    return [told] if above else []


def growth_cells(cost: Any) -> tuple[list[str], list[list[str]]]:
    """How many times as much it is when something is doubled."""
    names = [name for name in cost.applying if name != ORACLE]
    head = ["grows", "from", "to", "multiply-adds", "bytes", *(f"time {name}" for name in names)]
    rows = [[growth.what, growth.before, growth.after, _factor(growth.multiply_adds), _factor(growth.bytes),
             *(_factor(growth.times[name]) for name in names)] for growth in cost.growth]
    return head, rows


def _factor(ratio: float | None) -> str:
    if ratio is None:
        return "-"
    return f"x {ratio:.2f}" if ratio < 10 else f"x {ratio:,.0f}"


def machine_line(cost: Any) -> str:
    """What the predictions rest on."""
    rates = cost.rates
    return (f"{rates.machine}, one thread: {digits(rates.peak / 1e9)} GFLOP/s of float32, "
            f"{digits(rates.bandwidth(0) / 1e9)} GB/s from cache, {digits(rates.copies[-1][1] / 1e9)} GB/s from "
            f"memory, {duration(rates.call)} per call")


def title(cost: Any) -> str:
    """What the cost is of."""
    p = cost.problem
    counts = {"batch": _product(p.batch), "groups": p.groups, "channels in": p.channels_in,
              "channels out": p.channels_out}
    more = "".join(f", {name} {count}" for name, count in counts.items() if count > 1)
    return (f"cost of {cost.function}: image {by(p.image)} {p.image_dtype}, kernel {by(p.kernel)}, "
            f"output {by(p.output)} {p.output_dtype}{more}")


def by(shape: Sequence[int]) -> str:
    """Extents with x between."""
    return "x".join(map(str, shape)) or "1"


def _product(shape: Sequence[int]) -> int:
    count = 1
    for extent in shape:
        count *= extent
    return count


# ---------------------------------------------------------------- text

def aligned(head: Sequence[str], rows: Cells, left: Sequence[int] = (0,), total: Sequence[str] = ()) -> list[str]:
    """Lines of a table with a rule under its head; columns are set at the right, but for some."""
    lines = [head, *rows, *([total] if total else [])]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    written = ["  ".join(f"{cell:<{width}}" if column in left else f"{cell:>{width}}"
                         for column, (cell, width) in enumerate(zip(line, widths, strict=True))).rstrip()
               for line in lines]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    body = [written[0], rule, *written[1:]]
    return [*body[:-1], rule, body[-1]] if total else body


def cost_text(cost: Any) -> str:
    """The cost as text."""
    width = max(len(name) for name, _ in facts(cost))
    head, rows = prediction_cells(cost)
    grown_head, grown = growth_cells(cost)
    return "\n".join([
        title(cost), *(f"  {name:<{width}}  {told}" for name, told in facts(cost)), "",
        *aligned(head, rows, (0, len(head) - 1)), *notes(cost), "",
        *aligned(grown_head, grown, (0, 1, 2)), "", machine_line(cost)])


def network_cells(cost: Any) -> tuple[list[str], list[list[str]], list[str]]:
    """The layers of a network, and their sum."""
    several = cost.threads > 1
    head = ["layer", "kind", "output", "by", "parameters", "multiply-adds", "bytes", "per byte", "1 thread",
            *([f"{cost.threads} threads"] if several else []), "share"]
    whole = cost.seconds
    rows = [[row.path, row.kind, by(row.output_shape), row.algorithm, f"{row.parameters:,}", f"{row.multiply_adds:,}",
             f"{row.bytes:,}", digits(row.intensity), duration(row.seconds),
             *([duration(row.shared)] if several else []), f"{100 * row.seconds / whole:.0f} %"] for row in cost.layers]
    total = ["total", f"{len(rows)} layers", by(cost.layers[-1].output_shape), "", f"{cost.parameters:,}",
             f"{cost.multiply_adds:,}", f"{cost.bytes:,}", digits(cost.intensity), duration(whole),
             *([duration(cost.shared)] if several else []), ""]
    return head, rows, total


def network_text(cost: Any) -> str:
    """The cost of a network as text."""
    head, rows, total = network_cells(cost)
    return "\n".join([f"cost of {cost.name} for an input of {by(cost.input_shape)}",
                      *aligned(head, rows, (0, 1, 2, 3), total), machine_line(cost)])


# ---------------------------------------------------------------- HTML

def cost_html(cost: Any) -> str:
    """The cost for notebooks."""
    head, rows = prediction_cells(cost)
    grown_head, grown = growth_cells(cost)
    told = [[Html(tag("b", cell)) if row[-1] == "chosen" and column == 0 else cell for column, cell in enumerate(row)]
            for row in rows]
    parts = (table(facts(cost), title=title(cost)),
             table(told, head, numbers=range(1, len(head) - 1), notes=notes(cost)),
             table(grown, grown_head, numbers=range(3, len(grown_head)), notes=[machine_line(cost)]))
    return "".join(tag("div", Html(part), style="margin: 0 0 0.8em 0") for part in parts)


def network_html(cost: Any) -> str:
    """The cost of a network for notebooks."""
    head, rows, total = network_cells(cost)
    return table(rows, head, title=f"cost of {cost.name} for an input of {by(cost.input_shape)}", total=total,
                 numbers=range(4, len(head)), notes=[machine_line(cost)])
