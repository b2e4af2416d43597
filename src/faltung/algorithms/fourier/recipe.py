"""Which lengths the transforms have, what they cost, and how far they may be wrong."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import product
from math import ceil, inf, log2, prod, sqrt
from typing import NamedTuple

from ...problem.problem import Problem
from ...problem.promotion import sums_integers
from ..phases import Phase, phases, problems_with_taps
from .line import line_lengths
from .plane import LARGEST, SMALLEST, is_plane
from .tiles import overhang, tile_counts

NAME = "fourier"

EXTENTS, LEAST_LENGTH = 8, 256
"""A tile is no longer than eight kernel extents, or 256 samples if that is more."""

KERNEL_CYCLES = 60_000.0
"""Python's share of one kernel's spectrum."""

CALL_CYCLES = 140_000.0
"""Python's share of a call: the kernel, the tables, and handing over to other threads."""

SHARED_CACHE = ((1 << 22, 1.0), (1 << 23, 1.2))
"""Bytes of a tile, and how much longer one takes that is as large; above that, `BEYOND` times as long."""

BEYOND = 1.5

LINE_CACHE = ((1 << 16, 1.0), (1 << 19, 1.17), (1 << 20, 1.32), (1 << 21, 1.4), (1 << 22, 1.7))
LINE_BEYOND = 2.2
"""The same for a tile as a line."""

LINE_CALL_CYCLES, LINE_KERNEL_CYCLES = 50_000.0, 40_000.0
"""Python's share of a call on lines, and of each kernel's spectrum."""

TILE_CYCLES = 500.0
"""Of each tile of a line, however short."""

WHOLE = 0.75
"""Share of the time that integers known to fit need: they are narrower in memory than the sums."""

SPECTRA_BYTES, FROM_MEMORY = 1 << 24, 3.5
"""Kernels' spectra of more bytes come from memory for each tile, and their products take so many times as long."""

ROUNDED = 1 - 1e-9
"""A bound that is as large as the cost may come out larger by roundings."""

PRODUCT_CYCLES = 1.0
"""Of one sample, for each pair of channels: a product, added, with a kernel's spectrum from memory."""


class FourierRecipe(NamedTuple):
    """The tile's extent along each axis, and the precision in which it is transformed.

    ``samples`` is how many the transform holds if the tile is transformed as one line of samples, or 0 if each axis is
    transformed on its own.
    """

    lengths: tuple[int, ...]
    dtype: str
    samples: int = 0

    @property
    def algorithm(self) -> str:
        """Name of the algorithm that this is a recipe of."""
        return NAME


def with_taps(problem: Problem) -> list[Phase]:
    """The phases in which any tap meets the image."""
    return [phase for phase in phases(problem) if not phase.is_empty]


@lru_cache(maxsize=256)
def choose(problem: Problem) -> FourierRecipe:
    """The tile that costs least for each output of a plain problem."""
    dtype = transform_dtype(problem)
    if has_planes(problem):
        return FourierRecipe(_best_plane(problem, double=dtype == "float64"), dtype)
    lengths, samples = _best_line(problem, dtype)
    return FourierRecipe(lengths, dtype, samples)


def transform_dtype(problem: Problem) -> str:
    """The precision of the transforms, and whether they are of complex samples."""
    complex_ = problem.accumulator_dtype.startswith("complex")
    double = problem.accumulator_dtype in ("float64", "complex128") or sums_integers(problem)
    return ("complex" if complex_ else "float") + str((64 if double else 32) * (1 + complex_))


def fits(problem: Problem) -> bool:
    """Whether any tile that has a transform holds a kernel's extent, and more."""
    extents = prod(reach + 1 for reach in _reach(problem))
    longest = _line_samples(is_complex=problem.accumulator_dtype.startswith("complex"))[-1]
    return extents <= longest or has_planes(problem)


def _reach(p: Problem) -> list[int]:
    """Positions from the first tap to the last, along each axis."""
    return [(k - 1) * d for k, d in zip(p.kernel, p.kernel_dilation, strict=True)]


@cache
def _line_samples(*, is_complex: bool) -> tuple[int, ...]:
    """How many samples a tile of a line may hold, zeros included."""
    return tuple(n if is_complex else 2 * n for n in line_lengths())


class _Lines:
    """Tiles, and the lengths of the lines that they are transformed as.

    A tile is a few kernels long along each axis, as many along each, but no longer than needed.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem, self.reach = problem, _reach(problem)
        self.every = _line_samples(is_complex=problem.accumulator_dtype.startswith("complex"))
        self.extents = [r + 1 for r in self.reach]
        least = LEAST_LENGTH if problem.ndim == 1 else 1
        self.whole = [(out - 1) * s + e - overhang(problem)
                      for out, s, e in zip(problem.output, problem.stride, self.extents, strict=True)]
        self.most = [min(whole, max(EXTENTS * e, least)) for whole, e in zip(self.whole, self.extents, strict=True)]
        self.order = sorted(range(problem.ndim), key=lambda axis: self.most[axis] / self.extents[axis])
        first, last = (bisect_left(self.every, prod(extents)) for extents in (self.extents, self.most))
        self.samples = self.every[first:last + 1]

    def tile(self, samples: int) -> tuple[tuple[int, ...], int]:
        """Extents of a tile of at most so many samples, and the shortest line that holds it."""
        p = self.problem
        counts = tile_counts(p, _spread(samples, self.reach, self.most, self.order))
        # no longer than as many tiles need, if they share evenly
        shared = tuple([whole if count == 1 else (-(-out // count) - 1) * s + e for whole, out, count, s, e in zip(
            self.whole, p.output, counts, p.stride, self.extents, strict=True)])
        return shared, self.every[bisect_left(self.every, prod(shared))]

    def bounds(self, dtype: str) -> Iterator[float]:
        """At least so many cycles with lines of each length or any shorter one.

        Of tiles of ``n`` samples, those with the shape of ``e`` samples that an output sees have the most outputs:
        ``(n**(1 / d) - r**(1 / d))**d`` with ``r`` the product of what it reaches (Minkowski's inequality).
        """
        p, bound = self.problem, inf
        outputs, root, ndim = prod(p.output), prod(self.reach) ** (1 / p.ndim), p.ndim
        step, whole = prod(p.stride), prod(self.whole)
        for samples in self.samples:
            held = (samples ** (1 / ndim) - root) ** ndim + 1e-6 if step == 1 else samples
            tiles = ceil(outputs / held) if held < outputs and samples < whole else 1
            bound = min(bound, line_cycles(samples, tiles, dtype))
            yield bound


def _lines(problem: Problem) -> list[tuple[tuple[int, ...], int]]:
    """All tiles that are worth a look, with the lengths of their lines."""
    lines = _Lines(problem)
    return list(dict.fromkeys(map(lines.tile, lines.samples)))


def _best_line(problem: Problem, dtype: str) -> tuple[tuple[int, ...], int]:
    """The cheapest of `_lines`, the longest first, until none can be cheaper; of equals, the shortest wins."""
    lines = _Lines(problem)
    best, fewest = None, inf
    for samples, bound in zip(reversed(lines.samples), reversed(list(lines.bounds(dtype))), strict=True):
        if bound * ROUNDED > fewest:
            break
        extents, length = lines.tile(samples)
        needed = line_cycles(length, prod(tile_counts(problem, extents)), dtype)
        if needed <= fewest:
            best, fewest = (extents, length), needed
    if best is None:
        raise ValueError(problem)
    return best


def _spread(samples: int, reach: list[int], most: list[int], order: list[int]) -> tuple[int, ...]:
    """Extents of a tile of at most so many samples: kernels' extents times a common factor, where that is allowed.

    ``order`` names the axes, those first that are full first.
    """
    extents, rest, kernel = list(most), float(samples), prod([r + 1 for r in reach])
    for number, axis in enumerate(order):
        factor = (rest / kernel) ** (1 / (len(order) - number))
        if factor * (reach[axis] + 1) < most[axis]:
            for free in order[number:]:
                extents[free] = max(int(factor * (reach[free] + 1)), reach[free] + 1)
            break
        rest, kernel = rest / most[axis], kernel // (reach[axis] + 1)
    return tuple(extents)


def is_real_plane(problem: Problem) -> bool:
    """Whether the tiles are transformed by the generated programs for real images (see `plane`)."""
    return choose(problem).samples == 0


def has_planes(problem: Problem) -> bool:
    """Whether it is a real image, and some plane holds the kernel."""
    is_image = problem.ndim == 2 and all(problem.image) and not problem.accumulator_dtype.startswith("complex")
    return is_image and max(_reach(problem)) < LARGEST


def _best_plane(p: Problem, *, double: bool) -> tuple[int, int]:
    """Lengths of both axes."""
    down, across = (_lengths(*axis) for axis in zip(p.kernel, p.kernel_dilation, p.output, p.stride, strict=True))
    best, fewest = (0, 0), inf
    for (n, rows), (m, columns) in product(down, across):
        cycles = rows * columns * (plane_cycles(n * m, double=double) + n * m * PRODUCT_CYCLES)
        if cycles < fewest:
            best, fewest = (n, m), cycles
    return best


def _lengths(taps: int, dilation: int, outputs: int, stride: int) -> list[tuple[int, int]]:
    """Lengths of an axis that leave outputs and reach no further than eight kernels, and how many tiles each needs."""
    reach = (taps - 1) * dilation
    needed, most = (outputs - 1) * stride + 1 + reach, max(EXTENTS * (reach + 1), LEAST_LENGTH)
    every = plane_lengths()
    last = min(bisect_left(every, needed) + 1, bisect_right(every, most))
    return [(n, -(-outputs // min((n - reach - 1) // stride + 1, outputs)))
            for n in every[bisect_right(every, reach):last]]


@cache
def plane_lengths() -> tuple[int, ...]:
    """All lengths of an axis of a plane that have a generated transform."""
    return tuple(n for n in range(SMALLEST, LARGEST + 1, SMALLEST) if is_plane((n, n)))


def line_cycles(samples: int, tiles: int, dtype: str) -> float:
    """Cycles of all tiles of a line, there and back; products with a kernel included."""
    return tiles * (samples * _line_sample_cycles(samples, dtype) + TILE_CYCLES)


@lru_cache(maxsize=4096)
def _line_sample_cycles(samples: int, dtype: str) -> float:
    double, halves = dtype in ("float64", "complex128"), 1 if dtype.startswith("complex") else 2
    length = samples // halves
    size_bytes = length * (16 if double else 8)
    slower = next((factor for most, factor in LINE_CACHE if size_bytes <= most), LINE_BEYOND)
    return (0.3 * log2(length) + 3.6) * (2.05 if double else 1.0) * slower / halves


@lru_cache(maxsize=4096)
def plane_cycles(samples: int, *, double: bool) -> float:
    """Cycles of a real tile of an image, there and back: the stages, and everything else once per sample."""
    size_bytes = samples * (8 if double else 4)
    slower = next((factor for most, factor in SHARED_CACHE if size_bytes <= most), BEYOND)
    return samples * (0.22 * log2(samples) + 1.5) * (2.1 if double else 1.0) * slower


def error_bound(problem: Problem) -> float:
    """The published ``c``: |error| <= c * u * max|x| * sum|k|.

    Each of three transforms of ``n`` samples adds at most ``4 log2(n) u`` to the relative error in the
    2-norm (Higham, "Accuracy and Stability", section 24), and ``||x|| <= sqrt(n) max|x|``,
    ``||k|| <= sum|k|``; channels add one rounding each.
    """
    return error_factor(problem) + problem.channels_in


def error_factor(problem: Problem) -> float:
    """The share of the transforms in `error_bound`.

    A real tile as a line has half as many complex samples, whose first turn counts as the stage that is saved.
    """
    recipes = [choose(phase) for phase in problems_with_taps(problem)]
    samples = max(recipe.samples or prod(recipe.lengths) for recipe in recipes)
    return 12.0 * log2(samples) * sqrt(samples)


LARGEST_FACTOR = 12.0 * 25 * 2**12.5
"""Of the longest transform, of 2**25 samples."""


def least_cycles(p: Problem) -> float:
    """A lower bound on `predicted_cycles` in a few microseconds: the fewest samples that tiles of any length have.

    Along an axis, a tile of ``o`` outputs with stride ``s`` that reach ``r`` further has ``(o - 1) s + 1 + r`` samples.
    Their number for each output is least for the longest tiles, or for those of one output.
    """
    reach, samples = _reach(p), 1.0
    more = overhang(p)
    for out, s, r in zip(p.output, p.stride, reach, strict=True):
        longest = min(out, (max(EXTENTS * (r + 1), LEAST_LENGTH) + more - r - 1) // s + 1)
        samples *= out * min(s + (r + 1 - s) / longest, r + 1) - more
    dtype, tile, channels = transform_dtype(p), prod(r + 1 for r in reach), p.channels_in + p.channels_out
    if has_planes(p):
        shortest = max(tile, plane_lengths()[0] ** 2)
        each = plane_cycles(shortest, double=dtype == "float64") / shortest * (WHOLE if sums_integers(p) else 1.0)
        call = CALL_CYCLES
    else:
        least = _line_samples(is_complex=dtype.startswith("complex"))[0]
        each, call = _line_sample_cycles(max(tile, least), dtype), LINE_CALL_CYCLES
    return call + prod(p.batch) * p.groups * samples * (each * channels / 2 + p.channels_in * p.channels_out)


def predicted_cycles(problem: Problem, threads: int = 1, *, known: bool = False) -> float:
    """Predicted cycles: the transforms of every tile, the products, and Python's own share.

    The kernel's transform is counted too, unless it is ``known`` before the call.
    """
    return sum([_phase_cycles(phase, threads, known=known) for phase in problems_with_taps(problem)])


def _phase_cycles(problem: Problem, threads: int, *, known: bool) -> float:
    recipe = choose(problem)
    samples, tiles = recipe.samples or prod(recipe.lengths), prod(tile_counts(problem, recipe.lengths))
    double, kernels = recipe.dtype in ("float64", "complex128"), problem.channels_in * problem.channels_out
    items, channels = prod(problem.batch) * problem.groups * tiles, problem.channels_in + problem.channels_out
    if recipe.samples:
        one, call, own = line_cycles(samples, 1, recipe.dtype), LINE_CALL_CYCLES, LINE_KERNEL_CYCLES
    else:
        one = plane_cycles(samples, double=double)
        one *= WHOLE if sums_integers(problem) and problem.overflow == "proven" else 1.0
        call, own = CALL_CYCLES, KERNEL_CYCLES
    size = (8 if double else 4) * (2 if recipe.dtype.startswith("complex") else 1)
    product = PRODUCT_CYCLES * (FROM_MEMORY if kernels * samples * size > SPECTRA_BYTES else 1.0)
    packing = 0.0 if known else problem.groups * kernels * (one / 2 + own)
    turns = ceil(items / min(threads, items))
    return call + packing + turns * (one * channels / 2 + kernels * samples * product)
