"""What a problem takes: bytes, and the cycles of each algorithm of the planner's table."""

from __future__ import annotations

from math import prod

import numpy as np

from ..machine import Machine
from ..planning.factors import factor
from ..planning.planner import ALGORITHMS
from ..problem.layout import View
from ..problem.problem import Problem
from ..problem.promotion import numpy_dtype

UNKNOWN = "serves kernels of a certain structure only, and the taps are not known"


def bytes_read(problem: Problem) -> int:
    """Bytes of image, kernel and bias, each once."""
    p = problem
    image = prod(p.image_shape) * numpy_dtype(p.image_dtype).itemsize
    kernel = prod(p.kernel_shape) * numpy_dtype(p.kernel_dtype).itemsize
    bias = p.groups * p.channels_out * numpy_dtype(p.output_dtype).itemsize if p.bias else 0
    return image + kernel + bias


def bytes_written(problem: Problem) -> int:
    """Bytes of the output."""
    return prod(problem.output_shape) * numpy_dtype(problem.output_dtype).itemsize


def size_bytes(problem: Problem) -> int:
    """Bytes that are read and written."""
    return bytes_read(problem) + bytes_written(problem)


def parameters(problem: Problem) -> int:
    """Taps of all kernels, and the biases."""
    return prod(problem.kernel_shape) + (problem.groups * problem.channels_out if problem.bias else 0)


def reasons(problem: Problem, taps: np.ndarray | None) -> dict[str, str | None]:
    """Every algorithm, with the reason why it cannot compute the problem, or None.

    Some serve kernels of a certain structure only, and are asked about the taps (of the engine's shape), if known.
    """
    found: dict[str, str | None] = {}
    for name, algorithm in ALGORITHMS.items():
        found[name] = algorithm.applies(problem)
        unsuited = getattr(algorithm, "unsuited", None)
        if found[name] is None and unsuited is not None:
            found[name] = UNKNOWN if taps is None else unsuited(problem, taps)
    return found


def work(name: str, problem: Problem, output: View, machine: Machine, threads: int) -> float:
    """Predicted cycles of an algorithm that applies, until so many threads are done; corrected as in plans."""
    predicted = ALGORITHMS[name].predicted_cycles(problem, output, machine, threads)
    return float(predicted) * factor(name, problem)
