"""Both slopes of an image and their length in one pass, in generated code.

Two filters and a pass over their outputs would read the image twice, and both slopes again.
"""

from __future__ import annotations

from functools import cache
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from ..compiler import jit
from ..compiler.calling import items_function
from ..compiler.casts import widen
from ..compiler.cells import Cells
from ..compiler.elements import ELEMENTS, Element, element_on
from ..compiler.emit import Module, Operand, Value, constant, vector
from ..compiler.entry import emit_entry
from ..compiler.memory import address, aligned
from ..compiler.threads import get_threads, run_items
from ..machine import detect
from ..problem.border import Sides, map_index

Pixels = npt.NDArray[Any]

SHARE, FEWEST = 1 << 15, 4
"""Samples of a work item; images of fewer items are left to one thread."""

(IMAGE, STEP, DOWN, ACROSS, LENGTH, HEIGHT, WIDTH, APART, ROWS, ABOVE, BELOW, LEFT, RIGHT, LINES, PITCH, NEAR,
 MIDDLE) = range(17)
"""Cells of the context, 8 bytes each: arrays; numbers of a row, and from one column to the next; rows of an item; which
row and column stand for those just outside; the workspace, and bytes between its lines; weights of the smoothing."""

ROOM = 16
"""Places of a line before its first column, so that vectors begin with a cache line; and most channels."""


def serves(image: Pixels, channel_axis: int | None, sides: Sides) -> bool:
    """Whether `slopes` can be asked: pictures, of colour with their channels last, with a border of copies."""
    copies = all(isinstance(side, str) for pair in sides for side in pair)
    channels = 1 if channel_axis is None else image.shape[-1] if channel_axis % image.ndim == 2 else ROOM + 1
    return copies and len(sides) == 2 and channels <= ROOM and image.size > 0 and (
        image.dtype.kind in "iuf" and image.dtype.name in ELEMENTS)


def slopes(image: Pixels, smoothing: Pixels, sides: Sides, gradient: Pixels, magnitude: Pixels,
           threads: int | None) -> None:
    """Fill the slopes down and across an image, and their length; ``smoothing`` are three even taps."""
    extents, apart, item = image.shape[:2], prod(image.shape[2:]), gradient.itemsize
    height, width = extents[0], extents[1] * apart
    image = image.reshape(height, width)
    image = image if image.strides[-1] == image.itemsize else np.ascontiguousarray(image)
    rows = max(1, SHARE // width)
    items = -(-height // rows)
    count = min(threads or get_threads(), items) if items >= FEWEST else 1
    pitch = -(-(width + 2 * ROOM) * item // 64) * 64
    lines = aligned((count, 2, pitch), np.uint8)
    outside = [map_index(at, extent, *pair) for extent, pair in zip(extents, sides, strict=True)
               for at in (-1, extent)]
    context = np.zeros(MIDDLE + 1, np.int64)
    context[:NEAR] = [address(image), image.strides[0], *map(address, (*gradient, magnitude)), height, width, apart,
                      rows, *outside, address(lines), pitch]
    context[NEAR:].view(np.float64)[...] = smoothing[:2]
    run_items(_entry(image.dtype, gradient.dtype), address(context), items, count)


@cache
def _entry(dtype: np.dtype[Any], working: np.dtype[Any]) -> Any:
    machine = detect()
    ir = Slopes(element_on(dtype.name, machine.isa), ELEMENTS[working.name], machine.vector_bytes).text()
    return items_function(jit.load(f"slopes {ir}", machine, ("entry",), lambda: ir))


class Slopes(Cells):
    """Writes ``work(context, item, slot)``.

    Row by row, columns are summed down into two lines, one smoothed and one of differences; then both are summed
    across.  A tap that is zero is multiplied like others: a NaN under it must arrive.
    """

    def __init__(self, source: Element, working: Element, vector_bytes: int) -> None:
        self.source, self.working, self.lanes = source, working, vector_bytes // working.size

    def text(self) -> str:
        """Write the module."""
        module = Module()
        f = self.begin_work(module)
        self.weights = [self._number(NEAR), self._number(MIDDLE), constant(self.working.ir, 0.5),
                        constant(self.working.ir, -0.5), constant(self.working.ir, 0.0)]
        self.width, self.apart, height = self.cell(WIDTH), self.cell(APART), self.cell(HEIGHT)
        self.pitch = self.cell(PITCH)
        lines = f.at(self.pointer(LINES), f.mul(self.slot, f.mul(self.pitch, 2)))
        self.smooth = f.at(lines, ROOM * self.working.size)
        self.steep = f.at(self.smooth, self.pitch)
        first = f.mul(self.item, self.cell(ROWS))
        with f.loop(first, f.smaller(f.add(first, self.cell(ROWS)), height)) as loop:
            row = loop.index
            above = f.select(f.compare("eq", row, 0), self.cell(ABOVE), f.sub(row, 1))
            below = f.select(f.compare("eq", f.add(row, 1), height), self.cell(BELOW), f.add(row, 1))
            image, step = self.pointer(IMAGE), self.cell(STEP)
            self._down([f.at(image, f.mul(step, at)) for at in (above, row, below)])
            self._beside(LEFT, f.sub(0, self.apart))
            self._beside(RIGHT, self.width)
            start = f.mul(row, self.width)
            self._across([self._at(self.pointer(cell), start) for cell in (DOWN, ACROSS, LENGTH)])
        f.finish()
        emit_entry(module)
        return module.text()

    def _number(self, cell: int) -> Value:
        number = self.double(cell)
        return self.f.cast("fptrunc", number, "float") if self.working.size == 4 else number

    def _at(self, line: Value, column: Operand) -> Value:
        return self.f.at(line, self.f.mul(column, self.working.size))

    def _steps(self) -> list[tuple[Operand, Operand, int]]:
        """Columns that are taken together: whole vectors, and one by one what is left."""
        whole = self.f.sub(self.width, self.f.rem(self.width, self.lanes))
        return [(0, whole, self.lanes), (whole, self.width, 1)]

    def _spread(self, lanes: int) -> list[Value]:
        return [self.f.splat(weight, lanes) for weight in self.weights]

    def _down(self, rows: list[Value]) -> None:
        f = self.f
        for begin, end, lanes in self._steps():
            near, middle, half, minus, zero = self._spread(lanes)
            with f.loop(begin, end, lanes) as loop:
                places = [f.at(row, f.mul(loop.index, self.source.size)) for row in rows]
                top, here, bottom = (widen(f, f.load(vector(self.source.ir, lanes), place), self.source, self.working)
                                     for place in places)
                smooth = f.fma(bottom, near, f.fma(here, middle, f.value(f.mul(top, near))))
                steep = f.fma(bottom, half, f.fma(here, zero, f.value(f.mul(top, minus))))
                f.store(smooth, self._at(self.smooth, loop.index), align=self.working.size)
                f.store(steep, self._at(self.steep, loop.index), align=self.working.size)

    def _beside(self, cell: int, place: Operand) -> None:
        """Fill the column just outside by that which stands for it, channel by channel."""
        f, size = self.f, self.working.size
        first = f.mul(self.cell(cell), self.apart)
        with f.loop(0, self.apart) as channel:
            for line in (self.smooth, self.steep):
                seen = f.load(self.working.ir, self._at(line, f.add(first, channel.index)), align=size)
                f.store(seen, self._at(line, f.add(place, channel.index)), align=size)

    def _across(self, outputs: list[Value]) -> None:
        f = self.f
        for begin, end, lanes in self._steps():
            near, middle, half, minus, zero = self._spread(lanes)
            with f.loop(begin, end, lanes) as loop:
                left, here, right = self._seen(self.steep, loop.index, lanes)
                down = f.fma(right, near, f.fma(here, middle, f.value(f.mul(left, near))))
                left, here, right = self._seen(self.smooth, loop.index, lanes)
                across = f.fma(right, half, f.fma(here, zero, f.value(f.mul(left, minus))))
                squares = f.value(f.add(f.mul(down, down), f.mul(across, across)))
                for value, out in zip((down, across, f.intrinsic("sqrt", squares)), outputs, strict=True):
                    f.store(value, self._at(out, loop.index), align=self.working.size)

    def _seen(self, line: Value, column: Value, lanes: int) -> list[Value]:
        f = self.f
        return [f.load(vector(self.working.ir, lanes), self._at(line, place), align=self.working.size)
                for place in (f.sub(column, self.apart), column, f.add(column, self.apart))]
