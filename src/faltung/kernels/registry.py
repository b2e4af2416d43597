"""The catalogue by name, as the command line writes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import KernelError
from . import designs, slopes, smoothing
from .checking import Kernel, nearest, parameters

KERNELS: dict[str, Callable[..., Kernel]] = {
    function.__name__: function for function in (
        smoothing.identity, smoothing.box, smoothing.gaussian, slopes.sharpen, slopes.sobel, slopes.laplacian,
        slopes.emboss,
        smoothing.disk, smoothing.pyramid, smoothing.binomial, smoothing.b_spline, smoothing.motion, smoothing.lanczos,
        slopes.unsharp, slopes.scharr, slopes.prewitt, slopes.roberts, slopes.kirsch,
        slopes.difference_of_gaussians, slopes.laplacian_of_gaussian,
        designs.savitzky_golay, designs.gabor, designs.ricker, designs.fir,
    )
}
"""The registry: name to function."""


def named(text: str) -> Kernel:
    """Make a kernel from a name and its parameters, as the command line writes them.

    Parameters
    ----------
    text
        ``"name"`` or ``"name:parameter=value,parameter=value"``; a value is a number, ``true`` or
        ``false``, several numbers with ``x`` between them (``size=5x7``), or a word where the parameter
        takes one (``kind=bessel``).  Beside the function's parameters every kernel has ``scale``, by which
        all its taps are multiplied.

    Raises
    ------
    KernelError
        If no kernel, or no parameter of it, has this name, or a value is not one.

    Examples
    --------
    >>> named("gaussian:sigma=1,size=5").shape
    (5, 5)
    >>> named("box:size=2x3").shape
    (2, 3)
    >>> named("sobel:axis=0,ndim=1,scale=0.5")
    array([-0.5,  0. ,  0.5])
    """
    if not isinstance(text, str):
        raise KernelError(f"named: text={text!r} must be a text, as gaussian:sigma=2")
    name, _, rest = text.partition(":")
    function = KERNELS.get(name)
    if function is None:
        raise KernelError(f"kernel {name!r} is unknown; {nearest(name, KERNELS)}")
    known = parameters(function) | {"scale": 1.0}
    options: dict[str, Any] = {}
    for part in filter(None, rest.split(",")):
        key, equals, value = part.partition("=")
        if key not in known:
            raise KernelError(f"kernel {name!r}: parameter {key!r} is unknown; {nearest(key, known)}")
        if not equals:
            raise KernelError(f"kernel {name!r}: parameter {key!r} has no value; write {key}=VALUE")
        options[key] = value if isinstance(known[key], str) else _value(name, key, value)
    try:
        scale = options.pop("scale", None)
        kernel = function(**options)
        return kernel if scale is None else kernel * np.float64(scale)
    except TypeError as error:
        raise KernelError(f"kernel {text!r}: {error}") from error


def _value(name: str, key: str, text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        numbers = [_number(part) for part in text.split("x")]
    except ValueError:
        raise KernelError(
            f"kernel {name!r}: {key}={text} is not a number; write {key}=2, or {key}=2x3 for one per axis"
        ) from None
    return numbers[0] if len(numbers) == 1 else numbers


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)
