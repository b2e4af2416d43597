"""Running sums of arrays that touch pages that nobody may touch; run as a program.

``python -m grid.guarded_running FIRST LAST MACHINE`` checks cases; ``python -m grid.guarded_running --break WHAT``
goes one step too far.
"""

from __future__ import annotations

import faulthandler
import sys
from dataclasses import replace

import numpy as np

from faltung import machine
from faltung.algorithms import running
from faltung.algorithms.running import executable as loaded
from faltung.compiler import memory
from faltung.machine import Machine
from faltung.problem.problem import Problem
from faltung.problem.promotion import numpy_dtype
from grid.cases import Case, arrays, output_view
from grid.check import compare
from grid.guarded import _guarded_aligned, place
from grid.running_cases import constant_kernel, draw


def check(case: Case, where: str, known: Machine) -> None:
    """One case, all of whose arrays begin behind a protected page, or end before one."""
    p = case.problem
    image, _, bias = arrays(case)
    kernel = constant_kernel(case)
    memory.aligned = loaded.aligned = _guarded_aligned(where)  # type: ignore[attr-defined]
    view = output_view(p, channels_last=case.channels_last)
    executable = running.build(p, view, known, 1)
    if executable.tables.size:
        executable.tables = place(executable.tables, where)
    out = place(np.zeros(view.shape, numpy_dtype(p.output_dtype)), where, writeable=True)
    packed_bias = None if bias is None else place(executable.pack_bias(bias), where)
    packed = executable.pack(place(kernel, where))
    overflowed = executable.run(place(image, where, case.view), packed, packed_bias, out, 1)
    compare(p, image, kernel, bias, view(out), overflowed=overflowed)


def go_too_far(what: str) -> None:
    """Tell the program of an image or an output that is wider than its memory."""
    problem = Problem((), 1, 1, 1, (8, 40), (3, 3), (8, 40), (-1, -1), (1, 1), (1, 1), (1, 1), ((0, 0), (0, 0)))
    case = Case(problem, 1)
    kernel = constant_kernel(case)
    where = "begin" if what == "before the image" else "end"
    seen = place(arrays(case)[0], where, "negative" if what == "before the image" else "plain")
    if what != "behind the output":
        problem = replace(problem, image=(8, 41))
    executable = running.build(problem, output_view(problem), machine.detect(), 1)
    out = place(np.zeros(8 * 40 - (what == "behind the output"), np.float32), "end", writeable=True)
    packed = executable.pack(kernel)
    print("before", flush=True)
    executable.run(seen, packed, None, out, 1)
    print("after", flush=True)


def main() -> None:
    """See the module's text."""
    faulthandler.enable()
    if sys.argv[1] == "--break":
        go_too_far(sys.argv[2])
        return
    first, last, isa = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    known = machine.detect() if isa == "own" else machine.fake(isa, triple="")
    for seed in range(first, last):
        for where in ("begin", "end"):
            print(draw(seed), where, flush=True)
            check(draw(seed), where, known)
    print("survived", flush=True)


if __name__ == "__main__":
    main()
