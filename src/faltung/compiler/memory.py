"""Aligned memory, and workspace that is lent and given back."""

from __future__ import annotations

from collections import deque
from math import prod
from typing import Any

import numpy as np

ALIGNMENT = 64


def aligned(shape: tuple[int, ...], dtype: Any) -> Any:
    """An uninitialised C-contiguous array whose first byte begins a cache line."""
    dtype = np.dtype(dtype)
    size_bytes = prod(shape) * dtype.itemsize
    raw = np.empty(size_bytes + ALIGNMENT, np.uint8)
    first = -raw.ctypes.data % ALIGNMENT
    return raw[first:first + size_bytes].view(dtype).reshape(shape)


class Workspace:
    """Buffers of one size; each call borrows its own, so calls never share one.

    Memory stays with the plan: the system would have to clear fresh pages at every call.  A new buffer is all zeros:
    vectors also read and multiply what lies between rows, and where old bytes there happen to be subnormal numbers,
    processors of Intel take a hundred cycles for each.
    """

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self._free: deque[tuple[int, Any]] = deque(maxlen=8)

    def borrow(self) -> tuple[int, Any]:
        """Address of a buffer, and the array that keeps it alive."""
        try:
            return self._free.pop()
        except IndexError:
            buffer = aligned((self.size_bytes,), np.uint8)
            buffer[:] = 0
            return buffer.ctypes.data, buffer

    def give_back(self, buffer: tuple[int, Any]) -> None:
        """Let the next call use the buffer."""
        self._free.append(buffer)
