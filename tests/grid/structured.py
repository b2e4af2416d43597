"""What the tests of algorithms for structured kernels share: machines, an image, and one case from start to end."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from faltung import machine
from faltung.problem.problem import Problem

from .cases import Case, arrays, lay_out, output_view
from .check import compare, poisoned_workspaces, run

needs_mprotect = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs mprotect")
BASE = Problem((), 1, 1, 1, (40, 100), (5, 7), (40, 100), (-2, -3), (1, 1), (1, 1), (1, 1),
               (("reflect", "reflect"), ("reflect", "reflect")))


def known(isa: str) -> machine.Machine:
    """The machine at hand, or one of fewer instructions that it can stand in for."""
    return machine.detect() if isa == "own" else machine.fake(isa, triple="")


def build(algorithm: Any, problem: Problem, isa: str = "own", threads: int = 1, *, last: bool = False) -> Any:
    """The executable of a problem that the algorithm applies to."""
    assert algorithm.applies(problem) is None
    return algorithm.build(problem, output_view(problem, channels_last=last), known(isa), threads)


def check(executable: Any, case: Case, kernel: np.ndarray, threads: int = 1,
          factor: float | None = None) -> None:
    """Run a case with a kernel of its own on poisoned memory, and hold the result against the oracle."""
    p = case.problem
    image, _, bias = arrays(case)
    with poisoned_workspaces():
        got, overflowed = run(p, lay_out(case, image), kernel, bias, machine.detect(), threads=threads,
                              view=output_view(p, channels_last=case.channels_last), executable=executable)
    compare(p, image, kernel, bias, got, overflowed=overflowed, factor=factor)
