"""Generated passes over all samples: numbers into digits, and sums of digits into numbers.

Digits lie one after the other, each as a plane of all samples of one batch element and group.  A work item takes a
`CHUNK` of the samples, a vector at a time; what is left is done one by one.
"""

from __future__ import annotations

from ...compiler.casts import resize
from ...compiler.cells import Cells
from ...compiler.elements import ELEMENTS
from ...compiler.emit import Loop, Module, Operand, Value, constant, vector
from ...compiler.entry import emit_entry
from ...compiler.values import mangle
from ...machine import Machine
from .passes import CHUNK

SOURCE, TARGET, SAMPLES, CHUNKS, DIGITS, BITS, LOW_DIGITS, BIAS, GROUPS, LEAST, MOST, OVERFLOWED = range(12)
"""Cells of the contexts, 8 bytes each; numbers are split without those behind the bits."""


class _Pass(Cells):
    """Writes ``work(context, item, slot)``: one chunk of one batch element and group."""

    def __init__(self, machine: Machine) -> None:
        self.module, self.lanes = Module(), machine.vector_bytes // 8

    def text(self) -> str:
        """Write the whole module."""
        f = self.begin_work(self.module)
        samples = self.cell(SAMPLES)
        self.lead, chunk = f.div(self.item, self.cell(CHUNKS)), f.rem(self.item, self.cell(CHUNKS))
        self.plane = f.mul(self.lead, samples)
        self.begin()
        first = f.mul(chunk, CHUNK)
        last = f.smaller(f.add(first, CHUNK), samples)
        whole = f.sub(last, f.rem(f.sub(last, first), self.lanes))
        with f.loop(first, whole, self.lanes) as at:
            self.step(at.index, self.lanes)
        with f.loop(whole, last) as at:
            self.step(at.index, 1)
        f.finish()
        emit_entry(self.module)
        return self.module.text()

    def begin(self) -> None:
        """Work out what all samples of the chunk share."""
        f = self.f
        self.bits, self.count, self.samples = self.cell(BITS), self.cell(DIGITS), self.cell(SAMPLES)
        self.half = f.bits("shl", constant("i64", 1), f.value(f.sub(self.bits, 1)))
        self.mask = f.value(f.sub(f.bits("shl", constant("i64", 1), self.bits), 1))

    def step(self, index: Value, lanes: int) -> None:
        """Write the code of so many samples, of which ``index`` is the first."""
        raise NotImplementedError

    def place(self, first: Operand, digit: Operand, index: Operand, size: int, pointer: Value) -> Value:
        """Where a digit's sample lies, of planes that begin with the plane number ``first``."""
        f = self.f
        return f.at(pointer, f.mul(f.add(f.add(first, f.mul(digit, self.samples)), index), size))


class Split(_Pass):
    """Numbers into balanced digits of 16 bits, the lowest first."""

    def __init__(self, machine: Machine, dtype: str) -> None:
        super().__init__(machine)
        self.element = ELEMENTS[dtype]

    def begin(self) -> None:
        """Where numbers and digits of this batch element and group begin."""
        super().begin()
        self.source, self.target = self.pointer(SOURCE), self.pointer(TARGET)
        self.first = self.f.mul(self.plane, self.count)

    def step(self, index: Value, lanes: int) -> None:
        """``low`` is the lowest digit from 0; if it is half or more, it counts as negative, and one is carried."""
        f, e = self.f, self.element
        raw = f.load(vector(e.ir, lanes), f.at(self.source, f.mul(f.add(self.plane, index), e.size)))
        mask, half, bits, carried = (f.splat(value, lanes) for value in (
            self.mask, self.half, self.bits, f.value(f.sub(self.bits, 1))))
        with f.loop(0, self.count, carry=(resize(f, raw, 8, signed=e.kind == "i"),)) as digit:
            low = f.bits("and", digit.carried[0], mask)
            balanced = f.sub(f.bits("xor", low, half), half)
            f.store(resize(f, f.value(balanced), 2, signed=True),
                    self.place(self.first, digit.index, index, 2, self.target))
            rest = f.bits("ashr" if e.kind == "i" else "lshr", digit.carried[0], bits)
            digit.carry([f.value(f.add(rest, f.bits("lshr", low, carried)))])


class Join(_Pass):
    """Sums of digits into numbers of 64 bits: modulo two to the 64, or watching for those that do not fit.

    A number fits if its digits, carried from the lowest to the highest, are those of its lowest 64 bits, and what is
    carried in the end is what stands above them there.
    """

    def __init__(self, machine: Machine, *, watches: bool, signed: bool) -> None:
        super().__init__(machine)
        self.watches, self.signed = watches, signed

    def begin(self) -> None:
        """Where sums and numbers of this batch element and group begin."""
        super().begin()
        f = self.f
        self.source, self.target = self.pointer(SOURCE), self.pointer(TARGET)
        self.first = f.mul(self.plane, self.count)
        group = f.rem(self.lead, self.cell(GROUPS))
        self.bias = Cells(f, self.pointer(BIAS)).cell(group)
        self.bounds = self.cell(LEAST), self.cell(MOST)

    def _sum(self, digit: Loop, index: Value, lanes: int) -> Value:
        return self.f.load(vector("i64", lanes), self.place(self.first, digit.index, index, 8, self.source))

    def step(self, index: Value, lanes: int) -> None:
        """Put the low 64 bits together, and compare them with all digits if need be."""
        f = self.f
        with f.loop(0, self.cell(LOW_DIGITS), carry=(f.splat(self.bias, lanes),)) as digit:
            shift = f.splat(f.value(f.mul(digit.index, self.bits)), lanes)
            shifted = f.bits("shl", self._sum(digit, index, lanes), shift)
            digit.carry([f.value(f.add(digit.carried[0], shifted))])
        assert digit.results is not None
        number = digit.results[0]
        if self.watches:
            number = self._watched(number, index, lanes)
        f.store(number, f.at(self.target, f.mul(f.add(self.plane, index), 8)))

    def _watched(self, number: Value, index: Value, lanes: int) -> Value:
        f, kind = self.f, vector("i64", lanes)
        zero, mask, bits = constant(kind, 0), f.splat(self.mask, lanes), f.splat(self.bits, lanes)
        carry = (f.splat(self.bias, lanes), zero, number)
        with f.loop(0, self.count, carry=carry) as digit:
            carried, wrong, rest = digit.carried
            total = f.value(f.add(self._sum(digit, index, lanes), carried))
            wrong = f.bits("or", wrong, f.bits("and", f.bits("xor", total, rest), mask))
            digit.carry([f.bits("ashr", total, bits), wrong, f.bits("ashr" if self.signed else "lshr", rest, bits)])
        assert digit.results is not None
        carried, wrong, rest = digit.results
        outside = f.compare("ne", f.bits("or", wrong, f.bits("xor", carried, rest)), zero)
        least, most = (f.splat(bound, lanes) for bound in self.bounds)
        if self.signed:
            outside = f.bits("or", outside, f.bits("or", f.compare("slt", number, least),
                                                   f.compare("sgt", number, most)))
        some = outside if lanes == 1 else f.call(f"llvm.vector.reduce.or.{mangle(outside.type)}", "i1", outside)
        with f.when(some):
            self.fill([(OVERFLOWED, 1)])
        return f.select(outside, f.select(f.compare("slt", carried, zero), least, most), number)
