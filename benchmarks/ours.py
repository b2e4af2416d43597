"""The adapter of faltung itself: a prepared plan where the kernel is known, whole calls elsewhere."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from benchmarks.cases import Case
from benchmarks.checking import Operands
from benchmarks.peers.common import Call, Forms

NAME = "faltung"


def forms(case: Case, given: Operands, threads: int) -> Forms:
    """Return what a user would write for the case, under the name of the algorithm that was chosen."""
    ft = import_module("faltung")
    ft.set_threads(threads)
    if case.operation == "image":
        return {"images": _picture(ft, case, given)}
    function, arguments, options = wording(ft, case, given)
    if case.known:
        plan, x = ft.plan(function, ft.Like(case.shape, case.dtype), *arguments[1:], **options), given.x
        return {algorithm(plan): lambda: plan(x)}
    return {_name(ft, case, function, arguments, options): lambda: function(*arguments, **options)}


def _name(ft: Any, case: Case, function: Any, arguments: list[Any], options: dict[str, Any]) -> str:
    """Return what a whole call chooses; of integers it looks at the values first, as no plan does."""
    if case.operation in ("match", "missing"):
        return case.operation
    if case.dtype.startswith("int"):
        return "exact"
    return algorithm(ft.plan(function, *arguments, **options))


def wording(ft: Any, case: Case, given: Operands) -> tuple[Any, list[Any], dict[str, Any]]:
    """Return the function, its arguments and its options."""
    layer = {"stride": case.stride, "padding": case.padding, "dilation": case.dilation, "groups": case.groups}
    x, k = given.x, given.k
    if case.operation == "correlate":
        options = {"border": 0 if case.border == "constant" else case.border}
        if case.dtype == "uint8":
            options |= {"dtype": case.output_dtype, "overflow": "saturate"}
        return ft.correlate, [x, k, "same"], options
    return {
        "conv": lambda: (ft.conv, [x, k], layer),
        "conv_transpose": lambda: (ft.conv_transpose, [x, k], layer),
        "input_grad": lambda: (ft.conv_input_grad, [given.dy, k, case.shape], layer),
        "weight_grad": lambda: (ft.conv_weight_grad, [given.dy, x, case.kernel], layer),
        "convolve": lambda: (ft.convolve, [x, k], {}),
        "match": lambda: (ft.match, [x, k], {} if given.mask is None else {"mask": given.mask}),
        "missing": lambda: (ft.convolve, [x, k, "same"], {"nan_policy": "omit"}),
    }[case.operation]()


def _picture(ft: Any, case: Case, given: Operands) -> Call:
    x, (kind, _, word) = given.x, case.taps.partition(" ")
    return {
        "blur": lambda: ft.images.blur(x, float(word)),
        "sharpen": lambda: ft.images.sharpen(x, 1, float(word)),
        "edges": lambda: ft.images.edges(x).magnitude,
        "pyramid": lambda: ft.images.pyramid(x, int(word) + 1)[-1],
    }[kind]


def algorithm(plan: Any) -> str:
    """Return the name of the algorithm that the plan chose."""
    recipe = getattr(plan, "recipe", None)
    return str(recipe.algorithm) if recipe else "plan"
