"""The convolution of functions: functions in, a function out.

>>> from faltung import continuous
>>> h = continuous.convolve(continuous.box(), continuous.box())  # the triangle
>>> h(0.25), h.maximum(), h.integral()
(0.75, (0.0, 1.0), 1.0)
"""

from .adaptive import function
from .catalogue import b_spline, box, exponential, gaussian, polynomial, samples, triangle
from .convolution import autocorrelate, convolve, correlate, overlap
from .grammar import parse
from .piecewise import Function

__all__ = [
    "Function", "autocorrelate", "b_spline", "box", "convolve", "correlate", "exponential", "function", "gaussian",
    "overlap", "parse", "polynomial", "samples", "triangle",
]
