"""Score maps: how well a pattern fits at every place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import nan, prod
from typing import Any

import numpy as np

from ..arrays import adopt
from ..compiler.threads import get_threads
from ..errors import ShapeError
from ..problem.extents import as_integer
from .formulas import FORMULAS
from .masked import Masked
from .numbers import Work, work_for
from .request import Operands, check_pattern, check_score, see_image, see_mask, see_pattern
from .windowed import Windowed

Array = np.ndarray
STRIP = 2**15
"""Samples of a strip, about: what is computed from one stays in the cache.  Strips never depend on the threads."""
PARALLEL = 2**17
"""Places from which strips are shared among threads."""
NEARLY = {"float32": 1e-5, "float64": 1e-9}
"""How far from the best score an exact match can come out before it is recognised."""


def match(image: Any, pattern: Any, *, score: str = "zncc", mask: Any = None, image_mask: Any = None,
          channel_axis: int | None = None, pattern_axis: int | None = None, flat: float = nan, method: str = "auto",
          threads: int | None = None) -> Any:
    """Score how well a pattern fits at every place of a signal, image or volume.

    With ``x`` the window of the image at a place, ``t`` the pattern, weights ``w`` (the pattern's mask times the
    image's), and sums over the pattern's samples and the channels::

        zncc         sum(w x' t') / sqrt(sum(w x'**2) sum(w t'**2)),  x' = x - sum(w x) / sum(w), and t' likewise
        ncc          sum(w x t) / sqrt(sum(w x**2) sum(w t**2))
        correlation  sum(w x t)
        ssd          sum(w (x - t)**2)
        nssd         sum(w (x - t)**2) / sqrt(sum(w x**2) sum(w t**2))

    Parameters
    ----------
    image : array_like, shape (N, ...)
        Any number of axes, one included; bool, integers or floats.
    pattern : array_like, shape (K, ...), or a list of such arrays
        Of the image's axes and channels, and no larger.
    score : {"zncc", "ncc", "correlation", "ssd", "nssd"}
        Best is 1 for the first two, 0 for the last two.
    mask, image_mask : array_like, optional
        Weights of at least 0 (or bools) for the samples of pattern and image, without the channel axis.  What has
        weight 0 is not touched.
    channel_axis : int, optional
        Axis of the channels in image and pattern; the means of zncc are those of each channel.
    pattern_axis : int, optional
        Axis along which ``pattern`` holds several patterns.
    flat : float
        Score where it is undefined: windows without variance (zncc), or that are 0 throughout (ncc, nssd).
    method, threads
        As in `correlate`.

    Returns
    -------
    array, shape (N - K + 1, ...)
        The score with the pattern's first sample on each sample of the image; float32 for images and patterns of at
        most 16-bit integers or float32, else float64; "ssd" and "correlation" of 8- and 16-bit integers are int64.  A
        list of such for a list of patterns, one array with a new first axis with ``pattern_axis``.

    Raises
    ------
    ShapeError, DTypeError, PlanError
        A pattern larger than the image; a constant one for zncc; masks of another shape, or 0 throughout; a score
        that does not exist.

    Notes
    -----
    Integers of 8 and 16 bits: every sum is exact, so "ssd" and "correlation" are, a flat window is recognised without
    doubt, and any ``a * t + b`` with ``a > 0`` scores exactly 1 in zncc.  Floats: sums in float64, and in twice
    its digits where a window's variance is small against its mean square; windows whose variance is below the proven
    rounding of that are flat.  Windows near the best score are compared with the pattern sample by sample, and those
    that are equal get exactly 1 (0 for ssd and nssd).  zncc and ncc never leave [-1, 1].  Errors: 1e-6 for float32,
    1e-12 for float64 as long as the mean square of a window (of the centred image) is below 1e4 times its variance.
    A NaN reaches just the windows that contain it.  Source: Lewis, Fast normalized cross-correlation, Vision Interface
    1995.

    Examples
    --------
    >>> match([0, 0, 0, 1, 2, 3, 2, 1, 0, 0], [1, 2, 3, 2, 1]).round(2)
    array([-0.47, -0.18,  0.42,  1.  ,  0.42, -0.18])
    >>> match([7, 7, 7, 7, 8, 9], [1, 2, 4], flat=0).round(2)
    array([0.  , 0.  , 0.94, 0.98])
    >>> match(np.uint8([[0, 1, 2], [3, 4, 5]]), np.uint8([[1, 3], [4, 5]]), score="ssd")
    array([[7, 1]])
    """
    check_score("match", score)
    seen, restore = see_image("match", image, channel_axis)
    patterns, batch = _patterns(pattern, seen, channel_axis, pattern_axis)
    weights = see_mask("match", "image_mask", image_mask, seen.shape[1:])
    operands = []
    for one in patterns:
        array = see_pattern("match", one, seen, channel_axis)
        operands.append(Operands(seen, array, see_mask("match", "mask", mask, array.shape[1:]), weights))
        check_pattern("match", operands[-1], score)
    maps = score_maps(operands, score, flat, method, threads)
    if batch == "axis":
        maps = [np.stack(maps)]
    given = maps if restore is None else [restore(one) for one in maps]
    return given if batch == "list" else given[0]


def _patterns(pattern: Any, image: Array, channel_axis: Any, pattern_axis: Any) -> tuple[list[Any], str]:
    """The patterns, and how they were given."""
    if pattern_axis is None:
        ndim = image.ndim - (channel_axis is None)
        if isinstance(pattern, list | tuple) and pattern and all(getattr(p, "ndim", 0) == ndim for p in pattern):
            return list(pattern), "list"
        return [pattern], "one"
    array, _ = adopt(pattern, "match", "pattern")
    axis = as_integer(pattern_axis)
    if axis is None or not -array.ndim <= axis < array.ndim:
        raise ShapeError(f"match: pattern_axis={pattern_axis!r} is no axis of the patterns {array.shape}; name the one "
                         "along which they follow each other")
    if array.shape[axis] == 0:
        raise ShapeError(f"match: patterns {array.shape} are none along pattern_axis={axis}; give one at least")
    return list(np.moveaxis(array, axis, 0)), "axis"


def score_maps(operands: Sequence[Operands], score: str, flat: float, method: str, threads: int | None) -> list[Array]:
    """Score patterns that were checked; those of one size without masks share the sums of the image."""
    if len({one.extents for one in operands}) > 1 or any(not _plain(one) for one in operands):
        return [part for one in operands for part in _run([one], score, flat, method, threads)]
    return _run(operands, score, flat, method, threads)


def _plain(operands: Operands) -> bool:
    return operands.mask is None and operands.image_mask is None


def _run(operands: Sequence[Operands], score: str, flat: float, method: str, threads: int | None) -> list[Array]:
    work = work_for(operands, score, method, threads)
    with np.errstate(all="ignore"):  # NaN and infinity may stand in an image, and flat windows divide by zero
        source = Windowed(operands, work) if _plain(operands[0]) else Masked(operands[0], work)
        maps = [_target(source.reuse(number), source.places, work) for number in range(len(operands))]
        left = source.fill(maps, flat)
        formula = FORMULAS[score]

        def fill(strip: tuple[int, int]) -> None:
            with np.errstate(all="ignore"):
                for start, stop, every in source.sums(*strip):
                    for target, sums in zip(maps, every, strict=True):
                        target[start:stop] = formula(sums, flat)

        _share(fill, [strip for part in left for strip in _strips(operands[0], *part)], prod(source.places), threads)
    for one, target in zip(operands, maps, strict=True):
        for start, stop in _strips(one, 0, one.places[0]):
            settle_exact(one, target[start:stop], work, start)
    return maps


def _target(reused: Array | None, places: tuple[int, ...], work: Work) -> Array:
    return np.empty(places, work.dtype) if reused is None else reused


def _strips(operands: Operands, first: int, last: int) -> Iterator[tuple[int, int]]:
    rows = max(1, STRIP // (operands.image.size // operands.image.shape[1]), operands.extents[0])
    for start in range(first, last, rows):
        yield start, min(start + rows, last)


def _share(fill: Callable[[tuple[int, int]], None], strips: Sequence[tuple[int, int]], places: int,
           threads: int | None) -> None:
    count = min(threads or get_threads(), len(strips))
    if count <= 1 or places < PARALLEL:
        for strip in strips:
            fill(strip)
        return
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(fill, strips))


# ---------------------------------------------------------------- exact matches of floats

def settle_exact(operands: Operands, scores: Array, work: Work, origin: int) -> None:
    """Give windows that equal the pattern their exact score.

    Rounding leaves such a window within a few units of the best score; so those near it are compared, a few
    samples first.  The scores are those from place ``origin`` on along the first axis.
    """
    if work.exact or work.score == "correlation":
        return
    best = 1.0 if work.score in ("zncc", "ncc") else 0.0
    if best:
        near = scores >= 1 - NEARLY[work.dtype]
    else:
        size = float(np.square(operands.pattern, dtype=np.float64, where=np.isfinite(operands.pattern),
                               out=np.zeros(operands.pattern.shape)).sum()) if work.score == "ssd" else 1.0
        near = scores <= NEARLY[work.dtype] * max(size, np.finfo(np.float64).tiny)
    if not near.any():
        return
    places = np.stack(np.unravel_index(np.flatnonzero(near), near.shape), axis=1)
    places[:, 0] += origin
    for tap in _few_taps(operands):
        places = places[_agree(operands, places, tap)]
    for place in places:
        if _equal(operands, tuple(place.tolist())):
            scores[(place[0] - origin, *place[1:])] = best


def _few_taps(operands: Operands) -> Iterator[tuple[int, ...]]:
    count = prod(operands.extents)
    for flat in sorted({0, count // 7, count // 3, count // 2, (5 * count) // 7, count - 1}):
        yield tuple(int(index) for index in np.unravel_index(flat, operands.extents))


def _agree(operands: Operands, places: Array, tap: tuple[int, ...]) -> Array:
    at = tuple((places + tap).T)
    everywhere: tuple[Any, ...] = (slice(None),)
    seen = operands.image[everywhere + at]
    agree = (seen == operands.pattern[everywhere + tap][:, np.newaxis]).all(axis=0)
    if operands.mask is not None and not operands.mask[tap] > 0:
        agree[:] = True
    if operands.image_mask is not None:
        agree |= ~(operands.image_mask[at] > 0)
    return np.asarray(agree)


def _equal(operands: Operands, place: tuple[int, ...]) -> bool:
    at = tuple(slice(start, start + extent) for start, extent in zip(place, operands.extents, strict=True))
    equal = operands.image[(slice(None), *at)] == operands.pattern
    if operands.mask is not None:
        equal |= ~(operands.mask > 0)
    if operands.image_mask is not None:
        equal |= ~(operands.image_mask[at] > 0)
    return bool(equal.all())
