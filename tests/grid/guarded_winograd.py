"""Minimal filtering between pages that nobody may touch; run as a program.

``python -m grid.guarded_winograd [inside] FIRST LAST MACHINE`` checks cases;
``python -m grid.guarded_winograd --break WHAT`` goes too far.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from algorithms import test_winograd, test_winograd_inside
from faltung import machine
from faltung.algorithms import winograd
from faltung.compiler import memory
from faltung.machine import Machine
from faltung.problem.promotion import numpy_dtype
from grid.cases import Case, arrays, output_view
from grid.guarded import _guarded_aligned, each, one_short, place, program
from grid.guarded_planes import expected

_aligned = memory.aligned


def case_of(seed: int, *, inside: bool) -> Case:
    """A problem without activation, whose own errors are not at issue here."""
    case = (test_winograd_inside if inside else test_winograd).drawn(seed)
    return replace(case, problem=replace(case.problem, activation=None),
                   view="plain" if case.view == "channels-last" else case.view)


def _build(case: Case, seed: int, known: Machine, *, inside: bool) -> Any:
    if inside:
        return test_winograd_inside.built(case, known, 1, np.random.default_rng(seed))
    choices = test_winograd.recipes(case, known)
    recipe = choices[seed * 17 % len(choices)]
    return test_winograd.built(case, known, recipe, width=test_winograd.width_of(recipe, seed))


def _check(case: Case, where: str, known: Machine, *, inside: bool) -> None:
    p, seed = case.problem, case.seed
    if winograd.applies(p) is not None or winograd.is_inside(p) != inside:
        return
    image, kernel, bias = arrays(case)
    memory.aligned = _guarded_aligned(where)
    executable = _build(case, seed, known, inside=inside)
    for part in executable.parts:
        part.rows, part.fills = place(part.rows, where), place(part.fills, where)
    view = output_view(p, channels_last=case.channels_last)
    out = place(np.zeros(view.shape, numpy_dtype(p.output_dtype)), where, writeable=True)
    packed = None if bias is None else place(executable.pack_bias(place(bias, where)), where)
    pack = executable.pack if inside or seed % 2 else executable.pack_once
    executable.run(place(image, where, case.view), pack(place(kernel, where)), packed, out, 1)
    memory.aligned = _aligned
    want = expected(p, image, kernel, bias)
    np.testing.assert_allclose(view(out), want, atol=float(np.abs(want).max(initial=1)) * 1e-4)


def too_far(what: str) -> Iterator[str]:
    """Tell the program of an image or an output that is wider than its memory."""
    problem = replace(test_winograd.PLAIN, batch=(), channels_in=1)
    image, kernel, _ = arrays(Case(problem, 1))
    seen = place(image, "end")
    wider = replace(problem, image=(13, 23), output=(13, 23))
    executable = winograd.build(wider, output_view(wider), machine.detect(), 1)
    out = np.zeros(wider.output_shape, np.float32)
    if what == "behind the output":
        out = one_short(out)
        seen = np.zeros(wider.image_shape, np.float32)
    yield "before"
    executable.run(seen, executable.pack(kernel), None, out, 1)
    yield "after"


def checks(*words: str) -> Iterator[str]:
    """Check tiles that are computed outside of the products, or inside."""
    inside = words[0] == "inside"
    return each(partial(case_of, inside=inside), partial(_check, inside=inside), *words[inside:])


if __name__ == "__main__":
    program(checks, too_far)
