"""Plans: the same numbers by every way of calling, exact integers, pickles, refusals."""

from __future__ import annotations

import pickle
import re
import threading
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import pytest

import faltung as ft
from faltung import reference
from faltung.errors import DTypeError, PlanError, ShapeError
from faltung.planning.plan import Plan
from faltung.planning.planner import ALGORITHMS, candidates, listed, make_plan
from faltung.problem.layout import Layout, View
from faltung.problem.problem import Problem
from grid.cases import Case, arrays, draw, lay_out, output_view
from grid.check import compare

METHODS = listed(("auto", *ALGORITHMS), "or")
LINE = Problem((), 1, 1, 1, (50,), (5,), (54,), (-4,), (1,), (1,), (1,), ((0, 0),))


def layout_of(problem: Problem, **options: Any) -> Layout:
    def identity(shape: tuple[int, ...]) -> View:
        return View(shape, shape, tuple(range(len(shape))))

    return Layout(identity(problem.image_shape), identity(problem.kernel_shape), output_view(problem), **options)


def plan_of(problem: Problem, **options: Any) -> Plan:
    return make_plan(problem, layout_of(problem), **options)


def operands(problem: Problem, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(problem.image_shape).astype(problem.image_dtype),
            rng.standard_normal(problem.kernel_shape).astype(problem.kernel_dtype))


# ---------------------------------------------------------------- numbers

@pytest.mark.parametrize("seed", range(12000, 12030))
def test_a_plan_agrees_with_the_oracle(seed: int) -> None:
    case = draw(seed)
    p, (image, kernel, bias) = case.problem, arrays(case)
    seen = lay_out(case, image)
    try:
        got = plan_of(p, kernel=kernel, bias=bias)(seen)
    except OverflowError as error:
        with pytest.raises(OverflowError, match=f"^{re.escape(str(error)).replace('plan', 'reference', 1)}$"):
            reference.correlate(p, image, kernel, bias)
        return
    compare(p, image, kernel, bias, got)
    later = plan_of(p)
    assert later(seen, kernel, bias).tobytes() == got.tobytes()
    out = np.empty_like(got)
    assert later(seen, kernel, bias, out=out) is out
    assert out.tobytes() == got.tobytes()
    assert pickle.loads(pickle.dumps(later))(seen, kernel, bias).tobytes() == got.tobytes()


def large_case(seed: int) -> Case:
    """Integers whose sums come near, and beyond, what 64 bits hold."""
    rng = np.random.default_rng(seed)
    image_dtype, kernel_dtype = (str(rng.choice(["int64", "uint64", "int32", "uint32"])) for _ in range(2))
    problem = Problem(
        (), 1, int(rng.integers(1, 4)), int(rng.integers(1, 6)), (int(rng.integers(1, 40)),),
        (int(rng.integers(1, 6)),),
        (int(rng.integers(1, 45)),), (int(rng.integers(-6, 3)),), (1,), (1,), (1,),
        ((int(rng.integers(0, 3)), str(rng.choice(["edge", "wrap"]))),), image_dtype, kernel_dtype, "int64",
        str(rng.choice(["int64", "uint64", "int32", "uint8"])), str(rng.choice(["raise", "saturate", "wrap"])),
        bias=bool(rng.random() < 0.3), activation=None if rng.random() < 0.6 else str(rng.choice(["relu", "relu6"])))
    if problem.overflow == "wrap":
        problem = replace(problem, activation=None)
    return Case(problem, seed, magnitude=int(rng.choice([2, 3])))


@pytest.mark.parametrize("seed", range(60))
def test_integers_are_exact_or_overflow(seed: int) -> None:
    case = large_case(seed)
    p, (image, kernel, bias) = case.problem, arrays(case)
    if seed % 3 == 0:  # now and then small ones, so that not everything overflows
        image = image // image.dtype.type(2**20)
        kernel = kernel // kernel.dtype.type(2**30)
    plan = plan_of(p, kernel=kernel, bias=bias)
    try:
        want = reference.correlate(p, image, kernel, bias, function="plan")
    except OverflowError as error:
        with pytest.raises(OverflowError, match=f"^{re.escape(str(error))}$"):
            plan(image)
        return
    np.testing.assert_array_equal(plan(image), want)


def test_both_methods_agree() -> None:
    image, kernel = operands(LINE)
    fast, slow = (plan_of(LINE, kernel=kernel, method=method)(image) for method in ("direct", "reference"))
    np.testing.assert_allclose(fast, slow, rtol=1e-5, atol=1e-6)


def test_flip_and_conjugate_are_views_of_the_kernel() -> None:
    problem = replace(LINE, image_dtype="complex64", kernel_dtype="complex64", accumulator_dtype="complex64",
                      output_dtype="complex64")
    image, kernel = operands(problem)
    kernel = kernel + np.complex64(1j) * kernel[..., ::-1]
    plan = make_plan(problem, layout_of(problem, flip=(3,), conjugate=True), kernel=kernel)
    want = np.convolve(image[0, 0], kernel[0, 0, 0].conj())
    np.testing.assert_allclose(plan(image)[0, 0], want, rtol=1e-5, atol=1e-5)


def test_one_plan_in_many_threads() -> None:
    plan, wrong = plan_of(LINE), []
    cases = []
    for seed in range(8):
        image, kernel = operands(LINE, seed)
        cases.append((image, kernel, plan(image, kernel).tobytes()))

    def work(number: int) -> None:
        image, kernel, want = cases[number]
        wrong.extend(turn for turn in range(100) if plan(image, kernel).tobytes() != want)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(cases))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# ---------------------------------------------------------------- what it tells

def test_a_plan_tells_what_runs() -> None:
    problem = replace(LINE, image=(4000,), output=(3996,), start=(0,))
    plan = plan_of(problem)
    assert plan.error_bound >= 5
    assert plan.workspace_bytes > 0
    assert plan.predicted_cycles > prod(problem.output) / 100
    assert "define i64 @entry(" in plan.ir()
    assert "entry:" in plan.assembly()
    assert str(plan).startswith("plan of plan\n  problem  ")
    assert "3,996" in str(plan) or "3996" in str(plan)
    assert repr(plan).startswith("<Plan plan: DirectRecipe(")


def test_every_algorithm_gives_a_reason_or_none() -> None:
    assert {name: candidates(LINE)[name] for name in ("direct", "fourier", "reference")} == dict.fromkeys(
        ("direct", "fourier", "reference"))
    assert all(reason is None or reason for reason in candidates(LINE).values())


# ---------------------------------------------------------------- refusals

def refused(kind: type[Exception], text: str) -> Any:
    return pytest.raises(kind, match=f"^{re.escape(text)}$")


def test_an_unknown_method() -> None:
    assert METHODS.startswith('"auto", "direct", "fourier"')
    assert METHODS.endswith(' or "reference"')
    with refused(PlanError, f'plan: method "fast" is not known; use {METHODS}'):
        plan_of(LINE, method="fast")


def test_another_shape_or_dtype() -> None:
    image, kernel = operands(LINE)
    plan = plan_of(LINE, kernel=kernel)
    with refused(ShapeError, "plan: x (1, 1, 49) does not have the planned shape (1, 1, 50); make another plan for it"):
        plan(image[..., 1:])
    with refused(DTypeError, "plan: x has dtype float64, but float32 was planned; "
                             "make another plan for it, or convert x"):
        plan(image.astype(float))
    with refused(ShapeError, "plan: k (1, 1, 1, 4) does not have the planned shape (1, 1, 1, 5); "
                             "make another plan for it"):
        plan(image, kernel[..., 1:])


def test_an_operand_that_is_missing() -> None:
    image, kernel = operands(LINE)
    with refused(ShapeError, "plan: this plan was made without the kernel; pass it, plan(x, kernel)"):
        plan_of(LINE)(image)
    with refused(ShapeError, "plan: this plan was made without the bias; pass it, plan(x, w, bias)"):
        plan_of(replace(LINE, bias=True))(image, kernel)
    with refused(ShapeError, "plan: bias (2,) does not have the planned shape (1,)"):
        plan_of(replace(LINE, bias=True))(image, kernel, np.zeros(2, np.float32))


def test_an_out_that_does_not_fit() -> None:
    image, kernel = operands(LINE)
    plan = plan_of(LINE, kernel=kernel)
    with refused(ShapeError, "plan: out (1, 1, 50) does not have the planned shape (1, 1, 54); "
                             "make another plan for it"):
        plan(image, out=np.empty((1, 1, 50), np.float32))
    for out in (np.empty((1, 1, 108), np.float32)[..., ::2], np.broadcast_to(np.float32(0), (1, 1, 54))):
        with pytest.raises(ShapeError, match=r"^plan: out must be C-contiguous and writeable for a plan; "):
            plan(image, out=out)


# ---------------------------------------------------------------- kernels that come again

def packed(plan, monkeypatch):
    """Kernels that are probed and packed from now on."""
    seen, pack = [], plan.pack
    monkeypatch.setattr(plan, "pack", lambda taps, **how: seen.append(taps) or pack(taps, **how))
    return seen


def test_kernels_that_come_again_are_not_packed_again(monkeypatch, rng):
    x, bank = rng.normal(size=(40, 50)), rng.normal(size=(5, 9, 9))
    plan = ft.plan(ft.correlate, ft.Like(x.shape, "float64"), ft.Like((9, 9), "float64"), "same")
    monkeypatch.setattr(plan._table, "misses", lambda: False)  # a call that it knows is not prepared at all
    seen = packed(plan, monkeypatch)
    want = [ft.plan(ft.correlate, x, k, "same")(x).tobytes() for k in bank]
    for _ in range(3):
        for k, bytes_ in zip(bank[:4], want, strict=False):
            assert plan(x, k).tobytes() == bytes_
    assert len(seen) == 4
    assert plan(x, bank[4]).tobytes() == want[4]
    assert plan(x, bank[3]).tobytes() == want[3]
    assert len(seen) == 5
    assert plan(x, bank[0]).tobytes() == want[0]  # the one that was not used for longest was forgotten
    assert len(seen) == 6


def test_a_kernel_that_was_changed_in_place_is_another(monkeypatch, rng):
    x, k = rng.normal(size=200), rng.normal(size=30)
    plan = ft.plan(ft.correlate, ft.Like(x.shape, "float64"), ft.Like(k.shape, "float64"))
    seen = packed(plan, monkeypatch)
    for at in (0, 7, 29):
        k[at] += 1
        assert plan(x, k).tobytes() == ft.plan(ft.correlate, x, k)(x).tobytes()
    k[k == 0] = 0.0
    k[3] = 0.0
    plan(x, k)
    k[3] = -0.0
    plan(x, k)
    assert len(seen) == 5


def test_weights_and_bias_that_come_again(monkeypatch, rng):
    x, w, b = rng.normal(size=(1, 3, 12, 12)), rng.normal(size=(4, 3, 3, 3)), rng.normal(size=4)
    plan = ft.plan(ft.conv, ft.Like(x.shape, "float64"), ft.Like(w.shape, "float64"), ft.Like(b.shape, "float64"))
    seen = packed(plan, monkeypatch)
    for bias in (b, 2 * b, b, np.zeros(4)):
        assert plan(x, w, bias).tobytes() == ft.plan(ft.conv, x, w, bias)(x).tobytes()
    assert len(seen) == 3


def test_large_kernels_are_not_kept(monkeypatch, rng):
    x, k = rng.normal(size=(300, 300)), rng.normal(size=(200, 200))
    plan = ft.plan(ft.correlate, ft.Like(x.shape, "float64"), ft.Like(k.shape, "float64"), "valid")
    seen = packed(plan, monkeypatch)
    plan(x, k)
    plan(x, k)
    assert len(seen) == 2
    assert not plan._recent
