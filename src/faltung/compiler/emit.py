"""From Python to LLVM IR: values, loops as context managers, vectors.

The IR is written as text at once: for kernels of a few thousand instructions this takes a few
milliseconds, several times less than building an object for each instruction and printing it.
Index arithmetic on Python integers folds, so a constant address costs no instruction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from .values import Operand, Value, constant, element_of, is_float, lanes_of, mangle, vector

__all__ = ["Function", "Loop", "Module", "Operand", "Value", "constant", "element_of", "is_float", "lanes_of", "vector"]

@dataclass
class Loop:
    """A loop under construction: its index and the values carried from turn to turn."""

    index: Value
    carried: list[Value]
    following: list[Value] | None = None
    results: list[Value] | None = None

    def carry(self, values: Sequence[Value]) -> None:
        """Say what the carried values are at the next turn."""
        self.following = list(values)


class Module:
    """A module under construction: functions, constant tables and declarations."""

    def __init__(self) -> None:
        self._functions: list[Function] = []
        self._globals: list[str] = []
        self._tables: dict[str, str] = {}
        self.declared: dict[str, str] = {}

    def function(self, name: str, result: str, parameters: Sequence[tuple[str, str]], *,
                 internal: bool = True) -> Function:
        """Begin a function; parameters are (type and attributes, name)."""
        function = Function(self, name, result, parameters, internal)
        self._functions.append(function)
        return function

    def table(self, numbers: Sequence[int]) -> Value:
        """Keep constant 64-bit integers in the module, equal ones once."""
        cells = f"[{len(numbers)} x i64] [{', '.join(f'i64 {number}' for number in numbers)}]"
        name = self._tables.setdefault(cells, f"@table.{len(self._globals)}")
        if name == f"@table.{len(self._globals)}":
            self._globals.append(f"{name} = internal constant {cells}")
        return Value("ptr", name)

    def declare(self, name: str, result: str, parameters: Sequence[str]) -> None:
        """Declare a function that lives elsewhere (an intrinsic, or the C library's)."""
        self.declared[name] = f"declare {result} @{name}({', '.join(parameters)})"

    def text(self) -> str:
        """Write the whole module."""
        parts = [*self._globals, *(function.text() for function in self._functions),
                 *sorted(self.declared.values()),
                 'attributes #0 = { nounwind "min-legal-vector-width"="512" "frame-pointer"="none" }']
        return "\n".join(parts) + "\n"


class Function:
    """A function under construction; each method writes one instruction and names its result."""

    def __init__(self, module: Module, name: str, result: str, parameters: Sequence[tuple[str, str]],
                 internal: bool) -> None:
        self.module, self.name, self.result = module, name, result
        self.arguments = [Value(kind.split()[0], f"%{text}") for kind, text in parameters]
        written = ", ".join(f"{kind} %{text}" for kind, text in parameters)
        linkage = "internal " if internal else ""
        self._head = f"define {linkage}{result} @{name}({written}) #0 {{"
        self._lines: list[str] = ["entry:"]
        self._allocas: list[str] = []
        self._count = 0
        self._block = "entry"

    def text(self) -> str:
        """Write the function."""
        return "\n".join([self._head, self._lines[0], *self._allocas, *self._lines[1:], "}"])

    # --- the writing itself

    def _fresh(self) -> str:
        self._count += 1
        return f"%v{self._count}"

    def _write(self, kind: str, instruction: str) -> Value:
        self._count += 1
        name = f"%v{self._count}"
        self._lines.append(f"  {name} = {instruction}")
        return Value(kind, name)

    def _label(self, hint: str) -> str:
        self._count += 1
        return f"{hint}.{self._count}"

    def _start(self, block: str) -> None:
        self._lines.append(f"{block}:")
        self._block = block

    def _jump(self, block: str) -> None:
        self._lines.append(f"  br label %{block}")

    def value(self, operand: Operand) -> Value:
        """Turn a Python integer into a constant of type i64."""
        return Value("i64", str(operand)) if isinstance(operand, int) else operand

    # --- arithmetic

    def _binary(self, op: str, a: Operand, b: Operand) -> Value:
        left, right = self.value(a), self.value(b)
        return self._write(left.type, f"{op} {left.type} {left.text}, {right.text}")

    def add(self, a: Operand, b: Operand) -> Operand:
        """Add; integers fold and a zero vanishes."""
        if isinstance(a, int) and isinstance(b, int):
            return a + b
        if isinstance(a, int) and a == 0:
            return b
        if isinstance(b, int) and b == 0:
            return a
        return self._binary("fadd" if is_float(self.value(a).type) else "add", a, b)

    def sub(self, a: Operand, b: Operand) -> Operand:
        """Subtract."""
        if isinstance(a, int) and isinstance(b, int):
            return a - b
        if isinstance(b, int) and b == 0:
            return a
        return self._binary("fsub" if is_float(self.value(a).type) else "sub", a, b)

    def mul(self, a: Operand, b: Operand) -> Operand:
        """Multiply; one and zero fold."""
        if isinstance(a, int) and isinstance(b, int):
            return a * b
        for one, other in ((a, b), (b, a)):
            if isinstance(one, int) and one in (0, 1):
                return other if one else 0
        return self._binary("fmul" if is_float(self.value(a).type) else "mul", a, b)

    def div(self, a: Operand, b: Operand) -> Operand:
        """Divide: unsigned for integers (indices are never negative where this is used)."""
        if isinstance(a, int) and isinstance(b, int):
            return a // b
        if isinstance(b, int) and b == 1:
            return a
        return self._binary("fdiv" if is_float(self.value(a).type) else "udiv", a, b)

    def rem(self, a: Operand, b: Operand) -> Operand:
        """Remainder of the unsigned division."""
        if isinstance(a, int) and isinstance(b, int):
            return a % b
        if isinstance(b, int) and b == 1:
            return 0
        return self._binary("urem", a, b)

    def bits(self, op: str, a: Operand, b: Operand) -> Value:
        """Write any other two-operand instruction (and, or, shl, lshr, ...)."""
        return self._binary(op, a, b)

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        """Multiply and add: fused in floating point, modular in integers."""
        if is_float(a.type):
            return self.intrinsic("fma", a, b, c)
        product = self._binary("mul", a, b)
        return self._binary("add", product, c)

    def neg(self, a: Value) -> Value:
        """Negate a floating value."""
        return self._write(a.type, f"fneg {a.type} {a.text}")

    def intrinsic(self, name: str, *operands: Value, result: str | None = None) -> Value:
        """Call an LLVM intrinsic that is overloaded by its first operand's type."""
        kind = operands[0].type
        suffix = mangle(kind)
        if result is not None:
            suffix = f"{mangle(result)}.{suffix}"
        return self.call(f"llvm.{name}.{suffix}", result or kind, *operands)

    def call(self, name: str, result: str, *operands: Operand, local: bool = False) -> Value:
        """Call a function by name; ``local`` ones are defined in this module."""
        values = [self.value(operand) for operand in operands]
        if not local and name not in self.module.declared:
            self.module.declare(name, result, [value.type for value in values])
        written = ", ".join(f"{value.type} {value.text}" for value in values)
        if result == "void":
            self._lines.append(f"  call void @{name}({written})")
            return Value("void", "")
        return self._write(result, f"call {result} @{name}({written})")

    def call_pointer(self, pointer: Value, result: str, *operands: Operand) -> Value:
        """Call through a pointer."""
        values = [self.value(operand) for operand in operands]
        written = ", ".join(f"{value.type} {value.text}" for value in values)
        if result == "void":
            self._lines.append(f"  call void {pointer.text}({written})")
            return Value("void", "")
        return self._write(result, f"call {result} {pointer.text}({written})")

    def compare(self, predicate: str, a: Operand, b: Operand) -> Value:
        """Compare (slt, sge, eq, ... or the floating oeq, uno, ...)."""
        left, right = self.value(a), self.value(b)
        op = "fcmp" if is_float(left.type) else "icmp"
        return self._write(vector("i1", lanes_of(left.type)), f"{op} {predicate} {left.type} {left.text}, {right.text}")

    def select(self, condition: Value, a: Operand, b: Operand) -> Value:
        """Choose between two values."""
        left, right = self.value(a), self.value(b)
        return self._write(left.type, f"select {condition.type} {condition.text}, "
                                      f"{left.type} {left.text}, {right.type} {right.text}")

    def smaller(self, a: Operand, b: Operand) -> Operand:
        """The smaller of two signed integers."""
        if isinstance(a, int) and isinstance(b, int):
            return min(a, b)
        return self.intrinsic("smin", self.value(a), self.value(b))

    def larger(self, a: Operand, b: Operand) -> Operand:
        """The larger of two signed integers."""
        if isinstance(a, int) and isinstance(b, int):
            return max(a, b)
        return self.intrinsic("smax", self.value(a), self.value(b))

    def cast(self, op: str, value: Value, element: str) -> Value:
        """Convert (fpext, fptrunc, sext, zext, trunc, sitofp, uitofp, bitcast, ...) lane by lane."""
        kind = vector(element, lanes_of(value.type))
        return self._write(kind, f"{op} {value.type} {value.text} to {kind}")

    def reinterpret(self, value: Value, kind: str) -> Value:
        """The same bits as another type of the same size."""
        return self._write(kind, f"bitcast {value.type} {value.text} to {kind}")

    # --- memory

    def at(self, pointer: Value, offset: Operand) -> Value:
        """The address ``offset`` bytes further."""
        if isinstance(offset, int) and offset == 0:
            return pointer
        return self._write("ptr", f"getelementptr i8, ptr {pointer.text}, i64 {self.value(offset).text}")

    def load(self, kind: str, pointer: Value, *, align: int | None = None) -> Value:
        """Load; by default the address need not be aligned at all."""
        return self._write(kind, f"load {kind}, ptr {pointer.text}, align {align or 1}")

    def masked_load(self, kind: str, pointer: Value, mask: Value, *, align: int, fill: float = 0) -> Value:
        """Load the lanes of a mask, and ``fill`` for the others, whose memory is not touched."""
        return self.call(f"llvm.masked.load.{mangle(kind)}.p0", kind, pointer, Value("i32", str(align)), mask,
                         constant(kind, fill))

    def masked_store(self, value: Value, pointer: Value, mask: Value, *, align: int) -> None:
        """Store the lanes of a mask; the memory of the others is not touched."""
        self.call(f"llvm.masked.store.{mangle(value.type)}.p0", "void", value, pointer, Value("i32", str(align)), mask)

    def store(self, value: Operand, pointer: Value, *, align: int | None = None, past_caches: bool = False) -> None:
        """Store; by default the address need not be aligned at all."""
        written, hint = self.value(value), ", !nontemporal !{i32 1}" if past_caches else ""
        self._lines.append(f"  store {written.type} {written.text}, ptr {pointer.text}, align {align or 1}{hint}")

    def alloca(self, size_bytes: int) -> Value:
        """Reserve bytes on the stack, once for the whole function."""
        name = self._fresh()
        self._allocas.append(f"  {name} = alloca [{size_bytes} x i8], align 64")
        return Value("ptr", name)

    def atomic_add(self, pointer: Value, number: int) -> Value:
        """Add to a 64-bit counter, sequentially consistent; the value before."""
        return self._write("i64", f"atomicrmw add ptr {pointer.text}, i64 {number} seq_cst, align 8")

    def atomic_load(self, pointer: Value) -> Value:
        """Load a 64-bit integer, sequentially consistent."""
        return self._write("i64", f"load atomic i64, ptr {pointer.text} seq_cst, align 8")

    def atomic_store(self, value: Operand, pointer: Value) -> None:
        """Store a 64-bit integer, sequentially consistent."""
        self._lines.append(f"  store atomic i64 {self.value(value).text}, ptr {pointer.text} seq_cst, align 8")

    def exchange_if(self, pointer: Value, expected: int, new: int) -> Value:
        """Set a 64-bit integer if it has the expected value; whether it had."""
        pair = self._write("{ i64, i1 }", f"cmpxchg ptr {pointer.text}, i64 {expected}, i64 {new} seq_cst seq_cst")
        return self._write("i1", f"extractvalue {pair.type} {pair.text}, 1")

    # --- vectors

    def splat(self, scalar: Value, lanes: int) -> Value:
        """The same scalar in every lane."""
        if lanes == 1:
            return scalar
        kind = vector(scalar.type, lanes)
        one = self._write(kind, f"insertelement {kind} poison, {scalar.type} {scalar.text}, i64 0")
        zeros = f"<{lanes} x i32> zeroinitializer"
        return self._write(kind, f"shufflevector {kind} {one.text}, {kind} poison, {zeros}")

    def extract(self, value: Value, lane: Operand) -> Value:
        """One lane."""
        if lanes_of(value.type) == 1:
            return value
        where = self.value(lane).text
        return self._write(element_of(value.type), f"extractelement {value.type} {value.text}, i64 {where}")

    def shuffle(self, a: Value, b: Value | None, lanes: Sequence[int]) -> Value:
        """Pick lanes from two vectors laid side by side (-1: any)."""
        if len(lanes) == 1:
            return self.extract(a, lanes[0])
        other = b.text if b is not None else "poison"
        mask = ", ".join(f"i32 {lane}" if lane >= 0 else "i32 poison" for lane in lanes)
        kind = vector(element_of(a.type), len(lanes))
        return self._write(kind, f"shufflevector {a.type} {a.text}, {a.type} {other}, <{len(lanes)} x i32> <{mask}>")

    def shifted(self, a: Value, b: Value, first: int) -> Value:
        """The lanes from ``first`` on of two vectors laid side by side."""
        lanes, element = lanes_of(a.type), element_of(a.type)
        # LLVM finds the processor's instruction for integers only
        kind = vector({"float": "i32", "double": "i64"}.get(element, element), lanes)
        whole = self.shuffle(self.reinterpret(a, kind), self.reinterpret(b, kind), range(first, first + lanes))
        return self.reinterpret(whole, a.type)

    # --- control

    @contextmanager
    def loop(self, start: Operand, stop: Operand, step: Operand = 1,
             carry: Sequence[Value] = ()) -> Iterator[Loop]:
        """Count from ``start`` to below ``stop``; ``loop.results`` holds the carried values afterwards."""
        first, last = self.value(start), self.value(stop)
        before, head, done = self._block, self._label("loop"), self._label("done")
        certain = isinstance(start, int) and isinstance(stop, int)
        if certain and int(start) >= int(stop):  # type: ignore[arg-type]
            raise ValueError("a loop that never turns")
        if certain:
            self._jump(head)
        else:
            enter = self.compare("slt", first, last)
            self._lines.append(f"  br i1 {enter.text}, label %{head}, label %{done}")
        self._start(head)
        place = len(self._lines)
        loop = Loop(Value("i64", self._fresh()), [Value(value.type, self._fresh()) for value in carry])
        yield loop
        following = self._binary("add", loop.index, step)
        again = self.compare("slt", following, last)
        latch = self._block
        self._lines.append(f"  br i1 {again.text}, label %{head}, label %{done}")
        new = loop.following if loop.following is not None else loop.carried
        phis = [f"  {loop.index.text} = phi i64 [ {first.text}, %{before} ], [ {following.text}, %{latch} ]"]
        phis += [f"  {phi.text} = phi {phi.type} [ {old.text}, %{before} ], [ {value.text}, %{latch} ]"
                 for phi, old, value in zip(loop.carried, carry, new, strict=True)]
        self._lines[place:place] = phis
        self._start(done)
        loop.results = list(new) if certain else [
            self._write(old.type, f"phi {old.type} [ {old.text}, %{before} ], [ {value.text}, %{latch} ]")
            for old, value in zip(carry, new, strict=True)]

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        """Do what follows only if the condition holds."""
        then, done = self._label("then"), self._label("done")
        self._lines.append(f"  br i1 {condition.text}, label %{then}, label %{done}")
        self._start(then)
        yield
        self._jump(done)
        self._start(done)

    @contextmanager
    def unless(self, condition: Value) -> Iterator[None]:
        """Do what follows only if the condition does not hold."""
        then, done = self._label("else"), self._label("done")
        self._lines.append(f"  br i1 {condition.text}, label %{done}, label %{then}")
        self._start(then)
        yield
        self._jump(done)
        self._start(done)

    @contextmanager
    def forever(self) -> Iterator[str]:
        """Turn until `leave` jumps to the yielded block."""
        head, done = self._label("turn"), self._label("left")
        self._jump(head)
        self._start(head)
        yield done
        self._jump(head)
        self._start(done)

    def leave(self, condition: Value, block: str) -> None:
        """Jump out to ``block`` if the condition holds."""
        stay = self._label("stay")
        self._lines.append(f"  br i1 {condition.text}, label %{block}, label %{stay}")
        self._start(stay)

    def finish(self, value: Operand | None = None) -> None:
        """Return."""
        if value is None:
            self._lines.append("  ret void")
        else:
            written = self.value(value)
            self._lines.append(f"  ret {written.type} {written.text}")
