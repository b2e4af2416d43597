"""Every recipe that the schedule would look at, and some that it would not, gives the right result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from faltung import machine
from faltung.algorithms.direct import schedule, stages
from faltung.algorithms.direct.frame import DirectRecipe, Frame, Stage
from faltung.algorithms.direct.tiles import candidates
from faltung.machine import Machine
from grid.cases import Case, draw, draw_bytes, draw_line, output_view
from grid.check import check, poisoned_workspaces, recipe_of
from grid.isas import EACH
from grid.sample import check_some
from grid.structured import known as machine_of


def options(seed: int, known: Machine) -> list[DirectRecipe]:
    """Recipes of a case's first phase."""
    case = draw(seed)
    first = stages.parts(case.problem, output_view(case.problem), known, 1)[0]
    return list(candidates(first.frame.stage, known))


def check_with(case: Case, known: Machine, pick: Any, threads: int = 1) -> Any:
    used: list[DirectRecipe] = []

    def choose(stage: Stage, on: Machine, _: int) -> DirectRecipe:
        used.append(pick(stage, on))
        return used[-1]

    with poisoned_workspaces(), recipe_of(choose):
        try:
            return check(case, known, threads=threads)
        except BaseException as error:
            error.add_note(f"{case}: {case.problem}, recipes {used}")
            raise


def picker(rng: np.random.Generator, wished: str | None = None) -> Any:
    def pick(stage: Stage, on: Machine) -> DirectRecipe:
        found = list(candidates(stage, on))
        liked = [recipe for recipe in found if wished in (None, recipe.lanes)] or found
        return liked[int(rng.integers(len(liked)))]
    return pick


@pytest.mark.parametrize("seed", range(7000, 7030))
def test_a_planner_with_random_choices(seed: int) -> None:
    rng = np.random.default_rng(seed)
    check_with(draw(seed), machine.detect(), picker(rng))


@pytest.mark.parametrize("seed", range(7100, 7120))
def test_lanes_of_channels_wherever_they_can_be(seed: int) -> None:
    check_with(draw(seed), machine.detect(), picker(np.random.default_rng(seed), "channels"))


@pytest.mark.parametrize("isa", EACH)
@pytest.mark.parametrize("seed", range(7400, 7412))
def test_lanes_of_segments_on_long_lines(seed: int, isa: str) -> None:
    known = replace(machine_of(isa), l2_bytes=1 << 15 + seed % 3)
    check_with(draw_line(seed), known, picker(np.random.default_rng(seed), "segments"))


def dots(stage: Stage, known: Machine) -> list[Frame]:
    """Every way to multiply four taps at a time."""
    folded = schedule.dot_stage(stage, known)
    if folded is None:
        return []
    apart = stage.problem.kernel_dilation[-1]
    recipes = [recipe for recipe in candidates(folded, known) if recipe.lanes == "pixels"]
    return [Frame(folded, recipe._replace(dot=4, dot_step=apart), known) for recipe in recipes]


@pytest.mark.skipif(not machine.detect().has_dot, reason="this processor cannot multiply bytes four at a time")
@pytest.mark.parametrize("seed", range(7500, 7524))
def test_four_taps_at_a_time(seed: int) -> None:
    rng, met = np.random.default_rng(seed), []

    def pick(stage: Stage, on: Machine) -> Any:
        found = dots(stage, on)
        met.append(len(found))
        return found[int(rng.integers(len(found)))] if found else picker(rng)(stage, on)

    case = draw_bytes(seed)
    check_with(case, replace(machine.detect(), l2_bytes=1 << 12 + 3 * (seed % 3)), pick)
    p = case.problem
    if p.accumulator_dtype in ("float32", "int32") and p.activation in (None, "relu", "relu6"):
        assert all(met)


def spread(found: list[DirectRecipe], most: int) -> Iterable[int]:
    return sorted({round(i) for i in np.linspace(0, len(found) - 1, min(most, len(found)))})


def numbered(number: int) -> Any:
    def pick(stage: Stage, on: Machine) -> DirectRecipe:
        found = list(candidates(stage, on))
        return found[number % len(found)]
    return pick


def check_every(seed: int, known: Machine, most: int) -> None:
    found = options(seed, known)
    for number in spread(found, most):
        check_with(draw(seed), known, numbered(number))


@pytest.mark.slow
@pytest.mark.parametrize("isa", EACH)
@pytest.mark.parametrize("first", range(7200, 7236, 3))
def test_every_candidate(first: int, isa: str) -> None:
    check_some(lambda seed: check_every(seed, machine_of(isa), 60), range(first, first + 3), 1)


def block_variants(stage: Stage, recipe: DirectRecipe, known: Machine, rng: np.random.Generator) -> DirectRecipe:
    """The same tile with another block and another share of the channels."""
    frame = Frame(stage, recipe, known)
    p = stage.problem
    # a tile must not reach over its block
    least = [1] * (p.ndim - 2) + [frame.tile_rows, frame.tile_columns]
    block = tuple(int(rng.integers(min(low, out), out, endpoint=True))
                  for low, out in zip(least, p.output, strict=True))
    if recipe.lanes == "segments":
        whole = recipe.block[-1] // (segment := frame.inner.tile_columns * frame.inner.tile_rows)
        block = (*recipe.block[:-1], segment * int(rng.integers(min(whole, 4), whole, endpoint=True)))
    return recipe._replace(block=block, channel_blocks=int(rng.integers(1, frame.channel_blocks, endpoint=True)))


@pytest.mark.parametrize("case", [*map(draw, range(7300, 7316)), *map(draw_line, range(7325, 7331))], ids=str)
def test_blocks_and_shares_never_change_a_bit(case: Case) -> None:
    seed = case.seed
    known = machine.detect()
    rng = np.random.default_rng(seed)
    one = numbered(int(rng.integers(1 << 30)))

    def varied(stage: Stage, on: Machine) -> DirectRecipe:
        return block_variants(stage, one(stage, on), on, rng)

    results = [check_with(case, known, one), check_with(case, known, varied), check_with(case, known, varied, 2)]
    assert len({None if result is None else result.tobytes() for result in results}) == 1
