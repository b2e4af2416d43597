"""A plan as tables for notebooks: what is asked, what was decided, and what else was weighed."""

from __future__ import annotations

from typing import Any

from ..markup import Html, html, table, tag
from . import describe


def plan_html(plan: Any) -> str:
    """Write a plan."""
    p = plan.problem
    facts = [("problem", f"{describe._problem(p)}\n{describe._steps(p)}"), ("recipe", describe._recipe(plan.recipe)),
             ("expect", describe._expect(plan)), ("machine", describe._machine(plan.machine))]
    rows = [(name, Html("<br>".join(map(html, text.splitlines())))) for name, text in facts]
    weighed = []
    for row in plan.candidates:
        figures = ("", "", "") if row.seconds is None else describe._figures(row)
        name = tag("b", row.name) if row.reason is None else row.name
        weighed.append((name, *figures, row.reason or describe._taken(plan, row)))
    tables = (table(rows, title=f"plan of {plan.function}"),
              table(weighed, ("method", "time", "workspace", "error bound", ""), numbers=(1, 2, 3)))
    return "".join(tag("div", Html(part), style="margin: 0 0 0.8em 0") for part in tables)
