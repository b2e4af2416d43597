"""Real tiles of images whose arrays touch pages that nobody may touch; run as a program.

``python -m grid.guarded_planes MACHINE [STEP]`` checks all cases, or one in so many;
``python -m grid.guarded_planes --break WHAT`` goes too far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from faltung import machine
from faltung.algorithms import direct, fourier
from faltung.algorithms.fourier import line_part, parts, plane_part, recipe
from faltung.compiler import memory
from faltung.machine import Machine
from faltung.problem.problem import Problem
from faltung.problem.promotion import numpy_dtype
from grid.cases import VIEWS, Case, arrays, output_view
from grid.guarded import _guarded_aligned, beside, one_short, place, program
from grid.structured import known as machine_of

BASE = Problem((2,), 1, 1, 1, (90, 101), (9, 14), (82, 88), (0, 0), (1, 1), (1, 1), (1, 1), ((0, 0), (0, 0)))
PROBLEMS = {
    "valid": BASE,
    "borders": replace(BASE, output=(95, 110), start=(-5, -9), border=(("reflect", 2), ("wrap", "edge"))),
    "channels": replace(BASE, groups=2, channels_in=3, channels_out=2, bias=True, output=(82, 100), start=(0, -6)),
    "strided": replace(BASE, stride=(2, 3), output=(41, 30)),
    "one tile": replace(BASE, image=(20, 25), output=(12, 12)),
}
TYPES = [("float32", "float32", "float32", "float32"), ("float64", "float64", "float64", "complex128"),
         ("uint8", "int8", "float64", "int32"), ("int16", "float32", "float32", "float16"),
         ("float16", "float32", "float32", "float32"), ("bool", "uint8", "float64", "uint8")]
LENGTHS = [(32, 32), (64, 96), (96, 160)]


def typed(problem: Problem, types: tuple[str, str, str, str]) -> Problem:
    """The same with other dtypes."""
    image, kernel, accumulator, output = types
    return replace(problem, image_dtype=image, kernel_dtype=kernel, accumulator_dtype=accumulator, output_dtype=output,
                   overflow="wrap" if "int" in output else "proven")


def force(patch: pytest.MonkeyPatch, lengths: tuple[int, int]) -> None:
    """Let every tile have these lengths."""
    chosen = recipe.choose

    def choose(problem: Problem) -> recipe.FourierRecipe:
        return chosen(problem)._replace(lengths=lengths)

    for module in (parts, recipe):
        patch.setattr(module, "choose", choose)


def cases() -> list[tuple[str, Case, tuple[int, int]]]:
    """Problems with dtypes, views and lengths."""
    found = []
    for number, (name, problem) in enumerate(PROBLEMS.items()):
        for at, types in enumerate(TYPES):
            view = VIEWS[(number * len(TYPES) + at) % len(VIEWS)]
            case = Case(typed(problem, types), 77 + at, "plain" if view == "channels-last" else view, at % 2 == 0)
            found.append((name, case, LENGTHS[(number + at) % len(LENGTHS)]))
    return found


def expected(problem: Problem, image: np.ndarray, kernel: np.ndarray, bias: np.ndarray | None) -> Any:
    """What `direct` makes of it."""
    executable = direct.build(problem, output_view(problem), machine.detect(), 1)
    out = np.empty(problem.output_shape, numpy_dtype(problem.output_dtype))
    packed = None if bias is None else executable.pack_bias(bias)
    executable.run(image, executable.pack(kernel), packed, out, 1)
    return out


def compare(problem: Problem, got: np.ndarray, want: np.ndarray) -> None:
    """Integers exactly, floats nearly."""
    if problem.output_dtype.startswith(("float", "complex")):
        single = problem.accumulator_dtype in ("float32", "complex64")
        close = 2e-3 if problem.output_dtype == "float16" else 1e-4 if single else 1e-11
        np.testing.assert_allclose(got, want, rtol=close, atol=close)
    else:
        np.testing.assert_array_equal(got, want)


def _check(case: Case, where: str, known: Machine) -> None:
    p = case.problem
    image, kernel, bias = arrays(case)
    memory.aligned = plane_part.aligned = _guarded_aligned(where)  # type: ignore[attr-defined]
    view = output_view(p, channels_last=case.channels_last)
    executable = fourier.build(p, view, known, 1)
    for part in executable.parts:
        assert isinstance(part, plane_part.PlanePart)
        part.tables = [place(table, where) for table in part.tables]
        part.roots = [place(roots, where) for roots in part.roots]
        part.negatives = place(part.negatives, where)
    out = place(np.zeros(view.shape, numpy_dtype(p.output_dtype)), where, writeable=True)
    packed = None if bias is None else place(executable.pack_bias(place(bias, where)), where)
    executable.run(place(image, where, case.view), executable.pack(place(kernel, where)), packed, out, 1)
    memory.aligned = plane_part.aligned = _aligned  # type: ignore[attr-defined]
    compare(p, view(out), expected(p, image, kernel, bias))


_aligned = memory.aligned


def too_far(what: str) -> Iterator[str]:
    """Tell the program of an image or an output that is wider than its memory."""
    problem = replace(BASE, batch=())
    image, kernel, _ = arrays(Case(problem, 1))
    if what != "behind the output":
        problem = replace(problem, image=(90, 102), output=(82, 89))
    yield from transformed_too_far(problem, beside(image, what), kernel, what)


def transformed_too_far(problem: Problem, seen: np.ndarray, kernel: np.ndarray, what: str) -> Iterator[str]:
    """Run the tiles of a problem that says more than ``seen`` holds, or with an output that is one short."""
    out = np.zeros(problem.output_shape, np.float32)
    if what == "behind the output":
        out = one_short(out)
    executable = fourier.build(problem, output_view(problem), machine.detect(), 1)
    packed, part = executable.pack(kernel), executable.parts[0]
    assert isinstance(part, (plane_part.PlanePart, line_part.LinePart))
    yield "before"
    part.run(seen, packed[0][0], None, out, 1)
    yield "after"


def checks(cases: Callable[[], Any], force: Callable[..., None], check: Callable[[Case, str, Machine], None],
           isa: str, step: str = "1") -> Iterator[str]:
    """Check cases with tiles of their length, their arrays behind a protected page and before one."""
    known = machine_of(isa)
    for name, case, lengths in cases()[::int(step)]:
        with pytest.MonkeyPatch.context() as patch:
            force(patch, lengths)
            for where in ("begin", "end"):
                yield f"{name} {case} {lengths} {where}"
                check(case, where, known)


if __name__ == "__main__":
    program(partial(checks, cases, force, _check), too_far)
