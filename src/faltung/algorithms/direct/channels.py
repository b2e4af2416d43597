"""A register tile whose lanes are output channels.

Each pixel is one scalar for all lanes, so stride, dilation and any width of the image cost nothing;
the kernel's vectors are read in one line.  Only for real dtypes.
"""

from __future__ import annotations

from ...compiler.emit import Function, Module, Value, constant, vector
from .frame import Frame
from .output import Writer
from .reduce import reduce_over


class ChannelTile:
    """Writes the function ``tile(image, kernel, bias, out) -> overflowed``."""

    def __init__(self, frame: Frame, module: Module) -> None:
        self.frame, self.module = frame, module
        self.vectors, self.rows, self.columns = frame.recipe.tile
        self.kind = vector(frame.accumulator.ir, frame.lanes)
        self.f: Function

    def emit(self) -> None:
        """Write the tile's function."""
        parameters = [("ptr", "image"), ("ptr", "kernel"), ("ptr", "bias"), ("ptr", "out")]
        f = self.f = self.module.function("tile", "i64", parameters)
        image, kernel, bias, out = f.arguments
        sums = [constant(self.kind, 0)] * (self.vectors * self.rows * self.columns)
        _, sums = reduce_over(f, self._axes(), image, kernel, sums, self._taps)
        self._write(sums, bias, out)

    def _axes(self) -> list[tuple[int, int]]:
        fr, p = self.frame, self.frame.problem
        size = fr.accumulator.size
        axes = [(p.channels_in, fr.channel_pitch * size)]
        axes += [(k, d * pitch * size) for k, d, pitch in
                 zip(p.kernel[:-1], p.kernel_dilation[:-1], fr.pitches, strict=True)]
        if not fr.recipe.columns_unrolled:
            axes.append((p.kernel[-1], p.kernel_dilation[-1] * size))
        return axes

    def _taps(self, image: Value, kernel: Value, sums: list[Value]) -> tuple[Value, list[Value]]:
        p = self.frame.problem
        columns = p.kernel[-1] if self.frame.recipe.columns_unrolled else 1
        for column in range(columns):
            here = self.f.at(image, column * p.kernel_dilation[-1] * self.frame.accumulator.size)
            sums = self._tile(here, self.f.at(kernel, column * self.frame.tap_bytes), sums)
        return self.f.at(kernel, columns * self.frame.tap_bytes), sums

    def _tile(self, image: Value, kernel: Value, sums: list[Value]) -> list[Value]:
        fr, p = self.frame, self.frame.problem
        size = fr.accumulator.size
        weights = [self.f.load(self.kind, self.f.at(kernel, v * fr.recipe.vector_bytes), align=size)
                   for v in range(self.vectors)]
        sums = list(sums)
        for row in range(self.rows):
            for column in range(self.columns):
                offset = row * p.stride[-2] * fr.pitches[-1] + column * p.stride[-1]
                scalar = self.f.load(fr.accumulator.ir, self.f.at(image, offset * size), align=size)
                pixel = self.f.splat(scalar, fr.lanes)
                first = (row * self.columns + column) * self.vectors
                for v in range(self.vectors):
                    sums[first + v] = self.f.fma(pixel, weights[v], sums[first + v])
        return sums

    def _write(self, sums: list[Value], bias: Value, out: Value) -> None:
        f, fr = self.f, self.frame
        writer, size, strides = Writer(f, fr), fr.target.itemsize, fr.stage.output_strides
        channel_stride = strides[-1 - fr.problem.ndim]
        for v in range(self.vectors):
            lanes = min(fr.lanes, fr.problem.channels_out - v * fr.lanes)
            if lanes <= 0:
                continue
            added = [f.load(self.kind, f.at(bias, v * fr.recipe.vector_bytes))] if fr.problem.bias else None
            for row in range(self.rows):
                first = row * self.columns * self.vectors + v
                totals = sums[first:first + self.columns * self.vectors:self.vectors]
                base = v * fr.lanes * channel_stride + row * strides[-2]
                targets = [f.at(out, (base + column * strides[-1]) * size) for column in range(self.columns)]
                finished = [writer.finish([total], added)[0] for total in totals]
                writer.store_lanes(finished, targets, channel_stride, lanes, adjacent=strides[-1] == 1)
        f.finish(writer.overflowed())
