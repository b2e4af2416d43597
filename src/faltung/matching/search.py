"""Places of a pattern: the best of a score map, of turned and scaled patterns too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, nan
from typing import Any

import numpy as np

from ..errors import PlanError, ShapeError
from ..markup import table
from ..problem.extents import as_integer
from .coarse import coarse_places
from .peaks import Kept, local_maxima, sub_sample
from .request import Operands, check_pattern, check_score, see_image, see_mask, see_pattern
from .scores import score_maps
from .variants import Variant, constant, fits, variant

Array = np.ndarray
THRESHOLDS = {"zncc": 0.8, "ncc": 0.8, "nssd": 0.2}
SMALLER_IS_BETTER = ("ssd", "nssd")


@dataclass(frozen=True, slots=True)
class Match:
    """A place where the pattern was found.

    Parameters
    ----------
    position : tuple of int
        Sample of the image on which the box begins.
    score : float
        The score there.
    subpixel : tuple of float
        The position between samples at which the score is best, by a quadratic fit; ``position`` without it.
    box : tuple of slice
        What the pattern covers, one slice for each axis that was searched: ``image[match.box]``.  For a turned
        pattern, its bounding box.
    angle, scale : float
        How the pattern was turned (degrees) and scaled.
    """

    position: tuple[int, ...]
    score: float
    subpixel: tuple[float, ...]
    box: tuple[slice, ...]
    angle: float = 0.0
    scale: float = 1.0

    @property
    def center(self) -> tuple[float, ...]:
        """The middle of the box, between samples."""
        return tuple(start + (cut.stop - cut.start - 1) / 2 for start, cut in zip(self.subpixel, self.box, strict=True))

    def __repr__(self) -> str:
        exact = ", ".join(f"{value:.2f}" for value in self.subpixel)
        box = ", ".join(f"{cut.start}:{cut.stop}" for cut in self.box)
        turned = f", angle={self.angle:g}" if self.angle else ""
        scaled = f", scale={self.scale:g}" if self.scale != 1 else ""
        return (f"Match(score={self.score:.6g}, position={self.position}, subpixel=({exact}), box=[{box}]"
                f"{turned}{scaled})")

    def _repr_html_(self) -> str:
        exact = ", ".join(f"{value:.2f}" for value in self.subpixel)
        box = ", ".join(f"{cut.start}:{cut.stop}" for cut in self.box)
        turned = [("angle", f"{self.angle:g}")] if self.angle else []
        scaled = [("scale", f"{self.scale:g}")] if self.scale != 1 else []
        return table([("score", f"{self.score:.6g}"), ("position", str(self.position)), ("subpixel", f"({exact})"),
                      ("box", f"[{box}]"), *turned, *scaled], title="Match")


def find(image: Any, pattern: Any, *, top: int | None = None, threshold: float | None = None,
         min_distance: float | None = None, overlap: float = 0.3, subpixel: bool = True, score: str = "zncc",
         mask: Any = None, image_mask: Any = None, channel_axis: int | None = None, angles: Any = None,
         scales: Any = None, coarse: bool = False, method: str = "auto", threads: int | None = None) -> list[Match]:
    """Find a pattern in a signal, image or volume.

    The scores are those of `match`.  Of the places that no neighbour exceeds, best first, each is kept that is good
    enough and not in the way of a better one.

    Parameters
    ----------
    image, pattern, score, mask, image_mask, channel_axis, method, threads
        As in `match`; one pattern.
    top : int, optional
        Return at most so many.
    threshold : float, optional
        Least score; greatest for "ssd" and "nssd", where small is good.  By default 0.8 for "zncc" and "ncc", 0.2 for
        "nssd"; the others have no scale of their own and need ``threshold`` or ``top``.
    min_distance : float, optional
        Least distance between the middles of two matches, in samples.  By default boxes decide.
    overlap : float
        Largest part of their union that two boxes may share.
    subpixel : bool
        Fit a quadratic to the scores around each place.
    angles : sequence of float, optional
        Degrees by which the pattern is turned, anticlockwise; pictures only.  The empty corners are masked.
    scales : sequence of float, optional
        Factors by which the pattern is scaled.
    coarse : bool
        Search an image of half (a quarter, an eighth) the size first, as far as the pattern keeps three quarters of
        its variance and 8 samples there, and the full one only around what looks promising.  Much quicker
        for large patterns, but a pattern that differs in its finest detail only can be missed.

    Returns
    -------
    list of Match
        Best first.

    Raises
    ------
    ShapeError, PlanError, DTypeError
        As `match`; ``angles`` where there are not two axes; no variant that fits the image.

    Examples
    --------
    >>> find([0, 0, 0, 1, 2, 3, 2, 1, 0, 0], [1, 2, 3, 2, 1])
    [Match(score=1, position=(3,), subpixel=(3.00), box=[3:8])]
    """
    check_score("find", score)
    _check_words(top, threshold, min_distance, overlap, score)
    seen, _ = see_image("find", image, channel_axis)
    array = see_pattern("find", pattern, seen, channel_axis)
    weights = see_mask("find", "image_mask", image_mask, seen.shape[1:])
    given = Operands(seen, array, see_mask("find", "mask", mask, array.shape[1:]), weights)
    check_pattern("find", given, score)
    least = _least(threshold, score)
    search = Search(given, score, least, subpixel, method, threads)
    candidates: list[Match] = []
    for one in _variants(given, angles, scales, score):
        asked = Operands(seen, one.pattern, one.mask, weights)
        places = coarse_places(asked, score, least, method, threads) if coarse else None
        candidates += search.candidates(one, asked, places)
    sign = 1 if score in SMALLER_IS_BETTER else -1
    candidates.sort(key=lambda one: sign * one.score)
    return _keep(candidates, top, Kept(min_distance, overlap))


@dataclass(frozen=True)
class Search:
    """What is the same for all variants of the pattern."""

    operands: Operands
    score: str
    least: float
    subpixel: bool
    method: str
    threads: int | None

    def candidates(self, one: Variant, asked: Operands, places: list[tuple[slice, ...]] | None) -> Iterator[Match]:
        """Every local maximum of one variant that is good enough."""
        if places is None:
            yield from self._peaks(one, asked, (0,) * len(asked.extents))
            return
        for part in places:
            cut = tuple(slice(p.start, p.stop + k - 1) for p, k in zip(part, asked.extents, strict=True))
            weights = None if asked.image_mask is None else asked.image_mask[cut]
            if weights is not None and not weights.any():
                continue
            near = Operands(asked.image[(slice(None), *cut)], asked.pattern, asked.mask, weights)
            whole = asked.places
            for found in self._peaks(one, near, tuple(p.start for p in part)):
                # On the edge of a range nothing is known of the neighbours beyond.
                if all(p.start < at < p.stop - 1 or at in (0, n - 1)
                       for p, at, n in zip(part, found.position, whole, strict=True)):
                    yield found

    def _peaks(self, one: Variant, asked: Operands, origin: tuple[int, ...]) -> Iterator[Match]:
        scores = score_maps([asked], self.score, nan, self.method, self.threads)[0]
        sign = -1 if self.score in SMALLER_IS_BETTER else 1
        better = scores if sign > 0 else -scores
        for place in local_maxima(better, self.least):
            at = tuple(int(index) for index in place)
            exact = sub_sample(better, at) if self.subpixel else tuple(map(float, at))
            position = tuple(a + o for a, o in zip(at, origin, strict=True))
            box = tuple(slice(start, start + k) for start, k in zip(position, asked.extents, strict=True))
            shifted = tuple(e + o for e, o in zip(exact, origin, strict=True))
            yield Match(position, float(scores[at]), shifted, box, one.angle, one.scale)


def _keep(candidates: list[Match], top: int | None, kept: Kept) -> list[Match]:
    found: list[Match] = []
    known = set()
    for one in candidates:
        if top is not None and len(found) >= top:
            break
        name = (one.position, one.angle, one.scale)
        if name in known:  # coarse ranges may overlap
            continue
        known.add(name)
        if kept.admit(one.position, [cut.stop - cut.start for cut in one.box]):
            found.append(one)
    return found


def _variants(given: Operands, angles: Any, scales: Any, score: str) -> Iterator[Variant]:
    turns, sizes = _numbers("angles", angles, 0.0), _numbers("scales", scales, 1.0)
    if angles is not None and len(given.extents) != 2:
        raise ShapeError(f"find: angles are for pictures of two axes, and {len(given.extents)} are searched; leave "
                         "them out")
    if any(size <= 0 for size in sizes):
        raise ShapeError(f"find: scales {sizes} must be above 0; 1 is the pattern as it is")
    none = True
    for scale in sizes:
        for angle in turns:
            one = variant(given.pattern, given.mask, angle, scale)
            if fits(one.pattern.shape[1:], given.image.shape[1:]) and not (score == "zncc" and constant(one)):
                none = False
                yield one
    if none:
        raise ShapeError(f"find: no variant of pattern {given.extents} (angles {turns}, scales {sizes}) fits into the "
                         f"image {given.image.shape[1:]} with any structure left; use smaller or larger scales")


def _numbers(name: str, values: Any, default: float) -> list[float]:
    if values is None:
        return [default]
    try:
        numbers = [float(value) for value in np.atleast_1d(values)]
    except (TypeError, ValueError):
        numbers = []
    if not numbers or not np.isfinite(numbers).all():
        raise ShapeError(f"find: {name} {values!r} must be numbers, one at least")
    return numbers


def _least(threshold: float | None, score: str) -> float:
    if threshold is None:
        threshold = THRESHOLDS.get(score)
    if threshold is None:
        return -inf
    return -float(threshold) if score in SMALLER_IS_BETTER else float(threshold)


def _check_words(top: Any, threshold: Any, min_distance: Any, overlap: Any, score: str) -> None:
    count = None if top is None else as_integer(top)
    if top is not None and (count is None or count < 1):
        raise ShapeError(f"find: top={top!r} must be a whole number of at least 1, or None for all")
    if top is None and threshold is None and score not in THRESHOLDS:
        raise PlanError(f'find: score "{score}" has no scale of its own; give threshold= or top=')
    for name, value in (("threshold", threshold), ("min_distance", min_distance)):
        if value is not None and not _is_number(value):
            raise ShapeError(f"find: {name}={value!r} must be a number")
    if not _is_number(overlap) or not 0 <= overlap <= 1:
        raise ShapeError(f"find: overlap={overlap!r} must be a number from 0 to 1, the part of their union that two "
                         "boxes may share")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool) and not np.isnan(value)
