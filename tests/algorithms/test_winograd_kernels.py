"""Kernels are read where they lie, and one that is used once is transformed on the way: no bit tells which."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import faltung as ft
from algorithms.test_winograd import LINE, PLAIN, VOLUME, built, oracle
from faltung import machine
from faltung.algorithms import winograd
from faltung.algorithms.winograd.executable import Winograd
from faltung.algorithms.winograd.frame import WinogradRecipe
from faltung.machine import detect
from faltung.problem.problem import Problem
from grid.cases import Case, arrays, output_view
from grid.check import poisoned_workspaces
from grid.isas import EACH

WIDE = replace(PLAIN, channels_out=23, groups=2)
RECIPES = [WinogradRecipe((4, 4), *sizes) for sizes in ((8, 23, 1, 1), (8, 5, 2, 2, 2), (2, 9, 2, 1))]
"""One block; several at once, shared; several strips."""


def runs(p: Problem, executable: Winograd, image: Any, packed: Any, bias: Any, threads: int = 1) -> Any:
    out = np.full(output_view(p).shape, np.nan, p.output_dtype)
    with poisoned_workspaces():
        assert not executable.run(image, packed, bias, out, threads)
    return out


@pytest.mark.parametrize("isa", EACH)
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_kernel_that_is_used_once_has_the_same_bits(recipe: WinogradRecipe, isa: str) -> None:
    used_once(WIDE, recipe, isa)


def used_once(p: Problem, recipe: WinogradRecipe, isa: str) -> None:
    """However a kernel is packed, on one thread or two, the bits are the same, and the oracle's but for roundings."""
    known = detect() if isa == "own" else machine.fake(isa, triple="")
    image, kernel, _ = arrays(Case(p, 1))
    want = None
    for threads in (1, 2):
        executable = built(Case(p, 1), known, recipe, threads)
        for pack in (executable.pack, executable.pack_once):
            got = runs(p, executable, image, pack(kernel), None, threads)
            want = got if want is None else want
            assert got.tobytes() == want.tobytes()
    np.testing.assert_allclose(want, output_view(p)(oracle(p, image, kernel)), atol=1e-3)


@pytest.mark.parametrize("p", [WIDE, LINE, VOLUME, replace(PLAIN, kernel=(5, 5), channels_out=17)])
def test_a_kernel_may_lie_in_any_order(p: Problem) -> None:
    image, kernel, bias = arrays(Case(p, 2))
    executable = winograd.build(p, output_view(p), detect(), 1)
    added = None if bias is None else executable.pack_bias(bias)
    want = runs(p, executable, image, executable.pack(kernel), added)
    taps = range(3, kernel.ndim)
    turned = [np.flip(np.flip(kernel, taps).copy(), taps), np.flip(np.flip(kernel, 3).copy(), 3),
              np.asfortranarray(kernel), np.flip(np.flip(kernel, (1, 2)).copy(), (1, 2)),
              np.moveaxis(np.moveaxis(kernel, 1, 2).copy(), 2, 1), np.repeat(kernel, 2, axis=-1)[..., ::2]]
    for one in turned:
        assert np.array_equal(one, kernel)
        for pack in (executable.pack, executable.pack_once):
            assert runs(p, executable, image, pack(one), added).tobytes() == want.tobytes()


def test_a_kernel_that_is_used_once_and_is_not_finite() -> None:
    image, kernel, _ = arrays(Case(WIDE, 3))
    kernel = kernel.astype("float32")
    kernel[1, 22, 1, 1, 1] = np.inf
    executable = winograd.build(WIDE, output_view(WIDE), detect(), 1)
    got = output_view(WIDE)(runs(WIDE, executable, image, executable.pack_once(kernel), None))
    np.testing.assert_array_equal(np.isfinite(got), np.isfinite(oracle(WIDE, image, kernel)))


def test_kernels_that_come_with_each_call() -> None:
    rng = np.random.default_rng(4)
    x, w = (rng.standard_normal(shape).astype("float32") for shape in ((1, 64, 14, 14), (64, 64, 3, 3)))
    plan = ft.plan(ft.conv, ft.Like(x.shape, "float32"), ft.Like(w.shape, "float32"), padding=1, method="winograd")
    known = ft.plan(ft.conv, x, w, padding=1, method="winograd")
    for _ in range(2):
        assert plan(x, w).tobytes() == known(x).tobytes() == known(x, w).tobytes()
        w = -w
        known.update(w)
