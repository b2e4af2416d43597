"""What the programs of layers share: the context, vectors with masked edges, and the entry that hands out items.

A program is called with a context: 64-bit cells that hold addresses, extents and steps, so that one object serves
every shape.  An item is a piece of work whose bounds follow from the shape alone, never from the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable

from ...compiler.cells import Cells
from ...compiler.elements import ELEMENTS, Element
from ...compiler.emit import Module, Operand, Value, constant, element_of, lanes_of, vector
from ...compiler.entry import emit_entry
from ...compiler.values import mangle
from ...machine import Machine


class Writer(Cells):
    """Writes one program for arrays of one floating dtype."""

    def __init__(self, dtype: str, machine: Machine) -> None:
        self.module, self.machine = Module(), machine
        self.element: Element = ELEMENTS[dtype]
        self.size = self.element.size
        self.lanes = machine.vector_bytes // self.size
        self.kind = vector(self.element.ir, self.lanes)

    def finish(self) -> str:
        """Write ``entry``, which calls ``work`` for every item, alone or with the workers; the whole text."""
        emit_entry(self.module)
        return self.module.text()

    def number(self, cell: int) -> Value:
        """A float64 of the context as a scalar of the program's dtype."""
        wide = self.double(cell)
        return wide if self.size == 8 else self.f.cast("fptrunc", wide, "float")

    # --- places and vectors

    def place(self, base: Value, index: Operand, size: int | None = None) -> Value:
        """Address of an element."""
        return self.f.at(base, self.f.mul(index, self.size if size is None else size))

    def whole(self, operand: Operand) -> Value:
        """An index as a value."""
        return self.f.value(operand)

    def iota(self) -> Value:
        """The number of each lane."""
        return Value(f"<{self.lanes} x i32>", "<" + ", ".join(f"i32 {lane}" for lane in range(self.lanes)) + ">")

    def mask(self, count: Operand) -> Value:
        """Lanes below ``count``."""
        f = self.f
        return f.compare("slt", self.iota(), f.splat(f.cast("trunc", f.smaller(count, self.lanes), "i32"), self.lanes))  # type: ignore[arg-type]

    def stretch(self, count: Operand, body: Callable[[Operand, Value | None], None]) -> None:
        """Whole vectors without a mask, then the rest of ``count`` elements with one."""
        f = self.f
        whole = f.sub(count, f.rem(count, self.lanes))
        with f.loop(f.value(0), whole, self.lanes) as loop:
            body(loop.index, None)
        with f.when(f.compare("slt", whole, count)):
            body(whole, self.mask(f.sub(count, whole)))

    def load(self, pointer: Value, mask: Value | None = None, fill: float = 0.0, ir: str = "") -> Value:
        """A vector of the program's dtype (or of ``ir``); masked lanes hold ``fill`` and are not touched."""
        kind = vector(ir or self.element.ir, self.lanes)
        align = {"i8": 1, "i32": 4}.get(ir, self.size if not ir else 8)
        if mask is None:
            return self.f.load(kind, pointer, align=align)
        return self.f.masked_load(kind, pointer, mask, align=align, fill=fill)

    def store(self, value: Value, pointer: Value, mask: Value | None = None) -> None:
        """Store a vector; masked lanes are not touched."""
        align = {"i8": 1, "i32": 4, "float": 4, "double": 8}[element_of(value.type)]
        if mask is None:
            self.f.store(value, pointer, align=align)
        else:
            self.f.call(f"llvm.masked.store.{mangle(value.type)}.p0", "void", value, pointer, Value("i32", str(align)),
                        mask)

    def gather(self, base: Value, numbers: Value, mask: Value, fill: float) -> Value:
        """Elements of the program's dtype by their 32-bit numbers; masked lanes hold ``fill`` and are not touched."""
        f, pointers = self.f, vector("ptr", self.lanes)
        places = f._write(pointers, f"getelementptr {self.element.ir}, ptr {base.text}, {numbers.type} {numbers.text}")
        return f.call(f"llvm.masked.gather.{mangle(self.kind)}.v{self.lanes}p0", self.kind, places,
                      Value("i32", str(self.size)), mask, constant(self.kind, fill))

    def whole_number(self, number: Operand) -> Value:
        """A 32-bit number in every lane."""
        return self.spread(self.f.cast("trunc", self.whole(number), "i32"))

    # --- arithmetic

    def sum(self, *terms: Value) -> Value:
        """Sum from left to right."""
        total: Operand = terms[0]
        for term in terms[1:]:
            total = self.f.add(total, term)
        return self.f.value(total)

    def product(self, *factors: Value) -> Value:
        """Multiply from left to right."""
        result: Operand = factors[0]
        for factor in factors[1:]:
            result = self.f.mul(result, factor)
        return self.f.value(result)

    def minus(self, a: Value, b: Value) -> Value:
        """Subtract."""
        return self.f.value(self.f.sub(a, b))

    def over(self, a: Value, b: Value) -> Value:
        """Divide."""
        return self.f.value(self.f.div(a, b))

    def like(self, value: Value, number: float) -> Value:
        """Write a constant of a value's type."""
        return constant(value.type, number)

    def spread(self, scalar: Value) -> Value:
        """The same scalar in every lane."""
        return self.f.splat(scalar, self.lanes)

    def halves(self, value: Value) -> list[Value]:
        """A vector as vectors of float64, each as long as the machine's own."""
        if self.size == 8:
            return [value]
        half, f = lanes_of(value.type) // 2, self.f
        parts = [f.shuffle(value, None, range(start, start + half)) for start in (0, half)]
        return [f.cast("fpext", part, "double") for part in parts]
