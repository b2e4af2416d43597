"""What the parts of all problems share: the tiles of one phase, the kernel that they see, and the direct sum."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from ...lazy import cached_property
from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from ...problem.promotion import sums_integers
from .. import direct
from ..phases import Phase
from .recipe import choose
from .tiles import Tiling

if TYPE_CHECKING:
    from ..direct.executable import Direct


class Part:
    """One phase of the problem, and its tiles."""

    def __init__(self, phase: Phase, machine: Machine, digits: int) -> None:
        self.phase, self.problem, self.machine, self.digits = phase, phase.problem, machine, digits
        self.recipe = choose(phase.problem)
        self.tiling = Tiling(self.problem, self.recipe.lengths)
        self.is_complex = self.recipe.dtype.startswith("complex")

    def apart(self, kernel: np.ndarray) -> np.ndarray:
        """The kernel's taps of this phase, conjugated, as far apart as the dilation says."""
        p = self.problem
        extents = ((k - 1) * d + 1 for k, d in zip(p.kernel, p.kernel_dilation, strict=True))
        apart = np.zeros((*kernel.shape[:3], *extents), self.recipe.dtype)
        steps: tuple[Any, ...] = (..., *(slice(None, None, d) for d in p.kernel_dilation))
        apart[steps] = kernel[(slice(None), slice(None), slice(None), *self.phase.taps)].conj()
        return apart

    @property
    def _tile(self) -> tuple[Problem, View, Machine, int]:
        problem = self.tiling.tile_problem(self.recipe.dtype)
        shape = problem.output_shape
        return problem, View(shape, shape, tuple(range(len(shape)))), self.machine, 1

    @cached_property
    def directly(self) -> Direct:
        """The same for one tile by the definition, for tiles that hold a NaN or an infinity."""
        return direct.build(*self._tile)

    @cached_property
    def directly_bytes(self) -> int:
        """Of that: samples and sums before and after a cast, taps before and after packing, and its own workspace."""
        if sums_integers(self.problem):
            return 0
        p = self._tile[0]
        numbers = prod(p.image_shape) + prod(p.kernel_shape) + 2 * prod(p.output_shape)
        return 2 * np.dtype(self.recipe.dtype).itemsize * numbers + direct.workspace_bytes(*self._tile)

