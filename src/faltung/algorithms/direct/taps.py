"""A register tile whose lanes are taps: for long kernels with few outputs, as the gradients of kernels are.

Each output has a vector of partial sums of its own; the kernel is read where it lies, and meets the image at as many
shifts as the tile has outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

from ...compiler.emit import Module, Operand, Value, constant, lanes_of, vector
from ...compiler.values import lanes_mask
from .counts import band_of, chunks, round_up
from .frame import Frame
from .output import Writer
from .reduce import Totals

Place = list[Value]
"""An address in the image, and whatever else must be known there."""
Steps = tuple[Operand, ...]
Axis = tuple[int, Steps, Value]
"""Taps along an axis, the steps of a place in the image, and the bytes between taps."""


class TapTile:
    """Writes the function ``tile(kernel, steps, out, *image) -> overflowed``."""

    parameters: tuple[tuple[str, str], ...] = (("ptr", "kernel"), ("ptr", "steps"), ("ptr", "out"), ("ptr", "image"))

    def __init__(self, frame: Frame, module: Module) -> None:
        self.frame, self.module = frame, module
        self.channels, self.rows, self.columns = frame.recipe.tile
        self.size = frame.accumulator.size
        self.kind = vector(frame.accumulator.ir, frame.lanes)

    def emit(self) -> None:
        """Write the tile's function; ``steps`` points to the bytes between indices of the kernel's axes."""
        f = self.f = self.module.function("tile", "i64", self.parameters)
        kernel, steps, out, *image = f.arguments
        p = self.frame.problem
        self.steps = [f.load("i64", f.at(steps, 8 * axis), align=8) for axis in range(3 + p.ndim)]
        zeros = [constant(self.kind, 0)] * (self.channels * self.rows * self.columns)
        image, image_steps = self._begin(image)
        axes = list(zip((p.channels_in, *p.kernel[:-1]), image_steps, self.steps[2:-1], strict=True))
        if self.frame.has_long_lanes:
            sums = self._by_blocks(axes, image, kernel, zeros)
        else:
            sums = self._reduce(axes, image, kernel, zeros)
        self._write(sums, out)

    def _begin(self, image: list[Value]) -> tuple[Place, list[Steps]]:
        """Where the first tap looks, and how far the next one of each axis is from there."""
        fr, p = self.frame, self.frame.problem
        pitches = [fr.channel_pitch]
        pitches += [d * pitch for d, pitch in zip(p.kernel_dilation[:-1], fr.pitches, strict=True)]
        return image, [(pitch * self.size,) for pitch in pitches]

    def _advance(self, place: Place, steps: Steps, times: Operand = 1) -> Place:
        pointer, *numbers = (self.f.mul(step, times) for step in steps)
        return [self.f.at(place[0], pointer),
                *(self.f.value(self.f.add(at, step)) for at, step in zip(place[1:], numbers, strict=True))]

    def _by_blocks(self, axes: list[Axis], image: Place, kernel: Value, zeros: list[Value]) -> list[Value]:
        """Sum some rows at a time; the blocks are added in float64."""
        f, totals, rows = self.f, Totals(self.f, zeros), band_of(self.frame.problem, self.frame.lanes)
        rows = min(axes[-1][0], round_up(rows, self.frame.recipe.chunk))

        def walk(depth: int, image: Place, kernel: Value) -> None:
            count, image_step, kernel_step = axes[depth]
            if depth < len(axes) - 1:
                with f.loop(0, count) as loop:
                    taps = f.at(kernel, f.mul(loop.index, kernel_step))
                    walk(depth + 1, self._advance(image, image_step, loop.index), taps)
                return
            for times, each in chunks(count, rows):
                with f.loop(0, times) as loop:
                    row = f.add(f.mul(loop.index, each), count - count % rows if each < rows else 0)
                    part, taps = self._advance(image, image_step, row), f.at(kernel, f.mul(kernel_step, row))
                    totals.add(self._reduce([(each, image_step, kernel_step)], part, taps, zeros))

        walk(0, image, kernel)
        return totals.rounded()

    def _reduce(self, axes: list[Axis], image: Place, kernel: Value, sums: list[Value]) -> list[Value]:
        (count, image_step, kernel_step), f = axes[0], self.f
        if len(axes) > 1:
            return self._repeat(count, image_step, kernel_step, image, kernel, sums,
                                lambda here, taps, inner: self._reduce(axes[1:], here, taps, inner))
        for times, rows in chunks(count, self.frame.recipe.chunk):
            # rows of taps that are summed together share the rows of the image they look at
            def body(here: Place, taps: Value, inner: list[Value], rows: int = rows) -> list[Value]:
                return self._rows(here, taps, rows, inner)

            step = tuple(f.mul(each, rows) for each in image_step)
            sums = self._repeat(times, step, f.mul(kernel_step, rows), image, kernel, sums, body)
            image = self._advance(image, image_step, times * rows)
            kernel = f.at(kernel, f.mul(kernel_step, times * rows))
        return sums

    def _repeat(self, count: Operand, image_step: Steps, kernel_step: Operand, image: Place, kernel: Value,
                sums: list[Value], body: Callable[[Place, Value, list[Value]], list[Value]]) -> list[Value]:
        f, parts = self.f, len(image)
        with f.loop(0, count, carry=[*image, kernel, *sums]) as loop:
            here, (taps, *inner) = loop.carried[:parts], loop.carried[parts:]
            loop.carry([*self._advance(here, image_step), f.at(taps, kernel_step), *body(here, taps, inner)])
        assert loop.results is not None
        return loop.results[parts + 1:]

    def _rows(self, image: Place, kernel: Value, rows: int, sums: list[Value]) -> list[Value]:
        """Rows of taps: whole vectors, and one that is cut."""
        f, lanes = self.f, self.frame.lanes
        whole, rest = divmod(self.frame.problem.kernel[-1], lanes)
        alike = self._alike(whole)
        for number in range(whole):
            if number == alike.start and len(alike) > 2:
                with f.loop(alike.start, alike.stop, carry=sums) as loop:
                    loop.carry(self._vectors(image, kernel, rows, loop.index, lanes, loop.carried))
                assert loop.results is not None
                sums = loop.results
            elif number not in alike or len(alike) <= 2:
                sums = self._vectors(image, kernel, rows, number, lanes, sums)
        return self._vectors(image, kernel, rows, whole, rest, sums) if rest else sums

    def _alike(self, whole: int) -> range:
        """Those of the whole vectors of a row that one loop may run over."""
        return range(whole)

    def _vectors(self, image: Place, kernel: Value, rows: int, number: Operand, count: int,
                 sums: list[Value]) -> list[Value]:
        """One vector of each row of taps against every output."""
        f, p, sums = self.f, self.frame.problem, list(sums)
        offset = f.mul(number, self.frame.lanes * self.size)
        places = [f.at(f.at(kernel, offset), f.mul(self.steps[-2], tap)) for tap in range(rows)]
        weights = [[self._load(f.at(place, f.mul(self.steps[1], m)), count) for m in range(self.channels)]
                   for place in places]
        pairs: dict[int, list[tuple[int, int]]] = {}
        for tap, row in product(range(rows), range(self.rows)):
            pairs.setdefault(row * p.stride[-2] + tap * p.kernel_dilation[-2], []).append((row, tap))
        for image_row in sorted(pairs):
            line = f.at(self._line(image, image_row), offset)
            for column, pixels in enumerate(self._seen(line, number, count)):
                for (row, tap), m in product(pairs[image_row], range(self.channels)):
                    at = (m * self.rows + row) * self.columns + column
                    sums[at] = f.fma(pixels, weights[tap][m], sums[at])
        return sums

    def _line(self, image: Place, row: int) -> Value:
        """Where a row of the image begins, counted from the first tap's."""
        return self.f.at(image[0], row * self.frame.pitches[-1] * self.size)

    def _seen(self, line: Value, number: Operand, count: int) -> Iterator[Value]:
        """What the taps of one vector see of a row of the image, for each column of outputs."""
        fr, lanes = self.frame, self.frame.lanes
        places = [self._column(column) for column in range(self.columns)]
        if not fr.shifts_registers:
            yield from (self._load(self.f.at(line, place * self.size), count) for place in places)
            return
        first = self._pixels(line, number, 0)
        second = self._pixels(line, number, 1) if places[-1] + count > lanes else None
        yield from (self._shifted(first, second, place, count) for place in places)

    def _pixels(self, line: Value, number: Operand, further: int) -> Value:
        """The vector that begins at ``line``, or the one behind it."""
        return self.f.load(self.kind, self.f.at(line, further * self.frame.recipe.vector_bytes), align=self.size)

    def _shifted(self, first: Value, second: Value | None, place: int, count: int) -> Value:
        """So many lanes from a place in two neighbouring vectors, and zeros behind them."""
        f, lanes, none = self.f, self.frame.lanes, constant(self.kind, 0)
        if second is None:
            return f.shuffle(first, none, [place + lane if lane < count else lanes for lane in range(lanes)])
        pixels = f.shifted(first, second, place) if place else first
        return pixels if count == lanes else f.shuffle(
            pixels, none, [lane if lane < count else lanes for lane in range(lanes)])

    def _column(self, column: int) -> int:
        """Where the image of an output's first tap lies in a packed row."""
        fr = self.frame
        index, phase = divmod(column * fr.problem.stride[-1] + fr.phase_shift, fr.phases)
        return phase * fr.phase_pitch + index

    def _load(self, place: Value, count: int) -> Value:
        """The first ``count`` lanes, 0 in all others: what lies there may be a NaN, or no memory at all."""
        if count == self.frame.lanes:
            return self.f.load(self.kind, place, align=self.size)
        mask = lanes_mask([lane < count for lane in range(self.frame.lanes)])
        return self.f.masked_load(self.kind, place, mask, align=self.size)

    def _write(self, sums: list[Value], out: Value) -> None:
        f, fr = self.f, self.frame
        writer, strides = Writer(f, fr), fr.stage.output_strides
        channel_stride = strides[-1 - fr.problem.ndim]
        for m in range(self.channels):
            for row in range(self.rows):
                for column in range(self.columns):
                    value = self._added(sums[(m * self.rows + row) * self.columns + column])
                    place = m * channel_stride + row * strides[-2] + column * strides[-1]
                    writer.store([value], f.at(out, place * fr.target.itemsize), 1, 1)
        f.finish(writer.overflowed())

    def _added(self, value: Value) -> Value:
        """The sum of all lanes, half to half."""
        while lanes_of(value.type) > 1:
            half = lanes_of(value.type) // 2
            low, high = (self.f.shuffle(value, None, lanes) for lanes in (range(half), range(half, 2 * half)))
            value = self.f.value(self.f.add(low, high))
        return value
