"""``faltung explain network``: what each layer of a trained network makes of a picture, and what it sees."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

DESCRIPTION = """\
Show what a network that was trained with faltung train makes of a picture: the feature maps of each layer, and the
probabilities of the classes at the end.  With --fields: which pixels one output of each layer sees, and how strongly.

  faltung train mnist --data DIR
  faltung explain network mnist-training/weights.safetensors four.png -o four.html
  faltung explain network mnist-training/weights.safetensors four.png --layer conv2 -o conv2.png
  faltung explain network mnist-training/weights.safetensors four.png --fields -o fields.gif
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Enter weights, picture, and what is shown."""
    add = parser.add_argument
    add("weights", metavar="WEIGHTS", help="what faltung train has written: weights.safetensors")
    add("image", metavar="IMAGE", help="a picture; it is scaled to the size of the network")
    add("--invert", action="store_true", help="for ink on paper, where the network has learned light on dark")
    add("--layer", metavar="PATH", help="the layer that a picture shows; with --fields the last layer of all")
    add("--fields", action="store_true", help="show what one output of each layer sees of the picture")


def scene(options: argparse.Namespace) -> Any:
    """Make the scene."""
    from ..layers.folders import picture, planes
    from . import models

    model, network = models.load(Path(options.weights), "explain")
    channels, height, width = model.shape
    pixels = planes(picture(options.image, (height, width)), channels)
    pixels = 255 - pixels if options.invert else pixels
    if options.fields:
        from ..show.fields import ReceptiveFields

        return ReceptiveFields(network, (1, *model.shape), options.layer, image=model.normalisation(pixels[None])[0])
    from ..show.maps import FeatureMaps

    made = FeatureMaps(network, pixels, classes=model.classes, normalisation=model.normalisation,
                       name=Path(options.image).name)
    if options.layer is not None:
        made.first = made.step_of(options.layer)
    return made
