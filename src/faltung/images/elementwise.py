"""What is done to each sample by itself, in generated code: one pass instead of one for every operation.

NumPy would write each intermediate result to memory and read it again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..compiler import jit
from ..compiler.calling import items_function
from ..compiler.casts import narrow, widen
from ..compiler.cells import WORK, Cells
from ..compiler.elements import ELEMENTS, Element, element_on
from ..compiler.emit import Function, Module, Operand, Value, vector
from ..compiler.entry import emit_entry
from ..compiler.memory import address
from ..compiler.results import fresh
from ..compiler.threads import get_threads, run_items
from ..machine import detect

Pixels = npt.NDArray[Any]
Formula = Callable[[Function, list[Value], list[Value]], Value]
"""The result of the operands' vectors and of the numbers, in the dtype in which it is worked out."""

SHARE = 1 << 16
"""Samples of a work item."""
NUMBERS = 8
"""Cell of the context at which the numbers begin."""


def lengths(vectors: Pixels, threads: int | None = None) -> Pixels:
    """Length of the vectors along the first axis: ``sqrt(sum of vectors[a]**2)``."""
    made = fresh(vectors.shape[1:], vectors.dtype, threads or get_threads())
    return _apply("length", _length, list(vectors), made, vectors.dtype, threads)


def unsharp(image: Pixels, soft: Pixels, amount: float, out: Pixels, threads: int | None = None) -> Pixels:
    """``out = cast(image + amount (image - soft))``, rounded half to even and saturated."""
    return _apply("unsharp", _unsharp, [image, soft], out, soft.dtype, threads, amount)


def _length(f: Function, operands: list[Value], _: list[Value]) -> Value:
    total = f.value(f.mul(operands[0], operands[0]))
    for one in operands[1:]:
        total = f.value(f.add(total, f.mul(one, one)))
    return f.intrinsic("sqrt", total)


def _unsharp(f: Function, operands: list[Value], numbers: list[Value]) -> Value:
    image, soft = operands
    return f.value(f.add(image, f.mul(numbers[0], f.sub(image, soft))))


def _apply(name: str, formula: Formula, operands: list[Pixels], out: Pixels, working: np.dtype[Any],
           threads: int | None, *numbers: float) -> Pixels:
    operands = [np.ascontiguousarray(one) for one in operands]
    dtypes = tuple(one.dtype for one in (*operands, out))
    entry = _entry(name, formula, dtypes, working, len(numbers))
    context = np.zeros(NUMBERS + len(numbers), np.int64)
    context[:len(operands) + 2] = [*map(address, (*operands, out)), out.size]
    context[NUMBERS:].view(np.float64)[...] = numbers
    items = -(-out.size // SHARE)
    if items:
        run_items(entry, address(context), items, min(threads or get_threads(), items))
    return out


@cache
def _entry(name: str, formula: Formula, dtypes: tuple[np.dtype[Any], ...], working: np.dtype[Any], numbers: int) -> Any:
    machine = detect()
    elements = [element_on(dtype.name, machine.isa) for dtype in dtypes]
    ir = _emit(formula, elements, ELEMENTS[working.name], numbers, machine.vector_bytes)
    # the text itself is the name, so that an object never outlives what it was made from
    return items_function(jit.load(f"{name} {ir}", machine, ("entry",), lambda: ir))


def _emit(formula: Formula, elements: list[Element], working: Element, numbers: int, vector_bytes: int) -> str:
    """Write ``work(context, item, slot)``: whole vectors, and what is left sample by sample."""
    module = Module()
    f = module.function("work", "void", WORK)
    context, item, _ = f.arguments
    cells = Cells(f, context)
    pointers = [cells.pointer(cell) for cell in range(len(elements))]
    count = cells.cell(len(elements))
    constants = [cells.double(NUMBERS + number) for number in range(numbers)]
    if working.size == 4:
        constants = [f.cast("fptrunc", number, "float") for number in constants]
    first = f.mul(item, SHARE)
    last = f.smaller(f.add(first, SHARE), count)
    lanes = vector_bytes // working.size
    whole = f.sub(last, f.rem(f.sub(last, first), lanes))
    for begin, end, step in ((first, whole, lanes), (whole, last, 1)):
        with f.loop(begin, end, step) as loop:
            _step(f, formula, elements, working, pointers, constants, loop.index, step)
    f.finish()
    emit_entry(module)
    return module.text()


def _step(f: Function, formula: Formula, elements: list[Element], working: Element, pointers: list[Value],
          constants: list[Value], index: Operand, lanes: int) -> None:
    places = [f.at(pointer, f.mul(index, element.size)) for pointer, element in zip(pointers, elements, strict=True)]
    operands = [widen(f, f.load(vector(element.ir, lanes), place), element, working)
                for place, element in zip(places[:-1], elements[:-1], strict=True)]
    value = formula(f, operands, [f.splat(number, lanes) for number in constants])
    target = elements[-1]
    stored, _ = narrow(f, value, working, target, "saturate")
    f.store(stored, places[-1])
