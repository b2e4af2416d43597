"""Layers, networks and their summaries as tables for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..markup import table, tag


def layer_html(layer: Any) -> str:
    """Write a layer with its parameters; a network with its layers, each under its path."""
    from .network import leaves

    title, count = layer.name, layer._count()
    told = f"{count:,} parameter{'s' * (count != 1)}"
    if layer.children:
        rows = [(tag("code", path), one.name, one._describe(), f"{one._count():,}") for path, one in leaves(layer)]
        return table(rows, ("layer", "kind", "", "parameters"), title=title, numbers=(3,),
                     total=("total", f"{len(rows)} layers", "", f"{count:,}"))
    described = layer._describe()
    rows = [(tag("code", name), _by(parameter.value.shape), str(parameter.value.dtype), f"{parameter.value.size:,}")
            for name, parameter in layer.parameters.items()]
    return table(rows, ("parameter", "shape", "dtype", "values") if rows else (), numbers=(3,),
                 title=f"{title}: {described}" if described else title, notes=[told] if count else [])


class Summary(str):
    """The summary of a network: text, and a table in notebooks."""

    __slots__ = ("cells",)
    cells: tuple[Sequence[str], Sequence[Sequence[str]], Sequence[str], str]
    """Head, rows, totals, and the line below."""

    def _repr_html_(self) -> str:
        head, rows, total, note = self.cells
        return table([(tag("code", row[0]), *row[1:]) for row in rows], head,
                     numbers=range(3, len(head)), total=total, notes=[note])


def _by(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))
