"""The commands plan, calibrate and wisdom: what they print, what they keep, what they refuse."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from faltung.planning import calibration, factors, planner, wisdom
from grid.command import run


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FALTUNG_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def test_plan_shows_every_candidate(capsys: Any) -> None:
    status, out, err = run("plan correlate --image 300x300 --kernel 13x13 --mode same", capsys)
    assert (status, err) == (0, "")
    for name in planner.ALGORITHMS:
        assert re.search(rf"^ +(weighed +)?{name} ", out, re.MULTILINE), name
    assert re.search(r"weighed +method +time +workspace +error bound\n", out)


def test_plan_measures_and_remembers(capsys: Any) -> None:
    line = "plan correlate --image 60x60 --kernel gaussian:sigma=1 --mode same"
    assert run(f"{line} --measure", capsys)[0] == 0
    assert run("wisdom", capsys) == (0, f"{wisdom.file()}: 1 problem\n", "")
    assert run("wisdom export known.json", capsys) == (0, "known.json: 1 problem\n", "")
    assert run("wisdom forget", capsys) == (0, f"{wisdom.file()}: 1 problem forgotten\n", "")
    assert run("wisdom import known.json", capsys) == (0, "known.json: 1 problem learned\n", "")


def test_plan_keeps_within_a_workspace(capsys: Any) -> None:
    line = "plan correlate --image 300x300 --kernel 13x13 --mode same --max-workspace"
    status, out, _ = run(f"{line} 20K", capsys)
    assert status == 0
    assert int(re.search(r"\n +workspace ([\d,]+) bytes", out)[1].replace(",", "")) <= 20 << 10  # type: ignore[index]
    status, out, err = run(f"{line} 10", capsys)
    assert (status, out) == (2, "")
    assert err.startswith("faltung: correlate: no method fits max_workspace=10 bytes; the least is ")
    assert run(f"{line} much", capsys) == (
        2, "", "faltung: --max-workspace much: not a size; write bytes, or as 512M or 2G\n")


@pytest.mark.parametrize(("line", "message"), [
    ("wisdom lose", "wisdom: action 'lose' is unknown; use one of show, export, import, forget"),
    ("wisdom export", "wisdom: export takes a file, as in faltung wisdom export known.json"),
    ("wisdom forget all.json", "wisdom: forget takes no file, as in faltung wisdom forget"),
    ("plan correlate --image 9x9 --kernel 3x3 --measure --method direct",
     "plan: measure=True finds the fastest method, but method='direct' names one; leave one of them out"),
])
def test_refusals(line: str, message: str, capsys: Any) -> None:
    assert run(line, capsys) == (2, "", f"faltung: {message}\n")


def test_wisdom_of_elsewhere_is_refused(capsys: Any) -> None:
    Path("known.json").write_text("{}")
    assert run("wisdom import known.json", capsys) == (
        2, "", 'faltung: wisdom: known.json is refused, for it is not a document of the kind "wisdom 1"; measure here, '
               "with plan(..., measure=True), and export that\n")


def test_calibrate_prints_and_keeps_its_table(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "_probes", lambda: iter([calibration.plain((100, 100), (3, 3))]))
    monkeypatch.setattr(calibration, "BUDGET_S", 0.001)
    status, out, err = run("calibrate", capsys)
    assert (status, err) == (0, "")
    for word in ("clock", "multiply-adds, float64", "copying, memory", "transforms", "a second thread pays from",
                 "measured / predicted, direct image"):
        assert word in out
    assert out.endswith(f"kept in {factors.file()}\n")
    assert json.loads(factors.file().read_text())["content"]["clock"] == factors.table()["clock"]
    assert factors.is_measured()
    status, out, _ = run("calibrate --forget", capsys)
    assert (status, out) == (0, f"{factors.file()}: removed; times are predicted by the defaults\n")
    assert factors.table() == factors.defaults()
