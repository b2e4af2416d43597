"""One line of a bell and its derivatives: sampled, integrated, or discrete by Bessel functions."""

from __future__ import annotations

import math

import numpy as np

from ..errors import KernelError
from .checking import Line, one_of, places

KINDS = ("sampled", "integrated", "bessel")


def line(kind: str, sigma: float, extent: int, order: int) -> Line:
    """Make one line of `extent` taps, for `correlate`.

    >>> line("sampled", 1.0, 3, 2).round(3)
    array([ 0.   , -0.452,  0.   ])
    """
    one_of("gaussian", "kind", kind, KINDS)
    if kind == "bessel":
        return _discrete(sigma, extent, order)
    return (_sampled if kind == "sampled" else _integrated)(sigma, extent, order)


def _sampled(sigma: float, extent: int, order: int) -> Line:
    t = places(extent) / sigma
    bell = np.exp(-0.5 * np.square(t))
    made: Line = _hermite(order, t) * (bell / bell.sum()) / sigma**order
    return made


def _integrated(sigma: float, extent: int, order: int) -> Line:
    """Differences of the antiderivative at the edges of the cells: of erf, or of the derivative below."""
    edges = np.append(places(extent) - 0.5, extent / 2) / sigma
    total = math.erf(extent / (2 * sigma * math.sqrt(2)))
    if order == 0:
        below = np.array([math.erf(edge / math.sqrt(2)) for edge in edges], np.float64)
        return np.asarray(np.diff(below) / (2 * total), np.float64)
    bell = np.exp(-0.5 * np.square(edges)) / (math.sqrt(2 * math.pi) * sigma * total)
    # The line is for `correlate`, so d/dt turns its sign: He_n g / sigma^n is (-1)^n times the derivative.
    made: Line = -np.diff(_hermite(order - 1, edges) * bell) / sigma ** (order - 1)
    return made


def _hermite(order: int, t: Line) -> Line:
    return np.asarray(np.polynomial.hermite_e.hermeval(t, [0] * order + [1]), np.float64)


def _discrete(sigma: float, extent: int, order: int) -> Line:
    """The discrete bell, and as many differences of it as are asked for."""
    reach = (order + 1) // 2
    inner = extent // 2 - reach
    if extent % 2 == 0 or inner < 0:
        least = 2 * reach + 1
        raise KernelError(f"gaussian: size={extent} must be odd and at least {least} for kind=bessel and "
                          f"order={order}, whose differences reach {reach} taps to each side")
    half = scaled_bessel(inner, sigma**2)
    made = np.concatenate([half[:0:-1], half])
    made /= made.sum()
    for _ in range(order // 2):
        made = np.polynomial.polynomial.polymul(made, [1.0, -2.0, 1.0])
    if order % 2:
        made = np.polynomial.polynomial.polymul(made, [-0.5, 0.0, 0.5])
    return np.asarray(made)


def scaled_bessel(most: int, x: float) -> Line:
    """Compute ``exp(-x) I_n(x)`` for n = 0 to `most`, x > 0, to about 1e-15 of the largest.

    The recurrence ``I[n-1] = (2 n / x) I[n] + I[n+1]`` is run downwards from an order so high that its arbitrary
    start has died away, and the sum ``I[0] + 2 I[1] + 2 I[2] + ... = exp(x)`` gives the scale.

    References
    ----------
    Olver and others, "NIST Handbook of Mathematical Functions" (2010), 10.29.1 and 10.35.5; J. C. P. Miller's
    algorithm, section 3.6(vi).

    Examples
    --------
    >>> scaled_bessel(2, 1.0).round(6)
    array([0.46576 , 0.20791 , 0.049939])
    """
    values = np.zeros(most + 1)
    if x < 1e-30:
        values[0] = 1.0
        return values
    above, here, total = 0.0, 1e-300, 0.0
    # I_n falls off as exp(-n^2 / 2x): ten widths lie far below the last order asked for.
    for n in range(max(most, math.ceil(10 * math.sqrt(x))) + 30, -1, -1):
        if n <= most:
            values[n] = here
        total += here if n == 0 else 2 * here
        above, here = here, 2 * n / x * here + above
        if here > 1e250:
            values[n:] /= here
            above, here, total = above / here, 1.0, total / here
    return values / total
