"""Machine code as a builtin function of Python: a call costs a tenth of what `ctypes` takes.

CPython calls builtin functions as ``f(self, arguments, count)``, with an array of objects.  That convention
(``METH_FASTCALL``) is part of its stable interface.  So one small function for each number of arguments takes these as
they come, calls the code whose address is in ``self``, and makes its result an integer.  The GIL is released meanwhile.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from ..errors import CodegenError
from ..machine import Machine, detect
from .emit import Module, Value
from .seen_code import emit_seen

if TYPE_CHECKING:
    from .jit import Library

SIGNATURES = ((4, 5), (4, 7))
"""Numbers of array objects, and of integers after them, that programs take."""

SEEN = "seen"
"""The function that `seen` makes use of."""

_FASTCALL = 0x80


class _Method(ctypes.Structure):
    """``PyMethodDef``."""

    _fields_ = (("name", ctypes.c_char_p), ("code", ctypes.c_void_p), ("flags", ctypes.c_int), ("doc", ctypes.c_char_p))


def _name(objects: int, integers: int) -> str:
    return f"call_{objects}_{integers}"


def emit_callers() -> str:
    """Write a caller for every signature, and one for calls that were seen."""
    module = Module()
    for objects, integers in SIGNATURES:
        _emit_caller(module, objects, integers)
    emit_seen(module, SEEN)
    return module.text()


def _emit_caller(module: Module, objects: int, integers: int) -> None:
    """Write ``call(owner, arguments, count)``; an argument of another type raises, and NULL says so."""
    f = module.function(_name(objects, integers), "ptr", [("ptr", "owner"), ("ptr", "arguments"), ("i64", "count")],
                        internal=False)
    owner, arguments, count = f.arguments
    null, made = Value("ptr", "null"), f.alloca(8)
    f.store(null, made, align=8)
    as_many = f.compare("eq", count, objects + integers)
    with f.unless(as_many):
        f.call("PyErr_BadArgument", "i32")
    with f.when(as_many):
        given = [f.load("ptr", f.at(arguments, 8 * place), align=8) for place in range(objects + integers)]
        passed = [*given[:objects], *(f.call("PyLong_AsLongLong", "i64", one) for one in given[objects:])]
        with f.when(f.compare("eq", f.call("PyErr_Occurred", "ptr"), null)):
            code = f.call("PyLong_AsVoidPtr", "ptr", f.call("PyTuple_GetItem", "ptr", owner, 0))
            state = f.call("PyEval_SaveThread", "ptr")
            result = f.call_pointer(code, "i64", *passed)
            f.call("PyEval_RestoreThread", "void", state)
            f.store(f.call("PyLong_FromLongLong", "ptr", result), made, align=8)
    f.finish(f.load("ptr", made, align=8))


@cache
def _callers(machine: Machine) -> Library | None:
    """The callers' code, or None where Python is another than CPython or keeps its functions to itself."""
    from . import jit

    if sys.implementation.name != "cpython":
        return None
    try:
        return jit.load("callers", machine, (*(_name(*each) for each in SIGNATURES), SEEN), emit_callers)
    except CodegenError:
        return None


@cache
def _new_function() -> Any:
    """Python's own maker of builtin functions."""
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype, make.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)
    return make


def python_function(library: Library, symbol: str, objects: int, integers: int) -> Callable[..., int]:
    """A function of a library that takes so many array objects, then integers or addresses, and returns an integer."""
    callers = _callers(detect())
    if callers is None:
        found: Callable[..., int] = library.function(
            symbol, ctypes.c_int64, *[ctypes.py_object] * objects, *[ctypes.c_int64] * integers)
        return found
    # all that the function needs lives as long as it does
    made: Callable[..., int] = _builtin(callers, _name(objects, integers), (library.address(symbol), library))
    return made


def seen_function(owner: tuple[Any, ...]) -> Callable[..., Any] | None:
    """The builtin function that knows the calls in a table, the first of the owner's objects; None without a GIL."""
    callers = _callers(detect()) if getattr(sys, "_is_gil_enabled", bool)() or sys.version_info < (3, 13) else None
    return None if callers is None else _builtin(callers, SEEN, owner)


def _builtin(callers: Library, symbol: str, owner: tuple[Any, ...]) -> Callable[..., Any]:
    method = _Method(symbol.encode(), callers.address(symbol), _FASTCALL, None)
    made: Callable[..., Any] = _new_function()(ctypes.addressof(method), (*owner, callers, method), None)
    return made
