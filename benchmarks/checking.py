"""Operands and the double-precision answer that every contender has to match before it is timed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from itertools import product
from math import prod
from typing import Any

import numpy as np

from benchmarks.cases import Case

Array = np.ndarray[Any, np.dtype[Any]]

TOLERANCE = {"float32": 5e-4, "complex64": 5e-4, "float64": 1e-9, "uint8": 0.0, "int16": 0.0, "int64": 0.0}
"""Largest error over largest result.  Loose for floats, so that Winograd and fast transforms pass: it catches wrong
answers, the tests measure errors."""

GREY = 2.6 / 255
"""For pictures of 8 bits and rounded results: others blur in fixed point, or cut the fractions off after each axis."""

SCORE = 1e-2
"""For zncc: others sum squares in float32 before they subtract."""

FEW_TAPS = 81
"""Up to so many taps the answer is summed tap by tap, beyond that by a transform in double precision."""


@dataclass(frozen=True)
class Operands:
    """The image and the kernel of one case, C-contiguous; of a gradient also `dy`, of a masked pattern the mask."""

    x: Array
    k: Array
    dy: Array | None = None
    mask: Array | None = None


def operands(case: Case) -> Operands:
    """Return the same operands at each call."""
    rng = np.random.default_rng(20240229)
    if case.operation in ("image", "match"):
        return _scene_operands(case)
    if case.taps.startswith("bits"):
        most = 1 << int(case.taps.split()[1])
        return Operands(*(rng.integers(-most, most, shape).astype(case.dtype) for shape in (case.shape, case.kernel)))
    if case.dtype == "uint8":
        return Operands(rng.integers(0, 256, case.shape, dtype=np.uint8), _kernel(rng, case))
    dy = _floats(rng, case.forward_shape, case.dtype) if case.operation.endswith("grad") else None
    x = _floats(rng, case.shape, case.dtype)
    if case.operation == "missing":
        x[rng.random(x.shape) < 0.05] = np.nan
    return Operands(x, _kernel(rng, case), dy)


def _scene_operands(case: Case) -> Operands:
    image = scene(case.shape[0], case.dtype)
    pattern = image[tuple(slice(50, 50 + n) for n in case.kernel)].copy()
    if case.taps != "masked":
        return Operands(image, pattern)
    mask = np.ones(pattern.shape, np.uint8)
    mask[tuple(slice(0, n // 2) for n in pattern.shape)] = 0
    return Operands(image, pattern, mask=mask)


def scene(size: int, dtype: str) -> Array:
    """Return smooth noise, as a photograph has it: from 0 to 1, or to 255 of 8 bits."""
    noise = np.random.default_rng(0).normal(size=(size, size))
    frequencies = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size))
    noise = np.fft.irfft2(np.fft.rfft2(noise) * np.exp(-2 * (3 * np.pi * frequencies) ** 2), noise.shape)
    noise = (noise - noise.min()) / (noise.max() - noise.min())
    return np.rint(255 * noise).astype(np.uint8) if dtype == "uint8" else noise.astype(dtype)


def _floats(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
    values: Array = rng.standard_normal(shape)
    if dtype.startswith("complex"):
        values = values + 1j * rng.standard_normal(shape)
    return np.ascontiguousarray(values.astype(dtype))


def _kernel(rng: np.random.Generator, case: Case) -> Array:
    """Return the case's taps; no random kernel is separable or symmetric."""
    kind, _, number = case.taps.partition(" ")
    if kind == "whole":
        return _integer_kernel(rng, case.kernel)
    small = {"sobel": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], "laplacian": [[0, 1, 0], [1, -4, 1], [0, 1, 0]]}
    if kind in small:
        return np.array(small[kind], np.int8 if case.dtype == "uint8" else case.dtype)
    dtype = "float32" if case.dtype == "uint8" else case.dtype
    if kind == "box":
        return np.full(case.kernel, 1 / prod(case.kernel), dtype)
    if kind == "centre":
        return np.asarray(_centre(case.kernel[0], int(number)), dtype)
    if kind == "dilated":
        taps = np.zeros(case.kernel)
        taps[::int(number), ::int(number)] = rng.random((3, 3))
        return np.asarray(taps / taps.sum(), dtype)
    if kind == "gaussian":
        bell = np.exp(-0.5 * ((np.arange(case.kernel[0]) - case.kernel[0] // 2) / float(number)) ** 2)
        return np.asarray(reduce(np.multiply.outer, [bell / bell.sum()] * case.ndim), dtype)
    if kind == "ring":
        place = np.arange(case.kernel[0]) - case.kernel[0] // 2
        square = np.add.outer(place**2, place**2) / float(number) ** 2
        return np.asarray((2 - square) * np.exp(-square / 2) / 20, dtype)
    if case.dtype == "uint8":
        taps = rng.random(case.kernel)
        return np.asarray(taps / taps.sum(), dtype)
    return _floats(rng, case.kernel, dtype)


def _centre(extent: int, inner: int) -> Array:
    """Return twice the mean of the inner taps, less the mean of all."""
    taps = np.full((extent, extent), -1 / extent**2)
    middle = slice((extent - inner) // 2, (extent + inner) // 2)
    taps[middle, middle] += 2 / inner**2
    return taps


def _integer_kernel(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return taps of -4..-1 and 1..4, the centre set so that they add up to 1 (as a sharpening kernel's do)."""
    taps = rng.integers(1, 5, shape) * rng.choice([-1, 1], shape)
    centre = tuple(n // 2 for n in shape)
    taps[centre] += 1 - taps.sum()
    taps[centre] = np.clip(taps[centre], -127, 127) or 1
    return np.asarray(taps, np.int8)


# ---------------------------------------------------------------- the answer

def reference(case: Case, given: Operands) -> Array:
    """Return the case's answer in double precision; of integers, exactly."""
    if case.dtype in ("int32", "int64"):
        wide: Any = np.int64
    else:
        wide = np.complex128 if case.dtype.startswith("complex") else np.float64
    x, k = given.x.astype(wide), given.k.astype(wide)
    if case.operation == "conv":
        return _gather(case, x, k)
    if case.operation in ("conv_transpose", "input_grad"):
        above = x if given.dy is None else given.dy.astype(wide)
        return _scatter(case, above, k, case.forward_shape if given.dy is None else case.shape)
    if case.operation == "weight_grad":
        assert given.dy is not None
        return _by_kernel(case, x, given.dy.astype(wide))
    simple = {"convolve": lambda: _full(x, k), "match": lambda: _scores(x, k, given.mask),
              "image": lambda: _picture(case, x), "missing": lambda: _without_missing(x, k),
              "correlate": lambda: _same(case, x, k.conj())}
    return np.asarray(simple[case.operation]())


def _windows(case: Case, padded: Array, extents: tuple[int, ...]) -> Any:
    """Yield, for each tap, its place in the kernel and the samples of the padded image that it meets, as a view."""
    for at in product(*(range(n) for n in case.kernel[2:])):
        spans = (slice(a * case.dilation, a * case.dilation + case.stride * (n - 1) + 1, case.stride)
                 for a, n in zip(at, extents, strict=True))
        yield (..., *at), padded[(slice(None), slice(None), *spans)]


def _grouped(case: Case, w: Array) -> Array:
    return w.reshape(case.groups, w.shape[0] // case.groups, w.shape[1])


def _split(case: Case, x: Array) -> Array:
    return x.reshape(x.shape[0], case.groups, x.shape[1] // case.groups, -1)


def _gather(case: Case, x: Array, w: Array) -> Array:
    shape = case.forward_shape
    padded = np.pad(x, [(0, 0), (0, 0)] + [(case.padding,) * 2] * case.ndim)
    total: Any = 0
    for at, window in _windows(case, padded, shape[2:]):
        total = total + _grouped(case, w[at]) @ _split(case, window)
    return np.asarray(total).reshape(shape)


def _scatter(case: Case, above: Array, w: Array, shape: tuple[int, ...]) -> Array:
    padded = np.zeros((*shape[:2], *(n + 2 * case.padding for n in shape[2:])), above.dtype)
    for at, window in _windows(case, padded, above.shape[2:]):
        part = _grouped(case, w[at]).swapaxes(1, 2) @ _split(case, above)
        np.add(window, part.reshape(window.shape), out=window)
    return padded[(..., *(slice(case.padding, case.padding + n) for n in shape[2:]))]


def _by_kernel(case: Case, x: Array, dy: Array) -> Array:
    padded = np.pad(x, [(0, 0), (0, 0)] + [(case.padding,) * 2] * case.ndim)
    result = np.zeros(case.kernel, x.dtype)
    for at, window in _windows(case, padded, dy.shape[2:]):
        products = _split(case, dy) @ _split(case, window).swapaxes(2, 3)
        result[at] = products.sum(axis=0).reshape(case.kernel[:2])
    return result


def _full(x: Array, k: Array) -> Array:
    from scipy import signal

    few = k.size <= FEW_TAPS or x.dtype.kind == "i"
    return np.asarray(np.convolve(x, k) if few and x.ndim == 1 else signal.oaconvolve(x, k))


def _same(case: Case, x: Array, k: Array) -> Array:
    from scipy import signal

    padded = np.pad(x, [(n // 2, n - 1 - n // 2) for n in k.shape], mode=case.border)  # type: ignore[call-overload]
    if k.size > FEW_TAPS:
        result = signal.oaconvolve(padded, np.flip(k), "valid")
        result = np.rint(result) if case.taps == "whole" else result
    else:
        result = np.zeros(x.shape, x.dtype)
        for at in product(*(range(n) for n in k.shape)):
            result += k[at] * padded[tuple(slice(a, a + n) for a, n in zip(at, x.shape, strict=True))]
    return np.clip(result, 0, 255) if case.output_dtype == "uint8" else np.asarray(result)


def _scores(x: Array, t: Array, mask: Array | None) -> Array:
    """Zero-mean normalised cross-correlation, by its formula."""
    from scipy import signal

    w = np.ones(t.shape) if mask is None else mask.astype(float)
    t = np.where(w > 0, t - (w * t).sum() / w.sum(), 0)
    x = x - x.mean()
    upper, ones, squares = (signal.oaconvolve(part, np.flip(taps), "valid") for part, taps in
                            ((x, t), (x, w), (x * x, w)))
    return np.asarray(upper / np.sqrt((squares - ones**2 / w.sum()) * (t * t).sum()))


def _without_missing(x: Array, k: Array) -> Array:
    from scipy import signal

    known = np.isfinite(x)
    parts = (signal.oaconvolve(np.where(known, x, 0), k, "same"), signal.oaconvolve(known.astype(float), k, "same"))
    inside = signal.oaconvolve(np.ones(x.shape), k, "same")  # outside stands 0, and is not missing
    return np.asarray(parts[0] / (parts[1] + k.sum() - inside) * k.sum())


def _picture(case: Case, x: Array) -> Array:
    from scipy import ndimage

    kind, _, word = case.taps.partition(" ")
    if kind == "pyramid":
        for _ in range(int(word)):
            x = _halved(x)
        return x
    if kind == "edges":
        return np.hypot(*(ndimage.sobel(x, axis, mode="mirror") / 8 for axis in (0, 1)))
    sigma = float(word)
    soft = ndimage.gaussian_filter(x, sigma, mode="mirror", radius=int(np.ceil(4 * sigma)))
    sharp = 2 * x - soft if kind == "sharpen" else soft
    return np.clip(sharp, 0, 255) if case.dtype == "uint8" else np.asarray(sharp)


def _halved(x: Array) -> Array:
    from scipy import ndimage

    for axis in (0, 1):
        x = ndimage.correlate1d(x, np.array([1, 4, 6, 4, 1]) / 16, axis, mode="mirror")
    return x[::2, ::2]


# ---------------------------------------------------------------- the check

def fault(case: Case, result: Any, expected: Array) -> str:
    """Return what is wrong with a contender's result, or nothing."""
    got = np.asarray(result)
    if got.size != expected.size:
        return f"shape {got.shape}, expected {expected.shape}"
    got = got.reshape(expected.shape)
    if case.operation == "image":  # borders and starts of the peers' pictures differ
        inner = (slice(4, -4) if case.taps.startswith("pyramid") else slice(32, -32),) * 2
        got, expected = got[inner], expected[inner]
    eight_bits = tolerance(case) == GREY and case.dtype == "uint8"
    largest = 255.0 if eight_bits else float(np.abs(expected).max())
    if eight_bits:  # some give floats back, not clipped
        got = np.clip(got, 0, 255)
    error = float(np.abs(got - expected).max()) / largest
    return "" if error <= tolerance(case) else f"error {error:.1e} of the largest result"


def tolerance(case: Case) -> float:
    """Return the largest error, over the largest result, that passes."""
    if case.operation == "match":
        return SCORE
    if case.operation == "image":
        return GREY
    if case.output_dtype == "uint8" and case.taps != "whole":
        return GREY
    return TOLERANCE[case.output_dtype]
