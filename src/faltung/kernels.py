"""Named kernels, as plain arrays.

They are written for `correlate` and `filter`, which do not flip them.  Kernels of whole numbers
are int16 (so that a float32 image stays float32 beside them), all others float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import KernelError, ShapeError

Kernel = npt.NDArray[Any]


def identity(size: int | Sequence[int] = 1, ndim: int = 2) -> Kernel:
    """Make the kernel that changes nothing: one at the centre, zero elsewhere.

    ``k[t] = 1 if t == size // 2 else 0`` (Kronecker's delta).

    Examples
    --------
    >>> identity(3, ndim=1)
    array([0, 1, 0], dtype=int16)
    """
    extents = _extents("identity", size, ndim)
    kernel = np.zeros(extents, np.int16)
    kernel[tuple(extent // 2 for extent in extents)] = 1
    return kernel


def box(size: int | Sequence[int] = 3, ndim: int = 2) -> Kernel:
    """Make the kernel of the mean over a box.

    ``k[t] = 1 / (number of taps)``.

    Examples
    --------
    >>> box(2)
    array([[0.25, 0.25],
           [0.25, 0.25]])
    """
    extents = _extents("box", size, ndim)
    return np.full(extents, 1 / math.prod(extents))


def gaussian(sigma: float | Sequence[float] = 1.0, ndim: int = 2, size: int | Sequence[int] | None = None) -> Kernel:
    """Make the sampled bell, normalised to sum 1.

    ``k[t] = exp(-sum over axes of t**2 / (2 sigma**2)) / (sum of all)``, with ``t`` counted from
    the centre.  Without `size` it reaches ``ceil(4 sigma)`` taps to each side, where the bell has
    fallen below 4e-4 of its height.

    Parameters
    ----------
    sigma
        Standard deviation in samples: one for all axes, or one per axis.
    ndim
        Number of axes, when `sigma` is one number.
    size
        Extent: one for all axes, or one per axis.

    References
    ----------
    Young and van Vliet, "Recursive implementation of the Gaussian filter" (1995), equation 1.

    Examples
    --------
    >>> gaussian(1, ndim=1, size=3).round(4)
    array([0.2741, 0.4519, 0.2741])
    """
    sigmas = _per_axis("gaussian", "sigma", sigma, ndim)
    for value in sigmas:
        if not 0 < value < math.inf:
            raise KernelError(f"gaussian: sigma={_say(sigma)} must be positive and finite; use identity() for no blur")
    wanted = [2 * math.ceil(4 * value) + 1 for value in sigmas] if size is None else size
    extents = _extents("gaussian", wanted, len(sigmas))
    kernel = np.ones(())
    for value, extent in zip(sigmas, extents, strict=True):
        taps = np.arange(extent) - (extent - 1) / 2
        line = np.exp(-0.5 * np.square(taps / value))
        kernel = np.multiply.outer(kernel, line / line.sum())
    return np.asarray(kernel)


def sharpen(amount: float = 1) -> Kernel:
    """Make the kernel that adds `amount` times what a Laplacian takes away.

    ``identity - amount * laplacian``; with 1 it is ``[[0, -1, 0], [-1, 5, -1], [0, -1, 0]]``.

    References
    ----------
    Gonzalez and Woods, "Digital Image Processing", section 3.6, equation 3.6-7.

    Examples
    --------
    >>> sharpen()
    array([[ 0, -1,  0],
           [-1,  5, -1],
           [ 0, -1,  0]], dtype=int16)
    """
    if not math.isfinite(amount):
        raise KernelError(f"sharpen: amount={amount} must be finite")
    kernel = identity(3) - amount * laplacian().astype(np.float64)
    whole = amount == int(amount) and abs(amount) < 2**12
    return kernel.astype(np.int16) if whole else kernel


def sobel(axis: int = 1, ndim: int = 2) -> Kernel:
    """Make Sobel's slope along `axis`: a difference there, a smoothing (1, 2, 1) along all others.

    Positive where values rise along the axis; 8 times the slope for two axes.

    References
    ----------
    Sobel and Feldman, "A 3x3 isotropic gradient operator for image processing" (1968).

    Examples
    --------
    >>> sobel(axis=1)
    array([[-1,  0,  1],
           [-2,  0,  2],
           [-1,  0,  1]], dtype=int16)
    """
    _positive("sobel", "ndim", ndim)
    if not -ndim <= axis < ndim:
        raise ShapeError(f"sobel: axis={axis} is out of range for ndim={ndim}; use {-ndim} to {ndim - 1}")
    kernel = np.ones((), np.int16)
    for current in range(ndim):
        line = (-1, 0, 1) if current == axis % ndim else (1, 2, 1)
        kernel = np.multiply.outer(kernel, np.array(line, np.int16))
    return kernel


def laplacian(ndim: int = 2, *, diagonal: bool = False) -> Kernel:
    """Make the sum of second differences over all axes.

    ``sum over axes of (x[+1] - 2 x[0] + x[-1])``; with `diagonal`, all ``3**ndim - 1`` neighbours
    minus as many times the centre.

    References
    ----------
    Gonzalez and Woods, "Digital Image Processing", section 3.6, figure 3.37.

    Examples
    --------
    >>> laplacian()
    array([[ 0,  1,  0],
           [ 1, -4,  1],
           [ 0,  1,  0]], dtype=int16)
    """
    _positive("laplacian", "ndim", ndim)
    near = np.abs(np.indices((3,) * ndim) - 1).sum(axis=0)
    kernel: Kernel = ((near > 0) if diagonal else (near == 1)).astype(np.int16)
    kernel[(1,) * ndim] = -kernel.sum()
    return kernel


def emboss() -> Kernel:
    """Make the kernel that lights a relief from the upper left.

    A slope along the diagonal added to the image itself; the taps sum to 1.

    References
    ----------
    The kernel shown under "Emboss" in GIMP's documentation of the convolution matrix filter.

    Examples
    --------
    >>> emboss()
    array([[-2, -1,  0],
           [-1,  1,  1],
           [ 0,  1,  2]], dtype=int16)
    """
    return np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]], np.int16)


KERNELS: dict[str, Callable[..., Kernel]] = {
    function.__name__: function for function in (identity, box, gaussian, sharpen, sobel, laplacian, emboss)
}
"""The registry: name to function."""


def named(text: str) -> Kernel:
    """Make a kernel from a name and its parameters, as the command line writes them.

    Parameters
    ----------
    text
        ``"name"`` or ``"name:parameter=value,parameter=value"``; a value is a number, ``true`` or
        ``false``, or several numbers with ``x`` between them (``size=5x7``).  Beside the function's
        parameters every kernel has ``scale``, by which all its taps are multiplied.

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
    name, _, rest = text.partition(":")
    function = KERNELS.get(name)
    if function is None:
        raise KernelError(f"kernel {name!r} is unknown; {_nearest(name, KERNELS)}")
    known = [*_parameters(function), "scale"]
    options: dict[str, Any] = {}
    for part in filter(None, rest.split(",")):
        key, equals, value = part.partition("=")
        if key not in known:
            raise KernelError(f"kernel {name!r}: parameter {key!r} is unknown; {_nearest(key, known)}")
        if not equals:
            raise KernelError(f"kernel {name!r}: parameter {key!r} has no value; write {key}=VALUE")
        options[key] = _value(name, key, value)
    try:
        scale = options.pop("scale", None)
        kernel = function(**options)
        return kernel if scale is None else kernel * np.float64(scale)
    except TypeError as error:
        raise KernelError(f"kernel {text!r}: {error}") from error


def _parameters(function: Callable[..., Kernel]) -> list[str]:
    from inspect import signature

    return list(signature(function).parameters)


def _nearest(word: str, known: Any) -> str:
    """Say which known words lie near, or list them all."""
    from difflib import get_close_matches

    near = get_close_matches(word, known, n=3)
    if near:
        return "did you mean " + " or ".join(near) + "?"
    return "known: " + ", ".join(known)


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


def _per_axis(function: str, argument: str, value: Any, ndim: int) -> list[Any]:
    """Spread one value over `ndim` axes; several values stand for themselves."""
    _positive(function, "ndim", ndim)
    if not isinstance(value, Sequence | np.ndarray):
        return [value] * ndim
    if not len(value):
        raise ShapeError(f"{function}: {argument}={_say(value)} is empty; give one number, or one per axis")
    return list(value)


def _extents(function: str, size: Any, ndim: int) -> list[int]:
    extents = _per_axis(function, "size", size, ndim)
    for extent in extents:
        _positive(function, "size", extent, size)
    return extents


def _positive(function: str, argument: str, value: Any, whole: Any = None) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        shown = _say(value if whole is None else whole)
        raise ShapeError(f"{function}: {argument}={shown} must be a whole number of at least 1")


def _say(value: Any) -> str:
    return "x".join(map(str, value)) if isinstance(value, list) else str(value)
