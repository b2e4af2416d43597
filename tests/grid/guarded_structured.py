"""Kernels with a structure, on arrays that touch pages that nobody may touch; run as a program.

``python -m grid.guarded_structured ALGORITHM FIRST LAST MACHINE`` checks cases of a name in `TESTED`;
``python -m grid.guarded_structured ALGORITHM --break WHAT`` goes one step too far.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from faltung.algorithms import boxes, running, separable, sparse
from faltung.algorithms.boxes.executable import PackedBoxes
from faltung.algorithms.running import executable as running_executable
from faltung.algorithms.separable import executable as separable_executable
from faltung.algorithms.separable import low_rank
from faltung.algorithms.separable import schedule as separable_schedule
from faltung.algorithms.sparse import executable as sparse_executable
from faltung.compiler import memory
from faltung.machine import Machine
from faltung.problem.promotion import numpy_dtype
from grid import boxes_cases, running_cases, separable_cases, sparse_cases
from grid.cases import Case, arrays, output_view
from grid.check import compare
from grid.guarded import _guarded_aligned, each, one_column_too_far, place, program


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
    # outputs go past the caches as well as through them, where that machine knows it
    known = replace(known, l3_bytes=case.seed // 2 % 2, wide_pipes=1)
    executable = tested.algorithm.build(p, view, known, 1)
    out = place(np.zeros(view.shape, numpy_dtype(p.output_dtype)), where, writeable=True)
    packed_bias = None if bias is None else place(executable.pack_bias(bias), where)
    packed = executable.pack(place(kernel, where))
    if packed is None:  # terms of large integers might leave the range in which sums are exact
        return
    for owner in owners(executable, packed):
        guard_tables(owner, where)
    overflowed = executable.run(place(image, where, case.view), packed, packed_bias, out, 1)
    compare(p, image, kernel, bias, view(out), overflowed=overflowed)


def owners(executable: Any, packed: Any) -> Any:
    """What holds tables of the border."""
    if isinstance(packed, PackedBoxes):
        return packed.runs
    owner = packed[0] if isinstance(executable, sparse_executable.Sparse) else executable
    return getattr(owner, "passes", [owner])


def guard_tables(owner: Any, where: str) -> None:
    """Put the border's tables at a protected page, too."""
    if owner.tables.size:
        owner.tables = place(owner.tables, where)
        if hasattr(owner, "tables_address"):
            owner.tables_address = owner.tables.ctypes.data


if __name__ == "__main__":
    tested = TESTED[sys.argv.pop(1)]
    program(partial(each, tested.draw, partial(check, tested)),
            partial(one_column_too_far, tested.algorithm, tested.kernel))
