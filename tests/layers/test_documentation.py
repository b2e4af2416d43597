"""The page on layers: its examples run."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_the_examples_of_the_page_run():
    pytest.importorskip("safetensors")
    options = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    failed, attempted = doctest.testfile(str(ROOT / "docs" / "layers.md"), module_relative=False, optionflags=options)
    assert (failed, attempted > 30) == (0, True)
