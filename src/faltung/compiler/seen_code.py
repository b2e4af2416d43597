"""The code that knows a call again and runs it; see `seen` for its use.

A *block* describes one call in cells of 8 bytes: how its image, its kernel and its bias must be, which objects must
stand among the other arguments, and what to run.  The *table* begins with what Python and NumPy have to be asked for;
addresses of blocks follow, up to a zero.  All of it is read and written while the GIL is held.
"""

from __future__ import annotations

from .cells import ARRAY_DATA, ARRAY_DTYPE, ARRAY_FLAGS, ARRAY_NDIM, ARRAY_SHAPE, ARRAY_STRIDES, HEAD, Cells, data
from .emit import Function, Module, Operand, Value

NONE, NDARRAY, NEW, BLOCKS = range(4)
"""Cells of the table: None, the type of arrays, NumPy's ``PyArray_NewFromDescr``, the first block."""

(OWNER, DTYPE, NDIM, SHAPE, STRIDES, COUNT, WORDS, OUT_DTYPE, OUT_NDIM, OUT_SHAPE, SEEN_STRIDES, BUSY, RELEASES, CODE,
 TAPS, BIAS, INTEGERS, NUMBERS) = range(18)
"""Cells of a block; the last one is the first of seven.  What is told about kernel and offset follows."""

KERNEL, OFFSET = NUMBERS + 7, NUMBERS + 13
GIVEN, DATA, BYTES = 0, 4, 5
"""Cells of what is told about an operand: whether there is one, then dtype, axes and shape, its memory and bytes."""

OPERANDS = 3
"""Image, kernel and bias; the other arguments follow."""


def _equal(f: Function, a: Value, b: Value, count: Operand, differ: str) -> None:
    """Leave for ``differ`` unless so many cells are the same."""
    with f.loop(0, count) as turn:
        one, other = (f.load("i64", f.at(cells, f.mul(turn.index, 8)), align=8) for cells in (a, b))
        f.leave(f.compare("ne", one, other), differ)


def _like(f: Function, array: Value, cells: Value, differ: str) -> Value:
    """Leave for ``differ`` unless an array has the dtype and shape in three cells from the second; its axes."""
    f.leave(f.compare("ne", Cells(f, array).pointer(ARRAY_DTYPE), Cells(f, cells).pointer(DTYPE)), differ)
    axes = f.cast("zext", f.load("i32", f.at(array, 8 * ARRAY_NDIM), align=8), "i64")
    f.leave(f.compare("ne", axes, Cells(f, cells).cell(NDIM)), differ)
    _equal(f, Cells(f, array).pointer(ARRAY_SHAPE), Cells(f, cells).pointer(SHAPE), axes, differ)
    return axes


def _emit_same(module: Module) -> None:
    """same(table, told, operand): whether an operand is what is told about it, byte by byte."""
    f = module.function("same", "i64", [("ptr", "table"), ("ptr", "told"), ("ptr", "operand")])
    table, told, operand = f.arguments
    found = f.alloca(8)
    f.store(0, found, align=8)
    with f.forever() as differ:
        given = f.compare("ne", Cells(f, told).cell(GIVEN), 0)
        with f.unless(given):
            f.leave(f.compare("ne", operand, Cells(f, table).pointer(NONE)), differ)
        with f.when(given):
            f.leave(f.compare("ne", Cells(f, operand).pointer(HEAD - 1), Cells(f, table).pointer(NDARRAY)), differ)
            _like(f, operand, told, differ)
            in_order = f.bits("and", f.load("i32", f.at(operand, 8 * ARRAY_FLAGS), align=8), Value("i32", "1"))
            f.leave(f.compare("eq", in_order, Value("i32", "0")), differ)
            unlike = f.call("memcmp", "i32", data(f, operand), Cells(f, told).pointer(DATA), Cells(f, told).cell(BYTES))
            f.leave(f.compare("ne", unlike, Value("i32", "0")), differ)
        f.store(1, found, align=8)
        f.leave(f.compare("eq", 0, 0), differ)
    f.finish(f.load("i64", found, align=8))


def _emit_matches(module: Module) -> None:
    """matches(table, block, arguments, count): whether this is the block's call; the image is known as an array."""
    f = module.function("matches", "i64", [("ptr", "table"), ("ptr", "block"), ("ptr", "arguments"), ("i64", "count")])
    table, block, arguments, count = f.arguments
    found = f.alloca(8)
    f.store(0, found, align=8)
    with f.forever() as differ:
        f.leave(f.compare("ne", count, Cells(f, block).cell(COUNT)), differ)
        image, kernel, offset = (Cells(f, arguments).pointer(place) for place in range(OPERANDS))
        axes = _like(f, image, block, differ)
        _equal(f, Cells(f, image).pointer(ARRAY_STRIDES), Cells(f, block).pointer(STRIDES), axes, differ)
        _equal(f, f.at(arguments, 8 * OPERANDS), Cells(f, block).pointer(WORDS), f.sub(count, OPERANDS), differ)
        for operand, told in ((offset, OFFSET), (kernel, KERNEL)):
            same = f.call("same", "i64", table, f.at(block, 8 * told), operand, local=True)
            f.leave(f.compare("eq", same, 0), differ)
        f.store(1, found, align=8)
        f.leave(f.compare("eq", 0, 0), differ)
    f.finish(f.load("i64", found, align=8))


def _run_code(f: Function, block: Value, image: Value, out: Value) -> Value:
    """Call the block's program, on one thread."""
    code, taps, bias = (Cells(f, block).pointer(cell) for cell in (CODE, TAPS, BIAS))
    numbers = [Cells(f, block).cell(NUMBERS + place) for place in range(7)]
    result, five = f.alloca(8), f.compare("eq", Cells(f, block).cell(INTEGERS), 5)
    with f.when(five):
        f.store(f.call_pointer(code, "i64", image, out, taps, bias, *numbers[:5]), result, align=8)
    with f.unless(five):
        f.store(f.call_pointer(code, "i64", image, out, taps, bias, *numbers), result, align=8)
    return f.load("i64", result, align=8)


def _emit_compute(module: Module) -> None:
    """compute(table, block, image): the result, or None if the program has something to tell, NULL for an error."""
    f = module.function("compute", "ptr", [("ptr", "table"), ("ptr", "block"), ("ptr", "image")])
    table, block, image = f.arguments
    null, no_number, made, flags = Value("ptr", "null"), Value("i32", "0"), f.alloca(8), f.alloca(8)
    dtype, owner, busy = (Cells(f, block).pointer(cell) for cell in (OUT_DTYPE, OWNER, BUSY))
    f.call("Py_IncRef", "void", dtype)  # the new array takes it
    f.call("Py_IncRef", "void", owner)  # while other threads run, the table may forget the call
    axes = f.cast("trunc", Cells(f, block).cell(OUT_NDIM), "i32")
    out = f.call_pointer(Cells(f, table).pointer(NEW), "ptr", Cells(f, table).pointer(NDARRAY), dtype, axes,
                         Cells(f, block).pointer(OUT_SHAPE), null, null, no_number, null)
    f.store(out, made, align=8)
    with f.when(f.compare("ne", out, null)):
        seen = f.alloca(8 * ARRAY_FLAGS)  # the image as the engine sees it: programs read no more than this
        f.store(data(f, image), f.at(seen, 8 * ARRAY_DATA), align=8)
        f.store(Cells(f, block).pointer(SEEN_STRIDES), f.at(seen, 8 * ARRAY_STRIDES), align=8)
        releases = f.compare("ne", Cells(f, block).cell(RELEASES), 0)
        f.store(1, busy, align=8)
        with f.when(releases):
            state = f.call("PyEval_SaveThread", "ptr")
            f.store(_run_code(f, block, seen, out), flags, align=8)
            f.call("PyEval_RestoreThread", "void", state)
        with f.unless(releases):
            f.store(_run_code(f, block, seen, out), flags, align=8)
        f.store(0, busy, align=8)
        with f.when(f.compare("ne", f.load("i64", flags, align=8), 0)):
            f.call("Py_DecRef", "void", out)
            none = Cells(f, table).pointer(NONE)
            f.call("Py_IncRef", "void", none)
            f.store(none, made, align=8)
    f.call("Py_DecRef", "void", owner)
    f.finish(f.load("ptr", made, align=8))


def emit_seen(name: str) -> str:
    """Write the builtin function ``name(image, kernel, bias, *words)``: the result of a known call, or else None."""
    module = Module()
    _emit_same(module)
    _emit_matches(module)
    _emit_compute(module)
    f = module.function(name, "ptr", [("ptr", "owner"), ("ptr", "arguments"), ("i64", "count")], internal=False)
    owner, arguments, count = f.arguments
    table = data(f, f.call("PyTuple_GetItem", "ptr", owner, 0))
    null, made, place = Value("ptr", "null"), f.alloca(8), f.alloca(8)
    f.store(0, place, align=8)
    with f.forever() as known:
        with f.forever() as unknown:
            f.leave(f.compare("slt", count, OPERANDS), unknown)
            image = Cells(f, arguments).pointer(0)
            f.leave(f.compare("ne", Cells(f, image).pointer(HEAD - 1), Cells(f, table).pointer(NDARRAY)), unknown)
            with f.forever() as _:
                number = f.load("i64", place, align=8)
                block = f.load("ptr", f.at(table, f.add(f.mul(number, 8), 8 * BLOCKS)), align=8)
                f.leave(f.compare("eq", block, null), unknown)
                f.store(f.add(number, 1), place, align=8)
                matches = f.call("matches", "i64", table, block, arguments, count, local=True)
                with f.when(f.compare("ne", matches, 0)):
                    f.leave(f.compare("ne", f.load("i64", Cells(f, block).pointer(BUSY), align=8), 0), unknown)
                    f.store(f.call("compute", "ptr", table, block, image, local=True), made, align=8)
                    f.leave(f.compare("eq", 0, 0), known)
            f.leave(f.compare("eq", 0, 0), unknown)
        none = Cells(f, table).pointer(NONE)
        f.call("Py_IncRef", "void", none)
        f.store(none, made, align=8)
        f.leave(f.compare("eq", 0, 0), known)
    f.finish(f.load("ptr", made, align=8))
    return module.text()
