"""The generated passes, loaded once, and how they are called (see `program`)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ...compiler import jit
from ...compiler.calling import items_function
from ...compiler.memory import address
from ...compiler.threads import run_items
from ...machine import Machine

CHUNK = 1 << 13
"""Samples of a work item."""

NO_BIAS = np.zeros(1, np.int64)


def split(values: Any, count: int, bits: int, machine: Machine, threads: int = 1, out: Any = None) -> Any:
    """Balanced digits of C-contiguous numbers, (leads, samples), in 16 bits, the lowest first: (leads, count, samples).

    What ``count`` digits do not hold is left out at the top.
    """
    leads, samples = values.shape
    digits = np.empty((leads, count, samples), np.int16) if out is None else out
    _run(_split(machine, values.dtype.name), leads, samples, threads,
         address(values), address(digits), count, bits)
    return digits


def join(sums: Any, bits: int, bias: Any, machine: Machine, threads: int = 1, out: Any = None,
         bounds: tuple[int, int] | None = None, *, signed: bool = True) -> tuple[Any, bool]:
    """Numbers put together from sums of digits, (leads, count, samples), and whether one lies outside ``bounds``.

    Without bounds they are right modulo two to the 64; what lies outside becomes the bound.  ``bias`` is added, one
    number for each of the groups that follow each other as leads.
    """
    leads, count, samples = sums.shape
    numbers = np.empty((leads, samples), np.int64) if out is None else out
    added = NO_BIAS if bias is None else np.ascontiguousarray(bias, np.int64).ravel()
    least, most = bounds or (0, 0)
    low_digits = min(count, -(-64 // bits))
    context = _run(_join(machine, bounds is not None, signed), leads, samples, threads,
                   address(sums), address(numbers), count, bits, low_digits, address(added), added.size,
                   least, most if most < 2**63 else -1, 0)
    return numbers, bool(context[-1])


def _run(entry: Any, leads: int, samples: int, threads: int, *cells: int) -> np.ndarray:
    chunks = -(-samples // CHUNK)
    source, target, *others = cells
    context = np.array([source, target, samples, chunks, *others], np.int64)
    run_items(entry, address(context), leads * chunks, min(threads, leads * chunks))
    return context


@lru_cache(maxsize=64)
def _split(machine: Machine, dtype: str) -> Any:
    from .program import Split

    return _load(f"digits split {dtype}", machine, lambda: Split(machine, dtype).text())


@lru_cache(maxsize=64)
def _join(machine: Machine, watches: bool, signed: bool) -> Any:
    from .program import Join

    return _load(f"digits join {watches} {signed}", machine,
                 lambda: Join(machine, watches=watches, signed=signed).text())


def _load(what: str, machine: Machine, emit: Any) -> Any:
    return items_function(jit.load(what, machine, ("entry",), emit))
