"""A register tile for small kernels on single planes: each row of pixels is loaded once, and shifted in registers.

Lanes are pixels.  A row of the image meets every pair of an output's row and a kernel's row that look at it, column
by column of the kernel; two neighbouring vectors, shifted against each other, are what a column of taps sees.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from ...compiler.emit import Module, Value, constant
from .frame import Frame
from .in_place import emit_line, load_pixels
from .pixels import PixelTile
from .reduce import multiply_add


class RowTile(PixelTile):
    """Writes the function ``tile(image, kernel, bias, out)`` for an image that is packed."""

    def emit(self) -> None:
        """Write the function."""
        parameters = [("ptr", "image"), ("ptr", "kernel"), ("ptr", "bias"), ("ptr", "out")]
        f = self.f = self.module.function("tile", "i64", parameters)
        self.image, kernel, bias, out = f.arguments
        self._sum(kernel, bias, out)

    def _sum(self, kernel: Value, bias: Value, out: Value) -> None:
        f, p, vectors = self.f, self.frame.problem, self.vectors
        columns = p.kernel[-1]
        sums = [constant(self.kind, 0)] * (self.rows * vectors)
        pairs: dict[int, list[tuple[int, int]]] = {}
        for tap, row in product(range(p.kernel[-2]), range(self.rows)):
            pairs.setdefault(row * self.row_step + tap * self.row_dilation, []).append((row, tap))
        for image_row in sorted(pairs):
            for column, pixels in enumerate(self._seen(self._line(image_row))):
                for row, tap in pairs[image_row]:
                    weight = self._weight(kernel, tap * columns + column, 0)
                    for v, at in enumerate(range(row * vectors, (row + 1) * vectors)):
                        sums[at], = multiply_add(f, [pixels[v]], weight, [sums[at]])
        self._write(sums, bias, out)

    def _seen(self, line: Value) -> Iterator[list[Value]]:
        """What each column of taps sees of a row of the image."""
        fr, loaded = self.frame, dict[int, Value]()

        def vector_at(number: int) -> Value:
            if number not in loaded:
                loaded[number] = self._load(line, number)
            return loaded[number]

        for column in range(fr.problem.kernel[-1]):
            seen = []
            for v in range(self.vectors):
                number, shift = divmod(v * fr.lanes + column * fr.problem.kernel_dilation[-1], fr.lanes)
                pixels = vector_at(number)
                seen.append(self.f.shifted(pixels, vector_at(number + 1), shift) if shift else pixels)
            yield seen

    def _line(self, row: int) -> Value:
        return self.f.at(self.image, row * self.row_bytes)

    def _load(self, line: Value, number: int) -> Value:
        """A vector of pixels, counted from the first that the tile sees."""
        place = self.f.at(line, number * self.frame.recipe.vector_bytes)
        return self.f.load(self.kind, place, align=self.frame.accumulator.size)


class RowTileInPlace(RowTile):
    """Writes the function ``tile_column(kernel, bias, out, image, row, row_step, outside)``.

    ``image`` is where the first pixel of row 0 would be that the tile sees, ``row`` the row that its first tap sees,
    and ``outside`` a row of the border's constant.  Tiles at an edge have functions of their own, with their columns as
    constants; all others share one.
    """

    def __init__(self, frame: Frame, module: Module, column: int | None) -> None:
        super().__init__(frame, module)
        self.name = tile_name(column)
        self.first = None if column is None else frame.problem.start[-1] + column

    def emit(self) -> None:
        """Write the function."""
        parameters = [("ptr", "kernel"), ("ptr", "bias"), ("ptr", "out"), ("ptr", "image"), ("i64", "row"),
                      ("i64", "row_step"), ("ptr", "outside")]
        f = self.f = self.module.function(self.name, "i64", parameters)
        kernel, bias, out, self.image, self.row, self.line_step, self.outside = f.arguments
        self._sum(kernel, bias, out)

    def _line(self, row: int) -> Value:
        row_there = self.f.add(self.row, row)
        return emit_line(self.module, self.f, self.frame, self.image, row_there, self.line_step, self.outside)

    def _load(self, line: Value, number: int) -> Value:
        further = number * self.frame.lanes
        place = self.f.at(line, further * self.frame.source.size)
        return load_pixels(self.f, self.frame, place, None if self.first is None else self.first + further)


def tile_name(column: int | None) -> str:
    """Name of the function for the tile at a column, or for those in the middle."""
    return "tile" if column is None else f"tile_{column}"


# ---------------------------------------------------------------- where the tiles of a row stand

def tile_count(frame: Frame) -> int:
    """Tiles of a row of outputs."""
    return -(-frame.problem.output[-1] // frame.tile_columns)


def tile_column(frame: Frame, number: int) -> int:
    """First column of a tile; the last is shifted back."""
    return min(number * frame.tile_columns, max(0, frame.problem.output[-1] - frame.tile_columns))


def tiles_inside(frame: Frame) -> range:
    """Those of the tiles, by number, that see nothing of the border: a run of them."""
    p, last = frame.problem, tile_count(frame) - 1
    reach = (frame.recipe.tile[2] - 1) * frame.lanes + (p.kernel[-1] - 1) * p.kernel_dilation[-1]
    farthest = p.image[-1] - p.start[-1] - (-(-reach // frame.lanes) + 1) * frame.lanes
    begin = max(0, -(p.start[-1] // frame.tile_columns))
    end = min(farthest // frame.tile_columns + 1, last)
    if end == last and p.start[-1] + tile_column(frame, last) >= 0 and tile_column(frame, last) <= farthest:
        end += 1
    return range(begin, end) if begin < end else range(0)


def tiles_at_edges(frame: Frame) -> list[int]:
    """All other tiles, by number."""
    inside = tiles_inside(frame)
    return [*range(inside.start), *range(inside.stop, tile_count(frame))]


def emit_row_tiles(frame: Frame, module: Module) -> None:
    """Write the functions of all tiles of a row."""
    for column in (None, *(tile_column(frame, number) for number in tiles_at_edges(frame))):
        if column is not None or tiles_inside(frame):
            RowTileInPlace(frame, module, column).emit()
