"""Native workers: they share a job's work items, spin for a while, then sleep.

Waking a sleeping thread costs hundreds of microseconds, so a worker that has just worked spins on
the pool's ``open`` flag for a short while before it goes back to Python and sleeps on a lock.
The caller never waits for a worker to wake: it takes items itself until none is left, and closes
the job.  To ring for a worker costs the caller itself some microseconds, so work that would be done
before one comes does not ring.  An item computes the same bits whoever takes it.
"""

from __future__ import annotations

import _thread
import contextlib
import ctypes
import os
import threading
from collections.abc import Callable
from functools import cache
from time import perf_counter

import numpy as np

from ..errors import ShapeError
from ..machine import Machine, detect
from . import jit

POOL_BYTES, PARTICIPANT_BYTES = 256, 128
"""Memory of a pool, and for each participant; see `handover`."""

SPINS = 20_000
"""Turns of the spin loop before a worker sleeps: a few hundred microseconds."""

LATELY_S = 1e-3
"""Brief work wakes a worker if other brief work came no longer ago."""


def _emit(machine: Machine) -> str:
    """Write the code; the generator is imported only where no object is found on the disk."""
    from .handover import emit_handover

    return emit_handover(machine)


@cache
def _library() -> jit.Library:
    machine = detect()
    # it spins and counts, which needs no optimiser, and that one would take several times as long as all else
    return jit.load("threads", machine, ("run", "worker"), lambda: _emit(machine), level=0)


class Pool:
    """Workers for one process; ``address`` goes to the generated code."""

    def __init__(self, workers: int) -> None:
        self._memory = np.zeros((POOL_BYTES + (workers + 2) * PARTICIPANT_BYTES) // 8, np.int64)
        self.address = -(-self._memory.ctypes.data // PARTICIPANT_BYTES) * PARTICIPANT_BYTES
        self.workers = workers
        self._sleeping = [False] * workers
        self._thread_ids = [0] * workers
        self._kept_from = [-1] * workers
        self._bells = [_thread.allocate_lock() for _ in range(workers)]
        self._asked_s = -LATELY_S
        void, integer = ctypes.c_void_p, ctypes.c_int64
        self._worker = _library().function("worker", None, void, integer, integer)
        self.run_address = _library().address("run")
        for slot in range(workers):
            # unlike threading.Thread.start, this does not wait until the thread runs
            _thread.start_new_thread(self._live, (slot,))

    def _live(self, slot: int) -> None:
        self._thread_ids[slot] = threading.get_native_id()
        self._bells[slot].acquire()
        while True:
            self._worker(self.address, slot + 1, SPINS)
            self._sleeping[slot] = True
            self._bells[slot].acquire()

    def wake(self, count: int) -> None:
        """Ring for the first ``count`` workers that sleep; they join if the job still runs when they come."""
        for slot in range(min(count, self.workers)):
            if self._sleeping[slot]:
                self._keep_from(slot, _processor_now())
                self._sleeping[slot] = False
                with contextlib.suppress(RuntimeError):  # somebody else rang in the same moment
                    self._bells[slot].release()

    def is_at_hand(self) -> bool:
        """Whether brief work should be shared: a worker is awake, or will be for what follows."""
        if not self._sleeping[0]:
            return True
        now = perf_counter()
        before, self._asked_s = self._asked_s, now
        return now - before < LATELY_S

    def _keep_from(self, slot: int, processor: int) -> None:
        """Have a worker wake on another processor than the caller's.

        Linux likes to wake a thread where its waker runs; there it would only take time from the caller, for
        several milliseconds until it is moved.
        """
        if processor in (-1, self._kept_from[slot]):
            return
        self._kept_from[slot] = processor
        others = os.sched_getaffinity(0) - {processor}
        if others:
            with contextlib.suppress(OSError):
                os.sched_setaffinity(self._thread_ids[slot], others)


@cache
def _ask_processor() -> Callable[[], int] | None:
    return getattr(ctypes.PyDLL(None), "sched_getcpu", None) if hasattr(os, "sched_setaffinity") else None


def _processor_now() -> int:
    """Number of the processor that the caller runs on, or -1 where nobody tells."""
    ask = _ask_processor()
    return -1 if ask is None else ask()


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
    for forget in when_changed:
        forget()


when_changed: list[Callable[[], None]] = []
"""Called after `set_threads`: whoever keeps plans made for another number of threads drops them."""


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


def sharers(participants: int) -> int:
    """How many of the threads that may take part in brief work should: one, if the others sleep."""
    workers = pool(participants)
    return participants if workers is None or workers.is_at_hand() else 1


def team(participants: int) -> tuple[int, int, int]:
    """Wake who takes part; what programs are told about it: ``pool``, ``run`` and ``participants``."""
    workers = pool(participants)
    if workers is None:
        return 0, 0, 1
    workers.wake(participants - 1)
    return workers.address, workers.run_address, participants


def run_items(entry: Callable[..., int], context: int, items: int, participants: int) -> None:
    """Call ``entry(context, pool, run, items, participants)``, with workers if there is to be more than one."""
    workers, run, count = team(participants)
    entry(context, workers, run, items, count)


def _forget_pool() -> None:
    """A child of fork has none of its parent's threads."""
    _State.pool, _State.guard = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)
