"""Training: epochs of batches, checkpoints from which it goes on with the same bits, and how good the result is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import ceil, isfinite
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt

from ..errors import DataError, TrainingError
from . import weights
from .base import Layer, check_count
from .data import Data, Labels, Normalisation, Pixels, batches, check_batch, order
from .losses import CrossEntropy
from .network import leaves, watched
from .optimisers import Adam, Optimiser, clip_norm

NOTE = "faltung.training"
"""Under this name a checkpoint holds what is no array."""
_EVALUATED_AT_ONCE = 256


class Epoch(NamedTuple):
    """What one epoch brought: loss and accuracy while training, and on the test images (NaN without any)."""

    number: int
    loss: float
    accuracy: float
    test_loss: float
    test_accuracy: float
    seconds: float


@dataclass(frozen=True)
class Evaluation:
    """How good a network is on some images.

    ``confusion[i, j]`` counts the images of class i that were taken for class j.
    """

    loss: float
    confusion: npt.NDArray[np.int64]

    @property
    def accuracy(self) -> float:
        """Portion of the images that were recognised."""
        return float(np.trace(self.confusion) / self.confusion.sum())


class Step(NamedTuple):
    """Where a training stands: epoch and batch are counted from 1, loss and accuracy are means of this epoch."""

    epoch: int
    batch: int
    batches: int
    loss: float
    accuracy: float


class Trainer:
    """Train a network on labelled images.

    Parameters
    ----------
    network
        Its output is one score for each class.
    data
        To learn from.
    test
        To measure with after each epoch.
    optimiser
        By default Adam with its usual numbers.
    loss
        By default the cross entropy; any with ``forward(scores, labels)`` and ``backward()``.
    normalisation
        By default that of `data`.
    batch, epochs
        Images at a time (the last batch of an epoch may be smaller); how often all of them are seen.
    seed
        Of the order of the images: seed and number of the epoch alone decide.
    clip
        Most that the norm of all gradients together may be.
    checkpoint
        A file that is replaced after each epoch.
    notes
        More texts for the checkpoint.
    on_step, on_epoch
        Called after each batch and after each epoch.

    Notes
    -----
    `run` goes on after the last epoch that is done.  `resume` takes network, optimiser, random numbers and history
    from a checkpoint: a training that was interrupted and resumed gives the same bits as one that was not, for any
    number of threads.

    Examples
    --------
    >>> from faltung.layers import Flatten, Linear, Sequential
    >>> from faltung.layers.data import labelled
    >>> images = np.arange(2, dtype=np.uint8).repeat(32 * 16).reshape(64, 1, 4, 4)
    >>> some = labelled(images, np.arange(64) // 32, ("dark", "bright"))
    >>> trainer = Trainer(Sequential(Flatten(), Linear(16, 2, seed=1)), some, batch=8, epochs=3)
    >>> trainer.run()[-1].accuracy
    1.0
    """

    def __init__(self, network: Layer, data: Data, test: Data | None = None, *, optimiser: Optimiser | None = None,
                 loss: Any = None, normalisation: Normalisation | None = None, batch: int = 64, epochs: int = 10,
                 seed: int = 0, clip: float | None = None, checkpoint: str | os.PathLike[str] | None = None,
                 notes: Mapping[str, str] | None = None, on_step: Callable[[Step], None] | None = None,
                 on_epoch: Callable[[Epoch], None] | None = None) -> None:
        self.epochs, self.batch, self.seed = check_count("Trainer", "epochs", epochs), batch, seed
        check_batch(data, batch)
        self.network, self.data, self.test = network, data, test
        self.optimiser = Adam(network) if optimiser is None else optimiser
        self.loss = CrossEntropy() if loss is None else loss
        self.normalisation = Normalisation.of(data) if normalisation is None else normalisation
        self.clip, self.notes = clip, dict(notes or {})
        self.checkpoint = None if checkpoint is None else Path(checkpoint)
        self.on_step, self.on_epoch = on_step, on_epoch
        self.history: list[Epoch] = []
        self._saved = 0
        self._dtype = dtype_of(network)
        # Nobody needs the gradient by the images.
        network.input_gradient = False

    @property
    def batches(self) -> int:
        """Number of steps of an epoch."""
        return ceil(len(self.data) / self.batch)

    def run(self) -> list[Epoch]:
        """Train up to the last epoch.

        Returns
        -------
        list of Epoch
            All that are done, those before a `resume` too.

        Raises
        ------
        TrainingError
            The loss or a gradient is not finite: the text tells the step and the layer where that first appeared, and
            where the last good checkpoint is.
        """
        while len(self.history) < self.epochs:
            start = perf_counter()
            number = len(self.history) + 1
            loss, accuracy = self._epoch(number)
            tested = None if self.test is None else evaluate(self.network, self.test, self.normalisation, self.loss)
            done = Epoch(number, loss, accuracy, float("nan") if tested is None else tested.loss,
                         float("nan") if tested is None else tested.accuracy, perf_counter() - start)
            self.history.append(done)
            if self.checkpoint is not None:
                self.save(self.checkpoint)
            if self.on_epoch is not None:
                self.on_epoch(done)
        return self.history

    def _epoch(self, number: int) -> tuple[float, float]:
        total, right, seen = 0.0, 0, 0
        shuffled = order(len(self.data), self.seed, number)
        for index, (images, labels) in enumerate(batches(self.data, self.batch, shuffled), 1):
            at = Step(number, index, self.batches, 0.0, 0.0)
            loss, scores = self._step(self.normalisation(images, self._dtype), labels, at)
            total += loss * len(labels)
            right += int(np.count_nonzero(scores.argmax(axis=1) == labels))
            seen += len(labels)
            if self.on_step is not None:
                self.on_step(at._replace(loss=total / seen, accuracy=right / seen))
        return total / seen, right / seen

    def _step(self, x: Pixels, labels: Labels, at: Step) -> tuple[float, Pixels]:
        scores = self.network.forward(x, training=True)
        loss = float(self.loss.forward(scores, labels))
        if not isfinite(loss):
            self._stop(f"the loss is {loss}", at, self._first_not_finite(x))
        self.network.backward(self.loss.backward())
        if self.clip is not None:
            clip_norm(self.optimiser.parameters, self.clip)
        spoilt = self._spoilt_gradient()
        if spoilt is not None:
            self._stop("a gradient is not finite", at, spoilt)
        self.optimiser.step()
        return loss, scores

    # --- what is not finite

    def _first_not_finite(self, x: Pixels) -> str:
        """Compute once more, and look at what each layer gives."""
        if not np.isfinite(x).all():
            return "the images themselves"
        found: list[str] = []

        def see(path: str, layer: Layer, argument: Any, result: Any) -> None:
            if not layer.children and not found and not np.isfinite(result).all():
                found.append(layer.where)

        with watched(self.network, "forward", see), np.errstate(all="ignore"):
            self.network.forward(x, training=True)
        return found[0] if found else f"the loss ({type(self.loss).__name__})"

    def _spoilt_gradient(self) -> str | None:
        """The place of the gradient that is not finite: the last one, for gradients are carried backwards."""
        found = None
        for name, parameter in self.optimiser.parameters.items():
            gradient = parameter.gradient
            if gradient is None:
                continue
            flat = gradient.ravel()
            # One pass over memory; a sum of squares may also be too large, so look again.
            if not isfinite(np.dot(flat, flat)) and not np.isfinite(flat).all():
                found = name
        if found is None:
            return None
        prefix, _, last = found.rpartition(".")
        layer = dict(leaves(self.network)).get(prefix)
        return f"{layer.where if layer is not None else self.network.where}, by its {last}"

    def _stop(self, what: str, at: Step, where: str) -> NoReturn:
        step = (at.epoch - 1) * at.batches + at.batch
        if self._saved:
            kept = f"the last good checkpoint, of epoch {self._saved}, is {self.checkpoint}"
        else:
            kept = "no checkpoint was written before"
        raise TrainingError(f"train: {what} in step {step} (epoch {at.epoch}, batch {at.batch} of {at.batches}), first "
                            f"in {where}; {kept}; lower the rate ({self.optimiser.current_rate:g}), or clip the "
                            "gradients")

    # --- checkpoints

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a checkpoint: weights, optimiser, random numbers and history; whole, or not at all."""
        arrays = {f"network.{name}": array for name, array in weights.state(self.network).items()}
        arrays |= {f"optimiser.{name}": array for name, array in self.optimiser.state().items()}
        note = {**self._same(), "epochs_done": len(self.history), "history": [list(epoch) for epoch in self.history],
                "random": {path: random.bit_generator.state for path, random in _generators(self.network)}}
        weights.write_entries(path, arrays, {**self.notes, NOTE: json.dumps(note)})
        self._saved = len(self.history)

    def resume(self, path: str | os.PathLike[str] | None = None) -> None:
        """Go on from a checkpoint, by default that of this training.

        Raises
        ------
        DataError, LayerError
            A checkpoint that is missing, damaged, or of another training; nothing is changed then.
        """
        source = self.checkpoint if path is None else Path(path)
        if source is None:
            raise DataError("resume: there is no checkpoint; name one, as Trainer(..., checkpoint=path) or "
                            "resume(path)")
        arrays, notes = weights.read_entries(source, "resume")
        note = self._note(source, notes)
        parts: dict[str, dict[str, Any]] = {"network": {}, "optimiser": {}}
        for name, array in arrays.items():
            part, _, rest = name.partition(".")
            parts.setdefault(part, {})[rest] = array
        found = {name: weights.Entry(_KINDS.get(array.dtype.name, array.dtype.name), array.shape)
                 for name, array in parts["network"].items()}
        weights.fit(found, weights.state(self.network), "resume", source, "build the network that was being trained")
        self.optimiser.restore(parts["optimiser"])
        weights.assign(self.network, parts["network"])
        for place, random in _generators(self.network):
            random.bit_generator.state = note["random"][place]
        self.history = [Epoch(int(number), *map(float, rest)) for number, *rest in note["history"]]
        self._saved = len(self.history)

    def _same(self) -> dict[str, Any]:
        """What must be the same before and after an interruption, so that the bits are."""
        return {"batch": self.batch, "seed": self.seed, "images": len(self.data), "optimiser": self.optimiser.name,
                "clip": self.clip, "normalisation": [list(part) for part in self.normalisation]}

    def _note(self, source: Path, notes: Mapping[str, str]) -> dict[str, Any]:
        if NOTE not in notes:
            raise DataError(f"resume: {source} holds weights, but is no checkpoint; begin a new training, or load them")
        try:
            note: dict[str, Any] = json.loads(notes[NOTE])
            before = {name: note[name] for name in self._same()}
            places = {place for place, _ in _generators(self.network)}
            assert len(note["history"]) == note["epochs_done"]
            assert places <= note["random"].keys()
            assert all(len(epoch) == len(Epoch._fields) for epoch in note["history"])
        except (ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
            raise DataError(f"resume: {source} is damaged (its note of the training cannot be read); begin a new "
                            "training") from error
        for name, value in self._same().items():
            if before[name] != value:
                raise DataError(f"resume: {name}={value} differs from that of {source} ({before[name]}); give the "
                                "same, or begin a new training")
        return note


_KINDS = {"float16": "F16", "float32": "F32", "float64": "F64", "int64": "I64", "int32": "I32"}


def _generators(network: Layer) -> Iterator[tuple[str, np.random.Generator]]:
    """Give the layers that draw random numbers, as dropout does, and their generators."""
    for path, layer in leaves(network):
        random = getattr(layer, "random", None)
        if isinstance(random, np.random.Generator):
            yield path, random


def dtype_of(network: Layer) -> str:
    """Name of the dtype in which a network computes: that of its first parameter."""
    return next((parameter.value.dtype.name for parameter in network.parameters.values()), "float32")


# ---------------------------------------------------------------- evaluation

def scores(network: Layer, images: Pixels, normalisation: Normalisation) -> Pixels:
    """Give a network's scores of images, (count, classes), computed a part at a time."""
    kind = dtype_of(network)
    parts = [network.forward(normalisation(images[start : start + _EVALUATED_AT_ONCE], kind))
             for start in range(0, len(images), _EVALUATED_AT_ONCE)]
    return np.concatenate(parts)


def evaluate(network: Layer, data: Data, normalisation: Normalisation, loss: Any = None) -> Evaluation:
    """Measure a network on labelled images.

    Parameters
    ----------
    network
        Its output is one score for each class.
    data
        Images that it has not been trained with.
    normalisation
        That with which it was trained.
    loss
        By default the cross entropy.

    Returns
    -------
    Evaluation
        With ``loss``, ``accuracy`` and ``confusion``.
    """
    given = scores(network, data.images, normalisation)
    classes = len(data.classes)
    if given.ndim != 2 or given.shape[1] != classes:
        raise DataError(f"evaluate: the network gives {given.shape[1:]} scores for each image, but {data.name} has "
                        f"{classes} classes; build it with classes={classes}")
    value = float((CrossEntropy() if loss is None else loss).forward(given, data.labels))
    confusion = np.bincount(data.labels * classes + given.argmax(axis=1), minlength=classes * classes)
    return Evaluation(value, confusion.reshape(classes, classes).astype(np.int64))


def probabilities(scores: Pixels) -> Pixels:
    """Make probabilities of scores: ``exp(s_i) / sum over j of exp(s_j)``, row by row.

    >>> probabilities(np.array([[1000.0, 1000.0]]))
    array([[0.5, 0.5]])
    """
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))

