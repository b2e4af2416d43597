"""IDX files, plain or gzipped, as MNIST and its like are distributed.

A file is two bytes of zero, one that tells the type, one that tells the number of axes; then each extent as
four bytes, the highest first; then the numbers, row by row.

Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", section "File formats".
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np
import numpy.typing as npt

from ..errors import DataError

Stream = BinaryIO | gzip.GzipFile
TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MAX_BYTES = 1 << 31
"""Most that is unpacked, unless the caller says otherwise."""
DEFLATE_RATIO = 1032
"""Deflate makes 258 bytes of two bits at best: no file unpacks to more than this times its size."""
_CHUNK_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"
_AGAIN = "fetch it again"


def read_idx(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> npt.NDArray[Any]:
    """Read an IDX file, plain or gzipped.

    Parameters
    ----------
    path
        The file; it is its first bytes that tell whether it is gzipped.
    max_bytes
        Most bytes of numbers that are read.

    Returns
    -------
    ndarray
        With the extents and the type that the file tells, in native byte order.

    Raises
    ------
    DataError
        A file that is missing, of another kind, shorter or longer than its header says, or larger than `max_bytes`.

    Notes
    -----
    What the header promises is compared with the length of the file before anything is allocated.  A gzipped
    file is unpacked up to the promised length and no further, and its checksum is verified.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = Path(f"{folder}/two").write_bytes(bytes([0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 2, 7, 9]))
    ...     read_idx(f"{folder}/two")
    array([[7, 9]], dtype=uint8)
    """
    source = Path(path)
    try:
        length = source.stat().st_size
        with source.open("rb") as file:
            packed = file.read(2) == _GZIP
            file.seek(0)
            if packed:
                with gzip.open(file) as stream:
                    return _read(source, stream, length * DEFLATE_RATIO, max_bytes, packed=True)
            return _read(source, file, length, max_bytes, packed=False)
    except FileNotFoundError:
        raise DataError(f"read_idx: {source} does not exist; check the path") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"read_idx: {source} is damaged or cut short ({str(error).rstrip('.')}); {_AGAIN}"
                        ) from error
    except OSError as error:
        raise DataError(f"read_idx: {source} cannot be read ({error.strerror}); check the path and its rights"
                        ) from error


def _read(source: Path, stream: Stream, most: int, max_bytes: int, *, packed: bool) -> npt.NDArray[Any]:
    head = stream.read(4)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in TYPES:
        _refuse(source, f"does not begin as an IDX file (0 0 type axes, but {' '.join(map(str, head)) or 'nothing'})",
                "give an IDX file, plain or gzipped")
    axes = head[3]
    extents = stream.read(4 * axes)
    if len(extents) < 4 * axes:
        _refuse(source, f"ends inside its header of {4 + 4 * axes} bytes", _AGAIN)
    shape = struct.unpack(f">{axes}I", extents)
    dtype = np.dtype(TYPES[head[2]])
    size = math.prod(shape) * dtype.itemsize
    told = f"promises {'x'.join(map(str, shape)) or 1} numbers, {size} bytes"
    there = most - (0 if packed else 4 + 4 * axes)
    if size > there or (size != there and not packed):
        holds = f"unpacks to {there} at most" if packed else f"has {there} behind its header"
        _refuse(source, f"{told}, but {holds}", _AGAIN)
    if size > max_bytes:
        _refuse(source, f"{told}, more than max_bytes={max_bytes}", "allow more if it is meant to be so large")
    body = _body(source, stream, size, told)
    array = np.frombuffer(body, dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _body(source: Path, stream: Stream, size: int, told: str) -> bytearray:
    """Read so many bytes; memory grows with what is really there."""
    body = bytearray()
    while len(body) < size:
        part = stream.read(min(size - len(body), _CHUNK_BYTES))
        if not part:
            _refuse(source, f"{told}, but holds {len(body)}", _AGAIN)
        body += part
    # At the end of a gzipped file this reads, and verifies, the checksum.
    if stream.read(1):
        _refuse(source, f"{told}, but holds more", _AGAIN)
    return body


def _refuse(source: Path, what: str, way_out: str) -> NoReturn:
    raise DataError(f"read_idx: {source} {what}; {way_out}")
