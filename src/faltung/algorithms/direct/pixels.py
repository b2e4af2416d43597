"""A register tile whose lanes are pixels of the last axis.

For one input channel, one kernel column and a chunk of kernel rows, each image row is loaded once
and meets every (output row, kernel row) pair that looks at it, so a load serves up to as many
multiply-adds as the tile has rows times channels.
"""

from __future__ import annotations

from math import prod

from ...compiler.emit import Module, Value, constant, vector
from .counts import by_weights
from .frame import Frame
from .output import Writer
from .outside import rows_given, spans, without_minus
from .reduce import multiply_add, reduce_in_blocks, reduce_over


class PixelTile:
    """Writes the function ``tile(image, kernel, bias, out) -> overflowed``."""

    def __init__(self, frame: Frame, module: Module, name: str = "tile") -> None:
        self.frame, self.module, self.name = frame, module, name
        self.channels, self.rows, self.vectors = frame.recipe.tile
        self.planes = frame.accumulator.planes
        self.kind = vector(frame.accumulator.ir, frame.lanes)
        p = frame.problem
        self.row_step, self.row_dilation = p.stride[-2], p.kernel_dilation[-2]
        self.row_bytes = frame.pitches[-1] * frame.packed.size

    def emit(self) -> None:
        """Write the tile's function."""
        parameters = [("ptr", "image"), ("ptr", "kernel"), ("ptr", "bias"), ("ptr", "out"), *rows_given(self.frame)]
        f = self.f = self.module.function(self.name, "i64", parameters)
        image, kernel, bias, out, *seen = f.arguments
        self.spans = spans(f, self.frame, *seen) if seen else []
        count = self.channels * self.rows * self.vectors * self.planes
        sums = [constant(self.kind, 0)] * count
        self._write(without_minus(f, self.frame, self.reduce(image, kernel, sums)), bias, out)

    def reduce(self, image: Value, kernel: Value, sums: list[Value]) -> list[Value]:
        """Add the products of all taps to the sums."""
        inside = prod(self.frame.problem.kernel[-2:])
        return reduce_in_blocks(self.f, self.frame, self._outer_axes(), inside, image, kernel, sums, self._rows)

    def _outer_axes(self) -> list[tuple[int, int]]:
        fr, p = self.frame, self.frame.problem
        size = fr.packed.size
        axes = [(p.channels_in, fr.channel_pitch * size)]
        axes += [(k, d * pitch * size) for k, d, pitch in
                 zip(p.kernel[:-2], p.kernel_dilation[:-2], fr.pitches[:-1], strict=True)]
        return axes

    def _rows(self, image: Value, kernel: Value, sums: list[Value]) -> tuple[Value, list[Value]]:
        for number, (count, size) in enumerate(self.frame.row_chunks):
            step = size * self.row_dilation * self.row_bytes

            def body(here: Value, taps: Value, inner: list[Value], size: int = size) -> tuple[Value, list[Value]]:
                return self._columns(here, taps, inner, size)

            steps = self.spans[number] if self.spans else count
            kernel, sums = reduce_over(self.f, [(steps, step)], image, kernel, sums, body)
            image = self.f.at(image, count * step)
        return kernel, sums

    def _columns(self, image: Value, kernel: Value, sums: list[Value], size: int) -> tuple[Value, list[Value]]:
        columns = self.frame.problem.kernel[-1]
        bytes_each = size * self.frame.tap_bytes
        if self.frame.recipe.columns_unrolled or columns == 1:
            for column in range(columns):
                here = self.f.at(image, self._column_bytes(column))
                sums = self._tile(here, self.f.at(kernel, column * bytes_each), sums, size)
            return self.f.at(kernel, columns * bytes_each), sums
        table = None if self.frame.phases == 1 else self.module.table([self._column_bytes(c) for c in range(columns)])
        with self.f.loop(0, columns, carry=[kernel, *sums]) as loop:
            taps, *inner = loop.carried
            offset = self.f.mul(loop.index, self._column_bytes(1)) if table is None else (  # one phase: no shift
                self.f.load("i64", self.f.at(table, self.f.mul(loop.index, 8)), align=8))
            inner = self._tile(self.f.at(image, offset), taps, inner, size)
            loop.carry([self.f.at(taps, bytes_each), *inner])
        assert loop.results is not None
        return loop.results[0], loop.results[1:]

    def _column_bytes(self, column: int) -> int:
        position = column * self.frame.problem.kernel_dilation[-1] + self.frame.phase_shift
        index, phase = divmod(position, self.frame.phases)
        return (phase * self.frame.phase_pitch + index) * self.frame.packed.size

    def _tile(self, image: Value, kernel: Value, sums: list[Value], size: int) -> list[Value]:
        """One kernel column: ``size`` kernel rows against every row, vector and channel of the tile."""
        if by_weights(self.frame.problem, self.frame.recipe.tile, size, self.planes, self.frame.machine.registers):
            return self._weight_by_weight(image, kernel, list(sums), size)
        sums = list(sums)
        pairs: dict[int, list[tuple[int, int]]] = {}
        for tap in range(size):
            for row in range(self.rows):
                pairs.setdefault(row * self.row_step + tap * self.row_dilation, []).append((row, tap))
        for image_row in sorted(pairs):
            pixels = [self._pixels(image, image_row, v) for v in range(self.vectors)]
            for row, tap in pairs[image_row]:
                for channel in range(self.channels):
                    self._add(sums, channel, row, pixels, self._weight(kernel, tap, channel))
        return sums

    def _weight_by_weight(self, image: Value, kernel: Value, sums: list[Value], size: int) -> list[Value]:
        """The same, in the same order for each sum, where rows of the image stay in registers and weights do not."""
        seen: dict[int, list[list[Value]]] = {}
        for tap in range(size):
            rows = [row * self.row_step + tap * self.row_dilation for row in range(self.rows)]
            for image_row in rows:
                if image_row not in seen:
                    seen[image_row] = [self._pixels(image, image_row, v) for v in range(self.vectors)]
            for channel in range(self.channels):
                weight = self._weight(kernel, tap, channel)
                for row, image_row in enumerate(rows):
                    self._add(sums, channel, row, seen[image_row], weight)
        return sums

    def _add(self, sums: list[Value], channel: int, row: int, pixels: list[list[Value]], weight: list[Value]) -> None:
        """Add a weight's products with the vectors of one row."""
        first = (channel * self.rows + row) * self.vectors
        for v, pixel in enumerate(pixels):
            self._accumulate(sums, (first + v) * self.planes, pixel, weight)

    def _pixels(self, image: Value, row: int, v: int) -> list[Value]:
        size = self.frame.accumulator.size
        offset = row * self.row_bytes + v * self.frame.recipe.vector_bytes
        return [self.f.load(self.kind, self.f.at(image, offset + plane * self.frame.plane_pitch * size), align=size)
                for plane in range(self.planes)]

    def _weight(self, kernel: Value, tap: int, channel: int) -> list[Value]:
        element = self.frame.accumulator
        offset = (tap * self.channels + channel) * element.itemsize
        scalars = [self.f.load(element.ir, self.f.at(kernel, offset + plane * element.size), align=element.size)
                   for plane in range(self.planes)]
        return [self.f.splat(scalar, self.frame.lanes) for scalar in scalars]

    def _accumulate(self, sums: list[Value], at: int, x: list[Value], k: list[Value]) -> None:
        sums[at:at + self.planes] = multiply_add(self.f, x, k, sums[at:at + self.planes])

    def _write(self, sums: list[Value], bias: Value, out: Value) -> None:
        writer = self._writer()
        self._store(writer, sums, bias, out)
        self.f.finish(writer.overflowed())

    def _writer(self) -> Writer:
        return Writer(self.f, self.frame, past_caches=self.frame.recipe.past_caches)

    def _store(self, writer: Writer, sums: list[Value], bias: Value, out: Value) -> None:
        fr = self.frame
        channel_stride = fr.stage.output_strides[-1 - fr.problem.ndim]
        row_stride, lane_stride = fr.stage.output_strides[-2:]
        for channel in range(self.channels):
            added = self._bias(bias, channel)
            if writer.lanes_packed and lane_stride == 1 and fr.recipe.block[-1] >= self.vectors * fr.lanes:
                for row in range(self.rows):
                    first = (channel * self.rows + row) * self.vectors
                    made = [writer.finish(sums[at * self.planes:(at + 1) * self.planes], added)
                            for at in range(first, first + self.vectors)]
                    place = (channel * channel_stride + row * row_stride) * fr.target.itemsize
                    writer.store_row(made, self.f.at(out, place), 1, fr.lanes)
                continue
            for v in range(self.vectors):
                lanes = min(fr.lanes, fr.recipe.block[-1] - v * fr.lanes)
                if lanes > 0:
                    places = [(channel * self.rows + row) * self.vectors + v for row in range(self.rows)]
                    finished = [writer.finish(sums[at * self.planes:(at + 1) * self.planes], added) for at in places]
                    self._write_column(writer, finished, out, channel * channel_stride, v, lanes)

    def _write_column(self, writer: Writer, rows: list[list[Value]], out: Value, base: int, v: int,
                      lanes: int) -> None:
        """Write the vectors that stand one below the other."""
        fr = self.frame
        row_stride, lane_stride = fr.stage.output_strides[-2:]
        offsets = [base + row * row_stride + v * fr.lanes * lane_stride for row in range(self.rows)]
        targets = [self.f.at(out, offset * fr.target.itemsize) for offset in offsets]
        if row_stride == 1 and lane_stride != 1:
            writer.store_lanes(rows, targets, lane_stride, lanes, adjacent=True)
            return
        for planes, target in zip(rows, targets, strict=True):
            writer.store(planes, target, lane_stride, lanes)

    def _bias(self, bias: Value, channel: int) -> list[Value] | None:
        if not self.frame.problem.bias:
            return None
        element = self.frame.accumulator
        scalars = [self.f.load(element.ir, self.f.at(bias, channel * element.itemsize + plane * element.size))
                   for plane in range(self.planes)]
        return [self.f.splat(scalar, self.frame.lanes) for scalar in scalars]
