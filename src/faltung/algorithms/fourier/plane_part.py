"""Real tiles with two axes: the loaded program of one phase, and how it is called."""

from __future__ import annotations

import ctypes
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
from .columns import twiddles
from .parts import Part
from .plane import Plane
from .plane_program import FLAG, slot_bytes, whole_pairs


class PlanePart(Part):
    """One phase whose tiles are gathered, transformed and stored by generated code, on several threads."""

    def __init__(self, phase: Phase, machine: Machine, threads: int, digits: int = 0) -> None:
        super().__init__(phase, machine, digits)
        p = self.problem
        self.plane = Plane((self.recipe.lengths[0], self.recipe.lengths[1]), self.recipe.dtype, machine)
        self.items = prod(p.batch) * p.groups * self.tiling.count
        self.participants = min(threads, self.items)
        self.workspace = Workspace(slot_bytes(self.plane, p) * self.participants)
        self.roots = [twiddles(self.plane.splits(axis), self.recipe.dtype) for axis in (0, 1)]
        self.negatives = self.plane.across * self.plane.row_bytes
        self.tables = [np.ascontiguousarray(table, np.int64) for table in self.tiling.indices]

    @cached_property
    def _functions(self) -> tuple[Any, Any]:
        library = jit.load(f"fourier {self.problem!r} {self.plane!r}", self.machine, ("entry", "spectrum"), self.emit)
        return items_function(library), library.function("spectrum", None, *[ctypes.c_void_p] * 5)

    def emit(self) -> str:
        """Write the program; the generator is imported only where no object is found on the disk."""
        from .plane_program import emit_program

        return emit_program(self.plane, self.problem, whole=sums_integers(self.problem))

    # --- kernels

    def spectra(self, kernel: np.ndarray, *, once: bool = False) -> Any:
        """The spectrum of every kernel, (groups, channels out, channels in, bytes); ``once``: for one call."""
        apart, plane = self.apart(kernel), self.plane
        rows, columns = apart.shape[-2:]
        taps = np.zeros((rows, whole_pairs(plane, columns)), self.recipe.dtype)
        found = (reused if once else aligned)((*apart.shape[:3], plane.kernel_bytes), np.uint8)
        strip = aligned((plane.strip_bytes,), np.uint8)
        addresses = list(map(address, (strip, *self.roots)))
        with np.errstate(all="ignore"):
            for place in np.ndindex(apart.shape[:3]):
                taps[:, :columns] = apart[place]
                self._functions[1](address(taps), address(found[place]), *addresses)
                self._separate(found[place])
        return self._each_product(found) if self.digits else found

    def _each_product(self, found: Any) -> Any:
        """The digits' spectra, for every output and channel the one that belongs there."""
        p = self.problem
        every = aligned((p.groups, p.channels_out, p.channels_in, found.shape[-1]), np.uint8)
        for place in np.ndindex(every.shape[1:3]):
            digit = self.digits - 1 - place[0] + place[1]
            every[:, *place] = found[:, digit, 0] if 0 <= digit < self.digits else 0
        return every

    def _separate(self, spectrum: Any) -> None:
        """Lane 0 of band 0 holds the transforms of two real rows: half their sum, and half their difference."""
        plane = self.plane
        numbers = spectrum.view(self.recipe.dtype)
        count = plane.lengths[1] * plane.pair
        band = numbers[:count].reshape(-1, 2, plane.lanes)
        packed = band[:, 0, 0] + 1j * band[:, 1, 0]
        turned = packed[plane.across].conj()
        one, other = (packed + turned) / 2, (packed - turned) / 2j
        behind = numbers[plane.spectrum_bytes // plane.size:][:count].reshape(-1, 2, plane.lanes)
        behind[...] = 0
        for target, values in ((band, (one + other) / 2), (behind, (one - other) / 2)):
            target[:, 0, 0], target[:, 1, 0] = values.real, values.imag

    # --- runs

    def run(self, image: Any, spectra: Any, bias: Any, places: Any, threads: int) -> tuple[bool, Any]:
        """Fill ``places``; whether an integer overflowed, and which tiles have to be summed directly."""
        status = np.zeros(self.items, np.int64)
        participants = min(threads, self.participants)
        buffer = self.workspace.borrow()
        context = np.array([
            address(image), address(places), address(spectra), address(NO_BIAS if bias is None else bias),
            *map(address, (*self.tables, *self.roots, self.negatives)), buffer[0],
            address(status), 0, *image.strides, *places.strides], np.int64)
        try:
            run_items(self._functions[0], address(context), self.items, participants)
        finally:
            self.workspace.give_back(buffer)
        return bool(context[FLAG]), status

