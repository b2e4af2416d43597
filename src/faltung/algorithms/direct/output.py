"""From sums in registers to the output array: bias, activation, cast, store."""

from __future__ import annotations

from ...compiler.dtypes import narrow
from ...compiler.emit import Function, Value, constant, lanes_of
from .activations import activate
from .frame import Frame


class Writer:
    """Finishes and stores the sums of one tile, and remembers whether any lane overflowed."""

    def __init__(self, f: Function, frame: Frame) -> None:
        self.f, self.frame = f, frame
        self._overflow: Value | None = None

    def finish(self, sums: list[Value], bias: list[Value] | None) -> list[Value]:
        """Add the bias and apply the activation, plane by plane."""
        if bias is not None:
            sums = [self.f.value(self.f.add(total, added)) for total, added in zip(sums, bias, strict=True)]
        kind = self.frame.problem.activation
        return sums if kind is None else [activate(self.f, kind, total) for total in sums]

    def overflowed(self) -> Value:
        """1 if any stored lane overflowed, else 0."""
        if self._overflow is None:
            return self.f.value(0)
        count = lanes_of(self._overflow.type)
        if count == 1:
            return self.f.cast("zext", self._overflow, "i64")
        flags = self.f.cast("zext", self._overflow, "i8")
        return self.f.cast("zext", self.f.call(f"llvm.vector.reduce.or.v{count}i8", "i8", flags), "i64")

    def _narrow(self, value: Value, lanes: int) -> Value:
        fr = self.frame
        value, outside = narrow(self.f, value, fr.accumulator, fr.target, fr.problem.overflow)
        if outside is not None:
            width = lanes_of(outside.type)
            if lanes < width:  # lanes beyond the output hold anything at all
                mask = ", ".join(f"i1 {'true' if lane < lanes else 'false'}" for lane in range(width))
                outside = self.f.bits("and", outside, Value(outside.type, f"<{mask}>"))
            self._overflow = outside if self._overflow is None else self.f.bits("or", self._overflow, outside)
        return value

    def _interleave(self, planes: list[Value]) -> Value:
        """Real and imaginary parts side by side, as they lie in an array."""
        if self.frame.target.planes == 1:
            return planes[0]
        real = planes[0]
        imaginary = planes[1] if len(planes) > 1 else constant(real.type, 0)
        count = lanes_of(real.type)
        return self.f.shuffle(real, imaginary, [lane + part * count for lane in range(count) for part in (0, 1)])

    def store(self, values: list[Value], out: Value, stride: int, lanes: int) -> None:
        """Store the first ``lanes`` of a vector, ``stride`` elements apart."""
        whole = lanes_of(values[0].type) == lanes
        stored = self._interleave([self._narrow(value, lanes) for value in values])
        if whole and stride == 1:
            self.f.store(stored, out)
        else:
            self._scatter([stored], [out], stride, lanes)

    def _scatter(self, vectors: list[Value], targets: list[Value], stride: int, lanes: int) -> None:
        """Store lane by lane through the stack: a loop over the lanes, each vector to its own target."""
        f, size = self.f, self.frame.target.itemsize
        pitch = lanes_of(vectors[0].type) // self.frame.target.planes * size
        buffer = f.alloca(pitch * len(vectors))
        for number, stored in enumerate(vectors):
            f.store(stored, f.at(buffer, number * pitch))
        word = f"i{8 * size}"
        with f.loop(0, lanes) as lane:
            source, step = f.mul(lane.index, size), f.mul(lane.index, stride * size)
            for number, target in enumerate(targets):
                f.store(f.load(word, f.at(f.at(buffer, number * pitch), source)), f.at(target, step))

    # --- lanes that are channels

    def store_grid(self, values: list[Value], out: Value, channel: int, grid: tuple[int, int], lanes: int) -> None:
        """Store a (rows, columns) grid of vectors whose lanes are channels from ``channel`` on."""
        f, fr = self.f, self.frame
        strides, size = fr.stage.output_strides, fr.target.itemsize
        channel_stride, column_stride = strides[-1 - fr.problem.ndim], strides[-1]
        base = f.at(out, channel * channel_stride * size)
        values = [self._narrow(value, lanes) for value in values]
        rows, columns = grid
        targets = [f.at(base, (row * strides[-2] + column * column_stride) * size)
                   for row in range(rows) for column in range(columns)]
        if channel_stride == 1 and lanes == fr.lanes:
            for value, target in zip(values, targets, strict=True):
                f.store(value, target)
        elif column_stride == 1 and lanes == fr.lanes and size in (4, 8) and fr.recipe.vector_bytes >= 16:
            group = 16 // size
            for row in range(rows):
                for column in range(0, columns, group):
                    first = row * columns + column
                    count = min(group, columns - column)
                    self._store_transposed(values[first:first + count], targets[first], channel_stride)
        else:
            self._scatter(values, targets, channel_stride, lanes)

    def _store_transposed(self, pixels: list[Value], target: Value, channel_stride: int) -> None:
        """Transpose inside each 16 bytes, so that neighbouring pixels of a channel are stored at once."""
        f, size = self.f, self.frame.target.size
        count, group, lanes = len(pixels), 16 // size, self.frame.lanes
        full = pixels + [pixels[-1]] * (group - count)
        for i, gathered in enumerate(self._transpose(full)):
            for part in range(lanes // group):
                narrow_ = f.shuffle(gathered, None, [part * group + j for j in range(count)])
                channel = part * group + i
                f.store(narrow_, f.at(target, channel * channel_stride * size))

    def _transpose(self, v: list[Value]) -> list[Value]:
        lanes, group = self.frame.lanes, len(v)
        starts = range(0, lanes, group)
        if group == 2:
            return [self.f.shuffle(v[0], v[1], [s for b in starts for s in (b + i, b + i + lanes)]) for i in (0, 1)]
        low, high = [], []
        for a, b in ((v[0], v[1]), (v[2], v[3])):
            low.append(self.f.shuffle(a, b, [s for x in starts for s in (x, x + lanes, x + 1, x + 1 + lanes)]))
            high.append(self.f.shuffle(a, b, [s for x in starts for s in (x + 2, x + 2 + lanes, x + 3, x + 3 + lanes)]))
        result = []
        for pair in (low, high):
            for i in (0, 2):
                picks = [s for x in starts for s in (x + i, x + i + 1, x + i + lanes, x + i + 1 + lanes)]
                result.append(self.f.shuffle(pair[0], pair[1], picks))
        return result


