"""An executable: the programs of all parts of a problem, under one kernel."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...compiler import jit
from ...compiler.memory import Workspace
from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from .costs import all_cycles
from .loaded import Loaded, Packed, emit
from .parts import Part, once
from .recipe import choose
from .seen import see, see_array, see_kernel


class Winograd:
    """The executable of one problem."""

    def __init__(self, problem: Problem, output: View, machine: Machine, threads: int,
                 parts: tuple[Part, ...] = ()) -> None:
        self.problem, self.output, self.machine = problem, output, machine
        self._seen = see(problem, output.strides())
        parts = parts or choose(problem, output.strides(), machine, threads)
        self._cuts, self.parts = [part.cut for part in parts], [Loaded(part.frame, threads) for part in parts]
        self.frame = fr = parts[0].frame
        self.recipe = fr.recipe
        self.predicted_cycles = all_cycles(parts)
        self._once = once(parts)
        self._kernels = Workspace(fr.all_blocks * fr.block_bytes)
        self._round_bytes = fr.recipe.blocks * fr.block_bytes
        self._rounds = Workspace(self.parts[0].participants * self._round_bytes)

    @property
    def workspace_bytes(self) -> int:
        """Workspace of all parts, all threads together."""
        return sum(part.workspace_bytes for part in self.parts) + max(part.fallback_bytes for part in self.parts)

    # --- kernels

    def pack(self, kernel: Any) -> Packed:
        """Transform a kernel; its taps themselves are kept for rows that are summed directly."""
        packed = self._packed(kernel)
        self.parts[0].transform(packed, 1)
        return packed

    def pack_once(self, kernel: Any) -> Packed:
        """The same for a kernel that is used once: those who run transform it, block by block if it is read once."""
        if not self._once:
            return self._packed(kernel)
        packed = Packed(see_kernel(self.problem, kernel), self._rounds, (0, self._round_bytes))
        packed.ready = True
        return packed

    def _packed(self, kernel: Any) -> Packed:
        return Packed(see_kernel(self.problem, kernel), self._kernels, (self.frame.block_bytes, 0))

    def pack_bias(self, bias: Any) -> Any:
        """Bring a bias into the sums' dtype."""
        return np.array(bias, self.problem.accumulator_dtype).reshape(self.problem.groups, self.problem.channels_out)

    # --- runs

    def run(self, image: Any, kernel: Packed, bias: Any, out: Any, threads: int) -> bool:
        """Fill ``out``; nothing can overflow."""
        if not kernel.ready:
            self.parts[0].transform(kernel, threads)
        image, places = see_array(self.problem, image), see_array(self.problem, self.output(out))
        for cut, part in zip(self._cuts, self.parts, strict=True):
            part.run(cut.see_image(self._seen, image), kernel, bias, cut.see_output(self._seen, places), threads)
        return False

    # --- what a plan tells

    def ir(self) -> str:
        """The LLVM IR of all programs."""
        return "\n".join(emit(part.frame) for part in self.parts)

    def assembly(self) -> str:
        """Their machine code, as assembly."""
        return "\n".join(jit.assembly(emit(part.frame), self.machine) for part in self.parts)
