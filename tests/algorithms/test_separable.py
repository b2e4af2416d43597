"""Kernels that are the product of two lines: against the oracle, with equal bits on any number of threads."""

from __future__ import annotations

import signal
from dataclasses import replace
from functools import partial, reduce
from typing import Any

import numpy as np
import pytest

import faltung as ft
from faltung import machine, reference
from faltung.algorithms import separable
from faltung.algorithms.separable import schedule
from faltung.algorithms.separable.structure import float_lines, form_of, integer_lines
from faltung.problem.problem import Problem
from grid import structured
from grid.cases import VIEWS, Case, arrays, lay_out, misaligned, output_view
from grid.check import run
from grid.isas import EACH, EACH_SMALLER
from grid.pairs import pairs
from grid.process import python, succeed
from grid.sample import check_some
from grid.separable_cases import draw, draw_volume, product_of_lines
from grid.structured import BASE, needs_mprotect

build = partial(structured.build, separable)


def check(case: Case, isa: str = "own", threads: int = 1) -> None:
    executable = build(case.problem, isa, threads, last=case.channels_last)
    structured.check(executable, case, product_of_lines(case), threads)


@pytest.mark.parametrize("seed", range(60))
def test_against_the_oracle(seed: int) -> None:
    check(draw(seed))


@pytest.mark.parametrize("seed", range(300, 310))
def test_what_comes_next_is_fetched(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "FETCHED_BYTES", 0)
    check(draw_volume(seed) if seed % 5 == 0 else draw(seed))


def past_caches(known: machine.Machine, held_bytes: int) -> bool:
    return known.isa != "neon" and held_bytes > 0


@pytest.mark.parametrize("seed", range(400, 410))
def test_outputs_are_stored_past_the_caches(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.Machine, "stores_past_caches", past_caches)
    check(draw_volume(seed) if seed % 5 == 0 else draw(seed), threads=1 + seed % 2)


def test_stores_past_the_caches_change_no_bit(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    problem = replace(BASE, image=(70, 205), output=(70, 205), kernel=(3, 3), start=(-1, -1))
    image, kernel = arrays(Case(problem, 1))[0], np.outer([1, 2, 1], [-1, 0, 1]).astype("f4")[None, None, None]
    plain = build(problem, threads=2)
    monkeypatch.setattr(machine.Machine, "stores_past_caches", past_caches)
    past = build(problem, threads=2)
    assert plain.recipe == past.recipe._replace(past_caches=False)
    found = set()
    for offset in (0, 4, 8, 16, 48):
        for executable in (plain, past):
            out = misaligned(np.zeros(problem.output_shape, np.float32), offset)
            executable.run(image, executable.pack(kernel), None, out, 2)
            found.add(out.tobytes())
    assert len(found) == 1
    if past.recipe.past_caches:
        assert "!nontemporal" in past.ir()
        assert "sfence" in past.ir()
    assert "!nontemporal" not in plain.ir()


def test_which_machines_store_past_their_caches() -> None:
    known = machine.fake("avx512", l3_bytes=1 << 25)
    assert known.stores_past_caches(1 << 25)
    assert not known.stores_past_caches((1 << 25) - 1)
    assert not replace(known, wide_pipes=2).stores_past_caches(1 << 40)
    assert not machine.fake("avx512").stores_past_caches(1 << 40)
    assert not machine.fake("avx2", l3_bytes=1).stores_past_caches(1 << 40)


@pytest.mark.parametrize("seed", range(30))
def test_volumes(seed: int) -> None:
    check(draw_volume(seed))


@pytest.mark.parametrize("isa", EACH_SMALLER)
@pytest.mark.parametrize("seed", range(200, 210))
def test_smaller_instruction_sets(seed: int, isa: str) -> None:
    check(draw(seed), isa)


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_code_for_a_machine_that_is_not_there(dtype: str) -> None:
    problem = typed(replace(BASE, kernel=(19, 20)), dtype, "float32", dtype)
    executable = separable.build(problem, output_view(problem), machine.fake("neon"), 1)
    assert "define" in executable.ir()
    assert "fmla" in executable.assembly() or "fadd" in executable.assembly()


# ---------------------------------------------------------------- memory

@needs_mprotect
@pytest.mark.parametrize("isa", EACH)
def test_arrays_at_protected_pages(isa: str) -> None:
    last = "24" if isa == "own" else "10"
    assert succeed("-m", "grid.guarded_structured", "separable", "0", last, isa).endswith("survived\n")


@needs_mprotect
def test_volumes_at_protected_pages() -> None:
    assert succeed("-m", "grid.guarded_structured", "volumes", "0", "12", "own").endswith("survived\n")


@needs_mprotect
@pytest.mark.parametrize("what", ["before the image", "behind the image", "behind the output"])
def test_one_step_too_far_is_found(what: str) -> None:
    done = python("-m", "grid.guarded_structured", "separable", "--break", what)
    assert done.returncode == -signal.SIGSEGV, done.stdout + done.stderr
    assert done.stdout == "before\n"


# ---------------------------------------------------------------- bits

def typed(problem: Problem, image: str, sums: str, output: str, overflow: str = "saturate") -> Problem:
    whole = output.startswith(("int", "uint"))
    kernel = sums if sums.startswith("float") else "int32"
    return replace(problem, image_dtype=image, kernel_dtype=kernel, accumulator_dtype=sums, output_dtype=output,
                   overflow=overflow if whole else "proven")


TYPES = [("float32", "float32", "float32"), ("uint8", "float32", "uint8"), ("float64", "float64", "float64"),
         ("uint8", "int32", "int16"), ("uint16", "int32", "int32")]
LARGE = replace(BASE, image=(130, 1300), output=(130, 1300), batch=(2,))


def operands(problem: Problem, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    case = Case(problem, seed)
    return arrays(case)[0], product_of_lines(case)


def bits(problem: Problem, image: np.ndarray, kernel: np.ndarray, threads: int = 1) -> bytes:
    executable = build(problem, threads=threads)
    return run(problem, image, kernel, None, machine.detect(), threads=threads,
               executable=executable)[0].tobytes()


@pytest.mark.parametrize("bad", [1.0, np.nan])
@pytest.mark.parametrize("types", TYPES, ids=str)
def test_any_number_of_threads(types: tuple[str, str, str], bad: float) -> None:
    problem = typed(LARGE, *types)
    image, kernel = operands(problem)
    if types[0].startswith("float"):
        image[..., 40, 700] = bad
    assert len({bits(problem, image, kernel, threads) for threads in (1, 2, 3) for _ in range(3)}) == 1


@pytest.mark.parametrize("types", TYPES, ids=str)
def test_any_batch_strides_and_alignment(types: tuple[str, str, str]) -> None:
    several, alone = (typed(replace(BASE, image=(40, 1024), output=(40, 1024), batch=batch), *types)
                      for batch in ((3,), (1,)))
    image, kernel = operands(several)
    one = image[1:2].copy()
    want = bits(alone, one, kernel)
    together, _ = run(several, image, kernel, None, machine.detect(), executable=build(several))
    assert together[1:2].tobytes() == want
    seen = [*(lay_out(Case(alone, 0, view), one) for view in VIEWS if view != "broadcast"),
            *(misaligned(one, offset) for offset in (1, 4, 8, 33))]
    assert {bits(alone, view, kernel) for view in seen} == {want}


# ---------------------------------------------------------------- what is not finite, and what is nearly so

def oracle(problem: Problem, image: np.ndarray, kernel: np.ndarray) -> Any:
    with np.errstate(all="ignore"):
        return reference.correlate(problem, image, kernel)


@pytest.mark.parametrize(("lines", "border", "dtype", "bad"), pairs(
    [((1, 2, 1), (-1, 0, 1)), ((0, 1, 0, 2), (0, 3, 1, 0, 0)), ((1, 0, -1), (1, 1))], ["reflect", "wrap", 0],
    ["float32", "float64"], [np.nan, np.inf, -np.inf]))
def test_exactly_the_footprint(lines: Any, border: Any, dtype: str, bad: float, rng: np.random.Generator) -> None:
    kernel = np.multiply.outer(*map(np.array, lines)).astype(dtype)[None, None, None]
    problem = replace(typed(BASE, dtype, dtype, dtype), image=(11, 40), output=(11, 40), kernel=kernel.shape[3:],
                      start=(-1, -1), border=((border, border),) * 2)
    image = rng.integers(1, 9, problem.image_shape).astype(dtype)
    image[0, 0, 0, 5] = image[0, 0, 6, 20] = bad
    got, _ = run(problem, image, kernel, None, machine.detect(), executable=build(problem))
    np.testing.assert_array_equal(got, oracle(problem, image, kernel))


@pytest.mark.parametrize("side", [float("nan"), float("inf"), 2.5])
def test_a_border_that_is_not_finite(side: float, rng: np.random.Generator) -> None:
    for border in (((side, 1), ("edge", 0)), ((1, 0), (side, 3)), ((side, side), (side, side))):
        problem = replace(typed(BASE, "float32", "float32", "float32"), image=(9, 20), output=(9, 20), border=border)
        kernel = np.multiply.outer([1, -2, 0, 2, 1], [1, 0, 3, -4, 3, 0, 1]).astype("float32")[None, None, None]
        image = rng.integers(-4, 5, problem.image_shape).astype("float32")
        got, _ = run(problem, image, kernel, None, machine.detect(), executable=build(problem))
        np.testing.assert_array_equal(got, oracle(problem, image, kernel))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_of_two_samples_that_are_no_number_any_more(dtype: str) -> None:
    """Two large samples are finite, their sum is not: a mean of them is."""
    largest = float(np.finfo(dtype).max)
    problem = replace(typed(BASE, dtype, dtype, dtype), kernel=(3, 3), start=(-1, -1))
    kernel = np.multiply.outer([0.25, 0.5, 0.25], [0.25, 0.5, 0.25]).astype(dtype)[None, None, None]
    image = np.ones(problem.image_shape, dtype)
    image[..., 5:9, 50:60] = largest / 1.01
    got, _ = run(problem, image, kernel, None, machine.detect(), executable=build(problem))
    assert np.isfinite(got).all()
    np.testing.assert_allclose(got, oracle(problem, image, kernel), rtol=1e-5)


def test_a_huge_value_far_away_destroys_nothing() -> None:
    problem = typed(replace(BASE, image=(40, 400), output=(40, 400)), "float32", "float32", "float32")
    image, kernel = operands(problem)
    image[..., :100] = 1e20
    image[..., 110:] *= 1e-3
    got, _ = run(problem, image, kernel, None, machine.detect(), executable=build(problem))
    compare_within(problem, image, kernel, got, slice(120, 390))


def compare_within(problem: Problem, image: np.ndarray, kernel: np.ndarray, got: np.ndarray, columns: slice) -> None:
    want = oracle(replace(problem, output_dtype="float64"), image, kernel)[..., columns]
    unit = 2.0**-24 if problem.accumulator_dtype == "float32" else 2.0**-53
    wide = slice(columns.start - 7, columns.stop + 7)
    bound = separable.error_bound(problem) * unit * np.abs(image[..., wide]).max() * np.abs(kernel).sum()
    assert np.abs(got[..., columns] - want).max() <= bound


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("extents", [(3, 3), (9, 31), (65, 65)], ids=str)
def test_adversarial_signs_stay_within_the_bound(extents: tuple[int, int], dtype: str,
                                                 rng: np.random.Generator) -> None:
    """Every product of one sign, rounded the same way, as far as chance can have it."""
    unit = 2.0**-24 if dtype == "float32" else 2.0**-53
    problem = replace(typed(BASE, dtype, dtype, dtype), kernel=extents, image=extents, output=(1, 1), start=(0, 0))
    executable = build(problem)
    for _ in range(60):
        kernel = np.multiply.outer(*map(rng.standard_normal, extents)).astype(dtype)[None, None, None]
        image = (np.sign(kernel[0]) * (1 + unit * rng.integers(0, 9, extents))).astype(dtype)
        got, _ = run(problem, image, kernel, None, machine.detect(), executable=executable)
        exact = np.dot(image.astype(np.longdouble).ravel(), kernel.astype(np.longdouble).ravel())
        limit = separable.error_bound(problem) * unit * np.abs(image).max() * np.abs(kernel).astype(float).sum()
        assert abs(got.item() - exact) <= limit


@pytest.mark.parametrize(("output", "factor"), pairs(
    ["uint8", "int8", "int16", "uint16"], [1.0, -1.0, 0.5, 16.0, 100.0], together=1))
def test_halves_are_rounded_to_even_and_what_is_too_large_saturates(output: str, factor: float,
                                                                  rng: np.random.Generator) -> None:
    problem = replace(typed(BASE, "uint8", "float32", output), kernel=(3, 2))
    image = rng.integers(0, 256, problem.image_shape, "uint8")
    kernel = (factor * np.multiply.outer([0.25, 0.5, 0.25], [0.5, 0.25])).astype("float32")[None, None, None]
    executable = build(problem)
    assert executable.pack(kernel).form.small
    got, _ = run(problem, image, kernel, None, machine.detect(), executable=executable)
    np.testing.assert_array_equal(got, oracle(problem, image, kernel))
    assert not executable.pack(kernel * 1000).form.small or factor < 100


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("lines", [((1, 2, 1), (-1, 0, 1), (1, 1)), ((0, 1), (1, 0, 0), (0, 3, 1, 0, 0))])
def test_exactly_the_footprint_in_volumes(lines: Any, bad: float, rng: np.random.Generator) -> None:
    kernel = reduce(np.multiply.outer, map(np.array, lines)).astype("float32")[None, None, None]
    problem = volume((7, 9, 40), kernel.shape[3:], "float32")
    image = rng.integers(1, 9, problem.image_shape).astype("float32")
    image[0, 0, 0, 0, 5] = image[0, 0, 3, 6, 20] = bad
    got, _ = run(problem, image, kernel, None, machine.detect(), executable=build(problem))
    np.testing.assert_array_equal(got, oracle(problem, image, kernel))


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_volumes_have_the_same_bits_on_any_number_of_threads(dtype: str, rng: np.random.Generator) -> None:
    problem = typed(volume((40, 80, 600), (3, 4, 5), "float32"), dtype, "float32", dtype)
    image = (rng.random(problem.image_shape) * 200).astype(dtype)
    kernel = reduce(np.multiply.outer, map(rng.random, problem.kernel)).astype("float32")[None, None, None]
    made = {bits(problem, image, kernel, threads) for threads in (1, 2, 3)}
    assert len(made) == 1
    # the blocks along each axis, and another batch around them
    several = replace(problem, batch=(2,))
    both, _ = run(several, np.stack([image, image]), kernel, None, machine.detect(), executable=build(several))
    assert both[1].tobytes() in made


def volume(image: tuple[int, ...], kernel: tuple[int, ...], dtype: str) -> Problem:
    """As many outputs as samples, and a border of each kind."""
    ones = (1,) * len(image)
    border = (("reflect", 0), (2, "wrap"), ("edge", "symmetric"))
    return typed(Problem((), 1, 1, 1, image, kernel, image, tuple(-(k // 2) for k in kernel), ones, ones, ones, border),
                 dtype, dtype, dtype)


# ---------------------------------------------------------------- structure

def test_integers_are_products_exactly() -> None:
    kernel = np.multiply.outer([2, 0, -4], [3, -6, 9])
    lines = integer_lines(kernel)
    assert lines is not None
    np.testing.assert_array_equal(np.multiply.outer(*lines), kernel)
    kernel[1, 1] = 1
    assert integer_lines(kernel) is None
    assert integer_lines(np.full((2, 2), 2**63 + 1, np.uint64)) is None
    assert integer_lines(np.zeros((2, 3), int)) is not None


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_are_products_nearly(dtype: str, rng: np.random.Generator) -> None:
    for _ in range(200):
        kernel = np.multiply.outer(rng.standard_normal(7), rng.standard_normal(9)).astype(dtype)
        lines = float_lines(kernel, dtype)
        assert lines is not None
        assert all(line.dtype == dtype for line in lines)
        kernel[rng.integers(7), rng.integers(9)] *= 1 + (1e-5 if dtype == "float32" else 1e-13)
        assert float_lines(kernel, dtype) is None


def test_what_equal_taps_are_is_kept() -> None:
    bell = np.exp(-np.linspace(-2, 2, 9) ** 2 / 2)
    lines = float_lines(np.multiply.outer(bell, bell[::-1] * np.linspace(-1, 1, 9)).astype("float32"), "float32")
    assert lines is not None
    assert form_of([lines], "float32").terms == (("even", "odd"),)


@pytest.mark.parametrize("line", [[0, -2**63, 0], [3, 0, -2**62], [2**63 - 1, 1 - 2**63, 0]], ids=str)
def test_sums_wrap_modulo_two_to_the_64(line: list[int], rng: np.random.Generator) -> None:
    kernel = np.multiply.outer([1, 1, -1], line)
    x = rng.integers(-2**62, 2**62, (20, 50))
    wished: Any = {"dtype": "int64", "overflow": "wrap", "border": "edge"}
    np.testing.assert_array_equal(ft.correlate(x, kernel, "same", method="separable", **wished),
                                  ft.correlate(x, kernel, "same", method="direct", **wished))


@pytest.mark.parametrize("kernel", [np.eye(3), [[1, np.nan], [1, 1]], [[np.inf, 1], [1, 1]], [[1e-40, 1e-40]] * 2],
                         ids=["full rank", "nan", "inf", "too small"])
def test_what_is_no_product(kernel: Any) -> None:
    assert float_lines(np.array(kernel, "float32"), "float32") is None


# ---------------------------------------------------------------- refusals

@pytest.mark.parametrize(("change", "reason"), [
    ({"channels_in": 2}, "each output sums several channels"),
    ({"kernel": (1, 7)}, "the kernel does not have two axes of more than one tap"),
    ({"image_dilation": (1, 2)}, "the image is dilated"),
    ({"accumulator_dtype": "complex64"}, "sums are complex64"),
    ({"image": (0, 7), "border": ((0, 0), (0, 0))}, "the image or the output is empty"),
    ({"image_dtype": "uint8", "border": ((0.5, 0), (0, 0))}, "the border 0.5 is no uint8"),
    ({"image_dtype": "uint8", "border": ((0, 300), (0, 0))}, "the border 300 is no uint8"),
    ({"image_dtype": "float16", "border": ((1, 0), (0, 0))}, "the border 1 is no float16"),
])
def test_reasons(change: dict[str, Any], reason: str) -> None:
    assert separable.applies(replace(BASE, **change)) == reason


def test_a_kernel_that_does_not_suit() -> None:
    problem = replace(BASE, kernel=(3, 3))
    full = np.eye(3, dtype="float32")[None, None, None]
    assert separable.unsuited(problem, full) == "its taps are not the product of a column and a row"
    assert build(problem).pack(full) is None
    assert separable.unsuited(problem, np.ones_like(full)) is None


@pytest.mark.slow
@pytest.mark.parametrize("isa", EACH)
@pytest.mark.parametrize("first", range(1000, 1600, 100))
def test_against_the_oracle_at_length(first: int, isa: str) -> None:
    check_some(lambda seed: check(draw(seed), isa), range(first, first + 100), 25)


@pytest.mark.slow
@pytest.mark.parametrize("isa", EACH)
@pytest.mark.parametrize("first", range(1000, 1300, 100))
def test_volumes_at_length(first: int, isa: str) -> None:
    check_some(lambda seed: check(draw_volume(seed), isa), range(first, first + 100), 25)
