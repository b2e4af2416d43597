"""The emitter: what it writes verifies, runs, and folds what is known."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np
import pytest

from faltung.compiler import jit
from faltung.compiler.emit import Function, Module, Value, constant, element_of, is_float, lanes_of, vector
from faltung.errors import CodegenError
from faltung.machine import detect

INTEGER, POINTER = ctypes.c_int64, ctypes.c_void_p


def built(write: Callable[[Function], None], parameters: str = "n", pointers: str = "") -> Callable[..., int]:
    """A function of integers and pointers that returns an integer, compiled and loaded."""
    module = Module()
    f = module.function("f", "i64", [*(("i64", name) for name in parameters), *(("ptr", name) for name in pointers)],
                        internal=False)
    write(f)
    library = jit.Library(jit.compile_object(module.text(), detect()), ("f",))
    return library.function("f", INTEGER, *[INTEGER] * len(parameters), *[POINTER] * len(pointers))


@pytest.mark.parametrize("n", [-3, 0, 1, 2, 10])
def test_a_loop_counts_and_carries(n: int) -> None:
    def write(f: Function) -> None:
        with f.loop(0, f.arguments[0], carry=[f.value(100)]) as loop:
            loop.carry([f.value(f.add(loop.carried[0], loop.index))])
        assert loop.results is not None
        f.finish(loop.results[0])

    assert built(write)(n) == 100 + sum(range(n))


def test_loops_nest_and_step() -> None:
    def write(f: Function) -> None:
        with f.loop(0, f.arguments[0], 3, carry=[f.value(0)]) as outer:
            with f.loop(0, 4, carry=[outer.carried[0]]) as inner:
                inner.carry([f.value(f.add(inner.carried[0], f.mul(outer.index, inner.index)))])
            assert inner.results is not None
            outer.carry(inner.results)
        assert outer.results is not None
        f.finish(outer.results[0])

    assert built(write)(10) == sum(i * j for i in range(0, 10, 3) for j in range(4))


def test_a_loop_with_a_branch_inside() -> None:
    def write(f: Function) -> None:
        cell = f.alloca(8)
        f.store(0, cell)
        with f.loop(0, f.arguments[0]) as loop:
            with f.when(f.compare("eq", f.rem(loop.index, 2), 0)):
                f.store(f.add(f.load("i64", cell), loop.index), cell)
            with f.unless(f.compare("slt", loop.index, 5)):
                f.store(f.add(f.load("i64", cell), 1000), cell)
        f.finish(f.load("i64", cell))

    assert built(write)(8) == 0 + 2 + 4 + 6 + 3 * 1000


def test_a_loop_that_is_known_not_to_turn_is_refused() -> None:
    f = Module().function("f", "void", [])
    with pytest.raises(ValueError, match=r"^a loop that never turns$"), f.loop(3, 3):
        pass


def test_forever_ends_by_leaving() -> None:
    def write(f: Function) -> None:
        cell = f.alloca(8)
        f.store(1, cell)
        with f.forever() as done:
            f.store(f.mul(f.load("i64", cell), 3), cell)
            f.leave(f.compare("sgt", f.load("i64", cell), f.arguments[0]), done)
        f.finish(f.load("i64", cell))

    assert [built(write)(n) for n in (0, 3, 80, 81)] == [3, 9, 81, 243]


def test_integers_fold_and_cost_nothing() -> None:
    f = Module().function("f", "void", [("i64", "n")])
    n, before = f.arguments[0], f.text()
    assert (f.add(2, 3), f.sub(2, 3), f.mul(2, 3), f.div(7, 2), f.rem(7, 2)) == (5, -1, 6, 3, 1)
    assert (f.smaller(2, 3), f.larger(2, 3)) == (2, 3)
    assert f.add(n, 0) is f.add(0, n) is f.sub(n, 0) is f.mul(n, 1) is f.mul(1, n) is f.div(n, 1) is n
    assert (f.mul(n, 0), f.mul(0, n), f.rem(n, 1)) == (0, 0, 0)
    assert f.at(n, 0) is n
    assert f.text() == before


def test_smaller_and_larger_are_signed() -> None:
    def write(f: Function) -> None:
        a, b = f.arguments
        f.finish(f.sub(f.mul(f.smaller(a, b), 100), f.larger(a, b)))

    assert built(write, "ab")(-5, 3) == -503


def test_vectors() -> None:
    def write(f: Function) -> None:
        source, target = f.arguments
        kind = vector("float", 4)
        a, b = f.load(kind, source), f.load(kind, f.at(source, 16))
        summed = f.fma(a, b, f.splat(f.load("float", source), 4))
        mixed = f.shuffle(summed, f.neg(b), [0, 5, 2, 7])
        chosen = f.select(f.compare("ogt", mixed, constant(kind, 0)), mixed, constant(kind, 0.5))
        f.store(chosen, target)
        f.store(f.extract(chosen, 3), f.at(target, 16))
        f.finish(lanes_of(chosen.type))

    source, target = np.arange(1, 9, dtype=np.float32), np.zeros(5, np.float32)
    source[7] = -8
    assert built(write, "", "ab")(source.ctypes.data, target.ctypes.data) == 4
    assert target.tolist() == [1 * 5 + 1, 0.5, 3 * 7 + 1, 8, 8]


def test_casts_go_lane_by_lane() -> None:
    def write(f: Function) -> None:
        source, target = f.arguments
        whole = f.load(vector("i8", 4), source)
        f.store(f.cast("sitofp", f.cast("sext", whole, "i32"), "double"), target)
        f.store(f.cast("uitofp", whole, "double"), f.at(target, 32))
        f.finish(0)

    source, target = np.array([1, -1, 127, -128], np.int8), np.zeros(8)
    built(write, "", "ab")(source.ctypes.data, target.ctypes.data)
    assert target.tolist() == [1, -1, 127, -128, 1, 255, 127, 128]


def test_tables_and_atomics() -> None:
    module = Module()
    f = module.function("f", "i64", [("i64", "n"), ("ptr", "cell")], internal=False)
    table = module.table([5, -7, 2**62])
    n, cell = f.arguments
    before = f.atomic_add(cell, 3)
    swapped = f.cast("zext", f.exchange_if(cell, 13, 99), "i64")
    f.atomic_store(f.add(f.atomic_load(cell), swapped), cell)
    f.finish(f.add(f.load("i64", f.at(table, f.mul(n, 8))), before))
    library = jit.Library(jit.compile_object(module.text(), detect()), ("f",))
    call = library.function("f", INTEGER, INTEGER, POINTER)
    cells = np.array([10, 11], np.int64)
    assert call(1, cells.ctypes.data) == -7 + 10
    assert call(2, cells[1:].ctypes.data) == 2**62 + 11
    assert cells.tolist() == [100, 14]


@pytest.mark.parametrize(("kind", "number", "text"), [
    ("i64", -3, "-3"), ("i8", 200, "200"), ("double", 1.0, "0x3FF0000000000000"), ("float", 0.1, "0x3FB99999A0000000"),
    ("float", 1e60, "0x7FF0000000000000"), ("float", -1e60, "0xFFF0000000000000"), ("half", 1.5, "0xH3E00"),
    ("<4 x i32>", 7, "splat (i32 7)"), ("<8 x float>", 0, "splat (float 0x0000000000000000)")])
def test_constants(kind: str, number: float, text: str) -> None:
    assert constant(kind, number) == Value(kind, text)


def test_types() -> None:
    assert [vector("float", n) for n in (1, 8)] == ["float", "<8 x float>"]
    assert [(element_of(kind), lanes_of(kind), is_float(kind)) for kind in ("i8", "<16 x half>", "ptr")] == [
        ("i8", 1, False), ("half", 16, True), ("ptr", 1, False)]


def test_code_that_does_not_verify_is_our_own_bug() -> None:
    module = Module()
    f = module.function("f", "i64", [("i64", "n")])
    f.finish(Value("i64", "%nothing"))
    with pytest.raises(CodegenError, match=r"^generated code does not verify; this is a bug of faltung's own: "):
        jit.compile_object(module.text(), detect())


def test_code_that_does_not_link_is_our_own_bug(capfd: pytest.CaptureFixture[str]) -> None:
    module = Module()
    f = module.function("f", "i64", [("i64", "n")], internal=False)
    f.finish(f.call("no_such_function", "i64", f.arguments[0]))
    image = jit.compile_object(module.text(), detect())
    with pytest.raises(CodegenError, match=r"^generated code does not link; this is a bug of faltung's own: "):
        jit.Library(image, ("f",))
    assert "no_such_function" in capfd.readouterr().err
