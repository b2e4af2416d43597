"""Products of matrices keep the same promises as any other algorithm."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import faltung as ft
from faltung import machine, reference
from faltung.algorithms import pointwise
from faltung.algorithms.pointwise.executable import Pointwise
from faltung.algorithms.pointwise.frame import Frame
from faltung.algorithms.pointwise.recipe import BLOCK, choose
from faltung.compiler.jit import compile_object
from faltung.machine import Machine, detect
from faltung.problem.layout import View
from faltung.problem.problem import ACTIVATIONS, Problem
from grid.cases import VIEWS, Case, arrays, lay_out, misaligned, output_view
from grid.check import compare, poisoned_workspaces, run
from grid.isas import USABLE
from grid.process import python, succeed
from grid.sample import check_some

PLAIN = Problem((2,), 1, 20, 13, image=(9, 11), kernel=(1, 1), output=(9, 11), start=(0, 0), stride=(1, 1),
                kernel_dilation=(1, 1), image_dilation=(1, 1), border=((0, 0), (0, 0)))
INSIDE = Problem((21,), 1, 3, 19, image=(9, 11), kernel=(9, 11), output=(1, 1), start=(0, 0), stride=(1, 1),
                 kernel_dilation=(1, 1), image_dilation=(1, 1), border=((0, 0), (0, 0)))


def drawn(seed: int) -> Case:
    """A seeded problem: kernels of one tap and kernels that see all, in turn."""
    rng = np.random.default_rng([seed, 31])
    ndim = int(rng.choice([1, 2, 2, 3]))
    extents = [int(rng.choice([1, 2, 5, 8, 17, 40 if ndim == 1 else 11])) for _ in range(ndim)]
    stride = [int(rng.choice([1, 1, 2, 3, 9])) for _ in range(ndim)]
    first = [int(rng.choice([0, 0, 1])) for _ in range(ndim)]
    behind = [int(rng.choice([0, 0, 2])) for _ in range(ndim)]
    plain = rng.random() < 0.5
    image = extents if plain else [
        f + (n - 1) * s + 1 + b for f, n, s, b in zip(first, extents, stride, behind, strict=True)]
    start, steps, ones = [0] * ndim if plain else first, [1] * ndim if plain else stride, [1] * ndim
    inside = seed % 2 == 1
    dtype = "float64" if seed % 5 == 0 else "float32"
    batches = ((int(rng.choice([1, 2, 17, 33])),), (), (2, 3))
    problem = Problem(
        batches[int(rng.choice([0, 0, 1, 2]))], int(rng.choice([1, 1, 3])), int(rng.choice([1, 3, 16, 37])),
        int(rng.choice([1, 2, 8, 19, 50])), tuple(image), tuple(extents if inside else ones),
        tuple(ones if inside else extents), tuple(start), tuple(ones if inside else steps),
        tuple(steps if inside else ones), tuple(ones), ((0, 0),) * ndim, dtype, dtype, dtype, dtype,
        bias=bool(rng.random() < 0.4), activation=str(rng.choice(ACTIVATIONS)) if rng.random() < 0.3 else None)
    if seed % 6 == 4:
        problem = transposed(problem, rng)
    return Case(problem, seed, str(rng.choice(VIEWS)), bool(rng.random() < 0.4), int(rng.choice([0, 1])))


def transposed(p: Problem, rng: np.random.Generator) -> Problem:
    """A transposed layer whose kernel is as large as its stride."""
    taps = tuple(int(k) for k in rng.choice([1, 2, 2, 3, 4, 5], p.ndim))
    if max(taps) == 1:
        taps = (*taps[:-1], 2)
    image = tuple(int(rng.choice([1, 3, 7])) for _ in taps[1:])
    image = (*image, int(rng.choice([3, 150])) if p.ndim == 1 else int(rng.choice([5, 43])))
    ones = (1,) * p.ndim
    return replace(p, image=image, kernel=taps, output=tuple(n * k for n, k in zip(image, taps, strict=True)),
                   start=tuple(1 - k for k in taps), stride=ones, kernel_dilation=ones, image_dilation=taps)


def view_of(case: Case) -> View:
    """The output's view: now and then with the batch innermost, as that of a gradient by a kernel is."""
    p = case.problem
    if case.seed % 4 != 3 or len(p.batch) != 1:
        return output_view(p, channels_last=case.channels_last)
    return View((p.groups, p.channels_out, *p.batch, *p.output), (p.groups, p.channels_out, *p.batch, *p.output),
                (2, 0, 1, *range(3, 3 + p.ndim)))


def built(case: Case, known: Machine, threads: int, rng: np.random.Generator) -> Pointwise:
    """An executable with any register tile, group of panels and shares."""
    p = case.problem
    view = view_of(case)
    own = choose(p, view.strides(), known, threads)
    if rng.random() < 0.3:
        return Pointwise(p, view, known, threads)
    vectors = -(-own.matrices.columns // own.lanes)
    width = int(rng.integers(1, min(4, vectors) + 1))
    height = int(rng.integers(1, min(own.matrices.rows, 14 // width) + 1))
    height = own.woven * max(1, height // own.woven) if own.woven else height
    recipe = own.recipe._replace(
        tile=(height, width), group=int(rng.integers(1, 4)), block=int(rng.choice([20, 96, 1024])),
        shares=(int(rng.integers(1, 4)), int(rng.integers(1, 3))))
    return Pointwise(p, view, known, threads, Frame(p, view.strides(), recipe, known))


@pytest.mark.parametrize("seed", range(24))
def test_the_oracle_agrees(seed: int) -> None:
    case, rng, threads = drawn(seed), np.random.default_rng(seed), 1 + seed % 2
    p, (image, kernel, bias) = case.problem, arrays(case)
    assert pointwise.applies(p) is None
    known = detect() if seed % 3 else machine.fake(USABLE[seed // 3 % len(USABLE)], triple="")
    with poisoned_workspaces():
        got, _ = run(p, lay_out(case, image), kernel, bias, known, threads=threads, view=view_of(case),
                     executable=built(case, known, threads, rng))
    compare(p, image, kernel, bias, got, factor=pointwise.error_bound(p))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(24, 600, 96))
def test_the_oracle_agrees_at_length(first: int) -> None:
    check_some(test_the_oracle_agrees, range(first, first + 96), 40)


def test_columns_are_of_every_kind() -> None:
    frames = [choose(case.problem, view_of(case).strides(), detect(), 1) for case in map(drawn, range(24))]
    assert {frame.matrices.columns_of for frame in frames} == {"pixels", "kernels", "images"}
    assert any(frame.woven for frame in frames)
    assert any(frame.by_rows for frame in frames)


def build(p: Problem, threads: int = 1, view: View | None = None) -> Pointwise:
    assert pointwise.applies(p) is None
    return pointwise.build(p, view or output_view(p), detect(), threads)


# ---------------------------------------------------------------- gradients

@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
def test_both_gradients_of_a_layer(layout: Any, stride: int) -> None:
    rng = np.random.default_rng(4)
    x, w = rng.standard_normal((3, 10, 9, 18)), rng.standard_normal((6, 5, 1, 1))
    if layout == "channels_last":
        x = np.moveaxis(x, 1, -1)
    options: dict[str, Any] = {"stride": stride, "groups": 2, "layout": layout}
    y = ft.conv(x, w, method="pointwise", **options)
    np.testing.assert_allclose(y, ft.conv(x, w, method="direct", **options), atol=1e-13)
    dy = rng.standard_normal(y.shape)
    if stride == 1:
        np.testing.assert_allclose(ft.conv_input_grad(dy, w, x.shape, method="pointwise", **options),
                                   ft.conv_input_grad(dy, w, x.shape, method="direct", **options), atol=1e-13)
    np.testing.assert_allclose(ft.conv_weight_grad(dy, x, w.shape, method="pointwise", **options),
                               ft.conv_weight_grad(dy, x, w.shape, method="direct", **options), atol=1e-12)


# ---------------------------------------------------------------- promises

LONG = replace(INSIDE, batch=(4,), channels_in=7, channels_out=5, image=(40, 41), kernel=(40, 41))


UP = replace(PLAIN, image=(9, 21), kernel=(2, 2), output=(18, 42), start=(-1, -1), image_dilation=(2, 2), bias=True)
"""A transposed layer, twice as large along each axis."""


@pytest.mark.parametrize("kind", ["noise", "ones", "growing"])
@pytest.mark.parametrize("p", [replace(PLAIN, channels_in=3000, channels_out=3), LONG])
def test_the_bound_holds_for_the_worst_data(p: Problem, kind: str) -> None:
    rng = np.random.default_rng(2)
    image, kernel, _ = arrays(Case(p, 2))
    if kind != "noise":
        image, kernel = np.ones_like(image), rng.uniform(1, 1.001, kernel.shape).astype("float32")
    if kind == "growing":
        kernel *= np.linspace(1e-4, 1, p.terms, dtype="float32").reshape(p.kernel_shape[2:])
    got = run(p, image, kernel, None, detect(), executable=build(p))[0]
    compare(p, image, kernel, None, got, factor=pointwise.error_bound(p))
    assert pointwise.error_bound(p) < BLOCK + 10 < p.terms


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("p", [PLAIN, INSIDE])
def test_what_is_not_finite_reaches_exactly_its_footprint(bad: float, p: Problem) -> None:
    image, kernel, _ = arrays(Case(p, 3))
    image[1, 0, 2, 4, 5] = bad
    kernel[0, 7, 0, 0, 0] = bad
    got = run(p, image, kernel, None, detect(), executable=build(p))[0]
    with np.errstate(all="ignore"):
        want = reference.correlate(p, image, kernel, None)
    np.testing.assert_allclose(got, want, atol=1e-3)  # with every NaN and infinity in its place


@pytest.mark.parametrize("p", [
    replace(PLAIN, image=(33, 40), output=(33, 40), channels_out=40, bias=True), INSIDE, LONG, UP])
def test_threads_layouts_and_the_batch_change_no_bit(p: Problem) -> None:
    image, kernel, bias = arrays(Case(p, 7))
    want = run(p, image, kernel, bias, detect(), executable=build(p))[0]
    for threads in (2, 3):
        again = run(p, image, kernel, bias, detect(), threads=threads, executable=build(p, threads))[0]
        assert again.tobytes() == want.tobytes()
    for view in (output_view(p, channels_last=True), view_of(Case(replace(p, bias=False), 3))):
        again = run(p, image, kernel, bias, detect(), view=view, executable=build(p, 1, view))[0]
        assert again.tobytes() == want.tobytes()
    for other in VIEWS:
        if other != "broadcast":
            seen = lay_out(Case(p, 7, other), image)
            assert run(p, seen, kernel, bias, detect(), executable=build(p))[0].tobytes() == want.tobytes()
    one = replace(p, batch=())
    assert run(one, image[1], kernel, bias, detect(), executable=build(one))[0].tobytes() == want[1].tobytes()


def test_any_alignment_of_the_output() -> None:
    image, kernel, _ = arrays(Case(PLAIN, 5))
    executable, found = build(PLAIN), set()
    for offset in (0, 4, 20, 33):
        out = misaligned(np.zeros(PLAIN.output_shape, np.float32), offset)
        executable.run(misaligned(image, offset), executable.pack(kernel), None, out, 1)
        found.add(out.tobytes())
    assert len(found) == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs mprotect")
@pytest.mark.parametrize(("isa", "count"), [
    ("own", 8), *(pytest.param(isa, 40, marks=pytest.mark.slow) for isa in ("own", *USABLE[1:]))])
def test_nothing_is_read_or_written_outside_the_arrays(isa: str, count: int) -> None:
    assert succeed("-m", "grid.guarded_pointwise", "0", str(count), isa).endswith("survived\n")


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs mprotect")
@pytest.mark.parametrize("what", ["behind the image", "behind the output"])
def test_a_step_too_far_ends_the_program(what: str) -> None:
    done = python("-m", "grid.guarded_pointwise", "--break", what)
    assert done.returncode < 0
    assert done.stdout == "before\n"


# ---------------------------------------------------------------- where it serves, and what it tells

@pytest.mark.parametrize(("change", "reason"), [
    ({"kernel": (2, 1)}, "it serves kernels of one tap, and those that see the whole image at once"),
    ({"kernel_dtype": "float64"}, "all numbers must be float32, or all float64"),
    ({"image_dilation": (2, 1)}, "the image is dilated, and not by as much as the kernel is large"),
    ({"image_dilation": (2, 1), "kernel": (2, 1), "start": (-1, 0), "output": (17, 11)},
     "the image is dilated, and not by as much as the kernel is large"),
    ({"channels_in": 0}, "there is nothing to multiply"),
    ({"start": (0, -1)}, "it looks outside the image"),
    ({"stride": (1, 2)}, "it looks outside the image"),
])
def test_where_it_does_not_serve(change: dict[str, Any], reason: str) -> None:
    assert pointwise.applies(PLAIN) is None
    assert pointwise.applies(replace(PLAIN, **change)) == reason


def test_layers_and_their_gradients_are_planned_so() -> None:
    x, w, y = ft.Like((8, 64, 28, 28)), ft.Like((256, 64, 1, 1)), ft.Like((8, 256, 28, 28))
    for plan in (ft.plan(ft.conv, x, w), ft.plan(ft.conv_input_grad, y, w, x.shape),
                 ft.plan(ft.conv_weight_grad, y, x, w.shape)):
        assert plan.recipe.algorithm == "pointwise"


def test_the_bound_of_time_is_below_what_is_predicted() -> None:
    for case in map(drawn, range(24)):
        p = case.problem
        assert pointwise.least_cycles(p, detect()) <= pointwise.predicted_cycles(p, view_of(case), detect(), 1)


def test_what_an_executable_tells() -> None:
    executable = build(PLAIN)
    assert executable.recipe.algorithm == "pointwise"
    assert executable.workspace_bytes == pointwise.workspace_bytes(PLAIN, output_view(PLAIN), detect(), 1)
    assert "@tile" in executable.ir()
    assert "mul" in executable.assembly()


@pytest.mark.parametrize("isa", ["neon", "avx2", "sse2"])
@pytest.mark.parametrize("p", [PLAIN, replace(PLAIN, output=(5, 6), stride=(2, 2)), LONG, UP])
def test_code_for_machines_that_are_not_there(isa: str, p: Problem) -> None:
    from faltung.algorithms.pointwise.program import emit_program

    known = machine.fake(isa)
    frame = choose(p, view_of(Case(p, 3)).strides(), known, 1)
    assert compile_object(emit_program(frame), known)
    height, width = frame.recipe.tile
    assert height * width + width < known.registers
