"""Phases: together they meet every (output, tap, sample) triple of the definition, exactly once."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from faltung.algorithms.phases import phases
from faltung.problem.problem import Problem


def line(kernel: int, output: int, start: int, stride: int, kernel_dilation: int, image_dilation: int) -> Problem:
    return Problem((), 1, 1, 1, (7,), (kernel,), (output,), (start,), (stride,), (kernel_dilation,), (image_dilation,),
                   ((0, 0),))


def plane(*axes: Problem) -> Problem:
    def both(name: str) -> tuple[int, ...]:
        return tuple(getattr(axis, name)[0] for axis in axes)

    return Problem((), 1, 1, 1, both("image"), both("kernel"), both("output"), both("start"), both("stride"),
                   both("kernel_dilation"), both("image_dilation"), ((0, 0),) * len(axes))


def defined(p: Problem, axis: int = 0) -> set[tuple[int, int, int]]:
    """(output, tap, place in the image) for all that is no inserted zero."""
    found = set()
    for output, tap in product(range(p.output[axis]), range(p.kernel[axis])):
        place, rest = divmod(p.start[axis] + output * p.stride[axis] + tap * p.kernel_dilation[axis],
                             p.image_dilation[axis])
        if rest == 0:
            found.add((output, tap, place))
    return found


def by_phases(p: Problem, axis: int = 0) -> list[tuple[int, int, int]]:
    found = []
    for phase in phases(p):
        plain = phase.problem
        outputs = range(p.output[axis])[phase.outputs[axis]]
        taps = range(p.kernel[axis])[phase.taps[axis]][:plain.kernel[axis]]
        assert len(outputs) == plain.output[axis]
        assert len(taps) == plain.kernel[axis]
        assert plain.image_dilation[axis] == 1
        for (o, output), (t, tap) in product(enumerate(outputs), enumerate(taps)):
            found.append((output, tap, plain.start[axis] + o * plain.stride[axis] + t * plain.kernel_dilation[axis]))
    return found


@pytest.mark.parametrize("image_dilation", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("kernel_dilation", [1, 2, 3, 4])
@pytest.mark.parametrize("stride", [1, 2, 3, 4])
def test_every_product_once(stride: int, kernel_dilation: int, image_dilation: int) -> None:
    for kernel, output, start in product((1, 2, 3, 5), (1, 2, 7, 12), (-9, -4, -1, 0, 3, 8)):
        p = line(kernel, output, start, stride, kernel_dilation, image_dilation)
        found = by_phases(p)
        assert len(found) == len(set(found))
        assert set(found) == defined(p)


@pytest.mark.parametrize("seed", range(30))
def test_every_output_once(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = plane(*(line(*(int(rng.integers(low, high)) for low, high in
                       ((1, 5), (1, 9), (-9, 9), (1, 5), (1, 4), (1, 5)))) for _ in range(1 + seed % 3)))
    written = np.zeros(p.output, int)
    for phase in phases(p):
        written[phase.outputs] += 1
        assert written[phase.outputs].shape == phase.problem.output
    assert (written == 1).all()


def test_a_plain_problem_is_its_own_phase() -> None:
    p = plane(line(3, 9, -1, 2, 2, 1), line(5, 4, 0, 1, 1, 1))
    (only,) = phases(p)
    assert only.problem == p
    assert not only.is_empty


def test_a_phase_without_taps() -> None:
    found = phases(line(1, 4, 0, 1, 1, 2))
    assert [phase.is_empty for phase in found] == [False, True]


def test_no_inserted_zero_is_ever_multiplied() -> None:
    p = plane(line(3, 8, -1, 1, 1, 2), line(3, 8, -1, 1, 1, 2))
    products = sum(phase.problem.multiply_adds for phase in phases(p))
    assert products == len(defined(p, 0)) * len(defined(p, 1)) == 144
