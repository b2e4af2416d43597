"""`rank2`, `rank3`, `rank4`: kernels with two axes that are the sum of so many products of lines, in one program.

Each term is what `separable` computes.  The image is read once: a few rows of outputs are summed down for each term,
and the lines of all terms are summed across, one term after the other, into the same registers.  A block with an
output that is not finite is summed anew by the definition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from . import applies as one_applies
from .ranks import GROWTH, MOST, terms_of
from .schedule import cycles, stage_of
from .structure import NEARNESS

if TYPE_CHECKING:
    from .executable import Separable

PROBE_CYCLES = 150_000.0
"""The singular values of a small kernel, and what follows from them."""


class LowRank(NamedTuple):
    """The algorithm for sums of so many terms, with the protocol of all algorithms."""

    rank: int

    @property
    def NAME(self) -> str:  # noqa: N802  # as of all algorithms, which are modules
        """How it is asked for."""
        return f"rank{self.rank}"

    def applies(self, problem: Problem) -> str | None:
        """None, or why no kernel of the problem can go through so many passes."""
        if problem.ndim != 2:
            return "the kernel does not have two axes"
        if min(problem.kernel) <= self.rank:
            return f"an axis of the kernel has no more than {self.rank} taps"
        return one_applies(problem)

    def error_bound(self, problem: Problem) -> float:
        """The published ``c``: |error| <= c * u * max|x| * sum|k|.

        One rounding for each tap of a column and of all rows, on sums that may be `GROWTH` times as large as the
        kernel's own; samples that are added first; the distance of the taps from the sum of products.  Or a rounding
        for each tap, where a block is summed by the definition.
        """
        down, across = problem.kernel
        return max(GROWTH * (down + self.rank * across + 4) + NEARNESS + 2, float(problem.terms + 2))

    def predicted_cycles(self, problem: Problem, output: View, machine: Machine, threads: int) -> float:
        """Predicted cycles of one thread, without building anything."""
        return PROBE_CYCLES + cycles(stage_of(problem, output).problem, machine, self.rank)

    def unsuited(self, problem: Problem, kernel: Any) -> str | None:
        """None, or that these taps are no sum of so few products."""
        if terms_of(problem, kernel, self.rank) is not None:
            return None
        return f"its taps are not the sum of {self.rank} products of a column and a row"

    def build(self, problem: Problem, output: View, machine: Machine, threads: int) -> Separable:
        """Make the executable."""
        from .executable import Separable

        return Separable(problem, output, machine, threads, self.rank)


ALL = tuple(LowRank(rank) for rank in range(2, MOST + 1))
"""Each rank costs what it costs, so each is a candidate of its own."""
