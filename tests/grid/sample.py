"""Slow grids take some of their seeds, others each time; with ``FALTUNG_SAMPLE=all`` they take all."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from itertools import pairwise

NAME = "FALTUNG_SAMPLE"
"""What chooses them: printed at the start of a run, so that the same can be run again."""


def choose() -> str:
    """The number that this run is sampled with; processes that it starts inherit it."""
    return os.environ.setdefault(NAME, str(random.SystemRandom().randrange(10**6)))


def some(seeds: range, count: int) -> list[int]:
    """One seed of each of so many equal parts."""
    if choose() == "all":
        return list(seeds)
    rng = random.Random(f"{choose()} {seeds}")
    edges = [len(seeds) * number // count for number in range(count + 1)]
    return [seeds[rng.randrange(first, last)] for first, last in pairwise(edges)]


def neighbours(seeds: range, count: int) -> tuple[str, str]:
    """So many seeds side by side, in the words of programs at protected pages: the first, and the one behind all."""
    if choose() == "all":
        return str(seeds.start), str(seeds.stop)
    first = random.Random(f"{choose()} {seeds}").randrange(seeds.start, seeds.stop - count + 1)
    return str(first), str(first + count)


def check_some(check: Callable[[int], object], seeds: range, count: int) -> None:
    """Check some seeds; a failure tells which it was."""
    for seed in some(seeds, count):
        try:
            check(seed)
        except BaseException as error:
            error.add_note(f"seed {seed}, {NAME}={choose()}")
            raise
