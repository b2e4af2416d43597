"""How the generated programs of layers are loaded and called."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from ..compiler import jit
from ..compiler.threads import get_threads, pool
from ..machine import Machine, detect

Array = np.ndarray
CHUNK = 1 << 14
"""Elements of one item, about; which element belongs to which item depends on the shape alone."""
PARALLEL = 1 << 15
"""Elements from which the work is shared among threads."""


def address(array: Array) -> int:
    """Address of an array's first element."""
    return int(array.__array_interface__["data"][0])


def bits(number: float) -> int:
    """A float64 as the whole number that has the same bits, for a cell."""
    return int(np.float64(number).view(np.int64))


class Program:
    """Machine code whose ``entry`` works through items."""

    def __init__(self, what: str, emit: Callable[[], str]) -> None:
        library = jit.load(what, detect(), ("entry",), emit)
        pointer, integer = ctypes.c_void_p, ctypes.c_int64
        self._entry = library.function("entry", None, pointer, pointer, pointer, integer, integer)

    def __call__(self, cells: Sequence[int], items: int, elements: int) -> None:
        """Run all items; ``elements`` tells whether threads are worth it."""
        context = (ctypes.c_int64 * len(cells))(*cells)
        threads = min(get_threads(), items) if elements >= PARALLEL else 1
        workers = pool(threads) if threads > 1 else None
        if workers is None:
            self._entry(context, None, None, items, 1)
        else:
            workers.wake(threads - 1)
            self._entry(context, workers.address, workers.run_address, items, threads)


@cache
def program(emit: Callable[..., str], *what: Any) -> Program:
    """The program that ``emit(*what, machine)`` writes; built or loaded once."""
    machine: Machine = detect()
    return Program(f"layers {emit.__module__.rpartition('.')[2]}.{emit.__name__} {what!r}",
                   lambda: emit(*what, machine))


def dense(array: Array) -> Array:
    """Look at an array as generated code reads it: native, aligned, C-contiguous; a copy only if it is not."""
    if array.flags.carray and array.dtype.isnative:
        return array
    found = np.asarray(array, array.dtype.newbyteorder("="), order="C")
    return found if found.flags.aligned else found.copy()
