"""The adapter of faltung itself: a prepared plan, plain arrays in and out."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from benchmarks.cases import Case
from benchmarks.checking import Operands
from benchmarks.peers import Forms

NAME = "faltung"


def forms(case: Case, given: Operands, threads: int) -> Forms:
    """Return the plan that a user would make for the case, applied to the image."""
    plan, x, out = make_plan(case, given, threads), given.x, given.out
    return {algorithm(plan): (lambda: plan(x)) if out is None else (lambda: plan(x, out=out))}


def make_plan(case: Case, given: Operands, threads: int) -> Any:
    """Plan the case with a known kernel; only the image's shape and dtype are told."""
    ft = import_module("faltung")
    image = ft.Like(case.shape, case.dtype)
    if case.operation == "conv":
        return ft.plan(ft.conv, image, given.k, stride=case.stride, padding=case.padding, groups=case.groups,
                       threads=threads)
    if case.operation == "convolve":
        return ft.plan(ft.convolve, image, given.k, threads=threads)
    integer = {"dtype": "uint8", "overflow": "saturate"} if case.dtype == "uint8" else {}
    border = 0 if case.border == "constant" else case.border
    return ft.plan(ft.correlate, image, given.k, "same", border=border, threads=threads, **integer)


def algorithm(plan: Any) -> str:
    """Return the name of the algorithm that the plan chose."""
    recipe = getattr(plan, "recipe", None)
    return type(recipe).__name__.removesuffix("Recipe").lower() if recipe else "plan"
