"""``faltung explain sums``: each output as its sum, term by term."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

DESCRIPTION = """\
Write each output as the sum that it is.  A tap on the border is written [border: 0]*1 where a constant stands, and
[border: x[1]=7]*2 where the border repeats a sample.  Numbers have commas between, rows of them semicolons.

  faltung explain sums --signal 1,2,3 --kernel 1,1 --mode same --border reflect
  faltung explain sums --signal "1,2,3; 4,5,6; 7,8,9" --kernel sobel --operation correlate --at 1x1
  faltung explain sums --signal photo.png --kernel gaussian:sigma=1 --mode same --at 20x30 --full
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Enter signal and kernel, and which outputs are told."""
    add = parser.add_argument
    add("--signal", required=True, metavar="NUMBERS-or-FILE",
        help="as 0,1,2.5 or '1,2; 3,4'; or a file: a picture, .npy, .txt or .csv")
    add("--kernel", required=True, metavar="NUMBERS-NAME-or-FILE", help="as 1,2,1; sobel; or a file")
    add("--operation", default="convolve", help="convolve (default), which flips the kernel, or correlate")
    add("--mode", default="full", help="full (default), same, valid or causal")
    add("--border", default="0", help="what stands outside: a number, edge, reflect, symmetric or wrap (default: 0)")
    add("--stride", default="1", help="step between outputs: 2, or 2x1 for one per axis")
    add("--dilation", default="1", help="step between taps: 2, or 2x1 for one per axis")
    add("--at", metavar="INDEX", help="tell this output alone: 3, or 3x4")
    add("--limit", type=int, default=64, metavar="N", help="tell N outputs at most (default: 64)")
    add("--full", action="store_true", help="write all terms of long sums")


def run(options: argparse.Namespace) -> int:
    """Print the lines; in colour where a terminal reads them and rich is installed."""
    from .. import operations
    from ..errors import PlanError
    from ..explanation import explain
    from .words import extents, number_or_word, steps

    if options.operation not in ("convolve", "correlate"):
        raise PlanError(f"explain: operation {options.operation!r} is unknown; use convolve or correlate")
    told = explain(getattr(operations, options.operation), _signal(options.signal), _kernel(options.kernel),
                   options.mode, border=number_or_word(options.border), stride=steps("--stride", options.stride),
                   dilation=steps("--dilation", options.dilation), limit=options.limit, full=options.full,
                   at=None if options.at is None else extents("--at", options.at))
    if not (sys.stdout.isatty() and _print_coloured(told)):
        print(told)
    return 0


def _print_coloured(told: Any) -> bool:
    """Print by means of rich; whether it is installed."""
    try:
        from rich.console import Console
    except ImportError:
        return False
    Console(highlight=False).print(told)
    return True


def _signal(text: str) -> Any:
    from .. import images
    from .words import kernel

    path = Path(text)
    if path.suffix.lower() in (".txt", ".csv"):
        return kernel(text).squeeze()
    is_file = path.suffix[1:].isalpha()  # 0.5 has a suffix too
    return images.read(path) if is_file else _numbers("--signal", text, "a .npy, .txt, .csv or picture file")


def _kernel(text: str) -> Any:
    from .words import kernel

    if text[:1].isalpha() or Path(text).suffix.lower() in (".npy", ".txt", ".csv"):
        return kernel(text)
    return _numbers("--kernel", text, "a kernel or file")


def _numbers(option: str, text: str, other: str) -> Any:
    """Read numbers as they are typed: rows with semicolons between; whole ones stay whole.

    >>> _numbers("--signal", "1,2; 3,4", "a file").tolist(), _numbers("--signal", "0.5 1", "a file").tolist()
    ([[1, 2], [3, 4]], [0.5, 1.0])
    """
    import numpy as np

    from ..errors import ShapeError

    rows: list[list[float]] = []
    try:
        rows = [[float(word) for word in row.replace(",", " ").split()] for row in text.split(";")]
    except ValueError:
        rows = [[]]
    if not all(len(row) == len(rows[0]) > 0 for row in rows):
        raise ShapeError(f"{option} {text}: not rows of numbers; write them as '1,2; 3,4', or name {other}")
    values = np.array(rows if ";" in text else rows[0])
    is_whole = np.isfinite(values).all() and (values == np.rint(values)).all() and np.abs(values).max() < 2**31
    return values.astype(np.int64) if is_whole else values
