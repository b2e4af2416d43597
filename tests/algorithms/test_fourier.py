"""The transform keeps every promise of the definition: bound, integers, NaN, range, batch."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

import faltung as ft
from faltung import reference
from faltung.algorithms import direct, fourier
from faltung.algorithms.fourier.executable import Fourier
from faltung.algorithms.fourier.line import line_lengths
from faltung.errors import PlanError
from faltung.machine import detect
from faltung.problem.problem import Problem
from faltung.problem.promotion import numpy_dtype
from grid.cases import draw, draw_line, output_view
from grid.check import check, run
from grid.sample import check_some

PLAIN = Problem((), 1, 1, 1, image=(60, 70), kernel=(9, 11), output=(60, 70), start=(-4, -5), stride=(1, 1),
                kernel_dilation=(1, 1), image_dilation=(1, 1), border=(("reflect", "wrap"), (1.5, "edge")))


def build(problem: Problem) -> Fourier:
    return fourier.build(problem, output_view(problem), detect(), 1)


@pytest.mark.parametrize("seed", range(9000, 9080))
def test_the_oracle_agrees(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    case = draw_line(seed) if seed % 5 == 0 else draw(seed)
    p = case.problem
    if p.image_dtype == "bool" or fourier.applies(p) is not None:
        return
    monkeypatch.setattr(direct, "error_bound", fourier.error_bound)
    check(case, detect(), executable=fourier.build(p, output_view(p, channels_last=case.channels_last), detect(), 1))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(9080, 10000, 115))
def test_the_oracle_agrees_at_length(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    check_some(lambda seed: test_the_oracle_agrees(seed, monkeypatch), range(first, first + 115), 35)


def test_most_of_the_grid_applies() -> None:
    problems = [draw(seed).problem for seed in range(9000, 9080)]
    assert sum(fourier.applies(p) is None for p in problems) > 34


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_a_bad_sample_reaches_exactly_its_footprint(bad: float, dtype: str) -> None:
    p = replace(PLAIN, image=(400, 330), output=(400, 330), border=((0, 0), (0, 0)), image_dtype=dtype,
                kernel_dtype=dtype, accumulator_dtype=dtype, output_dtype=dtype)
    rng = np.random.default_rng(3)
    image, kernel = (rng.standard_normal(shape).astype(dtype) for shape in (p.image_shape, p.kernel_shape))
    kernel[..., 4, :] = 0
    image[0, 0, 200, 100] = bad
    got = run(p, image, kernel, None, detect(), executable=build(p))[0][0, 0]
    touched = np.zeros(p.output, bool)
    touched[196:205, 95:106] = True  # output o reads o - 4 .. o + 4 and o - 5 .. o + 5
    assert not np.isfinite(got[touched]).any()
    assert np.isfinite(got[~touched]).all()


def test_a_huge_sample_far_away_destroys_nothing() -> None:
    x = np.full(4000, 1e-3)
    x[3000] = 1e20
    k = np.ones(200) / 200
    got = ft.correlate(x, k, "same", method="fourier")
    far = 8 * 200
    np.testing.assert_allclose(got[:3000 - far - 200], ft.correlate(x, k, "same", method="direct")[:3000 - far - 200],
                               rtol=1e-9)


@pytest.mark.parametrize(("image_dtype", "kernel_dtype"), [("uint8", "int8"), ("int16", "uint8"), ("uint8", "int64")])
def test_integers_are_exact(image_dtype: str, kernel_dtype: str) -> None:
    rng = np.random.default_rng(5)
    x = rng.integers(0, 200, (90, 100)).astype(image_dtype)
    k = rng.integers(-90, 90, (21, 17)).astype(kernel_dtype) if kernel_dtype != "uint8" else (
        rng.integers(0, 200, (21, 17)).astype(kernel_dtype))
    for border in ("reflect", 7):
        want = ft.correlate(x, k, "same", border=border, method="direct")
        np.testing.assert_array_equal(ft.correlate(x, k, "same", border=border, method="fourier"), want)


def test_integers_that_cannot_be_proven_are_refused() -> None:
    x, k = np.full(500, 2**40), np.full(300, 2**20)
    with pytest.raises(PlanError) as caught:
        ft.convolve(x, k, method="fourier", overflow="wrap")
    assert re.fullmatch(
        'convolve: method "fourier" cannot serve this problem: no bound shows that the integer sums fit 53 bits; '
        '"direct".* and "reference" would do, and method="auto" takes the fastest', str(caught.value))


@pytest.mark.parametrize("overflow", ["raise", "saturate", "wrap"])
def test_overflow_as_asked(overflow: str) -> None:
    rng = np.random.default_rng(8)
    x, k = rng.integers(0, 256, (64, 64)).astype("uint8"), rng.integers(-5, 6, (13, 13)).astype("int8")
    if overflow == "raise":
        with pytest.raises(OverflowError, match="uint8"):
            ft.correlate(x, k, dtype="uint8", overflow=overflow, method="fourier")
        return
    want = ft.correlate(x, k, dtype="uint8", overflow=overflow, method="direct")
    np.testing.assert_array_equal(ft.correlate(x, k, dtype="uint8", overflow=overflow, method="fourier"), want)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
def test_the_bound_holds_for_growing_sizes(dtype: str) -> None:
    rng = np.random.default_rng(9)
    for size, taps in ((100, 9), (700, 60), (3000, 250)):
        x, k = rng.standard_normal(size).astype(dtype), rng.standard_normal(taps).astype(dtype)
        plan = ft.plan(ft.correlate, x, k, "same", method="fourier")
        wide = "complex128" if dtype == "complex64" else "float64"
        want = reference.correlate(replace(plan.problem, accumulator_dtype=wide, output_dtype=wide),
                                   plan.layout.image(x), plan.layout.see_kernel(k)) if size < 800 else (
            plan.layout.output(ft.correlate(x.astype(wide), k.astype(wide), "same", method="direct")))
        unit = 2.0**-24 if dtype != "float64" else 2.0**-53
        error = np.abs(plan.layout.output(plan(x)) - want).max() / (unit * np.abs(x).max() * np.abs(k).sum())
        assert error <= plan.error_bound


def test_the_batch_around_changes_no_bit() -> None:
    rng = np.random.default_rng(10)
    x, k = rng.standard_normal((7, 80, 90)).astype("float32"), rng.standard_normal((15, 14)).astype("float32")
    together = ft.correlate(x, k, "same", axes=(1, 2), method="fourier")
    alone = np.stack([ft.correlate(one, k, "same", method="fourier") for one in x])
    assert together.tobytes() == alone.tobytes()


def test_large_kernels_are_transformed_and_small_ones_summed() -> None:
    rng = np.random.default_rng(11)
    image = ft.Like((512, 512), "float32")
    chosen = {size: ft.plan(ft.correlate, image, rng.standard_normal((size, size)).astype("float32"), "same",
                            threads=1).recipe.algorithm for size in (3, 7, 101)}
    assert chosen == {3: "direct", 7: "direct", 101: "fourier"}


def test_strides_dilation_and_transposition() -> None:
    rng = np.random.default_rng(12)
    x, w = rng.standard_normal((2, 3, 40, 41)), rng.standard_normal((4, 3, 7, 8))
    for options in ({"stride": (2, 3)}, {"dilation": 2, "padding": "same"}, {"padding": 3, "activation": "relu"}):
        np.testing.assert_allclose(ft.conv(x, w, np.arange(4.0), method="fourier", **options),
                                   ft.conv(x, w, np.arange(4.0), method="direct", **options), atol=1e-11)
    y, v = rng.standard_normal((2, 4, 20, 21)), rng.standard_normal((4, 3, 7, 8))
    np.testing.assert_allclose(ft.conv_transpose(y, v, stride=(2, 9), method="fourier"),
                               ft.conv_transpose(y, v, stride=(2, 9), method="direct"), atol=1e-11)


def test_what_a_plan_tells() -> None:
    plan = ft.plan(ft.correlate, ft.Like((300, 300), "float32"), np.ones((40, 40), "float32"), method="fourier")
    assert plan.recipe == fourier.FourierRecipe(plan.recipe.lengths, "float32")
    assert "fourier" in str(plan)
    assert plan(np.zeros((300, 300), numpy_dtype("float32"))).shape == (339, 339)
    assert "@work" in plan.ir()
    assert "mul" in plan.assembly()
    line = ft.plan(ft.correlate, ft.Like((3000,), "float32"), np.ones(400, "float32"), method="fourier")
    assert line.recipe.samples in line_lengths()
    assert "@work" in line.ir()
