"""Complex numbers through minimal filtering, in three products each: the promises that real ones have."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import faltung as ft
from algorithms.test_winograd import (
    DILATED,
    DISTANT,
    LINE,
    PLAIN,
    VOLUME,
    build,
    built,
    oracle,
    overflows_on_the_way,
    typed,
)
from algorithms.test_winograd_kernels import RECIPES, runs, used_once
from faltung import machine
from faltung.algorithms import winograd
from faltung.algorithms.winograd import recipe as outside
from faltung.algorithms.winograd.components import by_factors, components, whole
from faltung.algorithms.winograd.executable import Winograd
from faltung.algorithms.winograd.frame import Frame, WinogradRecipe
from faltung.algorithms.winograd.parts import Cut
from faltung.algorithms.winograd.seen import see
from faltung.machine import detect
from faltung.problem.problem import Problem
from grid.cases import VIEWS, Case, arrays, lay_out, misaligned, output_view
from grid.check import ROUNDOFF, check, poisoned_workspaces, run
from grid.isas import EACH

SHAPES = [typed(p, "complex64") for p in (PLAIN, LINE, VOLUME, DILATED, DISTANT)]
FLAT = SHAPES[0]
WIDE = replace(FLAT, channels_out=23, groups=2)


def test_factors_are_channels() -> None:
    for p in (*SHAPES, typed(PLAIN, "complex128"), PLAIN):
        seen = by_factors(p)
        assert (components(p) > 1) == (seen != p) == (p is not PLAIN)
        assert whole(seen) == p
        assert seen.accumulator_dtype in ("float32", "float64")


@pytest.mark.parametrize("isa", EACH)
@pytest.mark.parametrize("view", VIEWS)
def test_images_and_outputs_may_lie_in_any_way(view: str, isa: str) -> None:
    known = detect() if isa == "own" else machine.fake(isa, triple="")
    for p in SHAPES:
        case = Case(replace(p, bias=True), 5, view, channels_last=view in ("plain", "step"))
        executable = winograd.build(case.problem, output_view(case.problem, channels_last=case.channels_last), known, 1)
        with pytest.MonkeyPatch.context() as patch, poisoned_workspaces():
            patch.setattr("faltung.algorithms.direct.error_bound", winograd.error_bound)
            check(case, known, executable=executable)


@pytest.mark.parametrize("isa", EACH)
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_kernel_that_is_used_once_has_the_same_bits(recipe: WinogradRecipe, isa: str) -> None:
    used_once(WIDE, recipe._replace(channels=3 * recipe.channels), isa)


@pytest.mark.parametrize("p", [WIDE, *SHAPES[1:3], replace(FLAT, kernel=(5, 5), channels_out=17)])
def test_a_kernel_may_lie_in_any_order(p: Problem) -> None:
    image, kernel, bias = arrays(Case(p, 2))
    executable = winograd.build(p, output_view(p), detect(), 1)
    added = None if bias is None else executable.pack_bias(bias)
    want = runs(p, executable, image, executable.pack(kernel), added)
    taps = range(3, kernel.ndim)
    for one in (np.flip(np.flip(kernel, taps).copy(), taps), np.flip(np.flip(kernel, 3).copy(), 3),
                np.asfortranarray(kernel), np.flip(np.flip(kernel, (1, 2)).copy(), (1, 2)),
                np.moveaxis(np.moveaxis(kernel, 1, 2).copy(), 2, 1), np.repeat(kernel, 2, axis=-1)[..., ::2]):
        for pack in (executable.pack, executable.pack_once):
            assert runs(p, executable, image, pack(one), added).tobytes() == want.tobytes()


# ---------------------------------------------------------------- the bound

@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize(("kernel", "tile"), [((3, 3), (2, 2)), ((3, 3), (4, 4)), ((5, 5), (4, 4)), ((1, 7), (1, 4))])
def test_the_bound_holds_for_the_worst_data(kernel: tuple[int, int], tile: tuple[int, int], dtype: str) -> None:
    p = typed(replace(PLAIN, batch=(), channels_in=20, channels_out=4, image=(16, 22), output=(12, 16),
                      kernel=kernel, start=(0, 0)), dtype)
    fr = Frame(*see(p, output_view(p).strides())[:2], WinogradRecipe(tile, 2, 6, 2, 1), detect())
    executable = Winograd(p, output_view(p), detect(), 1, (winograd.Part(Cut(0, 16), fr),))
    worst, bound = 0.0, outside._bound(p, tile)
    for image, taps in adversaries(p, fr, np.random.default_rng(5)):
        got = run(p, image, taps, None, detect(), executable=executable)[0]
        scale = ROUNDOFF[dtype] * np.abs(image).max() * np.abs(taps).sum(axis=(2, 3, 4))
        error = np.abs(got - exact(p, image, taps)).max(axis=(2, 3))
        worst = max(worst, float((error / scale).max()))
    assert worst <= bound, worst


def adversaries(p: Problem, fr: Frame, rng: np.random.Generator) -> Any:
    """Noise; components whose signs are those of the transform's rows, opposite ones or not, under heavy taps."""
    def noise(shape: tuple[int, ...]) -> Any:
        return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(p.image_dtype)

    yield noise(p.image_shape), noise(p.kernel_shape)
    down, across = fr.filters
    for i, j in ((min(1, down.n - 1), 2), (down.n - 1, across.n - 1), (max(0, down.n - 2), 1)):
        signs = np.outer([float(np.sign(a)) for a in down.samples[i]], [float(np.sign(a)) for a in across.samples[j]])
        tiled = np.tile(signs, (16, 9))[:p.image[0], :p.image[1]] * (1 - rng.random(p.image) * 1e-3)
        image = np.broadcast_to(tiled * rng.choice([1 + 1j, 1 - 1j, 1j]), p.image_shape).astype(p.image_dtype)
        kernel = 1e-6 * noise(p.kernel_shape)
        kernel[..., rng.integers(p.kernel[0]), rng.integers(p.kernel[1])] = rng.uniform(0.5, 1, p.kernel_shape[:3])
        yield image, (kernel * rng.choice([1 + 1j, 1 - 1j, 1])).astype(p.image_dtype)


def exact(p: Problem, image: np.ndarray, kernel: np.ndarray) -> Any:
    """In extended precision."""
    wide, taps = image.astype(np.clongdouble)[0], kernel.astype(np.clongdouble)[0]
    found = np.zeros((1, p.channels_out, *p.output), np.clongdouble)
    for y, x in np.ndindex(*p.kernel):
        seen = wide[:, y:y + p.output[0], x:x + p.output[1]]
        found[0] += np.einsum("mc,cyx->myx", taps[:, :, y, x], seen)
    return found


def test_the_bound_is_that_of_three_more_real_terms_of_larger_factors() -> None:
    for p, more in ((PLAIN, 3), (VOLUME, 1)):
        real = winograd.error_bound(replace(p, channels_in=p.channels_in + more))
        np.testing.assert_allclose(winograd.error_bound(typed(p, "complex64")), (2 + np.sqrt(2)) * real)


def test_where_one_component_is_zero_so_is_its_share() -> None:
    image, kernel, _ = arrays(Case(FLAT, 4))
    for one, other in ((1, 1), (1j, 1), (1, 1j), (1j, 1j)):
        x, k = (one * image.real).astype("complex64"), (other * kernel.real).astype("complex64")
        got = run(FLAT, x, k, None, detect(), executable=build(FLAT))[0]
        assert not np.any(got.imag if one == other else got.real)


# ---------------------------------------------------------------- what is not finite

@pytest.mark.parametrize("bad", [complex(np.nan, 1), complex(2, np.inf), complex(-np.inf, 0)])
@pytest.mark.parametrize("border", [((0, 0), (0, 2j)), (("wrap", "edge"), ("reflect", "symmetric"))])
def test_what_is_not_finite_reaches_exactly_its_footprint(bad: complex, border: Any) -> None:
    for dtype in ("complex64", "complex128"):
        p = typed(replace(PLAIN, border=border, bias=True, groups=2), dtype)
        image, kernel, bias = arrays(Case(p, 3))
        image = image.copy()
        image[1, 1, 1, 7, 9] = image[0, 0, 2, 12, 21] = image[0, 1, 0, 0, 0] = bad
        with np.errstate(invalid="ignore"):
            agree(p, image, kernel, bias)


@pytest.mark.parametrize("p", [*SHAPES[1:], replace(SHAPES[2], border=((complex(0, np.inf), 2), (0, 0), (1, np.nan)))])
def test_what_is_not_finite_in_lines_and_volumes_and_between_taps(p: Problem) -> None:
    image, kernel, bias = arrays(Case(p, 3))
    image = image.copy()
    flat = image.reshape(2, 2, 3, -1)
    flat[1, 1, 1, 170] = flat[0, 0, 2, 0] = complex(1, np.nan)
    flat[1, 0, 1, -1] = complex(np.inf, 1)
    recipe = outside.choose(p, output_view(p).strides(), detect(), 1)[0].frame.recipe
    agree(p, image, kernel, bias, built(Case(p, 3), detect(), recipe, width=4 * recipe.tile[1]))


def agree(p: Problem, image: np.ndarray, kernel: np.ndarray, bias: Any, executable: Any = None) -> None:
    """Finite where the oracle is, with its numbers; and as `direct` has it elsewhere."""
    got = run(p, image, kernel, bias, detect(), executable=executable or build(p))[0]
    want, plain = oracle(p, image, kernel, bias), run(p, image, kernel, bias, detect())[0]
    np.testing.assert_array_equal(np.isfinite(got), np.isfinite(want))
    for part, other in ((got.real, plain.real), (got.imag, plain.imag)):
        beside = ~np.isfinite(want)
        np.testing.assert_array_equal(np.isnan(part[beside]), np.isnan(other[beside]))
        np.testing.assert_array_equal(np.isposinf(part[beside]), np.isposinf(other[beside]))
    np.testing.assert_allclose(got[np.isfinite(want)], want[np.isfinite(want)], atol=1e-4)


@pytest.mark.parametrize("scale", [1e37, 2e38])
def test_what_would_overflow_on_the_way_is_summed_directly(scale: float) -> None:
    overflows_on_the_way(replace(FLAT, channels_in=2), scale)


def test_a_huge_number_destroys_no_small_one_elsewhere() -> None:
    image, kernel, _ = arrays(Case(FLAT, 8))
    image = image.copy()
    image[0, 0, 0, 0, 0] = 1e30j
    got, want = run(FLAT, image, kernel, None, detect(), executable=build(FLAT))[0], oracle(FLAT, image, kernel)
    np.testing.assert_allclose(got[1], want[1], atol=1e-4)
    np.testing.assert_allclose(got[0, ..., 8:, :], want[0, ..., 8:, :], atol=1e-4)


# ---------------------------------------------------------------- the same bits, and what a plan tells

def test_threads_batch_alignment_and_strips_change_no_bit() -> None:
    p = replace(FLAT, batch=(5,), channels_out=17, groups=2, image=(30, 33), output=(30, 33))
    image, kernel, _ = arrays(Case(p, 7))
    want = run(p, image, kernel, None, detect(), executable=build(p))[0]
    for threads in (2, 3):
        got = run(p, image, kernel, None, detect(), threads=threads, executable=build(p, threads))[0]
        assert got.tobytes() == want.tobytes()
    one = replace(p, batch=())
    alone = [run(one, each, kernel, None, detect(), executable=build(one))[0] for each in image]
    assert np.stack(alone).tobytes() == want.tobytes()
    moved = [misaligned(array, offset) for array, offset in ((image, 4), (kernel, 12))]
    assert run(p, *moved, None, detect(), executable=build(p))[0].tobytes() == want.tobytes()
    tile = build(p).recipe.tile
    for recipe in (WinogradRecipe(tile, 1, 15, 2, 1), WinogradRecipe(tile, 7, 9, 3, 2, 3),
                   WinogradRecipe(tile, 5, 6 * detect().vector_bytes // 4, 3, 1, turned=True)):
        assert run(p, image, kernel, None, detect(), executable=built(Case(p, 0), detect(), recipe))[0].tobytes() == (
            want.tobytes())
    for view in ("step", "negative", "channels-last"):
        seen = lay_out(Case(p, 7, view), image)
        assert run(p, seen, kernel, None, detect(), executable=build(p))[0].tobytes() == want.tobytes()


@pytest.mark.parametrize("isa", EACH)
@pytest.mark.parametrize(("tile", "width", "height"), [((4, 4), 14, 16), ((4, 4), 7, 6), ((2, 2), 7, 7)])
def test_rows_that_share_a_vector(tile: tuple[int, int], width: int, height: int, isa: str) -> None:
    known = detect() if isa == "own" else machine.fake(isa, triple="")
    p = replace(FLAT, batch=(16,), channels_out=4, image=(height, width), output=(height, width), bias=True,
                border=(("edge", 0), (1.5j, "reflect")))
    image, kernel, bias = arrays(Case(p, 1))
    found = {}
    for rows in (1, 16):
        executable = built(Case(p, 1), known, WinogradRecipe(tile, rows, 12, 2, 1))
        with poisoned_workspaces():
            found[executable.frame.together] = run(p, image, kernel, bias, known, executable=executable)[0]
    assert len({got.tobytes() for got in found.values()}) == 1
    np.testing.assert_allclose(found[max(found)], oracle(p, image, kernel, bias), atol=1e-3)


def test_recipes_for_machines_that_are_not_there() -> None:
    p = replace(FLAT, channels_in=64, channels_out=64, image=(56, 56), output=(56, 56))
    seen = see(p, output_view(p).strides()).problem
    for isa, most in (("avx512", 32), ("avx2", 16), ("sse2", 16), ("neon", 32)):
        known = machine.fake(isa)
        assert outside.choose(p, output_view(p).strides(), known, 1)[0].frame.recipe.tile == (4, 4)
        for recipe in outside.recipes(seen, (4, 4), known, 1):
            assert recipe.channels % 3 == 0
            rows = recipe.channels // 3
            rows = rows * 4 // known.vector_bytes if recipe.turned else rows
            assert rows * recipe.vectors + min(rows, recipe.vectors) + 1 <= most


def test_what_a_plan_tells() -> None:
    rng = np.random.default_rng(4)
    x, w = ((rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype("complex64")
            for shape in ((1, 64, 28, 28), (64, 64, 3, 3)))
    plan = ft.plan(ft.conv, x, w, padding=1)
    assert plan.recipe.algorithm == "winograd"
    assert plan.workspace_bytes == winograd.workspace_bytes(plan.problem, plan.layout.output, detect(),
                                                            plan.setting.threads)
    assert "recipe   winograd" in str(plan)
    assert "@products" in plan.ir()
    np.testing.assert_allclose(plan(x), ft.conv(x, w, padding=1, method="direct"), atol=1e-3)
    open_plan = ft.plan(ft.conv, ft.Like(x.shape, "complex64"), ft.Like(w.shape, "complex64"), padding=1,
                        method="winograd")
    assert open_plan(x, w).tobytes() == plan(x).tobytes()
    plan.update(w.conj())
    np.testing.assert_allclose(plan(x), ft.conv(x, w.conj(), padding=1, method="direct"), atol=1e-3)


def test_gradients_by_a_kernel_are_left_to_others() -> None:
    p = typed(replace(PLAIN, kernel=(13, 22), image=(15, 24), output=(3, 3), start=(0, 0)), "float32")
    assert winograd.is_inside(p)
    assert winograd.applies(typed(p, "complex64")) == "a kernel of 13 x 22 taps has no tiles here"
