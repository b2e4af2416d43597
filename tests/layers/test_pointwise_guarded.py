"""Layers read and write nothing outside their arrays, and leave nothing unwritten."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from grid.isas import EACH_SMALLER
from grid.process import python, succeed

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs mprotect")
PROGRAM = str(Path(__file__).parent / "guarded_layers.py")


def test_layers_at_protected_pages():
    assert succeed(PROGRAM, "0", "18").endswith("survived\n")


@pytest.mark.parametrize("isa", EACH_SMALLER)
def test_layers_at_protected_pages_on_smaller_instruction_sets(isa):
    assert succeed(PROGRAM, "100", "104", FALTUNG_ISA=isa).endswith("survived\n")


def test_one_step_too_far_is_found():
    done = python(PROGRAM, "--break", "behind the image")
    assert done.returncode == -signal.SIGSEGV, done.stdout + done.stderr
    assert done.stdout == "before\n"
