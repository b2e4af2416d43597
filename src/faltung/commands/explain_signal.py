"""``faltung explain signal``: a kernel or pattern slid along a signal."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

DESCRIPTION = """\
Slide a kernel along a signal: the products at each shift, their sum, and the result as it grows, highest where the two
are most alike.  Signal and kernel are numbers with commas between, or files: .npy, .txt or .csv.

  faltung explain signal --signal 0,0,0,1,2,3,2,1,0,0 --kernel 1,2,3,2,1
  faltung explain signal --signal 0,0,0,1,2,3,2,1,0,0 --kernel 1,2,3,2,1 --operation match -o found.gif
  faltung explain signal --signal heart.csv --kernel beat.npy --operation match --score ncc -o beats.html
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Enter signal and kernel, and what is done with them."""
    add = parser.add_argument
    add("--signal", required=True, metavar="NUMBERS-or-FILE", help="as 0,1,2.5 or --signal=-1,2; or a file")
    add("--kernel", required=True, metavar="NUMBERS-or-FILE", help="as 1,2,1; or a file")
    add("--operation", default="convolve", help="convolve (default), which flips the kernel, correlate, or match")
    add("--mode", help="full (default), same, valid or causal")
    add("--border", default="0", help="what stands outside: a number, edge, reflect, symmetric or wrap (default: 0)")
    add("--score", default="zncc", help="of match: zncc (default), ncc, correlation, ssd or nssd")


def scene(options: argparse.Namespace) -> Any:
    """Make the scene."""
    from ..show.sliding import Sliding
    from .words import number_or_word

    return Sliding(_numbers("--signal", options.signal), _numbers("--kernel", options.kernel), options.operation,
                   options.mode, border=number_or_word(options.border), score=options.score)


def _numbers(option: str, text: str) -> Any:
    """Read numbers as they are typed, or a file of them.

    Examples
    --------
    >>> _numbers("--signal", "1,2,3"), _numbers("--signal", "0.5, 1")
    (array([1, 2, 3]), array([0.5, 1. ]))
    """
    import numpy as np

    from ..errors import ShapeError
    from .words import kernel

    if Path(text).suffix.lower() in (".npy", ".txt", ".csv"):
        return kernel(text).squeeze()
    try:
        values = np.array([float(word) for word in text.replace(",", " ").split()])
    except ValueError:
        values = np.zeros(0)
    if not len(values):
        raise ShapeError(f"{option} {text}: not numbers; write them as 0,1,2.5, or name a .npy, .txt or .csv file")
    whole = np.isfinite(values).all() and (values == np.rint(values)).all() and np.abs(values).max() < 2**31
    return values.astype(np.int64) if whole else values
