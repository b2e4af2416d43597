"""How many digits there are, and the problem that their transforms solve."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from math import log2, prod, sqrt
from typing import NamedTuple

from ...problem.problem import Problem
from ..fourier.recipe import choose, with_taps

NAME = "digits"
WORD = 64
"""Numbers have no more bits; where they may wrap, sums are right modulo two to this."""


class DigitsRecipe(NamedTuple):
    """Most bits of a digit; the kernel's values may ask for fewer."""

    bits: int

    @property
    def algorithm(self) -> str:
        """Name of the algorithm that this is a recipe of."""
        return NAME


def problem_of(problem: Problem, digits: int, sums: int) -> Problem:
    """The problem of the digits: those of the image as channels, sums of equal weight as outputs."""
    return replace(problem, channels_in=digits, channels_out=sums, image_dtype="int16", kernel_dtype="int16",
                   accumulator_dtype="float64", output_dtype="int64", overflow="proven", small_kernel=False, bias=False)


@lru_cache(maxsize=256)
def most_bits(problem: Problem, together: int) -> int:
    """Most bits of a digit with which sums of ``together`` products of digits are exact.

    Transforms of ``n`` samples are off by ``e = 4 log2(n) u`` in the 2-norm, relatively (Higham, "Accuracy and
    Stability", section 24).  The errors of both spectra reach an output as at most ``e ||x|| ||k||`` each (Cauchy and
    Schwarz), that of the transform back as ``e sqrt(n) max|x| sum|k|``; products and sums add as much as a stage each.
    """
    worst = 0.0
    for phase in with_taps(problem_of(problem, 1, 1)):
        recipe = choose(phase.problem)
        n = recipe.samples or prod(recipe.lengths)
        extents, taps = prod(recipe.lengths), prod(phase.problem.kernel)
        stages = 4 * (log2(n) + 1 + together)
        worst = max(worst, stages * (2 * sqrt(extents * taps) + sqrt(n) * taps))
    if not worst:
        return 15
    room = 0.25 * 2.0**53 / (together * worst)
    return min(int(log2(room) // 2) + 1, 15) if room >= 1 else 0
