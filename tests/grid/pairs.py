"""Fewer combinations of parameters: quick tests meet every pair of values, slow ones every combination."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import combinations, product
from typing import Any

import pytest


def pairs(*choices: Iterable[Any], together: int = 2) -> list[Any]:
    """All combinations of one value of each; those that no pair of values needs are slow tests.

    For ``together=1``, those that no single value needs; for 3, no three values.
    """
    values = [list(each) for each in choices]
    every = list(product(*map(range, map(len, values))))
    quick = set(_covering(every, together))
    return [pytest.param(*(each[at] for each, at in zip(values, combination, strict=True)),
                         marks=[] if combination in quick else [pytest.mark.slow]) for combination in every]


def _covering(every: list[tuple[int, ...]], together: int) -> Iterator[tuple[int, ...]]:
    """A few combinations that have all such pairs: those with the most that are missing, of values seldom met."""
    has = {each: set(combinations(enumerate(each), together)) for each in every}
    missing, met = set().union(*has.values()), Counter[tuple[int, int]]()
    while missing:
        best = max(every, key=lambda each: (len(has[each] & missing), -sum(met[value] for value in enumerate(each))))
        missing -= has[best]
        met.update(enumerate(best))
        yield best
