"""Pooling: the largest or the average of windows, over any number of axes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ..compiler.memory import address
from ..compiler.results import recycled
from ..errors import ShapeError
from .base import Shape, check_count
from .code import averages, maxima
from .pooling_windows import Ints, Pooling, Windows, adaptive_axes, check_outputs, show_outputs
from .programs import CHUNK, Array, bits, dense, kind_of, program
from .windows import Axis


class _Maximum(Pooling):
    """What largest values have in common: the gradient goes to where each came from."""

    def forward(self, x: Array, *, training: bool = False) -> Array:
        """Take the largest of each window.

        Parameters
        ----------
        x : ndarray of float32 or float64, shape (batch, channels, *space)
        training : bool
            Keep where each came from: four bytes for each output, one where windows are 2x2 with stride 2.

        Returns
        -------
        ndarray, shape ``output_shape(x.shape)``
        """
        seen = dense(self._check(x))
        shape = self.output_shape(seen.shape)
        y, is_pairs = recycled(shape, seen.dtype), self._is_pairs(seen.shape)
        if prod(seen.shape[2:]) >= 1 << 31:
            raise ShapeError(f"{self.where}: a plane of shape {seen.shape[2:]} has 2**31 places or more, which 32 "
                             "bits do not number; split it")
        places = recycled(shape if training else (0,), np.uint8 if is_pairs else np.int32)
        if not y.size:
            pass
        elif is_pairs:
            cells = self._pairs(seen.shape, shape, y.itemsize)
            run = program(maxima.emit_pairs, kind_of(seen), training)
            run((address(seen), address(y), address(places), *cells), -(-cells[0] // cells[1]), seen.size)
        else:
            what = (kind_of(seen), training)
            known = self._layout(seen, "maximum")
            self._run_rows(maxima.emit_maximum, what, seen, y, address(places), known)
        if training:
            self._keep(seen.shape, y.shape, places)
        return y

    def backward(self, dy: Array) -> Array:
        """Give each gradient to the place that was the largest; where windows overlap they add up."""
        shape, result, places = self._recall()
        above = dense(self._check_gradient(dy, result))
        if not above.size:
            return np.zeros(shape, above.dtype)
        if self._is_pairs(shape):
            covered = shape[2] % 2 == shape[3] % 2 == 0
            dx = (recycled if covered else np.zeros)(shape, above.dtype)
            cells = self._pairs(shape, result, above.itemsize)
            run = program(maxima.emit_pairs_gradient, kind_of(above))
            run((address(dx), address(above), address(places), *cells), -(-cells[0] // cells[1]), dx.size)
            return dx
        dx = recycled(shape, above.dtype)
        planes, plane = prod(shape[:2]), prod(shape[2:])
        per_item = max(1, CHUNK // plane)
        cells = (planes, per_item, plane * above.itemsize, prod(result[2:]))
        run = program(maxima.emit_gradient, kind_of(above))
        run((address(above), address(dx), address(places), *cells), -(-planes // per_item), dx.size)
        return dx

    def _is_pairs(self, shape: Shape) -> bool:
        """Whether windows are 2x2 with stride 2, all of them inside."""
        axes = self._axes(shape)
        return len(axes) == 2 and all((one.kernel, one.stride, one.padding, one.dilation) == (2, 2, 0, 1)
                                      and 2 * one.outputs <= one.extent for one in axes)

    @staticmethod
    def _pairs(shape: Shape, result: Shape, size: int) -> tuple[int, ...]:
        rows = prod(result[:3])
        per_item = max(1, CHUNK // (2 * shape[3]))
        return rows, per_item, result[2], shape[2] * shape[3] * size, shape[3], result[3]


class MaxPool(Windows, _Maximum):
    """The largest of each window.

    With stride ``s``, padding ``p`` and dilation ``d`` along each axis::

        y[n, c, o] = max over t < kernel of x[n, c, o s - p + t d]

    over those places that are inside.  There are ``floor((N + 2 p - d (kernel - 1) - 1) / s) + 1`` windows along an
    axis of extent ``N``, with ``ceil_mode`` rounded up, but none that begins behind the image and the padding before
    it.  A NaN in a window wins; of equal values the first one takes the gradient, of NaN the last, as in torch.

    Parameters
    ----------
    kernel : int or sequence of int
        One for all axes of space, or one for each; the number of axes is the input's.
    stride : int, sequence of int or None
        None: the kernel.
    padding : int or sequence of int
        At most half of what a window reaches over.
    dilation : int or sequence of int
    ceil_mode : bool

    >>> MaxPool(2)(np.arange(16.0).reshape(1, 1, 4, 4))
    array([[[[ 5.,  7.],
             [13., 15.]]]])
    """

    def __init__(self, kernel: Ints, stride: Ints | None = None, padding: Ints = 0, dilation: Ints = 1, *,
                 ceil_mode: bool = False) -> None:
        super().__init__(kernel, stride, padding, dilation, ceil_mode)


class _Adaptive(Pooling):
    """Windows that are counted instead of measured."""

    def __init__(self, outputs: int | Sequence[int | None]) -> None:
        super().__init__()
        self.outputs = check_outputs(self, outputs)

    def _make_axes(self, space: Shape) -> tuple[Axis, ...]:
        return adaptive_axes(self, self.outputs, space)

    def _describe(self) -> str:
        return show_outputs(self.outputs)


class AdaptiveMaxPool(_Adaptive, _Maximum):
    """The largest of as many windows as are wished: ``floor(o N / outputs) ... ceil((o + 1) N / outputs) - 1``.

    Parameters
    ----------
    outputs : int or sequence of int or None
        Windows along each axis of space; None in a sequence keeps the axis as it is.

    >>> AdaptiveMaxPool(2)(np.arange(5.0).reshape(1, 1, 5))
    array([[[2., 4.]]])
    """


class _Average(Pooling):
    """What averages have in common."""

    def forward(self, x: Array, *, training: bool = False) -> Array:
        """Average each window.

        Parameters
        ----------
        x : ndarray of float32 or float64, shape (batch, channels, *space)
        training : bool
            Make `backward` possible, which needs the shape only.

        Returns
        -------
        ndarray, shape ``output_shape(x.shape)``
        """
        seen = dense(self._check(x))
        shape = self.output_shape(seen.shape)
        y = recycled(shape, seen.dtype)
        if y.size:
            self._run_rows(averages.emit_average, (kind_of(y),), seen, y, 0, self._layout(seen, "average"))
        if training:
            self._keep(seen.shape, shape)
        return y

    def backward(self, dy: Array) -> Array:
        """Spread each gradient evenly over its window."""
        shape, result = self._recall()
        above = dense(self._check_gradient(dy, result))
        dx = recycled(shape, above.dtype)
        if dx.size:
            self._run_rows(averages.emit_adjoint, (kind_of(dx),), above, dx, 0, self._layout(dx, "adjoint"))
        return dx


class AveragePool(Windows, _Average):
    """The average of each window.

    With stride ``s`` and padding ``p`` along each axis::

        y[n, c, o] = sum over t < kernel of x[n, c, o s - p + t] / count

    where what is outside counts as zero, ``count`` is the number of places inside the image and, with
    ``count_include_pad``, inside its padding.  Windows are counted as in `MaxPool`.  Sums go down the rows first, then
    along; the error grows with the sum of the window's extents, not with their product.

    Parameters
    ----------
    kernel, stride, padding, ceil_mode
        As in `MaxPool`.
    count_include_pad : bool
    divisor : int or None
        Divide by this number instead; torch calls it ``divisor_override``.

    >>> AveragePool(2)(np.arange(16.0).reshape(1, 1, 4, 4))
    array([[[[ 2.5,  4.5],
             [10.5, 12.5]]]])
    """

    def __init__(self, kernel: Ints, stride: Ints | None = None, padding: Ints = 0, *, ceil_mode: bool = False,
                 count_include_pad: bool = True, divisor: int | None = None) -> None:
        super().__init__(kernel, stride, padding, 1, ceil_mode)
        self.count_include_pad = bool(count_include_pad)
        self.divisor = None if divisor is None else check_count(self.where, "divisor", divisor)

    def _describe(self) -> str:
        parts = [super()._describe()] + ["padding not counted"] * (not self.count_include_pad)
        return ", ".join(parts + [f"divisor {self.divisor}"] * (self.divisor is not None))


class AdaptiveAveragePool(_Adaptive, _Average):
    """The averages of as many windows as are wished; they lie as in `AdaptiveMaxPool`.

    Parameters
    ----------
    outputs : int or sequence of int or None

    >>> AdaptiveAveragePool(2)(np.arange(5.0).reshape(1, 1, 5))
    array([[[1., 3.]]])
    """


class GlobalAveragePool(Pooling):
    """The average of each channel over all places, ``y[n, c] = sum over space of x[n, c, ...] / size``.

    Summed in float64, of float64 data with compensation.

    Parameters
    ----------
    keep_axes : bool
        Whether the axes of space stay, with extent 1.

    >>> GlobalAveragePool()(np.arange(8.0).reshape(1, 2, 2, 2)).tolist()
    [[[[1.5]], [[5.5]]]]
    """

    def __init__(self, *, keep_axes: bool = True) -> None:
        super().__init__()
        self.keep_axes = bool(keep_axes)

    def _make_axes(self, space: Shape) -> tuple[Axis, ...]:
        return tuple(Axis(extent, 1) for extent in space)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(batch, channels, 1, ...), or (batch, channels) without the axes."""
        shape = super().output_shape(input_shape)
        return shape if self.keep_axes else shape[:2]

    def forward(self, x: Array, *, training: bool = False) -> Array:
        """Average each plane."""
        seen = dense(self._check(x))
        y = recycled(self.output_shape(seen.shape), seen.dtype)
        self._run(averages.emit_mean, seen, y, seen.shape)
        if training:
            self._keep(seen.shape, y.shape)
        return y

    def backward(self, dy: Array) -> Array:
        """Spread each gradient evenly over its plane."""
        shape, result = self._recall()
        above = dense(self._check_gradient(dy, result))
        dx = recycled(shape, above.dtype)
        self._run(averages.emit_mean_adjoint, above, dx, shape)
        return dx

    @staticmethod
    def _run(emit: Any, source: Array, out: Array, shape: Shape) -> None:
        planes, plane = prod(shape[:2]), prod(shape[2:])
        per_item = max(1, CHUNK // plane)
        cells = (address(source), address(out), planes, per_item, plane, bits(float(plane)))
        program(emit, kind_of(out))(cells, -(-planes // per_item), planes * plane)

    def _describe(self) -> str:
        return "" if self.keep_axes else "axes dropped"
