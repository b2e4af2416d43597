"""Gradients by a kernel, as minimal filtering turned inside out, keep the same promises."""

from __future__ import annotations

import sys
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from faltung import machine, reference
from faltung.algorithms import direct, winograd
from faltung.algorithms.winograd.inside_executable import InsideOut
from faltung.algorithms.winograd.inside_recipe import choose, choose_all, strip_rows
from faltung.compiler.emit import Module
from faltung.compiler.jit import compile_object
from faltung.machine import Machine, detect
from faltung.problem.border import MAPPINGS
from faltung.problem.problem import Problem
from grid.cases import VIEWS, Case, arrays, output_view
from grid.check import ROUNDOFF, check, poisoned_workspaces, run
from grid.isas import EACH, USABLE
from grid.process import succeed
from grid.sample import check_some

PLAIN = Problem((6,), 1, 3, 5, image=(14, 21), kernel=(14, 21), output=(3, 3), start=(-1, -1), stride=(1, 1),
                kernel_dilation=(1, 1), image_dilation=(1, 1), border=((0, 0), (0, 0)))
APART = replace(PLAIN, start=(-2, -3), stride=(2, 3))
LINE = replace(PLAIN, image=(2100,), kernel=(2101,), output=(3,), start=(-1,), stride=(1,), kernel_dilation=(1,),
               image_dilation=(1,), border=((1.5, 0),))
VOLUME = replace(PLAIN, image=(4, 14, 21), kernel=(4, 14, 21), output=(3, 3, 3), start=(-1, -1, -1), stride=(1, 1, 1),
                 kernel_dilation=(1, 1, 1), image_dilation=(1, 1, 1), border=((0, 2), (0, 0), (0, 0)))


def drawn(seed: int) -> Case:
    """A seeded problem with few outputs."""
    rng = np.random.default_rng([seed, 29])
    output = tuple(int(r) for r in ([3, 3], [3, 3], [5, 5], rng.choice([1, 2, 3, 4, 5, 7], 2))[seed % 4])
    if output == (1, 1):
        output = (1, 3)
    kernel = tuple(int(n) for n in rng.integers(4, 24, 2))
    start = tuple(-int(rng.integers(0, r)) for r in output)
    image = tuple(max(1, k + int(rng.integers(-2, 3))) for k in kernel)
    border = tuple((_side(rng), _side(rng)) for _ in range(2))
    dtype = "float64" if seed % 7 == 0 else "float32"
    problem = Problem((int(rng.choice([2, 3, 7, 16, 19])),), int(rng.choice([1, 1, 2])), int(rng.choice([1, 2, 5])),
                      int(rng.choice([2, 3, 8, 17])), image, kernel, output, start, (1, 1), (1, 1), (1, 1), border,
                      dtype, dtype, dtype, dtype)
    case = Case(_other_axes(problem, rng, seed), seed, str(rng.choice(VIEWS)), bool(rng.random() < 0.3),
                int(rng.choice([0, 1])))
    return replace(case, problem=_strided(case.problem, rng)) if rng.random() < 0.4 else case


def _strided(p: Problem, rng: np.random.Generator) -> Problem:
    """Outputs apart, as in the gradient of a dilated layer."""
    steps = tuple(int(rng.choice([1, 2, 2, 3, 4, 6])) for _ in p.stride[-2:])
    start = tuple(at * step if rng.random() < 0.8 else at for at, step in zip(p.start[-2:], steps, strict=True))
    return replace(p, stride=(*p.stride[:-2], *steps), start=(*p.start[:-2], *start))


def _other_axes(p: Problem, rng: np.random.Generator, seed: int) -> Problem:
    """Every fourth problem is one of a line, some so long that it is cut; every fourth one of a volume."""
    if seed % 4 == 1:
        taps, outputs = int(rng.choice([9, 60, 1100, 1700])), int(rng.choice([2, 3, 5, 7]))
        return replace(p, image=(taps + int(rng.integers(-2, 3)),), kernel=(taps,), output=(outputs,),
                       start=(-int(rng.integers(0, outputs)),), stride=(1,), kernel_dilation=(1,),
                       image_dilation=(1,), border=p.border[1:])
    if seed % 4 != 2:
        return p
    planes, outputs = int(rng.integers(1, 5)), int(rng.choice([1, 2, 3]))
    return replace(p, image=(planes, *p.image), kernel=(int(rng.integers(1, 5)), *p.kernel),
                   output=(outputs, *p.output), start=(-int(rng.integers(0, 3)), *p.start),
                   stride=(int(rng.choice([1, 1, 2])), 1, 1), kernel_dilation=(int(rng.choice([1, 1, 2])), 1, 1),
                   image_dilation=(1, 1, 1), border=((_side(rng), _side(rng)), *p.border))


def _side(rng: np.random.Generator) -> Any:
    return str(rng.choice(MAPPINGS)) if rng.random() < 0.4 else float(rng.choice([0, 0, 1.25]))


def serves(p: Problem) -> bool:
    return winograd.applies(p) is None and winograd.is_inside(p)


def built(case: Case, known: Machine, threads: int, rng: np.random.Generator) -> InsideOut:
    """An executable with another register tile, and now and then more strips."""
    p = case.problem
    view = output_view(p, channels_last=case.channels_last)
    frames = choose_all(p, view.strides(), known, threads)
    if rng.random() < 0.7:
        return InsideOut(p, view, known, threads, tuple(_with_other_strips(fr, rng) for fr in frames))
    return InsideOut(p, view, known, threads, frames)


def _with_other_strips(fr: winograd.InsideFrame, rng: np.random.Generator) -> winograd.InsideFrame:
    rows, blocks = int(rng.integers(1, fr.recipe.rows + 1)), int(rng.integers(1, fr.share_blocks + 1))
    return replace(fr, recipe=fr.recipe._replace(rows=rows, blocks=blocks))


@pytest.mark.parametrize("seed", range(40))
def test_the_oracle_agrees(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    case, rng = drawn(seed), np.random.default_rng(seed)
    if not serves(case.problem):
        return
    # with other strips than its own a sum may meet a rounding for each row of tiles more
    monkeypatch.setattr(direct, "error_bound", lambda p: winograd.error_bound(p) * 1.5)
    known = detect() if seed % 3 else machine.fake(USABLE[seed // 3 % len(USABLE)], triple="")
    with poisoned_workspaces():
        check(case, known, threads=1 + seed % 2, executable=built(case, known, 1 + seed % 2, rng))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(40, 400, 60))
def test_the_oracle_agrees_at_length(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    check_some(lambda seed: test_the_oracle_agrees(seed, monkeypatch), range(first, first + 60), 25)


def test_most_of_the_grid_is_served() -> None:
    assert sum(serves(drawn(seed).problem) for seed in range(40)) > 25


def typed(problem: Problem, dtype: str) -> Problem:
    return replace(problem, image_dtype=dtype, kernel_dtype=dtype, accumulator_dtype=dtype, output_dtype=dtype)


def build(problem: Problem, threads: int = 1) -> Any:
    assert serves(problem)
    return winograd.build(problem, output_view(problem), detect(), threads)


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("kind", ["noise", "ones", "signs", "one tap"])
def test_the_bound_holds_for_the_worst_data(size: int, kind: str) -> None:
    p = replace(PLAIN, channels_in=6, image=(28, 28), kernel=(28, 28), output=(size, size), start=(-1, -1))
    rng = np.random.default_rng(2)
    image, kernel, _ = arrays(Case(p, 2))
    if kind == "ones":
        image, kernel = np.ones_like(image), rng.uniform(1, 1.001, kernel.shape).astype("float32")
    if kind == "signs":
        fr = choose(p, output_view(p).strides(), detect(), 1)
        n = fr.extents[0]
        image = np.sign(np.indices(p.image).sum(0) % n - n / 2.5) * rng.uniform(0.99, 1, p.image_shape)
        image = image.astype("float32")
    if kind == "one tap":
        kernel *= np.float32(1e-7)
        kernel[..., 9, 10] = 1
    got = run(p, image, kernel, None, detect(), executable=build(p))[0]
    want = reference.correlate(typed(p, "float64"), image.astype(float), kernel.astype(float), None)
    scale = ROUNDOFF["float32"] * np.abs(image).max() * np.abs(kernel.astype(float)).sum(axis=(2, 3, 4))
    assert float((np.abs(got - want).max(axis=(3, 4)) / scale).max()) <= winograd.error_bound(p)


def test_strips_keep_the_bound_of_large_sums_small() -> None:
    bounds = [winograd.error_bound(replace(PLAIN, channels_in=n, image=(56, 56), kernel=(56, 56))) for n in (1, 8, 64)]
    assert bounds[2] < 4 * bounds[0]
    assert strip_rows(replace(PLAIN, channels_in=8, image=(56, 56), kernel=(56, 56))) == 9


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["image", "kernel", "border"])
@pytest.mark.parametrize("plain", [PLAIN, APART])
def test_what_is_not_finite_reaches_exactly_its_footprint(bad: float, where: str, plain: Problem) -> None:
    p = replace(plain, groups=2, border=((0, bad), (0, 0)) if where == "border" else plain.border)
    rng = np.random.default_rng(3)
    image = rng.integers(-4, 5, p.image_shape).astype("float32")
    kernel = rng.integers(1, 3, p.kernel_shape).astype("float32")
    if where == "image":
        image[2, 1, 1, 0, 0] = image[4, 0, 2, 7, 20] = bad
    if where == "kernel":
        kernel[1, 3, 0, 0, 20] = bad
    got = run(p, image, kernel, None, detect(), executable=build(p))[0]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        want = reference.correlate(p, image, kernel, None)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    np.testing.assert_array_equal(np.isinf(got), np.isinf(want))
    np.testing.assert_allclose(got, want, atol=1e-2)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("where", ["image", "kernel"])
@pytest.mark.parametrize("p", [LINE, VOLUME])
def test_what_is_not_finite_in_lines_and_volumes(bad: float, where: str, p: Problem) -> None:
    rng = np.random.default_rng(3)
    image = rng.integers(-4, 5, p.image_shape).astype("float32")
    kernel = rng.integers(1, 3, p.kernel_shape).astype("float32")
    if where == "image":
        image.reshape(6, 3, -1)[2, 1, 700] = image.reshape(6, 3, -1)[4, 0, 0] = bad
    else:
        kernel.reshape(5, 3, -1)[3, 0, -1] = kernel.reshape(5, 3, -1)[1, 2, 600] = bad
    executable = build(p)
    assert len(executable.parts) == (3 if p is LINE else 1)
    got = run(p, image, kernel, None, detect(), executable=executable)[0]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        want = reference.correlate(p, image, kernel, None)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    np.testing.assert_array_equal(np.isinf(got), np.isinf(want))
    np.testing.assert_allclose(got, want, atol=2e-2)


@pytest.mark.parametrize("p", [PLAIN, APART, LINE, VOLUME])
def test_threads_and_the_batch_change_no_bit(p: Problem) -> None:
    p = replace(p, batch=(40,), channels_out=19, groups=2)
    image, kernel, _ = arrays(Case(p, 7))
    want = run(p, image, kernel, None, detect(), executable=build(p))[0]
    for threads in (2, 3):
        again = run(p, image, kernel, None, detect(), threads=threads, executable=build(p, threads))[0]
        assert again.tobytes() == want.tobytes()
    few = replace(p, batch=(5,))
    assert run(few, image[3:8], kernel, None, detect(), executable=build(few))[0].tobytes() == want[3:8].tobytes()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs mprotect")
@pytest.mark.parametrize("isa", EACH)
def test_nothing_is_read_or_written_outside_the_arrays(isa: str) -> None:
    assert succeed("-m", "grid.guarded_winograd", "inside", "0", "12", isa).endswith("survived\n")


def test_when_a_problem_is_turned_inside_out() -> None:
    assert serves(PLAIN)
    for other in (replace(PLAIN, bias=True), replace(PLAIN, activation="relu"), replace(PLAIN, batch=(1,)),
                  replace(PLAIN, batch=(2, 3)), replace(PLAIN, output=(6, 6)), replace(PLAIN, channels_out=1),
                  replace(PLAIN, kernel=(8, 8), border=((0, 0), ("wrap", 0)))):
        assert not winograd.is_inside(other)
    forward = replace(PLAIN, kernel=(3, 3), output=(14, 21))
    assert winograd.applies(forward) is None
    assert not winograd.is_inside(forward)


def test_what_an_executable_tells() -> None:
    executable = build(PLAIN)
    assert executable.recipe.algorithm == "winograd"
    assert executable.recipe.taps == (4, 4)
    assert executable.workspace_bytes == winograd.workspace_bytes(PLAIN, output_view(PLAIN), detect(), 1)
    assert "@products" in executable.ir()
    assert "mul" in executable.assembly()


@pytest.mark.parametrize("isa", ["neon", "avx2", "sse2"])
def test_code_for_machines_that_are_not_there(isa: str) -> None:
    from faltung.algorithms.winograd.inside_program import emit_program
    from faltung.algorithms.winograd.program import emit_program as emit_outside
    from faltung.algorithms.winograd.recipe import choose as choose_outside

    known = machine.fake(isa)
    strides = output_view(PLAIN).strides()
    assert compile_object(emit_program(choose(PLAIN, strides, known, 1)), known)
    forward = replace(PLAIN, kernel=(3, 3), output=(14, 21), batch=(2,))
    frame = choose_outside(forward, output_view(forward).strides(), known, 1)[0].frame
    assert compile_object(emit_outside(frame), known)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (16, 4), (8, 2), (4, 4), (2, 2)])
def test_turning(height: int, width: int) -> None:
    """Columns of a matrix, from its rows."""
    import ctypes

    from faltung.algorithms.winograd.lanes import turned
    from faltung.compiler import jit
    from faltung.compiler.emit import vector

    def build_it() -> str:
        module = Module()
        f = module.function("turn", "void", [("ptr", "source"), ("ptr", "target")], internal=False)
        source, target = f.arguments
        rows = [f.load(vector("float", width), f.at(source, 4 * width * row)) for row in range(height)]
        for x, value in enumerate(turned(f, rows)):
            f.store(value, f.at(target, 4 * height * x))
        f.finish()
        return module.text()

    library = jit.load(f"turning {height} {width}", detect(), ("turn",), build_it)
    matrix = np.arange(height * width, dtype="float32").reshape(height, width)
    found = np.empty((width, height), "float32")
    library.function("turn", None, ctypes.c_void_p, ctypes.c_void_p)(matrix.ctypes.data, found.ctypes.data)
    np.testing.assert_array_equal(found, matrix.T)
