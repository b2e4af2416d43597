"""What all kernels ask of their arguments, and how a made kernel is finished."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import KernelError, ShapeError

Kernel = npt.NDArray[Any]
Line = npt.NDArray[np.float64]
Number = float | Sequence[float]
Size = int | Sequence[int]


def per_axis(function: str, argument: str, value: Any, ndim: int) -> list[Any]:
    """Spread one value over `ndim` axes; several values stand for themselves."""
    positive(function, "ndim", ndim)
    if not isinstance(value, Sequence | np.ndarray):
        return [value] * ndim
    if not len(value):
        raise ShapeError(f"{function}: {argument}={say(value)} is empty; give one number, or one per axis")
    return list(value)


def matched_axes(function: str, argument: str, value: Any, ndim: int) -> list[Any]:
    """Give one value per axis, and not more or fewer than `ndim`."""
    values = per_axis(function, argument, value, ndim)
    if len(values) != ndim:
        raise ShapeError(f"{function}: {argument}={say(value)} has {len(values)} entries for {ndim} axes; "
                         "give one number, or one per axis")
    return values


def extents(function: str, size: Any, ndim: int) -> list[int]:
    """Read `size` as one extent per axis."""
    found = per_axis(function, "size", size, ndim)
    for extent in found:
        positive(function, "size", extent, size)
    return found


def positive(function: str, argument: str, value: Any, whole: Any = None, least: int = 1) -> None:
    """Refuse what is not a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        shown = say(value if whole is None else whole)
        raise ShapeError(f"{function}: {argument}={shown} must be a whole number of at least {least}")


def spread(function: str, argument: str, value: Any, ndim: int, hint: str = "") -> list[float]:
    """Read a width as one positive, finite number per axis."""
    widths = per_axis(function, argument, value, ndim)
    for width in widths:
        if not is_number(width) or not 0 < width < math.inf:
            raise KernelError(f"{function}: {argument}={say(value)} must be positive and finite{hint}")
    return [float(width) for width in widths]


def finite(function: str, argument: str, value: Any) -> float:
    """Refuse what is not a finite number."""
    if not is_number(value) or not math.isfinite(value):
        raise KernelError(f"{function}: {argument}={say(value)} must be finite")
    return float(value)


def one_of(function: str, argument: str, value: Any, known: Sequence[Any]) -> None:
    """Refuse a word that is not among the known ones."""
    if value not in known:
        raise KernelError(f"{function}: {argument}={value} is unknown; use {' or '.join(map(str, known))}")


def axis_index(function: str, axis: Any, ndim: int) -> int:
    """Read an axis, counted from the end if negative."""
    positive(function, "ndim", ndim)
    if not isinstance(axis, int | np.integer) or not -ndim <= axis < ndim:
        raise ShapeError(f"{function}: axis={axis} is out of range for ndim={ndim}; use {-ndim} to {ndim - 1}")
    return int(axis) % ndim


def is_number(value: Any) -> bool:
    """Whether a value is a real number."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def outer(lines: Sequence[npt.ArrayLike]) -> Kernel:
    """Multiply one line per axis into a kernel."""
    kernel = np.asarray(lines[0])
    for line in lines[1:]:
        kernel = np.multiply.outer(kernel, np.asarray(line))
    return kernel


def places(extent: int) -> Line:
    """Count the taps of a line from its middle: whole numbers if it is odd, halves if it is even."""
    return np.asarray(np.arange(extent) - (extent - 1) / 2, np.float64)


def grid(shape: Sequence[int]) -> list[Line]:
    """Give the places along each axis, shaped so that they broadcast to `shape`."""
    return [places(extent).reshape([-1 if axis == other else 1 for other in range(len(shape))])
            for axis, extent in enumerate(shape)]


def whole(kernel: Kernel) -> Kernel:
    """Bring a kernel of small whole numbers to int16; leave any other as it is."""
    small = np.all(kernel == np.rint(kernel)) and np.abs(kernel).max() < 2**15
    return kernel.astype(np.int16) if small else kernel


def identity_of(shape: Sequence[int]) -> Kernel:
    """Make Kronecker's delta of a shape."""
    kernel = np.zeros(shape)
    kernel[tuple(extent // 2 for extent in shape)] = 1
    return kernel


def centred(kernel: Kernel, shape: Sequence[int]) -> Kernel:
    """Put zeros around a kernel so that its tap ``K // 2`` stays the middle one."""
    pads = []
    for extent, wanted in zip(kernel.shape, shape, strict=True):
        before = wanted // 2 - extent // 2
        pads.append((before, wanted - extent - before))
    return np.pad(kernel, pads)


def nearest(word: str, known: Any) -> str:
    """Say which known words lie near, or list them all."""
    from difflib import get_close_matches

    near = get_close_matches(word, known, n=3)
    if near:
        return "did you mean " + " or ".join(near) + "?"
    return "known: " + ", ".join(known)


def parameters(function: Callable[..., Kernel]) -> dict[str, Any]:
    """Name the parameters of a kernel's function, with their defaults."""
    from inspect import signature

    return {name: parameter.default for name, parameter in signature(function).parameters.items()}


def say(value: Any) -> str:
    """Write a value as the command line reads it."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return "x".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
