"""Every candidate for a plan's problem: predicted time, workspace, error bound, and why it was not taken."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any

from . import factors
from .candidates import Candidate, Setting, bytes_beside, cycles, fit, is_structured, workspace_bytes
from .ways import Way


def survey(algorithms: dict[str, Any], plan: Any, oracle: str) -> list[Candidate]:
    """Weigh all; those that the plan holds come first, then the others by predicted time."""
    held = {way.name: way for way in plan.ways}
    rows = []
    for name, algorithm in algorithms.items():
        found = _weigh(name, algorithm, plan.setting, held.get(name))
        unsuited = getattr(algorithm, "unsuited", None)
        if found.serves and unsuited is not None and plan.taps is not None:
            reason = unsuited(plan.setting.problem, plan.taps)
            found = replace(found, reason=reason, serves=reason is None)
        rows.append(found)
    least = min((row.seconds or inf for row in rows if row.serves and row.name in held), default=inf)
    told = [row if row.reason else replace(row, reason=_reason(row, plan, least, oracle=row.name == oracle,
                                                               structured=is_structured(algorithms[row.name])))
            for row in rows]
    return sorted(told, key=lambda row: (not row.serves, row.reason is not None, row.seconds or inf))


def _weigh(name: str, algorithm: Any, setting: Setting, held: Way | None) -> Candidate:
    """What an algorithm would cost, or why it cannot serve."""
    reason = algorithm.applies(setting.problem)
    if reason is not None:
        return Candidate(name, reason, serves=False)
    if held is None:
        fits = fit(algorithm, setting)
        if fits.setting is None:
            return Candidate(name, f"needs {fits.least_bytes:,} bytes of workspace or more", serves=False)
        setting = fits.setting
    else:
        setting = held.setting
    return Candidate(name, seconds=factors.seconds(cycles(name, algorithm, setting)),
                     workspace_bytes=_used(held) if held and held.recipe else workspace_bytes(algorithm, setting),
                     error_bound=float(algorithm.error_bound(setting.problem)))


def _used(way: Way) -> int:
    """Workspace of a way whose recipe is not the algorithm's own choice."""
    return int(way.executable.workspace_bytes) + bytes_beside(way.algorithm, way.setting)


def _reason(row: Candidate, plan: Any, least: float, *, oracle: bool, structured: bool) -> str | None:
    """Why a candidate that serves was not taken; None if it was."""
    if any(way.name == row.name for way in plan.ways):
        if plan.taps is not None and structured is False and plan.way.name != row.name:
            return f"{(row.seconds or 0) / least:.3g} times as long"
        return None
    if plan.asked.method != "auto":
        return f'method="{plan.asked.method}" was asked for'
    if oracle:
        return "the definition as plain loops: only when asked for"
    return f"{(row.seconds or 0) / least:.3g} times as long"
