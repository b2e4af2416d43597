"""What turns predicted cycles into time: this machine's table of rates, or safe defaults where nothing was measured.

`calibration` measures the table; here it is read, checked, and looked up.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, ClassVar

from ..compiler import cache
from ..machine import detect
from ..problem.problem import Problem
from . import documents

KIND = "rates 1"

DEFAULTS: dict[str, Any] = {
    "clock": 3e9,
    "serial_cycles": 150_000.0,
    "factors": {"fourier image": 0.8, "fourier line": 0.7, "running image": 0.9, "running line": 0.9,
                "rank2 image": 0.85, "rank3 image": 0.85, "rank4 image": 0.85,
                "separable image": 0.85, "separable volume": 0.85, "winograd layer": 0.92},
}
"""Cycles a second; work below which a second thread does not pay; measured over predicted cycles (1 where unnamed)."""

HALF_DEFAULTS: dict[str, Any] = {
    **DEFAULTS,
    "clock": 3.6e9,
    "factors": {"fourier image": 0.65, "fourier line": 0.75, "fourier layer": 1.0, "fourier volume": 1.0,
                "rank2 image": 0.65, "rank3 image": 0.6, "rank4 image": 0.5,
                "running image": 1.25, "running line": 1.25, "running volume": 1.65,
                "separable image": 1.1, "separable volume": 1.1,
                "winograd image": 1.2, "winograd line": 1.2, "winograd volume": 1.25},
}
"""The same where vectors of 64 bytes are multiplied in halves, as measured on a Zen 4."""

WIDE_DEFAULTS: dict[str, Any] = {
    **DEFAULTS,
    "clock": 4e9,
    "factors": {"fourier image": 0.65, "fourier line": 0.52, "fourier volume": 0.9, "fourier layer": 0.9,
                "rank2 image": 0.75, "rank3 image": 0.75, "rank4 image": 0.75,
                "running image": 0.85, "running line": 0.8, "running volume": 1.4, "separable image": 0.8,
                "separable volume": 0.9, "sparse image": 1.15, "sparse line": 0.65, "sparse volume": 1.3,
                "winograd image": 0.9, "winograd layer": 0.9},
}
"""The same where two multiply-adds of 64 bytes begin in a cycle, as measured on a Zen 5."""

INTEL_DEFAULTS: dict[str, Any] = {
    **WIDE_DEFAULTS,
    "clock": 2.4e9,
    "factors": {**WIDE_DEFAULTS["factors"], "winograd image": 1.2, "winograd layer": 1.2, "winograd volume": 1.5},
}
"""The same on a Xeon of Intel's (Emerald Rapids): there additions and shuffles share their units with multiply-adds,
and transforms have many."""

RANGES = {"clock": (1e7, 2e10), "serial_cycles": (1e3, 1e8), "factors": (0.1, 10.0), "peak": (1e8, 1e14),
          "copy": (1e8, 1e13), "fft": (1e7, 1e14)}
"""Of every number that a table may hold; beyond these it was not measured, but damaged."""


class _State:
    """The table in use, and of which folder."""

    place: Any = None
    table: dict[str, Any] | None = None
    factors: ClassVar[dict[tuple[str, str], float]] = {}
    """What was looked up in it; set after it, so that nothing older comes in."""
    guard = threading.Lock()


def file() -> Path:
    """Where the table is kept."""
    return cache.folder() / "rates.json"


def table(place: documents.Place | None = None) -> dict[str, Any]:
    """The table in use: what was measured, defaults for the rest; ``place`` is `documents.place`, if it is known."""
    found = _State.table
    if found is None or _State.place != (place or documents.place()):
        with _State.guard:
            found = use(documents.recall(file(), KIND, wrong, {}))
    return found


def defaults() -> dict[str, Any]:
    """The table of a machine that was not measured."""
    known = detect()
    if known.vector_bytes < 64:
        return DEFAULTS
    if known.wide_pipes < 2:
        return HALF_DEFAULTS
    return INTEL_DEFAULTS if known.name.startswith("Intel") else WIDE_DEFAULTS


def use(measured: dict[str, Any]) -> dict[str, Any]:
    """Use a table from now on."""
    _State.place = documents.place()
    _State.table = {**defaults(), **measured}
    _State.factors = {}
    return _State.table


def is_measured() -> bool:
    """Whether this machine was measured."""
    return "peak" in table()


def factor(name: str, problem: Problem) -> float:
    """Measured over predicted cycles of an algorithm, for problems of this class, by the last table that was in use.

    Whoever compares several looks with `table` first, which notices that the cache's folder is another.
    """
    if _State.table is None:
        table()
    kind, known = class_of(problem), _State.factors
    found = known.get((name, kind))
    if found is None:
        factors = (_State.table or table())["factors"]
        found = float(factors.get(f"{name} {kind}") or factors.get(f"{name} {kind.removesuffix(' double')}", 1.0))
        known[name, kind] = found
    return found


def seconds(cycles: float) -> float:
    """How long so many cycles take."""
    return cycles / float(table()["clock"])


def serial_cycles() -> float:
    """Work below this stays on one thread: handing it over would cost more than it saves."""
    return float(table()["serial_cycles"])


def class_of(problem: Problem) -> str:
    """What decides by how much predictions are off: lines, images, volumes or layers, and wide numbers."""
    if problem.channels_in * problem.channels_out > 1:
        kind = "layer"
    elif problem.groups > 1:
        kind = "depthwise"
    else:
        axes = len(problem.image)
        kind = "image" if axes == 2 else "line" if axes == 1 else "volume"
    return kind + " double" * (problem.accumulator_dtype in ("float64", "complex128", "int64"))


def wrong(content: Any) -> str | None:
    """What is wrong with a table, or None."""
    if not isinstance(content, dict) or set(content) - set(RANGES):
        return "its content is not a table of rates"
    for name, value in content.items():
        low, high = RANGES[name]
        numbers = value.values() if isinstance(value, dict) else [value]
        if not all(isinstance(number, float) and low <= number <= high for number in numbers):
            return f"{name} is not between {low:g} and {high:g}"
    return None
