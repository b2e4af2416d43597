"""What is chosen by bounds is what a ranking of all algorithms by their predicted times would choose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from benchmarks import planning as drawn

import faltung as ft
from faltung.machine import Machine, detect, fake
from faltung.planning import factors, planner
from faltung.planning.candidates import Setting, cycles, is_structured, probe_cycles
from faltung.planning.planner import ALGORITHMS, ORACLE, choose
from grid.cases import draw, draw_bytes, draw_line, output_view

MACHINES = [detect(), fake("avx2"), fake("neon"), fake("avx512", wide_pipes=2, has_dot=True, l2_bytes=2 << 20)]


def ranked(setting: Setting) -> list[str]:
    """The algorithms to try in turn, every one of them asked for its time."""
    factors.table()
    p = setting.problem
    needed = {name: cycles(name, algorithm, setting) for name, algorithm in ALGORITHMS.items()
              if name != ORACLE and algorithm.applies(p) is None}
    least, best = min((needed[name], name) for name in needed if not is_structured(ALGORITHMS[name]))
    quicker = [(needed[name] + probe_cycles(p), name) for name in needed if is_structured(ALGORITHMS[name])]
    return [*(name for time, name in sorted(quicker) if time < least), best]


def check(setting: Setting) -> None:
    assert [way.name for way in choose(setting)] == ranked(setting), setting.problem


@pytest.mark.parametrize("known", MACHINES, ids=lambda known: f"{known.isa} {known.wide_pipes}")
def test_the_choice_is_that_of_the_full_ranking(known: Machine) -> None:
    for seed in range(17000, 17080):
        for number, case in enumerate((draw(seed), draw_line(seed), draw_bytes(seed))):
            check(Setting(case.problem, output_view(case.problem), known, known=(seed + number) % 2 == 1))


def test_the_choice_for_the_benchmarks_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Setting] = []

    class NotBuilt:
        def __init__(self, asked: Any, setting: Setting, *_: Any) -> None:
            found.append(setting)

    monkeypatch.setattr(planner, "Plan", NotBuilt)
    for seed in range(120):
        case = drawn.draw(seed)
        kernel = drawn.kernel_of(case, np.random.default_rng([seed, 29]))
        ft.plan(getattr(ft, case.operation), ft.Like(case.image, case.dtype), kernel, threads=1, **case.options)
    for number, setting in enumerate(found):
        check(setting)
        check(setting._replace(machine=MACHINES[1 + number % 3], known=False))
