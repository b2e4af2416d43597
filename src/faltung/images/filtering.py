"""The filter that keeps an image an image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import kernels, operations
from ..arrays import Like
from ..compiler.threads import when_changed
from ..errors import DTypeError, ShapeError
from ..kernels.checking import outer
from ..planning import wisdom

Pixels = npt.NDArray[Any]


def filter(image: Any, kernel: Any, *, mode: str = "same", border: Any = "reflect", channel_axis: int | None = None,
           dtype: Any = None, stride: int | Sequence[int] = 1, dilation: int | Sequence[int] = 1,
           alpha: bool | None = None, method: str = "auto", threads: int | None = None) -> Any:
    """Filter an image: same dtype out, rounded and saturated, each colour channel on its own.

    ``out[p] = cast(sum over taps t of image[p + t - K // 2] * kernel[t])`` (the kernel is
    not flipped); ``cast`` rounds half to even and clips to the range of the dtype.  So a kernel
    with negative results, as Sobel's, shows them as 0 on unsigned pixels: ask for ``dtype="float32"``
    or ``"int16"`` to keep them.

    Parameters
    ----------
    image
        Pixels of any dtype; all axes but `channel_axis` are filtered.
    kernel
        Taps, with one axis for each filtered axis.
    mode, border, stride, dilation, method, threads
        As in `correlate`.
    channel_axis
        Axis of the colour channels; None for a grey image or a volume.
    dtype
        Dtype of the result, that of the image by default.
    alpha
        Whether the last channel is alpha, which is kept and not filtered (where the outputs are
        fewer, or more, it is taken from their places).  By default it is for pictures (two filtered
        axes) of 2 or 4 channels.

    Returns
    -------
    ndarray
        As `correlate` returns, in the dtype of the image.

    Raises
    ------
    ShapeError
        If the kernel has another number of axes than are filtered.

    Examples
    --------
    >>> import numpy as np
    >>> filter(np.array([[10, 20, 255]], np.uint8), np.array([[-1, 0, 2]]))
    array([[ 20, 255,  20]], dtype=uint8)
    """
    pixels = np.asarray(image)
    asked = request(pixels.shape, pixels.dtype, kernel, mode=mode, border=border, channel_axis=channel_axis,
                    dtype=dtype, stride=stride, dilation=dilation, alpha=alpha, method=method, threads=threads)
    result = operations.correlate(asked.filtered(pixels), asked.kernel, **asked.options)
    return asked.whole(result, pixels)


@dataclass(frozen=True)
class Request:
    """What a filter asks of `correlate`: kernel and options, and where alpha lies if there is any."""

    kernel: Pixels
    options: dict[str, Any]
    alpha_axis: int | None

    def filtered(self, pixels: Pixels) -> Pixels:
        """See the part of the image that is filtered: all but alpha."""
        if self.alpha_axis is None:
            return pixels
        return np.moveaxis(np.moveaxis(pixels, self.alpha_axis, -1)[..., :-1], -1, self.alpha_axis)

    def whole(self, result: Any, pixels: Pixels) -> Any:
        """Put the kept alpha beside the filtered channels."""
        if self.alpha_axis is None:
            return result
        alpha = np.take(pixels, -1, self.alpha_axis)
        return self.beside(result, alpha if self.in_place else self.kept(alpha, {}))

    def beside(self, result: Any, alpha: Pixels) -> Any:
        """Put alpha beside the filtered channels."""
        assert self.alpha_axis is not None
        kept = np.expand_dims(alpha.astype(result.dtype), self.alpha_axis)
        return np.concatenate([result, kept], axis=self.alpha_axis)

    @property
    def in_place(self) -> bool:
        """Whether each output sits on the pixel of the same index."""
        return self.options["mode"] == "same" and bool(np.all(np.equal(self.options["stride"], 1)))

    def kept(self, alpha: Pixels, others: dict[str, Any]) -> Pixels:
        """Take alpha from where the outputs sit: under the middle of the kernel."""
        extents = self.kernel.shape
        dilation = np.broadcast_to(self.options["dilation"], len(extents))
        spans = [(extent - 1) * int(step) + 1 for extent, step in zip(extents, dilation, strict=True)]
        delta = kernel_for(alpha.dtype, kernels.identity(spans))
        options = dict(self.options, axes=tuple(range(alpha.ndim)), dilation=1, dtype=alpha.dtype, method="auto")
        options |= others
        return np.asarray(operations.correlate(alpha, delta, **options))


def request(shape: tuple[int, ...], image_dtype: np.dtype[Any], kernel: Any, *, channel_axis: int | None = None,
            dtype: Any = None, alpha: bool | None = None, **options: Any) -> Request:
    """Work out what `filter` asks of `correlate`, from the image's shape and dtype alone."""
    taps = np.asarray(kernel)
    for name, asked in (("image", image_dtype), ("kernel", taps.dtype)):
        if asked.kind not in "biufcV":
            raise DTypeError(f"filter: {name} has dtype {asked}, which is not a number; convert it first")
    axes = filtered_axes("filter", shape, channel_axis)
    _check_kernel(shape, taps.shape, axes)
    options |= {"axes": axes, "dtype": image_dtype if dtype is None else np.dtype(dtype), "overflow": "saturate"}
    if alpha is None:
        alpha = has_alpha(shape, channel_axis)
    alpha_axis = channel_axis % len(shape) if channel_axis is not None and alpha else None
    return Request(kernel_for(image_dtype, taps), options, alpha_axis)


def kernel_for(dtype: np.dtype[Any], kernel: Pixels) -> Pixels:
    """Give a kernel the precision of the image, so that a float64 one does not slow down 8-bit pixels.

    float32 holds every 8- and 16-bit value, and its rounding lies far below one step of theirs.
    Whole-number kernels on whole-number pixels stay as they are: that sum is exact.
    """
    if kernel.dtype.kind == "c" or dtype.kind == "c" or (kernel.dtype.kind in "biu" and dtype.kind in "biu"):
        return kernel
    return kernel.astype(np.float32 if dtype.itemsize <= 2 or dtype == np.float32 else np.float64)


def filtered_axes(function: str, shape: tuple[int, ...], channel_axis: int | None) -> tuple[int, ...]:
    """Name the axes of an image that are filtered: all but that of the channels."""
    ndim = len(shape)
    if channel_axis is not None and not -ndim <= channel_axis < ndim:
        raise ShapeError(f"{function}: channel_axis={channel_axis} is out of range for an image of {ndim} axes; "
                         "use None for a grey image")
    return _all_but(ndim, None if channel_axis is None else channel_axis % ndim)


@lru_cache(maxsize=64)
def _all_but(ndim: int, channel_axis: int | None) -> tuple[int, ...]:
    """All axes but one; the same tuple each time, by which calls are known again."""
    return tuple(axis for axis in range(ndim) if axis != channel_axis)


def _check_kernel(shape: tuple[int, ...], taps: tuple[int, ...], axes: tuple[int, ...]) -> None:
    if len(taps) != len(axes):
        hint = "name the colour axis (channel_axis=-1)" if len(axes) == len(taps) + 1 else "give it as many axes"
        raise ShapeError(f"filter: kernel {taps} has {len(taps)} axes, and {len(axes)} axes of the image "
                         f"{shape} are filtered; {hint}")


def along(values: Pixels, line: Pixels, place: int, axes: tuple[int, ...], pair: Any, stride: int = 1,
          **options: Any) -> Pixels:
    """Filter along one of the filtered axes, the one at `place`, with `pair` as its border, in mode "same".

    The line goes to the engine as a kernel over all filtered axes, of extent 1 along the others: so that the
    lanes lie along the last axis, whichever is filtered.
    """
    ndim = len(axes)
    extents = [len(line) if other == place else 1 for other in range(ndim)]
    steps = tuple(stride if other == place else 1 for other in range(ndim))
    border = tuple(pair if other == place else 0 for other in range(ndim))
    kernel = kernel_for(values.dtype, line.reshape(extents))
    return np.asarray(operations.correlate(values, kernel, "same", axes=axes, border=border, stride=steps, **options))


def native(pixels: Pixels) -> Pixels:
    """The pixels in this machine's byte order."""
    return pixels if pixels.dtype.isnative else pixels.astype(pixels.dtype.newbyteorder("="))


def kept(make: Callable[..., Any]) -> Callable[..., Any]:
    """Keep what is made from plans, until they are to be made anew: for other threads, or by other measurements."""
    found = lru_cache(maxsize=128)(make)
    when_changed.append(found.cache_clear)
    wisdom.when_changed.append(found.cache_clear)
    return found


def product_plan(shape: tuple[int, ...], dtype: np.dtype[Any], lines: Sequence[Pixels | None], axes: tuple[int, ...],
                 border: Any, wanted: np.dtype[Any], stride: int = 1, method: str = "auto",
                 threads: int | None = None) -> Any:
    """Plan the filter by the product of lines, one for each axis, in mode "same"; it is kept for the next call."""
    taps = tuple(None if line is None else line.tobytes() for line in lines)
    return _plan(shape, dtype, taps, axes, border, wanted, stride, method, threads)


@kept
def _plan(shape: tuple[int, ...], dtype: np.dtype[Any], taps: tuple[bytes | None, ...], axes: tuple[int, ...],
          border: Any, wanted: np.dtype[Any], stride: int, method: str, threads: int | None) -> Any:
    lines = [np.ones(1) if line is None else np.frombuffer(line) for line in taps]
    return operations.plan(operations.correlate, Like(shape, dtype.name), kernel_for(dtype, outer(lines)), "same",
                           axes=axes, border=border, dtype=wanted, stride=stride, method=method, threads=threads,
                           overflow="saturate")


def has_alpha(shape: tuple[int, ...], channel_axis: int | None) -> bool:
    """Whether the last channel is taken for alpha: in pictures of 2 or 4 channels."""
    return channel_axis is not None and len(shape) == 3 and shape[channel_axis] in (2, 4)
