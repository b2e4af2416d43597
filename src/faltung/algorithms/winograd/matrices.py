"""The matrices of F(m, r): m outputs of r taps from n = m + r - 1 samples by n products, exact and derived.

With distinct points ``a_j`` and infinity as the last one (Winograd, "Arithmetic Complexity of Computations",
1980; Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015)::

    y = A^T [(G g) * (B^T d)]        A^T[i, j] = a_j^i
                                     G[j, k] = a_j^k / prod over l != j of (a_j - a_l)
                                     B^T[j] = coefficients of prod over l != j of (x - a_l)

Infinity has the highest coefficients alone: ``A^T[m-1] = 1``, ``G[r-1] = 1``, and B^T is the product over all points.
It is Toom and Cook's multiplication of polynomials, transposed.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import lcm, prod
from typing import NamedTuple

Matrix = tuple[tuple[Fraction, ...], ...]

POINTS: dict[int, tuple[Fraction, ...]] = {
    1: (),
    2: (Fraction(0),),
    3: (Fraction(0), Fraction(1)),
    4: (Fraction(0), Fraction(1), Fraction(-1)),
    5: (Fraction(0), Fraction(3, 4), Fraction(-3, 4), Fraction(7, 4)),
    6: (Fraction(0), Fraction(5, 8), Fraction(-5, 8), Fraction(3, 2), Fraction(-3, 2)),
    8: (Fraction(0), Fraction(1, 2), Fraction(-1, 2), Fraction(1), Fraction(-1), Fraction(2), Fraction(-2)),
    10: (Fraction(0), Fraction(1, 2), Fraction(-1, 2), Fraction(3, 4), Fraction(-3, 4), Fraction(5, 4), Fraction(-5, 4),
         Fraction(5, 2), Fraction(-5, 2)),
}
"""Points for so many samples: of those whose powers are exact in binary, the ones with the smallest `growth`."""


class Filtering(NamedTuple):
    """F(m, r) and its three matrices."""

    m: int
    r: int
    outputs: Matrix
    """A^T, m by n."""
    taps: Matrix
    """G, n by r."""
    samples: Matrix
    """B^T, n by n."""

    @property
    def n(self) -> int:
        """Samples that a tile looks at, and products."""
        return self.m + self.r - 1


@cache
def filtering(m: int, r: int) -> Filtering:
    """Derive the matrices of F(m, r)."""
    # points are whole numbers over `unit`, which are quicker to work with than fractions
    unit = lcm(*(a.denominator for a in POINTS[m + r - 1]))
    points = tuple(int(a * unit) for a in POINTS[m + r - 1])
    outputs = tuple((*(Fraction(a**i, unit**i) for a in points), Fraction(int(i == m - 1))) for i in range(m))
    taps, samples = [], []
    for j, a in enumerate(points):
        others = points[:j] + points[j + 1:]
        scale = prod(a - b for b in others)
        taps.append(tuple(Fraction(a**k * unit**len(others), scale * unit**k) for k in range(r)))
        samples.append((*_from_roots(others, unit), Fraction(0)))
    taps.append(tuple(Fraction(int(k == r - 1)) for k in range(r)))
    samples.append(_from_roots(points, unit))
    return Filtering(m, r, outputs, tuple(taps), tuple(samples))


def _from_roots(roots: tuple[int, ...], unit: int) -> tuple[Fraction, ...]:
    """Coefficients of the product of all ``x - root / unit``, the constant first."""
    found = [1]
    for root in roots:
        found = [up - root * here for up, here in zip([0, *found], [*found, 0], strict=True)]
    return tuple(Fraction(a, unit**(len(roots) - i)) for i, a in enumerate(found))


@cache
def growth(m: int, r: int) -> float:
    """By how much magnitudes may grow: max over i, k of ``sum_j |A^T[i, j]| |G[j, k]| sum_l |B^T[j, l]|``.

    It is the factor of the error's bound for one axis; the definition itself has 1.
    """
    f = filtering(m, r)
    sizes = [sum(map(abs, row)) for row in f.samples]
    return float(max(sum(abs(f.outputs[i][j] * f.taps[j][k]) * size for j, size in enumerate(sizes))
                     for i in range(m) for k in range(r)))
