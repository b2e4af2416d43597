"""Run a problem on poisoned memory, and hold the result against the oracle within the algorithm's own bound."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import pytest

from faltung import reference
from faltung.algorithms import direct
from faltung.algorithms.direct import schedule, stages, woven
from faltung.algorithms.direct.frame import Frame, Stage
from faltung.compiler.memory import Workspace
from faltung.machine import Machine
from faltung.problem.border import fills
from faltung.problem.layout import View
from faltung.problem.problem import Problem
from faltung.problem.promotion import is_integer, limits, numpy_dtype, promote

from .cases import Case, arrays, lay_out, output_view

ROUNDOFF = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": 2.0**-24, "float64": 2.0**-53,
            "complex64": 2.0**-24, "complex128": 2.0**-53}
MARGIN = 256
"""Bytes around an output that must stay as they are."""
_borrow = Workspace.borrow


def poisoned_borrow(workspace: Workspace) -> tuple[int, Any]:
    """Lend a buffer full of NaN (all bits set: -1 as an integer)."""
    address, buffer = _borrow(workspace)
    buffer[...] = 0xFF
    return address, buffer


@contextmanager
def poisoned_workspaces() -> Iterator[None]:
    """Poison every workspace that is lent."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Workspace, "borrow", poisoned_borrow)
        yield


@contextmanager
def recipe_of(choice: Any) -> Iterator[None]:
    """Let ``choice(stage, machine, threads)`` decide."""
    def choose(stage: Stage, machine: Machine, threads: int) -> Frame:
        chosen = choice(stage, machine, threads)
        return chosen if isinstance(chosen, Frame) else Frame(stage, chosen, machine)

    with pytest.MonkeyPatch.context() as patch:
        for module in (stages, woven):
            patch.setattr(module, "choose", choose)
        patch.setattr(stages, "weave", woven.weave.__wrapped__)
        yield


def only_lanes(patch: pytest.MonkeyPatch, lanes: str) -> None:
    """Let `direct` choose among the tiles of one kind."""
    every = schedule._options
    patch.setattr(schedule, "_options", lambda on: [one for one in every(on) if one[1].lanes == lanes])
    schedule.choose.cache_clear()


def run(problem: Problem, image: np.ndarray, kernel: np.ndarray, bias: np.ndarray | None, machine: Machine, *,
        threads: int = 1, view: View | None = None, executable: Any = None) -> tuple[np.ndarray, bool]:
    """Run twice, on outputs poisoned with opposite bits; what is not written, or written outside, is found."""
    view = view or output_view(problem)
    executable = executable or direct.build(problem, view, machine, threads)
    packed = executable.pack(kernel)
    packed_bias = None if bias is None else executable.pack_bias(bias)
    results = []
    for poison in (0x5A, 0xA5):
        raw, out = guarded(view.shape, numpy_dtype(problem.output_dtype), poison)
        overflowed = executable.run(image, packed, packed_bias, out, threads)
        assert np.all(raw[:MARGIN] == poison), "written before the output"
        assert np.all(raw[-MARGIN:] == poison), "written behind the output"
        results.append((out, bool(overflowed)))
    (first, flag), (second, other_flag) = results
    assert first.tobytes() == second.tobytes(), f"not every output was written ({_difference(first, second)})"
    assert flag == other_flag
    return view(first), flag


def guarded(shape: tuple[int, ...], dtype: Any, poison: int) -> tuple[np.ndarray, np.ndarray]:
    """An output between margins, and all of its memory."""
    size = prod(shape) * dtype.itemsize
    raw = np.full(size + 2 * MARGIN, poison, np.uint8)
    return raw, raw[MARGIN:MARGIN + size].view(dtype).reshape(shape)


def _difference(first: np.ndarray, second: np.ndarray) -> str:
    different = first.view(np.uint8).reshape(*first.shape, -1) != second.view(np.uint8).reshape(*second.shape, -1)
    return f"first at {tuple(np.argwhere(different.any(-1))[0].tolist())} of {first.shape}"


def check(case: Case, machine: Machine, *, threads: int = 1, executable: Any = None) -> np.ndarray | None:
    """Run a case and compare; the result, or None where an overflow was right."""
    p = case.problem
    image, kernel, bias = arrays(case)
    seen = lay_out(case, image)
    view = output_view(p, channels_last=case.channels_last)
    got, overflowed = run(p, seen, kernel, bias, machine, threads=threads, view=view, executable=executable)
    compare(p, image, kernel, bias, got, overflowed=overflowed)
    return None if overflowed else got


def compare(p: Problem, image: np.ndarray, kernel: np.ndarray, bias: np.ndarray | None, got: np.ndarray, *,
            overflowed: bool = False, factor: float | None = None) -> None:
    """Hold a result against the oracle, within the bound of `direct` or that of another ``factor``."""
    if is_integer(promote(p.image_dtype, p.kernel_dtype, fills(p.border))):
        _compare_integers(p, image, kernel, bias, got, overflowed)
    else:
        _compare_floats(p, image, kernel, bias, got, overflowed, factor)


def _compare_integers(p: Problem, image: np.ndarray, kernel: np.ndarray, bias: np.ndarray | None, got: np.ndarray,
                      overflowed: bool) -> None:
    try:
        want = reference.correlate(p, image, kernel, bias)
    except OverflowError:
        assert p.overflow == "raise"
        assert overflowed, "an overflow went by unnoticed"
        return
    assert not overflowed, "an overflow was seen where there is none"
    np.testing.assert_array_equal(got, want)


def tolerance(p: Problem, image: np.ndarray, kernel: np.ndarray, bias: np.ndarray | None,
              factor: float | None = None) -> np.ndarray:
    """The published bound, one for each output channel: c * u * (max|x| * sum|k| + |bias|)."""
    constants = [abs(fill) for fill in fills(p.border)]
    largest = max([float(np.abs(_wide(image)).max(initial=0)), *constants])
    size = np.abs(_wide(kernel)).sum(axis=tuple(range(2, kernel.ndim))) * largest
    if bias is not None:
        size = size + np.abs(_wide(bias)).reshape(size.shape)
    bound = (direct.error_bound(p) if factor is None else factor) * ROUNDOFF[p.accumulator_dtype] * size
    if p.activation in ("sigmoid", "tanh", "silu", "gelu"):
        # none of them is steeper than 1.13; their own error is a few roundings
        bound = 1.13 * bound + 8 * ROUNDOFF[p.accumulator_dtype] * (1 + size)
    return bound.reshape(*size.shape, *[1] * p.ndim)


def _wide(array: np.ndarray) -> np.ndarray:
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


def _compare_floats(p: Problem, image: np.ndarray, kernel: np.ndarray, bias: np.ndarray | None, got: np.ndarray,
                    overflowed: bool, factor: float | None) -> None:
    wide = "complex128" if "complex" in p.accumulator_dtype else "float64"
    want = reference.correlate(replace(p, output_dtype=wide, overflow="proven"), image, kernel, bias)
    bound = tolerance(p, image, kernel, bias, factor)
    if p.accumulator_dtype in ("float64", "complex128"):
        bound = 2 * bound  # the oracle rounds as well
    if is_integer(p.output_dtype):
        _compare_rounded(p, want, bound, got, overflowed)
        return
    if p.output_dtype != p.accumulator_dtype:
        denormal = 2.0**-25 if p.output_dtype == "float16" else 0
        bound = bound + ROUNDOFF[p.output_dtype] * (np.abs(want) + bound) + denormal
    error = np.abs(_wide(got) - want)
    bad = ~(error <= bound)
    if p.output_dtype == "float16":
        bad &= ~(np.isinf(_wide(got)) & (np.abs(want) + bound > 65504) & (np.sign(_wide(got)) == np.sign(want)))
    assert not bad.any(), _worst(error, np.broadcast_to(bound, error.shape), got, want, bad)


def _may_fit(p: Problem, want: np.ndarray) -> bool:
    """Whether the sums themselves fit, so that only their bound reaches beyond the output."""
    try:
        reference.cast(want, p.output_dtype, p.overflow)
    except OverflowError:
        return False
    return True


def _compare_rounded(p: Problem, want: np.ndarray, bound: np.ndarray, got: np.ndarray, overflowed: bool) -> None:
    """Whatever lies within the bound of the sum may be rounded."""
    size = 1 + limits(p.output_dtype)[1] - limits(p.output_dtype)[0]
    try:
        low, high = (reference.cast(value, p.output_dtype, p.overflow) for value in (want - bound, want + bound))
    except OverflowError:
        assert overflowed or _may_fit(p, want), "an overflow went by unnoticed"
        return
    assert not overflowed, "an overflow was seen where there is none"
    got, low, high = (array.astype(object) for array in (got, low, high))
    far = bound * np.ones_like(want) > size / 4 if p.overflow == "wrap" else False
    within = (got - low) % size <= (high - low) % size
    bad = np.asarray(~(within.astype(bool) | far))
    assert not bad.any(), (
        f"{bad.sum()} outputs are off, the first at {np.argwhere(bad)[0]}: "
        f"{got[bad][0]}, not {low[bad][0]} to {high[bad][0]}")


def _worst(error: np.ndarray, bound: np.ndarray, got: np.ndarray, want: np.ndarray, bad: np.ndarray) -> str:
    at = tuple(np.argwhere(bad)[0].tolist())
    return (f"{bad.sum()} of {bad.size} outputs are off, the first at {at}: {got[at]} where {want[at]} is right; "
            f"error {error[at]:.3g}, bound {bound[at]:.3g}")
