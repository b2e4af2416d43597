"""Which tile and block suit a stage on a machine, found among many without a look at most of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from math import inf

from ...machine import Machine
from .costs import Bounds, cycles, with_kernel
from .frame import DirectRecipe, Frame, Stage
from .tiles import Tile, even, finished, other_tiles

ITEMS = 4
"""Work items that each thread should find, to even out what they cost."""

WORTH_TIMING = 2.0
"""The best recipe with other lanes is timed if it is predicted to take no more than so many times as long."""

ROUNDED = 1 - 1e-12
"""A bound that is as large as the cost may come out larger by roundings."""


@lru_cache(maxsize=512)
def choose(stage: Stage, machine: Machine, threads: int) -> Frame:
    """The cheapest recipe and its geometry, its work parted finely enough for ``threads``."""
    # the search is done once, for one thread
    return shared(_cheapest(stage, machine) if threads == 1 else choose(stage, machine, 1), threads)


def named(stage: Stage, machine: Machine, threads: int, recipe: str) -> Frame:
    """The same for the recipe of this text, if it is one of those that are looked at: no other is ever run."""
    found = next((frame for frame in _frames(stage, machine) if str(frame.recipe) == recipe), None)
    return choose(stage, machine, threads) if found is None else shared(found, threads)


def promising(stage: Stage, machine: Machine, count: int) -> list[DirectRecipe]:
    """So many recipes that are predicted to be cheap, the best of each kind of lanes first."""
    frames = sorted(_frames(stage, machine), key=with_kernel)
    most = WORTH_TIMING * with_kernel(frames[0])
    kinds = {frame.recipe.lanes: frame.recipe for frame in reversed(frames) if with_kernel(frame) < most}
    return list(dict.fromkeys([frames[0].recipe, *kinds.values(), *(frame.recipe for frame in frames)]))[:count]


def _cheapest(stage: Stage, machine: Machine) -> Frame:
    """Search the tiles, the most promising first, until none can be cheaper; of equals, the first in the list wins."""
    best, fewest = None, (inf, 0, 0)
    for place, on in sorted(enumerate(_bounds(stage, machine)), key=lambda one: one[1].least_of_all()):
        if on.least_of_all() * ROUNDED > fewest[0]:
            break
        options = _options(on)
        bounds = [bound for bound, _ in options]
        for number in sorted(range(len(options)), key=bounds.__getitem__):
            if bounds[number] * ROUNDED > fewest[0]:
                break
            tile = options[number][1]
            frame = None if tile.lanes in ("pixels", "channels") else _frame(on, tile)
            cost = on.cycles(tile) if frame is None else cycles(frame)
            found = cost + (0.0 if tile.lanes == "taps" else on.kernel), place, number
            if found < fewest:
                best, fewest = (on, tile, frame, cost), found
    assert best is not None
    on, tile, frame, cost = best
    frame = frame or _frame(on, tile)
    frame.cost = cost
    return frame


def _bounds(stage: Stage, machine: Machine) -> list[Bounds]:
    """What tells the costs of tiles that multiply one tap at a time, and of those that multiply four."""
    dotted = dot_stage(stage, machine)
    return [Bounds(stage, machine), *([] if dotted is None else [Bounds(dotted, machine, 4)])]


def _options(on: Bounds) -> list[tuple[float, Tile]]:
    """Every tile, with a bound on its cycles."""
    found = on.pixels()
    if on.dot == 1:
        found += on.channels()
        found += [(on.least(tile), tile) for tile in other_tiles(on.stage, on.machine)]
    return found


def _frames(stage: Stage, machine: Machine) -> Iterator[Frame]:
    """All recipes."""
    return (_frame(on, tile) for on in _bounds(stage, machine) for _, tile in _options(on))


def _frame(on: Bounds, tile: Tile) -> Frame:
    stage, dot = on.stage, on.dot
    recipe = finished(stage, on.machine, tile, on.room)
    if dot > 1:
        recipe = recipe._replace(dot=dot, dot_step=stage.problem.kernel_dilation[-1] // dot)
    return Frame(stage, recipe, on.machine)


def dot_stage(stage: Stage, machine: Machine) -> Stage | None:
    """The stage with four taps of a row as one, if bytes can be multiplied four at a time there."""
    p = stage.problem
    fills = [side for pair in p.border for side in pair if not isinstance(side, str)]
    fits = (machine.has_dot and p.image_dtype in ("uint8", "bool") and (p.small_kernel or p.kernel_dtype == "int8")
            and p.accumulator_dtype in ("float32", "int32") and p.activation in (None, "relu", "relu6") and not p.bias
            and p.stride[-1] == 1 and p.kernel_dilation[-1] <= 5 and p.kernel[-1] > 1
            and all(fill == int(fill.real) and 0 <= fill.real < 256 for fill in fills))
    if not fits:
        return None
    groups = -(-p.kernel[-1] // 4)
    return stage._replace(problem=replace(
        p, kernel=(*p.kernel[:-1], groups), kernel_dilation=(*p.kernel_dilation[:-1], 4 * p.kernel_dilation[-1]),
        accumulator_dtype="int32"))


def shared_cycles(frame: Frame, threads: int) -> float:
    """Predicted cycles until so many threads have done all items."""
    return cycles(frame) * -(-frame.items // threads) / frame.items


def shared(frame: Frame, threads: int) -> Frame:
    """Part the rows and the output channels until every thread has several items to take, unless one is quicker."""
    if threads == 1 or frame.items >= ITEMS * threads:
        return frame
    parted = [frame, *(_parted(frame, each * threads) for each in (1, ITEMS))]
    # of equals, the one with most items
    return min(reversed(parted), key=lambda one: shared_cycles(one, threads))


def _parted(frame: Frame, wished: int) -> Frame:
    """Part the rows, and then the output channels, into about so many items."""
    items, all_blocks, tile = frame.items, frame.channel_blocks, frame.tile_rows
    block = list(frame.recipe.block)
    for axis in range(len(block) - 1):
        part = -(-wished // items)
        if part > 1 and block[axis] > tile:
            least = tile if axis == len(block) - 2 else 1
            block[axis] = even(block[axis], max(tile, -(-block[axis] // part)), least)
            frame = frame.with_recipe(frame.recipe._replace(block=tuple(block)))
            items = frame.items
    if items < wished and all_blocks > 1:
        shares = min(all_blocks, -(-wished // items))
        frame = frame.with_recipe(frame.recipe._replace(channel_blocks=-(-all_blocks // shares)))
    return frame
