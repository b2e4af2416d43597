"""The loops around a register tile that both kinds of lanes share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...compiler.emit import Function, Value

Body = Callable[[Value, Value, list[Value]], tuple[Value, list[Value]]]
"""From the packed image's address, the packed kernel's and the sums: the kernel's address behind, the sums."""


def multiply_add(f: Function, x: Sequence[Value], k: Sequence[Value], sums: Sequence[Value]) -> list[Value]:
    """Add a product to a sum; complex ones are a real and an imaginary part."""
    if len(sums) == 1:
        return [f.fma(x[0], k[0], sums[0])]
    return [f.fma(f.neg(x[1]), k[1], f.fma(x[0], k[0], sums[0])), f.fma(x[1], k[0], f.fma(x[0], k[1], sums[1]))]


def reduce_over(f: Function, axes: Sequence[tuple[int, int]], image: Value, kernel: Value, sums: list[Value],
                body: Body) -> tuple[Value, list[Value]]:
    """Nest a loop for each (count, bytes to step in the image); the packed kernel is walked in one line."""
    if not axes:
        return body(image, kernel, sums)
    (count, step), rest = axes[0], axes[1:]
    if count == 1:
        return reduce_over(f, rest, image, kernel, sums, body)
    with f.loop(0, count, carry=[image, kernel, *sums]) as loop:
        here, taps, *inner = loop.carried
        taps, inner = reduce_over(f, rest, here, taps, inner, body)
        loop.carry([f.at(here, step), taps, *inner])
    assert loop.results is not None
    _, kernel, *sums = loop.results
    return kernel, sums
