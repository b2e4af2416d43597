"""The cases: what is computed, how it is counted, and what it must reach.  Data only, no measuring."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch
from math import prod

LAYER_PEERS = ("onnxruntime", "torch")
"""The peers a plain layer must not be slower than; ncnn (Winograd) is shown beside them."""

ALL = ("*",)
"""Stands for every peer that can do the case."""


@dataclass(frozen=True)
class Faster:
    """The best of `peers` must take at least `factor` times as long as faltung."""

    factor: float
    peers: tuple[str, ...]
    threads: tuple[int, ...] = (1, 2)


@dataclass(frozen=True)
class OfPeak:
    """The rate must be at least `fraction` of the measured multiply-add peak at the same thread count."""

    fraction: float
    threads: tuple[int, ...] = (1, 2)


@dataclass(frozen=True)
class Rate:
    """The rate must be at least `gflops`."""

    gflops: float
    threads: tuple[int, ...] = (1,)


@dataclass(frozen=True)
class OfCase:
    """The rate must be at least `fraction` of the rate of the case called `other`."""

    fraction: float
    other: str
    threads: tuple[int, ...] = (1, 2)


Target = Faster | OfPeak | Rate | OfCase


@dataclass(frozen=True)
class Case:
    """One convolution to be timed, in words that every adapter can translate.

    `operation` is "conv" (shape and kernel with batch and channels), "correlate" (same size as the image) or
    "convolve" (mode full).  `padding` and `stride` belong to "conv" only, `border` to "correlate" only.
    """

    name: str
    family: str
    operation: str
    shape: tuple[int, ...]
    kernel: tuple[int, ...]
    dtype: str = "float32"
    stride: int = 1
    padding: int = 0
    groups: int = 1
    border: str = "constant"
    targets: tuple[Target, ...] = ()

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Return the shape of the result."""
        if self.operation == "correlate":
            return self.shape
        if self.operation == "convolve":
            return tuple(n + k - 1 for n, k in zip(self.shape, self.kernel, strict=True))
        spatial = zip(self.shape[2:], self.kernel[2:], strict=True)
        extents = ((n + 2 * self.padding - k) // self.stride + 1 for n, k in spatial)
        return (self.shape[0], self.kernel[0], *extents)

    @property
    def flops(self) -> int:
        """Return the operations of the direct algorithm: 2 per multiply-add, 8 if complex.

        Taps that fall on a border count too (every tool but a few computes them), except in mode full, where
        every sample meets every tap once.
        """
        per_output = prod(self.kernel[1:]) if self.operation == "conv" else prod(self.kernel)
        outputs = prod(self.shape if self.operation == "convolve" else self.output_shape)
        return (8 if self.dtype.startswith("complex") else 2) * outputs * per_output

    @property
    def bytes_moved(self) -> int:
        """Return the least traffic: image, kernel and result, once each."""
        item = {"uint8": 1, "float32": 4, "float64": 8, "complex64": 8}[self.dtype]
        return item * (prod(self.shape) + prod(self.kernel) + prod(self.output_shape))

    @property
    def arithmetic_bound(self) -> bool:
        """Tell whether arithmetic, not memory, bounds the work (common cores: from 8 operations a byte)."""
        return self.flops >= 8 * self.bytes_moved


def _layer(channels: int, outputs: int, extent: int, k: int, *, stride: int = 1, dtype: str = "float32",
           targets: tuple[Target, ...] = (Faster(1.0, LAYER_PEERS),)) -> Case:
    """Return a layer, batch 1, padded so that stride 1 keeps the extent."""
    suffix = "" if dtype == "float32" else f"-{dtype}"
    name = f"layer-{channels}to{outputs}-{k}x{k}-{extent}" + (f"-s{stride}" if stride > 1 else "") + suffix
    family = "layer" if dtype == "float32" else "dtype"
    return Case(name, family, "conv", (1, channels, extent, extent), (outputs, channels, k, k), dtype,
                stride, k // 2, targets=targets)


def _depthwise(channels: int, extent: int, stride: int) -> Case:
    return Case(f"depthwise-{channels}-3x3-{extent}-s{stride}", "depthwise", "conv", (1, channels, extent, extent),
                (channels, 1, 3, 3), stride=stride, padding=1, groups=channels, targets=(Faster(1.0, ALL),))


def _image(extent: int, k: int, targets: tuple[Target, ...], dtype: str = "float32") -> Case:
    """Return one channel, border reflect (cv2.BORDER_REFLECT_101, scipy.ndimage "mirror")."""
    suffix = "" if dtype == "float32" else f"-{dtype}"
    family = {"float32": "image", "uint8": "uint8"}.get(dtype, "dtype")
    return Case(f"image-{k}x{k}-{extent}{suffix}", family, "correlate", (extent, extent), (k, k), dtype,
                border="reflect", targets=targets)


def _signal(taps: int, dtype: str) -> Case:
    return Case(f"signal-{taps}-1e6-{dtype}", "signal", "convolve", (1_000_000,), (taps,), dtype,
                targets=(Faster(3.0, ("numpy",)),))


def _image_targets(extent: int, k: int) -> tuple[Target, ...]:
    if k == 15:
        return (Rate(60.0),) if extent == 512 else ()
    return (Faster(2.0 if k == 11 else 1.0, ("opencv",)),)


def _rates(other: str, dtype: str) -> tuple[Target, ...]:
    """Return the rate that another dtype must keep of the float32 rate."""
    return (OfCase(0.45 if dtype == "float64" else 0.8, other),)


_NEAR_PEAK: tuple[Target, ...] = (Faster(1.0, LAYER_PEERS), OfPeak(0.8))

CASES: tuple[Case, ...] = (
    _layer(64, 64, 56, 3, targets=_NEAR_PEAK),
    _layer(128, 128, 28, 3, targets=_NEAR_PEAK),
    _layer(256, 256, 14, 3),
    _layer(3, 64, 224, 7, stride=2),
    _layer(64, 256, 56, 1),
    _layer(512, 512, 7, 3),
    *(_depthwise(channels, extent, stride) for channels, extent in ((32, 112), (144, 56)) for stride in (1, 2)),
    *(_image(extent, k, _image_targets(extent, k)) for extent in (512, 2048) for k in (3, 5, 7, 11, 15)),
    *(_image(extent, k, (Faster(3.0, ("opencv",)),), "uint8") for extent in (512, 2048) for k in (3, 5, 7, 11)),
    *(_signal(taps, dtype) for dtype in ("float64", "float32") for taps in (5, 31, 255)),
    Case("volume-5x5x5-128", "volume", "correlate", (128, 128, 128), (5, 5, 5), targets=(Faster(20.0, ("ndimage",)),)),
    *(_layer(128, 128, 28, 3, dtype=dtype, targets=_rates("layer-128to128-3x3-28", dtype))
      for dtype in ("float64", "complex64")),
    *(_image(512, 7, _rates("image-7x7-512", dtype), dtype) for dtype in ("float64", "complex64")),
)


def select(pattern: str) -> list[Case]:
    """Return the cases whose name or family matches any of the comma-separated shell patterns."""
    patterns = pattern.split(",")
    return [case for case in CASES if any(fnmatch(case.name, p) or fnmatch(case.family, p) for p in patterns)]


def by_name(name: str) -> Case:
    """Return the case called `name`."""
    return next(case for case in CASES if case.name == name)
