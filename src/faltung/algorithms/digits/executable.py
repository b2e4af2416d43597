"""Splitting into digits, the transforms of digits, and putting together."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from math import log2, prod, sqrt
from typing import Any, NamedTuple

import numpy as np

from ...errors import PlanError
from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from ...problem.promotion import numpy_dtype
from ..fourier.executable import Fourier
from ..fourier.recipe import choose, with_taps

NAME = "digits"
WORD = 64
"""Sums are right modulo two to this."""


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
    Two tiles travel as one complex one, hence the root of two.
    """
    worst = 0.0
    for phase in with_taps(problem_of(problem, 1, 1)):
        recipe = choose(phase.problem)
        n = recipe.samples or prod(recipe.lengths)
        extents, taps = prod(recipe.lengths), prod(phase.problem.kernel)
        stages = 4 * (log2(n) + 1 + together)
        worst = max(worst, sqrt(2) * stages * (2 * sqrt(extents * taps) + sqrt(n) * taps))
    if not worst:
        return 15
    room = 0.25 * 2.0**53 / (together * worst)
    return min(int(log2(room) // 2) + 1, 15) if room >= 1 else 0


class _Kernel:
    """A kernel's digits, and how they are packed for each number of the image's digits."""

    def __init__(self, digits: list[Any], bits: int) -> None:
        self.digits, self.bits = digits, bits
        self.packed: dict[int, Any] = {}


class Digits:
    """The executable."""

    def __init__(self, problem: Problem, output: View, machine: Machine, threads: int, *,
                 predicted_cycles: float) -> None:
        self.problem, self.output, self.machine, self.threads = problem, output, machine, threads
        self.recipe, self.predicted_cycles = DigitsRecipe(most_bits(problem, 1)), predicted_cycles
        self._executables: dict[tuple[int, int], Fourier] = {}

    def pack(self, kernel: Any) -> _Kernel:
        """Split a kernel; its largest value says how many digits there are, and so how many bits they may have."""
        taps = np.asarray(kernel)
        magnitude = _magnitude(taps)
        for bits in range(self.recipe.bits, 1, -1):
            count = _count(magnitude, bits)
            if bits <= most_bits(self.problem, count):
                return _Kernel(_split(taps, count, bits), bits)
        return _Kernel(_split(taps, _count(magnitude, 2), 2), 2)

    def pack_bias(self, bias: Any) -> Any:
        """Bring a bias into 64 bits."""
        return np.asarray(bias).astype(np.int64)

    def run(self, image: Any, kernel: _Kernel, bias: Any, out: Any, threads: int) -> bool:
        """Fill ``out``; the sums fit, or may wrap."""
        p = self.problem
        count = _count(_magnitude(image), kernel.bits)
        executable, packed = self._prepared(kernel, count)
        channel = len(p.batch) + 1
        digits = np.concatenate(_split(image, count, kernel.bits), axis=channel)
        sums = np.empty(executable.problem.output_shape, np.int64)
        executable.run(digits, packed, None, sums, threads)
        total = np.zeros(p.output_shape, np.int64)
        for number, one in enumerate(np.moveaxis(sums, channel, 0)):
            total += np.left_shift(np.expand_dims(one, channel), kernel.bits * number)
        if bias is not None:
            total += bias.reshape(p.groups, 1, *[1] * p.ndim)
        self.output(out)[...] = total.astype(numpy_dtype(p.output_dtype))
        return False

    def _prepared(self, kernel: _Kernel, count: int) -> tuple[Fourier, Any]:
        """The executable for so many digits of the image, and the kernel packed for it."""
        sums = min(count + len(kernel.digits) - 1, -(-WORD // kernel.bits))
        executable = self._executables.get((count, sums))
        if executable is None:
            problem = problem_of(self.problem, count, sums)
            shape = problem.output_shape
            identity = View(shape, shape, tuple(range(len(shape))))
            executable = self._executables[count, sums] = Fourier(problem, identity, self.machine, self.threads)
        packed = kernel.packed.get(count)
        if packed is None:
            taps = np.zeros(executable.problem.kernel_shape, np.int16)
            for i in range(count):
                for j, digit in enumerate(kernel.digits):
                    if i + j < sums:
                        taps[:, i + j, i] = digit[:, 0, 0]
            packed = kernel.packed[count] = executable.pack(taps)
        return executable, packed

    @property
    def workspace_bytes(self) -> int:
        """Peak workspace of a call with two digits: they, their sums, and the transforms'."""
        p = self.problem
        executable = self._executables.get((2, 3)) or Fourier(
            problem_of(p, 2, 3), View((), (), ()), self.machine, self.threads)
        leads = prod(p.batch) * p.groups
        return executable.workspace_bytes + leads * (2 * 2 * prod(p.image) + 8 * 4 * prod(p.output))

    def ir(self) -> str:
        """The LLVM IR of the programs made so far."""
        return "\n".join(executable.ir() for executable in self._made())

    def assembly(self) -> str:
        """The machine code of the programs made so far."""
        return "\n".join(executable.assembly() for executable in self._made())

    def _made(self) -> list[Fourier]:
        if not self._executables:
            raise PlanError('plan: method="digits" generates its programs when the first image shows how many digits '
                            "there are; call the plan first")
        return list(self._executables.values())


def _magnitude(values: Any) -> int:
    return max(abs(int(values.max())), abs(int(values.min()))) if values.size else 0


def _count(magnitude: int, bits: int) -> int:
    """How many balanced digits hold numbers up to a magnitude, modulo two to the 64."""
    return min(-(-(magnitude.bit_length() + 2) // bits), -(-WORD // bits))


def _split(values: Any, count: int, bits: int) -> list[Any]:
    """Balanced digits, the lowest first; what overflows on the way is a multiple of two to the 64."""
    rest, half, mask = values.astype(np.int64), 1 << bits - 1, (1 << bits) - 1
    digits = []
    for _ in range(count):
        digit = ((rest + half) & mask) - half
        rest = (rest - digit) >> bits
        digits.append(digit.astype(np.int16))
    return digits
