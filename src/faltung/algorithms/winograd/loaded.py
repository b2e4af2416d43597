"""The loaded program of one frame, and how it is called; rows of tiles that are not finite are summed directly."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...compiler import jit
from ...compiler.calling import items_function, python_function
from ...compiler.memory import NO_BIAS, Workspace, address
from ...compiler.threads import run_items, team
from ...lazy import cached_property
from ...problem.border import map_index
from . import fallback
from .components import whole
from .frame import Frame
from .seen import FILLS, first_sample, span


def emit(frame: Frame) -> str:
    """Write the program; the generator is imported only where no object is found on the disk."""
    from .program import emit_program

    return emit_program(frame)


class Packed:
    """A kernel, transformed in memory that goes back to its executable: the next one finds its pages warm.

    Of one that is used once, the blocks of each participant are transformed one after the other, to the same place.
    """

    def __init__(self, taps: Any, memory: Workspace, apart: tuple[int, int]) -> None:
        """``taps`` (channels out and in, and the taps of a pair in line) are read where they lie."""
        if abs(taps.strides[3]) != taps.itemsize:
            taps = np.ascontiguousarray(taps)
        self.taps, self._memory, self._buffer = taps, memory, memory.borrow()
        self.ready = False
        self._facts = np.array([address(taps) + min(0, taps.strides[3]) * (taps.shape[3] - 1), *taps.strides[:3],
                                taps.strides[3] < 0, self._buffer[0], *apart], np.int64)
        self.address = address(self._facts)

    def __del__(self) -> None:
        self._memory.give_back(self._buffer)


class Loaded:
    """The program of one frame."""

    def __init__(self, frame: Frame, threads: int) -> None:
        self.frame, self.problem = frame, whole(frame.problem)
        library = jit.load(f"winograd {frame!r}", frame.machine, ("entry", "pack"), lambda: emit(frame))
        self._entry, self._pack = python_function(library, "entry", 6, 5), items_function(library, "pack")
        self.participants = min(threads, frame.items)
        self._workspace = Workspace(frame.places["end"] * self.participants)
        # held for as long as their addresses are
        self.rows = np.array([*frame.row_table, *(frame.depth.marks if frame.depth else ())], np.int64)
        self.fills = self._fills()

    def _fills(self) -> Any:
        """Rows of constants, as `seen` numbers them."""
        found = np.zeros((FILLS, max(1, self.frame.columns[1])), self.problem.accumulator_dtype)
        found[:2] = numbers(self.problem.border[0])[:, None]
        found[3:] = numbers(self.frame.depth.border if self.frame.depth else (0, 0))[:, None]
        return found

    @property
    def workspace_bytes(self) -> int:
        """Workspace of one call, all threads together, where all is finite."""
        return self._workspace.size_bytes

    @property
    def fallback_bytes(self) -> int:
        """What a row of tiles that is not finite takes beside it."""
        return fallback.workspace_bytes(fallback.row_of_tiles(self.frame), self.frame.machine)

    def run(self, image: Any, kernel: Packed, bias: Any, places: Any, threads: int) -> None:
        """Fill ``places``: image and output have the axes of the frame's problem."""
        status = np.zeros((self.problem.groups, self.frame.all_rows), np.int64)
        participants = min(threads, self.participants)
        buffer = self._workspace.borrow()
        try:
            found = self._entry(image, places, NO_BIAS if bias is None else bias, self.rows, self.fills, status,
                                kernel.address, buffer[0], *team(participants))
        finally:
            self._workspace.give_back(buffer)
        if found:
            self._run_directly(status, image, kernel.taps, bias, places)

    def transform(self, kernel: Packed, threads: int) -> None:
        """Transform all blocks of a kernel."""
        run_items(self._pack, kernel.address, self.frame.all_blocks, min(threads, self.frame.all_blocks))
        kernel.ready = True

    # --- what is not finite

    @cached_property
    def _directly(self) -> Any:
        """The definition for one row of tiles of one group, its border made already; and that problem."""
        row = fallback.row_of_tiles(self.frame)
        return fallback.build(row, self.frame.machine), row

    def _run_directly(self, status: Any, image: Any, taps: Any, bias: Any, places: Any) -> None:
        p, (executable, row_problem) = self.problem, self._directly
        m, step = self.frame.recipe.tile[0], p.kernel_dilation[0]
        sums = np.empty(row_problem.output_shape[-3:], p.output_dtype)
        for group in np.flatnonzero(status.any(axis=1)):
            packed = executable.pack(taps[group].reshape(1, *p.kernel_shape[1:]))
            added = None if bias is None else executable.pack_bias(bias[group])
            for row in np.flatnonzero(status[group]):
                number, strip = divmod(int(row), self.frame.tiles[0])
                index = np.unravel_index(number, p.batch) if p.batch else ()
                lead = (*index, group)
                first = strip // step * step * m + strip % step
                rows = slice(first, first + m * step, step)
                seen = [self._gathered(plane, first) for plane in self._planes(image, index, group)]
                samples = seen[0] if len(seen) == 1 else np.concatenate(seen)
                executable.run(samples[None], packed, added, sums[None], 1)
                places[(*lead, slice(None), rows)] = sums[:, :len(range(p.output[0])[rows])]

    def _planes(self, image: Any, index: tuple[Any, ...], group: Any) -> list[Any]:
        """The channels of each plane that outputs look at: of the image, or of a constant."""
        depth = self.frame.depth
        if depth is None:
            return [image[(*index, group)]]
        *batch, plane = index
        one = image[tuple(batch)]
        marks = depth.marks[plane * depth.taps:(plane + 1) * depth.taps]
        return [one[mark, group] if mark >= 0 else
                np.broadcast_to(self.fills[-1 - mark, 0], one.shape[2:]) for mark in marks]

    def _gathered(self, image: Any, first: int) -> Any:
        """What a row of tiles looks at, border included; rows behind all that outputs need are anything."""
        p, (height, width) = self.problem, self._directly[1].image
        first, last = first * p.stride[0] // p.image_dilation[0], span(p, 0, p.output[0]) - 1
        starts = (first_sample(p, axis) for axis in range(2))
        places = ([min(first + y * p.kernel_dilation[0], last) for y in range(height)], range(width))
        rows, columns = (np.array([_or_side(map_index(at + x, n, *sides), at + x) for x in places[axis]])
                         for axis, (at, n, sides) in enumerate(zip(starts, p.image, p.border, strict=True)))
        found = np.zeros((len(image), len(rows), len(columns)), p.accumulator_dtype)
        inside = np.flatnonzero(rows >= 0)[:, None], np.flatnonzero(columns >= 0)
        found[(slice(None), *inside)] = image[(slice(None), rows[inside[0]], columns[inside[1]])]
        # later axes win, as in `numpy.pad`
        for axis, index in enumerate((rows, columns)):
            for side, value in enumerate(p.border[axis]):
                if not isinstance(value, str):
                    found[(slice(None),) * (axis + 1) + (index == -1 - side,)] = value
        return found


def numbers(sides: tuple[Any, Any]) -> Any:
    """The constants of two sides; zero where the image is repeated."""
    found = np.array([0.0 if isinstance(side, str) else side for side in sides])
    return found if found.imag.any() else found.real


def _or_side(mapped: int | None, position: int) -> int:
    """The index that stands at a position; -1 and -2 are constants before and behind."""
    return mapped if mapped is not None else -1 if position < 0 else -2
