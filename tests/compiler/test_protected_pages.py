"""Nothing is read or written outside the arrays: they touch pages that end the process when touched."""

from __future__ import annotations

import signal
import sys

import pytest

from grid.isas import EACH, EACH_SMALLER
from grid.process import python, succeed
from grid.sample import neighbours

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs mprotect")


@pytest.mark.parametrize("first", [8000, 8045])
def test_arrays_at_protected_pages(first: int) -> None:
    assert succeed("-m", "grid.guarded", str(first), str(first + 25), "own").endswith("survived\n")


@pytest.mark.parametrize("isa", EACH_SMALLER)
def test_arrays_at_protected_pages_on_smaller_instruction_sets(isa: str) -> None:
    assert succeed("-m", "grid.guarded", "8100", "8110", isa).endswith("survived\n")


@pytest.mark.slow
@pytest.mark.parametrize("isa", EACH)
@pytest.mark.parametrize("first", range(8200, 9000, 100))
def test_arrays_at_protected_pages_at_length(first: int, isa: str) -> None:
    part = neighbours(range(first, first + 100), 20)
    assert succeed("-m", "grid.guarded", *part, isa, timeout=600).endswith("survived\n")


@pytest.mark.parametrize("what", ["before the image", "behind the image", "behind the output"])
def test_one_step_too_far_is_found(what: str) -> None:
    done = python("-m", "grid.guarded", "--break", what)
    assert done.returncode == -signal.SIGSEGV, done.stdout + done.stderr
    assert done.stdout == "before\n"
