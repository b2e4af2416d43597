"""A register tile whose lanes are output channels.

Each pixel is one scalar for all lanes, so stride, dilation and any width of the image cost nothing;
the kernel's vectors are read in one line, real and imaginary parts apart.
"""

from __future__ import annotations

from ...compiler.emit import Function, Module, Value, constant, vector
from .frame import Frame
from .output import Writer
from .outside import ALL_COLUMNS, columns_left_out, rows_given, spans, without_minus
from .reduce import Axis, multiply_add, reduce_in_blocks


class ChannelTile:
    """Writes the function ``tile(image, kernel, bias, out) -> overflowed``."""

    def __init__(self, frame: Frame, module: Module, name: str = "tile") -> None:
        self.frame, self.module, self.name = frame, module, name
        self.seen: list[Value] = []
        self.left_out: frozenset[tuple[int, int]] = frozenset()
        self.vectors, self.rows, self.columns = frame.recipe.tile
        self.planes = frame.accumulator.planes
        self.kind = vector(frame.accumulator.ir, frame.lanes)
        self.f: Function

    def emit(self) -> None:
        """Write the tile's function, and where it leaves out columns, another that does not."""
        self.left_out = columns_left_out(self.frame)
        self._emit(self.name)
        if self.left_out:
            self.left_out = frozenset()
            self._emit(self.name + ALL_COLUMNS)

    def _emit(self, name: str) -> None:
        parameters = [("ptr", "image"), ("ptr", "kernel"), ("ptr", "bias"), ("ptr", "out"), *rows_given(self.frame)]
        f = self.f = self.module.function(name, "i64", parameters)
        image, kernel, bias, out, *self.seen = f.arguments
        sums = [constant(self.kind, 0)] * (self.vectors * self.rows * self.columns * self.planes)
        inside = self.frame.problem.kernel[-1] if self.frame.recipe.columns_unrolled else 1
        sums = reduce_in_blocks(f, self.frame, self._axes(), inside, image, kernel, sums, self._taps)
        self._write(without_minus(f, self.frame, sums), bias, out)

    def _axes(self) -> list[Axis]:
        fr, p = self.frame, self.frame.problem
        size = fr.accumulator.size
        axes: list[Axis] = [(p.channels_in, fr.channel_pitch * size)]
        axes += [(k, d * pitch * size) for k, d, pitch in
                 zip(p.kernel[:-1], p.kernel_dilation[:-1], fr.pitches, strict=True)]
        if self.seen:
            axes[-1] = spans(self.f, fr, *self.seen)[0], axes[-1][1]
        if not fr.recipe.columns_unrolled:
            axes.append((p.kernel[-1], p.kernel_dilation[-1] * size))
        return axes

    def _taps(self, image: Value, kernel: Value, sums: list[Value]) -> tuple[Value, list[Value]]:
        p = self.frame.problem
        columns = p.kernel[-1] if self.frame.recipe.columns_unrolled else 1
        for column in range(columns):
            here = self.f.at(image, column * p.kernel_dilation[-1] * self.frame.accumulator.size)
            sums = self._tile(here, self.f.at(kernel, column * self.frame.tap_bytes), sums, column)
        return self.f.at(kernel, columns * self.frame.tap_bytes), sums

    def _tile(self, image: Value, kernel: Value, sums: list[Value], tap: int) -> list[Value]:
        fr, p = self.frame, self.frame.problem
        size = fr.accumulator.size
        weights = [self._planes(kernel, v) for v in range(self.vectors)]
        sums = list(sums)
        for row in range(self.rows):
            for column in range(self.columns):
                if (tap, column) in self.left_out:
                    continue
                offset = row * p.stride[-2] * fr.pitches[-1] + column * p.stride[-1]
                places = [self.f.at(image, (offset + plane * fr.plane_pitch) * size) for plane in range(self.planes)]
                scalars = [self.f.load(fr.accumulator.ir, place, align=size) for place in places]
                pixel = [self.f.splat(scalar, fr.lanes) for scalar in scalars]
                first = (row * self.columns + column) * self.vectors
                for v in range(self.vectors):
                    at = (first + v) * self.planes
                    sums[at:at + self.planes] = multiply_add(self.f, pixel, weights[v], sums[at:at + self.planes])
        return sums

    def _planes(self, place: Value, v: int) -> list[Value]:
        """One vector of channels from the packed kernel or bias, plane by plane."""
        fr = self.frame
        offsets = [(plane * self.vectors + v) * fr.recipe.vector_bytes for plane in range(self.planes)]
        return [self.f.load(self.kind, self.f.at(place, offset), align=fr.accumulator.size) for offset in offsets]

    def _write(self, sums: list[Value], bias: Value, out: Value) -> None:
        f, fr = self.f, self.frame
        writer, size, strides = Writer(f, fr), fr.target.itemsize, fr.stage.output_strides
        channel_stride = strides[-1 - fr.problem.ndim]
        for v in range(self.vectors):
            lanes = min(fr.lanes, fr.problem.channels_out - v * fr.lanes)
            if lanes <= 0:
                continue
            added = self._planes(bias, v) if fr.problem.bias else None
            for row in range(self.rows):
                pixels = [(row * self.columns + column) * self.vectors + v for column in range(self.columns)]
                base = v * fr.lanes * channel_stride + row * strides[-2]
                targets = [f.at(out, (base + column * strides[-1]) * size) for column in range(self.columns)]
                finished = [writer.finish(sums[at * self.planes:(at + 1) * self.planes], added) for at in pixels]
                writer.store_lanes(finished, targets, channel_stride, lanes, adjacent=strides[-1] == 1)
        f.finish(writer.overflowed())
