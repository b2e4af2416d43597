"""An executable: the programs of all parts of a problem, under one kernel."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ...compiler import jit
from ...compiler.memory import Workspace
from ...compiler.transpose import transpose_blocks
from ...lazy import cached_property
from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from .costs import all_cycles
from .loaded import Loaded, Packed, emit
from .parts import Part
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
        self._kernels = Workspace((self._turned[0] + fr.kernel_elements) * fr.size)

    @cached_property
    def _turned(self) -> tuple[int, tuple[int, ...]]:
        """Elements (whole lines of the cache) and shape of a kernel whose channels out are the innermost axis."""
        p, width = self.frame.problem, self.recipe.channels
        shape = (p.groups, self.frame.channel_blocks, p.channels_in, prod(p.kernel), width)
        return -(-prod(shape) // 16) * 16, shape

    @property
    def workspace_bytes(self) -> int:
        """Workspace of all parts, all threads together."""
        return sum(part.workspace_bytes for part in self.parts) + max(part.fallback_bytes for part in self.parts)

    # --- kernels

    def pack(self, kernel: Any) -> Packed:
        """Transform a kernel; its taps themselves are kept for rows that are summed directly."""
        p, fr = self.frame.problem, self.frame
        width, count = fr.recipe.channels, fr.channel_blocks
        flat = see_kernel(self.problem, kernel)
        size, shape = self._turned
        packed = Packed(self._kernels, size * fr.size)
        taps = packed.buffer[1].view(p.accumulator_dtype)[:prod(shape)].reshape(shape)
        even = count * width == p.channels_out
        if not (even and transpose_blocks(taps, flat, [block * width for block in range(count)], self.machine)):
            target = np.moveaxis(taps, -1, 2)
            for block in range(count):
                part = flat[:, block * width:(block + 1) * width]
                target[:, block, :part.shape[1]] = part
                target[:, block, part.shape[1]:] = 0
        self.parts[0].transform(packed.buffer[0], packed.address, p.groups * count)
        packed.taps = taps
        return packed

    def pack_bias(self, bias: Any) -> Any:
        """Bring a bias into the sums' dtype."""
        return np.array(bias, self.problem.accumulator_dtype).reshape(self.problem.groups, self.problem.channels_out)

    # --- runs

    def run(self, image: Any, kernel: Packed, bias: Any, out: Any, threads: int) -> bool:
        """Fill ``out``; nothing can overflow."""
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
