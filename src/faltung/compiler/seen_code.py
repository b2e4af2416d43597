"""The code that knows a call again and runs it; see `seen` for its use.

A *block* describes one call in cells of 8 bytes: how its image, its kernel and its bias must be, which objects must
stand among the other arguments, and what to run.  The *table* begins with what Python and NumPy have to be asked for;
addresses of blocks follow, up to a zero.  All of it is read and written while the GIL is held.
"""

from __future__ import annotations

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

HEAD = object.__basicsize__
"""Size of a Python object's head, which ends with its type."""

ARRAY_DATA, ARRAY_NDIM, ARRAY_SHAPE, ARRAY_STRIDES, ARRAY_DTYPE, ARRAY_FLAGS = (HEAD + 8 * place
                                                                                for place in (0, 1, 2, 3, 5, 6))
"""Where an array keeps these, in its public C struct."""


def _pointer(f: Function, base: Value, offset: Operand) -> Value:
    return f.load("ptr", f.at(base, offset), align=8)


def _cell(f: Function, block: Value, cell: int, kind: str = "ptr") -> Value:
    return f.load(kind, f.at(block, 8 * cell), align=8)


def _equal(f: Function, a: Value, b: Value, count: Operand, differ: str) -> None:
    """Leave for ``differ`` unless so many cells are the same."""
    with f.loop(0, count) as turn:
        one, other = (f.load("i64", f.at(cells, f.mul(turn.index, 8)), align=8) for cells in (a, b))
        f.leave(f.compare("ne", one, other), differ)


def _like(f: Function, array: Value, cells: Value, differ: str) -> Value:
    """Leave for ``differ`` unless an array has the dtype and shape in three cells from the second; its axes."""
    f.leave(f.compare("ne", _pointer(f, array, ARRAY_DTYPE), _cell(f, cells, DTYPE)), differ)
    axes = f.cast("zext", f.load("i32", f.at(array, ARRAY_NDIM), align=8), "i64")
    f.leave(f.compare("ne", axes, _cell(f, cells, NDIM, "i64")), differ)
    _equal(f, _pointer(f, array, ARRAY_SHAPE), _cell(f, cells, SHAPE), axes, differ)
    return axes


def _emit_same(module: Module) -> None:
    """same(table, told, operand): whether an operand is what is told about it, byte by byte."""
    f = module.function("same", "i64", [("ptr", "table"), ("ptr", "told"), ("ptr", "operand")])
    table, told, operand = f.arguments
    found = f.alloca(8)
    f.store(0, found, align=8)
    with f.forever() as differ:
        given = f.compare("ne", _cell(f, told, GIVEN, "i64"), 0)
        with f.unless(given):
            f.leave(f.compare("ne", operand, _cell(f, table, NONE)), differ)
        with f.when(given):
            f.leave(f.compare("ne", _pointer(f, operand, HEAD - 8), _cell(f, table, NDARRAY)), differ)
            _like(f, operand, told, differ)
            in_order = f.bits("and", f.load("i32", f.at(operand, ARRAY_FLAGS), align=8), Value("i32", "1"))
            f.leave(f.compare("eq", in_order, Value("i32", "0")), differ)
            unlike = f.call("memcmp", "i32", _pointer(f, operand, ARRAY_DATA), _cell(f, told, DATA),
                            _cell(f, told, BYTES, "i64"))
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
        f.leave(f.compare("ne", count, _cell(f, block, COUNT, "i64")), differ)
        image, kernel, offset = (_pointer(f, arguments, 8 * place) for place in range(OPERANDS))
        axes = _like(f, image, block, differ)
        _equal(f, _pointer(f, image, ARRAY_STRIDES), _cell(f, block, STRIDES), axes, differ)
        _equal(f, f.at(arguments, 8 * OPERANDS), _cell(f, block, WORDS), f.sub(count, OPERANDS), differ)
        for operand, told in ((offset, OFFSET), (kernel, KERNEL)):
            same = f.call("same", "i64", table, f.at(block, 8 * told), operand, local=True)
            f.leave(f.compare("eq", same, 0), differ)
        f.store(1, found, align=8)
        f.leave(f.compare("eq", 0, 0), differ)
    f.finish(f.load("i64", found, align=8))


def _run_code(f: Function, block: Value, image: Value, out: Value) -> Value:
    """Call the block's program, on one thread."""
    code, taps, bias = (_cell(f, block, cell) for cell in (CODE, TAPS, BIAS))
    numbers = [_cell(f, block, NUMBERS + place, "i64") for place in range(7)]
    result, five = f.alloca(8), f.compare("eq", _cell(f, block, INTEGERS, "i64"), 5)
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
    dtype, owner, busy = (_cell(f, block, cell) for cell in (OUT_DTYPE, OWNER, BUSY))
    f.call("Py_IncRef", "void", dtype)  # the new array takes it
    f.call("Py_IncRef", "void", owner)  # while other threads run, the table may forget the call
    axes = f.cast("trunc", _cell(f, block, OUT_NDIM, "i64"), "i32")
    out = f.call_pointer(_cell(f, table, NEW), "ptr", _cell(f, table, NDARRAY), dtype, axes, _cell(f, block, OUT_SHAPE),
                         null, null, no_number, null)
    f.store(out, made, align=8)
    with f.when(f.compare("ne", out, null)):
        seen = f.alloca(ARRAY_FLAGS)  # the image as the engine sees it: programs read no more than this
        f.store(_pointer(f, image, ARRAY_DATA), f.at(seen, ARRAY_DATA), align=8)
        f.store(_cell(f, block, SEEN_STRIDES), f.at(seen, ARRAY_STRIDES), align=8)
        releases = f.compare("ne", _cell(f, block, RELEASES, "i64"), 0)
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
            none = _cell(f, table, NONE)
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
    table = _pointer(f, f.call("PyTuple_GetItem", "ptr", owner, 0), ARRAY_DATA)
    null, made, place = Value("ptr", "null"), f.alloca(8), f.alloca(8)
    f.store(0, place, align=8)
    with f.forever() as known:
        with f.forever() as unknown:
            f.leave(f.compare("slt", count, OPERANDS), unknown)
            image = _pointer(f, arguments, 0)
            f.leave(f.compare("ne", _pointer(f, image, HEAD - 8), _cell(f, table, NDARRAY)), unknown)
            with f.forever() as _:
                number = f.load("i64", place, align=8)
                block = _pointer(f, table, f.add(f.mul(number, 8), 8 * BLOCKS))
                f.leave(f.compare("eq", block, null), unknown)
                f.store(f.add(number, 1), place, align=8)
                matches = f.call("matches", "i64", table, block, arguments, count, local=True)
                with f.when(f.compare("ne", matches, 0)):
                    f.leave(f.compare("ne", f.load("i64", _cell(f, block, BUSY), align=8), 0), unknown)
                    f.store(f.call("compute", "ptr", table, block, image, local=True), made, align=8)
                    f.leave(f.compare("eq", 0, 0), known)
            f.leave(f.compare("eq", 0, 0), unknown)
        none = _cell(f, table, NONE)
        f.call("Py_IncRef", "void", none)
        f.store(none, made, align=8)
        f.leave(f.compare("eq", 0, 0), known)
    f.finish(f.load("ptr", made, align=8))
    return module.text()
