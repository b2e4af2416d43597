"""Operands and the double-precision answer that every contender has to match before it is timed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from benchmarks.cases import Case

Array = np.ndarray[Any, np.dtype[Any]]

TOLERANCE = {"float32": 5e-4, "complex64": 5e-4, "float64": 1e-11, "uint8": 0.0}
"""Largest error over largest result.  Loose for float32, so that a Winograd peer passes: this catches wrong answers."""


@dataclass(frozen=True)
class Operands:
    """The image and the kernel of one case, C-contiguous; `out` if every contender that can shall write there."""

    x: Array
    k: Array
    out: Array | None = None


def operands(case: Case, *, reuse_output: bool = False) -> Operands:
    """Return the same random operands at each call; no tap is zero, and no kernel is separable or symmetric."""
    rng = np.random.default_rng(20240229)
    out = np.zeros(case.output_shape, case.dtype) if reuse_output else None
    if case.dtype == "uint8":
        return Operands(rng.integers(0, 256, case.shape, dtype=np.uint8), _integer_kernel(rng, case.kernel), out)
    return Operands(_floats(rng, case.shape, case.dtype), _floats(rng, case.kernel, case.dtype), out)


def _floats(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
    values: Array = rng.standard_normal(shape)
    if dtype == "complex64":
        values = values + 1j * rng.standard_normal(shape)
    return np.ascontiguousarray(values.astype(dtype))


def _integer_kernel(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return taps of -4..-1 and 1..4, the centre set so that they add up to 1 (as a sharpening kernel's do)."""
    taps = rng.integers(1, 5, shape) * rng.choice([-1, 1], shape)
    centre = tuple(n // 2 for n in shape)
    taps[centre] += 1 - taps.sum()
    taps[centre] = np.clip(taps[centre], -127, 127) or 1
    return np.asarray(taps, np.int8)


def reference(case: Case, given: Operands) -> Array:
    """Return the defining sum in double precision, tap by tap."""
    wide = np.complex128 if case.dtype.startswith("complex") else np.float64
    x, k = given.x.astype(wide), given.k.astype(wide)
    if case.operation == "conv":
        return _reference_layer(case, x, k)
    if case.operation == "convolve":
        return np.asarray(np.convolve(x, k))
    result = _reference_correlate(case, x, k.conj())
    return np.clip(result, 0, 255) if case.dtype == "uint8" else result


def _reference_correlate(case: Case, x: Array, k: Array) -> Array:
    padded = np.pad(x, [(n // 2, n - 1 - n // 2) for n in k.shape], mode=case.border)  # type: ignore[call-overload]
    result = np.zeros(x.shape, x.dtype)
    for at in product(*(range(n) for n in k.shape)):
        result += k[at] * padded[tuple(slice(a, a + n) for a, n in zip(at, x.shape, strict=True))]
    return result


def _reference_layer(case: Case, x: Array, w: Array) -> Array:
    p, s, (rows, columns) = case.padding, case.stride, case.output_shape[2:]
    padded = np.pad(x[0], [(0, 0), (p, p), (p, p)])
    result = np.zeros(case.output_shape, x.dtype)
    for i, j in product(range(w.shape[2]), range(w.shape[3])):
        patch = padded[:, i : i + s * (rows - 1) + 1 : s, j : j + s * (columns - 1) + 1 : s]
        if case.groups == 1:
            result[0] += np.tensordot(w[:, :, i, j], patch, axes=1)
        else:
            result[0] += w[:, 0, i, j, None, None] * patch
    return result


def fault(case: Case, result: Array, expected: Array) -> str:
    """Return what is wrong with a contender's result, or nothing."""
    got = np.asarray(result)
    if got.size != expected.size:
        return f"shape {got.shape}, expected {expected.shape}"
    error = float(np.abs(got.reshape(expected.shape) - expected).max() / np.abs(expected).max())
    return "" if error <= TOLERANCE[case.dtype] else f"error {error:.1e} of the largest result"
