"""Predicted costs of strips and register tiles, and a search that leaves most of them out."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest

from faltung import machine
from faltung.algorithms.winograd import costs, recipe
from faltung.algorithms.winograd.frame import Frame, Piece, WinogradRecipe
from faltung.problem.problem import Problem

TYPES = ("image_dtype", "kernel_dtype", "accumulator_dtype", "output_dtype")


@pytest.mark.parametrize("known", [machine.fake(isa) for isa in machine.ISAS], ids=lambda known: known.isa)
@pytest.mark.parametrize("threads", [1, 3])
def test_what_is_not_looked_at_is_not_cheaper(known: machine.Machine, threads: int) -> None:
    for channels, extents, taps, batch in ((1, (61, 700), (3, 3), ()), (3, (40, 33), (5, 5), (2,)),
                                           (64, (14, 14), (3, 3), (4,)), (200, (7, 7), (3, 5), ())):
        p = Problem(batch, 1, channels, channels + 5, extents, taps, extents, (-1, -2), (1, 1), (1, 1), (1, 1),
                    (("edge", 0),) * 2)
        p = replace(p, **dict.fromkeys(TYPES, "complex128")) if channels == 3 else p
        [(_, chosen)] = recipe.choose(p, (), known, threads)
        least, fewest = recipe.least_cycles(p, known), inf
        p = chosen.problem
        for tile in [chosen.recipe.tile] if threads > 1 else recipe._tiles(p):
            tiles, rows = costs.tile_costs(p, tile, known), recipe._rows(p, tile, known, threads)
            for one in recipe.recipes(p, tile, known, threads):
                bound, needed = tiles.least(one, rows[-1]), tiles.cycles(one)
                assert least <= bound * (1 + 1e-12) <= needed * (1 + 1e-11)
                share = tiles.taps(one.channels).kernel_cycles * recipe.KERNEL_SHARE
                fewest = min(fewest, recipe.shared(needed, Frame(p, (), one, known).items, threads) + share)
        kernel = costs.tile_costs(p, chosen.recipe.tile, known).taps(chosen.recipe.channels)
        share = kernel.kernel_cycles * recipe.KERNEL_SHARE
        assert recipe.shared(costs.cycles(chosen), chosen.items, threads) + share == fewest


@pytest.mark.parametrize("known", [machine.fake(isa) for isa in machine.ISAS], ids=lambda known: known.isa)
def test_costs_count_what_the_frame_lists(known: machine.Machine) -> None:
    for width, rows, vectors in ((1, 1, 1), (9, 2, 3), (300, 5, 2), (130, 3, 4)):
        p = Problem((), 1, 2, 6, (50, width), (3, 3), (50, width), (-1, -1), (1, 1), (1, 1), (1, 1), ((0, 0),) * 2)
        tiles = costs.tile_costs(p, (2, 2), known)
        channels = known.vector_bytes // 4
        for chosen in (WinogradRecipe((2, 2), rows, 6, vectors, 1),
                       WinogradRecipe((2, 2), rows, channels, vectors, 1, turned=True)):
            frame = Frame(p, (), chosen, known)
            assert tiles.strips(rows, chosen.turned).pitch <= frame.pitch < frame.pitch + 4
            for some in range(1, rows + 1):
                listed = sum(listed_cycles(tiles, chosen, parts) for parts in frame.register_tiles
                             if parts[0].first < some * frame.tiles[1])
                assert tiles._register_tiles(frame.recipe, some) == pytest.approx(listed)


def listed_cycles(tiles: costs.TileCosts, chosen: WinogradRecipe, parts: list[Piece]) -> float:
    """Predicted cycles of a register tile."""
    if chosen.turned:
        return tiles._turned_tile(chosen.channels, len(parts))
    return tiles._register_tile(chosen.channels, sum(costs.vector_cycles(tiles.machine, part.lanes, 4)
                                                     for part in parts))
