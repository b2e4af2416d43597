"""``faltung calibrate``: measure this machine once, so that times are predicted as they are here."""

from __future__ import annotations

import argparse
import sys
from typing import Any

DESCRIPTION = """\
Measure what this machine can do: multiply-adds, copying within the caches and in memory, transforms, waking a second
thread, and how long each method takes beside what it predicts.  It takes some seconds, on a machine that has nothing
else to do; the table is kept beside the compiled code, and used by every plan from then on.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("--forget", action="store_true", help="remove the table, and go back to the defaults")


def run(options: argparse.Namespace) -> int:
    """Measure, keep and print the table; or remove it."""
    from ..planning import factors

    if options.forget:
        factors.file().unlink(missing_ok=True)
        factors.use({})
        print(f"{factors.file()}: removed; times are predicted by the defaults")
        return 0
    from ..planning import calibration

    for line in lines(calibration.run(_progress)):
        print(line)
    print(f"kept in {factors.file()}")
    return 0


def _progress(what: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{what}", end="", file=sys.stderr, flush=True)


def lines(table: dict[str, Any]) -> list[str]:
    """The table in words."""
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    rows = [("clock", f"{table['clock'] / 1e9:.2f} GHz, in cycles as methods count them")]
    rows += [(f"multiply-adds, {dtype}", f"{flops / 1e9:.1f} GFLOP/s") for dtype, flops in table["peak"].items()]
    rows += [(f"copying, {place}", f"{rate / 1e9:.1f} GB/s") for place, rate in table["copy"].items()]
    rows += [("transforms", f"{table['fft'] / 1e9:.1f} GFLOP/s, of 2.5 n log2 n"),
             ("a second thread pays from", f"{table['serial_cycles'] / table['clock'] * 1e6:.0f} us of work")]
    rows += [(f"measured / predicted, {name}", f"{value:.2f}") for name, value in sorted(table["factors"].items())]
    width = max(len(name) for name, _ in rows)
    return [f"{name:<{width}}  {value}" for name, value in rows]
