"""How programs enter their work items, and the entry of those whose items need no more than a context."""

from __future__ import annotations

from collections.abc import Sequence

from .emit import Function, Module, Operand, Value


def emit_entry(module: Module, name: str = "entry", work: str = "work") -> None:
    """Write ``entry(context, pool, run, items, participants)``: ``work`` for every item; returns 0."""
    f = module.function(name, "i64", [("ptr", "context"), ("ptr", "pool"), ("ptr", "run"), ("i64", "items"),
                                      ("i64", "participants")], internal=False)
    context, pool, run, items, participants = f.arguments
    share_items(f, work, context, items, (pool, run, participants))
    f.finish(0)


def share_items(f: Function, work: str, context: Value, items: Operand, team: Sequence[Value],
                only: Value | None = None) -> None:
    """Call ``work`` for every item, or have the team's ``run`` call it; ``only`` is one that is wanted, or negative."""
    pool, run, participants = team
    alone = f.compare("slt", participants, 2)
    first, end = 0, items  # type: Operand, Operand
    if only is not None:
        every = f.compare("slt", only, 0)
        first, end = f.larger(only, 0), f.select(every, items, f.add(only, 1))
    with f.when(alone), f.loop(first, end) as loop:
        f.call(work, "void", context, loop.index, 0, local=True)
    with f.unless(alone):
        f.call_pointer(run, "void", pool, Value("ptr", f"@{work}"), context, items, participants)


def split(f: Function, number: Operand, extent: int) -> tuple[Operand, Operand]:
    """The index along an axis that an item's number tells, and what counts the axes before it."""
    return f.rem(number, extent) if extent > 1 else 0, f.div(number, extent)
