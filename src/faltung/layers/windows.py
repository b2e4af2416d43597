"""Where the windows of pooling lie, and the tables that tell it to the programs of `rows`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from math import prod
from typing import Any

import numpy as np

from ..compiler.memory import Workspace, address
from .code import rows as code

Array = np.ndarray
LINE = 32
"""Lines are multiples of so many elements, at least as many as two vectors have."""


@dataclass(frozen=True)
class Axis:
    """The windows along one axis of the source.

    ``kernel`` taps, ``dilation`` apart, the first one ``padding`` before the source; or, if ``kernel`` is 0, adaptive
    windows ``floor(o n / outputs) ... ceil((o + 1) n / outputs)``.
    """

    extent: int
    outputs: int
    kernel: int = 0
    stride: int = 1
    padding: int = 0
    dilation: int = 1

    def places(self) -> tuple[Array, Array]:
        """Each output's taps, and which of them are inside: two arrays (outputs, taps)."""
        number = np.arange(self.outputs)
        if self.kernel:
            starts, taps = number * self.stride - self.padding, np.full(self.outputs, self.kernel)
        else:
            starts = number * self.extent // self.outputs
            taps = -(-(number + 1) * self.extent // self.outputs) - starts
        tap = np.arange(taps.max(initial=0))
        place = starts[:, None] + self.dilation * tap
        return place, (tap < taps[:, None]) & (place >= 0) & (place < self.extent)

    def divisors(self, *, count_padding: bool) -> Array:
        """How many places a window averages over."""
        if self.kernel and count_padding:
            start = np.arange(self.outputs) * self.stride - self.padding
            return np.minimum(start + self.kernel, self.extent + self.padding) - start
        found: Array = self.places()[1].sum(1)
        return found

    def adjoint(self) -> tuple[Array, Array]:
        """For each place of the source, the outputs that see it: two arrays (extent, most)."""
        place, inside = self.places()
        output = np.nonzero(inside)[0]
        seen = place[inside]
        order = np.argsort(seen, kind="stable")
        counts = np.bincount(seen, minlength=self.extent)
        number = np.arange(counts.max(initial=0))
        valid = number < counts[:, None]
        found = np.zeros(valid.shape, np.int64)
        found[valid] = output[order]
        return found, valid


def _combined(axes: Sequence[tuple[Array, Array]], extents: Sequence[int]) -> tuple[Array, Array]:
    """Taps of several axes as taps of one, the last axis fastest; those inside come first."""
    place, valid = np.zeros((1, 1), np.int64), np.ones((1, 1), bool)
    for (at, inside), extent in zip(axes, extents, strict=True):
        shape = (len(place) * len(at), place.shape[1] * at.shape[1])
        place = (place[:, None, :, None] * extent + at[None, :, None, :]).reshape(shape)
        valid = (valid[:, None, :, None] & inside[None, :, None, :]).reshape(shape)
    order = np.argsort(~valid, axis=1, kind="stable")
    return np.take_along_axis(place, order, 1), np.take_along_axis(valid, order, 1)


def _product(parts: Sequence[Array]) -> Array:
    """All products of divisors, the last axis fastest."""
    found = np.ones(1)
    for part in parts:
        found = (found[:, None] * part).reshape(-1)
    return found


@dataclass
class Layout:
    """The cells of a program of `rows` from PER_ITEM on, but for the number of planes, and what they point at.

    ``workspaces`` are those for so many threads.
    """

    mode: str
    rows: int
    scratch_bytes: int
    cells: list[int]
    kept: tuple[Array, ...]
    workspaces: dict[int, Workspace] = field(default_factory=dict)


def _table(place: Array, valid: Array, row_bytes: int, divisors: Array, of_source: Array) -> Array:
    table = np.zeros((len(place), 3 + 2 * place.shape[1]), np.int64)
    table[:, 0] = valid.sum(1)
    table[:, 1] = divisors.astype(np.float64).view(np.int64)
    inside = np.where(valid, place, 0)
    table[:, 3::2] = inside * row_bytes
    table[:, 4::2] = of_source[inside].astype(np.float64).view(np.int64)
    table[1:, 2] = (table[1:] == table[:-1]).all(1)
    return table


def _up(count: int) -> int:
    return -(-count // LINE) * LINE


class _Lines:
    """How a row lies in the lines, and where its taps begin; in elements."""

    def __init__(self, axis: Axis, mode: str, *, adjoint: bool) -> None:
        self.even = self.odd = self.first_even = self.count_even = self.first_odd = self.count_odd = 0
        self.taps = [0]
        width, outputs = (axis.outputs, axis.extent) if adjoint else (axis.extent, axis.outputs)
        if mode == "unit":
            self.even = axis.kernel - 1 - axis.padding if adjoint else axis.padding
            self.taps = [tap * axis.dilation for tap in range(axis.kernel)]
            self.length = max(self.even + _up(width), self.taps[-1] + _up(outputs)) + LINE
        elif mode == "pair":
            self._pair(axis, width, outputs)
        elif mode == "spread":
            self._spread(axis, width, outputs)
        else:
            self.length = _up(width) + LINE
        self.length = _up(self.length)

    def _pair(self, axis: Axis, width: int, outputs: int) -> None:
        half = max((axis.padding + 1) // 2 + _up(width), (axis.kernel - 1) * axis.dilation // 2 + _up(outputs)) + LINE
        half = _up(half)
        swapped = axis.padding % 2
        self.even, self.odd = axis.padding // 2 + swapped * half, (axis.padding + 1) // 2 + (1 - swapped) * half
        at = [tap * axis.dilation for tap in range(axis.kernel)]
        self.taps = [one // 2 + one % 2 * half for one in at]
        self.length = 2 * half

    def _spread(self, axis: Axis, width: int, outputs: int) -> None:
        """Place ``w`` with ``w + padding = 2 q + b`` sees the outputs ``q - u`` through the taps ``2 u + b``."""
        swapped = axis.padding % 2
        counts = [(axis.kernel - b + 1) // 2 for b in (swapped, 1 - swapped)]
        shifts = [axis.padding // 2, (axis.padding + 1) // 2]
        self.even = max(0, *(count - 1 - shift for count, shift in zip(counts, shifts, strict=True)))
        self.count_even, self.count_odd = counts
        self.first_even, self.first_odd = (shift - max(count - 1, 0) + self.even
                                           for count, shift in zip(counts, shifts, strict=True))
        self.length = max(self.even + _up(width), max(shifts) + self.even + _up(outputs)) + LINE


def _mode(axis: Axis, *, adjoint: bool) -> str:
    if axis.kernel and axis.stride <= 2 and (axis.dilation == 1 or not adjoint):
        return "unit" if axis.stride == 1 else "spread" if adjoint else "pair"
    return "range"


def _ranges(place: Array, valid: Array) -> Array:
    """First and past-the-last places of the outputs; windows without a place are empty."""
    counts = valid.sum(1)
    low = np.where(counts > 0, np.take_along_axis(place, valid.argmax(1)[:, None], 1)[:, 0], 0)
    last = np.where(valid, place, -1).max(1)
    return np.stack([low, np.where(counts > 0, last + 1, 0)])


@cache
def layout(axes: tuple[Axis, ...], dtype: str, kind: str, count_padding: bool, divisor: int) -> Layout:
    """Lay out a program: ``kind`` is "average", "adjoint" or "maximum"; a ``divisor`` replaces the counts."""
    size, adjoint, outer, axis = np.dtype(dtype).itemsize, kind == "adjoint", axes[:-1], axes[-1]
    shapes = [(one.outputs if adjoint else one.extent) for one in axes]
    where = [one.adjoint() if adjoint else one.places() for one in outer]
    place, valid = _combined(where, shapes[:-1])
    counted = [one.divisors(count_padding=count_padding) for one in axes]
    if divisor:
        counted = [np.full(len(one), divisor if number == 0 else 1) for number, one in enumerate(counted)]
    divisors = _product(counted[:-1])
    of_row, of_source = (np.ones(len(place)), divisors) if adjoint else (divisors, np.ones(prod(shapes[:-1])))
    width, outputs = shapes[-1], axis.extent if adjoint else axis.outputs
    mode = _mode(axis, adjoint=adjoint)
    lines = _Lines(axis, mode, adjoint=adjoint)
    inner = axis.adjoint() if adjoint else axis.places()
    ranges = np.ascontiguousarray(_ranges(*inner), np.int32)
    columns = counted[-1].astype(dtype)
    if kind == "maximum":
        columns = np.clip(ranges[0], 0, axis.extent - 1)
    table = _table(place, valid, width * size, of_row, of_source)
    taps = np.array([tap * size for tap in lines.taps], np.int64)
    step = lines.length * size
    scratch = step * (max(1, place.shape[1]) if kind == "maximum" else 1)
    values: dict[int, Any] = {
        code.TABLE: address(table), code.TABLE_STEP: table.strides[0], code.ROWS_OF_PLANE: len(table),
        code.PLANE_STEP: prod(shapes) * size, code.WIDTH: width, code.OUT_WIDTH: outputs, code.SCRATCH_STEP: scratch,
        code.LINES_STEP: step, code.DEST_EVEN: lines.even * size, code.DEST_ODD: lines.odd * size,
        code.TAPS: address(taps), code.TAP_COUNT: inner[0].shape[1] if mode == "range" else len(taps),
        code.COLUMNS: address(columns),
        code.RANGES: address(ranges), code.DILATION: axis.dilation, code.STRIDE: axis.stride,
        code.PADDING: axis.padding, code.FIRST_EVEN: lines.first_even * size, code.COUNT_EVEN: lines.count_even,
        code.FIRST_ODD: lines.first_odd * size, code.COUNT_ODD: lines.count_odd}
    cells = [values[cell] for cell in range(code.TABLE, code.CELLS)]
    return Layout(mode, len(table), scratch, cells, (table, taps, columns, ranges))
