"""Memory of results that is used again, and new results whose pages are touched first."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from faltung.compiler import results
from faltung.compiler.memory import ALIGNMENT
from faltung.compiler.results import KEPT_BYTES, LARGEST, PAGE_BYTES, PAGED_BYTES, SMALLEST, fresh, recycled

SIZE = SMALLEST + 8 * 1013
"""Bytes that nothing else here asks for."""


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    monkeypatch.setattr(results, "_blocks", {})


def address(array):
    return array.ctypes.data


def made():
    return recycled((SIZE // 4,), "float32")


def test_what_is_gone_lends_its_memory_to_the_next():
    place = address(made())
    other = recycled((SIZE // 8, 1), "float64")
    assert (other.shape, other.dtype, address(other)) == ((SIZE // 8, 1), np.float64, place)
    assert place % ALIGNMENT == 0
    assert other.flags.c_contiguous
    assert other.flags.writeable


@pytest.mark.parametrize("see", [lambda x: x, lambda x: x[5:7], lambda x: x[::2].reshape(-1, 1).T, memoryview,
                                 lambda x: np.asarray(memoryview(x))[:3], lambda x: np.from_dlpack(x)[1:]])
def test_what_is_held_in_whatever_way_is_never_used_again(see):
    array = made()
    array[:] = 1
    view = see(array)
    del array
    others = [made() for _ in range(20)]
    for other in others:
        other[:] = 2
    assert (np.asarray(view) == 1).all()
    assert len({address(other) for other in others}) == 20


@pytest.mark.parametrize("size", [4, SMALLEST - 4, LARGEST + 4])
def test_small_and_large_arrays_are_numpys_own(size):
    assert recycled((size // 4,), "float32").base is None
    assert results._blocks == {}


def test_no_more_is_kept_than_may_be():
    held = [recycled((LARGEST - 64 * number,), "uint8") for number in range(9)]
    kept = {size: len(blocks) for size, blocks in results._blocks.items()}
    assert sum(size * count for size, count in kept.items()) <= KEPT_BYTES
    assert list(kept) == [array.size for array in held[-len(kept):]]


def test_threads_never_share_memory():
    failures = []

    def work(mark):
        for turn in range(300):
            array = made()
            array[:] = mark + turn
            other = made()
            other[:] = -1
            if not (array == mark + turn).all():
                failures.append((mark, turn))

    workers = [threading.Thread(target=work, args=(1000 * number,)) for number in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures == []


# ---------------------------------------------------------------- new outputs

@pytest.mark.parametrize(("shape", "dtype"), [
    ((0, 3), "float32"), ((), "int8"), ((PAGED_BYTES - 1,), "bool"), ((PAGED_BYTES,), "uint8"),
    ((3, PAGED_BYTES // 8, 1), "float64"), ((PAGED_BYTES // 4 + 5, 2), "complex64")])
def test_new_arrays_are_numpys_own(shape, dtype):
    array = fresh(shape, dtype)
    assert (array.shape, array.dtype) == (shape, dtype)
    assert array.flags.c_contiguous
    assert array.flags.owndata


@pytest.mark.parametrize("threads", [1, 2, 9])
def test_one_byte_of_each_page_is_written(threads, monkeypatch):
    size = 2 * PAGED_BYTES
    whole = np.ones(size + 1, np.uint8)
    whole[-1] = 7
    monkeypatch.setattr(np, "empty", lambda shape, dtype: whole[:-1].view(dtype).reshape(shape))
    fresh((size,), "uint8", threads)
    written = np.flatnonzero(whole[:-1] == 0)
    assert len(written) == 4
    assert set((address(whole) + written) % PAGE_BYTES) == {PAGE_BYTES - 1}
    assert whole[-1] == 7
