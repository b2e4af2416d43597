"""The whole program of a stage: entry, work items, passes."""

from __future__ import annotations

from ...compiler.cells import Cells, data
from ...compiler.emit import Module
from ...compiler.entry import share_items
from .frame import Frame
from .passes import AcrossPass, DownPass
from .slabs import SlabWork
from .work import FLAG, ODD, STEPS, Work

__all__ = ["Work", "emit_entry", "emit_program"]


def emit_program(frame: Frame) -> str:
    """Write the IR of ``entry`` and all that it needs."""
    module = Module()
    for axis in range(frame.last + 1):
        for kind in frame.form.kinds(axis):
            DownPass(frame, module, axis, kind).emit()
    AcrossPass(frame, module).emit()
    (SlabWork if frame.last else Work)(frame, module).emit()
    emit_entry(frame, module)
    return module.text()


def emit_entry(frame: Frame, module: Module) -> None:
    """entry(image, out, taps, bias, tables, scratch, status, pool, run, participants, only) -> flags.

    The first four are Python's array objects; ``only`` is the one item that is wanted, or -1 for all.
    The flags are 1 if an integer overflowed, and 2 if ``status`` tells of items whose outputs are not finite.
    """
    arrays, rest = ("image", "out", "taps", "bias"), ("tables", "scratch", "status", "pool", "run")
    f = module.function("entry", "i64", [*(("ptr", name) for name in (*arrays, *rest)), ("i64", "participants"),
                                         ("i64", "only")], internal=False)
    *told, tables, scratch, status, pool, run, participants, only = f.arguments
    stage = frame.stage
    cells = Cells(f, f.alloca(8 * (STEPS + len(stage.image_axes))))
    image, out, taps, bias = (data(f, array) for array in told)
    out = f.at(out, stage.output_offset * frame.target.itemsize)
    cells.fill(enumerate((image, out, taps, bias, tables, scratch, status, 0, 0)))
    cells.fill_strides(STEPS, told[0], stage.image_axes)
    share_items(f, "work", cells.context, frame.items, (pool, run, participants), only)
    f.finish(f.bits("or", cells.cell(FLAG), cells.cell(ODD)))
