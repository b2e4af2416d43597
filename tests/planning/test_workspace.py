"""What a call allocates against what its plan promises."""

from __future__ import annotations

import re
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest

import faltung as ft
from faltung.compiler.memory import Workspace
from faltung.errors import PlanError
from faltung.machine import detect
from faltung.planning.calibration import plain
from faltung.planning.planner import ALGORITHMS
from faltung.problem.problem import Problem
from grid.cases import draw, draw_line, output_view

LITTLE = 6000
"""Bytes of Python's own objects and of views."""

RNG = np.random.default_rng(5)
METHODS = tuple(name for name in ALGORITHMS if name != "reference")


def real(*shape: int, dtype: str = "float32") -> np.ndarray:
    return RNG.standard_normal(shape).astype(dtype)


def whole(*shape: int, bits: int = 62) -> np.ndarray:
    return RNG.integers(-(2**bits), 2**bits, shape)


PLANE, ROWS = ft.Like((200, 210)), np.outer(np.arange(1, 10), np.arange(2, 11)).astype(np.float32)
CASES: dict[str, Callable[..., Any]] = {
    "image": lambda **o: ft.plan(ft.correlate, PLANE, real(9, 9), "same", **o),
    "product": lambda **o: ft.plan(ft.correlate, PLANE, ROWS, "same", border="edge", **o),
    "box": lambda **o: ft.plan(ft.correlate, PLANE, np.ones((9, 9), np.float32), "same", **o),
    "bytes": lambda **o: ft.plan(ft.correlate, ft.Like((200, 210), "uint8"), ROWS.astype("int16"), "same", **o),
    "layer": lambda **o: ft.plan(ft.conv, ft.Like((2, 8, 20, 20)), real(16, 8, 3, 3), padding=1, **o),
    "layer of one tap": lambda **o: ft.plan(ft.conv, ft.Like((2, 8, 20, 20)), real(16, 8, 1, 1), stride=2, **o),
    "layer that sees all": lambda **o: ft.plan(ft.conv, ft.Like((9, 8, 20, 20)), real(16, 8, 20, 20), **o),
    "squares": lambda **o: ft.plan(ft.conv_transpose, ft.Like((2, 8, 20, 20)), real(8, 16, 2, 2), stride=2, **o),
    "transposed": lambda **o: ft.plan(ft.conv_transpose, ft.Like((2, 8, 20, 20)), real(8, 16, 3, 3), stride=2, **o),
    "line": lambda **o: ft.plan(ft.convolve, ft.Like((9000,), "float64"), real(150, dtype="float64"), **o),
    "volume": lambda **o: ft.plan(ft.convolve, ft.Like((20, 21, 22)), real(5, 6, 7), **o),
    "lines of a volume": lambda **o: ft.plan(
        ft.convolve, ft.Like((20, 21, 22)), np.multiply.outer(ROWS, np.arange(1.0, 6.0)).astype("f"), **o),
    "complex": lambda **o: ft.plan(ft.convolve, ft.Like((9000,), "complex64"), real(150, dtype="complex64"), **o),
    "transposed before": lambda **o: ft.plan(ft.correlate, ft.Like((3, 500, 4)), real(3, 50, 4), "same", axes=1, **o),
    "wide line": lambda **o: ft.plan(ft.convolve, ft.Like((5000,), "int64"), whole(150), overflow="saturate", **o),
    "wide image": lambda **o: ft.plan(ft.convolve, ft.Like((50, 60), "int64"), whole(3, 5), overflow="saturate", **o),
}


def images(plan: Any) -> dict[str, np.ndarray]:
    """One of any values, one with something that is not finite, one with steps between its samples."""
    shape, dtype = plan.layout.image.shape, plan.problem.image_dtype
    if hasattr(plan, "arrangement"):
        shape = tuple(shape[plan.arrangement.image.index(axis)] for axis in range(len(shape)))
    if np.dtype(dtype).kind in "iu":
        limits = np.iinfo(dtype)
        x = RNG.integers(limits.min, limits.max, shape, dtype)
        return {"large": x, "small": x // (limits.max // 50), "view": np.repeat(x, 2, axis=-1)[..., ::2]}
    x = RNG.standard_normal(shape).astype(dtype)
    broken = x.copy()
    broken.flat[x.size // 2] = np.nan
    return {"any": x, "broken": broken, "view": np.repeat(x, 2, axis=-1)[..., ::2]}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", CASES)
def test_workspace_is_as_promised(case: str, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Workspace, "give_back", lambda *_: None)  # every call allocates anew, and is seen to
    try:
        plan = CASES[case](method=method, threads=2)
    except PlanError:
        pytest.skip("does not serve")
    promised = plan.workspace_bytes
    for name, x in images(plan).items():
        out = plan(x)
        plan(x, out=out)
        tracemalloc.start()
        plan(x, out=out)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak <= promised + LITTLE, name


@pytest.mark.parametrize("case", ["image", "layer", "line", "transposed before", "wide line", "wide image"])
def test_the_least_that_would_fit_does(case: str) -> None:
    with pytest.raises(PlanError) as caught:
        CASES[case](max_workspace=1, threads=1)
    found = re.search(r"use max_workspace=(\d+) or more", str(caught.value))
    assert found is not None
    least = int(found[1])
    plan = CASES[case](max_workspace=least, threads=1)
    assert plan.workspace_bytes <= least
    for x in images(plan).values():
        plan(x)
    with pytest.raises(PlanError, match=f"the least is {least} bytes"):
        CASES[case](max_workspace=least - 1, threads=1)


def test_a_photograph_that_would_be_copied_needs_room_for_it() -> None:
    channels = real(3, 100, 110)
    photograph, taps = channels.transpose(1, 2, 0), real(5, 5)
    kept = ft.plan(ft.correlate, photograph, taps, "same", axes=(0, 1), method="direct", max_workspace=120_000)
    together = np.ascontiguousarray(photograph)
    expected = kept(together)
    with pytest.raises(PlanError, match=r"do not lie side by side; the 132000 bytes of a copy .*ascontiguousarray"):
        kept(photograph)
    roomy = ft.plan(ft.correlate, photograph, taps, "same", axes=(0, 1), method="direct", max_workspace=260_000)
    assert np.array_equal(roomy(photograph), expected)


def test_new_buffers_are_zeros_and_used_ones_stay_as_they_are() -> None:
    """What stands between rows is multiplied too: old bytes that happen to be subnormal would cost cycles."""
    workspace = Workspace(5000)
    address, buffer = workspace.borrow()
    assert address % 64 == 0
    assert not buffer.any()
    buffer[7] = 1
    workspace.give_back((address, buffer))
    assert workspace.borrow()[1] is buffer


# ---------------------------------------------------------------- predictions

PREDICTING = [name for name, each in ALGORITHMS.items() if hasattr(each, "workspace_bytes")]


@pytest.mark.parametrize("name", PREDICTING)
def test_what_is_predicted_is_what_is_built(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is compiled: workspaces follow from the geometry alone."""
    for module in [each for name, each in sys.modules.items() if name.startswith("faltung.algorithms.")]:
        for maker in {"python_function", "jit"} & vars(module).keys():
            monkeypatch.setattr(module, maker, MagicMock())
    served = [p for p in _problems() if ALGORITHMS[name].applies(p) is None]
    assert len(served) > 5
    for number, p in enumerate(served):
        setting = p, output_view(p), detect(), 1 + number % 2
        assert ALGORITHMS[name].workspace_bytes(*setting) == ALGORITHMS[name].build(*setting).workspace_bytes, p


def _problems() -> Iterator[Problem]:
    yield from ((draw_line if seed % 3 == 0 else draw)(seed).problem for seed in range(150))
    for extent, taps, channels in product((9, 30, 61), (1, 3, 5), ((1, 1), (8, 8), (64, 16))):
        yield plain((extent, extent + 3), (taps, taps), "float32", channels)
        turned = plain((extent + taps - 1, extent + 2 + taps), (extent, extent + 3), "float32", channels)
        yield replace(turned, start=(0, 0), output=(taps, taps))
