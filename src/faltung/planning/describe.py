"""A plan in words and numbers."""

from __future__ import annotations

from math import prod
from typing import Any


def describe(plan: Any) -> str:
    """Tell what is asked, what was decided, and what to expect of it."""
    rows = [("problem", _problem(plan.problem)), ("", _steps(plan.problem)), ("recipe", _recipe(plan.recipe)),
            ("", _others(plan)), ("expect", _expect(plan)), ("machine", _machine(plan.machine))]
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


def _others(plan: Any) -> str:
    if plan.recipe.algorithm == "reference":
        return "rejected direct: another method was asked for"
    return "rejected reference: the definition as plain loops, thousands of times slower"


def _expect(plan: Any) -> str:
    p = plan.problem
    cycles = plan.predicted_cycles
    threads = plan._most if plan.threads is None else min(plan._most, plan.threads)
    return (f"{p.multiply_adds:,} multiply-adds, about {cycles:,.0f} cycles of one thread, threads up to {threads}\n"
            f"workspace {plan.workspace_bytes:,} bytes, |error| <= {plan.error_bound:g} u max|x| sum|k|")


def _machine(machine: Any) -> str:
    return f"{machine.name}: {machine.isa}, {machine.vector_bytes * 8}-bit vectors, {machine.registers} registers"
