"""Cells: what programs are told is what they read, and they are entered for every item."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from faltung.compiler import jit
from faltung.compiler.cells import ARRAY_DTYPE, ARRAY_NDIM, HEAD, Cells, data
from faltung.compiler.emit import Function, Module
from faltung.compiler.entry import share_items, split
from faltung.compiler.memory import HAS_GIL, address
from faltung.machine import detect


class Writer(Cells):
    """One that begins its function later, as those of programs do."""

    def __init__(self) -> None:
        """Nothing is begun."""


def built(write: Callable[[Function], None], *arguments: Any) -> Callable[..., int]:
    """A function of such arguments that returns an integer, compiled and loaded."""
    module = Module()
    kinds = ["i64" if one is ctypes.c_int64 else "ptr" for one in arguments]
    write(module.function("f", "i64", [(kind, f"a{at}") for at, kind in enumerate(kinds)], internal=False))
    library = jit.Library(jit.compile_object(module.text(), detect()), ("f",))
    return library.function("f", ctypes.c_int64, *arguments, hold_gil=True)


def test_numbers_and_addresses_are_read_and_written() -> None:
    def write(f: Function) -> None:
        cells = Cells(f, f.arguments[0])
        twice = f.value(f.add(cells.double(1), cells.double(1)))
        f.store(twice, cells.pointer(2), align=8)
        cells.fill([(3, cells.cell(f.arguments[1])), (4, -7)])
        f.finish(cells.cell(0))

    target, told = np.zeros(1), np.array([5, 0, 0, 0, 0], np.int64)
    told[1:2].view(np.float64)[0] = 1.25
    told[2] = address(target)
    assert built(write, ctypes.c_void_p, ctypes.c_int64)(address(told), 0) == 5
    assert (target[0], told[3], told[4]) == (2.5, 5, -7)


@pytest.mark.skipif(not HAS_GIL, reason="objects have another head")
def test_an_array_object_tells_where_it_lies() -> None:
    def write(f: Function) -> None:
        array, out = f.arguments
        cells = Cells(f, out)
        cells.fill(enumerate((data(f, array), data(f, array, ARRAY_DTYPE), data(f, array, HEAD - 1))))
        cells.fill_strides(3, array, (2, None, 0))
        f.finish(f.cast("zext", f.load("i32", f.at(array, 8 * ARRAY_NDIM), align=8), "i64"))

    array, out = np.zeros((2, 3, 4), np.float32)[:, :, ::2], np.full(6, 99, np.int64)
    assert built(write, ctypes.py_object, ctypes.c_void_p)(array, address(out)) == 3
    assert out.tolist() == [address(array), id(array.dtype), id(np.ndarray), 8, 0, 48]


@pytest.mark.parametrize(("only", "wanted"), [(None, range(6)), (-1, range(6)), (4, [4])])
def test_every_item_or_the_only_one_is_worked(only: int | None, wanted: Any) -> None:
    module = Module()
    writer = Writer()
    f = writer.begin_work(module)
    row, rest = split(f, writer.item, 2)
    f.store(f.add(f.mul(f.value(rest), 10), row), f.at(writer.context, f.mul(writer.item, 8)), align=8)
    f.finish()
    f = module.function("f", "i64", [("ptr", "context"), ("i64", "only")], internal=False)
    context, asked = f.arguments
    share_items(f, "work", context, 6, (context, context, f.value(1)), None if only is None else asked)
    f.finish(0)
    library = jit.Library(jit.compile_object(module.text(), detect()), ("f",))
    out = np.full(6, 99, np.int64)
    library.function("f", ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64)(address(out), only or 0)
    assert out.tolist() == [item // 2 * 10 + item % 2 if item in wanted else 99 for item in range(6)]
