"""Image files in and out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ImageError
from ..image_files import pillow, tiff

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
        way_out = "save it again with numpy.save" if suffix == ".npy" else "save it again, or convert it to PNG"
        raise ImageError(f"read: {source} is damaged or not {_kind(suffix)} ({_reason(error)}); {way_out}") from error
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
    with beside(target) as part:
        part.write_bytes(data)


@contextmanager
def beside(target: Path) -> Iterator[Path]:
    """Have a file written beside the target, which then takes its name: readers see the old file or the new one."""
    # Through a link to what it points at, so that the link stays one.
    real = target.resolve()
    part = real.with_name(f".{real.name}.{os.urandom(4).hex()}.part")
    try:
        yield part
        part.replace(real)
    except OSError as error:
        raise ImageError(f"write: {target} cannot be written ({error.strerror}); "
                         "check the folder's rights and the disk's space") from error
    finally:
        part.unlink(missing_ok=True)
