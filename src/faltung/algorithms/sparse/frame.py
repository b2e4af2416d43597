"""The geometry of a program for kernels with zeros, and how their taps are listed."""

from __future__ import annotations

from math import isfinite, prod

import numpy as np

from ...compiler.elements import ELEMENTS
from ...lazy import cached_property
from ...machine import Machine
from ...problem.border import fills
from ...problem.problem import Problem
from ..direct.counts import columns_in_turn
from ..direct.frame import DirectRecipe, Frame, Stage

ENTRY_BYTES = 16
"""Of each tap: where it lies, from the first one on in bytes of the packed image, and its value."""

ODD_BYTES = 64
"""Of a vector that turns to NaN where a sample is not finite."""


def watches(p: Problem) -> bool:
    """Whether samples may be what is not finite, and so not vanish under a zero."""
    whole = ELEMENTS[p.image_dtype].kind in "iub"
    return ELEMENTS[p.accumulator_dtype].kind == "f" and not (
        whole and all(isfinite(abs(side)) for side in fills(p.border)))


class SparseRecipe(DirectRecipe):
    """How `sparse` runs: tiles and blocks as `direct` has them."""

    __slots__ = ()

    @property
    def algorithm(self) -> str:
        """Name of the algorithm that this is a recipe of."""
        return "sparse"


class SparseFrame(Frame):
    """Everything about a stage, its recipe and a pattern of taps that the generator needs as numbers.

    The pattern counts the taps that are not zero in the order of `order`; it is empty where a table tells them.
    ``factors`` are their values, or 0 for those that only the table tells, and ``twins`` tells which share a product
    (see `structure`).  ``by_rows``: the taps follow each other row after row, as where the image is not packed.
    """

    def __init__(self, stage: Stage, recipe: DirectRecipe, machine: Machine, pattern: tuple[int, ...] = (),
                 factors: tuple[int, ...] = (), twins: tuple[int, ...] = (), *, by_rows: bool = False) -> None:
        super().__init__(stage, recipe, machine)
        self.pattern, self.factors, self.twins, self.by_rows = pattern, factors, twins, by_rows

    @property
    def leaves_out(self) -> bool:
        """Taps are listed one by one."""
        return False

    @property
    def key(self) -> str:
        """What the program is made from."""
        return f"{super().key} {self.pattern} {self.factors} {self.twins} {self.by_rows}"

    @property
    def table_bytes(self) -> int:
        """A table of taps: how many, then an entry for each; there is room for all."""
        return ENTRY_BYTES * (1 + self.problem.terms)

    @property
    def block_bytes(self) -> int:
        """Two tables for each kernel: the taps that are not zero, and all; or the values of the former alone."""
        return 2 * self.table_bytes if self.recipe.packed else len(self.pattern) * self.accumulator.size

    @property
    def watches(self) -> bool:
        """Whether samples may be what is not finite, and so not vanish under a zero."""
        return watches(self.problem)

    @property
    def odd_place(self) -> int:
        """Where the vector lies that tells of samples that are not finite."""
        return self.packed_bytes

    @property
    def scratch_bytes(self) -> int:
        """Bytes of workspace that one thread needs."""
        return self.packed_bytes + ODD_BYTES if self.recipe.packed else super().scratch_bytes

    @cached_property
    def places(self) -> np.ndarray:
        """Bytes of the packed image from the first tap to each, by the taps' flat index."""
        p = self.problem
        steps = [d * pitch for d, pitch in zip(p.kernel_dilation, (*self.pitches, 1), strict=True)]
        return sum(np.ix_(*(np.arange(extent) * step for extent, step in zip(p.kernel, steps, strict=True))),
                   start=np.int64(0)).ravel() * self.packed.size

    @cached_property
    def order(self) -> np.ndarray:
        """The taps as flat indices, column after column, so that few of them are needed at a time; or by rows."""
        p = self.problem
        if self.by_rows:
            columns = columns_in_turn(p, self.lanes)
            return np.arange(p.terms).reshape(-1, len(columns))[:, columns].ravel()
        taps = np.arange(p.terms).reshape(prod(p.kernel[:-2]), *p.kernel[-2:])
        return taps.transpose(0, 2, 1).ravel()
