"""Tiles as lines, of any number of axes, whose arrays touch pages that nobody may touch; run as a program.

``python -m grid.guarded_lines MACHINE [STEP]`` checks all cases, or one in so many;
``python -m grid.guarded_lines --break WHAT`` goes too far.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from faltung.algorithms import fourier
from faltung.algorithms.fourier import line_part, parts, recipe
from faltung.algorithms.fourier.line import line_lengths
from faltung.compiler import memory
from faltung.machine import Machine
from faltung.problem.problem import Problem
from faltung.problem.promotion import numpy_dtype
from grid.cases import VIEWS, Case, arrays, output_view
from grid.guarded import _guarded_aligned, beside, place, program
from grid.guarded_planes import checks, compare, expected, transformed_too_far, typed

LINE = Problem((2,), 1, 1, 1, (1300,), (70,), (1231,), (0,), (1,), (1,), (1,), ((0, 0),))
VOLUME = Problem((), 1, 1, 1, (14, 17, 40), (4, 3, 9), (11, 15, 32), (0,) * 3, (1,) * 3, (1,) * 3, (1,) * 3,
                 ((0, 0),) * 3)
PROBLEMS = {
    "valid": LINE,
    "borders": replace(LINE, output=(1400,), start=(-80,), border=(("reflect", 2),)),
    "wrapped": replace(LINE, output=(1500,), start=(-100,), border=(("wrap", "edge"),)),
    "channels": replace(LINE, groups=2, channels_in=3, channels_out=2, bias=True, output=(1300,), start=(-35,)),
    "strided": replace(LINE, stride=(3,), kernel_dilation=(2,), output=(388,)),
    "one tile": replace(LINE, image=(200,), output=(131,)),
    "all of both": replace(LINE, image=(443,), output=(512,), start=(-69,), bias=True),
    "volume": VOLUME,
    "volume with borders": replace(VOLUME, output=(14, 20, 41), start=(-2, -3, -5), stride=(1, 1, 1), bias=True,
                                   border=(("wrap", 3), (1, "reflect"), ("edge", 2))),
    "volume, strided": replace(VOLUME, batch=(2,), stride=(2, 1, 3), output=(6, 15, 11), channels_in=2),
    "image": replace(VOLUME, image=(30, 44), kernel=(5, 9), output=(30, 44), start=(-2, -4), stride=(1, 1),
                     kernel_dilation=(1, 1), image_dilation=(1, 1), border=(("symmetric", 1), (2, "wrap"))),
}
TYPES = [("float32", "float32", "float32", "float32"), ("float64", "float64", "float64", "complex128"),
         ("uint8", "int8", "float64", "int32"), ("complex64", "complex64", "complex64", "complex64"),
         ("float16", "complex64", "complex64", "complex64"), ("complex128", "float64", "complex128", "complex128"),
         ("int16", "float32", "float32", "float16"), ("bool", "uint8", "float64", "uint8")]
SAMPLES = (256, 768, 1536)
"""Small transforms make several tiles, and each side of the rectangle once."""


def force(patch: pytest.MonkeyPatch, samples: int) -> None:
    """Let every tile be transformed as a line of so many samples, or the next length that holds more than a kernel."""
    patch.setattr(recipe, "LEAST_LENGTH", 256)
    least = [n for n in line_lengths() if n >= samples]

    def choose(problem: Problem) -> recipe.FourierRecipe:
        lengths, length = min(recipe._lines(problem), key=lambda found: (found[1] not in least, found[1]))
        return recipe.FourierRecipe(lengths, recipe.transform_dtype(problem), length)

    for module in (parts, recipe):
        patch.setattr(module, "choose", choose)


def cases() -> list[tuple[str, Case, int]]:
    """Problems with dtypes, views and lengths."""
    found = []
    for number, (name, problem) in enumerate(PROBLEMS.items()):
        for at, types in enumerate(TYPES):
            if name == "image" and "complex" not in types[2]:
                continue
            view = VIEWS[(number * len(TYPES) + at) % len(VIEWS)]
            case = Case(typed(problem, types), 77 + at, "plain" if view == "channels-last" else view, at % 2 == 0)
            found.append((name, case, SAMPLES[(number + at) % len(SAMPLES)]))
    return found


def _check(case: Case, where: str, known: Machine) -> None:
    p = case.problem
    image, kernel, bias = arrays(case)
    memory.aligned = line_part.aligned = line_part.reused = _guarded_aligned(where)  # type: ignore[attr-defined]
    view = output_view(p, channels_last=case.channels_last)
    executable = fourier.build(p, view, known, 1)
    for part in executable.parts:
        assert isinstance(part, line_part.LinePart)
        part.edges = [place(edge, where) for edge in part.edges]
        part.roots = [place(roots, where) for roots in part.roots]
        part.turns = place(part.turns, where)
    out = place(np.zeros(view.shape, numpy_dtype(p.output_dtype)), where, writeable=True)
    packed = None if bias is None else place(executable.pack_bias(place(bias, where)), where)
    executable.run(place(image, where, case.view), executable.pack(place(kernel, where)), packed, out, 1)
    memory.aligned, line_part.aligned, line_part.reused = _aligned, _aligned, _reused  # type: ignore[attr-defined]
    compare(p, view(out), expected(p, image, kernel, bias))


_aligned, _reused = memory.aligned, line_part.reused


def too_far(what: str) -> Iterator[str]:
    """Tell the program of a line or an output that is longer than its memory."""
    problem = replace(LINE, batch=())
    image, kernel, _ = arrays(Case(problem, 1))
    if what != "behind the output":
        problem = replace(problem, image=(1301,), output=(1232,))
    yield from transformed_too_far(problem, beside(image, what), kernel, what)


if __name__ == "__main__":
    program(partial(checks, cases, force, _check), too_far)
