"""Where an element of the engine's operands lies in the caller's arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..lowering import Lowered
from ..problem.layout import View

Index = tuple[int, ...]


def ravel(index: Index, shape: Index) -> int:
    """Number of an element, in the order of C.

    >>> ravel((1, 2), (3, 4))
    6
    """
    number = 0
    for place, extent in zip(index, shape, strict=True):
        number = number * extent + place
    return number


def unravel(number: int, shape: Index) -> Index:
    """Index of an element whose number is known.

    >>> unravel(6, (3, 4))
    (1, 2)
    """
    places = []
    for extent in reversed(shape):
        number, place = divmod(number, extent)
        places.append(place)
    return tuple(reversed(places))


def seen(view: View, index: Index) -> Index:
    """Index in the engine's operand of the array's element ``index``.

    >>> seen(View((2, 6), (2, 2, 3), (1, 0, 2)), (1, 4))
    (1, 1, 1)
    """
    split = unravel(ravel(index, view.shape), view.split)
    return tuple(split[axis] for axis in view.permutation)


def unseen(view: View, index: Index) -> Index:
    """Index in the array of the engine's element ``index``.

    >>> unseen(View((2, 6), (2, 2, 3), (1, 0, 2)), (1, 1, 1))
    (1, 4)
    """
    split = [0] * len(index)
    for axis, place in zip(view.permutation, index, strict=True):
        split[axis] = place
    return unravel(ravel(tuple(split), view.split), view.shape)


class Places(NamedTuple):
    """From the caller's output to the engine's, and from the engine's samples and taps to the caller's."""

    output: Callable[[Index], Index]
    image: Callable[[Index], Index]
    kernel: Callable[[Index], Index]


def places_of(lowered: Lowered) -> Places:
    """How the elements of a call's arrays and of its engine's operands correspond."""
    _, layout, arrangement = lowered

    def tap(index: Index) -> Index:
        found = unseen(layout.kernel, index)
        shape = layout.kernel.shape
        return tuple(shape[axis] - 1 - place if axis in layout.flip else place for axis, place in enumerate(found))

    if arrangement is None:
        return Places(lambda index: seen(layout.output, index), lambda index: unseen(layout.image, index), tap)
    order = arrangement
    return Places(
        lambda index: seen(layout.output, _back(order.output, index)),
        lambda index: _back(order.image, unseen(layout.image, index)),
        lambda index: _back(order.kernel, tap(index)))


def _back(order: Index, index: Index) -> Index:
    """Undo ``transpose(order)`` for an index.

    >>> _back((2, 0, 1), (7, 8, 9))
    (8, 9, 7)
    """
    places = [0] * len(order)
    for axis, place in zip(order, index, strict=True):
        places[axis] = place
    return tuple(places)
