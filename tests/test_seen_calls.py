"""Calls that machine code knows again: when it may, that nothing is lost or kept, and that the result is the same."""

from __future__ import annotations

import gc
import os
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import faltung as ft
from faltung import calls
from faltung.compiler import calling, seen

AFTER = ("full", 0, 1, 1, None, None, None, None, "raise", "auto", None, None, *calls.UNMISSED)
"""What follows image and kernel in a plain call."""

builtin_only = pytest.mark.skipif(sys.implementation.name != "cpython", reason="other interpreters have no table")


@pytest.fixture(autouse=True)
def unseen() -> Iterator[None]:
    calls.forget()
    yield
    calls.forget()


def numbers(count: int, dtype: str = "float64", seed: int = 1) -> Any:
    made = np.random.default_rng(seed).standard_normal(count)
    return (made * 20).astype(dtype)


def often(call: Callable[[], Any], times: int = 8) -> Any:
    for _ in range(times - 1):
        call()
    return call()


def known(x: Any, k: Any, after: tuple[Any, ...] = AFTER) -> Any:
    """What the machine code says: the result, or None."""
    return calls.convolved.call(x, k, None, *after)


@builtin_only
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64", "complex128"])
def test_a_call_is_known_after_some_and_gives_the_same_bits(dtype: str) -> None:
    x, k = numbers(100, dtype), numbers(5, dtype, 2)
    first = ft.convolve(x, k)
    assert known(x, k) is None
    last = often(lambda: ft.convolve(x, k))
    again = known(x, k)
    assert type(again) is np.ndarray
    assert again.dtype == first.dtype
    assert (again.flags.owndata, again.flags.writeable, again.flags.c_contiguous) == (True,) * 3
    for result in (last, again):
        np.testing.assert_array_equal(result, first)
    assert known(x.copy(), k.copy()) is not None, "other arrays of the same kind"


@builtin_only
def test_what_differs_is_not_known() -> None:
    x, k = numbers(100), numbers(5)
    often(lambda: ft.convolve(x, k))
    assert known(x, k) is not None
    doubled = np.repeat(x, 2)[::2]
    for other in (x[1:], doubled, x.astype("float32"), x.astype(">f8"), x[None], x.view(np.memmap), x.tolist(), None):
        assert known(other, k) is None
    for other in (k[1:], k[::-1], k + 1, k.astype("float32"), np.repeat(k, 2)[::2], k.tolist(), None):
        assert known(x, other) is None
    for place in range(len(AFTER)):
        assert known(x, k, (*AFTER[:place], object(), *AFTER[place + 1:])) is None
    for after in (AFTER[:-1], (*AFTER, None)):
        assert known(x, k, after) is None
    for arguments in ((x,), (), (x, k), (x, k, None), (x, k, k, *AFTER)):
        assert calls.convolved.call(*arguments) is None
    np.testing.assert_array_equal(ft.convolve(doubled, k), ft.convolve(x, k))


def test_a_kernel_that_is_changed_in_place_counts() -> None:
    x, k = numbers(100), np.array([1.0, 2.0, 3.0])
    often(lambda: ft.convolve(x, k))
    k[1] = 5.0
    np.testing.assert_allclose(ft.convolve(x, k), np.convolve(x, [1.0, 5.0, 3.0]))
    k[:] = -0.0
    zeros = ft.convolve(x, k, threads=1)
    assert np.signbit(ft.convolve(x, k)).tolist() == np.signbit(zeros).tolist()


def test_options_that_can_change_are_looked_at_anew() -> None:
    x, k, stride = numbers(100), numbers(3), [1]
    often(lambda: ft.convolve(x, k, stride=stride))
    stride[0] = 2
    assert ft.convolve(x, k, stride=stride).shape == (51,)


@pytest.mark.parametrize("options", [{"border": "reflect"}, {"stride": 3}, {"axes": 1},
                                     {"axes": (0, 1), "dilation": 2}])
def test_images_seen_through_views(options: dict[str, Any]) -> None:
    x, k = numbers(12 * 14).reshape(12, 14), numbers(9).reshape(3, 3)
    k = k[0] if options.get("axes") == 1 else k
    views = (x, x.T.copy().T, np.repeat(x, 2, axis=1)[:, ::2], x[::-1, ::-1])
    expected = [ft.correlate(view, k, "same", **options, threads=1) for view in views]
    for _ in range(8):
        for view, result in zip(views, expected, strict=True):
            np.testing.assert_array_equal(ft.correlate(view, k, "same", **options), result)


@builtin_only
def test_nothing_is_kept_and_nothing_lost() -> None:
    x, k = numbers(100), numbers(3)
    often(lambda: ft.convolve(x, k))
    objects = (x, k, x.dtype, None, np.ndarray, "auto", calls.convolved._owners[0])
    gc.collect()
    before = [sys.getrefcount(each) for each in objects]
    for _ in range(1_000_000):
        known(x, k)
    after = [sys.getrefcount(each) for each in objects]
    assert max(abs(one - other) for one, other in zip(before, after, strict=True)) < 10
    result, fresh = known(x, k), np.empty(3)
    assert sys.getrefcount(result) == sys.getrefcount(fresh)
    # calls that are unknown at the first look, and at the last
    for arguments in ((x, k + 1), (x[1:], k), ("x", k)):
        for _ in range(1000):
            known(*arguments)
    assert max(abs(sys.getrefcount(each) - one) for each, one in zip(objects, before, strict=True)) < 10


@builtin_only
def test_no_memory_leaks() -> None:
    x, k = numbers(100), numbers(3)
    plan = ft.plan(ft.convolve, x, k)
    often(lambda: (ft.convolve(x, k), plan(x)))
    tracemalloc.start()
    try:
        often(lambda: (ft.convolve(x, k), plan(x)), 100)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        often(lambda: (ft.convolve(x, k), plan(x)), 5000)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 4000
    finally:
        tracemalloc.stop()


def test_blocks_that_are_replaced_are_given_back() -> None:
    x, k = numbers(100), numbers(3)
    table = calls.convolved
    for length in range(20, 70):
        often(lambda: ft.convolve(x[:length], k), 70)  # noqa: B023
    assert len([owner for owner in table._owners if owner is not None]) <= table.room
    np.testing.assert_array_equal(ft.convolve(x[:69], k), ft.convolve(x[:69], k, threads=1))


@builtin_only
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_of_fork_knows_calls_too() -> None:
    x, k = numbers(100), numbers(3)
    often(lambda: ft.convolve(x, k))
    child = os.fork()
    if not child:
        calls.forget()
        right = np.array_equal(often(lambda: ft.convolve(x, k)), ft.convolve(x, k, threads=1))
        os._exit(0 if right and known(x, k) is not None else 1)
    assert os.waitpid(child, 0)[1] == 0


@builtin_only
def test_large_calls_are_left_to_python() -> None:
    x, k = numbers(1_000_000), numbers(3)
    often(lambda: ft.convolve(x, k))
    assert known(x, k) is None


@builtin_only
def test_threads_that_are_set_and_plans_that_are_forgotten() -> None:
    x, k = numbers(100), numbers(3)
    often(lambda: ft.convolve(x, k))
    assert known(x, k) is not None
    calls.forget()
    assert known(x, k) is None
    np.testing.assert_array_equal(often(lambda: ft.convolve(x, k)), ft.convolve(x, k, threads=1))


def test_a_plan_that_is_updated() -> None:
    x = numbers(100)
    plan = ft.plan(ft.convolve, x, np.array([1.0, 2.0]))
    often(lambda: plan(x))
    plan.update(np.array([3.0, 4.0]))
    for _ in range(8):
        np.testing.assert_allclose(plan(x), np.convolve(x, [3.0, 4.0]))


def test_a_plan_takes_other_kernels_for_one_call() -> None:
    x, k, other = numbers(100), np.array([1.0, 2.0]), np.array([-1.0, 2.0])
    plan = ft.plan(ft.convolve, x, k)
    for _ in range(8):
        np.testing.assert_allclose(plan(x), np.convolve(x, k))
        np.testing.assert_allclose(plan(x, other), np.convolve(x, other))


def test_overflow_is_told_at_each_call() -> None:
    x, k = np.full(20, 100, np.int8), np.array([1, 1, 0], np.int8)
    plan = ft.plan(ft.convolve, ft.Like((20,), "int8"), k, dtype="int8")
    small = np.ones(20, np.int8)
    for _ in range(8):
        assert plan(small)[1] == 2
    for _ in range(8):
        with pytest.raises(OverflowError) as caught:
            plan(x)
        assert "int8" in str(caught.value)
        assert plan(small)[1] == 2


@pytest.mark.parametrize("release", [0, 1 << 60])
def test_many_threads_at_once(release: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "RELEASE_CYCLES", release)
    k = numbers(31)
    images = [numbers(2000, seed=seed) for seed in range(4)]
    expected = [ft.convolve(x, k, threads=1) for x in images]
    wrong: list[int] = []

    def work(number: int) -> None:
        for turn in range(500):
            if not np.array_equal(ft.convolve(images[number], k), expected[number]):
                wrong.append(turn)
            if not number and turn % 50 == 49:
                calls.forget()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("broken", [(calling, "_library"), (seen, "_numpy_new")])
def test_without_builtin_functions_python_does_it(broken: tuple[Any, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*broken, lambda *_: None)
    x, k = numbers(90), numbers(3)
    table = seen.Table()
    monkeypatch.setattr(calls, "convolved", table)
    monkeypatch.setitem(calls._tables, "convolve", table)
    np.testing.assert_allclose(often(lambda: ft.convolve(x, k)), np.convolve(x, k))
    assert known(x, k) is None


@pytest.mark.parametrize("k", [np.ones((9, 9)), np.outer(np.hanning(13)[1:-1], np.hanning(13)[1:-1]),
                               np.eye(9) * np.arange(1.0, 10.0), numbers(9).reshape(3, 3)],
                         ids=["running", "separable", "sparse", "direct"])
def test_each_algorithm_does_as_python_does(k: Any) -> None:
    x = numbers(40 * 50, "float32").reshape(40, 50)
    holed = x.copy()
    holed[20, 30] = np.nan
    plan = ft.plan(ft.correlate, ft.Like(x.shape), k.astype("float32"), "same", border="reflect")
    expected = [plan(image, threads=1) for image in (x, holed)]
    for _ in range(8):
        for image, result in zip((x, holed), expected, strict=True):
            np.testing.assert_array_equal(plan(image), result)
    assert sys.implementation.name != "cpython" or plan._table.call(x, None, None) is not None


@builtin_only
@pytest.mark.parametrize("bias", [None, np.array([1.0, -2.0, 3.0], "float32")])
@pytest.mark.parametrize(("function", "table"), [(ft.conv, calls.layered), (ft.conv_transpose, calls.transposed)])
def test_small_layers(function: Any, table: Any, bias: Any) -> None:
    x, w = numbers(3 * 36, "float32").reshape(1, 3, 6, 6), numbers(81, "float32", 2).reshape(3, 3, 3, 3)
    after = (1, 0, 0, 1, 1, 0, None, "channels_first", "auto", None, None)
    expected = function(x, w, bias, threads=1)
    np.testing.assert_array_equal(often(lambda: function(x, w, bias)), expected)
    np.testing.assert_array_equal(table.call(x, w, bias, *after), expected)
    assert table.call(x, w, np.zeros(3, "float32"), *after) is None
    assert table.call(x, w, np.zeros(2, "float32"), *after) is None
    if bias is not None:
        bias[0] += 1
        np.testing.assert_array_equal(function(x, w, bias), function(x, w, bias, threads=1))
        assert table.call(x, w, None, *after) is None
    w[0] = 0
    np.testing.assert_array_equal(function(x, w, bias), function(x, w, bias, threads=1))


def test_a_plan_that_is_given_another_bias() -> None:
    x, w = numbers(3 * 36).reshape(1, 3, 6, 6), numbers(81, seed=2).reshape(3, 3, 3, 3)
    one, other = numbers(3), numbers(3, seed=3)
    known, told = ft.plan(ft.conv, x, w, one), ft.plan(ft.conv, ft.Like(x.shape, "float64"), w, one)
    for _ in range(8):
        for bias in (one, other):
            expected = ft.conv(x, w, bias, threads=1)
            for plan in (known, told):
                np.testing.assert_array_equal(plan(x, None, bias), expected)
                np.testing.assert_array_equal(plan(x), ft.conv(x, w, one, threads=1))
    known.update(w * 2, other)
    for _ in range(8):
        np.testing.assert_array_equal(known(x), ft.conv(x, w * 2, other, threads=1))
