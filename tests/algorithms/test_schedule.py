"""Recipes as data, on machines that are not there."""

from __future__ import annotations

from math import prod

import pytest

from faltung.algorithms.direct import schedule, stages
from faltung.algorithms.direct.costs import cycles, with_kernel
from faltung.algorithms.direct.counts import begun_rows
from faltung.algorithms.direct.frame import DirectRecipe, Frame, Stage
from faltung.algorithms.direct.tiles import candidates
from faltung.compiler.elements import ELEMENTS
from faltung.machine import Machine, fake
from faltung.problem.problem import Problem
from grid.cases import draw, draw_bytes, draw_line, output_view

MACHINES = [fake("avx512"), fake("avx2"), fake("sse2"), fake("neon"), fake("avx2", l2_bytes=256 << 10, cores=8)]
MOST_SCRATCH_BYTES = 4 << 20


def layer(channels_in: int, channels_out: int, extent: int, kernel: int, stride: int = 1, groups: int = 1,
          ndim: int = 2, dtype: str = "float32") -> Problem:
    output = -(-extent // stride)
    return Problem((1,), groups, channels_in // groups, channels_out // groups, (extent,) * ndim, (kernel,) * ndim,
                   (output,) * ndim, (-(kernel // 2),) * ndim, (stride,) * ndim, (1,) * ndim, (1,) * ndim,
                   ((0, 0),) * ndim, dtype, dtype, dtype, dtype)


ORDINARY = {
    "64 3x3 56": layer(64, 64, 56, 3),
    "128 3x3 28": layer(128, 128, 28, 3),
    "256 3x3 14": layer(256, 256, 14, 3),
    "512 3x3 7": layer(512, 512, 7, 3),
    "3 to 64 7x7": layer(3, 64, 224, 7, 2),
    "1x1": layer(64, 256, 56, 1),
    "depthwise": layer(32, 32, 112, 3, groups=32),
    "depthwise 2": layer(144, 144, 56, 3, 2, groups=144),
    "image 3x3": layer(1, 1, 512, 3),
    "image 11x11": layer(1, 1, 2048, 11),
    "image 15x15": layer(1, 1, 512, 15),
    "signal 5": layer(1, 1, 1_000_000, 5, ndim=1),
    "signal 255": layer(1, 1, 1_000_000, 255, ndim=1, dtype="float64"),
    "volume": layer(1, 1, 128, 5, ndim=3),
    "complex": layer(1, 1, 512, 5, dtype="complex64"),
    "one sample": layer(1, 1, 1, 1),
    "narrow": layer(3, 5, 3, 3),
}


def frame_of(problem: Problem, known: Machine, threads: int = 1) -> Frame:
    (part,) = stages.parts(problem, output_view(problem), known, threads)
    return part.frame


def check_geometry(frame: Frame, recipe: DirectRecipe) -> None:
    """What every recipe must keep, or the generated code would read or write outside."""
    p = frame.problem
    assert recipe.vector_bytes <= frame.machine.vector_bytes
    kept = begun_rows(p) * recipe.tile[2] if recipe.lanes == "rows" else prod(recipe.tile)
    assert kept * frame.accumulator.planes < frame.machine.registers
    assert all(1 <= b <= out for b, out in zip(recipe.block, p.output, strict=True))
    inner = frame.inner  # of segments: the line, folded
    assert inner.tile_rows <= inner.recipe.block[-2]
    # only an output narrower than a tile may leave lanes of it unused
    assert inner.tile_columns <= inner.recipe.block[-1] or inner.recipe.block[-1] == inner.problem.output[-1]
    assert 1 <= recipe.channel_blocks <= frame.channel_blocks
    assert all((n - 1) * b < out <= n * b for n, b, out in zip(frame.blocks, recipe.block, p.output, strict=True))
    starts = frame.channel_starts
    covered = {channel for start in starts for channel in range(start, start + frame.tile_channels)}
    assert covered >= set(range(p.channels_out))
    assert sorted(frame.tap_order()) == list(range(prod(p.kernel)))


@pytest.mark.parametrize("known", MACHINES, ids=lambda known: f"{known.isa}-{known.cores}")
@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_problems(name: str, known: Machine) -> None:
    for threads in (1, 2, 8):
        frame = frame_of(ORDINARY[name], known, threads)
        check_geometry(frame, frame.recipe)
        assert frame.scratch_bytes <= MOST_SCRATCH_BYTES


@pytest.mark.parametrize("known", MACHINES, ids=lambda known: f"{known.isa}-{known.cores}")
def test_every_candidate_keeps_the_geometry(known: Machine) -> None:
    for seed in range(200):
        case = draw(seed)
        for part in stages.parts(case.problem, output_view(case.problem), known, 1 + seed % 3):
            check_geometry(part.frame, part.frame.recipe)
            for recipe in candidates(part.frame.stage, known):
                check_geometry(Frame(part.frame.stage, recipe, known), recipe)


@pytest.mark.parametrize("name", ["64 3x3 56", "512 3x3 7", "image 11x11", "depthwise", "volume", "signal 255"])
def test_threads_part_the_work_and_nothing_else(name: str) -> None:
    alone = frame_of(ORDINARY[name], MACHINES[0], 1)
    shared = frame_of(ORDINARY[name], MACHINES[0], 4)
    assert shared.items >= 4
    kept = shared.recipe._replace(block=alone.recipe.block, channel_blocks=alone.recipe.channel_blocks)
    assert kept == alone.recipe


@pytest.mark.parametrize("name", ["64 3x3 56", "128 3x3 28", "256 3x3 14", "1x1"])
def test_tiles_large_enough_to_hide_the_latency(name: str) -> None:
    for known in MACHINES:
        recipe = frame_of(ORDINARY[name], known).recipe
        assert prod(recipe.tile) >= 8, known.isa


def test_a_choice_is_made_once_and_for_all() -> None:
    for name, problem in ORDINARY.items():
        frame = frame_of(problem, MACHINES[1])
        schedule.choose.cache_clear()
        assert frame_of(problem, MACHINES[1]).recipe == frame.recipe, name


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_a_complex_tile_counts_both_parts(dtype: str) -> None:
    stage = frame_of(layer(8, 32, 20, 3, dtype=dtype), MACHINES[1]).stage
    assert ELEMENTS[dtype].planes == 2
    for recipe in candidates(stage, MACHINES[1]):
        assert 2 * prod(recipe.tile) < MACHINES[1].registers, recipe


@pytest.mark.parametrize("known", [*MACHINES, fake("avx512", has_dot=True)], ids=lambda known: known.isa)
def test_what_is_not_looked_at_is_not_cheaper(known: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(stage: Stage, on: Machine, threads: int) -> Frame:
        frames, costs = [], []
        for bounds in schedule._bounds(stage, on):
            for bound, tile in schedule._options(bounds):
                frames.append(schedule._frame(bounds, tile))
                costs.append(with_kernel(frames[-1]))
                if tile.lanes in ("pixels", "channels"):
                    assert bounds.cycles(tile) == cycles(frames[-1])
                assert bounds.least_of_all() * schedule.ROUNDED <= costs[-1]
                assert bound * schedule.ROUNDED <= costs[-1]
        assert schedule._cheapest(stage, on).recipe == frames[costs.index(min(costs))].recipe
        return frames[0]

    monkeypatch.setattr(stages, "choose", check)
    cases = (each(seed).problem for seed in range(40) for each in (draw, draw_line, draw_bytes))
    for problem in (*ORDINARY.values(), *cases):
        stages.parts(problem, output_view(problem), known, 1)
