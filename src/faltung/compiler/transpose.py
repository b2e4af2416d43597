"""Transposition by vectors: inside every 16 bytes of a few of them, and of whole matrices."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from ..machine import Machine
from . import jit
from .elements import ELEMENTS
from .emit import Function, Module, Operand, Value, lanes_of, vector


def transpose_in_lanes(f: Function, v: Sequence[Value]) -> list[Value]:
    """Swap element and vector number inside each 16 bytes of 2 (8-byte) or 4 (4-byte) vectors."""
    lanes, group = lanes_of(v[0].type), len(v)
    starts = range(0, lanes, group)
    if group == 2:
        return [f.shuffle(v[0], v[1], [s for b in starts for s in (b + i, b + i + lanes)]) for i in (0, 1)]
    low, high = [], []
    for a, b in ((v[0], v[1]), (v[2], v[3])):
        low.append(f.shuffle(a, b, [s for x in starts for s in (x, x + lanes, x + 1, x + 1 + lanes)]))
        high.append(f.shuffle(a, b, [s for x in starts for s in (x + 2, x + 2 + lanes, x + 3, x + 3 + lanes)]))
    result = []
    for pair in (low, high):
        for i in (0, 2):
            picks = [s for x in starts for s in (x + i, x + i + 1, x + i + lanes, x + i + 1 + lanes)]
            result.append(f.shuffle(pair[0], pair[1], picks))
    return result


def store_turned(f: Function, lines: Sequence[Value], target: Value, turned_bytes: Operand) -> None:
    """Store rows as columns: each column's 16 bytes at ``target`` plus so many times ``turned_bytes``."""
    lanes, group = lanes_of(lines[0].type), len(lines)
    for i, gathered in enumerate(transpose_in_lanes(f, lines)):
        for part in range(lanes // group):
            piece = f.shuffle(gathered, None, list(range(part * group, (part + 1) * group)))
            f.store(piece, f.at(target, f.mul(part * group + i, turned_bytes)))


def _emit(machine: Machine, dtype: str) -> str:
    """transpose(source, target, rows, columns): contiguous matrices; rows fill 16 bytes evenly."""
    module, element = Module(), ELEMENTS[dtype]
    size, lanes, group = element.size, machine.vector_bytes // element.size, 16 // element.size
    kind = vector(element.ir, lanes)
    parameters = [("ptr", "source"), ("ptr", "target"), ("i64", "rows"), ("i64", "columns")]
    f = module.function("transpose", "void", parameters, internal=False)
    source, target, rows, columns = f.arguments
    whole = f.mul(f.div(columns, lanes), lanes)
    pitch, turned = f.mul(columns, size), f.mul(rows, size)
    with f.loop(0, rows, group) as row:
        line = f.at(source, f.mul(row.index, pitch))
        there = f.at(target, f.mul(row.index, size))
        with f.loop(0, whole, lanes) as column:
            here = f.at(line, f.mul(column.index, size))
            lines = [f.load(kind, f.at(here, f.mul(i, pitch))) for i in range(group)]
            store_turned(f, lines, f.at(there, f.mul(column.index, turned)), turned)
        with f.loop(whole, columns) as column:
            for i in range(group):
                value = f.load(element.ir, f.at(f.at(line, f.mul(i, pitch)), f.mul(column.index, size)))
                f.store(value, f.at(f.at(there, i * size), f.mul(column.index, turned)))
    f.finish()
    return module.text()


@cache
def _function(machine: Machine, dtype: str) -> Any:
    library = jit.load(f"transpose {dtype}", machine, ("transpose",), lambda: _emit(machine, dtype))
    pointer, integer = ctypes.c_void_p, ctypes.c_int64
    return library.function("transpose", None, pointer, pointer, integer, integer)


def transpose_into(target: Any, source: Any, machine: Machine) -> bool:
    """``target[..., j, i] = source[..., i, j]`` for C-contiguous stacks of matrices; False if it does not apply."""
    rows, columns = source.shape[-2:]
    applies = (source.dtype == target.dtype and source.dtype.name in ("float32", "float64")
               and source.flags.c_contiguous and target.flags.c_contiguous and rows * source.itemsize % 16 == 0)
    if not applies or source.size == 0:
        return False
    transpose = _function(machine, source.dtype.name)
    for place in np.ndindex(source.shape[:-2]):
        transpose(source[place].ctypes.data, target[place].ctypes.data, rows, columns)
    return True
