"""Pyramids: an image at half, quarter, eighth of its size; or what each step leaves out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DTypeError, KernelError, ShapeError
from ..problem.border import Sides, parse_border
from .effects import saturate
from .filtering import along, filtered_axes, kept, native, product_plan

Pixels = npt.NDArray[Any]
LINE = np.array([1, 4, 6, 4, 1]) / 16
KINDS = ("gaussian", "laplacian")


@dataclass(frozen=True, eq=False)
class Pyramid(Sequence[Pixels]):
    """The levels of an image, from the finest; see `pyramid`.

    Of kind "gaussian" all are images.  Of kind "laplacian" the last is an image, and the others
    are what it lacks, in a signed dtype.
    """

    levels: tuple[Pixels, ...]
    kind: str
    axes: tuple[int, ...]
    dtype: np.dtype[Any]
    border: Any

    def __len__(self) -> int:
        return len(self.levels)

    def __getitem__(self, index: Any) -> Any:
        return self.levels[index]

    def __iter__(self) -> Iterator[Pixels]:
        return iter(self.levels)

    def reconstruct(self) -> Pixels:
        """Give the image back.

        ``image = level[0] + expand(level[1] + expand(level[2] + ...))`` of a laplacian one, with the same `expand` as
        it was made with: exactly for integers, and for floats to one rounding of the larger of the two that
        are added at each level.
        """
        if self.kind == "gaussian":
            return self.levels[0].copy()
        image = self.levels[-1]
        for detail in reversed(self.levels[:-1]):
            coarse = _expand(image, detail.shape, self)
            image = (coarse.astype(detail.dtype) + detail).astype(self.dtype)
        return image.copy() if len(self.levels) == 1 else image


def pyramid(image: Any, levels: int | None = None, kind: str = "gaussian", *, border: Any = "reflect",
            channel_axis: int | None = None) -> Pyramid:
    """Build the pyramid of an image.

    ``g[0] = image``, ``g[i + 1][p] = sum over t of g[i][2 p + t] w[t]``, with ``w = (1, 4, 6, 4, 1) / 16`` along each
    axis: the gaussian pyramid, whose levels have half the extent, rounded up.  The laplacian one keeps ``g[i] -
    expand(g[i + 1])`` and the last ``g``; `expand` doubles the extent by the same ``2 w``.

    Parameters
    ----------
    image : array_like
        Integers or floats; all axes but `channel_axis` are halved.
    levels : int, optional
        Number of levels, the image counted; as many as there are until an extent of 1, by default.
    kind : {"gaussian", "laplacian"}
    border
        As in `correlate`.  Where it is not "wrap", images are expanded with "edge".
    channel_axis : int, optional
        Axis of the channels; alpha is one of them.

    Returns
    -------
    Pyramid
        A sequence of arrays, the finest first, with ``reconstruct()``.  Gaussian levels have the dtype of the
        image, rounded, and the first is the image itself, not a copy; laplacian ones int16 for 8-bit pixels,
        int32 for 16-bit, int64 for wider ones, floats as they are.

    Raises
    ------
    KernelError
        An unknown kind.
    ShapeError, DTypeError, BorderError
        An argument that does not fit.

    References
    ----------
    Burt and Adelson, "The Laplacian pyramid as a compact image code" (1983), equations 1, 2 and 4, with a = 3/8.

    Examples
    --------
    >>> picture = np.random.default_rng(0).integers(0, 256, (9, 12), np.uint8)
    >>> layers = pyramid(picture, 3, "laplacian")
    >>> [layer.shape for layer in layers], layers[0].dtype, bool((layers.reconstruct() == picture).all())
    ([(9, 12), (5, 6), (3, 3)], dtype('int16'), True)
    """
    pixels = native(np.asarray(image))
    if pixels.dtype.kind not in "iuf" or not pixels.ndim:
        raise DTypeError(f"pyramid: image has dtype {pixels.dtype} and {pixels.ndim} axes; pass an array of integers "
                         "or floats")
    if kind not in KINDS:
        raise KernelError(f"pyramid: kind={kind} is unknown; use {' or '.join(KINDS)}")
    axes = filtered_axes("pyramid", pixels.shape, channel_axis)
    sides = parse_border("pyramid", border, len(axes))
    count = _count(pixels.shape, axes, levels)
    frame = Pyramid((), kind, axes, pixels.dtype, border)
    made = [pixels]  # seen, not copied
    for halve in _halvings(pixels.shape, pixels.dtype, axes, sides, count - 1):
        made.append(halve(made[-1]))
    if kind == "laplacian":
        signed = _signed(pixels.dtype)
        made[:-1] = [fine.astype(signed) - _expand(coarse, fine.shape, frame).astype(signed)
                     for fine, coarse in pairwise(made)]
    return Pyramid(tuple(made), kind, axes, pixels.dtype, border)


def _count(shape: tuple[int, ...], axes: tuple[int, ...], levels: Any) -> int:
    extents = [shape[axis] for axis in axes]
    if 0 in extents or not extents:
        raise ShapeError(f"pyramid: image {shape} is empty along an axis that is halved, or has none; give it samples")
    most = (min(extents) - 1).bit_length() + 1
    if levels is None:
        return most
    if isinstance(levels, bool) or not isinstance(levels, int | np.integer) or not 1 <= levels <= most:
        raise ShapeError(f"pyramid: levels={levels} must be a whole number from 1 to {most}, at which the smallest "
                         f"axis of image {shape} has one sample")
    return int(levels)


def _signed(dtype: np.dtype[Any]) -> np.dtype[Any]:
    if dtype.kind == "f":
        return dtype
    return np.dtype({1: np.int16, 2: np.int32}.get(dtype.itemsize, np.int64))


def _working(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(np.float32 if dtype.itemsize <= 2 or dtype == np.float32 else np.float64)


@kept
def _halvings(shape: tuple[int, ...], dtype: np.dtype[Any], axes: tuple[int, ...], sides: Sides,
              count: int) -> list[Callable[[Pixels], Pixels]]:
    """What makes each level from the one before; of images with two axes, plans that do both at once."""
    if len(axes) != 2 or 0 in shape:
        return [partial(_halve, axes=axes, sides=sides)] * count
    found = []
    for _ in range(count):
        found.append(product_plan(shape, dtype, (LINE, LINE), axes, sides, dtype, stride=2))
        shape = tuple(-(-extent // 2) if axis in axes else extent for axis, extent in enumerate(shape))
    return found


def _halve(image: Pixels, axes: tuple[int, ...], sides: Sides) -> Pixels:
    values = image
    for place, pair in enumerate(sides):
        last = place == len(sides) - 1
        values = along(values, LINE, place, axes, pair, 2, overflow="saturate",
                       dtype=image.dtype if last else _working(image.dtype))
    return values


def _expand(image: Pixels, shape: tuple[int, ...], frame: Pyramid) -> Pixels:
    """Double the extents: even samples see three coarse ones, odd samples two."""
    border = "wrap" if frame.border == "wrap" else "edge"
    values = image
    for place, axis in enumerate(frame.axes):
        working = _working(frame.dtype)
        wanted = [shape[axis] if other == axis else extent for other, extent in enumerate(values.shape)]
        made = np.empty(wanted, working)
        lead = (slice(None),) * axis
        for start, line in ((0, [0.125, 0.75, 0.125]), (1, [0.0, 0.5, 0.5])):
            part = made[(*lead, slice(start, None, 2))]
            full = along(values, np.array(line), place, frame.axes, (border, border), dtype=working)
            part[...] = full[(*lead, slice(part.shape[axis]))]
        values = made
    return saturate(values, frame.dtype)
