"""The grid notices mistakes: every mutant of the generator must fail it."""

from __future__ import annotations

from pathlib import Path

import pytest

from grid.mutants import MUTANTS, NOTICED
from grid.process import python

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_noticed(name: str, tmp_path: Path) -> None:
    # a cache of its own: sound objects must not stand in for the mutant's, nor the other way round
    done = python("-m", "grid.mutants", name, FALTUNG_CACHE_DIR=str(tmp_path), timeout=200)
    assert done.returncode == NOTICED or done.returncode < 0, f"{name}: {done.stdout}{done.stderr}"


def test_without_a_mutant_nothing_is_noticed(tmp_path: Path) -> None:
    done = python("-m", "grid.mutants", "none", FALTUNG_CACHE_DIR=str(tmp_path), timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
