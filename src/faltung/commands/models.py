"""Trained networks in files: weights, and with them what it takes to use them on pictures."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..layers import weights, zoo
from ..layers.base import Layer
from ..layers.data import Data, Normalisation

NOTE = "faltung.model"


@dataclass(frozen=True)
class Model:
    """What a trained network is: its name in the zoo, the images it takes, and its classes."""

    network: str
    classes: tuple[str, ...]
    shape: tuple[int, ...]
    normalisation: Normalisation

    def build(self, seed: int = 0) -> Layer:
        """Build the network, with fresh weights."""
        channels, height, width = self.shape
        options: dict[str, Any] = {"classes": len(self.classes), "channels": channels, "seed": seed}
        if self.network in zoo.SQUARE:
            side = min(height, width)
            if height != width:
                raise DataError(f"train: network {self.network} takes square images, but these are {height}x{width}; "
                                f"scale them (--size {side}x{side}), or take --network resnet")
            options["size"] = height
        return zoo.NETWORKS[self.network](**options)

    def note(self) -> str:
        """Write it as a text for a file of weights."""
        return json.dumps(asdict(self) | {"normalisation": list(self.normalisation)})


def of(network: str, data: Data) -> Model:
    """Describe a network for these images."""
    return Model(network, data.classes, data.shape, Normalisation.of(data))


def save(model: Model, network: Layer, path: Path) -> None:
    """Write weights with their model."""
    weights.save(network, path, {NOTE: model.note()})


def load(path: Path, function: str) -> tuple[Model, Layer]:
    """Read weights with their model, and build the network.

    A file that promises more than it holds is refused before the network is built.
    """
    with weights.opened(path, function) as file:
        found, notes = weights.entries(file), file.metadata() or {}
    model = _read(path, notes, function)
    held = sum(prod(entry.shape) for entry in found.values())
    if zoo.least_parameters(model.network, len(model.classes), *model.shape[:2]) > held:
        raise DataError(f"{function}: {path} is damaged (a network for {len(model.classes)} classes and images "
                        f"{'x'.join(map(str, model.shape))} is larger than the file); save or fetch it again")
    network = model.build()
    weights.load(network, path)
    return model, network


def _read(path: Path, notes: dict[str, str], function: str) -> Model:
    if NOTE not in notes:
        raise DataError(f"{function}: {path} does not tell which network its weights are for; give a file that faltung "
                        "train has written")
    try:
        note = json.loads(notes[NOTE])
        mean, deviation = (tuple(map(float, part)) for part in note["normalisation"])
        model = Model(str(note["network"]), tuple(map(str, note["classes"])), tuple(map(int, note["shape"])),
                      Normalisation(mean, deviation))
        fits = bool(model.network in zoo.NETWORKS and len(model.shape) == 3 and min(model.shape) > 0
                and model.classes and len(mean) == len(deviation) == model.shape[0] and all(deviation))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise DataError(f"{function}: {path} is damaged (its note of the network cannot be read); save or fetch "
                        "it again") from error
    if not fits:
        raise DataError(f"{function}: {path} is damaged (its note of the network does not fit itself); save or "
                        "fetch it again")
    return model
