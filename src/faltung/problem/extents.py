"""Where outputs begin, how many there are, and how far apart: the arithmetic of one axis.

With a kernel of ``K`` taps, ``reach = (K - 1) * dilation`` is how far it extends beyond its first
tap.  The full result of an image of extent ``N`` has ``N + reach`` samples, and its sample ``f``
reads the image from position ``f - reach`` on.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..errors import ShapeError

MODES = ("full", "same", "valid", "causal")
PADDINGS = ("same", "same_lower", "valid", "causal", "full")


class Window(NamedTuple):
    """The outputs along one axis: the position of the first tap of the first, count, distance."""

    start: int
    length: int
    stride: int


def as_integer(value: Any) -> int | None:
    """``value`` as an int if it is an integer (of NumPy too) and no bool."""
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def per_axis(function: str, argument: str, value: Any, ndim: int, least: int = 1) -> tuple[int, ...]:
    """Bring an integer, or one integer per axis, into a tuple; none may be below ``least``.

    >>> per_axis("conv", "stride", 2, 3), per_axis("conv", "stride", (1, 2), 2)
    ((2, 2, 2), (1, 2))
    """
    one = as_integer(value)
    entries = (value,) * ndim if one is not None else sequence(function, argument, value, ndim)
    return tuple(_at_least(function, argument, entry, axis, least) for axis, entry in enumerate(entries))


def sequence(function: str, argument: str, value: Any, ndim: int, what: str = "integer") -> tuple[Any, ...]:
    """``value`` as a tuple of ``ndim`` entries."""
    article = "an" if what[0] in "aeiou" else "a"
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        raise ShapeError(f"{function}: {argument} must be {article} {what}, or one for each axis, not {value!r}")
    entries = tuple(value)
    if len(entries) != ndim:
        raise ShapeError(
            f"{function}: {argument} has {len(entries)} entries {entries!r}, but {ndim} axes are convolved; "
            f"give one {what}, or one for each axis")
    return entries


def _at_least(function: str, argument: str, entry: Any, axis: int, least: int) -> int:
    number = as_integer(entry)
    if number is None:
        raise ShapeError(f"{function}: {argument} must be an integer, or one for each axis, not {entry!r}")
    if number < least:
        raise ShapeError(f"{function}: {argument} is {number} along axis {axis}, but must be at least {least}")
    return number


# ---------------------------------------------------------------- convolve and correlate

def check_mode(function: str, mode: Any) -> None:
    """Refuse an unknown ``mode``."""
    if not isinstance(mode, str) or mode not in MODES:
        raise ShapeError(f'{function}: mode {quote(mode)} is not known; use "full", "same", "valid" or "causal"')


def mode_window(mode: str, image: int, reach: int, stride: int = 1, first: int | None = None) -> Window:
    """Place the outputs of ``mode`` along one axis.

    In samples of the full result (``N + reach`` of them) the modes are::

        full     from 0           N + reach samples
        same     from reach // 2  N samples            (or from `first`)
        valid    from reach       N - reach samples
        causal   from 0           N samples

    of which every ``stride``-th is taken.

    >>> mode_window("same", 10, 3), mode_window("valid", 10, 3, stride=2)
    (Window(start=-2, length=10, stride=1), Window(start=0, length=4, stride=2))
    """
    begin, length = {
        "full": (0, image + reach),
        "same": (reach // 2 if first is None else first, image),
        "valid": (reach, image - reach),
        "causal": (0, image),
    }[mode]
    return Window(begin - reach, -(-length // stride), stride)


def anchored_first(anchor: int, taps: int, dilation: int, *, flipped: bool) -> int:
    """Sample of the full result at which mode "same" begins, so that tap ``anchor`` sits on it.

    The engine's tap ``t`` of sample ``f`` reads position ``f - reach + t * dilation``; a flipped
    kernel (a convolution) has the caller's tap ``anchor`` at ``t = taps - 1 - anchor``.

    >>> anchored_first(0, 3, 1, flipped=True), anchored_first(0, 3, 1, flipped=False)
    (0, 2)
    """
    return anchor * dilation if flipped else (taps - 1 - anchor) * dilation


def check_anchor(function: str, anchor: Any, mode: str, kernel: Sequence[int]) -> tuple[int | None, ...]:
    """Bring ``anchor`` into one tap index per axis, or None per axis."""
    if anchor is None:
        return (None,) * len(kernel)
    if mode != "same":
        raise ShapeError(f'{function}: anchor {anchor!r} has a meaning in mode "same" only, not in mode "{mode}"')
    anchors = per_axis(function, "anchor", anchor, len(kernel), least=0)
    for axis, (index, taps) in enumerate(zip(anchors, kernel, strict=True)):
        if index >= taps:
            raise ShapeError(
                f"{function}: anchor {index} along axis {axis} is outside the kernel of {taps} taps; "
                f"use 0 to {taps - 1}")
    return anchors


def check_outputs(function: str, outputs: Any, mode: str, ndim: int) -> tuple[slice | None, ...]:
    """Bring ``outputs`` into one slice per axis, or None per axis."""
    if outputs is None:
        return (None,) * ndim
    if mode != "full":
        raise ShapeError(
            f'{function}: outputs are slices into the full result; use them with mode="full", not "{mode}"')
    one = isinstance(outputs, slice)
    entries = (outputs,) * ndim if one else sequence(function, "outputs", outputs, ndim, "slice")
    for axis, entry in enumerate(entries):
        if not isinstance(entry, slice):
            raise ShapeError(f"{function}: outputs must be a slice, or one for each axis, not {entry!r}")
        if entry.step is not None and (as_integer(entry.step) or 0) < 1:
            raise ShapeError(
                f"{function}: outputs {entry!r} along axis {axis} has step {entry.step}, but must be at least 1")
    return entries


def pick(window: Window, outputs: slice | None) -> Window:
    """Those outputs of ``window`` that a slice with a positive step names.

    >>> pick(Window(-4, 20, 2), slice(3, -1, 4))
    Window(start=2, length=4, stride=8)
    """
    if outputs is None:
        return window
    chosen = range(*outputs.indices(window.length))
    return Window(window.start + chosen.start * window.stride, len(chosen), window.stride * chosen.step)


# ---------------------------------------------------------------- layers

Padding = tuple[int, int]


def parse_padding(function: str, padding: Any, ndim: int) -> tuple[str | Padding, ...]:
    """Bring ``padding`` into one name or (before, after) pair per axis.

    >>> parse_padding("conv", (1, "same"), 2), parse_padding("conv", ((0, 1),), 1)
    (((1, 1), 'same'), ((0, 1),))
    """
    if isinstance(padding, str) or as_integer(padding) is not None:
        return (_parse_padding_entry(function, padding, 0),) * ndim
    entries = sequence(function, "padding", padding, ndim, "padding")
    return tuple(_parse_padding_entry(function, entry, axis) for axis, entry in enumerate(entries))


def _parse_padding_entry(function: str, entry: Any, axis: int) -> str | Padding:
    if isinstance(entry, str):
        if entry not in PADDINGS:
            raise _unknown_padding(function, entry)
        return entry
    if as_integer(entry) is not None:
        entry = (entry, entry)
    if not hasattr(entry, "__len__") or len(entry) != 2:
        raise _unknown_padding(function, entry)
    before, after = (_at_least(function, "padding", side, axis, 0) for side in entry)
    return before, after


def _unknown_padding(function: str, padding: Any) -> ShapeError:
    return ShapeError(
        f"{function}: padding {quote(padding)} is not known; use an integer, a (before, after) pair for each axis, "
        '"same", "same_lower", "valid", "causal" or "full"')


def layer_padding(padding: str | Padding, image: int, reach: int, stride: int) -> Padding:
    """Count the samples that a layer's padding adds before and after one axis.

    With ``O = ceil(N / stride)`` and ``total = max((O - 1) * stride + reach + 1 - N, 0)``::

        valid        0                   0
        same         total // 2          total - total // 2
        same_lower   total - total // 2  total // 2
        causal       reach               0
        full         reach               reach

    >>> layer_padding("same", 10, 3, 1), layer_padding("same_lower", 10, 3, 1), layer_padding("same", 10, 2, 2)
    ((1, 2), (2, 1), (0, 1))
    """
    if not isinstance(padding, str):
        return padding
    outputs = -(-image // stride)
    total = max((outputs - 1) * stride + reach + 1 - image, 0)
    half = total // 2
    return {
        "valid": (0, 0), "same": (half, total - half), "same_lower": (total - half, half),
        "causal": (reach, 0), "full": (reach, reach),
    }[padding]


def layer_window(image: int, reach: int, stride: int, padding: Padding) -> Window:
    """Place the outputs of a layer along one axis: ``(N + before + after - reach - 1) // stride + 1``.

    >>> layer_window(224, 6, 2, (3, 3))
    Window(start=-3, length=112, stride=2)
    """
    before, after = padding
    return Window(-before, (image + before + after - reach - 1) // stride + 1, stride)


def transposed_padding(padding: str | Padding, image: int, reach: int, stride: int) -> Padding:
    """Count the samples that a transposed layer's padding removes before and after one axis.

    A name means the adjoint of the layer of that name; "same" and "same_lower" give
    ``N * stride`` outputs, so a kernel shorter than the stride removes a negative number of samples.
    """
    before, after = layer_padding(padding, image * stride, reach, stride)
    if padding in ("same", "same_lower"):
        after = reach + 1 - stride - before
    return before, after


def transposed_window(image: int, reach: int, stride: int, padding: Padding, output_padding: int) -> Window:
    """Place the outputs of a transposed layer along one axis.

    There are ``(N - 1) * stride - before - after + reach + output_padding + 1``.

    ``start`` counts in the dilated image, and the kernel is seen flipped.

    >>> transposed_window(4, 2, 2, (1, 1), 1)
    Window(start=-1, length=8, stride=1)
    """
    before, after = padding
    return Window(before - reach, (image - 1) * stride - before - after + reach + output_padding + 1, 1)


def quote(value: Any) -> str:
    """Put a caller's word in double quotes, show anything else as Python does."""
    return f'"{value}"' if isinstance(value, str) else repr(value)
