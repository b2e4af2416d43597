"""The same call gives the same bits, whatever stands around it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faltung import machine
from faltung.algorithms import direct
from faltung.algorithms.direct import stages
from faltung.problem.promotion import numpy_dtype
from grid.cases import VIEWS, Case, arrays, draw, lay_out, misaligned, output_view
from grid.check import run

SEEDS = range(9000, 9014)


def case_of(seed: int) -> Case:
    """A case without overflow, and wide enough that several work items arise."""
    case = draw(seed)
    overflow = "wrap" if case.problem.overflow == "raise" else case.problem.overflow
    return replace(case, problem=replace(case.problem, overflow=overflow))


def bits(case: Case, image: np.ndarray, *, threads: int = 1) -> bytes:
    _, kernel, bias = arrays(case)
    known = replace(machine.detect(), l2_bytes=1 << 12)
    return run(case.problem, image, kernel, bias, known, threads=threads)[0].tobytes()


@pytest.mark.parametrize("seed", SEEDS)
def test_any_number_of_threads(seed: int) -> None:
    case = case_of(seed)
    image = arrays(case)[0]
    assert len({bits(case, image, threads=threads) for threads in (1, 2, 4) for _ in range(3)}) == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_any_batch_around(seed: int) -> None:
    case = case_of(seed)
    case = replace(case, view="plain", problem=replace(case.problem, batch=(1,)))
    image = arrays(case)[0]
    alone = bits(case, image)
    other = np.roll(image, 1, axis=-1)
    for batch, index in (((), 0), ((2,), 1), ((5,), 3), ((2, 3), 4)):
        several = np.stack([image[0] if i == index else other[0] for i in range(int(np.prod(batch)))])
        grown = replace(case, problem=replace(case.problem, batch=batch))
        _, kernel, bias = arrays(case)
        shape = grown.problem.image_shape
        got = run(grown.problem, several.reshape(shape), kernel, bias, replace(machine.detect(), l2_bytes=1 << 12))[0]
        at = got.reshape(-1, *case.problem.output_shape[1:])[index]
        assert at.tobytes() == alone, batch


@pytest.mark.parametrize("seed", SEEDS)
def test_any_strides_and_alignment_of_the_image(seed: int) -> None:
    case = replace(case_of(seed), view="broadcast")  # data that can be seen in every way
    image = arrays(case)[0]
    seen = [image, *(lay_out(replace(case, view=view), image) for view in VIEWS)]
    seen += [misaligned(image, offset) for offset in (1, 2, 3, 4, 8, 17, 32, 63)]
    assert len({bits(case, view) for view in seen}) == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_any_alignment_of_the_output(seed: int) -> None:
    case = case_of(seed)
    p, (image, kernel, bias) = case.problem, arrays(case)
    executable = direct.build(p, output_view(p), machine.detect(), 1)
    packed = executable.pack(kernel)
    results = set()
    for offset in (0, 1, 4, 8, 16, 33):
        out = misaligned(np.zeros(p.output_shape, numpy_dtype(p.output_dtype)), offset)
        executable.run(image, packed, None if bias is None else executable.pack_bias(bias), out, 1)
        results.add(out.tobytes())
    assert len(results) == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_output_layouts_hold_the_same_bits(seed: int) -> None:
    case = case_of(seed)
    p, (image, kernel, bias) = case.problem, arrays(case)
    # the recipe may look at the output's strides, so it is held still
    first = stages.parts(p, output_view(p), machine.detect(), 1)
    for last in (False, True):
        view = output_view(p, channels_last=last)
        found = stages.parts(p, view, machine.detect(), 1)
        if [part.frame.recipe for part in found] != [part.frame.recipe for part in first]:
            pytest.skip("another recipe is chosen for this layout")
        got = run(p, image, kernel, bias, machine.detect(), view=view)[0]
        assert got.tobytes() == run(p, image, kernel, bias, machine.detect())[0].tobytes()
