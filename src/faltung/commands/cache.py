"""``faltung cache``: the folder of compiled code."""

from __future__ import annotations

from ..compiler import cache


def run(*, clear: bool) -> int:
    """Print folder and size, or clear it."""
    folder = cache.folder()
    size = cache.size_bytes()
    if clear:
        cache.clear()
        print(f"{folder}: cleared {size / 2**20:.1f} MiB")
    else:
        print(f"{folder}: {size / 2**20:.1f} MiB")
    return 0
