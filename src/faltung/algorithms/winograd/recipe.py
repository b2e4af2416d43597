"""Which tile, register tile and strips suit a problem, what they cost, and how far sums may be wrong."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from math import inf, prod, sqrt
from typing import NamedTuple

from ...machine import Machine
from ...problem.problem import Problem
from .components import components, factors
from .costs import ROUNDED, TileCosts, all_cycles, tile_costs
from .frame import Frame, WinogradRecipe, products_along, size_of, tiles_along
from .linear import programs
from .matrices import growth
from .parts import Part, cuts
from .seen import Seen, channels_seen, filters_seen, see

TILES = {1: (1,), 2: (3,), 3: (2, 4), 4: (3,), 5: (2, 4), 7: (2,)}
"""For each number of taps along an axis, the outputs of a tile that are worth a look."""

LINE_TILES = {2: (3,), 3: (4, 6), 4: (3,), 5: (4, 6), 7: (2, 4)}
"""The same along the only axis of a line."""

STRIDED_TILES = {3: (2, 4), 4: (2, 4), 5: (2, 4), 7: (2,)}
"""The same along any axis whose outputs are two samples apart."""

DILATED_TILES = {3: (4, 8), 4: (4, 8), 5: (4, 8), 7: (4,)}
"""The same along any axis whose samples are two outputs apart."""

FEW = 8
"""Outputs along an axis, of which oblong tiles are worth a look."""

OUTSIDE = 64
"""Columns outside the image that are made one by one, and tiles of a run whose last pieces are."""

REGISTER_TILES = {32: ((8, 3), (16, 1), (12, 2), (6, 4), (8, 1)), 16: ((6, 2), (4, 3), (5, 2), (12, 1), (8, 1))}
"""Channels and vectors of the register tiles that fit so many registers."""

TURNED_TILES = {32: ((1, 16), (2, 8), (4, 6)), 16: ((1, 8), (2, 6), (3, 4))}
"""Of those whose lanes are channels out: vectors of channels, and tiles."""

KERNEL_SHARE = 0.01
"""How much of the time that a kernel's transform takes decides among recipes, for most kernels are known."""

MOST_SPARE = 1.5
"""Most lanes to a channel out, where channels are lanes."""

LONGEST_BYTES = 2.0
"""Most transformed samples of a strip, in second-level caches, where one row of tiles does not need more."""


def least_cycles(problem: Problem, machine: Machine) -> float:
    """A lower bound on what any recipe needs."""
    seen = see(problem, (0,) * len(problem.output_shape)).problem
    return min(tile_costs(seen, tile, machine).least_of_all() for tile in _tiles(problem))


# ---------------------------------------------------------------- the choice

@lru_cache(maxsize=256)
def choose(problem: Problem, strides: tuple[int, ...], machine: Machine, threads: int) -> tuple[Part, ...]:
    """The cheapest tile on one thread, since bits depend on it; then the strips that suit so many threads."""
    seen, tiles = see(problem, strides), _tiles(problem)
    if any(len(cuts(seen.problem, tile, machine)) > 1 for tile in tiles):
        one = min((_parts(seen, [tile], machine, 1) for tile in tiles), key=all_cycles)
    else:
        one = _parts(seen, tiles, machine, 1)
    return one if threads == 1 else _parts(seen, [one[0].frame.recipe.tile], machine, threads)


def _tiles(problem: Problem) -> list[tuple[int, int]]:
    """Tiles that are worth a look; those of lines, whose magnitudes grow along one axis only, are longer."""
    if problem.ndim == 1:
        return [(1, m) for m in tiles_of(problem, 0, LINE_TILES)]
    down, across = (tiles_of(problem, axis) for axis in (-2, -1))
    # oblong tiles cover few outputs with less waste, and need fewer taps; otherwise they are never much better
    oblong = down != across or (min(problem.output[-2:]) <= FEW and prod(problem.stride[-2:]) == 1)
    return list(product(down, across) if oblong else zip(down, across, strict=True))


def tiles_of(p: Problem, axis: int, plain: dict[int, tuple[int, ...]] = TILES) -> tuple[int, ...]:
    """Outputs of tiles along an axis; none where the tables have nothing."""
    tables = {(1, 1): plain, (2, 1): STRIDED_TILES, (1, 2): DILATED_TILES}
    return tables.get((p.stride[axis], p.image_dilation[axis]), {}).get(p.kernel[axis], ())


def _parts(seen: Seen, tiles: list[tuple[int, int]], machine: Machine, threads: int) -> tuple[Part, ...]:
    """The best frame of each part, as the first tile cuts them; the first part decides how channels are blocked."""
    parts: list[Part] = []
    for cut in cuts(seen.problem, tiles[0], machine):
        channels = parts[0].frame.recipe.channels if parts else None
        parts.append(Part(cut, _best(cut.see(seen), tiles, machine, threads, channels)))
    return tuple(parts)


def _best(seen: Seen, tiles: list[tuple[int, int]], machine: Machine, threads: int,
          channels: int | None = None) -> Frame:
    """Search the tiles, and of each the register tiles, the most promising first, until none can be cheaper.

    Of equals, the first wins.
    """
    problem, strides, depth = seen
    bounds = sorted((tile_costs(problem, tile, machine).least_of_all(), number) for number, tile in enumerate(tiles))
    best, fewest = None, (inf, 0, 0)
    for bound, place in bounds:
        if bound / threads * ROUNDED > fewest[0]:
            break
        options = [option for option in _options(problem, tiles[place], machine, threads)
                   if channels in (None, option.start.channels)]
        for number, option in sorted(enumerate(options), key=lambda one: one[1].bound):
            if option.bound * ROUNDED > fewest[0]:
                break
            for recipe in _strips(problem, option.start, option.rows, threads):
                found = (option.cycles(recipe, fewest[0], threads), place, number)
                if found < fewest:
                    best, fewest = recipe, found
    assert best is not None
    return Frame(problem, strides, best, machine, depth)


class _Option(NamedTuple):
    """A register tile, as a recipe of one row; at least how many cycles it costs, and how many its kernel does."""

    bound: float
    costs: TileCosts
    share: float
    start: WinogradRecipe
    rows: list[int]

    def cycles(self, recipe: WinogradRecipe, most: float, threads: int) -> float:
        """What decides among recipes; infinity will do for what is surely more than ``most``."""
        if threads == 1:
            return self.costs.cycles(recipe, most - self.share) + self.share
        strips = self.costs.strips(recipe.rows, recipe.turned)
        items = self.costs.problem.groups * strips.number * recipe.shares
        return shared(self.costs.cycles(recipe), items, threads) + self.share


def _options(problem: Problem, tile: tuple[int, int], machine: Machine, threads: int) -> Iterator[_Option]:
    costs, rows = tile_costs(problem, tile, machine), _rows(problem, tile, machine, threads)
    for channels, vectors, turned in _register_tiles(problem, machine):
        start = WinogradRecipe(tile, 1, channels, vectors, 1, turned=turned)
        share = costs.taps(channels).kernel_cycles * KERNEL_SHARE
        yield _Option(costs.least(start, rows[-1]) / threads + share, costs, share, start, rows)


def recipes(problem: Problem, tile: tuple[int, int], machine: Machine, threads: int) -> Iterator[WinogradRecipe]:
    """All recipes with a tile."""
    for option in _options(problem, tile, machine, threads):
        yield from _strips(problem, option.start, option.rows, threads)


def shared(cycles: float, items: int, threads: int) -> float:
    """Predicted cycles until so many threads have done all items."""
    return cycles * -(-items // threads) / items


def _register_tiles(problem: Problem, machine: Machine) -> list[tuple[int, int, bool]]:
    """Register tiles that part the channels evenly: channels, vectors or tiles, and whether lanes are channels."""
    registers, lanes = 32 if machine.registers > 16 else 16, machine.vector_bytes // size_of(problem)
    count, out = factors(problem), problem.channels_out // factors(problem)
    found = [(count * _even(out, most), vectors, False) for most, vectors in REGISTER_TILES[registers]]
    of_lanes = -(-out // lanes)
    if of_lanes * lanes <= MOST_SPARE * out:
        found += [(count * _even(of_lanes, most) * lanes, min(tiles, lanes), True)
                  for most, tiles in TURNED_TILES[registers]]
    return list(dict.fromkeys(found))


def _even(count: int, most: int) -> int:
    """As few to a block as make no more blocks than with ``most``."""
    return -(-count // -(-count // most))


def _strips(problem: Problem, recipe: WinogradRecipe, rows: list[int], threads: int) -> Iterator[WinogradRecipe]:
    """A register tile with each number of rows worth a look, and with blocks of channels parted among threads."""
    blocks = -(-problem.channels_out // recipe.channels)
    all_rows = prod(problem.batch) * tiles_along(problem, 0, recipe.tile[0])
    for count in rows:
        yield recipe._replace(rows=count)
        if threads > 1 and count * problem.groups >= all_rows:
            yield recipe._replace(rows=count, shares=min(threads, blocks))


def _rows(problem: Problem, tile: tuple[int, int], machine: Machine, threads: int) -> list[int]:
    """Rows of tiles of a strip: even parts of all, as many as fit the cache."""
    size = size_of(problem)
    down, across = (tiles_along(problem, axis, m) for axis, m in enumerate(tile))
    all_rows = prod(problem.batch) * down
    one = size * problem.channels_in * across * prod(products_along(problem, axis, m) for axis, m in enumerate(tile))
    most = max(1, int(LONGEST_BYTES * machine.l2_bytes / one))
    found = set()
    for wished in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32):
        if wished <= most:
            parts = -(-all_rows // min(wished, all_rows))
            if threads > 1 and parts > 1:
                parts = -(-parts // threads) * threads
            found.add(-(-all_rows // parts))
    return sorted(found)


# ---------------------------------------------------------------- errors

def error_bound(problem: Problem) -> float:
    """The published ``c``: |error| <= c * u * max|x| * sum|k|; that of the largest tile, whichever is chosen.

    To first order, each step ``k`` of a computation adds ``u`` times what magnitudes can have become by then, which
    `growth` bounds; a term meets the roundings of each transform along both axes, of the sum over the channels, and of
    the bias (Higham, "Accuracy and Stability", section 3).  Of complex numbers, the absolute values of both products of
    a component (see `gauss`) add up to ``2**.5 |c| + |c + d|`` or ``2**.5 |c| + |c - d|`` times the largest sample, of
    both components together to 2 + 2**.5 at most; each factor of a product is rounded once more, and so is the output.
    """
    return max(_bound(problem, tile) for tile in _tiles(problem))


def _bound(problem: Problem, tile: tuple[int, int]) -> float:
    filters = filters_seen(problem, tile)
    steps = sum(one.roundings for axis in filters for one in programs(*axis))
    grown, terms = 1.01 * prod(growth(*axis) for axis in filters), channels_seen(problem) + steps + 2
    return grown * terms if components(problem) == 1 else (2 + sqrt(2)) * grown * (terms + 3)
