"""How a caller's arrays are seen by the engine: views as data, never copies.

An operand's view is ``array.reshape(split).transpose(permutation)``; ``split`` only parts an axis
or adds axes of length one, so NumPy never copies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter, methodcaller
from typing import Any, Protocol


class Strided(Protocol):
    """Where outputs lie: all that is asked of an output's view."""

    def strides(self) -> tuple[int, ...]:
        """Elements between neighbours along each axis."""


@dataclass(frozen=True, slots=True)
class View:
    """One operand: its own shape, the shape it is split into, and the order of the axes then."""

    shape: tuple[int, ...]
    split: tuple[int, ...]
    permutation: tuple[int, ...]

    def __call__(self, array: Any) -> Any:
        """See ``array`` (of shape ``self.shape``) as the engine's operand."""
        return array.reshape(self.split).transpose(self.permutation)

    @property
    def quickest(self) -> Callable[[Any], Any] | None:
        """What sees arrays so with the least effort; None where they already have the engine's axes."""
        if self.permutation != tuple(range(len(self.split))):
            return self
        added = len(self.split) - len(self.shape)
        if self.split[added:] == self.shape:
            return itemgetter((None,) * added) if added else None
        return methodcaller("reshape", self.split)

    def strides(self) -> tuple[int, ...]:
        """Strides, in elements, of the view of a C-contiguous array of ``self.shape``."""
        steps, step = [], 1
        for extent in reversed(self.split):
            steps.append(step)
            step *= extent
        steps.reverse()
        return tuple(steps[axis] for axis in self.permutation)


@dataclass(frozen=True, slots=True)
class Layout:
    """The three views of one call, and what is done to the kernel before it is seen.

    ``flip`` names the axes of the *caller's* kernel that are reversed (a convolution),
    ``conjugate`` whether a complex kernel is conjugated (a correlation).
    """

    image: View
    kernel: View
    output: View
    flip: tuple[int, ...] = ()
    conjugate: bool = False

    def see_kernel(self, kernel: Any) -> Any:
        """Flip, conjugate and view the caller's kernel."""
        if self.flip:
            reverse = slice(None, None, -1)
            kernel = kernel[tuple(reverse if axis in self.flip else slice(None) for axis in range(kernel.ndim))]
        if self.conjugate and kernel.dtype.kind == "c":
            kernel = kernel.conj()
        return self.kernel(kernel)
