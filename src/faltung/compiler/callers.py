"""The code of builtin functions that enter programs; see `calling` for its use."""

from __future__ import annotations

from .cells import Cells
from .emit import Module, Value


def emit_caller(name: str, objects: int, integers: int) -> str:
    """Write ``name(owner, arguments, count)``; an argument of another type raises, and NULL says so."""
    module = Module()
    f = module.function(name, "ptr", [("ptr", "owner"), ("ptr", "arguments"), ("i64", "count")], internal=False)
    owner, arguments, count = f.arguments
    null, made = Value("ptr", "null"), f.alloca(8)
    f.store(null, made, align=8)
    as_many = f.compare("eq", count, objects + integers)
    with f.unless(as_many):
        f.call("PyErr_BadArgument", "i32")
    with f.when(as_many):
        given = [Cells(f, arguments).pointer(place) for place in range(objects + integers)]
        passed = [*given[:objects], *(f.call("PyLong_AsLongLong", "i64", one) for one in given[objects:])]
        with f.when(f.compare("eq", f.call("PyErr_Occurred", "ptr"), null)):
            code = f.call("PyLong_AsVoidPtr", "ptr", f.call("PyTuple_GetItem", "ptr", owner, 0))
            state = f.call("PyEval_SaveThread", "ptr")
            result = f.call_pointer(code, "i64", *passed)
            f.call("PyEval_RestoreThread", "void", state)
            f.store(f.call("PyLong_FromLongLong", "ptr", result), made, align=8)
    f.finish(f.load("ptr", made, align=8))
    return module.text()
