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
from .plane import is_plane
from .tiles import Tiling
from .transform import is_generated

NAME = "fourier"

EXTENTS, LEAST_LENGTH = 8, 256
"""A tile is no longer than eight kernel extents, or 256 samples if that is more."""

CACHED_BYTES = 1 << 19
"""Larger tiles of lines and complex images leave the second-level cache, and their transforms take longer."""

TILE_CYCLES = 150_000.0
"""Python's share of one tile, where there is one."""

KERNEL_CYCLES = 60_000.0
"""Python's share of one kernel's spectrum."""

CALL_CYCLES = 140_000.0
"""Python's share of a call: the kernel, the tables, and handing over to other threads."""

FLOPS_PER_CYCLE = 1.0
"""What NumPy's transforms reach, 2.5 n log2(n) operations each, loads and stores included."""

SHARED_CACHE = ((1 << 22, 1.0), (1 << 23, 1.2))
"""Bytes of a tile, and how much longer one takes that is as large; above that, `BEYOND` times as long."""

BEYOND = 1.5

WHOLE = 0.75
"""Share of the time that integers known to fit need: they are narrower in memory than the sums."""

PRODUCT_CYCLES = 1.0
"""Of one sample, for each pair of channels: a product, added, with a kernel's spectrum from memory."""


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
    # real tiles of images have transforms for more lengths than others
    odd = (1, 3, 5) if _is_real_image(problem, dtype) else (1,)
    generated = [_lengths(*axis, odd) for axis in axes] if problem.ndim <= 2 else [[]]
    pairs = [lengths for lengths in product(*generated) if is_generated(lengths) or is_plane(lengths)]
    if pairs:
        return FourierRecipe(min(pairs, key=lambda lengths: _cost(problem, lengths, dtype)), dtype)
    best = (min(_any_lengths(*axis), key=partial(_axis_cost, axis)) for axis in axes)
    return FourierRecipe(tuple(best), dtype)


def _is_real_image(problem: Problem, dtype: str) -> bool:
    return problem.ndim == 2 and dtype.startswith("float") and all(problem.image)


def is_real_plane(problem: Problem) -> bool:
    """Whether the tiles are transformed by the generated programs for real images (see `plane`)."""
    recipe = choose(problem)
    return _is_real_image(problem, recipe.dtype) and is_plane(recipe.lengths)


def _lengths(taps: int, dilation: int, outputs: int, stride: int, odd: tuple[int, ...]) -> list[int]:
    """Lengths of generated transforms that leave outputs, and reach no further than eight kernels."""
    reach = (taps - 1) * dilation
    needed, most = (outputs - 1) * stride + 1 + reach, max(EXTENTS * (reach + 1), LEAST_LENGTH)
    found = sorted(n for factor in odd for n in (factor << bit for bit in range(5, 13)) if reach < n <= min(most, 4096))
    enough = [n for n in found if n >= needed]
    return [n for n in found if n < needed] + enough[:1]


def _any_lengths(taps: int, dilation: int, outputs: int, stride: int) -> list[int]:
    """The same for NumPy's transforms."""
    reach = (taps - 1) * dilation
    most = max(EXTENTS * (reach + 1), LEAST_LENGTH)
    if reach == 0:
        return [min((outputs - 1) * stride + 1, 64)]
    return [n for n in _smooth_lengths(2 * most) if reach < n <= most] or [most]


def _axis_cost(axis: tuple[int, int, int, int], length: int) -> float:
    taps, dilation, outputs, stride = axis
    reach = (taps - 1) * dilation
    return ceil(((outputs - 1) * stride + 1) / (length - reach)) * length * (log2(length) + 4)


def _cost(problem: Problem, lengths: tuple[int, ...], dtype: str) -> float:
    """Cycles of a generated transform, there and back, for every tile of one channel."""
    samples, double = prod(lengths), dtype in ("float64", "complex128")
    tiles = Tiling(problem, lengths).count
    if _is_real_image(problem, dtype):
        return tiles * (plane_cycles(lengths, double=double) + samples * PRODUCT_CYCLES)
    flops = 10 * samples * log2(samples) / 2  # there and back, two tiles at a time
    rate = (6.0 if double else 12.0) * (1.0 if samples * (16 if double else 8) <= CACHED_BYTES else 0.4)
    return tiles * (flops / rate + samples * 8.0 + TILE_CYCLES)


def plane_cycles(lengths: tuple[int, ...], *, double: bool) -> float:
    """Cycles of a real tile of an image, there and back: the stages, and everything else once per sample."""
    samples = prod(lengths)
    size_bytes = samples * (8 if double else 4)
    slower = next((factor for most, factor in SHARED_CACHE if size_bytes <= most), BEYOND)
    return samples * (0.22 * log2(samples) + 1.5) * (2.1 if double else 1.0) * slower


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


def predicted_cycles(problem: Problem, threads: int = 1) -> float:
    """Predicted cycles: the transforms of every tile, the products, and Python's own share."""
    return sum(_phase_cycles(phase.problem, threads) for phase in with_taps(problem))


def _phase_cycles(problem: Problem, threads: int) -> float:
    recipe = choose(problem)
    samples, tiles = prod(recipe.lengths), Tiling(problem, recipe.lengths).count
    double = recipe.dtype in ("float64", "complex128")
    products = float(problem.channels_in * problem.channels_out * samples)
    leads, channels = prod(problem.batch) * problem.groups, problem.channels_in + problem.channels_out
    if is_real_plane(problem):
        one = plane_cycles(recipe.lengths, double=double)
        one *= WHOLE if sums_integers(problem) and problem.overflow == "proven" else 1.0
        kernels = problem.groups * problem.channels_in * problem.channels_out * (one / 2 + KERNEL_CYCLES)
        turns = ceil(leads * tiles / min(threads, leads * tiles))
        return CALL_CYCLES + kernels + turns * (one * channels / 2 + products * PRODUCT_CYCLES)
    planes = 4.0 if recipe.dtype.startswith("complex") else 1.0
    if is_generated(recipe.lengths):
        return leads * planes * (_cost(problem, recipe.lengths, recipe.dtype) * channels / 2 + tiles * products)
    transforms = channels * 2.5 * samples * log2(samples) / FLOPS_PER_CYCLE * (1.6 if double else 1.0)
    return leads * tiles * ((transforms + 3.0 * products) * planes + samples * 6.0 + 2 * TILE_CYCLES)
