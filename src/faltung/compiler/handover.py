"""The code with which callers and workers share items; see `threads` for its use.

The pool's memory (64-bit cells), written by the emitted code only::

    0 lock       one caller at a time; others run their items alone
    1 open       1 while a job may be joined
    2 active     workers inside the job
    3 next       the next item          (a cache line of its own: cells 8 to 15)
    4 items, 5 work, 6 context, 7 participants
"""

from __future__ import annotations

from ..machine import Machine
from .emit import Function, Module, Value

LOCK, OPEN, ACTIVE, NEXT, ITEMS, WORK, CONTEXT, PARTICIPANTS = 0, 64, 128, 192, 256, 264, 272, 280


def _pause(f: Function, machine: Machine) -> None:
    if machine.isa == "neon":
        f.call("llvm.aarch64.hint", "void", Value("i32", "1"))
    else:
        f.call("llvm.x86.sse2.pause", "void")


def _take_items(f: Function, pool: Value, work: Value, context: Value, items: Value, slot: Value) -> None:
    with f.forever() as none_left:
        item = f.atomic_add(f.at(pool, NEXT), 1)
        f.leave(f.compare("sge", item, items), none_left)
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
        f.atomic_store(0, f.at(pool, NEXT))
        f.atomic_store(1, f.at(pool, OPEN))
        _take_items(f, pool, work, context, items, f.value(0))
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
            invited = f.compare("slt", slot, f.load("i64", f.at(pool, PARTICIPANTS), align=8))
            with f.when(f.bits("and", still, invited)):
                work, context = (f.load("ptr", f.at(pool, offset), align=8) for offset in (WORK, CONTEXT))
                _take_items(f, pool, work, context, f.load("i64", f.at(pool, ITEMS), align=8), slot)
                f.store(0, idle, align=8)
            f.atomic_add(f.at(pool, ACTIVE), -1)
    f.finish()


def emit_handover(machine: Machine) -> str:
    """Write ``run`` and ``worker``."""
    module = Module()
    _emit_run(module, machine)
    _emit_worker(module, machine)
    return module.text()
