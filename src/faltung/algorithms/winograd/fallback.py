"""What is summed by the definition where it is not finite: the problems, and the workspace that this takes."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

from ...compiler.elements import ELEMENTS
from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from .. import direct
from .components import whole
from .frame import Frame
from .seen import span

if TYPE_CHECKING:
    from ..direct.executable import Direct


def row_of_tiles(frame: Frame) -> Problem:
    """One row of tiles of one batch element and group, its border made already."""
    p = whole(frame.problem)
    height = min(frame.recipe.tile[0], p.output[0])
    first = tuple(-(-start % dilation) for start, dilation in zip(p.start, p.image_dilation, strict=True))
    row = replace(p, batch=(), groups=1, output=(height, p.output[1]), start=first,
                  kernel_dilation=(1, p.kernel_dilation[1]), border=((0, 0), (0, 0)))
    return replace(row, image=(span(row, 0, height), span(row, 1, p.output[1])))


def one_element(problem: Problem) -> Problem:
    """One batch element and group."""
    return replace(problem, batch=(), groups=1)


def build(problem: Problem, machine: Machine) -> Direct:
    """The definition for one of these."""
    return direct.build(problem, _view(problem), machine, 1)


def workspace_bytes(problem: Problem, machine: Machine) -> int:
    """Samples, taps before and after packing, sums, and the workspace of the definition."""
    numbers = prod(problem.image_shape) + 3 * prod(problem.kernel_shape) + prod(problem.output_shape)
    own = direct.workspace_bytes(problem, _view(problem), machine, 1)
    return ELEMENTS[problem.accumulator_dtype].itemsize * numbers + own


def sums_bytes(problem: Problem, parts: int) -> int:
    """The outputs of another part, until they are added to those of the first."""
    return ELEMENTS[problem.output_dtype].size * prod(problem.output_shape) if parts > 1 else 0


def _view(problem: Problem) -> View:
    shape = problem.output_shape
    return View(shape, shape, tuple(range(len(shape))))
