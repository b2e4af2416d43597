"""``faltung classify``: what is on pictures, by a network that has been trained."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..errors import DataError, FaltungError
from ..layers.folders import picture, planes
from ..layers.training import probabilities, scores
from . import models


def run(options: argparse.Namespace, tell: Callable[[BaseException], None]) -> int:
    """Classify each picture; one that fails is told of, and the others go on."""
    if options.top < 1:
        raise DataError(f"classify: --top {options.top} must be at least 1")
    model, network = models.load(Path(options.weights), "classify")
    channels, height, width = model.shape
    failed, found = False, []
    for path in options.images:
        try:
            pixels = planes(picture(path, (height, width)), channels)[None]
            given = scores(network, 255 - pixels if options.invert else pixels, model.normalisation)
        except (FaltungError, OSError) as error:
            tell(error)
            failed = True
            continue
        chances = probabilities(given[0].astype(np.float64))
        best = np.argsort(-chances, kind="stable")[: options.top]
        found.append({"image": path, "classes": {model.classes[number]: round(float(chances[number]), 6)
                                                 for number in best}})
        if not options.json:
            told = ", ".join(f"{model.classes[number]} ({100 * chances[number]:.1f} %)" for number in best)
            print(f"{path}: {told}", flush=True)
    if options.json:
        print(json.dumps(found, indent=2))
    return 2 if failed else 0
