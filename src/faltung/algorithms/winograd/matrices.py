"""The matrices of F(m, r): m outputs of r taps from n = m + r - 1 samples by n products, exact and derived.

With distinct points ``a_j`` and infinity as the last one (Winograd, "Arithmetic Complexity of Computations",
1980; Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015)::

    y = A^T [(G g) * (B^T d)]        A^T[i, j] = a_j^i
                                     G[j, k] = a_j^k / prod over l != j of (a_j - a_l)
                                     B^T[j] = coefficients of prod over l != j of (x - a_l)

Infinity has the highest coefficients alone: ``A^T[m-1] = 1``, ``G[r-1] = 1``, and B^T is the product over all points.
It is Toom and Cook's multiplication of polynomials, transposed.

Outputs a stride ``s`` apart are sums of ``s`` such correlations, of every s-th sample with every s-th tap each: their
matrices side by side.  In an image dilated by ``d``, every d-th output looks at the same taps, every d-th of them:
there the matrices of ``d`` correlations make a block each.
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
    step: int
    """Samples from a tile to the next."""
    outputs: Matrix
    """A^T, m by n."""
    taps: Matrix
    """G, n by r."""
    samples: Matrix
    """B^T, n by as many samples as a tile looks at: n, where the image is not dilated."""

    @property
    def n(self) -> int:
        """Products."""
        return len(self.taps)

    @property
    def span(self) -> int:
        """Samples that a tile looks at."""
        return len(self.samples[0])


@cache
def filtering(m: int, r: int, stride: int = 1, dilation: int = 1, start: int = 0) -> Filtering:
    """Derive the matrices of F(m, r), of outputs so many samples apart, or of an image dilated that far.

    Neither is more than the taps; ``m`` is a multiple of the image's dilation, where the first output stands at
    ``start``, below it.
    """
    if dilation > 1:
        return _blocks(m, r, dilation, start)
    if stride > 1:
        return _side_by_side([filtering(m, len(range(first, r, stride))) for first in range(min(stride, r))], r, stride)
    if r == 1:
        return Filtering(m, 1, m, _identity(m), ((Fraction(1),),) * m, _identity(m))
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
    return Filtering(m, r, m, outputs, tuple(taps), tuple(samples))


def _identity(n: int) -> Matrix:
    return tuple(tuple(Fraction(int(i == j)) for j in range(n)) for i in range(n))


def _side_by_side(parts: list[Filtering], r: int, stride: int) -> Filtering:
    """Of each of these, samples and taps are every so manyth; their products are summed together."""
    m, n = parts[0].m, sum(part.n for part in parts)
    outputs = tuple(tuple(a for part in parts for a in part.outputs[i]) for i in range(m))
    taps = [_spread(row, first, stride, r) for first, part in enumerate(parts) for row in part.taps]
    samples = [_spread(row, first, stride, n) for first, part in enumerate(parts) for row in part.samples]
    return Filtering(m, r, stride * m, outputs, tuple(taps), tuple(samples))


def _blocks(m: int, r: int, dilation: int, start: int) -> Filtering:
    """Every so manyth output for itself; the tile's first sample is the first behind ``start``."""
    parts = []
    for output in range(dilation):
        tap = -(start + output) % dilation
        first = (start + output + tap) // dilation - (start > 0)
        parts.append((output, tap, first, filtering(m // dilation, len(range(tap, r, dilation)))))
    n, span = sum(part.n for *_, part in parts), max(first + part.n for _, _, first, part in parts)
    outputs = [(Fraction(0),) * n] * m
    taps: list[tuple[Fraction, ...]] = []
    samples: list[tuple[Fraction, ...]] = []
    for output, tap, first, part in parts:
        for i, row in enumerate(part.outputs):
            outputs[output + i * dilation] = _spread(row, len(taps), 1, n)
        taps += [_spread(row, tap, dilation, r) for row in part.taps]
        samples += [_spread(row, first, 1, span) for row in part.samples]
    return Filtering(m, r, m // dilation, tuple(outputs), tuple(taps), tuple(samples))


def _spread(row: tuple[Fraction, ...], first: int, step: int, count: int) -> tuple[Fraction, ...]:
    """A row of zeros, but for these at every so manyth place."""
    found = [Fraction(0)] * count
    found[first:first + len(row) * step:step] = row
    return tuple(found)


def _from_roots(roots: tuple[int, ...], unit: int) -> tuple[Fraction, ...]:
    """Coefficients of the product of all ``x - root / unit``, the constant first."""
    found = [1]
    for root in roots:
        found = [up - root * here for up, here in zip([0, *found], [*found, 0], strict=True)]
    return tuple(Fraction(a, unit**(len(roots) - i)) for i, a in enumerate(found))


@cache
def growth(m: int, r: int, *others: int) -> float:
    """By how much magnitudes may grow: max over i, k of ``sum_j |A^T[i, j]| |G[j, k]| sum_l |B^T[j, l]|``.

    It is the factor of the error's bound for one axis; the definition itself has 1.
    """
    f = filtering(m, r, *others)
    sizes = [sum(map(abs, row)) for row in f.samples]
    return float(max(sum(abs(f.outputs[i][j] * f.taps[j][k]) * size for j, size in enumerate(sizes))
                     for i in range(m) for k in range(r)))
