"""``faltung explain functions``: two functions slid over each other, and the area of their product."""

from __future__ import annotations

import argparse
from typing import Any

DESCRIPTION = """\
Slide one function over another: for each shift t the area of the product of f(tau) and g(t - tau) is one value of
their convolution.  Functions are typed: numbers, t, + - * / ^, parentheses, abs sqrt exp log sin cos tan tanh min max,
pi and e; box, triangle, gaussian, exponential, b_spline with arguments as in box(width=2) or of a t + b as in
box(2*t - 1); pieces on intervals, side by side with commas; shift, stretch, scale, reverse, convolve, correlate.

  faltung explain functions "box" "triangle" -o overlap.gif
  faltung explain functions "gaussian(0.5)" "exp(-t) for t > 0" -o decay.html
  faltung explain functions "1 - abs(t) on [-1, 1]" "t on [0, 1], 2 - t on [1, 2]" --shift 0.5 -o moment.png
  faltung explain functions "sin(3*t) on [-3, 3]" --correlate -o autocorrelation.gif
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Enter the two functions, and how they meet."""
    add = parser.add_argument
    add("f", metavar="F", help="what stands still")
    add("g", metavar="G", nargs="?", help="what is flipped and shifted (default: F)")
    add("--correlate", action="store_true", help="shift G without flipping it")
    add("--shift", type=float, metavar="T", help="show one shift alone")


def scene(options: argparse.Namespace) -> Any:
    """Make the scene."""
    from ..continuous import parse
    from ..show.overlap import Overlap

    texts = (options.f, options.f if options.g is None else options.g)
    one, other = (parse(text, caller="explain") for text in texts)
    return Overlap(one, other, flip=not options.correlate, names=texts,
                   shifts=None if options.shift is None else [options.shift])
