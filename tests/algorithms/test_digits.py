"""Long integer sums through digits: exact at every size, modulo 64 bits where they may wrap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import faltung as ft
from faltung.algorithms import digits
from faltung.algorithms.digits.executable import digits_of, most_bits
from faltung.algorithms.digits.passes import CHUNK, join, split
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


MACHINES = [replace(detect(), vector_bytes=size) for size in (16, 32, detect().vector_bytes)]


@pytest.mark.parametrize("bits", [2, 5, 9, 15])
@pytest.mark.parametrize("magnitude", [0, 1, 2, 127, 128, 32767, 2**31, 2**62, 2**63 - 1])
def test_digits_are_balanced_and_put_together_again(magnitude: int, bits: int) -> None:
    values = np.array([[-magnitude, magnitude, magnitude // 3, 0] * 9])
    count = digits_of(magnitude, bits)
    for machine in MACHINES:
        found = split(values, count, bits, machine)
        assert found.shape == (1, count, 36)
        assert found.min() >= -(2 ** (bits - 1))
        assert found.max() < 2 ** (bits - 1)
        total = sum(2 ** (bits * i) * digit.astype(object) for i, digit in enumerate(found[0]))
        assert total.tolist() == values[0].tolist()
        assert join(found.astype(np.int64), bits, None, machine, bounds=(-(2**63), 2**63 - 1))[0].tolist() == (
            values.tolist())


@pytest.mark.parametrize("bits", [2, 3, 8, 13, 15])
def test_the_fewest_digits_that_hold_a_magnitude(bits: int) -> None:
    for count in (1, 2, 4):
        most = sum((2 ** (bits - 1) - 1) * 2 ** (bits * i) for i in range(count))
        assert (digits_of(most, bits), digits_of(most + 1, bits)) == (count, count + 1)


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("bits", [3, 8, 13])
@pytest.mark.parametrize("threads", [1, 2])
def test_what_does_not_fit_64_bits_is_found(bits: int, signed: bool, threads: int, rng: np.random.Generator) -> None:
    """Sums of any digits against Python's integers: at the edges of the range, and far outside."""
    low, high = (-(2**63), 2**63 - 1) if signed else (0, 2**64 - 1)
    count, samples = -(-70 // bits) + 2, CHUNK + 11
    sums = rng.integers(-(2**20), 2**20, (2, count, samples))
    sums[:, :, ::2] = 0
    edges = [low, low - 1, high, high + 1, -1, 0, 2**64, -(2**64), 2**70]
    for place, edge in enumerate(edges):
        for digit in range(count - 1):
            sums[:, digit, 2 * place] = edge >> bits * digit & 2**bits - 1
        sums[:, count - 1, 2 * place] = edge >> bits * (count - 1)
    true = sum(sums[:, digit].astype(object) * 2 ** (bits * digit) for digit in range(count)) + 1 - 1
    for machine in MACHINES:
        found, overflowed = join(sums, bits, None, machine, threads, bounds=(low, high), signed=signed)
        assert overflowed
        assert (found.view(np.int64 if signed else np.uint64) == np.clip(true, low, high)).all()
        inside = (true[0] >= low) & (true[0] <= high)
        found, overflowed = join(np.ascontiguousarray(sums[:1, :, inside]), bits, None, machine, threads,
                                 bounds=(low, high), signed=signed)
        assert not overflowed


def test_narrow_outputs_and_a_bias() -> None:
    sums = np.array([[[0, 100, 127, -128, -129, 130]], [[0, 99, 126, -130, -131, -132]]])
    for bounds, want in (((-128, 127), [[0, 100, 127, -128, -128, 127], [2, 101, 127, -128, -128, -128]]), (
            (0, 255), [[0, 100, 127, 0, 0, 130], [2, 101, 128, 0, 0, 0]])):
        found, overflowed = join(sums, 8, np.array([0, 2]), MACHINES[0], bounds=bounds)
        assert overflowed
        assert found.tolist() == want
    found, overflowed = join(sums, 8, np.array([0, 2]), MACHINES[0])
    assert not overflowed
    assert found.tolist() == (sums[:, 0] + np.array([[0], [2]])).tolist()


@pytest.mark.parametrize(("dtype", "output"), [
    ("int64", "int64"), ("int64", "uint64"), ("uint64", "uint64"), ("uint64", "int64"), ("int64", "uint8"),
    ("int32", "int16")])
@pytest.mark.parametrize("bits", [(6, 3), (40, 22), (62, 62)])
def test_overflow_beyond_64_bits_is_that_of_direct(dtype: str, output: str, bits: tuple[int, int],
                                                   rng: np.random.Generator) -> None:
    bits = tuple(min(each, 30) for each in bits) if dtype == "int32" else bits
    x, k = integers(rng, bits[0], (2, 300), dtype)[:, ::2], integers(rng, bits[1], (1, 15), dtype)
    x[:, ::3] >>= np.array(rng.integers(0, bits[0], x[:, ::3].shape)).astype(dtype)
    options = {"axes": 1, "dtype": output, "border": "reflect"}
    got = ft.correlate(x, k, "same", method="digits", overflow="saturate", **options)
    want = ft.correlate(x, k, "same", method="reference", overflow="saturate", **options)
    assert got.tobytes() == want.tobytes()
    raising = [raises(lambda method=method: ft.correlate(x, k, "same", method=method, **options))
               for method in ("digits", "auto", "reference")]
    assert raising in ([True] * 3, [False] * 3)


def raises(call: Callable[[], object]) -> bool:
    try:
        call()
    except OverflowError:
        return True
    return False


def test_a_single_sum_that_does_not_fit(rng: np.random.Generator) -> None:
    x, k = np.zeros(5000, np.int64), np.ones(300, np.int64)
    x[1000], x[1100] = 2**62, 2**62 - 1
    assert ft.convolve(x, k, method="digits").max() == 2**63 - 1
    x[1200] = 1
    with pytest.raises(OverflowError, match="int64"):
        ft.convolve(x, k, method="digits")
    x[1200], k[7] = 0, -1
    assert ft.convolve(x, k, method="digits", dtype="uint64", overflow="saturate").max() == 2**63 - 1


@pytest.mark.parametrize("bits", [(10, 5), (40, 40), (62, 62)])
def test_floats_of_sums_that_no_integer_holds(bits: tuple[int, int], rng: np.random.Generator) -> None:
    x, k = integers(rng, bits[0], (4000,)), integers(rng, bits[1], (300,))
    got = ft.convolve(x, k, dtype="float64", method="digits")
    want = np.convolve(x.astype(np.longdouble), k.astype(np.longdouble))
    bound = digits.error_bound(replace(LINE, output_dtype="float64")) * 2.0**-53
    limit = float(np.abs(x).max()) * float(np.abs(k).astype(float).sum())
    assert np.abs(got - want).max() <= bound * limit
    assert np.abs(got - want).max() <= 8 * 2.0**-53 * limit


def test_fewer_bits_for_longer_kernels_and_more_terms() -> None:
    long = replace(LINE, image=(10**6,), kernel=(10**5,), output=(10**6,))
    assert 8 <= most_bits(long, 2) < most_bits(LINE, 2) <= 15
    assert most_bits(LINE, 8) < most_bits(LINE, 1)


@pytest.mark.parametrize(("changes", "reason"), [
    ({"image_dtype": "float64"}, "its sums are not integers"),
    ({"overflow": "raise", "bias": True},
     "the integer sums and a bias are not proven to fit; they have to, unless they may wrap"),
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
