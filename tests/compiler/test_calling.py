"""Machine code as a builtin function: what goes in, what comes out, and who keeps the code alive."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable

import numpy as np
import pytest

from faltung.compiler import calling, jit
from faltung.compiler.emit import Module
from faltung.machine import detect

DATA = object.__basicsize__
ARRAYS = tuple(np.array([10**place]) for place in range(4))


def built(integers: int) -> Callable[..., int]:
    """Code that adds its integers, weighed by 1, 2, 3, ..., to the first samples of four arrays."""
    module = Module()
    names = [*(("ptr", f"a{place}") for place in range(4)), *(("i64", f"i{place}") for place in range(integers))]
    f = module.function("f", "i64", names, internal=False)
    total = f.value(0)
    for array in f.arguments[:4]:
        total = f.value(f.add(total, f.load("i64", f.load("ptr", f.at(array, DATA), align=8), align=8)))
    for place, number in enumerate(f.arguments[4:]):
        total = f.value(f.add(total, f.mul(number, place + 1)))
    f.finish(total)
    library = jit.Library(jit.compile_object(module.text(), detect()), ("f",))
    return calling.python_function(library, "f", 4, integers)


@pytest.fixture(params=["builtin", "ctypes"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "ctypes":
        monkeypatch.setattr(calling, "_library", lambda *_: None)
    return str(request.param)


@pytest.mark.parametrize("integers", [5, 7])
def test_arrays_and_integers_arrive(way: str, integers: int) -> None:
    numbers = [3, -1, 0, 2**40, -(2**50), 7, 11][:integers]
    expected = 1111 + sum(number * (place + 1) for place, number in enumerate(numbers))
    assert built(integers)(*ARRAYS, *numbers) == expected


def test_what_python_is_given_is_a_builtin_function() -> None:
    assert sys.implementation.name != "cpython" or type(built(5)) is type(len)


@pytest.mark.parametrize("arguments", [(*ARRAYS, 1, 2, 3, 4), (*ARRAYS, 1, 2, 3, 4, "5"), (*ARRAYS, 1, 2, 3, 4, None)])
def test_other_arguments_raise(way: str, arguments: tuple[object, ...]) -> None:
    with pytest.raises(Exception, match=r"argument|integer"):
        built(5)(*arguments)


def test_the_code_lives_as_long_as_the_function() -> None:
    function = built(5)
    for _ in range(3):
        gc.collect()
        built(5)
    assert function(*ARRAYS, 0, 0, 0, 0, 0) == 1111

