"""Splitting into digits, the transforms of digits, and putting together."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np

from ...compiler.memory import Workspace
from ...errors import PlanError
from ...machine import Machine
from ...problem.layout import View
from ...problem.problem import Problem
from ...problem.promotion import is_integer, limits, magnitude
from ..fourier.executable import Fourier
from .passes import join, split
from .recipe import WORD, DigitsRecipe, most_bits, problem_of


def digits_of(largest: int, bits: int) -> int:
    """How many balanced digits hold numbers up to a magnitude."""
    count = 1
    while ((1 << bits - 1) - 1) * ((1 << bits * count) - 1) // ((1 << bits) - 1) < largest:
        count += 1
    return count


class _Kernel:
    """A kernel's digits, and how they are packed for each number of the image's digits."""

    def __init__(self, digits: Any, bits: int, weight: int) -> None:
        self.digits, self.bits, self.weight = digits, bits, weight
        self.packed: dict[tuple[int, int], Any] = {}


class _Prepared(NamedTuple):
    """What runs on so many digits of the image, and the memory for them and their sums."""

    executable: Fourier
    workspace: Workspace
    split_at: int
    """Where the digits begin; before them are the sums, or a copy of the image until it is split."""


class Digits:
    """The executable."""

    def __init__(self, problem: Problem, output: View, machine: Machine, threads: int, *,
                 predicted_cycles: float) -> None:
        self.problem, self.output, self.machine, self.threads = problem, output, machine, threads
        self.recipe, self.predicted_cycles = DigitsRecipe(most_bits(problem, 1)), predicted_cycles
        self.leads = prod(problem.batch) * problem.groups
        self._prepared: dict[tuple[int, int, int], _Prepared] = {}

    def pack(self, kernel: Any) -> _Kernel:
        """Split a kernel; its largest value says how many digits there are, and so how many bits they may have."""
        taps = np.asarray(kernel)
        largest = _magnitude(taps)
        bits, count = self._kernel_digits(largest)
        lines = np.ascontiguousarray(taps).reshape(len(taps), -1)
        digits = split(lines, count, bits, self.machine)[:, ::-1].reshape(len(taps), count, 1, *taps.shape[3:])
        return _Kernel(digits, bits, _weight(taps, largest))

    def _kernel_digits(self, largest: int) -> tuple[int, int]:
        """Bits of a digit for kernels up to a magnitude, and how many digits they have."""
        for bits in range(self.recipe.bits, 2, -1):
            count = digits_of(largest, bits)
            if bits <= most_bits(self.problem, count):
                return bits, count
        return 2, digits_of(largest, 2)

    def pack_bias(self, bias: Any) -> Any:
        """Bring a bias into 64 bits."""
        return np.asarray(bias).astype(np.int64)

    def run(self, image: Any, kernel: _Kernel, bias: Any, out: Any, threads: int) -> bool:
        """Fill ``out``; whether a sum did not fit."""
        largest = _magnitude(image)
        limit = largest * kernel.weight + (0 if bias is None else _magnitude(bias))
        prepared = self._prepare(digits_of(largest, kernel.bits), len(kernel.digits[0]), kernel.bits,
                                 whole=self._watches(limit) or self._is_float(limit))
        packed = self._packed(kernel, prepared)
        lent = prepared.workspace.borrow()
        try:
            sums = self._sums(image, kernel, packed, prepared, lent[1], threads)
            return self._store(sums, kernel.bits, limit, bias, out, threads)
        finally:
            prepared.workspace.give_back(lent)

    def _watches(self, limit: int) -> bool:
        """Whether some sum up to a bound might not fit, and has to be known beyond 64 bits."""
        p = self.problem
        if p.overflow not in ("raise", "saturate"):
            return False
        low, high = limits(p.output_dtype)
        return limit > high or low == 0

    def _is_float(self, limit: int) -> bool:
        """Whether sums up to a bound are put together in floating point: no integer would hold them."""
        return limit >= 2**63 and not is_integer(self.problem.output_dtype)

    def _prepare(self, count: int, kernel_digits: int, bits: int, *, whole: bool) -> _Prepared:
        sums = count + kernel_digits - 1
        if not whole:
            sums = min(sums, -(-WORD // bits))
            count = min(count, sums)
        key = count, sums, kernel_digits
        found = self._prepared.get(key)
        if found is None:
            problem = problem_of(self.problem, count, sums)
            shape = problem.output_shape
            identity = View(shape, shape, tuple(range(len(shape))))
            executable = Fourier(problem, identity, self.machine, self.threads, digits=kernel_digits)
            before = 8 * self.leads * max(sums * prod(problem.output), prod(problem.image))
            workspace = Workspace(before + 2 * prod(problem.image_shape))
            found = self._prepared[key] = _Prepared(executable, workspace, before)
        return found

    def _packed(self, kernel: _Kernel, prepared: _Prepared) -> Any:
        """The kernel, packed for these numbers of digits."""
        problem = prepared.executable.problem
        key = problem.channels_in, problem.channels_out
        packed = kernel.packed.get(key)
        if packed is None:
            packed = kernel.packed[key] = prepared.executable.pack(kernel.digits)
        return packed

    def _sums(self, image: Any, kernel: _Kernel, packed: Any, prepared: _Prepared, buffer: Any, threads: int) -> Any:
        """The sums of digits, (leads, sums, outputs)."""
        p = prepared.executable.problem
        sums = buffer[:8 * prod(p.output_shape)].view(np.int64).reshape(p.output_shape)
        digits = buffer[prepared.split_at:].view(np.int16).reshape(p.image_shape)
        if not image.flags.c_contiguous:  # the sums' memory is free until then
            source = buffer[:image.nbytes].view(image.dtype).reshape(image.shape)
            source[...] = image
            image = source
        split(image.reshape(self.leads, -1), p.channels_in, kernel.bits, self.machine, threads, digits)
        prepared.executable.run(digits, packed, None, sums, threads)
        return sums.reshape(self.leads, p.channels_out, -1)

    def _store(self, sums: Any, bits: int, limit: int, bias: Any, out: Any, threads: int) -> bool:
        """Put the numbers together."""
        p, target = self.problem, self.output(out)
        if self._is_float(limit):
            numbers = sum(np.ldexp(sums[:, number].astype(np.float64), bits * number) for number in range(len(sums[0])))
            target[...] = numbers.reshape(target.shape)
            if bias is not None:
                target += bias.reshape(p.groups, 1, *[1] * p.ndim)
            return False
        bounds = limits(p.output_dtype) if self._watches(limit) else None
        there = p.output_dtype in ("int64", "uint64") and target.flags.c_contiguous
        numbers, overflowed = join(sums, bits, bias, self.machine, threads, target if there else None, bounds,
                                   signed=p.output_dtype != "uint64")
        if not there:
            target[...] = numbers.reshape(target.shape)
        return overflowed and p.overflow == "raise"

    @property
    def workspace_bytes(self) -> int:
        """Peak workspace of a call with the largest numbers that the dtypes allow."""
        p = self.problem
        bits, kernel_digits = self._kernel_digits(magnitude(p.kernel_dtype))
        most = digits_of(magnitude(p.image_dtype), bits)
        prepared = self._prepare(most, kernel_digits, bits, whole=p.overflow in ("raise", "saturate"))
        narrow = 0 if p.output_dtype in ("int64", "uint64") else 8 * self.leads * prod(p.output)
        return prepared.executable.workspace_bytes + prepared.workspace.size_bytes + narrow

    def ir(self) -> str:
        """The LLVM IR of the programs made so far."""
        return "\n".join(executable.ir() for executable in self._made())

    def assembly(self) -> str:
        """The machine code of the programs made so far."""
        return "\n".join(executable.assembly() for executable in self._made())

    def _made(self) -> list[Fourier]:
        if not self._prepared:
            raise PlanError('plan: method="digits" generates its programs when the first image shows how many digits '
                            "there are; call the plan first")
        return [prepared.executable for prepared in self._prepared.values()]


def _magnitude(values: Any) -> int:
    return int(max(int(values.max()), -int(values.min()))) if values.size else 0


def _weight(taps: Any, largest: int) -> int:
    """Largest sum of magnitudes of one group's taps."""
    count = prod(taps.shape[2:])
    if largest * count >= 2**63:
        return int(largest * count)
    sums = np.abs(taps.astype(np.int64)).reshape(len(taps), -1).sum(1)
    return int(max(sums))
