"""How many rows of outputs a tile of lines has: fewer where rows of the image would collide in the cache."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from faltung import machine, reference
from faltung.algorithms import separable
from faltung.algorithms.separable import schedule
from faltung.problem.problem import Problem
from grid import structured
from grid.cases import Case, arrays
from grid.check import run
from grid.isas import EACH

HALF = replace(structured.BASE, image=(45, 1024), output=(23, 512), kernel=(5, 5), start=(-2, -2), stride=(2, 2))
build = partial(structured.build, separable)


def rows_of(problem: Problem) -> int:
    known = machine.fake("avx512", l1_bytes=32 << 10)
    return schedule.tile_rows(problem, known, schedule.block_of(problem, known))


def test_which_rows_are_taken_by_twos() -> None:
    assert rows_of(HALF) == 2
    assert rows_of(replace(HALF, image=(45, 1040), output=(23, 520))) == 4  # these do not collide
    assert rows_of(replace(HALF, stride=(1, 1), output=(45, 1024))) == 4  # nor do so few
    assert rows_of(replace(HALF, kernel=(9, 5), start=(-4, -2))) == 4  # two collide as well
    assert rows_of(replace(HALF, output=(1, 512))) == 1


@pytest.mark.parametrize("isa", EACH)
def test_that_changes_no_bit(isa: str, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    image, kernel = arrays(Case(HALF, 1))[0], np.outer([1, 4, 6, 4, 1], [1, 3, 5, 7, 9]).astype("f4")[None, None, None]
    found = set()
    for rows in (2, 4):
        monkeypatch.setattr(schedule, "tile_rows", lambda *_, rows=rows: rows)
        for threads in (1, 2):
            executable = build(HALF, isa, threads)
            got = run(HALF, image, kernel, None, machine.detect(), threads=threads, executable=executable)[0]
            assert executable.recipe.rows == rows
            found.add(got.tobytes())
    assert len(found) == 1
    np.testing.assert_allclose(got, reference.correlate(HALF, image, kernel), rtol=1e-5, atol=1e-3)
