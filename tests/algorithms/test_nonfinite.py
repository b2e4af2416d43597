"""A NaN or an infinity reaches exactly the outputs whose footprint holds it, zero taps included."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from faltung import machine, reference
from faltung.algorithms.direct.frame import DirectRecipe, Stage
from faltung.algorithms.direct.tiles import candidates
from faltung.machine import Machine
from faltung.problem.problem import Problem
from faltung.problem.promotion import numpy_dtype
from grid.check import recipe_of, run
from grid.pairs import pairs

PLAIN = Problem((), 1, 2, 9, (9, 25), (3, 4), (11, 30), (-2, -3), (1, 1), (1, 1), (1, 1),
                (("reflect", "wrap"), ("symmetric", "edge")))
PROBLEMS = {
    "plain": PLAIN,
    "strided": replace(PLAIN, stride=(2, 3), output=(5, 10)),
    "dilated": replace(PLAIN, kernel_dilation=(2, 3)),
    "by phases": replace(PLAIN, image_dilation=(2, 3), output=(19, 75)),
    "groups": replace(PLAIN, batch=(2,), groups=3, channels_out=2, border=((0, 0), (0, 0))),
    "a line": replace(PLAIN, image=(40,), kernel=(5,), output=(44,), start=(-4,), stride=(1,), kernel_dilation=(1,),
                      image_dilation=(1,), border=(("wrap", "reflect"),)),
}
DTYPES = ("float32", "float64", "complex64", "complex128")


def by_lanes(lanes: str) -> Any:
    def choose(stage: Stage, known: Machine, _: int) -> DirectRecipe:
        found = list(candidates(stage, known))
        liked = [recipe for recipe in found if recipe.lanes == lanes] or found
        return liked[len(liked) // 2]
    return choose


def oracle(problem: Problem, image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return reference.correlate(problem, image, kernel)


def operands(problem: Problem, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    image = rng.integers(1, 9, problem.image_shape).astype(problem.image_dtype)
    kernel = rng.integers(-2, 3, problem.kernel_shape).astype(problem.kernel_dtype)
    kernel[rng.random(kernel.shape) < 0.4] = 0
    return image, kernel


def typed(problem: Problem, dtype: str) -> Problem:
    return replace(problem, image_dtype=dtype, kernel_dtype=dtype, accumulator_dtype=dtype, output_dtype=dtype)


@pytest.mark.parametrize(("name", "dtype", "lanes", "bad"), pairs(
    PROBLEMS, DTYPES, ["pixels", "channels"], [np.nan, np.inf, -np.inf]))
def test_exactly_the_footprint(name: str, dtype: str, lanes: str, bad: float, rng: np.random.Generator) -> None:
    problem = typed(PROBLEMS[name], dtype)
    image, kernel = operands(problem, rng)
    image[tuple(int(rng.integers(n)) for n in image.shape)] = bad
    image[tuple(n // 2 for n in image.shape)] = bad
    with recipe_of(by_lanes(lanes)):
        got, _ = run(problem, image, kernel, None, machine.detect())
    want = oracle(problem, image, kernel)
    np.testing.assert_array_equal(np.isfinite(got), np.isfinite(want))
    assert not np.isfinite(want).all()
    if "complex" in dtype:
        np.testing.assert_array_equal(got[np.isfinite(want)], want[np.isfinite(want)])
    else:
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("lanes", ["pixels", "channels"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_bad_tap_reaches_every_output_of_its_channel(dtype: str, lanes: str, rng: np.random.Generator) -> None:
    problem = typed(PLAIN, dtype)
    image, kernel = operands(problem, rng)
    kernel[0, 3, 1, 2, 0] = np.nan
    with recipe_of(by_lanes(lanes)):
        got, _ = run(problem, image, kernel, None, machine.detect())
    bad = np.zeros(9, bool)
    bad[3] = True
    np.testing.assert_array_equal(np.isfinite(got).all(axis=(0, 2, 3)), ~bad)
    assert not np.isfinite(got[:, 3]).any()


@pytest.mark.parametrize("side", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("lanes", ["pixels", "channels"])
def test_a_border_that_is_not_finite(lanes: str, side: float, rng: np.random.Generator) -> None:
    problem = replace(PLAIN, border=((side, 1.5), ("edge", side)))
    image, kernel = operands(problem, rng)
    with recipe_of(by_lanes(lanes)):
        got, _ = run(problem, image, kernel, None, machine.detect())
    np.testing.assert_array_equal(got, oracle(problem, image, kernel))


@pytest.mark.parametrize("activation", ["relu", "relu6", "sigmoid", "tanh", "silu", "gelu"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_activations_keep_a_nan(activation: str, dtype: str) -> None:
    problem = _identity(dtype, activation=activation)
    image = np.array([np.nan, np.inf, -np.inf, 0, 1, -1, 700, -700, 90, -90, 1e30, -1e30, np.nan], dtype)
    got = _through(problem, image)
    with np.errstate(all="ignore"):
        want = reference.activate(image.astype(float), activation).astype(dtype)
    np.testing.assert_allclose(got, want, rtol=1e-6 if dtype == "float32" else 1e-14, atol=1e-36)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("target", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
def test_what_is_not_finite_as_an_integer(target: str, dtype: str) -> None:
    image = np.array([np.nan, 1, np.inf, -np.inf, 2] * 8, dtype)
    info = np.iinfo(target)
    for overflow, want in (("saturate", [0, 1, info.max, info.min, 2]), ("wrap", [0, 1, 0, 0, 2])):
        problem = replace(_identity(dtype, image.size), output_dtype=target, overflow=overflow)
        assert _through(problem, image)[:5].tolist() == want, overflow
    problem = replace(_identity(dtype, image.size), output_dtype=target, overflow="raise")
    for bad in image[[0, 2, 3]]:
        lone = np.ones_like(image)
        lone[17] = bad
        assert run(problem, lone.reshape(problem.image_shape), _one(problem), None, machine.detect())[1]
    assert not run(problem, np.ones(problem.image_shape, dtype), _one(problem), None, machine.detect())[1]


def _identity(dtype: str, extent: int = 13, activation: str | None = None) -> Problem:
    accumulator = "float32" if dtype == "float16" else dtype
    return Problem((), 1, 1, 1, (extent,), (1,), (extent,), (0,), (1,), (1,), (1,), ((0, 0),), dtype, dtype,
                   accumulator, accumulator, activation=activation)


def _one(problem: Problem) -> np.ndarray:
    return np.ones(problem.kernel_shape, numpy_dtype(problem.kernel_dtype))


def _through(problem: Problem, image: np.ndarray) -> Any:
    got, _ = run(problem, image.reshape(problem.image_shape), _one(problem), None, machine.detect())
    return got.ravel()
