"""Larger images from smaller ones, without parameters: each axis is multiplied by a matrix of few entries."""

from __future__ import annotations

from math import floor
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..problem.extents import per_axis, quote
from .base import Layer, LayerError, Shape

MODES = ("nearest", "linear")


class Upsample(Layer):
    """Repeat or interpolate the samples along each spatial axis.

    Output ``o`` of ``O`` reads the input of extent ``N`` at ``p = (o + 1/2) * N / O - 1/2`` ("linear", clipped to the
    image; ``p = o * (N - 1) / (O - 1)`` with ``align_corners``), between the two samples beside ``p`` by their
    distance; "nearest" takes sample ``floor(o * N / O)``.  The same as ``torch.nn.Upsample``.

    Parameters
    ----------
    scale : int, float, or one per axis, optional
        ``O = floor(N * scale)``.
    size : int or one per axis, optional
        ``O`` itself; give either this or ``scale``.
    mode : {"nearest", "linear"}
        Linear along every axis, so bilinear for images.
    align_corners : bool
        In mode "linear": let the outermost samples of input and output lie on each other.

    Examples
    --------
    >>> Upsample(2).forward(np.array([[[1.0, 3.0]]]))
    array([[[1., 1., 3., 3.]]])
    >>> Upsample(2, mode="linear").forward(np.array([[[1.0, 3.0]]]))
    array([[[1. , 1.5, 2.5, 3. ]]])
    """

    def __init__(self, scale: Any = None, *, size: Any = None, mode: str = "nearest",
                 align_corners: bool = False) -> None:
        super().__init__()
        if (scale is None) == (size is None):
            raise LayerError(f"Upsample: scale={scale!r} and size={size!r}; give one of the two")
        if mode not in MODES:
            raise LayerError(f'Upsample: mode {quote(mode)} is not known; use "nearest" or "linear"')
        if align_corners and mode != "linear":
            raise LayerError('Upsample: align_corners=True has a meaning in mode "linear" only, not in mode "nearest"')
        scales = (1.0,) if scale is None else tuple(np.atleast_1d(np.asarray(scale, float)).tolist())
        if not all(0 < factor < float("inf") for factor in scales):
            raise LayerError(f"Upsample: scale={scale!r} must be a number above 0, or one for each axis")
        self.scale, self.size, self.mode, self.align_corners = scale, size, mode, align_corners
        self._scales = scales
        self._matrices: dict[Any, np.ndarray] = {}

    def forward(self, x: np.ndarray, *, training: bool = False) -> np.ndarray:
        """Enlarge the spatial axes."""
        x = self._check(x)
        shape = self.output_shape(x.shape)
        if training:
            self._kept = x.shape, shape
        if (factors := self._repeats(x.shape, shape)) is not None:
            for axis, factor in enumerate(factors, 2):
                x = x if factor == 1 else np.repeat(x, factor, axis=axis)
            return x
        for axis in range(2, x.ndim):
            x = self._apply(x, axis, x.shape[axis], shape[axis])
        return x

    def backward(self, dy: np.ndarray) -> Any:
        """Sum what each input sample has given."""
        given, shape = self._recall()
        dy = self._check_gradient(dy, shape)
        if (factors := self._repeats(given, shape)) is not None:
            for axis, factor in enumerate(factors, 2):
                if factor > 1:
                    dy = dy.reshape(*dy.shape[:axis], given[axis], factor, *dy.shape[axis + 1:]).sum(axis=axis + 1)
            return dy
        for axis in reversed(range(2, dy.ndim)):
            dy = self._apply(dy, axis, given[axis], shape[axis], transposed=True)
        return dy

    def _repeats(self, given: Shape, made: Shape) -> list[int] | None:
        """How often each sample is repeated along each axis, if that is all there is to do."""
        pairs = list(zip(given[2:], made[2:], strict=True))
        whole = self.mode == "nearest" and all(after % before == 0 for before, after in pairs) and all(
            self._step(axis, before, after) == before / after for axis, (before, after) in enumerate(pairs))
        return [after // before for before, after in pairs] if whole else None

    def _apply(self, x: np.ndarray, axis: int, before: int, after: int, *, transposed: bool = False) -> np.ndarray:
        """Multiply one axis by its matrix, entry by entry in a fixed order."""
        key = axis, before, after
        if key not in self._matrices:
            self._matrices[key] = self._matrix(axis - 2, before, after)
        matrix = self._matrices[key].T if transposed else self._matrices[key]
        # einsum adds in one order on one thread, so the bits do not depend on a library of matrices.
        moved = np.einsum("...n,on->...o", np.moveaxis(x, axis, -1), matrix.astype(x.dtype))
        return np.ascontiguousarray(np.moveaxis(moved, -1, axis))

    def _step(self, axis: int, before: int, after: int) -> float:
        """Distance of two outputs, in input samples: by the scale as it was given, as torch has it."""
        return before / after if self.size is not None else 1.0 / self._scales[axis if len(self._scales) > 1 else 0]

    def _matrix(self, axis: int, before: int, after: int) -> np.ndarray:
        matrix = np.zeros((after, before))
        step = self._step(axis, before, after)
        for output in range(after):
            if self.mode == "nearest":
                matrix[output, min(floor(output * step), before - 1)] = 1.0
                continue
            if self.align_corners:
                place = output * (before - 1) / (after - 1) if after > 1 else 0.0
            else:
                place = max((output + 0.5) * step - 0.5, 0.0)
            low = min(floor(place), before - 1)
            share = min(max(place - low, 0.0), 1.0)
            matrix[output, low] += 1.0 - share
            matrix[output, min(low + 1, before - 1)] += share
        return matrix

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape of the result, ``(batch, channels, O, ...)``."""
        shape = tuple(input_shape)
        axes = len(shape) - 2
        if axes < 1 or 0 in shape:
            raise ShapeError(f"{self.where}: expected (batch, channels, space, ...) with samples along each axis, "
                             f"given shape {shape}")
        if self.size is not None:
            return (*shape[:2], *per_axis(self.where, "size", self.size, axes))
        if len(self._scales) not in (1, axes):
            raise ShapeError(f"{self.where}: expected an input with {len(self._scales)} spatial axes, one for each "
                             f"scale, given shape {shape}")
        scales = self._scales * axes if len(self._scales) == 1 else self._scales
        made = tuple(floor(extent * scale) for extent, scale in zip(shape[2:], scales, strict=True))
        if 0 in made:
            raise ShapeError(f"{self.where}: expected an input that is not empty at scale {self.scale}, given shape "
                             f"{shape}")
        return (*shape[:2], *made)

    def _describe(self) -> str:
        extent = f"scale {self.scale}" if self.size is None else f"size {self.size}"
        return f"{extent}, {self.mode}" + (", corners aligned" if self.align_corners else "")
