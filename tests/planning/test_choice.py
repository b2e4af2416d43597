"""The choice: random costs, structured kernels, workspace, what is told, what is refused."""

from __future__ import annotations

import pickle
import re
import threading
from dataclasses import replace
from math import inf
from typing import Any

import numpy as np
import pytest

import faltung as ft
from faltung import reference
from faltung.errors import PlanError, ShapeError
from faltung.machine import detect
from faltung.planning import planner
from faltung.planning.candidates import Setting, cycles, is_structured, least_cycles
from faltung.planning.planner import ALGORITHMS, ORACLE, choose, make_plan
from faltung.problem.problem import Problem
from grid.cases import Case, arrays, draw, draw_bytes, draw_line, lay_out, output_view
from grid.check import compare, poisoned_workspaces
from planning import structured
from planning.test_plan import LINE, layout_of, operands

GENERAL = [name for name, algorithm in ALGORITHMS.items() if not is_structured(algorithm) and name != ORACLE]


def refused(kind: type[Exception], text: str) -> Any:
    return pytest.raises(kind, match=f"^{re.escape(text)}$")


@pytest.fixture
def equal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enter the algorithm for kernels of equal taps, and no other of its kind."""
    table = {name: algorithm for name, algorithm in ALGORITHMS.items() if not is_structured(algorithm)}
    monkeypatch.setattr(planner, "ALGORITHMS", {**table, "equal": structured})
    monkeypatch.setattr(planner, "probe_cycles", lambda problem: 0.0)
    monkeypatch.setattr(structured.Equal, "runs", 0)


# ---------------------------------------------------------------- random costs

def random_costs(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Let every algorithm predict any time; the quick bounds then know nothing."""
    rng = np.random.default_rng([seed, 31])
    costs = {name: float(rng.exponential()) for name in ALGORITHMS}
    monkeypatch.setattr(planner, "cycles", lambda name, algorithm, setting: costs[name])
    monkeypatch.setattr(planner, "least_cycles", lambda name, algorithm, setting: 0.0)
    monkeypatch.setattr(planner, "probe_cycles", lambda problem: 0.0)


SEEDS = range(15000, 15060)
chosen: dict[int, str] = {}


def favour(monkeypatch: pytest.MonkeyPatch, seed: int, problem: Problem) -> str:
    """Let an algorithm that serves, another one for each seed, predict no time at all, and the others any."""
    random_costs(monkeypatch, seed)
    serving = [name for name, reason in planner.candidates(problem).items() if reason is None and name != ORACLE]
    # those that serve few problems come first
    serving.sort(key=lambda name: (name in ("direct", "fourier", "sparse", "running"), name))
    turns = list(chosen.values())
    favourite = min(serving, key=turns.count)
    predicted = planner.cycles
    monkeypatch.setattr(planner, "cycles", lambda name, *rest: 0.0 if name == favourite else predicted(name, *rest))
    return favourite


def draw_plane(seed: int) -> Case:
    """A plane under one small kernel: almost every algorithm serves it."""
    rng = np.random.default_rng([seed, 37])
    extents, size = tuple(int(n) for n in rng.integers(6, 40, 2)), int(rng.choice([1, 3, 5, 5]))
    ones, dtype = (1, 1), str(rng.choice(["float32", "float64"]))
    problem = Problem((2,), 1, 1, 1, extents, (size, size), extents, (-(size // 2),) * 2, ones, ones, ones,
                      (("reflect", 0), ("edge", "wrap")), dtype, dtype, dtype, dtype)
    return Case(problem, seed)


def suited(kernel: np.ndarray, name: str) -> np.ndarray:
    """The kernel, with the structure that an algorithm looks for."""
    if not is_structured(ALGORITHMS[name]):
        return kernel
    equal = np.full_like(kernel, kernel.flat[0])
    if name == "sparse":
        equal.reshape(*equal.shape[:3], -1)[..., 1:] = 0
    return equal


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_is_chosen_keeps_its_bound(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    case = (draw, draw, draw_line, draw_plane)[seed % 4](seed)
    p, (image, kernel, bias) = case.problem, arrays(case)
    kernel = suited(kernel, favour(monkeypatch, seed, p))
    with poisoned_workspaces():
        plan = make_plan(p, layout_of(p), kernel=kernel, bias=bias, threads=1 + seed % 2)
        chosen[seed] = plan.way.name
        try:
            got = plan(lay_out(case, image))
        except OverflowError:
            with pytest.raises(OverflowError):
                reference.correlate(p, image, kernel, bias)
            return
        later = make_plan(p, layout_of(p))(image, kernel, bias)
    compare(p, image, kernel, bias, got, factor=plan.error_bound)
    compare(p, image, kernel, bias, later, factor=plan.error_bound)


def test_every_candidate_had_its_turn() -> None:
    if len(chosen) == len(SEEDS):  # the cases ran in this process
        assert set(chosen.values()) == set(ALGORITHMS) - {ORACLE}


def test_the_number_of_threads_does_not_choose() -> None:
    for extents, taps in (((300, 300), (13, 13)), ((60, 50), (31, 31)), ((100_000,), (400,))):
        names = set()
        for threads in (1, 2, 3, 8):
            plan = ft.plan(ft.correlate, ft.Like(extents), np.ones(taps, np.float32), "same", threads=threads)
            names.add(plan.way.name)
        assert len(names) == 1


# ---------------------------------------------------------------- structured kernels

def test_a_structured_kernel_is_recognised(equal: None) -> None:
    image, kernel = operands(LINE)
    ones = np.ones_like(kernel)
    known, other = (make_plan(LINE, layout_of(LINE), kernel=k) for k in (ones, kernel))
    assert [way.name for way in known.ways] == ["equal", known.ways[-1].name]
    assert known.way.name == "equal"
    assert other.way.name != "equal"
    taken = make_plan(LINE, layout_of(LINE))
    for plan, operand in ((known, ()), (taken, (ones,))):
        structured.Equal.runs = 0
        np.testing.assert_allclose(plan(image, *operand)[0, 0], np.convolve(image[0, 0], ones[0, 0, 0]), atol=1e-5)
        assert structured.Equal.runs == 1
    np.testing.assert_array_equal(taken(image, kernel), other(image))
    assert structured.Equal.runs == 1
    assert {row.name: row.reason for row in other.candidates}["equal"] == structured.REASON
    assert {row.name: row.reason for row in known.candidates}["equal"] is None


def test_nothing_is_compiled_for_a_kernel_that_does_not_suit(equal: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structured, "build", None)
    image, kernel = operands(LINE)
    plan = make_plan(LINE, layout_of(LINE), kernel=kernel)
    assert plan(image).shape == (1, 1, 54)


def test_a_structure_that_is_asked_for_and_missing(equal: None) -> None:
    image, kernel = operands(LINE)
    would_do = planner.would_do(LINE)
    assert '"direct"' in would_do
    assert '"equal"' not in would_do
    text = f'plan: method "equal" cannot serve this kernel: its taps differ; {would_do}'
    with refused(PlanError, text):
        make_plan(LINE, layout_of(LINE), method="equal", kernel=kernel)
    plan = make_plan(LINE, layout_of(LINE), method="equal")
    with refused(PlanError, text):
        plan(image, kernel)
    assert plan(image, np.ones_like(kernel)).shape == (1, 1, 54)


def test_updates_go_from_one_way_to_another(equal: None) -> None:
    image, kernel = operands(LINE)
    plan = make_plan(LINE, layout_of(LINE), kernel=np.ones_like(kernel))
    first = plan(image)
    plan.update(kernel)
    assert plan.way.name != "equal"
    np.testing.assert_array_equal(plan(image), make_plan(LINE, layout_of(LINE), kernel=kernel)(image))
    plan.update(np.ones_like(kernel))
    assert plan(image).tobytes() == first.tobytes()


# ---------------------------------------------------------------- updates

def test_an_update_owns_its_weights() -> None:
    image, kernel = operands(LINE)
    plan = make_plan(LINE, layout_of(LINE), kernel=kernel)
    before = plan(image)
    plan.update(2 * kernel)
    np.testing.assert_allclose(plan(image), 2 * before, rtol=1e-6)
    kernel[...] = 0
    np.testing.assert_allclose(plan(image), 2 * before, rtol=1e-6)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(plan))(image), plan(image))


def test_an_update_of_integers_may_need_another_accumulator() -> None:
    image = np.full((9, 9), 200, np.uint8)
    small, large = np.ones((3, 3), np.int16), np.full((3, 3), 30000, np.int16)
    plan = ft.plan(ft.correlate, ft.Like((9, 9), "uint8"), small, "valid")
    assert plan.problem.accumulator_dtype == "float32"
    assert plan(image, large)[0, 0] == 54_000_000
    assert plan(image)[0, 0] == 1800
    plan.update(large)
    assert plan.problem.accumulator_dtype == "int32"
    assert plan(image)[0, 0] == 54_000_000
    plan.update(small)
    assert (plan(image)[0, 0], plan.problem.accumulator_dtype) == (1800, "float32")


def test_a_kernel_that_was_seen_is_told_by_its_values(rng: np.random.Generator) -> None:
    for image, taps in (((30, 31), (3, 3)), ((56, 60), (54, 52))):  # the second has taps in its lanes
        x, k = rng.standard_normal(image).astype("float32"), rng.standard_normal(taps).astype("float32")
        plan = ft.plan(ft.correlate, ft.Like(image), ft.Like(taps), "valid")
        first, other = plan(x, k), k.copy()
        want = plan(x, 2 * k).tobytes()
        assert plan(x, k).tobytes() == first.tobytes()
        k *= 2
        assert plan(x, k).tobytes() == want
        k[...] = 0
        assert plan(x, 2 * other).tobytes() == want
        assert plan(x, other).tobytes() == first.tobytes()
        assert not plan(x, k).any()


def test_updates_and_calls_in_many_threads() -> None:
    problem = replace(LINE, bias=True)
    image, kernel = operands(problem)
    pairs = [(kernel * s, np.full(1, 7 * s, np.float32)) for s in (1, 2)]
    plan = make_plan(problem, layout_of(problem), kernel=kernel, bias=pairs[0][1])
    right = {make_plan(problem, layout_of(problem), kernel=k, bias=b)(image).tobytes() for k, b in pairs}
    wrong: list[bytes] = []

    def call() -> None:
        wrong.extend(got for _ in range(300) if (got := plan(image).tobytes()) not in right)

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    for turn in range(300):
        plan.update(*pairs[turn % 2])
    for thread in threads:
        thread.join()
    assert wrong == []


def test_what_cannot_be_updated() -> None:
    _, kernel = operands(LINE)
    with refused(ShapeError, "plan: this plan was made without the kernel, so there is none to update; pass it at each "
                             "call, plan(x, kernel)"):
        make_plan(LINE, layout_of(LINE)).update(kernel)
    with refused(ShapeError, "plan: k (1, 1, 1, 4) does not have the planned shape (1, 1, 1, 5); "
                             "make another plan for it"):
        make_plan(LINE, layout_of(LINE), kernel=kernel).update(kernel[..., 1:])


def test_layers_and_transposed_operands_are_updated_too(rng: np.random.Generator) -> None:
    x, w, bias = rng.standard_normal((2, 3, 8, 8)), rng.standard_normal((4, 3, 3, 3)), rng.standard_normal(4)
    plan = ft.plan(ft.conv, x, w, bias, padding=1)
    plan.update(2 * w, 2 * bias)
    np.testing.assert_allclose(plan(x), 2 * ft.conv(x, w, bias, padding=1))
    images, kernels = rng.standard_normal((8, 8, 5, 1)), rng.standard_normal((3, 3, 1, 2))
    many = ft.plan(ft.correlate, images, kernels, "same", axes=(0, 1))
    many.update(-kernels)
    np.testing.assert_allclose(many(images), -ft.correlate(images, kernels, "same", axes=(0, 1)))


def test_many_images_under_many_kernels_are_one_call(rng: np.random.Generator) -> None:
    images, kernels = rng.standard_normal((5, 20, 21)), rng.standard_normal((4, 3, 3))
    got = ft.correlate(images[:, None], kernels[None], "same", axes=(2, 3))
    assert got.shape == (5, 4, 20, 21)
    for i, j in np.ndindex(5, 4):
        np.testing.assert_allclose(got[i, j], ft.correlate(images[i], kernels[j], "same"), atol=1e-12)


# ---------------------------------------------------------------- pickles

@pytest.mark.parametrize("method", GENERAL)
def test_pickles_hold_what_was_decided(method: str, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    x, k = rng.standard_normal((50, 60)).astype("float32"), rng.standard_normal((5, 5)).astype("float32")
    problem = ft.plan(ft.correlate, x, k, "same").problem
    if ALGORITHMS[method].applies(problem) is not None:
        pytest.skip("does not serve")
    plan = ft.plan(ft.correlate, x, k, "same", method=method)
    automatic = ft.plan(ft.correlate, x, k, "same")
    stored = pickle.dumps((plan, automatic))
    random_costs(monkeypatch, 1)
    loaded, same = pickle.loads(stored)
    assert loaded(x).tobytes() == plan(x).tobytes()
    assert [way.name for way in same.ways] == [way.name for way in automatic.ways]
    assert same(x).tobytes() == automatic(x).tobytes()


# ---------------------------------------------------------------- workspace

@pytest.mark.parametrize("threads", [1, 2])
def test_a_cap_is_kept_and_changes_no_bit_with_the_threads(threads: int, rng: np.random.Generator) -> None:
    x, k = rng.standard_normal((300, 310)).astype("float32"), rng.standard_normal((13, 13)).astype("float32")
    want = ft.correlate(x, k, "same", method="direct")
    for cap in (10**9, 200_000, 60_000, 20_000, 12_000):
        plan = ft.plan(ft.correlate, x, k, "same", max_workspace=cap, threads=threads)
        assert plan.workspace_bytes <= cap
        np.testing.assert_allclose(plan(x), want, atol=2e-3)
        alone = ft.plan(ft.correlate, x, k, "same", max_workspace=cap, threads=1)
        assert plan(x).tobytes() == alone(x).tobytes()
        rejected = [row for row in plan.candidates if row.reason and "bytes of workspace" in row.reason]
        assert all(re.fullmatch(r"needs [\d,]+ bytes of workspace or more", row.reason or "") for row in rejected)


def test_a_cap_that_nothing_fits() -> None:
    like, k = ft.Like((300, 310)), np.ones((13, 13), np.float32)
    with pytest.raises(PlanError) as caught:
        ft.plan(ft.correlate, like, k, "same", max_workspace=100)
    found = re.fullmatch(r'correlate: no method fits max_workspace=100 bytes; the least is (\d+) bytes, of "(\w+)": '
                         r"use max_workspace=(\d+) or more", str(caught.value))
    assert found is not None
    assert found[1] == found[3]
    plan = ft.plan(ft.correlate, like, k, "same", max_workspace=int(found[1]))
    assert (plan.workspace_bytes, plan.way.name) == (int(found[1]), found[2])
    with pytest.raises(PlanError) as caught:
        ft.plan(ft.correlate, like, k, "same", max_workspace=100, method="direct")
    assert re.fullmatch(r'correlate: method "direct" does not fit max_workspace=100 bytes; it needs (\d+): use '
                        r'max_workspace=\1 or more, or method="auto"', str(caught.value))


# ---------------------------------------------------------------- what is told and refused

def test_a_plan_tells_every_candidate() -> None:
    plan = ft.plan(ft.correlate, ft.Like((200, 200)), ft.Like((5, 5)), "same")
    rows = {row.name: row for row in plan.candidates}
    assert set(rows) == set(ALGORITHMS)
    assert rows[plan.way.name].reason is None
    for row in rows.values():
        assert row.serves or row.reason
        assert not row.serves or (row.seconds or inf) < inf
    assert plan.workspace_bytes == max(rows[way.name].workspace_bytes or 0 for way in plan.ways)
    assert rows["reference"].reason == "the definition as plain loops: only when asked for"
    assert re.search(r"fourier +[\d.]+ ms +[\d,]+ B +[\d.e+]+ +[\d.e+]+ times as long", str(plan))
    asked = ft.plan(ft.correlate, ft.Like((200, 200)), ft.Like((5, 5)), "same", method="fourier")
    assert {row.name: row.reason for row in asked.candidates}["direct"] == 'method="fourier" was asked for'


@pytest.mark.parametrize("seed", range(16000, 16060))
def test_quick_bounds_are_bounds(seed: int) -> None:
    for case in (draw(seed), draw_line(seed), draw_bytes(seed)):
        p = case.problem
        for name, algorithm in ALGORITHMS.items():
            if algorithm.applies(p) is None and hasattr(algorithm, "least_cycles"):
                setting = Setting(p, output_view(p), detect())
                least, predicted = least_cycles(name, algorithm, setting), cycles(name, algorithm, setting)
                assert 0 <= least <= predicted * (1 + 1e-9), (name, p)


def test_bounds_that_prune_never_change_the_choice() -> None:
    for extents, taps in (((512, 512), (7, 7)), ((512, 512), (15, 15)), ((64, 64), (25, 25)), ((50_000,), (99,))):
        plan = ft.plan(ft.correlate, ft.Like(extents), ft.Like(taps), "same")
        setting = Setting(plan.problem, plan.layout.output, detect())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(planner, "least_cycles", lambda *_: 0.0)
            every = choose(setting)[-1].name
        assert choose(setting)[-1].name == every


@pytest.mark.parametrize(("options", "text"), [
    ({"max_workspace": -1}, "plan: max_workspace is -1; it must be a number of bytes, at least 0, or None"),
    ({"max_workspace": 1.5}, "plan: max_workspace is 1.5; it must be a number of bytes, at least 0, or None"),
    ({"max_workspace": True}, "plan: max_workspace is True; it must be a number of bytes, at least 0, or None"),
    ({"measure": 1}, "plan: measure is 1; it must be True or False"),
    ({"measure": True, "method": "direct"},
     "plan: measure=True finds the fastest method, but method='direct' names one; leave one of them out"),
])
def test_options_that_make_no_sense(options: dict[str, Any], text: str) -> None:
    with refused(PlanError, text):
        ft.plan(ft.correlate, ft.Like((9, 9)), ft.Like((3, 3)), **options)
    with refused(PlanError, text):
        ft.plan(ft.conv_weight_grad, ft.Like((1, 1, 9)), ft.Like((1, 1, 9)), (1, 1, 1), **options)
