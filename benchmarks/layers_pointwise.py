"""Activations, pooling and normalisation against torch: interleaved, medians, one thread and two.

Run as ``python -m benchmarks.layers_pointwise [--only WORD] [-o FOLDER]``, which picks the cases whose name contains
the word, and writes pointwise.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np
import torch

import faltung as ft
from faltung import layers

ROUNDS, TURN_SECONDS = 9, 0.004
SHAPES = ((64, 8, 28, 28), (8, 64, 56, 56))
CASES = {
    "ReLU": (layers.ReLU, torch.nn.ReLU),
    "ReLU6": (layers.ReLU6, torch.nn.ReLU6),
    "LeakyReLU": (layers.LeakyReLU, torch.nn.LeakyReLU),
    "Sigmoid": (layers.Sigmoid, torch.nn.Sigmoid),
    "Tanh": (layers.Tanh, torch.nn.Tanh),
    "SiLU": (layers.SiLU, torch.nn.SiLU),
    "GELU": (layers.GELU, torch.nn.GELU),
    "Softmax channels": (lambda: layers.Softmax(1), lambda: torch.nn.Softmax(1)),
    "Softmax row": (lambda: layers.Softmax(-1), lambda: torch.nn.Softmax(-1)),
    "MaxPool 2": (lambda: layers.MaxPool(2), lambda: torch.nn.MaxPool2d(2)),
    "MaxPool 3 s2 p1": (lambda: layers.MaxPool(3, 2, 1), lambda: torch.nn.MaxPool2d(3, 2, 1)),
    "MaxPool 3 s1 p1": (lambda: layers.MaxPool(3, 1, 1), lambda: torch.nn.MaxPool2d(3, 1, 1)),
    "MaxPool 3 s3": (lambda: layers.MaxPool(3), lambda: torch.nn.MaxPool2d(3)),
    "AveragePool 2": (lambda: layers.AveragePool(2), lambda: torch.nn.AvgPool2d(2)),
    "AveragePool 3 s2 p1": (lambda: layers.AveragePool(3, 2, 1), lambda: torch.nn.AvgPool2d(3, 2, 1)),
    "AveragePool 3 s1 p1": (lambda: layers.AveragePool(3, 1, 1), lambda: torch.nn.AvgPool2d(3, 1, 1)),
    "AdaptiveAverage 7": (lambda: layers.AdaptiveAveragePool(7), lambda: torch.nn.AdaptiveAvgPool2d(7)),
    "AdaptiveAverage 5": (lambda: layers.AdaptiveAveragePool(5), lambda: torch.nn.AdaptiveAvgPool2d(5)),
    "AdaptiveMax 5": (lambda: layers.AdaptiveMaxPool(5), lambda: torch.nn.AdaptiveMaxPool2d(5)),
    "GlobalAverage": (layers.GlobalAveragePool, lambda: torch.nn.AdaptiveAvgPool2d(1)),
    "BatchNorm": (lambda: layers.BatchNorm(CHANNELS), lambda: torch.nn.BatchNorm2d(CHANNELS)),
    "GroupNorm 4": (lambda: layers.GroupNorm(4, CHANNELS), lambda: torch.nn.GroupNorm(4, CHANNELS)),
    "LayerNorm row": (lambda: layers.LayerNorm(WIDTH), lambda: torch.nn.LayerNorm(WIDTH)),
}
CHANNELS = WIDTH = 0


def ours(make, x, dy):
    layer = make()

    def forward():
        layer.forward(x, training=True)

    forward()
    kept = layer._kept

    def backward():
        layer._kept = kept
        layer.backward(dy)

    return forward, backward


def theirs(make, x, dy):
    layer = make()
    source, above = torch.from_numpy(x.copy()).requires_grad_(), torch.from_numpy(dy)

    def forward():
        return layer(source)

    result = forward()
    inputs = [source, *layer.parameters()]

    def backward():
        torch.autograd.grad(result, inputs, above, retain_graph=True)

    return forward, backward


def time_of(function):
    """Seconds of a call, over enough turns for the clock."""
    start, turns = time.perf_counter(), 0
    while (passed := time.perf_counter() - start) < TURN_SECONDS:
        function()
        turns += 1
    return passed / turns


def race(functions):
    """Medians of all, taken in turn."""
    for function in functions:
        time_of(function)
    rounds = [[time_of(function) for function in functions] for _ in range(ROUNDS)]
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def main():
    global CHANNELS, WIDTH
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="WORD")
    parser.add_argument("-o", "--output", type=Path)
    options, found = parser.parse_args(), []
    print(f"{'layer':20} {'shape':16} {'thr':>3} | {'forward us':>10} {'torch':>8} {'times':>6} | "
          f"{'backward us':>11} {'torch':>8} {'times':>6}")
    for name, (make, make_torch) in CASES.items():
        for shape in SHAPES if options.only in name else ():
            CHANNELS, WIDTH = shape[1], shape[-1]
            rng = np.random.default_rng(0)
            x = rng.standard_normal(shape, np.float32)
            dy = rng.standard_normal(make()(x).shape, np.float32)
            for threads in (1, 2):
                ft.set_threads(threads)
                torch.set_num_threads(threads)
                mine, other = ours(make, x, dy), theirs(make_torch, x, dy)
                a, b = race([mine[0], other[0]])
                c, d = race([mine[1], other[1]])
                found.append({"layer": name, "array": "x".join(map(str, shape)), "threads": threads,
                              "forward_s": a, "torch_forward_s": b, "backward_s": c, "torch_backward_s": d})
                print(f"{name:20} {'x'.join(map(str, shape)):16} {threads:3} | {a * 1e6:10.0f} {b * 1e6:8.0f} "
                      f"{b / a:6.2f} | {c * 1e6:11.0f} {d * 1e6:8.0f} {d / c:6.2f}", flush=True)
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "pointwise.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
