"""Kernels all of whose taps are equal: against the oracle, with equal bits on any number of threads."""

from __future__ import annotations

import signal
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from faltung import machine, reference
from faltung.algorithms import running
from faltung.algorithms.running.cascade import Cascade
from faltung.algorithms.running.frame import doublings
from faltung.algorithms.separable import schedule as separable_schedule
from faltung.problem.problem import Problem
from grid import structured
from grid.cases import VIEWS, Case, arrays, lay_out, misaligned, output_view
from grid.check import poisoned_workspaces, run
from grid.isas import EACH, EACH_SMALLER
from grid.pairs import pairs
from grid.process import python, succeed
from grid.running_cases import constant_kernel, draw
from grid.sample import check_some
from grid.structured import BASE, needs_mprotect

LINE = Problem((), 1, 1, 1, (3000,), (50,), (3000,), (-25,), (1,), (1,), (1,), (("reflect", "wrap"),))
build = partial(structured.build, running)


def check(case: Case, isa: str = "own", threads: int = 1) -> None:
    executable = build(case.problem, isa, threads, last=case.channels_last)
    structured.check(executable, case, constant_kernel(case), threads)


@pytest.mark.parametrize("seed", range(60))
def test_against_the_oracle(seed: int) -> None:
    check(draw(seed))


@pytest.mark.parametrize("seed", range(300, 312))
def test_what_comes_next_is_fetched(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(separable_schedule, "FETCHED_BYTES", 0)
    check(draw(seed))


@pytest.mark.parametrize("isa", EACH_SMALLER)
@pytest.mark.parametrize("seed", range(200, 210))
def test_smaller_instruction_sets(seed: int, isa: str) -> None:
    check(draw(seed), isa)


@pytest.mark.parametrize("seed", [1063, 1593])
def test_every_channel_has_its_bias(seed: int) -> None:
    """Of sums that are narrower than the bias."""
    check(draw(seed))


@pytest.mark.slow
@pytest.mark.parametrize("isa", EACH)
@pytest.mark.parametrize("first", range(1000, 1600, 100))
def test_against_the_oracle_at_length(first: int, isa: str) -> None:
    check_some(lambda seed: check(draw(seed), isa), range(first, first + 100), 25)


@pytest.mark.parametrize("taps", [*range(2, 40), 63, 64, 100])
def test_windows_of_every_length(taps: int, rng: np.random.Generator) -> None:
    problem = replace(LINE, image=(150,), output=(140,), kernel=(taps,), start=(-9,))
    image, kernel = rng.integers(-9, 9, problem.image_shape).astype("f"), np.ones(problem.kernel_shape, "f")
    got, _ = run(problem, image, kernel, None, machine.detect(), executable=build(problem))
    np.testing.assert_array_equal(got, reference.correlate(problem, image, kernel))


@pytest.mark.parametrize("extents", [(2, 3), (31, 5), (70, 2), (130, 9)], ids=str)
def test_rows_that_several_outputs_share(extents: tuple[int, int], rng: np.random.Generator) -> None:
    """Sums of rows against NumPy's own: more rows than a tile has, and fewer."""
    problem = replace(BASE, image=(300, 40), output=(300 - extents[0] + 1, 40 - extents[1] + 1), kernel=extents,
                      start=(0, 0), image_dtype="uint8", kernel_dtype="uint8", accumulator_dtype="int32",
                      output_dtype="int32")
    image, kernel = rng.integers(0, 256, problem.image_shape, "uint8"), np.ones(problem.kernel_shape, "uint8")
    windows = np.lib.stride_tricks.sliding_window_view(image, extents, (-2, -1))
    got, _ = run(problem, image, kernel, None, machine.detect(), executable=build(problem))
    np.testing.assert_array_equal(got, windows.sum((-2, -1), np.int32))


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
@pytest.mark.parametrize(("taps", "width"), [(17, 4095), (33, 4097), (48, 9000), (81, 10), (257, 8193), (1000, 4200)])
def test_windows_over_several_blocks(taps: int, width: int, dtype: str, rng: np.random.Generator) -> None:
    sums = "int32" if dtype == "uint8" else dtype
    problem = replace(LINE, image=(width + taps - 1,), output=(width,), kernel=(taps,), start=(0,), image_dtype=dtype,
                      kernel_dtype=sums, accumulator_dtype=sums, output_dtype=sums)
    image, kernel = rng.integers(0, 9, problem.image_shape).astype(dtype), np.ones(problem.kernel_shape, sums)
    executable = build(problem)
    assert executable.frame.scans or dtype == "uint8"
    with poisoned_workspaces():
        got, _ = run(problem, image, kernel, None, machine.detect(), executable=executable)
    total = np.concatenate([[0], np.cumsum(image.ravel().astype(float))])
    np.testing.assert_array_equal(got.ravel(), total[taps:] - total[:-taps])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("taps", [17, 32, 40, 100])
def test_what_is_not_finite_stays_in_its_windows(taps: int, bad: float, rng: np.random.Generator) -> None:
    problem = replace(LINE, image=(5000,), output=(5000 - taps + 1,), kernel=(taps,), start=(0,))
    image = rng.standard_normal(problem.image_shape).astype("f")
    places = rng.integers(0, 5000, 12)
    image[..., places] = bad
    got, _ = run(problem, image, np.ones(problem.kernel_shape, "f"), None, machine.detect(), executable=build(problem))
    found = np.lib.stride_tricks.sliding_window_view(~np.isfinite(image.ravel()), taps).any(-1)
    np.testing.assert_array_equal(np.isnan(got.ravel()) if np.isnan(bad) else got.ravel() == bad, found)
    assert np.isfinite(got.ravel()[~found]).all()


@pytest.mark.parametrize("taps", [20, 100])
def test_a_huge_value_beside_small_ones(taps: int, rng: np.random.Generator) -> None:
    problem = replace(LINE, image=(3000,), output=(3000 - taps + 1,), kernel=(taps,), start=(0,))
    image = (1e-3 * rng.random(problem.image_shape)).astype("f")
    image[..., 1501] = 1e20
    got, _ = run(problem, image, np.ones(problem.kernel_shape, "f"), None, machine.detect(), executable=build(problem))
    windows = np.lib.stride_tricks.sliding_window_view(image.ravel().astype(float), taps)
    bound = running.error_bound(problem) * 2.0**-24 * taps * windows.max(-1)
    assert (np.abs(got.ravel() - windows.sum(-1)) <= bound).all()


def test_lengths_of_windows() -> None:
    for taps in range(1, 300):
        window, odd = doublings(taps)
        assert window < 8
        for more in odd:
            window = 2 * window + more
        assert window == taps


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_code_for_a_machine_that_is_not_there(dtype: str) -> None:
    problem = typed(replace(BASE, kernel=(19, 20)), dtype, "float32", dtype)
    executable = running.build(problem, output_view(problem), machine.fake("neon"), 1)
    assert "define" in executable.ir()
    assert "fmla" in executable.assembly() or "fadd" in executable.assembly()


# ---------------------------------------------------------------- more axes than two

VOLUME = replace(BASE, image=(13, 5, 20), kernel=(5, 2, 3), output=(12, 4, 18), start=(-3, 2, -1), stride=(1,) * 3,
                 kernel_dilation=(1,) * 3, image_dilation=(1,) * 3,
                 border=(("reflect", 2), (1, "wrap"), ("symmetric", -3)))
SMALL = replace(machine.detect(), l2_bytes=4096)
"""So small a cache that volumes are summed slab by slab."""


@pytest.mark.parametrize("change", [
    {}, {"batch": (2, 3)}, {"kernel": (9, 1, 3)}, {"image_dtype": "uint8", "border": ((7, 9), (1, 255), ("edge", 0))},
    {"start": (0, 2, -1), "image": (12, 5, 20), "kernel": (1, 3, 4)}, {"channels_out": 2, "groups": 3},
    {"image": (13, 2, 5, 10), "kernel": (3, 2, 2, 3), "output": (12, 2, 3, 8), "start": (-2, -1, 2, -1),
     "border": (("reflect", 2), (1, "wrap"), ("symmetric", -3), (4, 5))}], ids=str)
def test_slabs_of_a_volume(change: dict[str, Any], rng: np.random.Generator) -> None:
    ndim = len(change.get("image", VOLUME.image))
    ones = (1,) * ndim
    problem = replace(VOLUME, stride=ones, kernel_dilation=ones, image_dilation=ones, **change)
    image, kernel = rng.integers(0, 9, problem.image_shape).astype(problem.image_dtype), constant_kernel(
        Case(problem, 5))
    kernel = np.round(4 * kernel)
    executable = running.build(problem, output_view(problem), SMALL, 1)
    with poisoned_workspaces():
        got, _ = run(problem, image, kernel, None, SMALL, executable=executable)
    np.testing.assert_array_equal(got, reference.correlate(problem, image, kernel))


def test_a_volume_has_slabs_where_the_cache_is_small() -> None:
    build = running.build(VOLUME, output_view(VOLUME), SMALL, 1)
    assert isinstance(build, Cascade)
    assert build.planes < VOLUME.output[0]
    assert len(build.passes) == 2


# ---------------------------------------------------------------- memory

@needs_mprotect
@pytest.mark.parametrize("isa", EACH)
def test_arrays_at_protected_pages(isa: str) -> None:
    last = "24" if isa == "own" else "10"
    assert succeed("-m", "grid.guarded_structured", "running", "0", last, isa).endswith("survived\n")


@needs_mprotect
@pytest.mark.parametrize("what", ["before the image", "behind the image", "behind the output"])
def test_one_step_too_far_is_found(what: str) -> None:
    done = python("-m", "grid.guarded_structured", "running", "--break", what)
    assert done.returncode == -signal.SIGSEGV, done.stdout + done.stderr
    assert done.stdout == "before\n"


# ---------------------------------------------------------------- bits

TYPES = [("float32", "float32", "float32"), ("uint8", "float32", "uint8"), ("float64", "float64", "float64"),
         ("uint8", "int32", "int16"), ("uint16", "int32", "int32")]


def typed(problem: Problem, image: str, sums: str, output: str) -> Problem:
    whole = output.startswith(("int", "uint"))
    kernel = sums if sums.startswith("float") else "int32"
    return replace(problem, image_dtype=image, kernel_dtype=kernel, accumulator_dtype=sums, output_dtype=output,
                   overflow="saturate" if whole else "proven")


def bits(problem: Problem, image: np.ndarray, kernel: np.ndarray, threads: int = 1) -> bytes:
    executable = build(problem, threads=threads)
    return run(problem, image, kernel, None, machine.detect(), threads=threads, executable=executable)[0].tobytes()


@pytest.mark.parametrize("base", [replace(BASE, image=(130, 1300), output=(130, 1300), batch=(2,)), LINE,
                                  replace(BASE, image=(40, 2100), output=(40, 2077), kernel=(9, 40)),
                                  replace(VOLUME, image=(90, 60, 70), output=(90, 60, 70), border=((0, 0),) * 3)],
                         ids=["plane", "line", "wide plane", "volume"])
@pytest.mark.parametrize("types", TYPES, ids=str)
def test_any_number_of_threads(types: tuple[str, str, str], base: Problem) -> None:
    problem = typed(base, *types)
    image, kernel = arrays(Case(problem, 3))[0], constant_kernel(Case(problem, 3))
    assert len({bits(problem, image, kernel, threads) for threads in (1, 2, 3) for _ in range(3)}) == 1


@pytest.mark.parametrize("types", TYPES, ids=str)
def test_any_batch_strides_and_alignment(types: tuple[str, str, str]) -> None:
    several, alone = (typed(replace(BASE, batch=batch), *types) for batch in ((3,), (1,)))
    image, kernel = arrays(Case(several, 3))[0], constant_kernel(Case(several, 3))
    one = image[1:2].copy()
    want = bits(alone, one, kernel)
    together, _ = run(several, image, kernel, None, machine.detect(), executable=build(several))
    assert together[1:2].tobytes() == want
    seen = [*(lay_out(Case(alone, 0, view), one) for view in VIEWS if view != "broadcast"),
            *(misaligned(one, offset) for offset in (1, 4, 8, 33))]
    assert {bits(alone, view, kernel) for view in seen} == {want}


# ---------------------------------------------------------------- what is not finite, or nearly so

def oracle(problem: Problem, image: np.ndarray, kernel: np.ndarray) -> Any:
    with np.errstate(all="ignore"):
        return reference.correlate(problem, image, kernel)


@pytest.mark.parametrize(("value", "border", "dtype", "bad"), pairs(
    [0, 2], ["reflect", "wrap", 0, float("nan"), float("inf")], ["float32", "float64"], [np.nan, np.inf, -np.inf]))
def test_exactly_the_footprint(value: int, border: Any, dtype: str, bad: float, rng: np.random.Generator) -> None:
    problem = replace(typed(BASE, dtype, dtype, dtype), image=(11, 40), output=(11, 40), kernel=(4, 9),
                      border=((border, border),) * 2)
    image = rng.integers(1, 9, problem.image_shape).astype(dtype)
    image[0, 0, 0, 5] = image[0, 0, 6, 20] = bad
    kernel = np.full(problem.kernel_shape, value, dtype)
    got, _ = run(problem, image, kernel, None, machine.detect(), executable=build(problem))
    np.testing.assert_array_equal(got, oracle(problem, image, kernel))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_that_are_no_number_any_more(dtype: str) -> None:
    """A mean of large samples is finite, though their sum is not."""
    problem = typed(BASE, dtype, dtype, dtype)
    kernel = np.full(problem.kernel_shape, 1 / 35, dtype)
    image = np.full(problem.image_shape, float(np.finfo(dtype).max) / 1.01, dtype)
    got, _ = run(problem, image, kernel, None, machine.detect(), executable=build(problem))
    np.testing.assert_allclose(got, image, rtol=1e-5)
    assert build(problem).pack(np.full(problem.kernel_shape, np.finfo(dtype).max / 2)) is None


def test_a_huge_value_far_away_destroys_nothing(rng: np.random.Generator) -> None:
    problem = replace(LINE, image=(5000,), output=(5000,))
    image = rng.standard_normal(problem.image_shape).astype("f")
    image[..., :2500] *= 1e25
    kernel = np.full(problem.kernel_shape, 1 / 50, "f")
    got, _ = run(problem, image, kernel, None, machine.detect(), executable=build(problem))
    want = np.convolve(image.ravel()[2500:].astype(float), np.full(50, kernel.ravel()[0].astype(float)), "valid")
    bound = running.error_bound(problem) * 2.0**-24 * np.abs(image[..., 2500:]).max()
    assert np.abs(got.ravel()[2525:2525 + len(want) - 50] - want[:-50]).max() <= bound


@pytest.mark.parametrize("taps", [3, 100, 1000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_errors_do_not_grow_along_the_line(dtype: str, taps: int, rng: np.random.Generator) -> None:
    problem = replace(typed(LINE, dtype, dtype, dtype), image=(200_000,), output=(190_000,), kernel=(taps,), start=(0,))
    image = (1 + rng.random(problem.image_shape)).astype(dtype)
    kernel = np.ones(problem.kernel_shape, dtype)
    got, _ = run(problem, image, kernel, None, machine.detect(), executable=build(problem))
    sums = np.concatenate([[0], np.cumsum(image.ravel().astype(np.longdouble))])
    error = np.abs(got.ravel() - (sums[taps:] - sums[:-taps])[:190_000]).astype(float)
    unit = 2.0**-24 if dtype == "float32" else 2.0**-53
    assert error.max() <= running.error_bound(problem) * unit * 2 * taps + 1e-12 * (dtype == "float64")
    assert error[-50_000:].max() <= 3 * error[:50_000].max() + 1e-11


@pytest.mark.parametrize(("output", "value"), pairs(
    ["uint8", "int8", "int16", "uint16"], [0.25, -0.25, 0.125, 8.0, 100.0], together=1))
def test_halves_are_rounded_to_even_and_what_is_too_large_saturates(output: str, value: float,
                                                                  rng: np.random.Generator) -> None:
    problem = replace(typed(BASE, "uint8", "float32", output), kernel=(2, 2))
    image = rng.integers(0, 256, problem.image_shape, "uint8")
    kernel = np.full(problem.kernel_shape, value, "float32")
    executable = build(problem)
    assert executable.pack(kernel).form.small
    got, _ = run(problem, image, kernel, None, machine.detect(), executable=executable)
    np.testing.assert_array_equal(got, oracle(problem, image, kernel))
    assert not executable.pack(np.full(problem.kernel_shape, 5000, "float32")).form.small


# ---------------------------------------------------------------- refusals

@pytest.mark.parametrize(("change", "reason"), [
    ({"channels_in": 2}, "each output sums several channels"),
    ({"kernel": (1, 1)}, "the kernel has one tap only"),
    ({"image_dilation": (1, 2)}, "the image is dilated"),
    ({"accumulator_dtype": "complex64"}, "sums are complex64"),
    ({"image": (0, 7), "border": ((0, 0), (0, 0))}, "the image or the output is empty"),
    ({"image_dtype": "uint8", "border": ((0.5, 0), (0, 0))}, "the border 0.5 is no uint8"),
])
def test_reasons(change: dict[str, Any], reason: str) -> None:
    assert running.applies(replace(BASE, **change)) == reason


def test_a_kernel_that_does_not_suit() -> None:
    problem = replace(BASE, kernel=(2, 2))
    full = np.array([[1, 1], [1, 2]], "float32")[None, None, None]
    assert running.unsuited(problem, full) == "its taps are not all equal"
    assert build(problem).pack(full) is None
    assert running.unsuited(problem, np.ones_like(full)) is None


@pytest.mark.parametrize("border", [(0, 200), ("reflect", "wrap")], ids=str)
@pytest.mark.parametrize("sums", ["int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("taps", [40, 90, 333])
def test_differences_of_sums_from_the_beginning(taps: int, sums: str, border: Any, rng: np.random.Generator) -> None:
    # sums of 16 and 32 bits from the beginning wrap around long before any window
    most, dtype = (2**31 // (4 * taps), "int32") if sums == "int32" else (256, "uint8")
    problem = replace(BASE, image=(9, 1500), output=(9, 1500), kernel=(3, taps), start=(-1, -9), border=(border,) * 2,
                      image_dtype=dtype, kernel_dtype=sums, accumulator_dtype=sums, output_dtype=sums)
    image, kernel = rng.integers(0, most, problem.image_shape, dtype), np.ones(problem.kernel_shape, sums)
    executable = build(problem)
    assert executable.frame.scans
    assert executable.frame.exact
    got, _ = run(problem, image, kernel, None, machine.detect(), executable=executable)
    want, _ = run(problem, image, kernel, None, machine.detect())
    np.testing.assert_array_equal(got, want)


def test_sums_from_the_beginning_that_are_not_exact() -> None:
    wide = replace(BASE, image=(40, 6000), kernel=(31, 31), output=(10, 5970), start=(0, 0), border=((0, 0),) * 2,
                   image_dtype="uint8", kernel_dtype="float32", accumulator_dtype="float32", output_dtype="float32")

    def exact(**changes: Any) -> bool:
        return bool(build(replace(wide, **changes)).frame.exact)

    assert exact()
    assert not exact(kernel=(200, 31), image=(210, 6000))
    assert not exact(image_dtype="int16")
    assert not exact(image_dtype="float32")
    assert exact(image_dtype="int16", accumulator_dtype="float64", output_dtype="float64")
