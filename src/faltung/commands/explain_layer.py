"""``faltung explain layer``: stride, padding, dilation and transposition as grids of cells."""

from __future__ import annotations

import argparse
from typing import Any

DESCRIPTION = """\
Show which cells of its input a layer reads for each of its outputs, and how many outputs there are.  The kernel may
have 1, 2 or 3 axes.

  faltung explain layer --input 7x7 --kernel 3x3 --stride 2 --padding 1 -o layer.gif
  faltung explain layer --input 4x4 --kernel 3x3 --stride 2 --padding 1 --transposed -o transposed.html
  faltung explain layer --input 9 --kernel 3 --dilation 2 --padding causal
  faltung explain layer --input 5x5 --kernel 3x3 --padding same --border reflect --step 0 -o corner.png
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Enter the layer's parameters."""
    add = parser.add_argument
    add("--input", required=True, metavar="HxW", help="extents of the input: 9, 7x7 or 4x5x5")
    add("--kernel", required=True, metavar="HxW", help="number of taps along each axis; 3 is 3x3 for an image")
    add("--stride", default="1", metavar="S", help="distance between outputs, or one for each axis as 2x1 (default: 1)")
    add("--padding", default="0", metavar="P", help="how far the layer looks outside: a number, one for each axis as "
        "1x0, same, same_lower, valid, causal or full (default: 0)")
    add("--dilation", default="1", metavar="D", help="distance between taps (default: 1)")
    add("--border", default="0", metavar="B", help="what stands outside: a number, edge, reflect, symmetric or wrap "
        "(default: 0)")
    add("--transposed", action="store_true", help="the transposed layer, which makes more of its input")
    add("--output-padding", default="0", metavar="E", help="outputs that a transposed layer has more")


def scene(options: argparse.Namespace) -> Any:
    """Make the scene."""
    from ..show.grids import Arithmetic
    from .words import number_or_word, steps

    padding = options.padding
    return Arithmetic(
        steps("--input", options.input), steps("--kernel", options.kernel),
        stride=steps("--stride", options.stride), dilation=steps("--dilation", options.dilation),
        padding=padding if padding.isidentifier() else steps("--padding", padding),
        border=number_or_word(options.border), transposed=options.transposed,
        output_padding=steps("--output-padding", options.output_padding))
