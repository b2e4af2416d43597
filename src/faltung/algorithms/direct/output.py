"""From sums in registers to the output array: bias, activation, cast, store."""

from __future__ import annotations

from typing import Protocol

from ...compiler.casts import narrow
from ...compiler.elements import Element
from ...compiler.emit import Function, Value, constant, lanes_of
from ...compiler.packs import GROUP, lanes_packed, pack_bytes, split
from ...compiler.transpose import transpose_in_lanes
from ...compiler.values import lanes_mask
from ...machine import Machine
from ...problem.problem import Problem
from .activations import activate


class Written(Protocol):
    """What a frame must tell of its outputs."""

    @property
    def problem(self) -> Problem:
        """Whose activation, and what becomes of overflows."""

    @property
    def accumulator(self) -> Element:
        """Of the sums."""

    @property
    def target(self) -> Element:
        """Of the output array."""

    @property
    def lanes(self) -> int:
        """Lanes of a vector of sums."""

    @property
    def machine(self) -> Machine:
        """Whose instructions there are."""


class Writer:
    """Finishes and stores the sums of one tile, and remembers whether any lane overflowed."""

    small = False
    """Whether no sum is beyond 2**22, nor a NaN."""

    def __init__(self, f: Function, frame: Written, *, past_caches: bool = False) -> None:
        self.f, self.frame, self.past_caches = f, frame, past_caches
        self._overflow: Value | None = None
        self.lanes_packed = lanes_packed(
            frame.machine, frame.accumulator, frame.target, frame.problem.overflow, frame.lanes)

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
                outside = self.f.bits("and", outside, lanes_mask([lane < lanes for lane in range(width)]))
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
        stored = self._interleave([self._narrow(value, lanes) for value in values])
        if stride == 1:
            self._store_part(stored, out, lanes * self.frame.target.planes)
        else:
            self._scatter([stored], [out], stride, lanes)

    def store_row(self, values: list[list[Value]], out: Value, stride: int, lanes: int) -> None:
        """Store vectors, one behind the other, of which each has so many lanes; several at once where that is less."""
        fr, packed, each = self.frame, 0, self.lanes_packed
        if each and stride == 1 and lanes == fr.lanes:
            parts = [part for value, in values for part in split(self.f, value, each)]
            packed = len(parts) // GROUP * GROUP * each // lanes
            for first in range(0, packed * lanes, GROUP * each):
                group = parts[first // each:first // each + GROUP]
                there = self.f.at(out, first * fr.target.itemsize)
                self._store_part(pack_bytes(self.f, group, small=self.small), there, GROUP * each)
        for number in range(packed, len(values)):
            there = self.f.at(out, number * fr.lanes * stride * fr.target.itemsize)
            self.store(values[number], there, stride, lanes)

    def _store_part(self, stored: Value, out: Value, count: int) -> None:
        """Store the first ``count`` elements, in pieces whose lengths are powers of two."""
        first, piece = 0, lanes_of(stored.type)
        while first < count:
            if first + piece <= count:
                whole = piece == lanes_of(stored.type)
                part = stored if whole else self.f.shuffle(stored, None, list(range(first, first + piece)))
                place = self.f.at(out, first * self.frame.target.size)
                (store_past_caches if whole and self.past_caches else Function.store)(self.f, part, place)
                first += piece
            piece //= 2

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

    # --- lanes that are channels, or segments of a line

    def store_lanes(self, values: list[list[Value]], targets: list[Value], stride: int, lanes: int, *,
                    adjacent: bool) -> None:
        """Store vectors, each to its own target, with ``stride`` elements between the lanes.

        ``adjacent`` says that the targets are neighbours in memory: then lanes are transposed first,
        so that neighbours are stored at once.
        """
        fr = self.frame
        stored = [self._interleave([self._narrow(plane, lanes) for plane in planes]) for planes in values]
        whole, group = lanes == fr.lanes, 16 // fr.target.itemsize
        if stride == 1:
            for value, target in zip(stored, targets, strict=True):
                self._store_part(value, target, lanes * fr.target.planes)
        elif adjacent and whole and group in (2, 4) and fr.target.planes == 1 and fr.lanes >= group:
            for first in range(0, len(stored), group):
                self._store_transposed(stored[first:first + group], targets[first], stride)
        else:
            self._scatter(stored, targets, stride, lanes)

    def _store_transposed(self, values: list[Value], target: Value, stride: int) -> None:
        f, size = self.f, self.frame.target.size
        count, group = len(values), 16 // size
        full = values + [values[-1]] * (group - count)
        for i, gathered in enumerate(transpose_in_lanes(f, full)):
            for part in range(self.frame.lanes // group):
                neighbours = f.shuffle(gathered, None, [part * group + j for j in range(count)])
                f.store(neighbours, f.at(target, (part * group + i) * stride * size))


PIECE_BYTES = 16
"""Of the pieces in which stores past the caches are cut; the processor makes whole lines of the cache from them."""


def store_past_caches(f: Function, value: Value, place: Value) -> None:
    """Store a vector without reading the memory behind it, where the address allows."""
    aligned = f.compare("eq", f.call("llvm.ptrmask.p0.i64", "ptr", place, -PIECE_BYTES), place)
    with f.when(aligned):
        f.store(value, place, align=PIECE_BYTES, past_caches=True)
    with f.unless(aligned):
        f.store(value, place)


def finish_stores(f: Function) -> None:
    """Have stores past the caches done before others are told of them."""
    f.call("llvm.x86.sse.sfence", "void")
