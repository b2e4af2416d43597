"""Where the operands' numbers lie: views of the image, and tables of offsets in bytes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ...compiler.memory import address
from ...problem.layout import View
from .frame import Frame


class Tables(NamedTuple):
    """Offsets, as the program reads them, and steps."""

    heads: Any
    """For each head: of columns, rows, outputs and bias."""
    rows: Any
    """For each row: of its numbers and of its outputs."""
    lines: Any
    """For each column, or each row of pixels: of its numbers."""
    facts: Any
    """How far the first number that is read lies from the image's first, where the three tables lie, and the bytes
    between stretches (of pixels: between terms) of columns, and of rows."""
    address: int
    """Of the facts."""
    copies: bool
    """Whether an image with such strides must be copied."""


class Operands:
    """Views and tables of a frame's operands; tables are kept for the strides that were seen last."""

    def __init__(self, frame: Frame) -> None:
        self.frame, self.problem = frame, frame.problem
        self.batch = len(frame.problem.batch)
        p, m = frame.problem, frame.matrices
        self.orders_kernel = m.columns_of != "images"
        self.of_pixels = prod(p.output) > 1
        self._positions = tuple(
            slice(first, first + (out - 1) * s + (k - 1) * d + 1, s if out > 1 else d) for first, out, k, s, d in
            zip(p.start, p.output, p.kernel, p.stride, p.kernel_dilation, strict=True))
        self._kept: dict[tuple[tuple[int, ...], tuple[int, ...]], Tables] = {}

    @property
    def copy_bytes(self) -> int:
        """Most bytes of a copy of the image."""
        p = self.problem
        seen = p.image if self.frame.by_rows else p.output if self.of_pixels else p.kernel
        return prod((*p.image_shape[:self.batch + 2], *seen)) * self.frame.element.size

    # --- views

    def see(self, image: Any) -> Any:
        """The image as the program reads it, or a copy if its numbers do not lie as they should."""
        p = self.problem
        if self.frame.by_rows:
            image = image if image.strides[-1] == image.itemsize else np.ascontiguousarray(image)
            return image[(..., *(slice(first, None) for first in p.start))]
        seen = image[(..., *self._positions)]
        if not self.of_pixels:
            return self.in_line(seen.reshape(*seen.shape[:-p.ndim], -1))
        if self.frame.matrices.columns_of == "pixels":
            seen = seen.reshape(*seen.shape[:-p.ndim], -1)
            return seen if seen.strides[-1] == seen.itemsize else np.ascontiguousarray(seen)
        if seen.strides[self.batch + 1] == seen.itemsize or p.channels_in == 1:
            return seen
        return np.moveaxis(np.ascontiguousarray(np.moveaxis(seen, self.batch + 1, -1)), -1, self.batch + 1)

    def in_line(self, array: Any) -> Any:
        """An array whose stretches are lines of memory: itself, or a copy."""
        inner, size = self.frame.matrices.inner, array.itemsize
        plain = array.strides[-1] == size and (array.shape[-1] == inner or array.strides[-2] == array.shape[-1] * size)
        return array if plain else np.ascontiguousarray(array)

    # --- tables

    def tables(self, image: Any, kernel: Any, out: Any, view: View) -> Tables:
        """Where all lies, for an image and a kernel with these strides."""
        key = image.strides, kernel.strides
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) > 8:
                self._kept.clear()
            found = self._kept[key] = self._found(image, kernel, view(out)[(..., *self.frame.parts[0].outputs)])
        return found

    def _found(self, image: Any, kernel: Any, places: Any) -> Tables:
        look = {"pixels": self._of_pixels, "kernels": self._of_kernels, "images": self._of_images}
        seen = self.see(image)
        copies = not np.may_share_memory(seen, image)
        *made, steps = look[self.frame.matrices.columns_of](seen, kernel, places)
        heads, rows, lines = (np.array(table, np.int64) for table in made)
        first = 0 if copies else address(seen) - address(image)
        facts = np.array([first, address(heads), address(rows), address(lines), *steps], np.int64)
        return Tables(heads, rows, lines, facts, address(facts), copies)

    def _grouped(self, columns: int, rows: int, out: int, made: int) -> Any:
        """Heads for each group, whose so many outputs have a bias each."""
        return np.outer(np.arange(self.problem.groups), (columns, rows, out, made * self.frame.element.size))

    def _phases(self, steps: Sequence[int]) -> Any:
        """How far the outputs of each phase lie from the first one's."""
        apart = [slice_.step or 1 for slice_ in self.frame.parts[0].outputs]
        starts = [[slice_.start or 0 for slice_ in part.outputs] for part in self.frame.parts]
        return np.array(starts) @ (np.array(steps) // np.array(apart))

    def _of_pixels(self, image: Any, kernel: Any, places: Any) -> tuple[Any, ...]:
        p, batch, fr = self.problem, self.batch, self.frame
        groups = self._grouped(image.strides[batch], kernel.strides[0], places.strides[batch], fr.matrices.rows)
        images = np.zeros((prod(p.batch), 1, 4), np.int64)
        images[:, 0, 0], images[:, 0, 2] = offsets(p.batch, image.strides), offsets(p.batch, places.strides)
        steps = [step * s for step, s in zip(image.strides[batch + 2:], p.stride, strict=False)]
        lines = offsets(p.output[:-1], places.strides[batch + 2:] if fr.woven else steps)
        made = np.arange(p.channels_out) * places.strides[batch + 1]
        if fr.woven:
            # those of a row of outputs are woven, and begin where the first one's do
            phases = self._phases(places.strides[batch + 2:]).reshape(-1, fr.woven)[:, :1]
            made = np.ravel(made[:, None, None] + np.broadcast_to(phases, (len(phases), fr.woven)))
        rows = np.stack([0 * made, made], 1)
        return images + groups, rows, lines, (image.strides[batch + 1], 0)

    def _of_kernels(self, image: Any, kernel: Any, places: Any) -> tuple[Any, ...]:
        p, batch = self.problem, self.batch
        of = slice(0, batch), slice(batch + 2, None)
        extents = (*p.batch, *(p.output if self.of_pixels else ()))
        seen, made = ([*array.strides[of[0]], *array.strides[of[1]]] for array in (image, places))
        count = len(self.frame.parts)
        heads = np.repeat(self._grouped(kernel.strides[0] * count, image.strides[batch], places.strides[batch],
                                        p.channels_out), count, axis=0)
        if count > 1:
            heads[:, 0] += np.tile(np.arange(count) * kernel.strides[0], p.groups)
            heads[:, 2] += np.tile(self._phases(places.strides[batch + 2:]), p.groups)
        rows = np.stack([offsets(extents, seen), offsets(extents, made)], 1)
        return heads, rows, [0], (0, image.strides[batch + 1])

    def _of_images(self, image: Any, kernel: Any, places: Any) -> tuple[Any, ...]:
        made = np.arange(self.problem.channels_out)
        heads = self._grouped(image.strides[1], kernel.strides[0], places.strides[1], len(made))
        rows = np.stack([made * kernel.strides[1], made * places.strides[2]], 1)
        lines = np.pad(offsets(self.problem.batch, image.strides), (0, self.frame.pitch), mode="edge")
        return heads, rows, lines, (image.strides[2], kernel.strides[2])


def offsets(extents: Sequence[int], steps: Sequence[int]) -> Any:
    """How far each index of some axes lies from the first, in bytes."""
    found = np.zeros(1, np.int64)
    for extent, step in zip(extents, steps, strict=False):
        found = (found[:, None] + np.arange(extent) * step).reshape(-1)
    return found
