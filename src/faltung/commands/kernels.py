"""``faltung kernels``: the catalogue, listed; one kernel as numbers and a picture; described; drawn; or fitted."""

from __future__ import annotations

import argparse
import sys
from inspect import getdoc
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import kernels
from ..errors import KernelError
from ..kernels.checking import nearest, parameters, say
from ..kernels.describing import picture, table
from . import fit, words

ACTIONS = ("list", "show", "describe", "fit")
DRAWN = ("show", "describe")
FITTING = {"size": "5", "ridge": 0.0, "output": None}
"""Options of fit alone, with their defaults."""


def run(options: argparse.Namespace) -> int:
    """List the catalogue, show or describe one kernel, or fit one to two pictures."""
    if options.action not in ACTIONS:
        raise KernelError(f"kernels: action {options.action!r} is unknown; {nearest(options.action, ACTIONS)}")
    if options.action == "fit":
        return fit.run(options)
    for option in ("size", "ridge") if options.action in DRAWN else ("size", "ridge", "output"):
        if getattr(options, option) != FITTING[option]:
            which = "fit, show and describe" if option == "output" else "fit"
            raise KernelError(f"kernels: --{option} is for {which}, not for {options.action}; leave it out")
    names = options.operands
    if len(names) > 1:
        raise KernelError(f"kernels: {options.action} takes one kernel, not {len(names)}; ask for one after the other")
    if options.action == "list":
        print(_entry(names[0]) if names else _catalogue())
        return 0
    if not names:
        raise KernelError(f"kernels: {options.action} needs a kernel, as in: faltung kernels {options.action} "
                          "gaussian:sigma=2")
    taps = words.kernel(names[0])
    if options.output is not None:
        _draw(taps, names[0], options.output)
    print(kernels.describe(taps) if options.action == "describe" else _shown(taps))
    return 0


def _draw(taps: npt.NDArray[Any], name: str, output: str) -> None:
    """Draw the taps and their frequency response; a file of taps is called by its name."""
    from pathlib import Path

    from .. import show
    from ..show.filters import Kernel

    scene = Kernel(taps)
    scene.name = name if name.partition(":")[0] in kernels.KERNELS else Path(name).name
    show.write(show.picture(scene), output)


def _catalogue() -> str:
    return "\n".join(map(_entry, kernels.KERNELS))


def _entry(name: str) -> str:
    """Say what a kernel is, and its parameters with their defaults."""
    if name not in kernels.KERNELS:
        raise KernelError(f"kernel {name!r} is unknown; {nearest(name, kernels.KERNELS)}")
    function = kernels.KERNELS[name]
    told = ",".join(f"{key}={say(value)}" for key, value in parameters(function).items() if value is not None)
    free = [key for key, value in parameters(function).items() if value is None]
    summary = (getdoc(function) or "").splitlines()[0].removeprefix("Make ").rstrip(".")
    return f"{name}{':' if told else ''}{told}{f' ({say(free)})' if free else ''}\n    {summary}"


def _shown(taps: npt.NDArray[Any]) -> str:
    kind = f"{'x'.join(map(str, taps.shape))} {taps.dtype}"
    drawn = picture(np.abs(taps) if taps.dtype.kind == "c" else taps, shades=shades())
    return f"{kind}\n\n{table(taps)}\n\n{drawn}"


def shades() -> str:
    """Give the blocks of a terminal, or letters where it cannot show them."""
    blocks = " ░▒▓█"
    try:
        blocks.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return " .:*#"
    return blocks
