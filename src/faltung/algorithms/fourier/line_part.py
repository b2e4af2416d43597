"""Tiles as lines: the loaded program of one phase, and how it is called."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from ...compiler import jit
from ...compiler.calling import items_function
from ...compiler.memory import NO_BIAS, Workspace, address, aligned
from ...compiler.results import reused
from ...compiler.threads import run_items
from ...lazy import cached_property
from ...machine import Machine
from ...problem.promotion import sums_integers
from ..phases import Phase
from .line import Line
from .line_program import slot_bytes
from .line_tile import FLAG
from .parts import Part


class LinePart(Part):
    """One phase whose tiles are gathered, transformed and stored by generated code, on several threads."""

    def __init__(self, phase: Phase, machine: Machine, threads: int, digits: int = 0) -> None:
        super().__init__(phase, machine, digits)
        p = self.problem
        real = {"complex64": "float32", "complex128": "float64"}.get(self.recipe.dtype, self.recipe.dtype)
        length = self.recipe.samples // (1 if self.is_complex else 2)
        self.line = Line(length, real, machine, is_real=not self.is_complex)
        self.tiles = prod(p.batch) * p.groups * self.tiling.count
        self.participants = min(threads, self.tiles)
        self.workspace = Workspace(slot_bytes(self.line, p) * self.participants)
        self.roots = [self.line.roots(axis) for axis in (0, 1)]
        self.turns = _turns(self.line)
        self.edges = [edge for axis in range(p.ndim) for edge in self.tiling.edges(axis)]

    @cached_property
    def _functions(self) -> tuple[Any, Any]:
        what = f"fourier {self.problem!r} {self.recipe!r} {self.line!r} {self.digits}"
        library = jit.load(what, self.machine, ("entry", "spectrum"), self.emit)
        return items_function(library), library.function("spectrum", None, *[ctypes.c_void_p] * 7)

    def emit(self) -> str:
        """Write the program; the generator is imported only where no object is found on the disk."""
        from .line_program import emit_program

        return emit_program(self.line, self.problem, self.tiling, whole=sums_integers(self.problem), digits=self.digits)

    def spectra(self, kernel: np.ndarray, *, once: bool = False) -> Any:
        """The spectrum of every kernel, (groups, channels out, channels in, bytes); ``once``: for one call."""
        apart, line = self.apart(kernel), self.line
        taps = reused((2, line.length), line.dtype)
        # as far apart as in a tile
        inside = tuple(map(slice, apart.shape[3:]))
        samples = prod(self.tiling.fetched)
        parts = taps if self.is_complex else taps.reshape(1, -1)
        parts[:, apart.shape[3] if self.problem.ndim == 1 else 0:] = 0
        places = [part[:samples].reshape(self.tiling.fetched)[inside] for part in parts]
        found = (reused if once else aligned)((*apart.shape[:3], line.spectrum_bytes), np.uint8)
        strip = reused((line.strip_bytes,), np.uint8)
        addresses = list(map(address, (strip, *self.roots, self.turns)))
        for place in np.ndindex(apart.shape[:3]):
            places[0][...] = apart[place].real
            if self.is_complex:
                places[1][...] = apart[place].imag
            self._functions[1](address(taps[0]), address(taps[1]), address(found[place]), *addresses)
        return found

    def run(self, image: Any, spectra: Any, bias: Any, places: Any, threads: int) -> tuple[bool, Any]:
        """Fill ``places``; whether an integer overflowed, and which tiles have to be summed directly."""
        status = np.zeros(self.tiles, np.int64)
        buffer = self.workspace.borrow()
        context = np.array([
            address(image), address(places), address(spectra), address(NO_BIAS if bias is None else bias),
            *map(address, (*self.roots, self.turns)), buffer[0], address(status), 0,
            *image.strides, *places.strides, *map(address, self.edges)], np.int64)
        try:
            run_items(self._functions[0], address(context), self.tiles, min(threads, self.participants))
        finally:
            self.workspace.give_back(buffer)
        return bool(context[FLAG]), status


@lru_cache(maxsize=16)
def _turns(line: Line) -> np.ndarray:
    return line.turns
