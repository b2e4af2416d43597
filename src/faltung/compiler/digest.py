"""The digest of the code that generates code: objects of another version are never used."""

from __future__ import annotations

import hashlib
import os
import time
from functools import cache
from pathlib import Path

from . import cache as disk

SETTLED_NS = 4_000_000_000
"""Of sources that are as young, others might yet follow with the same times: what they contain is not remembered."""

Source = tuple[str, int, int, int]
"""Path, bytes, and when contents and file were last changed."""


@cache
def generator_digest() -> str:
    """Digest of the sources' contents.

    Reading them all takes milliseconds, so it is kept on the disk for as long as none of them changes.
    """
    each = sources(Path(__file__).parent.parent)
    key = hashlib.sha256(repr(("generator", each)).encode()).hexdigest()
    known = disk.read(key)
    if known is not None:
        return known.decode()
    digest = hashlib.sha256()
    for path, *_ in each:
        digest.update(Path(path).read_bytes())
    if settled(each, time.time_ns()):
        disk.write(key, digest.hexdigest().encode())
    return digest.hexdigest()


def sources(root: Path) -> list[Source]:
    """The sources of all that generates code."""
    folders = [f"{root}/compiler", f"{root}/problem", f"{root}/matching", f"{root}/layers/code", f"{root}/algorithms"]
    with os.scandir(folders[-1]) as entries:
        folders += sorted(entry.path for entry in entries if entry.is_dir() and not entry.name.startswith("_"))
    found: list[Source] = []
    for folder in folders:
        with os.scandir(folder) as entries:
            stats = [(entry.path, entry.stat()) for entry in entries if entry.name.endswith(".py")]
        found += sorted((path, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) for path, stat in stats)
    return found


def settled(each: list[Source], now_ns: int) -> bool:
    """Whether sources are old enough to be told from later ones by their times."""
    return max(max(changed) for _, _, *changed in each) < now_ns - SETTLED_NS
