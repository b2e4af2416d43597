"""Layers between pages that nobody may touch; run as a program, since one touch ends the process.

Inputs, results, statistics, places and scratch all end right before a protected page, or begin right behind one, and
all that is not written yet holds NaN.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import pointwise_cases as cases

import faltung as ft
from faltung import layers
from faltung.compiler import results as new_results
from faltung.compiler.memory import Workspace
from faltung.layers import pooling_windows
from grid.guarded import guarded, place, program

EMPTY, ZEROS = np.empty, np.zeros


class Guard:
    """In the place of NumPy's functions that make arrays."""

    def __init__(self, where):
        self.where = where

    def empty(self, shape, dtype=float):
        shape = (int(shape),) if np.ndim(shape) == 0 else tuple(int(n) for n in shape)
        count = int(np.prod(shape)) * np.dtype(dtype).itemsize
        raw = guarded(count, self.where)
        raw[...] = 255  # a NaN in every float
        return raw.view(dtype).reshape(shape)

    def zeros(self, shape, dtype=float):
        found = self.empty(shape, dtype)
        found[...] = 0
        return found

    def empty_like(self, array):
        return self.empty(array.shape, array.dtype)

    def lend(self, known, threads):
        buffer = self.empty(known.scratch_bytes * threads, np.uint8)
        return Workspace(known.scratch_bytes), (buffer.ctypes.data, buffer)

    def __enter__(self):
        np.empty, np.zeros, self.like = self.empty, self.zeros, np.empty_like
        np.empty_like, self.borrow = self.empty_like, pooling_windows.borrow
        pooling_windows.borrow = self.lend
        new_results.LARGEST, self.largest = 0, new_results.LARGEST

    def __exit__(self, *_):
        np.empty, np.zeros, np.empty_like, pooling_windows.borrow = EMPTY, ZEROS, self.like, self.borrow
        new_results.LARGEST = self.largest


def results(layer, x, dy):
    y = layer.forward(x, training=True)
    plain = layer.forward(x)
    kept = [parameter.gradient for parameter in layer.parameters.values()]
    dx = layer.backward(dy)
    kept = [parameter.gradient for parameter in layer.parameters.values()]
    return [y, plain, dx, *kept]


def check(make, x, rng):
    layer = make()
    dy = rng.standard_normal(layer.output_shape(x.shape)).astype(x.dtype)
    expected = results(layer, x, dy)
    for where in ("begin", "end"):
        layer = make()
        seen, above = place(x, where), place(dy, where)
        for parameter in layer.parameters.values():
            parameter.value = place(parameter.value, where)
        with Guard(where):
            got = results(layer, seen, above)
        for a, b in zip(got, expected, strict=True):
            np.testing.assert_array_equal(a, b, err_msg=repr(layer))


def makers(rng, shape, dtype):
    yield from cases.ACTIVATIONS.values()
    for name in cases.norms(shape, dtype):
        yield lambda name=name: cases.norms(shape, dtype)[name]
    yield layers.GlobalAveragePool
    if len(shape) == 4:
        yield lambda: layers.MaxPool(2)


def checks(first, last):
    ft.set_threads(1)
    for seed in range(int(first), int(last)):
        yield seed
        rng = np.random.default_rng(seed)
        dtype = ("float32", "float64")[seed % 2]
        for name in ("max", "average", "adaptive max", "adaptive average"):
            found = cases.random_pooling(rng, name)
            if found is not None:
                layer, shape, _ = found
                x = rng.standard_normal(shape).astype(dtype)
                check(lambda layer=layer: layer, x, rng)
        space = tuple(int(n) for n in rng.integers(2, (80, 30, 8)[seed % 3], seed % 3 + 1))
        shape = (int(rng.integers(2, 4)), 6, *space)
        x = rng.standard_normal(shape).astype(dtype)
        for make in makers(rng, shape, dtype):
            check(make, x, rng)


def too_far(what):
    layer, x = layers.MaxPool(2), place(np.zeros((1, 1, 4, 40), np.float32), "end")
    pooling = layer._pairs
    layer._pairs = lambda shape, result, size: pooling((1, 1, 4, 42), (1, 1, 2, 21), size)
    yield "before"
    layer.forward(x)
    yield "after"


if __name__ == "__main__":
    program(checks, too_far)
