"""Kernels most of whose taps are zero: against the oracle, and bit for bit what `direct` gives."""

from __future__ import annotations

import signal
from dataclasses import replace
from functools import partial
from math import prod
from typing import Any

import numpy as np
import pytest

import faltung as ft
from faltung import machine, reference
from faltung.algorithms import sparse
from faltung.algorithms.direct.costs import packing_cycles
from faltung.algorithms.sparse import schedule
from faltung.algorithms.sparse.executable import PATTERNS, Pattern
from faltung.problem.problem import Problem
from grid import structured
from grid.cases import VIEWS, Case, arrays, lay_out, misaligned, output_view
from grid.check import run
from grid.isas import EACH, EACH_SMALLER
from grid.process import python, succeed
from grid.sample import check_some
from grid.sparse_cases import draw, sparse_kernel
from grid.structured import needs_mprotect

BASE = replace(structured.BASE, kernel=(5, 5), start=(-2, -2))
build = partial(structured.build, sparse)


def check(case: Case, isa: str = "own", *, pattern: bool = True) -> None:
    executable = build(case.problem, isa, last=case.channels_last)
    if not pattern:
        executable._programs = {Pattern((-1, number)): None for number in range(PATTERNS)}
    structured.check(executable, case, sparse_kernel(case))


@pytest.mark.parametrize("seed", range(24))
def test_against_the_oracle(seed: int) -> None:
    check(draw(seed))


@pytest.mark.parametrize("seed", range(100, 106))
def test_places_from_the_table(seed: int) -> None:
    check(draw(seed), pattern=False)


@pytest.mark.parametrize("isa", EACH_SMALLER)
@pytest.mark.parametrize("seed", range(200, 205))
def test_smaller_instruction_sets(seed: int, isa: str) -> None:
    check(draw(seed), isa)


@pytest.mark.slow
@pytest.mark.parametrize("isa", EACH)
@pytest.mark.parametrize("first", range(1000, 1300, 100))
def test_many_more_against_the_oracle(first: int, isa: str) -> None:
    check_some(lambda seed: check(draw(seed), isa, pattern=seed % 3 > 0), range(first, first + 100), 15)


@pytest.mark.parametrize("known", [machine.detect(), *map(machine.fake, machine.ISAS)], ids=lambda known: known.isa)
def test_a_prediction_needs_no_frame(known: machine.Machine) -> None:
    for seed in range(60):
        case = draw(seed)
        p, output = case.problem, output_view(case.problem, channels_last=case.channels_last)
        frame = schedule.frame_of(p, output, known, 1)
        predicted = sparse.predicted_cycles(p, output, known, 1)
        assert predicted == schedule.cycles(frame)
        packed = packing_cycles(frame) * prod(frame.blocks) * prod(frame.problem.batch) * p.groups
        assert packed < predicted


# ---------------------------------------------------------------- memory

@needs_mprotect
@pytest.mark.parametrize("isa", EACH)
def test_arrays_at_protected_pages(isa: str) -> None:
    last = "12" if isa == "own" else "4"
    assert succeed("-m", "grid.guarded_structured", "sparse", "0", last, isa).endswith("survived\n")


@needs_mprotect
def test_one_step_too_far_is_found() -> None:
    done = python("-m", "grid.guarded_structured", "sparse", "--break", "behind the image")
    assert done.returncode == -signal.SIGSEGV, done.stdout + done.stderr
    assert done.stdout == "before\n"


# ---------------------------------------------------------------- bits

def operands(problem: Problem, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    case = Case(problem, seed)
    return arrays(case)[0], sparse_kernel(case)


def bits(problem: Problem, image: np.ndarray, kernel: np.ndarray, threads: int = 1) -> bytes:
    executable = build(problem, threads=threads)
    return run(problem, image, kernel, None, machine.detect(), threads=threads, executable=executable)[0].tobytes()


@pytest.mark.parametrize("bad", [1.0, np.nan])
def test_any_number_of_threads(bad: float) -> None:
    problem = replace(BASE, image=(130, 1300), output=(130, 1300), batch=(2,))
    image, kernel = operands(problem)
    image[..., 40, 700] = bad
    assert len({bits(problem, image, kernel, threads) for threads in (1, 2, 3) for _ in range(3)}) == 1


def test_any_batch_strides_and_alignment() -> None:
    several, alone = (replace(BASE, image=(40, 1024), output=(40, 1024), batch=batch) for batch in ((3,), (1,)))
    image, kernel = operands(several)
    one = image[1:2].copy()
    want = bits(alone, one, kernel)
    together, _ = run(several, image, kernel, None, machine.detect(), executable=build(several))
    assert together[1:2].tobytes() == want
    seen = [*(lay_out(Case(alone, 0, view), one) for view in VIEWS if view != "broadcast"),
            *(misaligned(one, offset) for offset in (1, 4, 8, 33))]
    assert {bits(alone, view, kernel) for view in seen} == {want}


@pytest.mark.parametrize(("shape", "dtype"), [((5, 5), "float32"), ((31,), "float64"), ((3, 3, 3), "float32")])
def test_patterns_beyond_the_first_few_change_no_bit(shape: tuple[int, ...], dtype: str, rng: np.random.Generator,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faltung.algorithms.sparse.executable.PATTERNS", 1)
    image = rng.standard_normal((20, 30, 40)[:len(shape)]).astype(dtype)
    kernels = []
    for _ in range(3):
        kernel = np.zeros(int(np.prod(shape)), dtype)
        kernel[rng.choice(kernel.size, kernel.size // 3, replace=False)] = 1
        kernels.append(kernel.reshape(shape) * rng.standard_normal(shape).astype(dtype))
    plan = ft.plan(ft.correlate, image, ft.Like(shape, dtype), "same", method="sparse")
    together = [plan(image, kernel).tobytes() for kernel in kernels]
    alone = [ft.plan(ft.correlate, image, kernel, "same", method="sparse")(image).tobytes() for kernel in kernels]
    assert together == alone
    assert {bool(pattern.places) for pattern in plan.way.executable._programs} == {True, False}


@pytest.mark.parametrize("taps", [[1, -1, 2], [-2**63, 2**62, 1], [3, -4, 2**63 - 1], [5, 6, 7]], ids=str)
def test_powers_of_two_are_shifts(taps: list[int], rng: np.random.Generator) -> None:
    kernel = np.zeros((3, 3), np.int64)
    kernel[[0, 1, 2], [1, 2, 0]] = taps
    x = rng.integers(-2**62, 2**62, (20, 50))
    wished: Any = {"dtype": "int64", "overflow": "wrap", "border": "edge"}
    plan = ft.plan(ft.correlate, x, kernel, "same", method="sparse", **wished)
    np.testing.assert_array_equal(plan(x), ft.correlate(x, kernel, "same", method="direct", **wished))
    powers = sum(abs(tap).bit_count() == 1 for tap in taps)
    pattern, = plan.way.executable._programs
    assert sum(map(bool, pattern.factors)) == powers
    assert (" = mul <" in plan.ir()) == (powers < 3)


@pytest.mark.parametrize(("taps", "products"), [([3, 5, 7, 9], 4), ([3, -3, 3, 3], 1), ([5, 2, 2, -5], 1),
                                                ([-2**63 + 1, 2**63 - 1, 7, -7], 2), ([4, -4, 2, 1], 0)], ids=str)
@pytest.mark.parametrize("isa", EACH)
def test_equal_and_opposite_taps_share_a_product(isa: str, taps: list[int], products: int,
                                                 rng: np.random.Generator) -> None:
    problem = replace(BASE, image=(20, 50), output=(20, 50), kernel=(3, 3), start=(-1, -1), image_dtype="int64",
                      kernel_dtype="int64", accumulator_dtype="int64", output_dtype="int64", overflow="wrap")
    kernel = np.zeros(problem.kernel_shape, np.int64)
    kernel[0, 0, 0, [0, 1, 2, 0], [1, 2, 0, 2]] = taps
    x, executable = rng.integers(-2**62, 2**62, problem.image_shape), build(problem, isa)
    got, _ = run(problem, x, kernel, None, machine.detect(), executable=executable)
    np.testing.assert_array_equal(got, reference.correlate(problem, x, kernel))
    # a product for each sum of a tile
    _, rows, vectors = executable.recipe.tile
    assert executable.ir().count(f" = mul <{executable.frame.lanes} x i64>") == products * rows * vectors


def test_kernels_of_several_groups_share_where_all_do(rng: np.random.Generator) -> None:
    problem = replace(BASE, groups=2, image=(9, 40), output=(9, 40), image_dtype="int64", kernel_dtype="uint8",
                      accumulator_dtype="int64", output_dtype="int64", overflow="wrap")
    kernel = np.zeros(problem.kernel_shape, np.uint8)
    kernel[:, 0, 0, 0, :4] = [[255, 1, 255, 3], [5, 251, 5, 6]]  # opposite modulo 256 only
    x, executable = rng.integers(-2**62, 2**62, problem.image_shape), build(problem)
    got, _ = run(problem, x, kernel, None, machine.detect(), executable=executable)
    np.testing.assert_array_equal(got, reference.correlate(problem, x, kernel))
    pattern, = executable._programs
    assert pattern.twins == (1, 2, 1, 4)


# ---------------------------------------------------------------- what is not finite

@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("dtype", "border", "width"), [
    ("float32", "reflect", 40), ("float32", np.inf, 3), ("float64", "wrap", 40), ("float16", 0, 40)])
def test_exactly_the_footprint(width: int, border: Any, dtype: str, bad: float, rng: np.random.Generator) -> None:
    kernel = np.zeros((1, 1, 1, 3, 5), dtype)
    kernel[..., [0, 1, 2, 1], [1, 0, 3, 2]] = 1, -2, 3, 1
    sums = dtype if dtype == "float64" else "float32"
    problem = replace(BASE, image=(11, width), output=(11, width), kernel=(3, 5), start=(-1, -2),
                      border=((border, border),) * 2, image_dtype=dtype, kernel_dtype=dtype, accumulator_dtype=sums,
                      output_dtype=dtype)
    image = rng.integers(1, 9, problem.image_shape).astype(dtype)
    image[0, 0, 0, 2] = image[0, 0, 6, width // 2] = bad
    with np.errstate(all="ignore"):
        want = reference.correlate(problem, image, kernel)
    got, _ = run(problem, image, kernel, None, machine.detect(), executable=build(problem))
    np.testing.assert_array_equal(got, want)


# ---------------------------------------------------------------- the choice

def test_a_dilated_kernel_with_its_zeros_written_out() -> None:
    kernel = np.zeros((33, 33), np.float32)
    kernel[::8, ::8] = np.random.default_rng(5).standard_normal((5, 5))
    plan = ft.plan(ft.correlate, ft.Like((256, 256), "float32"), kernel, "same")
    assert plan.recipe.algorithm == "sparse"
    assert plan.error_bound == 33 * 33 + 2
    plan.update(np.ones_like(kernel) + kernel)
    assert plan.recipe.algorithm != "sparse"


def test_too_few_zeros() -> None:
    with pytest.raises(ft.PlanError, match="more than 5 of its 9 taps are not zero"):
        ft.correlate(np.ones((9, 9)), np.ones((3, 3)), method="sparse")


def test_code_is_shown_for_the_patterns_at_hand() -> None:
    kernel = np.eye(3, dtype=np.float32)[None]  # of a volume, whose blocks are packed
    plan = ft.plan(ft.correlate, ft.Like((4, 64, 64), "float32"), kernel, "same", method="sparse")
    assert "watch_row" in plan.ir()
    assert plan.assembly()
    assert "define internal i64 @any" in plan.ir()
