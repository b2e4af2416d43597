"""The scores as formulas of the sums over one window, weights included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Sums:
    """Sums over the window at each place, with weights ``w``, image ``x``, pattern ``t`` and channels ``c``.

    ``weight = sum(w)``, ``both = sum(w x t)``, ``image1[c] = sum(w x)``, ``image2 = sum(w x**2)``,
    ``pattern1[c] = sum(w t)``, ``pattern2 = sum(w t**2)``; all but those with ``[c]`` are summed over the channels.
    ``variance`` is ``weight * image2 - sum(image1**2)`` where it is known already, or better than so.  Variances of at
    most ``rounding`` times their larger term are nothing; none is if they are ``sure``.  A ``centred`` pattern has
    sums of 0 but for rounding.
    """

    weight: Any
    both: Any
    image1: Any
    image2: Any
    pattern1: Any
    pattern2: Any
    rounding: float = 0.0
    variance: Any = None
    centred: bool = False
    sure: bool = False

    def image_variance(self) -> Any:
        """``weight**2`` times the variance of the image in the window."""
        if self.variance is not None:
            return self.variance
        variance = self.weight * self.image2
        for channel in self.image1:
            variance -= channel * channel
        return variance

    def pattern_variance(self) -> Any:
        """``weight**2`` times the variance of the pattern."""
        return self.weight * self.pattern2 - (self.pattern1 * self.pattern1).sum(axis=0)


def zncc(sums: Sums, flat: float) -> Array:
    """Correlation coefficient of what is left when the means are subtracted."""
    image, pattern = sums.image_variance(), sums.pattern_variance()
    if sums.centred:
        cross, pattern = sums.both, pattern / (sums.weight * sums.weight)
    else:
        cross = sums.weight * sums.both
        for image1, pattern1 in zip(sums.image1, sums.pattern1, strict=True):
            cross -= image1 * pattern1
    if sums.sure:
        return _ratio(cross, image, pattern, None, flat)
    nothing = image <= sums.rounding * (sums.weight * sums.image2)
    if np.ndim(pattern):
        nothing |= pattern <= sums.rounding * (sums.weight * sums.pattern2)
    return _ratio(cross, image, pattern, nothing, flat)


def ncc(sums: Sums, flat: float) -> Array:
    """Cosine of the angle between window and pattern."""
    nothing = sums.image2 <= 0
    if np.ndim(sums.pattern2):
        nothing |= sums.pattern2 <= 0
    return _ratio(sums.both, sums.image2, sums.pattern2, nothing, flat)


def correlation(sums: Sums, flat: float) -> Array:
    """Sum of products."""
    return np.asarray(sums.both)


def ssd(sums: Sums, flat: float) -> Array:
    """Sum of squared differences."""
    return np.asarray(np.maximum(sums.image2 - 2 * sums.both + sums.pattern2, 0))


def nssd(sums: Sums, flat: float) -> Array:
    """Sum of squared differences, over the geometric mean of the sums of squares."""
    nothing = (sums.image2 <= 0) | (sums.pattern2 <= 0)
    result = ssd(sums, flat) / (np.sqrt(sums.image2) * np.sqrt(sums.pattern2))
    result[nothing] = flat
    return np.asarray(result)


def _ratio(cross: Any, image: Any, pattern: Any, nothing: Array | None, flat: float) -> Array:
    scale = np.sqrt(np.asarray(image, np.float64))
    scale *= np.sqrt(np.asarray(pattern, np.float64))
    result: Array = np.divide(cross, scale, out=scale)
    np.minimum(result, 1, out=result)
    np.maximum(result, -1, out=result)
    if nothing is not None and nothing.any():
        result[nothing] = flat
    return result


FORMULAS = {"zncc": zncc, "ncc": ncc, "correlation": correlation, "ssd": ssd, "nssd": nssd}
