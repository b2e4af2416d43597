"""``faltung train``: a network learns from digits, from MNIST, or from pictures sorted by class."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import show
from ..compiler.threads import set_threads
from ..errors import DataError, PlanError
from ..layers import network as networks
from ..layers import weights, zoo
from ..layers.base import Layer
from ..layers.data import Data, check_batch, digits, mnist, split
from ..layers.folders import class_folders_split
from ..layers.optimisers import Adam
from ..layers.schedules import cosine, warmup
from ..layers.training import Epoch, Evaluation, Step, Trainer, evaluate
from . import models, pictures, train_kernel, words
from .progress import Progress

NOTE = "faltung.train"
"""Under this name a checkpoint holds the options, so that --resume needs none."""
CHECKPOINT, WEIGHTS = "checkpoint.safetensors", "weights.safetensors"
USUAL: dict[str, dict[str, Any]] = {
    "digits": {"network": "small", "epochs": 15, "batch": 32, "rate": 3e-3},
    "mnist": {"network": "lenet5", "epochs": 5, "batch": 64, "rate": 3e-3},
    "folder": {"network": "resnet", "epochs": 20, "batch": 32, "rate": 2e-3},
}
COMMON: dict[str, Any] = {"seed": 0, "test": 0.2, "size": None}
CLIP = 5.0
"""Most of the gradients' norm: one odd batch should not throw the weights away."""


def run(options: argparse.Namespace) -> int:
    """Train, or measure with --evaluate."""
    what = options.what[0] if options.what else "folder"
    if what == "kernel":
        return train_kernel.run(options)
    _check_words(what, options)
    if options.threads is not None:
        if options.threads < 1:
            raise PlanError(f"--threads {options.threads}: must be at least 1")
        set_threads(options.threads)
    if options.evaluate is not None:
        return _evaluate(what, options)
    job = _job(what, options)
    return _train(job)


# ---------------------------------------------------------------- what is asked

WAYS = "write digits, mnist --data DIR, --data FOLDER, or kernel BEFORE AFTER"


def _check_words(what: str, options: argparse.Namespace) -> None:
    if len(options.what) > 1 or options.what == ["folder"] or what not in USUAL:
        raise DataError(f"train: {' '.join(options.what)!r} is not known; {WAYS}")
    if what == "digits" and options.data is not None:
        raise DataError("train: --data is not for digits, which come with scikit-learn; leave it out")
    if what != "digits" and options.data is None:
        raise DataError("train: mnist needs the folder with its files; add --data DIR" if what == "mnist" else
                        f"train: there is nothing to train on; {WAYS}")
    if what != "folder" and options.size is not None:
        raise DataError(f"train: --size is not for {what}; leave it out")


@dataclass(frozen=True)
class Job:
    """What is to be trained, on what, how, and where the results go."""

    what: str
    chosen: dict[str, Any]
    train: Data
    test: Data
    folder: Path
    resume: bool


def _job(what: str, options: argparse.Namespace) -> Job:
    folder = Path(options.output or f"{what if what != 'folder' else Path(options.data).resolve().name}-training")
    checkpoint = folder / CHECKPOINT
    before: dict[str, Any] = {}
    if options.resume:
        before = _recorded(checkpoint, what)
    elif checkpoint.exists():
        raise DataError(f"train: {folder} holds a training already; add --resume to go on with it, or name another "
                        "folder with -o")
    chosen = {**USUAL[what], **COMMON, **before}
    given = {name: getattr(options, name) for name in chosen if getattr(options, name) is not None}
    for name, value in given.items():
        if name in before and before[name] != value and name != "epochs":
            raise DataError(f"train: --{name} {value} differs from that of {checkpoint} ({before[name]}); leave it "
                            "out, or begin a new training in another folder")
    chosen |= given
    if not 0 < chosen["rate"] < float("inf"):
        raise DataError(f"train: --rate {chosen['rate']} must be above 0; {USUAL[what]['rate']:g} is usual")
    if chosen["epochs"] < 1:
        raise DataError(f"train: --epochs {chosen['epochs']} must be at least 1")
    if chosen["network"] not in zoo.NETWORKS:
        raise DataError(f"train: --network {chosen['network']} is unknown; use {', '.join(zoo.NETWORKS)}")
    train, test = _data(what, options.data, chosen)
    check_batch(train, chosen["batch"])
    return Job(what, chosen, train, test, folder, options.resume)


def _recorded(checkpoint: Path, what: str) -> dict[str, Any]:
    """Options of the training that is resumed."""
    notes = weights.read_metadata(checkpoint, "train")
    try:
        note = json.loads(notes[NOTE])
        found = {name: note[name] for name in (*USUAL["digits"], *COMMON)}
        of = note["what"]
        kinds = {"epochs": int, "batch": int, "rate": float, "network": str, "seed": int, "test": float}
        assert all(isinstance(found[name], kind) for name, kind in kinds.items())
    except (ValueError, KeyError, TypeError, AssertionError):
        raise DataError(f"train: {checkpoint} is no checkpoint of faltung train; begin a new training in another folder"
                        ) from None
    if of != what:
        raise DataError(f"train: {checkpoint} is a training on {of}, not on {what}; name that, or "
                        "another folder with -o")
    return found


def _data(what: str, place: str | None, chosen: dict[str, Any]) -> tuple[Data, Data]:
    if what == "digits":
        return split(digits(), chosen["test"], chosen["seed"])
    assert place is not None
    return mnist(place) if what == "mnist" else class_folders_split(
        place, extents(chosen["size"]), chosen["test"], chosen["seed"])


def extents(text: str | None) -> tuple[int, int] | None:
    """Read ``32x32``, or ``32`` for both, as height and width."""
    if text is None:
        return None
    found = words.steps("--size", text)
    both = (found, found) if isinstance(found, int) else found
    if len(both) != 2 or min(both) < 1:
        raise DataError(f"--size {text}: must be height and width of at least 1, as 32x32")
    return both[0], both[1]


# ---------------------------------------------------------------- training

def _train(job: Job) -> int:
    model = models.of(job.chosen["network"], job.train)
    network = model.build(job.chosen["seed"])
    # A mistake in the shapes should not cost the work.
    network.output_shape((1, *job.train.shape))
    job.folder.mkdir(parents=True, exist_ok=True)
    print(f"{job.chosen['network']}: {sum(one.value.size for one in network.parameters.values()):,} parameters; "
          f"{len(job.train)} images {'x'.join(map(str, job.train.shape))} to learn from, {len(job.test)} for the test, "
          f"{len(job.train.classes)} classes", flush=True)
    progress = _Bar()
    trainer = _trainer(job, model, network, progress)
    if job.resume:
        trainer.resume()
        print(f"resumed after epoch {len(trainer.history)}", flush=True)
    try:
        trainer.run()
    finally:
        progress.clear()
    tested = evaluate(network, job.test, model.normalisation)
    models.save(model, network, job.folder / WEIGHTS)
    _show(job, trainer.history, tested, network)
    return 0


def _trainer(job: Job, model: models.Model, network: Layer, progress: _Bar) -> Trainer:
    chosen = job.chosen
    steps = -(-len(job.train) // chosen["batch"]) * chosen["epochs"]
    rate = warmup(cosine(chosen["rate"], length=steps), length=max(1, min(100, steps // 10)))
    notes = {NOTE: json.dumps({**chosen, "what": job.what}), models.NOTE: model.note()}
    return Trainer(network, job.train, job.test, optimiser=Adam(network, rate), normalisation=model.normalisation,
                   batch=chosen["batch"], epochs=chosen["epochs"], seed=chosen["seed"], clip=CLIP,
                   checkpoint=job.folder / CHECKPOINT, notes=notes, on_step=progress.step,
                   on_epoch=lambda epoch: progress.say(_line(epoch, chosen["epochs"])))


class _Bar:
    """A progress bar over the batches of an epoch, on a terminal; and lines printed over it."""

    def __init__(self) -> None:
        self.bar: Progress | None = None

    def step(self, at: Step) -> None:
        """Show a step."""
        if self.bar is None or self.bar.total != at.batches:
            self.bar = Progress(at.batches)
        self.bar.at(at.batch)
        if self.bar.shown:
            self.bar.stream.write(f"  epoch {at.epoch}  loss {at.loss:.4f}  {100 * at.accuracy:.1f} %  ")
            self.bar.stream.flush()

    def clear(self) -> None:
        """Remove the bar."""
        if self.bar is not None:
            self.bar.clear()

    def say(self, line: str) -> None:
        """Print a line in the bar's place."""
        self.clear()
        print(line, flush=True)


def _line(epoch: Epoch, epochs: int) -> str:
    return (f"epoch {epoch.number:>{len(str(epochs))}}/{epochs}  loss {epoch.loss:.4f}  recognised "
            f"{100 * epoch.accuracy:.2f} %  test loss {epoch.test_loss:.4f}  recognised "
            f"{100 * epoch.test_accuracy:.2f} %  {epoch.seconds:.1f} s")


def _show(job: Job, history: list[Epoch], tested: Evaluation, network: Layer) -> None:
    print(f"\n{pictures.curve(history)}\n\n{pictures.confusion(tested.confusion, job.test.classes)}\n")
    print(_verdict(tested, job.test))
    written = [WEIGHTS]
    if pictures.can_draw():
        show.write(show.learning(history), job.folder / "curve.png")
        show.write(show.confusion(tested.confusion, job.test.classes), job.folder / "confusion.png")
        written += ["curve.png", "confusion.png"]
    first = first_kernels(network)
    if first is not None:
        pictures.kernels_png(job.folder / "kernels.png", first)
        written.append("kernels.png")
    print(f"written to {job.folder}: {', '.join(written)}")
    if not pictures.can_draw():
        print('curve and matrix as pictures need Matplotlib; pip install "faltung[show]"')


def _verdict(tested: Evaluation, test: Data) -> str:
    right = int(np.trace(tested.confusion))
    return f"recognised {right} of {len(test)} test images: {100 * tested.accuracy:.2f} %"


def first_kernels(network: Layer) -> Any:
    """Give the kernels of the first convolution: (count, channels, height, width)."""
    for _, layer in networks.leaves(network):
        weight = layer.parameters.get("weight")
        if weight is not None and weight.value.ndim == 4:
            return weight.value
    return None


# ---------------------------------------------------------------- measuring

def _evaluate(what: str, options: argparse.Namespace) -> int:
    model, network = models.load(Path(options.evaluate), "train")
    chosen = {**COMMON, "seed": options.seed or 0, "size": options.size or "x".join(map(str, model.shape[1:]))}
    if options.test is not None:
        chosen["test"] = options.test
    _, test = _data(what, options.data, chosen)
    if test.classes != model.classes or test.shape != model.shape:
        raise DataError(f"train: {options.evaluate} is for {len(model.classes)} classes and images "
                        f"{'x'.join(map(str, model.shape))}, but {test.name} has {len(test.classes)} classes and "
                        f"images {'x'.join(map(str, test.shape))}; give the data with which it was trained")
    tested = evaluate(network, test, model.normalisation)
    print(f"{pictures.confusion(tested.confusion, test.classes)}\n\n{_verdict(tested, test)}, loss {tested.loss:.4f}")
    return 0

