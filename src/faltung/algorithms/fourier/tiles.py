"""Tiles for algorithms that transform whole pieces of the image: where they lie, and what they hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import product
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ...lazy import cached_property
from ...problem.problem import Problem, Side


class Tile(NamedTuple):
    """The first position that a tile looks at along each axis, the outputs it writes, and which of its own they are."""

    positions: tuple[int, ...]
    outputs: tuple[slice, ...]
    own: tuple[slice, ...]


class Tiling:
    """Tiles of at most ``lengths`` positions that cover every output of a plain problem."""

    def __init__(self, problem: Problem, lengths: tuple[int, ...]) -> None:
        self.problem = problem
        p = problem
        self.reach = tuple((k - 1) * d for k, d in zip(p.kernel, p.kernel_dilation, strict=True))
        counts = tile_counts(p, lengths)
        wished = [(n - r - 1) // s + 1 for n, r, s in zip(lengths, self.reach, p.stride, strict=True)]
        self.outputs = tuple(out if count == 1 else w for w, out, count in zip(wished, p.output, counts, strict=True))
        self.extents = tuple((o - 1) * s + r + 1 for o, s, r in zip(self.outputs, p.stride, self.reach, strict=True))
        # the rest is zeros
        self.fetched = (self.extents[0] - overhang(p),) if p.ndim == 1 and counts == (1,) else self.extents
        # of the transform's outputs, those that the stride keeps
        self.kept = tuple(slice(0, (o - 1) * s + 1, s) for o, s in zip(self.outputs, p.stride, strict=True))

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of one tile's outputs of one group: (channels_out, *outputs)."""
        return (self.problem.channels_out, *self.outputs)

    @property
    def counts(self) -> tuple[int, ...]:
        """How many tiles there are along each axis."""
        return tuple(-(-out // o) for out, o in zip(self.problem.output, self.outputs, strict=True))

    @property
    def count(self) -> int:
        """How many tiles there are."""
        return prod(self.counts)

    def __iter__(self) -> Iterator[Tile]:
        p = self.problem
        # the last tile is shifted back, so that all are of one size; what another one writes, it leaves alone
        wholes = product(*(range(0, out, o) for out, o in zip(p.output, self.outputs, strict=True)))
        for whole in wholes:
            firsts = [min(w, out - o) for w, out, o in zip(whole, p.output, self.outputs, strict=True)]
            positions = tuple(s0 + first * s for s0, first, s in zip(p.start, firsts, p.stride, strict=True))
            ends = [first + o for first, o in zip(firsts, self.outputs, strict=True)]
            yield Tile(positions, tuple(map(slice, whole, ends)),
                       tuple(slice(w - first, o) for w, first, o in zip(whole, firsts, self.outputs, strict=True)))

    def tile_problem(self, dtype: str) -> Problem:
        """The problem of one tile of one group, border and epilogue done elsewhere."""
        p = self.problem
        zeros = (0,) * p.ndim
        return replace(p, batch=(), groups=1, image=self.extents, output=self.outputs, start=zeros,
                       border=((0, 0),) * p.ndim, image_dtype=dtype, kernel_dtype=dtype, accumulator_dtype=dtype,
                       output_dtype=dtype, overflow="proven", small_kernel=False, bias=False, activation=None)

    def gather(self, image: np.ndarray, tile: Tile, dtype: str) -> np.ndarray:
        """What a tile looks at, border included, from an image of shape (channels_in, *image)."""
        p = self.problem
        inside = all(at >= 0 and at + e <= n for at, e, n in zip(tile.positions, self.extents, p.image, strict=True))
        if inside:
            where = tuple(slice(at, at + e) for at, e in zip(tile.positions, self.extents, strict=True))
            return image[(slice(None), *where)].astype(dtype, copy=False)
        indices = [mapped(np.arange(at, at + e), n, sides)
                   for at, e, n, sides in zip(tile.positions, self.extents, p.image, p.border, strict=True)]
        seen = image[(slice(None), *np.ix_(*(np.maximum(index, 0) for index in indices)))].astype(dtype)
        for axis, index in enumerate(indices):
            self._fill(seen, axis, index)
        return seen

    def _fill(self, seen: np.ndarray, axis: int, index: np.ndarray) -> None:
        """Put the constant of each side where the border has one; later axes win, as in `numpy.pad`."""
        for side in (0, 1):
            which = np.flatnonzero(index == -1 - side)
            if which.size:
                seen[(slice(None),) * (axis + 1) + (which,)] = self.problem.border[axis][side]

    @cached_property
    def indices(self) -> list[np.ndarray]:
        """For each axis, the index that every position stands for; -1 and -2 are constants before and behind."""
        p, found = self.problem, []
        axes = zip(p.image, p.output, p.stride, p.start, self.reach, p.border, strict=True)
        for n, out, s, first, reach, sides in axes:
            found.append(mapped(np.arange(first, first + (out - 1) * s + reach + 1), n, sides))
        return found

    def edges(self, axis: int) -> tuple[np.ndarray, np.ndarray]:
        """The indices that the positions before and behind the image stand for, as in `indices`."""
        p = self.problem
        n, start = p.image[axis], p.start[axis]
        end = start + (p.output[axis] - 1) * p.stride[axis] + self.reach[axis] + 1
        before, behind = (mapped(np.arange(*span), n, p.border[axis])
                          for span in ((start, min(end, 0)), (n, max(end, n))))
        return before, behind


def tile_counts(problem: Problem, lengths: tuple[int, ...]) -> tuple[int, ...]:
    """The ``counts`` of a `Tiling`, without making one."""
    p, more = problem, overhang(problem)
    return tuple([
        1 if n + more > (out - 1) * s + (k - 1) * d else -(-out // min((n - (k - 1) * d - 1) // s + 1, out))
        for n, k, d, s, out in zip(lengths, p.kernel, p.kernel_dilation, p.stride, p.output, strict=True)])


@lru_cache(maxsize=256)
def overhang(problem: Problem) -> int:
    """How much shorter than all that a signal's outputs see a transform of the whole may be.

    So many samples before and behind the signal are zeros, and may coincide where the transform wraps; a kernel still
    fits.
    """
    p = problem
    if p.ndim != 1 or any(isinstance(side, str) or side != 0 for side in p.border[0]):
        return 0
    reach, seen = (p.kernel[0] - 1) * p.kernel_dilation[0], (p.output[0] - 1) * p.stride[0]
    behind = p.start[0] + seen + reach + 1 - p.image[0]
    return max(min(-p.start[0], behind, reach, seen), 0)


def mapped(positions: np.ndarray, extent: int, sides: tuple[Side, Side]) -> np.ndarray:
    """The index that every position stands for (see `map_index`); -1 and -2 are constants before and behind.

    >>> mapped(np.arange(-3, 7), 4, ("reflect", 0))
    array([ 3,  2,  1,  0,  1,  2,  3, -2, -2, -2])
    """
    before, behind = (_outside(positions, extent, side, -1 - number) for number, side in enumerate(sides))
    return np.where(positions < 0, before, np.where(positions < extent, positions, behind))


def _outside(positions: np.ndarray, extent: int, side: Side, constant: int) -> Any:
    if not isinstance(side, str):
        return constant
    if side == "edge" or extent == 1:
        return np.clip(positions, 0, extent - 1)
    period = {"wrap": extent, "reflect": 2 * extent - 2, "symmetric": 2 * extent}[side]
    place = positions % period
    # wrapped positions never reach the mirrored half
    return np.where(place < extent, place, (period if side == "reflect" else period - 1) - place)
