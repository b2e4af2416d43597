"""The gradients of a correlation are correlations again: by its image, and by its kernel.

With ``y[b, g, m, o] = sum over c, t of x~[b, g, c, start + o * stride + t * d] * k[g, m, c, t]`` (``d`` the kernel's
dilation, ``e`` the image's, ``reach = (K - 1) * d``), and the gradient ``dy`` of something by ``y``::

    dx[b, g, c, i] = sum over m, t of dy~[b, g, m, e * i - start - reach + t * d] * k[g, m, c, K - 1 - t]
    dk[g, m, c, t] = sum over b, o of x~[b, g, c, start + t * d + o * stride] * dy[b, g, m, o]

In the first, ``dy`` is dilated by the stride and the kernel flipped, channels in and out change places.  In the second,
``dy`` is the kernel, dilated by the stride, and the images of the batch are the channels that are summed.
"""

from __future__ import annotations

from dataclasses import replace

from .layout import Layout, View
from .problem import Problem


def adjoint_image(problem: Problem, layout: Layout) -> tuple[Problem, Layout]:
    """The gradient by the image, of a problem whose border is zero: the image operand is ``dy``.

    >>> from .layout import View
    >>> p = Problem((2,), 1, 3, 4, (9,), (3,), (4,), (0,), (2,), (1,), (1,), ((0, 0),))
    >>> views = [View(s, s, tuple(range(len(s)))) for s in (p.image_shape, p.kernel_shape, p.output_shape)]
    >>> adjoint, seen = adjoint_image(p, Layout(*views))
    >>> adjoint.image, adjoint.output, adjoint.start, adjoint.image_dilation, seen.flip
    ((4,), (9,), (-2,), (2,), (3,))
    """
    p = problem
    reach = [(k - 1) * d for k, d in zip(p.kernel, p.kernel_dilation, strict=True)]
    adjoint = replace(
        p, channels_in=p.channels_out, channels_out=p.channels_in, image=p.output, output=p.image,
        start=tuple(-start - r for start, r in zip(p.start, reach, strict=True)),
        stride=p.image_dilation, image_dilation=p.stride, border=((0, 0),) * p.ndim, bias=False, activation=None)
    taps = {layout.kernel.permutation[3 + axis] for axis in range(p.ndim)}
    # an axis of the caller's kernel keeps its number in the view if none before it was split
    shift = len(layout.kernel.split) - len(layout.kernel.shape)
    flip = tuple(sorted({axis - shift for axis in taps} ^ set(layout.flip)))
    kernel = permuted(layout.kernel, (0, 2, 1, *range(3, 3 + p.ndim)))
    return adjoint, Layout(layout.output, kernel, layout.image, flip)


def adjoint_kernel(problem: Problem, layout: Layout) -> tuple[Problem, Layout]:
    """The gradient by the kernel, of a problem with one batch axis: the kernel operand is ``dy``.

    >>> from .layout import View
    >>> p = Problem((2,), 1, 3, 4, (9,), (3,), (4,), (0,), (2,), (1,), (1,), ((0, 0),))
    >>> views = [View(s, s, tuple(range(len(s)))) for s in (p.image_shape, p.kernel_shape, p.output_shape)]
    >>> adjoint, _ = adjoint_kernel(p, Layout(*views))
    >>> adjoint.batch, adjoint.channels_in, adjoint.kernel, adjoint.output, adjoint.kernel_dilation
    ((3,), 2, (4,), (3,), (2,))
    """
    p = problem
    space = tuple(range(3, 3 + p.ndim))
    adjoint = replace(
        p, batch=(p.channels_in,), channels_in=p.batch[0], kernel=p.output, output=p.kernel, stride=p.kernel_dilation,
        kernel_dilation=p.stride, kernel_dtype=p.output_dtype, output_dtype=p.kernel_dtype, bias=False, activation=None)
    # (N, G, C, *S) -> (C, G, N, *S); (N, G, M, *O) -> (G, M, N, *O); (G, M, C, *K) -> (C, G, M, *K)
    return adjoint, Layout(permuted(layout.image, (2, 1, 0, *space)), permuted(layout.output, (1, 2, 0, *space)),
                           permuted(layout.kernel, (2, 0, 1, *space)))


def permuted(view: View, order: tuple[int, ...]) -> View:
    """A view with its axes in another order."""
    return View(view.shape, view.split, tuple(view.permutation[axis] for axis in order))
