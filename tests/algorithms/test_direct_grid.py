"""`direct` against the oracle, over every parameter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faltung import machine
from faltung.machine import Machine
from grid.cases import Case, draw, draw_bytes, draw_line
from grid.check import check, poisoned_workspaces
from grid.isas import SMALLER
from grid.sample import check_some

CACHES = (0, 1 << 12, 1 << 14)
"""Second-level caches in bytes, 0 being this machine's: a small one parts the work into many blocks."""


def machine_of(seed: int, known: Machine | None = None) -> Machine:
    known = known or machine.detect()
    cache = CACHES[seed % len(CACHES)]
    return replace(known, l2_bytes=cache) if cache else known


def check_seed(seed: int, known: Machine | None = None, case: Case | None = None) -> None:
    with poisoned_workspaces():
        case = case or draw(seed)
        try:
            check(case, machine_of(seed, known), threads=1 + seed % 2)
        except BaseException as error:
            error.add_note(f"{case}: {case.problem}")
            raise


@pytest.mark.parametrize("seed", range(160))
def test_the_oracle_agrees(seed: int) -> None:
    check_seed(seed)


@pytest.mark.parametrize("seed", range(400, 430))
def test_bytes_agree(seed: int) -> None:
    check_seed(seed, case=draw_bytes(seed))


@pytest.mark.parametrize("seed", range(430, 445))
def test_long_lines_agree(seed: int) -> None:
    check_seed(seed, case=draw_line(seed))


def smaller_machines() -> list[Machine]:
    """Smaller instruction sets that this processor runs as well."""
    return [machine.fake(isa, triple="") for isa in SMALLER]


@pytest.mark.parametrize("known", smaller_machines(), ids=lambda known: known.isa)
@pytest.mark.parametrize("seed", range(300, 324))
def test_smaller_instruction_sets_agree(seed: int, known: Machine) -> None:
    check_seed(seed, known)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1000, 5000, 200))
def test_the_oracle_agrees_at_length(first: int) -> None:
    def check_one(seed: int) -> None:
        check_seed(seed, case=(draw_line if seed % 25 == 0 else draw_bytes if seed % 5 == 0 else draw)(seed))

    check_some(check_one, range(first, first + 200), 60)


@pytest.mark.slow
@pytest.mark.parametrize("known", smaller_machines(), ids=lambda known: known.isa)
@pytest.mark.parametrize("first", range(5000, 6000, 200))
def test_smaller_instruction_sets_agree_at_length(first: int, known: Machine) -> None:
    check_some(lambda seed: check_seed(seed, known), range(first, first + 200), 60)


def test_the_grid_meets_every_kind() -> None:
    drawn = [draw(seed).problem for seed in range(160)]
    assert {p.ndim for p in drawn} == {1, 2, 3, 4, 5}
    assert {step for p in drawn for step in p.stride} == {1, 2, 3, 4}
    assert {step for p in drawn for step in p.kernel_dilation} == {1, 2, 3}
    assert {step for p in drawn for step in p.image_dilation} == {1, 2, 3, 4}
    assert {type(side) if not isinstance(side, str) else side for p in drawn for pair in p.border for side in pair} == {
        "edge", "reflect", "symmetric", "wrap", int, float}
    assert {p.accumulator_dtype for p in drawn} == {"float32", "float64", "complex64", "complex128", "int32", "int64"}
    assert {p.overflow for p in drawn} == {"proven", "raise", "wrap", "saturate"}
    assert len({p.activation for p in drawn}) == 7
    assert max(p.channels_out for p in drawn) > 16 < max(p.channels_in for p in drawn)
    assert min(min(p.start) for p in drawn) < -10 < 10 < max(max(p.start) for p in drawn)
    assert np.mean([p.bias for p in drawn]) > 0.2
