"""``faltung find``: where a pattern is in a picture, as a table, as JSON, and drawn."""

from __future__ import annotations

import argparse
import json
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import images
from ..errors import ImageError, ShapeError
from ..matching import Match, find
from ..show.boxes import corners

Pixels = npt.NDArray[Any]
COLOURS = ("#19d3ce", "#ffc914", "#ff6b3d", "#8fd14f", "#b58cff")
SHADE = "#1c1b1a"


def run(options: argparse.Namespace) -> int:
    """Find, print, and draw on request."""
    scene, pattern = _alike(images.read(options.scene), images.read(options.pattern))
    if options.output is not None:
        _check_output(options.output, scene)
    asked = {
        "top": options.top, "threshold": options.threshold, "score": options.score, "coarse": options.coarse,
        "min_distance": options.min_distance, "threads": options.threads,
        "angles": _numbers("--angles", options.angles), "scales": _numbers("--scales", options.scales),
    }
    start = perf_counter()
    found = find(scene, pattern, channel_axis=-1 if scene.ndim == 3 else None, **asked)
    spent_ms = 1e3 * (perf_counter() - start)
    print(json.dumps([_as_data(one) for one in found], indent=2) if options.json else _table(found, spent_ms))
    if options.output is not None:
        images.write(options.output, draw(scene, found, pattern.shape[:2]))
    return 0


def _alike(scene: Pixels, pattern: Pixels) -> tuple[Pixels, Pixels]:
    """Scene and pattern with the same channels: alpha is left out, and colour where only one of them has it."""
    scene, pattern = _without_alpha(scene), _without_alpha(pattern)
    if scene.ndim != pattern.ndim:
        return _grey(scene), _grey(pattern)
    return scene, pattern


def _without_alpha(pixels: Pixels) -> Pixels:
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        pixels = pixels[:, :, :-1]
    return pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels


def _grey(pixels: Pixels) -> Pixels:
    """Luminance by the weights of ITU-R BT.601, in the dtype of the picture."""
    if pixels.ndim == 2:
        return pixels
    grey = pixels @ np.array([0.299, 0.587, 0.114])
    return np.asarray((np.rint(grey) if pixels.dtype.kind in "iu" else grey).astype(pixels.dtype))


def _numbers(option: str, text: str | None) -> list[float] | None:
    """Read ``0,90,180`` as three numbers, and ``0:360:15`` as a range that leaves out its end.

    Examples
    --------
    >>> _numbers("--angles", "0,90"), _numbers("--angles", "-10:11:10")
    ([0.0, 90.0], [-10.0, 0.0, 10.0])
    """
    if text is None:
        return None
    try:
        if ":" not in text:
            return [float(part) for part in text.split(",")]
        start, stop, step = (float(part) for part in text.split(":"))
        values = [float(value) for value in np.arange(start, stop, step)]
    except (ValueError, ZeroDivisionError):
        values = []
    if not values:
        raise ShapeError(f"{option} {text}: not numbers; write them as 0,90,180, or as a range from:to:step")
    return values


def _as_data(one: Match) -> dict[str, Any]:
    return {
        "score": one.score, "position": list(one.position), "subpixel": list(one.subpixel),
        "box": [[cut.start, cut.stop] for cut in one.box], "angle": one.angle, "scale": one.scale,
    }


def _table(found: list[Match], spent_ms: float) -> str:
    lines = [f"{'':>4}  {'row':>9}  {'column':>9}  {'score':>8}  {'size':>11}  {'angle':>6}  {'scale':>6}"][:len(found)]
    for number, one in enumerate(found, 1):
        row, column = one.subpixel
        size = "x".join(str(cut.stop - cut.start) for cut in one.box)
        lines.append(f"{number:>4}  {row:>9.2f}  {column:>9.2f}  {one.score:>8.4g}  {size:>11}  {one.angle:>6g}  "
                     f"{one.scale:>6g}")
    count = f"{len(found)} match" if len(found) == 1 else f"{len(found)} matches"
    return "\n".join([*lines, f"{count}, found in {spent_ms:.2f} ms"])


def _check_output(path: str, scene: Pixels) -> None:
    """A mistake in the name of the picture should not cost the work."""
    if str(path).lower().endswith(".npy"):
        raise ImageError(f"find: {path}: the picture with the boxes is a picture; name a .png, .jpg or .tif")
    images.check_writable(path, (*scene.shape[:2], 3), np.uint8)


def draw(scene: Pixels, found: list[Match], extents: tuple[int, int]) -> Pixels:
    """Draw boxes over the scene, with their numbers; the best one last, on top.

    Parameters
    ----------
    scene, found
        What was searched, and the places.
    extents
        Height and width of the pattern, neither turned nor scaled.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.fromarray(_as_bytes(scene)).convert("RGB")
    pen = ImageDraw.Draw(picture)
    shortest = min(picture.size)
    line, size = max(1, round(shortest / 160)), max(9, round(shortest / 30))
    font = ImageFont.load_default(size)
    for number, one in reversed(list(enumerate(found, 1))):
        colour = COLOURS[(number - 1) % len(COLOURS)]
        ends = corners(one, extents)
        # A dark edge keeps the line visible on any ground; the first corner is passed twice, so that it is round.
        for width, fill in ((line + 2, SHADE), (line, colour)):
            pen.line([*ends, *ends[:2]], fill=fill, width=width, joint="curve")
        if len(found) == 1:
            continue
        left, top = min(x for x, _ in ends), min(y for _, y in ends)
        at = (left + line, top - size - 2 * line if top > size + 2 * line else top + line)
        pen.text(at, str(number), fill=colour, font=font, stroke_width=max(1, line // 2), stroke_fill=SHADE)
    return np.asarray(picture)


def _as_bytes(scene: Pixels) -> Pixels:
    """Pixels of 8 bits to look at: deeper ones by their range."""
    if scene.dtype == np.uint8:
        return np.ascontiguousarray(scene)
    values = scene.astype(np.float64)
    low, high = np.nanmin(values), np.nanmax(values)
    return np.asarray(np.rint(255 * np.nan_to_num((values - low) / max(high - low, 1e-300))).astype(np.uint8))
