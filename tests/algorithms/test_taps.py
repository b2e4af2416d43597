"""Tiles whose lanes are taps: every stride, dilation, border and layout against the oracle, at protected pages too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faltung import machine, reference
from faltung.algorithms import direct
from faltung.algorithms.direct import schedule
from faltung.problem.layout import View
from faltung.problem.problem import Problem
from grid.check import only_lanes
from grid.guarded import place
from grid.isas import USABLE
from grid.pairs import pairs

ISAS = ("avx512", "avx2", "sse2")


def native(isa):
    if isa not in USABLE:
        pytest.skip(f"this machine has no {isa}")
    return machine.fake(isa, triple="")


def draw(rng, dtype):
    ndim = int(rng.integers(1, 4))
    taps = (*(int(n) for n in rng.integers(3, 6, ndim - 1)), int(rng.integers(40, 90)))
    output = tuple(int(n) for n in rng.integers(1, 6, ndim))
    stride, dilation = (tuple(int(n) for n in rng.integers(1, 4, ndim)) for _ in range(2))
    start = tuple(int(n) for n in rng.integers(-4, 3, ndim))
    reads = [(o - 1) * s + (k - 1) * d + 1 for o, s, k, d in zip(output, stride, taps, dilation, strict=True)]
    image = tuple(max(1, n - int(rng.integers(0, 6))) for n in reads)
    border = tuple((("edge", 0), ("wrap", 1.5), (0, 0), ("reflect", "symmetric"))[rng.integers(4)] for _ in range(ndim))
    groups, c, m, b = (int(rng.integers(1, 3)) for _ in range(4))
    return Problem((b,), groups, c, m, image, taps, output, start, stride, dilation, (1,) * ndim, border,
                   image_dtype=dtype, kernel_dtype=dtype, accumulator_dtype=dtype, output_dtype=dtype)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_against_the_oracle_at_protected_pages(monkeypatch, isa, seed, dtype):
    only_lanes(monkeypatch, "taps")
    rng, host = np.random.default_rng(seed), native(isa)
    problem = draw(rng, dtype)
    shape = problem.output_shape
    executable = direct.build(problem, View(shape, shape, tuple(range(len(shape)))), host, 1)
    assert executable.recipe.lanes == "taps"
    image = rng.normal(size=problem.image_shape).astype(dtype)
    kernel = rng.normal(size=problem.kernel_shape).astype(dtype)
    wanted = reference.correlate(problem, image, kernel)
    for where in ("begin", "end"):
        seen, taps = place(image, where), place(kernel, where)
        out = place(np.full(shape, np.nan, dtype), where, writeable=True)
        executable.run(seen, executable.pack(taps), None, out, 1)
        scale = np.abs(image).max() * np.abs(kernel).sum(axis=tuple(range(2, kernel.ndim))).max() + 1
        assert np.abs(out - wanted).max() <= 60 * np.finfo(dtype).eps * scale
    schedule.choose.cache_clear()


def draw_plain(rng, dtype, border):
    """One constant around lines or planes, read without a stride of taps: what need not be packed."""
    ndim = int(rng.integers(1, 3))
    taps = (*(int(n) for n in rng.integers(3, 12, ndim - 1)), int(rng.integers(100 if ndim == 1 else 40, 130)))
    output = tuple(int(n) for n in rng.integers(1, 6, ndim))
    stride, dilation = (tuple(int(n) for n in rng.integers(1, 3, ndim)) for _ in range(2))
    dilation = (*dilation[:-1], 1)
    start = tuple(int(n) for n in rng.integers(-30, 6, ndim))
    reads = [(o - 1) * s + (k - 1) * d + 1 for o, s, k, d in zip(output, stride, taps, dilation, strict=True)]
    image = tuple(max(1, n - int(rng.integers(-20, 40))) for n in reads)
    groups, c, m, b = (int(rng.integers(1, 3)) for _ in range(4))
    return Problem((b,), groups, c, m, image, taps, output, start, stride, dilation, (1,) * ndim,
                   (border,) * ndim, image_dtype=dtype, kernel_dtype=dtype, accumulator_dtype=dtype,
                   output_dtype=dtype)


@pytest.mark.parametrize(("dtype", "seed", "border"), pairs(
    ["float32", "float64"], range(8), [(0, 0), (-1.5, -1.5), ("wrap", "reflect")]))
def test_images_that_are_not_packed(monkeypatch, dtype, seed, border):
    """Within the bound at protected pages, NaN where the oracle has it, and the bits of a packed image."""
    only_lanes(monkeypatch, "taps")
    rng, host = np.random.default_rng(seed), native("avx512")
    problem = draw_plain(rng, dtype, border)
    shape = problem.output_shape
    executable = direct.build(problem, View(shape, shape, tuple(range(len(shape)))), host, 1)
    assert not executable.recipe.packed
    image = rng.normal(size=problem.image_shape).astype(dtype)
    kernel = rng.normal(size=problem.kernel_shape).astype(dtype)
    if seed % 2:
        image.flat[rng.integers(image.size)] = np.nan
        kernel.flat[rng.integers(kernel.size)] = np.inf
    wanted = reference.correlate(problem, image, kernel)
    scale = np.abs(image[np.isfinite(image)]).max(initial=2) * np.abs(kernel[np.isfinite(kernel)]).sum() + 1
    for where in ("begin", "end"):
        out = place(np.full(shape, np.nan, dtype), where, writeable=True)
        executable.run(place(image, where), executable.pack(place(kernel, where)), None, out, 1)
        np.testing.assert_allclose(out, wanted, rtol=0, atol=60 * np.finfo(dtype).eps * scale)
    apart = np.repeat(image, 2, axis=-1)[..., ::2]
    again = np.empty(shape, dtype)
    executable.run(apart, executable.pack(kernel), None, again, 1)
    assert again.tobytes() == out.tobytes()
    assert executable.workspace_bytes >= executable.programs[0]._packed.workspace.size_bytes
    schedule.choose.cache_clear()


def test_what_lies_behind_a_row_is_not_touched(monkeypatch):
    """Lanes beyond the row's last tap meet no NaN of the next row."""
    only_lanes(monkeypatch, "taps")
    problem = Problem((1,), 1, 1, 1, (4, 101), (1, 99), (1, 1), (0, 0), (1, 1), (1, 1), (1, 1), ((0, 0),) * 2)
    executable = direct.build(problem, View((1,) * 5, (1,) * 5, tuple(range(5))), machine.detect(), 1)
    image = np.full((1, 1, 1, 4, 101), np.nan, np.float32)
    image[..., 0, :99] = 1
    out = np.empty((1,) * 5, np.float32)
    executable.run(image, executable.pack(np.ones((1, 1, 1, 1, 99), np.float32)), None, out, 1)
    assert out.item() == 99
    schedule.choose.cache_clear()


def test_blocks_of_several_threads(rng):
    """Each block of rows looks at its own rows, and stores no others."""
    problem = Problem((1,), 1, 1, 1, (60, 80), (54, 74), (7, 7), (0, 0), (1, 1), (1, 1), (1, 1), ((0, 0),) * 2,
                      *["float64"] * 4)
    image, kernel = rng.random(problem.image_shape), rng.random(problem.kernel_shape)
    view = View(problem.output_shape, problem.output_shape, tuple(range(5)))
    results = []
    for threads in (1, 2):
        executable = direct.build(problem, view, machine.detect(), threads)
        room = np.full(49 + 64, np.pi)
        executable.run(image, executable.pack(kernel), None, room[:49].reshape(problem.output_shape), threads)
        assert (room[49:] == np.pi).all()
        results.append(room.tobytes())
    assert results[0] == results[1]


@pytest.mark.parametrize(("dtype", "batch", "rows"), [("float32", 5, 60), ("float64", 3, 33), ("float32", 9, 400)])
def test_bands_of_kernel_rows(monkeypatch, rng, dtype, batch, rows):
    """The bits do not depend on the batch, on threads, or on where images lie; long sums are as good as short ones."""
    only_lanes(monkeypatch, "taps")
    isa = machine.detect()
    problem = Problem((batch,), 1, 14, 7, (2 * rows + 2, 202), (rows, 100), (5, 3), (-1, -1), (1, 1), (2, 2), (1, 1),
                      ((0, 0), ("edge", 2)), *[dtype] * 4)
    image = rng.random(problem.image_shape).astype(dtype)
    kernel = rng.random(problem.kernel_shape).astype(dtype)
    results = []
    for size, threads in ((batch, 1), (batch, 2), (1, 1)):
        part = replace(problem, batch=(size,))
        view = View(part.output_shape, part.output_shape, tuple(range(5)))
        executable = direct.build(part, view, isa, threads)
        assert executable.recipe.band
        results.append(np.full(part.output_shape, np.nan, dtype))
        seen = np.repeat(image, 2, axis=-1)[..., ::2] if threads == 2 else image[:size]
        executable.run(seen, executable.pack(kernel), None, results[-1], threads)
    assert results[0].tobytes() == results[1].tobytes()
    assert results[0][:1].tobytes() == results[2].tobytes()
    wanted = reference.correlate(replace(problem, batch=(1,), accumulator_dtype="float64"), image[:1], kernel)
    assert np.abs(results[2] / wanted - 1).max() < 40 * np.finfo(dtype).eps
    schedule.choose.cache_clear()
