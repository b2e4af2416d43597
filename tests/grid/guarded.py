"""Arrays between two pages that nobody may touch; run as a program, since one touch ends the process.

``python -m grid.guarded FIRST LAST MACHINE`` checks cases; ``python -m grid.guarded --break WHAT`` goes one too far.
"""

from __future__ import annotations

import ctypes
import faulthandler
import mmap
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from faltung import machine
from faltung.algorithms import direct
from faltung.algorithms.direct import packing, schedule
from faltung.algorithms.direct.frame import DirectRecipe, Stage
from faltung.algorithms.direct.tiles import candidates
from faltung.compiler import memory
from faltung.machine import Machine
from faltung.problem.problem import Problem
from faltung.problem.promotion import numpy_dtype
from grid.cases import Case, arrays, draw, draw_bytes, draw_line, draw_woven, output_view
from grid.check import compare, recipe_of
from grid.structured import known as machine_of

PAGE = mmap.PAGESIZE
_libc = ctypes.CDLL(None, use_errno=True)
_libc.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_kept: list[Any] = []


def _protect(address: int, size_bytes: int, rights: int) -> None:
    if _libc.mprotect(address, size_bytes, rights):
        raise OSError(ctypes.get_errno(), "mprotect")


def guarded(size_bytes: int, where: str) -> np.ndarray:
    """Bytes that begin right behind a protected page ("begin"), or end right before one ("end")."""
    pages = max(1, -(-size_bytes // PAGE))
    region = mmap.mmap(-1, (pages + 2) * PAGE)
    raw = np.frombuffer(region, np.uint8)
    _kept.append(region)
    address = raw.ctypes.data
    _protect(address, PAGE, 0)
    _protect(address + (pages + 1) * PAGE, PAGE, 0)
    first = PAGE if where == "begin" else (pages + 1) * PAGE - size_bytes
    return raw[first:first + size_bytes]


def place(array: np.ndarray, where: str, view: str = "plain", *, writeable: bool = False) -> np.ndarray:
    """Copy an array to guarded memory, its axes laid out as ``view`` says."""
    if view == "broadcast":
        view = "plain"
    if view == "step":
        base = _placed(tuple(2 * n - 1 for n in array.shape), array.dtype, where)
        seen = base[(slice(None, None, 2),) * array.ndim]
    elif view == "fortran":
        seen = _placed(array.shape[::-1], array.dtype, where).T
    elif view == "negative":
        seen = _placed(array.shape, array.dtype, where)[(slice(None, None, -1),) * array.ndim]
    else:
        seen = _placed(array.shape, array.dtype, where)
    seen[...] = array
    if not writeable:
        _forbid_writing(seen)
    return seen


def _placed(shape: tuple[int, ...], dtype: Any, where: str) -> np.ndarray:
    return guarded(int(np.prod(shape)) * dtype.itemsize, where).view(dtype).reshape(shape)


def _forbid_writing(array: np.ndarray) -> None:
    while isinstance(array.base, np.ndarray):
        array = array.base
    address = array.ctypes.data
    _protect(address + PAGE, array.nbytes - 2 * PAGE, mmap.PROT_READ)


def _guarded_aligned(where: str) -> Any:
    """In the place of `faltung.compiler.memory.aligned`: packed kernels, biases and workspaces."""
    def aligned(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        return _placed(shape, np.dtype(dtype), where)
    return aligned


def case_of(seed: int) -> Case:
    """Now and then phases that are woven, a long line, or bytes."""
    return (draw, draw, draw_woven, draw_line, draw_bytes)[seed % 5](seed)


def _choose(lanes: str, rng: np.random.Generator) -> Any:
    if lanes == "own":
        return schedule.choose

    def choose(stage: Stage, known: Machine, _: int) -> DirectRecipe:
        found = list(candidates(stage, known))
        liked = [recipe for recipe in found if recipe.lanes == lanes] or found
        return liked[int(rng.integers(len(liked)))]
    return choose


def _run(problem: Problem, image: np.ndarray, kernel: np.ndarray, bias: np.ndarray | None, where: str, *,
         case: Case, known: Machine) -> tuple[np.ndarray, bool]:
    view = output_view(problem, channels_last=case.channels_last)
    executable = direct.build(problem, view, known, 1)
    for program in executable.programs:
        program.tables = place(program.tables, where) if program.tables.size else program.tables
        program.tables_address = program.tables.ctypes.data
    out = place(np.zeros(view.shape, numpy_dtype(problem.output_dtype)), where, writeable=True)
    packed_bias = None if bias is None else executable.pack_bias(place(bias, where))
    overflowed = executable.run(image, executable.pack(place(kernel, where)), packed_bias, out, 1)
    return view(out), bool(overflowed)


def check(case: Case, where: str, known: Machine) -> None:
    """One case, its arrays before a protected page or behind one, both kinds of lanes."""
    image, kernel, bias = arrays(case)
    for lanes in ("segments", "own") if case.seed % 5 > 2 else ("pixels", "channels"):
        memory.aligned = packing.aligned = _guarded_aligned(where)  # type: ignore[attr-defined]
        with recipe_of(_choose(lanes, np.random.default_rng(case.seed))):
            seen = place(image, where, case.view)
            got, overflowed = _run(case.problem, seen, kernel, bias, where, case=case, known=known)
        compare(case.problem, image, kernel, bias, got, overflowed=overflowed)


# ---------------------------------------------------------------- what all programs at protected pages share

def program(checks: Callable[..., Iterator[Any]], too_far: Callable[[str], Iterator[Any]]) -> None:
    """Do what the command line asks for: ``--break WHAT``, or checks with the words that stand there.

    Both are iterators that say what they do before they do it: it may be the last that is heard of them.
    """
    faulthandler.enable()
    words = sys.argv[1:]
    breaks = words[0] == "--break"
    for said in too_far(words[1]) if breaks else checks(*words):
        print(said, flush=True)
    if not breaks:
        print("survived", flush=True)


def each(draw: Callable[[int], Case], check: Callable[[Case, str, Machine], None], first: str, last: str,
         isa: str) -> Iterator[str]:
    """Check seeded cases on a machine, their arrays behind a protected page and before one."""
    known = machine_of(isa)
    for case in map(draw, range(int(first), int(last))):
        for where in ("begin", "end"):
            yield f"{case} {where}: {case.problem}"
            check(case, where, known)


def beside(image: np.ndarray, what: str) -> np.ndarray:
    """The image behind a protected page if ``what`` is about what lies before it, or else before such a page."""
    # a reversed image has its last column first in memory
    return place(image, "begin", "negative") if what == "before the image" else place(image, "end")


def one_short(out: np.ndarray) -> np.ndarray:
    """An output whose last number lies behind its memory."""
    made = place(out.reshape(-1)[:-1], "end", writeable=True)
    return np.lib.stride_tricks.as_strided(made, out.shape, out.strides, writeable=True)


def one_column_too_far(algorithm: Any, kernel: Callable[[Case], np.ndarray], what: str) -> Iterator[str]:
    """Tell the program of one image column, or of one output column, more than there is."""
    problem = Problem((), 1, 1, 1, (8, 40), (3, 3), (8, 40), (-1, -1), (1, 1), (1, 1), (1, 1), ((0, 0), (0, 0)))
    case = Case(problem, 1)
    seen, out = beside(arrays(case)[0], what), np.zeros(problem.output_shape, np.float32)
    if what == "behind the output":
        out = one_short(out)
    else:
        problem = replace(problem, image=(8, 41))
    executable = algorithm.build(problem, output_view(problem), machine.detect(), 1)
    packed = executable.pack(kernel(case))
    yield "before"
    executable.run(seen, packed, None, out, 1)
    yield "after"


if __name__ == "__main__":
    program(partial(each, case_of, check), partial(one_column_too_far, direct, lambda case: arrays(case)[1]))
