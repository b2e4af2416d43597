"""What stands outside the image: a number, or the image itself, mapped.

The names and meanings are those of ``numpy.pad``::

    edge        a a a | a b c d | d d d
    reflect     d c b | a b c d | c b a
    symmetric   c b a | a b c d | d c b
    wrap        b c d | a b c d | a b c
    7           7 7 7 | a b c d | 7 7 7
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Complex, Integral, Real
from typing import Any

from ..errors import BorderError
from .problem import Number, Side

MAPPINGS = ("edge", "reflect", "symmetric", "wrap")
ELSEWHERE = {
    "mirror": '"reflect"', "nearest": '"edge"', "replicate": '"edge"', "circular": '"wrap"', "periodic": '"wrap"',
    "grid-wrap": '"wrap"', "grid-mirror": '"symmetric"', "constant": "the number itself", "zeros": "0", "fill": "0",
}
"""What other tools call the same thing."""

Sides = tuple[tuple[Side, Side], ...]


def parse_border(function: str, border: Any, ndim: int) -> Sides:
    """Bring ``border`` into one (before, after) pair per axis.

    Accepted are one side for all, a sequence of ``ndim`` sides, and a sequence of ``ndim``
    (before, after) pairs; sides and pairs may be mixed.

    >>> parse_border("convolve", "edge", 2)
    (('edge', 'edge'), ('edge', 'edge'))
    >>> parse_border("convolve", (0, ("wrap", 1.5)), 2)
    ((0, 0), ('wrap', 1.5))
    """
    if _is_one(border):
        side = _parse_side(function, border)
        return ((side, side),) * ndim
    entries = _entries(function, border)
    if len(entries) != ndim:
        raise BorderError(
            f"{function}: border has {len(entries)} entries {border!r}, but {ndim} axes are convolved; "
            "give one border, one for each axis, or one (before, after) pair for each axis")
    return tuple(_parse_pair(function, entry) for entry in entries)


def map_index(position: int, extent: int, before: Side, after: Side) -> int | None:
    """Index of the sample that stands at ``position``, or None where a constant does.

    ``numpy.pad``'s meaning for pads of any length: reflections repeat, and an axis of extent 1
    reflects to itself.

    >>> [map_index(p, 4, "reflect", "wrap") for p in range(-5, 7)]
    [1, 2, 3, 2, 1, 0, 1, 2, 3, 0, 1, 2]
    >>> map_index(-1, 4, 0, 0) is None
    True
    """
    if 0 <= position < extent:
        return position
    side = before if position < 0 else after
    if not isinstance(side, str):
        return None
    if extent == 0:
        raise BorderError(f'border "{side}" needs samples to repeat, but the axis has extent 0; use a number')
    if side == "edge":
        return 0 if position < 0 else extent - 1
    if side == "wrap":
        return position % extent
    return _mirror(position, extent, repeat_edge=side == "symmetric")


def _mirror(position: int, extent: int, *, repeat_edge: bool) -> int:
    if extent == 1:
        return 0
    period = 2 * extent if repeat_edge else 2 * extent - 2
    place = position % period
    if place < extent:
        return place
    return period - place - (1 if repeat_edge else 0)


def fill_at(positions: Sequence[int], extents: Sequence[int], border: Sides) -> Number | None:
    """Constant that stands at ``positions`` (one per axis), or None where a sample does.

    ``numpy.pad`` pads axis by axis, so the last axis that lies outside on a constant side decides.

    >>> fill_at((-1, 9), (4, 4), ((1, 1), (2, 3))), fill_at((-1, 2), (4, 4), ((1, 1), (2, 3)))
    (3, 1)
    """
    for position, extent, sides in zip(reversed(positions), reversed(extents), reversed(border), strict=True):
        if not 0 <= position < extent:
            side = sides[position >= extent]
            if not isinstance(side, str):
                return side
    return None


def fills(border: Sides) -> tuple[Number, ...]:
    """All constants of a border."""
    return tuple(side for sides in border for side in sides if not isinstance(side, str))


def _is_one(value: Any) -> bool:
    return isinstance(value, str | Complex) or getattr(value, "ndim", None) == 0


def _entries(function: str, border: Any) -> tuple[Any, ...]:
    try:
        return tuple(border)
    except TypeError:
        raise _unknown(function, border) from None


def _parse_pair(function: str, entry: Any) -> tuple[Side, Side]:
    if _is_one(entry):
        side = _parse_side(function, entry)
        return side, side
    sides = _entries(function, entry)
    if len(sides) != 2:
        raise BorderError(
            f"{function}: border {entry!r} of one axis has {len(sides)} sides; give one (before, after) pair")
    return _parse_side(function, sides[0]), _parse_side(function, sides[1])


def _parse_side(function: str, side: Any) -> Side:
    if isinstance(side, str):
        if side not in MAPPINGS:
            raise _unknown(function, side)
        return side
    value = side.item() if hasattr(side, "item") else side
    if isinstance(value, bool) or not isinstance(value, Complex):
        raise _unknown(function, side)
    if isinstance(value, Integral):
        return _parse_integer(function, int(value))
    return float(value) if isinstance(value, Real) else complex(value)


def _parse_integer(function: str, value: int) -> int:
    if not -2**63 <= value < 2**64:
        raise BorderError(f"{function}: border {value} does not fit 64 bits (-2**63 to 2**64 - 1); use a float")
    return value


def _unknown(function: str, border: Any) -> BorderError:
    shown = f'"{border}"' if isinstance(border, str) else repr(border)
    hint = ""
    if isinstance(border, str) and border in ELSEWHERE:
        hint = f" (what others call {shown} is {ELSEWHERE[border]} here)"
    return BorderError(
        f'{function}: border {shown} is not known; use a number, "edge", "reflect", "symmetric" or "wrap"{hint}')
