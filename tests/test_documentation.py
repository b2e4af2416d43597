"""The documentation: its examples run, its pictures exist, its links lead somewhere."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.glob("*.md"), *DOCS.glob("tutorial/*.md")])
EXAMPLES = [page for page in PAGES if ">>> " in page.read_text()]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)#\s]+)[^)]*\)|<(?:img|source)[^>]*\s(?:src|srcset)=\"([^\"]+)\"")
DRAWER, SOME = DOCS / "pictures.py", ("hi-sobel.svg", "kernel-box.svg")
DRAWN = {".svg", ".png", ".gif"}
MOST_SVG, MOST_ALL = 150_000, 3_000_000


def name_of(page):
    return str(page.relative_to(ROOT))


def links(page):
    """What a page points to within the repository."""
    for found in LINK.finditer(page.read_text()):
        target = found[1] or found[2]
        if "://" not in target:
            yield (page.parent / target).resolve()


@pytest.mark.parametrize("page", EXAMPLES, ids=name_of)
def test_the_examples_of_a_page_run(page, monkeypatch):
    pytest.importorskip("safetensors")
    monkeypatch.chdir(ROOT)
    options = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    failed, attempted = doctest.testfile(str(page), module_relative=False, optionflags=options)
    assert (failed, attempted > 0) == (0, True)


def test_every_page_of_the_tutorial_has_examples():
    assert set(DOCS.glob("tutorial/*.md")) <= set(EXAMPLES)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_files(page):
    missing = [str(target) for target in links(page) if not target.exists()]
    assert not missing


def test_the_pictures_are_those_that_are_shown():
    targets = {target for page in PAGES for target in links(page) if target.suffix in DRAWN}
    shown = {target.name for target in targets if target.parent.name == "pictures"}  # benchmarks draw those of speed
    assert shown == {path.name for path in (DOCS / "pictures").iterdir()}


def test_the_pictures_are_those_that_are_drawn():
    listed = subprocess.run([sys.executable, DRAWER, "--list"], capture_output=True, text=True, check=True)
    assert set(listed.stdout.split()) == {path.name for path in (DOCS / "pictures").iterdir()}


def test_the_pictures_are_small():
    sizes = {path.name: path.stat().st_size for path in (DOCS / "pictures").iterdir()}
    assert {name for name, size in sizes.items() if name.endswith(".svg") and size > MOST_SVG} == set()
    assert sum(sizes.values()) < MOST_ALL


def test_a_picture_is_drawn_the_same_again(tmp_path):
    for folder in ("one", "two"):
        subprocess.run([sys.executable, DRAWER, "-o", tmp_path / folder, *SOME], check=True, capture_output=True)
    for name in SOME:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.slow
def test_all_pictures_are_drawn_the_same_again(tmp_path):
    for folder in ("one", "two"):
        subprocess.run([sys.executable, DRAWER, "-o", tmp_path / folder], check=True, capture_output=True)
    names = {path.name for path in (tmp_path / "one").iterdir()}
    assert names == {path.name for path in (DOCS / "pictures").iterdir()}
    differing = [name for name in names
                 if (tmp_path / "one" / name).read_bytes() != (tmp_path / "two" / name).read_bytes()]
    assert not differing
