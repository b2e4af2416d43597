"""Long integer sums through digits: exact at every size, modulo 64 bits where they may wrap."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import faltung as ft
from faltung.algorithms import digits
from faltung.algorithms.digits.executable import _count, _split, most_bits
from faltung.errors import PlanError
from faltung.machine import detect
from faltung.problem.problem import Problem
from grid.cases import output_view

LINE = Problem((), 1, 1, 1, (3000,), (400,), (3399,), (-399,), (1,), (1,), (1,), ((0, 0),), "int64", "int64", "int64",
               "int64", overflow="wrap")


def integers(rng: np.random.Generator, bits: int, shape: tuple[int, ...], dtype: str = "int64") -> np.ndarray:
    if dtype == "uint64":
        return rng.integers(0, 2**bits, shape, dtype)
    return rng.integers(-(2**bits), 2**bits, shape, dtype)


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
@pytest.mark.parametrize(("image_bits", "kernel_bits"), [(3, 1), (20, 15), (40, 10), (10, 40), (62, 62)])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_sums_are_exact_modulo_64_bits(image_bits: int, kernel_bits: int, mode: str, dtype: str,
                                       rng: np.random.Generator) -> None:
    x, k = integers(rng, image_bits, (5000,), dtype), integers(rng, kernel_bits, (300,), dtype)
    got = ft.convolve(x, k, mode, method="digits", overflow="wrap")
    want = ft.convolve(x, k, mode, method="direct", overflow="wrap")
    assert got.dtype == want.dtype
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("value", [-(2**63), 2**63 - 1, -1, 2**62])
def test_extreme_values(value: int) -> None:
    x, k = np.full(1000, value), np.full(200, value)
    np.testing.assert_array_equal(ft.correlate(x, k, method="digits", overflow="wrap"),
                                  ft.correlate(x, k, method="direct", overflow="wrap"))


@pytest.mark.parametrize("border", [0, "reflect", "wrap", ("edge", "symmetric")])
def test_images_with_borders_strides_and_dilation(border: object, rng: np.random.Generator) -> None:
    x, k = integers(rng, 20, (90, 80)), integers(rng, 12, (14, 9))
    options = {"border": border, "stride": (2, 1), "dilation": (1, 2)}
    got = ft.correlate(x, k, "same", method="digits", **options)
    np.testing.assert_array_equal(got, ft.correlate(x, k, "same", method="direct", **options))


def test_batches_and_threads(rng: np.random.Generator) -> None:
    x, k = integers(rng, 25, (3, 4000)), integers(rng, 25, (1, 301))
    results = [ft.correlate(x, k, "same", axes=(0, 1), method="digits", threads=threads) for threads in (1, 2, 3)]
    for got in results:
        np.testing.assert_array_equal(got, results[0])
    np.testing.assert_array_equal(results[0], ft.correlate(x, k, "same", axes=(0, 1), method="direct"))


def test_an_overflow_is_told(rng: np.random.Generator) -> None:
    x, k = np.full(1000, 2**40), np.full(300, 2**20)
    with pytest.raises(OverflowError, match="int64"):
        ft.correlate(x, k)
    assert ft.correlate(x[:300], k[:4], "valid")[0] == 2**62


def test_long_sums_choose_it_and_short_ones_do_not() -> None:
    machine, view = detect(), output_view(LINE)
    long = replace(LINE, image=(100_000,), kernel=(20_000,), output=(100_000,), overflow="proven")
    assert digits.predicted_cycles(long, output_view(long), machine, 1) < 1e9
    assert digits.least_cycles(LINE, machine) < digits.predicted_cycles(LINE, view, machine, 1)


@pytest.mark.parametrize("bits", [2, 5, 9])
@pytest.mark.parametrize("magnitude", [0, 1, 2, 127, 128, 32767, 2**31, 2**62])
def test_digits_are_balanced_and_put_together_again(magnitude: int, bits: int) -> None:
    values = np.array([-magnitude, magnitude, magnitude // 3, 0])
    count = _count(magnitude, bits)
    found = _split(values, count, bits)
    assert len(found) == count
    for digit in found:
        assert digit.min() >= -(2 ** (bits - 1))
        assert digit.max() < 2 ** (bits - 1)
    total = sum(2 ** (bits * i) * digit.astype(object) for i, digit in enumerate(found))
    assert total.tolist() == values.tolist()


def test_fewer_bits_for_longer_kernels_and_more_terms() -> None:
    long = replace(LINE, image=(10**6,), kernel=(10**5,), output=(10**6,))
    assert 8 <= most_bits(long, 2) < most_bits(LINE, 2) <= 15
    assert most_bits(LINE, 8) < most_bits(LINE, 1)


@pytest.mark.parametrize(("changes", "reason"), [
    ({"image_dtype": "float64"}, "its sums are not integers"),
    ({"overflow": "raise"}, "the integer sums are not proven to fit; they have to, unless they may wrap"),
    ({"channels_in": 2}, "several channels and activations are not taken digit by digit"),
    ({"border": ((3, 0),)}, "a border of another constant than 0 has no digits"),
    ({"kernel": (1,)}, "a kernel of one tap, or an image without samples, needs no transform"),
])
def test_what_does_not_apply_says_why(changes: dict[str, object], reason: str) -> None:
    assert digits.applies(replace(LINE, **changes)) == reason
    assert digits.applies(LINE) is None


def test_code_is_there_after_the_first_call(rng: np.random.Generator) -> None:
    plan = ft.plan(ft.correlate, ft.Like((3000,), "int64"), integers(rng, 9, (400,)), overflow="wrap", method="digits")
    with pytest.raises(PlanError) as caught:
        plan.ir()
    assert str(caught.value) == (
        'plan: method="digits" generates its programs when the first image shows how many digits there are; call the '
        "plan first")
    plan(integers(rng, 9, (3000,)))
    assert "@work" in plan.ir()
    assert "mul" in plan.assembly()
    assert plan.error_bound == 0
    assert plan.workspace_bytes > 0
