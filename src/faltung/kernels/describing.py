"""What a kernel does, in numbers: sums, rank, symmetry, frequency response."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..arrays import adopt
from ..errors import KernelError, ShapeError
from .checking import Kernel, positive, say

_TOLERANCE = 1e-12


class Response(NamedTuple):
    """Complex gain at the frequencies (the same along each axis) from -1/2 up, in cycles per sample."""

    frequencies: npt.NDArray[np.float64]
    gain: npt.NDArray[np.complex128]


@dataclass(frozen=True)
class Description:
    """What `describe` found; ``print`` shows it as a table.

    Attributes
    ----------
    shape, dtype
        Of the kernel.
    sum, absolute_sum
        Of the taps; the gain of a constant, and the largest possible result for values within ±1.
    noise_gain
        Factor on the standard deviation of white noise: ``sqrt(sum |k|**2)``.
    rank
        Number of separable kernels whose sum it is (over more than two axes: a lower bound, the largest rank
        of its unfoldings).
    symmetry
        Per axis "even", "odd" or "none".
    point_symmetry
        The same for the reversal of all axes at once.
    dc_gain, nyquist_gains
        Absolute gain at frequency 0, and at Nyquist's along each axis (0 along the others).
    centre_of_mass
        Of the absolute taps, counted from the tap ``K // 2`` that sits on the output.
    """

    shape: tuple[int, ...]
    dtype: str
    sum: float | complex
    absolute_sum: float
    noise_gain: float
    rank: int
    symmetry: tuple[str, ...]
    point_symmetry: str
    dc_gain: float
    nyquist_gains: tuple[float, ...]
    centre_of_mass: tuple[float, ...]
    taps: Kernel = field(repr=False, compare=False)

    @property
    def separable(self) -> bool:
        """Whether it is the product of one line per axis."""
        return self.rank <= 1

    def frequency_response(self, n: int = 64) -> Response:
        """Compute the gain at `n` frequencies along each axis.

        ``gain[f] = sum over t of conj(k[t]) exp(2 pi i f (t - K // 2))``: what `correlate` makes of the wave ``exp(2 pi
        i f p)``.

        Examples
        --------
        >>> response = describe(np.array([0.25, 0.5, 0.25])).frequency_response(4)
        >>> response.frequencies, response.gain.real.round(12)
        (array([-0.5 , -0.25,  0.  ,  0.25]), array([0. , 0.5, 1. , 0.5]))
        """
        positive("frequency_response", "n", n)
        frequencies = np.arange(-(n // 2), n - n // 2) / n
        return Response(frequencies, _gain(self.taps, [frequencies] * self.taps.ndim))

    def __str__(self) -> str:
        kind = "separable" if self.separable else f"rank {self.rank}"
        lines = {
            "shape": f"{'x'.join(map(str, self.shape))} {self.dtype}, {kind}",
            "sum": f"{_short(self.sum)}, of absolute values {_short(self.absolute_sum)}",
            "symmetry": f"{', '.join(self.symmetry)} along the axes; {self.point_symmetry} about the centre",
            "gain": f"{_short(self.dc_gain)} at frequency 0; at Nyquist's "
                    + ", ".join(map(_short, self.nyquist_gains)) + " along the axes",
            "noise": f"standard deviation times {_short(self.noise_gain)}",
            "centre": "(" + ", ".join(map(_short, self.centre_of_mass)) + ") samples from the output",
        }
        return "\n".join(f"{name:<9}{text}" for name, text in lines.items())


def describe(kernel: Any) -> Description:
    """Describe a kernel: what it does to constants, waves and noise, and how it is built.

    Parameters
    ----------
    kernel : array_like
        Taps over any number of axes, finite.

    Returns
    -------
    Description
        A frozen value that prints as a table, with ``frequency_response(n)``.

    Raises
    ------
    KernelError
        If it has no taps, or not all are finite.

    Examples
    --------
    >>> print(describe([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]))
    shape    3x3 int64, separable
    sum      0, of absolute values 8
    symmetry even, odd along the axes; odd about the centre
    gain     0 at frequency 0; at Nyquist's 0, 0 along the axes
    noise    standard deviation times 3.4641
    centre   (0, 0) samples from the output
    """
    given = adopt(kernel, "describe", "kernel")[0]
    if not given.ndim or not given.size:
        raise ShapeError(f"describe: kernel {given.shape} has no taps; give an array of at least one axis and one tap")
    taps = given.astype(np.complex128 if given.dtype.kind == "c" else np.float64)
    if not np.isfinite(taps).all():
        bad = np.count_nonzero(~np.isfinite(taps))
        raise KernelError(f"describe: kernel {given.shape} has {bad} taps that are not finite; replace them first")
    weight = np.abs(taps)
    total, ndim = weight.sum(), taps.ndim
    places = [np.arange(extent) - extent // 2 for extent in taps.shape]
    lines = [weight.sum(axis=tuple(other for other in range(ndim) if other != axis)) for axis in range(ndim)]
    centre = tuple(_clean(np.dot(line, place) / total) if total else 0.0
                   for line, place in zip(lines, places, strict=True))
    nyquist = tuple(_clean(abs(_gain_at(taps, [0.5 * (axis == other) for other in range(ndim)])), total)
                    for axis in range(ndim))
    value = taps.sum()
    return Description(
        given.shape, given.dtype.name, complex(value) if taps.dtype.kind == "c" else _clean(value, total), float(total),
        float(np.linalg.norm(taps)), _rank(taps), tuple(_symmetry(taps, axis) for axis in range(ndim)),
        _symmetry(taps, None), _clean(abs(value), total), nyquist, centre, _frozen(taps))


def _frozen(taps: Kernel) -> Kernel:
    taps.flags.writeable = False
    return taps


def _gain(taps: Kernel, frequencies: Sequence[npt.NDArray[np.float64]]) -> npt.NDArray[np.complex128]:
    gain = taps.conj().astype(np.complex128)
    for frequency in frequencies:
        # The first axis is summed away, and its frequencies come last: after all axes the order is the old one.
        places = np.arange(gain.shape[0]) - gain.shape[0] // 2
        waves = np.exp(2j * np.pi * np.outer(places, frequency))
        gain = np.tensordot(gain, waves, axes=(0, 0))
    return gain


def _gain_at(taps: Kernel, point: Sequence[float]) -> complex:
    return complex(_gain(taps, [np.array([frequency]) for frequency in point]).ravel()[0])


def _rank(taps: Kernel) -> int:
    """Largest rank of the unfoldings: 1 if and only if the kernel is a product of lines."""
    if taps.ndim == 1:
        return int(taps.any())
    unfolded = (np.moveaxis(taps, axis, 0).reshape(taps.shape[axis], -1) for axis in range(taps.ndim))
    return max(int(np.linalg.matrix_rank(matrix, tol=_rank_tolerance(matrix))) for matrix in unfolded)


def _rank_tolerance(matrix: Kernel) -> float:
    return float(np.linalg.norm(matrix, 2) * max(matrix.shape) * np.finfo(np.float64).eps * 4)


def _symmetry(taps: Kernel, axis: int | None) -> str:
    other, limit = np.flip(taps, axis), _TOLERANCE * np.abs(taps).max()
    if np.abs(taps - other).max() <= limit:
        return "even"
    return "odd" if np.abs(taps + other).max() <= limit else "none"


def _clean(value: Any, scale: float = 1.0) -> float:
    """Zero what is rounding error alone."""
    return 0.0 if abs(value) <= _TOLERANCE * scale else float(value)


def _short(value: float | complex) -> str:
    return f"{value:.5g}"


def table(kernel: Kernel, digits: int = 4) -> str:
    """Write the taps as numbers in columns; slices of more than two axes one below the other.

    >>> print(table(np.array([[1, -2], [0, 10]])))
     1 -2
     0 10
    """
    planes = kernel.reshape(-1, *kernel.shape[-2:]) if kernel.ndim > 1 else kernel[None, None]
    words = [[[str(tap) if kernel.dtype.kind in "iub" else f"{tap:.{digits}g}" for tap in row] for row in plane]
             for plane in planes]
    width = max((len(word) for plane in words for row in plane for word in row), default=0)
    blocks = ["\n".join(" ".join(word.rjust(width) for word in row) for row in plane) for plane in words]
    if kernel.ndim <= 2:
        return blocks[0]
    indices = product(*map(range, kernel.shape[:-2]))
    return "\n\n".join(f"[{say(list(index))}]\n{block}" for index, block in zip(indices, blocks, strict=True))


def picture(kernel: Kernel, *, shades: str = " ░▒▓█", minus: str = "-") -> str:
    """Draw the taps, each two characters wide: the darker the larger; what is negative begins with a minus.

    The square root of the size is drawn, so that small taps beside large ones are seen.

    >>> print(picture(np.array([[0, 1], [-4, 4]]), shades=" .:*#"))
      ::
    -###
    """
    planes = kernel.reshape(-1, *kernel.shape[-2:]) if kernel.ndim > 1 else kernel[None, None]
    largest = float(np.abs(kernel).max()) or 1.0
    steps = len(shades) - 1

    def cell(tap: Any) -> str:
        level = round(steps * math.sqrt(abs(tap) / largest))
        return (minus if tap < 0 and level else shades[level]) + shades[level]

    return "\n\n".join("\n".join("".join(map(cell, row)).rstrip() for row in plane) for plane in planes)
