"""The entry of a program whose work items need no more than a context."""

from __future__ import annotations

from .emit import Module, Value


def emit_entry(module: Module, name: str = "entry", work: str = "work") -> None:
    """Write ``entry(context, pool, run, items, participants)``: ``work`` for every item; returns 0."""
    f = module.function(name, "i64", [("ptr", "context"), ("ptr", "pool"), ("ptr", "run"), ("i64", "items"),
                                      ("i64", "participants")], internal=False)
    context, pool, run, items, participants = f.arguments
    alone = f.compare("slt", participants, 2)
    with f.when(alone), f.loop(0, items) as loop:
        f.call(work, "void", context, loop.index, 0, local=True)
    with f.unless(alone):
        f.call_pointer(run, "void", pool, Value("ptr", f"@{work}"), context, items, participants)
    f.finish(0)
