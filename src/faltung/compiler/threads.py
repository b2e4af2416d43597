"""Native workers: they take work items from a shared counter, spin for a while, then sleep.

Waking a sleeping thread costs hundreds of microseconds, so a worker that has just worked spins on
the pool's ``open`` flag for a short while before it goes back to Python and sleeps on a semaphore.
The caller never waits for a worker to wake: it takes items itself until none is left, and closes
the job.  An item computes the same bits whoever takes it.

The pool's memory (64-bit cells), written by the emitted code only::

    0 lock       one caller at a time; others run their items alone
    1 open       1 while a job may be joined
    2 active     workers inside the job
    3 next       the next item          (a cache line of its own: cells 8 to 15)
    4 items, 5 work, 6 context, 7 participants
"""

from __future__ import annotations

import _thread
import contextlib
import ctypes
import os
import threading
from functools import cache

import numpy as np

from ..errors import ShapeError
from ..machine import Machine, detect
from . import jit
from .emit import Function, Module, Value

LOCK, OPEN, ACTIVE, NEXT, ITEMS, WORK, CONTEXT, PARTICIPANTS = 0, 64, 128, 192, 256, 264, 272, 280
POOL_BYTES = 320
SPINS = 20_000
"""Turns of the spin loop before a worker sleeps: a few hundred microseconds."""


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


def _emit(machine: Machine) -> str:
    module = Module()
    _emit_run(module, machine)
    _emit_worker(module, machine)
    return module.text()


@cache
def _library() -> jit.Library:
    machine = detect()
    return jit.load("threads", machine, ("run", "worker"), lambda: _emit(machine))


class Pool:
    """Workers for one process; ``address`` goes to the generated code."""

    def __init__(self, workers: int) -> None:
        self._memory = np.zeros(POOL_BYTES // 8 + 8, np.int64)
        self.address = (self._memory.ctypes.data + 63) // 64 * 64
        self.workers = workers
        self._sleeping = [False] * workers
        self._bells = [threading.Semaphore(0) for _ in range(workers)]
        void, integer = ctypes.c_void_p, ctypes.c_int64
        self._worker = _library().function("worker", None, void, integer, integer)
        self.run_address = _library().address("run")
        for slot in range(workers):
            # unlike threading.Thread.start, this does not wait until the thread runs
            _thread.start_new_thread(self._live, (slot,))

    def _live(self, slot: int) -> None:
        while True:
            self._worker(self.address, slot + 1, SPINS)
            self._sleeping[slot] = True
            self._bells[slot].acquire()

    def wake(self, count: int) -> None:
        """Ring for the first ``count`` workers that sleep; they join if the job still runs when they come."""
        for slot in range(min(count, self.workers)):
            if self._sleeping[slot]:
                self._sleeping[slot] = False
                self._bells[slot].release()


class _State:
    """The process's pool and the number of threads that was set."""

    pool: Pool | None = None
    threads: int | None = None
    guard = threading.Lock()


@cache
def _default_threads() -> int:
    cores = detect().cores
    with contextlib.suppress(ValueError):
        asked = int(os.environ.get("OMP_NUM_THREADS", "").split(",", 1)[0])
        return max(1, min(asked, cores))
    return cores


def get_threads() -> int:
    """How many threads a call may use: ``set_threads``, ``OMP_NUM_THREADS``, or the cores at hand."""
    return _State.threads or _default_threads()


def set_threads(count: int | None) -> None:
    """Set how many threads a call may use from now on; None goes back to the default.

    Raises
    ------
    ShapeError
        If ``count`` is not a positive integer.
    """
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        raise ShapeError(f"set_threads: count is {count!r}; it must be a positive integer, or None for the default")
    _State.threads = count


def pool(threads: int) -> Pool | None:
    """The process's pool, grown to ``threads`` participants (the caller is one of them)."""
    if threads <= 1:
        return None
    found = _State.pool
    if found is not None and found.workers >= threads - 1:
        return found
    with _State.guard:
        if _State.pool is None or _State.pool.workers < threads - 1:
            _State.pool = Pool(threads - 1)
        return _State.pool


def _forget_pool() -> None:
    """A child of fork has none of its parent's threads."""
    _State.pool, _State.guard = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)
