"""NumPy, SciPy (signal and ndimage) and astropy; one thread always."""

from __future__ import annotations

from importlib import import_module
from math import prod

import numpy as np

from benchmarks.cases import Case
from benchmarks.checking import Array, Operands

from .common import MOST_PRODUCTS, Forms, products

MOST_BY_NDIMAGE = 1 << 28
"""Its plain sums of more products take a second and more, and are never the fastest."""


def ndimage_forms(case: Case, given: Operands, _threads: int) -> Forms:
    """Return correlate, or the function that a kernel has of its own; 8-bit sums are clipped, since it wraps around."""
    if case.operation == "image":
        return _ndimage_pictures(case, given)
    if case.operation != "correlate":
        return {}
    ndimage = import_module("scipy.ndimage")
    mode, x, k = {"reflect": "mirror", "constant": "constant"}[case.border], given.x, given.k
    output, (kind, _, number) = np.dtype(case.output_dtype), case.taps.partition(" ")
    named = {
        "gaussian": lambda: ndimage.gaussian_filter(x, float(number), mode=mode, radius=len(k) // 2),
        "box": lambda: ndimage.uniform_filter(x, len(k), mode=mode),
        "sobel": lambda: ndimage.sobel(x, 1, output, mode=mode),
    }
    if kind in named:
        return {kind: named[kind]}
    if kind == "centre" and case.dtype != "uint8":
        return {kind: lambda: 2 * ndimage.uniform_filter(x, int(number), mode=mode)
                - ndimage.uniform_filter(x, len(k), mode=mode)}
    if products(case) > MOST_BY_NDIMAGE:
        return {}
    if kind == "whole":
        return {"correlate": lambda: np.clip(ndimage.correlate(x, k, np.int32, mode), 0, 255).astype(np.uint8)}
    return {"correlate": lambda: ndimage.correlate(x, k, output, mode)}


def _ndimage_pictures(case: Case, given: Operands) -> Forms:
    kind, _, word = case.taps.partition(" ")
    if kind not in ("blur", "edges"):
        return {}
    ndimage, x = import_module("scipy.ndimage"), given.x
    if kind == "blur":
        sigma = float(word)
        return {kind: lambda: ndimage.gaussian_filter(x, sigma, mode="mirror", radius=int(np.ceil(4 * sigma)))}
    return {kind: lambda: np.hypot(*(ndimage.sobel(x, axis, np.float32, mode="mirror") / 8 for axis in (0, 1)))}


def scipy_forms(case: Case, given: Operands, _threads: int) -> Forms:
    """Return signal's overlap-add, whole transform and direct sum (the last for few products only)."""
    if case.operation not in ("convolve", "correlate") or case.border != "constant" or case.dtype.startswith("int"):
        return {}
    signal = import_module("scipy.signal")
    mode = "full" if case.operation == "convolve" else "same"
    x, k = given.x, given.k if mode == "full" else np.ascontiguousarray(np.flip(given.k).conj())
    forms: Forms = {"oaconvolve": lambda: signal.oaconvolve(x, k, mode)}
    if prod(case.shape) <= 1e6 or case.ndim > 1:
        forms["fftconvolve"] = lambda: signal.fftconvolve(x, k, mode)
    if k.size <= 31:
        forms["direct"] = lambda: signal.convolve(x, k, mode, "direct")
    return forms


def numpy_forms(case: Case, given: Operands, _threads: int) -> Forms:
    """Return np.convolve, and differences of sums from the beginning on for boxes; signals only."""
    if case.taps == "box" and case.ndim == 1 and case.dtype != "uint8":
        return {"cumsum": lambda: _by_sums_from_the_beginning(given.x, len(given.k))}
    if case.operation != "convolve" or products(case) > MOST_PRODUCTS:
        return {}
    return {"convolve": lambda: np.convolve(given.x, given.k)}


def _by_sums_from_the_beginning(x: Array, taps: int) -> Array:
    """Return means of windows; in double precision, for errors grow along the line."""
    sums = np.cumsum(np.pad(x, (taps // 2 + 1, taps - 1 - taps // 2), mode="reflect"), dtype=np.float64)
    return np.asarray((sums[taps:] - sums[:-taps]) / taps, x.dtype)


def astropy_forms(case: Case, given: Operands, _threads: int) -> Forms:
    """Return its sum that leaves missing values out."""
    if case.operation != "missing":
        return {}
    convolve = import_module("astropy.convolution").convolve
    return {"convolve": lambda: convolve(given.x, given.k, boundary="fill", fill_value=0)}
