"""The matched filter: the kernel that finds a known pattern in noise best."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from ..arrays import adopt
from ..errors import KernelError, ShapeError
from .checking import Kernel, one_of

KINDS = ("autocorrelation", "covariance", "power")


@dataclass(frozen=True)
class Matched:
    """What `matched` made.

    Attributes
    ----------
    kernel
        The taps, for `correlate`; the pattern itself gives exactly 1 where it stands.
    snr
        Power of the signal over that of the noise at that place.
    snr_gain
        The same over what the pattern's largest sample has alone: ``max |s|**2 / variance``.
    plain_snr_gain
        The gain with the pattern itself as kernel, not whitened; never larger.
    """

    kernel: Kernel
    snr: float
    snr_gain: float
    plain_snr_gain: float

    @property
    def snr_gain_db(self) -> float:
        """The gain in decibels."""
        return 10 * math.log10(self.snr_gain)

    def __str__(self) -> str:
        shape = "x".join(map(str, self.kernel.shape))
        return (f"{shape} matched filter; signal to noise {self.snr:.4g}, {self.snr_gain_db:.2f} dB above the largest "
                f"sample ({10 * math.log10(self.plain_snr_gain):.2f} dB without whitening)")


def matched(pattern: Any, noise: Any = None, *, kind: str = "autocorrelation") -> Matched:
    """Make the kernel whose answer to a known pattern stands out most from noise.

    ``k = R**-1 s / (s* R**-1 s)``: of all linear filters it has the largest ratio of ``|k* s|**2`` to
    ``k* R k``, which is ``s* R**-1 s``.  White noise leaves the pattern itself.

    Parameters
    ----------
    pattern : array_like
        The pattern ``s``, over any number of axes, at most about 4000 samples if the noise is not white.
    noise : array_like or number, optional
        White noise of variance 1 by default; a number is another variance.  Else what `kind` says.
    kind
        - "autocorrelation": at lags with 0 in the middle, odd along each axis, as `autocorrelate` gives it;
          0 beyond.
        - "covariance": the matrix ``R`` of all pairs of samples of the pattern, in C order.
        - "power": power spectrum on the frequencies of ``numpy.fft.fftfreq``, at least as many per axis as the
          pattern has samples.

    Returns
    -------
    Matched
        With ``kernel``, ``snr``, ``snr_gain`` and ``plain_snr_gain``.

    Raises
    ------
    ShapeError
        Noise whose shape does not fit.
    KernelError
        A pattern or noise that is zero, not finite, or no covariance (not positive).

    References
    ----------
    Turin, "An introduction to matched filters" (1960), equations 11 and 22; North's theorem.

    Examples
    --------
    >>> matched([1.0, -1.0, 1.0]).kernel
    array([ 0.33333333, -0.33333333,  0.33333333])
    >>> print(matched([1.0, -1.0, 1.0], [0.5, 1.0, 0.5]))
    3 matched filter; signal to noise 10, 10.00 dB above the largest sample (9.54 dB without whitening)
    """
    one_of("matched", "kind", kind, KINDS)
    signal = _finite("pattern", pattern)
    if not signal.ndim or not signal.any():
        raise KernelError(f"matched: pattern {signal.shape} is zero everywhere, or has no axis; there is nothing "
                          "to find")
    flat = signal.ravel()
    if noise is None or np.ndim(noise) == 0:
        variance = 1.0 if noise is None else _variance(noise)
        weights = flat / variance
        own = float(np.vdot(flat, weights).real)
        gain = own / (float(np.abs(flat).max()) ** 2 / variance)
        return Matched((weights / own).reshape(signal.shape), own, gain, gain)
    covariance = _covariance(signal.shape, _finite("noise", noise), kind)
    weights = _whiten(covariance, flat)
    own = float(np.vdot(flat, weights).real)
    alone = float(np.max(np.abs(flat) ** 2 / np.diag(covariance).real))
    plain = float(np.vdot(flat, flat).real) ** 2 / float(np.vdot(flat, covariance @ flat).real)
    return Matched((weights / own).reshape(signal.shape), own, own / alone, plain / alone)


def _whiten(covariance: Kernel, flat: Kernel) -> Kernel:
    """Solve ``R w = s`` through Cholesky's factor, which exists just where R is a covariance."""
    try:
        factor = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        least = float(np.linalg.eigvalsh(covariance)[0])
        raise KernelError(f"matched: noise is no covariance: its smallest eigenvalue is {least:.3g} and must be "
                          "positive; add a little white noise to it") from None
    return np.asarray(np.linalg.solve(factor.conj().T, np.linalg.solve(factor, flat)))


def _covariance(shape: tuple[int, ...], noise: Kernel, kind: str) -> Kernel:
    size = math.prod(shape)
    if kind == "covariance":
        if noise.shape != (size, size):
            raise ShapeError(f"matched: noise {noise.shape} must be the covariance of all samples of pattern {shape}, "
                             f"({size}, {size})")
        if not np.allclose(noise, noise.conj().T, rtol=1e-9, atol=0):
            raise KernelError(f"matched: noise {noise.shape} must equal its conjugate transpose; a covariance does")
        return noise
    if noise.ndim != len(shape):
        raise ShapeError(f"matched: noise {noise.shape} must have as many axes as pattern {shape}; as kind={kind} "
                         "it has one value for each lag or frequency")
    return _stationary(shape, _from_power(shape, noise) if kind == "power" else _at_lags(shape, noise))


def _at_lags(shape: tuple[int, ...], noise: Kernel) -> Kernel:
    """Give the autocorrelation at the lags -(N - 1) to N - 1 along each axis, 0 where it is not known."""
    if not all(extent % 2 for extent in noise.shape):
        raise ShapeError(f"matched: noise {noise.shape} must be odd along each axis, with lag 0 in the middle; use "
                         "autocorrelate")
    # A known lag beyond the pattern is never asked for.
    pads = [max(2 * extent - 1 - lags, 0) // 2 for extent, lags in zip(shape, noise.shape, strict=True)]
    wide = np.pad(noise, [(pad, pad) for pad in pads])
    middle = (slice((lags - 2 * extent + 1) // 2, (lags + 2 * extent - 1) // 2)
              for extent, lags in zip(shape, wide.shape, strict=True))
    return wide[tuple(middle)]


def _from_power(shape: tuple[int, ...], power: Kernel) -> Kernel:
    if any(bins < extent for bins, extent in zip(power.shape, shape, strict=True)) or power.dtype.kind == "c":
        raise ShapeError(f"matched: noise {power.shape} must be real with at least as many frequencies as pattern "
                         f"{shape} has samples")
    correlation = np.fft.ifftn(power)
    lags = [np.arange(1 - extent, extent) % bins for extent, bins in zip(shape, power.shape, strict=True)]
    made = correlation[np.ix_(*lags)]
    even = np.allclose(made.imag, 0, atol=1e-12 * float(np.abs(made).max()))
    return np.asarray(made.real if even else made)


def _stationary(shape: tuple[int, ...], correlation: Kernel) -> Kernel:
    """Lay the lags out as the matrix of all pairs: ``R[p, q] = r[p - q]``."""
    places = np.array(list(product(*map(range, shape))))
    lags = places[:, None, :] - places[None, :, :] + np.array(shape) - 1
    return np.asarray(correlation[tuple(np.moveaxis(lags, -1, 0))])


def _finite(argument: str, value: Any) -> Kernel:
    array = adopt(value, "matched", argument)[0]
    array = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
    if not array.size or not np.isfinite(array).all():
        raise KernelError(f"matched: {argument} {array.shape} is empty or has values that are not finite; give finite "
                          "numbers")
    return array


def _variance(noise: Any) -> float:
    if not 0 < float(noise) < math.inf:
        raise KernelError(f"matched: noise={noise} must be positive and finite; it is the variance of white noise")
    return float(noise)
