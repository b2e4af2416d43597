"""Kernels that are sums of a few products of lines: against the oracle, with equal bits on any number of threads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import faltung as ft
from faltung import machine, reference
from faltung.algorithms.separable import low_rank
from faltung.algorithms.separable.executable import Separable
from faltung.algorithms.separable.ranks import GROWTH, float_terms, integer_terms
from faltung.problem.problem import Problem
from faltung.problem.promotion import sums_integers
from grid import structured
from grid.cases import VIEWS, Case, lay_out, misaligned
from grid.check import run
from grid.isas import EACH, EACH_SMALLER
from grid.process import succeed
from grid.sample import check_some
from grid.separable_cases import draw_rank, sum_of_products
from grid.structured import needs_mprotect

BASE = replace(structured.BASE, kernel=(9, 7), start=(-4, -3))


def build(problem: Problem, rank: int, isa: str = "own", threads: int = 1, *, last: bool = False) -> Separable:
    made: Separable = structured.build(low_rank.ALL[rank - 2], problem, isa, threads, last=last)
    return made


def check(seed: int, isa: str = "own", *, bad: bool = False) -> None:
    """One case; with ``bad``, samples that are not finite make all blocks be summed by the definition."""
    rank = 2 + seed % 3
    case = draw_rank(rank, seed)
    p = case.problem
    kernel = sum_of_products(case, rank if seed % 3 == 0 else 1)
    executable = build(p, rank, isa, last=case.channels_last)
    packed = executable.pack(kernel)
    if packed is None:  # terms of large integers might leave the range in which sums are exact
        assert sums_integers(p)
        assert p.accumulator_dtype == "float64"
        return
    if bad:
        executable.pack = lambda _: packed._replace(form=packed.again, taps=packed.again_taps)
    structured.check(executable, case, kernel, factor=low_rank.ALL[rank - 2].error_bound(p))


@pytest.mark.parametrize("seed", range(36))
def test_against_the_oracle(seed: int) -> None:
    check(seed)


@pytest.mark.parametrize("seed", range(100, 121))
def test_blocks_that_are_summed_anew(seed: int) -> None:
    check(seed, bad=True)


@pytest.mark.parametrize("isa", EACH_SMALLER)
@pytest.mark.parametrize("seed", range(200, 206))
def test_smaller_instruction_sets(seed: int, isa: str) -> None:
    check(seed, isa)


@pytest.mark.slow
@pytest.mark.parametrize("isa", EACH)
@pytest.mark.parametrize("first", range(1000, 1300, 100))
def test_against_the_oracle_at_length(first: int, isa: str) -> None:
    check_some(lambda seed: check(seed, isa, bad=seed % 4 == 0), range(first, first + 100), 25)


@needs_mprotect
def test_arrays_at_protected_pages() -> None:
    assert succeed("-m", "grid.guarded_structured", "rank3", "0", "15", "own").endswith("survived\n")


# ---------------------------------------------------------------- bits, and what is not finite

def typed(problem: Problem, dtype: str) -> Problem:
    sums = "float64" if dtype == "float64" else "float32"
    return replace(problem, image_dtype=dtype, kernel_dtype=sums, accumulator_dtype=sums, output_dtype=dtype,
                   overflow="saturate" if dtype == "uint8" else "proven")


def mexican(dtype: str) -> np.ndarray:
    """A kernel of rank 2."""
    y, x = np.ogrid[-4:5, -3:4]
    return ((2 - (y * y + x * x)) * np.exp(-(y * y + x * x) / 2)).astype(dtype)[None, None, None]


def bits(problem: Problem, image: np.ndarray, threads: int = 1) -> bytes:
    made, _ = run(problem, image, mexican(problem.kernel_dtype), None, machine.detect(), threads=threads,
                  executable=build(problem, 2, threads=threads))
    return made.tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_the_same_bits(dtype: str, rng: np.random.Generator) -> None:
    problem = typed(replace(BASE, image=(70, 1300), output=(70, 1300)), dtype)
    image = (rng.random(problem.image_shape) * 200).astype(dtype)
    if dtype != "uint8":
        image[..., 20, 700] = np.inf
    want = bits(problem, image)
    assert {bits(problem, image, threads) for threads in (2, 3)} == {want}
    several = replace(problem, batch=(2,))
    both, _ = run(several, np.stack([image, image]), mexican(problem.kernel_dtype), None, machine.detect(),
                  executable=build(several, 2))
    assert both[1].tobytes() == want
    seen = [*(lay_out(Case(problem, 0, view), image) for view in VIEWS if view != "broadcast"),
            *(misaligned(image, offset) for offset in (1, 8, 33))]
    assert {bits(problem, view) for view in seen} == {want}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("border", ["reflect", 0, np.inf])
def test_exactly_the_footprint(border: Any, bad: float, rng: np.random.Generator) -> None:
    """Zeros too, and of infinities the sign: whatever the terms are, the result is the definition's."""
    kernel = np.zeros((5, 4), "float32")
    kernel[[1, 3, 2], [1, 1, 3]] = 1, -2, 4
    problem = replace(typed(BASE, "float32"), kernel=(5, 4), start=(-2, -1), border=((border, border),) * 2)
    image = rng.integers(1, 9, problem.image_shape).astype("float32")
    image[0, 0, 0, 5] = image[0, 0, 6, 20] = bad
    got, _ = run(problem, image, kernel[None, None, None], None, machine.detect(), executable=build(problem, 2))
    with np.errstate(all="ignore"):
        want = reference.correlate(problem, image, kernel[None, None, None])
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    np.testing.assert_array_equal(np.isinf(got) * np.sign(got), np.isinf(want) * np.sign(want))
    np.testing.assert_allclose(got, want, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_adversarial_signs_stay_within_the_bound(dtype: str, rng: np.random.Generator) -> None:
    unit = 2.0**-24 if dtype == "float32" else 2.0**-53
    problem = replace(typed(BASE, dtype), kernel=(15, 11), image=(15, 11), output=(1, 1), start=(0, 0))
    executable = build(problem, 3)
    for _ in range(40):
        kernel = sum(np.multiply.outer(rng.standard_normal(15), rng.standard_normal(11)) for _ in range(3))
        kernel = kernel.astype(dtype)[None, None, None]
        image = (np.sign(kernel[0]) * (1 + unit * rng.integers(0, 9, problem.kernel))).astype(dtype)
        got, _ = run(problem, image, kernel, None, machine.detect(), executable=executable)
        exact = np.dot(image.astype(np.longdouble).ravel(), kernel.astype(np.longdouble).ravel())
        limit = low_rank.ALL[1].error_bound(problem) * unit * np.abs(image).max() * np.abs(kernel).astype(float).sum()
        assert abs(got.item() - exact) <= limit


# ---------------------------------------------------------------- structure

def gaussian(sigma: float) -> np.ndarray:
    return np.exp(-np.arange(-12, 13) ** 2 / (2 * sigma**2))


def named_kernels() -> dict[str, tuple[np.ndarray, int]]:
    y, x = np.mgrid[-12:13, -12:13]
    wide, thin = (np.multiply.outer(gaussian(s), gaussian(s)) for s in (4, 2))
    wave = np.exp(-(x * x + y * y) / 32)
    return {
        "laplacian of gaussian": ((x * x + y * y - 18) * np.exp(-(x * x + y * y) / 18), 2),
        "difference of gaussians": (wide / wide.sum() - thin / thin.sum(), 2),
        "gabor": (wave * np.cos(0.5 * x + 0.3 * y), 2),
        "gabor, any phase": (wave * np.cos(0.5 * x + 0.3 * y + 1), 2),
    }


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", named_kernels())
def test_the_rank_of_known_kernels(name: str, dtype: str) -> None:
    kernel, rank = named_kernels()[name]
    terms = float_terms(kernel.astype(dtype), dtype)
    assert terms is not None
    assert len(terms) == rank
    made = sum(np.multiply.outer(*(line.astype(np.longdouble) for line in lines)) for lines in terms)
    unit = 2.0**-24 if dtype == "float32" else 2.0**-53
    assert np.abs(made - kernel.astype(dtype)).sum() <= 16 * unit * np.abs(kernel).sum()


def test_terms_are_even_or_odd_as_the_kernel_is() -> None:
    kernel = named_kernels()["gabor"][0].astype("float32")
    terms = float_terms(kernel, "float32")
    assert terms is not None
    assert all(np.array_equal(line, line[::-1]) or np.array_equal(line, -line[::-1]) for lines in terms
               for line in lines)


def test_what_has_too_many_terms(rng: np.random.Generator) -> None:
    y, x = np.mgrid[-9:10, -9:10]
    assert float_terms((x * x + y * y <= 81).astype("float32"), "float32") is None
    assert float_terms(rng.standard_normal((7, 9)).astype("float32"), "float32") is None
    for wrong in (np.nan, np.inf, 1e38, 1e-36):
        assert float_terms(np.full((5, 5), wrong, "float32"), "float32") is None


def test_terms_that_are_much_larger_than_their_sum() -> None:
    lines = np.array([1.0, 2, 3, 4, 5]), np.array([1.0, 0, 1, 0, 2])
    found = float_terms((np.multiply.outer(*lines) + 1e-3 * np.eye(5)[0][:, None]).astype("float32"), "float32")
    assert found is not None
    grown = sum(np.abs(down).sum() * np.abs(across).sum() for down, across in found)
    assert grown <= GROWTH * np.abs(np.multiply.outer(*lines)).sum()


def test_integers_are_sums_of_products_exactly(rng: np.random.Generator) -> None:
    for _ in range(50):
        kernel = sum(np.multiply.outer(rng.integers(-5, 6, 7), rng.integers(-5, 6, 6)) for _ in range(3))
        terms = integer_terms(kernel, np.inf)
        assert terms is not None
        assert len(terms) <= 3
        np.testing.assert_array_equal(sum(np.multiply.outer(*lines) for lines in terms), kernel)
        assert integer_terms(kernel, 10) is None
    assert integer_terms(rng.integers(-5, 6, (7, 7)), np.inf) is None
    assert integer_terms(np.full((5, 5), 2**63 + 1, np.uint64), np.inf) is None
    assert integer_terms(np.zeros((5, 5), int), np.inf) == ()


# ---------------------------------------------------------------- the planner

@pytest.mark.parametrize(("change", "reason"), [
    ({"kernel": (3, 7)}, "an axis of the kernel has no more than 3 taps"),
    ({"kernel": (7,), "image": (9,), "output": (3,)}, "the kernel does not have two axes"),
    ({"channels_in": 2}, "each output sums several channels"),
])
def test_reasons(change: dict[str, Any], reason: str) -> None:
    assert low_rank.ALL[1].applies(replace(BASE, **change)) == reason


def test_a_plan_takes_the_rank_that_the_kernel_has() -> None:
    x = np.random.default_rng(0).random((2048, 2048)).astype("float32")
    kernel = named_kernels()["laplacian of gaussian"][0][5:-5, 5:-5].astype("float32")
    plan = ft.plan(ft.correlate, x, kernel, "same", border="reflect")
    assert plan.recipe.algorithm == "rank2"
    direct = ft.correlate(x[:64], kernel, "same", border="reflect", method="direct")
    bound = (plan.error_bound + 700) * 2.0**-24 * np.abs(kernel).sum()
    np.testing.assert_allclose(plan(x)[:50], direct[:50], rtol=0, atol=bound)
    shown = {row.name: row.reason for row in plan.candidates}
    assert shown["separable"] == "its taps are not the product of a column and a row"
    other = ft.plan(ft.correlate, x, np.random.default_rng(1).random((25, 25)).astype("float32"), "same")
    shown = {row.name: row.reason for row in other.candidates}
    assert shown["rank4"] == "its taps are not the sum of 4 products of a column and a row"
