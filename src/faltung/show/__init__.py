"""Pictures of what convolution does, drawn from the values that run; Matplotlib is needed only here."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

# Imported on first use: a picture needs only its own module.
_LATE = {
    "Scene": "scene",
    "animate": "animation",
    "arithmetic": "grids",
    "borders": "edges",
    "confusion": "curves",
    "feature_maps": "maps",
    "filtered": "filters",
    "growth": "scaling",
    "kernel": "filters",
    "kernel_growing": "growing",
    "learned_kernels": "learned",
    "learning": "curves",
    "numbers": "numbers",
    "overlap": "overlap",
    "picture": "scene",
    "places": "boxes",
    "ratios": "bars",
    "receptive_field": "fields",
    "roofline": "roofs",
    "scores": "boxes",
    "sliding": "sliding",
    "write": "files",
}
__all__ = [  # noqa: PLE0604 the names are the keys of the table
    *_LATE,
]


def __getattr__(name: str) -> Any:
    if name in _LATE:
        value = getattr(import_module(f".{_LATE[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATE})


class _Package(ModuleType):
    """Keeps a function in its place whose module has the same name, and would take the place when it is imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and _LATE.get(name) == name:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
