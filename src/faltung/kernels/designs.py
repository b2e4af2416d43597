"""Kernels that are designed: least squares over a window, and frequency bands."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

from ..errors import KernelError
from .checking import (
    Kernel,
    Line,
    Number,
    Size,
    extents,
    finite,
    grid,
    identity_of,
    is_number,
    matched_axes,
    one_of,
    outer,
    places,
    positive,
    say,
    spread,
)


def savitzky_golay(size: Size = 5, degree: int = 2, ndim: int = 1, *, order: Size = 0, spacing: Number = 1) -> Kernel:
    """Make the kernel of a polynomial fitted to each neighbourhood, and read, or differentiated, at its centre.

    Of all kernels with ``sum of k[t] t**m = (m! if m == order else 0)`` for all powers up to `degree` (over several
    axes: all products of powers whose sum is at most `degree`) it is the one with the least noise, ``sum of
    k[t]**2``; which is the least-squares fit.

    Parameters
    ----------
    size
        Extent: one for all axes, or one per axis.
    degree
        Degree of the polynomial, at least the order of the derivative.
    ndim
        Number of axes.
    order
        Order of the derivative: one for all axes, or one per axis.
    spacing
        Distance of two samples, by which a derivative is divided: one for all axes, or one per axis.

    Raises
    ------
    KernelError
        If the window has fewer samples than the polynomial has terms, or the order lies above the degree.

    References
    ----------
    Savitzky and Golay, "Smoothing and differentiation of data by simplified least squares procedures" (1964);
    the basis is that of Legendre, so that high degrees keep their digits.

    Examples
    --------
    >>> savitzky_golay(5, 2) * 35
    array([-3., 12., 17., 12., -3.])
    >>> savitzky_golay(3, 1, ndim=2, order=(0, 1)) * 6
    array([[-1.,  0.,  1.],
           [-1.,  0.,  1.],
           [-1.,  0.,  1.]])
    """
    name = "savitzky_golay"
    shape = extents(name, size, ndim)
    orders = matched_axes(name, "order", order, len(shape))
    positive(name, "degree", degree, least=0)
    for entry in orders:
        positive(name, "order", entry, order, least=0)
    if sum(orders) > degree:
        raise KernelError(f"{name}: order={say(order)} is above degree={degree}; use a degree of at least "
                          f"{sum(orders)}")
    if any(extent <= degree for extent in shape):
        raise KernelError(f"{name}: size={say(size)} is too small for degree={degree}; use a size of at least "
                          f"{degree + 1}")
    steps = spread(name, "spacing", spacing, len(shape))
    basis, wanted = _polynomials(shape, degree, orders)
    kernel = np.linalg.lstsq(basis, wanted, rcond=None)[0].reshape(shape)
    kernel[np.abs(kernel) < 1e-15 * np.abs(kernel).max()] = 0
    return np.asarray(kernel / math.prod(step**n for step, n in zip(steps, orders, strict=True)))


def _polynomials(shape: Sequence[int], degree: int, orders: Sequence[int]) -> tuple[Kernel, Line]:
    """Sample the products of Legendre's polynomials, and differentiate each at the centre."""
    legendre = np.polynomial.legendre
    lines, slopes = [], []
    for extent, n in zip(shape, orders, strict=True):
        half = max((extent - 1) / 2, 1)
        lines.append(legendre.legvander(places(extent) / half, degree).T)
        unit = np.eye(degree + 1)
        slopes.append([legendre.legval(0, legendre.legder(row, n)) / half**n for row in unit])
    basis, wanted = [], []
    for powers in product(range(degree + 1), repeat=len(shape)):
        if sum(powers) <= degree:
            basis.append(outer([line[power] for line, power in zip(lines, powers, strict=True)]).ravel())
            wanted.append(math.prod(slope[power] for slope, power in zip(slopes, powers, strict=True)))
    return np.array(basis), np.array(wanted)


def gabor(sigma: float = 2.0, wavelength: float = 4.0, angle: float = 0, phase: float = 0, *, aspect: float = 1,
          size: Size | None = None) -> Kernel:
    """Make Gabor's wave packet: a cosine of one direction under a bell.

    ``k = exp(-(u**2 + aspect**2 v**2) / (2 sigma**2)) cos(2 pi u / wavelength + phase) aspect / (2 pi sigma**2)``,
    with ``u`` along the wave's direction and ``v`` across.

    Parameters
    ----------
    sigma
        Standard deviation of the bell along the wave; ``sigma / aspect`` across.
    wavelength
        Of the cosine, in samples.
    angle
        Direction in which the wave runs, in degrees from the second axis (right) towards the top of the picture.
    phase
        In degrees: 0 answers to lines, 90 to edges; the sum of the squares of both is the local energy.
    aspect
        Below 1 the packet is longer across the wave than along it.
    size
        Extent; by default ``ceil(4 sigma)`` taps to each side.

    References
    ----------
    Daugman, "Uncertainty relation for resolution in space, spatial frequency, and orientation" (1985), equation 1.

    Examples
    --------
    >>> gabor(1, 4, size=(1, 5)).round(3)
    array([[-0.022,  0.   ,  0.159,  0.   , -0.022]])
    """
    (width,) = spread("gabor", "sigma", sigma, 1)
    (wave,) = spread("gabor", "wavelength", wavelength, 1)
    (squeeze,) = spread("gabor", "aspect", aspect, 1)
    turn, shift = (math.radians(finite("gabor", name, value)) for name, value in (("angle", angle), ("phase", phase)))
    reach = math.ceil(4 * width * max(1, 1 / squeeze))
    y, x = grid(extents("gabor", matched_axes("gabor", "size", 2 * reach + 1 if size is None else size, 2), 2))
    u, v = x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)
    bell = np.exp(-(u**2 + (squeeze * v) ** 2) / (2 * width**2))
    return np.asarray(bell * np.cos(2 * math.pi * u / wave + shift) * squeeze / (2 * math.pi * width**2))


def ricker(sigma: float = 1.0, ndim: int = 1, size: Size | None = None) -> Kernel:
    """Make Ricker's wavelet, the Mexican hat: the negative curvature of a bell, of unit energy.

    ``k[t] = C (1 - |t|**2 / (n sigma**2)) exp(-|t|**2 / (2 sigma**2))`` over ``n`` axes, with ``C**2 = 4 n / ((n + 2)
    (pi sigma**2)**(n / 2))``, so that the integral of the square is 1.  The taps sum to nearly 0 and are not
    normalised.

    Parameters
    ----------
    sigma
        Half the distance of the zeros, for one axis.
    size
        Extent; by default ``ceil(5 sigma)`` taps to each side.

    References
    ----------
    Ricker, "Wavelet contraction, wavelet expansion, and the control of seismic resolution" (1953).

    Examples
    --------
    >>> ricker(1, size=5).round(3)
    array([-0.352,  0.   ,  0.867,  0.   , -0.352])
    """
    (width,) = spread("ricker", "sigma", sigma, 1)
    shape = extents("ricker", 2 * math.ceil(5 * width) + 1 if size is None else size, ndim)
    n = len(shape)
    square = sum((t**2 for t in grid(shape)), np.zeros(shape)) / width**2
    scale = math.sqrt(4 * n / ((n + 2) * (math.pi * width**2) ** (n / 2)))
    return np.asarray(scale * (1 - square / n) * np.exp(-square / 2))


# ---------------------------------------------------------------- frequency bands

_KAISER_BETA = 8.6
WINDOWS: dict[str, Callable[[int], npt.NDArray[np.float64]]] = {
    "rectangular": np.ones, "bartlett": np.bartlett, "hann": np.hanning, "hamming": np.hamming,
    "blackman": np.blackman, "kaiser": lambda taps: np.kaiser(taps, _KAISER_BETA),
}
_EDGES = {"low": 1, "high": 1, "band": 2, "stop": 2}


def fir(taps: int = 31, cutoff: Number = 0.5, ndim: int = 1, *, kind: str = "low", window: str = "hamming",
        rate: float = 2.0) -> Kernel:
    """Design a filter of finite impulse response by the windowed sine cardinal.

    The low pass of cutoff ``c`` (as a fraction of Nyquist's frequency) is ``h[t] = c sinc(c t) w[t] / (sum of all)``,
    ``sinc(x) = sin(pi x) / (pi x)``, ``t`` from the centre; a band is the difference of two such sines, a high pass
    that of all and a low one.  The gain is 1 at frequency 0 (low, stop), at Nyquist's (high), or at
    the middle of the band.

    Parameters
    ----------
    taps
        Length; odd for a high pass and a stop band, which an even one cannot hold at Nyquist's frequency.
    cutoff
        Where the gain is a half: one frequency for "low" and "high", two that rise for "band" and "stop".
    ndim
        Over several axes a low pass is the product of lines, and the others differences of such products (of
        gain 1 at zero, or in the limit of high frequencies, as the kind says).
    kind
        "low", "high", "band" or "stop".
    window
        "hamming" (53 dB), "hann" (44), "blackman" (74), "kaiser" (beta 8.6: 87), "bartlett" (27) or
        "rectangular" (21); the attenuation is paid with a wider transition.
    rate
        Samples per unit of the cutoff; with 2 a cutoff of 1 is Nyquist's frequency.

    References
    ----------
    Oppenheim and Schafer, "Discrete-Time Signal Processing", 3rd edition (2010), sections 7.5 and 7.6.

    Examples
    --------
    >>> fir(5, 0.5).round(4)
    array([0.    , 0.2037, 0.5926, 0.2037, 0.    ])
    """
    positive("fir", "taps", taps)
    positive("fir", "ndim", ndim)
    one_of("fir", "kind", kind, tuple(_EDGES))
    one_of("fir", "window", window, tuple(WINDOWS))
    if kind in ("high", "stop") and taps % 2 == 0:
        raise KernelError(f"fir: taps={taps} must be odd for kind={kind}, whose gain at Nyquist's frequency is not 0; "
                          f"use {taps + 1}")
    edges = _cutoffs(cutoff, kind, rate)
    shape = WINDOWS[window](taps)
    if ndim > 1:
        return _fir_of_axes(edges, kind, shape, ndim)
    edges = [*([0.0] if kind in ("low", "stop") else []), *edges, *([1.0] if kind in ("high", "stop") else [])]
    t = places(taps)
    line = np.zeros(taps)
    for left, right in zip(edges[::2], edges[1::2], strict=True):
        line += right * np.sinc(right * t) - left * np.sinc(left * t)
    line *= shape
    at = 0.0 if edges[0] == 0 else 1.0 if edges[1] == 1 else (edges[0] + edges[1]) / 2
    return np.asarray(line / np.sum(line * np.cos(math.pi * at * t)))


def _fir_of_axes(edges: list[float], kind: str, shape: Line, ndim: int) -> Kernel:
    """Combine products of low passes: high is all minus low, band the difference of two, stop all minus band."""
    lows = []
    for edge in edges:
        line = np.sinc(edge * places(len(shape))) * shape
        lows.append(outer([line / line.sum()] * ndim))
    passed = lows[-1] if len(lows) == 1 else lows[1] - lows[0]
    return passed if kind in ("low", "band") else identity_of(passed.shape) - passed


def _cutoffs(cutoff: Number, kind: str, rate: float) -> list[float]:
    """Read the cutoffs as fractions of Nyquist's frequency."""
    (samples,) = spread("fir", "rate", rate, 1)
    edges = list(cutoff) if isinstance(cutoff, Sequence | np.ndarray) else [cutoff]
    rule = (f"one frequency between 0 and {samples / 2:g}" if _EDGES[kind] == 1
            else f"two frequencies that rise, between 0 and {samples / 2:g}")
    right = len(edges) == _EDGES[kind] and all(is_number(edge) and 0 < edge < samples / 2 for edge in edges)
    if not right or edges != sorted(set(edges)):
        raise KernelError(f"fir: cutoff={say(cutoff)} must be {rule}, for kind={kind} and rate={samples:g}")
    return [float(edge) / (samples / 2) for edge in edges]
