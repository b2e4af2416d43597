"""faltung: convolution of signals, images, volumes and layers; correct, fast and visible.

>>> import faltung as ft
>>> ft.convolve([1, 2, 3], [1, 1])
array([1, 3, 5, 3])
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .arrays import Like
from .errors import BorderError, CodegenError, DTypeError, FaltungError, ImageError, PlanError, ShapeError
from .operations import autocorrelate, conv, conv_transpose, convolve, correlate, plan

__version__ = "0.1.0"

__all__ = [
    "BorderError", "CodegenError", "DTypeError", "FaltungError", "ImageError", "Like", "Match", "PlanError",
    "ShapeError", "autocorrelate", "continuous", "conv", "conv_input_grad", "conv_transpose",
    "conv_transpose_input_grad", "conv_transpose_weight_grad", "conv_weight_grad", "convolve", "correlate", "cost",
    "explain", "filter", "find", "get_threads", "images", "kernels", "layers", "match", "period", "plan", "read",
    "set_threads", "show", "wisdom", "write",
]

# Imported on first use: the compiler's floor brings llvmlite, images bring the file formats.
_LATE = {
    "set_threads": "compiler.threads", "get_threads": "compiler.threads",
    "filter": "images", "read": "images", "write": "images",
    "conv_input_grad": "gradients", "conv_weight_grad": "gradients",
    "conv_transpose_input_grad": "gradients", "conv_transpose_weight_grad": "gradients",
    "match": "matching", "find": "matching", "Match": "matching", "period": "periods",
    "cost": "costs", "explain": "explanation",
}
_MODULES = ("continuous", "images", "kernels", "layers", "show", "wisdom")


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    if name in _LATE:
        value = getattr(import_module(f".{_LATE[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
