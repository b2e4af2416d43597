"""What is to be computed, and nothing about how: one frozen, hashable value.

The engine knows correlation only.  With ``image`` of shape
``(*batch, groups, channels_in, *image)``, ``kernel`` of shape
``(groups, channels_out, channels_in, *kernel)`` and ``output`` of shape
``(*batch, groups, channels_out, *output)``::

    output[b, g, m, o] = cast(activation(bias[g, m]
        + sum over c, t of image~[b, g, c, p(o, t)] * kernel[g, m, c, t]))
    p(o, t) = start + o * stride + t * kernel_dilation        (per axis)

``image~`` is the image with ``image_dilation - 1`` zeros between neighbours and the border
outside: a position that is no multiple of ``image_dilation`` contributes nothing at all, any
other stands for index ``p // image_dilation``, which the border maps when it lies outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

Number = int | float | complex
Side = str | Number
"""One side of one axis: a constant, or "edge", "reflect", "symmetric", "wrap"."""

ACTIVATIONS = ("relu", "relu6", "sigmoid", "tanh", "silu", "gelu")
OVERFLOWS = ("raise", "wrap", "saturate", "proven")


@dataclass(frozen=True, slots=True)
class Problem:
    """A correlation: extents, steps, borders, dtypes and epilogue (see the module's text).

    Dtypes are NumPy's names, and "bfloat16".  ``accumulator_dtype`` is one of float32, float64,
    complex64, complex128, int32, int64; both operands are cast to it before they are multiplied.
    ``overflow`` says what happens when an integer output cannot hold a sum: "raise", "wrap",
    "saturate", or "proven" (a bound has shown that it cannot happen, so nothing is checked).
    ``small_kernel`` says that every tap is known to lie in -128..127, whatever its dtype.
    A floating sum that goes to an integer output is rounded half to even.
    """

    batch: tuple[int, ...]
    groups: int
    channels_in: int
    channels_out: int
    image: tuple[int, ...]
    kernel: tuple[int, ...]
    output: tuple[int, ...]
    start: tuple[int, ...]
    stride: tuple[int, ...]
    kernel_dilation: tuple[int, ...]
    image_dilation: tuple[int, ...]
    border: tuple[tuple[Side, Side], ...]
    image_dtype: str = "float32"
    kernel_dtype: str = "float32"
    accumulator_dtype: str = "float32"
    output_dtype: str = "float32"
    overflow: str = "proven"
    small_kernel: bool = False
    bias: bool = False
    activation: str | None = None

    @property
    def ndim(self) -> int:
        """Number of spatial axes."""
        return len(self.image)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of the image operand: (*batch, groups, channels_in, *image)."""
        return (*self.batch, self.groups, self.channels_in, *self.image)

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        """Shape of the kernel operand: (groups, channels_out, channels_in, *kernel)."""
        return (self.groups, self.channels_out, self.channels_in, *self.kernel)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the output: (*batch, groups, channels_out, *output)."""
        return (*self.batch, self.groups, self.channels_out, *self.output)

    @property
    def terms(self) -> int:
        """Products that one output sums: channels_in times the number of taps."""
        return self.channels_in * prod(self.kernel)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of the definition, border included, inserted zeros excluded."""
        inserted = prod(self.image_dilation)
        return prod(self.output_shape) * self.terms // inserted

    def _repr_html_(self) -> str:
        from .page import problem_html

        return problem_html(self)
