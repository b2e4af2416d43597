"""Every conversion, through one tap: all 16-bit patterns, and where wider numbers round or overflow."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from faltung import machine, reference
from faltung.machine import Machine
from faltung.problem.problem import Problem
from faltung.problem.promotion import INTEGERS, numpy_dtype
from grid.cases import floats
from grid.check import run
from grid.isas import SMALLER

MACHINES = [machine.detect(), *(machine.fake(isa, triple="") for isa in SMALLER)]
by_machine = pytest.mark.parametrize("known", MACHINES, ids=lambda known: known.isa)
EXTENT = 1 << 16


def through(values: np.ndarray, dtype: str, accumulator: str, output: str, overflow: str = "wrap",
            known: Machine | None = None) -> np.ndarray:
    """Values through one tap of 1."""
    problem = Problem((), 1, 1, 1, (values.size,), (1,), (values.size,), (0,), (1,), (1,), (1,), ((0, 0),), dtype,
                      dtype, accumulator, output, overflow)
    image = values.reshape(problem.image_shape)
    kernel = np.ones(problem.kernel_shape, image.dtype)
    return run(problem, image, kernel, None, known or MACHINES[0])[0].ravel()


@cache
def every(dtype: str) -> Any:
    return np.arange(EXTENT).astype(np.uint16).view(numpy_dtype(dtype))


@by_machine
@pytest.mark.parametrize("dtype", [name for name in floats() if name in ("float16", "bfloat16")])
def test_every_half_comes_through(dtype: str, known: Machine) -> None:
    values = every(dtype)
    with np.errstate(invalid="ignore"):
        wide = values.astype(np.float32)
    np.testing.assert_array_equal(through(values, dtype, "float32", "float32", known=known), wide)
    back = through(values, dtype, "float32", dtype, known=known)
    real = ~np.isnan(wide)
    # a sum of products begins at +0, so -0 comes out as +0
    expected = np.where(values.view(np.uint16)[real] == 0x8000, 0, values.view(np.uint16)[real])
    np.testing.assert_array_equal(back.view(np.uint16)[real], expected)
    assert np.isnan(back[~real].astype(np.float32)).all()


def near_halves(dtype: str, wide: str) -> np.ndarray:
    """Numbers at, and next to, every place where rounding to ``dtype`` turns."""
    with np.errstate(invalid="ignore", over="ignore"):
        grid = every(dtype).astype(np.float64)
        grid = np.sort(grid[np.isfinite(grid)])
        ties = (grid[1:] + grid[:-1]) / 2
        values = np.concatenate([grid, ties, [1e9, -1e9, 3e38, -3e38, 1e-30, 65519.99, 65520.0, np.inf, -np.inf]])
        values = values.astype(wide)
        values = np.concatenate([values, np.nextafter(values, values.dtype.type(9e9)), np.nextafter(values, -values)])
    return values[values != 0]


@by_machine
@pytest.mark.parametrize("wide", ["float32", "float64"])
@pytest.mark.parametrize("dtype", [name for name in floats() if name in ("float16", "bfloat16")])
def test_rounding_to_halves_is_to_nearest_even_and_once(dtype: str, wide: str, known: Machine) -> None:
    values = near_halves(dtype, wide)
    got = through(values, wide, wide, dtype, known=known).astype(np.float64)
    with np.errstate(over="ignore"):
        want = _nearest_even(values.astype(np.float64), dtype)
    bad = got != want
    assert not bad.any(), (values[bad][:3], got[bad][:3], want[bad][:3], bad.sum())


def _nearest_even(values: np.ndarray, dtype: str) -> np.ndarray:
    """Without the casts that are under test: by scaling to the last place and rint."""
    bits, least, largest = {"float16": (11, -24, 65504.0), "bfloat16": (8, -133, 3.3895313892515355e38)}[dtype]
    finite = np.where(np.isfinite(values), values, 0)
    _, exponent = np.frexp(finite)
    place = np.maximum(exponent - bits, least)
    rounded = np.ldexp(np.rint(np.ldexp(finite, -place)), place)
    rounded = np.where(np.abs(rounded) > largest, np.copysign(np.inf, rounded), rounded)
    return np.where(np.isfinite(values), rounded, values)


@by_machine
@pytest.mark.parametrize("overflow", ["wrap", "saturate"])
@pytest.mark.parametrize("target", INTEGERS)
def test_integers_into_integers(target: str, overflow: str, known: Machine) -> None:
    edges = [base + step for base in (0, 2**7, 2**8, 2**15, 2**16, 2**31, 2**32, 2**53, 2**63 - 3, -2**63 + 3)
             for step in range(-3, 3)]
    wide = np.array([value for value in edges + [-value for value in edges] if -2**63 <= value < 2**63], np.int64)
    for values, accumulator in ((wide, "int64"), (wide[np.abs(wide.astype(float)) < 2**31], "int32")):
        got = through(values, "int64", accumulator, target, overflow, known=known)
        want = reference.cast(values.astype(object), target, overflow)
        np.testing.assert_array_equal(got, want)


@by_machine
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("target", INTEGERS)
def test_floats_into_integers(target: str, dtype: str, known: Machine) -> None:
    info = np.iinfo(target)
    kind = np.dtype(dtype).type
    edges = np.array([0.5, 1.5, 2.5, 3.49, info.max - 1, info.max, float(info.max) + 1, info.min, info.min - 1.0,
                      info.max / 2, 1e30, 2.0**63, 2.0**64, 2.0**31], dtype)
    values = np.concatenate([edges, -edges, np.nextafter(edges, kind(np.inf)), np.nextafter(edges, kind(-np.inf))])
    got = through(values, dtype, dtype, target, "saturate", known=known)
    np.testing.assert_array_equal(got, reference.cast(values, target, "saturate"))
    near = values[np.abs(values) < 2.0**62]
    got = through(near, dtype, dtype, target, "wrap", known=known)
    np.testing.assert_array_equal(got, reference.cast(near, target, "wrap"))


@pytest.mark.parametrize("target", INTEGERS)
@pytest.mark.parametrize("accumulator", ["float32", "float64", "int64"])
def test_overflow_is_seen_at_the_very_edge(target: str, accumulator: str) -> None:
    low, high = int(np.iinfo(target).min), int(np.iinfo(target).max)
    dtype = "int64" if accumulator == "int64" else accumulator
    for value, fits in ((low, True), (high, True), (low - 1, False), (high + 1, False)):
        if accumulator != "int64" and int(float(np.dtype(accumulator).type(value))) != value:
            continue
        if not -2**63 <= value < 2**63 and accumulator == "int64":
            continue
        values = np.zeros(37, dtype)
        values[36] = value
        problem = Problem((), 1, 1, 1, (37,), (1,), (37,), (0,), (1,), (1,), (1,), ((0, 0),), dtype, dtype, accumulator,
                          target, "raise")
        _, flag = run(problem, values.reshape(problem.image_shape), np.ones((1, 1, 1, 1), dtype), None, MACHINES[0])
        assert flag != fits, value


@by_machine
def test_anything_but_zero_is_true(known: Machine) -> None:
    values = np.array([0, 1, -1, 256, 1 << 40, 0], np.int64)
    assert through(values, "int64", "int64", "bool", known=known).tolist() == [False, True, True, True, True, False]


@by_machine
@pytest.mark.parametrize("dtype", ["bool", *INTEGERS])
def test_every_small_integer_comes_through(dtype: str, known: Machine) -> None:
    if dtype == "bool":
        values = np.arange(64) % 3 == 0
    else:
        info = np.iinfo(dtype)
        low, high = int(info.min), int(info.max)
        values = np.unique(np.array([low + (high - low) * step // 512 for step in range(513)], dtype))
    accumulators = {1: ("float32", "int32", "float64", "int64"), 2: ("float32", "int32", "float64", "int64"),
                    4: ("float64", "int64"), 8: ("int64",)}[values.dtype.itemsize]
    for accumulator in accumulators:
        got = through(values, dtype, accumulator, "int64", known=known)
        np.testing.assert_array_equal(got, values.astype(np.int64))


@by_machine
@pytest.mark.parametrize("overflow", ["saturate", "wrap"])
def test_rows_of_floats_into_bytes(overflow: str, known: Machine) -> None:
    # as many vectors side by side as are cast at once, and a few lanes more
    edges = np.array([0, 0.49, 0.5, 1.5, 2.5, 127.5, 128.5, 254.5, 255.49, 255.5, 256, 300, 32768, 65535.5, 1e9,
                      2.0**31, 2.0**32], np.float32)
    values = np.concatenate([edges, -edges, [-0.0]])
    if overflow == "saturate":
        values = np.concatenate([values, [3e38, -3e38, np.inf, -np.inf, np.nan]])
    for width in (64, 67, 131):
        image = np.resize(values, (9, width)).astype(np.float32)
        problem = Problem((), 1, 1, 1, image.shape, (1, 1), image.shape, (0, 0), (1, 1), (1, 1), (1, 1), ((0, 0),) * 2,
                          "float32", "float32", "float32", "uint8", overflow)
        kernel = np.ones(problem.kernel_shape, np.float32)
        got = run(problem, image.reshape(problem.image_shape), kernel, None, known)[0]
        np.testing.assert_array_equal(got.reshape(image.shape), reference.cast(image, "uint8", overflow))
