"""A compiled-object cache of its own for every run, seeded randomness, and the shared helpers on the path."""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from grid import sample


def pytest_configure(config: pytest.Config) -> None:
    sample.choose()
    if "FALTUNG_CACHE_DIR" not in os.environ:
        place = tempfile.mkdtemp(prefix="faltung-tests-")
        os.environ["FALTUNG_CACHE_DIR"] = place
        config.add_cleanup(lambda: shutil.rmtree(place, ignore_errors=True))


def pytest_report_header() -> str:
    return f"slow grids: {sample.NAME}={sample.choose()}"


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """Seeded by the test's own name, so that no test depends on which others ran."""
    return np.random.default_rng(list(request.node.nodeid.encode()))


@pytest.fixture(autouse=True)
def _seeded() -> None:
    random.seed(20240229)
    np.random.seed(20240229)  # noqa: NPY002 the old generator is what an unseeded test would use
