"""`digits`: long integer sums, exact through transforms of their digits.

Image and kernel are split into balanced digits, ``x = sum of x_i 2**(b i)`` with ``-2**(b - 1) <= x_i < 2**(b - 1)``.
The sums of their products ``x_i k_j`` with ``i + j = d`` are small enough that their transforms in double precision are
proven to be off by less than one quarter; rounded, they are exact, and ``y = sum of y_d 2**(b d)`` is taken in integers
modulo ``2**64``.  The digits of the image are channels of one `fourier` problem, so each is transformed once
(Schoenhage and Strassen 1971; Crandall and Pomerance, "Prime Numbers", section 9.5).
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from ...problem.promotion import is_integer, sums_integers
from .. import fourier
from ..phases import problems_with_taps
from .recipe import NAME, WORD, DigitsRecipe, most_bits, problem_of

if TYPE_CHECKING:
    from .executable import Digits

WATCHES = True
"""Sums are known as far as they reach, and so is which do not fit."""

USUAL = 2
"""So many digits of each operand are expected when time is predicted."""

PASS_CYCLES = 12.0
"""Of one sample: it is split, or put together, digit by digit in memory."""


def applies(problem: Problem) -> str | None:
    """None, or why the problem cannot be taken digit by digit."""
    if not sums_integers(problem):
        return "its sums are not integers"
    if problem.bias and problem.overflow not in ("proven", "wrap"):
        return "the integer sums and a bias are not proven to fit; they have to, unless they may wrap"
    return _why_not_split(problem) or _why_not_transformed(problem)


def _why_not_split(problem: Problem) -> str | None:
    if problem.channels_in > 1 or problem.channels_out > 1 or problem.activation is not None:
        return "several channels and activations are not taken digit by digit"
    if any(not isinstance(side, str) and side != 0 for sides in problem.border for side in sides):
        return "a border of another constant than 0 has no digits"
    return None


def _why_not_transformed(problem: Problem) -> str | None:
    if all(k == 1 for k in problem.kernel) or not all(problem.image) or not problems_with_taps(problem):
        return "a kernel of one tap, or an image without samples, needs no transform"
    if not all(fourier.recipe.fits(phase) for phase in problems_with_taps(problem_of(problem, 1, 1))):
        return "no generated transform is long enough for the kernel"
    if most_bits(problem, 1) < 2:
        return "the kernel is too long: not even digits of two bits have sums that are proven"
    return None


def error_bound(problem: Problem) -> float:
    """Nothing is rounded but sums that are put together in floating point.

    Balanced digits are nine times as large as a product, added up without their signs, at most; a sum has no more than
    as many parts as both numbers have digits of two bits, and each is rounded twice.
    """
    return 0.0 if is_integer(problem.output_dtype) else 9.0 * 2 * WORD


def least_cycles(problem: Problem, machine: Machine) -> float:
    """A lower bound on `predicted_cycles`, quickly."""
    return PASS_CYCLES * _samples(problem)


def predicted_cycles(problem: Problem, output: View, machine: Machine, threads: int) -> float:
    """The transforms of the usual number of digits, the passes over all samples, and the kernel's digits."""
    one, cycles = problem_of(problem, 1, 1), fourier.recipe.predicted_cycles
    kernel = cycles(one, threads) - cycles(one, threads, known=True)
    return known_cycles(problem, output, machine, threads) + USUAL * kernel


def known_cycles(problem: Problem, output: View, machine: Machine, threads: int) -> float:
    """The same for a kernel that is known, so that its digits are transformed only once."""
    usual = problem_of(problem, USUAL, 2 * USUAL - 1)
    return fourier.recipe.predicted_cycles(usual, threads, known=True) + PASS_CYCLES * _samples(problem)


def _samples(problem: Problem) -> int:
    return prod(problem.batch) * problem.groups * (prod(problem.image) + prod(problem.output))


def build(problem: Problem, output: View, machine: Machine, threads: int) -> Digits:
    """Make the executable; programs follow when it is known how many digits there are."""
    from .executable import Digits

    return Digits(problem, output, machine, threads,
                  predicted_cycles=predicted_cycles(problem, output, machine, 1))


__all__ = ["NAME", "DigitsRecipe", "applies", "build", "error_bound", "known_cycles",
           "predicted_cycles"]
