"""Aligned memory, workspace that is lent and given back, and results in the memory of those that are gone."""

from __future__ import annotations

import ctypes
import sys
import threading
from collections import deque
from collections.abc import Iterable
from math import prod
from typing import Any

import numpy as np

ALIGNMENT = 64

SMALLEST, LARGEST, KEPT_BYTES = 1 << 14, 1 << 23, 1 << 25
"""Bytes of the results whose memory is used again, and of all that is kept for that."""

_IS_CPYTHON = sys.implementation.name == "cpython"

HAS_GIL = _IS_CPYTHON and getattr(sys, "_is_gil_enabled", lambda: True)()
"""Whether one thread at a time runs Python, so that nobody takes a reference between two steps of machine code."""

Block = tuple[Any, int]
"""An array of bytes, and where its first cache line begins."""


def address(array: Any) -> int:
    """Address of an array's first element; NumPy's own ways to tell it take eight times as long."""
    if _IS_CPYTHON:  # it follows the object's head in the public C struct
        return int(ctypes.c_ssize_t.from_address(id(array) + object.__basicsize__).value)
    return int(array.__array_interface__["data"][0])


def aligned(shape: tuple[int, ...], dtype: Any) -> Any:
    """An uninitialised C-contiguous array whose first byte begins a cache line."""
    dtype = np.dtype(dtype)
    size_bytes = prod(shape) * dtype.itemsize
    raw, first = _block(size_bytes)
    return np.ndarray(shape, dtype, raw, first)


def _block(size_bytes: int) -> Block:
    raw = np.empty(size_bytes + ALIGNMENT, np.uint8)
    return raw, -address(raw) % ALIGNMENT


class Workspace:
    """Buffers of one size; each call borrows its own, so calls never share one.

    Memory stays with the plan: the system would have to clear fresh pages at every call.  A new buffer is all zeros:
    vectors also read and multiply what lies between rows, and where old bytes there happen to be subnormal numbers,
    processors of Intel take a hundred cycles for each.
    """

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self._free: deque[tuple[int, Any]] = deque(maxlen=8)
        self._kept: tuple[int, int, Any] | None = None

    def borrow(self) -> tuple[int, Any]:
        """Address of a buffer, and the array that keeps it alive."""
        try:
            return self._free.pop()
        except IndexError:
            buffer = aligned((self.size_bytes,), np.uint8)
            buffer[:] = 0
            return address(buffer), buffer

    def give_back(self, buffer: tuple[int, Any]) -> None:
        """Let the next call use the buffer."""
        self._free.append(buffer)

    def keep(self) -> tuple[int, int, Any]:
        """Addresses of one more buffer, and of a cell that says whether it is in use, for calls that need no Python."""
        if self._kept is None:
            address, buffer = self.borrow()
            busy = aligned((8,), np.int64)
            busy[:] = 0
            self._kept = address, int(busy.ctypes.data), (buffer, busy)
        return self._kept


# ---------------------------------------------------------------- results

PAGED_BYTES, PAGE_BYTES = 4 << 20, 2 << 20
"""Arrays for which NumPy asks for huge pages, and bytes of one."""


def fresh(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An uninitialised C-contiguous array that owns its memory, its huge pages cleared by the system already.

    Linux clears a huge page piece by piece, the one that was touched as the last: if a page is touched at its first
    byte, backwards, which takes twice as long as forwards.  So the last byte of each is written before all others.
    """
    made = np.empty(shape, dtype)
    if made.nbytes >= PAGED_BYTES:
        whole = made.reshape(-1).view(np.uint8)
        whole[(-address(made) - 1) % PAGE_BYTES::PAGE_BYTES] = 0
    return made


_guard = threading.RLock()
_blocks: dict[int, list[Block]] = {}
"""Memory of results by their bytes, those that are still in use among them."""


def recycles(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
    """Whether an array is large enough, and not too large, to be put into memory that is kept."""
    return SMALLEST <= prod(shape) * dtype.itemsize <= LARGEST


def recycled(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An uninitialised C-contiguous array, if possible in the memory of one as long that nobody holds any more.

    A training step makes and drops the same arrays as the one before.  The C library gives such memory back to the
    system, which clears every page anew; with two threads both processors have to be told each time.
    """
    dtype = np.dtype(dtype)
    if not recycles(shape, dtype):
        return fresh(shape, dtype)
    size_bytes = prod(shape) * dtype.itemsize
    raw, first = _unheld(_blocks.get(size_bytes, ()), _ALONE) or _kept(size_bytes)
    return np.ndarray(shape, dtype, raw, first)


def _unheld(blocks: Iterable[Block], references: int) -> Block | None:
    """The first block with no more references than that.

    Arrays, and views of them, refer to the block.  So do other threads that are just here: they may overlook a block,
    but never find the same one.
    """
    for raw, first in blocks:
        if _count(raw) <= references:
            return raw, first
    return None


def _kept(size_bytes: int) -> Block:
    """A new block; of the others, the oldest are forgotten where they were too many."""
    block = _block(size_bytes)
    with _guard:
        while _blocks and size_bytes + sum(size * len(blocks) for size, blocks in _blocks.items()) > KEPT_BYTES:
            oldest = next(iter(_blocks))
            del _blocks[oldest][0]
            if not _blocks[oldest]:
                del _blocks[oldest]
        _blocks.setdefault(size_bytes, []).append(block)
    return block


_count: Any = sys.getrefcount if HAS_GIL else lambda _: sys.maxsize
_ALONE = next((count for count in range(8) if _unheld([_block(0)], count)), 0)
"""References to a block that no array uses, as `_unheld` counts them."""
