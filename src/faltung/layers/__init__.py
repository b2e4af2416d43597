"""Layers of convolutional networks: NumPy arrays in and out, forward and backward.

Each has ``forward``, ``backward``, ``parameters``, ``buffers``, ``children``, ``output_shape``, ``cost`` and a ``repr``
that explains.  Arrays are (batch, channels, *space), float32 or float64.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PLACES = {
    "base": ("Cost", "Layer", "LayerError", "Parameter"),
    "convolution": ("Conv", "Conv1d", "Conv2d", "Conv3d", "ConvTranspose", "ConvTranspose1d", "ConvTranspose2d",
                    "ConvTranspose3d"),
    "separable": ("DepthwiseConv2d", "PointwiseConv", "SeparableConv2d"),
    "linear": ("Flatten", "Linear"),
    "composition": ("Dropout", "Identity", "Residual", "Sequential"),
    "upsampling": ("Upsample",),
    "losses": ("BinaryCrossEntropy", "CrossEntropy", "L1", "Loss", "MeanSquare"),
    "optimisers": ("SGD", "Adam", "AdamW", "Optimiser", "clip_norm"),
    "schedules": ("constant", "cosine", "step", "warmup"),
    "activations": ("GELU", "LeakyReLU", "ReLU", "ReLU6", "SiLU", "Sigmoid", "Softmax", "Tanh"),
    "pooling": ("AdaptiveAveragePool", "AdaptiveMaxPool", "AveragePool", "GlobalAveragePool", "MaxPool"),
    "normalisation": ("BatchNorm", "GroupNorm", "LayerNorm"),
}
"""Which module holds which name; each is imported when it is first asked for."""

_MODULES = ("initialisers", "optimisers", "losses", "network", "zoo", "data", "training")
_OWNERS = {name: module for module, names in _PLACES.items() for name in names}

__all__ = sorted([*_OWNERS, *_MODULES])  # noqa: PLE0605 made from the table above


def __getattr__(name: str) -> Any:
    if name in _OWNERS:
        value = getattr(import_module(f".{_OWNERS[name]}", __name__), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
