"""Machine code as a builtin function of Python: a call costs a tenth of what `ctypes` takes.

CPython calls builtin functions as ``f(self, arguments, count)``, with an array of objects.  That convention
(``METH_FASTCALL``) is part of its stable interface.  So one small function for each number of arguments takes these as
they come, calls the code whose address is in ``self``, and makes its result an integer.  The GIL is released meanwhile.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from ..errors import CodegenError
from ..machine import detect
from .memory import HAS_GIL, IS_CPYTHON

if TYPE_CHECKING:
    from .jit import Library

SEEN = "seen"
"""The function that `seen` makes use of."""

_FASTCALL = 0x80


class _Method(ctypes.Structure):
    """``PyMethodDef``."""

    _fields_ = (("name", ctypes.c_char_p), ("code", ctypes.c_void_p), ("flags", ctypes.c_int), ("doc", ctypes.c_char_p))


def _name(objects: int, integers: int) -> str:
    return f"call_{objects}_{integers}"


def _emit(symbol: str, signature: tuple[int, int] | None) -> str:
    """Write the code; the generator is imported only where no object is found on the disk."""
    if signature is None:
        from .seen_code import emit_seen

        return emit_seen(symbol)
    from .callers import emit_caller

    return emit_caller(symbol, *signature)


@cache
def _library(symbol: str, signature: tuple[int, int] | None = None) -> Library | None:
    """The code of one function, or None where Python is another than CPython or keeps its functions to itself.

    Each is compiled when it is first needed: all together take as long as a program.
    """
    from . import jit

    if not IS_CPYTHON:
        return None
    try:
        # a caller hands on what it is given, whether it is optimised or not; what knows calls again compares many bytes
        return jit.load(symbol, detect(), (symbol,), lambda: _emit(symbol, signature), 3 if signature is None else 0)
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
    name = _name(objects, integers)
    caller = _library(name, (objects, integers))
    if caller is None:
        found: Callable[..., int] = library.function(
            symbol, ctypes.c_int64, *[ctypes.py_object] * objects, *[ctypes.c_int64] * integers)
        return found
    # all that the function needs lives as long as it does
    made: Callable[..., int] = _builtin(caller, name, (library.address(symbol), library))
    return made


def items_function(library: Library, symbol: str = "entry") -> Callable[..., int]:
    """A program that works through items, for `threads.run_items`; see `entry`."""
    return python_function(library, symbol, 0, 5)


def seen_function(owner: tuple[Any, ...]) -> Callable[..., Any] | None:
    """The builtin function that knows the calls in a table, the first of the owner's objects; None without a GIL."""
    code = _library(SEEN) if HAS_GIL else None
    return None if code is None else _builtin(code, SEEN, owner)


def _builtin(code: Library, symbol: str, owner: tuple[Any, ...]) -> Callable[..., Any]:
    method = _Method(symbol.encode(), code.address(symbol), _FASTCALL, None)
    made: Callable[..., Any] = _new_function()(ctypes.addressof(method), (*owner, code, method), None)
    return made
