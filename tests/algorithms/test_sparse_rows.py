"""Kernels with zeros on images that are read where they lie: as those of packed blocks, bit for bit, and watched."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

import faltung as ft
from faltung import machine, reference
from faltung.algorithms import sparse
from faltung.algorithms.sparse import executable as sparse_executable
from faltung.problem.problem import Problem
from grid import structured
from grid.check import run
from grid.isas import USABLE

BASE = replace(structured.BASE, image=(20, 90), output=(20, 90), kernel=(9, 9), start=(-4, -4))
build = partial(structured.build, sparse, isa="avx512")
pytestmark = pytest.mark.skipif("avx512" not in USABLE, reason="this machine has no avx512")


def lattice(rng: np.random.Generator, p: Problem = BASE, step: int = 4) -> np.ndarray:
    kernel = np.zeros(p.kernel_shape, p.kernel_dtype)
    kernel[..., ::step, ::step] = rng.standard_normal(kernel[..., ::step, ::step].shape)
    return kernel


def computed(p: Problem, image: np.ndarray, kernel: np.ndarray, threads: int = 1) -> np.ndarray:
    """By rows that are read where they lie; see that they are."""
    executable = build(p, threads=threads)
    assert not executable.pack(kernel).program.frame.recipe.packed
    return run(p, image, kernel, None, machine.detect(), threads=threads, executable=executable)[0]


@pytest.fixture
def from_blocks(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What packed blocks give, summed in the same order."""
    def compute(p: Problem, image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        with monkeypatch.context() as patch:
            patch.setattr(sparse_executable.Program, "reads", lambda self, image: self.frame.recipe.packed)
            return computed(p, image, kernel)
    return compute


@pytest.mark.parametrize("step", [2, 4, 8])
@pytest.mark.parametrize(("dtype", "sums"), [("float32", "float32"), ("float64", "float64"), ("uint8", "float32"),
                                             ("int16", "float64")])
def test_the_bits_are_those_of_packed_blocks(step: int, dtype: str, sums: str, rng: np.random.Generator,
                                             from_blocks: Any) -> None:
    problem = replace(BASE, groups=2, image_dtype=dtype, kernel_dtype=sums, accumulator_dtype=sums, output_dtype=sums)
    image = (rng.standard_normal(problem.image_shape) * 100).astype(dtype)
    kernel = lattice(rng, problem, step)
    got = computed(problem, image, kernel)
    assert got.tobytes() == from_blocks(problem, image, kernel).tobytes()
    want = reference.correlate(problem, image, kernel)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("border", ["reflect", 0, 2.5, np.inf], ids=str)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(0, 0), (7, 40), (19, 89), (10, 86)], ids=str)
def test_zeros_take_nothing_away(place: tuple[int, int], bad: float, border: Any, rng: np.random.Generator) -> None:
    problem = replace(BASE, border=((border, border),) * 2)
    image = rng.integers(1, 9, problem.image_shape).astype("float32")
    kernel = np.sign(lattice(rng, problem))
    image[0, 0][place] = bad
    with np.errstate(all="ignore"):
        want = reference.correlate(problem, image, kernel)
    np.testing.assert_array_equal(computed(problem, image, kernel), want)


@pytest.mark.parametrize("bad", [1.0, np.nan])
def test_threads_views_and_other_rows_change_no_bit(bad: float, rng: np.random.Generator) -> None:
    problem = replace(BASE, image=(130, 1300), output=(130, 1300))
    image, kernel = rng.standard_normal(problem.image_shape).astype("float32"), lattice(rng)
    image[..., 40, 700] = bad
    apart = np.zeros((*image.shape, 2), "float32")[..., 0]
    apart[...] = image
    turned = np.asfortranarray(image)
    seen = [computed(problem, view, kernel, threads) for view in (image, apart, turned) for threads in (1, 2, 3)]
    assert len({each.tobytes() for each in seen}) == 1


def test_integers_that_do_not_fit_are_told(rng: np.random.Generator) -> None:
    kernel = np.zeros((5, 5), np.float32)
    kernel[::2, ::2] = 1
    x = np.full((40, 60), 100, np.float32)
    wished: Any = {"dtype": "uint8", "method": "sparse"}
    with pytest.raises(OverflowError):
        ft.correlate(x, kernel, "same", **wished)
    fits = ft.correlate(x / 100, kernel, "same", **wished)
    np.testing.assert_array_equal(fits, ft.correlate(x / 100, kernel, "same", dtype="uint8", method="direct"))


def test_photographs(rng: np.random.Generator) -> None:
    x, kernel = rng.standard_normal((50, 70, 3)).astype("float32"), lattice(rng, step=2).reshape(9, 9)[2:7, 2:7]
    x[20, 30, 1] = np.inf
    plan = ft.plan(ft.correlate, x, kernel, "same", axes=(0, 1), method="sparse")
    each = [ft.correlate(x[..., channel].copy(), kernel, "same", method="sparse") for channel in range(3)]
    np.testing.assert_allclose(plan(x), np.stack(each, -1), rtol=1e-4, atol=1e-5)


def test_tall_kernels_of_wide_images_are_packed(rng: np.random.Generator) -> None:
    wide, narrow = (replace(BASE, image=(60, width), output=(60, width), kernel=(17, 17)) for width in (3000, 500))
    kernel = lattice(rng, wide, 8)
    assert build(wide).pack(kernel).program.frame.recipe.packed
    assert not build(narrow).pack(kernel).program.frame.recipe.packed
