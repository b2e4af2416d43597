"""The digest of the generators: that of their contents, whether it was kept or not."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

import faltung
from faltung.compiler import cache, digest

ROOT = Path(faltung.__file__).parent


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FALTUNG_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Sources that are small, and old."""
    root = tmp_path / "tree"
    for name in ("compiler/emit.py", "problem/border.py", "matching/code.py", "layers/code/norms.py",
                 "algorithms/phases.py", "algorithms/direct/frame.py", "algorithms/direct/notes.txt",
                 "algorithms/__pycache__/phases.py"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        os.utime(path, (1000, 1000))
    return root


def test_every_generator_counts() -> None:
    seen = {str(Path(path).relative_to(ROOT)) for path, *_ in digest.sources(ROOT)}
    assert seen >= {"compiler/emit.py", "problem/problem.py", "matching/score_code.py", "layers/code/norms.py",
                    "algorithms/phases.py", "algorithms/direct/rows.py", "algorithms/winograd/program.py"}
    assert all(name.endswith(".py") and "__pycache__" not in name for name in seen)


def test_the_order_is_that_of_names(tree: Path) -> None:
    names = [str(Path(path).relative_to(tree)) for path, *_ in digest.sources(tree)]
    assert names == ["compiler/emit.py", "problem/border.py", "matching/code.py", "layers/code/norms.py",
                     "algorithms/phases.py", "algorithms/direct/frame.py"]


def test_it_is_that_of_the_contents(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contents = b"".join(Path(path).read_bytes() for path, *_ in digest.sources(ROOT))
    expected = hashlib.sha256(contents).hexdigest()
    compute = digest.generator_digest.__wrapped__
    monkeypatch.setattr(digest, "settled", lambda *_: False)
    assert compute() == expected
    assert not place.exists()
    monkeypatch.setattr(digest, "settled", lambda *_: True)
    assert compute() == expected
    (kept,) = place.iterdir()
    assert cache.read(kept.name) == expected.encode()
    cache.write(kept.name, b"what was kept")
    assert compute() == "what was kept"


@pytest.mark.parametrize("change", ["longer", "of the same length", "with its old time", "one more", "one less"])
def test_what_changes_is_told(tree: Path, change: str) -> None:
    before, path = digest.sources(tree), tree / "compiler/emit.py"
    time.sleep(0.05)  # as coarse as the times of some file systems
    if change == "one more":
        (tree / "problem/problem.py").write_text("")
    elif change == "one less":
        path.unlink()
    else:
        path.write_text("longer than it was" if change == "longer" else path.read_text().upper())
        if change == "with its old time":
            os.utime(path, (1000, 1000))
    if change != "with its old time" or os.name == "posix":
        assert digest.sources(tree) != before


def test_young_sources_are_not_remembered(tree: Path) -> None:
    each, now = digest.sources(tree), time.time_ns()
    assert not digest.settled(each, now)
    assert digest.settled(each, now + 2 * digest.SETTLED_NS)
    old = [(path, size, 5, 5) for path, size, *_ in each]
    assert digest.settled(old, now)
    assert not digest.settled([*old, ("compiler/new.py", 1, now, 5)], now)
    assert not digest.settled([*old, ("compiler/new.py", 1, 5, now)], now)
