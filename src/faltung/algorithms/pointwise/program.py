"""The whole program: work items, panels packed block by block, and all rows times each panel."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from ...compiler.cells import Cells, data
from ...compiler.emit import Module, Operand, Value
from ...compiler.entry import share_items
from .frame import Frame
from .pack import emit_order, emit_pack
from .tile import Tile

# Cells of the context, 8 bytes each.
COLUMNS, ROWS, OUT, BIAS, SCRATCH, HEADS, PLACES, LINES, COLUMN_STEP, ROW_STEP = range(10)
LINE_BYTES = 64


def emit_program(frame: Frame) -> str:
    """Write ``entry``."""
    module = Module()
    for width in sorted(set(frame.widths)):
        Tile(frame, module, width).emit()
        if frame.packs_columns:
            emit_pack(frame, module, width)
    _Work(frame, module).emit()
    if frame.matrices.columns_of != "images":
        emit_order(frame, module)
    _emit_entry(frame, module)
    return module.text()


def _emit_entry(frame: Frame, module: Module) -> None:
    """entry(image, kernel, out, bias, facts, scratch, pool, run, participants) -> 0.

    The first four are Python's array objects, whose address is read from their public C struct.
    """
    names = ("image", "kernel", "out", "bias", "facts", "scratch", "pool", "run")
    f = module.function("entry", "i64", [*(("ptr", name) for name in names), ("i64", "participants")], internal=False)
    *arrays, facts, scratch, pool, run, participants = f.arguments
    image, kernel, out, bias = (data(f, array) for array in arrays)
    known = Cells(f, facts)
    image = f.at(image, known.cell(0))
    columns, rows = (image, kernel) if frame.packs_columns else (kernel, image)
    cells = Cells(f, f.alloca(8 * (ROW_STEP + 1)))
    cells.fill(enumerate((columns, rows, out, bias, scratch)))
    cells.fill((cell, known.cell(at)) for at, cell in enumerate((HEADS, PLACES, LINES, COLUMN_STEP, ROW_STEP), 1))
    share_items(f, "work", cells.context, frame.items, (pool, run, participants))
    f.finish(0)


class _Work(Cells):
    """Writes ``work(context, item, slot)``: some panels times some rows, of one head."""

    def __init__(self, frame: Frame, module: Module) -> None:
        self.frame, self.module, self.size = frame, module, frame.element.size
        self.begin_work(module)
        self.starts = module.table(frame.panel_starts)

    def emit(self) -> None:
        """Write the function."""
        f, fr = self.f, self.frame
        row_shares, panel_shares = fr.recipe.shares
        share, rest = f.rem(self.item, row_shares), f.div(self.item, row_shares)
        panels, head = f.rem(rest, panel_shares), f.div(rest, panel_shares)
        offsets = f.at(self.pointer(HEADS), f.mul(head, 32))
        self.columns, self.rows, self.out, self.bias = (
            f.at(self.pointer(cell), f.load("i64", f.at(offsets, 8 * at), align=8))
            for at, cell in enumerate((COLUMNS, ROWS, OUT, BIAS)))
        self.scratch = f.at(self.pointer(SCRATCH), f.mul(self.slot, fr.scratch_bytes))
        self.column_step, self.row_step = self.cell(COLUMN_STEP), self.cell(ROW_STEP)
        self.first_row, self.end_row = self._range(share, fr.share_blocks, fr.row_blocks)
        first, self.end_panel = self._range(panels, fr.share_panels, len(fr.widths))
        outward, inward = fr.blocks
        with f.loop(first, self.end_panel, fr.recipe.group) as group, f.loop(0, outward * inward) as block:
            self._block(group.index, block.index, f.div(block.index, inward), f.rem(block.index, inward))
        f.finish()

    def _range(self, share: Operand, each: int, count: int) -> tuple[Operand, Operand]:
        first = self.f.mul(share, each)
        return first, self.f.smaller(self.f.add(first, each), count)

    def _block(self, first: Operand, block: Operand, outward: Operand, inward: Operand) -> None:
        """One block of terms, for one group of panels."""
        f, fr, m, (outer, inner) = self.f, self.frame, self.frame.matrices, self.frame.stretches
        stretch, term = f.mul(outward, outer), f.mul(inward, inner)
        self.outer, self.inner = f.smaller(f.sub(m.outer, stretch), outer), f.smaller(f.sub(m.inner, term), inner)
        self.later, self.last = f.compare("sgt", block, 0), f.compare("eq", block, prod(fr.blocks) - 1)
        end = f.smaller(f.add(first, fr.recipe.group), self.end_panel)
        if fr.packs_columns:
            with f.loop(first, end) as panel:
                for width in self._each_width(panel.index):
                    self._pack(width, panel.index, f.sub(panel.index, first), stretch, term)
        with f.loop(self.first_row, self.end_row) as row, f.loop(first, end) as panel:
            for width in self._each_width(panel.index):
                self._multiply(width, row.index, panel.index, f.sub(panel.index, first), stretch, term)

    def _each_width(self, panel: Value) -> Iterator[int]:
        """The widths of panels, each in code of its own for those that have it."""
        f, widths = self.f, self.frame.widths
        if widths[0] == widths[-1]:
            yield widths[0]
            return
        wide = f.compare("slt", panel, widths.count(widths[0]))
        with f.when(wide):
            yield widths[0]
        with f.unless(wide):
            yield widths[-1]

    def _start(self, panel: Operand) -> Value:
        return self.f.load("i64", self.f.at(self.starts, self.f.mul(panel, 8)), align=8)

    def _source(self, panel: Operand, stretch: Operand, term: Operand) -> Value:
        """Where the columns of a panel begin."""
        f, fr = self.f, self.frame
        if not fr.packs_columns:
            m = fr.matrices
            terms = f.add(f.add(f.mul(panel, m.terms), f.mul(stretch, m.inner)), term)
            return f.at(self.columns, f.mul(terms, fr.pitch * self.size))
        if fr.turns_columns:
            return f.at(f.at(self.columns, f.mul(stretch, self.column_step)), f.mul(term, self.size))
        first = f.at(self.columns, f.mul(term, self.column_step))
        return first if fr.by_rows else f.at(first, f.mul(self._start(panel), self.size))

    def _pack(self, width: int, panel: Operand, place: Operand, stretch: Operand, term: Operand) -> None:
        f, start, lines = self.f, self._start(panel), self.pointer(LINES)
        if self.frame.turns_columns:
            lines = f.at(lines, f.mul(start, 8))
        f.call(f"pack.{width}", "void", self._source(panel, stretch, term), self._panel(place), lines, start,
               self.column_step, self.outer, self.inner, local=True)

    def _panel(self, place: Operand) -> Value:
        return self.f.at(self.scratch, self.f.mul(place, self.frame.panel_bytes))

    def _multiply(self, width: int, block: Value, panel: Value, place: Operand, stretch: Operand,
                  term: Operand) -> None:
        """One block of rows times one panel."""
        f, fr, m, tile = self.f, self.frame, self.frame.matrices, self.frame.recipe.tile[0]
        column, row, turn = self._start(panel), self._first_row(block), f.sub(block, self.first_row)
        columns = self._panel(place) if fr.packs_columns else self._source(panel, stretch, term)
        apart = self.size * (tile if fr.packs_rows else 1)
        rows = f.at(f.at(self.rows, f.mul(stretch, self.row_step)), f.mul(term, apart))
        if fr.packs_rows:
            rows = f.at(rows, f.mul(block, m.terms * tile * self.size))
        ahead, ahead_step = self._ahead(width, turn, panel, stretch, term) if fr.packs_rows else (
            self._following(block, rows), tile * self.size)
        totals = f.at(f.at(self.scratch, fr.totals_place), f.mul(
            f.add(f.mul(place, fr.share_blocks), turn), fr.totals_bytes))
        bias = f.at(self.bias, f.mul(column if m.columns_of == "kernels" else row, self.size))
        out = self.out if fr.woven else f.at(self.out, f.mul(column, fr.column_stride * self.size))
        f.call(f"tile.{width}", "void", columns, rows, f.at(self.pointer(PLACES), f.mul(row, 16)), out, bias, totals,
               self.pointer(LINES), column, self.row_step, self.outer, self.inner, ahead, ahead_step, self.later,
               self.last, local=True)

    def _first_row(self, block: Operand) -> Operand:
        """The first row of a block: the last one is shifted back, so that every block is whole."""
        tile = self.frame.recipe.tile[0]
        return self.f.smaller(self.f.mul(block, tile), max(0, self.frame.matrices.rows - tile))

    def _ahead(self, width: int, turn: Operand, panel: Value, stretch: Operand, term: Operand) -> tuple[Value, Operand]:
        """A line of each term of the panel that takes this one's place next, for each block of rows another."""
        f, fr = self.f, self.frame
        following = f.smaller(f.add(panel, fr.recipe.group), f.sub(self.end_panel, 1))
        source, strides = self._source(following, stretch, term), 1
        if fr.by_rows:
            row, strides = f.div(self._start(following), fr.problem.output[-1]), prod(fr.problem.stride)
            source = f.at(source, f.load("i64", f.at(self.pointer(LINES), f.mul(row, 8)), align=8))
        wanted = f.compare("sle", turn, width * fr.recipe.vector_bytes * strides // LINE_BYTES)
        return (f.select(wanted, f.at(source, f.mul(turn, LINE_BYTES)), self.scratch),
                f.select(wanted, self.column_step, 0))

    def _following(self, block: Operand, rows: Value) -> Value:
        """The next block's rows, which often follow this one's."""
        f = self.f
        row = self._first_row(f.smaller(f.add(block, 1), f.sub(self.end_row, 1)))
        return f.at(rows, f.load("i64", f.at(self.pointer(PLACES), f.mul(row, 16)), align=8))
