"""Compiled objects on disk: one file each, checked when read, written atomically, bounded in size.

The folder is private to the user: objects are code, so a folder or file that somebody else owns or
may write to is not used at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from pathlib import Path

MAGIC = b"faltung object 1\n"
LIMIT_BYTES = 256 << 20
"""Beyond this the least recently used objects are removed."""

SHRINK_EVERY = 128
"""Only one write in so many looks at the whole folder, which may hold thousands of files."""


def folder() -> Path:
    """Folder of the cache: ``FALTUNG_CACHE_DIR``, or the user's cache folder."""
    chosen = os.environ.get("FALTUNG_CACHE_DIR")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path("~/.cache").expanduser()) / "faltung"


def _is_private(path: Path) -> bool:
    if not hasattr(os, "getuid"):
        return True
    status = path.stat()
    return status.st_uid == os.getuid() and not status.st_mode & 0o022


def read(key: str) -> bytes | None:
    """Read an object; None where there is none, or where it is damaged or foreign."""
    path = folder() / key
    try:
        if not (_is_private(path.parent) and _is_private(path)):
            return None
        content = path.read_bytes()
    except OSError:
        return None
    head, image = content[:len(MAGIC) + 32], content[len(MAGIC) + 32:]
    if head != MAGIC + hashlib.sha256(image).digest():
        return None
    with contextlib.suppress(OSError):
        os.utime(path)
    return image


def write(key: str, image: bytes) -> None:
    """Keep an object; a cache that cannot be written is no error, only slower."""
    place = folder()
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not _is_private(place):
            return
        # tempfile would do, but takes longer to import than an object to load
        temporary = place / f".new-{os.getpid()}-{threading.get_ident()}-{key[:8]}"
        try:
            with os.fdopen(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
                file.write(MAGIC + hashlib.sha256(image).digest() + image)
            temporary.replace(place / key)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        if int(key[-2:], 16) % SHRINK_EVERY == 0:
            _shrink(place)
    except OSError:
        return


def forget(key: str) -> None:
    """Remove one object."""
    with contextlib.suppress(OSError):
        (folder() / key).unlink()


def _objects(place: Path) -> list[tuple[float, int, str]]:
    found = []
    with contextlib.suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                if (len(entry.name) == 64 or entry.name.startswith(".new-")) and entry.is_file():
                    status = entry.stat()
                    found.append((status.st_mtime, status.st_size, entry.path))
    return sorted(found)


def _shrink(place: Path) -> None:
    objects = _objects(place)
    total = sum(size for _, size, _ in objects)
    for _, size, path in objects:
        if total <= LIMIT_BYTES:
            return
        with contextlib.suppress(OSError):
            Path(path).unlink()
        total -= size


def size_bytes() -> int:
    """Bytes that the cache holds now."""
    return sum(size for _, size, _ in _objects(folder()))


def clear() -> int:
    """Remove every object; how many there were."""
    objects = _objects(folder())
    for _, _, path in objects:
        with contextlib.suppress(OSError):
            Path(path).unlink()
    return len(objects)
