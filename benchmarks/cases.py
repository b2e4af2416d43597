"""What a case is: one convolution to be timed, in words that every adapter can translate.  Data only."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch
from math import prod

LAYERS = ("conv", "conv_transpose", "input_grad", "weight_grad")
"""Operations whose shapes have a batch and channels."""

ITEM_BYTES = {"uint8": 1, "int16": 2, "int32": 4, "float32": 4, "float64": 8, "complex64": 8, "int64": 8}


@dataclass(frozen=True)
class Case:
    """One convolution.

    Operations: `LAYERS` (a gradient's shape and kernel are those of its layer), "correlate" (same size as the image),
    "convolve" (mode full), "match" (zncc), "missing" (a blur that leaves NaN out), and "image", whose `taps` name what
    is done to a picture.  `border` belongs to "correlate".  A kernel that is not `known` is new at each call.
    """

    name: str
    family: str
    operation: str
    shape: tuple[int, ...]
    kernel: tuple[int, ...]
    dtype: str = "float32"
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    groups: int = 1
    border: str = "constant"
    taps: str = "random"
    output: str = ""
    known: bool = True
    quick: bool = False

    @property
    def ndim(self) -> int:
        """Return the number of axes that the kernel slides along."""
        return len(self.shape) - 2 if self.operation in LAYERS else len(self.shape)

    @property
    def forward_shape(self) -> tuple[int, ...]:
        """Return the shape of the result, of a gradient that of its layer's result."""
        if self.operation in ("conv", "input_grad", "weight_grad"):
            extents = ((n + 2 * self.padding - self.dilation * (k - 1) - 1) // self.stride + 1
                       for n, k in zip(self.shape[2:], self.kernel[2:], strict=True))
            return (self.shape[0], self.kernel[0], *extents)
        if self.operation == "conv_transpose":
            extents = ((n - 1) * self.stride - 2 * self.padding + self.dilation * (k - 1) + 1
                       for n, k in zip(self.shape[2:], self.kernel[2:], strict=True))
            return (self.shape[0], self.kernel[1] * self.groups, *extents)
        change = {"convolve": 1, "match": -1}.get(self.operation, 0)
        return tuple(n + change * (k - 1) for n, k in zip(self.shape, self.kernel, strict=True))

    @property
    def output_dtype(self) -> str:
        """Return the dtype of the result."""
        return self.output or self.dtype

    @property
    def flops(self) -> int:
        """Return the operations of the definition: 2 per multiply-add, 8 if complex; 0 where a case has no kernel.

        Taps that fall on a border count too (every tool but a few computes them), except in mode full and in transposed
        layers, where every sample meets every tap once.
        """
        if self.operation == "image":
            return 0
        if self.operation in LAYERS:
            meeting = prod(self.kernel[1:])
            sums = prod(self.shape if self.operation == "conv_transpose" else self.forward_shape)
        else:
            meeting = prod(self.kernel)
            sums = prod(self.shape if self.operation == "convolve" else self.forward_shape)
        return (8 if self.dtype.startswith("complex") else 2) * sums * meeting

    @property
    def bytes_moved(self) -> int:
        """Return the least traffic: image, kernel and result, once each."""
        operands = prod(self.shape) + (prod(self.kernel) if self.operation != "image" else 0)
        wide = "float32" if self.operation == "match" else self.output_dtype
        return ITEM_BYTES[self.dtype] * operands + ITEM_BYTES[wide] * prod(self.forward_shape)

    @property
    def arithmetic_bound(self) -> bool:
        """Tell whether arithmetic, not memory, bounds the work (common cores: from 8 operations a byte)."""
        return self.flops >= 8 * self.bytes_moved


def select(cases: tuple[Case, ...], patterns: str, *, quick: bool = False) -> list[Case]:
    """Return the cases whose name or family matches any of the comma-separated shell patterns."""
    wanted = patterns.split(",")
    return [case for case in cases if (case.quick or not quick)
            and any(fnmatch(case.name, p) or fnmatch(case.family, p) for p in wanted)]
