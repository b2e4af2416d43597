"""Matrices of arrays transposed by generated code; see `transpose`."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import Any

from ..machine import Machine
from . import jit
from .memory import address

_NAMES = {"f": "float32", "d": "float64"}


def _emitted(machine: Machine, dtype: str) -> str:
    """The program; the generator is imported only where no object is found on the disk."""
    from .transpose import emit_transpose

    return emit_transpose(machine, dtype)


@cache
def _function(machine: Machine, dtype: str) -> Any:
    library = jit.load(f"transpose {dtype}", machine, ("transpose",), lambda: _emitted(machine, dtype))
    pointer = ctypes.c_void_p
    return library.function("transpose", None, pointer, pointer, pointer)


def transpose_blocks(target: Any, source: Any, starts: Sequence[int], machine: Machine) -> bool:
    """``target[g, b, m, c, r] = source[g, starts[b] + r, m, c]``; False if it does not apply.

    ``target`` is C-contiguous; the columns of ``source`` lie side by side, in either direction.
    """
    size, dtype = source.itemsize, _NAMES.get(source.dtype.char, "")
    matrices, columns, rows = target.shape[2:]
    if not dtype or source.dtype != target.dtype or machine.triple:  # code for another processor cannot pack here
        return False
    apart, step = source.strides[2:]
    if matrices > 1 and apart == columns * step:
        matrices, columns, apart = 1, matrices * columns, 0
    group = 16 // size
    if abs(step) != size or min(rows, columns) < group or not source.size or not target.flags.c_contiguous:
        return False
    turned = rows * size
    from_end = (columns - 1) if step < 0 else 0
    facts = (ctypes.c_int64 * 7)(matrices, rows, columns, apart, source.strides[1], columns * turned,
                                 -turned if from_end else turned)
    transpose = _function(machine, dtype)
    # Addresses by arithmetic: a view for each block costs as much as a small block's copy.
    here, there = address(source) + from_end * step, address(target) + from_end * turned
    by_group, by_row = source.strides[:2]
    to_group, to_block = target.strides[:2]
    for g in range(target.shape[0]):
        for b in range(target.shape[1]):
            transpose(here + g * by_group + starts[b] * by_row, there + g * to_group + b * to_block, facts)
    return True
