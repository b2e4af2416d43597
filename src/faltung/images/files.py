"""Image files in and out, and the filter that keeps an image an image."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from . import kernels, operations
from .errors import DTypeError, ImageError, ShapeError
from .image_files import pillow, tiff

Pixels = npt.NDArray[Any]
SUFFIXES = (*pillow.FORMATS, ".npy")
_PNG_DTYPES, _JPEG_DTYPES = ("uint8", "uint16"), ("uint8",)
# What a decoder raises for bytes that are not what the format says.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, KeyError, IndexError, TypeError, ArithmeticError,
           MemoryError)


def read(path: str | os.PathLike[str]) -> Pixels:
    """Read an image file.

    Parameters
    ----------
    path
        PNG, JPEG, TIFF (one page) or .npy.

    Returns
    -------
    ndarray
        (height, width) or (height, width, channels): grey, grey and alpha, RGB or RGBA, with the
        depth of the file.  A .npy file gives the array that it holds.

    Raises
    ------
    ImageError
        If the file is missing, damaged or of another kind, or Pillow is not installed.
    """
    source = Path(path)
    suffix = _suffix(source, "read")
    try:
        data = source.read_bytes()
    except FileNotFoundError:
        raise ImageError(f"read: {source} does not exist; check the path") from None
    except OSError as error:
        raise ImageError(f"read: {source} cannot be read ({error.strerror}); check the path and its rights") from error
    if suffix != ".npy":
        _need_pillow("read", source)
    try:
        pixels = _decode_npy(data) if suffix == ".npy" else pillow.decode(data)
    except Exception as error:
        if not _is_damage(error):
            raise
        raise ImageError(f"read: {source} is damaged or not {_kind(suffix)} ({_reason(error)}); "
                         "save it again, or convert it to PNG") from error
    return pixels


def write(path: str | os.PathLike[str], pixels: Any) -> None:
    """Write an image file: whole, or not at all.

    The bytes go to a file beside it first, which then takes its name.

    Parameters
    ----------
    path
        PNG (uint8, uint16), JPEG (uint8, no alpha), TIFF (8- to 32-bit integers, float16 to
        float64) or .npy (anything).
    pixels
        (height, width) or (height, width, channels) with 1 to 4 channels; any array for .npy.

    Raises
    ------
    ImageError
        If the folder does not exist, the format cannot hold these pixels, or the disk refuses.
    """
    target = Path(path)
    suffix = _suffix(target, "write")
    array = np.asarray(pixels)
    check_writable(target, array.shape, array.dtype)
    if suffix == ".npy":
        data = _encode_npy(array)
    else:
        if suffix not in (".tif", ".tiff"):
            _need_pillow("write", target)
        data = pillow.encode(array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array, suffix)
    _replace(target, data)


def check_writable(path: str | os.PathLike[str], shape: tuple[int, ...], dtype: Any) -> None:
    """Raise ImageError unless `write` could hold an array of this shape and dtype at `path`."""
    target = Path(path)
    suffix, name = _suffix(target, "write"), np.dtype(dtype).name
    if not target.parent.is_dir():
        raise ImageError(f"write: {target}: folder {target.parent} does not exist; make it first (mkdir -p)")
    if target.is_dir():
        raise ImageError(f"write: {target} is a folder; name a file in it")
    if suffix == ".npy":
        if np.dtype(dtype).hasobject:
            raise ImageError(f"write: {target}: an array of Python objects is not written; convert it to numbers first")
        return
    channels = shape[2] if len(shape) == 3 else 1
    if len(shape) not in (2, 3) or not 1 <= channels <= 4 or 0 in shape:
        raise ImageError(f"write: {target}: {_kind(suffix)} holds (height, width) or (height, width, 1 to 4 channels), "
                         f"not shape {shape}; write .npy")
    dtypes = {"PNG": _PNG_DTYPES, "JPEG": _JPEG_DTYPES, "TIFF": tiff.DTYPES}[pillow.FORMATS[suffix]]
    if name not in dtypes:
        raise ImageError(f"write: {target}: {_kind(suffix)} holds {', '.join(dtypes)}, not {name}; "
                         f"write {'.npy' if 'float32' in dtypes else '.tif or .npy'}, or convert it (dtype=)")
    if pillow.FORMATS[suffix] == "JPEG" and channels in (2, 4):
        raise ImageError(f"write: {target}: JPEG holds no alpha, and the image has {channels} channels; write .png")


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
        kept = self._kept(np.take(pixels, -1, self.alpha_axis)).astype(result.dtype)
        return np.concatenate([result, np.expand_dims(kept, self.alpha_axis)], axis=self.alpha_axis)

    def _kept(self, alpha: Pixels) -> Pixels:
        """Take alpha from where the outputs sit: under the middle of the kernel."""
        if self.options["mode"] == "same" and np.all(np.equal(self.options["stride"], 1)):
            return alpha
        extents = self.kernel.shape
        dilation = np.broadcast_to(self.options["dilation"], len(extents))
        spans = [(extent - 1) * int(step) + 1 for extent, step in zip(extents, dilation, strict=True)]
        delta = kernel_for(alpha.dtype, kernels.identity(spans))
        options = dict(self.options, axes=tuple(range(alpha.ndim)), dilation=1, dtype=alpha.dtype, method="auto")
        return np.asarray(operations.correlate(alpha, delta, **options))


def request(shape: tuple[int, ...], image_dtype: np.dtype[Any], kernel: Any, *, channel_axis: int | None = None,
            dtype: Any = None, alpha: bool | None = None, **options: Any) -> Request:
    """Work out what `filter` asks of `correlate`, from the image's shape and dtype alone."""
    taps = np.asarray(kernel)
    for name, asked in (("image", image_dtype), ("kernel", taps.dtype)):
        if asked.kind not in "biufcV":
            raise DTypeError(f"filter: {name} has dtype {asked}, which is not a number; convert it first")
    axes = _filtered_axes(shape, taps.shape, channel_axis)
    options |= {"axes": axes, "dtype": image_dtype if dtype is None else np.dtype(dtype), "overflow": "saturate"}
    if alpha is None:
        alpha = channel_axis is not None and len(axes) == 2 and shape[channel_axis] in (2, 4)
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


def _filtered_axes(shape: tuple[int, ...], taps: tuple[int, ...], channel_axis: int | None) -> tuple[int, ...]:
    ndim = len(shape)
    if channel_axis is not None and not -ndim <= channel_axis < ndim:
        raise ShapeError(f"filter: channel_axis={channel_axis} is out of range for an image of {ndim} axes; "
                         "use None for a grey image")
    axes = tuple(axis for axis in range(ndim) if channel_axis is None or axis != channel_axis % ndim)
    if len(taps) != len(axes):
        hint = "name the colour axis (channel_axis=-1)" if len(axes) == len(taps) + 1 else "give it as many axes"
        raise ShapeError(f"filter: kernel {taps} has {len(taps)} axes, and {len(axes)} axes of the image "
                         f"{shape} are filtered; {hint}")
    return axes


def _suffix(path: Path, verb: str) -> str:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ImageError(f"{verb}: {path}: suffix {suffix!r} is unknown; use one of {', '.join(SUFFIXES)}")
    return suffix


def _kind(suffix: str) -> str:
    return pillow.FORMATS.get(suffix, "NumPy")


def _need_pillow(verb: str, path: Path) -> None:
    try:
        import PIL.Image  # noqa: F401  (asked whether it is there)
    except ImportError:
        raise ImageError(f'{verb}: {path}: {_kind(path.suffix.lower())} files need Pillow, which is not installed; '
                         'pip install "faltung[images]"') from None


def _is_damage(error: Exception) -> bool:
    import struct
    import zlib

    # These two are known by name: Pillow stays optional, and tokenize is seldom needed.
    named = type(error).__name__ in ("DecompressionBombError", "TokenError")
    return named or isinstance(error, (*_DAMAGE, struct.error, zlib.error))


def _reason(error: Exception) -> str:
    from re import sub

    text = sub(r"<_io\.BytesIO object at 0x[0-9a-f]+>", "its bytes", str(error))
    return " ".join(text.split()).rstrip(".") or type(error).__name__


def _decode_npy(data: bytes) -> Pixels:
    import io

    array = np.asarray(np.load(io.BytesIO(data), allow_pickle=False))
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _encode_npy(array: Pixels) -> bytes:
    import io

    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def _replace(target: Path, data: bytes) -> None:
    """Write beside the target, then take its name: readers see the old file or the new one."""
    # Through a link to what it points at, so that the link stays one.
    real = target.resolve()
    beside = real.with_name(f".{real.name}.{os.urandom(4).hex()}.part")
    try:
        beside.write_bytes(data)
        beside.replace(real)
    except OSError as error:
        raise ImageError(f"write: {target} cannot be written ({error.strerror}); "
                         "check the folder's rights and the disk's space") from error
    finally:
        beside.unlink(missing_ok=True)
