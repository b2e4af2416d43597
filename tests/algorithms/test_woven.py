"""`direct`, all phases of a dilated image as one program."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faltung import machine
from faltung.algorithms.direct import stages
from faltung.algorithms.direct.costs import cycles
from faltung.algorithms.direct.executable import emitted
from faltung.algorithms.direct.frame import DirectRecipe, Frame, Stage
from faltung.algorithms.direct.packing import WovenPacker
from faltung.algorithms.direct.tiles import candidates
from faltung.algorithms.direct.woven import WovenFrame
from faltung.compiler import jit
from faltung.machine import Machine, fake
from faltung.problem.problem import Problem
from grid.cases import Case, draw_woven, output_view
from grid.check import check, poisoned_workspaces, recipe_of
from grid.isas import SMALLER

CACHES = (0, 1 << 14, 1 << 16)


def transposed(channels_in: int, channels_out: int, kernel: int, extent: int, padding: int = 1, more: int = 0,
               step: int = 2) -> Problem:
    """A transposed layer in two dimensions."""
    output = (extent - 1) * step + kernel - 2 * padding + more
    return Problem((1,), 1, channels_in, channels_out, (extent,) * 2, (kernel,) * 2, (output,) * 2,
                   (padding + 1 - kernel,) * 2, (1, 1), (1, 1), (step, step), ((0, 0),) * 2)


def parts(problem: Problem, known: Machine, threads: int = 1, *, channels_last: bool = False) -> list[stages.Part]:
    return stages.parts(problem, output_view(problem, channels_last=channels_last), known, threads)


def of_lanes(lanes: str, rng: np.random.Generator) -> object:
    """Any recipe with such lanes."""
    def choose(stage: Stage, known: Machine, _: int) -> DirectRecipe:
        found = list(candidates(stage, known))
        liked = [recipe for recipe in found if recipe.lanes == lanes] or found
        return liked[int(rng.integers(len(liked)))]
    return choose


def check_seed(seed: int, known: Machine) -> None:
    case = draw_woven(seed)
    cache = CACHES[seed % 3]
    known = replace(known, l2_bytes=cache) if cache else known
    with poisoned_workspaces(), recipe_of(of_lanes(("pixels", "channels")[seed % 2], np.random.default_rng(seed))):
        try:
            check(case, known, threads=1 + seed % 2)
        except BaseException as error:
            error.add_note(f"{case}: {case.problem}")
            raise


@pytest.mark.parametrize("seed", range(120))
def test_the_oracle_agrees(seed: int) -> None:
    check_seed(seed, machine.detect())


@pytest.mark.parametrize("known", [fake(isa, triple="") for isa in SMALLER], ids=lambda known: known.isa)
@pytest.mark.parametrize("seed", range(200, 230))
def test_smaller_instruction_sets_agree(seed: int, known: Machine) -> None:
    check_seed(seed, known)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1000, 2000, 50))
def test_the_oracle_agrees_at_length(first: int) -> None:
    for seed in range(first, first + 50):
        check_seed(seed, machine.detect())


def test_the_cases_are_woven() -> None:
    known, found = fake("avx512"), []
    for seed in range(120):
        problem = draw_woven(seed).problem
        found += [isinstance(part.frame, WovenFrame) for part in parts(problem, known)]
    assert found.count(True) > 60


# ---------------------------------------------------------------- what is decided

@pytest.mark.parametrize("isa", ["avx512", "avx2"])
@pytest.mark.parametrize("problem", [transposed(64, 3, 4, 64), transposed(128, 64, 3, 28, more=1),
                                     transposed(512, 256, 4, 7), transposed(64, 64, 3, 14, more=1)])
def test_layers_are_packed_once(problem: Problem, isa: str) -> None:
    known = fake(isa, l2_bytes=2 << 20)
    (part,) = parts(problem, known)
    frame = part.frame
    assert isinstance(frame, WovenFrame)
    assert frame.recipe.phases == 4
    alone = [stages.choose(stage, known, 1) for stage in frame.stages]
    assert cycles(frame) < sum(map(cycles, alone))
    # each looks at what is packed, and at no more
    for one in frame.tiled:
        shifts = [a - b for a, b in zip(one.problem.start, frame.problem.start, strict=True)]
        assert min(shifts) >= 0
        assert all(shift + reach <= whole for shift, reach, whole in
                   zip(shifts, one.reach, frame.reach, strict=True))


@pytest.mark.parametrize("problem", [transposed(128, 64, 3, 28), transposed(64, 64, 3, 7), transposed(32, 16, 5, 20)])
def test_a_tile_suits_the_phase_with_most_outputs(problem: Problem) -> None:
    (part,) = parts(problem, fake("avx512", l2_bytes=2 << 20))
    frame = part.frame
    assert isinstance(frame, WovenFrame)
    assert frame.missing == 1
    assert -(-frame.problem.output[-1] // frame.tile_columns) * frame.tile_columns == frame.problem.output[-1]


@pytest.mark.parametrize("isa", ["neon", "avx2", "sse2"])
@pytest.mark.parametrize("channels_out", [3, 40])
def test_programs_compile_for_other_processors(isa: str, channels_out: int) -> None:
    (part,) = parts(transposed(64, channels_out, 4, 16), fake(isa))
    assert isinstance(part.frame, WovenFrame)
    assert jit.compile_object(emitted(part.frame), part.frame.machine)


def test_the_tile_is_the_same_for_any_number_of_threads() -> None:
    problem, known = transposed(64, 32, 4, 32), fake("avx512", cores=8, l2_bytes=8 << 20)
    (one,), (eight,) = parts(problem, known), parts(problem, known, 8)
    assert eight.frame.items > one.frame.items
    same = [frame.recipe._replace(block=(), channel_blocks=0) for frame in (one.frame, eight.frame)]
    assert same[0] == same[1]


@pytest.mark.parametrize("problem", [
    transposed(8, 8, 1, 9, 0),  # phases without taps
    transposed(8, 8, 8, 9, step=5),  # too many to weave
    transposed(2048, 16, 4, 3),  # too many taps for the cache
    replace(transposed(8, 8, 4, 9), image_dtype="int8", kernel_dtype="int8", accumulator_dtype="int32",
            output_dtype="int32"),
    replace(transposed(8, 8, 4, 9), stride=(2, 1)),
    replace(transposed(8, 8, 4, 9), output=(17, 1))],
    ids=["empty", "many", "long", "integers", "strided", "one column"])
def test_others_are_programs_of_their_own(problem: Problem) -> None:
    frames: list[Frame] = [part.frame for part in parts(problem, fake("avx512"))]
    assert not any(isinstance(frame, WovenFrame) for frame in frames)
    assert {frame.recipe.phases for frame in frames} == {1}
    with poisoned_workspaces():
        check(Case(problem, 1), machine.detect(), threads=1)


@pytest.mark.parametrize("l2_bytes", [1 << 18, 1 << 21])
@pytest.mark.parametrize("problem", [transposed(64, 40, 4, 8), transposed(33, 70, 3, 9), transposed(200, 3, 5, 40)])
@pytest.mark.parametrize("flipped", [False, True])
def test_kernels_are_turned_before_they_are_parted(problem: Problem, l2_bytes: int, *, flipped: bool) -> None:
    (part,) = parts(problem, replace(machine.detect(), l2_bytes=l2_bytes))
    assert isinstance(part.frame, WovenFrame)
    packer = WovenPacker(part, part.frame)
    kernel = np.random.default_rng(3).standard_normal(problem.kernel_shape).astype("float32")
    if flipped:
        kernel = kernel[..., ::-1, ::-1]
    expected = [one.ordered(kernel).reshape(-1).view(np.uint8) for one in packer.packers]
    assert np.array_equal(packer(kernel)[:part.frame.kernel_bytes], np.concatenate(expected))
