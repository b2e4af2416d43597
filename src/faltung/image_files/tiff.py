"""TIFF files without compression, or deflated, of any depth: uint8 to uint32, float16 to float64.

Pillow drops the lower half of 16-bit colour, and knows no float colour at all.

Source: TIFF revision 6.0, sections 2 (structure), 8 (baseline fields), 14 (differencing) and 19
(sample format); Adobe technical note "TIFF specification supplement 2" (deflate).
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from .orientation import FIELD, follow

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _STRIPS, _SAMPLES = 256, 257, 258, 259, 262, 273, 277
_ROWS_PER_STRIP, _STRIP_BYTES, _PLANAR, _PREDICTOR, _TILE_WIDTH, _EXTRA, _FORMAT = 278, 279, 284, 317, 322, 338, 339
_SHORT, _LONG = 3, 4
_TYPES = {1: "B", _SHORT: "H", _LONG: "I"}
_FORMATS = {1: "u", 2: "i", 3: "f"}
_NONE, _DEFLATE, _OLD_DEFLATE = 1, 8, 32946
_MIN_IS_BLACK, _RGB = 1, 2
DTYPES = ("uint8", "uint16", "int16", "uint32", "int32", "float16", "float32", "float64")

Fields = dict[int, tuple[int, ...]]


def encode(pixels: npt.NDArray[Any]) -> bytes:
    """Encode (height, width) or (height, width, channels) as the bytes of a TIFF file."""
    height, width = pixels.shape[:2]
    samples = 1 if pixels.ndim == 2 else pixels.shape[2]
    colour = samples >= 3
    body = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<")).tobytes()
    fields: dict[int, tuple[int, list[int]]] = {
        _WIDTH: (_LONG, [width]),
        _HEIGHT: (_LONG, [height]),
        _BITS: (_SHORT, [8 * pixels.itemsize] * samples),
        _COMPRESSION: (_SHORT, [_NONE]),
        _PHOTOMETRIC: (_SHORT, [_RGB if colour else _MIN_IS_BLACK]),
        _STRIPS: (_LONG, [8]),
        _SAMPLES: (_SHORT, [samples]),
        _ROWS_PER_STRIP: (_LONG, [height]),
        _STRIP_BYTES: (_LONG, [len(body)]),
        _PLANAR: (_SHORT, [1]),
        _FORMAT: (_SHORT, [{"u": 1, "i": 2, "f": 3}[pixels.dtype.kind]] * samples),
    }
    if samples in (2, 4):
        fields[_EXTRA] = (_SHORT, [2])
    body += b"\0" * (len(body) % 2)
    return struct.pack("<2sHI", b"II", 42, 8 + len(body)) + body + _directory(fields, 8 + len(body))


def _directory(fields: dict[int, tuple[int, list[int]]], offset: int) -> bytes:
    """Write the table of fields; values longer than four bytes follow behind it."""
    behind = offset + 2 + 12 * len(fields) + 4
    table, tail = struct.pack("<H", len(fields)), b""
    for tag, (kind, values) in sorted(fields.items()):
        packed = struct.pack(f"<{len(values)}{_TYPES[kind]}", *values)
        if len(packed) > 4:
            tail += packed
            packed = struct.pack("<I", behind + len(tail) - len(packed))
        table += struct.pack("<HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
    return table + struct.pack("<I", 0) + tail


def decode(data: bytes) -> npt.NDArray[Any] | None:
    """Decode the bytes of a TIFF file, or return None if it is of a kind that is left to Pillow.

    Raises
    ------
    ValueError
        If the file has several pages, or ends before its pixels do.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None:
        return None
    try:
        fields, following = _fields(data, order)
    except struct.error as error:
        raise ValueError("the file ends inside its directory") from error
    if following:
        raise ValueError("the file has several pages; split it into one file for each")
    dtype = _sample_dtype(fields, order)
    if dtype is None:
        return None
    return follow(_pixels(data, fields, dtype), fields.get(FIELD, (1,))[0])


def is_deep(data: bytes) -> bool:
    """Whether a TIFF file holds more than 16 bits, or 16 bits as floats, in several channels."""
    fields, _ = _fields(data, "<" if data[:2] == b"II" else ">")
    return max(fields.get(_BITS, (1,))) > 16 and fields.get(_SAMPLES, (1,))[0] > 1


def _fields(data: bytes, order: str) -> tuple[Fields, int]:
    """Read the first directory, and where the next one is (0 for nowhere)."""
    (start,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, start)
    fields: Fields = {}
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, length = struct.unpack_from(order + "HHI", data, entry)
        if kind not in _TYPES:
            continue
        code = f"{order}{length}{_TYPES[kind]}"
        size = struct.calcsize(code)
        where = entry + 8 if size <= 4 else struct.unpack_from(order + "I", data, entry + 8)[0]
        fields[tag] = struct.unpack_from(code, data, where)
    (following,) = struct.unpack_from(order + "I", data, start + 2 + 12 * count)
    return fields, following


def _sample_dtype(fields: Fields, order: str) -> np.dtype[Any] | None:
    """Dtype of the samples, or None where this file is not one of ours."""
    bits, formats = set(fields.get(_BITS, (1,))), set(fields.get(_FORMAT, (1,)))
    samples = fields.get(_SAMPLES, (1,))[0]
    ours = (
        fields.get(_COMPRESSION, (_NONE,))[0] in (_NONE, _DEFLATE, _OLD_DEFLATE)
        and (fields.get(_PREDICTOR, (1,))[0] == 1 or (fields[_PREDICTOR][0] == 2 and formats != {3}))
        and (fields.get(_PLANAR, (1,))[0] == 1 or samples == 1)
        and fields.get(_PHOTOMETRIC, (0,))[0] == (_MIN_IS_BLACK if samples < 3 else _RGB)
        and _TILE_WIDTH not in fields
        and len(bits) == len(formats) == 1
        and samples <= 4
    )
    name = f"{_FORMATS.get(min(formats), '?')}{min(bits) // 8}"
    if not ours or name not in ("u1", "u2", "i2", "u4", "i4", "f2", "f4", "f8") or min(bits) % 8:
        return None
    return np.dtype(order + name)


def _pixels(data: bytes, fields: Fields, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    height, width, samples = fields[_HEIGHT][0], fields[_WIDTH][0], fields.get(_SAMPLES, (1,))[0]
    strips = [data[start : start + size] for start, size in zip(fields[_STRIPS], fields[_STRIP_BYTES], strict=True)]
    if fields.get(_COMPRESSION, (_NONE,))[0] != _NONE:
        strips = [zlib.decompress(strip) for strip in strips]
    body = b"".join(strips)
    needed = height * width * samples * dtype.itemsize
    if len(body) < needed:
        raise ValueError(f"the file ends after {len(body)} of {needed} bytes of pixels")
    pixels = np.frombuffer(body, dtype, needed // dtype.itemsize).reshape(height, width, samples)
    pixels = pixels.astype(dtype.newbyteorder("="))
    if fields.get(_PREDICTOR, (1,))[0] == 2:
        pixels = np.cumsum(pixels, axis=1, dtype=pixels.dtype)
    return pixels if samples > 1 else pixels[:, :, 0]
