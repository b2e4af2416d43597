"""``faltung kernels``: the catalogue, listed; one kernel as numbers and a picture; or described."""

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
from . import words

ACTIONS = ("list", "show", "describe")


def run(options: argparse.Namespace) -> int:
    """List the catalogue, or show or describe one kernel."""
    if options.action not in ACTIONS:
        raise KernelError(f"kernels: action {options.action!r} is unknown; {nearest(options.action, ACTIONS)}")
    if options.action == "list":
        print(_catalogue() if options.kernel is None else _entry(options.kernel))
        return 0
    if options.kernel is None:
        raise KernelError(f"kernels: {options.action} needs a kernel, as in: faltung kernels {options.action} "
                          "gaussian:sigma=2")
    taps = words.kernel(options.kernel)
    print(kernels.describe(taps) if options.action == "describe" else _shown(taps))
    return 0


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
    drawn = picture(np.abs(taps) if taps.dtype.kind == "c" else taps, shades=_shades())
    return f"{kind}\n\n{table(taps)}\n\n{drawn}"


def _shades() -> str:
    """Give the blocks of a terminal, or letters where it cannot show them."""
    blocks = " ░▒▓█"
    try:
        blocks.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return " .:*#"
    return blocks
