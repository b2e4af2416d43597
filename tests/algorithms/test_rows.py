"""Tiles that shift rows of pixels in registers and read images where they lie: the oracle, protected pages, views."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import faltung as ft
from faltung import machine, reference
from faltung.algorithms import direct
from faltung.algorithms.direct import costs, rows, schedule, tiles
from faltung.problem.layout import View
from faltung.problem.problem import Problem
from grid.check import only_lanes
from grid.guarded import place
from grid.isas import USABLE
from grid.sample import check_some

TYPES = {  # image, kernel, accumulator, output
    "float32": ("float32",) * 4, "float64": ("float64",) * 4, "bytes": ("uint8", "int8", "int32", "int32"),
    "shorts": ("int16", "int16", "int64", "int64"), "mixed": ("uint8", "float32", "float32", "float32"),
}


@pytest.fixture
def host(monkeypatch):
    if "avx512" not in USABLE:
        pytest.skip("this machine has no avx512")
    only_lanes(monkeypatch, "rows")
    yield machine.fake("avx512", triple="")
    schedule.choose.cache_clear()


def draw(rng, kind):
    """A kernel on lines or planes of any width, with one constant around them; many tiles are not as high as it."""
    ndim = int(rng.integers(1, 3))
    taps = int(rng.integers(2, 8)) if ndim > 1 else int(rng.choice([2, 3, 7, 17, 31, 43]))
    kernel = (*(int(n) for n in rng.integers(1, 7, ndim - 1)), taps)
    width = int(rng.choice([1, 5, 15, 16, 28, 33, 64, 100, 300, 9000 if ndim == 1 else 40]))
    output = (*(int(n) for n in rng.integers(1, 12, ndim - 1)), width)
    stride = (*(int(n) for n in rng.integers(1, 4, ndim - 1)), int(rng.integers(1, 3)))
    dilation = tuple(int(n) for n in rng.integers(1, 4, ndim))
    start = tuple(int(n) for n in rng.integers(-5, 3, ndim))
    reads = [(o - 1) * s + (k - 1) * d + 1 for o, s, k, d in zip(output, stride, kernel, dilation, strict=True)]
    image = tuple(max(1, n - int(rng.integers(-4, 8))) for n in reads)
    constant = int(rng.choice([0, 3]))
    borders = [("edge", "wrap", "reflect", "symmetric")[rng.integers(4)] for _ in range(2)]
    border = (constant, constant) if rng.integers(2) else borders
    inner = (constant, constant) if start[-1] >= 0 and image[-1] >= start[-1] + reads[-1] else tuple(border)
    groups, b = (int(rng.integers(1, 4)) for _ in range(2))
    types = TYPES[kind]
    return Problem((b,), groups, 1, 1, image, kernel, output, start, stride, dilation, (1,) * ndim,
                   (*(tuple(border),) * (ndim - 1), inner), image_dtype=types[0], kernel_dtype=types[1],
                   accumulator_dtype=types[2], output_dtype=types[3])


def values(rng, shape, dtype):
    if np.dtype(dtype).kind == "f":
        return rng.normal(size=shape).astype(dtype)
    return rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def check_one(problem, rng, host, threads):
    """Build, run at both kinds of protected pages and on a view; compare all with the oracle."""
    shape = problem.output_shape
    stage = direct.stages._stage(problem, View(shape, shape, tuple(range(len(shape)))).strides(), 0)
    if all(tile.lanes != "rows" for tile in tiles.tiles(stage, host)):
        return False
    executable = direct.build(problem, View(shape, shape, tuple(range(len(shape)))), host, threads)
    assert executable.recipe.lanes == "rows"
    assert not executable.recipe.packed
    image = values(rng, problem.image_shape, problem.image_dtype)
    kernel = values(rng, problem.kernel_shape, problem.kernel_dtype)
    if image.dtype.kind == "f" and rng.integers(2):
        image.flat[rng.integers(image.size)] = rng.choice([np.nan, np.inf])
    wanted = reference.correlate(problem, image, kernel)
    exact = np.dtype(problem.output_dtype).kind != "f"
    scale = np.abs(image[np.isfinite(image)]).max(initial=3).astype(float) * np.abs(kernel.astype(float)).sum()
    bound = 0 if exact else 20 * np.finfo(problem.output_dtype).eps * scale
    for where in ("begin", "end"):
        out = place(np.full(shape, 77, problem.output_dtype), where, writeable=True)
        executable.run(place(image, where), executable.pack(kernel), None, out, threads)
        np.testing.assert_allclose(out, wanted, rtol=0, atol=bound)
    apart = np.repeat(image, 2, axis=-1)[..., ::2]
    again = np.empty(shape, out.dtype)
    executable.run(apart, executable.pack(kernel), None, again, threads)
    assert again.tobytes() == out.tobytes()
    return True


@pytest.mark.parametrize("kind", TYPES)
def test_against_the_oracle_at_protected_pages(host, kind):
    rng = np.random.default_rng(sum(map(ord, kind)))
    done = sum(check_one(draw(rng, kind), rng, replace(host, l3_bytes=number // 2 % 2), 1 + number % 2)
               for number in range(8))
    assert done >= 4


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1000, 1020, 4))
@pytest.mark.parametrize("kind", TYPES)
def test_a_large_grid(host, kind, first):
    def check_seed(seed):
        rng = np.random.default_rng(seed)
        done = sum(check_one(draw(rng, kind), rng, replace(host, l3_bytes=number // 2 % 2), 1 + number % 2)
                   for number in range(14))
        assert done >= 6

    check_some(check_seed, range(first, first + 4), 1)


def test_every_tile_of_a_row_is_one_of_few_programs(host):
    """Tiles at an edge have code of their own; there are never many."""
    for columns in (16, 17, 40, 700, 5000):
        ones = (1, 1)
        problem = Problem((1,), 1, 1, 1, (9, columns), (3, 3), (9, columns), (-1, -1), ones, ones, ones, ((0, 0),) * 2)
        stage = direct.stages._stage(problem, (*[9 * columns] * 3, columns, 1), 0)
        for tile in tiles.tiles(stage, host):
            if tile.lanes == "rows":
                frame = direct.frame.Frame(stage, tiles.finished(stage, host, tile), host)
                edges, inside = rows.tiles_at_edges(frame), rows.tiles_inside(frame)
                assert len(edges) <= tiles.MOST_EDGES[0]
                first = [rows.tile_column(frame, number) for number in {*edges, *inside}]
                covered = {column + lane for column in first for lane in range(frame.tile_columns)}
                assert set(range(columns)) <= covered


def test_a_border_that_is_not_read_does_not_matter(host):
    """Vectors reach beyond the last column of an axis whose border no output sees."""
    rng, ones = np.random.default_rng(5), (1, 1)
    problem = Problem((1,), 1, 1, 1, (6, 23), (3, 3), (6, 21), (-1, 0), ones, ones, ones,
                      (("reflect", "reflect"), (0, 0)))
    assert check_one(problem, rng, host, 1)


@pytest.mark.parametrize("fill", [-8, 300, 1.5])
def test_a_border_that_the_image_cannot_hold(fill):
    """Such a constant is no sample of a row; the image is packed then."""
    x, k = np.full((9, 40), 3, np.uint8), np.array([[0, 1, 0], [2, 3, 4], [0, 5, 0]], "f4")
    wanted = ft.correlate(x.astype("f8"), k.astype("f8"), "same", border=fill)
    np.testing.assert_array_equal(ft.correlate(x, k, "same", border=fill, dtype="float32"), wanted)


def test_layers_and_photographs_take_it():
    """A depthwise layer with bias and activation, and a photograph: equal to sums of single planes."""
    rng = np.random.default_rng(8)
    x, w = rng.normal(size=(2, 5, 20, 37)).astype("f4"), rng.normal(size=(5, 1, 3, 3)).astype("f4")
    bias = rng.normal(size=5).astype("f4")
    found = ft.conv(x, w, bias, padding=1, groups=5, activation="relu")
    planes = np.stack([[ft.correlate(x[b, c], w[c, 0], "same") for c in range(5)] for b in range(2)])
    np.testing.assert_allclose(found, np.maximum(planes + bias[:, None, None], 0), rtol=0, atol=1e-5)
    photo = rng.integers(0, 256, (31, 45, 3)).astype("f4")
    kernel = rng.normal(size=(3, 3)).astype("f4")
    for border in (0, "reflect"):
        found = ft.filter(photo, kernel, border=border, channel_axis=-1)
        single = np.stack([ft.filter(photo[..., c], kernel, border=border) for c in range(3)], axis=-1)
        np.testing.assert_allclose(found, single, rtol=0, atol=1e-2)


def test_overflow_is_told():
    """A sum that does not fit raises, at the edges and in the middle."""
    x = np.zeros((20, 80), np.int64)
    for row, column in ((0, 0), (10, 40), (19, 79)):
        seen = x.copy()
        seen[row, column] = 2**62
        with pytest.raises(OverflowError):
            ft.correlate(seen, np.full((3, 3), 2, np.int64), "same", method="direct")


@pytest.mark.parametrize(("shape", "extent", "rows", "past"), [
    ((4096, 4096), 3, 8, True), ((4096, 4100), 3, 4, False), ((4096, 4096), 5, 4, False), ((3000, 1000), 3, 4, False),
    ((512, 512), 3, 32, False)])
def test_images_that_come_from_far_are_read_in_low_strips(shape, extent, rows, past):
    """Light sums of whole lines go past the caches; the more of what lies near, the higher a strip."""
    zen = replace(machine.fake("avx512", triple=""), wide_pipes=1, l2_bytes=1 << 20, l3_bytes=32 << 20)
    ones, zeros = (1, 1), ((0, 0),) * 2
    problem = Problem((1,), 1, 1, 1, shape, (extent,) * 2, shape, (-1, -1), ones, ones, ones, zeros)
    stage = direct.stages._stage(problem, (*[shape[0] * shape[1]] * 3, shape[1], 1), 0)
    frame = min((direct.frame.Frame(stage, tiles.finished(stage, zen, tile), zen) for tile in tiles.tiles(stage, zen)
                 if tile.lanes == "rows"), key=costs.cycles)
    assert (frame.recipe.tile[1], frame.recipe.past_caches) == (rows, past)


def test_kept_outputs_past_the_caches_are_the_same(monkeypatch):
    """Rows that are whole lines, at the begin and the end of protected pages, with two threads."""
    if "avx512" not in USABLE:
        pytest.skip("this machine has no avx512")
    only_lanes(monkeypatch, "rows")
    host = replace(machine.fake("avx512", triple=""), wide_pipes=1, l3_bytes=1)
    ones, zeros = (1, 1), ((0, 0),) * 2
    problem = Problem((1,), 2, 1, 1, (21, 192), (3, 3), (21, 192), (-1, -1), ones, ones, ones, zeros)
    schedule.choose.cache_clear()
    assert direct.parts(problem, View(problem.output_shape, problem.output_shape, tuple(range(5))), host,
                        1)[0].frame.recipe.past_caches
    assert check_one(problem, np.random.default_rng(3), host, 2)
    schedule.choose.cache_clear()
