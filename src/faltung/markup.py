"""Small tables of HTML for notebooks: escaped, and in whatever colours the notebook has."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from html import escape
from typing import Any

LINE = "1px solid rgba(128, 128, 128, 0.35)"
"""Grey that is seen on white and on black."""
SHADE = "rgba(129, 96, 154, 0.22)"
"""Behind what the border supplies."""


class Html(str):
    """Text that is HTML already, and is not escaped again."""

    __slots__ = ()


def html(value: Any) -> str:
    """Escape a value, unless it is `Html`.

    >>> html("a < b"), html(Html("<b>a</b>"))
    ('a &lt; b', '<b>a</b>')
    """
    return value if isinstance(value, Html) else escape(str(value))


def tag(name: str, content: Any = "", **attributes: str) -> Html:
    """Write an element.

    >>> tag("td", 3, style="text-align: left")
    '<td style="text-align: left">3</td>'
    """
    told = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items())
    return Html(f"<{name}{told}>{html(content)}</{name}>")


def table(rows: Iterable[Sequence[Any]], head: Sequence[Any] = (), *, title: Any = "", notes: Iterable[Any] = (),
          numbers: Container[int] = (), total: Sequence[Any] = ()) -> str:
    """Write a table.

    Parameters
    ----------
    rows
        Cells; each is escaped, unless it is `Html`.
    head
        Cells of the head.
    title
        A line above.
    notes
        Lines below.
    numbers
        Columns of numbers, which stand at the right.
    total
        A last row, set apart.
    """
    parts = []
    if head:
        cells = "".join(tag("th", cell, style=f"{_side(place, numbers)}; border-bottom: {LINE}")
                        for place, cell in enumerate(head))
        parts.append(tag("thead", tag("tr", Html(cells))))
    body = "".join(_row(row, numbers) for row in rows)
    if total:
        body += _row(total, numbers, f"; border-top: {LINE}; font-weight: 600")
    parts.append(tag("tbody", Html(body)))
    made = tag("table", Html("".join(parts)), style="border-collapse: collapse; margin: 0; color: inherit")
    above = tag("div", title, style="font-weight: 600; margin-bottom: 0.3em") if title else ""
    below = "".join(tag("div", note, style="opacity: 0.75; margin-top: 0.3em") for note in notes)
    return str(tag("div", Html(f"{above}{made}{below}"),
                   style="font-size: 0.9em; line-height: 1.4; overflow-x: auto; color: inherit"))


def _side(place: int, numbers: Container[int]) -> str:
    side = "right" if place in numbers else "left"
    return f"text-align: {side}; padding: 0.15em 0.8em 0.15em 0; vertical-align: top; background: none"


def _row(cells: Sequence[Any], numbers: Container[int], more: str = "") -> Html:
    return tag("tr", Html("".join(tag("td", cell, style=_side(place, numbers) + more)
                                  for place, cell in enumerate(cells))))
