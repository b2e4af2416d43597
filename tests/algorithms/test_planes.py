"""Real tiles of images: against the direct sum, at every edge, with equal bits on any number of threads."""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import faltung as ft
from faltung import machine
from faltung.algorithms import fourier
from faltung.algorithms.fourier.columns import positions, radices
from faltung.algorithms.fourier.executable import Fourier
from faltung.algorithms.fourier.plane import is_plane
from faltung.algorithms.fourier.plane_part import PlanePart
from faltung.algorithms.fourier.tiles import Tiling
from faltung.problem.problem import Problem
from grid.cases import Case, arrays, misaligned, output_view
from grid.check import run
from grid.guarded_planes import BASE, PROBLEMS, TYPES, compare, expected, force, typed
from grid.isas import EACH, SMALLER
from grid.pairs import pairs
from grid.process import python, succeed

needs_mprotect = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs mprotect")


def build(problem: Problem, threads: int = 1, isa: str = "own", *, channels_last: bool = False) -> Fourier:
    known = machine.detect() if isa == "own" else machine.fake(isa, triple="")
    executable = fourier.build(problem, output_view(problem, channels_last=channels_last), known, threads)
    assert all(isinstance(part, PlanePart) for part in executable.parts)
    return executable


def bits(problem: Problem, image: np.ndarray, kernel: np.ndarray, bias: Any, threads: int = 1) -> bytes:
    executable = build(problem, threads)
    return run(problem, image, kernel, bias, machine.detect(), threads=threads, executable=executable)[0].tobytes()


@pytest.mark.parametrize("isa", EACH)
@pytest.mark.parametrize("lengths", [(32, 96), (160, 64), (128, 320), (32, 1280), (512, 64)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_length(lengths: tuple[int, int], dtype: str, isa: str, monkeypatch: pytest.MonkeyPatch) -> None:
    force(monkeypatch, lengths)
    problem = typed(replace(BASE, batch=(), kernel=(7, 6), output=(84, 96)), (dtype,) * 4)
    image, kernel, _ = arrays(Case(problem, 3))
    got, _ = run(problem, image, kernel, None, machine.detect(), executable=build(problem, isa=isa))
    compare(problem, got, expected(problem, image, kernel, None))


@pytest.mark.parametrize(("name", "types", "isa", "last"), pairs(
    PROBLEMS, TYPES, ["own", *SMALLER[:1]], [False, True]))
def test_problems_of_several_tiles(name: str, types: tuple[str, str, str, str], isa: str, last: bool,
                                   monkeypatch: pytest.MonkeyPatch) -> None:
    force(monkeypatch, (32, 64))
    problem = typed(PROBLEMS[name], types)
    image, kernel, bias = arrays(Case(problem, 5))
    executable = build(problem, isa=isa, channels_last=last)
    got, _ = run(problem, image, kernel, bias, machine.detect(), view=output_view(problem, channels_last=last),
                 executable=executable)
    compare(problem, got, expected(problem, image, kernel, bias))


@pytest.mark.parametrize(("width", "sides", "types", "isa"), pairs(
    [2, 15, 16, 17, 31, 32, 33, 70], [(1, 2), ("reflect", "wrap"), ("edge", "symmetric"), ("wrap", 3)], TYPES[:3],
    ["own", *SMALLER]))
def test_columns_about_as_many_as_a_strip(width: int, sides: Any, types: tuple[str, str, str, str], isa: str,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    # strips that see both borders, one of them, or nothing else
    force(monkeypatch, (32, 64))
    problem = typed(replace(BASE, batch=(), image=(40, width), kernel=(5, 9), output=(44, width + 50), start=(-3, -29),
                            border=((4, 5), sides)), types)
    image, kernel, bias = arrays(Case(problem, 7))
    got, _ = run(problem, image, kernel, bias, machine.detect(), executable=build(problem, isa=isa))
    compare(problem, got, expected(problem, image, kernel, bias))


@pytest.mark.parametrize(("name", "types"), pairs(PROBLEMS, TYPES[:3], together=1))
def test_any_number_of_threads(name: str, types: tuple[str, str, str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    force(monkeypatch, (32, 32))
    problem = typed(PROBLEMS[name], types)
    image, kernel, bias = arrays(Case(problem, 6))
    if problem.image_dtype.startswith("float"):
        image[(..., *(n // 3 for n in problem.image))] = np.nan
    assert len({bits(problem, image, kernel, bias, threads) for threads in (1, 2, 3) for _ in range(3)}) == 1


def test_any_number_of_threads_at_the_front_door() -> None:
    rng = np.random.default_rng(4)
    image, kernel = rng.standard_normal((700, 800)), rng.standard_normal((40, 30))
    plans = [ft.plan(ft.correlate, image, kernel, "same", method="fourier", threads=threads) for threads in (1, 2, 5)]
    assert len({plan(image).tobytes() for plan in plans for _ in range(5)}) == 1


@pytest.mark.parametrize("types", TYPES[:3], ids=str)
def test_any_batch_and_alignment(types: tuple[str, str, str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    force(monkeypatch, (64, 32))
    several, alone = (typed(replace(PROBLEMS["borders"], batch=batch), types) for batch in ((3,), (1,)))
    image, kernel, _ = arrays(Case(several, 7))
    one = image[1:2].copy()
    want = bits(alone, one, kernel, None)
    together, _ = run(several, image, kernel, None, machine.detect(), executable=build(several))
    assert together[1:2].tobytes() == want
    seen = [*(misaligned(one, offset) for offset in (1, 4, 8, 33)), np.asfortranarray(one),
            one[..., ::-1].copy()[..., ::-1]]
    assert {bits(alone, view, kernel, None) for view in seen} == {want}


def test_each_output_belongs_to_one_tile() -> None:
    for problem in PROBLEMS.values():
        for lengths in ((32, 32), (64, 96), (160, 32)):
            count = np.zeros(problem.output, int)
            for tile in Tiling(problem, lengths):
                count[tile.outputs] += 1
                for there, own in zip(tile.outputs, tile.own, strict=True):
                    assert there.stop - there.start == own.stop - own.start
            assert (count == 1).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1e-30, 1e-5, 1e8, 1e30])
def test_sizes_from_tiny_to_huge(size: float, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    force(monkeypatch, (64, 64))
    # two tiles side by side of 51 columns of outputs
    problem = typed(replace(BASE, batch=(), image=(90, 115), output=(82, 102)), (dtype,) * 4)
    image, kernel, _ = arrays(Case(problem, 8))
    image[..., :51] *= size
    got, _ = run(problem, image, kernel, None, machine.detect(), executable=build(problem))
    want = expected(problem, image, kernel, None)
    bound = fourier.error_bound(problem) * (2.0**-24 if dtype == "float32" else 2.0**-53) * np.abs(kernel).sum()
    assert np.abs(got.astype(float) - want).max() <= bound * np.abs(image).max()
    # a tile without large samples does not know of them
    there, largest = (..., slice(51, None)), np.abs(image[..., 51:]).max()
    assert np.abs(got[there].astype(float) - want[there]).max() <= bound * largest


def test_a_border_that_is_not_finite(monkeypatch: pytest.MonkeyPatch) -> None:
    force(monkeypatch, (32, 32))
    for side in (float("nan"), float("inf")):
        problem = replace(PROBLEMS["borders"], border=((side, 0), ("edge", side)), image_dtype="uint8")
        image, kernel, _ = arrays(Case(problem, 9))
        with np.errstate(all="ignore"):
            got, _ = run(problem, image, kernel, None, machine.detect(), executable=build(problem))
        want = expected(problem, image, kernel, None)
        np.testing.assert_array_equal(np.isfinite(got), np.isfinite(want))
        np.testing.assert_allclose(got[np.isfinite(want)], want[np.isfinite(want)], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e25])
def test_a_tap_that_is_not_finite_says_nothing_of_it(bad: float) -> None:
    image, kernel = np.ones((90, 101), "float32"), np.ones((20, 21), "float32")
    kernel[3, 4] = bad
    got = ft.correlate(image, kernel, "valid", method="fourier")
    assert (np.isfinite(got) == (bad < np.inf)).all()


@pytest.mark.parametrize("overflow", ["raise", "saturate", "wrap"])
def test_only_outputs_that_are_kept_tell_of_overflow(overflow: str, monkeypatch: pytest.MonkeyPatch) -> None:
    force(monkeypatch, (32, 64))
    problem = replace(typed(BASE, ("uint8", "int8", "float64", "uint8")), overflow=overflow, batch=())
    image, kernel, _ = arrays(Case(problem, 10))
    image[...], kernel[...] = 1, 0
    kernel[..., 3, 3] = 1
    image[..., -1, :] = image[..., :, -1] = 2  # seen, but never under the tap
    image[..., -6:, :] = 255
    kernel[..., 3, 3] = 2 if overflow == "wrap" else 1
    got, overflowed = run(problem, image, kernel, None, machine.detect(), executable=build(problem))
    np.testing.assert_array_equal(got, expected(problem, image, kernel, None))
    assert not overflowed
    image[..., 3 + 40, 3 + 87] = 200
    kernel[..., 3, 3] = 2
    got, overflowed = run(problem, image, kernel, None, machine.detect(), executable=build(problem))
    assert overflowed == (overflow == "raise")


def test_which_tiles_are_planes() -> None:
    assert is_plane((32, 32))
    assert is_plane((3072, 160))
    for lengths in ((16, 32), (480, 32), (8192, 64), (64,), (64, 64, 64), (48, 64)):
        assert not is_plane(lengths)


@pytest.mark.parametrize("registers", [16, 32])
def test_radices_and_positions(registers: int) -> None:
    for n in (32, 96, 160, 1024, 1280, 3072):
        splits = radices(n, registers)
        assert np.prod(splits) == n
        assert max(splits) <= (8 if registers == 32 else 5)
        assert sorted(positions(splits).tolist()) == list(range(n))


@needs_mprotect
@pytest.mark.parametrize("isa", EACH)
def test_arrays_at_protected_pages(isa: str) -> None:
    # of each dtype there is a case among every fifth
    step = "1" if isa == "own" else "5"
    assert succeed("-m", "grid.guarded_planes", isa, step).endswith("survived\n")


@needs_mprotect
@pytest.mark.slow
@pytest.mark.parametrize("isa", SMALLER)
def test_arrays_at_protected_pages_at_length(isa: str) -> None:
    assert succeed("-m", "grid.guarded_planes", isa).endswith("survived\n")


@needs_mprotect
@pytest.mark.parametrize("what", ["before the image", "behind the image", "behind the output"])
def test_one_step_too_far_is_found(what: str) -> None:
    done = python("-m", "grid.guarded_planes", "--break", what)
    assert done.returncode == -signal.SIGSEGV, done.stdout + done.stderr
    assert done.stdout == "before\n"
