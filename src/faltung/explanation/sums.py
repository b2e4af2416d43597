"""The products that one output sums, from the Problem that the engine runs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from .. import reference
from ..asking import Asked
from ..errors import CodegenError
from ..planning.planner import ALGORITHMS
from ..problem.border import fill_at, fills, map_index
from ..problem.problem import Problem
from ..problem.promotion import is_integer, numpy_dtype
from .places import Index, Places, places_of


class Term(NamedTuple):
    """One product of a sum: what the image shows, times what the kernel's tap weighs."""

    value: Any
    weight: Any
    place: Index | None
    """Index of the sample in the image, also where the border repeats it; None for a constant border."""
    tap: Index
    """Index of the tap in the kernel."""
    border: str | None
    """None inside the image; outside "constant", or how the border repeats it, such as "reflect"."""


@dataclass(frozen=True, slots=True)
class Output:
    """One output as its sum; ``str()`` is its line, shortened in the middle if it is long."""

    index: Index
    terms: tuple[Term, ...]
    value: Any
    """What the engine gives."""
    total: Any
    """The sum, exact: an int, a Fraction, or a complex number; a float if an infinity or a NaN is in it."""
    bias: Any
    """Added to the products; None if there is no bias."""
    gaps: int
    """Taps that meet nothing, for they fall between the samples of a transposed layer's image."""
    notation: Notation

    def __str__(self) -> str:
        from .text import line

        return line(self).plain


class Notation(NamedTuple):
    """What the text of an output needs to know of its call."""

    names: tuple[str, str, str]
    activation: str | None
    overflow: str
    dtypes: tuple[str, str, str, str]
    """Of the result, image, kernel and bias."""


class Sums:
    """Works out the sums of one call, one output at a time."""

    def __init__(self, asked: Asked, result: np.ndarray) -> None:
        assert isinstance(asked.image, np.ndarray)
        assert isinstance(asked.kernel, np.ndarray)
        assert not hasattr(asked.bias, "ndim") or isinstance(asked.bias, np.ndarray)
        self.problem: Problem = asked.lowered.problem
        self.image, self.kernel, self.bias, self.result = asked.image, asked.kernel, asked.bias, result
        self.function, self._conjugate = asked.function, asked.lowered.layout.conjugate
        self.places: Places = places_of(asked.lowered)
        dtypes = (result.dtype.name, self.image.dtype.name, self.kernel.dtype.name,
                  "float64" if self.bias is None else self.bias.dtype.name)
        self.notation = Notation(asked.names, self.problem.activation, self.problem.overflow, dtypes)
        self._size = _largest(self.image, self.problem)

    def output(self, index: Index) -> Output:
        """The sum of one output, checked against what the engine gave."""
        p = self.problem
        *batch, group, channel = (inner := self.places.output(index))[:len(p.batch) + 2]
        terms, gaps = [], 0
        for tap in product(*map(range, p.kernel)):
            met = _meet(p, inner[len(p.batch) + 2:], tap)
            if met is None:
                gaps += 1
                continue
            terms += [self._term(met, (*batch, group, c), (group, channel, c, *tap)) for c in range(p.channels_in)]
        bias = None if self.bias is None else _number(self.bias[group * p.channels_out + channel])
        output = Output(index, tuple(terms), _number(self.result[index]), _total(terms, bias), bias, gaps,
                        self.notation)
        self._check(output)
        return output

    def _term(self, met: _Met, lead: Index, tap: Index) -> Term:
        place = None if met.place is None else self.places.image((*lead, *met.place))
        own = self.places.kernel(tap)
        weight = _number(self.kernel[own])
        if self._conjugate and isinstance(weight, complex):
            weight = weight.conjugate()
        return Term(met.fill if place is None else _number(self.image[place]), weight, place, own, met.border)

    def _check(self, output: Output) -> None:
        """Compare the sum with the engine's value: exactly, or within the published bound where floats round."""
        p, total = self.problem, output.total
        if isinstance(total, float):
            return
        activated = reference.activate(np.array([total], object), p.activation)
        wanted = reference.cast(activated, p.output_dtype, p.overflow).tolist()[0]
        if isinstance(total, int):
            right = wanted == output.value
        else:
            slack = self._slack(output) + (1 if is_integer(p.output_dtype) else 0)
            right = abs(wanted - output.value) <= slack
        if not right:
            raise CodegenError(f"explain: {self.function} gives {output.value} at {output.index}, but its products sum "
                               f"to {wanted}; this is a bug of faltung's own")

    def _slack(self, output: Output) -> float:
        """How far a float may be from its exact sum; an activation stretches it by less than a fifth."""
        p = self.problem
        factor = max(algorithm.error_bound(p) for algorithm in ALGORITHMS.values() if algorithm.applies(p) is None)
        weights = float(sum(abs(term.weight) for term in output.terms))
        size = self._size * weights + float(abs(output.bias or 0))
        sums = float(factor + 2) * _unit(p.accumulator_dtype) * size
        last = 4 * _unit(p.output_dtype) * float(max(abs(output.total), abs(output.value)))
        # numbers too small for the dtype become 0, or lose digits
        tiny = (p.terms + 2) * max(_tiny(p.accumulator_dtype), _tiny(p.output_dtype))
        return 1.2 * (sums + last) + tiny


class _Met(NamedTuple):
    """What a tap looks at: a sample at ``place``, or a constant."""

    place: Index | None
    fill: Any
    border: str | None


def _meet(problem: Problem, output: Index, tap: Index) -> _Met | None:
    """Where a tap of an output lies; None between samples."""
    p, positions = problem, []
    for axis in range(p.ndim):
        position = p.start[axis] + output[axis] * p.stride[axis] + tap[axis] * p.kernel_dilation[axis]
        if position % p.image_dilation[axis]:
            return None
        positions.append(position // p.image_dilation[axis])
    fill = fill_at(positions, p.image, p.border)
    if fill is not None:
        return _Met(None, fill, "constant")
    axes = list(zip(positions, p.image, p.border, strict=True))
    outside = dict.fromkeys(str(sides[position >= extent]) for position, extent, sides in axes
                            if not 0 <= position < extent)
    index = [map_index(position, extent, *sides) for position, extent, sides in axes]
    return _Met(tuple(place for place in index if place is not None), None, " and ".join(outside) or None)


# ---------------------------------------------------------------- numbers

def _number(value: Any) -> Any:
    """A NumPy scalar as Python's number; booleans count."""
    plain = value.item() if hasattr(value, "item") else value
    return int(plain) if isinstance(plain, bool) else plain


def _total(terms: list[Term], bias: Any) -> Any:
    """The sum of the products, without rounding where there is no infinity or NaN."""
    numbers = [number for term in terms for number in (term.value, term.weight)]
    numbers += [] if bias is None else [bias]
    if any(isinstance(number, complex) for number in numbers):
        return complex(sum((complex(term.value) * complex(term.weight) for term in terms), complex(bias or 0)))
    if not all(math.isfinite(number) for number in numbers):
        return float(sum((float(term.value) * float(term.weight) for term in terms), float(bias or 0)))
    if all(isinstance(number, int) for number in numbers):
        return sum(term.value * term.weight for term in terms) + (bias or 0)
    return sum((Fraction(term.value) * Fraction(term.weight) for term in terms), Fraction(bias or 0))


def _unit(dtype: str) -> float:
    """Unit roundoff; integers have none."""
    if is_integer(dtype):
        return 0.0
    if dtype == "bfloat16":
        return 2.0**-8
    return float(np.finfo(numpy_dtype(dtype)).eps) / 2


def _tiny(dtype: str) -> float:
    """The smallest normal number."""
    if is_integer(dtype):
        return 0.0
    return float(np.finfo("float32" if dtype == "bfloat16" else numpy_dtype(dtype)).tiny)


def _largest(image: np.ndarray, problem: Problem) -> float:
    """The largest finite magnitude that a tap may meet."""
    constants = [abs(fill) for fill in fills(problem.border)]
    if image.size == 0:
        return float(max(constants, default=0))
    wide = np.abs(image.astype(np.complex128 if image.dtype.kind == "c" else np.float64))
    return float(max([np.max(wide, initial=0.0, where=np.isfinite(wide)), *constants]))
