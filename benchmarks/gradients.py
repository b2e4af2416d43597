"""Both gradients of layers against torch's, and what a layer's call costs beyond its plan.

Run as ``python -m benchmarks.gradients``; medians of interleaved runs, on one thread and on two.
"""

from __future__ import annotations

import timeit
from importlib import import_module
from typing import Any

import numpy as np

import faltung as ft
from benchmarks.harness import LONG_PAUSE_S
from benchmarks.interleaved import median_ms

CASES = [
    # batch, channels in, channels out, kernel, extent, groups
    (8, 64, 64, 3, 56, 1), (8, 128, 128, 3, 28, 1), (8, 256, 256, 3, 14, 1), (8, 32, 64, 5, 28, 1),
    (8, 144, 144, 3, 28, 144), (8, 1, 16, 3, 28, 1), (64, 1, 6, 5, 28, 1),
]
BUDGET_S = 3.0


def gradients(threads: int) -> None:
    """One row for each layer: times in ms, and torch's over ours."""
    torch = import_module("torch")
    ft.set_threads(threads)
    torch.set_num_threads(threads)
    print(f"{threads} thread{'s' * (threads > 1)}: ms of faltung, ms of torch, ratio; GFLOP/s of faltung")
    print(f"{'layer':>28} {'by image':>28} {'by kernel':>30}")
    for case in CASES:
        times, gflop = _case(torch, *case)
        both = ((times[i], times[i + 1]) for i in (0, 2))
        columns = "".join(f"{own:9.2f} {other:9.2f} {other / own:6.2f} {1e3 * gflop / own:5.0f}" for own, other in both)
        batch, c, m, k, n, groups = case
        name = f"{batch}x {c}->{m} {k}x{k} {n}x{n}" + (f" g{groups}" if groups > 1 else "")
        print(f"{name:>28} {columns}", flush=True)


def _case(torch: Any, batch: int, c: int, m: int, k: int, n: int, groups: int) -> tuple[list[float], float]:
    """Times of both gradients, ours and torch's, and the GFLOP of one."""
    rng = np.random.default_rng(0)
    x, dy = (rng.standard_normal((batch, channels, n, n)).astype(np.float32) for channels in (c, m))
    w = rng.standard_normal((m, c // groups, k, k)).astype(np.float32)
    tensors = [torch.from_numpy(array) for array in (dy, x, w)]

    def theirs(wanted: list[bool]) -> Any:
        sides = ([1, 1], [k // 2, k // 2], [1, 1])
        return torch.ops.aten.convolution_backward(*tensors, None, *sides, False, [0, 0], groups, wanted)

    times = median_ms([
        lambda: ft.conv_input_grad(dy, w, x.shape, padding=k // 2, groups=groups),
        lambda: theirs([True, False, False]),
        lambda: ft.conv_weight_grad(dy, x, w.shape, padding=k // 2, groups=groups),
        lambda: theirs([False, True, False]),
    ], BUDGET_S, least=5, pause_s=LONG_PAUSE_S)
    return times, 2e-9 * batch * m * (c // groups) * k * k * n * n


def overhead() -> None:
    """A layer's call with a plan that costs nothing."""
    conv, linear = ft.layers.Conv2d(3, 4, 3, seed=1), ft.layers.Linear(84, 10, seed=1)
    x, y = np.ones((1, 3, 8, 8), np.float32), np.ones((1, 4, 6, 6), np.float32)
    rows, scores = np.ones((64, 84), np.float32), np.ones((1, 64, 10), np.float32)
    conv._plans[x.shape, ft.get_threads()] = lambda *_: y
    linear._forward_plans[64, ft.get_threads()] = lambda *_: scores
    for name, call in (("Conv2d", lambda: conv(x, training=True)), ("Linear", lambda: linear(rows, training=True))):
        print(f"{name}: {1e6 * min(timeit.repeat(call, number=1000, repeat=20)) / 1000:.2f} us beyond the plan")


def main() -> None:
    """Both."""
    for threads in (1, 2):
        gradients(threads)
    overhead()


if __name__ == "__main__":
    main()
