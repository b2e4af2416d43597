"""Tile by tile over the image: gather, correlate, cast, store."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

from ...compiler import jit
from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from ...problem.promotion import is_integer, limits, numpy_dtype, sums_integers
from ..phases import Phase, phases
from .line_part import LinePart
from .parts import Part
from .plane_part import PlanePart
from .recipe import is_real_plane, predicted_cycles, with_taps
from .tiles import Tile


class Fourier:
    """The executable: tile by tile, one batch element and group after the other.

    With ``digits``, channels are digits of the image, and there are so many kernels, digits too, the highest first: the
    kernel of an output and a channel is the digit of that weight which the two leave, if there is one.
    """

    def __init__(self, problem: Problem, output: View, machine: Machine, threads: int, digits: int = 0) -> None:
        self.problem, self.output = problem, output
        self.parts = [_make_part(phase, machine, threads, digits) for phase in with_taps(problem)]
        self.recipe = self.parts[0].recipe
        self.sums_integers = sums_integers(problem)
        self.empty = [phase for phase in phases(problem) if phase.is_empty]
        self.predicted_cycles = predicted_cycles(problem)

    def pack(self, kernel: Any) -> list[tuple[Any, Any]]:
        """Transform a kernel; the taps themselves are kept for tiles that are computed directly."""
        return self._packed(kernel, once=False)

    def pack_once(self, kernel: Any) -> list[tuple[Any, Any]]:
        """The same for a kernel that is used once: its spectrum lies where that of the last one lay."""
        return self._packed(kernel, once=True)

    def _packed(self, kernel: Any, *, once: bool) -> list[tuple[Any, Any]]:
        values = np.asarray(kernel).astype(self.recipe.dtype)
        every = (slice(None),) * 3
        return [(part.spectra(values, once=once), values[(*every, *part.phase.taps)]) for part in self.parts]

    def pack_bias(self, bias: Any) -> Any:
        """Bring a bias into the sums' precision."""
        return np.asarray(bias).astype(self.recipe.dtype).reshape(self.problem.groups, self.problem.channels_out)

    def run(self, image: Any, kernel: Any, bias: Any, out: Any, threads: int) -> bool:
        """Fill ``out``; whether an integer output overflowed."""
        target, overflowed = self.output(out), False
        with np.errstate(all="ignore"):
            for part, (spectra, taps) in zip(self.parts, kernel, strict=True):
                places = target[(..., *part.phase.outputs)]
                overflowed |= self._run_part(part, image, spectra, taps, bias, places, threads)
            for phase in self.empty:
                places = target[(..., *phase.outputs)]
                for lead in self._leads():
                    sums = np.zeros(places[lead].shape, self.recipe.dtype)
                    overflowed |= self._store(sums, bias, lead[-1], places[lead])
        return overflowed

    def _leads(self) -> Iterator[tuple[int, ...]]:
        """Every batch element and group."""
        return np.ndindex(*self.problem.batch, self.problem.groups)

    def _run_part(self, part: LinePart | PlanePart, image: np.ndarray, spectra: Any, taps: np.ndarray, bias: Any,
                       places: np.ndarray, threads: int) -> bool:
        overflowed, status = part.run(image, spectra, bias, places, threads)
        if status.any():
            for (lead, tile), bad in zip(product(self._leads(), part.tiling), status, strict=True):
                if bad:
                    seen = part.tiling.gather(image[lead], tile, self.recipe.dtype)
                    sums = self._sum_directly(part, seen, taps[lead[-1]])
                    overflowed |= self._store_tile(tile, sums, bias, lead, places)
        return overflowed

    def _sum_directly(self, part: Part, tile: np.ndarray, taps: np.ndarray) -> Any:
        executable = part.directly
        sums = np.empty((1, *part.tiling.output_shape), self.recipe.dtype)
        executable.run(tile[None], executable.pack(taps[None]), None, sums, 1)
        return sums[0]

    def _store_tile(self, tile: Tile, sums: np.ndarray, bias: Any, lead: tuple[int, ...], places: np.ndarray) -> bool:
        where: tuple[Any, ...] = (*lead, slice(None), *tile.outputs)
        return self._store(sums[(slice(None), *tile.own)], bias, lead[-1], places[where])

    def _store(self, sums: np.ndarray, bias: Any, group: int, place: np.ndarray) -> bool:
        problem = self.problem
        if self.sums_integers:
            sums = np.rint(sums)
        if bias is not None:
            sums = sums + bias[group].reshape(-1, *[1] * problem.ndim)
        if problem.activation is not None:
            from ... import reference

            sums = reference.activate(sums, problem.activation)
        return _cast_into(place, sums, problem)

    @property
    def workspace_bytes(self) -> int:
        """Peak workspace of one call: tiles, their spectra, and theirs after the product; and a tile by itself."""
        return max(part.workspace.size_bytes + part.directly_bytes for part in self.parts)

    def ir(self) -> str:
        """The LLVM IR of every program."""
        return "\n".join(part.emit() for part in self.parts)

    def assembly(self) -> str:
        """The machine code of every program, as assembly."""
        return "\n".join(jit.assembly(part.emit(), part.machine) for part in self.parts)


def _make_part(phase: Phase, machine: Machine, threads: int, digits: int) -> LinePart | PlanePart:
    return (PlanePart if is_real_plane(phase.problem) else LinePart)(phase, machine, threads, digits)


def _cast_into(place: np.ndarray, sums: np.ndarray, problem: Problem) -> bool:
    """Round, check and store; whether an integer output overflowed."""
    output = problem.output_dtype
    if not is_integer(output) or output == "bool":
        place[...] = sums != 0 if output == "bool" else sums
        return False
    low, high = limits(output)
    whole = np.rint(sums.real)
    # high + 1 is a power of two, exact in floating point where high may not be
    inside = (whole >= float(low)) & (whole < float(high) + (1 if high < 2**53 else 0))
    if problem.overflow == "wrap":  # integers that come here lie below 2**53
        place[...] = np.where(np.abs(whole) < 2.0**63, whole, 0).astype(np.int64).astype(numpy_dtype(output))
        return False
    result = np.where(inside, whole, 0).astype(numpy_dtype(output))
    if problem.overflow == "saturate":
        result[whole < float(low)], result[(whole > 0) & ~inside] = low, high
    place[...] = result
    return problem.overflow == "raise" and not bool(inside.all())
