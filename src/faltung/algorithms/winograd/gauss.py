"""The factors of complex numbers, and products of them put together, after Gauss: three real products instead of four.

With ``x = a + i b``, ``k = c + i d``::

    p = a (d - c)    q = b (c + d)    r = (a + b) c        x k = (r - q) + i (r + p)

Sums over channels and the transform back are linear, so products are put together after the sums.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...compiler.emit import Function, Value


def of_samples(f: Function, parts: Sequence[Value]) -> list[Value]:
    """The factors of a sample; a real one is its own."""
    return [*parts, f.value(f.add(*parts))] if len(parts) == 2 else list(parts)


def of_taps(f: Function, parts: Sequence[Value]) -> list[Value]:
    """Those of a tap, which they are multiplied by."""
    if len(parts) == 1:
        return list(parts)
    real, imaginary = parts
    return [f.value(f.sub(imaginary, real)), f.value(f.add(real, imaginary)), real]


def of_sums(f: Function, products: Sequence[Value]) -> list[Value]:
    """The components of a sum of products."""
    if len(products) == 1:
        return list(products)
    p, q, r = products
    return [f.value(f.sub(r, q)), f.value(f.add(r, p))]
