"""Small sums of float32 that go to narrow integers, rounded by one addition."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...compiler.casts import MAGIC, resize
from ...compiler.elements import limits
from ...compiler.emit import Value, constant, lanes_of, vector
from ...problem.border import fills
from ...problem.problem import Problem
from ...problem.promotion import is_integer, magnitude
from ..direct.output import Writer

LIMIT = 2.0**22
"""Below this in magnitude, a float32 plus `MAGIC` has the rounded number in its last bits, half to even."""
MAGIC_BITS = 0x4B400000


def rounds_small(problem: Problem, kernel: np.ndarray) -> bool:
    """Whether no sum can leave the range in which the short way of rounding is exact."""
    p = problem
    narrow = p.output_dtype in ("int8", "uint8", "int16", "uint16") and p.overflow in ("saturate", "proven")
    if not narrow or p.accumulator_dtype != "float32" or not is_integer(p.image_dtype) or p.bias or p.activation:
        return False
    largest = max([float(magnitude(p.image_dtype)), *(abs(side) for side in fills(p.border))])
    weights = np.abs(kernel.astype(np.float64)).reshape(-1, p.terms).sum(1)
    return bool(largest * weights.max() < 0.99 * LIMIT)  # a NaN is not below anything


class SmallWriter(Writer):
    """Stores sums that `rounds_small` has shown to be small."""

    small = True

    def _narrow(self, value: Value, lanes: int) -> Value:
        f, target = self.f, self.frame.target
        words = vector("i32", lanes_of(value.type))
        rounded: Any = f.reinterpret(f.value(f.add(value, constant(value.type, MAGIC))), words)
        number = f.value(f.sub(rounded, constant(words, MAGIC_BITS)))
        low, high = limits(target)
        number = f.intrinsic("smin", f.intrinsic("smax", number, constant(words, low)), constant(words, high))
        return resize(f, number, target.size, signed=True)
