"""The scores as fractions, window by window: no rounding until the end."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np


def fractions(array):
    return [Fraction(value) for value in np.ravel(array).tolist()]


def scores(image, pattern, score="zncc", mask=None, image_mask=None):
    """Image and pattern have shape (channels, ...), masks have no channels."""
    mask = np.ones(pattern.shape[1:], int) if mask is None else mask
    image_mask = np.ones(image.shape[1:], int) if image_mask is None else image_mask
    out = np.empty([n - k + 1 for n, k in zip(image.shape[1:], pattern.shape[1:], strict=True)])
    for place in np.ndindex(*out.shape):
        cut = tuple(slice(a, a + k) for a, k in zip(place, pattern.shape[1:], strict=True))
        weights = [a * b for a, b in zip(fractions(mask), fractions(image_mask[cut]), strict=True)]
        channels = [(weights, fractions(x[cut]), fractions(t)) for x, t in zip(image, pattern, strict=True)]
        out[place] = one(channels, score)
    return out


def one(channels, score):
    if score == "zncc":
        channels = [(w, centred(w, x), centred(w, t)) for w, x, t in channels]
    both = sum(w * a * b for ws, x, t in channels for w, a, b in zip(ws, x, t, strict=True))
    image = sum(w * a * a for ws, x, _ in channels for w, a in zip(ws, x, strict=True))
    pattern = sum(w * b * b for ws, _, t in channels for w, b in zip(ws, t, strict=True))
    if score == "correlation":
        return float(both)
    squares = image - 2 * both + pattern
    if score == "ssd":
        return float(squares)
    if image == 0 or pattern == 0:
        return math.nan
    if score == "nssd":
        return math.sqrt(squares * squares / (image * pattern))
    return math.copysign(math.sqrt(both * both / (image * pattern)), both)


def centred(weights, values):
    total = sum(weights)
    if total == 0:
        return values
    mean = sum(w * v for w, v in zip(weights, values, strict=True)) / total
    return [v - mean for v in values]
