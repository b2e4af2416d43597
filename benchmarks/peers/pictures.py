"""opencv and scikit-image."""

from __future__ import annotations

from importlib import import_module
from math import ceil
from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.checking import Array, Operands

from .common import Call, Forms

_OPENCV_DTYPES = ("uint8", "float32", "float64")


def opencv_forms(case: Case, given: Operands, threads: int) -> Forms:
    """Return filter2D and, where a kernel has a function of its own, this too; or the score map, or the picture."""
    wanted = {"correlate": _filters, "match": _scores, "image": _pictures}.get(case.operation)
    if wanted is None or len(case.shape) != 2 or case.dtype not in _OPENCV_DTYPES or case.output_dtype == "int64":
        return {}
    cv2 = import_module("cv2")
    cv2.setNumThreads(threads)
    return wanted(cv2, case, given)


def _filters(cv2: Any, case: Case, given: Operands) -> Forms:
    """8-bit images also by way of float32, which is sometimes faster."""
    x, taps = given.x, given.k.astype("float64" if case.dtype == "float64" else "float32")
    extent, depth = case.kernel[0], cv2.CV_16S if case.output_dtype == "int16" else -1
    kind, _, number = case.taps.partition(" ")
    named = {
        "gaussian": lambda: cv2.GaussianBlur(x, (extent, extent), float(number)),
        "box": lambda: cv2.blur(x, (extent, extent)),
        "sobel": lambda: cv2.Sobel(x, depth, 1, 0, ksize=3),
        "laplacian": lambda: cv2.Laplacian(x, depth, ksize=1),
    }
    forms: Forms = {kind: named[kind]} if kind in named else {}
    if kind == "centre" and case.dtype != "uint8":
        inner = int(number)
        return {kind: lambda: cv2.addWeighted(cv2.blur(x, (inner, inner)), 2, cv2.blur(x, (extent, extent)), -1, 0)}
    if kind == "gaussian":
        bell = cv2.getGaussianKernel(extent, float(number), cv2.CV_64F if case.dtype == "float64" else cv2.CV_32F)
        forms["sepFilter2D"] = lambda: cv2.sepFilter2D(x, -1, bell, bell)
    if not forms or kind in ("sobel", "laplacian"):
        forms["filter2D"] = lambda: cv2.filter2D(x, depth, taps)
    if kind in ("random", "whole") and case.dtype == "uint8":
        # A merge of one channel with dtype: the conversion that keeps the sign's meaning.
        forms["float32"] = lambda: cv2.add(cv2.filter2D(x.astype(np.float32), -1, taps), 0.0, dtype=cv2.CV_8U)
    return forms


def _scores(cv2: Any, case: Case, given: Operands) -> Forms:
    x, t = given.x, given.k
    if given.mask is not None:
        mask = given.mask.astype(np.float32)
        return {"masked": lambda: cv2.matchTemplate(x, t, cv2.TM_CCOEFF_NORMED, mask=mask)}
    return {"matchTemplate": lambda: cv2.matchTemplate(x, t, cv2.TM_CCOEFF_NORMED)}


def _pictures(cv2: Any, case: Case, given: Operands) -> Forms:
    x, (kind, _, word) = given.x, case.taps.partition(" ")

    def blur(sigma: float) -> Any:
        return cv2.GaussianBlur(x, (2 * ceil(4 * sigma) + 1,) * 2, sigma)

    def halved() -> Any:
        small = x
        for _ in range(int(word)):
            small = cv2.pyrDown(small)
        return small

    return {kind: {
        "blur": lambda: blur(float(word)),
        # Both in one step each, as one writes it; of 8 bits the blur is rounded before it is taken off.
        "sharpen": lambda: cv2.addWeighted(x, 2, blur(float(word)), -1, 0),
        "edges": lambda: cv2.magnitude(*(cv2.Sobel(x, cv2.CV_32F, dx, 1 - dx, scale=1 / 8) for dx in (0, 1))),
        "pyramid": halved,
    }[kind]}


def skimage_forms(case: Case, given: Operands, _threads: int) -> Forms:
    """Return the score map, or the picture in floats; one thread always."""
    if case.operation == "match" and given.mask is None:
        feature = import_module("skimage.feature")
        return {"match_template": lambda: feature.match_template(given.x, given.k)}
    kind, _, word = case.taps.partition(" ")
    if case.operation != "image" or kind == "pyramid":  # its pyramid has another bell
        return {}
    filters, x = import_module("skimage.filters"), given.x
    return {kind: _skimage_picture(filters, kind, float(word or 0), x)}


def _skimage_picture(filters: Any, kind: str, sigma: float, x: Array) -> Call:
    reach = ceil(4 * sigma) / sigma if sigma else 0.0
    scale = np.float32(255 if x.dtype == np.uint8 else 1)  # it scales integers to 0..1 in its sobel
    return {
        "blur": lambda: filters.gaussian(x, sigma, mode="mirror", truncate=reach, preserve_range=True),
        "sharpen": lambda: filters.unsharp_mask(x, sigma, 1, preserve_range=True),
        "edges": lambda: filters.sobel(x, mode="mirror") * (scale / np.sqrt(2, dtype=np.float32)),
    }[kind]
