"""A plan in words and numbers."""

from __future__ import annotations

from math import prod
from typing import Any


def describe(plan: Any) -> str:
    """Tell what is asked, what was decided, what else was weighed, and what to expect."""
    rows = [("problem", _problem(plan.problem)), ("", _steps(plan.problem)), ("recipe", _recipe(plan.recipe)),
            ("expect", _expect(plan)), ("machine", _machine(plan.machine)), ("weighed", _table(plan))]
    return "\n".join([f"plan of {plan.function}", *(f"  {name:<8} {line}" for name, text in rows if text
                                                     for name, line in _lines(name, text))])


def _lines(name: str, text: str) -> list[tuple[str, str]]:
    return [(name if number == 0 else "", line) for number, line in enumerate(text.splitlines())]


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "1"


def _problem(p: Any) -> str:
    parts = [f"image {_shape(p.image)} {p.image_dtype}", f"kernel {_shape(p.kernel)} {p.kernel_dtype}",
             f"output {_shape(p.output)} {p.output_dtype}"]
    text = ", ".join(parts)
    counts = {"batch": prod(p.batch), "groups": p.groups, "channels in": p.channels_in, "channels out": p.channels_out}
    more = ", ".join(f"{name} {count}" for name, count in counts.items() if count > 1)
    return f"{text}\n{more}" if more else text


def _steps(p: Any) -> str:
    facts = [f"starts at {p.start}"]
    steps = {"stride": p.stride, "kernel dilation": p.kernel_dilation, "image dilation": p.image_dilation}
    facts += [f"{name} {step}" for name, step in steps.items() if any(one != 1 for one in step)]
    sides = sorted({str(side) for pair in p.border for side in pair})
    facts.append(f"border {', '.join(sides)}")
    facts.append(f"sums in {p.accumulator_dtype}")
    if p.overflow != "proven":
        facts.append(f"overflow: {p.overflow}")
    if p.bias:
        facts.append("bias")
    if p.activation:
        facts.append(p.activation)
    return "; ".join(facts)


def _recipe(recipe: Any) -> str:
    told = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in recipe._asdict().items())
    return f"{recipe.algorithm}: {told}" if told else str(recipe.algorithm)


def _expect(plan: Any) -> str:
    p = plan.problem
    cycles = plan.predicted_cycles
    threads = plan.way.threads if plan.threads is None else min(plan.way.threads, plan.threads)
    return (f"{p.multiply_adds:,} multiply-adds, about {cycles:,.0f} cycles of one thread, threads up to {threads}\n"
            f"workspace {plan.workspace_bytes:,} bytes, |error| <= {plan.error_bound:g} u max|x| sum|k|")


def _table(plan: Any) -> str:
    """The candidates: predicted time on one thread, workspace, error bound, and why each was not taken."""
    cells = [("method", "time", "workspace", "error bound", "")]
    cells += [(row.name, *_figures(row), row.reason or _taken(plan, row)) for row in plan.candidates]
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    return "\n".join("  ".join([f"{line[0]:<{widths[0]}}", *(f"{line[i]:>{widths[i]}}" for i in (1, 2, 3)),
                                line[4]]).rstrip() for line in cells)


def _figures(row: Any) -> tuple[str, str, str]:
    if row.seconds is None:
        return "", "", ""
    return _milliseconds(row.seconds), f"{row.workspace_bytes:,} B", f"{row.error_bound:.4g}"


def _milliseconds(seconds: float) -> str:
    value = seconds * 1e3
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.3g} ms" if value >= 1e-3 else f"{value:.1e} ms"


def _taken(plan: Any, row: Any) -> str:
    """What a plan does with a candidate that it holds."""
    if len(plan.ways) == 1 or plan.taps is not None:
        return "chosen"
    return "chosen" if row.name == plan.ways[-1].name else "chosen for kernels that have the structure"


def _machine(machine: Any) -> str:
    return f"{machine.name}: {machine.isa}, {machine.vector_bytes * 8}-bit vectors, {machine.registers} registers"
