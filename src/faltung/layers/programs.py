"""How the generated programs of layers are loaded and called."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import cache
from struct import pack
from typing import Any

import numpy as np

from ..compiler import jit
from ..compiler.calling import items_function
from ..compiler.threads import get_threads, run_items, sharers
from ..machine import Machine, detect

Array = np.ndarray
CHUNK = 1 << 14
"""Elements of one item, about; which element belongs to which item depends on the shape alone."""
PARALLEL = 1 << 17
"""Elements from which the work is shared among threads: 20 microseconds of the cheapest, 100 of the others."""

BRIEF = 1 << 20
"""Elements below which no worker is woken that sleeps."""


def kind_of(array: Array) -> str:
    """Name of an array's dtype, native or not; NumPy's own takes a microsecond to find it."""
    return "float32" if array.dtype.char == "f" else "float64"


def bits(number: float) -> int:
    """A float64 as the whole number that has the same bits, for a cell."""
    return int.from_bytes(pack("<d", number), "little", signed=True)


class Program:
    """Machine code whose ``entry`` works through items."""

    def __init__(self, what: str, emit: Callable[[], str]) -> None:
        self._entry = items_function(jit.load(what, detect(), ("entry",), emit))

    def __call__(self, cells: Sequence[int], items: int, elements: int, threads: int = 0) -> None:
        """Run all items; ``elements`` tells whether threads are worth it, and ``threads`` how many at most."""
        context = _cells_of(len(cells))(*cells)
        count = min(threads or get_threads(), items) if elements >= PARALLEL else 1
        if elements < BRIEF:
            count = sharers(count)
        run_items(self._entry, ctypes.addressof(context), items, count)


@cache
def _cells_of(count: int) -> Any:
    """The type of a context; to make it takes longer than to fill one."""
    return ctypes.c_int64 * count


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
