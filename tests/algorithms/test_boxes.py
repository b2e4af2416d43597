"""Kernels that consist of a few boxes of equal taps: against the oracle, with equal bits on any number of threads."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import faltung as ft
from faltung import machine, reference
from faltung.algorithms import boxes
from faltung.algorithms.boxes.structure import Box, boxes_of
from faltung.problem.problem import Problem
from grid import structured
from grid.boxes_cases import draw, kernel_of_boxes
from grid.cases import VIEWS, Case, arrays, lay_out, misaligned, output_view
from grid.check import compare, poisoned_workspaces, run
from grid.isas import EACH, EACH_SMALLER
from grid.pairs import pairs
from grid.process import python, succeed
from grid.sample import check_some
from grid.structured import known, needs_mprotect

FIVE = boxes.ALL[-1]
BASE = replace(structured.BASE, image=(90, 120), kernel=(5, 9), output=(90, 120))
SMALL = replace(machine.detect(), l2_bytes=16384)
"""So small a cache that images are summed slab by slab."""


def check(case: Case, on: machine.Machine) -> None:
    p, kernel = case.problem, kernel_of_boxes(case)
    assert FIVE.applies(p) is None
    assert FIVE.unsuited(p, kernel) is None
    structured.check(FIVE.build(p, output_view(p, channels_last=case.channels_last), on, 1), case, kernel)


@pytest.mark.parametrize("seed", range(24))
def test_against_the_oracle(seed: int) -> None:
    check(draw(seed), machine.detect() if seed % 2 else SMALL)


@pytest.mark.parametrize("isa", EACH_SMALLER)
@pytest.mark.parametrize("seed", range(200, 205))
def test_smaller_instruction_sets(seed: int, isa: str) -> None:
    check(draw(seed), known(isa))


@pytest.mark.slow
@pytest.mark.parametrize("isa", EACH)
@pytest.mark.parametrize("first", range(1000, 1200, 50))
def test_against_the_oracle_at_length(first: int, isa: str) -> None:
    check_some(lambda seed: check(draw(seed), known(isa)), range(first, first + 50), 15)


@needs_mprotect
def test_arrays_at_protected_pages() -> None:
    assert succeed("-m", "grid.guarded_structured", "boxes", "0", "16", "own").endswith("survived\n")


@needs_mprotect
@pytest.mark.parametrize("what", ["before the image", "behind the image"])
def test_one_step_too_far_is_found(what: str) -> None:
    done = python("-m", "grid.guarded_structured", "boxes", "--break", what)
    assert done.returncode == -signal.SIGSEGV, done.stdout + done.stderr
    assert done.stdout == "before\n"


# ---------------------------------------------------------------- larger ones, against sums of windows

def steps(extents: tuple[int, int], values: tuple[int, int, int]) -> np.ndarray:
    kernel = np.full(extents, values[0])
    kernel[extents[0] // 3:2 * extents[0] // 3, extents[1] // 3:] = values[1]
    kernel[extents[0] // 3:2 * extents[0] // 3, 2 * extents[1] // 3:] = values[2]
    return kernel


@pytest.mark.parametrize(("types", "on", "extents"), pairs(
    [("float32", "float32"), ("uint8", "int32"), ("uint8", "float64")], [machine.detect(), SMALL],
    [(31, 45), (3, 100), (70, 3)]))
def test_exactly_the_sums(extents: tuple[int, int], on: machine.Machine, types: tuple[str, str],
                          rng: np.random.Generator) -> None:
    image_dtype, sums = types
    problem = replace(BASE, image=(200, 1300), output=(201 - extents[0], 1301 - extents[1]), kernel=extents,
                      start=(0, 0), image_dtype=image_dtype, kernel_dtype=sums, accumulator_dtype=sums,
                      output_dtype="int32" if sums == "float64" else sums)
    image = rng.integers(0, 9, problem.image_shape).astype(image_dtype)
    kernel = steps(extents, (1, -2, 3)).astype(sums).reshape(problem.kernel_shape)
    executable = FIVE.build(problem, output_view(problem), on, 1)
    assert executable.apart == (sums == "float64")
    with poisoned_workspaces():
        got, _ = run(problem, image, kernel, None, on, executable=executable)
    want = ft.correlate(image[0, 0].astype(float), kernel[0, 0, 0].astype(float), "valid", method="fourier")
    np.testing.assert_array_equal(got[0, 0], np.rint(want))


# ---------------------------------------------------------------- bits, and what is not finite

@pytest.mark.parametrize("types", [("float32", "float32", "float32"), ("uint8", "float32", "uint8"),
                                   ("float64", "float64", "float64")], ids=str)
def test_any_number_of_threads_batch_strides_and_alignment(types: tuple[str, str, str]) -> None:
    image_dtype, sums, output = types
    several = replace(BASE, batch=(3,), kernel=(9, 21), image_dtype=image_dtype, kernel_dtype=sums,
                      accumulator_dtype=sums, output_dtype=output,
                      overflow="saturate" if output == "uint8" else "proven")
    alone = replace(several, batch=(1,))
    image = arrays(Case(several, 3))[0]
    kernel = (steps((9, 21), (1, -2, 3)) / 7).astype(sums).reshape(several.kernel_shape)

    def bits(problem: Problem, seen: np.ndarray, threads: int = 1) -> np.ndarray:
        executable = FIVE.build(problem, output_view(problem), SMALL, threads)
        return run(problem, seen, kernel, None, SMALL, threads=threads, executable=executable)[0]

    want = bits(alone, image[1:2].copy()).tobytes()
    assert {bits(several, image, threads)[1:2].tobytes() for threads in (1, 2, 3) for _ in range(2)} == {want}
    one = image[1:2].copy()
    seen = [*(lay_out(Case(alone, 0, view), one) for view in VIEWS if view != "broadcast"),
            *(misaligned(one, offset) for offset in (1, 4, 8))]
    assert {bits(alone, view).tobytes() for view in seen} == {want}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("border", ["wrap", 0, float("inf")])
def test_exactly_the_footprint(border: Any, bad: float, rng: np.random.Generator) -> None:
    """Under zeros too: there infinity times zero is NaN."""
    problem = replace(BASE, image=(11, 40), output=(11, 40), kernel=(4, 9), border=((border, border),) * 2)
    image = rng.integers(1, 9, problem.image_shape).astype("f")
    image[0, 0, 0, 5] = image[0, 0, 6, 20] = bad
    kernel = steps((4, 9), (1, 0, -2)).astype("f").reshape(problem.kernel_shape)
    got, _ = run(problem, image, kernel, None, SMALL, executable=FIVE.build(problem, output_view(problem), SMALL, 1))
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(got, reference.correlate(problem, image, kernel))


def test_a_huge_value_beside_small_ones(rng: np.random.Generator) -> None:
    x = (1e-3 * rng.random(5000)).astype("f")
    x[1501] = 1e20
    k = np.r_[np.ones(40), -np.ones(40)].astype("f")
    got = ft.correlate(x, k, "valid", method="boxes2")
    windows = np.lib.stride_tricks.sliding_window_view(x.astype(float), 80)
    bound = boxes.ALL[0].error_bound(replace(BASE, image=(5000,), kernel=(80,), output=(4921,))) * 2.0**-24 * 80
    assert (np.abs(got - windows @ k) <= bound * windows.max(-1)).all()


# ---------------------------------------------------------------- structure, choice and refusals

def found(kernel: Any, most: int = 5) -> tuple[Box, ...] | None:
    taps = np.asarray(kernel)
    problem = replace(BASE, kernel=taps.shape) if taps.ndim == 2 else replace(BASE, image=(9,), output=(9,),
                                                                              kernel=taps.shape)
    return boxes_of(problem, taps[None, None, None], most)


def centre(extents: tuple[int, ...], surround: float, inner: float) -> np.ndarray:
    kernel = np.full(extents, surround)
    kernel[tuple(slice(n // 3, n - n // 4) for n in extents)] = inner
    return kernel


@pytest.mark.parametrize("types", [("uint8", "int32", "int32"), ("int16", "int64", "int64"),
                                   ("uint8", "float32", "uint8"), ("int16", "float64", "float64"),
                                   ("float64", "float64", "float64"),
                                   ("float32", "float32", "float16")], ids=str)
@pytest.mark.parametrize("extents", [(7, 11), (13,)], ids=str)
def test_a_centre_on_its_surround(extents: tuple[int, ...], types: tuple[str, str, str]) -> None:
    image_dtype, sums, output = types
    ndim = len(extents)
    problem = replace(BASE, image=(15, 40)[-ndim:], output=(12, 33)[-ndim:], kernel=extents, start=(-3, -2)[-ndim:],
                      stride=(1,) * ndim, kernel_dilation=(1,) * ndim, image_dilation=(1,) * ndim,
                      border=((1, "reflect"),) * ndim, image_dtype=image_dtype, kernel_dtype=sums,
                      accumulator_dtype=sums, output_dtype=output,
                      overflow="saturate" if output == "uint8" else "proven")
    values = (-2, 9) if sums.startswith("int") else (-0.01, 0.07)
    kernel = centre(extents, *values).astype(sums).reshape(problem.kernel_shape)
    executable = boxes.ALL[0].build(problem, output_view(problem), machine.detect(), 1)
    assert boxes.ALL[0].unsuited(problem, kernel) is None
    assert len(executable.pack(kernel).runs) == 2
    image = arrays(Case(problem, 5))[0]
    got, overflowed = run(problem, image, kernel, None, machine.detect(), executable=executable)
    compare(problem, image, kernel, None, got, overflowed=overflowed, factor=boxes.ALL[0].error_bound(problem))


def test_when_a_centre_is_two_boxes() -> None:
    kernel = centre((7, 11), -2, 9)[None, None, None]
    whole = replace(BASE, kernel=(7, 11), image_dtype="uint8", kernel_dtype="int32", accumulator_dtype="int32",
                    output_dtype="int32")
    assert boxes.ALL[0].unsuited(whole, kernel.astype("int32")) is None
    floats = replace(whole, image_dtype="float32", kernel_dtype="float32", accumulator_dtype="float32",
                     output_dtype="float32")
    assert boxes.ALL[0].unsuited(floats, kernel.astype("f")) is None
    # what the activation makes of a sum does not tell whether it was finite
    for problem in (replace(floats, activation="relu"), replace(whole, accumulator_dtype="float64")):
        assert boxes.ALL[0].unsuited(problem, kernel.astype(problem.kernel_dtype)) is not None
    # the surround is so large beside what is left of it that the roundings would be
    problem = replace(whole, kernel_dtype="float32", accumulator_dtype="float32", output_dtype="float32")
    nothing = np.where(kernel == 9, 0, np.pad(np.ones((5, 9)), 1)[None, None, None]).astype("float32")
    assert boxes.ALL[0].unsuited(problem, nothing) is not None
    assert boxes.ALL[0].unsuited(replace(problem, border=((np.inf, 0),) * 2), kernel.astype("f")) is not None


@pytest.mark.parametrize("values", [(-2, 9), (0, 3), (5, -1e-3)], ids=str)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e37], ids=str)
@pytest.mark.parametrize("on", [machine.detect(), SMALL], ids=["whole", "slabs"])
def test_a_centre_under_what_is_not_finite(on: machine.Machine, bad: float, values: tuple[float, float],
                                           rng: np.random.Generator) -> None:
    """Where both boxes hold it they may cancel to a NaN; no other output takes another bit, nor does another image."""
    several = replace(BASE, batch=(2,), image=(12, 25), output=(9, 24), kernel=(4, 7), bias=True)
    output, two = "float64" if on is SMALL else "float32", boxes.ALL[0]
    several = replace(several, output_dtype=output)
    image = rng.standard_normal(several.image_shape).astype("f")
    odd, bias = image.copy(), np.full(1, 0.5, "f")
    odd[0, 0, 0, 5, 12], odd[0, 0, 0, 11, 24] = bad, -bad
    kernel = centre((4, 7), *values).astype("f").reshape(several.kernel_shape)
    assert two.unsuited(several, kernel) is None
    executable = two.build(several, output_view(several), on, 1)
    got, plain = (run(several, seen, kernel, bias, on, executable=executable)[0] for seen in (odd, image))
    with np.errstate(all="ignore"):
        want = reference.correlate(replace(several, batch=(1,), output_dtype="float64"), odd[:1], kernel, bias)[0]
    assert got[1].tobytes() == plain[1].tobytes()
    assert got[0, 0, 0, 0].tobytes() == plain[0, 0, 0, 0].tobytes()
    largest = float(np.abs(odd[np.isfinite(odd)]).max())
    bound = two.error_bound(several) * 2.0**-24 * (largest * float(np.abs(kernel).sum()) + 0.5)
    np.testing.assert_allclose(got[0], want, rtol=0, atol=bound)
    if not np.isfinite(bad):
        assert np.isfinite(got[0]).sum() == np.isfinite(want).sum() < want.size


def test_boxes_are_found() -> None:
    assert found([1, 1, 0, 0, 0]) == (Box((0,), (2,)), Box((2,), (3,)))
    assert found([[1, 1], [1, 1]]) == (Box((0, 0), (2, 2)),)
    assert found([[1, 1], [1, 2], [1, 2]]) == (Box((0, 0), (1, 2)), Box((1, 0), (2, 1)), Box((1, 1), (2, 1)))
    assert found([1, 2, 3, 4, 5, 6]) is None
    assert found([[1, 2, 3], [3, 2, 1]], 5) is None
    assert found([1, 2, 1], 2) is None
    assert found([[1, 2, 1], [3, 3, 3]], 2) is None
    assert found([[1, 2, 3, 4, 5, 6], [3] * 6]) is None
    assert found([np.nan, np.nan], 2) is not None


@pytest.mark.parametrize(("kernel", "method"), [
    (np.r_[np.ones(50), -np.ones(50)], "boxes2"),
    (np.r_[np.full(300, -1), np.full(300, 2), np.full(300, -3)], "boxes3"),
    (np.pad(np.ones((20, 20)), 20) * 10 - 1, "boxes2"),
    (np.ones(50), "running")], ids=["step", "second difference", "centre", "box"])
def test_the_planner_takes_them(kernel: np.ndarray, method: str) -> None:
    x = np.ones((600,) * kernel.ndim if kernel.ndim == 2 else 100_000, "int16")
    assert ft.plan(ft.correlate, x, kernel.astype("int32"), "same").recipe.algorithm == method


@pytest.mark.parametrize(("change", "reason"), [
    ({"image": (9,) * 3, "kernel": (3,) * 3, "output": (7,) * 3}, "the kernel has more than two axes"),
    ({"channels_in": 2}, "each output sums several channels")])
def test_reasons(change: dict[str, Any], reason: str) -> None:
    assert FIVE.applies(replace(BASE, **change)) == reason


def test_a_kernel_that_does_not_suit() -> None:
    kernel = np.arange(45.0).reshape(1, 1, 1, 5, 9)
    assert FIVE.unsuited(BASE, kernel) == "its taps are not 5 boxes of equal ones"
    assert FIVE.build(BASE, output_view(BASE), machine.detect(), 1).pack(kernel) is None
    large = np.full((1, 1, 1, 5, 9), 3e38, "f")
    assert FIVE.unsuited(BASE, large) is not None


def test_code_can_be_shown() -> None:
    plan = ft.plan(ft.correlate, np.ones(100, "f"), np.r_[np.ones(9), -np.ones(9)].astype("f"), method="boxes2")
    assert plan.ir().count("define i64 @entry") == 2
    assert plan.assembly()
    assert plan.workspace_bytes > 0
