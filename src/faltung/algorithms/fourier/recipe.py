"""Which lengths the transforms have, what they cost, and how far they may be wrong."""

from __future__ import annotations

from functools import lru_cache, partial
from itertools import product
from math import ceil, log2, prod, sqrt
from typing import NamedTuple

from ...problem.border import fills
from ...problem.problem import Problem
from ...problem.promotion import is_integer, promote
from ..phases import Phase, phases
from .tiles import Tiling
from .transform import is_generated

NAME = "fourier"

EXTENTS, LEAST_LENGTH = 8, 256
"""A tile is no longer than eight kernel extents, or 256 samples if that is more."""

CACHED_BYTES = 1 << 19
"""Larger tiles leave the second-level cache, and their transforms take longer."""

TILE_CYCLES = 150_000.0
"""Python's share of one tile."""

FLOPS_PER_CYCLE = 1.0
"""What NumPy's transforms reach, 2.5 n log2(n) operations each, loads and stores included."""


class FourierRecipe(NamedTuple):
    """The transform's length along each axis, and the precision in which it is taken."""

    lengths: tuple[int, ...]
    dtype: str

    @property
    def algorithm(self) -> str:
        """Name of the algorithm that this is a recipe of."""
        return NAME


def with_taps(problem: Problem) -> list[Phase]:
    """The phases in which any tap meets the image."""
    return [phase for phase in phases(problem) if not phase.is_empty]


def sums_integers(problem: Problem) -> bool:
    """Whether the sums are integers, and so have to be exact."""
    return is_integer(promote(problem.image_dtype, problem.kernel_dtype, fills(problem.border)))


@lru_cache(maxsize=256)
def choose(problem: Problem) -> FourierRecipe:
    """The lengths that cost least for each output of a plain problem."""
    complex_ = problem.accumulator_dtype.startswith("complex")
    double = problem.accumulator_dtype in ("float64", "complex128") or sums_integers(problem)
    dtype = ("complex" if complex_ else "float") + str((64 if double else 32) * (1 + complex_))
    axes = list(zip(problem.kernel, problem.kernel_dilation, problem.output, problem.stride, strict=True))
    generated = [_lengths(*axis, powers=True) for axis in axes] if problem.ndim <= 2 else []
    pairs = [lengths for lengths in product(*generated) if is_generated(lengths)] if generated else []
    if pairs:
        return FourierRecipe(min(pairs, key=lambda lengths: _cost(problem, lengths, double)), dtype)
    best = (min(_lengths(*axis, powers=False), key=partial(_axis_cost, axis)) for axis in axes)
    return FourierRecipe(tuple(best), dtype)


def _lengths(taps: int, dilation: int, outputs: int, stride: int, *, powers: bool) -> list[int]:
    """Lengths of tiles that leave outputs, and reach no further than eight kernels."""
    reach = (taps - 1) * dilation
    needed = (outputs - 1) * stride + 1 + reach
    most = max(EXTENTS * (reach + 1), LEAST_LENGTH)
    if powers:
        found = [1 << bit for bit in range(5, 13) if reach < 1 << bit <= most]
        enough = [n for n in found if n >= needed]
        return [n for n in found if n < needed] + enough[:1]
    if reach == 0:
        return [min(needed, 64)]
    return [n for n in _smooth_lengths(2 * most) if reach < n <= most] or [most]


def _axis_cost(axis: tuple[int, int, int, int], length: int) -> float:
    taps, dilation, outputs, stride = axis
    reach = (taps - 1) * dilation
    return ceil(((outputs - 1) * stride + 1) / (length - reach)) * length * (log2(length) + 4)


def _cost(problem: Problem, lengths: tuple[int, ...], double: bool) -> float:
    """Cycles of a generated transform for every tile of one channel."""
    samples = prod(lengths)
    flops = 10 * samples * log2(samples) / 2  # there and back, two tiles at a time
    rate = (6.0 if double else 12.0) * (1.0 if samples * (16 if double else 8) <= CACHED_BYTES else 0.4)
    return Tiling(problem, lengths).count * (flops / rate + samples * 8.0 + TILE_CYCLES)


@lru_cache(maxsize=8)
def _smooth_lengths(most: int) -> list[int]:
    """Lengths without prime factors above 5, which are transformed quickly."""
    found = [2**a * 3**b * 5**c for a in range(most.bit_length()) for b in range(3) for c in range(2)]
    return sorted(n for n in found if n <= most)


def error_bound(problem: Problem) -> float:
    """The published ``c``: |error| <= c * u * max|x| * sum|k|.

    Each of three transforms of ``n`` samples adds at most ``4 log2(n) u`` to the relative error in the
    2-norm (Higham, "Accuracy and Stability", section 24), and ``||x|| <= sqrt(n) max|x|``,
    ``||k|| <= sum|k|``; channels add one rounding each.
    """
    return error_factor(problem) + problem.channels_in


def error_factor(problem: Problem) -> float:
    """The share of the transforms in `error_bound`."""
    samples = max(prod(choose(phase.problem).lengths) for phase in with_taps(problem))
    return 12.0 * log2(samples) * sqrt(samples)


def predicted_cycles(problem: Problem) -> float:
    """Predicted cycles: the transforms of every tile, the products, and Python's own share."""
    cycles = 0.0
    for phase in with_taps(problem):
        recipe = choose(phase.problem)
        samples = prod(recipe.lengths)
        planes = 4.0 if recipe.dtype.startswith("complex") else 1.0
        double = recipe.dtype in ("float64", "complex128")
        tiles = Tiling(phase.problem, recipe.lengths).count
        products = float(problem.channels_in * problem.channels_out * samples)
        leads, channels = prod(problem.batch) * problem.groups, problem.channels_in + problem.channels_out
        if is_generated(recipe.lengths):
            one = _cost(phase.problem, recipe.lengths, double)
            cycles += leads * planes * (one * channels / 2 + tiles * products)
            continue
        transforms = channels * 2.5 * samples * log2(samples) / FLOPS_PER_CYCLE * (1.6 if double else 1.0)
        cycles += leads * tiles * ((transforms + 3.0 * products) * planes + samples * 6.0 + 2 * TILE_CYCLES)
    return cycles
