"""``faltung explain image``: an image as its numbers, and a kernel on them."""

from __future__ import annotations

import argparse
from typing import Any

DESCRIPTION = """\
Show an image as its numbers, the kernel's window on them, the products and their sum, and the output cell by cell.  Of
a large image 12x12 cells are shown, around its middle or around --at; of colours the luminance, or one channel.

  faltung explain image photo.png --kernel sobel
  faltung explain image photo.png --kernel gaussian:sigma=1 --at 120x80 --size 9x9 -o numbers.gif
  faltung explain image photo.jpg --kernel sharpen --at 0x0 --border edge --step 0 -o corner.png
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Enter image and kernel, and which part is shown."""
    add = parser.add_argument
    add("image", metavar="IMAGE", help="an image file: .png, .jpg, .tif or .npy")
    add("--kernel", "-k", required=True, metavar="NAME-or-FILE",
        help="a name (faltung kernels lists them), with parameters as in gaussian:sigma=2,size=9; or a file")
    add("--at", metavar="ROWxCOLUMN", help="middle of what is shown of a large image (default: its own)")
    add("--size", metavar="ROWSxCOLUMNS", help="how much is shown, up to 20x20 (default: all of a small image, 12x12 "
        "of a large one, fewer under a large kernel)")
    add("--border", default="reflect", help="what stands outside: a number, edge, reflect, symmetric or wrap "
        "(default: reflect)")
    add("--mode", default="same", help="same (default) or valid")
    add("--operation", default="correlate", help="correlate (default), or convolve, which flips the kernel")
    add("--channel", type=int, metavar="N", help="one channel of a colour image")


def scene(options: argparse.Namespace) -> Any:
    """Make the scene."""
    from .. import images
    from ..show.numbers import Numbers
    from .words import extents, kernel, number_or_word

    at, size = (None if text is None else extents(option, text)
                for option, text in (("--at", options.at), ("--size", options.size)))
    return Numbers(images.read(options.image), kernel(options.kernel), options.operation, mode=options.mode,
                   border=number_or_word(options.border), at=at, size=size, channel=options.channel)
