"""A Problem as a table for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..markup import table


def problem_html(problem: Any) -> str:
    """Write a problem: a row for each spatial axis, and the rest below."""
    p = problem
    rows = [(axis, p.image[axis], p.kernel[axis], p.output[axis], p.start[axis], p.stride[axis],
             p.kernel_dilation[axis], p.image_dilation[axis], _sides(p.border[axis])) for axis in range(p.ndim)]
    head = ("axis", "image", "kernel", "output", "start", "stride", "kernel dilation", "image dilation", "border")
    counts = [f"batch {_by(p.batch)}" if p.batch else "", f"groups {p.groups}", f"channels in {p.channels_in}",
              f"channels out {p.channels_out}", f"{p.multiply_adds:,} multiply-adds"]
    dtypes = [f"{p.image_dtype} image, {p.kernel_dtype} kernel, sums in {p.accumulator_dtype}, {p.output_dtype} output",
              "" if p.overflow == "proven" else f"overflow: {p.overflow}", "bias" if p.bias else "", p.activation or ""]
    notes = ["; ".join(filter(None, counts)), "; ".join(filter(None, dtypes))]
    return table(rows, head, title="Problem: a correlation", notes=notes)


def _by(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))


def _sides(sides: Sequence[Any]) -> str:
    before, after = map(str, sides)
    return before if before == after else f"{before}, {after}"
