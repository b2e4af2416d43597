"""The cases that are measured, family by family; about a quarter of them are quick."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from math import ceil

from benchmarks.cases import Case


def _layer(family: str, batch: int, c: int, m: int, k: int, n: int, *, s: int = 1, d: int = 1, g: int = 1, p: int = -1,
           ndim: int = 2, dtype: str = "float32", quick: bool = False) -> Case:
    """Return a layer, padded so that stride 1 keeps the extent."""
    padding = d * (k - 1) // 2 if p < 0 else p
    words = [f"{batch}x{c}to{m}", "x".join([str(k)] * ndim), str(n)]
    words += [f"{letter}{value}" for letter, value in (("s", s), ("d", d), ("g", g)) if value > 1]
    kind = "depthwise" if g == c == m and c > 1 else "layer"
    name = "-".join([kind, *words] + ([dtype] if dtype != "float32" else []))
    return Case(name, family, "conv", (batch, c, *[n] * ndim), (m, c // g, *[k] * ndim), dtype, s, padding, d, g,
                quick=quick)


def _small_layers() -> Iterator[Case]:
    """3x3, stride 1: 64 to 512 channels, 56 to 7 pixels, one image and eight."""
    quick = {(1, 64, 56), (1, 256, 14), (8, 128, 28), (1, 512, 7)}
    one = [(64, 56), (64, 28), (64, 14), (128, 56), (128, 28), (128, 14), (256, 28), (256, 14), (256, 7), (512, 14),
           (512, 7)]
    eight = [(64, 56), (64, 28), (128, 28), (256, 14), (512, 7)]
    for batch, sizes in ((1, one), (8, eight)):
        for c, n in sizes:
            yield _layer("layers 3x3", batch, c, c, 3, n, quick=(batch, c, n) in quick)


def _other_layers() -> Iterator[Case]:
    """1x1, 5x5, 7x7, strided, dilated, grouped, and first layers."""
    family = "other layers"
    yield _layer(family, 1, 64, 256, 1, 56, quick=True)
    yield _layer(family, 1, 256, 64, 1, 56)
    yield _layer(family, 8, 512, 512, 1, 14)
    yield _layer(family, 1, 32, 64, 5, 28, quick=True)
    yield _layer(family, 8, 32, 64, 5, 28)
    yield _layer(family, 1, 48, 128, 5, 14)
    yield _layer(family, 1, 3, 64, 7, 224, s=2, quick=True)
    yield _layer(family, 1, 64, 64, 7, 28)
    yield _layer(family, 1, 64, 128, 3, 56, s=2, quick=True)
    yield _layer(family, 1, 256, 512, 3, 14, s=2)
    yield _layer(family, 1, 256, 512, 1, 28, s=2)
    yield _layer(family, 1, 64, 64, 3, 56, d=2, quick=True)
    yield _layer(family, 1, 256, 256, 3, 28, d=4)
    yield _layer(family, 1, 128, 128, 3, 56, g=32, quick=True)
    yield _layer(family, 1, 96, 256, 5, 27, g=2)
    yield _layer(family, 1, 3, 32, 3, 224, s=2)
    yield _layer(family, 8, 1, 16, 3, 28)
    yield _layer(family, 64, 1, 6, 5, 28)


def _depthwise() -> Iterator[Case]:
    sizes = [(1, 32, 3, 112, 1), (1, 32, 3, 112, 2), (1, 144, 3, 56, 1), (1, 144, 3, 56, 2), (1, 512, 3, 14, 1),
             (8, 144, 3, 28, 1), (1, 240, 5, 28, 1), (1, 672, 5, 14, 2), (1, 96, 7, 56, 1), (8, 384, 7, 14, 1),
             (1, 128, 15, 28, 1), (1, 128, 31, 56, 1)]
    quick = {(32, 3), (144, 3), (96, 7), (128, 31)}
    for batch, c, k, n, s in sizes:
        yield _layer("depthwise", batch, c, c, k, n, s=s, g=c, quick=(c, k) in quick and s == batch == 1)


def _transposed() -> Iterator[Case]:
    for c, m, k, n, s, p in ((128, 64, 2, 56, 2, 0), (256, 128, 4, 14, 2, 1), (512, 256, 4, 7, 2, 1),
                             (128, 64, 3, 28, 2, 1), (64, 64, 3, 28, 1, 1), (64, 3, 4, 64, 2, 1)):
        yield Case(f"transposed-1x{c}to{m}-{k}x{k}-{n}-s{s}", "transposed", "conv_transpose", (1, c, n, n),
                   (c, m, k, k), stride=s, padding=p, quick=k == 4 and n < 64)


def _other_dimensions() -> Iterator[Case]:
    line, solid = "layers 1-d", "layers 3-d"
    yield _layer(line, 8, 64, 64, 3, 1000, ndim=1, quick=True)
    yield _layer(line, 1, 256, 256, 5, 512, ndim=1)
    yield _layer(line, 1, 512, 512, 3, 1600, s=2, ndim=1)
    yield _layer(line, 1, 1, 512, 10, 16000, s=5, p=0, ndim=1, quick=True)
    yield _layer(line, 1, 256, 256, 31, 1000, g=256, ndim=1, quick=True)
    yield _layer(line, 8, 64, 64, 3, 1000, d=8, ndim=1)
    yield _layer(solid, 1, 16, 16, 3, 32, ndim=3, quick=True)
    yield _layer(solid, 1, 32, 64, 3, 28, ndim=3)
    yield _layer(solid, 1, 64, 64, 3, 14, ndim=3, quick=True)
    yield _layer(solid, 1, 3, 32, 3, 64, s=2, ndim=3)
    yield _layer(solid, 1, 32, 32, 5, 16, ndim=3)


def _gradients() -> Iterator[Case]:
    """Both gradients of some of the layers."""
    small = [(1, 64, 56), (1, 128, 28), (1, 256, 14), (1, 512, 7), (8, 64, 56), (8, 128, 28), (8, 256, 14), (8, 512, 7)]
    layers = [_layer("", batch, c, c, 3, n, quick=(batch, c) in {(1, 64), (8, 256)}) for batch, c, n in small]
    layers += [
        _layer("", 8, 32, 64, 5, 28), _layer("", 1, 64, 64, 7, 28), _layer("", 8, 64, 256, 1, 28, quick=True),
        _layer("", 8, 64, 128, 3, 28, s=2, quick=True), _layer("", 8, 3, 32, 3, 112, s=2),
        _layer("", 1, 64, 64, 3, 56, d=2), _layer("", 8, 128, 128, 3, 28, g=32), _layer("", 8, 144, 144, 3, 28, g=144,
        quick=True), _layer("", 1, 96, 96, 7, 56, g=96), _layer("", 8, 1, 16, 3, 28), _layer("", 64, 1, 6, 5, 28, p=2),
        _layer("", 8, 64, 64, 3, 1000, ndim=1), _layer("", 1, 16, 16, 3, 32, ndim=3),
    ]
    for operation, family in (("input_grad", "gradients by image"), ("weight_grad", "gradients by kernel")):
        for layer in layers:
            yield replace(layer, name=f"{operation}-{layer.name}", family=family, operation=operation, known=False)


def _image(size: int, extent: int, taps: str, dtype: str, *, name: str = "", quick: bool = False) -> Case:
    """Return one channel, border reflect (cv2.BORDER_REFLECT_101, scipy.ndimage "mirror")."""
    output = "int16" if dtype == "uint8" and taps in ("sobel", "laplacian") else ""
    return Case(f"image-{name or f'{taps} {extent}x{extent}'}-{size}-{dtype}", f"images {dtype}", "correlate",
                (size, size), (extent, extent), dtype, border="reflect", taps=taps, output=output, quick=quick)


def _images() -> Iterator[Case]:
    """Gaussian, box, sobel, laplacian, random and dilated kernels."""
    gaussians = {512: (1, 2, 4, 8), 2048: (1, 4), 4096: (2,)}
    boxes = {512: (3, 7, 31, 63), 2048: (7, 31), 4096: (15,)}
    random = {512: (3, 5, 7, 9, 11, 15, 31, 63), 2048: (3, 7, 15, 31), 4096: (3, 9)}
    for dtype in ("float32", "float64", "uint8"):
        for size in (512, 2048, 4096):
            fast = size == 512 and dtype != "float64"
            for sigma in gaussians[size]:
                yield _image(size, 2 * ceil(4 * sigma) + 1, f"gaussian {sigma}", dtype, name=f"gaussian {sigma}",
                             quick=fast and sigma == 2)
            for extent in boxes[size]:
                yield _image(size, extent, "box", dtype, quick=fast and extent == 7)
            for taps in ("sobel", "laplacian"):
                yield _image(size, 3, taps, dtype, quick=fast)
            for extent in random[size]:
                quick = size == 512 and extent in ({3, 7, 15, 63} if fast else {7})
                yield _image(size, extent, "random", dtype, quick=quick)
    for dtype, size, step in product(("float32", "uint8"), (512, 2048), (2, 4)):  # with their zeros written out
        yield _image(size, 2 * step + 1, f"dilated {step}", dtype, name=f"dilated {step}",
                     quick=size == 512 and step == 2)
    for size, extent in ((512, 3), (512, 5), (512, 7), (512, 11), (2048, 3), (2048, 7), (2048, 11)):
        yield _image(size, extent, "whole", "uint8", quick=size == 512 and extent == 5)
    yield replace(_image(512, 7, "random", "complex64"), family="other types", quick=True)
    for dtype in ("float64", "complex64"):
        yield _layer("other types", 1, 128, 128, 3, 28, dtype=dtype, quick=True)


def _pictures() -> Iterator[Case]:
    """What is done to images most."""
    for size in (512, 2048):
        for dtype in ("uint8", "float32"):
            for taps in ("blur 1", "blur 4", "sharpen 2", "edges", "pyramid 5"):
                output = "float32" if taps == "edges" else ""
                yield Case(f"{taps}-{size}-{dtype}", "pictures", "image", (size, size), (1, 1), dtype, taps=taps,
                           output=output, quick=size == 512)


def _signals() -> Iterator[Case]:
    quick = {(10**3, 3), (10**4, 31), (10**6, 31), (10**6, 1025), (10**6, 10**5)}
    taps = {"float32": (3, 31, 255, 1025, 10**4, 10**5), "float64": (3, 31, 1025, 10**5)}
    for dtype in ("float32", "float64"):
        for n in (10**3, 10**4, 10**5, 10**6, 10**7):
            for k in taps[dtype]:
                if k <= n:
                    yield Case(f"signal-1e{len(str(n)) - 1}-{k}-{dtype}", "signals", "convolve", (n,), (k,), dtype,
                               known=False, quick=dtype == "float32" and (n, k) in quick)


def _volumes() -> Iterator[Case]:
    for n, k in ((64, 3), (64, 7), (128, 5), (128, 11), (128, 21), (192, 9)):
        for dtype in ("float32", "float64"):
            yield Case(f"volume-{k}x{k}x{k}-{n}-{dtype}", "volumes", "correlate", (n,) * 3, (k,) * 3, dtype,
                       known=False, quick=dtype == "float32" and n == 64)


def _boxes() -> Iterator[Case]:
    """Boxes along lines and in volumes, and a centre with its surround."""
    shapes = [((10**6,), (101,)), ((10**6,), (1001,)), ((10**6,), (10001,)), ((64,) * 3, (7,) * 3),
              ((128,) * 3, (5,) * 3), ((128,) * 3, (21,) * 3)]
    for dtype in ("float32", "float64", "uint8"):
        for shape, kernel in shapes:
            name = f"box-{'x'.join(map(str, kernel))}-{shape[0]}-{dtype}"
            yield Case(name, "boxes", "correlate", shape, kernel, dtype, border="reflect", taps="box",
                       quick=dtype == "float32" and kernel in {(1001,), (7,) * 3})
        for extent, centre in ((33, 11), (99, 33)):
            yield Case(f"centre-{extent}-512-{dtype}", "boxes", "correlate", (512, 512), (extent, extent), dtype,
                       border="reflect", taps=f"centre {centre}", quick=dtype == "float32" and extent == 33)


def _products() -> Iterator[Case]:
    """Products of lines in volumes, and sums of two of them: laplacians of gaussians."""
    for dtype in ("float32", "float64"):
        for size, sigma in product((512, 2048), (1, 2, 3)):
            yield replace(_image(size, 8 * sigma + 1, f"ring {sigma}", dtype, quick=size == 512 and sigma == 2),
                          name=f"ring {sigma}-{size}-{dtype}", family="products of lines")
        for size, sigma in ((128, 1), (128, 2), (256, 1)):
            yield Case(f"gaussian {sigma}-{size}-cubed-{dtype}", "products of lines", "correlate", (size,) * 3,
                       (8 * sigma + 1,) * 3, dtype, border="reflect", taps=f"gaussian {sigma}",
                       quick=dtype == "float32" and size == 128 and sigma == 1)


def _patterns() -> Iterator[Case]:
    """Score maps (zncc), some with a mask, and blurs that leave missing values out."""
    for n, k in ((512, 8), (512, 32), (1024, 16), (1024, 64), (2048, 32), (2048, 128), (4096, 8), (4096, 256)):
        for dtype in ("uint8", "float32"):
            yield Case(f"match-{k}-{n}-{dtype}", "matching", "match", (n, n), (k, k), dtype, output="float32",
                       taps="pattern", known=False, quick=n == 512)
    for n, k in ((512, 32), (1024, 64)):
        for dtype in ("uint8", "float32"):
            yield Case(f"match-{k}-{n}-{dtype}-masked", "matching, masked", "match", (n, n), (k, k), dtype,
                       output="float32", taps="masked", known=False, quick=n == 512)
    for n, sigma, dtype in ((512, 2, "float32"), (512, 2, "float64"), (1024, 4, "float64")):
        yield Case(f"missing-gaussian {sigma}-{n}-{dtype}", "missing values", "missing", (n, n), (8 * sigma + 1,) * 2,
                   dtype, taps=f"gaussian {sigma}", known=False, quick=dtype == "float32")


def _integers() -> Iterator[Case]:
    """Sums that must be exact, of values up to so many bits."""
    for n, k, bits in ((10**6, 31, 8), (10**6, 31, 20), (10**5, 1000, 8), (10**5, 1000, 20), (10**6, 1000, 20)):
        yield Case(f"integers-1e{len(str(n)) - 1}-{k}-{bits}bits", "large integers", "convolve", (n,), (k,), "int64",
                   taps=f"bits {bits}", known=False, quick=n == 10**5)
    yield Case("integers-image 7x7-512-20bits", "large integers", "correlate", (512, 512), (7, 7), "int32",
               border="reflect", taps="bits 20", output="int64", quick=True)


CASES: tuple[Case, ...] = (
    *_small_layers(), *_other_layers(), *_depthwise(), *_transposed(), *_other_dimensions(), *_gradients(), *_images(),
    *_pictures(), *_signals(), *_volumes(), *_boxes(), *_products(), *_patterns(), *_integers(),
)
_BY_NAME = {case.name: case for case in CASES}


def by_name(name: str) -> Case:
    """Return the case called `name`."""
    return _BY_NAME[name]
