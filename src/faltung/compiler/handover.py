"""The code with which callers and workers share items; see `threads` for its use.

Each participant has a range of the items and takes them in their order; when none is left there, it helps the next one
with its range.  So a counter seldom wanders between processors, which takes as long as a small item, and a call that is
repeated finds its data where it left them, in the cache of the same processor.

The pool's memory, written by the emitted code only, each in a cache line of its own::

    lock       one caller at a time; others run their items alone
    open       1 while a job may be joined
    active     workers inside the job
    items, work, context, participants
    taken      for each participant: how many items of its range are taken
"""

from __future__ import annotations

from ..machine import Machine
from .emit import Function, Module, Value

LOCK, OPEN, ACTIVE, ITEMS, WORK, CONTEXT, PARTICIPANTS, TAKEN = 0, 64, 128, 192, 200, 208, 216, 256

APART = 128
"""Bytes between counters: processors fetch cache lines in pairs."""


def _pause(f: Function, machine: Machine) -> None:
    if machine.isa == "neon":
        f.call("llvm.aarch64.hint", "void", Value("i32", "1"))
    else:
        f.call("llvm.x86.sse2.pause", "void")


def _take_items(f: Function, pool: Value, work: Value, context: Value, items: Value, participants: Value,
                slot: Value) -> None:
    with f.loop(0, participants) as turn:
        whose = f.rem(f.add(slot, turn.index), participants)
        first, end = (f.div(f.mul(f.add(whose, further), items), participants) for further in (0, 1))
        taken = f.at(pool, f.add(f.mul(whose, APART), TAKEN))
        with f.forever() as none_left:
            item = f.add(first, f.atomic_add(taken, 1))
            f.leave(f.compare("sge", item, end), none_left)
            f.call_pointer(work, "void", context, item, slot)


def _emit_run(module: Module, machine: Machine) -> None:
    """run(pool, work, context, items, participants): all items, with whoever joins."""
    f = module.function("run", "void", [("ptr", "pool"), ("ptr", "work"), ("ptr", "context"), ("i64", "items"),
                                        ("i64", "participants")], internal=False)
    pool, work, context, items, participants = f.arguments
    mine = f.exchange_if(f.at(pool, LOCK), 0, 1)
    with f.unless(mine), f.loop(0, items) as turn:
        f.call_pointer(work, "void", context, turn.index, 0)
    with f.when(mine):
        for value, offset in ((items, ITEMS), (work, WORK), (context, CONTEXT), (participants, PARTICIPANTS)):
            f.store(value, f.at(pool, offset), align=8)
        with f.loop(0, participants) as turn:
            f.atomic_store(0, f.at(pool, f.add(f.mul(turn.index, APART), TAKEN)))
        f.atomic_store(1, f.at(pool, OPEN))
        _take_items(f, pool, work, context, items, participants, f.value(0))
        f.atomic_store(0, f.at(pool, OPEN))
        with f.forever() as all_gone:
            f.leave(f.compare("eq", f.atomic_load(f.at(pool, ACTIVE)), 0), all_gone)
            _pause(f, machine)
        f.atomic_store(0, f.at(pool, LOCK))
    f.finish()


def _emit_worker(module: Module, machine: Machine) -> None:
    """worker(pool, slot, spins): join jobs until ``spins`` turns went by without one."""
    f = module.function("worker", "void", [("ptr", "pool"), ("i64", "slot"), ("i64", "spins")], internal=False)
    pool, slot, spins = f.arguments
    idle = f.alloca(8)
    f.store(0, idle, align=8)
    with f.forever() as tired:
        f.leave(f.compare("sge", f.load("i64", idle, align=8), spins), tired)
        f.store(f.add(f.load("i64", idle, align=8), 1), idle, align=8)
        _pause(f, machine)
        with f.when(f.compare("eq", f.atomic_load(f.at(pool, OPEN)), 1)):
            f.atomic_add(f.at(pool, ACTIVE), 1)
            # the job may have closed between the look and the step in: look again, from inside
            still = f.compare("eq", f.atomic_load(f.at(pool, OPEN)), 1)
            participants = f.load("i64", f.at(pool, PARTICIPANTS), align=8)
            invited = f.compare("slt", slot, participants)
            with f.when(f.bits("and", still, invited)):
                work, context = (f.load("ptr", f.at(pool, offset), align=8) for offset in (WORK, CONTEXT))
                items = f.load("i64", f.at(pool, ITEMS), align=8)
                _take_items(f, pool, work, context, items, participants, slot)
                f.store(0, idle, align=8)
            f.atomic_add(f.at(pool, ACTIVE), -1)
    f.finish()


def emit_handover(machine: Machine) -> str:
    """Write ``run`` and ``worker``."""
    module = Module()
    _emit_run(module, machine)
    _emit_worker(module, machine)
    return module.text()
