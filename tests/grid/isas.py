"""Instruction sets that this machine has, for tests that build code for each."""

from __future__ import annotations

import pytest

from faltung import machine

USABLE = machine._usable(machine._best_isa())
"""The best first."""

SMALLER = USABLE[1:]

EACH_SMALLER = [pytest.param(isa, marks=[pytest.mark.slow] if place else []) for place, isa in enumerate(SMALLER)]
"""Quick tests take the next smaller one alone."""

EACH = ["own", *EACH_SMALLER]
