"""Calls that were seen before: machine code knows them by their arguments, makes the output and runs the program.

What Python takes to find a plan and to prepare its call is longer than a small signal takes itself.  So a `Table` keeps
the last few calls whose work is small, and its ``call`` is a builtin function that compares types, dtypes, shapes and
strides, the bytes of kernel and bias, and by identity all other arguments.  Whatever differs is left to Python.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from . import jit  # noqa: F401  # before a fork, its lock is taken after this module's, as everywhere
from .calling import seen_function
from .memory import address

__all__ = ["Bare", "Table"]

CYCLES = 200_000
"""Calls that take longer are not kept: microseconds do not matter there."""

RELEASE_CYCLES = 10_000
"""The GIL is released for programs that take longer; to take it again may take as long as the others."""

AGAIN = 64
"""When a table is full, one of so many calls that it does not know takes the place of another."""

_NEW_FROM_DESCR = 94
"""Place of ``PyArray_NewFromDescr`` among the functions that NumPy offers to C."""

_ROOM = 36
"""Cells of a block, before shapes and strides; their order is that of `seen_code`."""

OPERANDS = 3
"""Image, kernel and bias; the other arguments follow."""

lock = threading.RLock()
"""Held while plans are remembered or replaced, and what tables know of them; a fork must not find it taken."""

_PLAIN = (str, int, float, bool, type(None), type, np.dtype)
"""Types whose objects never change, so that the same object means the same."""


class Bare(NamedTuple):
    """A program with all that it takes beside image and output, for one thread."""

    entry: Callable[..., int]
    taps: np.ndarray
    bias: np.ndarray
    integers: tuple[int, ...]
    busy: int
    """Address of a cell that is not zero while the workspace is in use."""
    keeps: Any
    """What must live as long as the call is known."""


class Output(NamedTuple):
    """The array that a call makes."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


@cache
def _numpy_new() -> int | None:
    """Address of NumPy's maker of arrays, or None if NumPy is not as expected."""
    numpy_c: Any = sys.modules.get("numpy._core._multiarray_umath") or sys.modules.get("numpy.core._multiarray_umath")
    if numpy_c is None:
        return None
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    offered = (ctypes.c_void_p * (_NEW_FROM_DESCR + 1)).from_address(get(numpy_c._ARRAY_API, None))
    return offered[_NEW_FROM_DESCR] if offered[2] == id(np.ndarray) else None


def _unknown(*_: Any) -> None:
    """What a table that knows no call answers."""


def _is_plain(word: Any) -> bool:
    return isinstance(word, _PLAIN) or (type(word) is tuple and all(map(_is_plain, word)))


class Table:
    """The calls of one function or plan that are known; ``call`` gives the result of such a one, or else None."""

    def __init__(self, room: int = 4) -> None:
        self.call: Callable[..., Any] = _unknown
        self.room, self._misses = room, 0
        self._cells: Any = None
        self._owners: list[Any] = [None] * room

    def misses(self) -> bool:
        """Count a call that was not known; whether it is worth while to make it known."""
        self._misses = count = self._misses + 1
        return 1 < count <= 1 + self.room or not count % AGAIN

    def clear(self) -> None:
        """Know no call any more."""
        with lock:
            if self._cells is not None:
                self._cells[-1 - self.room:] = 0
            self._owners, self._misses = [None] * self.room, 0

    def add(self, bare: Bare, image: Any, view: Any, operands: tuple[Any, Any], words: tuple[Any, ...], output: Output,
            cycles: float) -> None:
        """Know the call with these arguments from now on; the engine sees the image as ``view``.

        The operands are kernel and bias, C-contiguous arrays that nobody else can change, or None.
        """
        if cycles > CYCLES or not all(map(_is_plain, words)):
            return
        with lock:
            if self._cells is None and not self._open():
                return
            block, owner = _block(bare, image, view, operands, words, output, cycles > RELEASE_CYCLES)
            free = [place for place, other in enumerate(self._owners) if other is None]
            place = free[0] if free else self._misses // AGAIN % self.room
            # first the address, in one piece, then what it replaces: a reader that runs has a hold of its own
            self._cells[place - 1 - self.room] = block
            self._owners[place] = owner

    def _open(self) -> bool:
        """Make the builtin function, where there can be one."""
        new = _numpy_new()
        if new is None:
            return False
        cells = np.array([id(None), id(np.ndarray), new, *[0] * (self.room + 1)], np.int64)
        call = seen_function((cells,))
        if call is None:
            return False
        self._cells, self.call = cells, call
        return True


def _block(bare: Bare, image: Any, view: Any, operands: tuple[Any, ...], words: tuple[Any, ...], output: Output,
           releases: bool) -> tuple[int, Any]:
    """The address of a block, and all that it points to."""
    lists = (image.shape, image.strides, tuple(map(id, words)), output.shape, view.strides,
             *(() if operand is None else operand.shape for operand in operands))
    cells = np.zeros(_ROOM + sum(map(len, lists)), np.int64)
    start = address(cells)
    places, place = [], _ROOM
    for each in lists:
        cells[place:place + len(each)] = each
        places.append(start + 8 * place)
        place += len(each)
    shape, strides, names, out_shape, seen_strides, *given = places
    told = [cell for operand, at in zip(operands, given, strict=True) for cell in _told(operand, at)]
    owner = (cells, bare, image.dtype, operands, words, output)
    code = bare.entry.__self__[0]  # type: ignore[attr-defined]
    cells[:_ROOM] = (id(owner), id(image.dtype), image.ndim, shape, strides, OPERANDS + len(words), names,
                     id(output.dtype), len(output.shape), out_shape, seen_strides, bare.busy, releases, code,
                     id(bare.taps), id(bare.bias), len(bare.integers), *bare.integers, *[0] * (7 - len(bare.integers)),
                     *told)
    return start, owner


def _told(operand: Any, shape: int) -> tuple[int, ...]:
    """What a block tells about an operand."""
    if operand is None:
        return (0,) * 6
    return 1, id(operand.dtype), operand.ndim, shape, address(operand), operand.nbytes


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
