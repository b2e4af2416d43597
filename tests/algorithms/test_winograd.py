"""Minimal filtering keeps every promise of the definition: bound, NaN, batch, threads, alignment, memory."""

from __future__ import annotations

import signal
import sys
import warnings
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import pytest

from faltung import machine, reference
from faltung.algorithms import direct, winograd
from faltung.algorithms.winograd import recipe as outside
from faltung.algorithms.winograd.executable import Winograd
from faltung.algorithms.winograd.frame import Frame, WinogradRecipe, tiles_along
from faltung.algorithms.winograd.parts import Cut
from faltung.algorithms.winograd.recipe import _tiles
from faltung.algorithms.winograd.seen import Seen, reach, see
from faltung.machine import Machine, detect
from faltung.problem.border import MAPPINGS
from faltung.problem.problem import ACTIVATIONS, Problem
from grid.cases import VIEWS, Case, arrays, misaligned, output_view
from grid.check import ROUNDOFF, check, poisoned_workspaces, run
from grid.isas import EACH, USABLE
from grid.process import python, succeed
from grid.sample import check_some, neighbours

LINE = Problem((2,), 2, 3, 5, image=(200,), kernel=(3,), output=(199,), start=(-1,), stride=(1,), kernel_dilation=(1,),
               image_dilation=(1,), border=((1.5, "edge"),), bias=True)
VOLUME = Problem((2,), 2, 3, 5, image=(5, 13, 22), kernel=(3, 3, 3), output=(5, 13, 22), start=(-2, -1, -1),
                 stride=(1, 1, 1), kernel_dilation=(1, 1, 1), image_dilation=(1, 1, 1),
                 border=((0, 2), ("wrap", 0), (0, 1)), bias=True)
PLAIN = Problem((2,), 1, 3, 5, image=(13, 22), kernel=(3, 3), output=(13, 22), start=(-1, -1), stride=(1, 1),
                kernel_dilation=(1, 1), image_dilation=(1, 1), border=((0, 0), (0, 0)))
DILATED = replace(PLAIN, groups=2, bias=True, start=(-3, -2), kernel_dilation=(3, 2), border=(("edge", 0), (1, "wrap")))
STRIDED = replace(PLAIN, groups=2, bias=True, image=(23, 90), output=(12, 45), stride=(2, 2),
                  border=(("edge", 0), (1, "wrap")))
TRANSPOSED = replace(STRIDED, image=(11, 41), output=(21, 85), stride=(1, 1), image_dilation=(2, 2))
DISTANT = replace(DILATED, start=(-2, -12), kernel_dilation=(2, 12))


def drawn(seed: int) -> Case:
    """A seeded problem that applies, any of borders, groups, views, activations."""
    rng = np.random.default_rng([seed, 23])
    kernel = tuple(int(k) for k in ([3, 3], [3, 3], [5, 5], rng.choice([1, 2, 3, 4, 5, 7], 2))[seed % 4])
    if kernel == (1, 1):
        kernel = (1, 3)
    image = tuple(int(n) for n in rng.integers(1, 30, 2))
    output = tuple(int(n) for n in (rng.integers(1, 12), rng.integers(1, 45)))
    start = tuple(int(rng.integers(-k - 3, n + 2)) if rng.random() < 0.3 else -int(rng.integers(0, k))
                  for k, n in zip(kernel, image, strict=True))
    border = tuple((_side(rng), _side(rng)) for _ in range(2))
    batch = tuple(int(n) for n in rng.integers(1, 4, int(rng.integers(0, 3))))
    dtype = "float64" if seed % 7 == 0 else "float32"
    problem = Problem(
        batch, int(rng.choice([1, 1, 2, 3])), int(rng.choice([1, 2, 5])), int(rng.choice([1, 2, 7, 8, 17])), image,
        kernel, output, start, (1, 1), (1, 1), (1, 1), border, dtype, dtype, dtype, dtype, bias=bool(rng.random() < .5),
        activation=str(rng.choice(ACTIVATIONS)) if rng.random() < 0.4 else None)
    case = Case(_other_axes(problem, rng, seed), seed, str(rng.choice(VIEWS)), bool(rng.random() < 0.3),
                int(rng.choice([0, 1])))
    if rng.random() < 0.4:
        case = replace(case, problem=_dilated(case.problem, rng))
    elif seed % 2:
        case = replace(case, problem=_strided(case.problem, rng))
    return replace(case, problem=_complex(case.problem)) if seed % 5 == 1 else case


def _complex(p: Problem) -> Problem:
    """The same of complex numbers, constants of the border included."""
    border = tuple(tuple(side if isinstance(side, str) else side * (1 - 2j) for side in sides) for sides in p.border)
    dtype = {"float32": "complex64", "float64": "complex128"}[p.image_dtype]
    return typed(replace(p, border=border, activation=None), dtype)


def _dilated(p: Problem, rng: np.random.Generator) -> Problem:
    """Taps apart, by what parts vectors and by what does not; most often as many outputs as samples."""
    steps = tuple(int(rng.choice([1, 2, 2, 3, 4, 5, 8, 12, 20])) for _ in p.kernel[-2:])
    start = tuple(at * step if rng.random() < 0.8 else at for at, step in zip(p.start[-2:], steps, strict=True))
    return replace(p, kernel_dilation=(*p.kernel_dilation[:-2], *steps), start=(*p.start[:-2], *start))


def _strided(p: Problem, rng: np.random.Generator) -> Problem:
    """Outputs two samples apart, or samples two outputs apart, along those axes that have tiles then."""
    steps = [int(rng.choice([1, 2, 2])) if taps in outside.STRIDED_TILES else 1 for taps in p.kernel[-2:]]
    output = [-(-n // step) for n, step in zip(p.output[-2:], steps, strict=True)]
    if rng.random() < 0.5:
        return replace(p, image_dilation=(*p.image_dilation[:-2], *steps))
    return replace(p, stride=(*p.stride[:-2], *steps), output=(*p.output[:-2], *output))


def _other_axes(p: Problem, rng: np.random.Generator, seed: int) -> Problem:
    """Every third problem is one of a line; every third one of a volume, whose planes may be strided."""
    if seed % 3 == 0:
        return p
    if seed % 3 == 1:
        taps, n = int(rng.choice([2, 3, 3, 5, 7])), int(rng.integers(1, 260))
        return replace(p, image=(n,), kernel=(taps,), output=(max(1, n + int(rng.integers(-9, 9))),),
                       start=(-int(rng.integers(0, taps)),), stride=(1,), kernel_dilation=(1,), image_dilation=(1,),
                       border=p.border[1:])
    planes, taps = int(rng.integers(1, 5)), int(rng.choice([1, 2, 3]))
    return replace(p, image=(planes, *(min(n, 15) for n in p.image)), kernel=(taps, *p.kernel),
                   output=(int(rng.integers(1, 4)), *(min(n, 15) for n in p.output)),
                   start=(-int(rng.integers(0, 3)), *p.start), stride=(int(rng.choice([1, 1, 2])), 1, 1),
                   kernel_dilation=(int(rng.choice([1, 1, 2])), 1, 1), image_dilation=(1, 1, 1),
                   border=((_side(rng), _side(rng)), *p.border))


def _side(rng: np.random.Generator) -> Any:
    return str(rng.choice(MAPPINGS)) if rng.random() < 0.5 else float(rng.choice([0, 0, 1.25]))


def recipes(case: Case, known: Machine) -> list[WinogradRecipe]:
    """Every recipe that could be chosen, and shares of blocks, and blocks together."""
    p = case.problem
    seen = see(p, output_view(p).strides()).problem
    found = [recipe for tile in _tiles(p) for threads in (1, 2)
             for recipe in outside.recipes(seen, tile, known, threads)]
    return found + [recipe._replace(blocks=2) for recipe in found]


def built(case: Case, known: Machine, recipe: WinogradRecipe, threads: int = 1, width: int = 0) -> Winograd:
    """An executable with this recipe, of one part or of narrow ones."""
    p, view = case.problem, output_view(case.problem, channels_last=case.channels_last)
    seen = see(p, view.strides())
    found, width = [Cut(0, p.output[-1])], width * p.kernel_dilation[-1]
    if width and p.output[-1] > 3 * width:
        # as many tiles stand outside at both ends as the border needs, at least
        stride, start, image = p.stride[-1], p.start[-1], p.image[-1] * p.image_dilation[-1]
        first = -(-max(1, -(start // stride)) // width) * width
        count = (min(p.output[-1], (image - start - reach(p, -1) - 1) // stride + 1) - first) // width
        if count > 0:
            found = [Cut(first, width, count), Cut(0, first), Cut(first + width * count, p.output[-1])]
            found[2] = Cut(found[2].first, p.output[-1] - found[2].first)
    parts = [(cut, cut.see(seen)) for cut in found if cut.width]
    return Winograd(p, view, known, threads, tuple(
        winograd.Part(cut, Frame(*one[:2], _fitting(recipe, one), known, one.depth)) for cut, one in parts))


def _fitting(recipe: WinogradRecipe, seen: Seen) -> WinogradRecipe:
    """No more rows of tiles than there are."""
    rows = tiles_along(seen.problem, 0, recipe.tile[0]) * prod(seen.problem.batch)
    return recipe._replace(rows=min(recipe.rows, rows))


@pytest.mark.parametrize("seed", range(54))
def test_the_oracle_agrees(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    case = drawn(seed)
    if winograd.applies(case.problem) is not None:
        return
    monkeypatch.setattr(direct, "error_bound", outside.error_bound)
    known = detect() if seed % 3 else machine.fake(USABLE[seed // 3 % len(USABLE)], triple="")
    choices, threads = recipes(case, known), 1 + seed % 2
    recipe = choices[seed * 31 % len(choices)]
    with poisoned_workspaces():
        check(case, known, threads=threads, executable=built(case, known, recipe, threads, width_of(recipe, seed)))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(60, 700, 80))
def test_the_oracle_agrees_at_length(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    check_some(lambda seed: test_the_oracle_agrees(seed, monkeypatch), range(first, first + 80), 30)


def width_of(recipe: WinogradRecipe, seed: int) -> int:
    """Of parts, so narrow that there are several; most often none."""
    return 2 * recipe.tile[1] * (seed % 4 == 0)


def test_most_of_the_grid_applies() -> None:
    assert sum(winograd.applies(drawn(seed).problem) is None for seed in range(60)) > 50


def typed(problem: Problem, dtype: str) -> Problem:
    return replace(problem, image_dtype=dtype, kernel_dtype=dtype, accumulator_dtype=dtype, output_dtype=dtype)


def build(problem: Problem, threads: int = 1) -> Winograd:
    return winograd.build(problem, output_view(problem), detect(), threads)


# ---------------------------------------------------------------- the bound

WORST = [((size, size), tile) for size in (3, 5) for tile in ((2, 2), (4, 4), (4, 2))]
WORST += [((1, size), (1, m)) for size, m in ((3, 6), (5, 6), (7, 4))]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("kernel", "tile"), WORST)
def test_the_bound_holds_for_the_worst_data(kernel: tuple[int, int], tile: tuple[int, int], dtype: str) -> None:
    p = typed(replace(PLAIN, batch=(), channels_in=40, channels_out=4, image=(16, 22), output=(12, 16),
                      kernel=kernel, start=(0, 0)), dtype)
    fr = Frame(p, output_view(p).strides(), WinogradRecipe(tile, 2, 4, 2, 1), detect())
    executable = Winograd(p, output_view(p), detect(), 1, (winograd.Part(Cut(0, 16), fr),))
    rng = np.random.default_rng(5)
    wide = typed(p, "float64")
    worst = 0.0
    for image, kernel in adversaries(p, fr, rng):
        got = run(p, image, kernel, None, detect(), executable=executable)[0]
        if dtype == "float64":
            want = exact(p, image, kernel)
        else:
            want = reference.correlate(wide, image.astype(float), kernel.astype(float), None)
        scale = ROUNDOFF[dtype] * np.abs(image).max() * np.abs(kernel.astype(float)).sum(axis=(2, 3, 4))
        worst = max(worst, float((np.abs(got - want).max(axis=(2, 3)) / scale).max()))
    assert worst <= outside._bound(p, tile), worst


def adversaries(p: Problem, fr: Frame, rng: np.random.Generator) -> Any:
    """Samples whose signs are those of the transform's rows, one heavy tap, cancellation, plain noise."""
    dtype = p.image_dtype
    noise = rng.standard_normal(p.image_shape), rng.standard_normal(p.kernel_shape)
    yield tuple(array.astype(dtype) for array in noise)
    yield rng.choice([-1.0, 1.0], p.image_shape).astype(dtype), rng.uniform(1, 1 + 1e-3, p.kernel_shape).astype(dtype)
    down, across = fr.filters
    for i, j in ((min(1, down.n - 1), 2), (down.n - 1, across.n - 1), (max(0, down.n - 2), 1)):
        signs = np.outer([float(np.sign(a)) for a in down.samples[i]], [float(np.sign(a)) for a in across.samples[j]])
        tiled = np.tile(signs, (16, 9))[:p.image[0], :p.image[1]] * (1 - rng.random(p.image) * 1e-3)
        image = np.broadcast_to(tiled, p.image_shape).astype(dtype)
        kernel = np.full(p.kernel_shape, 1e-6)
        kernel[..., rng.integers(p.kernel[0]), rng.integers(p.kernel[1])] = rng.uniform(0.5, 1, p.kernel_shape[:3])
        yield image, kernel.astype(dtype)


def exact(p: Problem, image: np.ndarray, kernel: np.ndarray) -> Any:
    """In extended precision."""
    wide, taps = image.astype(np.longdouble)[0], kernel.astype(np.longdouble)[0]
    found = np.zeros((1, p.channels_out, *p.output), np.longdouble)
    for y, x in np.ndindex(*p.kernel):
        seen = wide[:, y:y + p.output[0], x:x + p.output[1]]
        found[0] += np.einsum("mc,cyx->myx", taps[:, :, y, x], seen)
    return found


def test_the_bound_grows_with_the_channels_and_with_the_taps() -> None:
    bounds = [winograd.error_bound(replace(PLAIN, channels_in=c, kernel=(k, k))) for k in (3, 5) for c in (1, 64)]
    assert bounds == sorted(bounds)
    assert bounds[0] < 4000


# ---------------------------------------------------------------- what is not finite

def oracle(problem: Problem, image: np.ndarray, kernel: np.ndarray, bias: np.ndarray | None = None) -> np.ndarray:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return reference.correlate(problem, image, kernel, bias)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", [None, "relu"])
@pytest.mark.parametrize("border", [((0, 0), (0, 0)), (("wrap", "edge"), ("reflect", "symmetric"))])
def test_what_is_not_finite_reaches_exactly_its_footprint(bad: float, dtype: str, activation: str | None,
                                                          border: Any) -> None:
    p = typed(replace(PLAIN, activation=activation, border=border, bias=True, groups=2), dtype)
    rng = np.random.default_rng(3)
    image = rng.integers(-4, 5, p.image_shape).astype(dtype)
    kernel = rng.integers(-2, 3, p.kernel_shape).astype(dtype)
    kernel[rng.random(kernel.shape) < 0.5] = 0
    bias = rng.integers(-2, 3, p.groups * p.channels_out).astype(dtype)
    image[1, 1, 1, 7, 9] = image[0, 0, 2, 12, 21] = image[0, 1, 0, 0, 0] = bad
    got = run(p, image, kernel, bias, detect(), executable=build(p))[0]
    want = oracle(p, image, kernel, bias)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    np.testing.assert_array_equal(np.isinf(got), np.isinf(want))
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-4 if dtype == "float32" else 1e-12)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("p", [LINE, VOLUME, DILATED, DISTANT,
                               replace(VOLUME, border=((np.inf, 2), (0, "edge"), (1, np.nan)))])
def test_what_is_not_finite_in_lines_and_volumes_and_between_taps(bad: float, p: Problem) -> None:
    image, kernel, bias = arrays(Case(p, 3))
    image = image.copy()
    flat = image.reshape(2, 2, 3, -1)
    flat[1, 1, 1, 170] = flat[0, 0, 2, 0] = flat[1, 0, 1, -1] = bad
    recipe = outside.choose(p, output_view(p).strides(), detect(), 1)[0].frame.recipe
    executable = built(Case(p, 3), detect(), recipe, width=4 * recipe.tile[1])
    assert len(executable.parts) == (3 if p.ndim == 1 else 1)
    got, want = run(p, image, kernel, bias, detect(), executable=executable)[0], oracle(p, image, kernel, bias)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    np.testing.assert_array_equal(np.isposinf(got), np.isposinf(want))
    np.testing.assert_allclose(got[np.isfinite(want)], want[np.isfinite(want)], atol=1e-4)


@pytest.mark.parametrize("fill", [np.nan, np.inf])
def test_a_border_that_is_not_finite(fill: float) -> None:
    p = replace(PLAIN, border=((fill, 1.5), (0, -fill)), output=(16, 24), start=(-2, -1))
    image, kernel, _ = arrays(Case(p, 4))
    got, want = run(p, image, kernel, None, detect(), executable=build(p))[0], oracle(p, image, kernel)
    np.testing.assert_array_equal(np.isfinite(got), np.isfinite(want))
    np.testing.assert_allclose(got[np.isfinite(want)], want[np.isfinite(want)], atol=1e-4)


@pytest.mark.parametrize("scale", [1e37, 3e38])
def test_what_would_overflow_on_the_way_is_summed_directly(scale: float) -> None:
    overflows_on_the_way(replace(PLAIN, channels_in=2), scale)


def overflows_on_the_way(p: Problem, scale: float) -> None:
    """Samples so large that transforms would overflow, under taps so small that outputs do not."""
    image, kernel, _ = arrays(Case(p, 5))
    image = (image / np.abs(image).max() * scale).astype(p.image_dtype)
    kernel = (kernel / np.abs(kernel).sum() / 4).astype(p.kernel_dtype)
    got, want = run(p, image, kernel, None, detect(), executable=build(p))[0], oracle(p, image, kernel)
    assert np.isfinite(got).all()
    np.testing.assert_allclose(got, want, atol=float(np.abs(want).max()) * 1e-5)


def test_a_kernel_that_is_not_finite() -> None:
    image, kernel, _ = arrays(Case(PLAIN, 6))
    kernel = kernel.astype("float32")
    kernel[0, 2, 1, 1, 1] = np.inf
    got, want = run(PLAIN, image, kernel, None, detect(), executable=build(PLAIN))[0], oracle(PLAIN, image, kernel)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    np.testing.assert_array_equal(np.isposinf(got), np.isposinf(want))


# ---------------------------------------------------------------- the same bits

def test_threads_batch_alignment_and_strips_change_no_bit() -> None:
    p = replace(PLAIN, batch=(5,), channels_out=17, groups=2, image=(30, 33), output=(30, 33))
    image, kernel, _ = arrays(Case(p, 7))
    want = run(p, image, kernel, None, detect(), executable=build(p))[0]
    for threads in (2, 3):
        executable = build(p, threads)
        assert run(p, image, kernel, None, detect(), threads=threads, executable=executable)[0].tobytes() == (
            want.tobytes())
    one = replace(p, batch=())
    alone = [run(one, each, kernel, None, detect(), executable=build(one))[0] for each in image]
    assert np.stack(alone).tobytes() == want.tobytes()
    moved = [misaligned(array, offset) for array, offset in ((image, 4), (kernel, 12))]
    assert run(p, *moved, None, detect(), executable=build(p))[0].tobytes() == want.tobytes()
    tile = build(p).recipe.tile
    for recipe in (WinogradRecipe(tile, 1, 5, 2, 1), WinogradRecipe(tile, 7, 3, 3, 2, 3),
                   WinogradRecipe(tile, 5, 2 * detect().vector_bytes // 4, 3, 1, turned=True)):
        executable = built(Case(p, 0), detect(), recipe)
        assert run(p, image, kernel, None, detect(), executable=executable)[0].tobytes() == want.tobytes()


@pytest.mark.parametrize("p", [
    LINE, VOLUME, DILATED, DISTANT, STRIDED, replace(LINE, stride=(2,), output=(99,)), TRANSPOSED,
    replace(LINE, image_dilation=(2,), image=(101,)),
    replace(LINE, image=(400,), output=(390,), start=(-8,), kernel_dilation=(8,)),
    replace(LINE, image=(400,), output=(390,), start=(-5,), kernel_dilation=(5,))])
def test_parts_threads_and_the_batch_change_no_bit_of_lines_and_volumes(p: Problem) -> None:
    image, kernel, bias = arrays(Case(p, 9))
    whole = build(p)
    want = run(p, image, kernel, bias, detect(), executable=whole)[0]
    tile = whole.recipe.tile
    for width, threads in ((tile[1], 1), (2 * tile[1], 1), (4 * tile[1], 2)):
        cut = built(Case(p, 9), detect(), WinogradRecipe(tile, 2, 3, 2, 1), threads, width)
        assert run(p, image, kernel, bias, detect(), threads=threads, executable=cut)[0].tobytes() == want.tobytes()
    one = replace(p, batch=())
    alone = built(Case(one, 9), detect(), WinogradRecipe(tile, 1, 3, 2, 1))
    assert run(one, image[1], kernel, bias, detect(), executable=alone)[0].tobytes() == want[1].tobytes()
    reverse = np.flip(image, -1).copy()
    assert run(p, np.flip(reverse, -1), kernel, bias, detect(), executable=whole)[0].tobytes() == want.tobytes()


def test_long_rows_are_cut() -> None:
    p = replace(LINE, channels_in=64, channels_out=64, image=(20000,), output=(20000,))
    for threads in (1, 2):
        parts = outside.choose(p, output_view(p).strides(), detect(), threads)
        middle, *ends = [part.cut for part in parts]
        assert middle.parts > 1
        assert sorted((cut.first, cut.end) for cut in (middle, *ends))[0][0] == 0
        assert sum(cut.end - cut.first for cut in (middle, *ends)) == 20000
        assert len({part.frame.recipe[:1] + part.frame.recipe[2:3] for part in parts}) == 1
        own = sum(part.frame.places["end"] * min(threads, part.frame.items) for part in parts)
        assert own < winograd.workspace_bytes(p, output_view(p), detect(), threads) == (
            winograd.build(p, output_view(p), detect(), threads).workspace_bytes)
    assert len(outside.choose(replace(p, output=(300,)), (0,) * 4, detect(), 1)) == 1


def test_a_strided_image_has_the_same_bits() -> None:
    image, kernel, _ = arrays(Case(PLAIN, 8))
    executable = build(PLAIN)
    want = run(PLAIN, image, kernel, None, detect(), executable=executable)[0]
    last = np.moveaxis(np.ascontiguousarray(np.moveaxis(image, 2, -1)), -1, 2)
    assert run(PLAIN, last, kernel, None, detect(), executable=executable)[0].tobytes() == want.tobytes()
    flipped = kernel[..., ::-1, ::-1].copy()[..., ::-1, ::-1]
    assert run(PLAIN, image, flipped, None, detect(), executable=executable)[0].tobytes() == want.tobytes()
    turned = np.swapaxes(np.swapaxes(kernel, 1, 2).copy(), 1, 2)
    assert run(PLAIN, image, turned, None, detect(), executable=executable)[0].tobytes() == want.tobytes()


# ---------------------------------------------------------------- memory

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs mprotect")


@LINUX
@pytest.mark.parametrize("isa", EACH)
def test_nothing_is_read_or_written_outside_the_arrays(isa: str) -> None:
    assert succeed("-m", "grid.guarded_winograd", "0", "15", isa).endswith("survived\n")


@LINUX
@pytest.mark.slow
@pytest.mark.parametrize("isa", EACH)
def test_nothing_is_read_or_written_outside_the_arrays_at_length(isa: str) -> None:
    part = neighbours(range(15, 300), 90)
    assert succeed("-m", "grid.guarded_winograd", *part, isa, timeout=900).endswith("survived\n")


@LINUX
@pytest.mark.parametrize("what", ["behind the image", "behind the output"])
def test_one_step_too_far_is_found(what: str) -> None:
    done = python("-m", "grid.guarded_winograd", "--break", what)
    assert done.returncode == -signal.SIGSEGV, done.stdout + done.stderr
    assert done.stdout == "before\n"


# ---------------------------------------------------------------- what is said

REASONS = {
    "all numbers must have one dtype of float32, float64, complex64 and complex128": replace(
        PLAIN, image_dtype="uint8"),
    "it has tiles of one or two axes and planes of a third, not of 4": replace(
        PLAIN, image=(9,) * 4, kernel=(3,) * 4, output=(7,) * 4, start=(0,) * 4, stride=(1,) * 4,
        kernel_dilation=(1,) * 4, image_dilation=(1,) * 4, border=((0, 0),) * 4),
    "planes of a volume have no tiles where they are dilated": replace(VOLUME, image_dilation=(2, 1, 1)),
    "taps that are apart share few samples where outputs or samples are apart as well": replace(
        PLAIN, stride=(1, 2), kernel_dilation=(1, 2)),
    "a kernel of 3 x 3 taps and samples 3 x 1 outputs apart has no tiles here": replace(PLAIN, image_dilation=(3, 1)),
    "a kernel of 3 x 3 taps and outputs 1 x 3 samples apart has no tiles here": replace(PLAIN, stride=(1, 3)),
    "a kernel of 3 x 11 taps has no tiles here": replace(PLAIN, kernel=(3, 11)),
    "taps are more than 64 columns apart": replace(PLAIN, kernel_dilation=(100, 65)),
    "there is nothing to transform": replace(PLAIN, batch=(0,)),
    "more than 64 columns outside the image are looked at": replace(PLAIN, output=(13, 90)),
}


@pytest.mark.parametrize("reason", REASONS)
def test_why_it_does_not_apply(reason: str) -> None:
    assert winograd.applies(PLAIN) is None
    assert winograd.applies(REASONS[reason]) == reason


def test_what_an_executable_tells() -> None:
    p = replace(PLAIN, channels_in=16, channels_out=32, image=(56, 56), output=(56, 56))
    executable = build(p)
    assert executable.recipe.algorithm == "winograd"
    assert executable.recipe.tile == (4, 4)
    assert executable.workspace_bytes == winograd.workspace_bytes(p, output_view(p), detect(), 1)
    assert "@products" in executable.ir()
    assert "fma" in executable.assembly() or detect().isa == "sse2"


def test_recipes_for_machines_that_are_not_there() -> None:
    p = replace(PLAIN, channels_in=64, channels_out=64, image=(56, 56), output=(56, 56))
    strides = output_view(p).strides()
    for isa, most in (("avx512", 32), ("avx2", 16), ("sse2", 16), ("neon", 32)):
        known = machine.fake(isa)
        assert outside.choose(p, strides, known, 1)[0].frame.recipe.tile == (4, 4)
        for recipe in outside.recipes(p, (4, 4), known, 1):
            # sums, a vector for each of those that share a load, and what is loaded
            rows = recipe.channels * 4 // known.vector_bytes if recipe.turned else recipe.channels
            assert rows * recipe.vectors + min(rows, recipe.vectors) + 1 <= most


def test_the_number_of_threads_does_not_choose_the_tile() -> None:
    for n in (7, 14, 28):
        p = replace(PLAIN, channels_in=64, channels_out=64, image=(n, n), output=(n, n))
        strides = output_view(p).strides()
        assert len({outside.choose(p, strides, detect(), threads)[0].frame.recipe.tile for threads in (1, 2, 5)}) == 1
