"""Layers with small kernels: `winograd` beside `direct`, torch, onnxruntime and ncnn.

Run as ``python -m benchmarks.winograd``; medians and minima of interleaved runs, on one thread and on two.
Rates count the definition's operations, so that they may exceed what the processor can do.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

import faltung as ft
from benchmarks.cases import Case
from benchmarks.checking import Operands, operands
from benchmarks.peers import ncnn_forms, onnxruntime_forms, torch_forms

LAYERS = [(64, 64, 3, 56), (128, 128, 3, 28), (256, 256, 3, 14), (512, 512, 3, 7), (32, 64, 5, 28)]
BATCHES = (1, 8)
BUDGET_S = 3.0
Call = Callable[[], Any]


def minima_ms(calls: dict[str, Call], budget_s: float) -> dict[str, tuple[float, float]]:
    """Minimum and median of each call, taken in turns; each timed call follows one that is not."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    start = time.perf_counter()
    while time.perf_counter() - start < budget_s or len(next(iter(times.values()))) < 5:
        for name, call in calls.items():
            call()
            begin = time.perf_counter()
            call()
            times[name].append(1e3 * (time.perf_counter() - begin))
    return {name: (min(own), float(np.median(own))) for name, own in times.items()}


def fastest(calls: dict[str, Call]) -> Call:
    """The quickest of a peer's forms."""
    return calls[min(minima := minima_ms(calls, 0.3), key=lambda name: minima[name])]


def contenders(batch: int, layer: tuple[int, int, int, int], threads: int) -> dict[str, Call]:
    """Every contender's forward pass, all prepared."""
    c, m, k, n = layer
    case = Case("layer", "layers", "conv", (batch, c, n, n), (m, c, k, k), padding=k // 2)
    given = operands(case)
    like = ft.Like(given.x.shape, "float32")
    calls: dict[str, Call] = {}
    for method in ("winograd", "direct"):
        plan = ft.plan(ft.conv, like, given.k, padding=k // 2, method=method, threads=threads)
        calls[method] = lambda plan=plan: plan(given.x)  # type: ignore[misc]
    want = calls["direct"]()
    for name, forms in (("torch", torch_forms), ("onnxruntime", onnxruntime_forms)):
        calls[name] = fastest(forms(case, given, threads))
    calls["ncnn"] = _each_image(case, given, threads)
    for name, call in calls.items():
        np.testing.assert_allclose(call().reshape(want.shape), want, atol=3e-4 * np.abs(want).max(), err_msg=name)
    return calls


def _each_image(case: Case, given: Operands, threads: int) -> Call:
    """ncnn takes one image at a time."""
    one = Case(case.name, case.family, case.operation, (1, *case.shape[1:]), case.kernel, padding=case.padding)
    nets = [fastest(ncnn_forms(one, Operands(x[None], given.k), threads)) for x in given.x]
    return lambda: np.stack([np.array(net()) for net in nets])


def gradients(batch: int, layer: tuple[int, int, int, int], threads: int) -> dict[str, Call]:
    """Both gradients, ours as they are called and torch's."""
    c, m, k, n = layer
    rng = np.random.default_rng(0)
    x, dy = (rng.standard_normal((batch, channels, n, n)).astype(np.float32) for channels in (c, m))
    w = rng.standard_normal((m, c, k, k)).astype(np.float32)
    torch = import_module("torch")
    torch.set_num_threads(threads)
    tensors = [torch.from_numpy(array) for array in (dy, x, w)]
    sides = ([1, 1], [k // 2, k // 2], [1, 1])

    def theirs(*wanted: bool) -> Any:
        return torch.ops.aten.convolution_backward(*tensors, None, *sides, False, [0, 0], 1, [*wanted, False])

    return {"by image": lambda: ft.conv_input_grad(dy, w, x.shape, padding=k // 2),
            "torch image": lambda: theirs(True, False),
            "by kernel": lambda: ft.conv_weight_grad(dy, x, w.shape, padding=k // 2),
            "torch kernel": lambda: theirs(False, True)}


def row(calls: dict[str, Call], gflop: float, bases: tuple[str, ...]) -> str:
    """Minima, the rate, and each other's minimum and median over the base's."""
    found = minima_ms(calls, BUDGET_S)
    text, base = "", found[bases[0]]
    for name, (least, median) in found.items():
        if name in bases:
            base = least, median
            text += f"  {name} {least:.3f} ms ({gflop / least * 1e3:.0f} GFLOP/s)"
        else:
            text += f"  {name} {least / base[0]:.2f} ({median / base[1]:.2f})"
    return text


def main() -> None:
    """Print a row for each layer, batch and number of threads."""
    for threads in [int(word) for word in sys.argv[1:]] or (1, 2):
        ft.set_threads(threads)
        print(f"{threads} thread{'s' * (threads > 1)}: others' time over ours, minimum (median)")
        for batch in BATCHES:
            for layer in LAYERS:
                c, m, k, n = layer
                gflop = 2e-9 * batch * c * m * k * k * n * n
                print(f"{batch}x {c}->{m} {k}x{k} {n}x{n}:")
                print("  forward ", row(contenders(batch, layer, threads), gflop, ("winograd",)), flush=True)
                print("  gradient", row(gradients(batch, layer, threads), gflop, ("by image", "by kernel")), flush=True)


if __name__ == "__main__":
    main()
