"""Correlating tiles through their transforms: NumPy's, or generated ones."""

from __future__ import annotations

from collections import deque
from functools import cached_property
from math import frexp, isnan
from typing import Any, NamedTuple

import numpy as np

from ...machine import Machine
from ...problem.layout import View
from .. import direct
from ..phases import Phase
from .recipe import choose
from .tiles import Tiling
from .transform import Transform, is_generated


class Seen(NamedTuple):
    """What a tile looks at, (channels_in, *extents), and the largest magnitude of any part of it."""

    tile: np.ndarray
    largest: float

    @property
    def size(self) -> float:
        """A power of two near the largest magnitude."""
        return 2.0 ** min(max(frexp(self.largest)[1], -100), 120) if self.largest else 1.0


def see(tile: np.ndarray) -> Seen:
    """Measure a tile; the magnitude is NaN or infinite if anything is."""
    parts = (tile.real, tile.imag) if tile.dtype.kind == "c" else (tile,)
    bounds = [abs(float(bound)) for part in parts for bound in (part.max(), part.min())]
    return Seen(tile, float("nan") if any(map(isnan, bounds)) else max(bounds))


class Part:
    """One phase of the problem: its tiles, and NumPy's transforms of them, one at a time."""

    together = 1

    def __init__(self, phase: Phase, machine: Machine) -> None:
        self.phase, self.problem, self.machine = phase, phase.problem, machine
        self.recipe = choose(phase.problem)
        self.tiling = Tiling(self.problem, self.recipe.lengths)
        self.axes = tuple(range(-self.problem.ndim, 0))
        self.is_complex = self.recipe.dtype.startswith("complex")

    def apart(self, kernel: np.ndarray) -> np.ndarray:
        """The kernel's taps of this phase, conjugated, as far apart as the dilation says."""
        p = self.problem
        extents = ((k - 1) * d + 1 for k, d in zip(p.kernel, p.kernel_dilation, strict=True))
        apart = np.zeros((*kernel.shape[:3], *extents), self.recipe.dtype)
        steps: tuple[Any, ...] = (..., *(slice(None, None, d) for d in p.kernel_dilation))
        apart[steps] = kernel[(slice(None), slice(None), slice(None), *self.phase.taps)].conj()
        return apart

    def spectra(self, kernel: np.ndarray) -> Any:
        """The conjugate spectrum of every kernel: [group][channel out, channel in, ...]."""
        transform = np.fft.fftn if self.is_complex else np.fft.rfftn
        return np.conj(transform(self.apart(kernel), self.recipe.lengths, self.axes))

    def correlate(self, tiles: list[Seen], spectra: Any) -> list[Any]:
        """Correlate tiles with the kernels of one group."""
        forward, inverse = (np.fft.fftn, np.fft.ifftn) if self.is_complex else (np.fft.rfftn, np.fft.irfftn)
        lengths, kept = self.recipe.lengths, (slice(None), *self.tiling.kept)
        return [inverse(_over_channels(forward(seen.tile, lengths, self.axes), spectra), lengths, self.axes)[kept]
                for seen in tiles]

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


class GeneratedPart(Part):
    """The same through generated transforms, two tiles at a time, or twice as many as a vector has lanes.

    Tiles that travel together are scaled to a common size, by powers of two: a small one beside a large one
    keeps its own accuracy.
    """

    def __init__(self, phase: Phase, machine: Machine) -> None:
        super().__init__(phase, machine)
        real = {"complex64": "float32", "complex128": "float64"}.get(self.recipe.dtype, self.recipe.dtype)
        self.transform = Transform(self.recipe.lengths, real, machine)
        self.is_line = len(self.recipe.lengths) == 1
        self.columns = self.transform.lanes if self.is_line else 1
        self.together = self.columns * (1 if self.is_complex else 2)
        # calls at the same time each take their own
        self._buffers: deque[tuple[Any, Any, list[Any]]] = deque(maxlen=4)

    def spectra(self, kernel: np.ndarray) -> Any:
        """The spectrum of every kernel: [group][channel out][channel in]."""
        planes = self.transform.planes()
        return [[[self._spectrum(planes, self.transform.spectrum(), [one] * self.columns, [1.0] * self.columns)
                  for one in row] for row in group] for group in self.apart(kernel)]

    def _spectrum(self, planes: Any, spectrum: Any, tiles: list[np.ndarray], factors: list[float]) -> Any:
        """Transform one channel of tiles, each times its factor; what no tile covers is zero."""
        if tiles[0].shape != self.recipe.lengths or len(tiles) < self.together:
            planes[...] = 0
        for number, (tile, factor) in enumerate(zip(tiles, factors, strict=True)):
            plane, column = divmod(number, self.columns)
            np.multiply(tile.real, factor, out=self._place(planes[plane], column, tile.shape))
            if self.is_complex:
                np.multiply(tile.imag, factor, out=self._place(planes[1], column, tile.shape))
        self.transform.forward(planes, spectrum)
        return spectrum

    def _place(self, plane: Any, column: int, extents: tuple[int, ...]) -> Any:
        return plane[:extents[0], column] if self.is_line else plane[:extents[0], :extents[1]]

    def correlate(self, tiles: list[Seen], spectra: Any) -> list[Any]:
        """Correlate tiles with the kernels of one group."""
        planes, total, seen = buffers = self._borrow()
        scales = [one.size for one in tiles]
        for c, spectrum in enumerate(seen):
            self._spectrum(planes, spectrum, [one.tile[c] for one in tiles], [1 / scale for scale in scales])
        sums = [np.empty((self.problem.channels_out, *self.tiling.outputs), self.recipe.dtype) for _ in tiles]
        for m, kernels in enumerate(spectra):
            total[...] = 0
            for spectrum, kernel in zip(seen, kernels, strict=True):
                self.transform.multiply(spectrum, kernel, total)
            self.transform.inverse(total, planes)
            for number, scale in enumerate(scales):
                np.multiply(self._outputs(planes, number), scale * self.transform.scale, out=sums[number][m])
        self._buffers.append(buffers)
        return sums

    def _borrow(self) -> tuple[Any, Any, list[Any]]:
        """A tile's planes, the sum of its spectra, and the spectrum of each channel: memory of this call's own."""
        try:
            return self._buffers.pop()
        except IndexError:
            spectra = [self.transform.spectrum() for _ in range(self.problem.channels_in)]
            return self.transform.planes(), self.transform.spectrum(), spectra

    def _outputs(self, planes: Any, number: int) -> Any:
        plane, column = divmod(number, self.columns)
        where = (self.tiling.kept[0], column) if self.is_line else self.tiling.kept
        if self.is_complex:
            return planes[(0, *where)] + 1j * planes[(1, *where)]
        return planes[(plane, *where)]


def make_part(phase: Phase, machine: Machine) -> Part:
    """The transforms that suit the phase."""
    return (GeneratedPart if is_generated(choose(phase.problem).lengths) else Part)(phase, machine)
