"""``faltung cost``: what an operation or a network takes, before it runs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..errors import PlanError, ShapeError

DESCRIPTION = """\
Tell what an operation or a network costs, without running it: multiply-adds, bytes, parameters, the predicted time of
each algorithm on this machine, and how all of it grows.  With -o, draw how the time grows (--roofline: where the
operation stands under the machine's roofline; networks are always drawn so).

  faltung cost conv --image 1x64x56x56 --kernel 64x64x3x3 --padding 1
  faltung cost correlate --image 512x512 --kernel 7x7 --mode same -o growth.png
  faltung cost network resnet --input 1x3x32x32
"""

_SHARED = ("border", "stride", "dilation")
OPTIONS = {
    "convolve": ("mode", *_SHARED),
    "correlate": ("mode", *_SHARED),
    "conv": ("padding", "groups", "layout", *_SHARED),
    "conv_transpose": ("padding", "output_padding", "groups", "layout", "stride", "dilation"),
}
"""The operations, and the options that each has."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Enter the command's options."""
    add = parser.add_argument
    add("operation", metavar="OPERATION", help="convolve, correlate, conv, conv_transpose or network")
    add("network", nargs="?", metavar="NETWORK", help="of network: small, lenet5, resnet, mobilenet_v2, or a file of "
                                                      "weights that faltung train has written")
    add("--image", metavar="SHAPE", help="as 512x512")
    add("--kernel", metavar="SHAPE-or-NAME", help="as 7x7; or gaussian:sigma=2, whose taps are then known")
    add("--input", metavar="SHAPE", help="of a network: 1x3x32x32, batch and channels first")
    add("--dtype", default="float32", help="dtype of the image (default: float32)")
    add("--kernel-dtype", help="dtype of the kernel (default: that of the image)")
    for name in ("mode", "border", "stride", "dilation", "padding", "groups", "layout", "output-padding"):
        add(f"--{name}", default=argparse.SUPPRESS, help="as the operation's argument")
    add("--method", default="auto", help="algorithm (default: auto)")
    add("--threads", type=int, metavar="N", help="number of threads (default: all processors)")
    add("--output", "-o", metavar="OUT", help="a picture: .png, .svg or .pdf")
    add("--roofline", action="store_true", help="with -o: draw the roofline instead of the growth")
    add("--width", type=int, default=800, metavar="PIXELS", help="width of the picture, 240 to 4000 (default: 800)")
    add("--theme", default="light", help="light (default) or dark")


def run(options: argparse.Namespace) -> int:
    """Print the table, and write the picture on request."""
    if options.output is not None:
        _check_output(options.output)
    found = _network(options) if options.operation == "network" else _operation(options)
    print(found)
    if options.output is not None:
        print(_drawn(found, options))
    return 0


def _check_output(output: str) -> None:
    """Refuse what could not be drawn, before anything is worked out."""
    from ..show.files import FORMATS
    from ..show.settings import need_matplotlib

    if Path(output).suffix.lower() not in FORMATS:
        raise PlanError(f"cost: {output} has no suffix of a picture; use {', '.join(FORMATS)}")
    need_matplotlib()


def _operation(options: argparse.Namespace) -> Any:
    from .. import costs, operations
    from .plan import chosen, operands

    if options.operation not in OPTIONS:
        raise PlanError(f"cost: operation {options.operation!r} is unknown; use one of {', '.join(OPTIONS)} or network")
    if options.network is not None:
        raise PlanError(f"cost: {options.operation} takes no name of a network, but {options.network!r} is given")
    for name in ("image", "kernel"):
        if getattr(options, name) is None:
            raise PlanError(f"cost: {options.operation} needs --{name}, as in --{name} 7x7")
    return costs.cost(getattr(operations, options.operation), *operands(options),
                      method=options.method, threads=options.threads, **chosen("cost", options, OPTIONS))


def _network(options: argparse.Namespace) -> Any:
    from .. import costs
    from ..compiler.threads import set_threads
    from ..layers import zoo
    from . import models, words

    if options.threads is not None:
        set_threads(options.threads)
    if options.network is None:
        raise PlanError(f"cost: network needs its name ({', '.join(zoo.NETWORKS)}) or a file of weights")
    shape = None if options.input is None else words.extents("--input", options.input)
    if options.network not in zoo.NETWORKS:
        if not Path(options.network).is_file():
            raise PlanError(f"cost: network {options.network!r} is neither one of {', '.join(zoo.NETWORKS)} nor a file")
        model, network = models.load(Path(options.network), "cost")
        return costs.cost(network, (1, *model.shape) if shape is None else shape)
    if shape is None or len(shape) != 4:
        raise ShapeError(f"cost: network {options.network} needs --input as batch, channels, height and width, as in "
                         "--input 1x3x32x32")
    told: dict[str, Any] = {"channels": shape[1]}
    if options.network in zoo.SQUARE:
        told["size"] = shape[2]
    return costs.cost(zoo.NETWORKS[options.network](**told), shape)


def _drawn(found: Any, options: argparse.Namespace) -> str:
    """Write the picture, and tell in one line what is in it."""
    from ..show import files
    from ..show.roofs import roofline
    from ..show.scaling import growth

    is_roofline = options.roofline or options.operation == "network"
    draw = roofline if is_roofline else growth
    target = files.write(draw(found, width=options.width, theme=options.theme), options.output)
    return f"cost -> {target}: {'roofline' if is_roofline else 'growth'}"
