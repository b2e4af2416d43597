"""Aligned memory, and workspace that is lent and given back."""

from __future__ import annotations

import ctypes
import sys
from collections import deque
from math import prod
from typing import Any

import numpy as np

ALIGNMENT = 64

IS_CPYTHON = sys.implementation.name == "cpython"

HAS_GIL = IS_CPYTHON and getattr(sys, "_is_gil_enabled", lambda: True)()
"""Whether one thread at a time runs Python, so that nobody takes a reference between two steps of machine code."""

NO_BIAS = np.zeros(2)
"""What programs are given in place of a bias; those of problems without one do not read it."""

Block = tuple[Any, int]
"""An array of bytes, and where its first cache line begins."""


def address(array: Any) -> int:
    """Address of an array's first element; NumPy's own ways to tell it take eight times as long."""
    if IS_CPYTHON:  # it follows the object's head in the public C struct
        return int(ctypes.c_ssize_t.from_address(id(array) + object.__basicsize__).value)
    return int(array.__array_interface__["data"][0])


def aligned(shape: tuple[int, ...], dtype: Any) -> Any:
    """An uninitialised C-contiguous array whose first byte begins a cache line."""
    dtype = np.dtype(dtype)
    size_bytes = prod(shape) * dtype.itemsize
    raw, first = block(size_bytes)
    return np.ndarray(shape, dtype, raw, first)


def block(size_bytes: int) -> Block:
    """Memory of at least so many bytes, beginning with a cache line."""
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
            scratch, buffer = self.borrow()
            busy = aligned((8,), np.int64)
            busy[:] = 0
            self._kept = scratch, address(busy), (buffer, busy)
        return self._kept
