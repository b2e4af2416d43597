"""Named kernels, as plain arrays; how to choose one; and how to find the one that fits.

They are written for `correlate` and `filter`, which do not flip them.  Kernels of whole numbers
are int16 (so that a float32 image stays float32 beside them), all others float64.  Angles are in
degrees, counted from the second axis (to the right) towards the top of the picture.
"""

from __future__ import annotations

from .describing import Description, Response, describe
from .designs import fir, gabor, ricker, savitzky_golay
from .fitting import Fit, Nearest, fit
from .registry import KERNELS, named
from .slopes import (
    difference_of_gaussians,
    emboss,
    kirsch,
    laplacian,
    laplacian_of_gaussian,
    prewitt,
    roberts,
    scharr,
    sharpen,
    sobel,
    unsharp,
)
from .smoothing import b_spline, binomial, box, disk, gaussian, identity, lanczos, motion, pyramid
from .whitening import Matched, matched

__all__ = [
    "KERNELS", "Description", "Fit", "Matched", "Nearest", "Response", "b_spline", "binomial", "box", "describe",
    "difference_of_gaussians", "disk", "emboss", "fir", "fit", "gabor", "gaussian", "identity", "kirsch", "lanczos",
    "laplacian", "laplacian_of_gaussian", "matched", "motion", "named", "prewitt", "pyramid", "ricker", "roberts",
    "savitzky_golay", "scharr", "sharpen", "sobel", "unsharp",
]
