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

_lock = threading.Lock()


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
def _target(machine: Machine) -> Any:
    llvm = _llvm_for_all() if machine.triple else _llvm()
    target = llvm.Target.from_triple(machine.triple) if machine.triple else llvm.Target.from_default_triple()
    cpu = machine.cpu or llvm.get_host_cpu_name()
    features = "" if machine.cpu else llvm.get_host_cpu_features().flatten()
    reloc = "pic" if machine.triple else "default"
    return target.create_target_machine(cpu=cpu, features=features, opt=3, reloc=reloc)


@cache
def _linker() -> Any:
    llvm = _llvm()
    return llvm.create_lljit_compiler()


@cache
def generator_digest() -> str:
    """Digest of the code that generates code: objects of another version are never used.

    Sizes and times of the files stand for their content; reading them would take longer than loading an object.
    """
    root = os.path.dirname(os.path.dirname(__file__))
    facts = []
    for folder in ("compiler", "problem", "algorithms", os.path.join("algorithms", "direct")):
        with os.scandir(os.path.join(root, folder)) as entries:
            facts += [(folder, entry.name, entry.stat().st_size, entry.stat().st_mtime_ns)
                      for entry in entries if entry.name.endswith(".py")]
    return hashlib.sha256(repr(sorted(facts)).encode()).hexdigest()


def cache_key(what: str, machine: Machine) -> str:
    """Key of an object: what it computes, for which processor, by which generator and LLVM."""
    llvm = _llvm()
    cpu = machine.cpu or f"{llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}"
    parts = (what, machine.isa, cpu, machine.triple, generator_digest(), str(llvm.llvm_version_info))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _parse(ir: str) -> Any:
    llvm = _llvm()
    try:
        module = llvm.parse_assembly(ir)
        module.verify()
    except RuntimeError as error:
        raise CodegenError(f"generated code does not verify; this is a bug of faltung's own: {error}") from error
    return module


def compile_object(ir: str, machine: Machine) -> bytes:
    """Compile IR to a relocatable object for ``machine``."""
    target = _target(machine)
    with _lock:
        return bytes(target.emit_object(_parse(ir)))


def assembly(ir: str, machine: Machine) -> str:
    """Print the machine code that the IR becomes."""
    target = _target(machine)
    with _lock:
        return str(target.emit_assembly(_parse(ir)))


class Library:
    """Machine code in memory; it lives as long as this object, and so do its functions."""

    def __init__(self, image: bytes, symbols: tuple[str, ...]) -> None:
        llvm = _llvm()
        with _lock:
            builder = llvm.JITLibraryBuilder().add_object_img(image).add_current_process()
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
        return int(self._tracker[symbol])

    def function(self, symbol: str, result: Any, *arguments: Any, hold_gil: bool = False) -> Any:
        """An exported function as a Python callable; the GIL is released while it runs."""
        prototype = (ctypes.PYFUNCTYPE if hold_gil else ctypes.CFUNCTYPE)(result, *arguments)
        callable_ = prototype(self.address(symbol))
        callable_.library = self  # the code must not be freed while someone can call it
        return callable_


def load(what: str, machine: Machine, symbols: tuple[str, ...], build: Callable[[], str]) -> Library:
    """Load the code named ``what`` from the disk's cache, or build, compile and keep it."""
    key = cache_key(what, machine)
    image = disk.read(key)
    if image is not None:
        try:
            return Library(image, symbols)
        except CodegenError:
            disk.forget(key)
    image = compile_object(build(), machine)
    disk.write(key, image)
    return Library(image, symbols)
