"""``faltung doctor``: the processor, what it can do, and where compiled code is kept."""

from __future__ import annotations

from .. import machine
from ..compiler import cache
from ..planning import calibrate


def run() -> int:
    """Print what is known and what is measured."""
    found = machine.detect()
    lines = {
        "processor": str(found.name),
        "instruction set": str(found.isa),
        "vectors": f"{found.registers} of {found.vector_bytes} bytes",
        "cores": str(found.cores),
        "caches": f"L1 {found.l1_bytes // 1024} KiB, L2 {found.l2_bytes // 1024} KiB",
        **calibrate.measure(),
        "cache folder": str(cache.folder()),
    }
    width = max(map(len, lines))
    for name, value in lines.items():
        print(f"{name:<{width}}  {value}")
    return 0
