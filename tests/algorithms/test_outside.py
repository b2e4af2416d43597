"""Rows and columns of taps that see nothing but zeros outside: left out, unless a tap is not finite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from faltung import reference
from faltung.algorithms import direct
from faltung.algorithms.direct import schedule, stages
from faltung.algorithms.direct.executable import Direct, emitted
from faltung.algorithms.direct.outside import columns_left_out
from faltung.compiler import jit
from faltung.machine import Machine, detect, fake
from faltung.problem.problem import Problem
from grid.cases import output_view
from grid.check import compare, only_lanes, poisoned_workspaces, run
from grid.isas import EACH_SMALLER, USABLE


def layer(
    channels: tuple[int, int],
    extent: int,
    kernel: int,
    padding: int,
    *,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
    batch: int = 1,
    step: int = 1,
    dtype: str = "float32",
) -> Problem:
    """A layer with zeros around, or a transposed one of so many steps."""
    reach = (kernel - 1) * dilation
    output = (
        (extent - 1) * step + 1 + reach - 2 * padding if step > 1 else (extent + 2 * padding - reach - 1) // stride + 1
    )
    start = padding - reach if step > 1 else -padding
    return Problem(
        (batch,),
        groups,
        *channels,
        (extent,) * 2,
        (kernel,) * 2,
        (output,) * 2,
        (start,) * 2,
        (stride,) * 2,
        (dilation,) * 2,
        (step,) * 2,
        ((0, 0),) * 2,
        image_dtype=dtype,
        kernel_dtype=dtype,
        accumulator_dtype=dtype,
        output_dtype=dtype,
    )


PROBLEMS = {
    "channels": layer((5, 40), 14, 3, 1, stride=2),
    "channels-dilated": layer((5, 40), 12, 3, 4, dilation=3, dtype="float64"),
    "channels-far-out": layer((5, 40), 3, 7, 9),
    "channels-long": layer((512, 33), 5, 3, 1),
    "phases": layer((6, 34), 7, 4, 1, step=2),
    "phases-short": layer((6, 34), 8, 3, 0, step=2),
    "phases-of-pixels": layer((2, 3), 5, 16, 0, step=2),
    "pixels": layer((1, 1), 28, 15, 7, groups=2),
    "pixels-strided": layer((3, 2), 21, 9, 6, stride=2, dtype="float64"),
    "rows": layer((1, 1), 14, 7, 3, groups=5, batch=2),
    "rows-strided": layer((1, 1), 14, 5, 2, groups=5, stride=2),
    "rows-dilated": layer((1, 1), 40, 3, 4, groups=3, dilation=2),
    "rows-far-out": layer((1, 1), 2, 5, 6, groups=3),
}
LANES = {
    "channels": ("channels",),
    "phases-of-pixels": ("pixels",),
    "phases": ("channels",),
    "pixels": ("pixels",),
    "rows": ("rows",),
}


def lanes_of(name: str) -> str:
    return next(lanes for begin, (lanes,) in LANES.items() if name.startswith(begin))


@contextmanager
def built(name: str, threads: int = 1, machine: Machine | None = None) -> Iterator[Direct]:
    """The executable with the lanes that the problem's name says."""
    with pytest.MonkeyPatch.context() as patch:
        only_lanes(patch, lanes_of(name))
        problem = PROBLEMS[name]
        yield direct.build(problem, output_view(problem), machine or detect(), threads)
    schedule.choose.cache_clear()
    stages.weave.cache_clear()


def drawn(problem: Problem, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return tuple(
        rng.standard_normal(shape).astype(problem.image_dtype)  # type: ignore[return-value]
        for shape in (problem.image_shape, problem.kernel_shape)
    )


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    if lanes_of(request.param) == "rows" and "avx512" not in USABLE:
        pytest.skip("this machine has no avx512")
    return request.param


@pytest.mark.parametrize("name", PROBLEMS, indirect=True)
def test_they_are_left_out_and_nothing_else_is(name: str) -> None:
    problem = PROBLEMS[name]
    image, kernel = drawn(problem)
    for threads in (1, 2):
        with built(name, threads) as executable, poisoned_workspaces():
            assert {part.frame.recipe.lanes for part in executable.parts} == {lanes_of(name)}
            assert all(part.frame.leaves_out for part in executable.parts)
            got, _ = run(problem, image, kernel, None, detect(), threads=threads, executable=executable)
            compare(problem, image, kernel, None, got)


@pytest.mark.parametrize("name", PROBLEMS, indirect=True)
@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_taps_that_are_not_finite_meet_the_zeros(name: str, odd: float) -> None:
    problem, met = PROBLEMS[name], 0
    image, kernel = drawn(problem)
    with built(name) as executable:
        for place in (0, kernel.size - 1):
            spoilt = kernel.copy()
            spoilt.flat[place] = odd
            got, _ = run(problem, image, spoilt, None, detect(), executable=executable)
            want = reference.correlate(problem, image, spoilt)
            np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
            met += np.isnan(want).sum()
    assert met


@pytest.mark.parametrize("name", PROBLEMS, indirect=True)
@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_images_that_are_not_finite(name: str, odd: float) -> None:
    problem = PROBLEMS[name]
    image, kernel = drawn(problem)
    image[..., 0, 0] = odd
    with built(name) as executable:
        got, _ = run(problem, image, kernel, None, detect(), executable=executable)
    want = reference.correlate(problem, image, kernel)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    np.testing.assert_array_equal(np.isinf(got), np.isinf(want))


@pytest.mark.parametrize("name", PROBLEMS, indirect=True)
def test_sums_of_what_is_too_small_have_the_same_sign_for_any_number_of_threads(name: str) -> None:
    problem = PROBLEMS[name]
    image, kernel = (values * np.finfo(problem.image_dtype).tiny for values in drawn(problem))
    results = []
    for threads in (1, 2, 7):
        with built(name, threads) as executable:
            results.append(run(problem, image, kernel, None, detect(), threads=threads, executable=executable)[0])
    assert results[0].tobytes() == results[1].tobytes() == results[2].tobytes()


@pytest.mark.parametrize("name", [name for name in PROBLEMS if lanes_of(name) == "rows"], indirect=True)
def test_images_whose_rows_are_no_lines_give_the_same_bits(name: str) -> None:
    problem = PROBLEMS[name]
    image, kernel = drawn(problem)
    tiny = np.finfo(problem.image_dtype).tiny
    with built(name) as executable:
        for of_image, of_kernel in ((1, 1), (tiny, tiny), (1, np.nan)):
            apart = np.repeat(image * of_image, 2, -1)[..., ::2]
            assert apart.strides[-1] != apart.itemsize
            seen = [run(problem, one, kernel * of_kernel, None, detect(), executable=executable)[0]
                    for one in (image * of_image, apart)]
            assert seen[0].tobytes() == seen[1].tobytes()


@pytest.mark.parametrize(
    "change",
    [
        {"border": (("edge", "edge"), (0, 0))},
        {"border": ((1, 1), (0, 0))},
        {"start": (0, -1), "output": (6, 7)},
        {"border": ((float("nan"),) * 2, (0, 0))},
    ],
)
def test_other_borders_are_looked_at(change: dict[str, object]) -> None:
    problem = replace(PROBLEMS["channels"], **change)  # type: ignore[arg-type]
    for part in stages.parts(problem, output_view(problem), detect(), 1):
        assert not part.frame.leaves_out
        assert not columns_left_out(part.frame)


def test_columns_are_left_out_where_tiles_are_whole_rows() -> None:
    problem = PROBLEMS["channels"]
    (part,) = stages.parts(problem, output_view(problem), detect(), 1)
    frame = part.frame.with_recipe(
        part.frame.recipe._replace(lanes="channels", tile=(1, 1, 7), block=(7, 7), columns_unrolled=True)
    )
    assert columns_left_out(frame) == {(0, 0)}
    narrow = frame.with_recipe(frame.recipe._replace(tile=(1, 1, 4)))
    assert not columns_left_out(narrow)


def test_integers_are_summed_as_ever() -> None:
    problem = replace(
        PROBLEMS["channels"], image_dtype="int32", kernel_dtype="int32", accumulator_dtype="int64", output_dtype="int64"
    )
    assert not any(part.frame.leaves_out for part in stages.parts(problem, output_view(problem), detect(), 1))


@pytest.mark.parametrize("isa", EACH_SMALLER)
@pytest.mark.parametrize("name", [name for name in PROBLEMS if lanes_of(name) != "rows"])
def test_smaller_processors_leave_them_out(name: str, isa: str) -> None:
    problem, known = PROBLEMS[name], fake(isa, triple="")
    image, kernel = drawn(problem)
    with built(name, machine=known) as executable:
        got, _ = run(problem, image, kernel, None, known, executable=executable)
        compare(problem, image, kernel, None, got)
        kernel[...] = np.nan
        got, _ = run(problem, image, kernel, None, known, executable=executable)
        assert np.isnan(got).all()


@pytest.mark.parametrize("name", [name for name in PROBLEMS if lanes_of(name) != "rows"])
def test_the_code_compiles_for_neon(name: str) -> None:
    problem, known = PROBLEMS[name], fake("neon")
    for part in stages.parts(problem, output_view(problem), known, 1):
        assert jit.compile_object(emitted(part.frame), known)
