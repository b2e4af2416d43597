"""Many kernels against one image, many images against one kernel, and both: one call, one plan, any method."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import faltung as ft
from faltung.errors import PlanError

ROWS = np.outer([1, 2, 1, 3, 1], [2, 1, 0, 1, 5])
CASES = [(method, kind, dtype) for method, kind in (
    ("direct", "any"), ("fourier", "any"), ("winograd", "any"), ("separable", "product"), ("running", "equal"),
    ("sparse", "few"), ("digits", "any")) for dtype in ("float64", "int16")
    if (method, dtype) not in (("winograd", "int16"), ("digits", "float64"))]
ALONE = ("sparse", "digits")
"""These take one kernel for each image; a bank is refused with the methods that would do."""


def kernels(kind: str, dtype: str, count: int, rng: np.random.Generator) -> np.ndarray:
    """Kernels of the structure that a method needs."""
    each = {"product": lambda n: ROWS * (n + 1), "equal": lambda n: np.full((5, 5), n + 1),
            "few": lambda n: np.where(rng.random((5, 5)) < 0.2, n + 1, 0),
            "any": lambda _: rng.integers(-9, 9, (5, 5))}[kind]
    return np.array([each(n) for n in range(count)]).astype(dtype)


def plan_for(method: str, *arguments: object, **options: object) -> Any:
    return ft.plan(ft.correlate, *arguments, "same", axes=(-2, -1), method=method, **options)


@pytest.mark.parametrize(("method", "kind", "dtype"), [case for case in CASES if case[0] not in ALONE])
def test_all_images_under_all_kernels(method: str, kind: str, dtype: str, rng: np.random.Generator) -> None:
    images, bank = rng.integers(-50, 50, (3, 1, 40, 45)).astype(dtype), kernels(kind, dtype, 4, rng)
    plan = plan_for(method, ft.Like(images.shape, dtype), bank[None])
    assert plan.way.name == method
    got = plan(images)
    assert got.shape == (3, 4, 40, 45)
    for i, image in enumerate(images[:, 0]):
        for j, kernel in enumerate(bank):
            np.testing.assert_allclose(got[i, j], ft.correlate(image, kernel, "same", method="direct"), rtol=0,
                                       atol=1e-9 if dtype == "float64" else 0)
    for threads in (1, 2):
        assert ft.correlate(images, bank[None], "same", axes=(-2, -1), method=method, threads=threads).tobytes() == (
            got.tobytes())
    some = plan_for(method, ft.Like((1, 1, 40, 45), dtype), bank[None])
    assert all(some(images[i:i + 1])[0].tobytes() == got[i].tobytes() for i in range(3))


@pytest.mark.parametrize(("method", "kind", "dtype"), CASES)
def test_a_kernel_of_its_own_for_every_image(method: str, kind: str, dtype: str, rng: np.random.Generator) -> None:
    images, bank = rng.integers(-50, 50, (4, 40, 45)).astype(dtype), kernels(kind, dtype, 4, rng)
    got = plan_for(method, ft.Like(images.shape, dtype), bank)(images)
    for image, kernel, found in zip(images, bank, got, strict=True):
        np.testing.assert_allclose(found, ft.correlate(image, kernel, "same", method="direct"), rtol=0,
                                   atol=1e-9 if dtype == "float64" else 0)


@pytest.mark.parametrize(("method", "kind", "dtype"), CASES)
def test_other_weights(method: str, kind: str, dtype: str, rng: np.random.Generator) -> None:
    images = rng.integers(-50, 50, (3, 40, 45)).astype(dtype)
    old, new = kernels(kind, dtype, 3, rng), kernels(kind, dtype, 3, rng)[::-1].copy()
    plan = plan_for(method, ft.Like(images.shape, dtype), old)
    before = plan(images).tobytes()
    plan.update(new)
    assert plan(images).tobytes() == plan_for(method, ft.Like(images.shape, dtype), new)(images).tobytes()
    assert plan(images, old).tobytes() == before
    new[...] = 0  # the plan has its own copy
    assert plan(images).any()


@pytest.mark.parametrize("method", ALONE)
def test_what_takes_no_bank_says_so(method: str, rng: np.random.Generator) -> None:
    kind = "few" if method == "sparse" else "any"
    with pytest.raises(PlanError, match=r'several channels.*"direct", "fourier".* would do'):
        plan_for(method, ft.Like((1, 1, 40, 45), "int16"), kernels(kind, "int16", 3, rng)[None])


@pytest.mark.parametrize("taps", [3, pytest.param(31, marks=pytest.mark.slow)])
def test_a_bank_transforms_its_image_once(taps: int) -> None:
    """One call costs less than its parts: the predicted cycles, which are those of the transforms.

    Single small kernels read the image where it lies, so of those a bank saves next to nothing.
    """
    image, bank = ft.Like((1, 512, 512)), np.ones((16, taps, taps), np.float32)
    bank += np.arange(taps * taps).reshape(taps, taps) % 7
    for method in ("direct", "fourier"):
        together = ft.plan(ft.correlate, image, bank, "same", axes=(1, 2), method=method)
        alone = ft.plan(ft.correlate, image, bank[:1], "same", axes=(1, 2), method=method)
        assert together.predicted_cycles < 16 * alone.predicted_cycles * (0.75 if method == "fourier" else 1.2)
