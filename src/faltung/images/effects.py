"""Blur, sharpen and edges: what is asked of images most, by lines along one axis after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import kernels
from ..compiler.results import fresh
from ..compiler.threads import get_threads
from ..errors import DTypeError, KernelError, ShapeError
from ..problem.border import parse_border
from .elementwise import lengths, unsharp
from .filtering import along, filtered_axes, has_alpha, native, product_plan
from .slopes import serves, slopes

Pixels = npt.NDArray[Any]
Sigma = float | Sequence[float]
SMALL = 9
"""Taps of a kernel that is summed at once rather than axis by axis: the memory costs more than the taps."""
_SLOPES = {"sobel": (1, 2, 1), "scharr": (3, 10, 3), "prewitt": (1, 1, 1)}
_DIFFERENCE = np.array([-0.5, 0, 0.5])
_SMOOTHING = {kind: np.array(line) / sum(line) for kind, line in _SLOPES.items()}


def blur(image: Any, sigma: Sigma, *, kind: str = "sampled", border: Any = "reflect", channel_axis: int | None = None,
         alpha: bool | None = None, dtype: Any = None, method: str = "auto", threads: int | None = None) -> Any:
    """Blur an image by a gaussian: same dtype out, rounded and saturated, each colour channel on its own.

    ``out = cast(image * gaussian(sigma))``, one axis after the other, so that a tap costs one multiplication
    per axis only; between the axes the values are kept as float32 (float64 for wide pixels), not rounded.

    Parameters
    ----------
    image : array_like
        Pixels of any dtype; all axes but `channel_axis` are blurred.
    sigma : float or one per axis
        Standard deviation in samples; along an axis with 0 nothing is done.
    kind : {"sampled", "integrated", "bessel"}
        As in `kernels.gaussian`.
    border, method, threads
        As in `correlate`.
    channel_axis, alpha, dtype
        As in `filter`: alpha is kept.

    Returns
    -------
    ndarray
        Of the image's shape and dtype.

    Raises
    ------
    KernelError
        A sigma that is negative or not finite, or an unknown kind.
    ShapeError, DTypeError, BorderError, PlanError
        An argument that does not fit.

    Notes
    -----
    Accuracy: that of `filter` with the outer product, and one rounding more for each further axis.

    Examples
    --------
    >>> blur(np.array([[0, 0, 100, 0, 0]], np.uint8), (0, 1))
    array([[11, 25, 40, 25, 11]], dtype=uint8)
    """
    pixels = _numbers("blur", image)
    axes = filtered_axes("blur", pixels.shape, channel_axis)
    wanted = pixels.dtype if dtype is None else np.dtype(dtype)
    lines = [_bell(width, kind, sigma) for width in _per_axis("blur", "sigma", sigma, len(axes))]
    part, alpha_axis = _without_alpha(pixels, channel_axis, alpha)
    soft = _passes("blur", part, lines, axes, border, wanted, method, threads)
    return _with_alpha(soft, pixels, alpha_axis)


def sharpen(image: Any, amount: float = 1.0, sigma: Sigma = 1.0, *, border: Any = "reflect",
            channel_axis: int | None = None, alpha: bool | None = None, dtype: Any = None, method: str = "auto",
            threads: int | None = None) -> Any:
    """Sharpen an image by an unsharp mask: add `amount` times what a blur takes away.

    ``out = cast(image + amount (image - blur(image, sigma)))``; rounded once, at the end.

    Parameters
    ----------
    image, sigma, border, channel_axis, alpha, dtype, method, threads
        As in `blur`.
    amount : float
        1 doubles the fine detail; negative values soften.

    Returns
    -------
    ndarray
        Of the image's shape and dtype.

    Raises
    ------
    KernelError, ShapeError, DTypeError, BorderError, PlanError
        As in `blur`; an amount that is not finite.

    Examples
    --------
    >>> sharpen(np.array([[10, 10, 10, 20, 20, 20]], np.uint8), sigma=(0, 1))
    array([[10,  9,  7, 23, 21, 20]], dtype=uint8)
    """
    pixels = _numbers("sharpen", image)
    if not np.isfinite(amount):
        raise KernelError(f"sharpen: amount={amount} must be finite")
    part, alpha_axis = _without_alpha(pixels, channel_axis, alpha)
    wide = _wide(pixels.dtype)
    soft = blur(part, sigma, border=border, channel_axis=channel_axis, alpha=False, dtype=wide, method=method,
                threads=threads)
    made = fresh(part.shape, pixels.dtype if dtype is None else np.dtype(dtype), threads or get_threads())
    if wide.kind == "f" and made.dtype.kind in "iuf":
        unsharp(part, soft, amount, made, threads)
    else:
        own = part.astype(wide)
        own += wide.type(amount) * (own - soft)
        made[...] = saturate(own, made.dtype)
    return _with_alpha(made, pixels, alpha_axis)


@dataclass(frozen=True)
class Edges:
    """What `edges` found.

    Attributes
    ----------
    gradient
        Slope along each filtered axis, in grey values per sample: shape (axes, ...).
    magnitude
        Its length.
    """

    gradient: Pixels
    magnitude: Pixels

    @property
    def direction(self) -> Pixels:
        """Direction in which the values rise.

        Of a picture, the angle in radians from the second axis (right) towards the first (down), ``atan2(slope
        down, slope right)``; of a signal or volume, the unit vector, shape (axes, ...), 0 where it is flat.
        """
        if len(self.gradient) == 2:
            return np.asarray(np.arctan2(self.gradient[0], self.gradient[1]))
        return np.asarray(self.gradient / np.where(self.magnitude > 0, self.magnitude, 1))


def edges(image: Any, kind: str = "sobel", *, sigma: Sigma | None = None, border: Any = "reflect",
          channel_axis: int | None = None, alpha: bool | None = None, method: str = "auto",
          threads: int | None = None) -> Edges:
    """Find how steep an image is, and in which direction.

    ``gradient[a] = image * slope along a``, scaled so that a ramp of one grey value per sample has slope 1 for
    every kind; ``magnitude = sqrt(sum of gradient[a]**2)``.  Of colour, each pixel takes the channel of the
    largest magnitude, alpha left out.

    Parameters
    ----------
    image, border, channel_axis, alpha, method, threads
        As in `blur`.
    kind : {"sobel", "scharr", "prewitt", "gaussian"}
        The kernel of the slopes; "gaussian" takes first derivatives at the scale `sigma`.
    sigma : float or one per axis, optional
        Of "gaussian", 1 by default; the others blur by it first, if it is given.

    Returns
    -------
    Edges
        With ``magnitude``, ``direction`` and ``gradient``, float32 (float64 for wide pixels).

    Raises
    ------
    KernelError
        An unknown kind, or a sigma that is not positive and finite.
    ShapeError, DTypeError, BorderError, PlanError
        An argument that does not fit.

    References
    ----------
    Canny, "A computational approach to edge detection" (1986), section VI, for "gaussian".

    Examples
    --------
    >>> ramp = np.add.outer(3 * np.arange(5.0), 4 * np.arange(6.0))
    >>> found = edges(ramp)
    >>> float(found.magnitude[2, 2]), bool(found.direction[2, 2] == np.arctan2(3, 4))
    (5.0, True)
    """
    pixels = _numbers("edges", image)
    if kind not in (*_SLOPES, "gaussian"):
        raise KernelError(f"edges: kind={kind} is unknown; use {', '.join(_SLOPES)} or gaussian")
    if pixels.dtype.kind == "c":
        raise DTypeError(f"edges: image is complex ({pixels.dtype}); pass its absolute values or one of its parts")
    axes = filtered_axes("edges", pixels.shape, channel_axis)
    part, _ = _without_alpha(pixels, channel_axis, alpha)
    if kind != "gaussian" and sigma is not None:
        part = blur(part, sigma, border=border, channel_axis=channel_axis, alpha=False, dtype=_wide(part.dtype),
                    method=method, threads=threads)
    gradient = fresh((len(axes), *part.shape), _wide(part.dtype), threads or get_threads())
    widths = tuple(_per_axis("edges", "sigma", 1.0 if sigma is None else sigma, len(axes)))
    sides = parse_border("edges", border, len(axes))
    if kind != "gaussian" and method == "auto" and serves(part, channel_axis, sides):
        magnitude = fresh(part.shape, gradient.dtype, threads or get_threads())
        slopes(part, _SMOOTHING[kind], sides, gradient, magnitude, threads)
    else:
        for place, slope in enumerate(gradient):
            _passes("edges", part, _slope_lines(kind, place, widths), axes, border, gradient.dtype, method, threads,
                    out=slope)
        magnitude = lengths(gradient, threads)
    if channel_axis is not None:
        axis = channel_axis % pixels.ndim
        most = np.expand_dims(np.argmax(magnitude, axis=axis), axis)
        magnitude = np.take_along_axis(magnitude, most, axis).squeeze(axis)
        gradient = np.take_along_axis(gradient, most[None], axis + 1).squeeze(axis + 1)
    return Edges(gradient, magnitude)


def _slope_lines(kind: str, axis: int, widths: tuple[float, ...]) -> list[Pixels | None]:
    """Lines whose product is the slope along an axis, of gain 1."""
    if kind == "gaussian":
        return [kernels.gaussian(width, 1, order=int(other == axis)) for other, width in enumerate(widths)]
    return [_DIFFERENCE if other == axis else _SMOOTHING[kind] for other in range(len(widths))]


# ---------------------------------------------------------------- one axis after the other

def _passes(function: str, part: Pixels, lines: Sequence[Pixels | None], axes: tuple[int, ...], border: Any,
            dtype: np.dtype[Any], method: str, threads: int | None, out: Pixels | None = None) -> Pixels:
    """Filter along one axis after the other; only the last result is rounded to `dtype`."""
    sides = parse_border(function, border, len(axes))
    passes = [(line, place) for place, line in enumerate(lines) if line is not None]
    small = prod(len(line) for line, _ in passes) <= SMALL
    if part.size and len(passes) > 1 and (small or (method == "auto" and _is_product(part, passes, axes, sides))):
        plan = product_plan(part.shape, part.dtype, lines, axes, sides, dtype, 1, method, threads)
        return np.asarray(plan(part, out=out))
    wide, gain, values = _wide(part.dtype), 1.0, part
    for done, (line, place) in enumerate(passes, 1):
        # A constant outside has been filtered along the other axes by now, as the image has.
        scaled = tuple(side if isinstance(side, str) or gain == 1 else side * gain for side in sides[place])
        values = along(values, line, place, axes, scaled, overflow="saturate", method=method, threads=threads,
                       dtype=dtype if done == len(passes) else wide, out=out if done == len(passes) else None)
        total = float(line.sum())
        gain *= 1.0 if abs(total - 1) < 1e-12 else total
    return values if passes else saturate(part.copy(), dtype)


def _is_product(part: Pixels, passes: Sequence[tuple[Pixels, int]], axes: tuple[int, ...], sides: Any) -> bool:
    """Whether the engine finds out that the kernel is a product of lines, and does all passes in one."""
    constants = any(side for pair in sides for side in pair if not isinstance(side, str))
    return len(passes) == len(axes) == 2 and min(len(line) for line, _ in passes) > 1 and part.dtype.kind in "iuf" and (
        not constants or part.dtype in (np.float32, np.float64))


def saturate(values: Pixels, dtype: np.dtype[Any]) -> Pixels:
    """Cast as an image is cast: rounded half to even, clipped to the range of the dtype."""
    if dtype.kind not in "iu" or values.dtype.kind == "b":
        return values.astype(dtype, copy=False)
    limits = np.iinfo(dtype)
    if values.dtype.kind in "iu":
        own = np.iinfo(values.dtype)
        return np.clip(values, max(limits.min, own.min), min(limits.max, own.max)).astype(dtype, copy=False)
    rounded = np.rint(values)
    with np.errstate(invalid="ignore"):
        made = np.clip(rounded, limits.min, limits.max).astype(dtype)
    # 2**63 - 1 is no float64, nor 2**31 - 1 a float32: what reaches beyond it would wrap.
    if dtype.itemsize > 2:
        made[rounded >= float(limits.max)] = limits.max
    return np.asarray(made)


def _bell(width: Any, kind: str, sigma: Any) -> Pixels | None:
    if isinstance(width, bool) or not isinstance(width, int | float | np.number) or not 0 <= width < np.inf:
        raise KernelError(f"blur: sigma={sigma} must be at least 0 and finite")
    if kind not in kernels.bells.KINDS:
        raise KernelError(f"blur: kind={kind} is unknown; use {' or '.join(kernels.bells.KINDS)}")
    return _line(float(width), kind) if width else None


@lru_cache(64)
def _line(width: float, kind: str) -> Pixels:
    return kernels.gaussian(width, 1, kind=kind)


def _per_axis(function: str, argument: str, value: Any, ndim: int) -> list[Any]:
    if not isinstance(value, Sequence | np.ndarray) or isinstance(value, str):
        return [value] * ndim
    if len(value) != ndim:
        raise ShapeError(f"{function}: {argument}={value} has {len(value)} entries, and {ndim} axes are filtered; give "
                         "one number, or one per axis")
    return list(value)


def _numbers(function: str, image: Any) -> Pixels:
    pixels = native(np.asarray(image))
    if pixels.dtype.kind not in "biufc" or not pixels.ndim:
        raise DTypeError(f"{function}: image has dtype {pixels.dtype} and {pixels.ndim} axes; pass an array of numbers")
    return pixels


def _wide(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Dtype of values between two passes."""
    if dtype.kind == "c":
        return dtype
    return np.dtype(np.float32 if dtype.itemsize <= 2 or dtype == np.float32 else np.float64)


def _without_alpha(pixels: Pixels, channel_axis: int | None, alpha: bool | None) -> tuple[Pixels, int | None]:
    """See all channels but alpha; and on which axis it lies, if there is any."""
    if channel_axis is None or not (has_alpha(pixels.shape, channel_axis) if alpha is None else alpha):
        return pixels, None
    axis = channel_axis % pixels.ndim
    return pixels[(slice(None),) * axis + (slice(None, -1),)], axis


def _with_alpha(result: Pixels, pixels: Pixels, axis: int | None) -> Pixels:
    if axis is None:
        return result
    last = pixels[(slice(None),) * axis + (slice(-1, None),)]
    return np.concatenate([result, last.astype(result.dtype)], axis=axis)
