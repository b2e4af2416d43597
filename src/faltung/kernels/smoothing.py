"""Kernels that smooth, and the one that changes nothing."""

from __future__ import annotations

import math

import numpy as np

from .bells import line
from .checking import Kernel, Line, Number, Size, extents, finite, matched_axes, outer, places, positive, spread


def identity(size: Size = 1, ndim: int = 2) -> Kernel:
    """Make the kernel that changes nothing: one at the centre, zero elsewhere.

    ``k[t] = 1 if t == size // 2 else 0`` (Kronecker's delta).

    Examples
    --------
    >>> identity(3, ndim=1)
    array([0, 1, 0], dtype=int16)
    """
    shape = extents("identity", size, ndim)
    kernel = np.zeros(shape, np.int16)
    kernel[tuple(extent // 2 for extent in shape)] = 1
    return kernel


def box(size: Size = 3, ndim: int = 2) -> Kernel:
    """Make the kernel of the mean over a box.

    ``k[t] = 1 / (number of taps)``.

    Examples
    --------
    >>> box(2)
    array([[0.25, 0.25],
           [0.25, 0.25]])
    """
    shape = extents("box", size, ndim)
    return np.full(shape, 1 / math.prod(shape))


def pyramid(size: Size = 3, ndim: int = 2) -> Kernel:
    """Make the product of a triangle along each axis: the mean over a box of means over a box.

    ``k[t] = product over axes of (min(t, size - 1 - t) + 1) / (sum of all)``; for an odd `size` it is
    the box of ``(size + 1) / 2`` convolved with itself.

    Examples
    --------
    >>> pyramid(5, ndim=1) * 9
    array([1., 2., 3., 2., 1.])
    """
    lines = []
    for extent in extents("pyramid", size, ndim):
        line = np.minimum(np.arange(1, extent + 1), np.arange(extent, 0, -1))
        lines.append(line / line.sum())
    return outer(lines)


def disk(radius: float = 2.0, ndim: int = 2, *, size: Size | None = None) -> Kernel:
    """Make the mean over a disk (an interval, a ball), each tap weighted by how much of it lies inside.

    ``k[t] = |ball(radius) ∩ cell(t)| / |ball(radius)|`` where ``cell(t)`` is the unit square around tap ``t``.
    So the sum of squares about the centre is that of the disk, and there are no steps as the radius grows.

    Parameters
    ----------
    radius
        In samples, positive.
    ndim
        1 and 2 are exact; from 3 on the slices of a cell are summed by 24-point Gauss quadrature
        (error about 3e-4 of the largest tap).
    size
        Extent; by default the smallest odd one that holds the disk.

    References
    ----------
    The area under the arc, ``integral sqrt(r^2 - x^2) dx = (x sqrt(r^2 - x^2) + r^2 asin(x / r)) / 2``.

    Examples
    --------
    >>> disk(0.75).round(3)
    array([[0.001, 0.108, 0.001],
           [0.108, 0.566, 0.108],
           [0.001, 0.108, 0.001]])
    """
    (reach,) = spread("disk", "radius", radius, 1, "; use identity() for no blur")
    fitting = 2 * math.ceil(reach - 0.5) + 1
    kernel = np.maximum(0, _ball(reach, extents("disk", fitting if size is None else size, ndim)))
    return np.asarray(kernel / kernel.sum())


def _ball(radius: float, shape: list[int]) -> Kernel:
    """Measure the ball in each unit cell, slice by slice along the first axes."""
    edges = [np.append(places(extent) - 0.5, extent / 2) for extent in shape]
    if len(shape) == 1:
        return np.diff(np.clip(edges[0], -radius, radius))
    if len(shape) == 2:
        return np.diff(np.diff(_quadrant(edges[0][:, None], edges[1][None, :], radius), axis=0), axis=1)
    nodes, weights = np.polynomial.legendre.leggauss(24)
    kernel = np.zeros(shape)
    for index, middle in enumerate(places(shape[0])):
        for node, weight in zip(middle + nodes / 2, weights / 2, strict=True):
            if abs(node) < radius:
                kernel[index] += weight * _ball(math.sqrt(radius**2 - node**2), shape[1:])
    return kernel


def _quadrant(x: Line, y: Line, radius: float) -> Line:
    """Area of the disk within the rectangle from 0 to (x, y), odd in both: differences of it are cells."""
    sign = np.sign(x) * np.sign(y)
    x, y = np.broadcast_arrays(np.minimum(np.abs(x), radius), np.minimum(np.abs(y), radius))
    turn = np.minimum(np.sqrt(radius**2 - y**2), x)
    area: Line = sign * (y * turn + _arc(x, radius) - _arc(turn, radius))
    return area


def _arc(x: Line, radius: float) -> Line:
    under: Line = (x * np.sqrt(np.maximum(radius**2 - x**2, 0)) + radius**2 * np.arcsin(x / radius)) / 2
    return under


def binomial(size: Size = 5, ndim: int = 2) -> Kernel:
    """Make the row of Pascal's triangle, normalised: the bell of whole steps.

    ``k[t] = product over axes of C(size - 1, t) / 2**(size - 1)``; variance ``(size - 1) / 4``.

    References
    ----------
    Marchand and Marmet, "Binomial smoothing filter" (1983), equation 2.

    Examples
    --------
    >>> binomial(5, ndim=1) * 16
    array([1., 4., 6., 4., 1.])
    """
    # Integers divided once: both 2**(size - 1) and the coefficients may lie beyond float64 alone.
    return outer([np.array([math.comb(extent - 1, t) / 2 ** (extent - 1) for t in range(extent)])
                  for extent in extents("binomial", size, ndim)])


def b_spline(degree: int = 3, ndim: int = 2, *, step: Number = 1) -> Kernel:
    """Make the samples of a B-spline: the box convolved `degree` times with itself.

    ``k[t] = beta(t / step) / (sum of all)``, ``beta(x) = sum over j of (-1)**j C(n + 1, j)
    max(x + (n + 1) / 2 - j, 0)**n / n!``, with ``n = degree``; evaluated by the recursion of Cox and de
    Boor, which does not cancel.

    Parameters
    ----------
    degree
        0 (box) and up; 3 is the cubic one, ``[1, 4, 1] / 6``.
    step
        Distance of the spline's knots in samples: one, or one per axis.

    References
    ----------
    Unser, "Splines: a perfect fit for signal and image processing" (1999), equations 1 and 2.

    Examples
    --------
    >>> b_spline(3, ndim=1) * 6
    array([1., 4., 1.])
    """
    positive("b_spline", "degree", degree, least=0)
    lines = []
    for width in spread("b_spline", "step", step, ndim):
        reach = math.ceil((degree + 1) * width / 2) - 1
        line = _spline(np.arange(-reach, reach + 1) / width, degree)
        lines.append(line / line.sum())
    return outer(lines)


def _spline(x: Line, degree: int) -> Line:
    """Evaluate the centred B-spline: n beta_n(x) = sum of (h ± x) beta_{n-1}(x ± 1/2), h = (n + 1) / 2."""
    shifts = np.arange(degree + 1) - degree / 2
    points = x + shifts[:, None]
    # At a jump of the box each side counts half, so that the splines of its steps still sum to one.
    values = np.where(np.abs(points) < 0.5, 1.0, np.where(np.abs(points) == 0.5, 0.5, 0.0))
    for n in range(1, degree + 1):
        middle = (points[1:] + points[:-1]) / 2
        values = (((n + 1) / 2 + middle) * values[1:] + ((n + 1) / 2 - middle) * values[:-1]) / n
        points = middle
    return np.asarray(values[0])


def motion(length: float = 9, angle: float = 0) -> Kernel:
    """Make the blur of a straight movement: the mean over a line through the centre.

    ``k[t] = (length of the line within the unit square around t) / length``, exactly, so that any angle
    and any length is smooth.

    Parameters
    ----------
    length
        In samples, positive.
    angle
        In degrees, counted from the second axis (to the right) towards the top of the picture.

    Examples
    --------
    >>> motion(3, 0)
    array([[0.33333333, 0.33333333, 0.33333333]])
    >>> motion(4, 90).ravel() * 8
    array([1., 2., 2., 2., 1.])
    """
    (half,) = spread("motion", "length", length, 1, "; use identity() for no blur")
    half /= 2
    turn = math.radians(finite("motion", "angle", angle))
    # Multiples of 90 degrees must not lean by a rounding error.
    step = np.round([-math.sin(turn), math.cos(turn)], 15)
    cuts = [np.array([-half, half])]
    for part in step:
        if part:
            edges = np.arange(0.5, half * abs(part), 1) / abs(part)
            cuts += [edges, -edges]
    line = np.unique(np.concatenate(cuts))
    middle, part = (line[1:] + line[:-1]) / 2, np.diff(line)
    reach = [math.ceil(half * abs(part) - 0.5) if part else 0 for part in step]
    kernel = np.zeros([2 * r + 1 for r in reach])
    index = np.rint(middle[:, None] * step).astype(int) + reach
    np.add.at(kernel, (index[:, 0], index[:, 1]), part)
    return np.asarray(kernel / kernel.sum())


def lanczos(lobes: int = 3, ndim: int = 2, *, factor: Number = 2) -> Kernel:
    """Make Lanczos's low pass, as it is used before an image is made smaller by `factor`.

    ``k[t] = product over axes of sinc(t / factor) sinc(t / (lobes factor)) / (sum of all)`` for
    ``|t| < lobes factor``, with ``sinc(x) = sin(pi x) / (pi x)``.

    Parameters
    ----------
    lobes
        Half-waves of the sine to each side, the middle one counted: 2 or 3 usually.
    factor
        Samples per new sample: one, or one per axis.  With 1 nothing changes.

    References
    ----------
    Duchon, "Lanczos filtering in one and two dimensions" (1979), equations 7 and 8.

    Examples
    --------
    >>> lanczos(2, ndim=1, factor=2).round(3)
    array([-0.032,  0.   ,  0.284,  0.495,  0.284,  0.   , -0.032])
    """
    positive("lanczos", "lobes", lobes)
    lines = []
    for width in spread("lanczos", "factor", factor, ndim):
        reach = math.ceil(lobes * width) - 1
        t = np.arange(-reach, reach + 1) / width
        line = np.sinc(t) * np.sinc(t / lobes)
        line[np.abs(line) < 1e-16] = 0
        lines.append(line / line.sum())
    return outer(lines)


def gaussian(sigma: Number = 1.0, ndim: int = 2, size: Size | None = None, *, kind: str = "sampled",
             order: Size = 0) -> Kernel:
    """Make the bell, normalised to sum 1, or a derivative of it.

    - ``"sampled"``: ``g(t) = exp(-t**2 / (2 sigma**2)) / (sum of all)``; its derivative of order ``n`` is
      ``He_n(t / sigma) g(t) / sigma**n``, with the polynomials of Hermite (``1, x, x**2 - 1, ...``).
    - ``"integrated"``: the integral of the bell, or of its derivative, over each tap's unit cell.
    - ``"bessel"``: ``exp(-sigma**2) I_t(sigma**2)``, the bell of the discrete line, for which two blurs are
      exactly one of the sum of variances; derivatives are central differences of it, which send
      polynomials of lower degree to exactly zero.

    The product over the axes is taken, with ``t`` counted from the centre.  As all kernels here they are for
    `correlate`: a first derivative is positive where values rise.

    Parameters
    ----------
    sigma
        Standard deviation in samples: one for all axes, or one per axis.
    ndim
        Number of axes, when `sigma` is one number.
    size
        Extent: one for all axes, or one per axis.  By default ``ceil((4 + order / 2) sigma)`` taps to each
        side; beyond, an undifferentiated bell has fallen below 4e-4 of its height.
    kind
        "sampled", "integrated" (better below ``sigma = 0.8``) or "bessel".
    order
        Order of the derivative: one for all axes, or one per axis.

    Raises
    ------
    KernelError
        A width that is not positive and finite, an unknown kind, an even size for "bessel".
    ShapeError
        A size or order that is not a whole number, or not one for each axis.

    References
    ----------
    Young and van Vliet, "Recursive implementation of the Gaussian filter" (1995), equation 1; Lindeberg,
    "Scale-space for discrete signals" (1990), equations 41 (Bessel) and 48.

    Examples
    --------
    >>> gaussian(1, ndim=1, size=3).round(4)
    array([0.2741, 0.4519, 0.2741])
    >>> gaussian(1, ndim=1, size=5, order=1, kind="bessel").round(3)
    array([-0.118, -0.264,  0.   ,  0.264,  0.118])
    """
    sigmas = spread("gaussian", "sigma", sigma, ndim, "; use identity() for no blur")
    orders = matched_axes("gaussian", "order", order, len(sigmas))
    for entry in orders:
        positive("gaussian", "order", entry, order, least=0)
    wanted = [2 * math.ceil((4 + n / 2) * value) + 1 for value, n in zip(sigmas, orders, strict=True)]
    shape = extents("gaussian", matched_axes("gaussian", "size", wanted if size is None else size, len(sigmas)), ndim)
    return outer([line(kind, *each) for each in zip(sigmas, shape, orders, strict=True)])
