"""A register tile whose lanes are taps: for long kernels with few outputs, as the gradients of kernels are.

Each output has a vector of partial sums of its own; the kernel is read where it lies, and meets the image at as many
shifts as the tile has outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

from ...compiler.emit import Module, Operand, Value, constant, lanes_of, vector
from ...compiler.values import mangle
from .frame import Frame
from .output import Writer
from .reduce import LONG, Totals


class TapTile:
    """Writes the function ``tile(image, kernel, steps, out) -> overflowed``."""

    def __init__(self, frame: Frame, module: Module) -> None:
        self.frame, self.module = frame, module
        self.channels, self.rows, self.columns = frame.recipe.tile
        self.size = frame.accumulator.size
        self.kind = vector(frame.accumulator.ir, frame.lanes)

    def emit(self) -> None:
        """Write the tile's function; ``steps`` points to the bytes between indices of the kernel's axes."""
        parameters = [("ptr", "image"), ("ptr", "kernel"), ("ptr", "steps"), ("ptr", "out")]
        f = self.f = self.module.function("tile", "i64", parameters)
        image, kernel, steps, out = f.arguments
        fr, p = self.frame, self.frame.problem
        self.steps = [f.load("i64", f.at(steps, 8 * axis), align=8) for axis in range(3 + p.ndim)]
        zeros = [constant(self.kind, 0)] * (self.channels * self.rows * self.columns)
        image_steps = [fr.channel_pitch * self.size]
        image_steps += [d * pitch * self.size for d, pitch in zip(p.kernel_dilation[:-1], fr.pitches, strict=True)]
        axes = list(zip((p.channels_in, *p.kernel[:-1]), image_steps, self.steps[2:-1], strict=True))
        if fr.accumulator.ir == "float" and p.terms // fr.lanes >= LONG:
            sums = self._by_blocks(axes, image, kernel, zeros)
        else:
            sums = self._reduce(axes, image, kernel, zeros)
        self._write(sums, out)

    def _by_blocks(self, axes: list[tuple[int, int, Value]], image: Value, kernel: Value,
                   zeros: list[Value]) -> list[Value]:
        """Sum row by row, or image by image where rows are short; the blocks are added in float64."""
        f, totals = self.f, Totals(self.f, zeros)
        level = len(axes) if self.frame.problem.kernel[-1] >= 4 * self.frame.lanes else max(1, len(axes) - 1)

        def walk(depth: int, image: Value, kernel: Value) -> None:
            if depth == level:
                totals.add(self._reduce(axes[level:], image, kernel, zeros))
                return
            count, image_step, kernel_step = axes[depth]
            with f.loop(0, count) as loop:
                here, taps = f.mul(loop.index, image_step), f.mul(loop.index, kernel_step)
                walk(depth + 1, f.at(image, here), f.at(kernel, taps))

        walk(0, image, kernel)
        return totals.rounded()

    def _reduce(self, axes: list[tuple[int, int, Value]], image: Value, kernel: Value,
                sums: list[Value]) -> list[Value]:
        if not axes:
            return self._rows(image, kernel, 1, sums)
        (count, image_step, kernel_step), f = axes[0], self.f
        if len(axes) > 1:
            return self._repeat(count, image_step, kernel_step, image, kernel, sums,
                                lambda here, taps, inner: self._reduce(axes[1:], here, taps, inner))
        for times, rows in self.frame.row_chunks:
            # rows of taps that are summed together share the rows of the image they look at
            def body(here: Value, taps: Value, inner: list[Value], rows: int = rows) -> list[Value]:
                return self._rows(here, taps, rows, inner)

            sums = self._repeat(times, rows * image_step, f.mul(kernel_step, rows), image, kernel, sums, body)
            image = f.at(image, times * rows * image_step)
            kernel = f.at(kernel, f.mul(kernel_step, times * rows))
        return sums

    def _repeat(self, count: int, image_step: int, kernel_step: Operand, image: Value, kernel: Value,
                sums: list[Value], body: Callable[[Value, Value, list[Value]], list[Value]]) -> list[Value]:
        f = self.f
        with f.loop(0, count, carry=[image, kernel, *sums]) as loop:
            here, taps, *inner = loop.carried
            loop.carry([f.at(here, image_step), f.at(taps, kernel_step), *body(here, taps, inner)])
        assert loop.results is not None
        return loop.results[2:]

    def _rows(self, image: Value, kernel: Value, rows: int, sums: list[Value]) -> list[Value]:
        """Rows of taps: whole vectors, and one that is cut."""
        f, lanes = self.f, self.frame.lanes
        whole, rest = divmod(self.frame.problem.kernel[-1], lanes)
        if whole > 2:
            with f.loop(0, whole, carry=sums) as loop:
                offset = f.mul(loop.index, lanes * self.size)
                loop.carry(self._vectors(image, kernel, rows, offset, lanes, loop.carried))
            assert loop.results is not None
            sums = loop.results
        else:
            for number in range(whole):
                sums = self._vectors(image, kernel, rows, number * lanes * self.size, lanes, sums)
        return self._vectors(image, kernel, rows, whole * lanes * self.size, rest, sums) if rest else sums

    def _vectors(self, image: Value, kernel: Value, rows: int, offset: Operand, count: int,
                 sums: list[Value]) -> list[Value]:
        """One vector of each row of taps against every output."""
        f, p, sums = self.f, self.frame.problem, list(sums)
        places = [f.at(f.at(kernel, offset), f.mul(self.steps[-2], tap)) for tap in range(rows)]
        weights = [[self._load(f.at(place, f.mul(self.steps[1], m)), count) for m in range(self.channels)]
                   for place in places]
        pairs: dict[int, list[tuple[int, int]]] = {}
        for tap, row in product(range(rows), range(self.rows)):
            pairs.setdefault(row * p.stride[-2] + tap * p.kernel_dilation[-2], []).append((row, tap))
        image = f.at(image, offset)
        for image_row in sorted(pairs):
            for column in range(self.columns):
                place = image_row * self.frame.pitches[-1] + self._column(column)
                pixels = self._load(f.at(image, place * self.size), count)
                for (row, tap), m in product(pairs[image_row], range(self.channels)):
                    at = (m * self.rows + row) * self.columns + column
                    sums[at] = f.fma(pixels, weights[tap][m], sums[at])
        return sums

    def _column(self, column: int) -> int:
        """Where the image of an output's first tap lies in a packed row."""
        fr = self.frame
        index, phase = divmod(column * fr.problem.stride[-1] + fr.phase_shift, fr.phases)
        return phase * fr.phase_pitch + index

    def _load(self, place: Value, count: int) -> Value:
        """The first ``count`` lanes, 0 in all others: what lies there may be a NaN, or no memory at all."""
        if count == self.frame.lanes:
            return self.f.load(self.kind, place, align=self.size)
        mask = ", ".join(f"i1 {'true' if lane < count else 'false'}" for lane in range(self.frame.lanes))
        return self.f.call(f"llvm.masked.load.{mangle(self.kind)}.p0", self.kind, place,
                           Value("i32", str(self.size)), Value(f"<{self.frame.lanes} x i1>", f"<{mask}>"),
                           constant(self.kind, 0))

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
