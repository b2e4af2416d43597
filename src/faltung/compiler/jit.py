"""From IR to machine code that can be called: compile, keep the object on disk, load it.

llvmlite is imported at the first compilation or load, not with faltung.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

from ..errors import CodegenError
from ..machine import Machine
from . import cache as disk
from .digest import generator_digest

_lock = threading.RLock()
"""Held around every call of llvmlite and every import of a generator: both take locks that a fork must not find
taken."""


@cache
def _llvm() -> Any:
    """Import llvmlite and make this machine's target ready."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


@cache
def _llvm_for_all() -> Any:
    """The same with every target, to compile across."""
    llvm = _llvm()
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    return llvm


@cache
def _target(machine: Machine, level: int = 3) -> Any:
    llvm = _llvm_for_all() if machine.triple else _llvm()
    target = llvm.Target.from_triple(machine.triple) if machine.triple else llvm.Target.from_default_triple()
    cpu, features = (machine.cpu, "") if machine.cpu else _processor()
    reloc = "pic" if machine.triple else "default"
    return target.create_target_machine(cpu=cpu, features=features, opt=level, reloc=reloc)


@cache
def _linker() -> Any:
    llvm = _llvm()
    return llvm.create_lljit_compiler()


@cache
def _processor() -> tuple[str, str]:
    """LLVM's name of this machine's processor, and what it can do."""
    llvm = _llvm()
    return str(llvm.get_host_cpu_name()), str(llvm.get_host_cpu_features().flatten())


@cache
def _host() -> str:
    return f"{' '.join(_processor())} {_llvm().llvm_version_info}"


def cache_key(what: str, machine: Machine) -> str:
    """Key of an object: what it computes, for which processor, by which generator and LLVM."""
    with _lock:
        host = _host()
    parts = (what, machine.isa, machine.cpu, machine.triple, host, generator_digest())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _parse(ir: str) -> Any:
    llvm = _llvm()
    try:
        module = llvm.parse_assembly(ir)
        module.verify()
    except RuntimeError as error:
        raise CodegenError(f"generated code does not verify; this is a bug of faltung's own: {error}") from error
    return module


def compile_object(ir: str, machine: Machine, level: int = 3) -> bytes:
    """Compile IR to a relocatable object for ``machine``; ``level`` is how hard LLVM tries, from 0 to 3."""
    with _lock:
        return bytes(_target(machine, level).emit_object(_parse(ir)))


def assembly(ir: str, machine: Machine) -> str:
    """Print the machine code that the IR becomes."""
    with _lock:
        return str(_target(machine).emit_assembly(_parse(ir)))


class Library:
    """Machine code in memory; it lives as long as this object, and so do its functions."""

    def __init__(self, image: bytes, symbols: tuple[str, ...]) -> None:
        with _lock:
            builder = _llvm().JITLibraryBuilder().add_object_img(image).add_current_process()
            for symbol in symbols:
                builder.export_symbol(symbol)
            try:
                self._tracker = builder.link(_linker(), f"faltung.{Library._next()}")
            except RuntimeError as error:
                raise CodegenError(f"generated code does not link; this is a bug of faltung's own: {error}") from error

    _count = 0

    @classmethod
    def _next(cls) -> int:
        cls._count += 1
        return cls._count

    def address(self, symbol: str) -> int:
        """Address of an exported function."""
        with _lock:
            return int(self._tracker[symbol])

    def __del__(self, lock: Any = _lock) -> None:
        with lock:
            self._tracker = None

    def function(self, symbol: str, result: Any, *arguments: Any, hold_gil: bool = False) -> Any:
        """An exported function as a Python callable; the GIL is released while it runs."""
        prototype = (ctypes.PYFUNCTYPE if hold_gil else ctypes.CFUNCTYPE)(result, *arguments)
        callable_: Any = prototype(self.address(symbol))
        callable_.library = self  # the code must not be freed while someone can call it
        return callable_


def load(what: str, machine: Machine, symbols: tuple[str, ...], build: Callable[[], str], level: int = 3) -> Library:
    """Load the code named ``what`` from the disk's cache, or build, compile (see `compile_object`) and keep it."""
    key = cache_key(what, machine)
    image = disk.read(key)
    if image is not None:
        try:
            return Library(image, symbols)
        except CodegenError:
            disk.forget(key)
    with _lock:  # generators are imported when they are first needed, and a fork must not find a half imported module
        image = compile_object(build(), machine, level)
    disk.write(key, image)
    return Library(image, symbols)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)
