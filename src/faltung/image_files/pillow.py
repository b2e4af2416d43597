"""PNG, JPEG and TIFF through Pillow, which is imported on first use only."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt

from . import png, tiff
from .orientation import FIELD, follow

Pixels = npt.NDArray[Any]
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF"}
_PLAIN_MODES = ("L", "LA", "RGB", "RGBA", "I;16", "F")
_WHOLE_MODES = {"1": "L", "PA": "RGBA", "La": "LA", "RGBa": "RGBA", "CMYK": "RGB", "YCbCr": "RGB", "LAB": "RGB"}


def decode(data: bytes) -> Pixels:
    """Decode a file's bytes: (height, width) or (height, width, channels), native depth.

    A palette becomes RGB (or RGBA), one bit a pixel 0 and 255; a camera's note of how it was held
    is followed.

    Raises
    ------
    ValueError, OSError, SyntaxError
        What Pillow raises for a damaged file.
    """
    if png.depth_and_colour_type(data) == (16, 4):
        both = _open(png.grey_alpha_as_rgba(data))
        bytes_of_both = _array(both)
        return follow(_join(bytes_of_both[..., 0::2], bytes_of_both[..., 1::2]), _orientation(both))
    if data[:4] in (b"II*\0", b"MM\0*"):
        pixels = tiff.decode(data)
        if pixels is not None:
            return pixels
        if tiff.is_deep(data):
            raise ValueError("colour of more than 16 bits is read without compression only; save it so, or as .npy")
    image = _open(data)
    if _is_16bit_colour(image):
        image.info.pop("transparency", None)
        return follow(_join(_array(image), _array(_swapped(_open(data)))), _orientation(image))
    return _array(_oriented(image))


def encode(pixels: Pixels, suffix: str) -> bytes:
    """Encode uint8, uint16 or (TIFF) other pixels as the bytes of a file of this suffix."""
    form = FORMATS[suffix]
    if form == "TIFF":
        return tiff.encode(pixels)
    if pixels.dtype.name == "uint16" and pixels.ndim == 3:
        return png.encode_16bit(pixels)
    from PIL import Image

    # Pillow's 16-bit mode is little-endian whatever the machine.
    image = Image.fromarray(np.ascontiguousarray(pixels, "<u2" if pixels.dtype.name == "uint16" else np.uint8))
    stream = io.BytesIO()
    options: dict[str, Any] = {"quality": 95, "subsampling": 0} if form == "JPEG" else {}
    image.save(stream, form, **options)
    return stream.getvalue()


def _open(data: bytes) -> Any:
    from PIL import Image

    image: Any = Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "TIFF"))
    if image.format == "TIFF" and image.n_frames > 1:
        raise ValueError("the file has several pages; split it into one file for each")
    return image


def _orientation(image: Any) -> Any:
    """Read how the picture was held; a PNG may tell it behind its pixels, so they are decoded before."""
    return image.getexif().get(FIELD, 1)


def _oriented(image: Any) -> Any:
    from PIL import ImageOps

    return ImageOps.exif_transpose(image)


def _array(image: Any) -> Pixels:
    """Bring an opened image into one of the plain modes, and see it as an array."""
    # NumPy would hide what goes wrong while the pixels are decoded.
    image.load()
    if image.mode == "P" or (image.mode in ("L", "RGB") and "transparency" in image.info):
        with_alpha = "RGBA" if image.mode in ("P", "RGB") else "LA"
        image = image.convert(with_alpha if "transparency" in image.info else "RGB")
    elif image.mode in _WHOLE_MODES:
        image = image.convert(_WHOLE_MODES[image.mode])
    if image.mode == "I":
        return np.asarray(image, np.int32)
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)
    if image.mode not in _PLAIN_MODES:
        raise ValueError(f"pixels of Pillow's mode {image.mode!r} are not read; convert the file to RGB")
    return np.array(image)


def _is_16bit_colour(image: Any) -> bool:
    return bool(image.tile) and _swap(image.tile[0][3]) is not None


def _swapped(image: Any) -> Any:
    """Have Pillow unpack the lower byte of each 16-bit sample, by telling it the other byte order.

    It keeps one byte of every 16-bit colour sample: the upper one, if the order is the true one.
    """
    # A tile is a named tuple in newer releases of Pillow, and a plain one in older ones.
    image.info.pop("transparency", None)
    made = getattr(type(image.tile[0]), "_make", tuple)
    image.tile = [made((*tile[:3], _swap(tile[3]))) for tile in image.tile]
    return image


def _swap(arguments: Any) -> Any:
    """Replace the raw mode at the head of a decoder's arguments; None if it is not of 16-bit colour."""
    mode = arguments if isinstance(arguments, str) else arguments[0] if arguments else ""
    if not isinstance(mode, str) or not mode.startswith("RGB") or ";16" not in mode:
        return None
    import sys

    native_other = "B" if sys.byteorder == "little" else "L"
    other = mode[:-1] + {"L": "B", "B": "L", "N": native_other}[mode[-1]]
    return other if isinstance(arguments, str) else (other, *arguments[1:])


def _join(high: Pixels, low: Pixels) -> Pixels:
    return high.astype(np.uint16) << 8 | low
