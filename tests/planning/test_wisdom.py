"""What was measured: used, kept, exported, refused when it does not fit; files that are damaged."""

from __future__ import annotations

import json
import pickle
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import faltung as ft
from faltung import wisdom as face
from faltung.algorithms import direct
from faltung.errors import PlanError
from faltung.machine import detect
from faltung.planning import documents, factors, measuring, planner, wisdom
from grid.cases import arrays, draw, lay_out, output_view
from grid.check import compare, run

IMAGE, TAPS = ft.Like((60, 50)), np.ones((5, 5), np.float32)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache folder of its own, in which nothing is known."""
    monkeypatch.setenv("FALTUNG_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(documents, "_reported", set())


def plan(**options: Any) -> Any:
    return ft.plan(ft.correlate, IMAGE, TAPS, "same", **options)


def slow_direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clock say that `fourier` is the fastest by far."""
    def times(ways: Any, *_: Any, **__: Any) -> dict[str, float]:
        return {way.name: 1e-6 if way.name == "fourier" else 1e-3 for way in ways}

    monkeypatch.setattr(planner, "time_ways", times)


def learned(monkeypatch: pytest.MonkeyPatch) -> None:
    slow_direct(monkeypatch)
    monkeypatch.setattr(planner, "HOPELESS", 1e9)
    monkeypatch.setattr(planner, "FEW", len(planner.ALGORITHMS))
    assert plan(measure=True).way.name == "fourier"


def test_what_was_measured_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    assert plan().way.name != "fourier"
    learned(monkeypatch)
    assert plan().way.name == "fourier"
    assert face.count() == 1
    assert ft.plan(ft.correlate, ft.Like((60, 51)), TAPS, "same").way.name != "fourier"
    x = np.ones((60, 50), np.float32)
    assert ft.correlate(x, TAPS, "same").tobytes() == plan()(x).tobytes()
    assert face.forget() == 1
    assert plan().way.name != "fourier"
    assert not wisdom.file().exists()


def test_measuring_is_true() -> None:
    made = plan(measure=True)
    times = wisdom.times(made.setting)
    assert made.way.name in times
    # what the probe of a structure costs may tip the scales between equals
    assert times[made.way.name] <= min(times.values()) + 3e-6
    assert all(0 < seconds < 1 for seconds in times.values())


def test_least_seconds_takes_turns() -> None:
    order: list[str] = []
    best = measuring.least_seconds({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, budget=0.0)
    assert order == ["a", "b"] * (measuring.LEAST_ROUNDS + 1)
    assert all(0 <= seconds < 1 for seconds in best.values())


def test_every_dtype_and_operation_can_be_measured() -> None:
    for dtype in ("uint8", "int64", "complex64", "float16", "bool"):
        ft.plan(ft.convolve, ft.Like((50,), dtype), ft.Like((3,), dtype), measure=True)
    likes = ft.Like((1, 4, 9, 9)), ft.Like((8, 4, 3, 3)), ft.Like((8,))
    ft.plan(ft.conv, *likes, padding=1, activation="relu", measure=True)
    ft.plan(ft.conv_weight_grad, ft.Like((2, 8, 9, 9)), ft.Like((2, 4, 9, 9)), (8, 4, 3, 3), padding=1, measure=True)


# ---------------------------------------------------------------- recipes

def fast_recipe(monkeypatch: pytest.MonkeyPatch, seconds: float = 1e-6) -> list[str]:
    """Let the clock say that the last recipe of `direct` is the fastest; the recipes that were timed."""
    timed: list[str] = []

    def times(ways: Any, *_: Any, **__: Any) -> dict[str, float]:
        timed.extend(way.recipe for way in ways if way.recipe)
        return {way.label: seconds if [way.recipe] == timed[-1:] else 1e-5 if way.name == "direct" else 1.0
                for way in ways}

    monkeypatch.setattr(planner, "time_ways", times)
    return timed


def test_the_fastest_recipe_is_remembered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
                                          rng: np.random.Generator) -> None:
    x, own = rng.standard_normal((60, 50)).astype("float32"), plan(method="direct", threads=1)
    timed = fast_recipe(monkeypatch)
    made = plan(measure=True, threads=1)
    assert len(timed) == len(set(timed)) == direct.TIMED - 1
    assert str(own.recipe) not in timed
    assert str(made.ways[-1].executable.recipe) == timed[-1] != str(own.recipe)
    assert wisdom.times(made.setting)["direct"] == wisdom.times(made.setting)[f"direct {timed[-1]}"] == 1e-6
    alone = plan(method="direct", threads=1)
    assert str(alone.recipe) == timed[-1]
    assert plan(method="direct", threads=2)(x).tobytes() == alone(x).tobytes()
    rows = {row.name: row for row in alone.candidates}
    assert rows["direct"].workspace_bytes == alone.workspace_bytes
    np.testing.assert_allclose(alone(x), own(x), rtol=1e-4, atol=1e-4)
    stored = pickle.dumps(alone)
    monkeypatch.setenv("FALTUNG_CACHE_DIR", str(tmp_path / "another"))
    assert str(plan(method="direct", threads=1).recipe) == str(own.recipe)
    assert str(pickle.loads(stored).recipe) == timed[-1]
    assert pickle.loads(stored)(x).tobytes() == alone(x).tobytes()


def test_a_recipe_that_gains_nothing_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    timed = fast_recipe(monkeypatch, seconds=0.99e-5)
    made = plan(measure=True)
    assert timed
    assert all(" " not in label for label in wisdom.times(made.setting))


def test_no_other_recipe_is_timed_where_workspace_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    timed = fast_recipe(monkeypatch)
    plan(measure=True, max_workspace=100_000)
    assert timed == []


def test_a_recipe_that_nobody_knows_is_never_run() -> None:
    own = plan(method="direct")
    strange = str(own.recipe._replace(block=(10**9, 7)))
    wisdom.remember(own.setting, {"direct": 1e-6, f"direct {strange}": 1e-6})
    assert str(plan(method="direct").recipe) == str(own.recipe)


@pytest.mark.parametrize("seed", range(17000, 17012))
def test_recipes_that_are_timed_compute_the_same(seed: int) -> None:
    case = draw(seed)
    p, (image, kernel, bias) = case.problem, arrays(case)
    view, known = output_view(p, channels_last=case.channels_last), detect()
    for recipe in direct.recipes(p, view, known):
        executable = direct.build(p, view, known, 1, recipe)
        assert executable.recipe._replace(channel_blocks=1) == direct.build(p, view, known, 2, recipe).recipe._replace(
            channel_blocks=1, block=executable.recipe.block)
        got, overflowed = run(p, lay_out(case, image), kernel, bias, known, view=view, executable=executable)
        if not overflowed:
            compare(p, image, kernel, bias, got, factor=direct.error_bound(p))


# ---------------------------------------------------------------- files

def test_export_and_import(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    learned(monkeypatch)
    path = tmp_path / "known.json"
    assert face.export(path) == 1
    face.forget()
    assert face.import_(path) == 1
    assert plan().way.name == "fourier"
    assert not list(tmp_path.glob(".new-*"))


def test_other_folders_know_other_things(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    learned(monkeypatch)
    monkeypatch.setenv("FALTUNG_CACHE_DIR", str(tmp_path / "another"))
    assert face.count() == 0
    assert plan().way.name != "fourier"


HERE = documents.fingerprint()


@pytest.mark.parametrize(("change", "reason"), [
    (lambda d: {**d, "machine": "abacus"}, f"it was measured on another machine (abacus; this is {HERE})"),
    (lambda d: {**d, "code": "0"}, "it was measured with another version of faltung"),
    (lambda d: {**d, "faltung": "poem"}, 'it is not a document of the kind "wisdom 1"'),
    (lambda d: [d], 'it is not a document of the kind "wisdom 1"'),
    (lambda d: {**d, "content": 5}, "its content is not a table"),
    (lambda d: {**d, "content": {"a": {}}}, "an entry holds no times"),
    (lambda d: {**d, "content": {"a": {"direct": -1.0}}}, "a time is not a positive number of seconds"),
    (lambda d: {**d, "content": {"a": {"direct": "soon"}}}, "a time is not a positive number of seconds"),
    (lambda d: None, "it is not JSON"),
])
def test_what_does_not_fit_is_refused(change: Any, reason: str, monkeypatch: pytest.MonkeyPatch,
                                      tmp_path: Path) -> None:
    learned(monkeypatch)
    path = tmp_path / "known.json"
    face.export(path)
    changed = change(json.loads(path.read_text()))
    path.write_text("{" if changed is None else json.dumps(changed))
    face.forget()
    text = f"wisdom: {path} is refused, for {reason}; measure here, with plan(..., measure=True), and export that"
    with pytest.raises(PlanError, match=f"^{re.escape(text)}$"):
        face.import_(path)
    assert face.count() == 0


@pytest.mark.parametrize("content", ["{", "[]", '{"faltung": "wisdom 1"}', '{"faltung": "wisdom 1", "content": 3}'])
def test_a_damaged_file_is_reported_once_and_rewritten(content: str, monkeypatch: pytest.MonkeyPatch) -> None:
    learned(monkeypatch)
    wisdom.file().write_text(content)
    monkeypatch.setattr(wisdom._State, "known", None)
    with pytest.warns(UserWarning, match=r"wisdom\.json: damaged, for .*; it is ignored and written anew$"):
        assert plan().way.name != "fourier"
    monkeypatch.setattr(wisdom._State, "known", None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert plan().way.name != "fourier"
    assert json.loads(wisdom.file().read_text())["content"] == {}


def test_a_stale_file_is_passed_over_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    learned(monkeypatch)
    document = json.loads(wisdom.file().read_text())
    wisdom.file().write_text(json.dumps({**document, "machine": "abacus"}))
    monkeypatch.setattr(wisdom._State, "known", None)
    assert plan().way.name != "fourier"


def test_a_folder_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file, not a folder")
    monkeypatch.setenv("FALTUNG_CACHE_DIR", str(blocked))
    learned(monkeypatch)
    assert plan().way.name == "fourier"


# ---------------------------------------------------------------- the table of rates

def test_rates_are_used_and_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factors._State, "table", None)
    before = plan().candidates
    assert factors.table() == factors.defaults()
    slower = factors.defaults()["clock"] / 10
    documents.write(factors.file(), factors.KIND, {"clock": slower, "factors": {"direct image": 2.0}})
    monkeypatch.setattr(factors._State, "table", None)
    after = {row.name: row for row in plan().candidates}
    for row in before:
        if row.seconds is not None:
            factor = 20 if row.name == "direct" else 10 / factors.defaults()["factors"].get(f"{row.name} image", 1)
            assert after[row.name].seconds == pytest.approx(row.seconds * factor)


@pytest.mark.parametrize(("content", "reason"), [
    ({"clock": -1.0}, "clock is not between 1e\\+07 and 2e\\+10"),
    ({"clock": "fast"}, "clock is not between 1e\\+07 and 2e\\+10"),
    ({"factors": {"direct image": 1e9}}, "factors is not between 0.1 and 10"),
    ({"colour": 1.0}, "its content is not a table of rates"),
    ([], "its content is not a table of rates"),
])
def test_damaged_rates_are_never_trusted(content: Any, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    documents.write(factors.file(), factors.KIND, content)
    monkeypatch.setattr(factors._State, "table", None)
    with pytest.warns(UserWarning, match=rf"rates\.json: damaged, for {reason}; it is ignored and written anew$"):
        assert factors.table() == factors.defaults()
    monkeypatch.setattr(factors._State, "table", None)
    assert factors.table() == factors.defaults()


@pytest.mark.slow
def test_calibrate(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from faltung.planning import calibration

    told: list[str] = []
    table = calibration.run(told.append)
    assert told[0] == "peaks and bandwidths"
    assert factors.wrong({name: table[name] for name in factors.RANGES}) is None
    assert factors.is_measured()
    monkeypatch.setattr(factors._State, "table", None)
    assert factors.table() == table
    assert 1e7 < table["clock"] < 1e10
