"""`fourier`: overlap-save tiles through NumPy's FFT, for kernels too large to sum directly.

A tile of the image, transformed, times the kernel's conjugate spectrum and transformed back, is the
circular correlation of the two; those outputs that no wrap reaches are kept (Stockham 1966; Oppenheim
and Schafer, section 8.7).  A transform mixes the whole tile, so

- a tile is never longer than eight kernels (or 256 samples): a huge value far away stays far away;
- a tile that holds a NaN or an infinity is computed directly instead;
- integers are transformed in double precision where the error is proven to be below one quarter, and
  rounded; where that cannot be proven, the algorithm does not apply.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, lru_cache
from math import ceil, log2, prod, sqrt
from typing import Any, NamedTuple

import numpy as np

from ..errors import PlanError
from ..machine import Machine
from ..problem.border import fills
from ..problem.layout import View
from ..problem.problem import Problem
from ..problem.promotion import is_integer, limits, magnitude, numpy_dtype, promote
from . import direct
from .phases import Phase, phases
from .tiles import Tiling

NAME = "fourier"

EXTENTS, LEAST_LENGTH = 8, 256
"""A tile is no longer than eight kernel extents, or 256 samples if that is more."""

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


def applies(problem: Problem) -> str | None:
    """None, or why the problem cannot go through the transform."""
    if all(k == 1 for k in problem.kernel) or not _with_taps(problem):
        return "a kernel of one tap needs no transform"
    if not _sums_integers(problem):
        return None
    if problem.accumulator_dtype == "int64":
        return "no bound shows that the integer sums fit 53 bits"
    if _integer_error(problem) >= 0.25:
        return "the transform's rounding error is not proven to be below one quarter, so integers might come out wrong"
    return None


def _with_taps(problem: Problem) -> list[Phase]:
    """The phases in which any tap meets the image."""
    return [phase for phase in phases(problem) if not phase.is_empty]


def _sums_integers(problem: Problem) -> bool:
    return is_integer(promote(problem.image_dtype, problem.kernel_dtype, fills(problem.border)))


def _integer_error(problem: Problem) -> float:
    """Bound on the transform's error for the largest operands that the accumulator's own bound allows."""
    limit = {"float32": 2.0**24, "int32": 2.0**31, "float64": 2.0**53}[problem.accumulator_dtype]
    # the accumulator was chosen by a bound on max|x| sum|k|
    largest = float(magnitude(problem.image_dtype)) * float(magnitude(problem.kernel_dtype)) * problem.terms
    return _factor(problem) * 2.0**-53 * min(limit, largest)


def error_bound(problem: Problem) -> float:
    """The published ``c``: |error| <= c * u * max|x| * sum|k|.

    Each of three transforms of ``n`` samples adds at most ``4 log2(n) u`` to the relative error in the
    2-norm (Higham, "Accuracy and Stability", section 24), and ``||x|| <= sqrt(n) max|x|``,
    ``||k|| <= sum|k|``; channels add one rounding each.
    """
    return _factor(problem) + problem.channels_in


def _factor(problem: Problem) -> float:
    samples = max(prod(_choose(phase.problem).lengths) for phase in _with_taps(problem))
    return 12.0 * log2(samples) * sqrt(samples)


# ---------------------------------------------------------------- the recipe

@lru_cache(maxsize=256)
def _choose(problem: Problem) -> FourierRecipe:
    """The lengths that cost least for each output of a plain problem, axis by axis."""
    axes = zip(problem.kernel, problem.kernel_dilation, problem.output, problem.stride, strict=True)
    lengths = tuple(_length(*axis) for axis in axes)
    complex_ = problem.accumulator_dtype.startswith("complex")
    double = problem.accumulator_dtype in ("float64", "complex128") or _sums_integers(problem)
    return FourierRecipe(lengths, ("complex" if complex_ else "float") + str((64 if double else 32) * (1 + complex_)))


def _length(taps: int, dilation: int, outputs: int, stride: int) -> int:
    reach = (taps - 1) * dilation
    needed = (outputs - 1) * stride + 1 + reach
    most = max(EXTENTS * (reach + 1), LEAST_LENGTH)
    if reach == 0:
        return min(needed, 64)
    lengths = [n for n in _smooth_lengths(2 * most) if reach < n <= most] or [most]
    return min(lengths, key=lambda n: _cost(n, reach, needed))


def _cost(length: int, reach: int, needed: int) -> float:
    tiles = ceil((needed - reach) / (length - reach))
    return tiles * length * (log2(length) + 4)


@lru_cache(maxsize=8)
def _smooth_lengths(most: int) -> list[int]:
    """Lengths without prime factors above 5, which are transformed quickly."""
    found = [2**a * 3**b * 5**c for a in range(most.bit_length()) for b in range(3) for c in range(2)]
    return sorted(n for n in found if n <= most)


# ---------------------------------------------------------------- the executable

class _Part:
    """One phase of the problem: its tiles and what is kept for them."""

    def __init__(self, phase: Phase, machine: Machine) -> None:
        self.phase, self.problem, self.machine = phase, phase.problem, machine
        self.recipe = _choose(phase.problem)
        self.tiling = Tiling(self.problem, self.recipe.lengths)
        self.axes = tuple(range(-self.problem.ndim, 0))
        self.is_complex = self.recipe.dtype.startswith("complex")

    def spectrum(self, kernel: np.ndarray) -> np.ndarray:
        """The conjugate spectrum of the kernel, its taps set apart."""
        p = self.problem
        extents = ((k - 1) * d + 1 for k, d in zip(p.kernel, p.kernel_dilation, strict=True))
        apart = np.zeros((*kernel.shape[:3], *extents), self.recipe.dtype)
        steps = tuple(slice(None, None, d) for d in p.kernel_dilation)
        where: tuple[Any, ...] = (..., *steps)
        apart[where] = kernel[(slice(None), slice(None), slice(None), *self.phase.taps)]
        if self.is_complex:
            return np.conj(np.fft.fftn(apart.conj(), self.recipe.lengths, self.axes))
        return np.conj(np.fft.rfftn(apart, self.recipe.lengths, self.axes))

    def transform(self, tile: np.ndarray, spectra: np.ndarray) -> Any:
        """Correlate one tile (channels_in, *extents) with the kernels (channels_out, channels_in, ...)."""
        lengths = self.recipe.lengths
        if self.is_complex:
            seen = np.fft.fftn(tile, lengths, self.axes)
            return np.fft.ifftn(_over_channels(seen, spectra), lengths, self.axes)
        seen = np.fft.rfftn(tile, lengths, self.axes)
        return np.fft.irfftn(_over_channels(seen, spectra), lengths, self.axes)

    @cached_property
    def directly(self) -> direct.Direct:
        """The same for one tile by the definition, for tiles that hold a NaN or an infinity."""
        problem = self.tiling.tile_problem(self.recipe.dtype)
        shape = problem.output_shape
        return direct.build(problem, View(shape, shape, tuple(range(len(shape)))), self.machine, 1)


def _over_channels(image: np.ndarray, kernel: np.ndarray) -> Any:
    """Multiply spectra and sum over the channels of the image."""
    if image.shape[0] == 1:
        return image * kernel[:, 0]
    return np.einsum("c...,mc...->m...", image, kernel)


class Fourier:
    """The executable: tile by tile, one batch element and group after the other."""

    def __init__(self, problem: Problem, output: View, machine: Machine, threads: int) -> None:
        self.problem, self.output = problem, output
        self.parts = [_Part(phase, machine) for phase in _with_taps(problem)]
        self.recipe = self.parts[0].recipe
        self.sums_integers = _sums_integers(problem)
        self.empty = [phase for phase in phases(problem) if phase.is_empty]
        self.predicted_cycles = predicted_cycles(problem)

    def pack(self, kernel: Any) -> list[tuple[Any, Any]]:
        """Transform a kernel; the taps themselves are kept for tiles that are computed directly."""
        values = np.asarray(kernel).astype(self.recipe.dtype)
        every = (slice(None),) * 3
        return [(part.spectrum(values), values[(*every, *part.phase.taps)]) for part in self.parts]

    def pack_bias(self, bias: Any) -> Any:
        """Bring a bias into the sums' precision."""
        return np.asarray(bias).astype(self.recipe.dtype).reshape(self.problem.groups, self.problem.channels_out)

    def run(self, image: Any, kernel: Any, bias: Any, out: Any, threads: int) -> bool:
        """Fill ``out``; whether an integer output overflowed."""
        target, overflowed = self.output(out), False
        with np.errstate(all="ignore"):
            for part, (spectra, taps) in zip(self.parts, kernel, strict=True):
                places = target[(..., *part.phase.outputs)]
                for lead in np.ndindex(*self.problem.batch, self.problem.groups):
                    for where, sums in self._tiles(part, image[lead], spectra[lead[-1]], taps[lead[-1]]):
                        overflowed |= self._store(sums, bias, lead[-1], places[(*lead, slice(None), *where)])
            for phase in self.empty:
                places = target[(..., *phase.outputs)]
                for lead in np.ndindex(*self.problem.batch, self.problem.groups):
                    sums = np.zeros(places[lead].shape, self.recipe.dtype)
                    overflowed |= self._store(sums, bias, lead[-1], places[lead])
        return overflowed

    def _tiles(self, part: _Part, image: np.ndarray, spectra: np.ndarray,
               taps: np.ndarray) -> Iterator[tuple[tuple[slice, ...], Any]]:
        """Where each tile's outputs go, and their sums."""
        for tile in part.tiling:
            seen = part.tiling.gather(image, tile, self.recipe.dtype)
            if np.isfinite(seen).all():
                sums = part.transform(seen, spectra)[(slice(None), *part.tiling.kept)]
            else:
                sums = self._sum_directly(part, seen, taps)
            yield tile.outputs, sums

    def _sum_directly(self, part: _Part, tile: np.ndarray, taps: np.ndarray) -> Any:
        executable = part.directly
        sums = np.empty((1, *part.tiling.output_shape), self.recipe.dtype)
        executable.run(tile[None], executable.pack(taps[None]), None, sums, 1)
        return sums[0]

    def _store(self, sums: np.ndarray, bias: Any, group: int, place: np.ndarray) -> bool:
        problem = self.problem
        if self.sums_integers:
            sums = np.rint(sums)
        if bias is not None:
            sums = sums + bias[group].reshape(-1, *[1] * problem.ndim)
        if problem.activation is not None:
            from .. import reference

            sums = reference.activate(sums, problem.activation)
        return _cast_into(place, sums, problem)

    @property
    def workspace_bytes(self) -> int:
        """Peak workspace of one call: a tile, its spectra, and theirs after the product."""
        channels = self.problem.channels_in + self.problem.channels_out
        samples = max(prod(part.recipe.lengths) for part in self.parts)
        return 4 * channels * samples * np.dtype(self.recipe.dtype).itemsize

    def ir(self) -> str:
        """Refuse: NumPy's transforms are not generated."""
        raise PlanError('plan: method="fourier" generates no code; use method="direct" to see some')

    assembly = ir


def _cast_into(place: np.ndarray, sums: np.ndarray, problem: Problem) -> bool:
    """Round, check and store; whether an integer output overflowed."""
    output = problem.output_dtype
    if not is_integer(output) or output == "bool":
        place[...] = sums != 0 if output == "bool" else sums
        return False
    low, high = limits(output)
    whole = np.rint(sums.real)
    inside = (whole >= low) & (whole <= high) if output not in ("int64", "uint64") else (
        (whole >= float(low)) & (whole < float(high)))
    if problem.overflow == "saturate":
        whole = np.where(np.isnan(whole), 0, np.clip(whole, low, high))
    if output == "uint64" or problem.overflow != "wrap":
        place[...] = np.where(inside | (problem.overflow == "saturate"), whole, 0).astype(numpy_dtype(output))
    else:
        place[...] = np.where(np.abs(whole) < 2.0**63, whole, 0).astype(np.int64).astype(numpy_dtype(output))
    return problem.overflow == "raise" and not bool(inside.all())


def predicted_cycles(problem: Problem) -> float:
    """Predicted cycles: the transforms of every tile, the products, and Python's own share."""
    cycles = 0.0
    for phase in _with_taps(problem):
        recipe = _choose(phase.problem)
        samples = prod(recipe.lengths)
        planes = 4.0 if recipe.dtype.startswith("complex") else 1.0
        wide = 1.6 if recipe.dtype in ("float64", "complex128") else 1.0
        tiles = Tiling(phase.problem, recipe.lengths).count * prod(problem.batch) * problem.groups
        transforms = (problem.channels_in + problem.channels_out) * 2.5 * samples * log2(samples) / FLOPS_PER_CYCLE
        products = problem.channels_in * problem.channels_out * samples * 3.0
        cycles += tiles * ((transforms + products) * planes * wide + samples * 6.0 + 300_000.0)
    return cycles


def build(problem: Problem, output: View, machine: Machine, threads: int) -> Fourier:
    """Make the executable."""
    return Fourier(problem, output, machine, threads)


__all__ = ["NAME", "Fourier", "FourierRecipe", "applies", "build", "error_bound"]
