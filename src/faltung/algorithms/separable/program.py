"""The whole program of a stage: entry, work items, passes."""

from __future__ import annotations

from ...compiler.emit import Module, Operand, Value
from ..direct.program import DATA, STRIDES
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
    image, out, taps, bias, tables, scratch, status, pool, run, participants, only = f.arguments
    stage = frame.stage
    context = f.alloca(8 * (STEPS + len(stage.image_axes)))
    data = [f.load("ptr", f.at(array, DATA), align=8) for array in (image, out, taps, bias)]
    cells = [data[0], f.at(data[1], stage.output_offset * frame.target.itemsize), *data[2:], tables, scratch, status,
             f.value(0), f.value(0)]
    for cell, value in enumerate(cells):
        f.store(value, f.at(context, 8 * cell), align=8)
    strides = f.load("ptr", f.at(image, STRIDES), align=8)
    for place, axis in enumerate(stage.image_axes):
        step: Operand = 0 if axis is None else f.load("i64", f.at(strides, 8 * axis), align=8)
        f.store(step, f.at(context, 8 * (STEPS + place)), align=8)
    alone = f.compare("slt", participants, 2)
    every = f.compare("slt", only, 0)
    first, last = f.value(f.larger(only, 0)), f.value(f.select(every, frame.items, f.add(only, 1)))
    with f.when(alone), f.loop(first, last) as loop:
        f.call("work", "void", context, loop.index, 0, local=True)
    with f.unless(alone):
        f.call_pointer(run, "void", pool, Value("ptr", "@work"), context, frame.items, participants)
    flag, odd = (f.load("i64", f.at(context, 8 * cell), align=8) for cell in (FLAG, ODD))
    f.finish(f.bits("or", flag, odd))
