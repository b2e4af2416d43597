"""``faltung apply``: image files in, filtered image files out."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import images, operations
from ..arrays import Like
from ..errors import DTypeError, FaltungError, ImageError, PlanError, ShapeError
from ..images.blocks import MAX_BYTES, Source
from ..show.panels import plain_pixels
from . import volumes, words
from .progress import Progress

Pixels = npt.NDArray[Any]


@dataclass(frozen=True)
class Job:
    """The kernel and the options, the same for all images."""

    kernel: Pixels
    options: dict[str, Any]
    dtype: np.dtype[Any] | None
    repeat: int
    absolute: bool
    max_bytes: int = MAX_BYTES
    name: str = "kernel"
    picture: Path | None = None
    """Where before, kernel and after are drawn."""


@dataclass(frozen=True)
class Done:
    """One filtered image: pixels, the recipe in one line, and the time spent on deciding and running."""

    pixels: Pixels
    recipe: str
    plan_ms: float
    run_ms: float


def run(options: argparse.Namespace, tell: Callable[[BaseException], None]) -> int:
    """Filter each image; one that fails is told of, and the others go on."""
    job = _job(options)
    pairs = _pairs(_sources(options.images), options.output)
    if job.picture is not None:
        _check_picture(job.picture, [source for source, _ in pairs])
    failed = False
    with Progress(len(pairs)) as progress:
        for source, target in pairs:
            try:
                line = _one(source, target, job)
            except (FaltungError, OSError, OverflowError) as error:
                progress.clear()
                tell(error)
                failed = True
            else:
                progress.clear()
                print(line, flush=True)
            progress.step()
    return 2 if failed else 0


def _job(options: argparse.Namespace) -> Job:
    if options.repeat < 1:
        raise ShapeError(f"--repeat {options.repeat}: must be at least 1")
    asked = {
        "mode": options.mode,
        "border": words.number_or_word(options.border),
        "stride": words.steps("--stride", options.stride),
        "dilation": words.steps("--dilation", options.dilation),
        "method": options.method,
        "threads": _threads(options.threads),
    }
    dtype = None if options.dtype is None else dtype_named(options.dtype)
    kernel, max_bytes = words.kernel(options.kernel), volumes.memory(options.memory)
    picture = None if options.picture is None else Path(options.picture)
    return Job(kernel, asked, dtype, options.repeat, options.absolute, max_bytes, Path(options.kernel).name, picture)


def _check_picture(picture: Path, sources: list[Path]) -> None:
    """A mistake in the name of the picture should not cost the work."""
    from ..show.files import FORMATS

    if picture.suffix.lower() not in FORMATS:
        raise ImageError(f"apply: --picture {picture} has no suffix of a picture; use {', '.join(FORMATS)}")
    if len(sources) != 1:
        raise ImageError(f"apply: --picture {picture} shows one image, not {len(sources)}; filter them one by one")


def _threads(count: int | None) -> int | None:
    if count is not None and count < 1:
        raise PlanError(f"--threads {count}: must be at least 1")
    return count


def dtype_named(name: str) -> np.dtype[Any]:
    """Find a dtype of numbers by its name."""
    try:
        dtype = np.dtype(name)
    except TypeError:
        raise DTypeError(f"--dtype {name}: unknown; use a name of NumPy's, as uint8 or float32") from None
    if dtype.kind not in "biufc":
        raise DTypeError(f"--dtype {name}: not a number; use a name of NumPy's, as uint8 or float32")
    return dtype


def _sources(texts: list[str]) -> list[Path]:
    """Find the files; a pattern that the shell has left as it is stands for all that match it."""
    from glob import has_magic

    found: list[Path] = []
    for text in texts:
        path = Path(text)
        names = [path]
        if has_magic(text) and not path.exists():
            names = sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
        if not names:
            raise ImageError(f"apply: no file matches {text}; check the pattern")
        found += names
    return found


def _pairs(sources: list[Path], output: str) -> list[tuple[Path, Path]]:
    """Find where each image goes, before the first is touched."""
    target = Path(output)
    into_folder = len(sources) > 1 or output.endswith("/") or target.is_dir()
    if into_folder and not target.is_dir():
        raise ImageError(f"apply: output folder {target} does not exist; make it first (mkdir -p {target})")
    pairs = [(source, target / source.name if into_folder else target) for source in sources]
    taken: dict[Path, Path] = {}
    for source, place in pairs:
        if place in taken:
            raise ImageError(f"apply: {taken[place]} and {source} would both be written to {place}; "
                             "give them to two calls with two folders")
        if place.exists() and source.exists() and place.samefile(source):
            raise ImageError(f"apply: {source} would be written over itself; give another file or folder to -o")
        taken[place] = source
    return pairs


def _one(source: Path, target: Path, job: Job) -> str:
    times = f" {job.repeat} times" if job.repeat > 1 else ""
    if volumes.is_large(source, target, job.max_bytes):
        if job.picture is not None:
            raise ImageError(f"apply: {source} is filtered block by block, and not drawn; leave out --picture, or give "
                             "more --memory")
        return _large(source, target, job, times)
    pixels = images.read(source)
    # A mistake in the name of the result should not cost the work.
    images.check_writable(target, pixels.shape, job.dtype or pixels.dtype)
    has_channels = _has_channels(source, pixels.shape, job.kernel)
    if job.picture is not None:
        plain_pixels("apply", pixels, -1 if has_channels else None)
    done = apply(pixels, job, has_channels=has_channels)
    images.write(target, done.pixels)
    if job.picture is not None:
        _draw(pixels, done.pixels, job, has_channels=has_channels)
    kind = f"{'x'.join(map(str, pixels.shape))} {pixels.dtype}"
    spent = f"planned in {done.plan_ms:.2f} ms, ran{times} in {done.run_ms:.2f} ms"
    return f"{source} -> {target}: {kind}; {done.recipe}; {spent}"


def _draw(before: Pixels, after: Pixels, job: Job, *, has_channels: bool) -> None:
    from .. import show
    from ..show.filters import Filtered

    scene = Filtered(before, job.kernel, after, channel_axis=-1 if has_channels else None)
    scene.name = job.name
    assert job.picture is not None
    show.write(show.picture(scene, width=1200), job.picture)


def _large(source: Path, target: Path, job: Job, times: str) -> str:
    def ask(reader: Source) -> images.Request:
        has_channels = _has_channels(source, reader.shape, job.kernel)
        return _request(reader.shape, reader.dtype, job, has_channels)

    wanted = job.dtype or Source(source).dtype
    finish = (lambda values: _absolute(values, wanted)) if job.absolute else None
    told = volumes.run(source, target, ask, finish, wanted, job.repeat, job.max_bytes)
    kind = f"{'x'.join(map(str, told.shape))} {told.dtype}"
    return (f"{source} -> {target}: {kind}; {told.algorithm} in {told.blocks} blocks; "
            f"planned and ran{times} in {told.run_ms:.2f} ms")


def _has_channels(source: Path, shape: tuple[int, ...], kernel: Pixels) -> bool:
    """Whether the last axis is colour: always in a picture's file, in .npy if the kernel leaves it over."""
    if source.suffix.lower() != ".npy":
        return len(shape) == 3
    return len(shape) == kernel.ndim + 1 and shape[-1] <= 4


def apply(pixels: Pixels, job: Job, *, has_channels: bool) -> Done:
    """Filter one image as often as the job says; a shape that stays keeps its plan."""
    recipe, plan_s, run_s = "", 0.0, 0.0
    planned: tuple[tuple[int, ...], np.dtype[Any]] | None = None
    for _ in range(job.repeat):
        start = perf_counter()
        if planned != (pixels.shape, pixels.dtype):
            asked = _request(pixels.shape, pixels.dtype, job, has_channels)
            part = asked.filtered(pixels)
            like = Like(part.shape, part.dtype.name)
            plan = operations.plan(operations.correlate, like, asked.kernel, **asked.options)
            planned, recipe = (pixels.shape, pixels.dtype), recipe or one_line(plan.recipe)
        ready = perf_counter()
        result = asked.whole(plan(asked.filtered(pixels)), pixels)
        pixels = _absolute(result, job.dtype or pixels.dtype) if job.absolute else result
        plan_s, run_s = plan_s + ready - start, run_s + perf_counter() - ready
    return Done(pixels, recipe, 1e3 * plan_s, 1e3 * run_s)


def one_line(recipe: Any) -> str:
    """Say a recipe in one line: the algorithm, and what it decided."""
    told = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in recipe._asdict().items())
    return f"{recipe.algorithm} ({told})" if told else str(recipe.algorithm)


def _request(shape: tuple[int, ...], pixel_dtype: np.dtype[Any], job: Job, has_channels: bool) -> images.Request:
    channel_axis = -1 if has_channels else None
    dtype = np.dtype(np.float64 if pixel_dtype.itemsize > 2 else np.float32) if job.absolute else job.dtype
    return images.request(shape, pixel_dtype, job.kernel, channel_axis=channel_axis, dtype=dtype, **job.options)


def _absolute(values: Pixels, dtype: np.dtype[Any]) -> Pixels:
    """Take absolute values, rounded and clipped to `dtype`."""
    values = np.abs(values)
    if dtype.kind in "iu":
        values = np.clip(np.rint(values), 0, np.iinfo(dtype).max)
    return values.astype(dtype)
