"""Kernels with a structure, on arrays that touch pages that nobody may touch; run as a program.

``python -m grid.guarded_structured ALGORITHM FIRST LAST MACHINE`` checks cases of a name in `TESTED`;
``python -m grid.guarded_structured ALGORITHM --break WHAT`` goes one step too far.
"""

from __future__ import annotations

import faulthandler
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from faltung import machine
from faltung.algorithms import boxes, running, separable, sparse
from faltung.algorithms.boxes.executable import PackedBoxes
from faltung.algorithms.running import executable as running_executable
from faltung.algorithms.separable import executable as separable_executable
from faltung.algorithms.separable import low_rank
from faltung.algorithms.separable import schedule as separable_schedule
from faltung.algorithms.sparse import executable as sparse_executable
from faltung.compiler import memory
from faltung.machine import Machine
from faltung.problem.problem import Problem
from faltung.problem.promotion import numpy_dtype
from grid import boxes_cases, running_cases, separable_cases, sparse_cases
from grid.cases import Case, arrays, output_view
from grid.check import compare
from grid.guarded import _guarded_aligned, place


class Tested(NamedTuple):
    """An algorithm, the module that lends its memory, and its cases."""

    algorithm: Any
    loaded: Any
    draw: Callable[[int], Case]
    kernel: Callable[[Case], np.ndarray]


TESTED = {
    "separable": Tested(separable, separable_executable, separable_cases.draw, separable_cases.product_of_lines),
    "volumes": Tested(separable, separable_executable, separable_cases.draw_volume, separable_cases.product_of_lines),
    "rank3": Tested(low_rank.ALL[1], separable_executable, partial(separable_cases.draw_rank, 3),
                    partial(separable_cases.sum_of_products, rank=1)),
    "running": Tested(running, running_executable, running_cases.draw, running_cases.constant_kernel),
    "boxes": Tested(boxes.ALL[-1], running_executable, boxes_cases.draw, boxes_cases.kernel_of_boxes),
    "sparse": Tested(sparse, sparse_executable, sparse_cases.draw, sparse_cases.sparse_kernel),
}


def check(tested: Tested, case: Case, where: str, known: Machine) -> None:
    """One case, all of whose arrays begin behind a protected page, or end before one."""
    p = case.problem
    separable_schedule.FETCHED_BYTES = 0 if case.seed % 2 else 1 << 30
    image, _, bias = arrays(case)
    kernel = tested.kernel(case)
    memory.aligned = tested.loaded.aligned = _guarded_aligned(where)
    view = output_view(p, channels_last=case.channels_last)
    executable = tested.algorithm.build(p, view, known, 1)
    out = place(np.zeros(view.shape, numpy_dtype(p.output_dtype)), where, writeable=True)
    packed_bias = None if bias is None else place(executable.pack_bias(bias), where)
    packed = executable.pack(place(kernel, where))
    if packed is None:  # terms of large integers might leave the range in which sums are exact
        return
    for each in owners(executable, packed):
        guard_tables(each, where)
    overflowed = executable.run(place(image, where, case.view), packed, packed_bias, out, 1)
    compare(p, image, kernel, bias, view(out), overflowed=overflowed)


def owners(executable: Any, packed: Any) -> Any:
    """What holds tables of the border."""
    if isinstance(packed, PackedBoxes):
        return packed.runs
    owner = packed[0] if isinstance(executable, sparse.Sparse) else executable
    return getattr(owner, "passes", [owner])


def guard_tables(owner: Any, where: str) -> None:
    """Put the border's tables at a protected page, too."""
    if owner.tables.size:
        owner.tables = place(owner.tables, where)
        if hasattr(owner, "tables_address"):
            owner.tables_address = owner.tables.ctypes.data


def go_too_far(tested: Tested, what: str) -> None:
    """Tell the program of an image or an output that is wider than its memory."""
    problem = Problem((), 1, 1, 1, (8, 40), (3, 3), (8, 40), (-1, -1), (1, 1), (1, 1), (1, 1), ((0, 0), (0, 0)))
    case = Case(problem, 1)
    kernel = tested.kernel(case)
    where = "begin" if what == "before the image" else "end"
    seen = place(arrays(case)[0], where, "negative" if what == "before the image" else "plain")
    if what != "behind the output":
        problem = replace(problem, image=(8, 41))
    executable = tested.algorithm.build(problem, output_view(problem), machine.detect(), 1)
    out = place(np.zeros(8 * 40 - (what == "behind the output"), np.float32), "end", writeable=True)
    packed = executable.pack(kernel)
    print("before", flush=True)
    executable.run(seen, packed, None, out, 1)
    print("after", flush=True)


def main() -> None:
    """See the module's text."""
    faulthandler.enable()
    name, *words = sys.argv[1:]
    tested = TESTED[name]
    if words[0] == "--break":
        go_too_far(tested, words[1])
        return
    first, last, isa = int(words[0]), int(words[1]), words[2]
    known = machine.detect() if isa == "own" else machine.fake(isa, triple="")
    for seed in range(first, last):
        for where in ("begin", "end"):
            print(tested.draw(seed), where, flush=True)
            check(tested, tested.draw(seed), where, known)
    print("survived", flush=True)


if __name__ == "__main__":
    main()
