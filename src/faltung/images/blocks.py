"""Volumes larger than memory: filtered block by block, from one file into another."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .. import operations
from ..arrays import Like
from ..errors import ImageError, ShapeError
from ..lowering import Sliding, lower_sliding
from ..problem.border import map_index
from ..problem.problem import Side
from .files import beside, check_writable
from .filtering import Request, request

Pixels = npt.NDArray[Any]
Finish = Callable[[Pixels], Pixels]
Progress = Callable[[int, int], None]
MAX_BYTES = 1 << 28
"""Memory for the blocks, unless the caller says otherwise."""


def filter_file(source: Any, kernel: Any, target: str | os.PathLike[str], *, mode: str = "same",
                border: Any = "reflect", channel_axis: int | None = None, dtype: Any = None,
                stride: int | Sequence[int] = 1, dilation: int | Sequence[int] = 1, alpha: bool | None = None,
                method: str = "auto", threads: int | None = None, max_bytes: int = MAX_BYTES,
                progress: Progress | None = None) -> np.memmap[Any, Any]:
    """Filter a volume that may be larger than memory, block by block, into a .npy file.

    The values are those of `filter` on the whole array: with the algorithm "direct" bit by bit; with one that works on
    tiles of its own ("fourier") within its error bound.

    Parameters
    ----------
    source : path or ndarray
        A .npy file, which is mapped and not read whole; or an array, as a ``numpy.memmap``.
    kernel, mode, border, channel_axis, dtype, stride, dilation, alpha, method, threads
        As in `filter`.
    target : path
        A .npy file.  It is written beside, and takes its name when it is complete: nobody sees a half of
        it, and it may be the source itself.
    max_bytes : int
        Most memory for one block, its surroundings and its result.  A smaller one costs time, for what
        surrounds a block is read twice.
    progress : callable, optional
        Called as ``progress(blocks done, all blocks)``, before the first and after each.

    Returns
    -------
    numpy.memmap
        The result, mapped read-only.

    Raises
    ------
    ImageError
        A file that is missing, damaged or no .npy; a target that cannot be written, or for which the disk has no
        room.
    ShapeError
        If not even a block of one output fits `max_bytes`; and as `filter`.

    Notes
    -----
    Blocks are cut along the first axes, and along later ones only where a cut would be thinner than the kernel.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/in.npy", np.arange(1000, dtype=np.float32).reshape(100, 10))
    ...     made = filter_file(f"{folder}/in.npy", np.ones((3, 1)), f"{folder}/out.npy", max_bytes=1000)
    ...     np.array(made[:3, 0])
    array([20., 30., 60.], dtype=float32)
    """
    reader = Source(source)
    asked = request(reader.shape, reader.dtype, kernel, mode=mode, border=border, channel_axis=channel_axis,
                    dtype=dtype, stride=stride, dilation=dilation, alpha=alpha, method=method, threads=threads)
    return run_blocks(reader, asked, Path(target), max_bytes=max_bytes, progress=progress)


class Source:
    """A .npy file or an array, of which parts are read.

    A file is mapped anew for each part, so that its pages are given back with it.
    """

    def __init__(self, source: Any) -> None:
        self._path = Path(source) if isinstance(source, str | os.PathLike) else None
        self._array = np.asanyarray(source) if self._path is None else None
        array = self._mapped() if self._path is None else mapped(self._path)
        if self._path is not None and array.dtype.hasobject:
            raise ImageError(f"filter_file: {self._path} holds Python objects, which are not read; save numbers")
        self.shape: tuple[int, ...] = array.shape
        self.dtype: np.dtype[Any] = array.dtype.newbyteorder("=")

    def read(self, part: tuple[Any, ...]) -> Pixels:
        """See a part, in native byte order; slices of native arrays are not copied."""
        return np.asarray(self._mapped()[part]).astype(self.dtype, copy=False)

    def _mapped(self) -> Pixels:
        if self._array is not None:
            return np.asarray(self._array)
        assert self._path is not None
        return np.asarray(mapped(self._path))


def mapped(path: Path) -> Any:
    """Map a .npy file read-only."""
    if path.suffix.lower() != ".npy":
        raise ImageError(f"filter_file: {path}: suffix {path.suffix!r} is not .npy; read and filter pictures whole")
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise ImageError(f"filter_file: {path} does not exist; check the path") from None
    except (OSError, ValueError, EOFError, SyntaxError, TypeError, OverflowError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise ImageError(f"filter_file: {path} is damaged, cut short or cannot be mapped ({reason}); save it again "
                         "with numpy.save") from error


# ---------------------------------------------------------------- blocks

class Part(NamedTuple):
    """Samples of one axis as a slice or indices, the place of the first, and what stands beyond them."""

    samples: Any
    begin: int
    sides: tuple[Side, Side]


class Axis(NamedTuple):
    """One axis: input samples, outputs, where the first output reads from, and how far it reaches."""

    samples: int
    outputs: int
    start: int
    stride: int
    reach: int
    sides: tuple[Side, Side]

    def needs(self, outputs: int) -> int:
        """Samples that so many neighbouring outputs see."""
        return (outputs - 1) * self.stride + self.reach + 1

    def part(self, first: int, last: int) -> Part:
        """Find what outputs ``first`` to ``last - 1`` see.

        The whole axis, and places that hold a constant, are left to the engine; what a cut axis repeats beyond its
        ends is laid out as it is seen.
        """
        if (first, last) == (0, self.outputs):
            return Part(slice(0, self.samples), 0, self.sides)
        low = self.start + first * self.stride
        high = low + self.needs(last - first)
        # Of what lies wholly in a constant border, the nearest sample is read, so that there is an image.
        low, high = min(low, self.samples - 1), max(high, 1)
        before, after = self._mapped(range(low, 0)), self._mapped(range(self.samples, high))
        begin, end = max(low, 0), min(high, self.samples)
        sides = tuple(0 if isinstance(side, str) else side for side in self.sides)
        if not before and not after:
            return Part(slice(begin, end), begin, (sides[0], sides[1]))
        indices = np.concatenate([np.array(before, int), np.arange(begin, end), np.array(after, int)])
        return Part(indices, begin - len(before), (sides[0], sides[1]))

    def _mapped(self, places: range) -> list[int]:
        found = (map_index(place, self.samples, *self.sides) for place in places)
        return [index for index in found if index is not None]


@dataclass(frozen=True)
class Block:
    """Outputs ``first`` to ``last - 1`` along each axis."""

    first: tuple[int, ...]
    last: tuple[int, ...]

    @property
    def slices(self) -> tuple[slice, ...]:
        """Where they lie in the result."""
        return tuple(map(slice, self.first, self.last))


def run_blocks(source: Source, asked: Request, target: Path, *, max_bytes: int = MAX_BYTES,
               progress: Progress | None = None, finish: Finish | None = None,
               dtype: np.dtype[Any] | None = None) -> np.memmap[Any, Any]:
    """Filter block by block; `finish` is applied to each, and gives values of `dtype`."""
    axes = _axes(source, asked)
    made = np.dtype(asked.options["dtype"])
    final = made if dtype is None else dtype
    shape = tuple(axis.outputs for axis in axes)
    if target.suffix.lower() != ".npy":
        raise ImageError(f"filter_file: {target}: suffix {target.suffix!r} is not .npy; a result is mapped as such")
    check_writable(target, shape, final)
    extents = _cut(axes, source.dtype.itemsize, max(made.itemsize, final.itemsize), max_bytes)
    blocks = list(_blocks(shape, extents))
    settled = settle(source, asked)
    tell = progress or _silent
    with beside(target) as part:
        _reserve(part, shape, final)
        tell(0, len(blocks))
        for done, block in enumerate(blocks, 1):
            result = _filter_block(source, settled, axes, block)
            _store(part, block, result if finish is None else finish(result))
            tell(done, len(blocks))
    return mapped(target)  # type: ignore[no-any-return]


def _silent(done: int, total: int) -> None:
    """Tell nobody."""


def _axes(source: Source, asked: Request) -> list[Axis]:
    """Place the outputs along each axis, as the whole call would."""
    filtered = list(source.shape)
    if asked.alpha_axis is not None:
        filtered[asked.alpha_axis] -= 1
    image, taps = Like(tuple(filtered), source.dtype.name), Like(asked.kernel.shape, asked.kernel.dtype.name)
    options = {name: value for name, value in asked.options.items() if name not in ("method", "threads")}
    problem = lower_sliding("filter_file", image, taps, Sliding(**options)).problem
    axes = [Axis(extent, extent, 0, 1, 0, (0, 0)) for extent in source.shape]
    for place, axis in enumerate(asked.options["axes"]):
        reach = (problem.kernel[place] - 1) * problem.kernel_dilation[place]
        axes[axis] = Axis(problem.image[place], problem.output[place], problem.start[place], problem.stride[place],
                          reach, problem.border[place])
    return axes


def settle(source: Source, asked: Request) -> Request:
    """Settle the algorithm once, by the whole problem: blocks of another shape might choose another."""
    if asked.options["method"] != "auto":
        return asked
    filtered = list(source.shape)
    if asked.alpha_axis is not None:
        filtered[asked.alpha_axis] -= 1
    like = Like(tuple(filtered), source.dtype.name)
    chosen = operations.plan(operations.correlate, like, asked.kernel, **asked.options).recipe.algorithm
    return Request(asked.kernel, dict(asked.options, method=chosen), asked.alpha_axis)


def _cut(axes: Sequence[Axis], item_bytes: int, result_bytes: int, max_bytes: int) -> list[int]:
    """Choose the extents of a block: halved along the first axis that is still thick, until it fits.

    Twice the samples and twice the result: both may be there as laid out and as joined.
    """
    extents = [axis.outputs for axis in axes]

    def needed() -> int:
        samples = math.prod(min(axis.needs(extent), axis.samples + axis.reach)
                            for axis, extent in zip(axes, extents, strict=True))
        return 2 * item_bytes * samples + 2 * result_bytes * math.prod(extents)

    while needed() > max_bytes:
        thick = [i for i, axis in enumerate(axes) if extents[i] * axis.stride > max(2 * axis.reach, 1)
                 and extents[i] > 1]
        left = thick or [i for i, extent in enumerate(extents) if extent > 1]
        if not left:
            raise ShapeError(f"filter_file: max_bytes={max_bytes} is too small; a block of one output needs {needed()}")
        extents[left[0]] = -(-extents[left[0]] // 2)
    return extents


def _blocks(shape: tuple[int, ...], extents: Sequence[int]) -> Iterator[Block]:
    starts = [range(0, outputs, max(extent, 1)) for outputs, extent in zip(shape, extents, strict=True)]
    for first in product(*starts):
        yield Block(first, tuple(min(begin + extent, outputs)
                                 for begin, extent, outputs in zip(first, extents, shape, strict=True)))


def _filter_block(source: Source, asked: Request, axes: Sequence[Axis], block: Block) -> Pixels:
    """Lay out what the block sees, and have the engine compute just its outputs."""
    parts = [axis.part(first, last) for axis, first, last in zip(axes, block.first, block.last, strict=True)]
    image = _gather(source, [part.samples for part in parts])
    outputs = []
    for i in asked.options["axes"]:
        axis, begin = axes[i], axes[i].start + block.first[i] * axes[i].stride - parts[i].begin + axes[i].reach
        outputs.append(slice(begin, begin + (block.last[i] - block.first[i] - 1) * axis.stride + 1, axis.stride))
    window = {"mode": "full", "outputs": tuple(outputs), "stride": 1,
              "border": tuple(parts[i].sides for i in asked.options["axes"])}
    if asked.alpha_axis is None:
        return np.asarray(operations.correlate(image, asked.kernel, **(asked.options | window)))
    return _with_alpha(image, source, asked, axes, block, window)


def _with_alpha(image: Pixels, source: Source, asked: Request, axes: Sequence[Axis], block: Block,
                window: dict[str, Any]) -> Pixels:
    """Filter the colour channels of the block, and keep alpha, as far as the block holds the one or the other."""
    axis = asked.alpha_axis
    assert axis is not None
    holds_alpha = block.last[axis] == axes[axis].outputs
    alpha = image[(slice(None),) * axis + (-1,)]
    colours = image[(slice(None),) * axis + (slice(None, -1 if holds_alpha else None),)]
    shape = [last - first for first, last in zip(block.first, block.last, strict=True)]
    shape[axis] -= holds_alpha
    result = np.empty(shape, asked.options["dtype"])
    if result.size:
        result = np.asarray(operations.correlate(colours, asked.kernel, **(asked.options | window)))
    if not holds_alpha:
        return result
    if asked.in_place:
        alpha = source.read((*block.slices[:axis], -1, *block.slices[axis + 1 :]))
        return np.asarray(asked.beside(result, alpha))
    return np.asarray(asked.beside(result, asked.kept(alpha, window)))


def _gather(source: Source, parts: Sequence[Any]) -> Pixels:
    """Read the samples: the slices at once, then the indices of each axis that has some."""
    spans = [part if isinstance(part, slice) else slice(int(part.min()), int(part.max()) + 1) for part in parts]
    if not all(isinstance(part, slice) for part in parts) and _much(parts, spans):
        return source.read(np.ix_(*[np.arange(part.start, part.stop) if isinstance(part, slice) else part
                                    for part in parts]))
    image = source.read(tuple(spans))
    for axis, (part, span) in enumerate(zip(parts, spans, strict=True)):
        if not isinstance(part, slice):
            image = np.take(image, part - span.start, axis=axis)
    return image


def _much(parts: Sequence[Any], spans: Sequence[slice]) -> bool:
    """Whether the samples lie far apart, as at the two ends of a volume that is wrapped."""
    wanted = math.prod(len(range(span.start, span.stop)) if isinstance(part, slice) else len(part)
                       for part, span in zip(parts, spans, strict=True))
    return bool(2 * wanted < math.prod(span.stop - span.start for span in spans))


def _reserve(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Make the file, and have the disk promise its room: a mapped page without room would end the process."""
    with path.open("wb") as stream:
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(stream, header)
        size = stream.tell() + math.prod(shape) * dtype.itemsize
        stream.flush()
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(stream.fileno(), 0, size)
        else:
            stream.truncate(size)


def _store(path: Path, block: Block, result: Pixels) -> None:
    if not result.size:
        return
    with path.open("rb") as stream:
        np.lib.format.read_magic(stream)
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        offset = stream.tell()
    np.memmap(path, dtype, "r+", offset, shape)[block.slices] = result
