"""Kernels of differences: slopes, curvature, relief and sharpening."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import KernelError
from .checking import Kernel, Number, Size, axis_index, finite, one_of, outer, positive, say, spread, whole
from .smoothing import gaussian, identity


def sobel(axis: int = 1, ndim: int = 2) -> Kernel:
    """Make Sobel's slope along `axis`: a difference there, a smoothing (1, 2, 1) along all others.

    Positive where values rise along the axis; 8 times the slope for two axes.

    References
    ----------
    Sobel and Feldman, "A 3x3 isotropic gradient operator for image processing" (1968).

    Examples
    --------
    >>> sobel(axis=1)
    array([[-1,  0,  1],
           [-2,  0,  2],
           [-1,  0,  1]], dtype=int16)
    """
    return _slope("sobel", axis, ndim, (1, 2, 1))


def scharr(axis: int = 1, ndim: int = 2) -> Kernel:
    """Make Scharr's slope along `axis`: the smoothing (3, 10, 3) makes its direction the most even of all 3x3.

    Positive where values rise along the axis; 32 times the slope for two axes.

    References
    ----------
    Scharr, "Optimal operators in digital image processing" (2000), table 9.1, rounded to whole numbers.

    Examples
    --------
    >>> scharr(axis=0)
    array([[ -3, -10,  -3],
           [  0,   0,   0],
           [  3,  10,   3]], dtype=int16)
    """
    return _slope("scharr", axis, ndim, (3, 10, 3))


def prewitt(axis: int = 1, ndim: int = 2) -> Kernel:
    """Make Prewitt's slope along `axis`: the difference, and the sum (1, 1, 1) along all others.

    Positive where values rise along the axis; 6 times the slope for two axes: that of the plane
    that fits the nine values best.

    References
    ----------
    Prewitt, "Object enhancement and extraction" (1970), section III.

    Examples
    --------
    >>> prewitt(axis=1)
    array([[-1,  0,  1],
           [-1,  0,  1],
           [-1,  0,  1]], dtype=int16)
    """
    return _slope("prewitt", axis, ndim, (1, 1, 1))


def _slope(function: str, axis: int, ndim: int, smoothing: Sequence[int]) -> Kernel:
    along = axis_index(function, axis, ndim)
    return outer([np.array((-1, 0, 1) if current == along else smoothing, np.int16) for current in range(ndim)])


def roberts(diagonal: int = 0) -> Kernel:
    """Make Roberts's cross: the difference along a diagonal.

    Positive where values rise down to the right (0), or up to the right (1).

    References
    ----------
    Roberts, "Machine perception of three-dimensional solids" (1963), section 4.

    Examples
    --------
    >>> roberts(0).tolist(), roberts(1).tolist()
    ([[-1, 0], [0, 1]], [[0, 1], [-1, 0]])
    """
    one_of("roberts", "diagonal", diagonal, (0, 1))
    return np.array([[-1, 0], [0, 1]] if diagonal == 0 else [[0, 1], [-1, 0]], np.int16)


def kirsch(direction: int = 0) -> Kernel:
    """Make one of Kirsch's eight compasses: three fives towards `direction`, threes taken away elsewhere.

    Parameters
    ----------
    direction
        In steps of 45 degrees, counted from the right towards the top: 0 to 7.  The edge's strength is the
        largest of the eight results.

    References
    ----------
    Kirsch, "Computer determination of the constituent structure of biological images" (1971), equation 2.

    Examples
    --------
    >>> kirsch(2)
    array([[ 5,  5,  5],
           [-3,  0, -3],
           [-3, -3, -3]], dtype=int16)
    """
    one_of("kirsch", "direction", direction, range(8))
    kernel = np.full((3, 3), -3, np.int16)
    kernel[1, 1] = 0
    ring = [(1, 2), (0, 2), (0, 1), (0, 0), (1, 0), (2, 0), (2, 1), (2, 2)]
    for step in (-1, 0, 1):
        kernel[ring[(direction + step) % 8]] = 5
    return kernel


def laplacian(ndim: int = 2, *, diagonal: bool = False) -> Kernel:
    """Make the sum of second differences over all axes.

    ``sum over axes of (x[+1] - 2 x[0] + x[-1])``; with `diagonal`, all ``3**ndim - 1`` neighbours
    minus as many times the centre.

    References
    ----------
    Gonzalez and Woods, "Digital Image Processing", section 3.6, figure 3.37.

    Examples
    --------
    >>> laplacian()
    array([[ 0,  1,  0],
           [ 1, -4,  1],
           [ 0,  1,  0]], dtype=int16)
    """
    positive("laplacian", "ndim", ndim)
    near = np.abs(np.indices((3,) * ndim) - 1).sum(axis=0)
    kernel: Kernel = ((near > 0) if diagonal else (near == 1)).astype(np.int16)
    kernel[(1,) * ndim] = -kernel.sum()
    return kernel


def emboss() -> Kernel:
    """Make the kernel that lights a relief from the upper left.

    A slope along the diagonal added to the image itself; the taps sum to 1.

    References
    ----------
    The kernel shown under "Emboss" in GIMP's documentation of the convolution matrix filter.

    Examples
    --------
    >>> emboss()
    array([[-2, -1,  0],
           [-1,  1,  1],
           [ 0,  1,  2]], dtype=int16)
    """
    return np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]], np.int16)


def sharpen(amount: float = 1) -> Kernel:
    """Make the kernel that adds `amount` times what a Laplacian takes away.

    ``identity - amount * laplacian``; with 1 it is ``[[0, -1, 0], [-1, 5, -1], [0, -1, 0]]``.

    References
    ----------
    Gonzalez and Woods, "Digital Image Processing", section 3.6, equation 3.6-7.

    Examples
    --------
    >>> sharpen()
    array([[ 0, -1,  0],
           [-1,  5, -1],
           [ 0, -1,  0]], dtype=int16)
    """
    finite("sharpen", "amount", amount)
    return whole(identity(3) - amount * laplacian().astype(np.float64))


def unsharp(sigma: Number = 1.0, amount: float = 1, ndim: int = 2, size: Size | None = None) -> Kernel:
    """Make the kernel that adds `amount` times what a blur takes away.

    ``(1 + amount) identity - amount gaussian(sigma)``; the taps sum to 1.

    References
    ----------
    Gonzalez and Woods, "Digital Image Processing", section 3.6, equations 3.6-8 and 3.6-9.

    Examples
    --------
    >>> unsharp(1, amount=2, ndim=1, size=3).round(3)
    array([-0.548,  2.096, -0.548])
    """
    finite("unsharp", "amount", amount)
    soft = gaussian(spread("unsharp", "sigma", sigma, ndim), size=size)
    if size is not None and not all(extent % 2 for extent in soft.shape):
        raise KernelError(f"unsharp: size={say(size)} must be odd, so that the blur has a middle tap; use "
                          f"{say([extent | 1 for extent in soft.shape])}")
    kernel: Kernel = (1 + amount) * identity(soft.shape, soft.ndim) - amount * soft
    return kernel


def difference_of_gaussians(sigma: Number = 1.0, ratio: float = 1.6, ndim: int = 2,
                            size: Size | None = None) -> Kernel:
    """Make the bell of `sigma` minus that of ``ratio * sigma``: a band pass; with 1.6, close to the Laplacian of one.

    ``gaussian(sigma) - gaussian(ratio sigma)``, each of sum 1, so the taps sum to 0.

    References
    ----------
    Marr and Hildreth, "Theory of edge detection" (1980), appendix B.

    Examples
    --------
    >>> difference_of_gaussians(1, ndim=1, size=3).round(3)
    array([-0.037,  0.074, -0.037])
    """
    narrow = spread("difference_of_gaussians", "sigma", sigma, ndim)
    (factor,) = spread("difference_of_gaussians", "ratio", ratio, 1)
    if factor == 1:
        raise KernelError("difference_of_gaussians: ratio=1 leaves nothing; use another, as 1.6")
    wide = [factor * value for value in narrow]
    shape = gaussian(np.maximum(narrow, wide).tolist(), size=size).shape
    kernel: Kernel = gaussian(narrow, size=shape) - gaussian(wide, size=shape)
    return kernel


def laplacian_of_gaussian(sigma: Number = 1.0, ndim: int = 2, size: Size | None = None) -> Kernel:
    """Make the Laplacian of a bell: curvature at the scale of `sigma`.

    ``k[t] = sum over axes of gaussian(sigma, order=2 there) - mean``; the mean, which the sampling leaves, is
    taken away so that flat regions give 0.  Negative at the centre.

    References
    ----------
    Marr and Hildreth, "Theory of edge detection" (1980), equation 5.

    Examples
    --------
    >>> laplacian_of_gaussian(1, ndim=1, size=5).round(3)
    array([ 0.179,  0.015, -0.387,  0.015,  0.179])
    """
    sigmas = spread("laplacian_of_gaussian", "sigma", sigma, ndim)
    axes = np.eye(len(sigmas), dtype=int)
    shape = gaussian(sigmas, size=size, order=[2] * len(sigmas)).shape
    kernel: Kernel = sum((gaussian(sigmas, size=shape, order=(2 * axis).tolist()) for axis in axes), np.zeros(shape))
    kernel -= kernel.mean()
    return kernel
