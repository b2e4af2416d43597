"""Scores through generated code: what it can do, its memory, and how it is called."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from math import log2, prod, sqrt
from typing import Any, NamedTuple

import numpy as np

from ..compiler import jit
from ..compiler.calling import items_function
from ..compiler.memory import address, aligned
from ..compiler.threads import get_threads, run_items
from ..machine import detect
from . import score_code as code
from . import window_code
from .score_code import ScoreRecipe

Array = np.ndarray
IMAGES = ("bool", "uint8", "int8", "uint16", "int16", "float32")
MOST_CHANNELS = 4
LEAST_STRIP, CHUNK, SEGMENT = 64, 512, 4096
"""Rows of a strip and places of a row that are done at once, at least; places of a piece of a signal."""
PARALLEL = 2**14
"""Places from which the work is shared among threads."""
LOSS = 4e-7
"""The largest relative error that running sums may bring into a window's variance: half of it is the score's."""


class Numbers(NamedTuple):
    """The numbers in the formula that belong to the pattern; see `formulas.Sums`."""

    weight: Any
    pattern1: Any
    pattern2: Any
    pattern_size: float
    back: int
    flat: float
    shift: float = 0.0
    rounding: float = 0.0


def is_possible(recipe: ScoreRecipe, image: Array, ndim: int) -> bool:
    """Whether generated code takes such images: signals and images, of up to four channels."""
    known = recipe.image in IMAGES and image.dtype.isnative and recipe.channels <= MOST_CHANNELS and ndim <= 2
    known = known and recipe.score != "correlation"
    return known and (recipe.is_exact or (recipe.score in ("zncc", "ncc") and recipe.out == "float32"))


def score_windows(recipe: ScoreRecipe, image: Array, both: Array, out: Array, extents: Sequence[int],
                  numbers: Numbers, threads: int | None) -> list[tuple[int, int]]:
    """Fill ``out``, which may be the memory of ``both``; the ranges along its first axis that are left as they were."""
    if len(extents) == 2:
        return _rows(recipe, image, both, out, (extents[0], extents[1]), numbers, threads)
    left, length = [], extents[0]
    for start, size, count in _segments(out.size, max(SEGMENT, length)):
        shape, item = (len(image), count, size + length - 1), image.strides[1]
        parts = np.lib.stride_tricks.as_strided(image[:, start:], shape, (image.strides[0], item * size, item),
                                                writeable=False)
        place = slice(start, start + size * count)
        rows = _rows(recipe, parts, both[place].reshape(count, size), out[place].reshape(count, size), (1, length),
                     numbers, threads)
        left += [(start + low * size, start + high * size) for low, high in rows]
    return left


def _segments(places: int, size: int) -> Iterator[tuple[int, int, int]]:
    """Start, size and count of pieces of equal size, and of the one that is left."""
    whole = places // size
    if whole:
        yield 0, size, whole
    if places % size:
        yield whole * size, places % size, 1


def _rows(recipe: ScoreRecipe, image: Array, both: Array, out: Array, extents: tuple[int, int], numbers: Numbers,
          threads: int | None) -> list[tuple[int, int]]:
    if image.strides[2] != image.itemsize:
        image = np.ascontiguousarray(image)
    strip = max(LEAST_STRIP, extents[0])
    items = -(-out.shape[0] // strip)
    participants = 1 if out.size < PARALLEL else min(threads or get_threads(), items)
    size, chunk = np.dtype(recipe.sums).itemsize, max(CHUNK, extents[1])
    line, part = _line(image.shape[2], size), _line(chunk + extents[1], size)
    step = (recipe.channels + 1) * line + (recipe.channels + 2) * part + _line(out.shape[1], 8)
    scratch, bad = aligned((participants * step,), np.uint8), np.zeros(out.shape[0], np.uint8)
    limit = 0.0 if recipe.is_exact else _limit(recipe.score, extents, strip)
    cells = _cells(numbers, recipe, limit)
    context = np.array([
        address(image), *image.strides[:2], image.shape[2], *extents, *out.shape, address(both), both.strides[0],
        address(out), out.strides[0], address(scratch), step, strip, chunk, line, part, address(bad),
        address(cells)], np.int64)
    run_items(_windows_program(recipe), address(context), items, participants)
    return _ranges(bad)


def combine(recipe: ScoreRecipe, image1: Array, image2: Array, both: Array, out: Array, numbers: Numbers,
            threads: int | None) -> None:
    """Fill ``out`` from sums that are there: ``image1[c]``, ``image2`` and ``both``, all C-contiguous."""
    items = -(-out.size // PARALLEL)
    cells = _cells(numbers, recipe, 0.0)
    context = np.zeros(code.CELLS, np.int64)
    for cell, value in ((code.IMAGE, address(image1)), (code.CHANNEL_STEP, image1.strides[0]),
                        (code.SCRATCH, address(image2)), (code.BOTH, address(both)), (code.OUT, address(out)),
                        (code.WIDTH, out.size), (code.CHUNK, PARALLEL), (code.NUMBERS, address(cells))):
        context[cell] = value
    program = _combination_program(recipe, image2.dtype.name)
    run_items(program, address(context), items, min(threads or get_threads(), items))


def _line(elements: int, size: int) -> int:
    """Bytes of a line of the scratch: whole vectors, and one more to read too far."""
    return (elements * size + 63) // 64 * 64 + 64


def _limit(score: str, extents: tuple[int, int], strip: int) -> float:
    """What a window's square must exceed, times the largest sum of squares of a column so far.

    A running sum of ``n`` terms is wrong by at most ``n u`` times the largest magnitude on the way; a window adds
    ``L`` of them.  In ``W * image2 - image1**2`` the second term's error is at most twice that of the first.
    """
    terms = extents[0] + 2 * strip + 2 * log2(extents[1]) + 10
    error = terms * 2.0**-53 * extents[1]
    return error / LOSS * (3 * prod(extents) if score == "zncc" else 1)


def _cells(numbers: Numbers, recipe: ScoreRecipe, limit: float) -> Array:
    cells = np.zeros(code.PATTERN1 + recipe.channels, np.float64)
    kind = cells.view(recipe.kind)
    for cell, value in ((code.PATTERN_ROOT, sqrt(numbers.pattern_size)), (code.FLAT, numbers.flat),
                        (code.SHIFT, numbers.shift), (code.LIMIT, limit), (code.ROUNDING, numbers.rounding)):
        cells[cell] = value
    kind[code.WEIGHT], kind[code.BACK], kind[code.PATTERN2] = numbers.weight, numbers.back, numbers.pattern2
    kind[code.PATTERN1 :] = numbers.pattern1
    return cells


def _load(what: str, emit: Any) -> Any:
    return items_function(jit.load(what, detect(), ("entry",), emit))


@cache
def _windows_program(recipe: ScoreRecipe) -> Any:
    return _load(f"scores {recipe!r}", lambda: window_code.emit_scores(recipe, detect()))


@cache
def _combination_program(recipe: ScoreRecipe, squares: str) -> Any:
    return _load(f"combination {recipe!r} {squares}", lambda: code.emit_combination(recipe, squares, detect()))


def _ranges(bad: Array) -> list[tuple[int, int]]:
    """Where rows that follow each other are bad."""
    edges = np.flatnonzero(np.diff(bad, prepend=0, append=0))
    return [(int(low), int(high)) for low, high in edges.reshape(-1, 2)]
