"""Normalisation, forward and backward: batch, group and layer norm in one pattern.

A *set* is what shares a mean and a variance: ``SEGMENTS`` runs of ``LENGTH`` elements that stand ``STEP`` bytes apart.
A channel of a batch has one run for each image, a group of channels one for each channel, a row of a layer norm is a
single run.  Weights belong to the set ("batch"), to the segment ("group") or to the element ("layer").  With the
centred ``d = x - mean``, ``r = 1 / sqrt(variance + eps)`` and ``M`` elements in a set::

    y  = d r w + b
    dx = r w dy - r sum(w dy) / M - d r**3 sum(w dy d) / M
"""

from __future__ import annotations

from collections.abc import Sequence

from ...compiler.emit import Operand, Value, constant
from ...machine import Machine
from .sums import Summing

(X, ABOVE, OUT, WEIGHT, BIAS, MEAN, VARIANCE, BIAS_PART, WEIGHT_PART, SETS, PER_ITEM, BASE_STEP, SEGMENTS, STEP, LENGTH,
 CHANNELS, EPS, ELEMENTS_OF_SET, PART_STEP) = range(19)
"""Cells.  There are CHANNELS weights.  In layer norm an item has rows of parts of its own, PART_STEP bytes long, which
have room for a whole vector more than the length needs."""
KINDS = ("batch", "group", "layer")


def emit_forward(kind: str, dtype: str, affine: bool, known: bool, machine: Machine) -> str:
    """Write the normalisation; means and variances are ``known``, or measured and left behind."""
    return _Norm(kind, dtype, affine, machine).emit_forward(known)


def emit_backward(kind: str, dtype: str, affine: bool, machine: Machine) -> str:
    """Write the gradients by the input and the parts of those by weight and bias."""
    return _Norm(kind, dtype, affine, machine).emit_backward()


class _Norm(Summing):
    def __init__(self, kind: str, dtype: str, affine: bool, machine: Machine) -> None:
        super().__init__(dtype, machine)
        self.by, self.affine = kind, affine

    # --- the frame of both

    def emit_forward(self, known: bool) -> str:
        f = self.begin_work(self.module)
        with f.loop(*self._sets(self.item)) as loop:
            self._begin_set(loop.index)
            if not known:
                self._measure()
            self._load_statistics()
            with f.loop(0, self._segments()) as segment:
                self._apply(segment.index)
        f.finish()
        return self.finish()

    def emit_backward(self) -> str:
        f = self.begin_work(self.module)
        with f.loop(*self._sets(self.item)) as loop:
            self._begin_set(loop.index)
            self._load_statistics()
            sums = {"batch": self._batch_sums, "group": self._group_sums, "layer": self._layer_sums}[self.by]
            plain, centred = sums()
            count = self.double(ELEMENTS_OF_SET)
            cube = self.product(self.root, self.root, self.root)
            self.shift = self.narrowed(f.neg(self.over(self.product(self.root, plain), count)))
            self.slope = self.narrowed(f.neg(self.over(self.product(cube, centred), count)))
            with f.loop(0, self._segments()) as segment:
                self._descend(segment.index)
        f.finish()
        return self.finish()

    def _sets(self, item: Value) -> tuple[Operand, Operand]:
        f = self.f
        first = self.whole(f.mul(self.item, self.cell(PER_ITEM)))
        return first, f.smaller(f.add(first, self.cell(PER_ITEM)), self.cell(SETS))

    def _segments(self) -> Operand:
        return 1 if self.by == "layer" else self.cell(SEGMENTS)

    def _begin_set(self, index: Value) -> None:
        self.set, self.offset = index, self.whole(self.f.mul(index, self.cell(BASE_STEP)))
        self.length = self.cell(LENGTH)

    def run(self, cell: int, segment: Operand) -> Value:
        """Address of a run of an array."""
        f = self.f
        return f.at(self.pointer(cell), f.add(self.offset, f.mul(segment, self.cell(STEP))))

    def narrowed(self, number: Value) -> Value:
        """A float64 as a vector of the program's dtype."""
        return self.spread(number if self.size == 8 else self.f.cast("fptrunc", number, "float"))

    def widened(self, number: Value) -> Value:
        """A number of the program's dtype as float64."""
        return number if self.size == 8 else self.f.cast("fpext", number, "double")

    # --- mean and variance

    def _measure(self) -> None:
        f, count = self.f, self.double(ELEMENTS_OF_SET)

        def over_set(centred: bool) -> Value:
            with f.loop(0, self._segments(), carry=self.zeros(1)) as segment:
                base = self.run(X, segment.index)

                def terms(index: Operand, mask: Value | None) -> Sequence[Value]:
                    found = self.load(self.place(base, index), mask)
                    if not centred:
                        return [found]
                    d = self.centred(found)
                    return [self.only(mask, self.product(d, d))]

                segment.carry(self.reduce(self.length, segment.carried, terms))
            assert segment.results is not None
            return self.over(self.totals(segment.results)[0], count)

        mean = over_set(centred=False)
        f.store(mean, self.place(self.pointer(MEAN), self.set, 8), align=8)
        self._load_mean()
        f.store(over_set(centred=True), self.place(self.pointer(VARIANCE), self.set, 8), align=8)

    def _load_mean(self) -> None:
        f = self.f
        mean = f.load("double", self.place(self.pointer(MEAN), self.set, 8), align=8)
        self.high = self.narrowed(mean)
        # what the float32 mean lacks; an infinite mean lacks nothing
        lacking = self.minus(mean, self.widened(f.extract(self.high, 0)))
        lacking = f.select(f.compare("uno", lacking, lacking), constant("double", 0.0), lacking)
        self.low = self.narrowed(lacking) if self.size == 4 else None

    def _load_statistics(self) -> None:
        f = self.f
        self._load_mean()
        variance = f.load("double", self.place(self.pointer(VARIANCE), self.set, 8), align=8)
        root = f.intrinsic("sqrt", self.sum(variance, self.double(EPS)))
        self.root = self.over(constant("double", 1.0), root)

    def centred(self, x: Value) -> Value:
        """``x - mean``, as exact as the dtype allows."""
        d = self.minus(x, self.high)
        return d if self.low is None else self.minus(d, self.low)

    def _channel(self, segment: Operand) -> Operand:
        f = self.f
        if self.by == "batch":
            return f.rem(self.set, self.cell(CHANNELS))
        return f.rem(f.add(f.mul(self.set, self.cell(SEGMENTS)), segment), self.cell(CHANNELS))

    def _parameter(self, cell: int, channel: Operand) -> Value:
        return self.f.load(self.element.ir, self.place(self.pointer(cell), channel), align=self.size)

    def _apply(self, segment: Value) -> None:
        f, x, out = self.f, self.run(X, segment), self.run(OUT, segment)
        scale, bias = self.root, None
        if self.affine and self.by != "layer":
            channel = self._channel(segment)
            scale = self.product(scale, self.widened(self._parameter(WEIGHT, channel)))
            bias = self.spread(self._parameter(BIAS, channel))
        factor = self.narrowed(scale)

        def body(index: Operand, mask: Value | None) -> None:
            value = self.centred(self.load(self.place(x, index), mask))
            if self.affine and self.by == "layer":
                weight, added = (self.load(self.place(self.pointer(at), index), mask) for at in (WEIGHT, BIAS))
                value = f.fma(self.product(value, factor), weight, added)
            else:
                value = self.product(value, factor) if bias is None else f.fma(value, factor, bias)
            self.store(value, self.place(out, index), mask)

        self.stretch(self.length, body)

    # --- backward

    def _pair(self, segment: Operand, state: Sequence[Value]) -> list[Value]:
        """Add ``dy`` and ``dy d`` of a segment."""
        above, x = self.run(ABOVE, segment), self.run(X, segment)

        def terms(index: Operand, mask: Value | None) -> Sequence[Value]:
            dy = self.load(self.place(above, index), mask)
            return [dy, self.product(dy, self.only(mask, self.centred(self.load(self.place(x, index), mask))))]

        return self.reduce(self.length, state, terms)

    def _keep(self, place: Operand, plain: Value, centred: Value) -> None:
        if self.affine:
            self.f.store(plain, self.place(self.pointer(BIAS_PART), place, 8), align=8)
            self.f.store(self.product(centred, self.root), self.place(self.pointer(WEIGHT_PART), place, 8), align=8)

    def _batch_sums(self) -> tuple[Value, Value]:
        f = self.f
        with f.loop(0, self._segments(), carry=self.zeros(2)) as segment:
            segment.carry(self._pair(segment.index, segment.carried))
        assert segment.results is not None
        plain, centred = self.totals(segment.results)
        self._keep(self.set, plain, centred)
        if not self.affine:
            return plain, centred
        weight = self.widened(self._parameter(WEIGHT, self._channel(0)))
        return self.product(plain, weight), self.product(centred, weight)

    def _group_sums(self) -> tuple[Value, Value]:
        f, segments = self.f, self.cell(SEGMENTS)
        with f.loop(0, segments, carry=[constant("double", 0.0)] * 2) as segment:
            plain, centred = self.totals(self._pair(segment.index, self.zeros(2)))
            self._keep(f.add(f.mul(self.set, segments), segment.index), plain, centred)
            if self.affine:
                weight = self.widened(self._parameter(WEIGHT, self._channel(segment.index)))
                plain, centred = self.product(plain, weight), self.product(centred, weight)
            segment.carry([self.sum(old, new) for old, new in zip(segment.carried, (plain, centred), strict=True)])
        assert segment.results is not None
        return segment.results[0], segment.results[1]

    def _layer_sums(self) -> tuple[Value, Value]:
        f, above, x = self.f, self.run(ABOVE, 0), self.run(X, 0)
        root = self.narrowed(self.root)
        row = f.mul(self.item, self.cell(PART_STEP))
        parts = [f.at(self.pointer(at), row) for at in (BIAS_PART, WEIGHT_PART)]

        def terms(index: Operand, mask: Value | None) -> Sequence[Value]:
            dy = self.load(self.place(above, index), mask)
            d = self.only(mask, self.centred(self.load(self.place(x, index), mask)))
            if self.affine:
                for part, value in zip(parts, (dy, self.product(dy, self.product(d, root))), strict=True):
                    self._gather(part, index, value)
                dy = self.product(dy, self.load(self.place(self.pointer(WEIGHT), index), mask))
            return [dy, self.product(dy, d)]

        plain, centred = self.totals(self.reduce(self.length, self.zeros(2), terms))
        return plain, centred

    def _gather(self, part: Value, index: Operand, value: Value) -> None:
        """Add to the item's row of the parts, which has room for a vector more than it needs."""
        lanes = self.machine.vector_bytes // 8
        for number, half in enumerate(self.halves(value)):
            place = self.place(part, self.f.add(index, number * lanes), 8)
            self.f.store(self.sum(self.f.load(half.type, place, align=8), half), place, align=8)

    def _descend(self, segment: Value) -> None:
        f, x, above, out = self.f, self.run(X, segment), self.run(ABOVE, segment), self.run(OUT, segment)
        scale = self.root
        if self.affine and self.by != "layer":
            scale = self.product(scale, self.widened(self._parameter(WEIGHT, self._channel(segment))))
        factor = self.narrowed(scale)

        def body(index: Operand, mask: Value | None) -> None:
            d, dy = self.centred(self.load(self.place(x, index), mask)), self.load(self.place(above, index), mask)
            if self.affine and self.by == "layer":
                dy = self.product(dy, self.load(self.place(self.pointer(WEIGHT), index), mask))
            self.store(f.fma(dy, factor, f.fma(d, self.slope, self.shift)), self.place(out, index), mask)

        self.stretch(self.length, body)
