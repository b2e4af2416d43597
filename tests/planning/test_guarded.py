"""Integer plans whose image is not known: fast where it proves that sums fit, and exact where it does not."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import faltung as ft
from faltung.planning.guarded import Guard, proven

LINE = (4000,)


def integers(rng: np.random.Generator, bits: int, shape: tuple[int, ...], dtype: str = "int64") -> np.ndarray:
    low = 0 if dtype.startswith("u") else -(2**bits)
    return rng.integers(low, 2**bits, shape, dtype)


def result(call: Callable[[], Any]) -> Any:
    """The bytes that come out, or that something overflows."""
    try:
        return call().tobytes()
    except OverflowError as error:
        return str(error)


@pytest.mark.parametrize("taps", [5, 400])
@pytest.mark.parametrize(("bits", "output"), [
    (8, "int64"), (52, "int64"), (52, "uint64"), (20, "int32"), (62, "int64"),
    *(pytest.param(bits, output, marks=pytest.mark.slow)
      for bits in (8, 40, 55, 62) for output in ("uint64", "int32"))])
def test_every_image_gives_the_bits_of_direct(taps: int, bits: int, output: str, rng: np.random.Generator) -> None:
    k = integers(rng, 12, (taps,))
    image = ft.Like(LINE, "int64")
    plans = {method: ft.plan(ft.correlate, image, k, "same", dtype=output, method=method, threads=threads)
             for method, threads in (("auto", 1), ("direct", 2), ("digits", 2))}
    saturating = ft.plan(ft.correlate, image, k, "same", dtype=output, overflow="saturate")
    for x in (integers(rng, bits, LINE), np.abs(integers(rng, bits, LINE))):
        found = {result(lambda plan=plan, x=x: plan(x)) for plan in plans.values()}
        assert len(found) == 1
        exact = ft.correlate(x, k, "same", dtype="float64")
        limits = np.iinfo(output)
        if isinstance(next(iter(found)), str):
            assert exact.max() > 0.99 * limits.max or exact.min() < min(limits.min * 0.99, 0)
        else:
            assert limits.min - 1e3 <= exact.min() <= exact.max() <= limits.max * 1.001
            assert found == {result(lambda x=x: ft.correlate(x, k, "same", dtype=output, overflow="wrap"))}
        np.testing.assert_allclose(saturating(x), np.clip(exact, float(limits.min), float(limits.max)), rtol=1e-9,
                                   atol=1)


def test_small_values_take_the_fast_way(rng: np.random.Generator) -> None:
    plan = ft.plan(ft.correlate, ft.Like(LINE, "int64"), integers(rng, 20, (400,)), "same")
    guard = plan._ready.run.__self__
    assert isinstance(guard, Guard)
    for bits, dtype in ((2, "int32"), (20, "float64"), (30, "int64")):
        x = integers(rng, bits, LINE)
        assert plan(x).tobytes() == ft.correlate(x, plan.asked.kernel, "same", method="direct").tobytes()
        assert dtype in {problem.accumulator_dtype for problem in guard._proven}
    assert all(problem.overflow == "proven" for problem in guard._proven)
    assert {each.problem for each in proven(plan)} >= set(guard._proven)


def test_the_edge_of_64_bits(rng: np.random.Generator) -> None:
    for taps in (3, 700):
        k = np.ones(taps, np.int64)
        plan = ft.plan(ft.correlate, ft.Like(LINE, "int64"), k, "valid")
        x = np.zeros(LINE, np.int64)
        x[1000], x[1002] = 2**62, 2**62 - 1
        assert plan(x).max() == 2**63 - 1
        x[1001] = 1
        with pytest.raises(OverflowError, match="correlate: a sum does not fit the output dtype int64"):
            plan(x)
        np.negative(x, out=x)
        assert plan(x).min() == -(2**63)


def test_other_kernels(rng: np.random.Generator) -> None:
    """Given at each call, or put in the place of the known one."""
    k, x = integers(rng, 10, (400,)), integers(rng, 20, LINE)
    open_plan = ft.plan(ft.correlate, ft.Like(LINE, "int64"), ft.Like((400,), "int64"), "same")
    plan = ft.plan(ft.correlate, ft.Like(LINE, "int64"), k, "same")
    for kernel in (k, k[::-1], k << 20, k >> 8):
        want = ft.correlate(x, kernel, "same", method="direct").tobytes()
        assert open_plan(x, kernel).tobytes() == want
        assert plan(x, kernel).tobytes() == want
        plan.update(kernel)
        assert plan(x).tobytes() == want
        assert pickle.loads(pickle.dumps(plan))(x).tobytes() == want
    for large in (k << 40, k << 50):
        with pytest.raises(OverflowError):
            open_plan(x, large)
        with pytest.raises(OverflowError):
            plan(x, large)


def test_what_no_bound_and_no_shadow_tell(rng: np.random.Generator) -> None:
    """Few taps, all bits: sums that cancel fit, and others do not."""
    half = integers(rng, 60, (30, 40))
    x, k = np.repeat(half, 2, axis=1), np.array([[2**62, -(2**62)], [1, 1]])
    for method in ("auto", "direct", "digits"):
        plan = ft.plan(ft.correlate, ft.Like(x.shape, "int64"), k, "valid", stride=(1, 2), method=method)
        assert (plan(x) == 2 * half[1:]).all()
        with pytest.raises(OverflowError):
            plan(x + 5 * np.arange(80))


def test_a_layer_with_a_bias(rng: np.random.Generator) -> None:
    x, w, b = integers(rng, 9, (2, 3, 12, 13)), integers(rng, 9, (4, 3, 3, 3)), integers(rng, 40, (4,))
    plan = ft.plan(ft.conv, ft.Like(x.shape, "int64"), w, b, padding=1)
    assert (plan(x) == ft.conv(x, w, b, padding=1)).all()
    with pytest.raises(OverflowError):
        plan(x << 50)
