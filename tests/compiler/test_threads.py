"""Native workers: right under contention, through fork and to the end of the process."""

from __future__ import annotations

import ctypes
import os
import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from faltung import machine
from faltung.algorithms import direct
from faltung.algorithms.direct.executable import Direct
from faltung.compiler import handover, threads
from faltung.errors import ShapeError
from faltung.problem.layout import View
from faltung.problem.problem import Problem
from grid.process import succeed

PROBLEM = Problem((), 1, 3, 5, (40, 50), (3, 3), (40, 50), (-1, -1), (1, 1), (1, 1), (1, 1),
                  (("reflect", "reflect"), ("edge", "edge")))


@pytest.fixture(autouse=True)
def _threads_as_before() -> Iterator[None]:
    before = threads._State.threads
    yield
    threads._State.threads = before


def build(problem: Problem = PROBLEM, count: int = 4) -> Direct:
    shape = problem.output_shape
    return direct.build(problem, View(shape, shape, tuple(range(len(shape)))), machine.detect(), count)


def operands(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(PROBLEM.image_shape).astype(np.float32),
            rng.standard_normal(PROBLEM.kernel_shape).astype(np.float32))


def call(executable: Direct, image: np.ndarray, packed: Any, count: int) -> np.ndarray:
    out = np.full(PROBLEM.output_shape, np.nan, np.float32)
    executable.run(image, packed, None, out, count)
    return out


def test_many_python_threads_at_once() -> None:
    executable, wrong = build(), []
    cases = []
    for seed in range(6):
        image, kernel = operands(seed)
        packed = executable.pack(kernel)
        cases.append((image, packed, call(executable, image, packed, 1)))

    def work(number: int) -> None:
        for turn in range(60):
            image, packed, want = cases[(number + turn) % len(cases)]
            if call(executable, image, packed, 1 + (turn + number) % 4).tobytes() != want.tobytes():
                wrong.append((number, turn))

    workers = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []


def test_every_item_is_taken_once_from_the_ranges_of_all() -> None:
    """Whoever comes: the caller alone, as workers still sleep, or all; of few items or many."""
    assert (handover.TAKEN, handover.APART) == (threads.POOL_BYTES, threads.PARTICIPANT_BYTES)
    for participants in (2, 3, 5):
        for items in (1, 2, 3, 7, 1000):
            pool, taken = threads.pool(participants), np.zeros(items, np.int64)
            assert pool is not None

            @ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
            def work(_: int, item: int, slot: int) -> None:
                assert 0 <= slot < participants  # noqa: B023
                taken[item] += 1  # noqa: B023

            run = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64,
                                   ctypes.c_int64)(pool.run_address)
            for _ in range(3):
                pool.wake(participants - 1)
                run(pool.address, ctypes.cast(work, ctypes.c_void_p), None, items, participants)
            assert taken.tolist() == [3] * items


def test_workers_that_sleep_are_woken() -> None:
    executable, (image, kernel) = build(), operands(1)
    packed = executable.pack(kernel)
    want = call(executable, image, packed, 1)
    for _ in range(4):
        time.sleep(0.05)  # far longer than the workers spin
        assert call(executable, image, packed, 4).tobytes() == want.tobytes()
    pool = threads.pool(4)
    assert pool is not None
    time.sleep(0.2)
    assert all(pool._sleeping)


def asleep(pool: threads.Pool) -> threads.Pool:
    deadline = time.monotonic() + 10
    while not all(pool._sleeping) and time.monotonic() < deadline:
        time.sleep(0.001)
    assert all(pool._sleeping)
    return pool


def test_brief_work_does_not_wake_a_worker_unless_more_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = asleep(threads.Pool(1))
    monkeypatch.setattr(threads._State, "pool", pool)
    monkeypatch.setattr(threads, "perf_counter", lambda: now)
    now = 10.0
    assert threads.sharers(1) == 1
    assert threads.sharers(2) == 1
    now += 2 * threads.LATELY_S
    assert threads.sharers(2) == 1
    now += threads.LATELY_S / 2
    assert threads.sharers(2) == 2
    monkeypatch.setattr(pool, "_sleeping", [False])
    now += 10
    assert threads.sharers(2) == 2


def test_two_callers_ring_at_once() -> None:
    pool = asleep(threads.Pool(1))
    pool._sleeping = [True]
    pool.wake(1)
    pool._sleeping = [True]
    pool.wake(1)
    asleep(pool)


def test_the_pool_grows_and_is_kept() -> None:
    small = threads.pool(2)
    large = threads.pool(5)
    assert small is not None
    assert large is not None
    assert large.workers >= 4
    assert threads.pool(3) is large
    assert threads.pool(1) is None


def test_more_participants_than_items_or_cores() -> None:
    for count in (2, 3, 7):
        executable, (image, kernel) = build(count=count), operands(2)
        packed = executable.pack(kernel)
        assert call(executable, image, packed, 50).tobytes() == call(executable, image, packed, 1).tobytes()


def test_set_threads() -> None:
    threads.set_threads(3)
    assert threads.get_threads() == 3
    threads.set_threads(None)
    assert threads.get_threads() == threads._default_threads() >= 1


@pytest.mark.parametrize("count", [0, -1, 1.0, True, "2"])
def test_set_threads_refuses(count: object) -> None:
    text = f"set_threads: count is {count!r}; it must be a positive integer, or None for the default"
    with pytest.raises(ShapeError, match=f"^{re.escape(text)}$"):
        threads.set_threads(count)  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "count"), [
    ("1", 1), ("2,1", 2), ("100000", 0), ("", 0), ("many", 0), ("0", 1), ("-3", 1)])
def test_omp_num_threads(text: str, count: int) -> None:
    cores = len(os.sched_getaffinity(0))
    program = "from faltung.compiler.threads import get_threads; print(get_threads())"
    assert int(succeed("-c", program, OMP_NUM_THREADS=text)) == min(count or cores, cores)


PRELUDE = """
import os, sys, threading, time
import numpy as np
import faltung as ft
x = np.random.default_rng(0).standard_normal((700, 700)).astype(np.float32)
k = np.ones((5, 5), np.float32) / 25
ft.set_threads(2)
plan = ft.plan(ft.correlate, x, k, "same")
want = plan(x, threads=1).tobytes()
def right():
    return plan(x, threads=2).tobytes() == want and ft.correlate(x, k, "same").tobytes() == want
assert right()
"""

FORK = PRELUDE + """
for delay in (0, 0.1):
    time.sleep(delay)  # workers spin, or sleep
    child = os.fork()
    if child == 0:
        from faltung.compiler import handover, threads
        fresh = threads._State.pool is None
        os._exit(0 if fresh and right() and right() and threads._State.pool is not None else 9)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert right()
print("well")
"""

FORK_WHILE_BUSY = PRELUDE + """
stop = threading.Event()
def busy():
    n = 0
    while not stop.is_set():
        n += 1
        ft.correlate(np.zeros((9, 9 + n % 50), np.float32), k)  # compiles and runs
        plan(x)
others = [threading.Thread(target=busy) for _ in range(2)]
for other in others: other.start()
children = []
for _ in range(6):
    time.sleep(0.03)
    child = os.fork()
    if child == 0:
        import faulthandler
        faulthandler.dump_traceback_later(10, exit=True)
        fine = right() and ft.correlate(np.zeros((3, 77), np.float32), k).shape == (7, 81)
        os._exit(0 if fine else 9)
    children.append(child)
codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
stop.set()
for other in others: other.join()
assert codes == [0] * len(codes), codes
print("well")
"""

MULTIPROCESSING = PRELUDE + """
import multiprocessing
def job(n):
    return right()
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert all(pool.map(job, range(6)))
print("well")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("program", [FORK, MULTIPROCESSING], ids=["fork", "multiprocessing"])
def test_a_child_of_fork_works(program: str) -> None:
    assert succeed("-W", "ignore", "-c", program, timeout=60) == "well\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_while_others_compile_and_run() -> None:
    assert succeed("-W", "ignore", "-c", FORK_WHILE_BUSY, timeout=100) == "well\n"


@pytest.mark.parametrize("delay", ["0", "0.0001", "0.2"])
def test_the_interpreter_ends_while_workers_spin_or_sleep(delay: str) -> None:
    program = PRELUDE + f"print('well', flush=True)\nright()\ntime.sleep({delay})\n"
    for _ in range(3):
        assert succeed("-c", program, timeout=60) == "well\n"


def test_the_interpreter_ends_while_daemons_compute() -> None:
    program = PRELUDE + """
def busy():
    while True:
        plan(x)
for _ in range(3): threading.Thread(target=busy, daemon=True).start()
time.sleep(0.1)
print("well", flush=True)
"""
    for _ in range(3):
        assert succeed("-c", program, timeout=60) == "well\n"


def test_a_contended_pool_never_waits_for_itself() -> None:
    """A caller that finds the pool taken runs its items alone: two callers at once, both with helpers wished."""
    executable, (image, kernel) = build(), operands(3)
    packed = executable.pack(kernel)
    want = call(executable, image, packed, 1).tobytes()
    gate, results = threading.Barrier(4), []

    def work() -> None:
        gate.wait()
        results.extend(call(executable, image, packed, 4).tobytes() == want for _ in range(200))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert len(results) == 800
    assert all(results)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2, reason="one processor")
def test_a_worker_wakes_on_another_processor_than_the_caller():
    pool = asleep(threads.Pool(1))
    allowed = os.sched_getaffinity(0)
    try:
        for mine in sorted(allowed)[:2]:
            os.sched_setaffinity(0, {mine})
            pool._keep_from(0, mine)
            assert pool._kept_from[0] == mine
            # the caller is held to one processor here, so no other is offered and the worker stays where it may run
            assert os.sched_getaffinity(pool._thread_ids[0]) >= {mine}
        os.sched_setaffinity(0, allowed)
        pool._kept_from[0] = -1
        pool._keep_from(0, threads._processor_now())
        assert os.sched_getaffinity(pool._thread_ids[0]) == allowed - {pool._kept_from[0]}
    finally:
        os.sched_setaffinity(0, allowed)
