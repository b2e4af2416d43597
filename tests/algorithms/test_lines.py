"""Tiles as lines, of any number of axes: against the direct sum, at every edge, equal bits on any number of threads."""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import faltung as ft
from faltung import machine
from faltung.algorithms import fourier
from faltung.algorithms.fourier import recipe
from faltung.algorithms.fourier.columns import positions
from faltung.algorithms.fourier.executable import Fourier
from faltung.algorithms.fourier.line import LARGEST, SIDE, Line, line_lengths, sides
from faltung.algorithms.fourier.line_part import LinePart
from faltung.algorithms.fourier.tiles import Tiling, mapped, overhang
from faltung.problem.border import map_index
from faltung.problem.problem import Problem
from grid.cases import Case, arrays, misaligned, output_view
from grid.check import run
from grid.guarded_lines import LINE, PROBLEMS, TYPES, force
from grid.guarded_planes import compare, expected, typed
from grid.isas import EACH, SMALLER
from grid.pairs import pairs
from grid.process import python, succeed

needs_mprotect = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs mprotect")
UNIT = {"float32": 2.0**-24, "complex64": 2.0**-24, "float64": 2.0**-53, "complex128": 2.0**-53}


def build(problem: Problem, threads: int = 1, isa: str = "own", *, channels_last: bool = False) -> Fourier:
    known = machine.detect() if isa == "own" else machine.fake(isa, triple="")
    executable = fourier.build(problem, output_view(problem, channels_last=channels_last), known, threads)
    assert all(isinstance(part, LinePart) for part in executable.parts)
    return executable


def bits(problem: Problem, image: np.ndarray, kernel: np.ndarray, bias: Any, threads: int = 1) -> bytes:
    executable = build(problem, threads)
    return run(problem, image, kernel, bias, machine.detect(), threads=threads, executable=executable)[0].tobytes()


@pytest.mark.parametrize("isa", EACH)
@pytest.mark.parametrize("length", [256, 1280, 2304, 3840, 6144, 20480])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_every_kind_of_length(length: int, dtype: str, isa: str, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = length if dtype.startswith("complex") else 2 * length
    force(monkeypatch, samples)
    taps = samples // 5
    outputs = 2 * (samples - taps + 1)
    problem = replace(LINE, batch=(), image=(outputs + taps - 1,), kernel=(taps,), output=(outputs,))
    problem = typed(problem, (dtype,) * 4)
    image, kernel, _ = arrays(Case(problem, 3))
    executable = build(problem, isa=isa)
    assert executable.recipe.samples == samples
    assert executable.parts[0].line.length == length  # type: ignore[union-attr]
    got, _ = run(problem, image, kernel, None, machine.detect(), executable=executable)
    want = expected(problem, image, kernel, None)
    bound = fourier.error_bound(problem) * UNIT[dtype] * np.abs(image).max() * np.abs(kernel).sum()
    assert np.abs(got - want).max() <= bound


@pytest.mark.parametrize(("name", "types", "isa", "last"), pairs(
    PROBLEMS, TYPES, ["own", *SMALLER[:1]], [False, True]))
def test_problems_of_several_tiles(name: str, types: tuple[str, str, str, str], isa: str, last: bool,
                                   monkeypatch: pytest.MonkeyPatch) -> None:
    force(monkeypatch, 256)
    problem = typed(PROBLEMS[name], types)
    image, kernel, bias = arrays(Case(problem, 5))
    executable = build(problem, isa=isa, channels_last=last)
    got, _ = run(problem, image, kernel, bias, machine.detect(), view=output_view(problem, channels_last=last),
                 executable=executable)
    compare(problem, got, expected(problem, image, kernel, bias))


@pytest.mark.parametrize(("name", "types"), pairs(PROBLEMS, TYPES[:4], together=1))
def test_any_number_of_threads(name: str, types: tuple[str, str, str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    force(monkeypatch, 256)
    problem = typed(PROBLEMS[name], types)
    image, kernel, bias = arrays(Case(problem, 6))
    if problem.image_dtype.startswith(("float", "complex")):
        image[(..., *(n // 3 for n in problem.image))] = np.nan
    assert len({bits(problem, image, kernel, bias, threads) for threads in (1, 2, 3) for _ in range(2)}) == 1


@pytest.mark.parametrize("name", ["borders", "volume with borders"])
@pytest.mark.parametrize("types", TYPES[:4], ids=str)
def test_any_batch_and_alignment(name: str, types: tuple[str, str, str, str],
                                 monkeypatch: pytest.MonkeyPatch) -> None:
    force(monkeypatch, 256)
    several, alone = (typed(replace(PROBLEMS[name], batch=batch, bias=False), types) for batch in ((3,), (1,)))
    image, kernel, _ = arrays(Case(several, 7))
    one = image[1:2].copy()
    want = bits(alone, one, kernel, None)
    together, _ = run(several, image, kernel, None, machine.detect(), executable=build(several))
    assert together[1:2].tobytes() == want
    seen = [*(misaligned(one, offset) for offset in (1, 4, 8, 33)), np.asfortranarray(one),
            one[..., ::-1].copy()[..., ::-1]]
    assert {bits(alone, view, kernel, None) for view in seen} == {want}


@pytest.mark.parametrize("shape", [(20_000,), (150, 150)], ids=str)
def test_spectra_for_one_call_share_no_memory_while_they_are_held(shape: tuple[int, ...]) -> None:
    """Neither those of lines nor of planes."""
    rng = np.random.default_rng(1)
    kernels = [rng.standard_normal((1, 1, 1, *(n // 5 for n in shape))).astype("float32") for _ in range(3)]
    x = rng.standard_normal(shape).astype("float32")
    executable = ft.plan(ft.correlate, x, kernels[0][0, 0, 0], "valid", method="fourier").ways[-1].executable
    want = [executable.pack(kernel)[0][0].copy() for kernel in kernels]
    held = [executable.pack_once(kernel)[0][0] for kernel in kernels]
    assert not any(np.shares_memory(a, b) for a, b in pairwise(held))
    for kernel, spectrum, once in zip(kernels, want, held, strict=True):
        results = []
        for each in (spectrum, once):
            out = np.empty(executable.problem.output_shape, "float32")
            executable.run(x[None, None], [(each, kernel)], None, out, 1)
            results.append(out.tobytes())
        assert results[0] == results[1]


def test_each_output_belongs_to_one_tile(monkeypatch: pytest.MonkeyPatch) -> None:
    force(monkeypatch, 256)
    for problem in PROBLEMS.values():
        tiling = Tiling(problem, recipe.choose(problem).lengths)
        count = np.zeros(problem.output, int)
        for tile in tiling:
            count[tile.outputs] += 1
        assert (count == 1).all()


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
@pytest.mark.parametrize("size", [1e-30, 1e-5, 1e8, 1e30])
def test_a_tile_beside_a_huge_or_tiny_one_keeps_its_own_accuracy(size: float, dtype: str,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is scaled by its own power of two."""
    force(monkeypatch, 512)
    problem = typed(replace(LINE, batch=(), image=(955,), output=(886,)), (dtype,) * 4)
    executable = build(problem)
    assert executable.parts[0].tiling.outputs == (443,)
    image, kernel, _ = arrays(Case(problem, 8))
    image[..., :443] *= size
    got, _ = run(problem, image, kernel, None, machine.detect(), executable=executable)
    want = expected(problem, image, kernel, None)
    bound = fourier.error_bound(problem) * UNIT[dtype] * np.abs(kernel).sum()
    assert np.abs(got.astype(complex) - want).max() <= bound * np.abs(image).max()
    there = np.abs(got[..., 443:].astype(complex) - want[..., 443:]).max()
    assert there <= bound * np.abs(image[..., 443:]).max()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["valid", "volume", "image"])
@pytest.mark.parametrize("types", [TYPES[0], TYPES[3]], ids=str)
def test_a_bad_sample_reaches_exactly_its_footprint(name: str, types: tuple[str, str, str, str], bad: float,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    force(monkeypatch, 256)
    problem = typed(PROBLEMS[name], types)
    image, kernel, _ = arrays(Case(problem, 9))
    image[(..., *(n // 2 for n in problem.image))] = bad
    with np.errstate(all="ignore"):
        got, _ = run(problem, image, kernel, None, machine.detect(), executable=build(problem))
        want = expected(problem, image, kernel, None)
    assert not np.isfinite(want).all()
    np.testing.assert_array_equal(np.isfinite(got), np.isfinite(want))


def test_a_border_that_is_not_finite() -> None:
    x, k = np.zeros(5000, "uint8"), np.ones(300, "float32")
    got = ft.correlate(x, k, "same", border=(np.nan,), method="fourier")
    want = ft.correlate(x, k, "same", border=(np.nan,), method="direct")
    assert np.isnan(want).sum() == 299
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("shape", [(100_000,), (90, 70, 60), (20, 18, 16, 22)], ids=str)
def test_the_bound_holds_at_the_front_door(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(len(shape))
    x = (rng.standard_normal(shape) * np.exp(rng.standard_normal(shape) * 3)).astype(np.float32)
    k = rng.standard_normal(tuple(max(3, n // 9) for n in shape)).astype(np.float32)
    plan = ft.plan(ft.correlate, x, k, "valid", method="fourier")
    want = ft.correlate(x.astype(np.float64), k.astype(np.float64), "valid", method="direct")
    bound = plan.error_bound * 2.0**-24 * np.abs(x).max() * np.abs(k).sum()
    assert np.abs(plan(x) - want).max() <= bound


def test_lengths_and_their_sides() -> None:
    lengths = line_lengths()
    assert lengths[0] == SIDE**2
    assert lengths[-1] == LARGEST
    assert all(b / a <= 4 / 3 for a, b in pairwise(lengths[3:]))
    for n in lengths:
        rows, columns = sides(n)
        assert rows * columns == n
        assert rows <= columns
        assert rows % SIDE == columns % SIDE == 0
    with pytest.raises(ValueError, match="257"):
        sides(257)


def test_the_roots_between_both_transforms() -> None:
    line = Line(768, "float64", machine.detect())
    turns = line.turns
    assert turns.shape == (line.columns // line.lanes, line.rows, 2, line.lanes)
    both = turns[:, :, 0] + 1j * turns[:, :, 1]
    np.testing.assert_allclose(np.abs(both), 1, atol=1e-15)
    # each row belongs to a frequency of its own
    steps = np.round(np.angle(both[0, :, 1]) * -768 / (2 * np.pi)).astype(int) % 768
    assert sorted(steps.tolist()) == list(range(line.rows))


@pytest.mark.parametrize("length", [256, 768, 3840])
def test_a_real_tile_is_half_as_many_complex_samples(length: int) -> None:
    """Their spectrum is every fourth frequency of the tile and as many zeros; those conjugate to them tell no more."""
    line = Line(length, "float64", machine.detect(), is_real=True)
    rng = np.random.default_rng(length)
    tile = rng.standard_normal(2 * length)
    rows = tile[:length].reshape(line.rows, line.columns) + 1j * tile[length:].reshape(line.rows, line.columns)
    before = line.row_roots // line.size
    turned = line.roots(0)[before::2] + 1j * line.roots(0)[before + 1::2]
    frequencies = np.empty(line.rows, int)
    frequencies[positions(line.splits(0))] = np.arange(line.rows)
    both = line.turns[:, :, 0] + 1j * line.turns[:, :, 1]
    between = both.transpose(1, 0, 2).reshape(line.rows, line.columns)
    columns = np.fft.fft(rows * turned[:, None], axis=0)[frequencies] * between
    spectrum = np.empty(length, complex)
    at = frequencies[:, None] + line.rows * np.arange(line.columns)
    spectrum[at] = np.fft.fft(columns, axis=1)
    want = np.fft.fft(tile, 4 * length)[(4 * np.arange(length) - 1) % (4 * length)]
    np.testing.assert_allclose(spectrum, want, atol=1e-11)


FULL = replace(LINE, batch=(), image=(300,), kernel=(70,), output=(369,), start=(-69,))
OVERHANGS = {
    "all of both": (FULL, 69),
    "the same": (replace(FULL, output=(300,), start=(-35,)), 34),
    "off the middle": (replace(FULL, output=(350,), start=(-69,)), 50),
    "far outside": (replace(FULL, output=(520,), start=(-110,)), 69),
    "a longer kernel": (replace(FULL, image=(90,), kernel=(400,), output=(90,), start=(-200,)), 89),
    "strided": (replace(FULL, stride=(3,), output=(123,)), 67),
    "dilated": (replace(FULL, kernel_dilation=(3,), output=(507,), start=(-207,)), 207),
    "a border of ones": (replace(FULL, border=((0, 1),)), 0),
    "a border that wraps": (replace(FULL, border=(("wrap", "wrap"),)), 0),
    "nothing outside": (replace(FULL, output=(231,), start=(0,)), 0),
}


@pytest.mark.parametrize("name", OVERHANGS)
@pytest.mark.parametrize("types", [TYPES[0], TYPES[2], TYPES[5]], ids=str)
def test_zeros_before_and_behind_a_signal_coincide(name: str, types: tuple[str, str, str, str]) -> None:
    problem, more = OVERHANGS[name]
    problem = typed(problem, types)
    assert overhang(problem) == more
    seen = (problem.output[0] - 1) * problem.stride[0] + (problem.kernel[0] - 1) * problem.kernel_dilation[0] + 1
    executable = build(problem)
    tiling = executable.parts[0].tiling
    assert tiling.count == 1
    assert (tiling.extents, tiling.fetched) == ((seen,), (seen - more,))
    assert executable.recipe.lengths == (seen - more,)
    image, kernel, _ = arrays(Case(problem, 11))
    for bad in (None, 0, problem.image[0] // 2) if problem.image_dtype != "uint8" else (None,):
        if bad is not None:
            image[..., bad] = np.nan
        with np.errstate(all="ignore"):
            got, _ = run(problem, image, kernel, None, machine.detect(), executable=executable)
            want = expected(problem, image, kernel, None)
        if bad is None:
            compare(problem, got, want)
        np.testing.assert_array_equal(np.isfinite(got), np.isfinite(want))


@pytest.mark.parametrize("seed", range(40))
def test_signals_in_as_short_a_transform_as_holds_them(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of any extents and places, with a transform that is full where that may be."""
    rng = np.random.default_rng(seed)
    monkeypatch.setattr(recipe, "LEAST_LENGTH", 4096)
    kernel = int(rng.integers(2, 500))
    whole = 512 if seed % 2 else int(rng.integers(kernel, 1500))
    before, stride = int(rng.integers(kernel)), int(rng.integers(1, 3))
    image = max(whole - kernel + 1, 1)
    problem = typed(replace(FULL, image=(image,), kernel=(kernel,), start=(-before,), stride=(stride,),
                            output=((image + kernel - 2) // stride + 1,)), TYPES[seed % 2])
    x, k, _ = arrays(Case(problem, seed))
    executable = build(problem)
    got, _ = run(problem, x, k, None, machine.detect(), executable=executable)
    compare(problem, got, expected(problem, x, k, None))


def test_the_halves_of_a_real_tile_cost_half_of_a_complex_one() -> None:
    for samples, dtype in ((8192, "float32"), (1 << 18, "float64")):
        twice = "complex64" if dtype == "float32" else "complex128"
        assert recipe.line_cycles(2 * samples, 1, dtype) == recipe.line_cycles(samples, 1, twice)


@pytest.mark.parametrize("sides_", [("reflect", "wrap"), ("symmetric", 2.0), (1, "edge"), ("wrap", "symmetric")])
@pytest.mark.parametrize("extent", [1, 2, 5])
def test_positions_are_mapped_as_one_by_one(extent: int, sides_: Any) -> None:
    positions = np.arange(-23, 29)
    one_by_one = [map_index(int(p), extent, *sides_) for p in positions]
    want = [(-1 if p < 0 else -2) if at is None else at for p, at in zip(positions, one_by_one, strict=True)]
    assert mapped(positions, extent, sides_).tolist() == want


def test_what_has_no_transform_says_so() -> None:
    empty = replace(LINE, image=(0,), output=(30,), start=(-40,))
    assert fourier.applies(empty) == "an image without samples needs no transform"
    huge = replace(LINE, image=(10**8,), kernel=(2 * LARGEST + 1,), output=(1000,))
    assert fourier.applies(huge) == "no generated transform is long enough for the kernel"
    complex_ = typed(replace(huge, kernel=(LARGEST + 1,)), ("complex64",) * 4)
    assert fourier.applies(complex_) == "no generated transform is long enough for the kernel"
    assert fourier.applies(replace(huge, kernel=(2 * LARGEST,))) is None


@needs_mprotect
@pytest.mark.parametrize("isa", EACH)
def test_arrays_at_protected_pages(isa: str) -> None:
    # of each dtype there is a case among every third or fifth
    step = "3" if isa == "own" else "5"
    assert succeed("-m", "grid.guarded_lines", isa, step).endswith("survived\n")


@needs_mprotect
@pytest.mark.slow
@pytest.mark.parametrize("isa", ["own", *SMALLER])
def test_arrays_at_protected_pages_at_length(isa: str) -> None:
    assert succeed("-m", "grid.guarded_lines", isa).endswith("survived\n")


@needs_mprotect
@pytest.mark.parametrize("what", ["before the image", "behind the image", "behind the output"])
def test_one_step_too_far_is_found(what: str) -> None:
    done = python("-m", "grid.guarded_lines", "--break", what)
    assert done.returncode == -signal.SIGSEGV, done.stdout + done.stderr
    assert done.stdout == "before\n"


@pytest.mark.parametrize(("width", "types", "isa"), pairs(
    [1, 3, 4, 7, 8, 15, 16, 17, 33], [TYPES[0], TYPES[3]], ["own", *SMALLER]))
def test_rows_about_as_wide_as_a_vector(width: int, types: tuple[str, str, str, str], isa: str,
                                        monkeypatch: pytest.MonkeyPatch) -> None:
    # tiles that see both borders, one of them or none, and constants of every axis where two borders meet
    force(monkeypatch, 768)
    problem = typed(replace(PROBLEMS["volume"], image=(9, 10, width), output=(11, 12, width + 14), start=(-3, -2, -11),
                            border=((3, 4), (5, 6), (1, 2))), types)
    image, kernel, bias = arrays(Case(problem, 7))
    got, _ = run(problem, image, kernel, bias, machine.detect(), executable=build(problem, isa=isa))
    compare(problem, got, expected(problem, image, kernel, bias))
