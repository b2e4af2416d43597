"""Every kind of scene that moves, by name: what animations must be able to show."""

from __future__ import annotations

import numpy as np
import pytest

from faltung import kernels, layers
from faltung.show.fields import ReceptiveFields
from faltung.show.grids import Arithmetic
from faltung.show.maps import FeatureMaps
from faltung.show.numbers import Numbers
from faltung.show.overlap import Overlap
from faltung.show.sliding import Sliding
from show import scenes_for_tests


def photo(*shape):
    """Bytes that look like something: a bright disc on a slope."""
    rows, columns = np.mgrid[:shape[0], :shape[1]]
    disc = (rows - shape[0] / 2)**2 + (columns - shape[1] / 2)**2 < min(shape[:2])**2 / 9
    grey = np.clip(90 * disc + 100 * columns / shape[1] + 40, 0, 255).astype(np.uint8)
    return np.stack([grey, 255 - grey, grey // 2], axis=-1) if len(shape) == 3 else grey


def digit():
    return photo(28, 28)[None]


SCENES = {
    "test": lambda: scenes_for_tests.Sliding(12),
    "still": scenes_for_tests.Still,
    "functions": lambda: Overlap("box", "triangle"),
    "functions-correlated": lambda: Overlap("exp(-t) for t > 0", "sin(3*t) on [-2, 2]", flip=False),
    "signal": lambda: Sliding([0, 0, 0, 1, 2, 3, 2, 1, 0, 0], [1, 2, 3, 2, 1], "convolve"),
    "signal-matched": lambda: Sliding([0, 0, 0, 1, 2, 3, 2, 1, 0, 0], [1, 2, 3, 2, 1], "match"),
    "signal-long": lambda: Sliding(np.random.default_rng(2).normal(size=300), np.hanning(21), border="reflect"),
    "image": lambda: Numbers(photo(40, 60), kernels.named("sobel")),
    "image-colour": lambda: Numbers(photo(12, 12, 3), kernels.named("gaussian:sigma=1"), size=(9, 9)),
    "layer": lambda: Arithmetic((7, 7), (3, 3), stride=2, padding=1),
    "layer-reflect": lambda: Arithmetic((5, 5), (3, 3), padding=1, border="reflect"),
    "layer-transposed": lambda: Arithmetic((4, 4), (3, 3), stride=2, padding=1, transposed=True),
    "layer-signal": lambda: Arithmetic(9, 3, dilation=2, padding="causal"),
    "layer-volume": lambda: Arithmetic((4, 5, 5), (3, 3, 3), stride=2, padding=1),
    "network": lambda: FeatureMaps(layers.zoo.lenet5(seed=2), digit(), name="four.png"),
    "network-fields": lambda: ReceptiveFields(layers.zoo.lenet5(seed=2), (1, 1, 28, 28), image=digit()),
}
ALIKE = {"functions-correlated", "signal-matched", "image-colour", "layer-reflect", "layer-signal"}
NAMES = [pytest.param(name, marks=[pytest.mark.slow] if name in ALIKE else []) for name in SCENES]
"""Quick tests leave out what resembles another one."""


def some_steps(scene, count):
    """So many steps, from the first to the last."""
    return sorted({round(step) for step in np.linspace(0, scene.steps - 1, count)})
