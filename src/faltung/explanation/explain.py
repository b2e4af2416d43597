"""`explain`: a call's outputs, each as its sum."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice, product
from math import prod
from typing import Any

import numpy as np

from ..arrays import Like, adopt
from ..asking import Asked, ask
from ..errors import DTypeError, PlanError, ShapeError
from ..markup import table as html_table
from ..markup import tag
from ..problem.extents import as_integer
from .places import Index
from .sums import Output, Sums
from .text import Line, line, name

LIMIT = 64
"""Outputs that are told, unless more are asked for."""
MOST_TERMS = 100_000
"""Products of one output that are told at most."""


def explain(function: Callable[..., Any], *arguments: Any, at: Any = None, limit: int = LIMIT, full: bool = False,
            **options: Any) -> Explanation:
    """Tell each output of a call as its sum.

    Parameters
    ----------
    function : callable
        `convolve`, `correlate`, `autocorrelate`, `conv`, `conv_transpose`, or a gradient of the last two.
    *arguments, **options
        Exactly its arguments, except ``out`` and those for missing values.
    at : int, tuple of int and slice, or list of these, optional
        Which outputs to tell; all by default, in order.
    limit : int
        Tell so many outputs at most; a note says how many there are.
    full : bool
        Write all terms of long sums, which are shortened in the middle otherwise.

    Returns
    -------
    Explanation
        Iterates over `Output` values; ``print`` writes one line for each, notebooks show a table.

    Raises
    ------
    ShapeError
        ``at`` is outside the result, or one output sums more than 100,000 products.
    PlanError, DTypeError
        A call that cannot be explained; the function's own errors besides.

    Notes
    -----
    The call is computed by the engine, and each sum is compared with what came out.  A tap on the border is written
    ``[border: 0]*1`` where a constant stands, and ``[border: x[1]=7]*2`` where the border repeats a sample.

    Examples
    --------
    >>> from faltung import convolve
    >>> print(explain(convolve, [1, 2, 3], [1, 10]))
    convolve: 4 outputs, each a sum of 2 products; border 0
    y[0] = [border: 0]*10 + 1*1 = 1
    y[1] = 1*10 + 2*1 = 12
    y[2] = 2*10 + 3*1 = 23
    y[3] = 3*10 + [border: 0]*1 = 30
    >>> explain(convolve, [1, 2, 3], [1, 10])[2].value
    23
    """
    asked = ask("explain", function, arguments, options)
    for argument, value in zip((*asked.names[1:], "bias"), (asked.image, asked.kernel, asked.bias), strict=True):
        if isinstance(value, Like):
            raise DTypeError(f"explain: {argument} is a Like, which has no values; pass an array (cost and plan take "
                             "a Like)")
    if asked.folds:
        raise PlanError(f"explain: {asked.function} adds sums over border samples to those of the samples that they "
                        "repeat, which is more than one sum; explain it with a number as border")
    terms = asked.lowered.problem.terms
    if terms > MOST_TERMS:
        raise ShapeError(f"explain: one output of {asked.function} sums {terms:,} products; up to {MOST_TERMS:,} can "
                         "be told")
    count = as_integer(limit)
    if count is None or count < 1:
        raise ShapeError(f"explain: limit is {limit!r}, but must be an integer of at least 1")
    result, _ = adopt(function(*arguments, **options), asked.function, "result")
    return Explanation(asked, np.asarray(result), _chosen(result.shape, at), count, full=full)


class Explanation:
    """The outputs of a call as sums: to iterate over, to print, to show in a notebook.

    ``explanation[3, 4]`` is output (3, 4), whether it is among those that are told or not.

    Attributes
    ----------
    shape : tuple of int
        Of the result.
    indices : list of tuple
        The outputs that are told.
    asked_for : int
        How many would be, but for the limit.
    """

    def __init__(self, asked: Asked, result: np.ndarray, chosen: Selection, limit: int, *, full: bool) -> None:
        self._asked, self._sums, self._full = asked, Sums(asked, result), full
        self.shape, self.asked_for = result.shape, chosen.count
        self.indices: list[Index] = list(islice(iter(chosen), limit))

    def __len__(self) -> int:
        return len(self.indices)

    def __iter__(self) -> Iterator[Output]:
        return map(self._sums.output, self.indices)

    def __getitem__(self, index: Any) -> Any:
        """Return one output by its index in the result; several, as a list, by an index with slices."""
        one = index if isinstance(index, tuple) else (index,)
        ranges = _ranges(self.shape, one)
        found = [self._sums.output(place) for place in product(*ranges)]
        return found if any(isinstance(part, slice) for part in one) else found[0]

    def lines(self) -> list[Line]:
        """One line for each output, their names padded to one width."""
        outputs = list(self)
        width = max((len(name(output)) for output in outputs), default=0)
        return [line(output, full=self._full, width=width) for output in outputs]

    @property
    def title(self) -> str:
        """What is explained, in one line."""
        problem = self._asked.lowered.problem
        outputs, terms = prod(self.shape), problem.terms
        gaps = " at most" if any(step > 1 for step in problem.image_dilation) else ""
        each = f"{terms:,} product{'s' * (terms != 1)}{gaps}"
        count = f"{outputs:,} outputs, each" if outputs != 1 else "1 output,"
        sides = ", ".join(dict.fromkeys(str(side) for pair in problem.border for side in pair))
        return f"{self._asked.function}: {count} a sum of {each}; border {sides}"

    @property
    def notes(self) -> list[str]:
        """What is left out."""
        if len(self) == self.asked_for:
            return []
        return [f"{len(self):,} of {self.asked_for:,} outputs; limit= tells more, at= others"]

    def __str__(self) -> str:
        return "\n".join([self.title, *(line.plain for line in self.lines()), *self.notes])

    def __repr__(self) -> str:
        return f"<Explanation of {self._asked.function}: {len(self):,} of {prod(self.shape):,} outputs>"

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        from rich.text import Text

        yield Text(self.title, "bold")
        for told in self.lines():
            yield told.rich()
        for note in self.notes:
            yield Text(note, "dim")

    def _repr_html_(self) -> str:
        rows = [(tag("code", name(output)), line(output, full=self._full).html) for output in self]
        return html_table(rows, title=self.title, notes=self.notes)


# ---------------------------------------------------------------- which outputs

class Selection:
    """Outputs that were asked for: blocks of indices, one after the other."""

    def __init__(self, blocks: list[list[range | list[int]]]) -> None:
        self._blocks = blocks
        self.count = sum(prod(len(part) for part in block) for block in blocks)

    def __iter__(self) -> Iterator[Index]:
        for block in self._blocks:
            # not `product`, which would hold every number of a large block before it gives the first
            yield from _indices(block)


def _indices(block: list[range | list[int]]) -> Iterator[Index]:
    if not block:
        yield ()
        return
    for first in block[0]:
        for rest in _indices(block[1:]):
            yield (first, *rest)


def _chosen(shape: Index, at: Any) -> Selection:
    if at is None:
        return Selection([[range(extent) for extent in shape]])
    entries = at if isinstance(at, list) else [at]
    return Selection([_ranges(shape, entry if isinstance(entry, tuple) else (entry,)) for entry in entries])


def _ranges(shape: Index, index: tuple[Any, ...]) -> list[range | list[int]]:
    """The places along each axis that an index names."""
    if len(index) != len(shape):
        axes = f"{len(shape)} ax{'i' if len(shape) == 1 else 'e'}s"
        raise ShapeError(f"explain: output {index} has {len(index)} ind{'ex' if len(index) == 1 else 'ices'}, but the "
                         f"result {shape} has {axes}; give one for each")
    return [_range(shape, index, axis) for axis in range(len(shape))]


def _range(shape: Index, index: tuple[Any, ...], axis: int) -> range | list[int]:
    part, extent = index[axis], shape[axis]
    if isinstance(part, slice):
        return range(extent)[part]
    number = as_integer(part)
    if number is None:
        raise ShapeError(f"explain: output {index} must be made of integers and slices, not {part!r}")
    if not -extent <= number < extent:
        raise ShapeError(f"explain: output {index} is outside the result {shape}; use 0 to {extent - 1} along axis "
                         f"{axis}")
    return [number % extent]


