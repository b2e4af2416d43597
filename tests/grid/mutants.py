"""Deliberate mistakes: each must make the grid's check fail.

``python -m grid.mutants NAME`` runs the grid with one; it exits with 3 if that was noticed, with 0 if not.
A program of its own, since a mistake may well end the process.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from faltung import machine
from faltung.algorithms import phases
from faltung.algorithms.direct import executable, output, pixels, stages
from faltung.algorithms.direct.channels import ChannelTile
from faltung.algorithms.direct.frame import Frame
from faltung.algorithms.direct.output import Writer
from faltung.algorithms.direct.pack import Packer
from faltung.algorithms.direct.packing import KernelPacker
from faltung.algorithms.direct.program import Work
from faltung.compiler import casts
from faltung.compiler.emit import Function, Value, constant
from grid.cases import draw
from grid.check import check, poisoned_workspaces

Apply = Callable[[pytest.MonkeyPatch], None]
SEEDS = range(200)
NOTICED = 3


def _wrap(owner: Any, name: str, change: Callable[..., Any]) -> Apply:
    """Replace ``owner.name`` by ``change(original, *arguments)``."""
    original = getattr(owner, name)

    def apply(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(owner, name, lambda *arguments, **options: change(original, *arguments, **options))
    return apply


def _short_row(original: Any, packer: Packer, to: Value, row: Value, step: Value, first: Any, last: Any) -> None:
    original(packer, to, row, step, first, packer.f.sub(last, 1))


def _without_last_tap(original: Any, packer: KernelPacker, kernel: np.ndarray) -> Any:
    kernel = kernel.copy()
    kernel[(..., *(-1 for _ in range(kernel.ndim - 3)))] = 0
    return original(packer, kernel)


def _without_overflow(original: Any, writer: Writer) -> Value:
    original(writer)
    return writer.f.value(0)


MUTANTS: dict[str, Apply] = {
    "a packed row is one short": _wrap(Packer, "_inside", _short_row),
    "the border's table is one off": _wrap(executable, "border_tables", lambda original, frame: [
        max(cell - 1, 0) if cell >= 0 else cell for cell in original(frame)]),
    "constants outside are zero": _wrap(Packer, "_constants", lambda original, packer, side: original(packer, 0)),
    "the last tap is dropped": _wrap(KernelPacker, "__call__", _without_last_tap),
    "taps come in reverse": _wrap(Frame, "tap_order", lambda original, frame: original(frame)[::-1]),
    "the last block is not shifted back": _wrap(
        Work, "_start", lambda original, work, place, extent, block: work.f.mul(place, block)),
    "the last tile is not shifted back": _wrap(
        Function, "smaller",
        lambda original, f, a, b: a if isinstance(a, Value) and isinstance(b, int) else original(f, a, b)),
    "the bias is forgotten": _wrap(Writer, "finish", lambda original, writer, sums, bias: original(writer, sums, None)),
    "the activation is forgotten": _wrap(output, "activate", lambda original, f, kind, x: x),
    "products are not added": _wrap(
        Function, "fma", lambda original, f, a, b, c: original(f, a, b, constant(c.type, 0))),
    "i squared is 1": _wrap(Function, "neg", lambda original, f, a: a),
    "signed is taken for unsigned": _wrap(
        casts, "resize", lambda original, f, value, size, *, signed: original(f, value, size, signed=False)),
    "saturation wraps": _wrap(output, "narrow", lambda original, f, value, source, target, overflow: original(
        f, value, source, target, "wrap" if overflow == "saturate" else overflow)),
    "overflow is not told": _wrap(Writer, "overflowed", _without_overflow),
    "lanes beyond the output tell of overflow": _wrap(
        Writer, "_narrow", lambda original, writer, value, lanes: original(writer, value, 1 << 20)),
    "vectors of the output are stored whole": _wrap(
        Writer, "store", lambda original, writer, values, out, stride, lanes: original(
            writer, values, out, stride, writer.frame.lanes)),
    "phases begin one tap late": _wrap(phases, "_axis_phases", lambda original, p, axis: [
        phase._replace(start=phase.start + (p.image_dilation[axis] > 1)) for phase in original(p, axis)]),
    "the output's offset is forgotten": _wrap(
        stages, "_stage", lambda original, problem, strides, offset: original(problem, strides, 0)),
    "real and imaginary parts change places": _wrap(
        Writer, "_interleave", lambda original, writer, planes: original(writer, planes[::-1])),
    "the kernel's rows are not dilated": _wrap(
        pixels.PixelTile, "_tile", lambda original, tile, image, kernel, sums, size: (
            setattr(tile, "row_dilation", 1), original(tile, image, kernel, sums, size))[1]),
    "channels are stored one pixel late": _wrap(
        ChannelTile, "_tile", lambda original, tile, image, *others: original(
            tile, tile.f.at(image, tile.frame.accumulator.size), *others)),
    "a group's kernel is another's": _wrap(
        Work, "_channel_blocks", lambda original, work, image, scratch, out, group, share: original(
            work, image, scratch, out, 0, share)),
}


def main() -> None:
    """Run the grid with a mutant; 0 means that nothing was noticed."""
    with pytest.MonkeyPatch.context() as patch, poisoned_workspaces():
        if sys.argv[1] != "none":
            MUTANTS[sys.argv[1]](patch)
        for seed in SEEDS:
            try:
                check(draw(seed), replace(machine.detect(), l2_bytes=1 << 12), threads=1)
            except AssertionError as error:  # anything else is a mutant that is broken itself
                print(f"noticed at {seed}: {str(error)[:200]}")
                sys.exit(NOTICED)
    print("nothing was noticed")


if __name__ == "__main__":
    main()
