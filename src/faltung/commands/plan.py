"""``faltung plan``: how an operation would be computed."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from typing import Any

from .. import operations
from ..arrays import Like
from ..errors import PlanError
from . import volumes, words
from .apply import dtype_named

_SHARED = ("border", "stride", "dilation")
OPTIONS = {
    "convolve": ("mode", "overflow", *_SHARED),
    "correlate": ("mode", "overflow", *_SHARED),
    "conv": ("padding", "groups", "activation", "layout", *_SHARED),
    "conv_transpose": ("padding", "output_padding", "groups", "activation", "layout", "stride", "dilation"),
}
_STEPS = ("stride", "dilation", "padding", "output_padding", "groups")


def run(options: argparse.Namespace) -> int:
    """Print the plan, and the code on request."""
    if options.operation not in OPTIONS:
        raise PlanError(f"plan: operation {options.operation!r} is unknown; use one of {', '.join(OPTIONS)}")
    plan = operations.plan(getattr(operations, options.operation), *operands(options), **_asked(options))
    print(plan)
    if options.ir:
        print(f"\n{plan.ir()}")
    if options.assembly:
        print(f"\n{plan.assembly()}")
    return 0


def operands(options: argparse.Namespace) -> tuple[Any, Any]:
    """Image and kernel, as far as a command's options tell them."""
    dtype = dtype_named(options.dtype)
    image = Like(words.extents("--image", options.image), dtype.name)
    if re.match(r"\d", options.kernel):
        kernel_dtype = dtype_named(options.kernel_dtype) if options.kernel_dtype else dtype
        return image, Like(words.extents("--kernel", options.kernel), kernel_dtype.name)
    taps = words.kernel(options.kernel)
    return image, taps.astype(dtype_named(options.kernel_dtype)) if options.kernel_dtype else taps


def _asked(options: argparse.Namespace) -> dict[str, Any]:
    asked: dict[str, Any] = {"method": options.method}
    if options.measure:
        asked["measure"] = True
    if options.max_workspace is not None:
        asked["max_workspace"] = volumes.memory(options.max_workspace, "--max-workspace")
    if options.threads is not None:
        asked["threads"] = options.threads
    return {**asked, **chosen("plan", options, OPTIONS)}


def chosen(command: str, options: argparse.Namespace, table: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """Collect the options that were given; each must be one that the table has for the operation."""
    asked, known = {}, table[options.operation]
    for name in sorted({name for names in table.values() for name in names}):
        if not hasattr(options, name):
            continue
        if name not in known:
            raise PlanError(f"{command}: {options.operation} has no --{name.replace('_', '-')}; it has "
                            + ", ".join(f"--{other.replace('_', '-')}" for other in known))
        asked[name] = _value(name, getattr(options, name))
    return asked


def _value(name: str, text: str) -> Any:
    if name in _STEPS and re.match(r"-?\d", text):
        return words.steps(f"--{name.replace('_', '-')}", text)
    return words.number_or_word(text) if name == "border" else text
