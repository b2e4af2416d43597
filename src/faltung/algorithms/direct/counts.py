"""Numbers that follow from a problem and the shape of a tile."""

from __future__ import annotations

from functools import lru_cache
from math import prod

from ...compiler.elements import ELEMENTS
from ...problem.problem import Problem

LONG, BLOCK = 4096, 96
"""Sums of that many terms (in each lane) are taken in blocks, each of at least so many."""

MOST_TOGETHER = 4
"""Images that a band of a kernel meets, if there are as many."""


def round_up(number: int, multiple: int) -> int:
    """The next multiple."""
    return -(-number // multiple) * multiple


def shifts_registers(p: Problem, columns: int, vector_bytes: int) -> bool:
    """Whether lanes of taps shift two vectors of pixels: those of whole cache lines are read twice if askew."""
    lanes = vector_bytes // ELEMENTS[p.accumulator_dtype].size
    return vector_bytes == 64 and p.kernel_dilation[-1] == 1 and (columns - 1) * p.stride[-1] <= lanes


def begun_rows(p: Problem) -> int:
    """Rows of outputs whose sums are begun and not finished, where tiles run down the rows."""
    return (p.kernel[-2] - 1) * p.kernel_dilation[-2] // p.stride[-2] + 1


def chains_of(p: Problem, vectors: int) -> int:
    """Sums of every output there, added at the end: few long chains of additions would have to be waited for."""
    return 2 if p.terms > 16 and 2 * begun_rows(p) * vectors < 16 else 1


def columns_in_turn(p: Problem, lanes: int) -> list[int]:
    """Columns of taps in the order in which they are summed there: those that share shifted vectors side by side."""
    step, dilation = p.stride[-1], p.kernel_dilation[-1]
    return sorted(range(p.kernel[-1]), key=lambda column: column * dilation // step % lanes)


def loads_askew(p: Problem) -> bool:
    """Whether they load some pixels askew: with one row of taps there would be as many shuffles as multiply-adds."""
    return begun_rows(p) == 1 and p.stride[-1] == 1 and p.image_dtype == p.accumulator_dtype


def vectors_seen(p: Problem, vectors: int, lanes: int) -> int:
    """Neighbouring vectors of a row of the image, that a tile of so many vectors loads there."""
    reach = (p.kernel[-1] - 1) * p.kernel_dilation[-1] // p.stride[-1]
    return (vectors - (-reach // lanes)) * p.stride[-1]


def by_weights(p: Problem, tile: tuple[int, int, int], chunk: int, planes: int, registers: int) -> bool:
    """Whether a tile of pixels meets its weights one after the other, with rows of the image in registers.

    Otherwise it meets the rows one after the other, with the weights of a chunk in registers if there are enough.
    """
    m, r, v = tile
    left = registers - m * r * v * planes
    rows = held_rows(r, chunk, p.stride[-2], p.kernel_dilation[-2])
    return r > 1 and (m * chunk + v) * planes > left >= (rows * v + 1) * planes


@lru_cache(maxsize=1024)
def held_rows(rows: int, chunk: int, step: int, apart: int) -> int:
    """How many rows of the image are held at once if each is loaded once and taps follow each other."""
    seen = [{row * step + tap * apart for row in range(rows)} for tap in range(chunk)]
    return max(len(seen[tap] | set().union(*seen[:tap]) & set().union(*seen[tap:])) for tap in range(chunk))


def sees_many_zeros(p: Problem) -> bool:
    """Whether about a twentieth of the rows of taps that outputs look at are zeros outside the image."""
    if p.border[-2] != (0, 0) or ELEMENTS[p.accumulator_dtype].kind != "f":
        return False
    step, apart = p.stride[-2], p.kernel_dilation[-2]
    behind = p.start[-2] + (p.output[-2] - 1) * step + (p.kernel[-2] - 1) * apart + 1 - p.image[-2]
    above, below = max(0, -p.start[-2]), max(0, behind)
    # each row of outputs sees a step's rows less than the one before it
    return 10 * (above**2 + below**2) >= step * apart * p.kernel[-2] * p.output[-2]


def band_of(p: Problem, lanes: int) -> int:
    """Kernel rows that make a block of a long sum by lanes of taps, and a band: the same for any batch."""
    return even_share(p.kernel[-2], -(-BLOCK // -(-p.kernel[-1] // lanes)))


def chunks(rows: int, chunk: int) -> tuple[tuple[int, int], ...]:
    """Rows as (how many chunks, rows of each)."""
    whole, rest = divmod(rows, chunk)
    return tuple(part for part in ((whole, chunk), (1, rest)) if part[0] and part[1])


def together(p: Problem) -> int:
    """How many images of the last batch axis share what they read of a kernel, where it comes in bands."""
    return even_share(p.batch[-1], MOST_TOGETHER) if p.batch else 1


def even_share(extent: int, most: int) -> int:
    """The same number for each of as few shares as may be."""
    return -(-extent // -(-extent // most))


def pixel_pitch(extent: int, width: int, reach: int, shift: int, phases: int) -> int:
    """Elements of one phase of a packed row, up to the last that a vector of pixels reads."""
    return max(-(-(extent + shift) // phases), width + (reach + shift) // phases)


def off_the_page(elements: int, size: int, vector_bytes: int) -> int:
    """Elements of a packed plane, kept off multiples of the page so that channels do not collide."""
    return elements + (vector_bytes // size if elements * size % 2048 == 0 else 0)


def held_bytes(p: Problem) -> int:
    """Bytes of images and outputs."""
    return sum(prod(shape) * ELEMENTS[dtype].itemsize for shape, dtype in
               ((p.image_shape, p.image_dtype), (p.output_shape, p.output_dtype)))
