"""The matrices of F(m, r), and the programs that they become, are what the algebra demands: in exact fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from faltung.algorithms.winograd.linear import Program, program, programs
from faltung.algorithms.winograd.matrices import POINTS, filtering, growth
from faltung.algorithms.winograd.recipe import DILATED_TILES, LINE_TILES, STRIDED_TILES, TILES

TABLES = [(TILES, 1, 1, 0), (LINE_TILES, 1, 1, 0), (STRIDED_TILES, 2, 1, 0), (DILATED_TILES, 1, 2, 0),
          (DILATED_TILES, 1, 2, 1)]
ALL = [(m, r, *apart) for table, *apart in TABLES for r, tiles in table.items() for m in tiles]
MORE = [(m, n + 1 - m, 1, 1, 0) for n in POINTS for m in range(1, n + 1)]
MORE += [(3, 7, 3, 1, 0), (2, 3, 3, 1, 0), *((6, 5, 1, 3, start) for start in range(3))]


def as_matrix(one: Program) -> list[list[Fraction]]:
    """What a program does to each unit vector, as rows."""
    columns = []
    for j in range(one.inputs):
        unit = [Fraction(int(i == j)) for i in range(one.inputs)]
        columns.append(one.run(unit, lambda factor, a, b: factor * a + (b or 0), Fraction(0)))
    return [list(row) for row in zip(*columns, strict=True)]


@pytest.mark.parametrize(("m", "r", "stride", "dilation", "start"), MORE + ALL)
def test_an_output_is_the_sum_of_taps_times_samples(m: int, r: int, stride: int, dilation: int, start: int) -> None:
    f = filtering(m, r, stride, dilation, start)
    for i in range(m):
        for k in range(r):
            for d in range(f.span):
                total = sum(f.outputs[i][j] * f.taps[j][k] * f.samples[j][d] for j in range(f.n))
                assert total == int((d + (start > 0)) * dilation == start + i * stride + k)


@pytest.mark.parametrize(("m", "r", "stride", "dilation", "start"), MORE + ALL)
def test_programs_do_what_their_matrices_say(m: int, r: int, stride: int, dilation: int, start: int) -> None:
    f = filtering(m, r, stride, dilation, start)
    for matrix, one in zip((f.outputs, f.taps, f.samples), programs(m, r, stride, dilation, start), strict=True):
        assert as_matrix(one) == [list(row) for row in matrix]


def test_zero_rows_and_columns() -> None:
    matrix = ((Fraction(0), Fraction(0)), (Fraction(2), Fraction(0)))
    assert as_matrix(program(matrix)) == [list(row) for row in matrix]


@pytest.mark.parametrize(("m", "r", "stride", "dilation", "start"), ALL)
def test_factors_of_samples_and_outputs_are_exact(m: int, r: int, stride: int, dilation: int, start: int) -> None:
    for one in (programs(m, r, stride, dilation, start).samples, programs(m, r, stride, dilation, start).outputs):
        for step in one.steps:
            assert Fraction(float(np.float32(float(step.factor)))) == step.factor


def test_pairs_save_operations() -> None:
    assert {name: len(one.steps) for name, one in programs(4, 3)._asdict().items()} == {
        "outputs": 12, "taps": 9, "samples": 12}
    assert len(programs(2, 3).samples.steps) == 4


def test_growth_is_what_the_worst_signs_reach() -> None:
    assert growth(1, 1) == 1
    assert growth(2, 3) == 4
    assert 13 < growth(4, 3) < 13.3
