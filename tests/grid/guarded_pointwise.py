"""Products of matrices between pages that nobody may touch; run as a program.

``python -m grid.guarded_pointwise FIRST LAST MACHINE`` checks cases; ``python -m grid.guarded_pointwise --break WHAT``
goes too far.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from algorithms import test_pointwise
from faltung import machine
from faltung.algorithms import pointwise
from faltung.algorithms.pointwise import executable as running
from faltung.compiler import memory
from faltung.machine import Machine
from faltung.problem.problem import Problem
from faltung.problem.promotion import numpy_dtype
from grid.cases import Case, arrays, output_view
from grid.check import compare
from grid.guarded import _guarded_aligned, each, one_short, place, program

_aligned = memory.aligned


def _check(case: Case, where: str, known: Machine) -> None:
    p, (image, kernel, bias) = case.problem, arrays(case)
    memory.aligned = running.aligned = _guarded_aligned(where)  # type: ignore[attr-defined]
    executable = test_pointwise.built(case, known, 1, np.random.default_rng(case.seed))
    view = test_pointwise.view_of(case)
    out = place(np.zeros(view.shape, numpy_dtype(p.output_dtype)), where, writeable=True)
    added = None if bias is None else place(executable.pack_bias(bias), where)
    executable.run(place(image, where, case.view), executable.pack(place(kernel, where)), added, out, 1)
    memory.aligned = running.aligned = _aligned  # type: ignore[attr-defined]
    compare(p, image, kernel, bias, view(out), factor=pointwise.error_bound(p))


def too_far(what: str) -> Iterator[str]:
    """Tell the program of an image or an output with more pixels than its memory has."""
    problem: Problem = replace(test_pointwise.PLAIN, batch=())
    image, kernel, _ = arrays(Case(problem, 1))
    wider = replace(problem, image=(10, 11), output=(10, 11))
    executable = pointwise.build(wider, output_view(wider), machine.detect(), 1)
    out = np.zeros(wider.output_shape, np.float32)
    seen = np.zeros(wider.image_shape, np.float32)
    if what == "behind the output":
        out = one_short(out)
    else:
        seen = np.lib.stride_tricks.as_strided(place(image, "end"), seen.shape, seen.strides)
    yield "before"
    executable.run(seen, executable.pack(kernel), None, out, 1)
    yield "after"


if __name__ == "__main__":
    program(partial(each, test_pointwise.drawn, _check), too_far)
