"""PNG files of 16 bits a channel with more than one channel, which Pillow does not write.

Source: PNG specification, third edition, sections 5 (chunks), 9 (filtering) and 11.2 (IHDR, IDAT).
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
_FILTER_UP = 2


def encode_16bit(pixels: npt.NDArray[np.uint16]) -> bytes:
    """Encode an array (height, width, channels) of uint16 as the bytes of a PNG file."""
    height, width, channels = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 16, _COLOUR_TYPES[channels], 0, 0, 0)
    lines: npt.NDArray[Any] = np.ascontiguousarray(pixels, ">u2").view(np.uint8).reshape(height, -1)
    filtered = np.empty((height, lines.shape[1] + 1), np.uint8)
    filtered[:, 0] = _FILTER_UP
    filtered[:1, 1:] = lines[:1]
    # "Up" is the difference to the line above modulo 256, which uint8 does by itself.
    filtered[1:, 1:] = lines[1:] - lines[:-1]
    body = zlib.compress(filtered.tobytes(), 6)
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def depth_and_colour_type(data: bytes) -> tuple[int, int]:
    """Read bits a channel and colour type from the start of a PNG file."""
    return (data[24], data[25]) if len(data) > 25 and data.startswith(SIGNATURE) else (0, 0)


def grey_alpha_as_rgba(data: bytes) -> bytes:
    """Declare 16-bit grey with alpha to be 8-bit RGBA, which has the same bytes: (high, low) each.

    Both have four bytes a pixel, so the filters of the lines stay right.
    """
    header = bytearray(data[16:29])
    header[8], header[9] = 8, 6
    return data[:16] + bytes(header) + struct.pack(">I", zlib.crc32(b"IHDR" + header)) + data[33:]


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
