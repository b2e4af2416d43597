"""`boxes2`, `boxes3`, `boxes5`: kernels made of a few boxes of equal taps, at a cost that hardly grows with them.

Steps, Haar features, a centre and its surround: ``sum over t of x[o + t] k[t]`` is the sum over boxes ``b`` of
``k_b * (sum over the taps of b of x[o + t])``.  Each inner sum is taken as `running` takes it, and added to the outputs
of the box before.  Where boxes lie side by side, nothing is taken off again: what is not finite reaches exactly its own
outputs, and ``sum |k_b| |b|`` is ``sum |k|``.  A centre on its surround is two boxes, and outputs that are not finite
are summed again from boxes side by side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ...compiler.elements import ELEMENTS
from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from .. import running
from ..running.schedule import cycles
from ..running.structure import constants
from .structure import GROWTH, may_cancel, parts_of

if TYPE_CHECKING:
    from .executable import Boxes

ADDED_CYCLES = 2.0
"""Of a vector of outputs: it is read again, and written."""


class AFewBoxes(NamedTuple):
    """The algorithm for kernels of at most so many boxes (see `algorithms.definition`)."""

    most: int

    @property
    def NAME(self) -> str:  # noqa: N802  # as of all algorithms, which are modules
        """How it is asked for."""
        return f"boxes{self.most}"

    def applies(self, problem: Problem) -> str | None:
        """None, or why no kernel of the problem can be summed so."""
        if problem.ndim > 2:
            return "the kernel has more than two axes"
        return running.applies(problem)

    def error_bound(self, problem: Problem) -> float:
        """As `running`'s, and a rounding for each box that is added; more where boxes lie on another."""
        return (running.error_bound(problem) + self.most) * (GROWTH if may_cancel(problem) else 1.0)

    def predicted_cycles(self, problem: Problem, output: View, machine: Machine, threads: int) -> float:
        """Predicted cycles of one thread, for as many boxes as there may be."""
        held = ELEMENTS[problem.accumulator_dtype].size / machine.vector_bytes
        outputs = float(problem.multiply_adds // problem.terms)
        return self.most * cycles(problem, machine) + (self.most - 1) * ADDED_CYCLES * outputs * held

    def unsuited(self, problem: Problem, kernel: Any) -> str | None:
        """None, or that these taps are too many boxes."""
        parts = parts_of(problem, kernel, self.most)
        if parts is None or any(constants(problem, part.taps) is None for part in parts):
            return f"its taps are not {self.most} boxes of equal ones"
        return None

    def build(self, problem: Problem, output: View, machine: Machine, threads: int) -> Boxes:
        """Make the executable."""
        from .executable import Boxes

        return Boxes(self.NAME, self.most, problem, output, machine, threads,
                     self.predicted_cycles(problem, output, machine, 1))


ALL = (AFewBoxes(2), AFewBoxes(3), AFewBoxes(5))
"""Steps, second differences, a centre with its surround: more boxes cost more, so each is a candidate of its own."""

__all__ = ["ALL", "AFewBoxes"]
