"""Training: that it learns, that an interruption changes nothing, and what stops it."""

import math
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import faltung as ft
from faltung import layers
from faltung.errors import DataError, TrainingError
from faltung.layers import data, training, weights
from faltung.layers.kernel_learning import learn_kernel
from faltung.layers.training import Trainer


def stripes(count=60, size=6):
    """Images of horizontal and of vertical stripes, with noise."""
    rng = np.random.default_rng(5)
    labels = np.arange(count) % 2
    lines = np.arange(size) % 2 * 200.0
    pictures = np.where(labels[:, None, None] == 0, lines[:, None], lines[None, :])
    noisy = pictures + rng.integers(0, 50, (count, size, size))
    return data.labelled(noisy[:, None].astype(np.uint8), labels, ("flat", "upright"), "stripes")


def make(first=0, **options):
    net = layers.Sequential(
        conv=layers.Conv2d(1, 3, 3, seed=first), norm=layers.BatchNorm(3), act=layers.ReLU(), flat=layers.Flatten(),
        drop=layers.Dropout(0.25, seed=first), fc=layers.Linear(48, 2, seed=first))
    given = {"batch": 16, "epochs": 4, "seed": 3, "optimiser": layers.Adam(net, 0.01), **options}
    whole = stripes()
    return Trainer(net, whole[:40], whole[40:], **given)


def entries(path):
    return weights.read_entries(path)[0]


def test_it_learns():
    steps, epochs = [], []
    trainer = make(on_step=steps.append, on_epoch=epochs.append)
    history = trainer.run()
    assert history == epochs
    assert len(steps) == 4 * trainer.batches == 12
    assert (steps[-1].epoch, steps[-1].batch, steps[-1].batches) == (4, 3, 3)
    assert steps[-1].loss == history[-1].loss < history[0].loss
    assert history[-1].test_accuracy == 1.0
    tested = training.evaluate(trainer.network, trainer.test, trainer.normalisation)
    np.testing.assert_array_equal(tested.confusion, [[10, 0], [0, 10]])
    assert (tested.accuracy, tested.loss) == (1.0, history[-1].test_loss)


@pytest.mark.parametrize("optimiser", [lambda net: layers.Adam(net, layers.cosine(0.01, length=12)),
                                       lambda net: layers.SGD(net, 0.05, momentum=0.9, nesterov=True),
                                       lambda net: layers.AdamW(net, 0.01)])
def test_an_interrupted_training_gives_the_same_bits(tmp_path, optimiser):
    def begin(name, seed, **options):
        trainer = make(seed, checkpoint=tmp_path / name, **options)
        trainer.optimiser = optimiser(trainer.network)
        return trainer

    whole = begin("whole", 0)
    whole.run()

    class InterruptionError(Exception):
        pass

    def interrupt(step):
        if (step.epoch, step.batch) == (3, 2):
            raise InterruptionError

    broken = begin("broken", 0, on_step=interrupt)
    with pytest.raises(InterruptionError):
        broken.run()
    # Another seed: all that matters must come from the checkpoint.
    resumed = begin("broken", 99)
    resumed.resume()
    assert len(resumed.history) == 2
    threads = ft.get_threads()
    try:
        ft.set_threads(3)
        resumed.run()
    finally:
        ft.set_threads(threads)
    first, second = entries(tmp_path / "whole"), entries(tmp_path / "broken")
    assert first.keys() == second.keys()
    for name, array in first.items():
        assert array.tobytes() == second[name].tobytes(), name
    assert [epoch[:5] for epoch in whole.history] == [epoch[:5] for epoch in resumed.history]


def test_a_training_that_is_killed_leaves_a_good_checkpoint(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(f"""
import os, signal, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_training import make
trainer = make(checkpoint="c", epochs=50)
trainer.on_epoch = lambda epoch: epoch.number == 3 and os.kill(os.getpid(), signal.SIGKILL)
trainer.run()
""")
    done = subprocess.run([sys.executable, script], cwd=tmp_path, check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    resumed = make(1, checkpoint=tmp_path / "c")
    resumed.resume()
    assert [epoch.number for epoch in resumed.history] == [1, 2, 3]
    assert [epoch.number for epoch in resumed.run()] == [1, 2, 3, 4]


# ---------------------------------------------------------------- what is not finite

class Spoil(layers.Layer):
    """Gives NaN from a certain call on; its gradient, if asked, instead."""

    def __init__(self, after, *, backwards=False):
        super().__init__()
        self.left, self.backwards = after, backwards

    def forward(self, x, *, training=False):
        self.left -= training
        return x * np.float32(np.nan) if self.left < 0 and not self.backwards else x

    def backward(self, dy):
        return dy * np.float32(np.nan) if self.left < 0 else dy

    def output_shape(self, input_shape):
        return input_shape


def spoilt(after, **options):
    return layers.Sequential(conv=layers.Conv2d(1, 3, 3, seed=0), flat=layers.Flatten(), bad=Spoil(after, **options),
                             fc=layers.Linear(48, 2, seed=0))


def test_a_loss_that_is_nan_stops_and_names_the_layer(tmp_path):
    net = spoilt(5)
    trainer = Trainer(net, stripes()[:40], optimiser=layers.SGD(net, 0.01), batch=16, epochs=9,
                      checkpoint=tmp_path / "c")
    with pytest.raises(TrainingError) as caught:
        trainer.run()
    assert str(caught.value) == ("train: the loss is nan in step 6 (epoch 2, batch 3 of 3), first in network.bad "
                                 f"(Spoil); the last good checkpoint, of epoch 1, is {tmp_path / 'c'}; lower the rate "
                                 "(0.01), or clip the gradients")
    good = Trainer(spoilt(99), stripes()[:40], optimiser=layers.SGD(spoilt(99), 0.01), batch=16,
                   checkpoint=tmp_path / "c")
    good.optimiser = layers.SGD(good.network, 0.01)
    good.resume()
    assert len(good.history) == 1
    assert all(np.isfinite(array).all() for array in weights.state(good.network).values())


def test_a_gradient_that_is_nan_stops_before_the_weights_are_lost():
    net = spoilt(1, backwards=True)
    trainer = Trainer(net, stripes()[:40], optimiser=layers.SGD(net, 0.01), batch=16)
    with pytest.raises(TrainingError) as caught:
        trainer.run()
    assert str(caught.value) == ("train: a gradient is not finite in step 2 (epoch 1, batch 2 of 3), first in "
                                 "network.conv (Conv2d), by its bias; no checkpoint was written before; lower the "
                                 "rate (0.01), or clip the gradients")
    assert all(np.isfinite(array).all() for array in weights.state(net).values())


def test_a_rate_that_is_too_high():
    net = layers.Sequential(layers.Conv2d(1, 3, 3, seed=0), layers.Flatten(), layers.Linear(48, 2, seed=0))
    trainer = Trainer(net, stripes(), batch=16, optimiser=layers.SGD(net, 1e30))
    with pytest.raises(TrainingError, match=r"^train: the loss is \w+ in step 2 .*, first in network"), \
            np.errstate(all="ignore"):
        trainer.run()


def test_images_that_are_nan():
    whole = data.labelled(np.full((4, 1, 6, 6), np.nan, np.float32), [0, 1, 0, 1], 2)
    trainer = Trainer(make().network, whole, batch=2, normalisation=data.Normalisation((0.0,), (1.0,)))
    with pytest.raises(TrainingError, match="first in the images themselves; no checkpoint"):
        trainer.run()


# ---------------------------------------------------------------- checkpoints that do not fit

def everything(trainer):
    copies = {name: array.copy() for name, array in weights.state(trainer.network).items()}
    return copies | trainer.optimiser.state()


@pytest.mark.parametrize(("change", "text"), [
    ({"batch": 8}, "resume: batch=8 differs from that of {path} (16); give the same, or begin a new training"),
    ({"seed": 4}, "resume: seed=4 differs from that of {path} (3); give the same, or begin a new training"),
    ({"clip": 1.0}, "resume: clip=1.0 differs from that of {path} (None); give the same, or begin a new training"),
])
def test_checkpoints_of_other_trainings(tmp_path, change, text):
    path = tmp_path / "c"
    make(checkpoint=path, epochs=1).run()
    other = make(1, **change)
    before = everything(other)
    with pytest.raises(DataError) as caught:
        other.resume(path)
    assert str(caught.value) == text.format(path=path)
    after = everything(other)
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_checkpoints_that_are_none(tmp_path):
    trainer = make()
    with pytest.raises(DataError) as caught:
        trainer.resume()
    assert str(caught.value) == ("resume: there is no checkpoint; name one, as Trainer(..., checkpoint=path) or "
                                 "resume(path)")
    with pytest.raises(DataError) as caught:
        trainer.resume(tmp_path / "c")
    assert str(caught.value) == f"resume: {tmp_path / 'c'} does not exist; check the path"
    weights.save(trainer.network, tmp_path / "w")
    with pytest.raises(DataError) as caught:
        trainer.resume(tmp_path / "w")
    assert str(caught.value) == (f"resume: {tmp_path / 'w'} holds weights, but is no checkpoint; begin a new "
                                 "training, or load them")
    for note in ("{", "[]", '{"batch": 16}'):
        weights.save(trainer.network, tmp_path / "w", {training.NOTE: note})
        with pytest.raises(DataError) as caught:
            trainer.resume(tmp_path / "w")
        assert str(caught.value) == (f"resume: {tmp_path / 'w'} is damaged (its note of the training cannot be read); "
                                     "begin a new training")


def test_a_checkpoint_of_another_network(tmp_path):
    path = tmp_path / "c"
    make(checkpoint=path, epochs=1).run()
    net = layers.Sequential(flat=layers.Flatten(), fc=layers.Linear(36, 2))
    trainer = Trainer(net, stripes()[:40], batch=16, seed=3)
    with pytest.raises(DataError) as caught:
        trainer.resume(path)
    text = str(caught.value)
    assert text.startswith(f'resume: {path} does not fit, and nothing was changed; extra: "conv.bias" (3,), '
                           '"conv.weight" ')
    assert text.endswith('; misshapen: "fc.weight" (2, 48), expected (2, 36); build the network that was being trained')


def test_a_checkpoint_cut_short(tmp_path):
    path = tmp_path / "c"
    make(checkpoint=path, epochs=1).run()
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"^resume: .* is damaged or no safetensors file"):
        make().resume(path)


def test_other_errors():
    with pytest.raises(DataError) as caught:
        make(batch=41)
    assert str(caught.value) == ("batches: batch=41 must be from 1 to the number of images (40 in stripes); take a "
                                 "smaller batch, or more images")
    with pytest.raises(DataError) as caught:
        training.evaluate(layers.Sequential(layers.Flatten(), layers.Linear(36, 3)), stripes(),
                          data.Normalisation((0.0,), (1.0,)))
    assert str(caught.value) == ("evaluate: the network gives (3,) scores for each image, but stripes has 2 classes; "
                                 "build it with classes=2")


# ---------------------------------------------------------------- one kernel

@pytest.mark.parametrize("name", ["gaussian:sigma=1,size=5", "sobel:axis=0", "sharpen", "motion:length=3,angle=90"])
def test_a_kernel_is_learned_from_two_pictures(name, rng):
    before = rng.integers(0, 256, (40, 50), np.uint8)
    kernel = ft.kernels.named(name)
    after = ft.correlate(before.astype(float), kernel.astype(float), "same") + 12.5
    learned = learn_kernel(before, after, 5)
    np.testing.assert_allclose(learned.kernel, ft.kernels.checking.centred(kernel, (5, 5)), atol=1e-3)
    np.testing.assert_allclose(learned.offset, 12.5, atol=0.1)
    assert learned.nearest.text == name
    assert learned.residuals[-1] < 1e-3 * learned.spread
    assert [frame.step for frame in learned.frames[:4]] == [0, 1, 2, 4]


def test_what_was_cut_off_does_not_count(rng):
    before = rng.integers(0, 256, (60, 60), np.uint8)
    after = ft.filter(before, ft.kernels.sharpen())
    assert np.isin(after, (0, 255)).mean() > 0.2
    learned = learn_kernel(before, after, 3)
    np.testing.assert_allclose(learned.kernel, ft.kernels.sharpen(), atol=0.01)


def test_one_axis_and_three(rng):
    line = rng.normal(size=300)
    assert learn_kernel(line, np.convolve(line, [3, 2, 1], "same"), 3).kernel.round(3).tolist() == [1, 2, 3]
    block = rng.normal(size=(9, 10, 11))
    assert learn_kernel(block, 2 * block, 3).nearest.text == "identity:ndim=3"


@pytest.mark.parametrize(("call", "text"), [
    (lambda: learn_kernel(np.ones((3, 3)), np.ones((3, 4))),
     "learn_kernel: before (3, 3) and after (3, 4) must have the same shape, with one axis at least; crop the larger "
     "one"),
    (lambda: learn_kernel(np.ones((3, 3)), np.ones((3, 3)), 4),
     "learn_kernel: size=4 is larger than the arrays (3, 3); take a smaller one"),
    (lambda: learn_kernel(np.ones((3, 3)), np.ones((3, 3)), 0),
     "learn_kernel: size=0 must be one number of at least 1, or one for each of the 2 axes"),
    (lambda: learn_kernel(np.ones((3, 3)), np.full((3, 3), math.nan), 1),
     "learn_kernel: after (float64) must hold real and finite numbers; cut out a part of it"),
    (lambda: learn_kernel(np.ones((9, 9)), np.ones((9, 9)), 3),
     "learn_kernel: before is the same everywhere, or all of after is cut off; give pictures with something on them"),
])
def test_errors_of_learn_kernel(call, text):
    with pytest.raises(ft.FaltungError) as caught:
        call()
    assert str(caught.value) == text
